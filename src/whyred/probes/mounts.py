"""Reads /proc/PID/mountinfo: which mount holds a path. The form is that of proc_pid_mountinfo(5)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

_OCTAL = re.compile(r"\\([0-7]{3})")
DELETED = "//deleted"
"""How the kernel ends the root of a bind mount whose directory was removed; no living path has two slashes."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo.

    `root` is the directory of the file system that is mounted, `point` where; `device` is major:minor. Options hold
    at the mount point, `shared_options` for the file system wherever it is mounted.
    """

    id: int
    parent: int
    device: str
    root: str
    point: str
    options: frozenset[str]
    fstype: str
    source: str
    shared_options: frozenset[str]

    @property
    def deleted(self) -> bool:
        """Whether the directory that is mounted here was removed: nothing can be created in it any more."""
        return self.root.endswith(DELETED)

    @property
    def readonly(self) -> bool:
        """Whether nobody can write, be it by the mount or by the whole file system."""
        return "ro" in self.options or "ro" in self.shared_options


def read_mounts(text: str) -> tuple[Mount, ...]:
    """The mounts of a mountinfo text, in its order; lines that are none are left out."""
    return tuple(m for m in map(_mount, text.split("\n")) if m is not None)


def _mount(line: str) -> Mount | None:
    fields = line.split(" ")
    if "-" not in fields[6:]:
        return None
    tail = fields[fields.index("-", 6) + 1 :]  # the optional fields before the dash vary in number
    if len(tail) < 3 or not (_whole(fields[0]) and _whole(fields[1])):
        return None
    return Mount(
        id=int(fields[0]),
        parent=int(fields[1]),
        device=fields[2],
        root=_plain(fields[3]),
        point=_plain(fields[4]),
        options=frozenset(fields[5].split(",")),
        fstype=_plain(tail[0]),
        source=_plain(tail[1]),
        shared_options=frozenset(tail[2].split(",")),
    )


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 20


def _plain(field: str) -> str:
    return _OCTAL.sub(lambda m: chr(int(m[1], 8)), field)


def covers(point: str, path: str) -> bool:
    """Whether a path lies at or below a mount point."""
    return point in ("/", path) or path.startswith(point + "/")


def holding(mounts: Iterable[Mount], path: str) -> Mount | None:
    """The mount that holds an absolute path without links: followed from the root down through the mounts on the way.

    A mount that a later one hides is never taken; where the tree is cut, the longest and then latest mount point wins.
    """
    on_way = [m for m in mounts if covers(m.point, path)]
    ids = {m.id for m in on_way}
    tops = [m for m in on_way if m.point == "/" and (m.parent not in ids or m.parent == m.id)]
    if not tops:
        return max(enumerate(on_way), key=lambda n: (len(n[1].point), n[0]), default=(0, None))[1]
    here, left = tops[0], [m for m in on_way if m is not tops[0]]
    while above := [m for m in left if m.parent == here.id]:
        here = min(above, key=lambda m: len(m.point))
        left.remove(here)
    return here


def lines_holding(text: str, path: str) -> str:
    """The lines of a mountinfo text whose mounts lie on the way to a path, as they are."""
    kept = []
    for line in text.split("\n"):
        mount = _mount(line)
        if mount is not None and covers(mount.point, path):
            kept.append(line)
    return "\n".join(kept)
