"""`logs`: the real step logs of a run, masked, as a stream of pieces that a face shows or writes."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial

from whyred.app.by_script import by_script
from whyred.app.forges import Forges
from whyred.app.ladder import Ladder, worst
from whyred.app.library import Library
from whyred.app.log_steps import Numbers, Part, StepHead, failed_by_text, listed, named, some
from whyred.app.log_wait import Note, Wait, again, begun
from whyred.app.resolve import RED, chosen
from whyred.logs.blocks import SIZE, Block, blocks
from whyred.logs.shown import shown
from whyred.logs.steps_by_text import cut
from whyred.model.forge import Address, Kind
from whyred.model.run import Attempt, Conclusion, Status, Step, numbered
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources.reach import Want

_END = 2 << 20
"""Bytes at the end of a log that are read for the failing step where no route tells where steps begin."""
_LINE = 400
"""Bytes a line is reckoned at when only the last lines are wanted."""
_LEAST_END = 1 << 18
"""Bytes that are asked for where only the last lines are wanted: several of the longest line that a runner sends."""
_NOT_YET = (Missing.NOT_STARTED, Missing.STILL_RUNNING)
"""What is said of the log of a job in the seconds after a runner took it."""


@dataclass(frozen=True, slots=True)
class LogWish:
    """What the user wants to see. `address`: None for what is no run on a forge; `step`: its number among the
    workflow's steps (from 1) or its name; `tail`: the last so many lines; `raw`: the text as it is stored, without step
    marks.
    """

    address: Address | None
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
class Absent:
    """A job whose log is not to be had, or broke off, among others that are shown; or one that was followed and ended
    without a log.
    """

    attempt: Attempt
    error: MissingLogError


@dataclass(frozen=True, slots=True)
class Opened:
    """A log that is there. `chosen`: whether it holds the wanted steps alone, as far as the route knows steps."""

    fetched: Fetched
    chosen: bool = True


@dataclass(frozen=True, slots=True)
class Log:
    """One log that is wanted: whose it is, how it is opened, how the attempt ended (asked anew), and what is said where
    steps are wanted and nothing tells where one begins. `whole`: it is opened as a whole whatever part is wanted.
    """

    attempt: Attempt
    open: Callable[[Want], Opened]
    ended: Callable[[], Conclusion]
    unmarked: Callable[[Sequence[str]], MissingLogError]
    whole: bool = False


Piece = Head | StepHead | Absent | Note | bytes


def logs(wish: LogWish, forges: Forges, library: Library) -> Iterator[Piece]:
    """The pieces of every log that is wanted. Raises UserError, and MissingLogError where not one is to be had.

    What cannot be had of one job among several comes as `Absent`, and the others are shown.
    """
    ladder, found = _attempts(wish, forges)
    if wish.failed and not any(_may_have_failed(attempt) for attempt in found):
        yield _nothing_failed(found)
        return
    found = [attempt for attempt in found if not wish.failed or _may_have_failed(attempt)]
    yield from each([(attempt, _job(wish, ladder, attempt, library)) for attempt in found])


def each(jobs: list[tuple[Attempt, Iterator[Piece]]]) -> Iterator[Piece]:
    """The logs of several jobs, one after the other. Raises MissingLogError where not one is to be had."""
    absent: list[Absent] = []
    shown_one = False
    for attempt, pieces in jobs:
        try:
            for piece in pieces:
                if not shown_one and not isinstance(piece, Note):
                    shown_one = True
                    yield from absent
                yield piece
        except MissingLogError as e:
            if len(jobs) == 1:
                raise
            absent.append(Absent(attempt, e))
            if shown_one:
                yield absent[-1]
    if absent and not shown_one:
        raise worst([(a.attempt.job.name if a.attempt.job else "job", a.error) for a in absent])


def attempts_of(wish: LogWish, forges: Forges) -> tuple[Ladder, list[Attempt]]:
    """The attempts whose logs are wanted. Raises UserError and MissingLogError."""
    ladder, found = _attempts(wish, forges)
    return ladder, [attempt for attempt in found if not wish.failed or _may_have_failed(attempt)]


def _attempts(wish: LogWish, forges: Forges) -> tuple[Ladder, list[Attempt]]:
    assert wish.address is not None
    resolver, address = forges.resolver(wish.address)
    address = replace(address, job_name=wish.job or address.job_name, attempt=wish.attempt or address.attempt)
    found = resolver.attempts(forges.run(resolver, address), address)
    chosen(found)  # it says why a run has no job at all
    return resolver.ladder, found


def _may_have_failed(attempt: Attempt) -> bool:
    return attempt.conclusion in (*RED, Conclusion.UNKNOWN)


def _nothing_failed(attempts: Sequence[Attempt]) -> Note:
    """What is said in place of the step that failed."""
    ended = ", ".join(dict.fromkeys(attempt.conclusion.value for attempt in attempts))
    what = "its job ended" if len(attempts) == 1 else f"its {len(attempts)} jobs ended"
    return Note(f"{attempts[0].run.label}: nothing failed: {what} as {ended}")


def _job(wish: LogWish, ladder: Ladder, attempt: Attempt, library: Library) -> Iterator[Piece]:
    if wish.follow:
        attempt = yield from begun(ladder, attempt)
    attempt = ladder.steps(attempt) if wish.failed or wish.step else attempt
    log = Log(
        attempt,
        partial(_opened, ladder, attempt),
        partial(_ended, ladder, attempt),
        partial(_unmarked, ladder, attempt),
    )
    try:
        yield from pieces(wish, log, library)
    except MissingLogError as e:
        if not wish.follow or e.reason is not Missing.NOT_STARTED or _ended(ladder, attempt) is Conclusion.UNKNOWN:
            raise
        yield Absent(again(ladder, attempt), e)  # it has ended without a runner, and how is what was waited for


def _opened(ladder: Ladder, attempt: Attempt, want: Want) -> Opened:
    """The log; while it is followed, its first rows are waited for. Where the routes tell which steps there are, and
    not which lines are whose, all of it.
    """
    wait, now = Wait(ladder), attempt
    while True:
        try:
            fetched = ladder.log(now, want)
            if want.steps is None or fetched.boundaries is not Boundaries.GUESSED:
                return Opened(fetched)
            return Opened(by_script(ladder, fetched), chosen=False)
        except MissingLogError as e:
            if want.follow and now.status is not Status.DONE and e.reason in _NOT_YET:
                wait.idle()
                now = again(ladder, now)
                continue
            absent = Missing.ROUTE_NOT_ON_THIS_VERSION in (e.reason, *(refused.reason for _, refused in e.tried))
            if want.steps is not None and absent:
                with suppress(MissingLogError):  # the first refusal says more
                    return Opened(ladder.log(now, replace(want, steps=None)), chosen=False)
            raise


def _unmarked(ladder: Ladder, attempt: Attempt, marked: Sequence[str]) -> MissingLogError:
    """Why a step cannot be shown apart, where the text marks these alone."""
    reach, asked = ladder.reach, f"look for the step in the log of {attempt.run.label}"
    why = f"no route that works here tells which lines are whose, and {told_marks(marked)}"
    if reach.server.kind in (Kind.FORGEJO, Kind.GITEA) and not reach.http.signed_in:
        help_ = f"{why}. The web pages know: whyred login --web {reach.server.root}"
        return MissingLogError(Missing.NEEDS_WEB_LOGIN, asked, help_)
    return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, asked, f"{why}. whyred access says what is missing")


def told_marks(marked: Sequence[str]) -> str:
    """What a text marks, for people."""
    return f"its text marks no other steps than: {', '.join(marked)}" if marked else "no line of its text marks a step"


def pieces(wish: LogWish, log: Log, library: Library) -> Iterator[Piece]:
    """The pieces of one log. Raises UserError (no such step) and MissingLogError."""
    if wish.failed and not _may_have_failed(log.attempt):
        yield _nothing_failed([log.attempt])
        return
    names = _steps(wish, log.attempt)
    want = Want(names, wish.follow, text_only=wish.raw, most=wish.most)
    if wish.failed and names is None:
        want = replace(want, tail=_END)
    if wish.tail is not None and not wish.follow:
        yield from _tail(wish, log, want, library)
        return
    opened = log.open(want)
    head: Head | None = _head(log, opened)
    if wish.follow:
        yield from (head,) if head else ()
        head = None
    told: list[str] = []
    for part in _parts(wish, log, opened, names, library, told.append):
        if head is not None:
            yield head
            head = None
        if part.head is not None and not wish.raw:
            yield part.head
        if part.block.plain:
            yield _text(part.block, wish)
    yield from (head,) if head else ()
    yield from (Note(f"{log.attempt.run.label}: {text}") for text in told)


def _head(log: Log, opened: Opened) -> Head:
    return Head(opened.fetched.attempt, opened.fetched, log.ended)


def _parts(
    wish: LogWish,
    log: Log,
    opened: Opened,
    names: frozenset[int | str] | None,
    library: Library,
    tell: Callable[[str], None],
) -> Iterator[Part]:
    """The masked lines that are wanted, with their steps; what broke off is told when all that came was given."""
    came = _Came()
    fetched = replace(opened.fetched, chunks=came.until_it_breaks(opened.fetched.chunks))
    try:
        yield from _wanted(wish, log, replace(opened, fetched=fetched), names, library, tell)
    except (UserError, MissingLogError):
        if came.broke is None:
            raise
    if came.broke is not None:
        raise came.broke


def _wanted(
    wish: LogWish,
    log: Log,
    opened: Opened,
    names: frozenset[int | str] | None,
    library: Library,
    tell: Callable[[str], None],
) -> Iterator[Part]:
    fetched = opened.fetched
    numbers, guessed = Numbers(fetched.attempt), fetched.boundaries is Boundaries.GUESSED
    chunks = numbers.watch(fetched.chunks)
    masked = library.masker().blocks(blocks(chunks, 1 if wish.follow else SIZE))
    if wish.failed and (guessed or names is None):
        yield from failed_by_text(masked, log.attempt, library, tell, log.unmarked)
    elif wish.step is not None and (guessed or names is None):
        parts = numbers.parts(cut(masked, library.scanner) if guessed else masked)
        steps = log.attempt.steps
        told = steps[_step(wish.step, log.attempt)].name if steps else None
        yield from named(parts, wish.step, told, log.unmarked)
    elif names is not None and (not opened.chosen or fetched.boundaries is Boundaries.SCRIPTS):
        yield from some(numbers.parts(masked), listed(names))
    else:
        yield from numbers.parts(masked if wish.raw or not guessed else cut(masked, library.scanner))


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
            help_ = f"only its first {self.size} bytes came. {e.help[:1].upper()}{e.help[1:]}" if self.size else e.help
            self.broke = MissingLogError(e.reason, e.asked, help_, e.tried)


def _steps(wish: LogWish, attempt: Attempt) -> frozenset[int | str] | None:
    """The wanted steps; None for all, or where no route tells the steps."""
    names = numbered(attempt.steps)
    if not names or (wish.step is None and not wish.failed):
        return None
    if wish.step is not None:
        return frozenset({names[_step(wish.step, attempt)]})
    red = [(name, step) for name, step in zip(names, attempt.steps, strict=True) if step.conclusion in RED]
    own = frozenset(name for name, step in red if not step.aside)
    return own or frozenset(name for name, _ in red) or None


def _step(wanted: str, attempt: Attempt) -> int:
    numbers = numbered(attempt.steps)
    if wanted.isdecimal() and int(wanted) in numbers:
        return numbers.index(int(wanted))
    names = [s.name for s in attempt.steps]
    hits = [i for i, name in enumerate(names) if name.lower() == wanted.lower()]
    hits = hits or [i for i, name in enumerate(names) if name.lower().startswith(wanted.lower())]
    if len(hits) != 1:
        told = ", ".join(n if n == name else f"{n} {name}" for n, name in zip(numbers, names, strict=True))
        raise UserError(f"no one step is {wanted!r}", f"the steps are: {told}", "Name one by number or name")
    return hits[0]


def _tail(wish: LogWish, log: Log, want: Want, library: Library) -> Iterator[Piece]:
    """The last lines of a log: of its end alone, where a route can give that; more of it until it has enough lines."""
    assert wish.tail is not None
    names = want.steps
    by_text = wish.step is not None and names is None
    size = None if log.whole or by_text else max(_LEAST_END, wish.tail * _LINE, want.tail or 0)
    while True:
        opened = log.open(replace(want, tail=size))
        last, told = _Last(wish.tail), list[str]()
        seen = 0
        for part in _parts(wish, log, opened, names, library, told.append):
            seen += len(part.block.raw)
            last.take(_text(part.block, wish))
        if size is None or last.count >= wish.tail:
            break
        # Far less than was asked for is the whole log, or all after a long line, of which only the end came.
        size = size * 8 if size // 2 <= seen and size < 1 << 28 else None
    yield _head(log, opened)
    if last.lines:
        yield b"".join(last.lines)
    yield from (Note(f"{log.attempt.run.label}: {text}") for text in told)


@dataclass
class _Last:
    """The last lines of a text that comes in pieces; a bare CR ends none."""

    most: int
    count: int = 0
    lines: deque[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = deque(maxlen=self.most)

    def take(self, text: bytes) -> None:
        """The next piece."""
        rows = [row + b"\n" for row in text.split(b"\n")]
        rows[-1] = rows[-1][:-1]
        if not rows[-1]:
            rows.pop()
        if rows and self.lines and not self.lines[-1].endswith(b"\n"):
            self.lines[-1] += rows.pop(0)
        self.lines.extend(rows)
        self.count += len(rows)


def _text(block: Block, wish: LogWish) -> bytes:
    return block.raw if wish.raw else shown(block.plain, starts=block.starts, timestamps=wish.timestamps)


def _ended(ladder: Ladder, attempt: Attempt) -> Conclusion:
    """How an attempt ended, asked anew."""
    now = again(ladder, attempt)
    return now.conclusion if now.status is Status.DONE else Conclusion.UNKNOWN
