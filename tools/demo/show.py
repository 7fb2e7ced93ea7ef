"""Parts of the record, as a person would look at them."""

import base64
import io
import shlex
import subprocess
import tarfile
from typing import Any

from tools.demo.cluster import PERSON, Kubectl
from tools.demo.screen import DemoError, Screen

FATAL = "FATAL"


def evidence(kubectl: Kubectl, screen: Screen, name: str) -> None:
    """The previous container's log out of the Evidence object, with kubectl, base64 and tar alone."""
    item = kubectl.read("evidence", name, "-n", "shop")
    if item is None:
        raise DemoError(f"there is no Evidence {name}")
    spec = item["spec"]
    screen.say(
        f"{len(spec['items'])} items, {len(spec.get('missing') or ())} missing, {spec['bytes']} bytes, "
        f"captured {spec['capturedTime']}, redactions {spec.get('redactions', 0)}"
    )
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode(spec["data"])), mode="r:gz") as archive:
        # The one that tells most: the previous container's log, else the current one's.
        texts = {m.name: archive.extractfile(m) for m in archive.getmembers() if m.isfile() and m.name.endswith(".log")}
        found = [n for n, file in texts.items() if file and FATAL.encode() in file.read()]
    chosen = next((n for n in found if "previous" in n), None) or next(iter(found), None)
    if chosen is None:
        raise DemoError(f"no log in Evidence {name} holds what the container said before it died: {sorted(texts)}")
    template = "{{.spec.data}}"
    ask = ["--as", PERSON, "-n", "shop", "get", "evidence", name, "-o", f"go-template={template}"]
    pipe = f"kubectl {shlex.join(ask)} | base64 -d | tar xzO {shlex.quote(chosen)}"
    screen.typed(pipe)
    real = pipe.replace("kubectl", shlex.join(kubectl.start), 1)
    done = subprocess.run(["sh", "-c", real], capture_output=True, text=True, check=False)
    if done.returncode or FATAL not in done.stdout:
        raise DemoError(f"the evidence can't be read by hand: {done.stderr.strip() or done.stdout[-300:]}")
    screen.show(done.stdout, 8)


def rollback(screen: Screen, record: dict[str, Any]) -> None:
    """From which revision to which, by whose wish, and how to take it back."""
    attempt = record["attempts"][0]
    screen.wrapped(record["plan"])
    screen.say(f"asked by {record['requestedBy']}; touches {record['blast']}")
    screen.say(
        f"written down {attempt['intendedTime']}, seen applied {attempt['appliedTime']}, attempt {attempt['id']}"
    )
    screen.say("were stanch not there, it could be taken back by hand with either of:")
    for line in record.get("breakGlass") or ():
        screen.wrapped(line)


def timeline(screen: Screen, lines: list[dict[str, Any]]) -> None:
    """Machine and people in one list."""
    for line in lines:
        time = line["time"][11:19]
        screen.wrapped(f"{line['seq']:>3} {time} {line['kind']:<19} {line['by']:<7} {line['text']}", indent=41)


def postmortem(screen: Screen, spec: dict[str, Any]) -> None:
    """The first words of each of the six parts; what people must still write is empty on purpose."""
    impact = ", ".join(f"{k}: {v}" for k, v in (spec.get("impact") or {}).items())
    parts = {
        "summary": spec.get("summary", ""),
        "impact": impact,
        "timeline": f"{len(spec.get('timeline') or ())} lines, from the record",
        "factors": "; ".join(f["statement"] for f in spec.get("factors") or ()),
        "whys": "; ".join(spec.get("whys") or ()),
        "actionItems": ", ".join(spec.get("actionItems") or ()),
    }
    for name, text in parts.items():
        screen.wrapped(f"{name:<12} {text or '(people write this)'}", indent=13, lines=3)
