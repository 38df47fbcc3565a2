"""`Questions`: the questions of `remote.sh` as methods of a host, however its answers come here.

Where it differs from asking the machine on the spot: a host without the program `stat` tells of a time only the minute
or the day, of a device nothing, and of space whole KiB; one without `od` tells nothing of an environment, because
whyred lets no variable travel that was not asked for; a mount is found by the path as it is written, so `readonly` of
a path with links in it is that of the path's own words.
"""

import os
import re
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from whyred.hosts import _answers
from whyred.hosts._answers import Greeting
from whyred.hosts._channel import Told
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError, Process, Space, Stat

T = TypeVar("T")

OTHER_ROOT = re.compile(r"(/proc/\d+)/root(?=/|$)")
_LONGEST_PATH = 4095
LIST_LIMIT = 64 << 20
"""Bytes of a list of names, processes or mounts: more than any machine has."""


class Questions(ABC):
    """What both a shell that answers now and the output of one that ran can be asked."""

    _greeting: Greeting

    @abstractmethod
    def _ask(self, what: str, question: str, *arguments: bytes, limit: int = LIST_LIMIT, cut: bool = False) -> Told:
        """The answer; `what` is named where the host says no. `cut`: the first `limit` bytes are answer enough.

        Raises HostRefusedError.
        """

    def _now(self) -> float:
        """When the answers were given, in seconds since the epoch: `ls` leaves out the year of a recent time."""
        return time.time()

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        """The first `limit` bytes of a file. Pipes and devices are refused: opening one can change the world."""
        return self._ask(path, "read", path_word(path), limit=max(1, limit), cut=True).body[:limit]

    def names(self, path: str) -> list[str]:
        """The sorted names in a directory."""
        told = self._ask(path, "names", path_word(path))
        return understood(path, lambda: _answers.read_names(told.body))

    def link(self, path: str) -> str:
        """Where a symbolic link points."""
        return os.fsdecode(self._ask(path, "link", path_word(path)).body.removesuffix(b"\n"))

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        """The state of a path."""
        how = b"L" if follow else b""
        if self._greeting.has_stat:
            told = self._ask(path, "stat", how, path_word(path))
            return understood(path, lambda: _answers.read_stat(told.body))
        told = self._ask(path, "stat_by_ls", how, path_word(path))
        return understood(path, lambda: _answers.read_listed(told.body, self._now()))

    def space(self, path: str) -> Space:
        """The space of the file system that holds a path, as an unprivileged user may use it."""
        root = OTHER_ROOT.match(path)
        place, mounts = (path[root.end() :] or "/", f"{root[1]}/mountinfo") if root else (path, "/proc/self/mountinfo")
        if self._greeting.has_stat_of_space:
            told = self._ask(path, "space", path_word(path), mounts.encode())
            return understood(path, lambda: _answers.read_space(told.body, place))
        told = self._ask(path, "space_by_df", path_word(path), mounts.encode())
        return understood(path, lambda: _answers.read_free(told.body, place, told.mark))

    def environ(self, pid: int, keys: Sequence[str]) -> dict[str, str]:
        """The values of the given keys, and no others: an environment holds secrets, so it is searched there.

        Raises HostRefusedError with `tool-missing` where `od` is missing: nothing else in POSIX tells NUL bytes apart.
        """
        path = f"/proc/{pid}/environ"
        if not self._greeting.has_od:
            what = "od is not on the host, and whyred lets no environment travel whole"
            raise HostRefusedError(Reason.TOOL_MISSING, f"{path}: {what}")
        wanted = [os.fsencode(k).hex().encode() for k in keys if k]
        told = self._ask(path, "environ", path.encode(), *wanted)
        return understood(path, lambda: _answers.read_variables(told.body))

    def processes(self) -> list[Process]:
        """Every process that can be seen, by pid. One that ends meanwhile is left out."""
        told = self._ask("/proc", "processes" if self._greeting.has_grep else "processes_by_cat")
        return _answers.read_processes(told.body, told.mark)


def path_word(path: str) -> bytes:
    """The path in bytes. Raises HostRefusedError where no file system could hold it, as the kernel does."""
    data = word(path, path)
    if len(data) > _LONGEST_PATH:
        raise HostRefusedError(Reason.UNREADABLE, f"{path[:200]}...: File name too long")
    return data


def word(what: str, text: str) -> bytes:
    """A word of a question in bytes. Raises HostRefusedError where no name could hold it."""
    try:
        data = os.fsencode(text)
    except ValueError as e:  # a character that no file system can hold
        raise HostRefusedError(Reason.NOT_FOUND, f"{what!r}: no path can have this name ({e})") from e
    if b"\0" in data:
        raise HostRefusedError(Reason.NOT_FOUND, f"{what!r}: no path can have this name (embedded null byte)")
    return data


def understood(what: str, read: Callable[[], T]) -> T:
    """What an answer says. Raises HostRefusedError where it is not in the form of one."""
    try:
        return read()
    except ValueError as e:
        raise HostRefusedError(Reason.UNREADABLE, f"{what}: {e}") from e
