"""Which of the file systems that a process may write to are full: for errors that name no file.

A file system counts as full with less than 4 MiB, or with no inode, left for unprivileged users (statvfs(3)); those
that are mounted read-only never do, nor does what the kernel makes up by itself.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Space, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.mounts import Mount, holding, read_mounts
from whyred.probes.place import entrance, mountinfo
from whyred.probes.temp_named import named_folders

FIELDS = {
    "full_temporary": "mount points of full file systems that hold /tmp, /var/tmp or /dev/shm, or are what TMPDIR of "
    "the process names; absent: none",
    "full_others": "mount points of the other full file systems, with commas between them; absent: none",
    "no_inodes_temporary": "mount points of those with temporary files that have no inode left; absent: none",
    "no_inodes_others": "mount points of the others that have no inode left, with commas between them; absent: none",
    "looked_at": "number of file systems that were looked at",
}
_TEMPORARY = ("/tmp", "/var/tmp", "/dev/shm")
_WITH_SPACE = re.compile(r"ext[234]|xfs|btrfs|f2fs|zfs|bcachefs|jfs|nilfs2|tmpfs|overlay|vfat|exfat|ntfs3|virtiofs|9p")
"""Types that hold files of their own and do not hang: network file systems are left out."""
_FULL = 4 << 20
_SMALLEST = 16 << 10
"""Bytes in all below which a file system is made for something else than files."""
_MOST = 200


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The space of every file system that the subject sees and may be writable, each once."""
    try:
        mounts = read_mounts(mountinfo(host, subject))
        entry = entrance(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    temporary = {m.device for t in _TEMPORARY if (m := holding(mounts, t)) is not None}
    named = [] if subject.pid is None else told(lambda: named_folders(host, subject.pid))  # type: ignore[arg-type]
    temporary |= {m.device for m in mounts if not isinstance(named, Unknown) and m.point in named}
    rows = []
    for mount in list({m.device: m for m in reversed(mounts) if _counts(m, mounts)}.values())[:_MOST]:
        space = told(lambda point=mount.point: host.space(entry + point))  # type: ignore[misc]
        rows.append({"point": mount.point, "temporary": mount.device in temporary, "space": space})
    return pack({"file_systems": rows})


def _counts(mount: Mount, mounts: tuple[Mount, ...]) -> bool:
    return (
        _WITH_SPACE.fullmatch(mount.fstype) is not None and not mount.readonly and holding(mounts, mount.point) == mount
    )


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    rows = parts.tables("file_systems")
    if isinstance(rows, Unknown):
        return every(FIELDS, rows)
    read_ = [(r, s) for r in rows if (s := _space(r)) is not None]
    if not read_:
        refused = next((why for r in rows if isinstance(why := r.table("space"), Unknown)), None)
        return every(FIELDS, refused or Unknown(Reason.NOT_FOUND, "no file system with space of its own is mounted"))
    facts: Fields = {"looked_at": len(read_)}
    for field, tests in (("full", _is_full), ("no_inodes", _has_no_inodes)):
        for where, temporary in (("temporary", True), ("others", False)):
            points = [r.text("point") for r, s in read_ if tests(s) and (r.flag("temporary") is True) == temporary]
            facts[f"{field}_{where}"] = ",".join(printable(p) for p in points if isinstance(p, str)) or None
    return facts


def _space(row: Parts) -> Space | None:
    part = row.table("space")
    if isinstance(part, Unknown):
        return None
    free, total = part.number("free_bytes"), part.number("total_bytes")
    inodes, all_inodes = part.number("free_inodes"), part.number("total_inodes")
    if not isinstance(free, int) or not isinstance(total, int):
        return None
    known = isinstance(inodes, int) and isinstance(all_inodes, int)
    return Space(free, total, inodes if known else None, all_inodes if known else None, readonly=False)  # type: ignore[arg-type]


def _is_full(space: Space) -> bool:
    return space.total_bytes >= _SMALLEST and space.free_bytes < min(_FULL, space.total_bytes // 8)


def _has_no_inodes(space: Space) -> bool:
    return bool(space.total_inodes) and space.free_inodes == 0


PROBE = Probe(
    name="full-disks",
    title="Which writable file systems of a process are full",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root to look into another mount namespace",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
