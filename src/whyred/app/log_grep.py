"""Of a log that comes in parts, the lines that are sought, with their numbers and the lines around them.

Lines around a match are those of its step: what the step before said last is not what led to it.
"""

import sys
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from whyred.app.log_steps import Part, StepHead
from whyred.logs.blocks import Block
from whyred.logs.shown import shown
from whyred.logs.sought import Sought
from whyred.logs.steps_by_text import lines


@dataclass(frozen=True, slots=True)
class Grep:
    """What is sought, and how many lines around each match are shown."""

    sought: Sought
    before: int = 0
    after: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """A line that is shown, without its LF. `spans`: where in it the matches are; None for a line around a match.
    `apart`: lines were left out between it and the one shown before it.
    """

    number: int
    text: bytes
    spans: tuple[tuple[int, int], ...] | None = None
    apart: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A line that was sought, and the lines around it."""

    row: Row
    step: StepHead | None
    before: tuple[Row, ...]
    after: tuple[Row, ...]


class Grepped:
    """Searches one log. The text is searched as it is shown; with `raw` it is shown as it is stored."""

    def __init__(self, grep: Grep, *, raw: bool = False, timestamps: bool = False) -> None:
        self._grep, self._raw, self._timestamps = grep, raw, timestamps
        self._head: StepHead | None = None
        """The step that runs, while none of its lines was shown."""
        self._before: deque[tuple[int, bytes]] = deque(maxlen=min(grep.before, sys.maxsize))
        self._left = 0
        """Lines that are still shown after the last match."""
        self._last: int | None = None
        """The number of the line that was shown last."""

    def rows(self, parts: Iterable[Part]) -> Iterator[StepHead | Row]:
        """The lines that are shown, each step before its first one."""
        for part in parts:
            if part.head is not None:
                self._head, self._left = part.head, 0
                self._before.clear()
            if part.block.plain:
                yield from self._block(part.block)

    def _block(self, block: Block) -> Iterator[StepHead | Row]:
        text = shown(block.plain, starts=block.starts, timestamps=self._timestamps, numbered=True)
        view = _View(block, text, raw=self._raw)
        for start, end in self._grep.sought.lines(text):
            for number, line in view.until(start, self._left, self._grep.before):
                yield from self._context(number, line)
            yield from self._match(view.number, view.line(start, end), text[start:end])
            view.pass_line(end)
        for number, line in view.until(len(text), self._left, self._grep.before):
            yield from self._context(number, line)

    def _context(self, number: int, line: bytes) -> Iterator[StepHead | Row]:
        """A line that does not match: one of those after a match, or kept, for a match may come."""
        if self._left:
            self._left -= 1
            yield from self._show(Row(number, line))
        elif self._grep.before:
            self._before.append((number, line))

    def _match(self, number: int, line: bytes, seen: bytes) -> Iterator[StepHead | Row]:
        for row in self._before:
            yield from self._show(Row(*row))
        self._before.clear()
        self._left = self._grep.after
        yield from self._show(Row(number, line, self._grep.sought.spans(seen) if line == seen else ()))

    def _show(self, row: Row) -> Iterator[StepHead | Row]:
        if self._head is not None:
            yield self._head
            self._head = None
        apart = self._last is not None and row.number > self._last + 1
        self._last = row.number
        yield replace(row, apart=apart)


class _View:
    """The lines of a block, one after the other: those that nobody needs are counted, not looked at."""

    def __init__(self, block: Block, text: bytes, *, raw: bool) -> None:
        self._block, self._text, self._at = block, text, 0
        self._stored = block.raw.split(b"\n") if raw and block.raw is not text else None
        self.number = block.first
        """The number of the next line."""

    def until(self, stop: int, first: int, last: int) -> Iterator[tuple[int, bytes]]:
        """The lines before this place: the `first` ones of them and the `last`; all are passed."""
        while self._at < stop and first:
            first -= 1
            yield self._next(stop)
        start = stop
        for _ in range(last):
            if start <= self._at:
                break
            start = max(self._text.rfind(b"\n", self._at, start - 1) + 1, self._at)
        if start > self._at:
            self.number += self._text.count(b"\n", self._at, start)
            self._at = start
        while self._at < stop:
            yield self._next(stop)

    def _next(self, stop: int) -> tuple[int, bytes]:
        end = self._text.find(b"\n", self._at, stop)
        end = stop if end < 0 else end
        found = self.number, self.line(self._at, end)
        self.pass_line(end)
        return found

    def line(self, start: int, end: int) -> bytes:
        """The text of the next line, which is in this place."""
        return self._text[start:end] if self._stored is None else self._stored[self.number - self._block.first]

    def pass_line(self, end: int) -> None:
        """The line that ends here is passed."""
        self._at = end + 1
        self.number += 1


def last_lines(parts: Iterable[Part], count: int) -> Iterator[Part]:
    """The last so many lines of a log, with their steps; an endless line, which comes in several parts, is one."""
    held: deque[tuple[Part, int]] = deque()
    """Each part, and how many lines began before its first one did."""
    begun = 0
    for part in parts:
        block = part.block
        before = begun if block.starts else max(0, begun - 1)
        held.append((part, before))
        begun = before + block.feeds + (0 if block.ends else 1)
        while len(held) > 1 and held[1][1] + (not held[1][0].block.starts) <= begun - count:
            gone, _ = held.popleft()
            if gone.head is not None and held[0][0].head is None:
                held[0] = (replace(held[0][0], head=gone.head), held[0][1])
    for part, before in held:
        over = max(0, begun - count - before)
        yield part if not over else Part(lines(part.block, part.block.first + over), part.head)


@dataclass(frozen=True, slots=True)
class Passed:
    """Lines that were passed over: the number of the first of them, and how many they are."""

    first: int
    count: int


def newest(parts: Iterable[Part], count: int) -> tuple[Passed | None, list[Part]]:
    """The last so many lines of a log, and what was passed over before them."""
    all_ = _Counted(parts)
    kept = list(last_lines(all_, count))
    over = all_.begun - count
    return (Passed(all_.first, over) if over > 0 else None), kept


class _Counted:
    """Parts that pass, their lines counted."""

    def __init__(self, parts: Iterable[Part]) -> None:
        self._parts = parts
        self.first, self.begun = 0, 0

    def __iter__(self) -> Iterator[Part]:
        for part in self._parts:
            block = part.block
            if block.plain:
                self.first = self.first or block.first
                begins = self.begun if block.starts else max(0, self.begun - 1)
                self.begun = begins + block.feeds + (0 if block.ends else 1)
            yield part


class Matches:
    """Makes a `Match` of every line that matched, as soon as the lines after it are known."""

    def __init__(self, grep: Grep) -> None:
        self._after = grep.after
        self._step: StepHead | None = None
        self._before: deque[Row] = deque(maxlen=min(grep.before, sys.maxsize))
        self._open: deque[Match] = deque()

    def row(self, row: Row) -> Iterator[Match]:
        """The next line; what is known now."""
        if row.apart:
            yield from self.end()
        self._open = deque(replace(one, after=(*one.after, row)) for one in self._open)
        if row.spans is not None:
            self._open.append(Match(row, self._step, tuple(self._before), ()))
        self._before.append(row)
        while self._open and len(self._open[0].after) >= self._after:
            yield self._open.popleft()

    def step(self, head: StepHead | None) -> Iterator[Match]:
        """A step begins, or another log; what is known now."""
        yield from self.end()
        self._step = head

    def end(self) -> Iterator[Match]:
        """No line comes any more that is around these."""
        yield from self._open
        self._open.clear()
        self._before.clear()
