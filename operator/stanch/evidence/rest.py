"""
What part b of a capture has: whole logs where part a has their ends, and all that no effect destroys (decisions 2.6, stage 3).

Part a asks the same of a target to know what it leaves; both names and content come from one list.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from stanch.api.evidence import ItemKind
from stanch.api.meta import instant
from stanch.api.names import MissingReason
from stanch.core.observations import Failed, Found, NotFound, items
from stanch.core.questions import Get, List, Question
from stanch.evidence import again, missing, tables
from stanch.evidence.changes import sources
from stanch.evidence.dig import mapping, name_of, text
from stanch.evidence.layout import EVENTS_FILE, PODS_FILE, Layout, history_file, logs_of, path_of
from stanch.evidence.scene import Scene
from stanch.evidence.shelf import safe

Obj = dict[str, Any]

# Of a log so much is masked and stored before an effect (decisions 2.6, stage 2).
FIRST_LOG_BYTES: Final = 64 * 1024
_GIVEN_UP: Final = MissingReason.BUDGET_FULL
_NOT_AGAIN: Final = "not given in time for part a, and not asked again: its pod is gone, or half an hour is over"
# In which other file a list is told for reading.
_TOLD_IN: Final = {
    PODS_FILE: "nodes.txt",
    EVENTS_FILE: "events.txt",
    "replicasets.json": "history.txt",
    "controllerrevisions.json": "history.txt",
}
_LATER: Final = """\
Not given in time for part a, and asked for again: these show what was so at {time}, after whatever was done in between.
{names}
"""
_KEPT_OF_SECRETS: Final = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp", "labels")
# What charts and overlays are given: secrets of any name may be among it.
_GIVEN: Final = frozenset(
    {"values", "valuesObject", "parameters", "postBuild", "substitute", "helm", "jsonnet", "plugin", "patches"}
)


def rest_questions(scene: Scene) -> Iterator[tuple[str, Question]]:
    """The file that tells about it, and the question: quota, names of Secrets, GitOps objects; nodes, claims, ConfigMaps."""
    namespace = scene.aim.namespace
    if scene.on_node or namespace is None or scene.target is None:
        return
    yield from _lists(namespace)
    wanted = sources.used(scene)
    if any(use.kind == "Secret" for use in wanted) or sources.release_of(scene.target):
        yield "secrets.json", sources.secrets(namespace)
    for use in wanted:
        if use.kind == "ConfigMap":
            yield f"configmap/{safe(use.name)}.json", sources.config_map(namespace, use)
    yield from ((f"node/{safe(each.name)}.json", each) for each in sources.nodes_of(scene))
    yield from ((f"persistentvolumeclaim/{safe(each.name)}.json", each) for each in sources.claims_of(scene))
    yield from ((_steerer(each), each) for each in sources.reconcilers(scene))


def _lists(namespace: str) -> Iterator[tuple[str, List]]:
    yield "ingresses.json", sources.ingresses(namespace)
    yield "networkpolicies.json", sources.policies(namespace)
    yield "httproutes.json", sources.routes(namespace)
    yield "resourcequotas.json", sources.quotas(namespace)
    yield "limitranges.json", sources.limits(namespace)


def _steerer(question: Get) -> str:
    return f"{question.ref.plural}/{safe(question.namespace or '')}/{safe(question.name)}.json"


def leave_for_rest(layout: Layout, more: tuple[str, ...]) -> None:
    """Say in part a what is left; ``more`` are names that others know of."""
    left = (name for scene in layout.scenes for name, each in rest_questions(scene) if layout.seen.get(each) is None)
    for name in dict.fromkeys((*left, *more)):
        layout.shelf.lacks(name, MissingReason.IN_PART_B, "asked right after the effect")


@dataclass
class RestLayout(Layout):
    """
    Puts on the shelf what part a left, and of what it was not given in time whatever came since; what part a has is not put
    again, for the shelf knows its names. ``manifest`` is the spec of part a.
    """

    manifest: Mapping[str, Any] = field(default_factory=dict)

    def put(self) -> None:
        """Whole logs, what came too late, then what was asked after the effect, and what changed with all of that known."""
        self._rest_of_logs()
        self._late_lists()
        self._tell_later()
        for scene in self.scenes:
            for name, question in rest_questions(scene):
                self._answered(scene, name, question)
        self._related()
        self._changes()

    def _rest_of_logs(self) -> None:
        late, left = again.late(self.manifest), again.named(self.manifest, MissingReason.IN_PART_B)
        # Two targets may have a pod in common.
        logs = {name: (chosen, slot, path) for scene in self.scenes for name, chosen, slot, path in logs_of(scene)}
        for name, (chosen, slot, path) in logs.items():
            question, answer = self.answer_of(chosen, slot)
            if isinstance(answer, Found) and (name in late or is_long(text(answer.value, "text"))):
                self._log(name, chosen, slot, path)
            elif isinstance(answer, Failed) and (name in late or (name in left and answer.reason == _GIVEN_UP)):
                self.shelf.lacks(name, *missing.why(question, answer))
            elif answer is None and name in late:
                self.shelf.lacks(name, MissingReason.DEADLINE_OVER, _NOT_AGAIN)

    def _late_lists(self) -> None:
        """As they are now; what did not come this time either is named again."""
        for scene in self.scenes:
            if again.late_target(scene, self.manifest):
                self._target(scene)
        asked = dict.fromkeys((n, q) for scene in self.scenes for n, q in again.late_lists(scene, self.manifest))
        came = {name: question for name, question in asked if self._check(name, question)}
        for name, question in came.items():
            self._put_list(name, question)

    def _put_list(self, name: str, question: List) -> None:
        path = path_of(question)
        histories = [scene for scene in self.scenes if scene.history_question and history_file(scene) == name]
        if name == PODS_FILE:
            found = [pod for scene in self.scenes for pod in scene.pods]
            self.shelf.text(name, ItemKind.SUMMARY, None, lambda: tables.pods(found))
            self.shelf.text("nodes.txt", ItemKind.SUMMARY, None, lambda: tables.nodes(found))
        elif name == EVENTS_FILE:
            self._put_events(path)
        elif histories:
            revisions = [each for scene in histories for each in scene.history]
            self._list(name, path, revisions)
            self.shelf.text("history.txt", ItemKind.HISTORY, None, lambda: tables.history(revisions))
        else:
            self._list(name, path, items(self.seen.get(question)))

    def _tell_later(self) -> None:
        """Which files show another time than those of part a."""
        lacked = again.named(self.manifest, *again.LATE, *again.LATE_LISTS)
        if came := [file.name for file in self.shelf.files if file.name in lacked]:
            text = _LATER.format(time=instant(self.now), names="\n".join(f"  {name}" for name in came))
            self.shelf.text("later.txt", ItemKind.SUMMARY, None, lambda: text)

    def _answered(self, scene: Scene, name: str, question: Question) -> None:
        answer = self.seen.get(question)
        if name in self.shelf.had:
            return
        if isinstance(question, Get) and name == _steerer(question) and sources.is_unproven(scene, question, answer):
            if not sources.is_guess(scene, question):
                self.shelf.lacks(name, MissingReason.FORBIDDEN, sources.NOT_LISTED)
            return
        if isinstance(answer, NotFound):
            return  # Nobody installed that kind, or it was removed since.
        if isinstance(question, List) and self._check(name, question):
            found = _names(scene, items(answer)) if question.ref == sources.SECRETS else items(answer)
            self._list(name, question.ref.path(question.namespace), found, ItemKind.LIST)
        elif isinstance(question, Get) and not isinstance(answer, Found):
            self.shelf.lacks(name, *missing.why(question, answer))
        elif isinstance(question, Get) and isinstance(answer, Found) and name == _steerer(question):
            self._object(name, question.ref.path(question.namespace, question.name), _without_given(answer.value))


def told_in(name: str) -> tuple[str, ...]:
    """A list's own file, and the one in which it is told for reading where there is one."""
    return name, _TOLD_IN.get(name, name)


def is_long(log: str) -> bool:
    """Is it more than part a keeps of one?"""
    return len(log) > FIRST_LOG_BYTES or len(log.encode("utf-8", "replace")) > FIRST_LOG_BYTES


def _names(scene: Scene, secrets: list[Obj]) -> list[Obj]:
    """Those in use and Helm's releases; an annotation may hold a whole copy, so only what names and dates them is kept."""
    wanted = {use.name for use in sources.used(scene) if use.kind == "Secret"}
    helm = {"owner": "helm", "name": sources.release_of(scene.target or {})}
    found = []
    for each in secrets:
        labels = mapping(each, "metadata", "labels")
        if name_of(each) in wanted or helm.items() <= labels.items():
            meta = mapping(each, "metadata")
            found.append({"kind": "Secret", "metadata": {k: meta[k] for k in _KEPT_OF_SECRETS if k in meta}})
    return found


def _without_given(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_given(each) for key, each in value.items() if key not in _GIVEN}
    return [_without_given(each) for each in value] if isinstance(value, list) else value
