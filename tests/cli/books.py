"""Words for tests of the CLI: a good Runbook to spoil, files to put it into, and the CLI as a person calls it."""

import copy
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result

from stanch.cli.main import main

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = sorted((ROOT / "runbooks").glob("*/runbook.yaml"))
Json = dict[str, Any]
PROSE = "".join(
    f"## {name}\n\nwords\n\n```bash\nkubectl get pods\n```\n\n"
    for name in ("Meaning", "Impact", "Diagnosis", "Mitigation", "Escalation")
)
CASES = {"tests": [{"name": "another alert", "alert": {"alertname": "Other"}, "expect": {"matches": False}}]}


def good() -> Json:
    """A Runbook that nothing is found in."""
    return {
        "apiVersion": "stanch.dev/v1alpha1",
        "kind": "Runbook",
        "metadata": {"name": "bad-deploy", "namespace": "shop"},
        "spec": {
            "title": "Roll back",
            "match": {"alerts": ['alertname="Stuck"', 'deployment!=""']},
            "parameters": [{"name": "deployment", "fromAlertLabel": "deployment", "oneOf": ["checkout", "cart"]}],
            "targets": [{"kind": "Deployment", "name": "$(deployment)"}],
            "checklist": [{"name": "users", "do": "Are users hurt?"}],
            "mitigations": [{"name": "roll-back", "rolloutUndo": {}}],
            "recovery": {"hold": "10m"},
            "escalate": [{"after": "15m", "to": "owner"}],
            "docs": "https://git.example.com/bad-deploy.md",
        },
    }


def spoilt(spoil: Callable[[Json], object]) -> Json:
    """The good one, but for what ``spoil`` does to it."""
    book = copy.deepcopy(good())
    spoil(book)
    return book


def put(folder: Path, *books: Json, prose: str = PROSE, cases: Json | None = CASES) -> Path:
    """Runbooks in a file, with prose and cases beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "runbook.yaml").write_text(yaml.safe_dump_all(books, sort_keys=False))
    (folder / "README.md").write_text(prose)
    if cases is not None:
        (folder / "test.yaml").write_text(yaml.safe_dump(cases))
    return folder


def stanch(*words: object, stdin: str = "") -> Result:
    """`stanch runbook …`, in this process."""
    return CliRunner().invoke(main, ["runbook", *map(str, words)], input=stdin)


def findings(*words: object, stdin: str = "") -> list[Json]:
    """What `lint` finds."""
    done = stanch("lint", "-f", "json", *words, stdin=stdin)
    assert done.exit_code in (0, 1), done.output
    found: list[Json] = json.loads(done.stdout)["findings"]
    assert bool(found) == (done.exit_code == 1)
    return found


def ids(found: Sequence[Json]) -> list[str]:
    """The rules that found something."""
    return [each["rule"] for each in found]
