"""What one pass keeps of a log: the first and last matches of each pattern and section, with the lines around them.

Flat in memory: floods are folded and counted, context has a budget, and endless lines are cut.
"""

import re
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from whyred.logs.blocks import Block
from whyred.logs.text import LONG, clean
from whyred.model.failure import Hit
from whyred.model.pattern import Pattern, Role

BEFORE, AFTER = 4, 30
"""Lines kept before and after a hit."""
_FIRST, _LAST = 24, 24
"""Matches kept per pattern and section, from its beginning and from its end; the others are counted."""
_MOST_HITS = 10_000
"""Matches kept by section in all; beyond it the first and last of a pattern are kept for the whole rest of the log."""
_WINDOW_BYTES = 24 << 20
"""Bytes of context kept in all; beyond it a hit keeps only its own line, cut to `_SHORT` bytes."""
_SHORT = 512
_ROW = 4 * LONG
"""Bytes kept of a line; more of it is never shown."""
_TAIL = 40
"""Last lines kept of every log, for a failure that no pattern knows."""


@dataclass(slots=True)
class Caught:
    """A match, or (with None) a line that tells an end; `start` and `end` are its offsets in the block it is in."""

    line: int
    pattern: Pattern | None
    match: re.Match[bytes]
    start: int
    end: int
    lines: dict[int, bytes] = field(default_factory=dict)
    wants: int = 0
    """The number of the last line it still wants."""
    kept: bool = True

    def hit(self) -> Hit | None:
        """The hit, made only of what is kept to the end: most matches of a flood are forgotten."""
        return Hit(self.line, self.pattern, groups(self.match)) if self.pattern else None


@dataclass(slots=True)
class _Ends:
    first: list[Caught] = field(default_factory=list)
    last: deque[Caught] = field(default_factory=lambda: deque(maxlen=_LAST))


class Kept:
    """For every block: `begin`, `take` each match in the order of the lines, `finish`. Then `hits` and `rows`."""

    def __init__(self) -> None:
        self._ends: dict[tuple[str, int], _Ends] = {}
        self._fresh: dict[int, Caught] = {}
        self._waiting: list[Caught] = []
        self._hits = self._bytes = 0
        self.folded: Counter[str] = Counter()
        self.tail: deque[tuple[int, bytes]] = deque(maxlen=_TAIL)
        """The last lines seen, with their numbers."""

    def begin(self, block: Block) -> None:
        """Gives the lines at the beginning of a block to the hits near the end of the last one."""
        if not self._waiting:
            return
        at, number = 0, block.first
        if not block.starts:
            at, number = block.plain.find(b"\n") + 1 or len(block.plain), number + 1
        last = max(c.wants for c in self._waiting)
        while number <= last and at < len(block.plain):
            end = block.plain.find(b"\n", at)
            end = len(block.plain) if end < 0 else end
            text = block.plain[at : min(end, at + _ROW)]
            for caught in self._waiting:
                if number <= caught.wants and number not in caught.lines:
                    caught.lines[number] = text
                    self._bytes += len(text)
            at, number = end + 1, number + 1
        self._waiting = [c for c in self._waiting if c.kept and c.wants >= number]

    def take(self, caught: Caught, section: int) -> None:
        """Keeps the first and the last of a pattern and section, or forgets the one that is now in the middle."""
        key = ("", -1)
        if caught.pattern:
            key = (caught.pattern.id, section if self._hits < _MOST_HITS else -1)
        kept = self._ends.get(key)
        if kept is None:
            kept = self._ends[key] = _Ends()
        self._fresh[id(caught)] = caught
        if len(kept.first) < _FIRST:
            kept.first.append(caught)
        else:
            if len(kept.last) == _LAST:
                self._forget(kept.last[0])
            kept.last.append(caught)
        self._hits += 1

    def finish(self, block: Block, last: int) -> None:
        """The block is done, and `last` is the number of its last line."""
        for caught in self._fresh.values():
            self._around(block, caught)
        self._fresh.clear()
        self._keep_tail(block, last)

    def _forget(self, caught: Caught) -> None:
        caught.kept = False
        self._hits -= 1
        if self._fresh.pop(id(caught), None) is None:
            self._bytes -= sum(map(len, caught.lines.values()))
        if caught.pattern is not None:
            self.folded[caught.pattern.id] += 1

    def _around(self, block: Block, caught: Caught) -> None:
        """Gives a hit that is kept its lines: when the block is done, since most hits of a flood are forgotten."""
        rich = self._bytes < _WINDOW_BYTES
        end = min(caught.end, caught.start + (_ROW if rich else _SHORT))
        caught.lines[caught.line] = block.plain[caught.start : end]
        if rich and (caught.pattern is None or caught.pattern.role in (Role.ERROR, Role.CONSEQUENCE)):
            self._neighbours(block, caught)
        self._bytes += sum(map(len, caught.lines.values()))

    def _neighbours(self, block: Block, caught: Caught) -> None:
        data, number = block.plain, caught.line
        at, n = data.rfind(b"\n", 0, caught.start), number - 1
        while at >= 0 and n >= number - BEFORE:
            start = data.rfind(b"\n", 0, at) + 1
            caught.lines[n] = data[start : min(at, start + _ROW)]
            at, n = start - 1, n - 1
        if n >= number - BEFORE:
            for k, row in self.tail:
                if number - BEFORE <= k <= n:
                    caught.lines[k] = row
        n = number + 1
        at = data.find(b"\n", caught.end) + 1 or len(data)
        most = AFTER if caught.pattern is not None else 0
        while at < len(data) and n <= number + most:
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            caught.lines[n] = data[at : min(end, at + _ROW)]
            at, n = end + 1, n + 1
        if n <= number + most:
            caught.wants = number + most
            self._waiting.append(caught)

    def _keep_tail(self, block: Block, last: int) -> None:
        cut = len(block.plain) - (1 if block.ends else 0)
        rows: list[bytes] = []
        at = cut
        while len(rows) < _TAIL and at >= 0:
            start = block.plain.rfind(b"\n", 0, at) + 1
            rows.append(block.plain[start : min(at, start + _ROW)])
            at = start - 1
        rows.reverse()
        if not block.starts and len(rows) < _TAIL and self.tail:
            _, text = self.tail.pop()
            rows[0] = (text + rows[0])[:_ROW]
        for offset, row in enumerate(rows):
            self.tail.append((last - len(rows) + 1 + offset, row))

    def hits(self) -> list[Hit]:
        """The hits, in the order of their lines."""
        found = [hit for c in self._all() if (hit := c.hit()) is not None]
        return sorted(found, key=lambda h: (h.line, h.pattern.id))

    def rows(self) -> dict[int, bytes]:
        """The lines around them and the last ones of the log; of a line that came in pieces, the longest."""
        rows = dict(self.tail)
        for c in self._all():
            for number, row in c.lines.items():
                if len(row) >= len(rows.get(number, b"")):
                    rows[number] = row
        return rows

    def _all(self) -> Iterator[Caught]:
        return (c for kept in self._ends.values() for c in (*kept.first, *kept.last))


def groups(match: re.Match[bytes]) -> dict[str, str]:
    """The captures of a match as people may see them; what took part in nothing is left out."""
    return {k: clean(v) for k, v in match.groupdict().items() if v is not None}
