"""Three values of each field, bounded, and no secret among them."""

from datetime import timedelta

from build import entry, incident
from stanch.core.swap import ABSENT
from stanch.core.three_way import CONFLICTS_MAX, conflicts, in_words
from world import World

POINTER = "/spec/template"


def _template(image, **env):
    variables = [{"name": name, "value": value} for name, value in env.items()]
    return {"spec": {"containers": [{"name": "app", "image": image, "env": variables}]}}


def test_each_field_is_told_three_ways():
    """What stanch found, what it wrote, what is there now: by the field's full path."""
    (one,) = conflicts({POINTER: _template("a:1")}, {POINTER: _template("a:2")}, {POINTER: _template("a:3")})
    assert ("spec.template.spec.containers[app].image", "a:1", "a:2", "a:3") == (
        one.path,
        one.found,
        one.wrote,
        one.now,
    )


def test_a_plain_field_has_a_name_too():
    """`/spec/replicas` is spec.replicas; what is not there is said to be none."""
    (one,) = conflicts({"/spec/replicas": ABSENT}, {"/spec/replicas": 4}, {"/spec/replicas": 5})
    assert "spec.replicas: found (none), wrote 4, now 5" == in_words((one,))


def test_what_somebody_changed_comes_before_what_stands():
    """Both sides are told: theirs, which undo would overwrite, then ours, which it would take back."""
    found = {"/spec/a": 1, "/spec/b": 1}
    told = conflicts(found, {"/spec/a": 2, "/spec/b": 2}, {"/spec/a": 2, "/spec/b": 3})
    assert ["spec.b", "spec.a"] == [c.path for c in told]
    assert "spec.a" not in in_words(told)


def test_a_field_that_only_somebody_else_touched_is_told():
    """They added a container's variable; stanch had left it alone."""
    (one,) = conflicts({"/spec/x": {"k": 1}}, {"/spec/x": {"k": 1}}, {"/spec/x": {"k": 1, "new": 2}})
    assert ("spec.x.new", "(none)", "(none)", "2") == (one.path, one.found, one.wrote, one.now)


def test_values_of_variables_are_not_shown():
    """They may be passwords; that it is another one is all that is told."""
    told = conflicts(
        {POINTER: _template("a", KEY="old")},
        {POINTER: _template("a", KEY="ours")},
        {POINTER: _template("a", KEY="new")},
    )
    text = in_words(told)
    assert "KEY" in text
    assert "another" in text
    assert not [word for word in ("old", "ours", "new") if word in text]


def test_a_container_that_came_as_a_whole_shows_no_variables():
    """Its variables are inside the one value that would be shown."""
    sidecar = {"name": "sidecar", "env": [{"name": "KEY", "value": "hunter2"}]}
    now = {"spec": {"containers": [*_template("a")["spec"]["containers"], sidecar]}}
    (one,) = conflicts({POINTER: _template("a")}, {POINTER: _template("a")}, {POINTER: now})
    assert ("spec.template.spec.containers[sidecar]", "(not shown)") == (one.path, one.now)


def test_hundreds_of_fields_are_counted_and_not_listed():
    """The record stays small, and says how many there are."""
    values = [{f"k{i:03d}": str(v) * 400 for i in range(300)} for v in range(3)]
    told = conflicts(*({"/data": v} for v in values))
    assert (CONFLICTS_MAX, f"and {300 - CONFLICTS_MAX + 1} more") == (len(told), told[-1].path)
    assert len(in_words(told)) < 500
    assert all(len(c.wire()[part]) <= 200 for c in told for part in ("path", "found", "wrote", "now"))


def test_only_the_newest_conflict_is_kept_whole():
    """Thirty refusals of a dozen fields each would be more than a status may hold."""
    names = ("one", "two")
    wishes = [
        {
            "name": n,
            "configFlag": {"key": n, "value": "off"},
            "target": {"kind": "ConfigMap", "name": "flags"},
            "when": "Always",
        }
        for n in names
    ]
    world = World(
        incident(*wishes, targets=None, recovery={"hold": "10m", "criteria": [{"name": "word", "manual": {}}]})
    )
    meta = {"name": "flags", "namespace": "shop", "uid": "flags"}
    world.objects[("configmaps", "flags")] = {"metadata": meta, "data": {"one": "on", "two": "on"}}
    world.run(seconds=10)
    world.objects[("configmaps", "flags")]["data"] = {"one": "half", "two": "half"}
    for number, name in enumerate(names):
        world.say(entry("alice", after=timedelta(minutes=number + 1), undo={"mitigation": name})).run(minutes=1)
    assert [None, "data.two"] == [c[0].path if (c := world.record(n).conflict) else None for n in names]
    assert all("found on, wrote off, now half" in world.record(n).message for n in names)
