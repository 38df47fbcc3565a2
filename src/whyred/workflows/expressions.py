"""Expressions `${{ }}`: what a text of a workflow means once its contexts are known.

`evaluate` for one expression, `interpolate` for a text with any number of them, `condition` for an `if:`. An expression
that cannot be read or worked out is an `ExpressionError`; one that needs what cannot be had here a `NotKnownError`.
Neither ever quotes a value, only the text of the workflow.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial

from whyred.workflows.functions import FUNCTIONS, Arguments, FunctionError, HashFiles, JobStatus, Work
from whyred.workflows.grammar import SyntaxFaultError, parse
from whyred.workflows.nodes import (
    Call,
    Choice,
    Comparison,
    Context,
    Every,
    Group,
    Index,
    Literal,
    Negation,
    Node,
    uses_status,
)
from whyred.workflows.nouns import WorkflowError
from whyred.workflows.values import Filtered, Listed, NotKnown, TouchedError, Value, equal, every, less, select, truthy

OPEN, CLOSE = "${{", "}}"
_SAME = {"forgejo": "github", "gitea": "github", "forge": "github"}
_SUCCESS = Call(0, len("success()"), 1, "success", ())
"""Most conditions are only this one: no parser is loaded for it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a text stands: file, line (from 1; None where no single line is to blame) and field (`run`, `env.A`)."""

    file: str
    line: int | None
    field: str


class ExpressionError(WorkflowError):
    """An expression that cannot be read or worked out. `column` counts the characters of the field's text from 1."""

    def __init__(self, place: Place, column: int, what: str, why: str, how: str) -> None:
        super().__init__(place.file, place.line, f"`{place.field}`: {what}", why, how)
        self.field, self.column = place.field, column


class NotKnownError(ExpressionError):
    """An expression that is sound, and needs a value that only the forge has or that nobody gave."""


@dataclass(frozen=True, slots=True)
class Contexts:
    """What expressions can look at: contexts by their names (`forgejo`, `gitea` and `forge` are `github`), how what
    came before ended (None where nothing came before), and what answers `hashFiles`.
    """

    values: Mapping[str, Value] = field(default_factory=dict, repr=False)
    status: JobStatus | None = None
    hash_files: HashFiles | None = None

    def work(self) -> Work:
        """A fresh budget."""
        return Work(self.status, self.hash_files)


def check(text: str, place: Place, *, bare: bool = False) -> None:
    """Whether every expression of a text can be read; `bare`: the text is one without its `${{ }}`, as an `if:` may be.

    Raises ExpressionError.
    """
    for part in _split(text, place, bare=bare):
        if isinstance(part, _Expression):
            part.node()


def evaluate(text: str, contexts: Contexts, place: Place) -> Value:
    """The value of one expression without its `${{ }}`. Raises ExpressionError."""
    return _Expression(text, 0, len(text), place).value(contexts, contexts.work())


def interpolate(text: str, contexts: Contexts, place: Place) -> Value:
    """The text with the values of its expressions; a text that is exactly one expression keeps the value's kind.

    Raises ExpressionError.
    """
    if OPEN not in text:
        return text
    parts = list(_split(text, place))
    work = contexts.work()
    if len(parts) == 1 and isinstance(parts[0], _Expression):
        return parts[0].value(contexts, work)
    return "".join([part if isinstance(part, str) else part.text(contexts, work) for part in parts])


def interpolate_text(text: str, contexts: Contexts, place: Place) -> str:
    """As `interpolate`, and always text. Raises ExpressionError."""
    if OPEN not in text:
        return text
    work = contexts.work()
    parts = [part if isinstance(part, str) else part.text(contexts, work) for part in _split(text, place)]
    return "".join(parts)


def condition(text: str | None, contexts: Contexts, place: Place) -> bool:
    """Whether an `if:` holds; where it calls no status function, only while `success()` holds as well.

    Of `${{ a }} && b` the forges make a text, which is true whatever `a` is; so does this. Raises ExpressionError.
    """
    parts = list(_split(text, place, bare=True)) if text and text.strip() else []
    nodes = [part.node() for part in parts if isinstance(part, _Expression)]
    work = contexts.work()
    if not any(uses_status(node) for node in nodes):
        fault = _Expression("success()", 0, _SUCCESS.end, place).fault
        if not truthy(_Evaluation(contexts, work, fault).value(_SUCCESS)):
            return False
    if not parts:
        return True
    if len(parts) == 1 and isinstance(parts[0], _Expression):
        return parts[0].truth(contexts, work)
    texts = [part if isinstance(part, str) else part.text(contexts, work) for part in parts]
    return any(texts)


def asks_status(text: str | None, place: Place) -> bool:
    """Whether an `if:` calls a status function, so that `success()` is not asked by itself. Raises ExpressionError."""
    if not text or not text.strip():
        return False
    parts = _split(text, place, bare=True)
    return any(uses_status(part.node()) for part in parts if isinstance(part, _Expression))


def _split(text: str, place: Place, *, bare: bool = False) -> Iterator["str | _Expression"]:
    """The plain pieces of a text and its expressions, in order. Raises ExpressionError for one without an end."""
    if bare and OPEN not in text:
        yield _Expression(text, 0, len(text), place)
        return
    at, stop = (len(text) - len(text.lstrip()), len(text.rstrip())) if bare else (0, len(text))
    while (start := text.find(OPEN, at)) >= 0:
        if start > at:
            yield text[at:start]
        end = _end(text, start + len(OPEN))
        if end < 0:
            why = f"no `{CLOSE}` closes it" + (" outside of quotes" if CLOSE in text[start:] else "")
            what = f"expression {_shown(text[start:], 0)}, {_where(text, start)}"
            raise ExpressionError(place, start + 1, what, why, "Close it with `}}`, and texts with '")
        yield _Expression(text, start + len(OPEN), end, place)
        at = end + len(CLOSE)
    if at < stop:
        yield text[at:stop]


def _end(text: str, at: int) -> int:
    """Where the `}}` that closes an expression stands: the first one outside of quotes; -1 for none."""
    while True:
        close = text.find(CLOSE, at)
        quote = text.find("'", at, max(close, 0))  # no further: the text may be long, and hold many expressions
        if quote < 0:
            return close
        at = text.find("'", quote + 1) + 1
        if at == 0:
            return -1


def _shown(text: str, at: int) -> str:
    """One line of an expression for a message, cut around the place that matters."""
    start = max(0, at - 30)
    return f"`{'...' if start else ''}{text[start : start + 60].strip()}{'...' if len(text) > start + 60 else ''}`"


def _where(text: str, at: int) -> str:
    """For people: the column of a character, and the line where the text has several."""
    column = at - text.rfind("\n", 0, at)
    return (
        f"column {column}" if "\n" not in text.rstrip() else f"line {text.count(chr(10), 0, at) + 1}, column {column}"
    )


@dataclass(frozen=True, slots=True)
class _Expression:
    """One expression: the characters from `start` to `stop` of a field's text, without their `${{ }}`."""

    whole: str
    start: int
    stop: int
    place: Place

    @property
    def source(self) -> str:
        return self.whole[self.start : self.stop]

    def node(self) -> Node:
        try:
            return parse(self.source)
        except SyntaxFaultError as e:
            raise self._error(ExpressionError, e.at, e.why, e.how) from None

    def value(self, contexts: Contexts, work: Work) -> Value:
        return _Evaluation(contexts, work, self.fault).value(self.node())

    def text(self, contexts: Contexts, work: Work) -> str:
        node = self.node()
        value = _Evaluation(contexts, work, self.fault).value(node)
        with self.fault(node):
            return work.text(value)

    def truth(self, contexts: Contexts, work: Work) -> bool:
        node = self.node()
        value = _Evaluation(contexts, work, self.fault).value(node)
        with self.fault(node):
            return truthy(value)

    @contextmanager
    def fault(self, node: Node) -> Iterator[None]:
        """Gives what goes wrong inside its place in the workflow."""
        try:
            yield
        except FunctionError as e:
            raise self._error(ExpressionError, node.at, e.why, e.how) from None
        except TouchedError as e:
            what = f"`{self.source[node.at : node.end]}` is not known here: {e.value.why}"
            raise self._error(NotKnownError, node.at, what, e.value.how) from None

    def _error(self, kind: type[ExpressionError], at: int, why: str, how: str) -> ExpressionError:
        at += self.start
        what = f"expression {_shown(self.source, at - self.start)}, {_where(self.whole, at)}"
        return kind(self.place, at + 1, what, why, how)


@dataclass(frozen=True, slots=True)
class _Evaluation:
    """Works nodes out. Recursion is bounded by the levels that the grammar allows."""

    contexts: Contexts
    work: Work
    fault: Callable[[Node], AbstractContextManager[None]]

    def value(self, node: Node) -> Value:
        """The value of a node; never a NotKnown, though one may lie inside it. Raises ExpressionError."""
        with self.fault(node):
            value = self._value(node)
            if isinstance(value, NotKnown):
                raise TouchedError(value)
            return value

    def _value(self, node: Node) -> Value:
        match node:
            case Literal(value=value):
                return value
            case Context(name=name):
                return self.contexts.values.get(_SAME.get(name, name))
            case Index(base=base, index=index):
                return self._index(self.value(base), self.value(index))
            case Every(base=base):
                found = every(self.value(base))
                self.work.spend(len(found))
                return found
            case Group(inner=inner):
                value = self.value(inner)
                return Listed(value) if isinstance(value, Filtered) else value
            case Negation(operand=operand):
                return not truthy(self.value(operand))
            case Comparison():
                return self._compare(node.operator, self.value(node.left), self.value(node.right))
            case Choice():
                return self._choose(node)
            case Call(name=name, arguments=arguments):
                makers = [partial(self.value, argument) for argument in arguments]
                return FUNCTIONS[name].call(Arguments(makers), self.work)
        raise AssertionError(node)

    def _index(self, base: Value, index: Value) -> Value:
        if isinstance(base, Mapping):
            self.work.spend(len(base))
        elif isinstance(base, Filtered):
            self.work.spend(sum(len(item) if isinstance(item, Mapping) else 1 for item in base))
        return select(base, index)

    def _choose(self, node: Choice) -> Value:
        for operand in node.operands[:-1]:
            value = self.value(operand)
            if truthy(value) is node.stops_at:
                return value
        return self.value(node.operands[-1])

    def _compare(self, operator: str, left: Value, right: Value) -> bool:
        self.work.spend(1 + sum(len(side) for side in (left, right) if isinstance(side, str)))
        if operator in ("==", "!="):
            return equal(left, right) is (operator == "==")
        smaller = less(left, right) if operator[0] == "<" else less(right, left)
        return smaller or (operator[1:] == "=" and equal(left, right))
