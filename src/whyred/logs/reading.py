"""One pass over the blocks of a log: hits with the lines around them, sections, the runner. Flat in memory."""

import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge

from whyred.logs.blocks import Block
from whyred.logs.format import Format, Mark, Sign, detect
from whyred.logs.marks import Sections
from whyred.logs.scanner import Place, Scanner
from whyred.logs.text import LONG, clean, last_state
from whyred.model.failure import Hit, Reading
from whyred.model.pattern import Pattern, Role, Strength

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
_FRAME = (Sign.STEP, Sign.ASIDE, Sign.ENDED_WELL, Sign.ENDED_BADLY, Sign.JOB_SUCCEEDED, Sign.JOB_FAILED)
"""Lines that the CI system itself writes: what looks a little like an error there is none."""
_COLUMN = re.compile(
    rb"^(?:\xef\xbb\xbf)?(?P<job>[^\t\n]{1,200})\t(?P<step>[^\t\n]{1,200})\t(?=(?:\xef\xbb\xbf)?\d{4}-\d\d-)", re.M
)
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)")
_ENDS = (Sign.ENDED_BADLY, Sign.JOB_FAILED, Sign.JOB_CANCELLED)
"""The lines before these are kept: an error that no pattern knows stands there."""


@dataclass(slots=True)
class _Caught:
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
        return Hit(self.line, self.pattern, _groups(self.match)) if self.pattern else None


@dataclass(frozen=True, slots=True)
class _Column:
    """Where the columns of `gh run view --log` begin to name another step."""

    start: int
    job: bytes
    step: bytes


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
        self._fresh: dict[int, _Caught] = {}
        self._hits = 0
        self._folded: Counter[str] = Counter()
        self._waiting: list[_Caught] = []
        self._tail: deque[tuple[int, bytes]] = deque(maxlen=_TAIL)
        self._column, self._by_column, self._named = b"", False, False
        self._size = self._bytes = 0
        self._lines = self._frame = 0

    def feed(self, block: Block) -> None:
        """Takes one block into account."""
        data = block.plain
        if not data:
            return  # the masker holds all of a piece back
        if self._format is None:
            self._format = detect(data[:_SAMPLE], self._scanner.formats)
            self._prefix, self._marks = re.compile(self._format.prefix), frozenset(self._format.marks)
            self._by_column = "step" in self._prefix.groupindex and _COLUMN.search(data, 0, _SAMPLE) is not None
        self._serve_waiting(block)
        number, counted = block.first, 0
        for spot in self._spots(data):
            number += data.count(b"\n", counted, spot.start)
            counted = spot.start
            if isinstance(spot, Place):
                self._look(block, spot, number)
            else:
                self._see_column(spot, number)
        for caught in self._fresh.values():
            self._around(block, caught)
        self._fresh.clear()
        self._size += len(block.raw)
        self._lines = block.first + data.count(b"\n") - (1 if block.ends else 0)
        self._keep_tail(block)

    def _spots(self, data: bytes) -> Iterable["Place | _Column"]:
        """What is to be looked at, in the order of the lines; a line's step before what is said on it."""
        places = self._scanner.places(data)
        return merge(self._columns(data), places, key=lambda s: s.start) if self._by_column else places

    def _columns(self, data: bytes) -> Iterator["_Column"]:
        for match in _COLUMN.finditer(data):
            if match["step"] != self._column:
                self._column = match["step"]
                yield _Column(match.start(), match["job"], match["step"])

    def _see_column(self, column: "_Column", number: int) -> None:
        step = clean(column.step)
        if step != "UNKNOWN STEP":
            aside = step.startswith(("Post ", "Set up job", "Complete job", "Complete runner"))
            self._sections.begin(step, number, aside=aside)
            self._named = True
            self._sections.job = self._sections.job or clean(column.job)

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

    def _strip(self, row: bytes) -> bytes:
        match = self._prefix.match(row)
        return row[match.end() :] if match else row

    def _clean(self, row: bytes) -> str:
        return clean(last_state(self._strip(row[: 8 * LONG])))

    def _look(self, block: Block, place: Place, number: int) -> None:
        row = block.plain[place.start : place.end]
        body = self._strip(row)
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

    def _take(self, place: Place, number: int, unit: Pattern | Mark, match: re.Match[bytes]) -> None:
        if isinstance(unit, Pattern):
            if self._frame == number and unit.role is Role.ERROR and unit.strength is Strength.WEAK:
                return  # "Job failed" says that something failed, not what
            self._keep(_Caught(number, unit, match, place.start, place.end))
        elif unit in self._marks:
            self._frame = number if unit.sign in _FRAME else self._frame
            groups = _groups(match)
            if self._named and "name" in groups:
                return  # the columns name the steps
            self._sections.see(unit.sign, number, groups)
            if unit.sign in _ENDS:
                self._keep(_Caught(number, None, match, place.start, place.end))

    def _keep(self, caught: _Caught) -> None:
        """Keeps the first and the last of a pattern and section, or forgets the one that is now in the middle."""
        key = ("", -1)
        if caught.pattern:
            key = (caught.pattern.id, self._sections.current() if self._hits < _MOST_HITS else -1)
        kept = self._kept.get(key)
        if kept is None:
            kept = self._kept[key] = _Kept()
        self._fresh[id(caught)] = caught
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
        if self._fresh.pop(id(caught), None) is None:
            self._bytes -= sum(map(len, caught.lines.values()))
        if caught.pattern is not None:
            self._folded[caught.pattern.id] += 1

    def _around(self, block: Block, caught: _Caught) -> None:
        """Gives a hit that is kept its lines: called when the block is done, since most hits of a flood are forgotten."""
        rich = self._bytes < _WINDOW_BYTES
        caught.lines[caught.line] = block.plain[caught.start : min(caught.end, caught.start + (_ROW if rich else _SHORT))]
        if rich and (caught.pattern is None or caught.pattern.role in (Role.ERROR, Role.CONSEQUENCE)):
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
        most = AFTER if caught.pattern is not None else 0
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
        hits = [hit for c in caught if (hit := c.hit()) is not None]
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


def _groups(match: re.Match[bytes]) -> dict[str, str]:
    return {k: clean(v) for k, v in match.groupdict().items() if v is not None}


def read(blocks: Iterable[Block], scanner: Scanner) -> Reading:
    """Reads a whole log from its masked blocks."""
    reader = Reader(scanner)
    for block in blocks:
        reader.feed(block)
    return reader.reading()
