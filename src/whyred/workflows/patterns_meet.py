"""Whether two filters of `on` (branches, tags, paths) can let the same name through.

Source: GitHub's "Filter pattern cheat sheet": `*` stands for anything but `/`, `**` for anything, `?`, `+` and `[]` as
in regular expressions; `!` in front takes away what was let in. Forgejo and Gitea read `?` as one character. Where the
forms differ, or a pattern uses more than stars, the answer is that they can meet.
"""

import re
from functools import cache

from whyred.workflows.triggers import Filter

_WILD = re.compile(r"[*?+\[]")
_TOKENS = re.compile(r"\*\*|\[[^\]]*\]|.", re.DOTALL)


def is_plain(pattern: str) -> bool:
    """Whether a pattern is one name, without wildcards."""
    return _WILD.search(pattern) is None


def can_meet(left: Filter, right: Filter) -> bool:
    """Whether some name goes through both filters."""
    lefts, rights = left.only or ("**",), right.only or ("**",)
    never = (*_taken(left), *_taken(right))
    return any(
        globs_meet(a, b) and not _swallowed(a, b, never)
        for a in lefts
        for b in rights
        if not a.startswith("!") and not b.startswith("!")
    )


def _taken(one: Filter) -> tuple[str, ...]:
    return (*one.never, *(p[1:] for p in one.only or () if p.startswith("!")))


def _swallowed(a: str, b: str, never: tuple[str, ...]) -> bool:
    """Whether whatever both let in is taken away again: one of them is, as it stands, or is a name that is."""
    return any(n in ("**", a, b) or (is_plain(p) and globs_meet(n, p)) for n in never for p in (a, b))


def globs_meet(left: str, right: str) -> bool:
    """Whether a text can match both patterns."""
    if is_plain(left) and is_plain(right):
        return left == right
    a, b = _tokens(left[:200]), _tokens(right[:200])

    @cache
    def meet(i: int, j: int) -> bool:
        if i == len(a) and j == len(b):
            return True
        if i < len(a) and a[i] in _STARS:
            return meet(i + 1, j) or (j < len(b) and _covers(a[i], b[j]) and meet(i, j + 1))
        if j < len(b) and b[j] in _STARS:
            return meet(i, j + 1) or (i < len(a) and _covers(b[j], a[i]) and meet(i + 1, j))
        return i < len(a) and j < len(b) and a[i] == b[j] and meet(i + 1, j + 1)

    return meet(0, 0)


_STARS = ("*", "**")


def _tokens(pattern: str) -> tuple[str, ...]:
    """Characters and stars; what is more than that counts as `**`, which can be anything."""
    found: list[str] = []
    for piece in _TOKENS.findall(pattern):
        loose = piece in "?+" or len(piece) > 2
        if loose and piece in "?+" and found:
            found.pop()
        found.append("**" if loose else piece)
    return tuple(found)


def _covers(star: str, piece: str) -> bool:
    return star == "**" or piece != "/"
