"""`stanch evidence`: the verbs and their options. What they do is imported when they run: the client costs a second."""

import sys
from collections.abc import Callable
from typing import Any

import click

GROUP_EXAMPLES = """
\b
Examples:
  stanch evidence list -n shop                         what there is, oldest first
  stanch evidence show checkout-5xx-roll-back-1-a-4f1c09        what is in it, and what is missing
  stanch evidence show NAME '*.previous.log'           what died containers said
  stanch evidence export NAME                          NAME.tar, with describe, logs, events, YAML
  stanch evidence export --incident checkout-5xx --to /tmp/checkout-5xx
  stanch evidence verify --incident checkout-5xx       is it what was captured?
  stanch evidence diff BEFORE AFTER                    by object and by field
\b
Exit codes: 0 done, 1 it differs (verify, diff), 2 usage or no credentials, 3 not there, 4 not readable.
You need the ClusterRole stanch-evidence-reader, and to read incidents for `verify`.
"""


def where(command: Callable[..., Any]) -> Callable[..., Any]:
    """Options that every verb has."""
    options = (
        click.option(
            "--kubeconfig",
            type=click.Path(exists=True, dir_okay=False),
            help="Your credentials; else KUBECONFIG, else ~/.kube.",
        ),
        click.option("-n", "--namespace", help="Namespace; else that of your kubeconfig's context."),
    )
    for option in reversed(options):
        command = option(command)
    return command


def output(command: Callable[..., Any]) -> Callable[..., Any]:
    """-o json."""
    return click.option(
        "-o",
        "--output",
        "form",
        type=click.Choice(["text", "json"]),
        default="text",
        show_default=True,
        help="For people or for programs.",
    )(command)


@click.group(epilog=GROUP_EXAMPLES)
def evidence() -> None:
    """Read what was captured before stanch acted: list, show, export, verify, diff. Changes nothing."""


@evidence.command("list", epilog="\b\nExample:\n  stanch evidence list checkout-5xx -n shop\n")
@click.argument("incident", required=False)
@where
@click.option("-A", "--all-namespaces", is_flag=True, help="In all namespaces.")
@output
def list_(incident: str | None, kubeconfig: str | None, namespace: str | None, all_namespaces: bool, form: str) -> None:
    """Bundles, oldest first; of one INCIDENT when named."""
    if namespace and all_namespaces:
        raise click.UsageError("give -n or -A, not both")
    from stanch.cli.evidence_look import list_bundles  # noqa: PLC0415

    sys.exit(list_bundles(kubeconfig, namespace, all_namespaces, incident, form))


@evidence.command(
    epilog="\b\nExamples:\n  stanch evidence show NAME\n  stanch evidence show NAME 'pod/*/describe.txt'\n"
)
@click.argument("name")
@click.argument("files", nargs=-1)
@where
@click.option("--raw", is_flag=True, help="Files byte for byte as stored, for a pipe; control characters included.")
@output
def show(
    name: str, files: tuple[str, ...], kubeconfig: str | None, namespace: str | None, raw: bool, form: str
) -> None:
    """
    What is in bundle NAME and what is missing; with FILES (names, or patterns with *), what is in them.

    Control characters of what was captured are written out, so that no log line can do anything to your terminal.
    """
    if raw and not files:
        raise click.UsageError("--raw needs the files to print")
    from stanch.cli.evidence_look import show_bundle  # noqa: PLC0415

    sys.exit(show_bundle(kubeconfig, namespace, name, files, raw, form))


@evidence.command(
    epilog="\b\nExamples:\n  stanch evidence export NAME                          makes NAME.tar\n"
    "  stanch evidence export NAME -f - | tar t             to a pipe\n"
    "  stanch evidence export --incident checkout-5xx --to DIR\n"
)
@click.argument("names", nargs=-1, metavar="[NAME]...")
@where
@click.option("--incident", help="All bundles and timeline pages of this incident.")
@click.option("-f", "--file", help="Where the tar goes; - for stdout. NAME.tar or INCIDENT.tar when left out.")
@click.option("--to", "folder", help="Files into this directory instead, which must be new or empty.")
def export(
    names: tuple[str, ...],
    kubeconfig: str | None,
    namespace: str | None,
    incident: str | None,
    file: str | None,
    folder: str | None,
) -> None:
    """
    A plain tar, or a directory: a directory for each bundle, with describe pages, logs, logs --previous, events and YAML.

    Readable by you alone: evidence shows how things work inside. `sha256sum -c SHA256SUMS` checks it without stanch.
    """
    if bool(names) == bool(incident):
        raise click.UsageError("name bundles, or give --incident")
    if file and folder:
        raise click.UsageError("give -f or --to, not both")
    from stanch.cli.evidence_take import export_bundles  # noqa: PLC0415

    sys.exit(export_bundles(kubeconfig, namespace, names, incident, file, folder))


@evidence.command(epilog="\b\nExample:\n  stanch evidence verify --incident checkout-5xx && echo as captured\n")
@click.argument("names", nargs=-1, metavar="[NAME]...")
@where
@click.option("--incident", help="All bundles and timeline pages of this incident.")
@output
def verify(
    names: tuple[str, ...], kubeconfig: str | None, namespace: str | None, incident: str | None, form: str
) -> None:
    """
    Recompute the SHA-256 of every file and archive, and compare with the object and with the incident's record.

    Exit code 1 when anything differs; what differs is named.
    """
    if bool(names) == bool(incident):
        raise click.UsageError("name bundles, or give --incident")
    from stanch.cli.evidence_take import verify_bundles  # noqa: PLC0415

    sys.exit(verify_bundles(kubeconfig, namespace, names, incident, form))


@evidence.command(
    epilog="\b\nExample:\n  stanch evidence diff checkout-5xx-declared-a-51c2aa checkout-5xx-after-a-99e01b\n"
)
@click.argument("before")
@click.argument("after")
@where
@click.option("--all", "everything", is_flag=True, help="All fields of all objects; else 40 of each, 200 objects.")
@output
def diff(before: str, after: str, kubeconfig: str | None, namespace: str | None, everything: bool, form: str) -> None:
    """
    What differs from bundle BEFORE to bundle AFTER: by object, and in an object by field. Logs are compared by size.

    Exit code 0 when nothing differs, 1 when something does.
    """
    from stanch.cli.evidence_look import diff_bundles  # noqa: PLC0415

    sys.exit(diff_bundles(kubeconfig, namespace, before, after, everything, form))
