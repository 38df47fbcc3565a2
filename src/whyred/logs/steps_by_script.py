"""Cuts the log of a job into its steps where no forge says which step wrote a line, by the workflow file: what a script
prints stands in its step, and a step comes after those before it.

The runners of Forgejo and Gitea mark where the first step begins, and no other. Where what is known leaves several
steps for some lines, they come as one step with all their names: a wrong name would be worse.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from whyred.logs.step_clues import Prints, Windows, frame, said
from whyred.logs.steps_by_time import lines
from whyred.model.run import Conclusion, Step, one_of
from whyred.model.script import Script, called

SET_UP, COMPLETE = "Set up job", "Complete job"
_BAD = (Conclusion.FAILURE, Conclusion.CANCELLED, Conclusion.TIMED_OUT)
_HELD = 1 << 20
"""Bytes that are held back at most until it is known whose they are."""


def split(
    chunks: Iterable[bytes],
    steps: Sequence[Step],
    scripts: Sequence[Script] = (),
    *,
    middle: bool = False,
    timed: bool = True,
) -> Iterator[bytes | Step]:
    """The log with each of `steps` before its first line, or one that stands for several. No byte is lost or changed;
    flat in memory.

    `steps` in the order in which they ran, with the seconds where those are known; `scripts`: what the workflow file
    says of each, where that is known. A step without a line is not told. `middle`: the chunks may begin in the middle
    of the log. `timed`: the seconds may be believed (a forge ends a cancelled step before its runner does). Without a
    step there is nothing to go by, and the log comes as it is.
    """
    if not steps:
        yield from chunks
        return
    cutter = _Cutter(steps, scripts or [Script(step.name) for step in steps], Windows(steps, timed=timed), middle)
    for data in lines(chunks):
        yield from cutter.feed(data)
    yield from cutter.finish()


@dataclass(slots=True)
class _Stretch:
    """Lines of which the same is known: the first step that may have written them, and the last by their second."""

    low: int
    high: int
    failed: bool
    """Whether a step had failed before."""
    ends: bool = False
    """Whether a step failed with the last of these lines."""
    pieces: list[bytes] = field(default_factory=list)


class _Cutter:
    def __init__(self, steps: Sequence[Step], scripts: Sequence[Script], windows: Windows, middle: bool) -> None:
        self._steps, self._scripts, self._prints, self._windows = steps, scripts, Prints(scripts), windows
        self._last = len(steps) - 1
        self._may_be = [middle] * len(steps)
        """Whether the step may have begun although the text with which it begins was not seen as its own."""
        self._begun = [False] * len(steps)
        self._middle = middle
        """Whether nothing is known yet of where in the log this is."""
        self._low = 0
        """The first step that may write the next line."""
        self._at: int | None = None
        self._exits: int | None = None
        """The step that wrote the last line that is known, and the status with which it is to end then."""
        self._failed = False
        self._held: list[_Stretch] = []
        self._size = 0
        self._told: tuple[str | int, ...] = ()
        self._over = False
        self._lost = False
        """Whether the log is of another workflow than the scripts."""
        self._before: list[bytes] | None = None if middle else []
        """The lines before the first step, as long as no mark says that this is what they are."""

    def feed(self, data: bytes) -> Iterator[bytes | Step]:
        """The next lines."""
        for place in self._prints.masked(data):
            self._may_be[place] = True
        at = 0
        while at < len(data):
            end = self._windows.change(data, at)
            part = data[at:end]
            start = 0
            for spot in self._prints.spots(part):
                if spot >= start:  # a line is looked at once
                    yield from self._unseen(part[start:spot])
                    start = part.find(b"\n", spot) + 1 or len(part)
                    yield from self._line(part[spot:start])
            yield from self._unseen(part[start:])
            at = end

    def _unseen(self, rows: bytes) -> Iterator[bytes | Step]:
        """Lines that say nothing of their step."""
        if self._lost:
            yield rows
        elif not rows:
            return
        elif self._before is not None:
            yield from self._unmarked(rows)
        elif self._over:
            yield from self._aside(COMPLETE, [rows])
        else:
            yield from self._keep(rows)

    def finish(self) -> Iterator[bytes | Step]:
        """No line comes any more. Without a mark of the first step nothing is known of any line."""
        yield from self._before or ()
        yield from self._settle(None)

    def _settle(self, to: int | None, *, first: bool = False) -> Iterator[bytes | Step]:
        """What was held, now that the step `to` has begun, with this very line (`first`) or before; None: no step
        comes any more.
        """
        high = self._last if to is None else max(to - first, 0)
        for stretch in reversed(self._held):
            if stretch.ends and to is not None:
                high = min(high, to - 1)
            stretch.high = min(stretch.high, high)
        held, self._held, self._size = self._held, [], 0
        for stretch in held:
            yield from self._of(self._places(stretch), stretch.pieces)

    def _line(self, line: bytes) -> Iterator[bytes | Step]:
        text = said(line)
        told = frame(text)
        unbegun = self._before is not None and (told is None or told["name"] is told["begins"] is None)
        if self._lost or self._over or unbegun:
            yield from self._unseen(line)
        elif told is None:
            yield from self._written(line, text)
        elif told["end"] is not None:
            yield from self._settle(None)
            self._over = True
            yield from self._unseen(line)
        elif told["name"] is not None:
            yield from self._marked(told["name"], line)
        elif told["begins"] is not None:
            yield from self._grouped(told["begins"], line, text)
        else:
            yield from self._failing(line, None if told["cancelled"] else int(told["code"] or told["code2"]))

    def _unmarked(self, line: bytes) -> Iterator[bytes | Step]:
        assert self._before is not None
        if self._windows.begun:
            yield from self._set_up()
            yield from self._keep(line)
            return
        self._before.append(line)
        self._size += len(line)
        if self._size > _HELD:
            yield from self._before
            self._before, self._size = [], 0

    def _set_up(self) -> Iterator[bytes | Step]:
        """What came before the first step was said by the runner."""
        if self._before is not None:
            before, self._before, self._size = self._before, None, 0
            yield from self._aside(SET_UP, before)

    def _marked(self, name: str, line: bytes) -> Iterator[bytes | Step]:
        """A step begins after this line; the first one's mark is said while the job is set up."""
        later = range(self._low, self._last + 1)
        to = next((i for i in later if called(self._scripts[i].name, name)), None)
        if to is None and not self._told and not self._windows.known:
            yield from self._give_up(line)
            return
        to = self._low if to is None else to
        if self._before is not None:
            self._before.append(line)
            yield from self._set_up()
        elif not self._told:
            yield from self._aside(SET_UP, [*(p for held in self._held for p in held.pieces), line])
            self._held, self._size = [], 0
        else:
            yield from self._settle(to, first=True)
            yield from self._of([to], [line])
        self._low, self._at = to, None

    def _give_up(self, line: bytes) -> Iterator[bytes]:
        """The first step has another name here: the file is not the one that ran."""
        self._lost = True
        yield from self._before or ()
        yield from (piece for held in self._held for piece in held.pieces)
        yield line
        self._before, self._held = None, []

    def _grouped(self, begins: str, line: bytes, text: bytes) -> Iterator[bytes | Step]:
        """A step begins with this line, or one of an action's own."""
        yield from self._set_up()
        later = range(self._low, self._last + 1)
        to = next((i for i in later if self._scripts[i].begins == begins.strip() and not self._begun[i]), None)
        if to is None:
            yield from self._written(line, text)
            return
        yield from self._settle(to, first=True)
        yield from self._of([to], [line])
        self._low, self._at, self._begun[to] = to, to, True

    def _failing(self, line: bytes, code: int | None) -> Iterator[bytes | Step]:
        """With this line a step failed, or was cancelled (no code): the one that was to end with this status, the one
        that is known to have, or one of those that may write.
        """
        low, high = self._reach()
        bad = [i for i in range(low, high + 1) if self._steps[i].conclusion in _BAD]
        known = self._at if self._at is not None and self._exits == code else bad[0] if len(bad) == 1 else None
        if known is not None:
            low = known
            yield from self._settle(low)
            yield from self._of([low], [line])
        else:
            yield from self._keep(line, ends=True)
            low = self._held[-1].low
        self._failed = self._failed or not any(script.goes_on for script in self._scripts[low:])
        self._low, self._at, self._exits = min(low + 1, self._last), None, None

    def _written(self, line: bytes, text: bytes) -> Iterator[bytes | Step]:
        low, high = self._reach()
        found = [(i, told) for i, told in self._prints.of(text) if low <= i <= high and self._may(i, self._failed)]
        if len({i for i, _ in found}) != 1:
            for i, _ in found:
                self._may_be[i] = True
            yield from self._keep(line)
            return
        to, told = found[0]
        first = told.first and not (self._begun[to] or self._may_be[to])
        self._begun[to] = True
        yield from self._settle(to, first=first)
        yield from self._of([to], [line])
        if self._middle:  # whatever comes after this step has not begun before it
            self._middle, self._may_be[to + 1 :] = False, [False] * (self._last - to)
        done = told.last and to < self._last
        self._low, self._at, self._exits = to + done, None if done else to, told.exits

    def _keep(self, rows: bytes, *, ends: bool = False) -> Iterator[bytes | Step]:
        """Holds lines back until it is known whose they are, or until they are too many. `ends`: a step failed with
        the last of them.
        """
        low, high = self._reach()
        if self._size > _HELD:
            yield from self._settle(self._last)
        last = self._held[-1] if self._held else None
        if last is None or last.ends or (last.low, last.high, last.failed) != (low, high, self._failed):
            last = _Stretch(low, high, self._failed)
            self._held.append(last)
        last.ends = ends
        last.pieces.append(rows)
        self._size += len(rows)

    def _reach(self) -> tuple[int, int]:
        """The steps that may write now, as far as the seconds tell."""
        low, high = self._windows.low, self._windows.high
        return (max(self._low, low), high) if high >= self._low else (self._low, self._last)

    def _may(self, place: int, failed: bool) -> bool:
        return not failed or self._scripts[place].after_failure

    def _places(self, stretch: _Stretch) -> list[int]:
        """The steps that may have written it: none that does not run after a failure, and none whose first text is not
        there.
        """
        places = range(stretch.low, max(stretch.high, stretch.low) + 1)
        may = [i for i in places if self._may(i, stretch.failed)]
        return [i for i in may if not self._is_to_begin(i)] or may or list(places)

    def _is_to_begin(self, place: int) -> bool:
        """Whether the step begins with a text, and that did not come."""
        begun = self._begun[place] or self._may_be[place]
        return not begun and any(told.first for told in self._scripts[place].prints)

    def _of(self, places: Sequence[int], pieces: list[bytes]) -> Iterator[bytes | Step]:
        if pieces and tuple(places) != self._told:
            self._told = tuple(places)
            yield one_of([self._steps[place] for place in places])
        yield from pieces

    def _aside(self, name: str, pieces: list[bytes]) -> Iterator[bytes | Step]:
        if pieces and (name,) != self._told:
            self._told = (name,)
            yield Step(name, aside=True)
        yield from pieces
