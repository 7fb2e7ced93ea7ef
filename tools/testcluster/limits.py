"""The one machine-wide setting clusters need changed while they run: how many inotify instances root may have.

A kubelet takes six, a node eight, a cluster of two nodes 24; with the usual 128 the fifth cluster's kubelets die. The
first cluster raises it, the last one puts it back. Callers hold the lock on the slots.
"""

from pathlib import Path

from testcluster.paths import cache_dir
from testcluster.ui import say

LIMIT = Path("/proc/sys/fs/inotify/max_user_instances")
ENOUGH = 1024


def _record() -> Path:
    return cache_dir() / "inotify-instances-before"


def enough_for_many() -> None:
    """Raise the limit and remember what it was."""
    now = int(LIMIT.read_text())
    if now >= ENOUGH:
        return
    try:
        _record().write_text(str(now))
        LIMIT.write_text(str(ENOUGH))
        say(f"fs.inotify.max_user_instances raised from {now} to {ENOUGH} until the last cluster is down")
    except OSError:
        _record().unlink(missing_ok=True)  # not ours to set here; a few clusters run without


def put_back() -> None:
    """Restore what the limit was, unless somebody else changed it since."""
    if _record().exists():
        if int(LIMIT.read_text()) == ENOUGH:
            LIMIT.write_text(_record().read_text())
        _record().unlink()


def original() -> str:
    """The machine's own value, whether or not it is raised now."""
    return (_record() if _record().exists() else LIMIT).read_text().strip()
