"""Where the control group lies that counts something for a process: cgroup v1, or v2 where v1 lacks the controller.

Source: Documentation/admin-guide/cgroup-v2.rst of the kernel; cgroups(7), /proc/PID/cgroup.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass

from whyred.probes.mounts import Mount

_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class ControlGroup:
    """`path` is the group's own, `folder` where its files lie, `top` the mount point above it."""

    version: int
    top: str
    folder: str
    path: str

    def upwards(self) -> Iterator[str]:
        """Its folder and those of the groups above it, up to the mount point."""
        folder = self.folder
        for _ in range(_DEEPEST):
            if not folder.startswith(self.top):
                return
            yield folder
            if folder == self.top:
                return
            folder = posixpath.dirname(folder)


def group_with(controller: str, mounts: tuple[Mount, ...], groups: str) -> ControlGroup | None:
    """The group of a process whose /proc/PID/cgroup is `groups`; None where nothing that counts is mounted."""
    for version, fstype in ((1, "cgroup"), (2, "cgroup2")):
        for mount in mounts:
            if mount.fstype != fstype or (version == 1 and controller not in mount.shared_options):
                continue
            path = _path(controller, version, groups)
            below = posixpath.relpath(path, mount.root if mount.root.startswith("/") else "/")
            return ControlGroup(version, mount.point, posixpath.normpath(f"{mount.point}/{below}"), path)
    return None


def _path(controller: str, version: int, groups: str) -> str:
    """The path in the line that counts: `0::/x` (v2) or `4:memory:/x` (v1)."""
    for line in groups.split("\n"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if path.startswith("/") and (number == "0" if version == 2 else controller in controllers.split(",")):
            return path
    return "/"
