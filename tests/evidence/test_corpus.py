"""A corpus of secrets of many kinds, put everywhere a cluster holds text: none is found anywhere afterwards."""

import base64
import copy
import json
import re
from datetime import timedelta

import pytest

from build import T0
from evidence.corpus import Sample, encoded, pem, samples, traces
from evidence.sample import KEY, SHOP, capture, crash, deployment, files, listed, world
from stanch.api.evidence import Purpose
from stanch.api.meta import Severity
from stanch.core.diff import differences
from stanch.core.observations import Failed, Found
from stanch.core.ports import CaptureRequest, Stage
from stanch.evidence import bundle as bundling
from stanch.evidence.bundle import bundle
from stanch.evidence.collector import EvidenceCollector
from stanch.evidence.redact import LINE_MAX, Redactor, cut_lines, whole_lines

SAMPLES = [*samples()]
ENCODED = [*encoded()]
REQUEST = CaptureRequest(
    "checkout-5xx", "uid", "shop", Severity.SEV1, (SHOP,), Purpose.BEFORE, "x", None, None, T0, timedelta(seconds=5)
)


def found_in(text: bytes, sample: Sample) -> list[bytes]:
    """What of its secrets can be read."""
    return [trace for secret in sample.secrets for trace in traces(secret) if trace in text]


def stamped(text: str) -> str:
    """As the kubelet gives a log: a time before each line."""
    return "".join(f"2026-11-21T14:02:40.{n:09}Z {line}\n" for n, line in enumerate(text.splitlines()))


@pytest.mark.parametrize("sample", [*SAMPLES, *ENCODED], ids=lambda sample: sample.name)
def test_nothing_of_it_is_left_in_a_log(sample):
    """As it is printed, and with the kubelet's times in front of each line."""
    for text in (f"before\n{sample.text}\nafter\n", stamped(f"before\n{sample.text}\nafter")):
        redactor = Redactor(KEY)
        masked = redactor.log(text.encode())
        assert [] == found_in(masked, sample)
        assert redactor.count >= 1
        assert b"before" in masked
        assert masked == redactor.log(masked), "masking again must change nothing"


@pytest.mark.parametrize("sample", [*SAMPLES, *ENCODED], ids=lambda sample: sample.name)
def test_nothing_of_it_is_left_in_a_document(sample):
    """A string of an object, of an object in a string, and it is JSON still."""
    for ascii_only in (True, False):
        value = {"message": sample.text, "inner": json.dumps({"m": sample.text}), "after": "after"}
        masked = Redactor(KEY).doc(json.dumps(value, ensure_ascii=ascii_only).encode())
        assert [] == found_in(masked, sample)
        assert "after" == json.loads(masked)["after"]


def everywhere(text: str):
    """A world in which one text stands wherever people or programs can put one."""
    meta = {"annotations": {"note": text, "kubectl.kubernetes.io/last-applied-configuration": text}}
    probe = {"exec": {"command": ["sh", "-c", text]}, "httpGet": {"httpHeaders": [{"name": "X-Note", "value": text}]}}
    container = {
        "name": "app",
        "image": "app:1",
        "env": [{"name": "CONFIG", "value": text}, {"name": "APP_SECRET", "value": text}],
        "command": ["sh", "-c", text],
        "args": ["run", text],
        "livenessProbe": probe,
        "lifecycle": {"preStop": probe},
    }
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": text, "finishedAt": "2026-11-21T11:20:00Z"}}
    pod = crash("a", state={"waiting": {"reason": "CrashLoopBackOff", "message": text}}, lastState=ended)
    pod["metadata"] |= meta
    pod["spec"]["containers"] = [copy.deepcopy(container)]
    pod["status"]["conditions"].append({"type": "PodScheduled", "status": "False", "reason": "X", "message": text})
    template = {"metadata": meta, "spec": {"containers": [container], "initContainers": [container]}}
    target = deployment(template=template)
    target["metadata"] |= meta
    target["status"] = {"conditions": [{"type": "Progressing", "status": "False", "reason": "X", "message": text}]}
    event = {
        "metadata": {"name": "e", "namespace": "shop", "uid": "u"},
        "involvedObject": {"kind": "Pod", "name": "a", "uid": "uid-a"},
        "type": "Warning",
        "reason": "Unhealthy",
        "message": text,
        "note": text,
    }
    replicaset = {
        "metadata": {
            "name": "r",
            "namespace": "shop",
            "uid": "uid-r",
            "ownerReferences": [{"uid": "uid-checkout", "controller": True, "kind": "Deployment", "name": "checkout"}],
        }
        | meta,
        "spec": {"template": template},
    }
    service = {"kind": "Service", "metadata": {"name": "web", "namespace": "shop"} | meta}
    config = {
        "kind": "ConfigMap",
        "metadata": {"name": "c"} | meta,
        "data": {"app.yaml": text},
        "binaryData": {"b": text},
    }
    return world(
        pod,
        log=stamped(text),
        target=Found(target),
        events=listed(event),
        replicasets=listed(replicaset),
        services=listed(service, config),
        poddisruptionbudgets=Failed(500, text),
    )


@pytest.mark.parametrize("sample", [*SAMPLES, *ENCODED[::5]], ids=lambda sample: sample.name)
def test_nothing_of_it_is_left_anywhere(sample):
    """
    In logs, environment, arguments, probes, hooks, annotations, last-applied, events, ConfigMaps, conditions, messages and errors:
    not in any file of the bundle, not in the object, not in the line for the timeline.
    """
    captured = EvidenceCollector(KEY).capture(REQUEST, everywhere(sample.text))
    whole = json.dumps({**captured.body, "spec": {**captured.body["spec"], "data": ""}}).encode()
    assert [] == found_in(whole, sample)
    assert [] == found_in(captured.excerpt.encode(), sample)
    mark = captured.failing
    assert mark is not None
    assert [] == found_in(mark.model_dump_json().encode(), sample)
    made = bundle(capture(everywhere(sample.text)))
    content = files(made)
    assert {} == {name: left for name, data in content.items() if (left := found_in(data, sample))}
    assert {"pod/a/app.log", "pod/a/app.previous.log", "events.txt", "replicasets.json", "services.json"} <= set(
        content
    )


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: sample.name)
def test_nothing_of_it_is_left_in_the_record(sample):
    """The diff of two templates that an incident shows to everybody who may read it."""
    container = {
        "name": "app",
        "env": [{"name": "CONFIG", "value": sample.text}],
        "args": ["-c", sample.text],
        "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "a", "value": sample.text}]}},
    }
    new = {"metadata": {"annotations": {"a": sample.text}}, "spec": {"containers": [container]}}
    for before, after in (({}, new), (new, {}), ({"spec": {"containers": [{"name": "app"}]}}, new)):
        assert [] == found_in("\n".join(differences(before, after, "spec.template")).encode(), sample)


def test_nothing_is_left_where_one_secret_follows_another():
    """What is before must not hide where the next one begins: all of them in one text, in several orders."""
    everything = [*SAMPLES, *ENCODED]
    for step in (1, 7, 11, 13):
        chosen = [everything[(n * step) % len(everything)] for n in range(len(everything))]
        text = "\n".join(sample.text for sample in chosen)
        for masked in (
            Redactor(KEY).log(text.encode()),
            Redactor(KEY).log(stamped(text).encode()),
            Redactor(KEY).doc(json.dumps({"m": text}).encode()),
        ):
            assert {} == {s.name: left for s in SAMPLES if (left := found_in(masked, s))}


def test_a_secret_that_the_beginning_of_a_log_cuts_through_goes_with_its_line():
    """Only the newest bytes are kept; half a secret has no pattern any more."""
    for sample in SAMPLES:
        text = stamped(f"first\n{sample.text}\n" + "later\n" * 3).encode()
        begin = text.find(sample.secrets[0][:8].encode())
        for cut in range(begin, begin + len(sample.secrets[0])):
            kept, dropped = whole_lines(text[cut:])
            masked = Redactor(KEY).log(kept)
            assert [] == found_in(masked, sample), sample.name
            assert len(text) - cut == len(kept) + dropped
            assert kept.startswith(b"2026-11-21T"), "a line that is kept is whole"


def test_of_a_log_that_was_cut_the_first_line_is_left_away_and_counted():
    """In the bundle, too: its beginning is not known. One that is whole keeps all its lines."""
    half = {"text": "cr3tV4lue and more\nlast\n", "dropped": 100}
    whole = {"text": "first\nlast\n", "dropped": 0}
    pods = {"a/app/previous": Found(half), "a/app/current": Found(whole)}
    made = bundle(capture(world(crash("a"), **pods)))
    content = files(made)
    assert (b"last\n", b"first\nlast\n") == (content["pod/a/app.previous.log"], content["pod/a/app.log"])
    (item,) = [each for each in made.items if each.name == "pod/a/app.previous.log"]
    assert 100 + len("cr3tV4lue and more\n") == item.dropped


def test_a_secret_that_the_end_of_a_line_cuts_through_goes_as_a_whole():
    """Lines are cut at 16 KiB before patterns see them."""
    for sample in SAMPLES:
        if "\n" in sample.text:
            continue
        for more in range(len(sample.text) + 2):
            line = ("x " * LINE_MAX)[: LINE_MAX - more] + sample.text + " end " + "y" * 100
            masked = Redactor(KEY).log(cut_lines(line.encode())[0])
            assert [] == found_in(masked, sample), (sample.name, more)


def test_equal_secrets_are_equal_tokens_wherever_they_stand():
    """In a log, in the environment, in an event: what belongs together can be seen."""
    made = bundle(capture(everywhere("password=hunter2S3cr3tV4lue")))
    content = files(made)
    tokens = {
        name: set(re.findall(rb"\*\*\*value:([0-9a-f]{8})\*\*\*", content[name]))
        for name in ("pod/a/app.log", "events.json", "pod/a/pod.json", "deployment/checkout.describe.txt")
    }
    assert all(tokens.values())
    assert 1 == len(set.union(*tokens.values())), tokens


def test_how_many_were_masked_is_told_by_sort():
    """In the object's manifest; together they are what the table shows."""
    text = f"{pem('RSA PRIVATE KEY')}\npassword=hunter2S3cr3tV4lue\ngit clone https://a:b2c3d4e5f6@git.example/x"
    spec = bundle(capture(everywhere(text))).body["spec"]
    counts = {each["name"]: each["count"] for each in spec["families"]}
    assert {"pem", "value", "url", "env"} <= set(counts)
    assert spec["redactions"] == sum(counts.values())


CALM = [
    "image: registry.example/shop/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "pod checkout-7c9d8f6b54-x2x4k uid 3f0c9a1e-5d7b-4c1a-9f2e-0a1b2c3d4e5f on ip-10-0-12-34.eu-west-1.compute.internal",
    "terminationGracePeriodSeconds progressDeadlineSeconds preferredDuringSchedulingIgnoredDuringExecution",
    "certificate-authority-data: "
    + base64.b64encode(b"-----BEGIN CERTIFICATE-----\nMIIC\n-----END CERTIFICATE-----\n").decode(),
    "payload " + base64.b64encode(b"nothing to see here, move along please, thank you").decode(),
    "commit 2fd4e1c67a2d28fced849ee1bb76e7391b93eb12 and aGVsbG8gd29ybGQsIGhlbGxvIG1vb24=",
    "docker run -u 1000:1000 --user 1000:1000 app; journalctl -u kubelet; ps -u root",
    "basic authentication is required; Basic checks passed",
    "task-1234567890123456789012 disk-abcdefghijklmnopqrstuvwx",
    'secret "db-credentials" not found; configmap "flags" not found',
    "password authentication failed for user app; password is required; invalid password",
    "container 4021111111111111 at 1732281600000000 took 4242424242424241 ns, id 4f4242424242424242",
    "mysql -h db -u root -p shop; docker login registry.example; redis-cli -h cache ping; sqlplus / as sysdba",
    "mysqld: ready for connections, socket /tmp/mysql.sock -p; mongod --port 27017",
    "identified by its name; connecting to db:5432: refused; db:5432:shop",
    "- name: TOKEN_FILE\n  value: /var/run/token\n- name: PORT\n  value: 80",
    "password:\n  secretKeyRef:\n    name: db\n",
    "mail ana@shop.example:25 from pod@node-1; image shop/app:1@sha256:9f86d081; 12:30:01@host:80",
    "authorization: denied for user ana in namespace shop",
    "the client key is at /etc/tls; routing key orders; primary key (id)",
    "token->next; if (token > 5) return; token >= limit",
    "<token/> <password></password>",
]


@pytest.mark.parametrize("text", CALM)
def test_what_only_looks_like_one_is_left_as_it_is(text):
    """Names, digests, certificates and harmless base64 are what one looks for."""
    redactor = Redactor(KEY)
    assert text == redactor.log(text.encode()).decode()
    assert 0 == redactor.count


@pytest.mark.parametrize("sample", [s for s in (*SAMPLES, *ENCODED) if "\n" in s.text], ids=lambda sample: sample.name)
def test_the_cut_of_part_a_gives_nothing_away(sample, monkeypatch):
    """Wherever in a secret of many lines the newest bytes of a log begin: it is masked before it is cut."""
    monkeypatch.setattr(bundling, "FIRST_LOG_BYTES", 300)
    text = stamped(f"before\n{sample.text}\nafter")
    for behind in range(0, 300, 7):
        log = f"{text}{'-' * behind}\n"
        made = bundle(capture(world(crash("a"), log=log), stage=Stage.FIRST))
        kept = files(made)["pod/a/app.previous.log"]
        assert len(kept) <= 300
        assert [] == found_in(kept, sample), behind
