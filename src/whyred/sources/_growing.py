"""A log that a server gives as one text, by ranges: whole, its end alone, or as it grows. Nothing is read twice: what
broke off goes on at the byte where it ended.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Protocol

from whyred.model.run import Attempt, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources import _forge_api
from whyred.sources.http import Stream
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want
from whyred.sources.reasons import too_large

_RESUMES = 5
"""How often a broken download goes on where it ended, without one new byte in between."""
_WAIT_OUT = (Missing.UNREACHABLE, Missing.SERVER_ERROR, Missing.RATE_LIMITED, Missing.STILL_RUNNING)
"""What a log that is followed waits out: a restart of the server is one of them."""


class Open(Protocol):
    """Opens the log with these headers; status 200, 206 or 416. Raises MissingLogError."""

    def __call__(self, headers: Mapping[str, str]) -> Stream:
        """The stream."""
        ...


def log(reach: Reach, attempt: Attempt, url: str, want: Want, again: Callable[[], Attempt]) -> Iterator[bytes]:
    """The log behind an API path; what can be refused is refused first. `again` tells the attempt anew."""

    def open_(headers: Mapping[str, str]) -> Stream:
        return _forge_api.open_log(reach, attempt, url, headers)

    chunks = growing(open_, attempt, want, again, Pace(reach.http.sleep, reach.http.clock))
    return not_empty(chunks, attempt, want, f"GET {reach.http.root}{_forge_api.BASE}{url.partition('?')[0]}")


def not_empty(chunks: Iterator[bytes], attempt: Attempt, want: Want, asked: str) -> Iterator[bytes]:
    """The bytes after the first of them came, unless the log is followed. Raises MissingLogError where none comes: a
    server that answers 200 with nothing has no log.
    """
    if want.follow and attempt.status is not Status.DONE:
        return chunks
    first = next((chunk for chunk in chunks if chunk), None)
    if first is None:
        raise _forge_api.empty(asked, attempt)
    _forge_api.refuse_page_text(first, asked)
    return chain((first,), chunks)


def growing(open_: Open, attempt: Attempt, want: Want, again: Callable[[], Attempt], pace: Pace) -> Iterator[bytes]:
    """The bytes of a log as `want` has them."""
    if want.follow and attempt.status is not Status.DONE:
        return _follow(open_, again, pace)
    if want.tail is not None:
        stream = _allowed(open_({"Range": f"bytes=-{want.tail}"}), want)
        if stream.reply.status == 206:
            return _from_line(stream.chunks())
        if stream.reply.status == 200:
            return _all(open_, stream, pace)
        stream.close()
    return _all(open_, _allowed(open_({}), want), pace)


def _allowed(stream: Stream, want: Want) -> Stream:
    """The stream, unless it says that it has more bytes than the user allows. Raises MissingLogError (too-large)."""
    told = stream.reply.headers.get("content-length", "")
    packed = stream.reply.headers.get("content-encoding", "identity") != "identity"
    if want.most is None or packed or not told.isdecimal() or int(told) <= want.most or stream.reply.status == 416:
        return stream
    stream.close()
    raise too_large(stream.reply.asked, want.most, int(told))


def _from_line(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """A range's bytes from its first whole line on; all of them where the range lies within the log's last line."""
    held: list[bytes] = []
    for chunk in chunks:
        before, newline, rest = chunk.partition(b"\n")
        held.append(before + newline)
        if newline:
            first = rest or next(chunks, b"")
            yield first or b"".join(held)
            yield from chunks
            return
    yield from held


def _all(open_: Open, stream: Stream, pace: Pace) -> Iterator[bytes]:
    have, barren = 0, 0
    while True:
        before = have
        try:
            for chunk in stream.chunks():
                have += len(chunk)
                yield chunk
        except MissingLogError as e:
            barren = 0 if have > before else barren + 1
            if e.reason is not Missing.UNREACHABLE or barren > _RESUMES:
                raise
            pace.idle()
            stream = open_({"Range": f"bytes={have}-"})
            if stream.reply.status == 416:
                stream.close()
                return
            if stream.reply.status == 200:
                stream = _skipping(stream, have)
            continue
        return


def _skipping(stream: Stream, have: int) -> Stream:
    """The stream of a server that knows no ranges, without what is there already."""
    left = have
    chunks = stream.chunks

    def rest() -> Iterator[bytes]:
        nonlocal left
        for chunk in chunks():
            new, left = chunk[left:], max(0, left - len(chunk))
            if new:
                yield new

    stream.chunks = rest  # type: ignore[method-assign]
    return stream


def _follow(open_: Open, again: Callable[[], Attempt], pace: Pace) -> Iterator[bytes]:
    have, last = 0, False
    while True:
        before = have
        try:
            for chunk in _new(open_, have):
                have += len(chunk)
                yield chunk
            if have > before:
                pace.moved()
            elif last:
                return
            last = last or again().status is Status.DONE
        except MissingLogError as e:
            if e.reason not in _WAIT_OUT or not pace.patient:
                raise
        pace.idle()


def _new(open_: Open, have: int) -> Iterator[bytes]:
    stream = open_({"Range": f"bytes={have}-"})
    if stream.reply.status == 416:
        stream.close()
        return
    if stream.reply.status == 200 and have:
        stream = _skipping(stream, have)
    yield from stream.chunks()
