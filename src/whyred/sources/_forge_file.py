"""The files in which a forge keeps logs: plain ones (Forgejo to 8, Gitea to 1.22) and frames of zstd with a seek table.

Source: models/actions/task.go (logFileName), modules/actions/log.go of Forgejo 7 to 16 and Gitea 1.21 to 1.26.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from whyred.model.evidence import Reason
from whyred.model.host import Host, HostRefusedError
from whyred.model.source import Missing, MissingLogError
from whyred.sources._forge_place import named_host, place, refused
from whyred.sources._seekable import FOOTER, Frame, first_frame, read_table, table_size
from whyred.sources._zstd import decoded
from whyred.sources.reach import Reach

ENDS = (".log.zst", ".log")
_TABLE_LIMIT = 64 << 20
"""Bytes of a seek table that are read: enough for 700 GB of log."""
_ELSEWHERE = (
    "; else the machine of its runner may have it (--runner-host), or a tap (whyred tap); or run the job again"
    " (whyred rerun)"
)


class Text(Protocol):
    """The text of a log, which can be read from any byte on."""

    @property
    def name(self) -> str:
        """Where it lies, for people."""

    def read(self, start: int = 0) -> Iterator[bytes]:
        """The text from byte `start` on to its end. Raises MissingLogError."""


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
    return open_text(named_host(reach), posixpath.join(folder_of_logs(reach), name))


def _is_name(name: str) -> bool:
    parts = name.split("/")
    return (
        len(name) <= 1024
        and name.endswith(ENDS)
        and name.isprintable()
        and "\\" not in name
        and not any(part in ("", ".", "..") for part in parts)
    )


def open_text(host: Host, path: str) -> Text:
    """The stored log in this file. Raises MissingLogError."""
    try:
        size = host.stat(path).size
    except HostRefusedError as e:
        raise refused(e, f"read {path}", Missing.DELETED) from e
    if not path.endswith(".zst"):
        return Plain(host, path, size)
    if size == 0:  # even a log without a line has a seek table
        raise MissingLogError(Missing.CORRUPT, f"read {path}", "the file is empty: restore it, or run the job again")
    return Packed(host, path, size)


def gone(reach: Reach, asked: str, *, stored: bool) -> MissingLogError:
    """The file of a log is not where it belongs. `stored`: the database says that it was put there and has not expired.

    Source: services/actions/cleanup.go, [actions] and [storage.actions_log] of app.ini; reference, section 3.
    """
    if stored:
        why = (
            "its file is gone, and by the database the forge stored it and did not delete it: is a volume not mounted,"
            " was the folder moved or cleaned? Restore the file from a backup"
        )
    else:
        why = (
            "its file is gone: the forge deletes one [actions] LOG_RETENTION_DAYS days after the end (365 by default;"
            " Forgejo to 8 and Gitea to 1.22 delete none)"
        )
    found = place(reach)
    if found.settings is None and found.ini is not None:
        why += f"; or [storage.actions_log] in {found.ini} names another place: let whyred read it (--read-app-ini)"
    return MissingLogError(Missing.DELETED, asked, why + _ELSEWHERE)


def expired(asked: str) -> MissingLogError:
    """The forge itself deleted a log, and notes that in its database."""
    help_ = (
        "the forge deleted it after its retention time ([actions] LOG_RETENTION_DAYS in app.ini, 365 days by default:"
        " raise it for runs to come)"
    )
    return MissingLogError(Missing.EXPIRED, asked, help_ + _ELSEWHERE)


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
