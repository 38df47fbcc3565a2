"""A log that a server gives as one text, by ranges: whole, its end alone, or as it grows. Nothing is read twice: what
broke off goes on at the byte where it ended.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from itertools import chain
from typing import Protocol

from whyred.model.run import Attempt, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources import _forge_api
from whyred.sources._ranges import Part, is_other, length_of, part_from, part_of, size_beyond, whole_size
from whyred.sources._same_try import refuse_other, run_again
from whyred.sources.http import Reply, Stream
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want
from whyred.sources.reasons import broken, too_large

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
        return _follow(open_, attempt, again, pace)
    if want.tail is not None:
        stream = _allowed(open_({"Range": f"bytes=-{want.tail}"}), want)
        end = _end_of(stream.reply, want.tail) if stream.reply.status == 206 else None
        if end is not None:
            chunks = _all(open_, attempt, stream, pace, end.start)
            return _from_line(chunks) if end.start else chunks
        if stream.reply.status == 200:
            return _all(open_, attempt, stream, pace)
        stream.close()
    stream = _allowed(open_({}), want)
    if stream.reply.status != 200:
        stream.close()
        help_ = f"it gives a part of the log (HTTP {stream.reply.status}) where all of it was asked for"
        raise MissingLogError(Missing.REFUSED_CONTENT, stream.reply.asked, help_)
    return _all(open_, attempt, stream, pace)


def _end_of(reply: Reply, tail: int) -> Part | None:
    """The part that an answer holds, where that is the end of the log and no more than was asked for."""
    part = part_of(reply)
    return part if part is not None and part.stop - part.start <= tail and part.size in (part.stop, None) else None


def _allowed(stream: Stream, want: Want) -> Stream:
    """The stream, unless it says that it has more bytes than the user allows. Raises MissingLogError (too-large)."""
    size = length_of(stream.reply)
    if want.most is None or size is None or size <= want.most or stream.reply.status == 416:
        return stream
    stream.close()
    raise too_large(stream.reply.asked, want.most, size)


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


def _all(open_: Open, attempt: Attempt, stream: Stream, pace: Pace, have: int = 0) -> Iterator[bytes]:
    """The bytes of the log from `have` on, which this answer begins with."""
    begun, size = stream.reply, whole_size(stream.reply)
    barren = 0
    while True:
        before = have
        try:
            size = whole_size(stream.reply) or size
            for chunk in _rest(stream, have):
                have += len(chunk)
                yield chunk
            if size is None or have >= size:
                return
            trouble = broken(stream.reply.asked, f"the answer ended {size - have} bytes early")
        except MissingLogError as e:
            if e.reason is not Missing.UNREACHABLE:
                raise
            trouble = e
        barren = 0 if have > before else barren + 1
        if barren > _RESUMES:
            raise trouble
        pace.idle()
        stream = open_({"Range": f"bytes={have}-"})
        if stream.reply.status == 416:
            stream.close()
            if size_beyond(stream.reply) == have:
                return
            raise trouble
        if is_other(begun, stream.reply, grows=attempt.status is not Status.DONE):
            stream.close()
            help_ = "it changed while it was read: the job was run again, or its log was replaced. Ask for it anew"
            raise MissingLogError(Missing.REFUSED_CONTENT, stream.reply.asked, help_)


def _rest(stream: Stream, have: int) -> Iterator[bytes]:
    """What an answer has from byte `have` on. Raises MissingLogError (unreachable): it does not come to that byte, or
    holds another part.
    """
    if stream.reply.status == 206:
        part = part_from(stream, have)
        return _exactly(stream, part.stop - part.start)
    return _after(stream, have)


def _exactly(stream: Stream, left: int) -> Iterator[bytes]:
    """A part's bytes, no more than it tells: of a packed one only the text shows whether it is that part."""
    for chunk in stream.chunks():
        if len(chunk) > left:
            stream.close()
            raise broken(stream.reply.asked, "the answer is another part of the file than was asked for")
        left -= len(chunk)
        yield chunk


def _after(stream: Stream, left: int) -> Iterator[bytes]:
    """The bytes after the first so many, of a server that knows no ranges and gives all of them again."""
    for chunk in stream.chunks():
        new, left = chunk[left:], max(0, left - len(chunk))
        if new:
            yield new
    if left:
        raise broken(stream.reply.asked, f"the answer ended {left} bytes before the place where it broke off")


def _follow(open_: Open, attempt: Attempt, again: Callable[[], Attempt], pace: Pace) -> Iterator[bytes]:
    """The bytes as they come. The attempt is asked for after each answer has begun and before a byte of it is given:
    what an answer holds is of the attempt that it is not later than.
    """
    have, last, known = 0, False, replace(attempt, steps=())
    while True:
        before = have
        try:
            stream = open_({"Range": f"bytes={have}-"})
            try:
                now = again()
                refuse_other(known, now, stream.reply.asked)
                for chunk in _new(stream, have):
                    have += len(chunk)
                    yield chunk
            finally:
                stream.close()
        except MissingLogError as e:
            if e.reason is Missing.NOT_STARTED and have:
                raise run_again(e.asked) from e
            if e.reason not in _WAIT_OUT or not pace.patient:
                raise
            pace.idle()
            continue
        known = now
        pace.answered()
        if have > before:
            pace.moved()
        elif last:
            return
        if now.status is Status.DONE and not last:
            last = True
            pace.late()
        else:
            pace.idle()


def _new(stream: Stream, have: int) -> Iterator[bytes]:
    """What an answer has after so many bytes. Raises MissingLogError (refused-content): the log has become shorter."""
    if stream.reply.status != 416:
        return _rest(stream, have)
    size = size_beyond(stream.reply)
    if size is not None and size < have:
        raise run_again(stream.reply.asked)
    return iter(())
