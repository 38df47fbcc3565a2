"""What a tap kept of one task: how far the task is, its steps with their lines, and the text, whole or as it grows."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from whyred.model.run import Conclusion, Status, Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources._log_parts import Cutter, Part, Told, cut, ended, parts, split, told
from whyred.sources._runner_calls import StepTold, stamp
from whyred.sources._tap_files import Kept, has_tap, read_kept
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want

_PIECE = 1 << 18
_LATE, _LATER = 3, 60
"""How often what is still due is looked for: the last word on the steps, which comes after the last row; and rows that
a runner could not hand over at the end of its job, and tries again.
"""


def state_of(kept: Kept) -> Step:
    """Status, conclusion and times of an attempt. Once the tap is gone, an end that it did not see is not known."""
    status, conclusion = ended(kept.result) if kept.result else (Status.RUNNING, Conclusion.UNKNOWN)
    if status is Status.RUNNING and not has_tap(kept.folder):
        status = Status.UNKNOWN
    return Step("job", conclusion, kept.started, kept.stopped, status=status)


def layout_of(kept: Kept, lines: int | None = None) -> tuple[Part, ...]:
    """The steps with their lines."""
    rows = _told(kept)
    job = state_of(kept)
    return parts(job, told(1 << 62, rows) if lines is None else lines, rows)


def _told(kept: Kept) -> list[Told]:
    """The steps: those that the runner told of, and those that are known by their names alone so far."""
    numbers = sorted({*kept.steps, *range(len(kept.what.steps))})
    return [_step(kept, kept.steps.get(number, StepTold(number, 0, None, None, 0, 0))) for number in numbers]


def _step(kept: Kept, told_: StepTold) -> Told:
    names = kept.what.steps
    name = (names[told_.id] if 0 <= told_.id < len(names) else "") or f"Step {told_.id + 1}"
    status, conclusion = ended(told_.result) if told_.result else (Status.WAITING, Conclusion.UNKNOWN)
    if not told_.result and told_.started is not None:
        status = Status.RUNNING
    first, count = kept.lines(told_.first, told_.count)
    return Told(Step(name, conclusion, told_.started, told_.stopped, status=status), first, count)


def size_of(kept: Kept) -> int:
    """Bytes of the rows that are there. Raises MissingLogError."""
    try:
        return kept.log.lstat().st_size
    except FileNotFoundError:
        return 0
    except OSError as e:
        raise unreadable(e, f"read {kept.log}") from e


def _text(kept: Kept, start: int = 0) -> Iterator[bytes]:
    """The rows from byte `start` on, whole lines only: the last one may be in the writing. Raises MissingLogError."""
    try:
        descriptor = os.open(kept.log, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return
    except OSError as e:
        raise unreadable(e, f"read {kept.log}") from e
    with os.fdopen(descriptor, "rb", buffering=0) as file:
        file.seek(start)
        held = b""
        while data := file.read(_PIECE):
            data = held + data
            end = data.rfind(b"\n") + 1
            held = data[end:]
            if end:
                yield data[:end]


def read(kept: Kept, want: Want) -> Iterator[bytes | Step]:
    """What is wanted of the rows that are there."""
    layout, line, start = layout_of(kept, _count(_text(kept))), 0, 0
    if want.tail is not None and (start := max(0, size_of(kept) - want.tail)):
        line, start = _line_at(kept, start)
    places = want.places(tuple(part.step for part in layout)) if layout else None
    yield from cut(_text(kept, start), layout, None if places is None else frozenset(places), line)
    if _is_cut_short(kept) and places is None:
        yield _cut_short(kept)


def _is_cut_short(kept: Kept) -> bool:
    """Whether a job had not ended when the tap did."""
    return not kept.complete and not kept.result and not has_tap(kept.folder)


def _cut_short(kept: Kept) -> bytes:
    """A line in place of the end of a log, with the time of the last row that was kept."""
    at = stamp((int(kept.log.lstat().st_mtime), 0))
    return f"{at} whyred tap: the end of this log is not here: the tap was stopped before the job had ended\n".encode()


def _count(chunks: Iterator[bytes]) -> int:
    return sum(chunk.count(b"\n") for chunk in chunks)


def _line_at(kept: Kept, start: int) -> tuple[int, int]:
    """The first line that begins at byte `start` or later, and where it does."""
    line = at = 0
    for chunk in _text(kept):
        if at + len(chunk) >= start:
            end = chunk.find(b"\n", max(0, start - 1 - at)) + 1
            return line + chunk.count(b"\n", 0, end), at + end
        line, at = line + chunk.count(b"\n"), at + len(chunk)
    return line, at


def follow(reach: Reach, kept: Kept, want: Want) -> Iterator[bytes | Step]:
    """The rows as they are kept, until the forge has all, or the tap is gone."""
    pace = Pace(reach.http.sleep, reach.http.clock)
    growing = _Growing(kept, want)
    while True:
        alive = has_tap(kept.folder)
        before = growing.have
        yield from growing.new(last=not alive)
        if growing.ended:
            if _is_cut_short(growing.kept):
                yield _cut_short(growing.kept)
            return
        if growing.have > before:
            pace.moved()
        pace.idle()


@dataclass
class _Growing:
    """A log that grows, and how much of it was given. Rows come before the word of whose they are, and wait for it."""

    kept: Kept
    want: Want
    cutter: Cutter = field(default_factory=Cutter)
    have: int = 0
    ended: bool = False
    _lines: int = 0
    _late: int = 0

    def new(self, *, last: bool) -> Iterator[bytes | Step]:
        """What is there since the last look; with `last` nothing is waited for."""
        kept = self.kept = read_kept(self.kept.folder, self.kept.what.task) or self.kept
        count = self.cutter.line + _count(_text(kept, self.have))
        layout = layout_of(kept, count)
        places = self.want.places(tuple(part.step for part in layout)) if layout else None
        self.cutter.wanted = None if places is None else frozenset(places)
        ends = kept.complete or kept.result != 0
        self._late += ends
        both = kept.complete and kept.result != 0
        done = self.ended = last or both or (ends and self._late > (_LATE if kept.complete else _LATER))
        ready = None if done else max(told(count, _told(kept)), 0 if kept.complete else self._lines)
        self._lines = count
        for piece in _text(kept, self.have):
            taken, rest = split(piece, ready, self.cutter.line)
            self.have += len(taken)
            yield from self.cutter.cut(taken, layout)
            if rest:
                break
        if done:
            yield from self.cutter.tell(layout, len(layout))


def unreadable(error: OSError, asked: str) -> MissingLogError:
    """What was kept cannot be read."""
    name = f"{error.filename}: " if isinstance(error.filename, str) else ""  # it may be the number of an open file
    if isinstance(error, PermissionError):
        help_ = f"{name}{error.strerror}: only the user whom the tap ran as may read what it kept"
        return MissingLogError(Missing.NO_PERMISSION, asked, help_)
    return MissingLogError(Missing.CORRUPT, asked, f"{name}{error.strerror}: check the disk, or remove what is damaged")
