"""One pass over the blocks of a log: hits with the lines around them, sections, the runner. Flat in memory."""

import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from whyred.logs.blocks import Block
from whyred.logs.format import Format, Mark, Sign, detect
from whyred.logs.marks import Sections
from whyred.logs.scanner import Place, Scanner
from whyred.logs.text import LONG, clean, last_state
from whyred.model.failure import Hit, Reading
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
_SAMPLE = 1 << 16
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)")
_ENDS = (Sign.ENDED_BADLY, Sign.JOB_FAILED, Sign.JOB_CANCELLED)
"""The lines before these are kept: an error that no pattern knows stands there."""


@dataclass(slots=True)
class _Caught:
    """A hit, or (with None) a line that tells an end; `start` and `end` are its offsets in the block it is in."""

    line: int
    hit: Hit | None
    start: int
    end: int
    lines: dict[int, bytes] = field(default_factory=dict)
    wants: int = 0
    """The number of the last line it still wants."""
    kept: bool = True


@dataclass(slots=True)
class _Kept:
    first: list[_Caught] = field(default_factory=list)
    last: deque[_Caught] = field(default_factory=lambda: deque(maxlen=_LAST))


class Reader:
    """Reads one log; `feed` it masked blocks in order, then take `reading`."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._format: Format | None = None
        self._prefix = re.compile(rb"^")
        self._sections = Sections()
        self._marks: frozenset[Mark] = frozenset()
        self._kept: dict[tuple[str, int], _Kept] = {}
        self._fresh: list[_Caught] = []
        self._hits = 0
        self._folded: Counter[str] = Counter()
        self._waiting: list[_Caught] = []
        self._tail: deque[tuple[int, bytes]] = deque(maxlen=_TAIL)
        self._column = ""
        self._size = self._bytes = 0
        self._lines = 0

    def feed(self, block: Block) -> None:
        """Takes one block into account."""
        data = block.plain
        if not data:
            return  # the masker holds all of a piece back
        if self._format is None:
            self._format = detect(data[:_SAMPLE], self._scanner.formats)
            self._prefix, self._marks = re.compile(self._format.prefix), frozenset(self._format.marks)
        self._serve_waiting(block)
        number, counted = block.first, 0
        for place in self._scanner.places(data):
            number += data.count(b"\n", counted, place.start)
            counted = place.start
            self._look(block, place, number)
        for caught in self._fresh:
            if caught.kept:
                self._around(block, caught)
        self._fresh.clear()
        self._size += len(block.raw)
        self._lines = block.first + data.count(b"\n") - (1 if block.ends else 0)
        self._keep_tail(block)

    def _keep_tail(self, block: Block) -> None:
        cut = len(block.plain) - (1 if block.ends else 0)
        rows: list[bytes] = []
        at = cut
        while len(rows) < _TAIL and at >= 0:
            start = block.plain.rfind(b"\n", 0, at) + 1
            rows.append(block.plain[start : min(at, start + 4 * LONG)])
            at = start - 1
        rows.reverse()
        if not block.starts and len(rows) < _TAIL and self._tail:
            _, text = self._tail.pop()
            rows[0] = (text + rows[0])[: 4 * LONG]
        for offset, row in enumerate(rows):
            self._tail.append((self._lines - len(rows) + 1 + offset, row))

    def _serve_waiting(self, block: Block) -> None:
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
                if number <= caught.wants:
                    caught.lines.setdefault(number, text)
            at, number = end + 1, number + 1
        self._waiting = [c for c in self._waiting if c.kept and c.wants >= number]

    def _strip(self, row: bytes) -> tuple[bytes, re.Match[bytes] | None]:
        match = self._prefix.match(row)
        return (row[match.end() :], match) if match else (row, None)

    def _clean(self, row: bytes) -> str:
        return clean(last_state(self._strip(row[: 8 * LONG])[0]))

    def _look(self, block: Block, place: Place, number: int) -> None:
        row = block.plain[place.start : place.end]
        body, prefix = self._strip(row)
        if prefix is not None and prefix.re.groups and prefix["step"]:
            self._see_column(clean(prefix["step"]), clean(prefix["job"]), number)
        states = body.split(b"\r") if b"\r" in body else [body]
        found = [self._confirmed(place, number, i, states) for i in place.indexes]
        if any(found):
            for index in self._scanner.benign(row):
                self._confirmed(place, number, index, states)

    def _confirmed(self, place: Place, number: int, index: int, states: list[bytes]) -> bool:
        """Whether a unit really matches; then it is taken into account."""
        for state in states:
            match = self._scanner.confirm(index, state)
            if match is not None:
                self._take(place, number, self._scanner.units[index], match)
                return True
        return False

    def _see_column(self, step: str, job: str, number: int) -> None:
        if step != self._column and step != "UNKNOWN STEP":
            self._column = step
            aside = step.startswith(("Post ", "Set up job", "Complete job", "Complete runner"))
            self._sections.begin(step, number, aside=aside)
            self._sections.job = self._sections.job or job

    def _take(self, place: Place, number: int, unit: Pattern | Mark, match: re.Match[bytes]) -> None:
        groups = {k: clean(v) for k, v in match.groupdict().items() if v is not None}
        if isinstance(unit, Pattern):
            self._keep(_Caught(number, Hit(number, unit, groups), place.start, place.end))
        elif unit in self._marks and not (self._column and "name" in groups):
            self._sections.see(unit.sign, number, groups)
            if unit.sign in _ENDS:
                self._keep(_Caught(number, None, place.start, place.end))

    def _keep(self, caught: _Caught) -> None:
        """Keeps the first and the last of a pattern and section, or forgets the one that is now in the middle."""
        name = caught.hit.pattern.id if caught.hit else ""
        section = self._sections.current() if caught.hit and self._hits < _MOST_HITS else -1
        kept = self._kept.setdefault((name, section), _Kept())
        self._fresh.append(caught)
        if len(kept.first) < _FIRST:
            kept.first.append(caught)
        else:
            if len(kept.last) == _LAST:
                self._forget(kept.last[0])
            kept.last.append(caught)
        self._hits += 1

    def _forget(self, caught: _Caught) -> None:
        caught.kept = False
        self._hits -= 1
        self._bytes -= sum(map(len, caught.lines.values()))
        if caught.hit is not None:
            self._folded[caught.hit.pattern.id] += 1

    def _around(self, block: Block, caught: _Caught) -> None:
        """Gives a hit that is kept its lines: called when the block is done, since most hits of a flood are forgotten."""
        rich = self._bytes < _WINDOW_BYTES
        caught.lines[caught.line] = block.plain[caught.start : min(caught.end, caught.start + (_ROW if rich else _SHORT))]
        if rich and (caught.hit is None or caught.hit.pattern.role in (Role.ERROR, Role.CONSEQUENCE)):
            self._neighbours(block, caught)
        self._bytes += sum(map(len, caught.lines.values()))

    def _neighbours(self, block: Block, caught: _Caught) -> None:
        data, number = block.plain, caught.line
        at, n = data.rfind(b"\n", 0, caught.start), number - 1
        while at >= 0 and n >= number - BEFORE:
            start = data.rfind(b"\n", 0, at) + 1
            caught.lines[n] = data[start : min(at, start + _ROW)]
            at, n = start - 1, n - 1
        if n >= number - BEFORE:
            for k, row in self._tail:
                if number - BEFORE <= k <= n:
                    caught.lines[k] = row
        n = number + 1
        at = data.find(b"\n", caught.end) + 1 or len(data)
        most = AFTER if caught.hit is not None else 0
        while at < len(data) and n <= number + most:
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            caught.lines[n] = data[at : min(end, at + _ROW)]
            at, n = end + 1, n + 1
        if n <= number + most:
            caught.wants = number + most
            self._waiting.append(caught)

    def reading(self) -> Reading:
        """What the pass kept."""
        caught = [c for k in self._kept.values() for c in (*k.first, *k.last)]
        rows = dict(self._tail)
        for c in caught:
            for number, row in c.lines.items():
                if len(row) >= len(rows.get(number, b"")):
                    rows[number] = row
        hits = [c.hit for c in caught if c.hit is not None]
        sections = self._sections.close(self._lines)
        return Reading(
            format=self._format.name if self._format else "raw",
            lines=self._lines,
            size=self._size,
            hits=tuple(sorted(hits, key=lambda h: (h.line, h.pattern.id))),
            sections=sections,
            window={n: self._clean(rows[n]) for n in sorted(rows)},
            conclusion=self._sections.conclusion,
            runner=self._sections.runner,
            job=self._sections.job,
            folded=dict(self._folded),
            annotations=tuple(self._sections.annotations),
            ended=self._last_stamp(),
        )


    def _last_stamp(self) -> float | None:
        """The time before the last line that has one; a time in a line's own text is none of the log's."""
        for _, row in reversed(self._tail):
            prefix = self._prefix.match(row)
            stamp = _STAMP.search(prefix[0]) if prefix else None
            if stamp:
                try:
                    zone = stamp[2].decode().replace("Z", "+00:00")
                    return datetime.fromisoformat(stamp[1].decode() + zone).timestamp()
                except ValueError:
                    continue  # 2026-99-99: a text that only looks like a time
        return None


def read(blocks: Iterable[Block], scanner: Scanner) -> Reading:
    """Reads a whole log from its masked blocks."""
    reader = Reader(scanner)
    for block in blocks:
        reader.feed(block)
    return reader.reading()
