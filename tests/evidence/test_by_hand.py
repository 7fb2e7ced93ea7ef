"""With kubectl, base64 and tar alone: the line that stands on every Evidence object takes it apart."""

import base64
import gzip
import json
import os
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest

from build import T0
from evidence.sample import KEY, SHOP, crash, world
from stanch.api.evidence import EXTRACT_ANNOTATION, Purpose, extract_line
from stanch.api.meta import Severity
from stanch.core.ports import CaptureRequest
from stanch.evidence.collector import EvidenceCollector

REQUEST = CaptureRequest(
    "checkout-5xx", "uid", "shop", Severity.SEV1, (SHOP,), Purpose.BEFORE, "x-a", None, None, T0, timedelta(seconds=5)
)
# As much of kubectl as the line uses.
KUBECTL = """#!/usr/bin/env python3
import json, sys
flag, namespace, verb, kind, name, output, template = sys.argv[1:]
assert (flag, verb, kind, output, template) == ("-n", "get", "evidences.stanch.dev", "-o", "go-template={{.spec.data}}")
obj = json.load(open(f"{sys.path[0]}/{namespace}-{name}.json"))
sys.stdout.write(obj["spec"]["data"])
"""


@pytest.fixture
def shell(tmp_path: Path):
    """A shell in an empty directory, with coreutils, tar and a kubectl that knows one object."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "kubectl").write_text(KUBECTL)
    (programs / "kubectl").chmod(0o755)
    here = tmp_path / "here"
    here.mkdir()

    def run(obj, line: str) -> tuple[Path, str]:
        meta = obj["metadata"]
        (programs / f"{meta['namespace']}-{meta['name']}.json").write_text(json.dumps(obj))
        environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}"}
        done = subprocess.run(
            ["sh", "-ec", line], cwd=here, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return here, done.stdout

    return run


def test_the_line_on_the_object_takes_it_apart(shell):
    """Into a directory with its name, with every file that is listed."""
    made = EvidenceCollector(KEY).capture(REQUEST, world(crash("a"), log="FATAL: no shard\n"))
    here, _ = shell(made.body, made.body["metadata"]["annotations"][EXTRACT_ANNOTATION])
    folder = here / made.name
    assert {each["name"] for each in made.body["spec"]["items"]} == {
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
    }
    assert "FATAL: no shard" in (folder / "pod/a/app.previous.log").read_text()


def test_the_line_of_a_timeline_page_prints_it(shell):
    """A page is one file."""
    page = {"metadata": {"namespace": "shop", "name": "p-1"}, "spec": {}}
    page["spec"]["data"] = base64.b64encode(gzip.compress(b'{"pageBefore": ""}\n')).decode()
    assert '{"pageBefore": ""}\n' == shell(page, extract_line("shop", "p-1", "gzip"))[1]
