"""SQLite databases on the forge's machine, read without writing a byte there, not even beside the file.

How: a database with a rollback journal is opened read-only, which takes a lock of the kernel and writes nothing. One
with a write-ahead log, by what lies beside it: no `-wal` means that nobody has it open, so it is read as one that
cannot change (`immutable`); `-wal` and `-shm` mean a server that runs or was killed, and both are read, with
`readonly_shm`, without which SQLite would note in `-shm` that it reads; `-wal` without `-shm` is copied into memory.
A file that this process can open itself is opened; else `sqlite3` is asked on that machine; where that is missing, the
file is copied into memory. Source: sqlite.org/uri.html, sqlite.org/wal.html (read-only databases), os_unix.c.
"""

import os
import sqlite3
from collections.abc import Sequence
from urllib.parse import quote

from whyred.model.evidence import Reason
from whyred.model.host import Host, HostRefusedError, Stat
from whyred.model.source import Missing, MissingLogError
from whyred.sources._database import Database, Value
from whyred.sources._forge_place import refused
from whyred.sources._sqlite_copy import apply_wal, legacy

COPY_LIMIT = 256 << 20
"""Bytes of a database that is copied into memory; an instance of some hundred users has less."""
_MAGIC = b"SQLite format 3\x00"
_COLUMNS = "SELECT name AS c0 FROM pragma_table_info(?)"
_SECONDS = 5.0
_TOOL_SECONDS = 60.0
_TRIES = 3
_END = "."


def open_sqlite(host: Host, path: str, kept: dict[str, object]) -> Database:
    """The database in that file. `kept`: where a copy is kept, so that it is made once. Raises MissingLogError."""
    asked = f"read the database {path}"
    try:
        stat = host.stat(path)
        head = host.read(path, 100)
        how = _how(host, path, wal=head[18:19] == b"\x02")
    except HostRefusedError as e:
        raise refused(e, asked) from e
    if not head.startswith(_MAGIC):
        help_ = "it is no SQLite database: name the forge's own (gitea.db or forgejo.db in its data folder)"
        raise MissingLogError(Missing.CORRUPT, asked, help_)
    if how is None:
        return _copied(host, path, kept)
    uri = f"file:{quote(path)}?{how}"
    if _is_ours(path, stat):
        try:
            return File(path, uri, moment="immutable" in how)
        except sqlite3.Error:
            return _copied(host, path, kept)  # such as a -shm that only the forge's user may read
    tool = Tool(host, path, uri, moment="immutable" in how)
    return tool if tool.there() else _copied(host, path, kept)


def _how(host: Host, path: str, *, wal: bool) -> str | None:
    """How to open it without writing; None where that is not possible."""
    if not wal:
        return "mode=ro"
    if not _there(host, f"{path}-wal"):
        return "mode=ro&immutable=1"
    return "mode=ro&readonly_shm=1" if _there(host, f"{path}-shm") else None


def _there(host: Host, path: str) -> bool:
    try:
        host.stat(path)
    except HostRefusedError as e:
        if e.unknown.reason is Reason.NOT_FOUND:
            return False
        raise
    return True


def _is_ours(path: str, seen: Stat) -> bool:
    """Whether this very file can be opened from here: the host may be this machine or another."""
    try:
        here = os.stat(path)  # noqa: PTH116 - the path goes to the kernel as the host was asked for it
    except OSError:
        return False
    same = (here.st_dev, here.st_ino, here.st_size) == (seen.device, seen.inode, seen.size)
    return same and abs(here.st_mtime - seen.modified) < 1 and os.access(path, os.R_OK)


class File:
    """A file that this process opens itself."""

    def __init__(self, path: str, uri: str, *, moment: bool) -> None:
        self.name, self.moment = f"SQLite {path}", moment
        self._asked = f"read the database {path}"
        self._connection = _connected(uri)

    def columns(self, table: str) -> frozenset[str]:
        """The columns of a table."""
        return frozenset(str(row[0]) for row in self.select(_COLUMNS, (table,)))

    def select(self, sql: str, values: Sequence[int | str]) -> list[tuple[Value, ...]]:
        """The rows."""
        return _selected(self._connection, self._asked, sql, values)

    def close(self) -> None:
        """Gives the file up."""
        self._connection.close()


def _connected(uri: str) -> sqlite3.Connection:
    """Raises sqlite3.Error where it cannot be read; a connection alone reads nothing yet."""
    connection = sqlite3.connect(uri, uri=True, timeout=_SECONDS, isolation_level=None)
    connection.text_factory = _decoded
    try:
        connection.execute("SELECT name FROM sqlite_master LIMIT 1").fetchall()
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _decoded(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _selected(
    connection: sqlite3.Connection, asked: str, sql: str, values: Sequence[int | str]
) -> list[tuple[Value, ...]]:
    try:
        return connection.execute(sql, tuple(values)).fetchall()
    except sqlite3.Error as e:
        raise _refused(e, asked) from e


def _refused(error: sqlite3.Error, asked: str) -> MissingLogError:
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return MissingLogError(Missing.UNREACHABLE, asked, "the forge holds it locked for long: try again")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_IOERR")):
        help_ = f"the database is damaged or changes while it is read ({name}): try again, then ask the forge's admin"
        return MissingLogError(Missing.CORRUPT, asked, help_)
    return MissingLogError(Missing.SERVER_ERROR, asked, f"SQLite says {name or 'no'}: try again")


class Copy:
    """A copy in memory; its connection is kept for whoever asks next."""

    def __init__(self, path: str, data: bytes) -> None:
        self.name, self.moment = f"a copy of SQLite {path}", True
        self._asked = f"read the database {path}"
        self._connection = sqlite3.connect(":memory:", check_same_thread=False)
        self._connection.text_factory = _decoded
        try:
            self._connection.deserialize(data)
        except sqlite3.Error as e:
            raise _refused(e, self._asked) from e

    def columns(self, table: str) -> frozenset[str]:
        """The columns of a table."""
        return frozenset(str(row[0]) for row in self.select(_COLUMNS, (table,)))

    def select(self, sql: str, values: Sequence[int | str]) -> list[tuple[Value, ...]]:
        """The rows."""
        return _selected(self._connection, self._asked, sql, values)

    def close(self) -> None:
        """Nothing: it may be asked again."""


def _copied(host: Host, path: str, kept: dict[str, object]) -> Copy:
    asked = f"copy the database {path}"
    try:
        for _ in range(_TRIES):
            before = _state(host, path)
            known = kept.get(f"sqlite-copy {path}")
            if isinstance(known, tuple) and known[0] == before and isinstance(known[1], Copy):
                return known[1]
            data = _read(host, path, asked)
            if _state(host, path)[:-1] == before[:-1] and not before[-2]:
                copy = Copy(path, data)
                kept[f"sqlite-copy {path}"] = (before, copy)
                return copy
    except HostRefusedError as e:
        raise refused(e, asked) from e
    help_ = "it changes faster than it can be copied: install sqlite3 on that machine, or run whyred there"
    raise MissingLogError(Missing.UNREACHABLE, asked, help_)


def _state(host: Host, path: str) -> tuple[object, ...]:
    """What changes when the database does; last whether a transaction is under way, and how long the write-ahead log
    is. One that only grew keeps its beginning and its pages, so a copy of what it had before is whole.
    """
    stat = host.stat(path)
    wal, size, journal = b"", 0, b""
    if _there(host, f"{path}-wal"):
        wal, size = host.read(f"{path}-wal", 32), host.stat(f"{path}-wal").size
    elif _there(host, f"{path}-journal"):
        journal = host.read(f"{path}-journal", 8)
    return (stat.inode, stat.size, stat.modified, wal, any(journal), size)


def _read(host: Host, path: str, asked: str) -> bytes:
    """The database with its write-ahead log applied. The log is read first: what it holds later is not wanted."""
    wal = _whole(host, f"{path}-wal", asked) if _there(host, f"{path}-wal") else bytearray()
    data = _whole(host, path, asked)
    apply_wal(data, bytes(wal))
    legacy(data)
    return bytes(data)


def _whole(host: Host, path: str, asked: str) -> bytearray:
    data = bytearray()
    for piece in host.stream(path):
        data += piece
        if len(data) > COPY_LIMIT:
            help_ = (
                f"it has more than {COPY_LIMIT >> 20} MiB, too much to copy into memory: install sqlite3 on that"
                " machine, or run whyred there"
            )
            raise MissingLogError(Missing.TOO_LARGE, asked, help_)
    return data


class Tool:
    """`sqlite3` on the forge's machine. Values go into the statement as hexadecimal text, so none can end it; columns
    come back with a letter for their type and in hexadecimal, so neither the text nor the version of the tool matters.
    """

    def __init__(self, host: Host, path: str, uri: str, *, moment: bool) -> None:
        self.name, self.moment = f"SQLite {path}, by sqlite3 there", moment
        self._host, self._uri, self._asked = host, uri, f"read the database {path} with sqlite3"

    def there(self) -> bool:
        """Whether the tool is there and can open this file."""
        try:
            self.select("SELECT name AS c0 FROM sqlite_master LIMIT 1", ())
        except MissingLogError as e:
            if e.reason in (Missing.ROUTE_NOT_ON_THIS_VERSION, Missing.SERVER_ERROR):
                return False
            raise
        return True

    def columns(self, table: str) -> frozenset[str]:
        """The columns of a table."""
        return frozenset(str(row[0]) for row in self.select(_COLUMNS, (table,)))

    def select(self, sql: str, values: Sequence[int | str]) -> list[tuple[Value, ...]]:
        """The rows."""
        told = _wrapped(sql, values)
        # -init: nobody's ~/.sqliterc changes the form of the answer. -bail: no second statement after a failed one.
        argv = ["sqlite3", "-batch", "-bail", "-init", "/dev/null", "-readonly", "-list", "-cmd", ".timeout 5000"]
        try:
            output = self._host.run([*argv, self._uri, told], _TOOL_SECONDS)
        except HostRefusedError as e:
            raise self._not_asked(e) from e
        if output.code != 0:
            raise self._failed(output.err)
        *lines, end = output.out.decode("ascii", "replace").splitlines() or [""]
        if end != _END:
            help_ = "its answer was cut: run whyred on that machine"
            raise MissingLogError(Missing.TOO_LARGE, self._asked, help_)
        return [tuple(_unpacked(column) for column in line.split("|")) for line in lines]

    def close(self) -> None:
        """Nothing: every question is a process of its own."""

    def _not_asked(self, error: HostRefusedError) -> MissingLogError:
        if error.unknown.reason is Reason.TOOL_MISSING:
            help_ = "that machine has no sqlite3"
            return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, self._asked, help_)
        return refused(error, self._asked)

    def _failed(self, said: bytes) -> MissingLogError:
        if b"locked" in said:
            return MissingLogError(Missing.UNREACHABLE, self._asked, "the forge holds it locked for long: try again")
        if b"malformed" in said or b"not a database" in said:
            help_ = "the database is damaged or changes while it is read: try again, then ask the forge's admin"
            return MissingLogError(Missing.CORRUPT, self._asked, help_)
        return MissingLogError(Missing.SERVER_ERROR, self._asked, "sqlite3 cannot read it there: try again")


def _wrapped(sql: str, values: Sequence[int | str]) -> str:
    """The statement with its values in it and its columns in a form that any text survives, and a last line."""
    parts = sql.split("?")
    given = [str(v) if isinstance(v, int) else f"CAST(X'{v.encode().hex()}' AS TEXT)" for v in values]
    told = "".join(a + b for a, b in zip(parts, [*given, ""], strict=True))
    count = told.partition(" FROM ")[0].count(" AS c")
    columns = "||'|'||".join(f"substr(typeof(c{i}),1,1)||hex(c{i})" for i in range(count))
    return f"SELECT {columns} FROM ({told}); SELECT '{_END}'"  # noqa: S608 - only hexadecimal digits came from outside


def _unpacked(column: str) -> Value:
    kind, data = column[:1], bytes.fromhex(column[1:])
    if kind == "i":
        return int(data)
    if kind == "r":
        return float(data)
    if kind == "t":
        return data.decode("utf-8", "replace")
    return data if kind == "b" else None
