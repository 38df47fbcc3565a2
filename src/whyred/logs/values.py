"""Values that are masked in whatever form they are written: few in practice, any number in a hostile log."""

from typing import Any

STARS = b"***"
SHORTEST = 4
"""A value below this many bytes is left alone: replacing every `1` would destroy the log."""
_PLAIN = 64
"""Up to this many values are replaced one after the other; more are compiled into one expression."""


class MaskedValues:
    """The values of one log. Linear in the text and, up to a logarithm, in the number of values."""

    def __init__(self) -> None:
        self._all: set[bytes] = set()
        self._new: list[bytes] = []
        self._compiled: Any = None

    def __bool__(self) -> bool:
        """Whether there is any."""
        return bool(self._all)

    def add(self, value: bytes) -> bool:
        """Masks this value in every form from now on, if it was not masked before; values that are too short are
        passed over. Tells whether it is new."""
        if len(value) < SHORTEST or value in self._all:
            return False
        from whyred.logs.written import forms  # most logs ask for no value, and it costs time

        fresh = {form for form in forms(value) if len(form) >= SHORTEST} - self._all
        self._all |= fresh
        self._new.extend(fresh)
        self._new.sort(key=lambda form: (-len(form), form))
        if len(self._new) > max(_PLAIN, len(self._all) // 2):
            self._compile()
        return True

    def _compile(self) -> None:
        import re2

        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1
        options.longest_match = True
        options.never_capture = True
        options.max_mem = 1 << 28
        self._compiled = re2.compile(b"|".join(re2.escape(v) for v in self._all), options)
        self._new = []

    def mask(self, text: bytes) -> bytes:
        """The text with stars for every value; the very same object where none occurs."""
        if self._compiled is not None and self._compiled.search(text):
            text = self._compiled.sub(STARS, text)
        for value in self._new:
            if value in text:
                text = text.replace(value, STARS)
        return text

    def safe_cut(self, text: bytes, cut: int) -> int:
        """The last place at or before `cut` that is not inside a value."""
        before = -1
        while before != cut:
            before = cut
            for value in self._all:
                at = text.find(value, max(0, cut - len(value) + 1), cut + len(value) - 1)
                cut = at if 0 <= at < cut else cut
        return cut
