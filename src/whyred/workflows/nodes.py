"""The parts of an expression `${{ }}` that was read. Each knows where it stands, so that an error can point at it."""

from dataclasses import dataclass

from whyred.workflows.functions import STATUS
from whyred.workflows.values import Value


@dataclass(frozen=True, slots=True)
class Node:
    """A part of an expression, from character `at` to `end` (counted from 0). `levels`: its depth."""

    at: int
    end: int
    levels: int


@dataclass(frozen=True, slots=True)
class Literal(Node):
    """A number, text, truth value or null."""

    value: Value


@dataclass(frozen=True, slots=True)
class Context(Node):
    """`github`, `env`, ...: the name in small letters."""

    name: str


@dataclass(frozen=True, slots=True)
class Index(Node):
    """`base.name` and `base[index]`."""

    base: Node
    index: Node


@dataclass(frozen=True, slots=True)
class Every(Node):
    """`base.*`."""

    base: Node


@dataclass(frozen=True, slots=True)
class Group(Node):
    """`( ... )`: it ends an object filter, so that an index behind it picks one of what was selected."""

    inner: Node


@dataclass(frozen=True, slots=True)
class Negation(Node):
    """`! operand`."""

    operand: Node


@dataclass(frozen=True, slots=True)
class Comparison(Node):
    """`left operator right`."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Choice(Node):
    """`&&` (`stops_at` False) or `||` (True) between operands: the first whose truth is `stops_at`, or the last."""

    stops_at: bool
    operands: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Call(Node):
    """`name(arguments)`: the name in small letters."""

    name: str
    arguments: tuple[Node, ...]


def uses_status(node: Node) -> bool:
    """Whether `success()`, `failure()`, `always()` or `cancelled()` is called anywhere in it."""
    left = [node]
    while left:
        node = left.pop()
        if isinstance(node, Call):
            if node.name in STATUS:
                return True
            left += node.arguments
        elif isinstance(node, Choice):
            left += node.operands
        elif isinstance(node, Comparison):
            left += (node.left, node.right)
        elif isinstance(node, Index):
            left += (node.base, node.index)
        elif isinstance(node, Every):
            left.append(node.base)
        elif isinstance(node, Negation):
            left.append(node.operand)
        elif isinstance(node, Group):
            left.append(node.inner)
    return False
