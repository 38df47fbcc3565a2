"""One pass over the blocks of a log: hits with the lines around them, sections, the runner. Flat in memory."""

import re
from collections import Counter, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from whyred.logs.blocks import Block
from whyred.logs.format import Format, Mark, detect
from whyred.logs.marks import Sections
from whyred.logs.scanner import Place, Scanner
from whyred.logs.text import LONG, clean, last_state
from whyred.model.failure import Hit, Reading
from whyred.model.pattern import Pattern, Role

BEFORE, AFTER = 4, 30
"""Lines kept before and after a hit."""
_FIRST, _LAST = 24, 24
"""Matches kept per pattern and section, from its beginning and from its end; the others are counted."""
_WINDOW_BYTES = 24 << 20
"""Characters of context kept in all; beyond it a hit keeps only its own line."""
_ROW = 4 * LONG
"""Bytes kept of a line; more of it is never shown."""
_TAIL = 40
"""Last lines kept of every log, for a failure that no pattern knows."""
_SAMPLE = 1 << 16


@dataclass(slots=True)
class _Caught:
    hit: Hit
    lines: dict[int, bytes]
    wants: int
    """The number of the last line it still wants."""


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
        self._kept: dict[tuple[str, int], _Kept] = {}
        self._folded: Counter[str] = Counter()
        self._waiting: list[_Caught] = []
        self._tail: deque[tuple[int, bytes]] = deque(maxlen=_TAIL)
        self._column = ""
        self._size = self._chars = 0
        self._lines = 0

    def feed(self, block: Block) -> None:
        """Takes one block into account."""
        data = block.plain
        if self._format is None:
            self._format = detect(data[:_SAMPLE], self._scanner.formats)
            self._prefix = re.compile(self._format.prefix)
        self._serve_waiting(block)
        number, counted = block.first, 0
        for place in self._scanner.places(data):
            number += data.count(b"\n", counted, place.start)
            counted = place.start
            self._look(block, place, number)
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
        self._waiting = [c for c in self._waiting if c.wants >= number]

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
        found = [self._confirmed(block, place, number, i, states) for i in self._scanner.candidates(place, row)]
        if any(found):
            for index in self._scanner.benign(row):
                self._confirmed(block, place, number, index, states)

    def _confirmed(self, block: Block, place: Place, number: int, index: int, states: list[bytes]) -> bool:
        """Whether a unit really matches; then it is taken into account."""
        for state in states:
            match = self._scanner.confirm(index, state)
            if match is not None:
                self._take(block, place, number, self._scanner.units[index], match)
                return True
        return False

    def _see_column(self, step: str, job: str, number: int) -> None:
        if step != self._column and step != "UNKNOWN STEP":
            self._column = step
            aside = step.startswith(("Post ", "Set up job", "Complete job", "Complete runner"))
            self._sections.begin(step, number, aside=aside)
            self._sections.job = self._sections.job or job

    def _take(self, block: Block, place: Place, number: int, unit: Pattern | Mark, match: re.Match[bytes]) -> None:
        groups = {k: clean(v) for k, v in match.groupdict().items() if v is not None}
        if isinstance(unit, Pattern):
            self._catch(block, place, Hit(number, unit, groups))
        elif self._format is not None and unit in self._format.marks and not (self._column and "name" in groups):
            self._sections.see(unit.sign, number, groups)

    def _catch(self, block: Block, place: Place, hit: Hit) -> None:
        kept = self._kept.setdefault((hit.pattern.id, self._sections.current()), _Kept())
        caught = _Caught(hit, {hit.line: block.plain[place.start : place.end]}, 0)
        if len(kept.first) < _FIRST:
            kept.first.append(caught)
        else:
            if len(kept.last) == _LAST:
                self._folded[hit.pattern.id] += 1
            kept.last.append(caught)
        if hit.pattern.role in (Role.ERROR, Role.CONSEQUENCE) and self._chars < _WINDOW_BYTES:
            self._around(block, place, caught)

    def _around(self, block: Block, place: Place, caught: _Caught) -> None:
        data, number = block.plain, caught.hit.line
        at, n = data.rfind(b"\n", 0, place.start), number - 1
        while at >= 0 and n >= number - BEFORE:
            start = data.rfind(b"\n", 0, at) + 1
            caught.lines[n] = data[start : min(at, start + _ROW)]
            at, n = start - 1, n - 1
        if n >= number - BEFORE:
            for k, row in self._tail:
                if number - BEFORE <= k <= n:
                    caught.lines[k] = row
        n = number + 1
        at = data.find(b"\n", place.end) + 1 or len(data)
        while at < len(data) and n <= number + AFTER:
            end = data.find(b"\n", at)
            end = len(data) if end < 0 else end
            caught.lines[n] = data[at : min(end, at + _ROW)]
            at, n = end + 1, n + 1
        self._chars += sum(len(t) for t in caught.lines.values())
        if n <= number + AFTER:
            caught.wants = number + AFTER
            self._waiting.append(caught)

    def reading(self) -> Reading:
        """What the pass kept."""
        caught = [c for k in self._kept.values() for c in (*k.first, *k.last)]
        caught.sort(key=lambda c: (c.hit.line, c.hit.pattern.id))
        rows = dict(self._tail)
        for c in caught:
            rows.update(c.lines)
        sections = self._sections.close(self._lines)
        return Reading(
            format=self._format.name if self._format else "raw",
            lines=self._lines,
            size=self._size,
            hits=tuple(c.hit for c in caught),
            sections=sections,
            window={n: self._clean(rows[n]) for n in sorted(rows)},
            conclusion=self._sections.conclusion,
            runner=self._sections.runner,
            job=self._sections.job,
            folded=dict(self._folded),
            annotations=tuple(self._sections.annotations),
            ended=_last_stamp([row for _, row in self._tail]),
        )


_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z")


def _last_stamp(rows: list[bytes]) -> float | None:
    for row in reversed(rows):
        stamp = _STAMP.search(row[:200])
        if stamp:
            try:
                return datetime.fromisoformat(stamp[0].decode()[:19] + "+00:00").timestamp()
            except ValueError:
                return None  # 2026-99-99: a text that only looks like a time
    return None


def read(blocks: Iterable[Block], scanner: Scanner) -> Reading:
    """Reads a whole log from its masked blocks."""
    reader = Reader(scanner)
    for block in blocks:
        reader.feed(block)
    return reader.reading()
