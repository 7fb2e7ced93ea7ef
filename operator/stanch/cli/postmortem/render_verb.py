"""`stanch postmortem render`: one document, as Markdown, HTML or JSON."""

import json
from importlib import resources
from typing import Any, Final

import click
from jinja2 import BaseLoader, StrictUndefined
from jinja2.sandbox import SandboxedEnvironment

from stanch.cli.cluster import DONE
from stanch.cli.postmortem.document import document
from stanch.cli.postmortem.escape import cell, flat, link, markdown, paragraphs, plain
from stanch.cli.postmortem.source import Given, with_source

TEMPLATES: Final = {"markdown": "postmortem.md.j2", "html": "postmortem.html.j2"}


def render_source(source: str, kubeconfig: str | None, namespace: str | None, form: str) -> int:
    """Exit code: 0 written, and those of the source."""

    def write(given: Given) -> int:
        click.echo(rendered(given, form))
        return DONE

    return with_source(source, kubeconfig, namespace, write)


def rendered(given: Given, form: str) -> str:
    """The document. Words of people are escaped by filters in Markdown, and by autoescape in HTML."""
    told = document(given)
    if form == "json":
        return json.dumps(told, indent=2, ensure_ascii=False)
    template = environment(form).from_string(_template(TEMPLATES[form]))
    return template.render(**told).strip()


def environment(form: str) -> SandboxedEnvironment:
    """Templates are ours; a name that is not given is an error, and what is given is never run."""
    made = SandboxedEnvironment(
        loader=BaseLoader(), undefined=StrictUndefined, autoescape=form == "html", trim_blocks=True, lstrip_blocks=True
    )
    filters: dict[str, Any] = {
        "md": markdown,
        "paragraphs": paragraphs,
        "cell": cell,
        "flat": flat,
        "plain": plain,
        "link": link,
    }
    made.filters.update(filters)
    return made


def _template(name: str) -> str:
    return (resources.files("stanch.cli.postmortem") / "templates" / name).read_text(encoding="utf-8")
