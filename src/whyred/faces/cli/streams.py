"""Standard output and standard error: what a reader that went away, a closed or a full one does to them."""

import os
import sys
from functools import cache
from typing import TextIO

from whyred.model.trouble import UserError


def out(text: str) -> None:
    """Writes to standard output. A reader that went away (`| head`) is no error: the command goes on to its own end.

    Raises UserError where the output cannot be written (a full disk).
    """
    write(text.encode("utf-8", "backslashreplace") if _plain() else text)


def write(data: bytes | str) -> None:
    """The same for bytes, which go out as they are."""
    progress.clear()
    if sys.stdout is None:
        _say_closed()
        return
    try:
        if isinstance(data, str):
            sys.stdout.write(data)
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(data)
        sys.stdout.flush()
    except BrokenPipeError:
        leave()
    except OSError as e:
        leave()
        raise UserError(
            "cannot write to standard output", e.strerror or str(e), "Send it to a place with space, or through a pipe"
        ) from e


@cache
def _say_closed() -> None:
    """Once is enough."""
    say("nothing is shown, because standard output is closed")


def _plain() -> bool:
    """Whether a program reads our output: it gets UTF-8 whatever the locale says, so that equal is equal."""
    return sys.stdout is not None and not sys.stdout.isatty() and hasattr(sys.stdout, "buffer")


def leave() -> None:
    """Lets what is still buffered go nowhere, so that the interpreter does not complain of it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def say(text: str) -> None:
    """One line on standard error, without anything that could drive a terminal."""
    progress.clear()
    if sys.stderr is None:
        return
    line = "".join(c if c.isprintable() else " " if c in "\n\t" else "�" for c in f"whyred: {text}")
    _try(sys.stderr, line.encode("utf-8", "backslashreplace").decode() + "\n")


def _try(stream: TextIO, text: str) -> None:
    try:
        stream.write(text.encode(stream.encoding or "ascii", "backslashreplace").decode(stream.encoding or "ascii"))
        stream.flush()
    except OSError:
        return  # nobody reads standard error: there is no other place to tell it


class Progress:
    """One line on standard error that is written over as work goes on; nothing where no person watches."""

    def __init__(self) -> None:
        self._shown = False

    def __call__(self, text: str) -> None:
        """Shows what is being done now."""
        if sys.stderr is None or not sys.stderr.isatty() or not able(sys.stderr):
            return
        from shutil import get_terminal_size

        from whyred.faces.cli.layout import cut
        from whyred.faces.cli.masked import masked_soon

        line = "".join(c if c.isprintable() else "�" for c in f"whyred: {masked_soon(text)}")
        _try(sys.stderr, f"\r\x1b[2m{cut(line, get_terminal_size().columns - 1)}\x1b[0m\x1b[K")
        self._shown = True

    def clear(self) -> None:
        """Takes the line away; what is said next begins where it stood."""
        if self._shown:
            self._shown = False
            _try(sys.stderr, "\r\x1b[K")


progress = Progress()


def able(stream: TextIO) -> bool:
    """Whether a stream is a terminal that understands more than text."""
    return stream.isatty() and os.environ.get("TERM", "dumb") not in ("", "dumb")


def coloured() -> bool:
    """Whether standard output wants colour (https://no-color.org: any value of NO_COLOR but an empty one says no)."""
    return sys.stdout is not None and able(sys.stdout) and not os.environ.get("NO_COLOR")
