"""Which Runbooks were rehearsed: never, before they were changed, or as they are; and how long undoing took."""

from datetime import timedelta

from build import T0, stamp
from month import done, past
from stanch.api.incident import Incident
from stanch.core.rehearsed import ledger, undo_times


def book(name: str, drilled: dict | None = None, generation: int = 3) -> dict:
    """As it is stored."""
    meta = {"name": name, "namespace": "shop", "generation": generation}
    wishes = [
        {"name": "back", "rolloutUndo": {}, "target": {"kind": "Deployment"}},
        {"name": "less", "scale": {"replicas": 1}},
    ]
    return {
        "metadata": meta,
        "spec": {"mode": "Auto", "mitigations": wishes},
        "status": {"drilled": drilled} if drilled else {},
    }


def drill(days_ago: int, generation: int = 3) -> dict:
    """One that went well."""
    return {"incident": "d", "time": stamp(T0 - timedelta(days=days_ago)), "generation": generation}


def lived(*actions: tuple[str, int | None], drill: bool = False) -> Incident:
    """An incident with mitigations, each undone in so many seconds."""
    made = past("i", timedelta(days=1), done=[done(action, undo=took) for action, took in actions], drill=drill)
    return Incident.model_validate(made)


def test_what_was_never_drilled_stands_first_then_what_was_longest_ago():
    """With what was changed since."""
    found = ledger([book("new", drill(1)), book("old", drill(9, generation=2)), book("never")], [])
    assert [("shop/never", "never drilled"), ("shop/old", "changed since its last drill"), ("shop/new", "drilled")] == [
        (r.runbook, r.words) for r in found
    ]


def test_how_long_undoing_took_is_measured_or_not_known():
    """The middle of what was; a drill undoes nothing, so it measures nothing."""
    incidents = [
        *(lived(("rolloutUndo", took)) for took in (10, 30, 80)),
        lived(("rolloutUndo", None)),
        lived(("rolloutUndo", 1), drill=True),
    ]
    assert {"rolloutUndo": (3, timedelta(seconds=30))} == undo_times(incidents)
    (one,) = ledger([book("a")], incidents)
    assert {"rolloutUndo": timedelta(seconds=30), "scale": None} == one.undo
