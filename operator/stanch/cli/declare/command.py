"""The verb and its options; what it does is imported when it runs."""

import sys
from typing import Any

import click

EXAMPLES = """
\b
Examples:
  stanch declare                                             asks for all of it: ten seconds
  stanch declare "Checkout returns 500s" --target deployment/checkout
  stanch declare "Checkout returns 500s" -n shop --journey down --users many --risk none \\
    --target deploy/checkout --service checkout --yes        asks nothing
  stanch declare "Slow search" --journey degraded --users some --yes --dry-run > incident.yaml
  name=$(stanch declare "Checkout returns 500s" --yes -o name)
\b
Not knowing is an answer: what nobody knows never lowers the severity. Lowering it later is free.
Exit codes: 0 declared (or shown), 1 refused or not confirmed, 2 usage, nobody to answer or no credentials,
3 a target is not there, 4 not allowed or no answer. You need to create incidents (ClusterRole edit has it).
"""


@click.command(epilog=EXAMPLES)
@click.argument("title", required=False)
@click.option(
    "--journey",
    type=click.Choice(["down", "degraded", "workaround", "cosmetic", "working", "unknown"]),
    help="What the core journey of users does.",
)
@click.option(
    "--users",
    type=click.Choice(["all", "many", "some", "one-tenant", "only-us", "nobody", "unknown"]),
    help="How many of them are hurt.",
)
@click.option(
    "--risk",
    multiple=True,
    type=click.Choice(["none", "data", "revenue", "security"]),
    help="Data at risk, no money comes in, a breach; may be given several times.",
)
@click.option(
    "--target", "targets", multiple=True, help="KIND/NAME, at most 8. The first is fixed for ever: rollbacks act on it."
)
@click.option("--gone", is_flag=True, help="A target may be missing: that it is gone is the incident.")
@click.option("--service", help="The service it is about.")
@click.option(
    "--sev",
    "severity",
    type=click.Choice(["SEV1", "SEV2", "SEV3", "SEV4"], case_sensitive=False),
    help="Instead of what the matrix says.",
)
@click.option("--visible/--not-visible", default=None, help="Do users see it? Then they are promised updates.")
@click.option("--customer", is_flag=True, help="A customer saw it first.")
@click.option("--runbook", help="The Runbook to follow; you need the verb run on it.")
@click.option("--drill", is_flag=True, help="A rehearsal: nothing is done, and nobody is told.")
@click.option("--name", help="Its name; made of title and time when left out.")
@click.option("-n", "--namespace", help="Where it is; else that of the kubeconfig's context.")
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False),
    help="Your credentials; else KUBECONFIG, else ~/.kube.",
)
@click.option("-y", "--yes", is_flag=True, help="Ask nothing: what is not said is not known.")
@click.option("--dry-run", is_flag=True, help="Only print it, as YAML or with -o json; no cluster is asked.")
@click.option(
    "-o",
    "--output",
    "form",
    type=click.Choice(["text", "name", "json", "yaml"]),
    default="text",
    show_default=True,
    help="On stdout; questions are asked on stderr.",
)
def declare(**options: Any) -> None:
    """
    Declare an incident: what is wrong, three questions, what it is about; then its severity, with reasons.

    Early and cheap: a false alarm is cancelled with one entry, a late one is the outage's whole tail.
    """
    from stanch.cli.declare.verb import Options, declare_it  # noqa: PLC0415 -- the client costs a second to import

    sys.exit(declare_it(Options(**options)))
