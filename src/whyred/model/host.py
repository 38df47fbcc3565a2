"""What a probe may ask of a machine: the `Host` protocol, the subjects it asks about and how a host says no."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from whyred.model.evidence import Reason, Unknown


class HostRefusedError(Exception):
    """The host could not answer; carries the reason of the closed list and the detail for people."""

    def __init__(self, reason: Reason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.unknown = Unknown(reason, detail)


@dataclass(frozen=True, slots=True)
class Identity:
    """Which machine this is: a keyed hash of its machine-id, boot id, name, and the mount namespace asked from."""

    machine: str | None
    boot: str | None
    name: str
    mounts: int | None = None


@dataclass(frozen=True, slots=True)
class Stat:
    """Of stat(2): kind is `directory`, `file`, `link` or `other`; mode holds the permission bits (07777).

    `modified` is in seconds since the epoch; a host that tells only the minute or the day gives its beginning. `device`
    is 0, which no device is, where the host does not tell it. `changed` is when mode, owner, links or content were
    changed last, which nobody can set back as `modified` can be; None where the host does not tell it.
    """

    kind: str
    mode: int
    links: int
    uid: int
    gid: int
    size: int
    modified: float
    device: int
    inode: int
    changed: float | None = None


@dataclass(frozen=True, slots=True)
class Space:
    """Of statvfs(2), for unprivileged users: bytes and inodes, free and in all (0 in all: inodes are not counted; None:
    the host does not tell)."""

    free_bytes: int
    total_bytes: int
    free_inodes: int | None
    total_inodes: int | None
    readonly: bool


@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed and how it ended."""

    code: int
    out: bytes
    err: bytes


class Host(Protocol):
    """A machine that answers read-only questions, each within a time limit. Every method raises `HostRefusedError`."""

    identity: Identity

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        """The first `limit` bytes of a file."""

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """A file of any size from offset `start` on, piece by piece, as long as it is when its end is reached.

        What can be refused is refused before it returns; each piece has the time limit of a question.
        """

    def names(self, path: str) -> list[str]:
        """The sorted names in a directory."""

    def link(self, path: str) -> str:
        """Where a symbolic link points."""

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        """The state of a path."""

    def space(self, path: str) -> Space:
        """The space of the file system that holds a path."""

    def environ(self, pid: int, keys: Sequence[str]) -> dict[str, str]:
        """The values of the given keys, and no others, in a process's environment at its exec."""

    def processes(self) -> "list[Process]":
        """Every process that can be seen."""

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        """What a read-only command of the system prints (no shell, no terminal)."""

    def create(self, folder: str) -> str | None:
        """Try to make and remove a directory in `folder`; None when it worked, else the error text.

        The one method that writes; called only when the user asked for a create test.
        """


@runtime_checkable
class FarHost(Protocol):
    """A host to which every question takes its way, and that can be told what it will be asked."""

    def ahead(self, paths: Sequence[str]) -> None:
        """These paths are asked for next, by `stat` without following and `link`. Raises `HostRefusedError`."""


@runtime_checkable
class ClockedHost(Protocol):
    """A host on another machine: its clock can be held against that of the machine that asks."""

    def asking_time(self) -> float:
        """What the clock of the machine that asks shows now, in seconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process as /proc shows it to everybody. `started` in clock ticks after boot; `argv` may be empty (kernel
    threads, zombies); `mounts` is None where its namespace may not be read.
    """

    pid: int
    parent: int
    started: int
    name: str
    argv: tuple[str, ...]
    uid: int
    mounts: int | None = None
    unit: str | None = None
    """The systemd unit of its cgroup, where it has one."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Who a probe asks about: a process (`pid`) or the host itself (`pid` None). `name` is what reports show."""

    name: str
    pid: int | None = None
    unit: str | None = None


@dataclass(frozen=True, slots=True)
class Daemon:
    """A runner or shared daemon that was found on a host. `kind`: forgejo-runner, gitea-runner, actions-runner,
    whyred-runner, sccache.
    """

    kind: str
    process: Process
    name: str
    settings: Mapping[str, str]
