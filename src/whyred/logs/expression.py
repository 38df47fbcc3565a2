r"""The form of a library regex that is scanned for in raw text; the regex itself decides afterwards on the clean line.

Two changes, both of which only let more through. A leading `^` becomes "line start or one separator", because time
stamps and tools' prefixes stand before the text. An open tail (`.+`, `\S*`, `{3,}`, also inside a last group or an
alternative) is cut to its minimum, because an engine reports every longer end as a match of its own.
"""

import re
from collections.abc import Iterator

_ATOM = re.compile(
    r"\\x[0-9a-fA-F]{2}|\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]|[^()|\\\[]", re.S
)  # an escape, a class, one other character; groups and alternatives are split before
_COUNT = re.compile(r"(?:[*+?]|\{(\d+)(?:,\d*)?\})\??")
_OPENING = re.compile(r"\((?:\?:|\?P<\w+>|\?[a-z]+:)?")


def expression(regex: str) -> bytes:
    """The scanned form of a regex, as bytes."""
    alternatives = [_shortened(a) for a in _alternatives(regex)]
    # An alternative that can be empty is everywhere: the author's regex is scanned for as it stands.
    shortened = "|".join(map(_anchored, alternatives)) if all(alternatives) else regex
    return shortened.encode()


def _anchored(alternative: str) -> str:
    return r"(?:^|[\s|\]:>'\x22])" + alternative[1:] if alternative.startswith("^") else alternative


def _pieces(regex: str) -> Iterator[str]:
    """The atoms of an expression with their counts, groups whole, `|` by itself."""
    at = 0
    while at < len(regex):
        start = at
        if regex[at] == "|":
            at += 1
        elif regex[at] == "(":
            at = _closing(regex, at) + 1
            at = _counted(regex, at)
        else:
            atom = _ATOM.match(regex, at)
            at = _counted(regex, atom.end() if atom else at + 1)
        yield regex[start:at]


def _counted(regex: str, at: int) -> int:
    count = _COUNT.match(regex, at)
    return count.end() if count else at


def _closing(regex: str, at: int) -> int:
    """Where the group that opens at `at` closes."""
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


def _alternatives(regex: str) -> list[str]:
    found = [""]
    for piece in _pieces(regex):
        if piece == "|":
            found.append("")
        else:
            found[-1] += piece
    return found


def _shortened(alternative: str) -> str:
    """One alternative without its open tail."""
    pieces = list(_pieces(alternative))
    while pieces:
        last = pieces.pop()
        least, more = _least(last)
        if least:
            pieces.append(least)
        if not more:
            break
    return "".join(pieces)


def _least(piece: str) -> tuple[str, bool]:
    """The least that a last piece must match, and whether nothing is left of it, so that the one before is the last."""
    if piece == "$":
        return "", True
    count = re.search(_COUNT.pattern + "$", piece) if len(piece) > 1 else None
    if count and _is_count(piece, count.start()):
        atom = piece[: count.start()]
        if count[0][0] in "*?" or count[1] == "0":
            return "", True
        return (atom if count[0][0] == "+" else f"{atom}{{{count[1]}}}"), False
    if piece.startswith("("):
        opening = _OPENING.match(piece)
        assert opening is not None
        inner = [_shortened(a) for a in _alternatives(piece[opening.end() : -1])]
        return (
            (f"{opening[0]}{'|'.join(inner)})", False)
            if all(inner)
            else (("", True) if not any(inner) else (piece, False))
        )
    return piece, False


def _is_count(piece: str, at: int) -> bool:
    r"""Whether what stands at `at` counts the atom before it, and is not part of it (`\*`, `[*]`)."""
    if piece.startswith("("):
        return _closing(piece, 0) + 1 == at
    atom = _ATOM.match(piece)
    return atom is not None and atom.end() == at
