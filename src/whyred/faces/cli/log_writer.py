"""Writes the pieces of logs to the terminal, a pipe or a file."""

import os
import stat
import sys
from collections.abc import Callable
from itertools import count, repeat
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from whyred.app.log_grep import Grep, Matches, Passed, Row
from whyred.app.log_pieces import Absent, Head, Piece, Text
from whyred.app.log_steps import StepHead
from whyred.app.log_wait import Note
from whyred.faces.cli.log_json import SCHEMA, came_by, dumped, match_json, piece_json, row_json
from whyred.faces.cli.streams import coloured, progress, say, write
from whyred.logs.text import visible
from whyred.model.run import Attempt, Conclusion
from whyred.model.source import Boundaries, Missing
from whyred.model.trouble import UserError
from whyred.reports.runs import word

_UNKNOWN = Conclusion.UNKNOWN.value


class LogWriter:
    """Takes pieces as they come. A file gets its name when all of it is written: Ctrl-C leaves none half written. Where
    a link leads to a file, that file is written; a pipe or a terminal is written into, and stays what it is.

    `bare`: nothing but the text of the logs is written; whose it is goes to standard error, as notes always do. `grep`:
    what is sought; then a job without a match is not named.
    """

    def __init__(
        self, file: Path | None, *, as_json: bool, raw: bool, bare: bool = False, grep: Grep | None = None
    ) -> None:
        self._named, self._path, self._json, self._raw, self._bare = file, file, as_json, raw, bare
        self._part: Path | None = None
        self._file: BinaryIO | None = None
        self._ends: list[Callable[[], Conclusion]] = []
        self.complete = True
        """Whether every log that was wanted is there; a job that never began has none."""
        self._grep, self._matches = grep, Matches(grep) if grep is not None and as_json else None
        self._waiting: Head | None = None
        """A job of which no line was shown yet."""
        self._found = self._marked = False
        """Whether a line that was sought was written; whether a mark was written last."""
        self._open_line = False
        self._terminal = file is None and sys.stdout is not None and sys.stdout.isatty()
        if file is not None:
            try:
                self._file = self._opened(file)
            except OSError as e:
                raise self._unwritable(e) from e

    def _opened(self, file: Path) -> BinaryIO:
        """What is written to, and `_path` where a plain file gets its name. Raises OSError and UserError."""
        # `realpath` of what a descriptor stands for (/dev/stdout) may lead nowhere, while the file itself is there.
        real = Path(os.path.realpath(file))
        try:
            state = file.stat()
        except FileNotFoundError:
            state = None
        if state is not None and stat.S_ISBLK(state.st_mode):
            why = "it is a disk or a part of one, and what is on it would be lost"
            raise UserError(f"{file} is no plain file", why, "Name another file with --out")
        if state is not None and not (stat.S_ISREG(state.st_mode) and real.exists()):
            return file.open("wb")
        self._path, self._part = real, real.with_name(f".{real.name}.{os.getpid()}.part")
        return self._part.open("xb")

    def __enter__(self) -> "LogWriter":
        return self

    def take(self, piece: Piece) -> None:
        """Writes one piece."""
        if isinstance(piece, bytes):
            self._text(piece)
        elif isinstance(piece, Text):
            self._text(piece.text, piece.first)
        elif isinstance(piece, Row):
            self._row(piece)
        elif isinstance(piece, Note):
            say(piece.text)
        elif isinstance(piece, Passed):
            say(f"{piece.count} lines before these are left out.")
        elif isinstance(piece, Absent):
            self._absent(piece)
        elif self._json:
            self._json_head(piece)
        elif isinstance(piece, Head):
            self._head(piece)
        elif not self._raw and not self._bare:
            self._step(piece)
        if isinstance(piece, Head):
            self._ends.append(piece.ended)

    def _text(self, text: bytes, first: int | None = None) -> None:
        if self._json:
            rows = text.removesuffix(b"\n").split(b"\n")  # a bare CR ends no line, or line numbers would not agree
            numbers = count(first) if first is not None else repeat(None)
            self._write(b"".join(dumped(row_json(row, number)) for row, number in zip(rows, numbers, strict=False)))
            return
        self._write(text if not self._terminal else visible(text.decode("utf-8", "replace")).encode())
        self._open_line = not text.endswith(b"\n")

    def _row(self, row: Row) -> None:
        """A line that was sought, or one around it."""
        self._found = True
        if self._matches is not None:
            self._write(b"".join(dumped(match_json(match)) for match in self._matches.row(row)))
            return
        self._tell_job()
        grep = self._grep
        if row.apart and not self._marked and grep is not None and (grep.before or grep.after):
            self._write(b"--\n")
        self._marked = False
        sign = b":" if row.spans is not None else b"-"
        number = b"" if self._raw else b"%d%s" % (row.number, sign)
        self._write(number + (row.text if not self._terminal else self._lit(row)) + b"\n")

    def _tell_job(self) -> None:
        """Names the job of the line that comes next, where that was not done."""
        head, self._waiting = self._waiting, None
        if head is not None:
            self._begin(head)

    def _lit(self, row: Row) -> bytes:
        """The line for a terminal, with what matches in colour."""
        on, off = (b"\x1b[1;31m", b"\x1b[0m") if coloured() else (b"", b"")
        parts, at = [], 0
        for start, end in row.spans or ():
            parts += [_visible(row.text[at:start]), on, _visible(row.text[start:end]), off]
            at = end
        return b"".join([*parts, _visible(row.text[at:])])

    def _json_head(self, piece: Head | StepHead) -> None:
        """A job or a step begins."""
        if self._matches is not None:
            step = piece if isinstance(piece, StepHead) else None
            self._write(b"".join(dumped(match_json(match)) for match in self._matches.step(step)))
        if self._grep is None or isinstance(piece, Head):
            self._write(dumped(piece_json(piece)))

    def flush(self, *, whole: bool = True) -> None:
        """No line comes any more: what was still held back is written; of a log that was `whole`, that there is nothing
        is said.
        """
        if self._matches is not None:
            self._write(b"".join(dumped(match_json(match)) for match in self._matches.end()))
        if whole and self._grep is not None and not self._found:
            say("no line matches")

    def _head(self, head: Head) -> None:
        if self._grep is not None:
            self._waiting = head
            return
        self._begin(head)

    def _begin(self, head: Head) -> None:
        attempt, fetched = head.attempt, head.fetched
        number = f", attempt {attempt.number}" if attempt.number else ""
        ended = word(attempt.status, attempt.conclusion)
        told = f"{_name(attempt)}{number}{f': {ended}' if ended != _UNKNOWN else ''} (route {came_by(fetched)})"
        if self._bare:
            say(told)
        elif not self._raw:
            self._mark(f"== {told}")
        if fetched.boundaries is not Boundaries.TOLD and not self._raw:
            why = "; ".join(f"{route}: {e.reason}" for route, e in fetched.refused)
            say(f"{_name(attempt)}: step boundaries: {fetched.boundaries}{f' ({why})' if why else ''}")

    def _absent(self, absent: Absent) -> None:
        error = absent.error
        self.complete &= error.reason is Missing.NOT_STARTED
        self._ends.append(lambda: absent.attempt.conclusion)
        if self._json:
            self._write(dumped(piece_json(absent)))
        elif self._raw or self._bare:
            say(f"{_name(absent.attempt)}: no log ({error.reason}): {error.asked}: {error.help}")
        else:
            self._mark(f"== {_name(absent.attempt)}: no log ({error.reason}): {error.asked}: {error.help}")

    def _step(self, head: StepHead) -> None:
        self._tell_job()
        number, ended = f" {head.number}" if head.number else "", word(head.step.status, head.step.conclusion)
        self._mark(f"-- step{number}: {head.step.name}{f' ({ended})' if ended != _UNKNOWN else ''}")

    def _mark(self, text: str) -> None:
        line = visible(text).replace("\n", " ")
        if self._open_line:
            self._write(b"\n")
            self._open_line = False
        self._marked = True
        bold = self._terminal and coloured()
        self._write((f"\x1b[1m{line}\x1b[0m\n" if bold else f"{line}\n").encode("utf-8", "backslashreplace"))

    def _write(self, data: bytes) -> None:
        if self._file is None:
            write(data)
            return
        try:
            self._file.write(data)
            if self._part is None:
                self._file.flush()  # somebody may read along
        except OSError as e:
            raise self._unwritable(e) from e

    def end(self) -> int:
        """The exit code of logs that were followed: 0 when every job succeeded, 4 where one is not to be had."""
        ends = [ended() for ended in self._ends]
        bad = [end for end in ends if end not in (Conclusion.SUCCESS, Conclusion.SKIPPED)]
        code = 4 if not self.complete else 1 if bad else 0
        self.ended(bad[0] if bad else Conclusion.SUCCESS if Conclusion.SUCCESS in ends else Conclusion.SKIPPED, code)
        return code

    def ended(self, conclusion: Conclusion, code: int) -> None:
        """The last record of logs that were followed as JSON."""
        if self._json:
            self._write(dumped({"schema": SCHEMA, "conclusion": conclusion.value, "exit_code": code}))

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._file is None or self._path is None:
            return
        try:
            self._file.close()
            if kind is None:
                if self._part is not None:
                    self._part.replace(self._path)
                progress(f"wrote {self._named}")
        except OSError as e:
            raise self._unwritable(e) from e
        finally:
            if self._part is not None:
                self._part.unlink(missing_ok=True)

    def _unwritable(self, error: OSError) -> UserError:
        why = error.strerror or str(error)
        how = "Name another file with --out, in a folder that is there and that you may write to"
        return UserError(f"cannot write {self._named}", why, how)


def _name(attempt: Attempt) -> str:
    return f"{attempt.run.label}:{attempt.job.name}" if attempt.job else attempt.run.label


def _visible(text: bytes) -> bytes:
    return visible(text.decode("utf-8", "replace")).encode()
