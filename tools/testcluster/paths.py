"""Where things are: the cache outside the tree, and the files of one cluster's directory."""

import contextlib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from testcluster.ui import ClusterError

HERE = Path(__file__).resolve().parent


def cache_dir() -> Path:
    """The cache shared by all clusters of this user: ${STANCH_CACHE:-${XDG_CACHE_HOME:-~/.cache}/stanch}."""
    explicit = os.environ.get("STANCH_CACHE")
    base = Path(explicit) if explicit else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stanch"
    return base.absolute()


@dataclass(frozen=True)
class Layout:
    """The files of one cluster, all below its directory."""

    root: Path

    @property
    def state(self) -> Path:
        """What was started: needed to stop it."""
        return self.root / "state.json"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def pki(self) -> Path:
        """Keys, certificates and tokens."""
        return self.root / "pki"

    @property
    def config(self) -> Path:
        """Configuration files of the control plane."""
        return self.root / "config"

    @property
    def logs(self) -> Path:
        """One log a process."""
        return self.root / "logs"

    @property
    def etcd(self) -> Path:
        """etcd's data."""
        return self.root / "etcd"

    @property
    def audit(self) -> Path:
        """The API server's audit log: writes only."""
        return self.root / "audit.log"

    def node(self, name: str) -> Path:
        """Everything one node keeps on disk."""
        return self.root / "nodes" / name

    @property
    def marker(self) -> Path:
        """Says that this directory is a cluster's, and what is in it may be removed."""
        return self.root / ".stanch-testcluster"

    def enter(self) -> None:
        """Make the directory ours; refuse one that holds somebody's files."""
        if self.root.exists() and not self.marker.exists() and any(self.root.iterdir()):
            raise ClusterError(
                "directory", f"{self.root} is not empty and not a cluster's", "give --dir a new directory"
            )
        self.root.mkdir(parents=True, exist_ok=True)
        self.marker.write_text("Made by stanch tools/testcluster; `down` removes it.\n")

    def leave(self) -> None:
        """Give the directory up: remove it, unless it holds files that are not ours."""
        self.marker.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            self.root.rmdir()

    @property
    def lock(self) -> Path:
        """Held while `up` or `down` work on this directory. In the cache: `down` removes the directory itself."""
        key = hashlib.sha256(str(self.root).encode()).hexdigest()[:16]
        return cache_dir() / "locks" / f"dir-{key}.lock"
