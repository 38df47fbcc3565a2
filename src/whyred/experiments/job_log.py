"""Writes the log of a job as the runners do: a time stamp in front of every line, workflow commands honoured.

Flat in memory: whole lines go to the sink at once, and a line above 1 MiB in pieces.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime

_PIECE = 1 << 20
_COMMAND = re.compile(rb"::([A-Za-z-]+)(?: ([^\r\n]*?))?::(.*)", re.DOTALL)
_ESCAPES = {b"%25": b"%", b"%0D": b"\r", b"%0A": b"\n", b"%3A": b":", b"%2C": b","}


class JobLog:
    """A log under way.

    `mask` is told each value of `::add-mask::` before anything later is written; `outputs` gathers `::set-output::`
    of the running step. `::set-env::` does nothing, as in runners of today.
    """

    def __init__(self, sink: Callable[[bytes], None], now: Callable[[], float], mask: Callable[[str], None]) -> None:
        self._sink, self._now, self._mask = sink, now, mask
        self.outputs: dict[str, str] = {}
        self._parts: list[bytes] = []
        self._held = 0
        self._inside = False
        """Whether pieces of an unfinished line were written."""
        self._drop = False
        """Whether the rest of the line is a secret to leave out."""
        self._resume: bytes | None = None
        """What ends `::stop-commands::`; None while commands count."""

    def say(self, text: str) -> None:
        """One line of our own."""
        line = "".join(c if c >= " " and c != "\x7f" else " " for c in text)
        self._sink(self._stamp() + line.encode("utf-8", "replace") + b"\n")

    def runner(self, text: str) -> None:
        """A line that the runner itself adds to a step (the mark of forgejo-runner 12)."""
        self.say(f"⚙️ [runner]: {text}")

    def begin(self) -> None:
        """A new step: its commands count again."""
        self.outputs, self._resume = {}, None

    def feed(self, data: bytes) -> None:
        """Output of the step, cut anywhere."""
        first, newline, rest = data.partition(b"\n")
        self._hold(first)
        if not newline:
            return
        whole, newline, last = rest.rpartition(b"\n")
        stamp = self._stamp()
        self._sink(self._end_line(stamp) + (self._lines(whole, stamp) if newline else b""))
        self._hold(last)

    def _lines(self, whole: bytes, stamp: bytes) -> bytes:
        """Complete lines, without the newline of the last one."""
        if b"::" in whole or b"\r" in whole:
            return b"".join(self._line(line, stamp) for line in whole.split(b"\n"))
        return stamp + whole.replace(b"\n", b"\n" + stamp) + b"\n"

    def finish(self) -> None:
        """The step ended: a last line without newline is a line too."""
        if self._held or self._inside:
            self._sink(self._end_line(self._stamp()))

    def _hold(self, part: bytes) -> None:
        self._parts.append(part)
        self._held += len(part)
        if self._held > _PIECE:
            self._write_piece()

    def _write_piece(self) -> None:
        piece = b"".join(self._parts)
        body = piece.rstrip(b"\r") or piece  # a CR may turn out to stand at the line's end
        self._parts = [piece[len(body) :]]
        self._held = len(piece) - len(body)
        if not self._inside and self._resume is None and body.lstrip().startswith(b"::add-mask::"):
            self._sink(self._stamp() + b"::add-mask::***")
            self._drop = True
        elif not self._drop:
            self._sink(body if self._inside else self._stamp() + body)
        self._inside = True

    def _end_line(self, stamp: bytes) -> bytes:
        line = b"".join(self._parts)
        inside, drop = self._inside, self._drop
        self._parts, self._held, self._inside, self._drop = [], 0, False, False
        if drop:
            return b"\n"
        return line.rstrip(b"\r") + b"\n" if inside else self._line(line, stamp)

    def _line(self, line: bytes, stamp: bytes) -> bytes:
        if line.endswith(b"\r"):
            line = line.rstrip(b"\r")
        if b"::" in line:
            line = self._command(line)
        return stamp + line + b"\n"

    def _command(self, line: bytes) -> bytes:
        """What is written for a line that may be a workflow command."""
        if self._resume is not None:
            if line.strip() == b"::" + self._resume + b"::":
                self._resume = None
            return line
        match = _COMMAND.fullmatch(line.lstrip())
        if match is None:
            return line
        name, arguments, value = match[1].lower(), match[2] or b"", match[3]
        if name == b"group":
            return b"##[group]" + value
        if name == b"endgroup":
            return b"##[endgroup]"
        if name == b"add-mask":
            self._add_mask(_plain(value))
            return b"::add-mask::***"
        if name == b"set-output":
            self._set_output(arguments, _plain(value))
        elif name == b"stop-commands":
            self._resume = value.strip()
        return line

    def _add_mask(self, value: str) -> None:
        """Several lines are masked as one and one by one, for a log is read by the line."""
        lines = [line for line in value.splitlines() if line.strip()]
        for secret in [value] * (len(lines) > 1) + lines:
            self._mask(secret)

    def _set_output(self, arguments: bytes, value: str) -> None:
        for argument in arguments.split(b","):
            key, _, name = argument.strip().partition(b"=")
            if key == b"name" and name:
                self.outputs[_plain(name)] = value

    def _stamp(self) -> bytes:
        """UTC with seven digits of fraction, as .NET and the runners write it, and a space."""
        seconds, ticks = divmod(int(self._now() * 10_000_000), 10_000_000)
        return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ticks:07d}Z ".encode()


def _plain(data: bytes) -> str:
    """The value without the escapes of workflow commands."""
    plain = re.sub(rb"%(?:25|0[DA]|3A|2C)", lambda m: _ESCAPES[m[0].upper()], data, flags=re.IGNORECASE)
    return plain.decode("utf-8", "surrogateescape")
