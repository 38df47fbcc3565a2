"""A file on a server that gives parts of it (Range): as something to seek and read in, and searched by the times of its
lines, so that a step of a large log, or a member of a large zip, costs a few small requests.
"""

import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence

from whyred.logs.steps_by_time import STAMP, begun, second
from whyred.model.run import Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources._ranges import part_from
from whyred.sources.http import Stream
from whyred.sources.reasons import broken

Open = Callable[[Mapping[str, str]], Stream]
"""Opens the file with these headers; status 200, 206 or 416. Raises MissingLogError."""
_TOTAL = re.compile(r"bytes (?:\*|\d+-\d+)/(\d{1,18})")
_FIRST, _MOST = 1 << 16, 1 << 22
"""Bytes of the first request of a row of them, and of a later one: each is twice as long as the one before."""
_AT_ONCE = 8 << 20
"""Bytes that are read in one piece at most: a zip's list of members is far below it."""
_PROBE, _LONG = 1 << 14, 1 << 18
"""Bytes in which a line with a time is looked for; a line may be so long."""
_MARGIN = 2
"""Seconds of lines after a step that are read with it, to find where the next one begins."""
_RESUMES = 5
"""How often a broken download goes on where it ended, without one new byte in between."""


class Parts:
    """The file. `size` in bytes."""

    def __init__(self, open_: Open, size: int) -> None:
        self._open, self.size = open_, size

    def stream(self, start: int, stop: int | None = None) -> Iterator[bytes]:
        """The bytes from `start` to before `stop`; what broke off goes on where it ended. Raises MissingLogError."""
        stop = self.size if stop is None else min(stop, self.size)
        barren = 0
        while start < stop:
            before = start
            try:
                for piece in self._once(start, stop):
                    start += len(piece)
                    yield piece
            except MissingLogError as e:
                barren = 0 if start > before else barren + 1
                if e.reason is not Missing.UNREACHABLE or barren > _RESUMES:
                    raise

    def _once(self, start: int, stop: int) -> Iterator[bytes]:
        stream = self._open({"Range": f"bytes={start}-{stop - 1}"})
        if stream.reply.status != 206:
            stream.close()
            raise MissingLogError(
                Missing.REFUSED_CONTENT,
                stream.reply.asked,
                "it gave parts of the file once, and then no more: try again",
            )
        part_from(stream, start)
        left = stop - start
        for piece in stream.chunks():
            yield piece[:left]
            left -= len(piece)
            if left <= 0:
                stream.close()
                return
        raise broken(stream.reply.asked, f"the answer ended {left} bytes early")

    def read(self, start: int, stop: int) -> bytes:
        """The same in one piece."""
        return b"".join(self.stream(start, stop))


def parts(open_: Open) -> Parts | Stream:
    """The file in parts; or, where the server does not give any, all of it. Raises MissingLogError.

    The size is asked for first: not every storage knows ranges that count from the end (Azure's does not).
    """
    stream = open_({"Range": "bytes=0-0"})
    if stream.reply.status == 200:
        return stream
    stream.close()
    total = _TOTAL.fullmatch(stream.reply.headers.get("content-range", ""))
    if stream.reply.status == 416 and total is None:
        return Parts(open_, 0)
    if total is None:
        return _whole(open_({}))
    return Parts(open_, int(total[1]))


def _whole(stream: Stream) -> Stream:
    """The file, unless it is a part of it. Raises MissingLogError (refused-content)."""
    if stream.reply.status == 200:
        return stream
    stream.close()
    help_ = f"it gives a part of the file (HTTP {stream.reply.status}) where all of it was asked for"
    raise MissingLogError(Missing.REFUSED_CONTENT, stream.reply.asked, help_)


class Reader(io.RawIOBase):
    """The file as one to seek and read in. Reads ahead, further the longer it is read in a row; holds one block."""

    def __init__(self, file: Parts) -> None:
        self._file = file
        self._pos = self._start = 0
        self._block, self._ahead = b"", _FIRST

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where it is read next."""
        return self._pos

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Goes there; nothing is asked."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._pos, io.SEEK_END: self._file.size}[whence]
        if base + offset < 0:
            raise OSError("before the beginning of the file")
        self._pos = base + offset
        return self._pos

    def read(self, size: int | None = -1, /) -> bytes:
        """So many bytes, fewer at the end alone. Raises OSError where more is wanted than anything honest needs."""
        left = max(0, self._file.size - self._pos)
        size = left if size is None or size < 0 else min(size, left)
        if size > _AT_ONCE:
            raise OSError(f"{size} bytes are to be read at once")
        found = []
        while size > 0:
            if not self._start <= self._pos < self._start + len(self._block):
                self._load(size)
            piece = self._block[self._pos - self._start :][:size]
            found.append(piece)
            self._pos += len(piece)
            size -= len(piece)
        return b"".join(found)

    def _load(self, size: int) -> None:
        on = bool(self._block) and self._pos == self._start + len(self._block)
        self._ahead = min(2 * self._ahead, _MOST) if on else _FIRST
        want = max(self._ahead, size)
        # What is near the end of a zip is asked for in small pieces, backwards.
        self._start = (
            min(self._pos, max(0, self._file.size - want)) if self._pos + want > self._file.size else self._pos
        )
        self._block = self._file.read(self._start, self._start + want)


def around_steps(file: Parts, steps: Sequence[Step], wanted: Sequence[int]) -> tuple[int, int]:
    """Between which bytes the lines of these steps lie, by the times at which they and the next one began."""
    mine = [i for i in wanted if i < len(steps) and begun(steps[i])]
    first, last = (steps[min(mine)], max(mine)) if mine else (None, len(steps))
    start = first.started if first is not None and not first.aside else None
    after = next((s.started for s in steps[last + 1 :] if begun(s)), None)
    return around(
        file,
        None if start is None else second(start),
        None if after is None else second(after + _MARGIN),
    )


def around(file: Parts, first: bytes | None, last: bytes | None) -> tuple[int, int]:
    """Between which bytes all lines of these seconds lie (`first` and `last` among them; None: from the beginning, to
    the end), and little more. Found by halving: a line's time is never before that of the line above it.
    """
    start = 0 if first is None else _search(file, lambda stamp: stamp < first)[0]
    stop = file.size if last is None else _search(file, lambda stamp: stamp <= last)[1]
    return start, max(start, stop)


def _search(file: Parts, before: Callable[[bytes], bool]) -> tuple[int, int]:
    """Two places, close to each other: the last line found that is `before`, and the first found that is not."""
    low, high = 0, file.size
    while high - low > _LONG:
        middle = (low + high) // 2
        found = _stamp_after(file, middle, high)
        if found is None:
            return low, high  # a line without end: both places are right, if not close
        at, stamp = found
        if before(stamp):
            low = at
        elif at - middle > (high - low) // 4:
            return low, at
        else:
            high = at
    return low, high


def _stamp_after(file: Parts, start: int, stop: int) -> tuple[int, bytes] | None:
    """The first line after a place that has a time."""
    data = b""
    while len(data) < _LONG and start + len(data) < stop:
        data += file.read(start + len(data), min(stop, start + len(data) + _PROBE))
        stamp = STAMP.search(data, data.find(b"\n") + 1 or len(data))
        if stamp:
            return start + stamp.start(), stamp[1]
    return None
