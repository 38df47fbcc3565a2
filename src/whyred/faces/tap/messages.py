"""One direction of an HTTP/1.1 connection, cut into heads, bodies and ends as its bytes come. Pure: no sockets.

Every byte that is fed comes out again, in its order, as part of a head or as `wire`; what a body says without its
chunks comes out beside it. Where the bytes are no HTTP/1.1 the cutter goes `blind` and lets everything through.
Source: RFC 9112, sections 2, 6 and 7.
"""

import re
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

MOST_HEAD = 1 << 18
"""Bytes of a head; servers take fewer."""
_MOST_LINE = 1 << 14
"""Bytes of the line that begins a chunk, or of one behind the last."""
_HEAD_END = re.compile(rb"\n\r?\n")
_HOST = re.compile(rb"(\nhost:[ \t]*)[^\r\n]*", re.IGNORECASE)
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?")


@dataclass(frozen=True, slots=True)
class Head:
    """The first line of a message and its headers; their names in small letters. The repr shows neither."""

    raw: bytes = field(repr=False)
    first: tuple[str, ...] = field(repr=False)
    headers: tuple[tuple[str, str], ...] = field(repr=False)

    def get(self, name: str) -> str:
        """The values of a header, with commas between them."""
        return ", ".join(value for key, value in self.headers if key == name)

    @property
    def kind(self) -> str:
        """The content type, without parameters."""
        return self.get("content-type").partition(";")[0].strip().lower()

    @property
    def status(self) -> int:
        """Of an answer."""
        return int(self.first[1])

    def to(self, authority: str) -> bytes:
        """A request's head that names another host: the one it is sent on to."""
        return _HOST.sub(lambda m: m[1] + authority.encode(), self.raw, count=1)


@dataclass(frozen=True, slots=True)
class Wire:
    """Bytes of a body as they came. `body` is what they say, where somebody asked for it."""

    raw: bytes = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class End:
    """A message is complete."""


class Length(Enum):
    """How the length of a body is told, but for a number of bytes."""

    CHUNKED = auto()
    UNTIL_CLOSED = auto()
    BLIND = auto()
    """No further message comes, or none that can be told."""


Body = int | Length
Part = Head | Wire | End


class _State(Enum):
    HEAD = auto()
    BYTES = auto()
    """Of a body, or of a chunk; `_left` tells how many."""
    REST = auto()
    """A body up to the end of the connection."""
    SIZE = auto()
    AFTER_CHUNK = auto()
    TRAILER = auto()


class BlindError(Exception):
    """These bytes are no HTTP/1.1."""


class Cutter:
    """Cuts one direction. `body_of` says of each head how long its body is."""

    def __init__(self, body_of: Callable[[Head], Body]) -> None:
        self._body_of = body_of
        self._held = b""
        self._state = _State.HEAD
        self._left = 0
        self._chunked = False
        self.blind = False
        """What comes next is let through unread."""
        self.wants = False
        """Whether the body of the present message is asked for. To be set after its head was given."""

    def let_through(self) -> bytes:
        """Goes blind; the bytes of a head that was not complete, which must still go out."""
        held, self._held, self.blind = self._held, b"", True
        return held if self._state is _State.HEAD else b""

    def feed(self, data: bytes) -> Iterator[Part]:
        """What the next bytes complete."""
        while data:
            if self.blind:
                yield Wire(data)
                return
            try:
                if self._state is _State.HEAD:
                    data = yield from self._head(data)
                else:
                    data = yield from self._body(data)
            except BlindError as e:
                self.blind = True
                data = e.args[0]

    def _head(self, data: bytes) -> Generator[Part, None, bytes]:
        """A head, if the data completes one; what is left behind it."""
        data, self._held = self._held + data, b""
        start = len(data) - len(data.lstrip(b"\r\n"))  # a server ignores empty lines before a request
        end = _HEAD_END.search(data, start)
        if end is None:
            if len(data) > MOST_HEAD:
                raise BlindError(data)
            self._held = data
            return b""
        head = read_head(data[: end.end()])
        if head is None:
            raise BlindError(data)
        body = self._body_of(head)
        if body is Length.BLIND:
            self.blind = True
        self.wants = False
        yield head
        yield from self._begin(body)
        return data[end.end() :]

    def _begin(self, body: Body) -> Iterator[Part]:
        self._chunked = body is Length.CHUNKED
        if isinstance(body, int):
            self._left, self._state = body, _State.BYTES if body else _State.HEAD
            if not body:
                yield End()
        elif body is not Length.BLIND:
            self._state = _State.SIZE if self._chunked else _State.REST

    def _body(self, data: bytes) -> Generator[Part, None, bytes]:
        """Goes through as much of the data as belongs to the message; what is left of it."""
        at, said = 0, []
        while at < len(data) and self._state is not _State.HEAD:
            if self._state is _State.REST:
                said.append(data[at:] if self.wants else b"")
                at = len(data)
            elif self._state is _State.BYTES:
                piece = data[at : at + self._left] if at or self._left < len(data) else data
                said.append(piece if self.wants else b"")
                at, self._left = at + len(piece), self._left - len(piece)
                if not self._left:
                    self._state = _State.AFTER_CHUNK if self._chunked else _State.HEAD
            else:
                at = self._line(data, at)
        yield Wire(data[:at] if at < len(data) else data, b"".join(said))
        if self._state is _State.HEAD:
            yield End()
        return data[at:]

    def _line(self, data: bytes, at: int) -> int:
        """Reads a line between chunks. `_held` has what came of it before; it has gone out already."""
        end = data.find(b"\n", at)
        line = self._held + (data[at:] if end < 0 else data[at:end])
        if len(line) > _MOST_LINE:
            self._held = b""
            raise BlindError(data)
        if end < 0:
            self._held = line
            return len(data)
        self._held = b""
        line = line.removesuffix(b"\r")
        if self._state is _State.AFTER_CHUNK:
            if line:
                raise BlindError(data)
            self._state = _State.SIZE
        elif self._state is _State.SIZE:
            size = _SIZE.fullmatch(line)
            if size is None:
                raise BlindError(data)
            self._left = int(size[1], 16)
            self._state = _State.BYTES if self._left else _State.TRAILER
        elif not line:
            self._state = _State.HEAD
        return end + 1


def read_head(raw: bytes) -> Head | None:
    """A head; None where it is none of HTTP/1."""
    first, *lines = raw.decode("latin-1").strip("\r\n").replace("\r\n", "\n").split("\n")
    words = tuple(first.split(" ", 2))
    version = words[0] if words[0].startswith("HTTP/") else words[-1]
    if len(words) < 2 or version not in ("HTTP/1.1", "HTTP/1.0"):
        return None
    if words[0] == version and not re.fullmatch("[1-9][0-9][0-9]", words[1]):
        return None
    pairs = [line.partition(":") for line in lines]
    if any(not colon or not name or name != name.strip() for name, colon, _ in pairs):
        return None
    return Head(raw, words, tuple((name.lower(), value.strip(" \t")) for name, _, value in pairs))


def request_body(head: Head) -> Body:
    """How long the body of a request is."""
    told = _told(head)
    return 0 if told is None else told


def reply_body(head: Head, method: str) -> Body:
    """How long the body of an answer to a request is."""
    status = head.status
    if status == 101 or (method == "CONNECT" and 200 <= status < 300):
        return Length.BLIND
    if method == "HEAD" or status < 200 or status in (204, 304):
        return 0
    told = _told(head)
    return Length.UNTIL_CLOSED if told is None else told


def _told(head: Head) -> Body | None:
    codings = head.get("transfer-encoding")
    if codings:
        return Length.CHUNKED if codings.lower().rpartition(",")[2].strip() == "chunked" else Length.BLIND
    lengths = {value for name, value in head.headers if name == "content-length"}
    if not lengths:
        return None
    length = lengths.pop()
    plain = not lengths and length.isascii() and length.isdecimal() and len(length) < 19
    return int(length) if plain else Length.BLIND
