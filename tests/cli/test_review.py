"""`stanch review` as a person at a shell has it: text, JSON, a picture; and what it says when something can't be read."""

import json
import xml.etree.ElementTree as ET
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from build import stamp
from chores import body
from cli.lists import Lists, serving
from month import DAY, MINUTE, done, past, postmortem
from stanch.api.names import Annotation, Label
from stanch.cli.main import main

# The server's Date header is of now, and so is the month that is looked back on.
NOW = datetime.now(UTC).replace(microsecond=0)  # noqa: TID251


@pytest.fixture
def place(tmp_path: Path):
    """What is served, and the verb."""
    with serving(tmp_path) as (lists, url, kubeconfig):

        def review(*words: str) -> Result:
            return CliRunner().invoke(main, ["review", "--kubeconfig", kubeconfig, *words])

        yield lists, url, review


def lately(name: str, days_ago: int, **said: object) -> dict:
    """As in a month of tests, but in the month that is over now."""
    made = past(name, timedelta(0), **said)
    shift = NOW - days_ago * DAY - datetime.fromisoformat(made["status"]["times"]["started"])

    def later(value: object) -> object:
        if isinstance(value, dict):
            return {k: later(v) for k, v in value.items()}
        if isinstance(value, str) and value.endswith("Z") and value[:2] == "20":
            return (datetime.fromisoformat(value) + shift).strftime("%Y-%m-%dT%H:%M:%SZ")
        return value

    return later(made)


def fill(lists: Lists) -> None:
    """Seven incidents, one of them open, a drill, a postmortem, two items."""
    restart = [done("rolloutRestart", undo=4)]
    lists.objects["incidents"] = [
        *(lately(f"i-{n}", n + 2, done=restart if n < 3 else None) for n in range(6)),
        lately("open", 1, mitigated=None, resolved=None, severity="SEV1"),
        lately("drill", 3, drill=True),
        {"metadata": {"name": "odd", "namespace": "shop"}, "spec": {}},
    ]
    lists.objects["postmortems"] = [postmortem("i-3", "Change")]
    lists.objects["actionitems"] = [body("a"), body("b")]


def test_the_review_in_words(place):
    """What was asked for, section by section; every page of every list was read."""
    lists, _, review = place
    fill(lists)
    result = review()
    assert 0 == result.exit_code, result.output
    for words in (
        "7 incidents, 1 still open.",
        "Left out: 1 drill, 0 false alarms.",
        "Not read: 1 incident of another schema.",
        "mitigate     median 20m (likely 20m to 20m), nine of ten within",
        "n=7, 1 not over",
        "6 ended: few; a single one moves it",
        "  SEV1         mitigate    n=1, 1 not over; 0 ended: too few for a median",
        "  Change       mitigate    n=1",
        "6 incidents without a published postmortem in no factor class",
        "Pages: 7 in 60 shifts of 12h",
        "Came again within 30 days: 6 of 7",
        "rolloutRestart: tried 3, helped 3, no effect 0, worse 0, not known 0; undone 3 times, in 4s",
        "rolloutRestart on shop/Deployment checkout: 3 times (shop/i-2, shop/i-1, shop/i-0)",
        "    kind: Runbook",
        "Burn without an incident: not looked for (give --prometheus).",
        "how many incidents there were is no grade",
    ):
        assert words in result.output, result.output


def test_what_waits_to_be_learned_is_in_it(place):
    """Which texts wait, since when, with which gaps; for people and for programs."""
    lists, _, review = place
    fill(lists)
    made = NOW - 3 * DAY
    status = {
        "state": "Findings",
        "facts": {"dueTime": stamp(NOW - DAY)},
        "gaps": [{"number": 1, "kind": "UpdateLate"}],
    }
    meta = {"name": "i-1", "namespace": "shop", "creationTimestamp": stamp(made), "uid": "x", "resourceVersion": "1"}
    lists.objects["postmortems"].append({"metadata": meta, "spec": {"incident": "i-1"}, "status": status})
    told = review().output
    assert "Postmortems that wait: 1, 1 past due" in told
    assert f"  shop/i-1: Findings, was due {stamp(NOW - DAY)}; no meeting is planned; 1 gap" in told
    assert "Gaps of that time: UpdateLate 1" in told
    assert "Risks" not in told
    lists.objects["postmortems"][-1] |= {
        "spec": {"incident": "i-1", "gotLucky": ["One was\nawake"]},
        "status": {**status, "published": {"time": stamp(made)}},
    }
    assert "Risks that luck covered, as published postmortems say\n  shop/i-1: One was\\nawake\n" in review().output
    lists.objects["postmortems"][-1] = {"metadata": meta, "spec": {"incident": "i-1"}, "status": status}
    (waits,) = json.loads(review("-o", "json").output)["postmortems"]["waiting"]
    assert ("shop/i-1", True, 1) == (waits["postmortem"], waits["late"], waits["gaps"])


def test_change_freezes_that_held_are_in_it(place):
    """Who was frozen, since when and how it ended; and where Namespaces may not be read, the rest is told all the same."""
    lists, _, review = place
    fill(lists)
    start, end = NOW - 2 * DAY, NOW - 2 * DAY + timedelta(hours=3)
    rows = [{"from": stamp(start), "to": stamp(end), "ended": "Lifted", "value": "warn", "why": "the budget is spent"}]
    notes = {Annotation.FREEZES_PAST: json.dumps(rows)}
    lists.objects["namespaces"] = [
        {"metadata": {"name": "shop", "annotations": notes}},
        {"metadata": {"name": "cart", "labels": {Label.CHANGE_FREEZE: "true"}}},
    ]
    told = review().output
    assert "Change freezes that held: 2" in told
    assert (
        f"  shop: new pod templates were warned of from {stamp(start)} to {stamp(end)} (3h), lifted by itself" in told
    )
    assert "  cart: new pod templates were refused, set by a person, holds" in told
    assert "Change freezes that held: 1" in review("-n", "shop").output
    (found,) = json.loads(review("-o", "json", "-n", "shop").output)["changeFreezes"]
    assert ("shop", "Lifted", stamp(start)) == (found["namespace"], found["ended"], found["start"])
    lists.refuses = {"namespaces"}
    for words in ((), ("-n", "shop")):
        refused = review(*words)
        assert (0, True) == (
            refused.exit_code,
            "Change freezes: not known, you may not read Namespaces." in refused.output,
        )


def test_the_same_for_programs(place):
    """Seconds, instants, null for what is not known."""
    lists, _, review = place
    fill(lists)
    said = json.loads(review("-o", "json").output)
    assert (7, 1, 1, 1) == (said["incidents"], said["open"], said["drills"], said["notRead"])
    assert {"n": 7, "open": 1, "median": 1200, "p90": None} == {
        k: said["durations"]["mitigate"][k] for k in ("n", "open", "median", "p90")
    }
    assert said["undeclared"] is None
    assert 3 == said["deeds"]["toil"][0]["times"]
    assert 2 == said["actionItems"]["toDone"]["n"]


def test_how_the_load_is_shared_is_in_it(place, tmp_path):
    """Pages by hour, a near miss by name, alerts and commanders; a name is one line, and the same is there for programs."""
    lists, _, review = place
    fill(lists)
    told = [{"fingerprint": "1", "startsTime": stamp(NOW), "name": "Burn"}]
    group = {"alertGroup": {"key": "0" * 16, "receivedTime": stamp(NOW), "alerts": told}}
    near = lately("near", 4, spec={"impact": {"scope": "None"}, **group})
    near["spec"]["title"] = "Nearly\x1b[2J\nfull"
    led = lately("led", 4)
    led["status"]["roles"] = [{"role": "commander", "user": "ana", "sinceTime": stamp(NOW), "source": "Spec"}]
    lists.objects["incidents"] += [near, led]
    output = review("--pages", "0", "--svg", str(tmp_path / "r.svg")).output
    for words in (
        "Near misses: 1, in which nobody was hurt this time; they are in no duration",
        "  shop/near (SEV2): Nearly",
        "shifts had more than 0.",
        "  by hour of the day in UTC: ",
        "Alerts that made incidents: 1\n  without a Runbook, and how many incidents each made: Burn 1",
        "  never led to an action, and how many incidents each made: Burn 1",
        "ana 1",
        "of SEV1 or SEV2 without a commander",
    ):
        assert words in output, output
    assert "\x1b" not in output
    said = json.loads(review("-o", "json").output)
    assert ["shop/near"] == [n["incident"] for n in said["nearMisses"]]
    assert {"Burn": 1} == said["alerts"]["neverActed"]
    assert 1 == sum(m["by"].get("ana", 0) for m in said["commanders"])
    root = ET.fromstring((tmp_path / "r.svg").read_text(encoding="utf-8"))
    bars = [e for e in root.iter() if e.tag.endswith("title") and "h: " in (e.text or "")]
    assert (24, said["pages"]["pages"]) == (len(bars), sum(int(e.text.partition(": ")[2]) for e in bars))


def policy(namespace: str, **spec: object) -> dict:
    """One that somebody applied."""
    meta = {"name": "default", "namespace": namespace, "uid": namespace, "generation": 1, "resourceVersion": "1"}
    return {"metadata": meta, "spec": spec}


@pytest.mark.parametrize("where", [(), ("-n", "shop")], ids=["everywhere", "one namespace"])
def test_windows_are_the_policys(place, where):
    """How soon is again, and after how long items are tested; a flag says otherwise; what can't be read is said."""
    lists, _, review = place
    fill(lists)
    lists.objects["responsepolicies"] = [
        policy("stanch-system", actionItems={"threeWeekTest": "24h"}),
        policy("shop", recovery={"recurrenceWithin": "36h"}),
    ]
    lists.objects["incidents"] = [lately("a", 9), lately("b", 5), lately("c", 4)]
    assert "Came again within 1.5 days: 1 of 3" in review(*where).output
    assert "Came again within 5 days: 2 of 3" in review(*where, "--again", "5d").output
    lists.objects["incidents"].append(lately("before", 38))
    assert "Came again within 35 days: 3 of 3" in review(*where, "--again", "35d").output
    lists.objects["incidents"].pop()
    assert [0, 2] == json.loads(review(*where, "-o", "json").output)["actionItems"]["afterThreeWeeks"]
    lists.objects["responsepolicies"] = []
    lists.refuses = {"responsepolicies"}
    refused = review(*where).output
    assert "Came again within 30 days: 2 of 3" in refused
    assert "can't be read" in refused


def test_a_picture_of_it(place, tmp_path):
    """An XML document: a dot an incident, the open one hollow; a name can't break out of it."""
    lists, _, review = place
    fill(lists)
    lists.objects["incidents"][0]["metadata"]["name"] = "a<script>"
    target = tmp_path / "review.svg"
    assert 0 == review("--svg", str(target)).exit_code
    root = ET.fromstring(target.read_text(encoding="utf-8"))
    dots = [e for e in root.iter() if e.tag.endswith("circle")]
    assert (7, 1) == (len(dots), sum(e.get("fill") == "white" for e in dots))
    assert not [e for e in root.iter() if e.tag.endswith("script")]


def test_what_burned_while_nobody_declared(place):
    """Asked over the same time; a stretch without an incident is named."""
    lists, url, review = place
    start = NOW - 20 * DAY
    values = [[(start + n * 5 * MINUTE).timestamp(), "14"] for n in range(13)]
    lists.matrix = {
        "status": "success",
        "data": {"result": [{"metric": {"sloth_service": "payments"}, "values": values}]},
    }
    result = review("--prometheus", f"{url}/prom")
    assert "Burn without an incident: 1 stretch" in result.output, result.output
    assert "Charged" not in result.output
    assert f"  payments from {start.strftime('%Y-%m-%dT%H:%M')}" in result.output
    (_, path, form) = next(a for a in lists.asked if a[1].startswith("/prom"))
    assert ("/prom/api/v1/query_range", ["max by (sloth_service) (slo:current_burn_rate:ratio) > 6"]) == (
        path,
        form["query"],
    )


def test_a_prometheus_that_refuses_says_why(place):
    """The query is wrong: its own words, and an exit code."""
    lists, url, review = place
    lists.matrix = {"status": "error", "error": "parse error at char 3"}
    result = review("--prometheus", f"{url}/prom", "--burn", "((")
    assert (4, True) == (result.exit_code, "Prometheus says: parse error at char 3" in result.output)


def test_what_may_not_be_read_is_said(place):
    """Not a review of nothing."""
    lists, _, review = place
    lists.refuses = {"postmortems"}
    result = review()
    assert (4, True) == (result.exit_code, "postmortems can't be read: postmortems is forbidden" in result.output)


def test_an_empty_month_is_no_proof(place):
    """Nothing is divided by nothing."""
    _, _, review = place
    result = review("--since", "4w")
    assert 0 == result.exit_code, result.output
    assert "No incident is no proof that nothing happened" in result.output
    assert "  none were written" in result.output


@pytest.mark.parametrize("length", ["30", "d", "0d", "-3d", "1y"])
def test_a_length_that_is_none(place, length):
    """With an example of one."""
    result = place[2]("--since", length)
    assert (2, True) == (result.exit_code, "is no length of time, for example 30d" in result.output)
