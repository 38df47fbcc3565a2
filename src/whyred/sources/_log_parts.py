"""Which lines of a log belong to which step, by the rows of the forge's database, and a log cut at these lines.

The forge keeps for each step its first line and how many it has. "Set up job" and "Complete job" are in no row: the
first has the lines before the first step that ran, the second those after the last; if none ran, the first has all.
Source: modules/actions/task_state.go of Forgejo 7 to 16 and Gitea 1.21 to 1.26. One thing is done otherwise: of a
cancelled job the forge shows every line under "Set up job" and a step's lines again under the step. Here each line
stands once, under the step whose row names it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

from whyred.model.forge import ended_as
from whyred.model.run import Conclusion, Status, Step

SET_UP, COMPLETE = "Set up job", "Complete job"
_WORDS = ("unknown", "success", "failure", "cancelled", "skipped", "waiting", "running", "blocked", "cancelling")
"""The forge's numbers for a status. Source: models/actions/status.go; 8 is Gitea's from 1.27 on."""
_NUMBER = re.compile(rb"[\x80-\xff]*[\x00-\x7f]")
_LOW = re.compile(rb"[\x00-\x7f]")
_HIGH = bytes(range(0x80, 0x100))
_PIECE = 1 << 16


def ended(number: int) -> tuple[Status, Conclusion]:
    """A status number of the database as status and conclusion."""
    return ended_as(_WORDS[number] if 0 <= number < len(_WORDS) else "unknown")


@dataclass(frozen=True, slots=True)
class Told:
    """A step as its row tells: which step, and its lines `[first, first + count)`, counted from 0."""

    step: Step
    first: int
    count: int

    @property
    def has_run(self) -> bool:
        """As the forge has it, a cancelled step has not."""
        return self.step.conclusion in (Conclusion.SUCCESS, Conclusion.FAILURE)


@dataclass(frozen=True, slots=True)
class Part:
    """A step and its lines `[first, stop)`; `stop` None is the end of the log."""

    step: Step
    first: int
    stop: int | None


def parts(job: Step, lines: int, rows: Sequence[Told]) -> tuple[Part, ...]:
    """All steps with their lines, each line in one of them. `job`: status and times of the attempt itself; `lines`: how
    many the log has so far. A job without rows of steps has no parts.
    """
    if not rows:
        return ()
    starts = _starts(rows, lines, done=job.status is Status.DONE)
    steps = [_set_up(job, rows), *(row.step for row in rows), _complete(job, rows)]
    return tuple(Part(step, first, stop) for step, first, stop in zip(steps, starts, [*starts[1:], None], strict=True))


def _set_up(job: Step, rows: Sequence[Told]) -> Step:
    begun = [row.step for row in rows if row.has_run or row.step.status is Status.RUNNING]
    if not begun:
        return replace(job, name=SET_UP, aside=True)
    return Step(SET_UP, Conclusion.SUCCESS, job.started, begun[0].started, status=Status.DONE, aside=True)


def _complete(job: Step, rows: Sequence[Told]) -> Step:
    run = [row.step for row in rows if row.has_run]
    begun = bool(run) and (run[-1].conclusion is Conclusion.FAILURE or run[-1] is rows[-1].step)
    started = run[-1].ended if begun else None
    if job.status is Status.DONE:
        return Step(COMPLETE, job.conclusion, started, job.ended, status=Status.DONE, aside=True)
    return Step(COMPLETE, started=started, status=Status.RUNNING if begun else Status.WAITING, aside=True)


def _anchored(row: Told) -> bool:
    """Whether its row says where it is in the log. A step that the server closed for a dead runner says 0."""
    return row.count > 0 or (row.has_run and row.first > 0)


def told(lines: int, rows: Sequence[Told]) -> int:
    """Up to which line the rows of steps tell whose it is."""
    return min(max((row.first + row.count for row in rows if _anchored(row)), default=0), lines)


def _starts(rows: Sequence[Told], lines: int, *, done: bool) -> list[int]:
    """The first line of "Set up job", of each step and of "Complete job", never falling.

    A line that no row claims belongs to the step before it; at the end of a job that runs, where rows come before
    their step's own row tells of them, to the first step that is not done.
    """
    anchors = [i for i, row in enumerate(rows) if _anchored(row)]
    if not anchors:
        return [0, *(lines for _ in rows), lines]
    begins, at = {}, 0
    for i in anchors:
        at = begins[i] = min(max(at, rows[i].first), lines)
    end, last = max(at, told(lines, rows)), anchors[-1]
    open_ = next((i for i in range(last, len(rows)) if rows[i].step.status is not Status.DONE), None)
    grows = open_ is not None and not done
    starts = [lines if grows else end]
    for i in reversed(range(len(rows))):
        after = end if grows and open_ is not None and last < i <= open_ else starts[-1]
        starts.append(begins.get(i, after))
    return [0, *reversed(starts)]


@dataclass
class Cutter:
    """Cuts a log that comes in chunks. `line` is the number of the line that comes next, counted from 0; `wanted` are
    the places of the steps that are given, None for all.
    """

    wanted: frozenset[int] | None = None
    line: int = 0
    _told: int = field(default=-1, init=False)

    def cut(self, data: bytes, parts: Sequence[Part]) -> Iterator[bytes | Step]:
        """The chunk, with each step before its first byte. Of a log that grows `parts` may have grown since."""
        while data:
            place = next((i for i, p in enumerate(parts) if p.stop is None or self.line < p.stop), None)
            piece, data = split(data, None if place is None else parts[place].stop, self.line)
            self.line += piece.count(b"\n")
            if place is None:
                yield piece
                continue
            yield from self.tell(parts, place)
            if self.wanted is None or place in self.wanted:
                yield piece

    def pass_over(self, parts: Sequence[Part]) -> None:
        """The steps before the present line count as told."""
        self._told = next((i for i, p in enumerate(parts) if p.stop is None or self.line < p.stop), 0) - 1

    def has_all(self, parts: Sequence[Part]) -> bool:
        """Whether no further line is wanted."""
        stop = parts[max(self.wanted)].stop if self.wanted and max(self.wanted) < len(parts) else None
        return stop is not None and self.line >= stop

    def tell(self, parts: Sequence[Part], place: int) -> Iterator[Step]:
        """The steps up to that place that were not told yet."""
        for i in range(self._told + 1, min(place, len(parts) - 1) + 1):
            self._told = i
            if self.wanted is None or i in self.wanted:
                yield parts[i].step


def split(data: bytes, stop: int | None, line: int) -> tuple[bytes, bytes]:
    """The chunk up to line `stop`, and the rest. It begins in line `line`."""
    if stop is None or data.count(b"\n") < stop - line:
        return data, b""
    cut = sum(len(part) + 1 for part in data.split(b"\n", stop - line)[: stop - line])
    return data[:cut], data[cut:]


def cut(
    chunks: Iterable[bytes], parts: Sequence[Part], wanted: frozenset[int] | None = None, line: int = 0
) -> Iterator[bytes | Step]:
    """A whole log (from line `line` on) with its steps; also those that have no line."""
    cutter = Cutter(wanted, line)
    if line:  # the steps before the tail of a log are not told
        cutter.pass_over(parts)
    for chunk in chunks:
        yield from cutter.cut(chunk, parts)
        if cutter.has_all(parts):
            break
    yield from cutter.tell(parts, len(parts))


def line_offset(indexes: bytes, line: int) -> int | None:
    """Where a line begins in the text, in bytes: `indexes` is the forge's `log_indexes`, one zig-zag varint a line."""
    before = 0
    for start, stop in _pieces(indexes):
        count = len(indexes[start:stop].translate(None, _HIGH))
        if line < before + count:
            number = next(islice(_NUMBER.finditer(indexes, start), line - before, None), None)
            return None if number is None else _value(number[0])
        before += count
    return None


def first_line(indexes: bytes, offset: int) -> tuple[int, int] | None:
    """The first line that begins at byte `offset` or later, and where it does; None where no line does."""
    pieces = list(_pieces(indexes))
    low = next((i for i in reversed(range(len(pieces))) if _at(indexes, pieces[i][0]) <= offset), 0)
    if not pieces:
        return None
    line = len(indexes[: pieces[low][0]].translate(None, _HIGH))
    for number in _NUMBER.finditer(indexes, pieces[low][0]):
        if (value := _value(number[0])) >= offset:
            return line, value
        line += 1
    return None


def _pieces(indexes: bytes) -> Iterator[tuple[int, int]]:
    """Where to look: parts of about 64 KiB that begin and end with a number."""
    start = 0
    while start < len(indexes):
        end = _LOW.search(indexes, start + _PIECE)
        stop = end.end() if end else len(indexes)
        yield start, stop
        start = stop


def _at(indexes: bytes, position: int) -> int:
    number = _NUMBER.match(indexes, position)
    return _value(number[0]) if number else 0


def _value(number: bytes) -> int:
    """Of a zig-zag varint (encoding/binary of Go: Varint)."""
    raw = sum((byte & 0x7F) << (7 * i) for i, byte in enumerate(number))
    return (raw >> 1) ^ -(raw & 1)
