"""`stanch postmortem lint`: the operator's own rules, also where there is no operator."""

import json
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from stanch.api.postmortem import PostmortemSpec
from stanch.api.postmortem_status import LintFinding
from stanch.cli.cluster import DIFFERS, DONE, NOT_READABLE, USAGE
from stanch.cli.policy_in_force import InForce
from stanch.cli.postmortem.source import Given, with_source
from stanch.cli.terminal import complain, one_line, say
from stanch.core.lint.form import Whole
from stanch.core.lint.run import ALL, blocking, items_of, lint
from stanch.core.postmortem_gate import SHORT

_SHORT_DECISIONS: Final = (SHORT,)


def lint_source(source: str, kubeconfig: str | None, namespace: str | None, form: str) -> int:
    """Exit code: 0 nothing keeps it from being published, 1 findings, and those of the source."""
    return with_source(source, kubeconfig, namespace, lambda given: _lint(given, form))


def explain_rule(name: str) -> int:
    """Exit code: 0 told, 2 there is no such rule."""
    wanted = [rule for rule in ALL.values() if name in ("all", rule.name)]
    for rule in wanted:
        kind = "" if rule.blocks else " (advice: keeps nobody from publishing)"
        say(f"{rule.name}{kind}\n    {rule.why}.\n    {rule.instead}.")
    if not wanted:
        complain(f"there is no rule {name}; `stanch postmortem lint --explain all` lists them")
    return DONE if wanted else USAGE


def _lint(given: Given, form: str) -> int:
    problem = _unreadable(given)
    if problem:
        complain(f"{given.where}: {problem}")
        return NOT_READABLE
    facts = given.status.get("facts") or {}
    items = items_of(given.spec, given.name, given.items)
    judged = given.judged or InForce()
    policy, full = judged.policy, facts.get("decision") not in _SHORT_DECISIONS
    found = lint(Whole(given.spec, items, full, policy.postmortem_factors, policy.items_max))
    if policy.postmortem_lint == "Warn":
        found = tuple(each.model_copy(update={"blocks": False}) for each in found)
    if judged.unread:
        complain(judged.unread)
    say(_json(given, found) if form == "json" else _text(given, found))
    return DIFFERS if blocking(found) else DONE


def _unreadable(given: Given) -> str:
    """The first field that the API server would refuse; empty when there is none."""
    try:
        PostmortemSpec.model_validate(given.spec)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in ("spec", *first["loc"]))
        return f"{where}: {first['msg']}"
    return ""


def _text(given: Given, found: tuple[LintFinding, ...]) -> str:
    lines = []
    for each in found:
        mark = "" if each.blocks else f" (stays: {one_line(each.excepted)})" if each.excepted else " (advice)"
        lines += [
            f"{given.where}: {each.field}: {each.rule}{mark}",
            f"    {one_line(each.excerpt)}",
            f"    Why: {each.why}.",
            f"    Instead: {each.instead}.",
        ]
    if given.judged is not None:
        warns = (
            "; its postmortem.lint is Warn, so nothing is kept" if given.judged.policy.postmortem_lint == "Warn" else ""
        )
        lines.append(f"Judged by {one_line(given.judged.words)}{warns}")
    keep = len(blocking(found))
    lines.append(
        f"{keep} finding{'' if keep == 1 else 's'} keep it from being published; {len(found) - keep} more"
        if found
        else "No findings"
    )
    return "\n".join(lines)


def _json(given: Given, found: tuple[LintFinding, ...]) -> str:
    findings: list[Mapping[str, Any]] = [each.wire() for each in found]
    told = {
        "postmortem": given.where,
        "policy": (given.judged or InForce()).words,
        "blocking": len(blocking(found)),
        "findings": findings,
    }
    return json.dumps(told, indent=2, ensure_ascii=False)
