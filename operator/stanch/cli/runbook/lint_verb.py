"""`stanch runbook lint`."""

import sys
from collections.abc import Sequence

import click

from stanch.cli.runbook.files import UnreadableError, runbooks
from stanch.cli.runbook.lint import RULES, lint
from stanch.cli.runbook.report import FORMATS


def lint_paths(paths: Sequence[str], form: str) -> int:
    """Exit code: 0 nothing found, 1 findings, 2 something could not be read."""
    try:
        documents = runbooks(paths)
        found = lint(documents)
    except UnreadableError as error:
        sys.stderr.write(f"stanch: {error}\n")
        return 2
    if told := FORMATS[form](found, RULES, len(documents)):
        click.echo(told)
    return 1 if found else 0


def explain_rule(name: str) -> int:
    """Exit code: 0 told, 2 there is no such rule."""
    wanted = [rule for rule in RULES if name in ("all", rule.id, rule.name)]
    for rule in wanted:
        click.echo(f"{rule.id} {rule.name}\n    {rule.why}\n    {rule.fix}")
    if not wanted:
        sys.stderr.write(f"stanch: there is no rule {name}; `stanch runbook lint --explain all` lists them\n")
    return 0 if wanted else 2
