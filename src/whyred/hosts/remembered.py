"""`Remembered`: a far host that is asked the same thing once.

The probes of one examination ask for the same mounts, folders and processes over and over; over ssh each question takes
its way. What was answered some seconds ago is answered so again, which also keeps the answers of one examination from
contradicting each other. Programs that tell the time are asked every time.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Protocol, TypeVar, cast

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import ClockedHost, FarHost, Host, HostRefusedError, Identity, Output, Process, Space, Stat

T = TypeVar("T")
_ALWAYS_ASKED = ("date",)


class _Far(Host, FarHost, Protocol):
    """What is behind it."""


class Remembered:
    """The host behind it, with its answers and refusals. A question that was not answered in time is put again."""

    def __init__(self, host: _Far) -> None:
        self._host = host
        self._known: dict[tuple[object, ...], Any] = {}
        self.identity: Identity = host.identity
        self._foreseeing = Lock()
        with suppress(HostRefusedError):
            self.link("/proc/self")  # first of all, so that the shell that stands for whyred there is in every list

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        """The first `limit` bytes of a file."""
        return self._once(("read", path, limit), lambda: self._host.read(path, limit))

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """A file of any size; it is not remembered."""
        return self._host.stream(path, start)

    def names(self, path: str) -> list[str]:
        """The sorted names in a directory."""
        return list(self._once(("names", path), lambda: self._host.names(path)))

    def link(self, path: str) -> str:
        """Where a symbolic link points."""
        return self._once(("link", path), lambda: self._host.link(path))

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        """The state of a path."""
        return self._once(("stat", path, follow), lambda: self._host.stat(path, follow=follow))

    def space(self, path: str) -> Space:
        """The space of the file system that holds a path."""
        return self._once(("space", path), lambda: self._host.space(path))

    def environ(self, pid: int, keys: Sequence[str]) -> dict[str, str]:
        """The values of the given keys in a process's environment."""
        return dict(self._once(("environ", pid, *keys), lambda: self._host.environ(pid, keys)))

    def processes(self) -> list[Process]:
        """Every process that can be seen."""
        return list(self._once(("processes",), self._host.processes))

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        """What a read-only command of the system prints."""
        if argv[0] in _ALWAYS_ASKED:
            return self._host.run(argv, seconds)
        return self._once(("run", *argv), lambda: self._host.run(argv, seconds))

    def ahead(self, paths: Sequence[str]) -> None:
        """One round trip for those of the paths that are not known yet."""
        new = [p for p in paths if ("stat", p, p.endswith("/")) not in self._known]
        if len(new) < 2:
            return
        with self._foreseeing:  # what is foreseen for one is forgotten when another asks
            self._host.ahead(new)
            for path in new:
                try:
                    if self.stat(path, follow=path.endswith("/")).kind == "link":
                        self.link(path)
                except HostRefusedError:
                    continue  # remembered, and told to whoever asks for this path

    def asking_time(self) -> float:
        """What the clock of the machine that asks shows now."""
        return self._host.asking_time() if isinstance(self._host, ClockedHost) else time.time()

    def create(self, folder: str) -> str | None:
        """Try to make and remove a directory in `folder`; nothing of before is true for sure after that."""
        self._known.clear()
        return self._host.create(folder)

    def _once(self, key: tuple[object, ...], ask: Callable[[], T]) -> T:
        if key not in self._known:
            try:
                self._known[key] = ask()
            except HostRefusedError as e:
                if e.unknown.reason in (Reason.TIMED_OUT, Reason.FAULT):
                    raise
                self._known[key] = e.unknown
        found = self._known[key]
        if isinstance(found, Unknown):
            raise HostRefusedError(found.reason, found.detail)
        return cast("T", found)
