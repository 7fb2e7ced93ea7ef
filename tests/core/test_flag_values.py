"""Values of ConfigMaps in plans, conflicts and refusals: a flag is shown, and nothing that could be a secret."""

import pytest

from build import Json, entry
from evidence.corpus import SHAPES, S, Sample, samples, traces
from objects import obj, wish, world
from stanch.api.actions import ConfigFlag
from stanch.api.meta import TargetKind
from stanch.core.diff import differences
from stanch.core.observations import Failed, Found
from stanch.core.plain import is_plain, without_values
from stanch.core.ports import Aim
from stanch.core.questions import DryRun, Question
from stanch.core.swap import ABSENT
from stanch.core.three_way import conflicts, in_words
from world import World

FLAG = wish("ConfigMap", "flags", configFlag={"key": "recommendations", "value": "off"})
LINE = wish("ConfigMap", "flags", configFlag={"key": "DB_PASSWORD", "value": "off"})
SECRETS = [*(Sample(name, shape, (shape,)) for name, shape in SHAPES.items()), *samples()]
FLAGS = (
    "on",
    "off",
    "TRUE",
    "1",
    "0.25",
    "50%",
    "30s",
    "512Mi",
    "v2",
    "1.8.3",
    "blue",
    "blue-green",
    "new_search",
    "a,b",
    "",
)


def left(said: object, sample: Sample) -> list[bytes]:
    """What of its secrets can be read."""
    raw = str(said).encode()
    return [trace for secret in sample.secrets for trace in traces(secret) if trace in raw]


@pytest.mark.parametrize("sample", SECRETS, ids=lambda sample: sample.name)
def test_no_secret_of_the_corpus_is_shown(sample: Sample) -> None:
    """Found, wrote or now, alone or in a text, by key or as the whole of the data: the path is told, the value is not."""
    told = [
        *conflicts({"/data/a": sample.text}, {"/data/a": "off"}, {"/data/a": "on"}),
        *conflicts({"/data/a": "on"}, {"/data/a": "off"}, {"/data/a": sample.text}),
        *conflicts({"/data": ABSENT}, {"/data": {"a": "off"}}, {"/data": {"a": "off", "b": sample.text}}),
        *conflicts({"/data": {}}, {"/data": {"a": "off"}}, {"/data": {"a": "off", "b": sample.text}}),
    ]
    lines = [*differences("off", sample.text, "data.a"), *differences({"a": "x"}, {"b": sample.text}, "data")]
    assert ([], []) == (left(in_words(tuple(told)), sample), left([c.wire() for c in told], sample))
    assert [] == left(lines, sample)
    assert lines


@pytest.mark.parametrize("sample", SECRETS, ids=lambda sample: sample.name)
def test_no_secret_of_the_corpus_is_in_a_plan(sample: Sample) -> None:
    """As the old value and as the new one: summary, diff, lines to paste and the debt."""
    there = world(FLAG, configmaps=obj("flags", data={"recommendations": sample.text}))
    there.repeat = False
    there.look()
    assert 1 == len(there.effects)
    assert [] == left(there.incident.status.wire(), sample)
    assert [] == left([e for p in there.plans for e in p.events], sample)
    flag = there.catalog.mitigations["configFlag"]
    owed = flag.owes(ConfigFlag(key="a", value=sample.text), Aim(TargetKind.CONFIG_MAP, "flags", "shop"))
    assert [] == left(owed, sample)


@pytest.mark.parametrize("value", FLAGS)
def test_a_flag_is_shown(value: str) -> None:
    """Who decides at night must see what it was and what it will be."""
    assert is_plain("recommendations", value)
    assert (f"data.a: {value} -> (not shown)",) == differences(value, S, "data.a")


@pytest.mark.parametrize("value", ["letmein", "hunter", "4711", "Sommer-2026"])
@pytest.mark.parametrize("key", ["DB_PASSWORD", "api-key", "smtp.pin", "SESSION"])
def test_under_the_name_of_a_secret_only_a_switch_is_shown(key: str, value: str) -> None:
    """A weak password looks like a word."""
    assert not is_plain(key, value)
    assert is_plain(key, "off")


def test_a_password_in_a_config_map_is_nowhere() -> None:
    """Somebody changed it after the effect, and somebody asks for the undo: none of the values is told, and it is undone or not."""
    there = world(LINE, configmaps=obj("flags", data={"DB_PASSWORD": "letmein"})).run(seconds=20)
    there.objects[("configmaps", "flags")]["data"]["DB_PASSWORD"] = "opensesame"
    there.say(entry("alice", undo={"mitigation": "act"})).run(minutes=2)
    record = there.record("act")
    assert record.conflict is not None
    assert "(not shown, another)" == record.conflict[0].now
    for said in (there.incident.status.wire(), [e for p in there.plans for e in p.events]):
        assert not [word for word in ("letmein", "opensesame") if word in str(said)]


class Refuses(World):
    """Its API server, or a webhook, refuses what is tried, in words that quote it; or makes something else of it."""

    words = 'admission webhook "flags" denied the request: data[recommendations]: Invalid value: "letmein2": was "opensesame"'
    other: Json | None = None

    def answer(self, question: Question) -> Found | Failed:
        """As in the words."""
        if isinstance(question, DryRun):
            return Found(self.other) if self.other else Failed(422, self.words)
        return super().answer(question)  # type: ignore[return-value]


def refused(other: Json | None = None) -> str:
    """What the record says of a flag whose old and new value are passwords."""
    asked = wish("ConfigMap", "flags", configFlag={"key": "recommendations", "value": "letmein2"})
    usual = world(asked, configmaps=obj("flags", data={"recommendations": "open:sesame"}))
    there = Refuses(usual.incident, objects=usual.objects)
    there.words = there.words.replace("opensesame", "open:sesame")
    there.other = other
    there.run(minutes=2)
    assert [] == there.effects
    return there.record("act").message or ""


def test_who_refuses_is_quoted_without_the_values() -> None:
    """Most say what they refuse."""
    said = refused()
    assert 'Invalid value: "(not shown)": was "(not shown)"' in said
    assert 'admission webhook "flags" denied the request' in said


def test_what_the_api_server_would_make_of_it_is_not_shown() -> None:
    """A webhook may put a password there."""
    said = refused(obj("flags", data={"recommendations": "swordfish9"}))
    assert "data.recommendations: (not shown) -> (not shown)" in said
    assert "swordfish9" not in said


def test_variables_are_quoted_without_their_values() -> None:
    """In a template what may be a secret stands beside its name; what stays is what helps: the image."""
    env = [{"name": "DB_PASSWORD", "value": "letmein"}, {"name": "MODE", "value": "fast"}]
    template = {"spec": {"containers": [{"name": "app", "image": "shop/checkout:1.8.3", "env": env}]}}
    said = without_values('denied: shop/checkout:1.8.3 with "letmein" and fast', {"/spec/template": template})
    assert 'denied: shop/checkout:1.8.3 with "(not shown)" and fast' == said
