"""The corpus in what changed: in templates, ConfigMaps, releases and Events; none is in the page, nor in the incident's record."""

import json

import pytest

from evidence.changing import KEY, NOON, SHOP, ago, checkout, event, failing, observed, replicaset
from evidence.corpus import Sample, samples, traces
from evidence.sample import capture, files, listed
from stanch.core.observations import Failed, Found
from stanch.evidence.bundle import bundle
from stanch.evidence.scene import Scene
from stanch.evidence.suspects import what_changed

SAMPLES = [*samples()]


def left(text: str, sample: Sample) -> list[bytes]:
    """What of its secrets can be read."""
    raw = text.encode()
    return [trace for secret in sample.secrets for trace in traces(secret) if trace in raw]


def changed(text: str):
    """A rollout an hour ago brought the text into a template, a ConfigMap got it, and everybody talks about it."""
    new = replicaset("new", 8, "app:2", ago(minutes=20), CONFIG=text)
    container = new["spec"]["template"]["spec"]["containers"][0]
    container |= {
        "args": ["-c", text],
        "envFrom": [{"configMapRef": {"name": "app-config"}}, {"secretRef": {"name": "app-secret"}}],
    }
    new["metadata"]["annotations"]["kubernetes.io/change-cause"] = text
    new["spec"]["template"]["metadata"]["annotations"] = {"note": text}
    meta = {
        "name": "app-config",
        "namespace": "shop",
        "uid": "uid-config",
        "resourceVersion": "7",
        "annotations": {"note": text, "kubectl.kubernetes.io/last-applied-configuration": text},
        "managedFields": [{"manager": "kubectl", "time": ago(minutes=15), "fieldsV1": {"f:data": {f"f:{text}": {}}}}],
    }
    secret = {"metadata": {**meta, "name": "app-secret"}, "data": {"k": text}}
    target = checkout(template=new["spec"]["template"], annotations={"kubernetes.io/change-cause": text})
    return observed(
        failing("a", ago(minutes=18)),
        target=target,
        replicasets=listed(replicaset("old", 7, "app:1", ago(hours=30), CONFIG="plain"), new),
        **{
            "configmaps_app-config": Found({"metadata": meta, "data": {"app.yaml": text}}),
            "configmaps": listed({"metadata": meta, "data": {"app.yaml": text}}),
            "secrets": listed(secret),
            "events": listed(event("ScalingReplicaSet", text, ago(minutes=19))),
            "ingresses": Failed(500, text),
        },
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_nothing_of_it_is_left_in_what_changed(sample):
    """Neither in suspects and changes, which whoever reads the incident reads, nor in any file of the bundle."""
    seen = changed(sample.text)
    told = what_changed((Scene(SHOP, seen),), seen, None, NOON, KEY)
    assert told is not None
    assert told.suspects, "the rollout must be suspected, else this proves nothing"
    record = json.dumps([s.wire() for s in told.suspects] + [told.record.wire()], ensure_ascii=False)
    assert [] == left(record, sample)
    made = bundle(capture(seen, captured_time=NOON))
    found = {name: gone for name, data in files(made).items() if (gone := left(data.decode(), sample))}
    assert {} == found
    assert [] == left(json.dumps({**made.body, "spec": {**made.body["spec"], "data": ""}}), sample)


def test_values_of_config_maps_are_never_stored_whatever_they_say():
    """What no pattern knows may be a secret too: keys and sizes are kept."""
    seen = changed("ordinary words, four seven one one")
    content = files(bundle(capture(seen, captured_time=NOON)))
    kept = [name for name, data in content.items() if b'"app.yaml"' in data or b"app.yaml" in data]
    assert kept, "the ConfigMap must be there, else this proves nothing"
    for name in kept:
        told = [line for line in content[name].decode().splitlines() if "app.yaml" in line]
        assert not any("ordinary words" in line for line in told), name
