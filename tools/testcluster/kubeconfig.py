"""Kubeconfig files, with everything inline so that one file is enough."""

import base64
import os
from pathlib import Path


def write(path: Path, *, server: str, authority: Path, user: str, token: str) -> None:
    """A kubeconfig for one user of one cluster. JSON is YAML too, but people read this one."""
    inline = base64.b64encode(authority.read_bytes()).decode()
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"""apiVersion: v1
kind: Config
current-context: stanch
clusters:
- name: stanch
  cluster:
    server: {server}
    certificate-authority-data: {inline}
contexts:
- name: stanch
  context:
    cluster: stanch
    user: {user}
users:
- name: {user}
  user:
    token: {token}
"""
    private_write(path, text)


def private_write(path: Path, text: str) -> None:
    """Write a file only its owner may read, replacing an old one at once."""
    temporary = path.with_suffix(".tmp")
    temporary.unlink(missing_ok=True)
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
    os.replace(temporary, path)
