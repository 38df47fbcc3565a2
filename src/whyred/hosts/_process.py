"""Reads a process from its files in /proc, in the form of proc(5): for every host that is asked live."""

import os
import re

from whyred.model.host import Process

_STAT = re.compile(rb"(\d+) \((.{0,64}?)\) [A-Za-z] ((?:-?\d+ ){19,}-?\d+)", re.DOTALL)
"""A name may hold brackets, blanks and line ends, but at 15 bytes (some kernel threads have more) no 20 numbers."""
_UID = re.compile(rb"^Uid:\s+\d+\s+(\d+)\s", re.MULTILINE)
_UNIT = re.compile(r"(?:^|/)([^/\n]+\.service)(?=/|$)", re.MULTILINE)
_USER_MANAGER = re.compile(r"user@\d+\.service")


def read_process(stat: bytes, status: bytes, cgroup: bytes, cmdline: bytes, mounts: int | None) -> Process:
    """One process. Raises ValueError where a file is cut, as it is when the process ends meanwhile."""
    found = _STAT.match(stat)
    if found is None:
        raise ValueError("stat is cut")
    fields = found[3].split()  # proc(5) numbers the fields from 1; these begin with the fourth
    return Process(
        pid=int(found[1]),
        parent=int(fields[0]),
        started=int(fields[18]),
        name=found[2].decode("utf-8", "replace"),
        argv=tuple(os.fsdecode(a) for a in cmdline.removesuffix(b"\0").split(b"\0")) if cmdline else (),
        uid=_uid(status),
        mounts=mounts,
        unit=_unit(cgroup.decode("utf-8", "replace")),
    )


def _uid(status: bytes) -> int:
    """The effective user. The owner of /proc/PID would be cheaper, but is root for a process that may not be dumped."""
    found = _UID.search(status)
    if found is None:
        raise ValueError("status is cut")
    return int(found[1])


def _unit(cgroup: str) -> str | None:
    """The innermost service of a process's groups; the manager of a login's services is none."""
    units = [u for u in _UNIT.findall(cgroup) if not _USER_MANAGER.fullmatch(u)]
    return units[-1] if units else None
