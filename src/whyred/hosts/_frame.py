"""Takes an answer out of a stream that may hold other things too: what a login shell says of its own accord.

An answer is `LF MARK NUMBER < LF`, what the question printed, `LF MARK NUMBER > CODE STATUS LF`, the text of its error,
and `LF MARK NUMBER . LF`; STATUS is how a program ended, where one was to be started. MARK is a random word, so nothing
that is read on the host can hold it.
"""

MOST_NOISE = 1 << 20
"""Bytes that may come before an answer begins: a login message is shorter, and what is longer never ends."""
_MOST_ERROR = 1 << 20


class NoiseError(ValueError):
    """Something speaks without end, or not in the form of an answer."""


class Frame:
    """One answer, fed piece by piece. `limit`: bytes that are kept of what was printed; the rest is dropped."""

    def __init__(self, mark: str, number: int, limit: int) -> None:
        words = (f"\n{mark} {number} <\n", f"\n{mark} {number} > ", f"\n{mark} {number} .\n")
        self._begin, self._middle, self._end = (w.encode() for w in words)
        self._limit = limit
        self._waiting = bytearray()
        self._noise = 0
        self._part = self._find_begin
        self.body = bytearray()
        self.error = b""
        self.code = 0
        self.status = 0
        self.begun = False
        self.done = False

    @property
    def full(self) -> bool:
        """Whether as much was printed as is kept."""
        return len(self.body) >= self._limit

    def feed(self, data: bytes) -> None:
        """The next bytes of the stream. Raises NoiseError."""
        self._waiting += data
        while not self.done and self._part():
            pass

    def _find_begin(self) -> bool:
        before, found = self._take(self._begin)
        self._noise += len(before)
        if self._noise > MOST_NOISE:
            raise NoiseError(f"more than {MOST_NOISE} bytes before the answer")
        if found:
            self.begun, self._part = True, self._find_middle
        return found

    def _find_middle(self) -> bool:
        printed, found = self._take(self._middle)
        self.body += printed[: self._limit - len(self.body)]
        if found:
            self._part = self._find_end
        return found

    def _find_end(self) -> bool:
        head, end, _ = self._waiting.partition(self._end)
        if not end:
            if len(self._waiting) > _MOST_ERROR:
                raise NoiseError("an error text without end")
            return False
        line, _, self.error = bytes(head).partition(b"\n")
        code, _, status = line.partition(b" ")
        if not code.isdigit():
            raise NoiseError("an answer without a code")
        self.code, self.status, self.done = int(code), int(status) if status.isdigit() else 0, True
        return True

    def _take(self, word: bytes) -> tuple[bytes, bool]:
        """What stands before `word`; where it has not come yet, all that cannot be the beginning of it."""
        at = self._waiting.find(word)
        taken = bytes(self._waiting[: at if at >= 0 else max(0, len(self._waiting) - len(word) + 1)])
        del self._waiting[: len(taken) + (len(word) if at >= 0 else 0)]
        return taken, at >= 0
