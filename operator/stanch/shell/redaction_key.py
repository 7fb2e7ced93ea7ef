"""
The key that those of incidents are made of, which turn secrets into tokens (ADR 57): made once, kept in the operator's namespace.
"""

import asyncio
import base64
import logging
import secrets
from typing import Final

from stanch.api.names import FIELD_MANAGER, OPERATOR_NAMESPACE, Label
from stanch.core.records import REDACTION_KEY_TYPE
from stanch.shell.client import Kube, Reply, Unanswered

LOG = logging.getLogger("stanch.run")
NAME: Final = "stanch-redaction-key"
_PATH: Final = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets"
# It is the first thing a start asks for, perhaps of an API server that has a hard time, too: then a pod that ends would come
# back later than one that waits.
TRIES: Final = 4
PAUSE_SECONDS: Final = 5.0


async def redaction_key(kube: Kube) -> bytes:
    """
    The key, made if there is none; two replicas that make it at once end with the same.

    An API server that does not answer, or has no time, is asked again. Raises RuntimeError and Unanswered.
    """
    for left in reversed(range(TRIES)):
        try:
            reply = await _ask(kube)
        except Unanswered as error:
            if not left:
                raise
            LOG.warning("no answer yet", extra={"why": str(error)})
        else:
            if reply.ok:
                return base64.b64decode(reply.body["data"]["key"])
            if not left or not reply.busy:
                break
            LOG.warning("the API server has no time yet", extra={"status": reply.status, "why": reply.message})
        await asyncio.sleep(PAUSE_SECONDS)
    raise RuntimeError(
        f"Secret {OPERATOR_NAMESPACE}/{NAME} can't be read: {reply.message}; is the RBAC installed (make install)?"
    )


async def _ask(kube: Kube) -> Reply:
    """The Secret, after making it where there was none."""
    reply = await kube.get(f"{_PATH}/{NAME}")
    if reply.status == 404:
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": REDACTION_KEY_TYPE,
            "immutable": True,
            "metadata": {"name": NAME, "namespace": OPERATOR_NAMESPACE, "labels": {Label.MANAGED_BY: FIELD_MANAGER}},
            "data": {"key": base64.b64encode(secrets.token_bytes(32)).decode()},
        }
        await kube.create(_PATH, body)
        reply = await kube.get(f"{_PATH}/{NAME}")
    return reply
