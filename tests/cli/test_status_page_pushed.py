"""The status page in an object store: there is its memory, too, and what is published is never half a page."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bucket import EXAMPLE, Bucket
from cli.test_status_page import UID, Api
from http_server import in_thread
from json_server import kubeconfig_of, serving
from stanch.cli.main import main

Run = Callable[..., Result]
PAGES = ["style.css", f"incidents/{UID}.html", "atom.xml", "index.html", "status.json"]


@pytest.fixture
def api() -> Api:
    """What the cluster holds: one update for the public."""
    made = Api()
    made.say()
    return made


@pytest.fixture
def bucket() -> Bucket:
    """An empty one."""
    return Bucket()


@pytest.fixture
def run(api: Api, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Run]:
    """`stanch status-page --push` into a folder of the bucket."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", EXAMPLE.name)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", EXAMPLE.secret)
    with serving(api.answer) as url, in_thread(bucket.handle) as store:
        start = ["status-page", "--push", f"{store}/site/shop/", "--kubeconfig", kubeconfig_of(url, tmp_path)]
        yield lambda *words: CliRunner().invoke(main, [*start, *words])


def test_all_of_it_is_put_and_its_memory_last(run: Run, bucket: Bucket) -> None:
    """Each file with what it is, so that a browser shows it."""
    done = run("--title", "Shop")
    assert (0, "") == (done.exit_code, done.stderr)
    assert [f"/site/shop/{name}" for name in PAGES] == bucket.order
    kinds = [headers["Content-Type"].partition(";")[0] for headers in bucket.headers.values()]
    assert ["text/css", "text/html", "application/atom+xml", "text/html", "application/json"] == kinds
    assert {"public, max-age=30"} == {headers["Cache-Control"] for headers in bucket.headers.values()}
    assert b"Some orders fail" in bucket.objects["/site/shop/index.html"]
    assert "Disruption, 1 going on, 0 past; 5 files written" in done.stdout


def test_what_was_published_stays_without_a_folder(run: Run, api: Api, bucket: Bucket) -> None:
    """A machine that keeps nothing, as a CronJob's, remembers by what is there."""
    run()
    api.entries = {}
    done = run()
    assert (0, "") == (done.exit_code, done.stderr)
    assert b"Some orders fail" in bucket.objects["/site/shop/index.html"]


@pytest.mark.parametrize("status", [403, 500])
def test_a_store_that_does_not_say_what_is_there_stops_it(
    run: Run, bucket: Bucket, tmp_path: Path, status: int
) -> None:
    """Or the page would begin anew; nothing is written anywhere."""
    bucket.refuses["GET"] = status
    done = run("--out", str(tmp_path / "out"))
    assert (4, True) == (done.exit_code, f"answers {status} SlowDown" in done.stderr)
    assert ([], False) == (bucket.order, (tmp_path / "out").exists())


def test_a_store_that_takes_nothing_is_said(run: Run, bucket: Bucket, tmp_path: Path) -> None:
    """With the exit code that a CronJob fails by; the folder has it."""
    bucket.refuses["PUT"] = 507
    done = run("--out", str(tmp_path / "out"))
    assert (4, True) == (done.exit_code, "not all of the page is published: " in done.stderr)
    assert "Some orders fail" in (tmp_path / "out" / "index.html").read_text(encoding="utf-8")


def test_a_folder_and_a_bucket_remember_for_each_other(run: Run, api: Api, bucket: Bucket, tmp_path: Path) -> None:
    """What only one of them has is on both."""
    run("--out", str(tmp_path / "out"))
    bucket.objects.clear()
    api.entries = {}
    run("--out", str(tmp_path / "out"))
    both = [bucket.objects["/site/shop/status.json"], (tmp_path / "out" / "status.json").read_bytes()]
    assert [["Some orders fail"]] * 2 == [
        [u["text"] for i in json.loads(raw)["incidents"] for u in i["updates"]] for raw in both
    ]


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        ((), 2, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        (("--push", "ftp://x/"), 2, "is not a URL"),
        (("--push", "https://[x/"), 2, "is not a URL"),
        (("--push", ""), 2, "--out FOLDER, --push URL, or both"),
    ],
)
def test_what_is_missing_is_said(
    run: Run, bucket: Bucket, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], code: int, why: str
) -> None:
    """Before anything is asked or written."""
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    done = run(*words)
    assert (code, True) == (done.exit_code, why in done.stderr)
    assert {} == bucket.objects


def test_an_address_where_nothing_is_sent_is_refused(run: Run) -> None:
    """Nor are the keys shown."""
    done = run("--push", "http://169.254.169.254/latest")
    assert (4, True) == (done.exit_code, "link-local" in done.stderr)
    assert EXAMPLE.secret not in done.output
