"""Cuts the log of a job into its steps where the forge tells when each began, in whole seconds, and no more.

Where a step begins in a log whose lines have times is known to the second; within that second, and the next one, the
runner's own mark of a step's beginning (`step_marks`) tells the line. Without one, a second that two steps share goes
to the one that failed, for its last lines are what is looked for, and else to the later one.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from whyred.logs.step_marks import Fit, calls_action, fit
from whyred.model.run import Conclusion, Status, Step

STAMP = re.compile(rb"^(?:\xef\xbb\xbf)?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:[.,]\d{1,9})?Z ?", re.M)
"""The time before a line, in UTC; its group is the second."""
_SLACK = 1
"""Seconds by which the mark of a step may come later than the step began."""
_HELD = 1 << 20
"""Bytes that are held back at most to find a mark, and of a line without end."""
_LINE = 1024
"""Bytes of a line that may be a mark."""
_AHEAD = 8
"""Steps after the next one that are looked at, whether a mark is theirs."""
_BACK = 200
"""Lines from the end that are looked at for a time: the others go on a line before them."""
_SKIPPED = (Conclusion.SKIPPED, Conclusion.NOT_RUN)
_BAD = (Conclusion.FAILURE, Conclusion.CANCELLED, Conclusion.TIMED_OUT)


def second(moment: float) -> bytes:
    """The second of a time (since the epoch), as it stands before the lines of a log."""
    return datetime.fromtimestamp(int(moment), UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


def first_from(data: bytes, moment: bytes) -> int | None:
    """Where the first line of this second (`second`) or a later one begins; None where there is none."""
    return next((stamp.start() for stamp in STAMP.finditer(data) if stamp[1] >= moment), None)


def begun(step: Step) -> bool:
    """Whether the step may have lines: it was begun, and when is known."""
    return step.started is not None and step.conclusion not in _SKIPPED and step.status is not Status.WAITING


def split(chunks: Iterable[bytes], steps: Sequence[Step], *, middle: bool = False) -> Iterator[bytes | Step]:
    """The log with each step before its first line, in the order of `steps`; steps without a line are told as well.

    A first step that is the runner's own begins with the log; lines before any other first step come without one.
    `middle`: the chunks do not begin at the beginning of the log; then what is left of the first line is dropped, and
    the step of its first whole line is told first. Else no byte is lost or changed. Flat in memory.
    """
    cutter = _Cutter(steps, middle=middle)
    for data in lines(chunks, middle=middle):
        yield from cutter.feed(data)
    yield from cutter.finish()


def lines(chunks: Iterable[bytes], *, middle: bool = False) -> Iterator[bytes]:
    """Whole lines; a line without end in pieces. `middle`: what is left of the first line is dropped."""
    rest, dropping = b"", middle
    for chunk in chunks:
        data = chunk
        if dropping:
            _, newline, data = chunk.partition(b"\n")
            dropping = not newline
        cut = data.rfind(b"\n") + 1
        if cut:
            yield rest + data[:cut]
            rest = data[cut:]
        elif not dropping:
            rest += data
        if len(rest) > _HELD:
            yield rest
            rest = b""
    if rest:
        yield rest


@dataclass(frozen=True, slots=True)
class _Mark:
    """A line that may begin a step: where it is, how well it fits, its second, its text."""

    at: int
    fit: Fit
    second: bytes
    text: bytes


class _Cutter:
    """Takes whole lines and gives them on as soon as it is known whose they are."""

    def __init__(self, steps: Sequence[Step], *, middle: bool) -> None:
        self._steps = list(steps)
        self._starts = _starts(steps)
        self._told = 0
        self._current: Step | None = None
        self._nested = False
        """Whether the current step may be made of steps, which are marked like those of the job."""
        self._held, self._fresh = b"", True
        """What is held back, and whether it begins at the beginning of a line."""
        self._skip = 0
        """Bytes of it that are the mark of the current step, which begins no other."""
        self._outside = middle

    def feed(self, data: bytes) -> Iterator[bytes | Step]:
        """The next lines."""
        self._held += data
        if self._outside:
            yield from self._enter()
        yield from self._cut(final=False)

    def finish(self) -> Iterator[bytes | Step]:
        """What was held back, and the steps that have no line."""
        yield from self._cut(final=True)
        yield from self._steps[self._told :]

    def _enter(self) -> Iterator[Step]:
        stamp = STAMP.search(self._held)
        if stamp is None:
            return
        self._outside = False
        inside = [i for i, s in enumerate(self._starts) if s is not None and second(s) < stamp[1]]
        if inside:
            self._told = inside[-1]
            yield from self._begin(None)

    def _cut(self, *, final: bool) -> Iterator[bytes | Step]:
        while self._held:
            at, cut, mark = self._boundary(final=final)
            if at:
                yield self._held[:at]
                self._fresh = self._held[at - 1 : at] == b"\n"
                self._held, self._skip = self._held[at:], 0
            if not cut:
                return
            yield from self._begin(mark)

    def _begin(self, mark: _Mark | None) -> Iterator[Step]:
        place = self._next()
        if place is None:
            return
        yield from self._steps[self._told : place + 1]
        self._told, self._current = place + 1, self._steps[place]
        self._nested = mark is not None and calls_action(mark.text)
        self._skip = self._held.find(b"\n") + 1 if mark is not None else 0

    def _next(self) -> int | None:
        return next((i for i in range(self._told, len(self._steps)) if self._starts[i] is not None), None)

    def _boundary(self, *, final: bool) -> tuple[int, bool, _Mark | None]:
        """How much of what is held belongs to the current step, whether the next one begins there, and by what mark."""
        everything = (len(self._held), False, None)
        place = self._next()
        start = None if place is None else self._starts[place]
        if place is None or start is None:
            return everything
        if start == 0:
            return 0, True, None
        pos = self._skip if self._fresh else self._held.find(b"\n") + 1 or len(self._held)
        wanted = second(start)
        if last_second(self._held, pos) < wanted:
            return everything
        return self._search(pos, place, wanted, second(start + _SLACK), final=final) or everything

    def _search(
        self, pos: int, place: int, wanted: bytes, limit: bytes, *, final: bool
    ) -> tuple[int, bool, _Mark | None] | None:
        first = later = None
        step, others = self._steps[place], self._upcoming(place, limit)
        marks: list[_Mark] = []
        whole = False
        for stamp in STAMP.finditer(self._held, pos):
            if stamp[1] < wanted:
                continue
            first = stamp.start() if first is None else first
            later = stamp.start() if later is None and stamp[1] > wanted else later
            text = self._held[stamp.end() : stamp.end() + _LINE].partition(b"\n")[0]
            mark = _Mark(stamp.start(), fit(step, text), stamp[1], text)
            if mark.fit is Fit.EXACT and mark.second <= limit:
                return mark.at, True, mark
            if mark.second > limit or any(fit(other, text) is Fit.EXACT for other in others):
                whole = True
                break
            if mark.fit is not Fit.NO:
                marks.append(mark)
        if first is None:
            return None
        if not whole and not final and len(self._held) - first < _HELD:
            return first, False, None
        if marks:
            mark = self._best(marks, place, wanted)
            return mark.at, True, mark
        if self._fails_in(wanted):
            return (later if later is not None else len(self._held) if final else first), True, None
        return first, True, None

    def _upcoming(self, place: int, limit: bytes) -> list[Step]:
        later = range(place + 1, min(place + 1 + _AHEAD, len(self._steps)))
        return [self._steps[i] for i in later if (s := self._starts[i]) is not None and second(s) <= limit]

    def _best(self, marks: list[_Mark], place: int, wanted: bytes) -> _Mark:
        """The first of those that fit best. After a step that may be made of steps, the last in the second in which the
        next one begins: those before it are its own.
        """
        fitting = max(mark.fit for mark in marks)
        best = [mark for mark in marks if mark.fit is fitting]
        same = [mark for mark in best if mark.second == wanted] if self._nested else []
        after = sum(self._starts[i] == self._starts[place] for i in range(place + 1, len(self._steps)))
        return same[-1 - after] if len(same) > after else best[0]

    def _fails_in(self, wanted: bytes) -> bool:
        step = self._current
        return step is not None and step.conclusion in _BAD and (step.ended is None or second(step.ended) >= wanted)


def _starts(steps: Sequence[Step]) -> list[int | None]:
    """When each step began; None for one that did not, 0 for the runner's set-up, which begins with the log.

    Steps run one after the other, so a clock that was put back says nothing of their order.
    """
    starts: list[int | None] = []
    latest = 0
    for step in steps:
        if step.started is None or not begun(step):
            starts.append(None)
            continue
        own = step.aside and latest == 0
        latest = max(latest, int(step.started))
        starts.append(0 if own else latest)
    return starts


def last_second(data: bytes, pos: int = 0) -> bytes:
    """The second of the last line, or what is after every second where none of the last lines has one."""
    end = len(data)
    for _ in range(_BACK):
        if end <= pos:
            return b""
        at = data.rfind(b"\n", pos, end - 1) + 1 or pos
        if stamp := STAMP.match(data, at):
            return stamp[1]
        end = at
    return b"\xff"
