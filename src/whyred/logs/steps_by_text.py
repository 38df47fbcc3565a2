"""Cuts a log into its steps by nothing but the marks in its text: where they begin is a guess, and is said to be one.

The marks are those of the formats (`formats/`), the same that a reading goes by, so that `logs` and `read` name the
same steps.
"""

import re
from collections.abc import Iterable, Iterator

from whyred.logs.blocks import Block
from whyred.logs.format import OR_LATER, Format, Mark, Sign
from whyred.logs.kept import groups
from whyred.logs.scanner import Place, Scanner
from whyred.logs.text import clean
from whyred.logs.titles import SIGNS, Titles
from whyred.model.run import Step

SAMPLE = 1 << 16
"""Bytes at the beginning of a log by which its format is known."""
COLUMN = re.compile(
    rb"^(?:\xef\xbb\xbf)?(?P<job>[^\t\n]{1,200})\t(?P<step>[^\t\n]{1,200})\t(?=(?:\xef\xbb\xbf)?\d{4}-\d\d-)", re.M
)
"""The columns of `gh run view --log`."""
_UNKNOWN = "UNKNOWN STEP"
"""What `gh` writes where it does not know the step: then its lines tell."""
_BEGINS = (Sign.STEP, Sign.FROM_STEP, *SIGNS)
_ROW = 8192
"""Bytes of a line that are looked at."""


def aside(step: str) -> bool:
    """Whether a column names one of the runner's own steps."""
    return step.startswith(("Post ", "Set up job", "Complete job", "Complete runner"))


def cut(blocks: Iterable[Block], scanner: Scanner) -> Iterator[Block]:
    """The same lines, with a block of its own where a step begins; a log whose steps are told comes as it is."""
    cutter = _Cutter(scanner)
    for block in blocks:
        yield from cutter.cut(block)


def lines(block: Block, first: int, last: int | None = None) -> Block:
    """The lines `first` to `last` of a block, both among them; None: to its end. Empty where it has none of them."""
    count = block.feeds + (0 if block.ends else 1)
    skip = max(0, first - block.first)
    stop = count if last is None else max(skip, min(count, last - block.first + 1))
    raw = _lines(block.raw, skip, stop)
    seen = raw if block.raw is block.plain else _lines(block.plain, skip, stop)
    whole = seen.endswith(b"\n") or not seen
    return Block(block.first + skip, raw, seen, block.starts or skip > 0, whole, block.step if not skip else None)


def _lines(data: bytes, skip: int, stop: int) -> bytes:
    start = _after(data, 0, skip)
    return data[start : _after(data, start, stop - skip)]


def _after(data: bytes, at: int, count: int) -> int:
    """Where the line begins that stands so many lines after the one at `at`."""
    for _ in range(count):
        at = data.find(b"\n", at) + 1
        if not at:
            return len(data)
    return at


class _Cutter:
    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._begins: dict[int, Mark] = {}
        """The marks of this log's format that begin a step, by their places among the scanner's expressions."""
        self._titles = Titles()
        self._prefix = re.compile(rb"^")
        self._format: Format | None = None
        self._seen = 0
        self._marked = False
        """Whether a step was marked whose successors may not be (`Sign.FROM_STEP`): where a second one is, all are."""
        self._told = self._by_column = self._named = False
        self._column: tuple[bytes, bytes] | None = None
        self._job: bytes | None = None

    def cut(self, block: Block) -> Iterator[Block]:
        """The block, in parts."""
        self._told = self._told or block.step is not None
        if self._told or not block.plain:
            yield block
            return
        if self._format is None or (self._format.name == "raw" and self._seen < SAMPLE):
            self._know(block.plain)
        self._seen += len(block.plain)
        yield from _parts(block, list(self._found(block)))

    def _know(self, data: bytes) -> None:
        form = self._format = self._scanner.format_of(data[:SAMPLE])
        self._prefix = re.compile(form.prefix)
        own = {mark for mark in form.marks if mark.sign in _BEGINS}
        units = enumerate(self._scanner.units)
        self._begins = {i: unit for i, unit in units if isinstance(unit, Mark) and unit in own}
        self._by_column = "step" in self._prefix.groupindex and COLUMN.search(data, 0, SAMPLE) is not None

    def _found(self, block: Block) -> Iterator[tuple[int, Step]]:
        """Where in the block's text a step begins, and which."""
        if self._by_column:
            columns = list(self._columns(block.plain))
            self._named = self._named or bool(columns)
            if self._named:
                yield from columns
                return
        if not self._begins:
            return
        number, counted = block.first, 0
        for place in self._scanner.places(block.plain):
            at = place.start
            number, counted = number + block.plain.count(b"\n", counted, at), at
            if (at == 0 and not block.starts) or (at and block.plain[at - 1 : at] != b"\n"):
                continue  # within an endless line
            step = self._step(block.plain, place, number)
            if step is not None:
                yield at, step

    def _step(self, data: bytes, place: Place, number: int) -> Step | None:
        marks = [index for index in place.indexes if index in self._begins]
        if not marks:
            return None
        row = data[place.start : min(place.end, place.start + _ROW)]
        prefix = self._prefix.match(row)
        found: Step | None = None
        states = row[prefix.end() if prefix else 0 :].split(b"\r")
        for index in marks:
            match = next((m for s in states if (m := self._scanner.confirm(index, s)) is not None), None)
            if match is not None:  # a later mark of the same line is the more exact one
                found = self._begun(self._begins[index].sign, number, groups(match)) or found
        return found

    def _begun(self, sign: Sign, number: int, told: dict[str, str]) -> Step | None:
        title = self._titles.begins(sign, number, told) if sign in SIGNS else None
        if title is not None:
            return Step(title[0], aside=title[1])
        if sign not in (Sign.STEP, Sign.FROM_STEP, Sign.ASIDE):
            return None
        name = told.get("name", sign.value)
        wide = sign is Sign.FROM_STEP and not self._marked
        self._marked = self._marked or wide
        return Step(OR_LATER.format(name) if wide else name, aside=sign is Sign.ASIDE)

    def _columns(self, data: bytes) -> Iterator[tuple[int, Step]]:
        for match in COLUMN.finditer(data):
            column = (match["job"], match["step"])
            if column == self._column:
                continue
            self._column = column
            self._job = self._job or match["job"]
            step = clean(match["step"])
            if step == _UNKNOWN:
                continue
            name = step if match["job"] == self._job else f"{clean(match['job'])} / {step}"
            yield match.start(), Step(name, aside=aside(step))


def _parts(block: Block, found: list[tuple[int, Step]]) -> Iterator[Block]:
    """The block, cut before each of these places. Both of its texts have the same line feeds."""
    number, at, raw_at, step = block.first, 0, 0, None
    for place, following in [*found, (len(block.plain), None)]:
        count = block.plain.count(b"\n", at, place)
        raw_to = len(block.raw) if following is None else _after(block.raw, raw_at, count)
        if place > at or step is not None:
            seen = block.plain[at:place]
            raw = seen if block.raw is block.plain else block.raw[raw_at:raw_to]
            yield Block(number, raw, seen, block.starts or at > 0, block.ends or following is not None, step)
        number, at, raw_at, step = number + count, place, raw_to, following
