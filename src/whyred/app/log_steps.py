"""Which steps of a masked log are shown: by number or name, or those that failed, where no route chose them before."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from whyred.app.library import Library
from whyred.diagnosis.ended import failing_section
from whyred.logs.blocks import Block, plain
from whyred.logs.reading import Reader
from whyred.logs.steps_by_text import cut, lines
from whyred.model.failure import Section
from whyred.model.run import Attempt, Conclusion, Step, numbered
from whyred.model.source import MissingLogError

_HELD = 32 << 20
"""Packed bytes of a log that are held until it is known which step failed: of a longer one the beginning is let go,
for a job ends soon after the step that failed.
"""
_LISTED = 40
"""Steps that a message names."""


@dataclass(frozen=True, slots=True)
class StepHead:
    """A step begins; `number` counts the steps of the workflow file from 1, and is None for the runner's own. One that
    stands for several has none either, but one of the numbers `may_be`.
    """

    step: Step
    number: int | None
    may_be: frozenset[int] = frozenset()

    @property
    def numbers(self) -> frozenset[int]:
        """The numbers that it may have."""
        return self.may_be if self.number is None else frozenset({self.number})


@dataclass(frozen=True, slots=True)
class Part:
    """Lines of a log, and the step that begins with them."""

    block: Block
    head: StepHead | None = None


class Numbers:
    """Tells the number of every step that passes: by the attempt's own list, or counted where there is none.

    It is told of the steps before they are masked, for masking may change their names.
    """

    def __init__(self, attempt: Attempt) -> None:
        self._steps, self._names = attempt.steps, numbered(attempt.steps)
        self._passed: deque[frozenset[int]] = deque()
        self._at = self._own = 0

    def watch(self, chunks: Iterator[bytes | Step]) -> Iterator[bytes | Step]:
        """The stream, whose steps are noted."""
        for piece in chunks:
            if isinstance(piece, Step):
                self._passed.append(self._numbers(piece))
            yield piece

    def _numbers(self, step: Step) -> frozenset[int]:
        if not self._steps:
            self._own += not step.aside
            return frozenset() if step.aside else frozenset({self._own})
        return frozenset(n for place in self._places(step) if isinstance(n := self._names[place], int))

    def _places(self, step: Step) -> list[int]:
        """Where it stands in the attempt's list; of the same name the next one, where it is not the very step."""
        if step.among:
            return [place for place, known in enumerate(self._steps) if known.name in step.among]
        same = next((place for place, known in enumerate(self._steps) if known is step), None)
        later = (i for i in range(self._at, len(self._steps)) if self._steps[i].name == step.name)
        place = next(later, None) if same is None else same
        if place is None:
            return []
        self._at = place + 1
        return [place]

    def parts(self, blocks: Iterable[Block]) -> Iterator[Part]:
        """The masked blocks, with what is known of the step that each begins. Steps that were found in the text, and
        never passed by, are counted.
        """
        for block in blocks:
            if block.step is None:
                yield Part(block)
                continue
            numbers = self._passed.popleft() if self._passed else self._numbers(block.step)
            one = next(iter(numbers)) if len(numbers) == 1 else None
            yield Part(block, StepHead(block.step, one, numbers))


def some(parts: Iterable[Part], is_wanted: Callable[[StepHead], bool], last: int | None = None) -> Iterator[Part]:
    """The parts of the wanted steps. `last`: no step of a higher number is wanted, so nothing is read from there on."""
    inside = False
    for part in parts:
        if part.head is not None:
            if last is not None and min(part.head.numbers, default=0) > last:
                return
            inside = is_wanted(part.head)
        if inside:
            yield part


def listed(names: frozenset[int | str]) -> Callable[[StepHead], bool]:
    """Whether a step is one of these (`model.run.numbered`)."""
    told = {name for name in names if isinstance(name, str)}
    return lambda head: not (names if head.numbers else told).isdisjoint(head.numbers or head.step.names)


def named(
    parts: Iterable[Part], wanted: str, told: str | None, unmarked: Callable[[Sequence[str]], MissingLogError]
) -> Iterator[Part]:
    """The steps of this number or name; of several whose names begin so, all. `told`: the name of the step that is
    meant, where a route tells it. Raises `unmarked` where there is none, of the last steps that there are.
    """
    seen: deque[str] = deque(maxlen=_LISTED)
    shown = False
    for part, head in _with_head(parts):
        if part.head is not None:
            seen.append(
                part.head.step.name if part.head.number is None else f"{part.head.number} {part.head.step.name}"
            )
        if head is not None and _answers(head, wanted, told):
            shown = True
            yield part
    if not shown:
        raise unmarked(seen)


def _with_head(parts: Iterable[Part]) -> Iterator[tuple[Part, StepHead | None]]:
    head: StepHead | None = None
    for part in parts:
        head = part.head or head
        yield part, head


def _answers(head: StepHead, wanted: str, told: str | None) -> bool:
    names = head.step.names
    if told is not None:
        return told.partition("\n")[0] in (head.step.name, *names)
    if wanted.isdecimal():
        return int(wanted) in head.numbers
    like = wanted.lower()
    return any(name.lower().startswith(like) or name.lower().removeprefix("run ").startswith(like) for name in names)


def failed_by_text(
    blocks: Iterable[Block],
    attempt: Attempt,
    library: Library,
    tell: Callable[[str], None],
    unmarked: Callable[[Sequence[str]], MissingLogError],
) -> Iterator[Part]:
    """The step that failed, as the text of the log says; all that is held where the job failed and no line says in
    which step. No step has a number, for a route may have given the end of the log alone. Raises `unmarked` where
    nothing tells one step from another.
    """
    reader, held = Reader(library.scanner), _Held()
    for block in blocks:
        reader.feed(block)
        held.add(block)
    reading = reader.reading()
    section = failing_section(reading)
    if section is not None and section.name:
        yield from _section(held, section)
        return
    if attempt.conclusion not in (Conclusion.UNKNOWN, Conclusion.SUCCESS):
        for block in cut(held, library.scanner):
            yield Part(block, None if block.step is None else StepHead(block.step, None))
    elif any(section.name for section in reading.sections):
        tell("no line of it says that a step failed")
    else:
        raise unmarked(())


def _section(held: "_Held", section: Section) -> Iterator[Part]:
    step = Step(section.name, section.conclusion, exit_code=section.exit_code, aside=section.aside)
    head: StepHead | None = StepHead(step, None)
    for block in held:
        mine = lines(block, section.first, section.last)
        if mine.plain:
            yield Part(replace(mine, step=None), head)
            head = None


class _Held:
    """Masked blocks, packed."""

    def __init__(self) -> None:
        import zstandard

        self._packer, self._unpacker = zstandard.ZstdCompressor(level=1), zstandard.ZstdDecompressor()
        self._blocks: deque[tuple[bytes, Block]] = deque()
        self._size = 0

    def add(self, block: Block) -> None:
        """One more."""
        packed = self._packer.compress(block.raw) if block.raw else b""
        self._blocks.append((packed, replace(block, raw=b"", plain=b"")))
        self._size += len(packed)
        while self._size > _HELD and len(self._blocks) > 1:
            self._size -= len(self._blocks.popleft()[0])

    def __iter__(self) -> Iterator[Block]:
        for packed, block in self._blocks:
            raw = self._unpacker.decompress(packed) if packed else b""
            yield replace(block, raw=raw, plain=plain(raw))
