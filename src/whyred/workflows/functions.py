"""The functions of expressions `${{ }}`, as GitHub documents them; Forgejo's runner has the same.

None of them can be made to fill memory: every character that one makes or looks through is counted against the budget
of the evaluation (GitHub's own limit, 10 MB a job's templates, is a little larger), and one value is at most 1 MiB.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, overload

from whyred.workflows.values import Listed, NotKnown, TouchedError, Value, equal, fold, to_text

MOST_TEXT = 1 << 20
MOST_WORK = 8 << 20
MOST_JSON_LEVELS = 100
STATUS = frozenset({"success", "failure", "always", "cancelled"})

HashFiles = Callable[[Sequence[str]], str]
"""Of the patterns given to `hashFiles`: the hash of the files that match. Raises OSError."""


class FunctionError(Exception):
    """A function cannot work with what it was given: why, and how to mend it. No value is in it: one may be secret."""

    def __init__(self, why: str, how: str) -> None:
        super().__init__(why)
        self.why, self.how = why, how


@dataclass(frozen=True, slots=True)
class JobStatus:
    """What the status functions answer: how what came before ended."""

    success: bool | NotKnown = True
    failure: bool | NotKnown = False
    cancelled: bool | NotKnown = False


@dataclass(slots=True)
class Work:
    """What one evaluation may still do, and what functions need from outside."""

    status: JobStatus | None = None
    hash_files: HashFiles | None = None
    left: int = MOST_WORK

    def spend(self, characters: int) -> None:
        """Count characters that are made or looked through. Raises FunctionError."""
        self.left -= characters
        if characters > MOST_TEXT or self.left < 0:
            raise FunctionError("the value grows beyond all bounds", f"Keep it below {MOST_TEXT} characters")

    def text(self, value: Value) -> str:
        """The value as text, counted."""
        text = to_text(value)
        self.spend(len(text) + 1)
        return text

    def join(self, parts: list[str]) -> str:
        """The parts as one text, counted before it is made."""
        self.spend(sum(map(len, parts)))
        return "".join(parts)


class Arguments(Sequence[Value]):
    """The arguments of a call, each worked out when it is first asked for."""

    def __init__(self, makers: Sequence[Callable[[], Value]]) -> None:
        self._makers = makers
        self._made: dict[int, Value] = {}

    def __len__(self) -> int:
        return len(self._makers)

    @overload
    def __getitem__(self, place: int) -> Value: ...
    @overload
    def __getitem__(self, place: slice) -> Sequence[Value]: ...
    def __getitem__(self, place: int | slice) -> Value | Sequence[Value]:
        if isinstance(place, slice):
            return [self[i] for i in range(len(self))[place]]
        if place not in self._made:
            self._made[place] = self._makers[range(len(self))[place]]()
        return self._made[place]


@dataclass(frozen=True, slots=True)
class Function:
    """A function: its name as documented, how many arguments it takes, in numbers and in words, and what it does."""

    name: str
    fewest: int
    most: int
    takes: str
    call: Callable[[Arguments, Work], Value]


def _is_simple(value: Value) -> bool:
    if isinstance(value, NotKnown):
        raise TouchedError(value)
    return not isinstance(value, tuple | Mapping)


def _contains(args: Arguments, work: Work) -> Value:
    """A list holds an item that equals it, or a text holds it as a part; a mapping contains nothing."""
    search, item = args[0], args[1]
    if isinstance(search, tuple):
        return any(_equal(each, item, work) for each in search)
    if not _is_simple(search) or not _is_simple(item):
        return False
    return fold(work.text(item)) in fold(work.text(search))


def _equal(left: Value, right: Value, work: Work) -> bool:
    work.spend(1 + sum(len(v) for v in (left, right) if isinstance(v, str)))
    return equal(left, right)


def _starts_with(args: Arguments, work: Work) -> Value:
    simple = _is_simple(args[0]) and _is_simple(args[1])
    return simple and fold(work.text(args[0])).startswith(fold(work.text(args[1])))


def _ends_with(args: Arguments, work: Work) -> Value:
    simple = _is_simple(args[0]) and _is_simple(args[1])
    return simple and fold(work.text(args[0])).endswith(fold(work.text(args[1])))


_BRACES = re.compile(r"\{\{|\}\}|\{([0-9]{1,3})\}|[{}]")


def _format(args: Arguments, work: Work) -> Value:
    template = work.text(args[0])
    parts, at = [], 0
    for match in _BRACES.finditer(template):
        parts.append(template[at : match.start()])
        at = match.end()
        if match[1] is not None:
            parts.append(_placed(args, int(match[1]), work))
        elif len(match[0]) == 2:
            parts.append(match[0][0])
        else:
            why = f"the template of `format` has a lone `{match[0]}` at character {match.start() + 1}"
            raise FunctionError(why, "Write `{{` and `}}` for the characters themselves, and `{0}` for a value")
    return work.join([*parts, template[at:]])


def _placed(args: Arguments, number: int, work: Work) -> str:
    if number > len(args) - 2:
        why = f"the template of `format` asks for {{{number}}}, and {len(args) - 1} value(s) are given, counted from 0"
        raise FunctionError(why, "Give as many values as it names")
    return work.text(args[number + 1])


def _join(args: Arguments, work: Work) -> Value:
    values = args[0]
    if not isinstance(values, tuple):
        return work.text(values) if _is_simple(values) else ""
    between = work.text(args[1]) if len(args) > 1 and _is_simple(args[1]) else ","
    work.spend(len(between) * max(0, len(values) - 1))
    return between.join([work.text(value) for value in values])


def _to_json(args: Arguments, work: Work) -> Value:
    parts = []
    for part in _json(args[0], "\n"):
        work.spend(len(part))
        parts.append(part)
    return work.join(parts)


def _json(value: Value, newline: str) -> Iterator[str]:
    """The pieces of the JSON text, two blanks a level; `newline` holds the blanks of this one."""
    deeper = newline + "  "
    if isinstance(value, Mapping) and value:
        rest = getattr(value, "rest", None)
        if isinstance(rest, NotKnown):
            raise TouchedError(rest)
        for number, (key, item) in enumerate(value.items()):
            yield f"{',' if number else '{'}{deeper}{json.dumps(key, ensure_ascii=False)}: "
            yield from _json(item, deeper)
        yield newline + "}"
    elif isinstance(value, tuple) and value:
        for number, item in enumerate(value):
            yield f"{',' if number else '['}{deeper}"
            yield from _json(item, deeper)
        yield newline + "]"
    elif isinstance(value, tuple | Mapping):
        yield "[]" if isinstance(value, tuple) else "{}"
    elif isinstance(value, str):
        yield json.dumps(value, ensure_ascii=False)
    else:
        yield "null" if value is None else to_text(value)


_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_HALF_PAIRS = re.compile("[\ud800-\udfff]")


def _from_json(args: Arguments, work: Work) -> Value:
    text = work.text(args[0])
    level = deepest = 0
    for match in _STRUCTURE.finditer(text):
        level += (match[0] in "[{") - (match[0] in "]}")
        deepest = max(deepest, level)
    if deepest > MOST_JSON_LEVELS:
        raise FunctionError(f"the JSON is nested deeper than {MOST_JSON_LEVELS} levels", "Write it flatter")
    try:
        return _frozen(json.loads(text, parse_int=float, parse_constant=_no_number))
    except ValueError as e:
        # The message of the JSON reader names the fault and no content; the text itself may hold secrets.
        where = f" at character {e.pos + 1}" if isinstance(e, json.JSONDecodeError) else ""
        fault = e.msg if isinstance(e, json.JSONDecodeError) else "NaN and Infinity are no JSON"
        empty = "it is empty" if not text.strip() else f"{fault}{where}"
        raise FunctionError(f"what `fromJSON` is given is no JSON: {empty}", "See what the value holds") from None


def _no_number(_text: str) -> NoReturn:
    raise ValueError


def _frozen(data: object) -> Value:
    """JSON's lists as tuples; half a surrogate pair, which no file can hold, as U+FFFD."""
    if isinstance(data, list):
        return Listed(_frozen(item) for item in data)
    if isinstance(data, dict):
        return {_HALF_PAIRS.sub("\ufffd", key): _frozen(item) for key, item in data.items()}
    assert data is None or isinstance(data, str | float | bool)
    return _HALF_PAIRS.sub("\ufffd", data) if isinstance(data, str) else data


def _hash_files(args: Arguments, work: Work) -> Value:
    patterns = [work.text(value) for value in args]
    if work.hash_files is None:
        raise FunctionError("`hashFiles` has no files to look at here", "Use it in a step")
    try:
        return work.hash_files(patterns)
    except OSError as e:
        raise FunctionError(f"`hashFiles` cannot read a file: {e.strerror or e}", "Make it readable") from e


def _case(args: Arguments, _work: Work) -> Value:
    if len(args) % 2 == 0:
        raise FunctionError("`case` wants pairs of condition and value, then one value more", "Add the last value")
    for place in range(0, len(args) - 1, 2):
        holds = args[place]
        if isinstance(holds, NotKnown):
            raise TouchedError(holds)
        if not isinstance(holds, bool):
            raise FunctionError(f"condition {place // 2 + 1} of `case` is neither true nor false", "Compare something")
        if holds:
            return args[place + 1]
    return args[-1]


def _status(name: str) -> Callable[[Arguments, Work], Value]:
    def call(_args: Arguments, work: Work) -> Value:
        if work.status is None:
            raise FunctionError(f"`{name}()` has nothing to look back on here", "Use it in an `if:`")
        if name == "always":
            return True
        answers = {"success": work.status.success, "failure": work.status.failure, "cancelled": work.status.cancelled}
        answer = answers[name]
        if isinstance(answer, NotKnown):
            raise TouchedError(answer)
        return answer

    return call


_ALL = (
    Function("contains", 2, 2, "a list or text, and what to look for", _contains),
    Function("startsWith", 2, 2, "a text and its beginning", _starts_with),
    Function("endsWith", 2, 2, "a text and its end", _ends_with),
    Function("format", 1, 256, "a template and the values for it", _format),
    Function("join", 1, 2, "a list and, if not a comma, what goes between", _join),
    Function("toJSON", 1, 1, "one value", _to_json),
    Function("fromJSON", 1, 1, "one text", _from_json),
    Function("hashFiles", 1, 255, "one or more patterns", _hash_files),
    Function("case", 3, 255, "conditions, each with a value, and a last value", _case),
    *(Function(name, 0, 0, "nothing", _status(name)) for name in ("success", "failure", "always", "cancelled")),
)
FUNCTIONS: Mapping[str, Function] = {f.name.lower(): f for f in _ALL}
"""By their names in small letters: a call may write them in any case."""
