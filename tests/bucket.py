"""An object store on loopback that speaks as much of S3 as is asked of one, and checks who asks by the letter of Amazon's rule."""

import hashlib
import hmac
from datetime import UTC, datetime

from aiohttp import web

from stanch.shell.object_store import Keys

# Those of Amazon's own examples.
EXAMPLE = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "us-east-1")
WHEN = datetime(2013, 5, 24, tzinfo=UTC)


class Bucket:
    """Keeps what is signed with the secret. ``order`` is what was put, with ``headers``; ``refuses`` has a status by method."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.order: list[str] = []
        self.headers: dict[str, dict[str, str]] = {}
        self.refuses: dict[str, int] = {}

    async def handle(self, request: web.Request) -> web.Response:
        """One request."""
        body = await request.read()
        if not proved(request, body):
            return _error(403, "SignatureDoesNotMatch")
        if request.method in self.refuses:
            return _error(self.refuses[request.method], "SlowDown")
        if request.method == "GET":
            found = self.objects.get(request.path)
            return _error(404, "NoSuchKey") if found is None else web.Response(body=found)
        self.objects[request.path] = body
        self.order.append(request.path)
        self.headers[request.path] = dict(request.headers)
        return web.Response()


def _error(status: int, code: str) -> web.Response:
    return web.Response(status=status, text=f"<Error><Code>{code}</Code></Error>")


def proved(request: web.Request, body: bytes) -> bool:
    """From what came over the wire: the path as it was sent, each header that is named, the body's own digest."""
    words = dict(part.split("=", 1) for part in request.headers["Authorization"].partition(" ")[2].split(","))
    _, day, region, service, end = words["Credential"].split("/")
    names = words["SignedHeaders"].split(";")
    payload = hashlib.sha256(body).hexdigest()
    canonical = [request.method, request.raw_path, "", *(f"{n}:{request.headers[n].strip()}" for n in names)]
    text = "\n".join([*canonical, "", words["SignedHeaders"], payload])
    key = b"AWS4" + EXAMPLE.secret.encode()
    for part in (day, region, service, end):
        key = hmac.digest(key, part.encode(), "sha256")
    digest = hashlib.sha256(text.encode()).hexdigest()
    wanted = f"AWS4-HMAC-SHA256\n{request.headers['x-amz-date']}\n{day}/{region}/{service}/{end}\n{digest}"
    good = hmac.digest(key, wanted.encode(), "sha256").hex() == words["Signature"]
    return good and {"host", "x-amz-content-sha256", "x-amz-date"} <= set(names)
