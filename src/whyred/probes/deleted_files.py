"""What deleted files that a process still holds open take of the file system that holds a path.

Such a file has no name, so `du` and `ls` do not find it, but its blocks are free only when the last descriptor is
closed (unlink(2)). `df` and `du` then differ by what is told here.
"""

from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.open_files import DELETED, Handle, Held, handles, sizes
from whyred.probes.place import absolute, entrance, follow

FIELDS = {
    "fills_up": "whether the file system is full and such files hold a fifth of it or more",
    "held_bytes": "bytes that deleted, still open files take on the file system",
    "held_percent": "held_bytes in percent of total_bytes",
    "holder": "the process that holds most of them: its name and number; absent: none does",
    "file": "the name that the largest of them had; absent: there is none",
    "files": "number of such files",
    "free_bytes": "bytes an unprivileged user can still write there",
    "total_bytes": "size of that file system in bytes",
}
_OF_SPACE = ("fills_up", "held_percent", "free_bytes", "total_bytes")
_FULL = 4 << 20
"""Free bytes below which a file system counts as full, as for the causes that name it."""
_SHARE = 20
"""Percent that such files must hold to be why it is full."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Every deleted file that is open on the path's file system."""
    try:
        entry = entrance(host, subject)
        place = follow(host, entry, absolute(host, subject, arguments.get("path", "")))
        reach = place.reach
        while place.stat is None and reach.count("/") > 1:
            reach = reach.rpartition("/")[0]
            place = follow(host, entry, reach.removeprefix(entry) or "/")
        if place.stat is None:
            return refusal(Unknown(Reason.NOT_FOUND, "nothing is on the way to the path"))
        found, whole = handles(host, f"*{DELETED}")
        held = [h for h in sizes(host, found) if h.device == place.stat.device]
        space = told(lambda: host.space(reach or "/"))
    except HostRefusedError as e:
        return refusal(e.unknown)
    return pack({"space": space, "whole": whole, "held": _rows(host, held, found)})


def _rows(host: Host, held: list[Held], found: list[Handle]) -> list[dict[str, object]]:
    """Each file once, however many descriptors lead to it."""
    by_path = {h.at: h for h in found}
    rows: dict[int, dict[str, object]] = {}
    names = {p.pid: p.name for p in host.processes()} if held else {}
    for h in held:
        handle = by_path[h.at]
        holder = f"{names.get(handle.pid, 'process')} ({handle.pid})"
        rows.setdefault(h.inode, {"file": handle.to.removesuffix(DELETED), "bytes": h.taken, "holder": holder})
    return list(rows.values())


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    rows, whole = parts.tables("held"), parts.flag("whole")
    if isinstance(rows, Unknown):
        return every(FIELDS, rows)
    taken = [n for r in rows if isinstance(n := r.number("bytes"), int)]
    facts = _of_files(rows) | {"held_bytes": sum(taken), "files": len(rows)} | _of_space(parts, sum(taken))
    if whole is not True:  # what was found is there; what was not may be hidden
        hidden = Unknown(Reason.NO_PERMISSION, "descriptors of other users' processes are hidden: ask as root")
        unsure = [f for f in ("fills_up", "held_bytes", "held_percent", "holder", "file", "files") if not facts[f]]
        facts |= every(unsure, hidden)
    return facts


def _of_files(rows: list[Parts]) -> Fields:
    by_holder: dict[str, int] = {}
    largest, name = -1, ""
    for row in rows:
        size, holder, file = row.number("bytes"), row.text("holder"), row.text("file")
        if isinstance(size, int) and isinstance(holder, str) and isinstance(file, str):
            by_holder[holder] = by_holder.get(holder, 0) + size
            largest, name = max((largest, name), (size, file))
    holder_ = max(by_holder, key=lambda h: by_holder[h], default=None)
    return {"holder": None if holder_ is None else printable(holder_), "file": printable(name) or None}


def _of_space(parts: Parts, held: int) -> Fields:
    space = parts.table("space")
    if isinstance(space, Unknown):
        return every(_OF_SPACE, space)
    total, free = space.number("total_bytes"), space.number("free_bytes")
    if isinstance(total, Unknown) or isinstance(free, Unknown):
        return every(_OF_SPACE, space.strange("bytes"))
    percent = min(held, total) * 1000 // max(1, total) / 10
    return {
        "fills_up": free < _FULL and percent >= _SHARE,
        "held_percent": percent,
        "free_bytes": free,
        "total_bytes": total,
    }


PROBE = Probe(
    name="deleted-files",
    title="Space that deleted files take because a process keeps them open",
    kind=Kind.DIRECTORY,
    cost=Cost.MODERATE,
    privilege="root, for the descriptors of other users' processes",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"path": "a path on the file system, as the process sees it"},
    pack=({"path": "/"}, {"path": "/tmp"}),
)
