"""A workload that gives away the whole corpus of secrets: in environment, arguments, a ConfigMap, its log and its last words."""

import base64
import io
import re
import tarfile
from typing import Any, Final

from e2e.support.world import BAD, World, container, incident, wish
from evidence.corpus import Sample, encoded, samples, traces

SAMPLES: Final = [*samples(), *encoded()]
# A shell may not be handed more than this in one go, and of these each secret is met in its plain form.
_SAID_ALOUD: Final = [*samples()]
LAST_WORDS: Final = "cat /corpus/*; echo 'FATAL: password=hunter2S3cr3tV4lue'; cat /corpus/s-0*; exit 1"


def leaking(world: World) -> None:
    """It served, and the release that gives everything away crashes; somebody rolls it back."""
    texts = {f"s-{number:03}": sample.text + "\n" for number, sample in enumerate(SAMPLES)}
    corpus = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "corpus"}, "data": texts}
    world.admin.create(corpus, world.ns).must()
    world.deploy()
    world.serving()
    world.release(_pod())
    world.crashed()
    world.declare(incident(wish()))


def _pod() -> dict[str, Any]:
    env = [{"name": f"SECRET_{number}", "value": sample.text} for number, sample in enumerate(_SAID_ALOUD)]
    more = {
        "env": [*env, *({"name": f"SETTING_{n}", "value": sample.text} for n, sample in enumerate(_SAID_ALOUD))],
        "args": ["leaking", *(sample.text for sample in _SAID_ALOUD)],
        "volumeMounts": [{"name": "corpus", "mountPath": "/corpus"}],
        "terminationMessagePolicy": "FallbackToLogsOnError",
    }
    return {
        "containers": [container(BAD, LAST_WORDS, **more)],
        "volumes": [{"name": "corpus", "configMap": {"name": "corpus"}}],
        "terminationGracePeriodSeconds": 0,
    }


def given_away(text: bytes, of: list[Sample] = SAMPLES) -> list[str]:
    """Names of samples of which a secret can be read in a text."""
    return sorted({s.name for s in of for secret in s.secrets for trace in traces(secret) if trace in text})


def unpacked(evidence: dict[str, Any]) -> dict[str, bytes]:
    """The files of an Evidence object, and the object without them."""
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(evidence["spec"]["data"])), mode="r:gz") as archive:
        found = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}  # type: ignore[union-attr]
    rest = re.sub(r"'data': '[^']*'", "", str({**evidence, "spec": {**evidence["spec"], "data": ""}}))
    return {**found, "the object": rest.encode()}
