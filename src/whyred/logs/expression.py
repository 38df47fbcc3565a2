r"""The form of a library regex that is scanned for in raw text; the regex itself decides afterwards on the clean line.

A match stays within its line: what a class leaves out, it leaves the line feed out too. Three more changes only let
more through. An alternative begins at its first good literal (`literals`); where it has none, a leading `^` becomes
"line start or one separator", because time stamps and tools' prefixes stand before the text. An open tail (`.+`, `\S*`,
`{3,}`, also inside a last group or an alternative) is cut to its minimum, because an engine reports every longer end as
a match of its own.
"""

import re

from whyred.logs.literals import from_literal, least_of
from whyred.logs.pieces import alternatives, count_at, pieces

_CLASS = re.compile(r"\\x[0-9a-fA-F]{2}|\\.|\[\^?\]?(?:\\.|\[:\w+:\]|[^\]\\])*\]", re.S)
_OPENING = re.compile(r"\((?:\?:|\?P<\w+>|\?[a-z]+:)?")


def expression(regex: str) -> bytes:
    """The scanned form of a regex, as bytes."""
    forms = []
    for alternative in map(_shortened, alternatives(_CLASS.sub(_in_line, regex))):
        if not alternative:
            # An alternative that can be empty is everywhere: the author's regex is scanned for as it stands.
            return regex.encode()
        forms.append(from_literal(alternative) or _anchored(alternative))
    return "|".join(dict.fromkeys(forms)).encode()


def anchored(regex: str) -> str:
    """The regex for text with time stamps and prefixes before its lines, as its author wrote it otherwise."""
    return "|".join(map(_anchored, alternatives(regex)))


def _in_line(match: re.Match[str]) -> str:
    r"""A class that leaves something out leaves out `\n` as well; `\W` and `\D` are such classes."""
    text = match[0]
    if text in (r"\W", r"\D"):
        return rf"[^{text.lower()}\n]"
    return f"[^\\n{text[2:]}" if text.startswith("[^") and not text.startswith("[^]") else text


def _anchored(alternative: str) -> str:
    return r"(?:^|[\s|\]:>'\x22])" + alternative[1:] if alternative.startswith("^") else alternative


def _shortened(alternative: str) -> str:
    """One alternative without its open tail."""
    left = list(pieces(alternative))
    while left:
        last = left.pop()
        least, more = _least(last)
        if least:
            left.append(least)
        if not more:
            break
    return "".join(left)


def _least(piece: str) -> tuple[str, bool]:
    """The least that a last piece must match, and whether nothing is left of it, so that the one before is the last."""
    if piece == "$":
        return "", True
    at = count_at(piece)
    atom, count = piece[:at], piece[at:]
    if count:
        least = least_of(count)
        return (f"{atom}{{{least}}}" if least > 1 else atom if least else ""), not least
    if piece.startswith("("):
        opening = _OPENING.match(piece)
        assert opening is not None
        inner = [_shortened(a) for a in alternatives(piece[opening.end() : -1])]
        if all(inner):
            return f"{opening[0]}{'|'.join(inner)})", False
        return ("", True) if not any(inner) else (piece, False)
    return piece, False
