"""Bugs of the kind that the sweep is there for: each a small change of the operator, and the plans that must catch it."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from e2e.support.operators import ROOT
from e2e.support.sweep import THE_UNDO, Plan


@dataclass(frozen=True)
class Bug:
    """What it does wrong; the change, as (file, old text, new text); where it shows: a course, and plans of it."""

    does: str
    changes: tuple[tuple[str, str, str], ...]
    course: str
    shows: tuple[str, ...]

    def plant(self, folder: Path) -> Path:
        """A copy of the operator with the bug in it."""
        shutil.copytree(ROOT / "operator", folder / "operator", ignore=shutil.ignore_patterns("__pycache__"))
        for file, old, new in self.changes:
            path = folder / "operator" / "stanch" / file
            text = path.read_text()
            assert text.count(old) == 1, f"{self.does}: {file} has {text.count(old)} times: {old}"
            path.write_text(text.replace(old, new))
        return folder

    def plans(self, requests: Iterable[str]) -> list[Plan | None]:
        """``do when request``; a request that ends in `#*` is every one of its sort that the reference run made."""
        found: list[Plan | None] = []
        for each in self.shows:
            if each == UNDISTURBED:
                found.append(None)
                continue
            do, when, label = each.split(" ", 2)
            sort = label.removesuffix("*")
            found += (
                [Plan(r, when, do) for r in requests if r.startswith(sort)]
                if sort != label
                else [Plan(label, when, do)]
            )
        return found


# What the API server may say to a write without it being the end.
PATIENT = "outcome.status not in (409, 422, 429)"
UNDISTURBED = "undisturbed"
PATCH = "PATCH configmaps#1"
DELETE = "DELETE pods#1"

BUGS: tuple[Bug, ...] = (
    Bug(
        "takes a status for written that was not",
        (
            (
                "shell/reconcile.py",
                "        except StatusRefused as error:\n",
                "        except StatusConflict:\n            return incident.model_copy(update={'status': decided.status})\n"
                "        except StatusRefused as error:\n",
            ),
        ),
        "configFlag",
        ("409 before PATCH incidents/status#*",),
    ),
    Bug(
        "takes a record for stored that the API server refused",
        (("shell/store.py", "    return Failed(reply.status, reply.message)\n", "    return None\n"),),
        "configFlag",
        ("500 before POST evidences#1", "500 before POST secrets#1"),
    ),
    Bug(
        "takes a record for stored when no answer came",
        (("shell/store.py", "        return Failed(0, str(error))\n    if", "        return None\n    if"),),
        "configFlag",
        ("drop before POST evidences#1", "drop before POST secrets#1"),
    ),
    Bug(
        "does not wait for the evidence before the effect",
        (
            (
                "core/follow.py",
                "    if not _receipts(draft, record, attempt, aim) or undo is None:",
                "    if undo is None:",
            ),
        ),
        "rolloutRestart",
        ("drop before POST evidences#*", "500 before POST evidences#*"),
    ),
    Bug(
        "takes silence for success",
        (
            (
                "shell/perform.py",
                "        return Outcome(OutcomeKind.UNKNOWN, 0, str(error))",
                '        return Outcome(OutcomeKind.ACCEPTED, 200, "", {})',
            ),
        ),
        "configFlag",
        (f"drop before {PATCH}",),
    ),
    Bug(
        "takes every 500 for a no",
        (("shell/perform.py", "    unclear = reply.status >= 500 and", "    unclear = False and"),),
        "configFlag",
        (f"500 before {PATCH}",),
    ),
    Bug(
        "does not know its own mark",
        (
            (
                "core/follow.py",
                "    label = label_of(target.value)\n    if label",
                '    label = ""\n    if label',
            ),
        ),
        "configFlag",
        (f"drop after {PATCH}", f"kill after {PATCH}"),
    ),
    Bug(
        "leaves no mark",
        (("core/swap.py", "    if labels is None:", "    if True:\n        return []\n    if labels is None:"),),
        "configFlag",
        (f"drop after {PATCH}", f"kill after {PATCH}"),
    ),
    Bug(
        "writes without looking at the old value",
        (("core/swap.py", 'value": uid}, *tests, *sets]', 'value": uid}, *sets]'),),
        "configFlag",
        (f"human before {PATCH}",),
    ),
    Bug(
        "writes to a namesake",
        (("core/swap.py", '[{"op": "test", "path": "/metadata/uid", "value": uid}, *tests', "[*tests"),),
        "configFlag",
        (f"namesake before {PATCH}",),
    ),
    Bug(
        "leaves behind what was not there before",
        (("core/swap.py", "        if canonical(before[pointer])", "        if value != ABSENT and canonical(before[pointer])"),),
        "rolloutPause",
        (UNDISTURBED,),
    ),
    Bug(
        "takes back over a person's change",
        (
            ("core/undo.py", "    if digest(live) != attempt.post:", "    if False:"),
            ("core/undo.py", '        before=undo["after"],', '        before=fields(target, undo["before"]),'),
        ),
        "configFlag",
        (f"human before {THE_UNDO}",),
    ),
    Bug(
        "gives up on a conflict at the target",
        (("core/follow.py", PATIENT, PATIENT.replace("(409, 422, 429)", "(422, 429)")),),
        "configFlag",
        (f"409 before {PATCH}",),
    ),
    Bug(
        "gives up when it is told to slow down",
        (("core/follow.py", PATIENT, PATIENT.replace("(409, 422, 429)", "(409, 422)")),),
        "configFlag",
        (f"429 before {PATCH}",),
    ),
    Bug(
        "gives up when a test did not hold and nothing changed",
        (("core/follow.py", PATIENT, PATIENT.replace("(409, 422, 429)", "(409, 429)")),),
        "configFlag",
        (f"422 before {PATCH}",),
    ),
    Bug(
        "gives up on a disruption budget at once",
        (("core/follow.py", "outcome.status not in (409, 429):", "outcome.status not in (409,):"),),
        "deletePod",
        (f"429 before {DELETE}",),
    ),
    Bug(
        "takes a pod's namesake for the pod",
        (("core/follow.py", '    if meta.get("uid") != undo["uid"] or meta', "    if not meta or meta"),),
        "deleteStatefulPod",
        (f"drop after {DELETE}", f"kill after {DELETE}"),
    ),
    Bug(
        "takes a node for empty that it could not look at",
        (("mitigations/drain.py", "        if not isinstance(listed, Found) or ", "        if "),),
        "drain",
        ("500 before LIST pods#*",),
    ),
    Bug(
        "takes in again what it has taken in",
        (("core/entry_fold.py", "        if entry.metadata.name in known:", "        if False:"),),
        "configFlag",
        ("drop before PATCH timelineentries#1", "kill before PATCH timelineentries#1"),
    ),
    Bug(
        "forgets a mark that did not get through",
        (("shell/store.py", "    except Unanswered:\n        return False", "    except Unanswered:\n        return True"),),
        "configFlag",
        ("drop before PATCH timelineentries#1",),
    ),
    Bug(
        "takes an API server in trouble for one that refuses its status",
        (("shell/status.py", " or reply.busy:", ":"),),
        "configFlag",
        ("500 before PATCH incidents/status#1", "429 before PATCH incidents/status#2"),
    ),
    Bug(
        "keeps evidence on the record that was never stored",
        (("core/receipts.py", "    draft.set(evidence=kept or None)", "    assert kept is not None"),),
        "configFlag",
        ("500 before POST evidences#1", "drop before POST evidences#1"),
    ),
)  # fmt: skip
