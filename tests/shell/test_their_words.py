"""What API server and webhooks say of a refusal goes into records and Events: without secrets, and otherwise as they said it."""

import pytest

from evidence.corpus import Sample, samples, traces
from stanch.shell.client import MESSAGE_MAX, Reply

USUAL = (
    'Operation cannot be fulfilled on deployments.apps "checkout": the object has been modified',
    'secrets "stanch-redaction-key" is forbidden: User "system:serviceaccount:stanch-system:stanch" cannot get resource "secrets"',
    'deployments.apps "checkout" is forbidden: User "x" cannot patch resource "deployments" in API group "apps"',
    "Cannot evict pod as it would violate the pod's disruption budget.",
    "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    'namespaces "shop" is being terminated',
)


@pytest.mark.parametrize("sample", [*samples()], ids=lambda sample: sample.name)
def test_secrets_that_they_quote_are_masked(sample: Sample) -> None:
    """A webhook may print all that it was sent."""
    said = Reply(422, {"message": f'admission webhook "x" denied the request: {sample.text}'}).message.encode()
    assert [] == [trace for secret in sample.secrets for trace in traces(secret) if trace in said]


@pytest.mark.parametrize("said", USUAL)
def test_usual_words_are_left_as_they_are(said: str) -> None:
    """What was refused is told by them, and some are looked for."""
    assert said == Reply(403, {"message": said}).message


def test_words_without_end_are_cut() -> None:
    """A record has no room for them, and nobody should wait while they are masked."""
    assert MESSAGE_MAX == len(Reply(500, {"message": "x " * MESSAGE_MAX}).message)
