"""Stories a manager can read, replayed against plan(); REWRITE=1 rewrites what follows each `>`, and the diff is the review."""

import os
import re
from datetime import timedelta
from pathlib import Path

import pytest

from books import body as book
from books import following
from build import entry, incident, roll_back, scale_to
from stanch.api import duration
from world import World, bad_deploy, bad_past, healthy

HERE = Path(__file__).parent
WISHES = {
    "roll-back": roll_back(),
    "scale-to-0": scale_to(0, name="scale-to-0"),
    "pause": {"name": "pause", "rolloutPause": {}},
    "pause-2h": {"name": "pause", "rolloutPause": {}, "ttl": "2h"},
    "back-to-1": {"name": "back-to-1", "rolloutUndo": {"toRevision": 1}, "timeBox": "1m"},
    "more": scale_to(4, name="more"),
}


class Story:
    """Runs one story line by line and tells what the timeline gained."""

    def __init__(self) -> None:
        self.world: World | None = None
        self.told = 0
        self.said = 0
        self.written = 0

    def step(self, line: str) -> list[str]:
        """What one line leads to."""
        verb, *words = line.split()
        getattr(self, f"_{verb}")(*words)
        assert self.world is not None
        assert [] == self.world.broken
        lines = [x for x in self.world.incident.status.timeline if x.seq > self.told]
        self.told = self.world.incident.status.last_seq
        return [f"{x.time:%H:%M:%S} {x.kind} by {x.by}: {x.text}" for x in lines] + [self._state()]

    def _state(self) -> str:
        image = self.world.image.rsplit(":", 1)[1]
        shown = " ".join(f"{c.type}={c.status}/{c.reason}" for c in self.world.incident.status.conditions)
        return f"  image {image} · {shown}"

    def _declare(self, by: str, *wishes: str) -> None:
        self.world = bad_deploy(incident(*(WISHES[w] for w in wishes), by=by))
        self.world.run(seconds=3)

    def _calm(self, by: str, *wishes: str) -> None:
        self.world = healthy(incident(*(WISHES[w] for w in wishes), by=by))
        self.world.run(seconds=3)

    def _regret(self, by: str, *wishes: str) -> None:
        self.world = bad_past(incident(*(WISHES[w] for w in wishes), by=by))
        self.world.run(seconds=3)

    def _follow(self, by: str, mode: str) -> None:
        self.world = bad_deploy(following(by=by))
        self._write(mode)
        self.world.run(seconds=3)

    def _write(self, mode: str, replicas: str = "") -> None:
        """The Runbook as Git has it: at first it rolls back, later it may be another."""
        self.written += 1
        other = {"mitigations": [scale_to(int(replicas), name="roll-back")]} if replicas else {}
        said = book(mode=mode, generation=self.written, drilled=False, **other)
        self.world.objects[("runbooks", "bad-deploy")] = said
        self.world.run(seconds=1)

    def _publish(self) -> None:
        self.world.publish()
        self.world.run(seconds=1)

    def _wait(self, how_long: str) -> None:
        self.world.run(seconds=duration.parse(how_long).total_seconds())

    def _push(self, image: str) -> None:
        self.world.target["spec"]["template"]["spec"]["containers"][0]["image"] = f"shop/checkout:{image}"
        self.world.run(seconds=1)

    def _say(self, by: str, what: str, *words: str) -> None:
        said = {what: {}}
        if what in ("approve", "deny"):
            record = self.world.record(words[0])
            said[what] = {"mitigation": words[0], "action": record.action}
            if what == "approve":
                said[what]["digest"] = record.digest
        elif what in ("undo", "defer"):
            said[what] = {"mitigation": words[0]}
        elif what == "extend":
            said[what] = {"mitigation": words[0], "by": words[1]}
        elif what == "take":
            said[what] = {"role": words[0]}
        self.said += 1
        after = self.world.now - self.world.incident.declared + timedelta(milliseconds=self.said)
        text = {"text": "so we agreed"} if what in ("extend", "defer") else {}
        self.world.say(entry(by, after=after, name=f"entry-{self.said}", **said, **text)).run(seconds=2)


def replay(text: str) -> str:
    """The story with what really follows each line."""
    story, told = Story(), []
    for line in text.splitlines():
        if line.startswith("#") or not line.strip():
            told.append(line)
        elif line.startswith("> "):
            told += [line, *story.step(line.removeprefix("> "))]
    return re.sub(r"(stanch-undo-\w+|-a)-[0-9a-f]{6}", r"\1-……", "\n".join(told)) + "\n"


@pytest.mark.parametrize("path", sorted(HERE.glob("*.txt")), ids=lambda p: p.stem)
def test_the_story_goes_as_it_is_told(path):
    """Every line of the story is what happens."""
    told = replay(path.read_text())
    if os.environ.get("REWRITE"):
        path.write_text(told)
    assert path.read_text() == told
