"""The log files on the forge's own machine: plain ones (Forgejo to 8, Gitea to 1.22) and frames of zstd with a seek
table. For the forge's database route, and alone where no database can be read: then without the steps' boundaries.

Source: models/actions/task.go (logFileName), modules/actions/log.go of Forgejo 7 to 16 and Gitea 1.21 to 1.26.
"""

import itertools
import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from whyred.model.evidence import Reason
from whyred.model.forge import Kind
from whyred.model.host import Host, HostRefusedError
from whyred.model.run import Attempt, Status
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import _forge_api
from whyred.sources._forge_place import named_host, not_named, place, refused
from whyred.sources._seekable import FOOTER, Frame, first_frame, read_table, table_size
from whyred.sources._zstd import decoded
from whyred.sources.reach import Reach, Want

NAME = "forge-disk"
SERVES = "log files on the machine of a Forgejo or Gitea (--forge-host)"
ORDER = 131
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
WITHOUT_SERVER = True
_ENDS = (".log.zst", ".log")
_TABLE_LIMIT = 64 << 20
"""Bytes of a seek table that are read: enough for 700 GB of log."""


class Text(Protocol):
    """The text of a log, which can be read from any byte on."""

    @property
    def name(self) -> str:
        """Where it lies, for people."""

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The text from byte `start` on to its end. Raises MissingLogError."""


def refuses(reach: Reach) -> MissingLogError | None:
    """The machine must have been named."""
    return not_named(reach) if reach.host is None else None


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The stored log, whole or its tail; the file does not tell where steps begin."""
    host, asked = named_host(reach), f"look for the log file of {attempt.run.label}"
    if attempt.status in (Status.WAITING, Status.BLOCKED):
        raise _forge_api.not_started(asked, attempt)
    if attempt.status is Status.RUNNING:
        help_ = "while a job runs its rows are in the forge's database, and no file: the database route reads them"
        raise MissingLogError(Missing.STILL_RUNNING, asked, help_)
    if attempt.id is None or attempt.run.repo is None:
        help_ = "files are named after the number of the attempt (its task), which only an API or the database tells"
        raise MissingLogError(Missing.WRONG_ID_KIND, asked, help_)
    folder = folder_of_logs(reach)
    text = _open(host, _search(host, folder, attempt.run.repo, attempt.id))
    chunks = text.read() if want.tail is None else tail(text, want.tail)
    return Fetched(attempt, begun(chunks), f"{NAME}: {text.name}", boundaries=Boundaries.GUESSED)


def folder_of_logs(reach: Reach) -> str:
    """The folder of the logs, as the host has it. Raises MissingLogError: an object store keeps them."""
    found = place(reach)
    if found.logs.kind != "local":
        help_ = (
            f"this forge keeps its logs in an object store ({found.logs.kind}), and no file: use its API or web pages"
            " (whyred access), or get the object with the store's own client and name the file"
        )
        raise MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, f"look into {found.ini or found.seen}", help_)
    folder = found.path(found.logs.path)
    if found.settings is None:
        _usual(named_host(reach), folder, found.ini)
    return folder


def _usual(host: Host, folder: str, ini: str | None) -> None:
    """Refuses where the usual folder of the logs is not there: app.ini may name another one."""
    try:
        host.stat(folder)
    except HostRefusedError as e:
        if ini is None or e.unknown.reason is not Reason.NOT_FOUND:
            raise refused(e, f"look into {folder}") from e
        help_ = (
            f"there is no {folder}: {ini} may name another one, so let whyred read it, or name the right data folder"
        )
        raise MissingLogError(Missing.NOT_FOUND, f"look into {folder}", help_) from e


def open_log(reach: Reach, name: str) -> Text:
    """The stored log of this name (`OWNER/REPO/HH/TASK.log.zst`, as the database has it). Raises MissingLogError."""
    if not _is_name(name):
        help_ = "the database names a log file that no forge writes: the row is damaged, or somebody planted it"
        raise MissingLogError(Missing.CORRUPT, f"read the log {name[:200]!r}", help_)
    return _open(named_host(reach), posixpath.join(folder_of_logs(reach), name))


def _is_name(name: str) -> bool:
    parts = name.split("/")
    return (
        len(name) <= 1024
        and name.endswith(_ENDS)
        and name.isprintable()
        and "\\" not in name
        and not any(part in ("", ".", "..") for part in parts)
    )


def _search(host: Host, folder: str, repo: str, task: int) -> str:
    """The path of a task's file: in its repository's folder, or in the one that had its name when it ran."""
    asked = f"look for the log of task {task} in {folder}"
    ends = [f"{task % 256:02x}/{task}{end}" for end in _ENDS]
    try:
        host.names(folder)
        folders = itertools.chain([posixpath.join(folder, repo)], _repositories(host, folder))
        for candidate in folders:
            for end in ends:
                path = posixpath.join(candidate, end)
                if _is_file(host, path):
                    return path
    except HostRefusedError as e:
        raise refused(e, asked) from e
    help_ = "its file is gone: the forge deletes it after its retention time (365 days, [actions] LOG_RETENTION_DAYS)"
    raise MissingLogError(Missing.DELETED, asked, help_)


def _repositories(host: Host, folder: str) -> Iterator[str]:
    for owner in host.names(folder):
        try:
            names = host.names(posixpath.join(folder, owner))
        except HostRefusedError as e:
            if e.unknown.reason is Reason.NO_PERMISSION:
                raise
            continue  # a file among the folders, or a folder that was just removed
        yield from (posixpath.join(folder, owner, name) for name in names)


def _is_file(host: Host, path: str) -> bool:
    try:
        return host.stat(path).kind == "file"
    except HostRefusedError as e:
        if e.unknown.reason is Reason.NO_PERMISSION:
            raise
        return False


def _open(host: Host, path: str) -> Text:
    try:
        size = host.stat(path).size
    except HostRefusedError as e:
        raise refused(e, f"read {path}", Missing.DELETED) from e
    if not path.endswith(".zst"):
        return Plain(host, path, size)
    if size == 0:  # even a log without a line has a seek table
        raise MissingLogError(Missing.CORRUPT, f"read {path}", "the file is empty: restore it, or run the job again")
    return Packed(host, path, size)


def begun(chunks: Iterator[bytes]) -> Iterator[bytes]:
    """The stream after its first bytes came, so that a refusal is told before anything is shown."""
    first = next(chunks, None)
    return iter(()) if first is None else itertools.chain([first], chunks)


def tail(text: Text, size: int) -> Iterator[bytes]:
    """The last `size` bytes and what of their first line is left out: whole lines only."""
    whole = length(text)
    if whole is None or whole <= size:
        return text.read()
    return _from_line(text.read(whole - size - 1))


def _from_line(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for chunk in chunks:
        _, newline, rest = chunk.partition(b"\n")
        if newline:
            yield rest
            yield from chunks
            return


def length(text: Text) -> int | None:
    """Bytes of the whole text, where that is known without reading it."""
    if isinstance(text, Plain):
        return text.size
    if isinstance(text, Packed):
        frames = text.frames()
        return frames[-1].stop if frames else None
    return None


@dataclass(frozen=True, slots=True)
class Plain:
    """A log that lies as it is."""

    host: Host
    name: str
    size: int

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The text from byte `start` on."""
        return _streamed(self.host, self.name, start)


@dataclass(frozen=True, slots=True)
class Packed:
    """A log in zstd frames. With its seek table only the frames that are wanted are read."""

    host: Host
    name: str
    size: int

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The text from byte `start` on. Raises MissingLogError: damaged, or cut off."""
        frames = self.frames() if start else ()
        if frames and start >= frames[-1].stop:
            return
        frame = first_frame(frames, start) or Frame(0, 0, 0)
        at, skip, asked = frame.at, start - frame.start, f"read {self.name}"
        try:
            for piece in decoded(_streamed(self.host, self.name, at)):
                if skip < len(piece):
                    yield piece[skip:] if skip else piece
                skip = max(0, skip - len(piece))
        except ValueError as e:
            help_ = f"{e}: the file is damaged on the forge's disk; restore it from a backup, or run the job again"
            raise MissingLogError(Missing.CORRUPT, asked, help_) from e

    def frames(self) -> tuple[Frame, ...]:
        """What its seek table tells; nothing where it has none that fits, and the frames must be read in their turn."""
        if self.size < FOOTER:
            return ()
        size = table_size(b"".join(_streamed(self.host, self.name, self.size - FOOTER))[:FOOTER])
        if size is None or size > min(self.size, _TABLE_LIMIT):
            return ()
        try:
            return read_table(b"".join(_streamed(self.host, self.name, self.size - size))[:size], self.size - size)
        except ValueError:
            return ()


def _streamed(host: Host, path: str, start: int) -> Iterator[bytes]:
    try:
        yield from host.stream(path, start)
    except HostRefusedError as e:
        raise refused(e, f"read {path}", Missing.DELETED) from e
