"""A part of a log within a number of tokens: its first rows, or its last ones, with what leads to the rest."""

import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from whyred.app.log_grep import Passed, Row
from whyred.app.log_pieces import Absent, Head, Piece
from whyred.app.log_steps import StepHead
from whyred.app.log_wait import Note
from whyred.faces.mcp.budget import Cut, short, tokens, weight
from whyred.logs.text import clean, last_state, visible
from whyred.model.source import MissingLogError
from whyred.model.trouble import UserError
from whyred.reports.runs import word

_WIDE = 600
"""Characters of a line that are shown."""
_MARK = 12
"""Tokens of what stands around a row."""
_STEPS = 6
"""Steps that are named."""
_PLACE = re.compile(r"([1-9][0-9]{0,11})?:([1-9][0-9]{0,11})?([<>])")


@dataclass(frozen=True, slots=True)
class Place:
    """Lines of the whole log, both among them; `last` None: to its end. `back`: where they are more than fit, the last
    ones are shown.
    """

    first: int = 1
    last: int | None = None
    back: bool = False

    def __str__(self) -> str:
        """As a cursor."""
        return f"{self.first}:{self.last or ''}{'<' if self.back else '>'}"


def place(cursor: str) -> Place:
    """The place that a cursor means. Raises UserError."""
    match = _PLACE.fullmatch(cursor)
    found = Place(int(match[1] or 1), int(match[2]) if match[2] else None, match[3] == "<") if match else None
    if found is None or (found.last is not None and found.last < found.first):
        raise UserError(f"cursor {cursor[:40]!r} is wrong", "no answer of ci_logs gave it", "Take one from `cut`")
    return found


@dataclass
class View:
    """Takes the pieces of one log. `back`: its last rows are kept, else its first."""

    room: int
    back: bool
    head: Head | None = None
    steps: list[dict[str, Any]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    absent: MissingLogError | None = None
    more_jobs: bool = False
    first: int | None = None
    """The first row that came, kept or not."""
    seen: int = 0
    matches: int = 0
    full: bool = False

    def __post_init__(self) -> None:
        self._rows: deque[tuple[int, str, int]] = deque()
        self._left = self.room

    @property
    def rows(self) -> list[tuple[int, str]]:
        """The rows that are kept, with their numbers."""
        return [(number, text) for number, text, _ in self._rows]

    @property
    def most(self) -> int:
        """More rows than there can be room for."""
        return self.room // _MARK + 1

    def read(self, pieces: Iterable[Piece]) -> None:
        """Takes pieces until there is enough, or another job begins."""
        for piece in pieces:
            if isinstance(piece, Head):
                if self.head is not None:
                    self.more_jobs = True
                    return
                self.head = piece
            elif isinstance(piece, StepHead):
                self._step(piece)
            elif isinstance(piece, Absent):
                self.absent = piece.error
            elif isinstance(piece, Note):
                self.notes.append(visible(piece.text))
            elif isinstance(piece, Row):
                self.row(piece)
            elif isinstance(piece, Passed):
                self.first, self.seen = piece.first, piece.count
            if self.full:
                return

    def _step(self, head: StepHead) -> None:
        told = word(head.step.status, head.step.conclusion)
        name = short(visible(head.step.name.partition("\n")[0]), 80)
        self.steps.append({"number": head.number, "name": name, "conclusion": told})
        del self.steps[:-_STEPS]

    def row(self, row: Row) -> None:
        """One line of the log."""
        self.first = row.number if self.first is None else self.first
        text = short(clean(last_state(row.text.removesuffix(b"\r"))), _WIDE)
        cost = tokens(text) + weight(text) + 2 * tokens(str(row.number)) + _MARK
        if not self.back and cost > self._left and self._rows:
            self.full = True
            return
        self.seen += 1
        self.matches += row.spans is not None
        self._rows.append((row.number, text, cost))
        self._left -= cost
        while self.back and self._left < 0 and len(self._rows) > 1:
            self._left += self._rows.popleft()[2]

    def trim(self, room: int) -> None:
        """Lets rows go until those that are kept fit; one always stays."""
        while sum(cost for _, _, cost in self._rows) > room and len(self._rows) > 1:
            if self.back:
                self._rows.popleft()
            else:
                self._rows.pop()
                self.full = True

    def cuts(self, meant: Place) -> list[Cut]:
        """What leads to the rows that are not kept."""
        rows, found = self.rows, []
        if self.back and rows and self.first is not None and rows[0][0] > self.first:
            before = Place(self.first, rows[0][0] - 1, back=True)
            found.append(Cut("earlier lines", len(rows), self.seen, str(before)))
        if self.full:
            after = Place(rows[-1][0] + 1, meant.last)
            found.append(Cut("later lines", len(rows), len(rows) + 1, str(after)))
        return found
