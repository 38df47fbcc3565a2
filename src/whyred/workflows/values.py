"""The values of expressions `${{ }}`, and how one kind becomes another: truth, text, numbers, comparison, properties.

As GitHub documents them ("Evaluate expressions in workflows and actions"; where that page is silent, as its runner does
it: actions/runner, src/Sdk/DTExpressions2). Forgejo's runner follows the same rules; where it differs is said.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NotKnown:
    """A value that a forge would have and that cannot be had here: why, and what would make it known."""

    why: str
    how: str


class TouchedError(Exception):
    """A `NotKnown` was asked for its truth, text, number or properties."""

    def __init__(self, value: NotKnown) -> None:
        super().__init__(value.why)
        self.value = value


Value = str | float | bool | None | NotKnown | tuple["Value", ...] | Mapping[str, "Value"]
"""What an expression can hold. A `NotKnown` may lie inside a list or mapping as long as nothing touches it: every
function here raises TouchedError when it would have to."""


class PartlyKnown(dict[str, Value]):
    """A mapping of which some properties cannot be had here: `rest` stands for every one that is not in it."""

    def __init__(self, known: Mapping[str, Value], rest: NotKnown) -> None:
        super().__init__(known)
        self.rest = rest


class Listed(tuple[Value, ...]):
    """A list that an expression made. Of plain tuples Python has only one empty one, and `==` wants the same list."""

    __slots__ = ()


class Filtered(tuple[Value, ...]):
    """What `.*` selected: an index on it goes to each item."""

    __slots__ = ()


def fold(text: str) -> str:
    """The text for a comparison that ignores case, character by character as .NET's OrdinalIgnoreCase does it."""
    if text.isascii():
        return text.upper()
    return "".join(upper if len(upper := c.upper()) == 1 else c for c in text)


def truthy(value: Value) -> bool:
    """False are null, false, 0, -0, NaN and the empty text; every list and mapping is true."""
    if isinstance(value, float) and math.isnan(value):
        return False
    return isinstance(value, tuple | Mapping) or bool(_touched(value))


def _touched(value: Value) -> Value:
    if isinstance(value, NotKnown):
        raise TouchedError(value)
    return value


def to_text(value: Value) -> str:
    """As `format` and a text around the expression show it."""
    if _touched(value) is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _number_text(float(value))
    if isinstance(value, str):
        return value
    return "Array" if isinstance(value, tuple) else "Object"


def _number_text(number: float) -> str:
    """15 significant digits, as .NET's format `G15`."""
    if math.isinf(number):
        return "Infinity" if number > 0 else "-Infinity"
    return "NaN" if math.isnan(number) else f"{number:.15G}"


_DECIMAL = re.compile(r"[-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_OCTAL = re.compile(r"0o[0-7]+")
_INFINITE = {"Infinity": math.inf, "-Infinity": -math.inf}


def read_number(text: str) -> float:
    """The number that a text stands for, blanks around it aside; empty is 0, what is no number is NaN."""
    text = text.strip()
    if not text:
        return 0.0
    if _DECIMAL.fullmatch(text):
        return float(text)
    if _HEXADECIMAL.fullmatch(text):
        return _whole(text[2:], 16)
    if _OCTAL.fullmatch(text):
        return _whole(text[2:], 8)
    return _INFINITE.get(text, math.nan)


def _whole(digits: str, base: int) -> float:
    """GitHub reads these as 32 bits with a sign: 0xffffffff is -1, and what does not fit is no number."""
    number = int(digits, base) if len(digits.lstrip("0")) <= 11 else 1 << 32
    if number >= 1 << 32:
        return math.nan
    return float(number - (1 << 32) if number >= 1 << 31 else number)


def to_number(value: Value) -> float:
    """Null is 0, true 1, false 0; a list or mapping is NaN."""
    if _touched(value) is None:
        return 0.0
    if isinstance(value, int | float):
        return float(value)
    return read_number(value) if isinstance(value, str) else math.nan


def _kind(value: Value) -> str:
    if _touched(value) is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    if isinstance(value, str):
        return "text"
    return "list" if isinstance(value, tuple) else "mapping"


def _coerced(left: Value, right: Value) -> tuple[Value, Value]:
    """Both as numbers where their kinds differ; lists and mappings never change."""
    if _kind(left) == _kind(right):
        return left, right
    simple = [v if isinstance(v, tuple | Mapping) else to_number(v) for v in (left, right)]
    return simple[0], simple[1]


def equal(left: Value, right: Value) -> bool:
    """`==`: texts without regard to case; lists and mappings only when they are the same one."""
    left, right = _coerced(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return fold(left) == fold(right)
    if isinstance(left, tuple | Mapping) or isinstance(right, tuple | Mapping):
        return left is right
    return left == right


def less(left: Value, right: Value) -> bool:
    """`<`: false wherever NaN, null beside null, a list or a mapping takes part."""
    left, right = _coerced(left, right)
    if isinstance(left, str) and isinstance(right, str):
        return fold(left) < fold(right)
    if isinstance(left, int | float) and isinstance(right, int | float):
        return left < right
    return False


def select(value: Value, index: Value) -> Value:
    """`value[index]` and `value.index`: null where there is no such thing."""
    if isinstance(value, Filtered):
        return Filtered(_selected(value, index))
    return next(_selected((value,), index), None)


def _selected(values: tuple[Value, ...], index: Value) -> Iterator[Value]:
    """The property or item of each value that has it."""
    name = None if isinstance(index, tuple | Mapping) else to_text(index)
    number = to_number(index)
    place = int(number) if 0 <= number < 1 << 31 else None
    for value in values:
        _touched(value)
        if isinstance(value, Mapping) and name is not None:
            key = _key(value, name)
            if key is not None:
                yield value[key]
            elif isinstance(value, PartlyKnown):
                yield value.rest
        elif isinstance(value, tuple) and place is not None and place < len(value):
            yield value[place]


def _key(mapping: Mapping[str, Value], name: str) -> str | None:
    """The key that is the name, or else is the name in other case."""
    if name in mapping:
        return name
    folded = fold(name)
    return next((key for key in mapping if fold(key) == folded), None)


def every(value: Value) -> Filtered:
    """`value.*`: all values of a mapping or items of a list; nothing of anything else."""
    values = value if isinstance(value, Filtered) else (value,)
    found: list[Value] = []
    for item in values:
        _touched(item)
        if isinstance(item, Mapping):
            found += [*item.values(), *([item.rest] if isinstance(item, PartlyKnown) else [])]
        elif isinstance(item, tuple):
            found += item
    return Filtered(found)
