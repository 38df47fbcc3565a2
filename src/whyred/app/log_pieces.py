"""One log as a stream of pieces: its masked lines, of the wanted steps or the last of them, with each step's head.

Where it comes from is no matter here: a forge (`logs`), or what is no run on a forge (`log_files`).
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from whyred.app.library import Library
from whyred.app.log_choice import Last, wanted_step, wanted_steps
from whyred.app.log_grep import Grep, Grepped, Passed, Row, last_lines, newest
from whyred.app.log_steps import Numbers, Part, StepHead, failed_by_text, listed, named, some
from whyred.app.log_wait import Note
from whyred.app.resolve import RED
from whyred.logs.blocks import SIZE, Block, blocks
from whyred.logs.shown import shown
from whyred.logs.steps_by_text import cut
from whyred.logs.window import Window, window
from whyred.model.forge import Address
from whyred.model.run import Attempt, Conclusion, Step
from whyred.model.source import Boundaries, Fetched, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources.reach import Want

_END = 2 << 20
"""Bytes at the end of a log that are read for the failing step where no route tells where steps begin."""
_LINE = 400
"""Bytes a line is reckoned at when only the last lines are wanted."""
_LEAST_END = 1 << 18
"""Bytes that are asked for where only the last lines are wanted: several of the longest line that a runner sends."""


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
    grep: Grep | None = None
    """Of all that is wanted, only lines that are sought, with those around them."""
    window: Window | None = None
    """Only lines of these numbers."""
    newest: int | None = None
    """Of all that is wanted, and before any is sought, the last so many lines, and how many others there are."""

    @property
    def counts(self) -> bool:
        """Whether lines go by their numbers, which are known where the log is read from its beginning alone."""
        return self.grep is not None or self.window is not None


@dataclass(frozen=True, slots=True)
class Text:
    """Lines of a window: the number of the first of them, and their text."""

    first: int
    text: bytes


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


Piece = Head | StepHead | Absent | Note | Row | Passed | Text | bytes


def may_have_failed(attempt: Attempt) -> bool:
    """Whether a step of it may have failed, as far as its conclusion tells."""
    return attempt.conclusion in (*RED, Conclusion.UNKNOWN)


def nothing_failed(attempts: Sequence[Attempt]) -> Note:
    """What is said in place of the step that failed."""
    ended = ", ".join(dict.fromkeys(attempt.conclusion.value for attempt in attempts))
    what = "its job ended" if len(attempts) == 1 else f"its {len(attempts)} jobs ended"
    return Note(f"{attempts[0].run.label}: nothing failed: {what} as {ended}")


def told_marks(marked: Sequence[str]) -> str:
    """What a text marks, for people."""
    return f"its text marks no other steps than: {', '.join(marked)}" if marked else "no line of its text marks a step"


def pieces(wish: LogWish, log: Log, library: Library) -> Iterator[Piece]:
    """The pieces of one log. Raises UserError (no such step) and MissingLogError."""
    if wish.failed and not may_have_failed(log.attempt):
        yield nothing_failed([log.attempt])
        return
    names = wanted_steps(log.attempt, wish.step, failed=wish.failed)
    if wish.counts:
        # A route that gives some steps or the end alone would give them without their numbers.
        opened = replace(log.open(Want(follow=wish.follow, most=wish.most)), chosen=False)
        yield from _shown(_Reader(wish, log, opened, names, library))
        return
    want = Want(names, wish.follow, text_only=wish.raw, most=wish.most)
    if wish.failed and names is None:
        want = replace(want, tail=_END)
    if wish.tail is not None and not wish.follow:
        yield from _tail(wish, log, want, library)
        return
    yield from _shown(_Reader(wish, log, log.open(want), names, library))


def _shown(reader: "_Reader") -> Iterator[Piece]:
    """The head of a log, what is wanted of it, and what a person must know after that."""
    head: Head | None = reader.head
    if reader.wish.follow:
        yield reader.head  # before the first line came
        head = None
    for piece in reader.pieces():
        if head is not None:
            yield head
            head = None
        yield piece
    if head is not None:
        yield head
    yield from reader.notes()


@dataclass
class _Reader:
    """Reads what is wanted of a log that is open. `names`: the wanted steps (`numbered`); None for all, or where no
    route tells the steps.
    """

    wish: LogWish
    log: Log
    opened: Opened
    names: frozenset[int | str] | None
    library: Library
    told: list[str] = field(default_factory=list)

    @property
    def head(self) -> Head:
        """What comes before its first line."""
        return Head(self.opened.fetched.attempt, self.opened.fetched, self.log.ended)

    def notes(self) -> Iterator[Note]:
        """What a person must know after the last."""
        return (Note(f"{self.log.attempt.run.label}: {text}") for text in self.told)

    def pieces(self) -> Iterator[Piece]:
        """What is shown of it."""
        wish = self.wish
        if wish.grep is not None:
            parts: Iterable[Part] = self.parts() if wish.tail is None else last_lines(self.parts(), wish.tail)
            if wish.newest is not None:
                passed, parts = newest(parts, wish.newest)
                if passed is not None:
                    yield passed
            yield from Grepped(wish.grep, raw=wish.raw, timestamps=wish.timestamps).rows(parts)
            return
        seen = 0
        for part in self.parts():
            if part.head is not None and not wish.raw and wish.window is None:
                yield part.head
            if part.block.plain:
                seen = part.block.first
                text = _text(part.block, wish)
                yield text if wish.window is None else Text(seen, text)
        if wish.window is not None and not seen:
            self.told.append(f"it has no line {wish.window.first}")

    def parts(self) -> Iterator[Part]:
        """The masked lines with their steps; what broke off is told when all that came was given."""
        came = _Came()
        try:
            yield from self._wanted(came.until_it_breaks(self.opened.fetched.chunks))
        except (UserError, MissingLogError):
            if came.broke is None:
                raise
        if came.broke is not None:
            raise came.broke

    def _wanted(self, chunks: Iterator[bytes | Step]) -> Iterator[Part]:
        wish, fetched, scanner = self.wish, self.opened.fetched, self.library.scanner
        numbers, guessed = Numbers(fetched.attempt), fetched.boundaries is Boundaries.GUESSED
        by_text = guessed or self.names is None
        passing = numbers.watch(chunks)
        if wish.window is None:
            masked = self.library.masker().blocks(blocks(passing, 1 if wish.follow else SIZE))
        else:
            masked = window(passing, wish.window, self.library.masker(), self.library.watch)
        if wish.failed and by_text:
            yield from failed_by_text(masked, self.log.attempt, self.library, self.told.append, self.log.unmarked)
        elif wish.step is not None and by_text:
            steps = self.log.attempt.steps
            meant = steps[wanted_step(wish.step, self.log.attempt)].name if steps else None
            parts = numbers.parts(cut(masked, scanner) if guessed else masked)
            yield from named(parts, wish.step, meant, self.log.unmarked)
        elif self.names is not None and (not self.opened.chosen or fetched.boundaries is Boundaries.SCRIPTS):
            own = [name for name in self.names if isinstance(name, int)]
            # What follows is to be told at the end how the job ended; a step of the runner's own has no number.
            last = None if wish.follow or len(own) < len(self.names) else max(own, default=None)
            yield from some(numbers.parts(masked), listed(self.names), last)
        else:
            plainly = wish.raw or not guessed or (wish.window is not None and wish.grep is None)
            parts = numbers.parts(masked if plainly else cut(masked, scanner))
            yield from parts if wish.window is None or not guessed else map(_uncounted, parts)


def _uncounted(part: Part) -> Part:
    """The part without the number of its step, for those before it were not seen."""
    return part if part.head is None else replace(part, head=replace(part.head, number=None, may_be=frozenset()))


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


def _tail(wish: LogWish, log: Log, want: Want, library: Library) -> Iterator[Piece]:
    """The last lines of a log: of its end alone, where a route can give that; more of it until it has enough lines."""
    assert wish.tail is not None
    names = want.steps
    by_text = wish.step is not None and names is None
    size = None if log.whole or by_text else max(_LEAST_END, wish.tail * _LINE, want.tail or 0)
    while True:
        reader, last = _Reader(wish, log, log.open(replace(want, tail=size)), names, library), Last(wish.tail)
        seen = 0
        for part in reader.parts():
            seen += len(part.block.raw)
            last.take(_text(part.block, wish))
        if size is None or last.count >= wish.tail:
            break
        # Far less than was asked for is the whole log, or all after a long line, of which only the end came.
        size = size * 8 if size // 2 <= seen and size < 1 << 28 else None
    yield reader.head
    if last.lines:
        yield last.text
    yield from reader.notes()


def _text(block: Block, wish: LogWish) -> bytes:
    if wish.raw:
        return block.raw
    numbered = wish.window is not None
    return shown(block.plain, starts=block.starts, timestamps=wish.timestamps, numbered=numbered)
