"""The grammar of expressions `${{ }}`: text to nodes, in linear time, with bounded length and depth.

GitHub's own limits are taken over: 21,000 characters and 50 levels (actions/runner, ExpressionConstants). Nodes know
where they stand, so that an error can point at its place.
"""

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, cast

from whyred.workflows.functions import FUNCTIONS
from whyred.workflows.nodes import Call, Choice, Comparison, Context, Every, Group, Index, Literal, Negation, Node
from whyred.workflows.values import Value, read_number

if TYPE_CHECKING:
    from lark import Lark, Token
    from lark.exceptions import UnexpectedInput

MOST_CHARACTERS = 21_000
MOST_LEVELS = 50
CONTEXTS = (
    *("github", "forgejo", "gitea", "forge", "env", "vars", "secrets", "inputs"),
    *("job", "jobs", "steps", "runner", "strategy", "matrix", "needs"),
)

_GRAMMAR = r"""
?start: either
?either: both ("||" both)*
?both: equality ("&&" equality)*
?equality: relation (EQUALITY relation)*
?relation: unary (RELATION unary)*
?unary: NOT unary -> negation
      | literal
      | postfix
?postfix: base
        | postfix "." NAME -> property
        | postfix "." STAR -> every
        | postfix "[" STAR "]" -> every
        | postfix "[" either CLOSE -> index
?base: NAME -> context
     | NAME "(" [either ("," either)*] CLOSING -> call
     | "(" either ")" -> group
literal: NULL -> null
       | TRUE -> true
       | FALSE -> false
       | NUMBER -> number
       | NAN -> number
       | INFINITY -> number
       | TEXT -> text

EQUALITY: "==" | "!="
RELATION: "<=" | "<" | ">=" | ">"
NOT: "!"
STAR: "*"
CLOSE: "]"
CLOSING: ")"
NULL: "null"
TRUE: "true"
FALSE: "false"
NAN: "NaN"
INFINITY: "Infinity"
NUMBER: /[-+]?(0x[0-9a-fA-F]+|0o[0-7]+|([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?)|-Infinity/
TEXT: /'([^']|'')*'/
NAME: /[a-zA-Z_][a-zA-Z0-9_-]*/
%ignore /\s+/
"""


class SyntaxFaultError(Exception):
    """The text is no expression: where (counted from 0), why, and how to mend it."""

    def __init__(self, at: int, why: str, how: str) -> None:
        super().__init__(why)
        self.at, self.why, self.how = at, why, how


@lru_cache(maxsize=512)
def parse(text: str) -> Node:
    """The node that an expression (without `${{ }}`) stands for. Raises SyntaxFaultError."""
    from lark.exceptions import UnexpectedInput

    if len(text) > MOST_CHARACTERS:
        why = f"it has {len(text)} characters and may have {MOST_CHARACTERS}"
        raise SyntaxFaultError(0, why, "Work it out in a step, and use that step's output")
    if not text.strip():
        raise SyntaxFaultError(0, "there is no expression", "Write one between `${{` and `}}`")
    try:
        # The builder below makes nodes where lark would make trees.
        return cast("Node", _parser().parse(text))
    except UnexpectedInput as e:
        raise _fault(text, e) from None


@cache
def _parser() -> "Lark":
    from lark import Lark

    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", transformer=_Builder(), maybe_placeholders=False)


def _fault(text: str, e: "UnexpectedInput") -> SyntaxFaultError:
    ended = getattr(getattr(e, "token", None), "type", "") == "$END"
    place: int | None = getattr(e, "pos_in_stream", None)
    at = len(text.rstrip()) if ended or place is None else place
    rest = text[at:]
    if not rest.strip():
        return SyntaxFaultError(at, "the expression breaks off here", "Write what is missing, or close the bracket")
    for start, why, how in _HINTS:
        if rest.startswith(start):
            return SyntaxFaultError(at, why, how)
    shown = rest[:20].split()[0]
    return SyntaxFaultError(at, f"`{shown}` cannot stand here", "Write an operator, a value or a bracket that fits")


_HINTS = (
    ('"', 'texts stand in single quotes, not in "', "Write '...'"),
    ("'", "a text that does not end, or one without an operator before it", "Close it with ', or write an operator"),
    ("==", "there is no value before `==`", "Write one"),
    ("=", "there is no operator `=`", "Compare with `==`"),
    ("&", "there is no operator `&`", "Write `&&`"),
    ("|", "there is no operator `|`", "Write `||`"),
    ("${{", "an expression inside an expression", "Leave out the inner `${{` and `}}`"),
    ("+", "expressions cannot calculate", "Work it out in a step, and use that step's output"),
    ("-", "expressions cannot calculate", "Work it out in a step, and use that step's output"),
    ("*", "`*` stands only behind a dot or in brackets", "Write `.*`"),
)


class _Builder:
    """Makes nodes while the parser runs: nothing recurses, and too deep a text is refused at the first level over."""

    def either(self, parts: list[Node]) -> Node:
        return self._choice(True, parts)

    def both(self, parts: list[Node]) -> Node:
        return self._choice(False, parts)

    def _choice(self, stops_at: bool, parts: list[Node]) -> Node:
        return Choice(parts[0].at, parts[-1].end, _over(*parts), stops_at, tuple(parts))

    def equality(self, parts: list[Any]) -> Node:
        left = parts[0]
        for operator, right in zip(parts[1::2], parts[2::2], strict=True):
            left = Comparison(left.at, right.end, _over(left, right), str(operator), left, right)
        return left  # type: ignore[no-any-return]

    relation = equality

    def negation(self, parts: list[Any]) -> Node:
        sign, operand = parts
        return Negation(sign.start_pos, operand.end, _over(operand), operand)

    def property(self, parts: list[Any]) -> Node:
        base, name = parts
        index = Literal(name.start_pos, name.end_pos, 1, str(name))
        return Index(base.at, name.end_pos, _over(base), base, index)

    def every(self, parts: list[Any]) -> Node:
        base, star = parts
        return Every(base.at, star.end_pos, _over(base), base)

    def index(self, parts: list[Any]) -> Node:
        base, index, close = parts
        return Index(base.at, close.end_pos, _over(base, index), base, index)

    def context(self, parts: "list[Token]") -> Node:
        (name,) = parts
        if name.lower() not in CONTEXTS:
            why = f"`{name}` is no context"
            raise SyntaxFaultError(_start(name), why, f"Known are {', '.join(CONTEXTS)}; texts stand in '...'")
        return Context(_start(name), _start(name) + len(name), 1, name.lower())

    def call(self, parts: list[Any]) -> Node:
        name, *arguments, closing = parts
        known = FUNCTIONS.get(name.lower())
        if known is None:
            names = ", ".join(f.name for f in FUNCTIONS.values())
            raise SyntaxFaultError(_start(name), f"`{name}` is no function", f"Known are {names}")
        if not known.fewest <= len(arguments) <= known.most:
            why = f"`{known.name}` takes {known.takes}, and {len(arguments)} are given"
            raise SyntaxFaultError(_start(name), why, "Give it what it takes")
        return Call(_start(name), closing.end_pos, _over(*arguments), name.lower(), tuple(arguments))

    def group(self, parts: list[Node]) -> Node:
        (inner,) = parts
        return Group(inner.at, inner.end, inner.levels, inner) if isinstance(inner, Index | Every) else inner

    def null(self, parts: "list[Token]") -> Node:
        return self._literal(parts, None)

    def true(self, parts: "list[Token]") -> Node:
        return self._literal(parts, True)

    def false(self, parts: "list[Token]") -> Node:
        return self._literal(parts, False)

    def number(self, parts: "list[Token]") -> Node:
        return self._literal(parts, read_number(parts[0]))

    def text(self, parts: "list[Token]") -> Node:
        return self._literal(parts, parts[0][1:-1].replace("''", "'"))

    def _literal(self, parts: "list[Token]", value: Value) -> Node:
        return Literal(_start(parts[0]), _start(parts[0]) + len(parts[0]), 1, value)


def _start(token: "Token") -> int:
    assert token.start_pos is not None
    return token.start_pos


def _over(*parts: Node) -> int:
    """The levels of a node above some parts. Raises SyntaxFaultError."""
    levels = 1 + max((p.levels for p in parts), default=0)
    if levels > MOST_LEVELS:
        why = f"it is nested deeper than {MOST_LEVELS} levels"
        raise SyntaxFaultError(parts[0].at, why, "Work it out in a step, and use that step's output")
    return levels
