"""The verbs of `stanch runbook`; each imports what it needs only when it runs."""

import sys
from typing import Any

import click

EXAMPLES = """
\b
Examples:
  stanch runbook lint runbooks/                      look at every Runbook below a folder
  kubectl kustomize prod | stanch runbook lint -     what would be applied
  stanch runbook test runbooks/                      replay the cases beside each Runbook
  stanch runbook plan runbooks/bad-deploy -l deployment=checkout
"""
LINT = """
\b
Examples:
  stanch runbook lint runbooks/
  stanch runbook lint --format github runbooks/      annotations in a pull request
  stanch runbook lint --format sarif - < all.yaml > lint.sarif
  stanch runbook lint --explain RB014                why a rule is there, and what to do
\b
A finding that is meant is switched off in the Runbook, with the reason:
  metadata: {annotations: {lint.stanch.dev/RB014: "the alert has no such label before 2027"}}
\b
Exit codes: 0 nothing found, 1 findings, 2 something could not be read.
"""
TEST = """
\b
Examples:
  stanch runbook test runbooks/
  stanch runbook test runbooks/bad-deploy -v         with the plan of each case
  stanch runbook test -o json runbooks/ > result.json
\b
Cases are in test.yaml beside runbook.yaml, or NAME.test.yaml beside NAME.yaml.
Exit codes: 0 all hold, 1 some do not, 2 something could not be read.
"""
PLAN = """
\b
Examples:
  stanch runbook plan runbooks/bad-deploy -p deployment=checkout -n shop
  stanch runbook plan runbooks/bad-deploy -l alertname=KubeDeploymentRolloutStuck -l deployment=checkout
  stanch runbook plan runbooks/bad-deploy -p deployment=checkout -n shop --live
  stanch runbook plan runbooks/sick-node -p node=worker-7 --role | kubectl apply -f -
\b
Without --live it says what it would do; with it, it reads the cluster with your rights (it writes nothing) and
says what would be done now: the diff, how many pods, and what refuses it.
Exit codes: 0 a plan, 1 none (refused, or not the situation it is for), 2 something could not be read.
"""
_OUT = click.option(
    "-o",
    "--output",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="For people or machines.",
)


def pairs(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> dict[str, str]:
    """NAME=VALUE, several times."""
    found: dict[str, str] = {}
    for each in values:
        name, equals, value = each.partition("=")
        if not equals or not name:
            raise click.BadParameter(f"{each!r} is not NAME=VALUE, for example deployment=checkout")
        if name in found:
            raise click.BadParameter(f"{name} is given twice")
        found[name] = value
    return found


@click.group(epilog=EXAMPLES)
def runbook() -> None:
    """Look at Runbooks, test them, and see what they would do."""


@runbook.command(epilog=LINT)
@click.argument("paths", nargs=-1, metavar="FILE|FOLDER|-")
@click.option(
    "-f",
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    default="text",
    show_default=True,
    help="For people, machines, code scanning, or annotations in a pull request.",
)
@click.option("--explain", metavar="RULE", help="Say why a rule is there instead; 'all' lists them.")
def lint(paths: tuple[str, ...], form: str, explain: str | None) -> None:
    """Say what is wrong with Runbooks before the night they are needed."""
    from stanch.cli.runbook.lint_verb import explain_rule, lint_paths  # noqa: PLC0415 -- pydantic costs 0.1 s to import

    sys.exit(explain_rule(explain) if explain else lint_paths(_some(paths), form))


@runbook.command(epilog=TEST)
@click.argument("paths", nargs=-1, metavar="FILE|FOLDER")
@click.option("-v", "--verbose", is_flag=True, help="Also what each case came to.")
@_OUT
def test(paths: tuple[str, ...], verbose: bool, output: str) -> None:
    """Replay the cases that stand beside Runbooks: an alert, some objects, and what must come of it."""
    from stanch.cli.runbook.try_verb import try_paths  # noqa: PLC0415

    sys.exit(try_paths(_some(paths), verbose, output == "json"))


@runbook.command(epilog=PLAN)
@click.argument("path", metavar="FILE|FOLDER|-")
@click.option(
    "-p", "--parameter", "parameters", multiple=True, callback=pairs, help="NAME=VALUE, as a person gives it."
)
@click.option("-l", "--label", "labels", multiple=True, callback=pairs, help="NAME=VALUE, a label of the alert.")
@click.option("-n", "--namespace", help="Where the incident would be; the Runbook's own when left out, else default.")
@click.option(
    "--objects",
    type=click.Path(exists=True, dir_okay=False),
    help="YAML of objects to plan with, instead of a cluster.",
)
@click.option("--live", is_flag=True, help="Read the cluster of --kubeconfig to say what would be done now.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="Your credentials; else KUBECONFIG.")
@click.option("--role", is_flag=True, help="Print only the ServiceAccount, Role and binding that it needs, as YAML.")
@_OUT
def plan(path: str, role: bool, output: str, **looked: Any) -> None:
    """Say what a Runbook would do, who must agree, how to do it by hand, and the rights it needs. Changes nothing."""
    from stanch.cli.runbook.plan_verb import Wanted, plan_path  # noqa: PLC0415

    looked["live"] = looked["live"] or looked["kubeconfig"] is not None
    if looked["live"] and looked["objects"]:
        raise click.UsageError("--live and --objects exclude each other")
    sys.exit(plan_path(path, Wanted(**looked), role, output == "json"))


def _some(paths: tuple[str, ...]) -> tuple[str, ...]:
    if not paths:
        raise click.UsageError("name at least one file or folder, or - for standard input")
    return paths
