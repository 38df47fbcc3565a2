"""`logs`: the real step logs of a run, masked, as a stream of pieces that a face shows or writes."""

import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial

from whyred.app.forges import Forges
from whyred.app.ladder import Ladder, worst
from whyred.app.library import Library
from whyred.app.resolve import RED, chosen
from whyred.logs.blocks import SIZE, Block, blocks
from whyred.model.forge import Address
from whyred.model.run import Attempt, Conclusion, Status, Step, numbered
from whyred.model.source import Fetched, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources.reach import Want

_STAMP = re.compile(rb"\n(?:\xef\xbb\xbf)?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z ?")
"""The time before a line, with the line feed that ends the line above."""
_END = 2 << 20
"""Bytes at the end of a log that are read for the failing step where no route tells where steps begin."""
_LINE = 400
"""Bytes a line is reckoned at when only the last lines are wanted."""


@dataclass(frozen=True, slots=True)
class LogWish:
    """What the user wants to see. `step`: its number among the workflow's steps (from 1) or its name; `tail`: the last
    so many lines; `raw`: the text as it is stored, without step marks.
    """

    address: Address
    job: str | None = None
    attempt: int | None = None
    step: str | None = None
    failed: bool = False
    tail: int | None = None
    follow: bool = False
    raw: bool = False
    timestamps: bool = False
    most: int | None = None
    """Bytes of one job's log that are allowed; a larger one is refused (too-large)."""


@dataclass(frozen=True, slots=True)
class Head:
    """A job's log begins: by which route it came, how its steps were found, and what was refused before."""

    attempt: Attempt
    fetched: Fetched
    ended: Callable[[], Conclusion]
    """How the attempt ended, asked anew: for a log that was followed."""


@dataclass(frozen=True, slots=True)
class StepHead:
    """A step begins; `number` counts the steps of the workflow file from 1, and is None for the runner's own."""

    step: Step
    number: int | None


@dataclass(frozen=True, slots=True)
class Absent:
    """A job whose log is not to be had, or broke off, among others that are shown."""

    attempt: Attempt
    error: MissingLogError


Piece = Head | StepHead | Absent | bytes


def logs(wish: LogWish, forges: Forges, library: Library) -> Iterator[Piece]:
    """The pieces of every log that is wanted. Raises UserError, and MissingLogError where not one is to be had.

    What cannot be had of one job among several comes as `Absent`, and the others are shown.
    """
    ladder, found = attempts_of(wish, forges)
    absent: list[Absent] = []
    shown = False
    for attempt in found:
        try:
            for piece in _job(wish, ladder, attempt, library):
                if not shown:
                    shown = True
                    yield from absent
                yield piece
        except MissingLogError as e:
            if len(found) == 1:
                raise
            absent.append(Absent(attempt, e))
            if shown:
                yield absent[-1]
    if absent and not shown:
        raise worst([(a.attempt.job.name if a.attempt.job else "job", a.error) for a in absent])


def attempts_of(wish: LogWish, forges: Forges) -> tuple[Ladder, list[Attempt]]:
    """The attempts whose logs are wanted. Raises UserError and MissingLogError."""
    resolver, address = forges.resolver(wish.address)
    address = replace(address, job_name=wish.job or address.job_name, attempt=wish.attempt or address.attempt)
    found = resolver.attempts(forges.run(resolver, address), address)
    chosen(found)  # it says why a run has no job at all
    if wish.failed:
        found = [a for a in found if a.conclusion in RED or a.conclusion is Conclusion.UNKNOWN]
    return resolver.ladder, found


def _job(wish: LogWish, ladder: Ladder, attempt: Attempt, library: Library) -> Iterator[Piece]:
    attempt = ladder.steps(attempt) if wish.failed or wish.step else attempt
    want = Want(_steps(wish, attempt), wish.follow, text_only=wish.raw, most=wish.most)
    if wish.failed and want.steps is None:
        want = replace(want, tail=_END)
    if wish.tail is not None and not wish.follow:
        yield from _tail(wish, ladder, attempt, want, library)
        return
    fetched = ladder.log(attempt, want)
    yield Head(fetched.attempt, fetched, partial(_ended, ladder, attempt))
    came = _Came()
    yield from _masked(wish, replace(fetched, chunks=came.until_it_breaks(fetched.chunks)), library)
    if came.broke is not None:
        raise came.broke


@dataclass
class _Came:
    """How much of a log came before it broke off: that much is shown, and then why there is no more."""

    size: int = 0
    broke: MissingLogError | None = None

    def until_it_breaks(self, chunks: Iterator[bytes | Step]) -> Iterator[bytes | Step]:
        """The chunks; a refusal ends them, and is kept."""
        try:
            for chunk in chunks:
                self.size += len(chunk) if isinstance(chunk, bytes) else 0
                yield chunk
        except MissingLogError as e:
            help_ = f"only its first {self.size} bytes came. {e.help[:1].upper()}{e.help[1:]}"
            self.broke = MissingLogError(e.reason, e.asked, help_, e.tried)


def _steps(wish: LogWish, attempt: Attempt) -> frozenset[int | str] | None:
    """The wanted steps; None for all, or where no route tells the steps."""
    names = numbered(attempt.steps)
    if wish.step is not None:
        return frozenset({names[_step(wish.step, attempt)]})
    if not wish.failed:
        return None
    red = [(name, step) for name, step in zip(names, attempt.steps, strict=True) if step.conclusion in RED]
    own = frozenset(name for name, step in red if not step.aside)
    return own or frozenset(name for name, _ in red) or None


def _step(named: str, attempt: Attempt) -> int:
    if not attempt.steps:
        why = "no route that works here tells the steps of this job"
        raise UserError(f"which step is {named!r}?", why, "Leave --step away; whyred access says what is missing")
    numbers = numbered(attempt.steps)
    if named.isdecimal() and int(named) in numbers:
        return numbers.index(int(named))
    names = [s.name for s in attempt.steps]
    hits = [i for i, name in enumerate(names) if name.lower() == named.lower()]
    hits = hits or [i for i, name in enumerate(names) if name.lower().startswith(named.lower())]
    if len(hits) != 1:
        told = ", ".join(n if n == name else f"{n} {name}" for n, name in zip(numbers, names, strict=True))
        raise UserError(f"no one step is {named!r}", f"the steps are: {told}", "Name one by number or name")
    return hits[0]


def _tail(wish: LogWish, ladder: Ladder, attempt: Attempt, want: Want, library: Library) -> Iterator[Piece]:
    """The last lines of a log: of its end alone, where a route can give that; more of it until it has enough lines."""
    assert wish.tail is not None
    size: int | None = max(1 << 16, wish.tail * _LINE)
    while True:
        fetched = ladder.log(attempt, replace(want, tail=size))
        kept: deque[bytes] = deque(maxlen=max(wish.tail, 1))
        seen = lines = 0
        for piece in _masked(replace(wish, raw=True), fetched, library):
            if isinstance(piece, bytes):
                seen += len(piece)
                rows = piece.splitlines(keepends=True)
                lines += len(rows)
                kept.extend(rows)
        if size is None or lines >= wish.tail or seen < size // 2:
            break
        size = size * 8 if size < 1 << 28 else None
    yield Head(fetched.attempt, fetched, partial(_ended, ladder, attempt))
    if wish.tail:
        yield _shown(b"".join(kept), wish)


def _masked(wish: LogWish, fetched: Fetched, library: Library) -> Iterator[Piece]:
    masker = library.masker()
    numbers: deque[int | None] = deque()
    chunks = _numbers(fetched, numbers)
    for block in masker.blocks(blocks(chunks, 1 if wish.follow else SIZE)):
        if block.step is not None:
            number = numbers.popleft()
            if not wish.raw:
                yield StepHead(block.step, number)
        if block.plain:
            yield _text(block, wish)


def _numbers(fetched: Fetched, numbers: deque[int | None]) -> Iterator[bytes | Step]:
    """The stream; beside it the number of each step that passes, for masking may change its name."""
    steps, names = fetched.attempt.steps, numbered(fetched.attempt.steps)
    at = 0
    for piece in fetched.chunks:
        if isinstance(piece, Step):
            place = next((i for i in range(at, len(steps)) if steps[i].name == piece.name), None)
            number = names[place] if place is not None else None
            numbers.append(number if isinstance(number, int) else None)
            at = place + 1 if place is not None else at
        yield piece


def _text(block: Block, wish: LogWish) -> bytes:
    if wish.raw:
        return block.raw
    return _shown(block.plain, wish, starts=block.starts)


def _shown(text: bytes, wish: LogWish, *, starts: bool = True) -> bytes:
    """The text without its time stamps, unless they are wanted."""
    if wish.raw or wish.timestamps:
        return text
    first, newline, rest = (b"", b"\n", text) if starts else text.partition(b"\n")
    # With the line feed in front it is found three times as fast as by `^`.
    told = first + _STAMP.sub(b"\n", newline + rest)
    return told[1:] if starts else told


def _ended(ladder: Ladder, attempt: Attempt) -> Conclusion:
    """How an attempt ended, asked anew."""
    job = attempt.job
    for now in ladder.attempts(attempt.run):
        if now.job and job and (now.job.id, now.job.index, now.job.name) == (job.id, job.index, job.name):
            return now.conclusion if now.status is Status.DONE else Conclusion.UNKNOWN
    return Conclusion.UNKNOWN
