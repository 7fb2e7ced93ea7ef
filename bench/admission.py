"""
M6: what our admission policies add to a POST, beside the same POST in a namespace that their bindings pass over.

Both in turn in one run, by a ServiceAccount with a token of its own: impersonation would make both longer, and the ratio
better than it is. No operator runs meanwhile. The bindings are not deleted: were the bench killed, the cluster would be
open to everybody; so only namespaces with a label of the bench's are, and `make install` mends it.
"""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.api import Api, BenchError
from bench.measures import Took
from bench.workload import COLLECTOR, INCIDENT, MACHINE, incident, until
from stanch.api.names import API_VERSION, Label
from stanch.shell.policies import EXPECTED, problem

PASSED_OVER: Final = "bench-without-policies"
GROUP: Final = "/apis/admissionregistration.k8s.io/v1"
REMEDY: Final = "run `make install`, which puts them back"
WARM_UP: Final = 8
# So that what a deletion leads to in the API server is over.
PAUSE: Final = 0.02
# The API server takes in changed bindings once a second, those that stamp apart from those that refuse.
TAKEN_IN: Final = 3.0
ONE, NONE = "one mitigation", "no mitigation"


@dataclass(frozen=True, slots=True)
class Case:
    """One kind of POST."""

    what: str
    policies: bool


CASES: Final = (Case(ONE, True), Case(ONE, False), Case(NONE, True), Case(NONE, False))


def turns(number: int) -> tuple[Case, ...]:
    """The order of one repetition: in eight of them each case comes as often in each place, and after each direction."""
    start = number // 2 % len(CASES)
    turned = CASES[start:] + CASES[:start]
    return turned if number % 2 == 0 else turned[::-1]


def declared(what: str) -> dict[str, Any]:
    """What is sent: the Incident of M1, or the same with nothing asked for."""
    body = incident()
    if what == NONE:
        del body["spec"]["mitigations"]
    return body


def check(case: Case, spec: Mapping[str, Any], user: str) -> None:
    """Nothing is compared but what it is said to be: stamped where the policies are in force, bare elsewhere."""
    asked = [name for r in spec.get("requesters", []) if r["username"] == user for name in r["mitigations"]]
    by = spec.get("declaredBy", {}).get("username")
    wanted = (user, ["roll-back"] if case.what == ONE else []) if case.policies else (None, [])
    if (by, asked) != wanted:
        where = "in force" if case.policies else "passed over"
        raise BenchError(f"a POST with {case.what}, policies {where}: stamped {(by, asked)}, not {wanted}")


@dataclass
class Policies:
    """Takes the time of POSTs, case by case."""

    admin: Api
    asker: Api
    namespaces: Mapping[bool, str]
    title: str = "M6 policies on a POST"
    took: dict[Case, list[Took]] = field(default_factory=lambda: {case: [] for case in CASES})

    def url(self, policies: bool) -> str:
        """Where incidents are sent to, with and without policies."""
        return f"/apis/{API_VERSION}/namespaces/{self.namespaces[policies]}/incidents"

    async def run(self, times: int) -> None:
        """All cases in turn, so often; the first of all are dropped."""
        for number in range(times + WARM_UP):
            for case in turns(number):
                seconds = await self._post(case)
                if number >= WARM_UP:
                    self.took[case].append(Took(seconds, seconds))

    async def _post(self, case: Case) -> float:
        """One POST, from the first byte sent to the last one read; what it made is gone when this returns."""
        body = json.dumps(declared(case.what), separators=(",", ":"))
        began = time.perf_counter()
        said = await self.asker.send("POST", self.url(case.policies), body)
        took = time.perf_counter() - began
        if said.status != 201:
            raise BenchError(f"a POST with {case.what}: HTTP {said.status} {said.raw[:400].decode(errors='replace')}")
        check(case, said.json()["spec"], MACHINE)
        await remover(self.admin).gone(f"{self.url(case.policies)}/{INCIDENT}")
        await asyncio.sleep(PAUSE)
        return took

    async def until_so(self, bites: bool) -> None:
        """Wait until the policies pass over the one namespace (or bite there again), and bite in the other: both kinds."""

        async def so() -> bool | None:
            for policies, wanted in ((True, True), (False, bites)):
                if await self._bites(policies) != (wanted, wanted):
                    return None
            return True

        await until(f"the API server has taken in that the policies {'bite' if bites else 'pass over'}", so)
        await asyncio.sleep(TAKEN_IN)

    async def _bites(self, policies: bool) -> tuple[bool, bool]:
        """Does a dry run come back stamped? Is a label of ours refused? Not (True, True) and not (False, False): unsettled."""
        url, body = f"{self.url(policies)}?dryRun=All", declared(ONE)
        said = await self.asker.send("POST", url, json.dumps(body))
        if said.status != 201:
            return False, True
        forged = body | {"metadata": body["metadata"] | {"labels": {Label.CLOSED: ""}}}
        refused = (await self.asker.send("POST", url, json.dumps(forged))).status == 403
        return "declaredBy" in said.json()["spec"], refused


def remover(admin: Api) -> Api:
    """As one of the API server's own controllers, who alone may take away an incident that is not closed."""
    return admin.impersonating(COLLECTOR, "system:masters")


# --- what is made for it, and made undone ----------------------------------------------------------------------------


def passing_over(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec of a binding that leaves namespaces with our label alone."""
    select = {"matchExpressions": [{"key": PASSED_OVER, "operator": "DoesNotExist"}]}
    return {**spec, "matchResources": {"namespaceSelector": select}}


async def _live(api: Api) -> dict[str, dict[str, Any] | None]:
    """Policies and bindings by their keys in EXPECTED, as they stand."""
    said = await asyncio.gather(*(api.send("GET", f"{GROUP}/{e.resource}/{e.name}") for e in EXPECTED.values()))
    return {key: each.json() if each.status == 200 else None for key, each in zip(EXPECTED, said, strict=True)}


async def _put_spec(api: Api, path: str, spec: Mapping[str, Any]) -> None:
    """Replace the spec, whoever wrote something else of it meanwhile."""
    for _ in range(5):
        now = await api.must("GET", path)
        said = await api.send("PUT", path, json.dumps({**now, "spec": spec}))
        if said.status != 409:
            break
    if said.status != 200:
        raise BenchError(f"PUT {path}: HTTP {said.status} {said.raw[:400].decode(errors='replace')}; {REMEDY}")


@asynccontextmanager
async def passed_over(api: Api) -> AsyncIterator[None]:
    """Our bindings pass over namespaces with the label; afterwards they are as shipped, whatever went wrong."""
    live = await _live(api)
    if why := problem(live):
        raise BenchError(f"the policies are not as shipped: {why}")
    shipped = {
        f"{GROUP}/{e.resource}/{e.name}": (live[key] or {})["spec"]
        for key, e in EXPECTED.items()
        if e.kind.endswith("Binding")
    }
    try:
        for path, spec in shipped.items():
            await _put_spec(api, path, passing_over(spec))
        yield
    finally:
        # One that can't be put back must not keep the others from it.
        failed = await asyncio.gather(
            *(_put_spec(api, path, spec) for path, spec in shipped.items()), return_exceptions=True
        )
        why = problem(await _live(api))
        if why:
            raise BenchError(f"the policies are not as before: {why} {[str(f) for f in failed if f]}; {REMEDY}")


@asynccontextmanager
async def namespaces(api: Api) -> AsyncIterator[Mapping[bool, str]]:
    """A namespace with policies (True) and one that they pass over (False)."""
    names = {policies: f"bench-{uuid.uuid4().hex[:12]}" for policies in (True, False)}
    try:
        for policies, name in names.items():
            labels = {} if policies else {PASSED_OVER: ""}
            await api.must("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        yield names
    finally:
        for name in names.values():
            await remover(api).gone(f"/apis/{API_VERSION}/namespaces/{name}/incidents/{INCIDENT}")
            await api.gone(f"/api/v1/namespaces/{name}")


@asynccontextmanager
async def asking(admin: Api, kubeconfig: Path) -> AsyncIterator[Api]:
    """The ServiceAccount that asks, with a token of its own; its rights are given by bench.cluster."""
    _, _, namespace, name = MACHINE.split(":")
    url = f"/api/v1/namespaces/{namespace}/serviceaccounts"
    made = await admin.send("POST", url, json.dumps({"metadata": {"name": name}}))
    if made.status not in (201, 409):
        raise BenchError(f"ServiceAccount {name}: HTTP {made.status} {made.raw[:300]!r}")
    try:
        wanted = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 3600}}
        token = (await admin.must("POST", f"{url}/{name}/token", wanted))["status"]["token"]
        api = await Api.of(kubeconfig, token)
        try:
            yield api
        finally:
            await api.close()
    finally:
        if made.status == 201:
            await admin.gone(f"{url}/{name}")


async def measure(admin: Api, kubeconfig: Path, times: int) -> Policies:
    """The whole of M6, with everything as before at its end."""
    async with asking(admin, kubeconfig) as asker, namespaces(admin) as named:
        found = Policies(admin, asker, named)
        async with passed_over(admin):
            await found.until_so(bites=False)
            await found.run(times)
        # Whoever measures next finds them in force.
        await found.until_so(bites=True)
    return found
