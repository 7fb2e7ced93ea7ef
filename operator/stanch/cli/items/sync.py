"""
GitHub Issues of action items, both ways. Whoever runs it lends both tokens: the operator holds none.

The way out is the guarded one of the operator: no redirects (they would carry the token elsewhere), no proxy, nothing link-local,
bounded in time and size. Nothing is sent twice: whose an issue is stands in its body, and all issues are read first: those
with our label, and those that items name.
"""

import asyncio
import json
import os
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

import aiohttp
import click

from stanch.api.action_item import ActionItem
from stanch.cli.cluster import DONE, NO_CREDENTIALS, NOT_READABLE, Trouble, with_cluster
from stanch.cli.items.look import place, read_items
from stanch.cli.terminal import complain, say
from stanch.core.item_export import in_order
from stanch.core.item_issues import LABEL, Step, ToTracker, has_label, issue_number, marked, sync
from stanch.core.policy_check import wrong_address
from stanch.core.questions import ACTION_ITEMS
from stanch.shell.client import MERGE_PATCH, USER_AGENT, Kube
from stanch.shell.outside import Careful

TOKEN: Final = "GITHUB_TOKEN"
SECONDS: Final = 20.0
PER_PAGE: Final = 100
# More issues of ours than this are not looked through in one run.
PAGES_MAX: Final = 50
BODY_MAX: Final = 8 * 1024 * 1024
CONFLICT: Final = 409
# After so many it is the tracker, or the token.
REFUSED_MAX: Final = 3


def sync_all(kubeconfig: str | None, namespace: str | None, everywhere: bool, repo: str, api: str, dry: bool) -> int:
    """Exit code: 0 both say the same, 2 no credentials, 4 one side does not answer."""
    where, token = place(kubeconfig, namespace, everywhere), os.environ.get(TOKEN, "")
    if not token:
        complain(f"no credentials: set {TOKEN} to a token that may read and write issues of {repo}")
        return NO_CREDENTIALS
    if why := wrong_address(api):
        raise click.BadParameter(f"--api {why}")

    async def work(kube: Kube) -> int:
        items = in_order(await read_items(kube, where))
        async with _session(token) as session:
            tracker = Tracker(session, api.rstrip("/"))
            issues = [each async for each in tracker.issues(repo)]
            issues += await _without_label(tracker, items, issues, repo)
            steps = sync(items, issues, repo)
            if dry:
                click.echo(json.dumps([_shown(step) for step in steps], indent=2))
                return DONE
            left = await _do_all(kube, tracker, steps)
        say(f"{len(items)} items, {len(issues)} issues, {len(steps) - left} changes")
        return DONE

    return with_cluster(kubeconfig, work)


async def _without_label(
    tracker: "Tracker", items: Sequence[ActionItem], issues: Sequence[Mapping[str, Any]], repo: str
) -> list[Mapping[str, Any]]:
    """Issues that items name and the list lacks: a token that may not set labels has them dropped, and people take them off."""
    known = {uid for each in issues if (uid := marked(each))}
    found = []
    for item in items:
        number = issue_number(item.spec.tracker or "", repo)
        if number is not None and item.metadata.uid not in known:
            issue = await tracker.issue(f"/repos/{repo}/issues/{number}")
            found += [issue] if issue is not None and marked(issue) == item.metadata.uid else []
    return found


def _shown(step: Step) -> dict[str, Any]:
    if isinstance(step, ToTracker):
        return {"method": step.method, "path": step.path, "body": step.body, "item": step.item}
    return {"patch": f"{step.namespace}/{step.name}", "spec": step.spec}


async def _do_all(kube: Kube, tracker: "Tracker", steps: Sequence[Step]) -> int:
    """
    How many were left for the next run: all of an item that somebody changed since it was read. One that can't be changed holds
    up no other; after a few of them it ends. Raises Trouble with the last one's words, when all others are done.
    """
    meanwhile: dict[str, int] = {}
    refused: dict[str, Trouble] = {}
    for step in steps:
        if step.item in refused:
            continue
        try:
            if step.item in meanwhile or not await _do(kube, tracker, step):
                meanwhile[step.item] = meanwhile.get(step.item, 0) + 1
        except Trouble as error:
            refused[step.item] = error
            if len(refused) == REFUSED_MAX:
                break
            complain(f"{step.item}: {error}")
    for name in meanwhile:
        say(f"{name}: somebody changed it meanwhile; run it again")
    if refused:
        raise list(refused.values())[-1]
    return sum(meanwhile.values())


async def _do(kube: Kube, tracker: "Tracker", step: Step) -> bool:
    if isinstance(step, ToTracker):
        answer = await tracker.send(step.method, step.path, step.body)
        say(f"{step.item}: {step.method} {answer.get('html_url') or step.path}")
        if step.method == "POST" and not has_label(answer):
            await _found_by_tracker(kube, step, str(answer.get("html_url") or ""))
        return True
    path = ACTION_ITEMS.path(step.namespace, step.name)
    change = {"metadata": {"resourceVersion": step.version}, "spec": step.spec}
    reply = await kube.patch(path, json.dumps(change), MERGE_PATCH)
    if reply.status == CONFLICT:
        return False
    if not reply.ok:
        raise Trouble(f"{step.namespace}/{step.name} can't be changed: {reply.message}", NOT_READABLE)
    say(f"{step.namespace}/{step.name}: {', '.join(f'{k}={v}' for k, v in step.spec.items())}")
    return True


async def _found_by_tracker(kube: Kube, step: ToTracker, url: str) -> None:
    """The tracker dropped our label, so the next run finds the issue by its item alone. Raises Trouble when it can't."""
    why = f"the tracker dropped label {LABEL}: give the token the right to set labels, or set the label on {url or 'the issue'}"
    namespace, _, name = step.item.partition("/")
    if step.tracker is not None:
        raise Trouble(
            f"{why}; spec.tracker names something else, so the next run would make another issue", NOT_READABLE
        )
    reply = await kube.patch(ACTION_ITEMS.path(namespace, name), json.dumps({"spec": {"tracker": url}}), MERGE_PATCH)
    if not reply.ok:
        raise Trouble(
            f"{why}; spec.tracker can't be set, so the next run would make another: {reply.message}", NOT_READABLE
        )
    complain(f"{step.item}: {why}; it is known by spec.tracker")


def _session(token: str) -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(resolver=Careful(), force_close=True),
        timeout=aiohttp.ClientTimeout(total=SECONDS),
        headers={
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {token}",
            "User-Agent": USER_AGENT,
            "X-GitHub-Api-Version": "2022-11-28",
        },
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
    )


class Tracker:
    """GitHub's REST API, as far as it is needed."""

    def __init__(self, session: aiohttp.ClientSession, base: str) -> None:
        """``base`` without a slash at its end."""
        self._session, self._base = session, base

    async def issues(self, repo: str) -> AsyncIterator[Mapping[str, Any]]:
        """All that carry our label, open and closed. Raises Trouble."""
        for page in range(1, PAGES_MAX + 1):
            query = f"state=all&labels={LABEL}&per_page={PER_PAGE}&page={page}"
            found = await self._ask("GET", f"/repos/{repo}/issues?{query}", None)
            if not isinstance(found, list):
                raise Trouble(f"GET /repos/{repo}/issues: its answer is no list", NOT_READABLE)
            for each in found:
                if isinstance(each, dict):
                    yield each
            if len(found) < PER_PAGE:
                return
        raise Trouble(f"more than {PAGES_MAX * PER_PAGE} issues with label {LABEL}; nothing was changed", NOT_READABLE)

    async def issue(self, path: str) -> Mapping[str, Any] | None:
        """One issue; None when it is gone. Raises Trouble."""
        found = await self._ask("GET", path, None, gone=(404, 410))
        return found if isinstance(found, dict) and "number" in found else None

    async def send(self, method: str, path: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """One change, once. Raises Trouble."""
        answer = await self._ask(method, path, body)
        return answer if isinstance(answer, dict) else {}

    async def _ask(self, method: str, path: str, body: Mapping[str, Any] | None, gone: Sequence[int] = ()) -> Any:
        try:
            async with (
                asyncio.timeout(SECONDS),
                self._session.request(method, f"{self._base}{path}", json=body, allow_redirects=False) as response,
            ):
                raw = await response.content.read(BODY_MAX + 1)
                while len(raw) <= BODY_MAX and (more := await response.content.read(BODY_MAX + 1 - len(raw))):
                    raw += more
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Trouble(f"{method} {path}: {error or type(error).__name__}", NOT_READABLE) from error
        if len(raw) > BODY_MAX:
            raise Trouble(f"{method} {path}: its answer is larger than {BODY_MAX // 2**20} MiB", NOT_READABLE)
        said = _json(raw)
        if response.status in gone:
            return None
        if not 200 <= response.status < 300:
            why = said.get("message") if isinstance(said, dict) else ""
            raise Trouble(f"{method} {path}: it answers {response.status} {why or ''}".rstrip(), NOT_READABLE)
        return said


def _json(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
