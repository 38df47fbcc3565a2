"""What is mounted where a path lies, as a process sees it: the probe that tells a dead private /tmp from a live one.

In a private /tmp whose directory was removed, ls, df and access(2) are all content; only the root field of
/proc/PID/mountinfo (it ends in `//deleted`), the link count 0 and a create attempt tell.
"""

import posixpath
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.mounts import Mount, holding, lines_holding, read_mounts
from whyred.probes.place import absolute, entrance, follow, mountinfo

FIELDS = {
    "present": "whether something is at the path, links followed",
    "deleted": "whether the path is the mount point of a directory that was removed: nothing can be created in it",
    "links": "the link count of what is at the path: 0 for a removed directory, at least 1 for a live one",
    "mounted": "whether the path itself is a mount point of the process",
    "readonly": "whether the mount that holds the path, or its whole file system, takes no writes",
    "noexec": "whether programs may not be started from the mount that holds the path",
    "fstype": "the type of the file system that holds the path (`tmpfs`, `ext4`, ...)",
    "root": "the directory of that file system that is mounted there; ends in `//deleted` when it was removed",
    "source": "the device or name that is mounted there",
    "in_deleted": "whether the mount that holds the path is a removed directory: nothing can be created below it",
}
_OF_STAT = ("present", "links")
_OF_MOUNT = ("deleted", "mounted", "readonly", "noexec", "fstype", "root", "source", "in_deleted")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The mounts on the way to the path, and the state of the path."""
    try:
        path = absolute(host, subject, arguments.get("path", ""))
        mounts = mountinfo(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    place = told(lambda: follow(host, entrance(host, subject), path))
    plain = posixpath.normpath("/" + path.lstrip("/"))
    end = plain if isinstance(place, Unknown) else place.path
    return pack(
        {
            "path": end,
            "followed": place if isinstance(place, Unknown) else True,
            "stat": place if isinstance(place, Unknown) else place.stat,
            "mountinfo": lines_holding(mounts, end),
        }
    )


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    return _of_stat(parts) | _of_mount(parts)


def _of_stat(parts: Parts) -> Fields:
    if parts.absent("stat"):
        return {"present": False, "links": None}
    stat = parts.stat("stat")
    return every(_OF_STAT, stat) if isinstance(stat, Unknown) else {"present": True, "links": stat.links}


def _of_mount(parts: Parts) -> Fields:
    path, text, followed = parts.text("path"), parts.text("mountinfo"), parts.flag("followed")
    if isinstance(path, Unknown):
        return every(_OF_MOUNT, path)
    if isinstance(text, Unknown):
        return every(_OF_MOUNT, text)
    mount = holding(read_mounts(text), path)
    if mount is None:
        return every(_OF_MOUNT, Unknown(Reason.UNREADABLE, "no line of /proc/PID/mountinfo holds the path"))
    # A mount point is free of links, so a path that equals one needs no following to be that mount.
    if isinstance(followed, Unknown) and mount.point != path:
        return every(_OF_MOUNT, followed)
    return _facts(mount, path)


def _facts(mount: Mount, path: str) -> Fields:
    mounted = mount.point == path
    return {
        "deleted": mounted and mount.deleted,
        "mounted": mounted,
        "readonly": mount.readonly,
        "noexec": "noexec" in mount.options,
        "fstype": printable(mount.fstype),
        "root": printable(mount.root),
        "source": printable(mount.source),
        "in_deleted": mount.deleted,
    }


PROBE = Probe(
    name="mount-state",
    title="What is mounted where a path lies, as the process sees it",
    kind=Kind.DIRECTORY,
    cost=Cost.CHEAP,
    privilege="none for the mount; the same user or root for the link count inside another mount namespace",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"path": "the path, as the process sees it; a relative one counts from its working directory"},
    pack=({"path": "/tmp"}, {"path": "/var/tmp"}),
)
