"""An API host and a storage host on loopback, answering what a test puts there and recording what they were asked."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from whyred.model.forge import Kind, Server
from whyred.sources.http import Http
from whyred.sources.reach import Reach

FIXTURES = Path(__file__).parent.parent / "sources" / "github"
CANARY = "ghp_" + "canary" * 6
REPO = "/api/v3/repos/acme/widget"


@dataclass
class Asked:
    """One request that came."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """What is sent: bytes, text or anything that JSON can hold."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)

    def raw(self) -> bytes:
        if isinstance(self.body, bytes):
            return self.body
        return (self.body if isinstance(self.body, str) else json.dumps(self.body)).encode()


Rule = Answer | list[Answer] | Callable[[Asked], Answer]
"""An answer for ever, answers one after the other (the last for ever), or whatever the request gets."""


class Site:
    """One host. `rules`: "METHOD /path" -> what is answered; JSON is sent with its content type."""

    def __init__(self, *, ranges: bool = True) -> None:
        self.rules: dict[str, Rule] = {}
        self.asked: list[Asked] = []
        self.sent = 0
        self.ranges = ranges
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._serve()

            def do_POST(self) -> None:
                self._serve()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                del format, args

            def _serve(self) -> None:
                path, _, query = self.path.partition("?")
                size = int(self.headers.get("Content-Length") or 0)
                headers = {k.lower(): v for k, v in self.headers.items()}
                asked = Asked(self.command, path, query, headers, self.rfile.read(size))
                site.asked.append(asked)
                answer = site.answer(asked)
                body = answer.raw()
                kind = "text/plain" if isinstance(answer.body, bytes | str) else "application/json; charset=utf-8"
                self.send_response(answer.status)
                for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **answer.headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                site.sent += len(body)
                self.wfile.write(body)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self.root = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, asked: Asked) -> Answer:
        """By the rules; JSON 404 for what has none."""
        rule = self.rules.get(f"{asked.method} {asked.path}")
        if rule is None:
            return Answer(404, {"message": "Not Found", "status": "404"})
        if isinstance(rule, list):
            found = rule.pop(0) if len(rule) > 1 else rule[0]
        else:
            found = rule(asked) if callable(rule) else rule
        return self._part(asked, found) if self.ranges and found.status == 200 else found

    @staticmethod
    def _part(asked: Asked, answer: Answer) -> Answer:
        """Ranges as Azure's Blob service knows them: from a first byte, never counted from the end."""
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", asked.headers.get("range", ""))
        if wanted is None:
            return answer
        body = answer.raw()
        start, stop = int(wanted[1]), min(int(wanted[2] or len(body)) + (1 if wanted[2] else 0), len(body))
        if start >= len(body):
            return Answer(416, "<Error><Code>InvalidRange</Code></Error>", {"Content-Range": f"bytes */{len(body)}"})
        where = {"Content-Range": f"bytes {start}-{stop - 1}/{len(body)}"}
        return Answer(206, body[start:stop], {**answer.headers, **where})

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def paths(self) -> list[str]:
        """What was asked, in order."""
        return [f"{a.method} {a.path}" for a in self.asked]


@dataclass
class Fake:
    """Both hosts, and how they are reached. `slept` are the pauses that the client made."""

    api: Site
    storage: Site
    slept: list[float] = field(default_factory=list)
    now: float = 1_800_000_000.0

    def reach(self, token: str | None = CANARY) -> Reach:
        """With a client whose clock moves when it sleeps, and only then."""

        def sleep(seconds: float) -> None:
            self.slept.append(seconds)
            self.now += seconds

        http = Http(f"{self.api.root}/api/v3", token, "Bearer", sleep=sleep, clock=lambda: self.now)
        return Reach(Server(self.api.root, Kind.GITHUB), http)

    def gives(self, path: str, body: Any, status: int = 200, **headers: str) -> None:
        """The API answers a GET below the repository."""
        self.api.rules[f"GET {REPO}{path}"] = Answer(status, body, {k.replace("_", "-"): v for k, v in headers.items()})

    def stores(self, path: str, name: str, body: bytes, status: int = 200, **headers: str) -> None:
        """The API redirects a path below the repository to a file of the storage."""
        signed = f"{self.storage.root}/logs/{name}?sig=s3cret-signature&se=2027"
        self.api.rules[f"GET {REPO}{path}"] = Answer(302, b"", {"Location": signed})
        told = {k.replace("_", "-"): v for k, v in headers.items()}
        self.storage.rules[f"GET /logs/{name}"] = Answer(status, body, told)


@contextmanager
def fake_github(*, ranges: bool = True) -> Iterator[Fake]:
    """Both hosts for the time of a test."""
    fake = Fake(Site(ranges=False), Site(ranges=ranges))
    fake.api.start()
    fake.storage.start()
    try:
        yield fake
        for asked in fake.storage.asked:
            assert CANARY not in str(asked), "the token was sent to the storage host"
            assert "authorization" not in asked.headers
    finally:
        fake.api.stop()
        fake.storage.stop()


def fixture(name: str) -> Any:
    """A recorded answer."""
    return json.loads((FIXTURES / name).read_text(encoding="utf-8"))


TEXT = (FIXTURES / "job.txt").read_bytes()
"""The text of the job of the fixtures."""
PARTS = {
    "Set up job": (0, b"##[group]Run actions/checkout"),
    "Run actions/checkout@v4": (b"##[group]Run actions/checkout", b"##[group]Run cargo"),
    "Test": (b"##[group]Run cargo", b"Post job cleanup."),
    "Post results": (b"", b""),
    "Post Run actions/checkout@v4": (b"Post job cleanup.", b"Cleaning up"),
    "Complete job": (b"Cleaning up", None),
}


def expected() -> list[tuple[str, bytes]]:
    """The steps of the job and their true lines."""

    def at(mark: bytes | int | None) -> int:
        if isinstance(mark, bytes):
            return TEXT.rindex(b"\n", 0, TEXT.index(mark)) + 1
        return len(TEXT) if mark is None else mark

    return [(n, b"" if first == b"" else TEXT[at(first) : at(last)]) for n, (first, last) in PARTS.items()]  # type: ignore[arg-type]
