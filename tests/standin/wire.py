"""A request as the stand-ins see it, a reply as they send it, and the forms of replies that forges have."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.message import Message
from html import escape
from http.client import responses
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

MANY = 2048
"""Bytes above which Go's HTTP server sends a body in chunks instead of with its length."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request. `path` is decoded and without the server's prefix; `raw` is what stood in the request line."""

    method: str
    raw: str
    path: str
    query: dict[str, list[str]]
    headers: Message
    body: bytes = field(repr=False)

    @classmethod
    def read(cls, method: str, raw: str, headers: Message, body: bytes, prefix: str) -> "Request":
        """From a request line."""
        parts = urlsplit(raw)
        path = unquote(parts.path)
        path = path.removeprefix(prefix) if prefix and path.startswith(prefix + "/") else path
        return cls(method, raw, path, parse_qs(parts.query, keep_blank_values=True), headers, body)

    def header(self, name: str) -> str:
        """A header's value, empty when it was not sent."""
        return self.headers.get(name, "")

    def number(self, name: str, default: int) -> int:
        """A query argument as a number; what is none counts as if it were not there."""
        value = self.one(name)
        return int(value) if value.isdecimal() else default

    def one(self, name: str, default: str = "") -> str:
        """A query argument's first value."""
        return self.query.get(name, [default])[0]

    @property
    def cookies(self) -> dict[str, str]:
        """The cookies sent, values as they were sent."""
        jar: SimpleCookie = SimpleCookie()
        try:
            jar.load(self.header("Cookie"))
        except CookieError:
            return {}
        return {name: morsel.value for name, morsel in jar.items()}

    def json(self) -> dict[str, Any]:
        """The body read as a JSON object; anything else is an empty one, as it is to the real servers."""
        try:
            found = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def form(self) -> dict[str, str]:
        """The fields of a form body."""
        if "x-www-form-urlencoded" not in self.header("Content-Type"):
            return {}
        return {name: values[0] for name, values in parse_qs(self.body.decode("utf-8", "replace")).items()}


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply, with the quirks that faults add.

    `length`: a declared Content-Length other than the true one, or needed because `body` is made piece by piece.
    `stop_after`: the connection is cut after so many bytes of the body. `wait_for`: nothing is sent before it is set.
    """

    status: int
    body: bytes | Iterator[bytes] = b""
    headers: tuple[tuple[str, str], ...] = ()
    chunked: bool = False
    length: int | None = None
    stop_after: int | None = None
    wait_for: threading.Event | None = None
    pause: float = 0.0
    """Seconds between the pieces of the body."""

    def plus(self, *headers: tuple[str, str]) -> "Reply":
        """With more headers."""
        return replace(self, headers=(*self.headers, *headers))

    def whole(self) -> bytes:
        """The body in one piece."""
        return self.body if isinstance(self.body, bytes) else b"".join(self.body)


Handler = Callable[[Request], Reply]


def as_json(value: Any, status: int = 200, *, kind: str = "application/json;charset=utf-8") -> Reply:
    """JSON as Go's encoder writes it: no blanks, a newline at the end, invalid UTF-8 as U+FFFD."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
    return Reply(status, body, (("Content-Type", kind),), chunked=len(body) > MANY)


def as_text(text: str, status: int = 200, *, kind: str = "text/plain; charset=utf-8") -> Reply:
    """Plain text."""
    return Reply(status, text.encode(), (("Content-Type", kind),))


def as_html(title: str, body: str = "", status: int = 200) -> Reply:
    """A page, sent in chunks as real ones are."""
    page = f"<!DOCTYPE html>\n<html>\n<head>\n\t<title>{escape(title)}</title>\n</head>\n<body>{body}</body></html>\n"
    return Reply(status, page.encode(), (("Content-Type", "text/html; charset=utf-8"),), chunked=True)


def redirect(location: str, status: int = 303, *, page: bool = True) -> Reply:
    """A redirect; those that answer a GET have a small page."""
    if not page:
        return Reply(status, b"", (("Location", location),))
    body = f'<a href="{escape(location)}">{responses[status]}</a>.\n\n'.encode()
    return Reply(status, body, (("Content-Type", "text/html; charset=utf-8"), ("Location", location)))


def no_route() -> Reply:
    """An API path that this version does not have: the clean sign that a route is absent (reference 10)."""
    return as_text("404 page not found\n", 404)


def _range(asked: str, size: int) -> tuple[int, int]:
    """Which bytes a Range header means; an empty range when it cannot be met or read."""
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", asked)
    if match is None or match[0] == "bytes=-":
        return 0, 0
    if not match[1]:
        return max(0, size - int(match[2])), size
    return int(match[1]), min(size, int(match[2]) + 1 if match[2] else size)


def ranged(
    request: Request,
    size: int,
    read: Callable[[int, int], Iterator[bytes]],
    *extra: tuple[str, str],
    plain_refusal: bool = False,
) -> Reply:
    """Serves bytes with Range as Go's `http.ServeContent` does: 200, 206, or 416 past the end. One range only.

    `plain_refusal`: newer Go leaves Accept-Ranges out of the 416.
    """
    kind, accepts = ("Content-Type", "text/plain; charset=utf-8"), ("Accept-Ranges", "bytes")
    asked = request.header("Range")
    if not asked:
        return Reply(200, read(0, size), (accepts, *extra, kind), length=size)
    start, stop = _range(asked, size)
    if start >= stop:
        reply = as_text("invalid range: failed to overlap\n", 416)
        return reply.plus(*(() if plain_refusal else (accepts,)), *extra, ("Content-Range", f"bytes */{size}"))
    where = ("Content-Range", f"bytes {start}-{stop - 1}/{size}")
    return Reply(206, read(start, stop), (accepts, *extra, kind, where), length=stop - start)
