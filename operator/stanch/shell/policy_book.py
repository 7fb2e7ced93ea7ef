"""Which ResponsePolicies are in force: the last good one of each namespace, and what that means for an incident there."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final

from stanch.api.names import OPERATOR_NAMESPACE
from stanch.api.policy import Policy
from stanch.api.response_policy import POLICY_NAME, ResponsePolicySpec
from stanch.core.observations import Policies
from stanch.core.policy_judge import Standing, stand
from stanch.core.policy_merge import effective
from stanch.core.questions import RESPONSE_POLICIES
from stanch.shell.bells import Bells, Key
from stanch.shell.cache import Cache, version
from stanch.shell.client import Kube, Unanswered

LOG = logging.getLogger("stanch.policies")
EVERY_SECONDS: Final = 60.0
SOON_SECONDS: Final = 2.0
_AT_ONCE: Final = 200

Body = Mapping[str, Any]


class PolicyBook:
    """
    The newest body of each policy and what counts of it. ``base`` is what is built in.

    ``problem`` says why nothing may be done yet: what has not been read could be stricter than what is built in. ``unread``
    is why the last list failed; the watch goes on telling all the same.
    """

    def __init__(self, base: Policy, problem: str = "") -> None:
        """Nothing is in force but what is built in."""
        self.base, self.problem, self.unread = base, problem, ""
        self._bodies: dict[Key, Body] = {}
        self._standing: dict[Key, Standing] = {}
        self._effective: dict[str, Policy] = {}

    def policy(self, namespace: str) -> Policy:
        """What is in force for incidents of a namespace."""
        if namespace not in self._effective:
            own = None if namespace == OPERATOR_NAMESPACE else self._spec(namespace)
            self._effective[namespace] = effective(self.base, self.cluster(), own)
        found = self._effective[namespace]
        # Until they have been read nobody knows whom to tell: it is told then.
        return replace(found, channels=None) if self.problem else found

    def cluster(self) -> ResponsePolicySpec | None:
        """What is in force of the cluster's own policy."""
        return self._spec(OPERATOR_NAMESPACE)

    def proven(self, policies: Policies) -> Policies:
        """Whether effects may rest on what is known: on the admission policies, and on the ResponsePolicies."""
        if not (policies.proven and self.problem):
            return policies
        return replace(policies, proven=False, problem=self.problem, stamped=True)

    def body(self, key: Key) -> Body | None:
        """The newest known body."""
        return self._bodies.get(key)

    def standing(self, key: Key) -> Standing | None:
        """What counts of it."""
        return self._standing.get(key)

    def keys(self) -> list[Key]:
        """All known policies."""
        return list(self._bodies)

    def take(self, body: Body) -> bool:
        """Keep it, unless what we have is newer; whether something else is in force by it."""
        meta = body["metadata"]
        key = Key(RESPONSE_POLICIES.plural, meta["namespace"], meta["name"])
        known = self._bodies.get(key)
        if known is not None and known["metadata"]["uid"] == meta["uid"] and version(dict(body)) < version(dict(known)):
            return False
        before = self._standing.get(key)
        self._bodies[key], self._standing[key] = body, stand(body, before)
        return self._changed(key, before.spec if before else None)

    def drop(self, key: Key, uid: str = "") -> bool:
        """It is gone (of this uid: another of the name may be there already); whether something else is in force by it."""
        known = self._standing.get(key)
        if known is None or (uid and known.uid != uid):
            return False
        del self._bodies[key], self._standing[key]
        return self._changed(key, known.spec)

    def take_all(self, bodies: Iterable[Body], listed: int) -> set[str]:
        """All there are as of version ``listed``: whose namespaces something else is in force in."""
        changed, there = set(), set()
        for body in bodies:
            meta = body["metadata"]
            there.add(Key(RESPONSE_POLICIES.plural, meta["namespace"], meta["name"]))
            if self.take(body):
                changed.add(meta["namespace"])
        for key in set(self._bodies) - there:
            if version(dict(self._bodies[key])) <= listed and self.drop(key):
                changed.add(key.namespace)
        return changed

    def _spec(self, namespace: str) -> ResponsePolicySpec | None:
        standing = self._standing.get(Key(RESPONSE_POLICIES.plural, namespace, POLICY_NAME))
        return standing.spec if standing else None

    def _changed(self, key: Key, before: ResponsePolicySpec | None) -> bool:
        now = self._standing.get(key)
        if before == (now.spec if now else None):
            return False
        if key.namespace == OPERATOR_NAMESPACE:
            self._effective.clear()
        else:
            self._effective.pop(key.namespace, None)
        return True


def heard(book: PolicyBook, cache: Cache, bells: Bells, body: Body, gone: bool) -> None:
    """A policy was written or deleted: it counts at once, and whom it concerns is looked at."""
    meta = body["metadata"]
    key = Key(RESPONSE_POLICIES.plural, meta["namespace"], meta["name"])
    changed = book.drop(key, meta["uid"]) if gone else book.take(body)
    bells.ring(key)
    if changed:
        ring(book, cache, bells, {key.namespace})


def ring(book: PolicyBook, cache: Cache, bells: Bells, namespaces: set[str]) -> None:
    """Look at all incidents of these namespaces; at everything, and all other policies, when the cluster's changed."""
    everywhere = OPERATOR_NAMESPACE in namespaces
    for key in [*cache.all(), *book.keys()]:
        if everywhere or key.namespace in namespaces:
            bells.ring(key)


async def read_policies(kube: Kube, book: PolicyBook) -> set[str] | None:
    """
    List them all; whose namespaces something else is in force in. None when they can't be read.

    Without the kind there are none. When it goes away later what was known stays: nothing is loosened by an upgrade.
    """
    found: list[Body] = []
    params = {"limit": str(_AT_ONCE)}
    while True:
        try:
            reply = await kube.get(RESPONSE_POLICIES.path(None), params)
        except Unanswered as error:
            return _unread(book, str(error))
        if reply.status == 404:
            return _read(book, set())
        if not reply.ok:
            return _unread(book, reply.message)
        found += reply.body.get("items") or ()
        meta = reply.body.get("metadata") or {}
        if not meta.get("continue"):
            return _read(book, book.take_all(found, int(meta.get("resourceVersion") or 0)))
        params["continue"] = meta["continue"]


def _read(book: PolicyBook, changed: set[str]) -> set[str]:
    book.problem = book.unread = ""
    return changed


def _unread(book: PolicyBook, why: str) -> set[str] | None:
    """Before the first list nothing may be done; said once, for it is tried again and again."""
    if why != book.unread:
        LOG.warning("ResponsePolicies can't be read", extra={"why": why})
    book.unread = why
    if book.problem:
        book.problem = f"ResponsePolicies can't be read, so nobody knows what may be done: {why}"[:900]
    return None
