"""The verb and its options; what it does is imported when it runs."""

import re
import sys
from datetime import timedelta
from typing import Any

import click

EXAMPLES = """
\b
Examples:
  stanch review                                    the last thirty days, in all namespaces
  stanch review --since 90d -n shop
  stanch review -o json | jq .durations.mitigate
  stanch review --svg review.svg                   time to mitigate, and action items by age
  stanch review --prometheus http://prometheus:9090    also: what burned while nobody declared
\b
Drills, false alarms and near misses (nobody hurt) are counted apart. What is not over counts as having lasted so long.
You need to read incidents, postmortems and actionitems (ClusterRole view has it).
"""
_LENGTH = re.compile(r"^(\d{1,4})(h|d|w)$")
_UNITS = {"h": "hours", "d": "days", "w": "weeks"}
# What Sloth writes for each SLO: how much faster than sustainable its budget burns.
BUDGET = "slo:period_error_budget_remaining:ratio"
BURN = "max by (sloth_service) (slo:current_burn_rate:ratio) > 6"


def a_length(context: click.Context, option: click.Parameter, value: str | None) -> timedelta | None:
    """`30d`, `12h`, `4w`; None where nothing was asked for."""
    if value is None:
        return None
    found = _LENGTH.match(value)
    if found is None or int(found[1]) == 0:
        raise click.BadParameter(f"{value!r} is no length of time, for example 30d, 12h or 4w")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


@click.command(epilog=EXAMPLES)
@click.option(
    "--since", default="30d", show_default=True, callback=a_length, help="How far to look back: 30d, 12h, 4w."
)
@click.option("--again", callback=a_length, help="How soon the same again came back; else recovery.recurrenceWithin.")
@click.option(
    "--pages", default=2, show_default=True, type=click.IntRange(0, 100), help="So many a shift are bearable."
)
@click.option("--shift", default="12h", show_default=True, callback=a_length, help="Length of a shift, for pages.")
@click.option(
    "--kubeconfig",
    type=click.Path(exists=True, dir_okay=False),
    help="Your credentials; else KUBECONFIG, else ~/.kube.",
)
@click.option("-n", "--namespace", help="Only this namespace; else all.")
@click.option("-o", "--output", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--svg", type=click.Path(dir_okay=False, writable=True), help="Also draw charts into this file.")
@click.option("--prometheus", default="", help="Base URL of Prometheus: burn without an incident is looked for there.")
@click.option("--burn", default=BURN, show_default=True, help="PromQL that has values while a budget burns.")
@click.option("--budget", default=BUDGET, show_default=True, help="PromQL for the share of each budget that is left.")
def review(
    since: timedelta,
    shift: timedelta,
    kubeconfig: str | None,
    namespace: str | None,
    form: str,
    svg: str | None,
    **rest: Any,
) -> None:
    """How long things took, what came again, what helped, and whether action items get done. Changes nothing."""
    from stanch.cli.review.look import Wanted, look_back  # noqa: PLC0415 -- the client costs a second to import

    wanted = Wanted(
        since=since,
        shift=shift,
        namespace=namespace,
        as_json=form == "json",
        svg=svg,
        **rest,
    )
    sys.exit(look_back(kubeconfig, wanted))
