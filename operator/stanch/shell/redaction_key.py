"""The key that turns secrets into tokens: made once, kept in the operator's namespace, so that equal values stay equal."""

import base64
import secrets
from typing import Final

from stanch.api.names import FIELD_MANAGER, OPERATOR_NAMESPACE, Label
from stanch.shell.client import Kube

NAME: Final = "stanch-redaction-key"
_PATH: Final = f"/api/v1/namespaces/{OPERATOR_NAMESPACE}/secrets"


async def redaction_key(kube: Kube) -> bytes:
    """The key, made if there is none; two replicas that make it at once end with the same. Raises RuntimeError."""
    reply = await kube.get(f"{_PATH}/{NAME}")
    if reply.status == 404:
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "stanch.dev/redaction-key",
            "immutable": True,
            "metadata": {"name": NAME, "namespace": OPERATOR_NAMESPACE, "labels": {Label.MANAGED_BY: FIELD_MANAGER}},
            "data": {"key": base64.b64encode(secrets.token_bytes(32)).decode()},
        }
        await kube.create(_PATH, body)
        reply = await kube.get(f"{_PATH}/{NAME}")
    if not reply.ok:
        raise RuntimeError(
            f"Secret {OPERATOR_NAMESPACE}/{NAME} can't be read: {reply.message}; is the RBAC installed (make install)?"
        )
    return base64.b64decode(reply.body["data"]["key"])
