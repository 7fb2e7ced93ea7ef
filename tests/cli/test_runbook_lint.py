"""`stanch runbook lint`: each rule finds what it is for, says where, and nothing else is found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.books import CASES, PROSE, Json, findings, good, ids, put, spoilt, stanch
from stanch.cli.runbook.lint import RULES

Spoil = Callable[[Json], object]


def spec(**fields: Any) -> Spoil:
    """Fields of the spec, otherwise than in the good one; None takes one away."""

    def change(book: Json) -> None:
        for name, value in fields.items():
            book["spec"].pop(name, None)
            if value is not None:
                book["spec"][name] = value

    return change


def alerts(*matchers: str, **more: Any) -> Spoil:
    """Matchers otherwise than in the good one."""
    return spec(match={"alerts": list(matchers), **more})


def parameter(**fields: Any) -> Spoil:
    """Its one parameter otherwise."""
    return spec(parameters=[{"name": "deployment", "fromAlertLabel": "deployment"} | fields])


def auto(**fields: Any) -> Spoil:
    """Mode Auto with all it takes, but for some fields."""
    whole = {"mode": "Auto", "serviceAccountName": "rb", "drilledWithin": "720h", "guardrails": {"cooldown": "30m"}}
    return spec(**whole | fields)


def wishes(*said: Json, **more: Any) -> Spoil:
    """Mitigations otherwise than in the good one."""
    return spec(mitigations=list(said), **more)


def node(book: Json) -> None:
    """About a node, in a namespace of a team."""
    book["spec"] |= {"targets": [{"kind": "Node", "name": "$(deployment)"}]}
    book["spec"] |= {"mitigations": [{"name": "no-new-pods", "cordon": {}}]}


def label(book: Json, name: str, value: str) -> None:
    """An exception, as people write it."""
    book["metadata"]["annotations"] = {f"lint.stanch.dev/{name}": value}


MISSPELT = {"name": "p", "available": {}, "target": {"kind": "Deployment", "name": "$(deploymnet)"}}
BY_HAND = {"criteria": [{"name": "p", "manual": {}}]}
FRESH = [{"name": "p", "rolledOutWithin": "1h"}]
NONE, MORE = {"name": "none-left", "scale": {"replicas": 0}}, {"name": "more", "scale": {"replicas": 4}}
PAUSE, BACK = {"name": "stop", "rolloutPause": {}}, {"name": "roll-back", "rolloutUndo": {}}
FLAG = {"kind": "ConfigMap", "name": "$(deployment)"}
OFF = {"name": "off", "configFlag": {"key": "a", "value": "off"}}
# (rule, what is wrong, field it points at)
PLANTED: tuple[tuple[str, Spoil, str], ...] = (
    ("RB001", spec(tilte="x"), "spec.tilte"),
    ("RB001", spec(title=None), "spec.title"),
    ("RB001", spec(recovery={"hold": "ten minutes"}), "spec.recovery.hold"),
    ("RB001", lambda b: b["metadata"].pop("name"), "metadata.name"),
    ("RB001", wishes({"name": "back", "rolloutUndo": {"toRevison": 3}}), "spec.mitigations[0].rolloutUndo.toRevison"),
    ("RB002", lambda b: label(b, "RB027", "nobody is on call"), "metadata.annotations.lint.stanch.dev/RB027"),
    ("RB002", lambda b: label(b, "RB999", "because"), "metadata.annotations.lint.stanch.dev/RB999"),
    ("RB003", alerts("alertname ~ Stuck", 'deployment!=""'), "spec.match.alerts[0]"),
    ("RB003", alerts('alertname=~"Stuck("', 'deployment!=""'), "spec.match.alerts[0]"),
    ("RB004", alerts('alertname=~"Stuck$x"', 'deployment!=""'), "spec.match.alerts[0]"),
    ("RB004", alerts('alertname="A"', 'alertname="B"', 'deployment!=""'), "spec.match.alerts[1]"),
    ("RB004", alerts('alertname="A"', 'alertname!~"A|B"', 'deployment!=""'), "spec.match.alerts[1]"),
    ("RB005", alerts('severity!="info"'), "spec.match.alerts"),
    ("RB007", spec(recovery={"criteria": [MISSPELT]}), "spec.parameters"),
    (
        "RB008",
        spec(parameters=[*good()["spec"]["parameters"], {"name": "window", "pattern": "[0-9]+m"}]),
        "spec.parameters[1]",
    ),
    ("RB009", parameter(), "spec.parameters[0]"),
    ("RB009", parameter(oneOf=["checkout"], pattern="checkout"), "spec.parameters[0]"),
    ("RB010", parameter(pattern="[a-z"), "spec.parameters[0].pattern"),
    ("RB010", parameter(pattern="a^b"), "spec.parameters[0].pattern"),
    ("RB010", parameter(pattern=".*"), "spec.parameters[0].pattern"),
    ("RB010", parameter(pattern="[^ ]+"), "spec.parameters[0].pattern"),
    ("RB011", alerts('alertname="Stuck"'), "spec.parameters[0].fromAlertLabel"),
    ("RB012", wishes({"name": "nothing"}), "spec.mitigations[0]"),
    ("RB012", wishes({"name": "both", "rolloutUndo": {}, "rolloutPause": {}}), "spec.mitigations[0]"),
    ("RB012", spec(recovery={"criteria": [{"name": "p"}]}), "spec.recovery.criteria[0]"),
    ("RB012", spec(preconditions=[{"name": "p"}]), "spec.preconditions[0]"),
    ("RB013", spec(checklist=[{"name": "a", "do": "A"}, {"name": "a", "do": "B"}]), "spec.checklist[1]"),
    ("RB014", wishes({"name": "no", "cordon": {}}), "spec.mitigations[0]"),
    (
        "RB014",
        lambda b: b["spec"].update(targets=[], mitigations=[BACK | {"reason": "$(deployment)"}]),
        "spec.mitigations[0]",
    ),
    ("RB015", node, "spec.targets[0]"),
    ("RB033", wishes(BACK | {"revert": "OnResolved"}), "spec.mitigations[0].revert"),
    ("RB016", wishes(PAUSE, BACK), "spec.mitigations[1]"),
    ("RB016", wishes(BACK, BACK | {"name": "again"}), "spec.mitigations[1]"),
    ("RB018", wishes(OFF, targets=[FLAG], preconditions=FRESH, recovery=BY_HAND), "spec.preconditions[0]"),
    ("RB020", auto(targets=[{"kind": "StatefulSet", "name": "$(deployment)"}]), "spec.mitigations[0]"),
    ("RB021", auto(mitigations=[{"name": "again", "rolloutRestart": {}}]), "spec.mitigations[0]"),
    ("RB022", auto(recovery=None), "spec.mode"),
    ("RB022", auto(guardrails=None), "spec.mode"),
    ("RB022", auto(drilledWithin=None), "spec.mode"),
    ("RB023", auto(serviceAccountName=None), "spec.mode"),
    ("RB023", spec(authority="ServiceAccount"), "spec.authority"),
    ("RB024", spec(recovery=None), "spec"),
    ("RB025", wishes(OFF, targets=[FLAG]), "spec.recovery"),
    (
        "RB025",
        spec(recovery={"criteria": [{"name": "p", "available": {}, "target": FLAG}]}),
        "spec.recovery.criteria[0]",
    ),
    ("RB026", wishes(NONE, MORE), "spec.mitigations[1]"),
    ("RB027", spec(escalate=None), "spec"),
    ("RB027", spec(escalate=[{"after": "1h", "to": "a"}, {"after": "5m", "to": "b"}]), "spec.escalate[1]"),
    ("RB028", spec(checklist=None), "spec"),
)


@pytest.mark.parametrize(("rule", "spoil", "field"), PLANTED, ids=[f"{r}-{f}" for r, _, f in PLANTED])
def test_what_is_planted_is_found(tmp_path: Path, rule: str, spoil: Spoil, field: str) -> None:
    """
    A good Runbook with one thing wrong: that rule finds it, at that field.
    """
    found = findings(put(tmp_path / "book", spoilt(spoil)))
    # What lacks one of these lacks the other as well.
    beside = {"RB005": {"RB011"}, "RB022": {"RB024"}, "RB024": {"RB022"}, "RB014": {"RB025"}}
    assert {rule} <= set(ids(found)) <= {rule} | beside.get(rule, set()), found
    assert field in [each["field"] for each in found if each["rule"] == rule], found


def test_a_good_one_has_no_findings(tmp_path: Path) -> None:
    """
    Else every Runbook would be found fault with.
    """
    assert [] == findings(put(tmp_path / "book", good()))
    assert [] == findings(put(tmp_path / "auto", spoilt(auto(mode="Approve"))))


def test_every_rule_is_planted_somewhere() -> None:
    """
    A rule that finds nothing anywhere is none: each is seen to find something in this file.
    """
    elsewhere = {"RB006", "RB017", "RB019", "RB029", "RB030", "RB031", "RB032"}
    assert {rule.id for rule in RULES} == {rule for rule, _, _ in PLANTED} | elsewhere
    assert len({rule.name for rule in RULES}) == len(RULES)


def test_two_of_the_same_rank_are_found_by_the_alerts_of_their_tests(tmp_path: Path) -> None:
    """
    Neither would be run (RB006); with a higher priority for one of them all is well.
    """
    alert = {"alertname": "Stuck", "deployment": "cart"}
    cases = {"tests": [{"name": "mine", "alert": alert, "expect": {"matches": True}}]}
    twin = spoilt(lambda b: b["metadata"].update(name="twin"))
    put(tmp_path / "one", good(), cases=cases)
    put(tmp_path / "two", twin, cases=cases)
    assert ["RB006", "RB006"] == ids(findings(tmp_path))
    twin["spec"]["match"]["priority"] = 1
    put(tmp_path / "two", twin, cases=cases)
    assert [] == findings(tmp_path)


def test_a_rung_that_is_never_reached_is_found(tmp_path: Path) -> None:
    """
    Where no criterion can tell that it still hurts, the second mitigation never starts (RB017).
    """
    second = OFF | {"name": "second", "configFlag": {"key": "b", "value": "off"}}
    book = spoilt(wishes(OFF, second, targets=[FLAG]))
    assert "RB017" in ids(findings(put(tmp_path / "a", book)))
    book["spec"]["mitigations"][1]["when"] = "Always"
    assert "RB017" not in ids(findings(put(tmp_path / "b", book)))


def test_what_nothing_follows_from_is_found(tmp_path: Path) -> None:
    """
    No mitigation and no checklist (RB019); a checklist for people alone is a Runbook.
    """
    nothing = wishes(recovery=None, parameters=None, targets=None, checklist=None)
    assert "RB019" in ids(findings(put(tmp_path / "a", spoilt(nothing))))
    people = spec(mitigations=None, recovery=None, parameters=None, targets=None)
    assert [] == findings(put(tmp_path / "b", spoilt(people)))


def test_prose_is_asked_for(tmp_path: Path) -> None:
    """
    Some prose (RB029), the five headings with words below (RB030), and lines to type (RB031).
    """
    no_docs = spoilt(spec(docs=None))
    put(tmp_path / "none", no_docs)
    (tmp_path / "none" / "README.md").unlink()
    assert ["RB029"] == ids(findings(tmp_path / "none"))
    assert ["RB030"] == ids(findings(put(tmp_path / "short", good(), prose=PROSE.replace("## Impact", "## Impakt"))))
    empty = PROSE.replace("## Escalation\n\nwords\n\n```bash\nkubectl get pods\n```", "## Escalation")
    assert ["RB030"] == ids(findings(put(tmp_path / "empty", good(), prose=empty)))
    wordy = PROSE.replace("kubectl get pods", "look at the pods")
    assert ["RB031", "RB031"] == ids(findings(put(tmp_path / "wordy", good(), prose=wordy)))


def test_tests_are_asked_for(tmp_path: Path) -> None:
    """
    No test.yaml beside it (RB032); of standard input nothing stands beside anything.
    """
    assert ["RB032"] == ids(findings(put(tmp_path / "book", good(), cases=None)))
    assert [] == findings("-", stdin=yaml.safe_dump(good()))


def test_an_exception_with_a_reason_counts_and_one_without_does_not(tmp_path: Path) -> None:
    """
    A finding that is meant is switched off by name; a reason must be there, and the finding, too.
    """
    excused = spoilt(spec(escalate=None))
    label(excused, "RB027", "a toy cluster: there is nobody to call")
    assert [] == findings(put(tmp_path / "a", excused))
    label(excused, "RB027", "")
    assert ["RB002", "RB027"] == sorted(ids(findings(put(tmp_path / "b", excused))))


def test_two_of_one_name_are_found(tmp_path: Path) -> None:
    """
    The second would take the first one's place (RB013).
    """
    put(tmp_path / "book", good(), good())
    assert {"RB013"} == set(ids(findings(tmp_path)))


def test_a_finding_points_at_its_line(tmp_path: Path) -> None:
    """
    File and line are those an editor goes to; a missing field is told where it would stand.
    """
    put(tmp_path, spoilt(alerts("nonsense")))
    lines = (tmp_path / "runbook.yaml").read_text().splitlines()
    (found,) = (each for each in findings(tmp_path) if each["rule"] == "RB003")
    assert (str(tmp_path / "runbook.yaml"), "- nonsense") == (found["file"], lines[found["line"] - 1].strip())


# --- forms -----------------------------------------------------------------------------------------------------------


def test_people_are_told_what_and_what_to_do(tmp_path: Path) -> None:
    """
    A line with file, line, rule and what is so; one with the way out; and a sum.
    """
    done = stanch("lint", put(tmp_path, spoilt(spec(escalate=None))))
    assert 1 == done.exit_code
    first, second, last = done.stdout.splitlines()
    assert first.startswith(f"{tmp_path}/runbook.yaml:")
    assert "RB027 no-escalation: spec.escalate is missing" in first
    assert second.startswith("    Write spec.escalate")
    assert "1 finding in 1 Runbook" == last


def test_code_scanning_is_told_in_sarif(tmp_path: Path) -> None:
    """
    SARIF 2.1.0: each rule with its words, each result with rule, file and line.
    """
    done = stanch("lint", "-f", "sarif", put(tmp_path, spoilt(spec(escalate=None))))
    said = json.loads(done.stdout)
    (run,) = said["runs"]
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert ("2.1.0", "RB027", "RB027") == (
        said["version"],
        result["ruleId"],
        run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"],
    )
    assert place["artifactLocation"]["uri"].endswith("runbook.yaml")
    assert place["region"]["startLine"] >= 1
    assert all(rule["fullDescription"]["text"] and rule["help"]["text"] for rule in run["tool"]["driver"]["rules"])


def test_a_pull_request_is_told_by_annotations(tmp_path: Path) -> None:
    """
    GitHub's workflow commands: what would end a property or a line is escaped.
    """
    done = stanch("lint", "-f", "github", put(tmp_path / "a,b%", spoilt(spec(escalate=None))))
    (line,) = done.stdout.splitlines()
    assert line.startswith("::error file=")
    assert "/a%2Cb%25/runbook.yaml,line=" in line
    assert ",title=RB027 no-escalation::spec.escalate is missing" in line
    assert ("", 0) == ((quiet := stanch("lint", "-f", "github", put(tmp_path / "ok", good()))).stdout, quiet.exit_code)


def test_every_rule_explains_itself() -> None:
    """
    Why it is there, and what to do; an unknown one is an error.
    """
    told = stanch("lint", "--explain", "all").stdout
    assert [] == [rule.id for rule in RULES if rule.why not in told or rule.fix not in told]
    assert 3 == len(stanch("lint", "--explain", "RB016").stdout.splitlines())
    assert 2 == stanch("lint", "--explain", "RB999").exit_code


# --- what can't be read ----------------------------------------------------------------------------------------------

UNREADABLE = (
    ("a: [", "expected the node content"),
    ("kind: Runbook\nkind: Runbook\n", "kind stands there twice"),
    ("a: &a [*a]\n", "an alias contains itself"),
    (
        "a0: &a0 [1,1,1,1,1,1,1,1,1]\n"
        + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9)),
        "its aliases come to more than",
    ),
    ("[" * 5000, "nested too deep"),
    ("kind: Deployment\n", "no Runbook (kind: Runbook"),
    ("", "no Runbook"),
)


@pytest.mark.parametrize(("text", "why"), UNREADABLE, ids=[why for _, why in UNREADABLE])
def test_what_cannot_be_read_is_said_and_is_no_finding(tmp_path: Path, text: str, why: str) -> None:
    """
    Exit code 2 and one line that names the file: a check that looked at nothing must not look like a good one.
    """
    path = tmp_path / "x.yaml"
    path.write_text(text)
    done = stanch("lint", path)
    assert (2, "") == (done.exit_code, done.stdout)
    assert done.stderr.startswith(f"stanch: {path}")
    assert why in done.stderr
    assert 1 == len(done.stderr.splitlines())


def test_a_file_that_is_not_there_and_no_file_at_all() -> None:
    """
    Both are told, with exit code 2.
    """
    assert 2 == (done := stanch("lint", "/no/such/file.yaml")).exit_code
    assert "No such file" in done.stderr
    assert 2 == stanch("lint").exit_code


def test_folders_are_looked_through_without_what_is_not_ours(tmp_path: Path) -> None:
    """
    Templates that are no YAML, hidden folders and the cases themselves are left alone; each Runbook is looked at once.
    """
    put(tmp_path / "book", good())
    put(tmp_path / ".git" / "x", spoilt(spec(escalate=None)))
    (tmp_path / "chart.yaml").write_text("{{ if .Values.x }}\n")
    assert [] == findings(tmp_path, tmp_path / "book", tmp_path / "book" / "runbook.yaml")


def test_cases_that_cannot_be_read_are_not_passed_over(tmp_path: Path) -> None:
    """
    Else a typing error in test.yaml would hide a tie.
    """
    wrong = {"tests": [CASES["tests"][0] | {"expct": {}}]}
    assert 2 == stanch("lint", put(tmp_path, good(), cases=wrong)).exit_code
