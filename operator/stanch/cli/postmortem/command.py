"""The verbs of `stanch postmortem`; each imports what it needs only when it runs."""

import sys

import click

from stanch.cli.evidence import output, where

EXAMPLES = """
\b
Examples:
  stanch postmortem lint checkout-5xx -n shop          what keeps it from being published, and what to write instead
  stanch postmortem lint postmortem.yaml               the same in a pre-commit hook or CI, without a cluster
  stanch postmortem render checkout-5xx -n shop > checkout-5xx.md
  stanch postmortem render checkout-5xx --format html > checkout-5xx.html
"""
LINT = """
\b
Examples:
  stanch postmortem lint checkout-5xx -n shop
  stanch postmortem lint docs/postmortems/checkout-5xx.yaml -o json
  kubectl -n shop get pmort checkout-5xx -o yaml | stanch postmortem lint -
  stanch postmortem lint --explain person-as-cause     why a rule is there, and what to write instead; 'all' lists them
\b
A NAME is judged by the ResponsePolicy in force there, which is named; a FILE by the built-in defaults.
A FILE may hold ActionItems besides the Postmortem (YAML documents): they are looked at, too.
What is meant to stay is excepted in the Postmortem, and the reason is published with it:
  spec: {exceptions: [{rule: single-root-cause, reason: "quoted from the regulator's letter"}]}
\b
Exit codes: 0 nothing keeps it, 1 findings, 2 usage or no credentials, 3 not there, 4 not readable.
"""
RENDER = """
\b
Examples:
  stanch postmortem render checkout-5xx -n shop                        Markdown
  stanch postmortem render checkout-5xx --format html > page.html      one page, no script, nothing loaded from elsewhere
  stanch postmortem render checkout-5xx --format json | jq .gaps
  stanch postmortem render postmortem.yaml                             a file, without a cluster
\b
Exit codes: 0 done, 2 usage or no credentials, 3 not there, 4 not readable.
"""


@click.group(epilog=EXAMPLES)
def postmortem() -> None:
    """Lint a postmortem for blame and gaps, and render it. Changes nothing."""


@postmortem.command(epilog=LINT)
@click.argument("source", required=False, metavar="NAME|FILE|-")
@where
@click.option("--explain", metavar="RULE", help="Say why a rule is there instead; 'all' lists them.")
@output
def lint(source: str | None, kubeconfig: str | None, namespace: str | None, explain: str | None, form: str) -> None:
    """Say what in a Postmortem keeps it from being published, why, and how it is said of the system."""
    if not (source or explain):
        raise click.UsageError("name a Postmortem or a file, or - for standard input")
    from stanch.cli.postmortem.lint_verb import explain_rule, lint_source  # noqa: PLC0415 -- pydantic costs 0.1 s

    sys.exit(explain_rule(explain) if explain else lint_source(source or "", kubeconfig, namespace, form))


@postmortem.command(epilog=RENDER)
@click.argument("source", metavar="NAME|FILE|-")
@where
@click.option(
    "--format",
    "form",
    type=click.Choice(["markdown", "html", "json"]),
    default="markdown",
    show_default=True,
    help="For a repository, a browser, or a program.",
)
def render(source: str, kubeconfig: str | None, namespace: str | None, form: str) -> None:
    """Write a Postmortem as one document: text, gaps, timeline, actions, and how it stands."""
    from stanch.cli.postmortem.render_verb import render_source  # noqa: PLC0415 -- jinja2 costs 0.1 s to import

    sys.exit(render_source(source, kubeconfig, namespace, form))
