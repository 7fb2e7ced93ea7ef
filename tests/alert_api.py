"""An API server for the receiver: incidents with their labels, versions and generations, reviews, and bad days."""

import asyncio
import base64
import copy
from collections import Counter
from collections.abc import Callable
from datetime import datetime
from typing import Any

import jsonpatch
from aiohttp import web

from build import T0, Json, stamp
from json_patch import apply_patch

GOOD, OTHER, THIEF = "good-token", "other-token", "stolen-token"
AUDIENCE = "alerts.stanch.dev"
SENDER = "system:serviceaccount:monitoring:alertmanager"
PATH = "/apis/stanch.dev/v1alpha1/namespaces/{namespace}/incidents"
BATCHES = "/apis/stanch.dev/v1alpha1/namespaces/stanch-system/alertbatches"


class AlertApi:
    """What is stored, what was asked, and what to answer instead."""

    def __init__(self) -> None:
        self.incidents: dict[tuple[str, str], Json] = {}
        self.runbooks: list[Json] = []
        self.secrets: dict[str, dict[str, str]] = {}
        self.namespaces = {"stanch-system", "shop"}
        self.may: set[str] = {"stanch-system"}
        self.asked: Counter[str] = Counter()
        self.instead: Callable[[str, web.Request], web.Response | None] = lambda what, request: None
        self.before: Callable[[str], None] = lambda what: None
        self.slow = 0.0
        # What is held until the gate is open, with commas between; and what lists show that need not be as new as what is stored.
        self.held, self.held_one, self.gate = "", asyncio.Event(), asyncio.Event()
        self.behind: dict[tuple[str, str], Json] | None = None
        self._version = 100
        # Batches of what is written ahead, by name.
        self.batches: dict[str, Json] = {}

    def app(self) -> web.Application:
        """Its pages."""
        app = web.Application()
        app.add_routes(
            [
                web.post("/apis/authentication.k8s.io/v1/tokenreviews", self._who),
                web.post("/apis/authorization.k8s.io/v1/subjectaccessreviews", self._may),
                web.get(PATH, self._list),
                web.get(PATH.replace("/namespaces/{namespace}", ""), self._list),
                web.get(PATH.replace("incidents", "runbooks"), self._runbooks),
                web.post(PATH, self._create),
                web.get(PATH + "/{name}", self._get),
                web.patch(PATH + "/{name}", self._patch),
                web.get("/api/v1/namespaces/stanch-system/secrets/{name}", self._secret),
                web.get(BATCHES, self._list_batches),
                web.post(BATCHES, self._create_batch),
                web.get(BATCHES + "/{name}", self._get_batch),
                web.delete(BATCHES + "/{name}", self._delete_batch),
            ]
        )
        return app

    async def _begin(self, what: str, request: web.Request) -> web.Response | None:
        self.asked[what] += 1
        self.before(what)
        if self.slow:
            await asyncio.sleep(self.slow)
        if what in self.held.split(","):
            self.held_one.set()
            await self.gate.wait()
        return self.instead(what, request)

    async def _who(self, request: web.Request) -> web.Response:
        if said := await self._begin("who", request):
            return said
        asked = (await request.json())["spec"]
        known = {GOOD: SENDER, OTHER: "system:serviceaccount:shop:default", THIEF: SENDER}
        user = {"username": known.get(asked["token"]), "groups": ["system:authenticated"], "extra": {"pod": ["x"]}}
        # A token that was made for the API server is known, and not for us.
        audiences = asked["audiences"] if asked["token"] != THIEF else ["https://kubernetes.default.svc"]
        status = {"authenticated": asked["token"] in known, "audiences": audiences, "user": user}
        return web.json_response({"status": status}, status=201)

    async def _may(self, request: web.Request) -> web.Response:
        if said := await self._begin("may", request):
            return said
        asked = (await request.json())["spec"]
        right = asked["resourceAttributes"]
        assert ("create", "stanch.dev", "alerts") == (right["verb"], right["group"], right["resource"])
        assert {"pod": ["x"]} == asked["extra"]
        allowed = asked["user"] == SENDER and right["namespace"] in self.may
        return web.json_response({"status": {"allowed": allowed}}, status=201)

    async def _list(self, request: web.Request) -> web.Response:
        if said := await self._begin("list", request):
            return said
        fits = _selector(request.query.get("labelSelector", ""))
        where = request.match_info.get("namespace")
        may_be_old = request.query.get("resourceVersion") == "0"
        shown = self.behind if self.behind is not None and may_be_old else self.incidents
        found = [o for (ns, _), o in sorted(shown.items()) if where in (None, ns) and fits(o)]
        return web.json_response({"items": copy.deepcopy(found), "metadata": {"resourceVersion": str(self._version)}})

    async def _runbooks(self, request: web.Request) -> web.Response:
        if said := await self._begin("runbooks", request):
            return said
        found = [r for r in self.runbooks if r["metadata"]["namespace"] == request.match_info["namespace"]]
        return web.json_response({"items": found, "metadata": {}})

    async def _create(self, request: web.Request) -> web.Response:
        if said := await self._begin("create", request):
            return said
        body, namespace = await request.json(), request.match_info["namespace"]
        key = (namespace, body["metadata"]["name"])
        if namespace not in self.namespaces:
            return _status(404, f'namespaces "{namespace}" not found')
        if key in self.incidents:
            return _status(409, "already exists")
        return web.json_response(self.put(body), status=201)

    def put(self, body: Json, **meta: Any) -> Json:
        """Store it, as new."""
        self._version += 1
        given = {"uid": f"uid-{self._version}", "generation": 1, "creationTimestamp": stamp(T0), **meta}
        stored = {**body, "metadata": {**body["metadata"], **given, "resourceVersion": str(self._version)}}
        self.incidents[(body["metadata"]["namespace"], body["metadata"]["name"])] = stored
        return stored

    async def _get(self, request: web.Request) -> web.Response:
        if said := await self._begin("get", request):
            return said
        found = self.incidents.get((request.match_info["namespace"], request.match_info["name"]))
        return web.json_response(found) if found else _status(404, "not found")

    async def _secret(self, request: web.Request) -> web.Response:
        found = self.secrets.get(request.match_info["name"])
        if found is None:
            return _status(404, "not found")
        data = {key: base64.b64encode(value.encode()).decode() for key, value in found.items()}
        return web.json_response({"type": "Opaque", "data": data})

    async def _patch(self, request: web.Request) -> web.Response:
        if said := await self._begin("patch", request):
            return said
        key = (request.match_info["namespace"], request.match_info["name"])
        if key not in self.incidents:
            return _status(404, "not found")
        try:
            new = apply_patch(self.incidents[key], await request.json())
        except jsonpatch.JsonPatchTestFailed:
            return _status(422, "the server rejected our request due to an error in our request")
        self._version += 1
        new["metadata"]["generation"] += new["spec"] != self.incidents[key]["spec"]
        new["metadata"]["resourceVersion"] = str(self._version)
        self.incidents[key] = new
        return web.json_response(new)

    async def _list_batches(self, request: web.Request) -> web.Response:
        if said := await self._begin("list batches", request):
            return said
        metas = [{"metadata": each["metadata"]} for each in self.batches.values()]
        return web.json_response({"items": copy.deepcopy(metas), "metadata": {}})

    async def _create_batch(self, request: web.Request) -> web.Response:
        if said := await self._begin("create batch", request):
            return said
        body = await request.json()
        if body["metadata"]["name"] in self.batches:
            return _status(409, "already exists")
        return web.json_response(self.put_batch(body), status=201)

    def put_batch(self, body: Json, created: datetime = T0) -> Json:
        """Store it."""
        self._version += 1
        meta = {**body["metadata"], "uid": f"uid-{self._version}", "creationTimestamp": stamp(created)}
        stored = self.batches[meta["name"]] = {**body, "metadata": meta}
        return stored

    async def _get_batch(self, request: web.Request) -> web.Response:
        if said := await self._begin("get batch", request):
            return said
        found = self.batches.get(request.match_info["name"])
        return web.json_response(found) if found else _status(404, "not found")

    async def _delete_batch(self, request: web.Request) -> web.Response:
        if said := await self._begin("delete batch", request):
            return said
        name, asked = request.match_info["name"], await request.json()
        found = self.batches.get(name)
        if found is None:
            return _status(404, "not found")
        if found["metadata"]["uid"] != asked["preconditions"]["uid"]:
            return _status(409, "another uid")
        return web.json_response(self.batches.pop(name))


def _selector(text: str) -> Callable[[Json], bool]:
    """`a in (x,y),!b` and `a=x`, and `a` alone."""
    parts = text.replace("stanch.dev/group in (", "stanch.dev/group in ").replace(")", "").split(",")
    joined: list[str] = []
    for part in parts:
        if joined and " in " in joined[-1] and not part.startswith(("!", "stanch.dev/")):
            joined[-1] += f",{part}"
        else:
            joined.append(part)
    return lambda item: all(_fits(part, item["metadata"].get("labels") or {}) for part in joined if part)


def _fits(part: str, labels: Json) -> bool:
    if part.startswith("!"):
        return part[1:] not in labels
    if " in " in part:
        name, _, values = part.partition(" in ")
        return labels.get(name) in values.split(",")
    name, equals, value = part.partition("=")
    return labels.get(name) == value if equals else name in labels


def _status(code: int, message: str) -> web.Response:
    return web.json_response({"kind": "Status", "message": message, "code": code}, status=code)
