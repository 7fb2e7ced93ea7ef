"""All sources put together: what changed around some targets, from whatever was answered."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final

from stanch.api.meta import TargetKind
from stanch.core import asking
from stanch.core.observations import Answer, Failed, Found, NotFound, Observations, is_cut, items
from stanch.core.questions import HELM_RELEASES, KUSTOMIZATIONS, Get, List, Question
from stanch.evidence.changes import around, releases, sources
from stanch.evidence.changes.change import HOUR, OLDEST, Changed, Changes, Obj, Sort, Source, Used
from stanch.evidence.changes.configs import configs, secrets_by_name
from stanch.evidence.changes.dating import UNKNOWN, Clock
from stanch.evidence.changes.failing import failing
from stanch.evidence.changes.nodes import nodes
from stanch.evidence.changes.rollouts import rollouts
from stanch.evidence.changes.scaling import scalings
from stanch.evidence.dig import mapping, name_of
from stanch.evidence.scene import Scene

# One deploy is seen by its ReplicaSet, by Helm and by Argo CD or Flux, within so much of each other.
SAME_DEPLOY: Final = timedelta(minutes=3)
NOT_ASKED: Final = "not asked: an effect did not wait for it"


@dataclass
class _Finder:
    """Collects; lives only inside ``find``."""

    seen: Observations
    key: bytes
    clock: Clock
    now: datetime
    several: bool
    found: list[tuple[str, Changed]] = field(default_factory=list)
    sources: dict[str, Source] = field(default_factory=dict)
    used: list[Used] = field(default_factory=list)

    def objects(self, title: str, question: Question) -> list[Obj]:
        """The objects of one answer; why there are none is noted."""
        answer = self.seen.get(question)
        why = _why(answer, question)
        if why or title not in self.sources:
            self.sources[title] = Source(title, unread=why)
        return [answer.value] if isinstance(question, Get) and isinstance(answer, Found) else items(answer)

    def add(self, title: str, changed: Iterable[Changed]) -> None:
        """Note what a source told."""
        self.sources.setdefault(title, Source(title))
        self.found += [(title, each) for each in changed]


def _why(answer: Answer | None, question: Question) -> str:
    if answer is None:
        return NOT_ASKED
    if isinstance(answer, Failed):
        word = "forbidden" if answer.status in (401, 403) else f"{answer.status or 'no answer'}"
        return f"{word}: {answer.message}"[:200]
    if isinstance(answer, NotFound):
        return "" if isinstance(question, List) else "it is not there"
    return "the list was cut: only a part was looked at" if isinstance(question, List) and is_cut(answer) else ""


def find(scenes: Sequence[Scene], seen: Observations, now: datetime, key: bytes) -> Changes:
    """Everything not older than OLDEST and not later than ``now``, newest first; what can't be dated comes last."""
    dated = [each for scene in scenes for each in [scene.target, *scene.history, *scene.pods] if each]
    finder = _Finder(seen, key, Clock(dated), now, len(scenes) > 1)
    for scene in scenes:
        _look(finder, scene)
    for title, kind, question in sources.CLUSTER:
        finder.add(title, around.elsewhere(kind, finder.objects(title, question), finder.clock))
    recent = [(title, each) for title, each in finder.found if _recent(each, now)]
    counts = Counter(title for title, each in recent if each.time is not None and each.time >= now - HOUR)
    merged = _merged(_once([each for _, each in recent]))
    ordered = sorted(merged, key=lambda each: (each.time is None, -(each.time or now).timestamp(), each.name))
    looked = tuple(replace(each, found=counts[each.title]) for each in finder.sources.values())
    return Changes(tuple(ordered), looked, tuple(dict.fromkeys(finder.used)))


def _recent(each: Changed, now: datetime) -> bool:
    """Young enough, or known to have been written at a time that nobody kept."""
    return each.dated != UNKNOWN if each.time is None else now - OLDEST <= each.time <= now


def _look(finder: _Finder, scene: Scene) -> None:
    if scene.target is None:
        return
    if scene.on_node:
        bad = failing(scene.pods)
        finder.add("Nodes", nodes([scene.target], scene.pods, bad, finder.clock))
        return
    namespace = scene.aim.namespace or "default"
    _workload(finder, scene, namespace)
    _configs(finder, scene, namespace)
    _network(finder, scene, namespace)
    held = [each for question in sources.nodes_of(scene) for each in finder.objects("Nodes", question)]
    finder.add("Nodes", nodes(held, scene.pods, failing(scene.pods), finder.clock))
    _releases(finder, scene, namespace)


def _workload(finder: _Finder, scene: Scene, namespace: str) -> None:
    events = finder.objects("Scaling", sources.scaled(namespace)) if scene.aim.kind is TargetKind.DEPLOYMENT else []
    if scene.history_question:
        finder.objects("Rollouts", scene.history_question)
        found = rollouts(scene, events, finder.clock, finder.now - OLDEST)
        finder.add("Rollouts", (replace(c, name=_of(scene, c.name)) if finder.several else c for c in found))
    autoscalers = finder.objects("Autoscalers", asking.hpas(namespace))
    finder.add("Scaling", scalings(scene, events, autoscalers, finder.clock))


def _of(scene: Scene, name: str) -> str:
    """Of several targets each has a second revision."""
    word, _, number = name.partition("-")
    return f"{word}-{scene.aim.name}-{number}"


def _configs(finder: _Finder, scene: Scene, namespace: str) -> None:
    wanted, known = sources.used(scene), {}
    for use in wanted:
        if use.kind == "ConfigMap":
            for obj in finder.objects("ConfigMaps in use", sources.config_map(namespace, use)):
                known[("ConfigMap", use.name)] = obj
    if any(use.kind == "Secret" for use in wanted):
        known |= secrets_by_name(finder.objects("Secrets in use", sources.secrets(namespace)))
    changed, used = configs(wanted, known, scene.pods, finder.clock, finder.key)
    finder.used += used
    for kind in ("ConfigMap", "Secret"):
        mine = [each for each in changed if each.what.startswith(kind)]
        if mine:
            finder.add(f"{kind}s in use", mine)


def _network(finder: _Finder, scene: Scene, namespace: str) -> None:
    labels = [mapping(pod, "metadata", "labels") for pod in scene.pods]
    labels = labels or [mapping(scene.target, "spec", "template", "metadata", "labels")]
    services = finder.objects("Services", asking.services(namespace))
    names = around.services_of(services, labels)
    rows: tuple[tuple[str, str, List, Sort, Callable[[Obj], bool]], ...] = (
        ("Services", "Service", asking.services(namespace), Sort.TRAFFIC, lambda o: name_of(o) in names),
        (
            "Ingresses",
            "Ingress",
            sources.ingresses(namespace),
            Sort.TRAFFIC,
            lambda o: bool(around.backends(o) & names),
        ),
        (
            "HTTPRoutes",
            "HTTPRoute",
            sources.routes(namespace),
            Sort.TRAFFIC,
            lambda o: bool(around.backends(o) & names),
        ),
        (
            "NetworkPolicies",
            "NetworkPolicy",
            sources.policies(namespace),
            Sort.TRAFFIC,
            lambda o: around.covers(o, "podSelector", labels),
        ),
        (
            "PodDisruptionBudgets",
            "PodDisruptionBudget",
            asking.pdbs(namespace),
            Sort.LIMITS,
            lambda o: around.covers(o, "selector", labels),
        ),
        ("Quotas", "ResourceQuota", sources.quotas(namespace), Sort.LIMITS, _always),
        ("Limits", "LimitRange", List(sources.LIMIT_RANGES, namespace, limit=50), Sort.LIMITS, _always),
    )
    for title, kind, question, sort, near in rows:
        finder.add(title, around.written(kind, finder.objects(title, question), sort, near, finder.clock))


def _always(_: Any) -> bool:
    """A quota of the namespace is one of every pod in it."""
    return True


def _releases(finder: _Finder, scene: Scene, namespace: str) -> None:
    if release := sources.release_of(scene.target or {}):
        found = finder.objects("Helm releases", sources.secrets(namespace))
        finder.add("Helm releases", releases.helm(found, release))
    for question in sources.reconcilers(scene):
        title = f"{question.ref.plural} {question.namespace}/{question.name}"
        if sources.is_unproven(scene, question, finder.seen.get(question)):
            if not sources.is_guess(scene, question):
                finder.sources[title] = Source(title, unread=f"forbidden: {sources.NOT_LISTED}")
            continue
        for obj in finder.objects(title, question):
            if question.ref in (KUSTOMIZATIONS, HELM_RELEASES):
                kind = "Kustomization" if question.ref == KUSTOMIZATIONS else "HelmRelease"
                finder.add(title, releases.flux(obj, kind))
            else:
                finder.add(title, releases.argo(obj))


def _once(found: Sequence[Changed]) -> list[Changed]:
    """Each change once, as near as the nearest of the targets has it."""
    best: dict[tuple[str, str, datetime | None], Changed] = {}
    for each in found:
        key = (each.what, each.text, each.time)
        if key not in best or best[key].relation < each.relation:
            best[key] = each
    return list(best.values())


def _merged(found: Sequence[Changed]) -> list[Changed]:
    """A deploy that its tool tells too is one change, with the tool's words beside it."""
    deploys = [each for each in found if each.sort is Sort.RELEASE]
    merged: list[Changed] = []
    taken: set[int] = set()
    for each in found:
        if each.sort is Sort.RELEASE:
            continue
        same = [d for d in deploys if each.sort is Sort.TEMPLATE and _together(each, d)]
        taken |= {id(d) for d in same}
        also = tuple(f"{d.what} {d.text}" + (f" by {d.by}" if d.by else "") for d in same)
        merged.append(replace(each, also=also))
    return merged + [each for each in deploys if id(each) not in taken]


def _together(one: Changed, other: Changed) -> bool:
    return one.time is not None and other.time is not None and abs(one.time - other.time) <= SAME_DEPLOY
