"""Steps whose beginning and whose name are told by two marks: what begins them, and what names them."""

from whyred.logs.format import Sign

SIGNS = (Sign.ASIDE, Sign.OVER, Sign.OPENS, Sign.TITLE)
_NEXT = 1
"""Lines by which a name may stand below the mark of the beginning: some copies have a line's end for the CR between."""


class Titles:
    """Follows the marks of one log, in the order of their lines."""

    def __init__(self) -> None:
        self._opened: int | None = None
        self._opens = self._aside = False

    def begins(self, sign: Sign, line: int, groups: dict[str, str]) -> tuple[str, bool] | None:
        """The name of the step that begins with this mark, and whether it is an aside; None where none does."""
        if sign is Sign.OPENS:
            self._opened, self._opens = line, True
        elif sign in (Sign.ASIDE, Sign.OVER):
            self._aside = sign is Sign.ASIDE
        elif sign is Sign.TITLE:
            near = self._opened is not None and 0 <= line - self._opened <= _NEXT
            if near or not self._opens:
                self._opened = None
                return groups.get("name", sign.value), self._aside
        return None
