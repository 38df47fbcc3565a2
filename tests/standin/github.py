"""A stand-in GitHub: REST below `/api/v3` (as GitHub Enterprise has it) and at the root, and the logs' storage host.

    world = scenarios.everyday()
    token = world.users["alice"].token()
    with standin_github(world) as github:
        ...                                     # the client, against github.url (web) or github.api
        assert not github.storage.saw(token)    # the redirect to the storage host must not carry it

The runs are those of `World`: scenarios made for a forge tell the same here. From GitHub's REST documentation and
cli/cli; no server was recorded.
"""

import hashlib
import hmac
import re
from collections.abc import Iterator
from contextlib import contextmanager

from standin import github_routes
from standin.github_call import ROUTES, Call, RefusedError, primary_limit, secondary_limit
from standin.github_text import ZipForm, run_zip, whole_text
from standin.server import Served
from standin.wire import Reply, Request, as_text
from standin.world import Attempt, User, World

__all__ = ["GitHub", "ZipForm", "github_routes", "primary_limit", "secondary_limit", "standin_github"]
_KEY = b"the storage host's own key"


class GitHub(Served):
    """A GitHub that is being served. `zip_form` says what run archives hold, `storage` is the host of the logs."""

    def __init__(self, world: World) -> None:
        self.world, self.zip_form = world, ZipForm()
        self.remaining, self.links = 5000, 0
        self.storage = Served(self._stored)
        super().__init__(self.answer_rest)

    @property
    def api(self) -> str:
        """The API as GitHub Enterprise has it."""
        return f"{self.url}/api/v3"

    def root(self, request: Request) -> str:
        """The root of the API that the client chose."""
        return self.api if request.path.startswith("/api/v3") else self.url

    def expire_links(self) -> None:
        """Links to the storage host that were given out are worth nothing any more."""
        self.links += 1

    def answer_rest(self, request: Request) -> Reply:
        """The answer to a REST call, with GitHub's headers, ETag and 304."""
        with self.world.lock:
            try:
                reply = self._rest(request)
            except RefusedError as refused:
                reply = refused.reply
        if reply.status == 200 and request.method == "GET":
            tag = f'W/"{hashlib.sha256(reply.whole()).hexdigest()}"'
            if request.header("If-None-Match") == tag:
                return Reply(304, b"", (("ETag", tag), *self._counts()))
            reply = reply.plus(("ETag", tag), ("Cache-Control", "private, max-age=60, s-maxage=60"))
        self.remaining -= 1
        return reply.plus(
            *self._counts(), ("X-GitHub-Enterprise-Version", "3.16.0"), ("X-GitHub-Media-Type", "github.v3")
        )

    def _counts(self) -> tuple[tuple[str, str], ...]:
        reset = self.world.now // 10_000_000 + 3600
        left = {"Limit": 5000, "Remaining": self.remaining, "Used": 5000 - self.remaining, "Reset": reset}
        return (
            *((f"X-RateLimit-{name}", str(value)) for name, value in left.items()),
            ("X-RateLimit-Resource", "core"),
        )

    def _rest(self, request: Request) -> Reply:
        if not request.header("User-Agent"):
            return as_text(
                "Request forbidden by administrative rules. Please make sure your request has a User-Agent.\n", 403
            )
        user, scopes = self._caller(request)
        path = request.path.removeprefix("/api/v3")
        for method, pattern, _, answer in ROUTES:
            match = pattern.fullmatch(path)
            if match and method == request.method:
                return answer(Call(self, request, user, scopes, match.groupdict()))
        raise RefusedError(404, "Not Found")

    def _caller(self, request: Request) -> tuple[User | None, tuple[str, ...]]:
        kind, _, token = request.header("Authorization").partition(" ")
        if not kind:
            return None, ()
        known = self.world.who(token) if kind.lower() in {"token", "bearer"} else None
        if known is None:
            raise RefusedError(401, "Bad credentials")
        return known

    # --- storage ---

    def link(self, path: str) -> str:
        """A short-lived address on the storage host."""
        return f"{self.storage.url}{path}?se={self.links}&sp=r&sig={self._signed(path)}"

    def _signed(self, path: str) -> str:
        return hmac.digest(_KEY, f"{path} {self.links}".encode(), "sha256").hex()

    def _stored(self, request: Request) -> Reply:
        """As the blob storage answers: a signature, never an Authorization header beside it."""
        if request.header("Authorization") or request.one("sig") != self._signed(request.path):
            return _xml(403, "AuthenticationFailed", "Server failed to authenticate the request.")
        with self.world.lock:
            kind, number, attempt = request.path.strip("/").split("/")
            if kind == "job":
                found = self._attempt(int(number), int(attempt))
                if found.missing == "lost":
                    return _xml(404, "BlobNotFound", "The specified blob does not exist.")
                return _blob(request, whole_text(found).encode(), "text/plain")
            run = self.world.find_run(int(number))
            assert run is not None
            return _blob(request, run_zip(run, int(attempt), self.zip_form), "application/zip")

    def _attempt(self, job: int, number: int) -> Attempt:
        found = self.world.find_job(job)
        assert found is not None
        return next(attempt for attempt in found.attempts if attempt.number == number)


def _xml(status: int, code: str, message: str) -> Reply:
    body = f'\ufeff<?xml version="1.0" encoding="utf-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return as_text(body, status, kind="application/xml")


def _blob(request: Request, data: bytes, kind: str) -> Reply:
    headers = (
        ("Content-Type", kind),
        ("Accept-Ranges", "bytes"),
        ("ETag", f'"0x{hashlib.sha256(data).hexdigest()[:15]}"'),
    )
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", request.header("Range"))
    if not match:
        return Reply(200, data, headers)
    start, stop = int(match[1]), int(match[2]) + 1 if match[2] else len(data)
    if start >= len(data):
        return _xml(416, "InvalidRange", "The range specified is invalid for the current size of the resource.")
    part = data[start:stop]
    return Reply(206, part, (*headers, ("Content-Range", f"bytes {start}-{start + len(part) - 1}/{len(data)}")))


@contextmanager
def standin_github(world: World | None = None) -> Iterator[GitHub]:
    """Serves a GitHub and its storage host; raises at the end what went wrong inside the stand-in itself."""
    from standin.scenarios import everyday

    github = GitHub(world or everyday())
    try:
        yield github
    finally:
        github.stop()
        github.storage.stop()
    bugs = [bug for bug in (*github.bugs, *github.storage.bugs) if isinstance(bug, Exception)]
    if bugs:
        raise ExceptionGroup("the stand-in itself failed", bugs)
