"""What was found, for people, machines, code scanning (SARIF 2.1.0) and pull requests (GitHub annotations)."""

import json
from collections.abc import Sequence
from typing import Any

from stanch.cli.runbook.findings import Finding, Rule

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def text(found: Sequence[Finding], rules: Sequence[Rule], looked_at: int) -> str:
    """One line a finding, the way out below it, and a line that sums up."""
    fixes = {rule.id: rule.fix for rule in rules}
    lines = []
    for each in found:
        lines += [f"{each.source}:{each.line}: {each.rule} {each.name}: {each.message}", f"    {fixes[each.rule]}"]
    books = f"{looked_at} Runbook{'' if looked_at == 1 else 's'}"
    lines.append(
        f"{len(found)} finding{'' if len(found) == 1 else 's'} in {books}" if found else f"{books}, no findings"
    )
    return "\n".join(lines)


def as_json(found: Sequence[Finding], rules: Sequence[Rule], looked_at: int) -> str:
    """`{"runbooks": 12, "findings": [{"rule", "name", "file", "line", "field", "runbook", "message", "fix"}]}`."""
    fixes = {rule.id: rule.fix for rule in rules}
    findings = [
        {
            "rule": each.rule,
            "name": each.name,
            "file": each.source,
            "line": each.line,
            "field": each.field,
            "runbook": each.runbook,
            "message": each.message,
            "fix": fixes[each.rule],
        }
        for each in found
    ]
    return json.dumps({"runbooks": looked_at, "findings": findings}, indent=2, ensure_ascii=False)


def sarif(found: Sequence[Finding], rules: Sequence[Rule], looked_at: int) -> str:
    """One run of one tool; a result a finding. ``looked_at`` is told by nothing in SARIF."""
    index = {rule.id: number for number, rule in enumerate(rules)}
    driver = {"name": "stanch runbook lint", "rules": [_sarif_rule(rule) for rule in rules]}
    results = [_sarif_result(each, index[each.rule]) for each in found]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False)


def _sarif_rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": "".join(part.title() for part in rule.name.split("-")),
        "shortDescription": {"text": rule.name.replace("-", " ")},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": "error"},
    }


def _sarif_result(finding: Finding, index: int) -> dict[str, Any]:
    place = {"artifactLocation": {"uri": finding.uri}, "region": {"startLine": finding.line}}
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": "error",
        "message": {"text": finding.message},
        "locations": [{"physicalLocation": place}],
    }


def github(found: Sequence[Finding], rules: Sequence[Rule], looked_at: int) -> str:
    """Workflow commands, one a finding; nothing when there is none."""
    return "\n".join(
        f"::error file={_property(each.uri)},line={each.line},title={_property(f'{each.rule} {each.name}')}"
        f"::{_data(each.message)}"
        for each in found
    )


def _data(value: str) -> str:
    return value.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(value: str) -> str:
    return _data(value).replace(":", "%3A").replace(",", "%2C")


FORMATS = {"text": text, "json": as_json, "sarif": sarif, "github": github}
