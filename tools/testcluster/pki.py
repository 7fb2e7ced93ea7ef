"""Keys, certificates and tokens of a local cluster, made with openssl."""

import secrets
from pathlib import Path

from testcluster.proc import run
from testcluster.slots import Slot

DAYS = "3650"
EC = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]
AUTHORITY = """[req]
distinguished_name=name
x509_extensions=authority
[name]
[authority]
basicConstraints=critical,CA:TRUE
keyUsage=critical,keyCertSign,cRLSign,digitalSignature
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""
SERVER = """basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=serverAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
subjectAltName={names}
"""
CLIENT = """basicConstraints=critical,CA:FALSE
keyUsage=critical,digitalSignature
extendedKeyUsage=clientAuth
subjectKeyIdentifier=hash
authorityKeyIdentifier=keyid
"""


def _openssl(*args: str) -> None:
    run(["openssl", *args], part="certificates", remedy="install the Debian package openssl, version 3 or newer")


def create(pki: Path, slot: Slot, nodes: list[str]) -> None:
    """Everything for one cluster: an authority, the API server's two certificates, the signing key, and tokens."""
    pki.mkdir(parents=True, exist_ok=True)
    pki.chmod(0o700)
    _openssl("genpkey", *EC, "-out", str(pki / "ca.key"))
    (pki / "ca.cnf").write_text(AUTHORITY)  # our own, as the machine's default may lack what strict clients check
    _openssl("req", "-x509", "-new", "-key", str(pki / "ca.key"), "-subj", "/CN=stanch-test-ca", "-days", DAYS,
             "-config", str(pki / "ca.cnf"), "-out", str(pki / "ca.crt"))  # fmt: skip
    first_service = slot.service_cidr.split("/")[0].removesuffix(".0") + ".1"
    names = ["kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
             "localhost"]  # fmt: skip
    alternatives = [f"DNS:{name}" for name in names]
    alternatives += [f"IP:{address}" for address in (slot.host_ip, first_service, "127.0.0.1")]
    _sign(pki, "apiserver", "/CN=kube-apiserver", SERVER.format(names=",".join(alternatives)))
    _sign(pki, "kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", CLIENT)
    _openssl("genpkey", *EC, "-out", str(pki / "sa.key"))
    _openssl("pkey", "-in", str(pki / "sa.key"), "-pubout", "-out", str(pki / "sa.pub"))
    _tokens(pki, nodes)


def _sign(pki: Path, name: str, subject: str, extensions: str) -> None:
    key, request, certificate = pki / f"{name}.key", pki / f"{name}.csr", pki / f"{name}.crt"
    extension_file = pki / f"{name}.ext"
    extension_file.write_text(extensions)
    _openssl("genpkey", *EC, "-out", str(key))
    _openssl("req", "-new", "-config", str(pki / "ca.cnf"), "-key", str(key), "-subj", subject, "-out", str(request))
    _openssl("x509", "-req", "-in", str(request), "-CA", str(pki / "ca.crt"), "-CAkey", str(pki / "ca.key"),
             "-CAcreateserial", "-days", DAYS, "-extfile", str(extension_file), "-out", str(certificate))  # fmt: skip


def _tokens(pki: Path, nodes: list[str]) -> None:
    """One static token an identity; each is also a file of its own for whoever uses it."""
    users = [
        ("admin", "admin", "system:masters"),
        ("kube-controller-manager", "system:kube-controller-manager", ""),
        ("kube-scheduler", "system:kube-scheduler", ""),
        ("kube-proxy", "system:kube-proxy", ""),
        *((name, f"system:node:{name}", "system:nodes") for name in nodes),
    ]
    lines = []
    for name, user, group in users:
        token = secrets.token_hex(24)
        (pki / f"{name}.token").write_text(token)
        lines.append(f"{token},{user},{name}" + (f',"{group}"' if group else ""))
    (pki / "tokens.csv").write_text("\n".join(lines) + "\n")


def token(pki: Path, name: str) -> str:
    """The token of one identity."""
    return (pki / f"{name}.token").read_text().strip()
