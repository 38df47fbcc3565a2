"""`LocalHost`: asks the machine that whyred runs on, through /proc, system calls and the system's own commands.

It needs no temporary directory, no home and no terminal, works as any user, and turns every refusal of the kernel
into `HostRefusedError`. Only `create` writes.
"""

# pathlib tidies a path before it asks: it drops the slash at the end of /proc/PID/root/, which decides whether the
# link itself is meant. Here a path reaches the kernel as it was given.
# ruff: noqa: PTH102, PTH106, PTH110, PTH115, PTH116, PTH208

import errno
import os
import re
import shutil
import stat as modes
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from threading import Thread
from typing import TypeVar

from whyred.hosts._command import collected, environment, started
from whyred.hosts._identity import machine_name
from whyred.hosts._process import read_process
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError, Identity, Output, Process, Space, Stat

T = TypeVar("T")

PIECE = 1 << 20
"""Bytes of a file that is streamed, asked for at once."""
ENVIRON_LIMIT = 8 << 20
"""More than the kernel lets a process be started with by default (a quarter of its stack limit)."""

_REASONS = {
    errno.ENOENT: Reason.NOT_FOUND,
    errno.ESRCH: Reason.NOT_FOUND,
    errno.EACCES: Reason.NO_PERMISSION,
    errno.EPERM: Reason.NO_PERMISSION,
    errno.ETIMEDOUT: Reason.TIMED_OUT,
    errno.ENOSYS: Reason.NOT_SUPPORTED,
}
_OF_PROCESS = re.compile(r"/proc/(\d+)(?:/|$)")


class LocalHost:
    """The machine whyred runs on. `seconds` bounds every single question, also one to a file system that hangs."""

    def __init__(self, seconds: float = 2.0, proc: str = "/proc") -> None:
        self._seconds = seconds
        self._proc = proc
        boot = _word("/proc/sys/kernel/random/boot_id")
        self.identity = Identity(
            machine=machine_name(_word("/etc/machine-id"), boot),
            boot=boot,
            name=os.uname().nodename,
            mounts=_mounts(f"{proc}/self"),
        )

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        """The first `limit` bytes of a file. Pipes and devices are refused: opening one can change the world."""
        return self._ask(path, lambda: _read_regular(path, limit))

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        """A file from offset `start` on, piece by piece. Pipes and devices are refused."""
        pieces = self._pieces(path, self._ask(path, lambda: _open_regular(path)), start)
        next(pieces)  # begun, so that it closes the file also where nobody reads it
        return pieces

    def names(self, path: str) -> list[str]:
        """The sorted names in a directory."""
        return self._ask(path, lambda: sorted(os.listdir(path)))

    def link(self, path: str) -> str:
        """Where a symbolic link points."""
        return self._ask(path, lambda: os.readlink(path))

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        """The state of a path."""
        return _stat(self._ask(path, lambda: os.stat(path, follow_symlinks=follow)))

    def space(self, path: str) -> Space:
        """The space of the file system that holds a path, as an unprivileged user may use it."""
        v = self._ask(path, lambda: os.statvfs(path))
        return Space(
            free_bytes=v.f_bavail * v.f_frsize,
            total_bytes=v.f_blocks * v.f_frsize,
            free_inodes=v.f_favail,
            total_inodes=v.f_files,
            readonly=bool(v.f_flag & os.ST_RDONLY),
        )

    def environ(self, pid: int, keys: Sequence[str]) -> dict[str, str]:
        """The values of the given keys, and no others: an environment holds secrets."""
        path = f"{self._proc}/{pid}/environ"
        wanted = {os.fsencode(k) for k in keys}
        found: dict[str, str] = {}
        for entry in self._ask(path, lambda: _read(path, ENVIRON_LIMIT)).split(b"\0"):
            key, equals, value = entry.partition(b"=")
            if equals and key in wanted:  # of a key that is there twice getenv(3) gives the first
                found.setdefault(os.fsdecode(key), os.fsdecode(value))
        return found

    def processes(self) -> list[Process]:
        """Every process that can be seen, by pid. One that ends meanwhile is left out."""
        return self._ask(self._proc, lambda: _processes(self._proc))

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        """What a command prints: no shell, no input, no terminal, own session, ended with its children at the limit."""
        try:
            child = started(argv)
        except (OSError, ValueError) as e:
            raise _not_started(argv[0], e) from e
        with child:
            return collected(child, argv[0], seconds)

    def create(self, folder: str) -> str | None:
        """Try to make and remove a directory in `folder`; None when it worked, else the error text. Writes."""
        path = f"{folder}/.whyred-{os.getpid()}-{os.urandom(4).hex()}"

        def attempt() -> None:
            os.mkdir(path, 0o700)
            os.rmdir(path)

        try:
            self._ask(path, attempt)
        except HostRefusedError as e:
            return e.unknown.detail
        return None

    def _pieces(self, path: str, handle: int, start: int) -> Iterator[bytes]:
        try:
            yield b""
            while piece := self._ask(path, partial(os.pread, handle, PIECE, start)):
                start += len(piece)
                yield piece
        finally:
            os.close(handle)

    def _ask(self, what: str, call: Callable[[], T]) -> T:
        """What `call` gives within the time limit; a call that hangs in a dead network mount is left behind."""
        box: list[T | OSError | ValueError] = []

        def work() -> None:
            try:
                box.append(call())
            except (OSError, ValueError) as e:
                box.append(e)

        thread = Thread(target=work, daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the process limit leaves no thread: better without a time limit than no answer
            work()
        else:
            thread.join(self._seconds)
        if not box:
            raise HostRefusedError(Reason.TIMED_OUT, f"{what}: no answer within {self._seconds:g} s")
        if isinstance(box[0], OSError | ValueError):
            raise _refused(what, box[0]) from box[0]
        return box[0]


def _refused(what: str, error: OSError | ValueError) -> HostRefusedError:
    if not isinstance(error, OSError):  # a NUL byte or a character that the file system cannot hold
        return HostRefusedError(Reason.NOT_FOUND, f"{what!r}: no path can have this name ({error})")
    reason = _REASONS.get(error.errno or 0, Reason.UNREADABLE)
    process = _OF_PROCESS.match(what)
    if reason is Reason.NOT_FOUND and process and _is_hidden(int(process[1])):
        return HostRefusedError(Reason.NO_PERMISSION, f"{what}: /proc hides the processes of other users (hidepid)")
    return HostRefusedError(reason, f"{what}: {error.strerror or error}")


def _is_hidden(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return not os.path.exists(f"/proc/{pid}")
    except (OSError, OverflowError):
        return False
    return False


def _not_started(program: str, error: OSError | ValueError) -> HostRefusedError:
    # Where a folder of PATH is closed the kernel says "permission denied" of a program that is nowhere.
    nowhere = "/" not in program and shutil.which(program, os.F_OK, environment()["PATH"]) is None
    if isinstance(error, FileNotFoundError) or (isinstance(error, PermissionError) and nowhere):
        return HostRefusedError(Reason.TOOL_MISSING, f"{program}: this program is not on the host")
    return _refused(program, error)


def _read_regular(path: str, limit: int) -> bytes:
    if not modes.S_ISREG(os.stat(path).st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
    return _read(path, limit)


def _open_regular(path: str) -> int:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    if not modes.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise OSError(errno.EINVAL, "not a regular file")
    return handle


def _read(path: str, limit: int) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        parts, left = [], limit
        while left > 0 and (chunk := os.read(handle, min(left, 1 << 18))):
            parts.append(chunk)
            left -= len(chunk)
        return b"".join(parts)
    finally:
        os.close(handle)


def _word(path: str) -> str | None:
    try:
        return _read(path, 256).decode("utf-8", "replace").strip() or None
    except OSError:
        return None


def _mounts(folder: str) -> int | None:
    try:
        return os.stat(f"{folder}/ns/mnt").st_ino
    except OSError:
        return None


def _stat(s: os.stat_result) -> Stat:
    kinds = {modes.S_IFDIR: "directory", modes.S_IFREG: "file", modes.S_IFLNK: "link"}
    return Stat(
        kind=kinds.get(modes.S_IFMT(s.st_mode), "other"),
        mode=modes.S_IMODE(s.st_mode),
        links=s.st_nlink,
        uid=s.st_uid,
        gid=s.st_gid,
        size=s.st_size,
        modified=s.st_mtime,
        device=s.st_dev,
        inode=s.st_ino,
        changed=s.st_ctime,
    )


def _processes(proc: str) -> list[Process]:
    found = []
    for name in sorted((n for n in os.listdir(proc) if n.isdecimal()), key=int):
        try:
            found.append(_process(f"{proc}/{name}"))
        except (FileNotFoundError, ProcessLookupError, ValueError):
            continue  # it ended between the listing and the reading
        except PermissionError:
            continue  # hidepid=1 lists a foreign process and refuses to show it
    return found


def _process(folder: str) -> Process:
    stat, status = _read(f"{folder}/stat", 4096), _read(f"{folder}/status", 4096)
    cmdline, cgroup = _read(f"{folder}/cmdline", 1 << 17), _read(f"{folder}/cgroup", 1 << 16)
    return read_process(stat, status, cgroup, cmdline, _mounts(folder))
