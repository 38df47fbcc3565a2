"""`SshHost`: asks another machine through the system's `ssh` and the POSIX sh there; nothing is installed there.

Every question is one round trip, over shells that stay open (`_channel.py`) and, where a socket can be had, over one
connection (`_connection.py`). What is asked and with which programs stands in `remote.sh`. Only `create` writes.

Where it differs from asking the machine on the spot: a host without the program `stat` tells of a time only the minute
or the day, of a device nothing, and of space whole KiB; one without `od` tells nothing of an environment, because
whyred lets no variable travel that was not asked for; a mount is found by the path as it is written, so `readonly` of
a path with links in it is that of the path's own words.
"""

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

from whyred.hosts import _answers
from whyred.hosts._address import Address
from whyred.hosts._answers import Greeting, Seen
from whyred.hosts._channel import MOST_ARGUMENTS, Told
from whyred.hosts._connection import Connection
from whyred.hosts._refusals import said_no
from whyred.hosts._shells import Shells
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError, Identity, Output, Process, Space, Stat

T = TypeVar("T")

OUTPUT_LIMIT = 1 << 20
"""Bytes that are kept of each output stream of a command; the rest is read and dropped."""
_LIST_LIMIT = 64 << 20
"""Bytes of a list of names, processes or mounts: more than any machine has."""
_OF_PROCESS = re.compile(r"/proc/(\d+)(?:/|$)")
_OTHER_ROOT = re.compile(r"(/proc/\d+)/root(?=/|$)")
_LONGEST_PATH = 4095


class SshHost:
    """Another machine. `seconds` bounds every question, `connecting` the way to it; close it when all is asked."""

    def __init__(
        self,
        address: Address,
        sockets: Path | None = None,
        *,
        seconds: float = 2.0,
        connecting: float = 10.0,
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        """Connects. `sockets`: a folder for the connection's socket; None: every shell has its own connection.

        Raises HostRefusedError, whose detail says what to do.
        """
        self._address = address
        self._seconds = seconds
        self._foreseen = _Foreseen()
        self.latency = 0.0
        """Seconds of one round trip."""
        self._shells = Shells(Connection(address, sockets, connecting, environ), address, connecting)
        with ExitStack() as unless_all_is_well:
            unless_all_is_well.callback(self.close)
            self._greeting = self._meet()
            self.latency = self._measure()
            unless_all_is_well.pop_all()
        self.identity: Identity = self._greeting.identity

    def __enter__(self) -> "SshHost":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End every shell and the connection; whoever still waits for an answer hears that it is lost."""
        self._shells.close()

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        """The first `limit` bytes of a file. Pipes and devices are refused: opening one can change the world."""
        return self._ask(path, "read", _path(path), limit=max(1, limit), cut=True).body[:limit]

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """A file from offset `start` on, piece by piece; without `tail` there, what lies before it comes over, too."""
        if start > 0 and self._greeting.has_tail:
            return self._stream(path, "read_from", [_path(path), b"%d" % (start + 1)], 0)
        return self._stream(path, "read", [_path(path)], start)

    def names(self, path: str) -> list[str]:
        """The sorted names in a directory."""
        told = self._ask(path, "names", _path(path))
        return _understood(path, lambda: _answers.read_names(told.body))

    def link(self, path: str) -> str:
        """Where a symbolic link points. `/proc/self` is the shell that is kept open there, as whyred's own process."""
        if path == "/proc/self":
            own = self._shells.lasting().pid
            if own is None:
                raise HostRefusedError(Reason.NOT_FOUND, f"{path}: No such file or directory")
            return str(own)
        target = self._foreseen.link(path)
        if target is not None:
            return os.fsdecode(target)
        return os.fsdecode(self._ask(path, "link", _path(path)).body.removesuffix(b"\n"))

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        """The state of a path."""
        seen = None if follow and not path.endswith("/") else self._foreseen.state(path)
        if seen is not None:
            if seen.error is not None:
                raise self._refused(path, seen.error)
            return _understood(path, lambda: _answers.read_stat(seen.state))
        how = b"L" if follow else b""
        if self._greeting.has_stat:
            told = self._ask(path, "stat", how, _path(path))
            return _understood(path, lambda: _answers.read_stat(told.body))
        told = self._ask(path, "stat_by_ls", how, _path(path))
        return _understood(path, lambda: _answers.read_listed(told.body, time.time()))

    def ahead(self, paths: Sequence[str]) -> None:
        """These paths are asked for next, by `stat` without following and `link`: one round trip for all of them.

        Each answer is given once, and none any more when others are foreseen, or later than a question may take.
        """
        self._foreseen = _Foreseen()
        words = [_path(p) for p in paths]
        if not self._greeting.has_stat or len(words) < 2 or sum(map(len, words)) > MOST_ARGUMENTS:
            return
        told = self._ask(paths[-1], "ahead", *words)
        seen = dict(zip(paths, _answers.read_ahead(told.body, told.mark), strict=True))
        self._foreseen = _Foreseen(time.monotonic() + self._seconds, seen)

    def space(self, path: str) -> Space:
        """The space of the file system that holds a path, as an unprivileged user may use it."""
        root = _OTHER_ROOT.match(path)
        place, mounts = (path[root.end() :] or "/", f"{root[1]}/mountinfo") if root else (path, "/proc/self/mountinfo")
        if self._greeting.has_stat_of_space:
            told = self._ask(path, "space", _path(path), mounts.encode())
            return _understood(path, lambda: _answers.read_space(told.body, place))
        told = self._ask(path, "space_by_df", _path(path), mounts.encode())
        return _understood(path, lambda: _answers.read_free(told.body, place, told.mark))

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
        return _understood(path, lambda: _answers.read_variables(told.body))

    def processes(self) -> list[Process]:
        """Every process that can be seen, by pid. One that ends meanwhile is left out."""
        told = self._ask("/proc", "processes" if self._greeting.has_grep else "processes_by_cat")
        return _answers.read_processes(told.body, told.mark)

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        """What a command prints: no shell reads it, no input, no terminal; ended with its children at the limit.

        Its shell is not used again: a service that the command leaves behind may go on writing there.
        """
        words = [_word(argv[0], a) for a in argv]
        if sum(map(len, words)) > MOST_ARGUMENTS:
            raise HostRefusedError(Reason.UNREADABLE, f"{argv[0]}: Argument list too long")
        channel = self._shells.take(for_good=True)
        try:
            told = channel.ask("run", words, seconds + 2 * self.latency, OUTPUT_LIMIT, drop=True)
        except HostRefusedError as e:
            if e.unknown.reason is Reason.TIMED_OUT:
                what = f"{argv[0]}: no end within {seconds:g} s, ended by whyred"
                raise HostRefusedError(Reason.TIMED_OUT, what) from e
            raise
        finally:
            channel.close()
            self._shells.put_back(channel)
        if told.code == 0:
            return Output(told.status, told.body, told.errors)
        if told.error == b"no such program" or said_no("", told.error).unknown.reason is Reason.NOT_FOUND:
            raise HostRefusedError(Reason.TOOL_MISSING, f"{argv[0]}: this program is not on the host")
        raise said_no(argv[0], told.error)

    def asking_time(self) -> float:
        """What the clock of the machine that asks shows now, in seconds since the epoch."""
        return time.time()

    def create(self, folder: str) -> str | None:
        """Try to make and remove a directory in `folder`; None when it worked, else the error text. Writes."""
        path = f"{folder}/.whyred-{os.getpid()}-{os.urandom(4).hex()}"
        self._foreseen = _Foreseen()
        try:
            self._ask(path, "create", _path(path))
        except HostRefusedError as e:
            return e.unknown.detail
        return None

    def _ask(self, what: str, question: str, *arguments: bytes, limit: int = _LIST_LIMIT, cut: bool = False) -> Told:
        """The answer of a shell that waits, or of a new one; `what` is named where the host says no.

        `cut`: the first `limit` bytes are answer enough.
        """
        channel = self._shells.take()
        try:
            told = channel.ask(question, arguments, self._seconds + 2 * self.latency, limit)
        except HostRefusedError as e:
            if e.unknown.reason is Reason.TIMED_OUT:
                told_of = f"{what}: no answer from {self._address} within {self._seconds:g} s"
                raise HostRefusedError(Reason.TIMED_OUT, told_of) from e
            raise
        finally:
            self._shells.put_back(channel)
        if told.code != 0:
            raise self._refused(what, told.error)
        if told.cut and not cut:
            raise HostRefusedError(Reason.UNREADABLE, f"{what}: the answer has more than {limit >> 20} MiB")
        return told

    def _stream(self, path: str, question: str, arguments: Sequence[bytes], skip: int) -> Iterator[bytes]:
        channel = self._shells.take()
        told = channel.stream(question, arguments, self._seconds + 2 * self.latency)
        first = None
        try:
            first = next(told)  # a file that cannot be read at all is refused now
        finally:
            if first is None or first.code != 0:
                self._shells.put_back(channel)
        if first.code != 0:
            raise self._refused(path, first.error)

        def pieces() -> Iterator[bytes]:
            left = skip
            try:
                yield b""
                for piece in chain([first], told):
                    if piece.code != 0:
                        raise self._refused(path, piece.error)
                    if len(piece.body) > left:
                        yield piece.body[left:]
                    left = max(0, left - len(piece.body))
            finally:
                told.close()
                self._shells.put_back(channel)

        begun = pieces()
        next(begun)  # so that it gives the shell back also where nobody reads it
        return begun

    def _meet(self) -> Greeting:
        channel, greeting = self._shells.start()
        self._shells.put_back(channel)
        return greeting

    def _measure(self) -> float:
        began = time.monotonic()
        self._ask(str(self._address), "ping")
        return time.monotonic() - began

    def _refused(self, what: str, error: bytes) -> HostRefusedError:
        refusal = said_no(what, error)
        process = _OF_PROCESS.match(what)
        if refusal.unknown.reason is Reason.NOT_FOUND and process and self._is_hidden(process[1]):
            return HostRefusedError(Reason.NO_PERMISSION, f"{what}: /proc hides the processes of other users (hidepid)")
        return refusal

    def _is_hidden(self, pid: str) -> bool:
        try:
            self._ask(f"process {pid}", "alive", pid.encode())
        except HostRefusedError as e:
            return e.unknown.reason is Reason.NO_PERMISSION
        return False


class _Foreseen:
    """Answers that came before their questions, each for one use."""

    def __init__(self, until: float = 0.0, seen: Mapping[str, Seen] = MappingProxyType({})) -> None:
        self._until = until
        self._states = dict(seen)
        self._links = {p: s.target for p, s in seen.items() if s.target is not None}

    def state(self, path: str) -> Seen | None:
        seen = self._states.pop(path, None)
        return seen if time.monotonic() < self._until else None

    def link(self, path: str) -> bytes | None:
        target = self._links.pop(path, None)
        return target if time.monotonic() < self._until else None


def _path(path: str) -> bytes:
    """The path in bytes. Raises HostRefusedError where no file system could hold it, as the kernel does."""
    data = _word(path, path)
    if len(data) > _LONGEST_PATH:
        raise HostRefusedError(Reason.UNREADABLE, f"{path[:200]}...: File name too long")
    return data


def _word(what: str, word: str) -> bytes:
    try:
        data = os.fsencode(word)
    except ValueError as e:  # a character that no file system can hold
        raise HostRefusedError(Reason.NOT_FOUND, f"{what!r}: no path can have this name ({e})") from e
    if b"\0" in data:
        raise HostRefusedError(Reason.NOT_FOUND, f"{what!r}: no path can have this name (embedded null byte)")
    return data


def _understood(what: str, read: Callable[[], T]) -> T:
    try:
        return read()
    except ValueError as e:
        raise HostRefusedError(Reason.UNREADABLE, f"{what}: {e}") from e
