"""What an answer says about the part of a file that it holds, and whether that is the part that was asked for
(RFC 9110, sections 14.4 and 15.3.7). Put together from other parts, a log would be one that never was.
"""

import re
from dataclasses import dataclass

from whyred.sources.http import Reply, Stream
from whyred.sources.reasons import broken

_PART = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)")
_LENGTH = re.compile(r"[0-9]{1,18}")
_NONE = re.compile(r"bytes \*/([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """Bytes from `start` to before `stop` of a file of `size` bytes; None where that is not told."""

    start: int
    stop: int
    size: int | None


def part_of(reply: Reply) -> Part | None:
    """The part that a 206 holds; None where it tells none that can be."""
    told = _PART.fullmatch(reply.headers.get("content-range", "").strip())
    if told is None:
        return None
    start, stop = int(told[1]), int(told[2]) + 1
    size = None if told[3] == "*" else int(told[3])
    if start >= stop or (size is not None and stop > size):
        return None
    return None if length_of(reply) not in (None, stop - start) else Part(start, stop, size)


def length_of(reply: Reply) -> int | None:
    """The bytes that an answer says it has, where they are those of the file."""
    told = _LENGTH.fullmatch(reply.headers.get("content-length", ""))
    packed = reply.headers.get("content-encoding", "identity") != "identity"
    return None if told is None or packed else int(told[0])


def size_beyond(reply: Reply) -> int | None:
    """The size of the file that a 416 tells."""
    told = _NONE.fullmatch(reply.headers.get("content-range", "").strip())
    return int(told[1]) if told else None


def is_other(first: Reply, later: Reply, *, grows: bool) -> bool:
    """Whether two answers are of different files, by what both tell: the size, the tag, the time. `grows`: the file may
    be longer by now, and then its tag and time are new as well.
    """
    size, now = whole_size(first), whole_size(later)
    if size is not None and now is not None and (now < size or (now > size and not grows)):
        return True
    packed = any("content-encoding" in reply.headers for reply in (first, later))  # its packed form has its own tag
    names = () if grows else ("last-modified",) if packed else ("last-modified", "etag")
    pairs = ((first.headers.get(name), later.headers.get(name)) for name in names)
    return any(a and b and a.removeprefix("W/") != b.removeprefix("W/") for a, b in pairs)


def whole_size(reply: Reply) -> int | None:
    """The size of the whole file, where an answer with all or a part of it tells it."""
    if reply.status == 200:
        return length_of(reply)
    part = part_of(reply) if reply.status == 206 else None
    return part.size if part is not None else None


def part_from(stream: Stream, start: int) -> Part:
    """The part of a 206 that begins at this byte. Raises MissingLogError (unreachable): it holds another one."""
    part = part_of(stream.reply)
    if part is None or part.start != start:
        stream.close()
        raise broken(stream.reply.asked, "the answer is another part of the file than was asked for")
    return part
