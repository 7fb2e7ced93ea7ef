"""Rules about which alerts a Runbook is for, and what it takes from them."""

from collections.abc import Iterator
from typing import Final

from stanch.api.runbook import PARAMETER, Parameter
from stanch.cli.runbook.findings import Found, Rule, Subject
from stanch.core.regex import NotARegexError, compiled
from stanch.core.runbook_match import Matcher, NotAMatcherError, choose, fits, parse
from stanch.core.runbook_render import used

ALERTS: Final = ("spec", "match", "alerts")
# None of these may ever be a name: what lets one of them pass lets anything pass.
_HOSTILE: Final = ("../../kube-system/x", "a b", 'a"} or vector(1)', "$(x)", "a;b")


def unreadable(subject: Subject) -> Iterator[Found]:
    """Matchers that Alertmanager would not take either."""
    for index, text in enumerate(_alerts(subject)):
        try:
            parse(text)
        except NotAMatcherError as error:
            yield (*ALERTS, index), str(error)


def never_fits(subject: Subject) -> Iterator[Found]:
    """One that no label can fit, or two that exclude each other."""
    if len(subject.matchers) < len(_alerts(subject)):
        return
    for index, matcher in enumerate(subject.matchers):
        if matcher.operator == "=~" and not compiled(matcher.value).can_fit():
            yield (*ALERTS, index), f"{matcher}: no text fits this regular expression"
    for index, matcher in enumerate(subject.matchers):
        if other := next((m for m in subject.matchers[:index] if _exclude(m, matcher)), None):
            yield (*ALERTS, index), f"{matcher} and {other} can't both fit"


def _exclude(one: Matcher, other: Matcher) -> bool:
    """Does the only value that one of two allows not fit the other?"""
    if one.label != other.label:
        return False
    pairs = ((one, other), (other, one))
    return any(a.operator == "=" and not b.fits({a.label: a.value}) for a, b in pairs)


def fits_all(subject: Subject) -> Iterator[Found]:
    """Matchers that an alert without any label fits."""
    if _alerts(subject) and fits(subject.runbook, {}):
        yield ALERTS, "an alert without any label fits, so every alert does that lacks a few labels"


def never_chosen(subject: Subject) -> Iterator[Found]:
    """An alert of its own tests for which several are of equal rank."""
    for labels in subject.samples:
        choice = choose(labels, subject.together)
        if choice.chosen is None and any(r.key == subject.runbook.key for r in choice.tied):
            others = ", ".join(r.key for r in choice.tied if r.key != subject.runbook.key)
            shown = ", ".join(f'{k}="{v}"' for k, v in sorted(labels.items()))
            yield (
                ("spec", "match", "priority"),
                f"for {{{shown}}} it is of the same rank as {others}, so neither is run",
            )


def undeclared(subject: Subject) -> Iterator[Found]:
    """`$(x)` without a parameter x."""
    declared = {each.name for each in _parameters(subject)}
    for name in sorted(used(subject.runbook) - declared):
        yield ("spec", "parameters"), f"$({name}) is written, but there is no parameter {name}"


def unused(subject: Subject) -> Iterator[Found]:
    """A parameter that nothing is made of."""
    needed = used(subject.runbook)
    for index, each in enumerate(_parameters(subject)):
        if each.name not in needed:
            yield ("spec", "parameters", index), f"$({each.name}) is written nowhere, so its value changes nothing"


def unbounded(subject: Subject) -> Iterator[Found]:
    """A parameter that takes any text, or is told twice what it takes."""
    for index, each in enumerate(_parameters(subject)):
        at = ("spec", "parameters", index)
        if each.one_of is None and each.pattern is None:
            source = f"the alert's label {each.from_alert_label}" if each.from_alert_label else "a person"
            yield at, f"parameter {each.name} takes whatever {source} says; give it oneOf or pattern"
        elif each.one_of is not None and each.pattern is not None:
            yield at, f"parameter {each.name} has oneOf and pattern; write one of them"


def bad_pattern(subject: Subject) -> Iterator[Found]:
    """A pattern that can't be read, that nothing fits, or that anything fits."""
    for index, each in enumerate(_parameters(subject)):
        at = ("spec", "parameters", index, "pattern")
        if each.pattern is None:
            continue
        try:
            regex = compiled(each.pattern)
        except NotARegexError as error:
            yield at, str(error)
            continue
        taken = next((text for text in _HOSTILE if regex.fits(text)), None)
        if not regex.can_fit():
            yield at, f"no text fits {each.pattern}"
        elif taken is not None:
            yield at, f"{each.pattern} takes {taken!r}, which is the name of nothing"


def label_not_required(subject: Subject) -> Iterator[Found]:
    """A parameter read from a label that the alerts it is for may lack."""
    for index, each in enumerate(_parameters(subject)):
        label = each.from_alert_label
        if not label or not subject.matchers or not (each.required or each.name in used(subject.runbook)):
            continue
        if not any(m.label == label and not m.fits({}) for m in subject.matchers):
            yield (
                ("spec", "parameters", index, "fromAlertLabel"),
                f"an alert without the label {label} fits, and then there is no value for {each.name}",
            )


def _alerts(subject: Subject) -> tuple[str, ...]:
    match = subject.runbook.spec.match
    return (match.alerts if match else None) or ()


def _parameters(subject: Subject) -> tuple[Parameter, ...]:
    return subject.runbook.spec.parameters or ()


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "RB003",
        "matcher-unreadable",
        "A Runbook with one matcher that can't be read is for no alert at all.",
        'Write label="value", or with !=, =~ or !~, as in Alertmanager; regular expressions are RE2 and fit the whole value.',
        unreadable,
    ),
    Rule(
        "RB004",
        "matcher-never-fits",
        "The alert fires, and nobody is told that there is a Runbook.",
        "All matchers must fit one alert: take one away, or correct its value.",
        never_fits,
    ),
    Rule(
        "RB005",
        "matches-everything",
        "It is offered for alerts it was not written for, and the one that was meant loses or ties.",
        'Name the alerts: alertname=~"A|B".',
        fits_all,
    ),
    Rule(
        "RB006",
        "same-rank",
        "Of several Runbooks of equal rank none is run: a tie is listed, never guessed.",
        "Give one of them a higher match.priority, or a matcher that tells them apart.",
        never_chosen,
    ),
    Rule(
        "RB007",
        "parameter-undeclared",
        "There is no plan: a value that is not declared can't be given.",
        f"Declare it in spec.parameters (names are {PARAMETER}), or correct the name.",
        undeclared,
    ),
    Rule(
        "RB008",
        "parameter-unused",
        "Whoever gives it believes that it decides something.",
        "Write it where it belongs, or take it away.",
        unused,
    ),
    Rule(
        "RB009",
        "parameter-unbounded",
        "Labels of alerts are other people's text; without bounds they choose what is acted on.",
        "Write oneOf: [the values], or pattern: a regular expression for the whole value.",
        unbounded,
    ),
    Rule(
        "RB010",
        "parameter-pattern",
        "A pattern that nothing fits gives no plan; one that everything fits keeps nothing out.",
        "For names of objects: pattern: '[a-z0-9]([-a-z0-9.]*[a-z0-9])?'",
        bad_pattern,
    ),
    Rule(
        "RB011",
        "label-not-required",
        "It is chosen for an alert it has no values for: at 2 AM somebody has to find out and type them.",
        'Add a matcher: label!=""; or drop fromAlertLabel and have people give it.',
        label_not_required,
    ),
)
