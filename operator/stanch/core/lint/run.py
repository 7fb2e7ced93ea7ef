"""The lint itself: all rules over one postmortem; what is excepted with a reason is told, and keeps nobody."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final

from stanch.api.names import ItemCondition, Label
from stanch.api.postmortem_status import LintFinding
from stanch.core.draft import MACHINE, shorten
from stanch.core.lint import blame, form, hindsight
from stanch.core.lint.form import FormRule, Item, Whole
from stanch.core.lint.people import crowd_of
from stanch.core.lint.rule import Crowd, Found, Rule, Said, sentences

SENTENCE_RULES: Final[tuple[Rule, ...]] = (*blame.RULES, *hindsight.RULES)
FORM_RULES: Final[tuple[FormRule, ...]] = form.RULES
ALL: Final[Mapping[str, Rule | FormRule]] = {
    **{rule.name: rule for rule in SENTENCE_RULES},
    **{rule.name: rule for rule in FORM_RULES},
}
# As many as the status holds; the first are the ones to look at.
FINDINGS_MAX: Final = 64
# The largest Postmortem that fits an object has fewer; some MiB.
SENTENCES_KEPT: Final = 8192


def lint(whole: Whole, names: Sequence[str] = ()) -> tuple[LintFinding, ...]:
    """What is found, by rule and place; ``names`` are people of the record. The same in a pipeline and in the operator."""
    crowd = crowd_of([*names, *(str(a) for a in whole.spec.get("authors") or ())])
    excepted = {(e.get("rule"), e.get("field")): str(e.get("reason") or "") for e in whole.spec.get("exceptions") or ()}
    found = []
    for rule, each in _everything(whole, crowd):
        reason = excepted.get((rule.name, each.field)) or excepted.get((rule.name, None))
        found.append(
            LintFinding(
                rule=rule.name,
                field=each.field[:256],
                excerpt=shorten(each.excerpt, 300),
                why=rule.why,
                instead=each.instead or rule.instead,
                blocks=rule.blocks and not reason,
                excepted=shorten(reason, 300) if reason else None,
            )
        )
    return tuple(sorted(found, key=lambda f: not f.blocks)[:FINDINGS_MAX])


def lint_sentence(text: str, names: Sequence[str] = (), field: str = "spec.summary") -> tuple[str, ...]:
    """Names of the rules that a text breaks, whatever it is part of."""
    crowd = crowd_of(list(names))
    return tuple(dict.fromkeys(rule.name for rule, _ in _language(field, text, crowd)))


def blocking(findings: Sequence[LintFinding]) -> tuple[LintFinding, ...]:
    """Those that keep it from being published."""
    return tuple(each for each in findings if each.blocks)


def _everything(whole: Whole, crowd: Crowd) -> Iterator[tuple[Rule | FormRule, Found]]:
    for field, text in form.texts(whole.spec):
        yield from _language(field, text, crowd)
    for item in whole.items:
        yield from _language(f"actionItems[{item.name}].title", item.title, crowd)
        yield from _language(f"actionItems[{item.name}].description", item.description, crowd)
    for rule in FORM_RULES:
        if whole.full or not rule.full:
            yield from ((rule, found) for found in rule.look(whole))


def _language(field: str, text: str, crowd: Crowd) -> Iterator[tuple[Rule, Found]]:
    for said in sentences(field, text):
        yield from ((rule, replace(found, field=field)) for rule, found in _in_sentence(said.text, said.plain, crowd))


@lru_cache(maxsize=SENTENCES_KEPT)
def _in_sentence(text: str, plain: str, crowd: Crowd) -> tuple[tuple[Rule, Found], ...]:
    """Wherever it stands. A text is looked at again whenever a word of it, of its incident or of an item changes."""
    said = Said("", text, plain)
    return tuple((rule, found) for rule in SENTENCE_RULES for found in rule.look(said, crowd))


def item_of(body: Mapping[str, Any]) -> Item:
    """An ActionItem as the API server, or a file, has it."""
    spec, meta = body.get("spec") or {}, body.get("metadata") or {}
    drafted = (meta.get("labels") or {}).get(Label.MANAGED_BY) == MACHINE
    conditions = (body.get("status") or {}).get("conditions") or ()
    done = any((c.get("type"), c.get("status")) == (ItemCondition.DONE, "True") for c in conditions)
    return Item(
        name=str(meta.get("name") or "?"),
        title=str(spec.get("title") or ""),
        description=str(spec.get("description") or ""),
        owner=str(spec.get("owner") or ""),
        due=str(spec.get("dueTime") or ""),
        answers=tuple(str(each) for each in spec.get("answers") or ()),
        counts=not (drafted or done),
    )


def items_of(spec: Mapping[str, Any], name: str, bodies: Sequence[Mapping[str, Any]]) -> tuple[Item, ...]:
    """Those that the postmortem names, in its order, then those that name it; one that is not there is told as such."""
    known = {item.name: item for item in map(item_of, bodies)}
    wanted = [str(each) for each in spec.get("actionItems") or ()]
    others = [
        i for b, i in zip(bodies, known.values(), strict=False) if (b.get("spec") or {}).get("postmortem") == name
    ]
    named = [known.get(each, Item(each, there=False)) for each in dict.fromkeys(wanted)]
    return (*named, *(i for i in others if i.name not in wanted))
