"""Whether a condition can come out both ways, as far as that is known before anything runs.

What is not known stays open, unless the condition says the same for whatever it is: `a != 'x' || a != 'y'` always
holds, and `needs.build.result == 'failed'` never does, for no result is called so.
"""

import itertools
import math
import re
from collections.abc import Iterator, Mapping, Sequence

from whyred.workflows.expressions import Contexts, ExpressionError, NotKnownError, Place, evaluate
from whyred.workflows.grammar import SyntaxFaultError, parse
from whyred.workflows.nodes import Choice, Comparison, Context, Group, Index, Literal, Negation, Node
from whyred.workflows.values import Value, equal, truthy

_WHOLE = re.compile(r"\s*\$\{\{((?:[^'}]|'[^']*'|\}(?!\}))*)\}\}\s*")
_RESULTS = ("success", "failure", "cancelled", "skipped")
_WORDS: Sequence[tuple[re.Pattern[str], tuple[str, ...]]] = (
    (re.compile(r"needs\.[^.]+\.result"), _RESULTS),
    (re.compile(r"steps\.[^.]+\.(?:outcome|conclusion)"), _RESULTS),
    (re.compile(r"job\.status"), ("success", "failure", "cancelled")),
    (re.compile(r"runner\.os"), ("Linux", "Windows", "macOS")),
)
"""What can only be one of a few words (GitHub's "Contexts reference")."""
_OTHER = "\0 none of them"
_MOST = 256
"""Combinations of what is not known that are tried."""


def expression_of(text: str) -> str | None:
    """The one expression that a condition is; None where text stands around it, so that it is always true."""
    if "${{" not in text:
        return text
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else None


def always(text: str, worlds: Sequence[Contexts], place: Place) -> bool | None:
    """True: it holds in every world, False: in none; None: it depends, or cannot be known. Raises ExpressionError."""
    source = expression_of(text)
    if source is None:
        return True
    try:
        node = parse(source)
    except SyntaxFaultError:
        return None  # told as such by another rule
    told = {_Truth(source, world, place, assumed).of(node) for world in worlds for assumed in _assumed(node, source)}
    return told.pop() if len(told) == 1 else None


def holds(text: str | None, world: Contexts, place: Place) -> bool | None:
    """Whether a condition holds in one world; None where that is not known."""
    return True if text is None or not text.strip() else always(text, [world], place)


class _Truth:
    def __init__(self, source: str, world: Contexts, place: Place, assumed: Mapping[str, str]) -> None:
        self.source, self.world, self.place, self.assumed = source, world, place, assumed

    def of(self, node: Node) -> bool | None:
        if isinstance(node, Choice):
            told = [self.of(operand) for operand in node.operands]
            return node.stops_at if node.stops_at in told else None if None in told else not node.stops_at
        if isinstance(node, Negation):
            inner = self.of(node.operand)
            return None if inner is None else not inner
        if isinstance(node, Group):
            return self.of(node.inner)
        try:
            return truthy(evaluate(self.source[node.at : node.end], self.world, self.place))
        except NotKnownError:
            return self._assume(node)
        except ExpressionError:
            return None

    def _assume(self, node: Node) -> bool | None:
        for path, literal in _compared(node, self.source):
            assert isinstance(node, Comparison)
            return equal(self.assumed[path], literal) is (node.operator == "==") if path in self.assumed else None
        return None


def _assumed(node: Node, source: str) -> Iterator[Mapping[str, str]]:
    """Every combination of what the paths that are compared with texts may be: the texts, and something else."""
    paths: dict[str, list[str]] = {}
    for part in _parts(node):
        for path, literal in _compared(part, source):
            paths.setdefault(path, []).append(literal)
    choices = [_choices(path, literals) for path, literals in paths.items()]
    if math.prod(map(len, choices)) > _MOST:
        yield {}
        return
    for values in itertools.product(*choices):
        yield dict(zip(paths, values, strict=True))


def _choices(path: str, literals: Sequence[str]) -> Sequence[str]:
    for form, words in _WORDS:
        if form.fullmatch(path):
            return words
    return [*dict.fromkeys(literals), _OTHER]


def _compared(node: Node, source: str) -> Iterator[tuple[str, str]]:
    """The path and the text of a comparison of the two."""
    if not isinstance(node, Comparison) or node.operator not in ("==", "!="):
        return
    for path, literal in ((node.left, node.right), (node.right, node.left)):
        value: Value = literal.value if isinstance(literal, Literal) else None
        if isinstance(path, Index | Context) and isinstance(value, str) and "*" not in source[path.at : path.end]:
            yield re.sub(r"\s+", "", source[path.at : path.end]).lower(), value


def _parts(node: Node) -> Iterator[Node]:
    yield node
    if isinstance(node, Choice):
        for operand in node.operands:
            yield from _parts(operand)
    elif isinstance(node, Negation):
        yield from _parts(node.operand)
    elif isinstance(node, Group):
        yield from _parts(node.inner)
