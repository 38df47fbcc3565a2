"""`SshHost`: asks another machine through the system's `ssh` and the POSIX sh there; nothing is installed there.

Every question is one round trip, over shells that stay open (`_channel.py`) and, where a socket can be had, over one
connection (`_connection.py`). What is asked and with which programs stands in `remote.sh`. Only `create` writes.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from whyred.hosts import _answers
from whyred.hosts._address import Address
from whyred.hosts._answers import Greeting, Seen
from whyred.hosts._channel import MOST_ARGUMENTS, Told
from whyred.hosts._connection import Connection
from whyred.hosts._questions import LIST_LIMIT, Questions, path_word, understood, word
from whyred.hosts._refusals import said_no
from whyred.hosts._shells import Shells
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError, Identity, Output, Stat

OUTPUT_LIMIT = 1 << 20
"""Bytes that are kept of each output stream of a command; the rest is read and dropped."""
_OF_PROCESS = re.compile(r"/proc/(\d+)(?:/|$)")


class SshHost(Questions):
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

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """A file from offset `start` on, piece by piece; without `tail` there, what lies before it comes over, too."""
        if start > 0 and self._greeting.has_tail:
            return self._stream(path, "read_from", [path_word(path), b"%d" % (start + 1)], 0)
        return self._stream(path, "read", [path_word(path)], start)

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
        return super().link(path)

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        """The state of a path."""
        seen = None if follow and not path.endswith("/") else self._foreseen.state(path)
        if seen is not None:
            if seen.error is not None:
                raise self._refused(path, seen.error)
            return understood(path, lambda: _answers.read_stat(seen.state))
        return super().stat(path, follow=follow)

    def ahead(self, paths: Sequence[str]) -> None:
        """These paths are asked for next, by `stat` without following and `link`: one round trip for all of them.

        Each answer is given once, and none any more when others are foreseen, or later than a question may take.
        """
        self._foreseen = _Foreseen()
        words = [path_word(p) for p in paths]
        if not self._greeting.has_stat or len(words) < 2 or sum(map(len, words)) > MOST_ARGUMENTS:
            return
        told = self._ask(paths[-1], "ahead", *words)
        seen = dict(zip(paths, _answers.read_ahead(told.body, told.mark), strict=True))
        self._foreseen = _Foreseen(time.monotonic() + self._seconds, seen)

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        """What a command prints: no shell reads it, no input, no terminal; ended with its children at the limit.

        Its shell is not used again: a service that the command leaves behind may go on writing there.
        """
        words = [word(argv[0], a) for a in argv]
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
            self._ask(path, "create", path_word(path))
        except HostRefusedError as e:
            return e.unknown.detail
        return None

    def _ask(self, what: str, question: str, *arguments: bytes, limit: int = LIST_LIMIT, cut: bool = False) -> Told:
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
