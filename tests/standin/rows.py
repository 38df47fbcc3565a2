"""The text of one attempt as a forge stores it: rows of a time and some bytes, cut and formatted as on disk.

Format (reference 3.3): `2026-01-02T03:04:05.1234567Z <content>\\n`, seven fraction digits, a newline inside the content
written as the two characters `\\n`, content cut at 65,536 bytes (a UTF-8 character may be split by that).
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

TICKS = 10_000_000
"""Ticks of 100 ns in a second: what a stamp resolves."""
LONGEST = 65_536
"""Bytes of content that a row keeps."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row: its time in ticks since 1970 and its content without stamp and newline."""

    time: int
    text: bytes


def stamp(time: int) -> str:
    """A time in ticks as logs show it."""
    seconds, ticks = divmod(time, TICKS)
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S") + f".{ticks:07d}Z"


def on_disk(row: Row) -> bytes:
    """The row as a line of the stored file."""
    return stamp(row.time).encode() + b" " + row.text.replace(b"\n", b"\\n")[:LONGEST] + b"\n"


@lru_cache(maxsize=4)
def _second(seconds: int) -> bytes:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


def _noise(index: int) -> bytes:
    return b"   Compiling crate-%012d v1.0.0 (/srv/demo/crates)" % index


class Log:
    """Rows that only grow; positions count from 0.

    `noise` puts a block of rows of one width in the middle that are made when asked for: 200 MB without holding them.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._starts = [0]  # of the kept rows, as if there were no noise
        self._before, self._count, self._width, self._began = 0, 0, 0, 0

    def __len__(self) -> int:
        return len(self._rows) + self._count

    @property
    def size(self) -> int:
        """Bytes of the stored file."""
        return self._starts[-1] + self._count * self._width

    def append(self, row: Row) -> None:
        """One more row at the end."""
        kept = Row(row.time, row.text.replace(b"\n", b"\\n")[:LONGEST])
        self._rows.append(kept)
        self._starts.append(self._starts[-1] + len(on_disk(kept)))

    def noise(self, began: int, size: int) -> int:
        """Puts about `size` bytes of rows here, once; returns how many rows. They are 100 us apart from `began` on."""
        self._before, self._began = len(self._rows), began
        self._width = len(on_disk(self._made(0)))
        self._count = max(1, size // self._width)
        return self._count

    def rows(self, first: int, count: int) -> Iterator[Row]:
        """Some rows; fewer at the end."""
        for at in range(first, min(first + count, len(self))):
            yield self._row(at)

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """The bytes `[start, stop)` of the stored file, in pieces."""
        at = self._find(start)
        while at < len(self) and (begin := self._start(at)) < stop:
            block = self._block(at)
            piece = b"".join(block)
            yield piece[max(0, start - begin) : stop - begin]
            at += len(block)

    def _block(self, at: int) -> list[bytes]:
        """Some lines from a row on: a thousand of the noise at once, for speed."""
        noise = range(self._before, self._before + self._count)
        if at not in noise:
            return [on_disk(self._row(at))]
        return [self._quick(index - self._before) for index in range(at, min(at + 1000, noise.stop))]

    def _quick(self, index: int) -> bytes:
        time = self._began + index * 1000
        return b"%s.%07dZ %s\n" % (_second(time // TICKS), time % TICKS, _noise(index))

    def whole(self) -> bytes:
        """The stored file."""
        return b"".join(self.read(0, self.size))

    def _made(self, index: int) -> Row:
        return Row(self._began + index * 1000, _noise(index))

    def _row(self, at: int) -> Row:
        if at < self._before:
            return self._rows[at]
        if at < self._before + self._count:
            return self._made(at - self._before)
        return self._rows[at - self._count]

    def _start(self, at: int) -> int:
        if at <= self._before:
            return self._starts[at]
        if at <= self._before + self._count:
            return self._starts[self._before] + (at - self._before) * self._width
        return self._starts[at - self._count] + self._count * self._width

    def _find(self, offset: int) -> int:
        head, noise = self._starts[self._before], self._count * self._width
        if offset < head:
            return bisect_right(self._starts, offset) - 1
        if offset < head + noise:
            return self._before + (offset - head) // self._width
        return self._count + bisect_right(self._starts, offset - noise) - 1
