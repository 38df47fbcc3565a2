"""Who holds a lock of a file, or waits for it: /proc/locks shows its inode and the process (proc_locks(5))."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from whyred.model.evidence import Unknown
from whyred.model.host import Host, Stat
from whyred.probes.answer import Parts, pack, printable, told

LOCK = re.compile(
    r"^(?P<n>\d+): (?P<waits>-> ?)?\w+ +\S+ +\w+ (?P<pid>-?\d+)"
    r" (?P<major>[0-9a-f]+):(?P<minor>[0-9a-f]+):(?P<inode>\d+) ",
    re.MULTILINE,
)
_MOST_BYTES = 8 << 20


def table(host: Host) -> str:
    """The whole table. Raises HostRefusedError."""
    return host.read("/proc/locks", _MOST_BYTES).decode("ascii", "replace")


def answer(host: Host, files: Mapping[str, Stat], locks: str) -> bytes:
    """The files by their paths, the lines of the table that are of one of them, and the names of their processes."""
    inodes = {str(s.inode) for s in files.values()}
    lines = [m[0] for m in LOCK.finditer(locks) if m["inode"] in inodes]
    names = {str(m["pid"]): _name(host, m["pid"]) for line in lines if (m := LOCK.match(line))}
    return pack({"files": [{"path": p, "stat": s} for p, s in files.items()], "locks": lines, "names": names})


def _name(host: Host, pid: str) -> str | None:
    """The name of a process; None where it cannot be seen."""
    found = told(lambda: host.read(f"/proc/{pid}/comm").decode("utf-8", "replace").strip())
    return None if isinstance(found, Unknown) else found


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds the lock of a file: the process, its name where it can be seen, and how many wait."""

    path: str
    pid: int
    name: str | None
    waiting: int


def holder(parts: Parts) -> Holder | Unknown | None:
    """Of the first file of an answer whose lock is held; None where none is."""
    files, lines, names = parts.tables("files"), parts.texts("locks"), parts.table("names")
    if isinstance(files, Unknown) or isinstance(lines, Unknown) or isinstance(names, Unknown):
        return parts.strange("locks")
    locks = [m for line in lines if (m := LOCK.match(line))]
    for file in files:
        path, stat = file.text("path"), file.stat("stat")
        if isinstance(path, Unknown) or isinstance(stat, Unknown):
            return parts.strange("files")
        own = [m for m in locks if int(m["inode"]) == stat.inode and same_device(m, stat.device)]
        taken = next((m for m in own if not m["waits"]), None)
        if taken is not None:
            name = names.parts.get(taken["pid"])
            shown = printable(name) if isinstance(name, str) else None
            return Holder(printable(path), int(taken["pid"]), shown, sum(bool(m["waits"]) for m in own))
    return None


def same_device(lock: re.Match[str], device: int) -> bool:
    """Whether a lock is of this device. The numbers of btrfs and overlayfs in stat(2) are others than the kernel's own
    (their major number is 0): of these the inode alone has to do."""
    major, minor = (device >> 8) & 0xFFF, (device & 0xFF) | ((device >> 12) & 0xFFF00)
    return device == 0 or major == 0 or (int(lock["major"], 16), int(lock["minor"], 16)) == (major, minor)
