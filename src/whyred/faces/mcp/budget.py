"""How many tokens a text costs an agent, and what of an answer fits into a number of them.

There is no tokenizer here. The vocabulary o200k splits a text into words, digits by three, marks and blanks before it
looks for tokens in them; each such piece is reckoned a little dearer than it is in logs, prose, source text and
ciphers (`tests/unit/test_mcp_budget.py` counts with the real vocabulary).
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

_PIECE = re.compile(
    r"[A-Z]?[a-z]+|[A-Z]+|[0-9]+|[\x80-\U0010ffff]+|\n+|[ \t\r]+|([^A-Za-z0-9\s\x80-\U0010ffff])\1*|.", re.S
)
_VOWELS = frozenset("aeiouAEIOU")
_WORD = 14
"""Letters of what may be a word; longer runs are ciphers, and cost a token for two."""
_LONG = (600, 200, 60)
"""Characters that a text may have that would not fit alone, tried in turn."""


def tokens(text: str) -> int:
    """How many tokens of o200k a text has, at most."""
    count = sum(_cost(match[0]) for match in _PIECE.finditer(text))
    return count + count // 7


def _cost(piece: str) -> int:
    first, size = piece[0], len(piece)
    if first > "\x7f":
        return sum(1 if character < "\u0800" else len(character.encode("utf-8", "replace")) for character in piece)
    if first.isalpha():
        word = size <= _WORD and not _VOWELS.isdisjoint(piece)
        return 1 + (size - 1) // 5 if word else (size + 1) // 2
    if first.isdigit():
        return (size + 2) // 3
    if first in " \t\r":
        return 0 if piece == " " else (size + 7) // 8
    return (size + 3) // 4


def written(value: object) -> str:
    """A value as it goes to the client: JSON without needless blanks."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def weight(value: object) -> int:
    """The tokens of a value as JSON, at most."""
    return tokens(written(value))


def short(text: str, most: int) -> str:
    """The beginning of a text of more than so many characters, and how many are left out."""
    return text if len(text) <= most else f"{text[:most]}[+{len(text) - most} characters]"


@dataclass(frozen=True, slots=True)
class Cut:
    """What was left out of one list: how many rows are shown from which one on, of how many; `cursor` goes on."""

    what: str
    shown: int
    of: int
    cursor: str


@dataclass(slots=True)
class Room:
    """What is left of a number of tokens."""

    left: int
    taken: list[Any] = field(default_factory=list)

    def take(self, value: object, cost: int | None = None) -> bool:
        """Takes the value where there is room for it."""
        cost = weight(value) + 2 if cost is None else cost
        if cost > self.left:
            return False
        self.left -= cost
        self.taken.append(value)
        return True


def fit(
    data: Mapping[str, Any], lists: Sequence[str], limit: int, start: tuple[str, int] | None = None
) -> tuple[dict[str, Any], list[Cut]]:
    """The data with as many rows of its `lists`, the more important first, as the limit allows. `start`: only this
    list, from this row on. What does not fit alone is shortened, so that every cursor leads on.
    """
    fixed = {key: value for key, value in data.items() if key not in lists}
    room = Room(limit - weight({**fixed, **{name: [] for name in lists}}))
    found: dict[str, Any] = {}
    cuts = []
    for name in lists:
        rows = data[name]
        first = 0 if start is None else start[1] if name == start[0] else len(rows)
        shown = list(_rows(rows[first:], room))
        found[name] = shown
        last = first + len(shown)
        if last < len(rows):
            cuts.append(Cut(name, len(shown), len(rows), f"{name}:{last}"))
            room.left -= 25
    return {key: found.get(key, fixed.get(key)) for key in data}, cuts if start is None else [
        cut for cut in cuts if cut.what == start[0]
    ]


def _rows(rows: Sequence[Any], room: Room) -> Iterator[Any]:
    for place, row in enumerate(rows):
        if room.take(row):
            yield row
            continue
        if place == 0:  # else a cursor would lead to the same place for ever
            small = next((s for most in _LONG if room.take(s := _shortened(row, most))), None)
            if small is not None:
                yield small
        return


def _shortened(value: Any, most: int) -> Any:
    if isinstance(value, str):
        return short(value, most)
    if isinstance(value, list | tuple):
        return [_shortened(one, most) for one in value[: most // 10]]
    if isinstance(value, dict):
        return {key: _shortened(one, most) for key, one in value.items()}
    return value


def lines(text: str, limit: int, cost: Callable[[str], int] = tokens) -> tuple[str, int]:
    """The first lines of a text that fit, and how many do not."""
    rows = text.rstrip("\n").split("\n")
    room, kept = Room(limit), 0
    for row in rows:
        if not room.take(row, cost(row) + 1):
            break
        kept += 1
    return "\n".join(rows[:kept]), len(rows) - kept
