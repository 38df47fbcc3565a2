"""Which file system of a host is the fullest, in bytes and in inodes.

Network file systems are not asked: one that hangs would take the answer with it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.mounts import Mount, read_mounts
from whyred.probes.place import mountinfo

FIELDS = {
    "least_free_percent": "free space of the fullest file system, in percent of its size, 0 to 100",
    "least_free_at": "where the fullest file system is mounted",
    "least_free_bytes": "free space of the fullest file system, in bytes",
    "least_inodes_percent": "free inodes of the file system with the fewest, in percent of all, 0 to 100; absent: none "
    "counts them",
    "least_inodes_at": "where that file system is mounted; absent: none counts them",
    "disks": "number of file systems that were asked",
    "network_mounts": "number of mounts of network file systems, which were not asked",
}
_DISKS = frozenset({"ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "overlay", "tmpfs", "vfat", "bcachefs"})
_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "9p", "ceph", "glusterfs", "fuse.sshfs", "fuse.glusterfs", "afs"})
_MOST = 24
"""File systems that are asked."""
_LEAST_BYTES = 1 << 20
"""Smaller ones are furniture of the system (credentials of units), and full by design."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The space of each file system, once for each device."""
    try:
        mounts = read_mounts(mountinfo(host, Subject("whyred")))
    except HostRefusedError as e:
        return refusal(e.unknown)
    spaces = [{"at": m.point, "space": told(lambda m=m: asdict(host.space(m.point)))} for m in _chosen(mounts)]  # type: ignore[misc]
    return pack({"spaces": spaces, "network": sum(m.fstype in _NETWORK for m in mounts)})


def _chosen(mounts: Iterable[Mount]) -> list[Mount]:
    """One mount for each device, that with the shortest path: the others are parts of it."""
    found: dict[str, Mount] = {}
    for mount in sorted(mounts, key=lambda m: len(m.point)):
        if mount.fstype in _DISKS:
            found.setdefault(mount.device, mount)
    return list(found.values())[:_MOST]


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    rows = parts.tables("spaces")
    if isinstance(rows, Unknown):
        return every(FIELDS, rows)
    facts: Fields = {"disks": len(rows), "network_mounts": parts.number("network")}
    return facts | _least(rows, "bytes") | _least(rows, "inodes")


def _least(rows: Iterable[Parts], what: str) -> Fields:
    """The file system with the smallest share left; those that cannot be asked, or that count none, are passed over."""
    found: list[tuple[float, str, int]] = []
    for row in rows:
        point, space = row.text("at"), row.table("space")
        if isinstance(point, Unknown) or isinstance(space, Unknown):
            continue
        left, total, size = (space.number(k) for k in (f"free_{what}", f"total_{what}", "total_bytes"))
        if isinstance(left, Unknown) or isinstance(total, Unknown) or isinstance(size, Unknown):
            continue
        if total > 0 and size >= _LEAST_BYTES:
            found.append((max(0, min(left, total)) * 1000 // total / 10, printable(point), left))
    share, at, free = min(found) if found else (None, None, None)
    if what == "inodes":
        return {"least_inodes_percent": share, "least_inodes_at": at}
    if not found:
        unknown = Unknown(Reason.NOT_FOUND, "no file system could be asked")
        return every(("least_free_percent", "least_free_at", "least_free_bytes"), unknown)
    return {"least_free_percent": share, "least_free_at": at, "least_free_bytes": free}


PROBE = Probe(
    name="disks",
    title="The fullest file system of a host",
    kind=Kind.HOST,
    cost=Cost.CHEAP,
    privilege="none",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
