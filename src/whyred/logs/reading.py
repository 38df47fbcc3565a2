"""One pass over the blocks of a log: hits with the lines around them, sections, the runner. Flat in memory."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from heapq import merge

from whyred.logs.ahead import scanned
from whyred.logs.blocks import Block
from whyred.logs.engines import Places
from whyred.logs.format import Format, Mark, Sign
from whyred.logs.kept import Caught, Kept, groups
from whyred.logs.marks import Sections
from whyred.logs.printed import Printed
from whyred.logs.scanner import Place, Scanner
from whyred.logs.steps_by_text import COLUMN, SAMPLE, aside
from whyred.logs.text import LONG, clean, last_state
from whyred.model.failure import Reading
from whyred.model.pattern import Pattern, Role, Strength

_FRAME = (
    Sign.STEP,
    Sign.FROM_STEP,
    Sign.ASIDE,
    Sign.TITLE,
    Sign.ENDED_WELL,
    Sign.ENDED_BADLY,
    Sign.PART_SUCCEEDED,
    Sign.PART_FAILED,
    Sign.JOB_SUCCEEDED,
    Sign.JOB_FAILED,
    Sign.STOPPED,
)
"""Lines that the CI system itself writes: what looks a little like an error there is none."""
_LABEL = re.compile(rb"\[([^\]\r\n]{1,200})\] ?")
_LABELS = 1000
"""Labels of lines that are minded: a job has some dozens of branches at most."""
_STAMP = re.compile(rb"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,]\d+)?(Z|[+-]\d\d:?\d\d)")
_ENDS = (Sign.ENDED_BADLY, Sign.JOB_FAILED, Sign.JOB_CANCELLED, Sign.STOPPED)
"""The lines before these are kept: an error that no pattern knows stands there. Where a job stops at the step that
failed (`Sign.STOPPED`), it stands before what is tidied up after that.
"""


@dataclass(frozen=True, slots=True)
class _Column:
    """Where the columns of `gh run view --log` begin to name another step."""

    start: int
    job: bytes
    step: bytes


class Reader:
    """Reads one log; `feed` it masked blocks in order, then take `reading`."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._format: Format | None = None
        self._prefix = re.compile(rb"^")
        self._sections = Sections()
        self._marks: frozenset[Mark] = frozenset()
        self._ends = frozenset(_ENDS)
        self._kept, self._printed = Kept(), Printed()
        self._labels: set[bytes] = set()
        self._column, self._by_column, self._named = b"", False, False
        self._size = self._lines = self._frame = 0

    def feed(self, block: Block, found: Places | None = None) -> None:
        """Takes one block into account. `found`: what the scanner's engine found in its plain text, where that is
        known already."""
        data = block.plain
        self._sections.begun.clear()
        if block.step is not None:
            self._sections.told(block.step, block.first)
            self._named = True
        if not data:
            return  # the masker holds all of a piece back, or a step has no line
        if self._format is None or (self._format.name == "raw" and self._size < SAMPLE):
            self._format = self._scanner.format_of(data[:SAMPLE])
            self._prefix, self._marks = re.compile(self._format.prefix), frozenset(self._format.marks)
            self._sections.forgives = self._format.forgives
            stops = any(m.sign is Sign.STOPPED for m in self._marks)
            self._ends = frozenset((*_ENDS, Sign.ASIDE) if stops else _ENDS)
            self._by_column = "step" in self._prefix.groupindex and COLUMN.search(data, 0, SAMPLE) is not None
        self._kept.begin(block)
        number, counted = block.first, 0
        for spot in self._spots(data, found):
            number += data.count(b"\n", counted, spot.start)
            counted = spot.start
            if isinstance(spot, Place):
                self._look(block, spot, number)
            else:
                self._see_column(spot, number)
        self._size += len(block.raw)
        self._lines = block.first + block.feeds - (1 if block.ends else 0)
        self._kept.finish(block, self._lines)

    @property
    def begun(self) -> tuple[int, ...]:
        """The numbers of those lines of the last block with which a step began."""
        return tuple(self._sections.begun)

    def _spots(self, data: bytes, found: Places | None) -> Iterable["Place | _Column"]:
        """What is to be looked at, in the order of the lines; a line's step before what is said on it."""
        places = self._scanner.places(data, found)
        return merge(self._columns(data), places, key=lambda s: s.start) if self._by_column else places

    def _columns(self, data: bytes) -> Iterator["_Column"]:
        for match in COLUMN.finditer(data):
            if match["step"] != self._column:
                self._column = match["step"]
                yield _Column(match.start(), match["job"], match["step"])

    def _see_column(self, column: "_Column", number: int) -> None:
        step = clean(column.step)
        if step != "UNKNOWN STEP":
            self._sections.begin(step, number, aside=aside(step))
            self._named = True
            self._sections.job = self._sections.job or clean(column.job)

    def _strip(self, row: bytes) -> bytes:
        match = self._prefix.match(row)
        body = row[match.end() :] if match else row
        label = _LABEL.match(body) if self._labels else None
        return body[label.end() :] if label and label[1] in self._labels else body

    def _clean(self, row: bytes) -> str:
        return clean(last_state(self._strip(row[: 8 * LONG])))

    def _look(self, block: Block, place: Place, number: int) -> None:
        row = block.plain[place.start : place.end]
        body = self._strip(row)
        states = body.split(b"\r") if b"\r" in body else [body]
        found = list(self._confirmed(place.indexes, states))
        if not found:
            return
        harmless = list(self._confirmed(self._scanner.benign(row), states))
        for unit, match in (*found, *harmless):
            # What a tool wrote without harm to its standard error, some actions report as an error.
            if not (harmless and isinstance(unit, Mark) and unit.sign is Sign.ANNOTATION):
                self._take(place, number, unit, match)
                if isinstance(unit, Mark) and unit in self._marks:
                    self._take_script(block.plain, place, number, unit, match)

    def _confirmed(
        self, indexes: Iterable[int], states: list[bytes]
    ) -> Iterator[tuple[Pattern | Mark, re.Match[bytes]]]:
        """Those units that really match, each with its first match."""
        for index in indexes:
            match = next((m for s in states if (m := self._scanner.confirm(index, s)) is not None), None)
            if match is not None:
                yield self._scanner.units[index], match

    def _take(self, place: Place, number: int, unit: Pattern | Mark, match: re.Match[bytes]) -> None:
        if isinstance(unit, Pattern):
            if self._frame == number and unit.role is Role.ERROR and unit.strength is Strength.WEAK:
                return  # "Job failed" says that something failed, not what
            self._kept.take(Caught(number, unit, match, place.start, place.end), self._sections.current())
        elif unit in self._marks:
            self._frame = number if unit.sign in _FRAME else self._frame
            told = groups(match)
            if unit.sign is Sign.LABEL and len(self._labels) < _LABELS:
                self._labels.add(match["label"])
            if unit.sign in self._ends:
                self._kept.take(Caught(number, None, match, place.start, place.end), -1)
            if self._named and "name" in told:
                return  # the columns name the steps
            self._sections.see(unit.sign, number, told)

    def _take_script(self, data: bytes, place: Place, number: int, mark: Mark, match: re.Match[bytes]) -> None:
        if mark.sign is Sign.COMMAND:
            self._printed.command(number, groups(match)["script"])
        elif mark.sign is Sign.STEP and self._format is not None and self._format.script_until is not None:
            self._printed.step(number, data, place.end, self._format.script_until, self._clean)

    def reading(self) -> Reading:
        """What the pass kept."""
        rows = self._kept.rows()
        sections = self._sections.close(self._lines)
        return Reading(
            format=self._format.name if self._format else "raw",
            lines=self._lines,
            size=self._size,
            hits=tuple(self._kept.hits()),
            sections=sections,
            window={n: self._clean(rows[n]) for n in sorted(rows)},
            conclusion=self._sections.conclusion,
            runner=self._sections.runner,
            job=self._sections.job,
            folded=dict(self._kept.folded),
            annotations=tuple(self._sections.annotations),
            ended=self._last_stamp(),
            scripts=self._printed.scripts,
        )

    def _last_stamp(self) -> float | None:
        """The time before the last line that has one; a time in a line's own text is none of the log's."""
        for _, row in reversed(self._kept.tail):
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
    for block, found in scanned(blocks, scanner.engine):
        reader.feed(block, found)
    return reader.reading()
