"""Whether an SQLite file in the usual place is still the forge's database, or was left behind by a move to another one.

Only app.ini says which database a forge has. Where it was not read, what lies beside the file is held against it: the
process that serves, the log files, and what the server itself says. What contradicts it makes it no answer at all.
"""

import posixpath
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from whyred.model.host import FarHost, Host, HostRefusedError, Process
from whyred.model.source import Missing, MissingLogError
from whyred.sources import _forge_tables as rows
from whyred.sources._database import Database, Tables, whole
from whyred.sources._forge_place import Place, named_host, serving
from whyred.sources.reach import Reach

_SLACK = 60.0
"""Seconds by which a log file may be newer than the database: it is written first, and noted there right after."""
_NEXT = 16
"""Tasks after the newest known one whose log files are looked for: most of them have one."""
_QUESTIONS = 2000
"""Folders and files of logs that are looked at, in all."""
_TICKS = 100
"""Clock ticks a second in /proc/PID/stat: USER_HZ, the same on every Linux."""
_LOG = re.compile(r"([0-9]{1,18})\.log(?:\.zst)?")
_KEY = "forge-database-current"


def doubted(reach: Reach, found: Place, path: str, opened: Callable[[], Database]) -> Tables:
    """The database in this file, after nothing on the machine spoke against it. Looked into once a reach.

    Raises MissingLogError (no-permission, for only app.ini or the user can tell the right one): it was left behind.
    """
    tables, key = Tables(opened(), _how(found, path)), f"{_KEY} {path}"
    try:
        if key not in reach.kept:
            suspect = _evidence(named_host(reach), found, path, tables)
            reach.kept[key] = _seen_again(named_host(reach), found, path, opened) if suspect else None
        if why := reach.kept[key]:
            raise left_behind(tables, str(why))
    except MissingLogError:
        tables.database.close()
        raise
    return tables


def _seen_again(host: Host, found: Place, path: str, opened: Callable[[], Database]) -> str | None:
    """The evidence, looked for once more: a job may have begun and ended between one look and the other."""
    tables = Tables(opened())
    try:
        return _evidence(host, found, path, tables)
    finally:
        tables.database.close()


def left_behind(tables: Tables, why: str) -> MissingLogError:
    """The refusal of a database that the forge no longer uses."""
    help_ = f"it seems to be left behind by a move to another database: {why}. {tables.doubt}"
    return MissingLogError(Missing.NO_PERMISSION, f"read {tables.database.name}", help_)


def _how(found: Place, path: str) -> str:
    """What the user can do to have the right one."""
    told = "Give the address of the right one with --database"
    if found.ini is not None:
        told = f"{found.ini} names the right one: let whyred read it (--read-app-ini), or give it with --database"
    return f"{told} (sqlite://{path} reads this one all the same)"


def _evidence(host: Host, found: Place, path: str, tables: Tables) -> str | None:
    """What speaks against the file; None where nothing does, or nothing is to be seen."""
    with suppress(HostRefusedError):
        written = _written(host, path)
        opened = [(process, _opened(host, process, path)) for process in serving(host, found)]
        if any(known for _, known in opened):
            return None
        for process in (process for process, known in opened if known is False):
            if (began := _began(host, process)) is not None and written < began:
                return f"the forge that runs there (process {process.pid}) has not opened it since it started"
        newest = _newest(tables)
        if newest is not None and (log := _Logs(host, newest, written, _QUESTIONS).later(found.path(found.logs.path))):
            return f"{log} is the log of a job that it does not know of"
    return None


def _written(host: Host, path: str) -> float:
    """When the database was written last; its write-ahead log counts."""
    times = [host.stat(path).modified]
    with suppress(HostRefusedError):
        times.append(host.stat(f"{path}-wal").modified)
    return max(times)


def _opened(host: Host, process: Process, path: str) -> bool | None:
    """Whether a process has a file of this name open; None where that is not to be seen."""
    folder = f"/proc/{process.pid}/fd"
    try:
        names = [posixpath.join(folder, name) for name in host.names(folder)]
        if isinstance(host, FarHost):
            host.ahead(names)
    except HostRefusedError:
        return None
    links = set()
    for name in names:
        with suppress(HostRefusedError):  # it was closed meanwhile
            links.add(posixpath.basename(host.link(name)))
    return posixpath.basename(path) in links if links else None


def _began(host: Host, process: Process) -> float | None:
    """When a process started, in seconds since the epoch."""
    boot = re.search(rb"^btime ([0-9]{1,12})$", host.read("/proc/stat"), re.M)
    return float(boot[1]) + process.started / _TICKS if boot else None


def _newest(tables: Tables) -> int | None:
    """The newest task that the database knows; None where it has no such table."""
    if not tables.known(rows.NEWEST_TASK.table):
        return None
    return max((whole(row, "id") for row in tables.ask(rows.NEWEST_TASK)), default=0)


@dataclass
class _Logs:
    """The log files on a machine, held against a database that knows tasks up to `newest` and was `written` then."""

    host: Host
    newest: int
    written: float
    left: int

    def later(self, folder: str) -> str | None:
        """A log that the database should know of, and does not."""
        next_ = {f"{(self.newest + n) % 256:02x}" for n in range(1, _NEXT + 1)}
        rest: list[str] = []
        for repo in self._repositories(folder):
            for name in self._names(repo):
                path = posixpath.join(repo, name)
                if name not in next_:
                    rest.append(path)
                elif (found := self._unknown(path)) is not None:
                    return found
        if isinstance(self.host, FarHost):
            self.host.ahead(rest[: self.left])
        changed = (path for path in rest if self._is_later(path))
        return next((found for path in changed if (found := self._unknown(path)) is not None), None)

    def _repositories(self, folder: str) -> Iterator[str]:
        for owner in self._names(folder):
            for name in self._names(posixpath.join(folder, owner)):
                yield posixpath.join(folder, owner, name)

    def _names(self, folder: str) -> list[str]:
        self.left -= 1
        with suppress(HostRefusedError):
            return self.host.names(folder) if self.left >= 0 else []
        return []

    def _unknown(self, folder: str) -> str | None:
        """A log in this folder that is of a later task, or written after the database was."""
        for name in self._names(folder):
            match, path = _LOG.fullmatch(name), posixpath.join(folder, name)
            if match and (int(match[1]) > self.newest or self._is_later(path)):
                return path
        return None

    def _is_later(self, path: str) -> bool:
        self.left -= 1
        with suppress(HostRefusedError):
            return self.left >= 0 and self.host.stat(path).modified > self.written + _SLACK
        return False
