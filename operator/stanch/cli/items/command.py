"""The verbs of `stanch items`; each imports what it needs only when it runs."""

import re
import sys

import click

from stanch.cli.evidence import where

EXAMPLES = """
\b
Examples:
  stanch items lint -n shop                        what of the items is vague, and what would be better
  stanch items lint -f item.yaml                   before it is applied
  stanch items export --format markdown            for a page or a message
  stanch items export --format csv > items.csv     for a spreadsheet
  stanch items export --format github --repo shop/orders > calls.json
  GITHUB_TOKEN=… stanch items sync --repo shop/orders -n shop
"""
LINT = """
\b
Examples:
  stanch items lint -n shop
  stanch items lint -f item.yaml                       before it is applied, without a cluster
"""
EXPORT = """
\b
Examples:
  stanch items export -n shop                          a table in Markdown
  stanch items export -A --format csv > items.csv
  stanch items export -n shop --format github --repo shop/orders > calls.json
\b
For programs: --format csv, or kubectl get aitem -o json.
"""
SYNC = """
\b
Examples:
  GITHUB_TOKEN=… stanch items sync -n shop --repo shop/orders --dry-run
  GITHUB_TOKEN=… stanch items sync -n shop --repo shop/orders
"""
_REPO = re.compile(r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100}$")


def a_repo(context: click.Context, option: click.Parameter, value: str) -> str:
    """`owner/name`; nothing that would be another path."""
    if (value or option.required) and (not _REPO.match(value) or value.endswith(("/.", "/.."))):
        raise click.BadParameter(f"{value!r} is not owner/name, for example shop/orders")
    return value


@click.group(epilog=EXAMPLES)
def items() -> None:
    """Look at action items, and bring them to where people work: lint, export, sync."""


@items.command(epilog=LINT)
@where
@click.option("-A", "--all-namespaces", is_flag=True, help="In all namespaces.")
@click.option(
    "-f",
    "--file",
    "files",
    multiple=True,
    type=click.Path(exists=True, dir_okay=False, allow_dash=True),
    help="Files instead of the cluster; - for standard input.",
)
def lint(kubeconfig: str | None, namespace: str | None, all_namespaces: bool, files: tuple[str, ...]) -> None:
    """What of the items is not specific or testable. Exit codes: 0 nothing, 1 findings, 2 not readable."""
    from stanch.cli.items.look import lint_all, lint_files  # noqa: PLC0415 -- the client costs a second to import

    sys.exit(lint_files(files) if files else lint_all(kubeconfig, namespace, all_namespaces))


@items.command(epilog=EXPORT)
@where
@click.option("-A", "--all-namespaces", is_flag=True, help="In all namespaces.")
@click.option(
    "--format", "form", type=click.Choice(["markdown", "csv", "github"]), default="markdown", show_default=True
)
@click.option("--repo", default="", callback=a_repo, help="For github: owner/name.")
def export(kubeconfig: str | None, namespace: str | None, all_namespaces: bool, form: str, repo: str) -> None:
    """Print the items; github: the REST calls that would make issues of them, as JSON, and sends none."""
    if form == "github" and not repo:
        raise click.UsageError("--format github needs --repo owner/name")
    from stanch.cli.items.look import export_all  # noqa: PLC0415

    sys.exit(export_all(kubeconfig, namespace, all_namespaces, form, repo))


@items.command(epilog=SYNC)
@where
@click.option("-A", "--all-namespaces", is_flag=True, help="In all namespaces.")
@click.option("--repo", required=True, callback=a_repo, help="owner/name.")
@click.option("--api", default="https://api.github.com", show_default=True, help="Base URL of GitHub's REST API.")
@click.option("--dry-run", is_flag=True, help="Read both sides, print what would be done as JSON, and do nothing.")
def sync(
    kubeconfig: str | None, namespace: str | None, all_namespaces: bool, repo: str, api: str, dry_run: bool
) -> None:
    """
    GitHub Issues of the items, both ways: words go to the issue; a closed issue closes its item, a done item its issue.

    The token is read from GITHUB_TOKEN, never from an option: those stand in the process list.
    """
    from stanch.cli.items.sync import sync_all  # noqa: PLC0415

    sys.exit(sync_all(kubeconfig, namespace, all_namespaces, repo, api, dry_run))
