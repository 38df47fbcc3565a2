"""The parts of a regular expression as they stand next to each other: atoms with their counts, groups, alternatives."""

import re
from collections.abc import Iterator

_ATOM = re.compile(
    r"\\x[0-9a-fA-F]{2}|\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|[^()|\\\[]", re.S
)  # an escape, a class, one other character; groups and alternatives are split before
_COUNT = re.compile(r"(?:[*+?]|\{(\d+)(?:,\d*)?\})\??")


def pieces(regex: str) -> Iterator[str]:
    """The atoms of an expression with their counts, groups whole, `|` by itself."""
    at = 0
    while at < len(regex):
        start, at = at, _end(regex, at)
        count = _COUNT.match(regex, at) if regex[start] != "|" else None
        at = count.end() if count else at
        yield regex[start:at]


def count_at(piece: str) -> int:
    r"""Where the count of a piece begins, its length without one; `\*` and `[*]` have none."""
    return _end(piece, 0)


def _end(regex: str, at: int) -> int:
    """After the atom, group or `|` that begins at `at`."""
    if regex[at] == "(":
        return closing(regex, at) + 1
    atom = _ATOM.match(regex, at)
    return atom.end() if atom else at + 1


def closing(regex: str, at: int) -> int:
    """Where the group that opens at `at` closes. Raises ValueError where it does not."""
    depth = 0
    while at < len(regex):
        if regex[at] in "()":
            depth += 1 if regex[at] == "(" else -1
            if depth == 0:
                return at
            at += 1
        else:
            atom = _ATOM.match(regex, at)
            at = atom.end() if atom else at + 1
    raise ValueError(f"a group is not closed: {regex}")


def alternatives(regex: str) -> list[str]:
    """The expressions between the `|` of the outermost level."""
    found = [""]
    for piece in pieces(regex):
        if piece == "|":
            found.append("")
        else:
            found[-1] += piece
    return found
