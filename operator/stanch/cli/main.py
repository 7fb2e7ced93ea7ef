"""`stanch`: the operator's entry point. Imports what a verb needs only when the verb runs."""

import sys
from urllib.parse import urlsplit

import click

from stanch.cli.declare.command import declare
from stanch.cli.evidence import evidence
from stanch.cli.gameday.command import gameday
from stanch.cli.items.command import items
from stanch.cli.postmortem.command import postmortem
from stanch.cli.review.command import review
from stanch.cli.runbook.command import runbook
from stanch.cli.status_page.command import status_page

EXAMPLES = """
\b
Examples:
  stanch run                                  in a pod, as its ServiceAccount
  stanch run --kubeconfig op.kubeconfig       from a shell, against any cluster
  stanch declare "Checkout returns 500s"      an incident, from three answers
  stanch debts -n shop                        what incidents there still owe, and to whom
  stanch debts --orphans                      what deleted incidents left behind, and how it is removed
  stanch evidence list -n shop                what was captured before anything was done
  stanch items export --format markdown       what is to be done, by whom, until when
  stanch review --since 30d                   how long things took, what came again, what helped
  stanch postmortem lint checkout-5xx         what keeps it from being published
  stanch prune                                what was kept long enough, and may go
  stanch runbook lint runbooks/               what is wrong with Runbooks before the night they are needed
  stanch status-page --out /srv/status        what the public was told, as files that outlive the cluster
"""
RUN = """
\b
Examples:
  stanch run                                            in a pod, as its ServiceAccount
  stanch run --kubeconfig op.kubeconfig --log-format text --listen 127.0.0.1:0
  stanch run --alerts-at :9095                          alerts make incidents
\b
In a checkout `make run` does it as the operator's own ServiceAccount.
Exit codes: 0 told to stop, 1 could not go on, 2 usage or no credentials.
"""
DEBTS = """
\b
Examples:
  stanch debts                                          in all namespaces
  stanch debts -n shop -o json | jq '.[] | select(.overdue)'
  stanch debts --orphans                                what deleted incidents left behind
\b
Exit codes: 0 printed, also when nothing is owed, 2 usage or no credentials, 4 not readable.
"""
DRILLS = """
\b
Examples:
  stanch drills -n shop
  stanch drills -o json | jq '.[] | select(.drilledTime == null) | .runbook'
\b
Exit codes: 0 printed, 2 usage or no credentials, 4 not readable.
"""
PRUNE = """
\b
Examples:
  stanch prune                                          what may go, and what stays and why; nothing is removed
  stanch prune -n shop --delete
  stanch prune -o json | jq '.records[] | select(.staysBecause == null)'
\b
Exit codes: 0 shown or removed, 1 some could not be removed, 2 usage or no credentials, 4 not readable.
"""


def an_address(context: click.Context, option: click.Parameter, value: str) -> str:
    """`host:port`, `:port` or nothing."""
    if value and not value.rpartition(":")[2].isdecimal():
        raise click.BadParameter(f"{value!r} is not host:port, for example :8080 or 127.0.0.1:0")
    return value


def a_base_url(context: click.Context, option: click.Parameter, value: str) -> str:
    """http or https, a host, and nothing that is looked up or asked; or nothing at all."""
    found = urlsplit(value)
    if value and (found.scheme not in ("http", "https") or not found.hostname or found.query or found.fragment):
        raise click.BadParameter(f"{value!r} is not a base URL, for example http://alertmanager.monitoring:9093")
    return value


@click.group(epilog=EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option("0.1.0", prog_name="stanch")
def main() -> None:
    """Incidents as Kubernetes objects: evidence first, the fastest reversible mitigation exactly once."""


@main.command(epilog=RUN)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False),
    help="Credentials; else KUBECONFIG, else the pod's own.",
)
@click.option(
    "--listen",
    default=":8080",
    callback=an_address,
    show_default=True,
    help="host:port of /healthz, /readyz and /metrics; '' for none, port 0 for any.",
)
@click.option(
    "--lease/--no-lease",
    default=True,
    show_default=True,
    help="Of several replicas only the holder of a Lease works. Without, all work: safe, and no faster.",
)
@click.option(
    "--log-format",
    type=click.Choice(["json", "text"]),
    default="json",
    show_default=True,
    help="For machines or for people.",
)
@click.option(
    "--alerts-at",
    default="",
    callback=an_address,
    help="host:port where Alertmanager sends alerts to; nowhere when left out (docs/how-to/connect-alertmanager.md).",
)
@click.option(
    "--alerts-tls",
    type=click.Path(exists=True, file_okay=False),
    help="Folder of tls.crt and tls.key for it; read again every minute. Plain HTTP when left out.",
)
@click.option(
    "--silences-at",
    default="",
    callback=a_base_url,
    help="Base URL of Alertmanager: alerts of an incident that is worked on are silenced there. None are when left out.",
)
@click.option(
    "--silences-secret",
    default="",
    help="Name of a Secret in stanch-system to ask it with: token, or username and password; and ca.crt.",
)
@click.option("-v", "--verbose", is_flag=True, help="Also what kopf says, and debug lines.")
def run(
    kubeconfig: str | None,
    listen: str,
    lease: bool,
    log_format: str,
    verbose: bool,
    **alerts: str | None,
) -> None:
    """Run the operator in the foreground until it is told to stop (Ctrl-C, SIGTERM)."""
    if alerts["alerts_tls"] and not alerts["alerts_at"]:
        raise click.UsageError("--alerts-tls says nothing without --alerts-at")
    if alerts["silences_secret"] and not alerts["silences_at"]:
        raise click.UsageError("--silences-secret says nothing without --silences-at")
    from stanch.shell.entry import run_until_stopped  # noqa: PLC0415 -- kopf and the client cost a second to import

    silences = alerts["silences_at"] or "", alerts["silences_secret"] or ""
    said = (alerts["alerts_at"] or "", alerts["alerts_tls"], *silences)
    sys.exit(run_until_stopped(kubeconfig, listen, lease, log_format == "json", verbose, said))


@main.command(epilog=DEBTS)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False),
    help="Your credentials; else KUBECONFIG, else ~/.kube.",
)
@click.option("-n", "--namespace", help="Only incidents in this namespace; else in all.")
@click.option(
    "--orphans", is_flag=True, help="Instead: marks and undo Secrets of incidents that are gone, in all namespaces."
)
@click.option("-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def debts(kubeconfig: str | None, namespace: str | None, orphans: bool, form: str) -> None:
    """What is owed until it is taken back, with the lines that do it. Changes nothing."""
    from stanch.cli.debts import print_debts  # noqa: PLC0415 -- the client costs a second to import

    sys.exit(print_debts(kubeconfig, namespace, orphans, form))


@main.command(epilog=DRILLS)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False),
    help="Your credentials; else KUBECONFIG, else ~/.kube.",
)
@click.option("-n", "--namespace", help="Only this namespace; else all.")
@click.option("-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def drills(kubeconfig: str | None, namespace: str | None, form: str) -> None:
    """Which Runbooks were rehearsed and when, and how long undoing really takes. Changes nothing."""
    from stanch.cli.drills import print_drills  # noqa: PLC0415 -- the client costs a second to import

    sys.exit(print_drills(kubeconfig, namespace, form))


@main.command(epilog=PRUNE)
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False),
    help="Your credentials; else KUBECONFIG, else ~/.kube.",
)
@click.option("-n", "--namespace", help="Only this namespace; else all.")
@click.option("--delete", is_flag=True, help="Remove them, with your rights. Without, they are only shown.")
@click.option("-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
def prune(kubeconfig: str | None, namespace: str | None, delete: bool, form: str) -> None:
    """Closed incidents, drills and timeline entries that were kept as long as `retention` of the ResponsePolicy says."""
    from stanch.cli.prune import prune_records  # noqa: PLC0415 -- the client costs a second to import

    sys.exit(prune_records(kubeconfig, namespace, delete, form))


main.add_command(declare)
main.add_command(evidence)
main.add_command(gameday)
main.add_command(items)
main.add_command(review)
main.add_command(postmortem)
main.add_command(runbook)
main.add_command(status_page)


if __name__ == "__main__":
    main()
