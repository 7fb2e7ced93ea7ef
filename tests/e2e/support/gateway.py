"""The real CRD of HTTPRoute, from the Go module of the Gateway API, which Go checks against its checksum database."""

import json
import subprocess
import sys
from pathlib import Path

import yaml

from e2e.support.api import Api, until

sys.path.append(str(Path(__file__).resolve().parents[3] / "tools"))
from testcluster import golang

MODULE = "sigs.k8s.io/gateway-api@v1.6.3"
FILE = "config/crd/standard/gateway.networking.k8s.io_httproutes.yaml"
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def remove_routes(admin: Api) -> None:
    """Nobody serves them any more."""
    admin.request("DELETE", f"{CRDS}/httproutes.gateway.networking.k8s.io").must()


def install_routes(admin: Api) -> None:
    """HTTPRoutes are served; nobody steers them."""
    listed = subprocess.run(
        [golang.find_or_install(), "mod", "download", "-json", MODULE],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    for crd in yaml.safe_load_all((Path(json.loads(listed.stdout)["Dir"]) / FILE).read_text()):
        answer = admin.request("POST", CRDS, crd)
        assert answer.ok or answer.status == 409, answer
    until(lambda: admin.request("GET", "/apis/gateway.networking.k8s.io/v1/httproutes").ok, 30, "HTTPRoutes are served")
