"""Writes what `whyred tap` keeps of a task (`_tap_files.py`): lines are added and nothing else, so that a crash or a
full disk costs at most the lines that were being written.
"""

import errno
import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from whyred.model.trouble import UserError
from whyred.sources._runner_calls import StepTold, TaskTold
from whyred.sources._tap_files import LOCK, Kept, What, read_kept, write_step, write_what

_PIECE = 1 << 20
_PATIENCE, _PAUSE = 3.0, 0.05
"""Seconds for which a lock is waited for, which a reader may hold for a moment; and between two tries."""


@contextmanager
def kept_alone(folder: Path) -> Iterator[None]:
    """Makes a forge's folder, for its user alone, and keeps other taps from writing there. Raises UserError."""
    try:
        for part in (*reversed(folder.parents), folder):
            if not part.is_dir():
                with suppress(FileExistsError):  # another process was faster
                    part.mkdir(mode=0o700)
        for part in (folder.parent, folder):
            _check_private(part)
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as e:
        how = "Name a folder that you can write to with --keep"
        raise UserError(f"cannot keep anything in {folder}", e.strerror or str(e), how) from e
    try:
        _lock(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _check_private(folder: Path) -> None:
    state = folder.stat()
    if state.st_uid != os.geteuid() or state.st_mode & 0o077:
        why = "other users of this machine could read or change what is kept there"
        raise UserError(f"{folder} is not private", why, "Make it yours alone (chmod 700), or name another: --keep")


def _lock(descriptor: int, folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > end:
                how = "Let both runners use that one, or give this one a folder of its own: --keep"
                raise UserError(f"cannot keep anything in {folder}", "another tap does so now", how) from None
            time.sleep(_PAUSE)
        else:
            return


@dataclass
class _Known:
    """What the files of a task hold."""

    size: int = -1
    """Bytes of the log; -1: not looked at yet."""
    lines: int = 0
    next: int = 0
    """The number of the row that comes next."""
    ahead: bool = False
    """A record tells of lines that could not be written: it must be taken back before others are."""
    what: What | None = None
    state: tuple[int, float | None, float | None] | None = None
    steps: dict[int, StepTold] = field(default_factory=dict)
    ended: bool = False


@dataclass
class TaskFiles:
    """The two files of one task. Every method may raise OSError; what it could not write is then not there, and is
    written by the next call where that is still possible.
    """

    folder: Path
    task: int
    _what: What | None = None
    _known: _Known = field(default_factory=_Known)

    def what(self, what: What) -> None:
        """Says what the task is. Files of another task of this number, from before the forge was set up anew, make way
        for it (to names that end in `.old`).
        """
        self._what = what
        before = self._looked().what
        if before is not None and not before.same_run(what):
            for end in ("log", "jsonl"):
                with suppress(FileNotFoundError):
                    self._path(end).replace(self._path(f"{end}.old"))
            self._known = _Known()
        self._say_what()

    def rows(self, index: int, lines: Sequence[bytes]) -> int:
        """Adds the rows from number `index` on, those that are there already left out; how many were added."""
        known = self._say_what()
        new = lines[max(0, known.next - index) :]
        if not new:
            return 0
        first = index + len(lines) - len(new)
        note = _note(new[0], first - known.next) if first != known.next else b""
        if note or known.ahead:
            self._record({"rows": [known.lines + bool(note), first]})
            known.ahead = True
        data = note + b"".join(new)
        self._append("log", data)
        known.lines += len(new) + bool(note)
        known.size += len(data)
        known.next, known.ahead = first + len(new), False
        return len(new)

    def state(self, told: TaskTold) -> None:
        """Says how far the task is."""
        known = self._say_what()
        state = (told.result, told.started, told.stopped)
        changed = [step for step in told.steps if known.steps.get(step.id) != step]
        if state != known.state or changed:
            self._record({"state": list(state), "steps": [write_step(step) for step in changed]})
            known.state = state
            known.steps |= {step.id: step for step in changed}

    def end(self) -> None:
        """The forge has all rows."""
        known = self._say_what()
        if not known.ended:
            self._record({"end": True})
            known.ended = True
            for end in ("log", "jsonl"):
                self._sync(end)

    def _say_what(self) -> _Known:
        known = self._looked()
        if self._what is not None and self._what != known.what:
            self._record(write_what(self._what))
            known.what = self._what
        return known

    def _looked(self) -> _Known:
        """What is there, read where that is not known: after a start, or where somebody else wrote."""
        log = self._path("log")
        if _size(log) == self._known.size:
            return self._known
        _mend(self._path("jsonl"))
        size, lines = _mend(log)
        kept = read_kept(self.folder, self.task) or Kept(self.folder, What(self.task))
        line, row = max((s for s in kept.segments if s[0] <= lines), default=(0, 0))
        self._known = _Known(
            size=size,
            lines=lines,
            next=row + lines - line,
            ahead=any(start > lines for start, _ in kept.segments),
            what=kept.what if kept.what != What(self.task) else None,
            state=(kept.result, kept.started, kept.stopped),
            steps=dict(kept.steps),
            ended=kept.complete,
        )
        return self._known

    def _path(self, end: str) -> Path:
        return self.folder / f"{self.task}.{end}"

    def _record(self, record: dict[str, object]) -> None:
        self._append("jsonl", json.dumps(record, ensure_ascii=False).encode("utf-8", "replace") + b"\n")

    def _append(self, end: str, data: bytes) -> None:
        """All of it or, where the disk is full, nothing."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        descriptor = os.open(self._path(end), flags, 0o600)
        try:
            before, rest = os.fstat(descriptor).st_size, memoryview(data)
            try:
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
            except OSError:
                os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)

    def _sync(self, end: str) -> None:
        with suppress(FileNotFoundError):  # a job without a row has no log
            descriptor = os.open(self._path(end), os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)


def _note(row: bytes, missing: int) -> bytes:
    """A line in place of rows that are not there, with the time of the row behind it."""
    what = "1 row is" if missing == 1 else f"{missing} rows are"
    why = "the tap did not see them, or could not write them"
    return row[: row.find(b" ") + 1] + f"whyred tap: {what} missing here: {why}\n".encode()


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except FileNotFoundError:
        return 0


def _mend(file: Path) -> tuple[int, int]:
    """Cuts off a last line without an end, which a crash left; the bytes and lines that stay. Raises OSError."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return 0, 0
    with os.fdopen(descriptor, "r+b", buffering=0) as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(file))
        whole = at = lines = 0
        while data := opened.read(_PIECE):
            found = data.rfind(b"\n")
            whole = at + found + 1 if found >= 0 else whole
            lines += data.count(b"\n")
            at += len(data)
        if whole < at:
            opened.truncate(whole)
        return whole, lines
