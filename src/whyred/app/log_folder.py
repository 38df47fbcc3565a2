"""A folder of logs, one file a job: which names they get, which are whole already, and how a file comes to be there.

A file gets its name when all of it is written. A list in the folder says of every file whose log it is, so that a later
start asks only for what is missing, and no file is taken for another run's.
"""

import errno
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path
from typing import Any, BinaryIO

from whyred.model.run import Attempt
from whyred.model.trouble import UserError

SCHEMA = "whyred.collected/1"
LIST = "whyred-logs.jsonl"
"""The list: one JSON object a line, a later one in place of an earlier one of the same file."""
_UNFIT = re.compile(r"[^\w.-]+")
"""What no file name is given, whatever a job is called: blanks, slashes, controls."""
_LONG = 80
_PART = re.compile(r"\.(.+)\.(\d{1,10})\.part")


def names(attempts: Sequence[Attempt]) -> list[str]:
    """A name for the log of each attempt, by its job, and by its run where there are several; no two are alike, also
    where capitals do not count.
    """
    several = len({attempt.run.label for attempt in attempts}) > 1
    found: list[str] = []
    taken: set[str] = set()
    for attempt in attempts:
        job = attempt.job.name if attempt.job else "job"
        number = attempt.run.number if attempt.run.number is not None else attempt.run.id
        run = f"{number}-" if several and number is not None else ""
        again = f"-attempt-{attempt.number}" if (attempt.number or 1) > 1 else ""
        base = run + (_UNFIT.sub("-", job)[:_LONG].strip("-.") or "job") + again
        tries = chain((base,), (f"{base}-{n}" for n in count(2)))
        name = next(name for name in tries if name.lower() not in taken)
        taken.add(name.lower())
        found.append(name)
    return found


@dataclass(frozen=True, slots=True)
class Listed:
    """What the list says of a file: of which try of which job of which run it is the log, its size in bytes, and all
    else that is told of it. `identity` None: not known well enough, or more lines may have come since.
    """

    file: str
    server: str
    run: str
    identity: str | None
    size: int
    told: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As it stands in the list."""
        known = {"file": self.file, "server": self.server, "run": self.run, "identity": self.identity}
        return {"schema": SCHEMA, **known, "bytes": self.size, **self.told}


def _listed(told: dict[str, Any]) -> Listed:
    """A line of the list. Raises ValueError, KeyError and TypeError."""
    known = (told.pop(key) for key in ("file", "server", "run", "identity", "bytes"))
    file, server, run, identity, size = known
    del told["schema"]
    return Listed(str(file), str(server), str(run), None if identity is None else str(identity), int(size), told)


class LogFolder:
    """The folder. Raises UserError where nothing can be written there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts: set[Path] = set()
        self._list: int | None = None
        self._joint = b""
        """What the list needs before its next line: it may have been cut short within one."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._refuse_special(LIST)
            self._listed = self._load()
            self._drop_stale()
        except OSError as e:
            raise self._unwritable(e) from e

    def _load(self) -> dict[str, Listed]:
        try:
            data = (self.folder / LIST).read_bytes()
        except FileNotFoundError:
            return {}
        self._joint = b"" if data.endswith(b"\n") else b"\n"
        listed: dict[str, Listed] = {}
        for line in data.splitlines():
            with suppress(ValueError, KeyError, TypeError):  # a line that was cut short: its file is fetched again
                one = _listed(json.loads(line))
                listed[one.file] = one
        return listed

    def _drop_stale(self) -> None:
        """Takes away what a start that was killed has left."""
        for entry in os.scandir(self.folder):
            part = _PART.fullmatch(entry.name)
            if part is not None and part[1] and not _lives(int(part[2])):
                Path(entry.path).unlink(missing_ok=True)

    def refuse_loss(self, file: str, server: str, run: str) -> None:
        """Refuses to write over what is not of this run, and over what is no plain file. Raises UserError."""
        self._refuse_special(file)
        listed = self._listed.get(file)
        if (listed is None or (listed.server, listed.run) != (server, run)) and os.path.lexists(self.folder / file):
            why = f"it is of {listed.run} on {listed.server}" if listed else "whyred did not write it"
            raise UserError(f"{self.folder / file} is there already", why, "Take it away, or name another folder")

    def _refuse_special(self, file: str) -> None:
        try:
            plain = stat.S_ISREG((self.folder / file).lstat().st_mode)
        except OSError:
            return  # it is not there; or it cannot be reached, and writing tells why
        if not plain:
            what, why = f"{self.folder / file} is no plain file", "it would be taken away, and a log put in its place"
            raise UserError(what, why, "Take it away, or name another folder")

    def names(self, file: str) -> bool:
        """Whether it is known of which try the file is the log."""
        listed = self._listed.get(file)
        return listed is not None and listed.identity is not None

    def whole(self, file: str, identity: str | None) -> Listed | None:
        """The file, where it is the whole log of this very try."""
        listed = self._listed.get(file)
        if listed is None or identity is None or listed.identity != identity:
            return None
        try:
            state = (self.folder / file).lstat()
        except OSError:
            return None
        return listed if state.st_size == listed.size else None

    def begin(self, file: str) -> tuple[BinaryIO, Path]:
        """A file to write to, under a private name. Raises OSError."""
        part = self.folder / f".{file}.{os.getpid()}.part"
        self._parts.add(part)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.fdopen(os.open(part, flags, 0o666), "wb", buffering=0), part

    def end(self, part: Path, listed: Listed) -> None:
        """Lists a file that is whole, and gives it its name. Raises OSError.

        In this order: what is listed and not there is fetched again, what is there and not listed is nobody's.
        """
        told = listed.to_json()
        line = self._joint + json.dumps(told, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        if self._list is None:
            self._list = os.open(self.folder / LIST, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o666)
        if os.write(self._list, line) < len(line):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._joint = b""
        part.replace(self.folder / listed.file)
        self._parts.discard(part)
        self._listed[listed.file] = listed

    def give_up(self, part: Path) -> None:
        """Takes an unfinished file away."""
        if part not in self._parts:
            return
        with suppress(OSError):  # the disk that refused it may refuse this, too; the next start takes it away
            part.unlink(missing_ok=True)
        self._parts.discard(part)

    def close(self) -> None:
        """Takes every unfinished file away; nothing is listed any more."""
        for part in list(self._parts):
            self.give_up(part)
        if self._list is not None:
            os.close(self._list)
            self._list = None

    def _unwritable(self, error: OSError) -> UserError:
        why = error.strerror or str(error)
        return UserError(f"cannot write to {self.folder}", why, "Name another folder with --out-dir")


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
