"""The verb and its options; what it does is imported when it runs."""

import sys

import click

EXAMPLES = """
\b
Examples:
  kubectl label namespace shop-test stanch.dev/gameday=allowed
  stanch gameday start deployment/checkout -n shop-test --fault bad-image
  stanch gameday start deployment/checkout -n shop-test --fault crash --declare
  stanch gameday undo -n shop-test                 after it was killed: take every fault back
\b
Exit codes: 0 all four were done well, 1 not all, 2 usage or refused, 3 not there, 4 the API server does not answer.
You need to patch the Deployment, to create and delete ConfigMaps, and to read incidents, with your own rights.
"""
START = """
\b
Examples:
  stanch gameday start deployment/checkout -n shop-test --declare
  stanch gameday start deployment/checkout -n shop-test --fault crash --within 300
\b
`stanch gameday --help` has the exit codes.
"""


def a_deployment(context: click.Context, argument: click.Parameter, value: str) -> str:
    """`deployment/NAME` or NAME."""
    kind, slash, name = value.rpartition("/")
    if (slash and kind not in ("deployment", "deployments", "deploy")) or not name:
        raise click.BadParameter(f"{value!r} is not deployment/NAME; a game day breaks Deployments")
    return name


@click.group(epilog=EXAMPLES)
def gameday() -> None:
    """Break one Deployment of a namespace that is meant for it, and score detection, evidence, mitigation and recovery."""


@gameday.command(epilog=START)
@click.argument("target", callback=a_deployment)
@click.option("-n", "--namespace", required=True, help="Labelled stanch.dev/gameday=allowed; refused otherwise.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="Your credentials.")
@click.option(
    "--fault", type=click.Choice(["bad-image", "crash", "scale-to-zero"]), default="bad-image", show_default=True
)
@click.option("--declare", is_flag=True, help="Declare the incident and ask for a rollback yourself: no alert will.")
@click.option(
    "--within", type=click.IntRange(10, 7200), default=900, show_default=True, help="Seconds; then it is taken back."
)
def start(target: str, namespace: str, kubeconfig: str | None, fault: str, declare: bool, within: int) -> None:
    """Write down the undo, inject the fault, wait for the incident and for recovery, score, and take the fault away in any case."""
    from stanch.cli.gameday.play import play  # noqa: PLC0415 -- the client costs a second to import

    sys.exit(play(kubeconfig, namespace, target, fault, declare, within))


@gameday.command(epilog="\b\nExample:\n  stanch gameday undo -n shop-test\n")
@click.option("-n", "--namespace", required=True, help="Where the game day was.")
@click.option("--kubeconfig", type=click.Path(exists=True, dir_okay=False), help="Your credentials.")
def undo(namespace: str, kubeconfig: str | None) -> None:
    """Take back every fault that a game day left in a namespace."""
    from stanch.cli.gameday.play import undo_all  # noqa: PLC0415

    sys.exit(undo_all(kubeconfig, namespace))
