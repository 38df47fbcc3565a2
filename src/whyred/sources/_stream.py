"""An answer of a server: read whole, or piece by piece; what came of it is never lost when the rest does not come."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from whyred.model.source import Missing, MissingLogError
from whyred.sources._meter import Meter, Overrun
from whyred.sources._unpack import unpacked
from whyred.sources.reasons import oddly_packed, unreachable

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse

PIECE = 1 << 19
"""Bytes that are read at once, and put together from as many as came."""
_SOON = 1.0
"""Seconds after which what came of a piece is handed on."""
_SEEN = 1 << 16
"""Bytes of a refusal that are read."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer whose body was read whole; header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    asked: str

    @property
    def kind(self) -> str:
        """The content type, without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """The body as JSON. Raises MissingLogError (refused-content): a page where data was expected."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as e:
            what = "an HTML page" if self.body.lstrip()[:1] == b"<" else "no JSON"
            help_ = f"{what} came where data was expected: is there a proxy, a log-in gate or a bot check in front?"
            raise MissingLogError(Missing.REFUSED_CONTENT, self.asked, help_) from e

    @property
    def is_json(self) -> bool:
        """Whether the server says that it is JSON. Gitea and Forgejo answer so for every API path that exists."""
        return self.kind == "application/json"


class Stream:
    """An answer that is read piece by piece; close it, or read it to its end."""

    def __init__(
        self,
        reply: Reply,
        response: "BaseHTTPResponse",
        meter: Meter,
        clock: Callable[[], float],
        release: Callable[[], None],
        check: Callable[[], None] = lambda: None,
    ) -> None:
        self.reply, self._response, self._meter, self._clock, self._release = reply, response, meter, clock, release
        self._check = check

    def chunks(self) -> Iterator[bytes]:
        """The body. What came before a break is given before that is told. Raises MissingLogError: unreachable (the
        connection breaks or ends early), corrupt, refused-content.
        """
        packed = self.reply.headers.get("content-encoding", "").strip().lower()
        framed = self.reply.headers.get("transfer-encoding", "chunked").strip().lower()
        try:
            if packed in ("gzip", "x-gzip"):
                yield from unpacked(self._pieces(), self.reply.asked)
            elif (packed in ("", "identity") and framed == "chunked") or self.reply.status >= 300:
                yield from self._pieces()
            else:
                raise oddly_packed(self.reply.asked)
        finally:
            self.close()

    def refusal(self) -> Reply:
        """The answer with the beginning of its body; one that breaks off is a refusal all the same."""
        parts, size = [], 0
        with suppress(MissingLogError):
            for piece in self.chunks():
                parts.append(piece)
                size += len(piece)
                if size > _SEEN:
                    break
        self.close()
        return replace(self.reply, body=b"".join(parts)[:_SEEN])

    def _pieces(self) -> Iterator[bytes]:
        """The body as it comes over the wire."""
        while True:
            self._check()
            piece, trouble = self._piece()
            if self._response.length_remaining == 0:
                self.close()  # before this piece is worked on: meanwhile another request may go out
            if piece:
                yield piece
            if isinstance(trouble, Overrun):
                raise MissingLogError(trouble.reason, self.reply.asked, trouble.help) from None
            if trouble is not None:
                raise unreachable(self.reply.asked, trouble, begun=True) from None
            if not piece:
                return

    def _piece(self) -> tuple[bytes, Exception | None]:
        """What comes next, and what broke it off: at most PIECE bytes, and no more than came in about a second."""
        import urllib3

        parts, size, until = [], 0, self._clock() + _SOON
        self._meter.fed()
        try:
            while size < PIECE and (part := self._response.read1(PIECE - size, decode_content=False)):
                parts.append(part)
                size += len(part)
                self._meter.fed()
                if self._clock() > until:
                    break
        except (urllib3.exceptions.HTTPError, OSError, Overrun) as e:
            return b"".join(parts), e
        return b"".join(parts), None

    def close(self) -> None:
        """Gives the connection up; what was not read of the answer is not read any more."""
        self._response.close()
        self._response.release_conn()  # `close` alone would cost the pool a connection
        self._release()
