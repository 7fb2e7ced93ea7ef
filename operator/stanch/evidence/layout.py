"""Which files a capture has, and what is in each: a tree that can be read without stanch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stanch.api.evidence import ItemKind
from stanch.api.meta import Severity, TargetKind
from stanch.api.names import MissingReason
from stanch.core import asking
from stanch.core.observations import Answer, Failed, Found, NotFound, Observations, items
from stanch.core.questions import PODS, List, Logs
from stanch.evidence import missing, tables
from stanch.evidence.changes import look
from stanch.evidence.choose import Chosen
from stanch.evidence.describe import describe
from stanch.evidence.dig import mapping, name_of, text, uid_of
from stanch.evidence.gather import surroundings
from stanch.evidence.related import related
from stanch.evidence.scene import Scene, log_question
from stanch.evidence.shelf import Rank, Shelf, safe
from stanch.evidence.states import Slot, slots

Obj = dict[str, Any]

# Longer than what programs print of one secret: a wrapped key, a kubeconfig.
BEFORE_CUT = 8 * 1024
_HISTORIES = {TargetKind.DEPLOYMENT: "replicasets.json"}
_EVENT_METADATA = ("name", "namespace", "uid", "creationTimestamp")
_REVISIONS = "controllerrevisions.json"
PODS_FILE = "pods.txt"
EVENTS_FILE = "events.json"
_SURROUNDINGS = ("hpa.json", "pdb.json", "services.json", "endpointslices.json")


@dataclass
class Layout:
    """
    Puts everything that was seen of some targets on a shelf; ``log_bytes``: the newest of each log, the older ones are left
    for part b.
    """

    scenes: Sequence[Scene]
    seen: Observations
    severity: Severity
    now: datetime
    shelf: Shelf
    log_bytes: int | None = None

    def __post_init__(self) -> None:
        self.clean = self.shelf.redactor.clean
        found = {question: answer for question, answer in self.seen.answers.items() if isinstance(question, Logs)}
        ordered = sorted(found.items(), key=lambda each: isinstance(each[1], Found))  # an answer wins over a failure
        self.logs = {_identity(question): (question, answer) for question, answer in ordered}
        self.events = self._events()
        namespaces = {scene.aim.namespace for scene in self.scenes if scene.aim.namespace}
        self.slices = {name: items(self.seen.get(asking.endpoint_slices(name))) for name in namespaces}
        self.about: dict[str, list[Obj]] = {}
        for event in self.events:
            self.about.setdefault(text(event, "involvedObject", "uid"), []).append(event)

    def put(self) -> None:
        """All files, the most telling first."""
        for scene in self.scenes:
            self._target(scene)
        self._pods_and_history()
        named: set[str] = set()
        for scene in self.scenes:
            for chosen in scene.chosen:
                if (folder := _folder(scene, chosen.pod)) not in named:
                    self._pod(folder, chosen)
                named.add(folder)
            if scene.passed_over:
                message = f"{scene.passed_over} more pods go than are looked at"
                self.shelf.lacks("pod/others", MissingReason.BUDGET_FULL, message)
        self._namespace()
        self._related()
        self._changes()

    def _target(self, scene: Scene) -> None:
        base = f"{scene.aim.kind.value.lower()}/{safe(scene.aim.name)}"
        question, target = asking.target_of(scene.aim), scene.target
        answer = self.seen.get(question)
        if target is None:
            self.shelf.lacks(f"{base}.json", *missing.why(question, answer))
            if not scene.on_node and not isinstance(answer, NotFound):
                reason = MissingReason.DEADLINE_OVER if answer is None else MissingReason.NOT_ANSWERED
                self.shelf.lacks("pods.txt", reason, f"{scene.aim} was not read, so its pods were not known")
            return
        path = question.ref.path(question.namespace, question.name)
        theirs = self.about.get(scene.aim.name if scene.on_node else uid_of(target), [])
        self.shelf.json(f"{base}.json", ItemKind.OBJECT, path, lambda: self.clean(target))
        lease = self._lease(base, scene.aim.name) if scene.on_node else None
        self._describe(f"{base}.describe.txt", path, target, theirs, scene, lease)

    def _lease(self, base: str, node: str) -> Obj | None:
        """A Node's heartbeat, as an object of its own; a Node that never had one lacks nothing."""
        question = asking.lease_of(node)
        answer = self.seen.get(question)
        if isinstance(answer, Found):
            lease = answer.value
            self._object(f"{base}.lease.json", question.ref.path(question.namespace, node), lease)
            return lease
        if isinstance(answer, Failed):
            self.shelf.lacks(f"{base}.lease.json", *missing.why(question, answer))
        return None

    def _describe(
        self,
        name: str,
        path: str | None,
        obj: Obj,
        events: Sequence[Obj],
        scene: Scene | None = None,
        lease: Obj | None = None,
    ) -> None:
        pods, history = (scene.pods, scene.history) if scene else (None, [])

        def make() -> str:
            slices = self.slices.get(text(obj, "metadata", "namespace"), [])
            shown = self.clean(obj)
            return describe(shown, events, now=self.now, pods=pods, replicasets=history, slices=slices, lease=lease)

        self.shelf.text(name, ItemKind.DESCRIBE, path, make)

    def _pods_and_history(self) -> None:
        found = [pod for scene in self.scenes for pod in scene.pods]
        for scene in self.scenes:
            if scene.pods_question:
                self._check("pods.txt", scene.pods_question)
        self.shelf.text("pods.txt", ItemKind.SUMMARY, None, lambda: tables.pods(found))
        self.shelf.text("nodes.txt", ItemKind.SUMMARY, None, lambda: tables.nodes(found))
        kept: dict[str, list[Obj]] = {}
        paths: dict[str, str] = {}
        for scene in self.scenes:
            if scene.history_question:
                name = history_file(scene)
                if self._check(name, scene.history_question):
                    kept.setdefault(name, []).extend(scene.history)
                    paths[name] = path_of(scene.history_question)
        for name, objects in kept.items():
            self._list(name, paths[name], objects)
        everything = [each for objects in kept.values() for each in objects]
        if kept:
            self.shelf.text("history.txt", ItemKind.HISTORY, None, lambda: tables.history(everything))

    def _pod(self, base: str, chosen: Chosen) -> None:
        pod = chosen.pod
        path = PODS.path(text(pod, "metadata", "namespace"), name_of(pod))
        self.shelf.json(f"{base}/pod.json", ItemKind.OBJECT, path, lambda: self.clean(pod))
        self._describe(f"{base}/describe.txt", path, pod, self.about.get(uid_of(pod), []))
        for slot in slots(pod):
            self._log(f"{base}/{safe(slot.file)}", chosen, slot, path)

    def answer_of(self, chosen: Chosen, slot: Slot) -> tuple[Logs, Answer | None]:
        """The question that was put about a log, however it was put, and its answer."""
        question = log_question(chosen, slot, self.severity)
        return self.logs.get(_identity(question), (question, None))

    def _log(self, name: str, chosen: Chosen, slot: Slot, path: str) -> None:
        if slot.missing:
            self.shelf.lacks(name, slot.missing, slot.message)
            return
        question, answer = self.answer_of(chosen, slot)
        if not isinstance(answer, Found):
            self.shelf.lacks(name, *missing.why(question, answer))
            return
        kind = ItemKind.PREVIOUS_LOGS if slot.previous else ItemKind.LOGS
        rank = Rank.CONTROL if chosen.control else (Rank.PREVIOUS if slot.previous else Rank.CURRENT)
        query = f"container={slot.container}{'&previous=true' if slot.previous else ''}"
        self.shelf.log(name, kind, f"{path}/log?{query}", rank, self._newest(name, answer.value), self.log_bytes)

    def _newest(self, name: str, log: Obj) -> Obj:
        """As much of it as this part keeps; the rest is in part b."""
        if self.log_bytes is None or len(log.get("text") or "") * 4 <= self.log_bytes:
            return log
        raw = text(log, "text").encode("utf-8", "replace")
        older = len(raw) - self.log_bytes
        if older <= 0:
            return log
        self.shelf.lacks(
            name, MissingReason.IN_PART_B, f"its newest {self.log_bytes} bytes are here, {older} older ones there"
        )
        # Masked with a little more before it, and cut after that: a name may stand lines before its secret.
        begin = max(0, older - BEFORE_CUT)
        newest = raw[begin:].decode("utf-8", "ignore")
        return {**log, "text": newest, "dropped": int(log.get("dropped") or 0) + begin}

    def _events(self) -> list[Obj]:
        """All events, each once, by time."""
        asked = dict.fromkeys(scene.events_question for scene in self.scenes)
        found = [event for question in asked for event in items(self.seen.get(question))]
        return tables.by_time({uid_of(event) or id(event): event for event in found}.values())

    def _put_events(self, path: str) -> None:
        """Those about the target first, then the namespace's others."""
        belongs = [each for scene in self.scenes for each in [scene.target, *scene.history, *scene.pods] if each]
        uids = {uid_of(each) for each in belongs} | {scene.aim.name for scene in self.scenes if scene.on_node}
        ours = tables.by_time(event for uid in uids for event in self.about.get(uid, ()))
        others = tables.by_time(event for uid in self.about.keys() - uids for event in self.about[uid])
        self._list(EVENTS_FILE, path, [_slim(event) for event in ours + others], ItemKind.EVENTS)
        self.shelf.text("events.txt", ItemKind.EVENTS, None, lambda: tables.events(ours, others, self.now))

    def _namespace(self) -> None:
        questions = dict.fromkeys(scene.events_question for scene in self.scenes)
        if [self._check(EVENTS_FILE, question) for question in questions].count(True):
            self._put_events(path_of(next(iter(questions))))
        for name, question in dict(each for scene in self.scenes for each in _around(scene)).items():
            if self._check(name, question):
                self._list(name, path_of(question), items(self.seen.get(question)))

    def _related(self) -> None:
        """A page for each object on the way to the pods, under them or read by them; its JSON where no list has it."""
        named: set[str] = set()
        for scene in self.scenes:
            for each in related(scene, self.seen):
                base = f"{each.kind.lower()}/{safe(name_of(each.obj))}"
                if base in named:
                    continue
                named.add(base)
                if each.path:
                    self._object(f"{base}.json", each.path, each.obj)
                theirs = self.about.get(uid_of(each.obj), [])
                # Of a Node only the target's pods are known: not what else runs there.
                whose = None if each.kind == "Node" else scene
                self._describe(f"{base}.describe.txt", each.path or None, each.obj, theirs, whose, each.lease)

    def _object(self, name: str, path: str, obj: Obj) -> None:
        self.shelf.json(name, ItemKind.OBJECT, path, lambda: self.clean(obj))

    def _changes(self) -> None:
        """What changed, from what this capture asked and what was asked besides."""
        if any(scene.target is not None for scene in self.scenes):
            self.shelf.text(
                "changes.txt",
                ItemKind.SUMMARY,
                None,
                lambda: str(look(self.scenes, self.seen, self.now, self.shelf.redactor.key)),
            )

    def _check(self, name: str, question: List) -> bool:
        """Was the list answered? If not, or not wholly, that is said."""
        answer: Answer | None = self.seen.get(question)
        if not isinstance(answer, Found):
            self.shelf.lacks(name, *missing.why(question, answer))
            return False
        if tables.is_cut(answer.value):
            message = f"{len(items(answer))} of {tables.count(answer.value)} or more: the list was cut"
            self.shelf.lacks(name, MissingReason.TOO_LARGE, message)
        return True

    def _list(self, name: str, path: str, objects: Sequence[Obj], kind: ItemKind = ItemKind.LIST) -> None:
        def make() -> Obj:
            return {"kind": "List", "apiVersion": "v1", "items": [self.clean(each) for each in objects]}

        self.shelf.json(name, kind, path, make)


def logs_of(scene: Scene) -> Iterator[tuple[str, Chosen, Slot, str]]:
    """File, pod, container and the pod's API path of every log that a scene may have."""
    for chosen in scene.chosen:
        path = PODS.path(text(chosen.pod, "metadata", "namespace"), name_of(chosen.pod))
        for slot in slots(chosen.pod):
            yield f"{_folder(scene, chosen.pod)}/{safe(slot.file)}", chosen, slot, path


def target_file(scene: Scene) -> str:
    """The target as JSON."""
    return f"{scene.aim.kind.value.lower()}/{safe(scene.aim.name)}.json"


def history_file(scene: Scene) -> str:
    """ReplicaSets or ControllerRevisions."""
    return _HISTORIES.get(scene.aim.kind, _REVISIONS)


def lists_of(scene: Scene) -> Iterator[tuple[str, List]]:
    """File and question of every list that part a has of a scene, as far as it is known what to ask."""
    if scene.pods_question:
        yield PODS_FILE, scene.pods_question
    if scene.history_question:
        yield history_file(scene), scene.history_question
    yield EVENTS_FILE, scene.events_question
    yield from _around(scene)


def _folder(scene: Scene, pod: Obj) -> str:
    """On a Node pods of several namespaces may have one name."""
    where = f"{safe(text(pod, 'metadata', 'namespace'))}/" if scene.on_node else ""
    return f"pod/{where}{safe(name_of(pod))}"


def _around(scene: Scene) -> list[tuple[str, List]]:
    return list(zip(_SURROUNDINGS, surroundings(scene), strict=False))


def _slim(event: Obj) -> Obj:
    """An event without its own metadata, which tells nothing and is a third of it."""
    kept = {key: value for key, value in mapping(event, "metadata").items() if key in _EVENT_METADATA}
    return {**event, "metadata": kept}


def _identity(question: Logs) -> tuple[str, str, str, bool]:
    """Which log it is, however much of it was asked for: a severity may change between asking and bundling."""
    return question.namespace, question.pod, question.container, question.previous


def path_of(question: List) -> str:
    """The API path that a list came from, with what narrowed it down."""
    query = [f"labelSelector={question.labels}"] if question.labels else []
    query += [f"fieldSelector={question.fields}"] if question.fields else []
    return question.ref.path(question.namespace) + (f"?{'&'.join(query)}" if query else "")
