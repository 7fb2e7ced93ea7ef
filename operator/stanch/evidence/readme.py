"""The page that someone reads who has only the archive."""

from collections import Counter
from collections.abc import Mapping, Sequence

from stanch.api.evidence import NORMAL_REASONS, MissingItem
from stanch.api.names import MissingReason

_LISTED_MAX = 60

_TEXT = """\
Evidence {name}
Incident {namespace}/{incident}, captured at {time} ({purpose}) of {targets}.

Where to look first
  pods.txt              every pod in one line
  history.txt           templates this workload had: revisions, images, when, why
  changes.txt           what changed in the hour before, dated, the likeliest causes first
  events.txt            warnings by time, those about the target first (events.json has all fields)
  <kind>/<name>.*       the target: as JSON, and as kubectl describe would show it, with absolute times;
                        so also each Service, autoscaler, budget, Ingress, Node, claim and ConfigMap around it
  pod/<pod>/            chosen pods: at most 12 failing ones by failure signature, and 2 healthy ones to compare with
                        (of a node: pod/<namespace>/<pod>/, those that a drain takes away)
    <container>.previous.log   the run before the last restart
    <container>.log            the run that was going on
  nodes.txt             which pods are on which node
  later.txt             in part b: what part a was not given in time, and shows what was so after it
  graphs/<name>.svg     what was measured from 30 minutes before, to look at; .json has the numbers (when Prometheus was asked)
  services.json, endpointslices.json, hpa.json, pdb.json, replicasets.json
  api.json              which API path each file came from
  discovery.json        which kinds there are, as an API server says it

How to read it
  A container that waits in CrashLoopBackOff has no run going on: its last one is in <container>.previous.log.
  ***family:1a2b3c4d*** stands for a secret; the same secret has the same eight digits everywhere in this incident.
  Logs keep the newest lines; how many older bytes were dropped is in the manifest (spec.items[].dropped).
  {redactions} secrets were masked{families}. Values of ConfigMaps and Secrets are never stored.

Missing
{missing}
"""


def readme(head: Mapping[str, str], families: Counter[str], missing: Sequence[MissingItem]) -> str:
    """The text of README.txt; ``head`` has name, namespace, incident, time, purpose and targets."""
    sorts = ", ".join(f"{name} {families[name]}" for name in sorted(families))
    told = {"redactions": families.total(), "families": f" ({sorts})" if sorts else ""}
    return _TEXT.format(**head, **told, missing="\n".join(_missing(missing)))


def _missing(found: Sequence[MissingItem]) -> list[str]:
    real = [each for each in found if each.reason not in NORMAL_REASONS]
    lines = [f"  {each.name}: {each.reason}: {each.message or ''}".rstrip(": ") for each in real[:_LISTED_MAX]]
    if len(real) > _LISTED_MAX:
        lines.append(f"  and {len(real) - _LISTED_MAX} more, in spec.missing")
    normal = Counter(each.reason for each in found if each.reason in NORMAL_REASONS)
    lines += [f"  {_normal(reason, count)}" for reason, count in sorted(normal.items())]
    return lines or ["  nothing"]


def _normal(reason: str, count: int) -> str:
    if reason == MissingReason.IN_PART_B:
        return f"{count} things are in part b, stored right after the effect: its name ends in -b-… ({reason})"
    return f"{count} logs that do not exist ({reason})"
