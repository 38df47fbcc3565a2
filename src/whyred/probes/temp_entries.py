"""What lies in a temporary directory: the oldest entry, and whose bytes fill it. Looked at three levels deep.

Only GNU find prints what is wanted here; one that takes too long is ended, and the answer is unknown.
"""

import posixpath
import re
from collections import Counter
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.place import entrance
from whyred.probes.runner_files import seen

FIELDS = {
    "oldest": "the name of the entry right below the directory that was changed the longest ago; absent: it is empty",
    "oldest_seconds": "how long ago that was, in seconds; absent: it is empty",
    "seen_bytes": "bytes on disk of all entries down to the third level",
    "owner": "the user whose entries take the most of these bytes; absent: it is empty",
    "owner_percent": "the share of that user, in percent, 0 to 100; absent: nothing takes any",
    "owners": "number of users who have entries there",
    "entries": "number of entries down to the third level; more than are looked at are not counted",
}
_DEPTH = "3"
_SECONDS = 1.5
_LINE = re.compile(rb"(\d) (\d+) (\S+) (\d+) (-?\d+)(?:\.\d+)? (.*)", re.DOTALL)
"""Depth, number and name of the owner, blocks of 512 bytes, time of change, name."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Counts of what find prints, by owner."""
    path = arguments.get("path", "")
    if not path.startswith("/"):
        return refusal(Unknown(Reason.NOT_APPLICABLE, "`path` wants the absolute path of a directory"))
    try:
        if subject.pid is not None and not entrance(host, subject):
            same = f"{subject.name} sees the host's own directories: asked there"
            return refusal(Unknown(Reason.NOT_APPLICABLE, same))
        place = seen(host, subject, path)
        if place.stat is None:
            return refusal(Unknown(Reason.NOT_FOUND, f"{path}: nothing is there"))
        form = "%d %U %u %b %T@ %P\\0"
        limits = ["-xdev", "-mindepth", "1", "-maxdepth", _DEPTH]
        shown = host.run(["find", f"{place.reach.rstrip('/')}/", *limits, "-printf", form], _SECONDS)
        now = told(lambda: _now(host))
    except HostRefusedError as e:
        return refusal(e.unknown)
    if not shown.out and shown.code != 0:
        if b"-printf" in shown.err:
            return refusal(Unknown(Reason.TOOL_MISSING, "find: the host's find is not that of GNU"))
        text = " ".join(shown.err.decode("utf-8", "replace").split())[:200]
        return refusal(Unknown(Reason.REFUSED, f"find failed: {text or 'it says nothing'}"))
    return pack({"now": now, **_counted(shown.out)})


def _counted(out: bytes) -> dict[str, object]:
    blocks: Counter[str] = Counter()
    oldest: tuple[int, str] | None = None
    entries = 0
    for record in out.split(b"\0"):
        found = _LINE.fullmatch(record)
        if found is None:
            continue
        entries += 1
        blocks[found[3].decode("utf-8", "replace")] += int(found[4])
        one = int(found[5]), found[6].decode("utf-8", "surrogateescape")
        if found[1] == b"1" and (oldest is None or one < oldest):
            oldest = one
    return {"blocks": dict(blocks), "oldest": list(oldest) if oldest else None, "entries": entries}


def _now(host: Host) -> int:
    """The host's own time. Raises `HostRefusedError`."""
    uptime = re.match(r"\d{1,12}", host.read("/proc/uptime").decode("ascii", "replace"))
    booted = re.search(rb"^btime (\d{1,12})$", host.read("/proc/stat", 8 << 20), re.MULTILINE)
    if booted is None or uptime is None:
        raise HostRefusedError(Reason.UNREADABLE, "/proc/uptime or /proc/stat is not of the form of proc(5)")
    return int(booted[1]) + int(uptime[0])


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    table, oldest, now = parts.table("blocks"), parts.parts.get("oldest"), parts.number("now")
    if isinstance(table, Unknown) or not all(isinstance(n, int) for n in table.parts.values()):
        return every(FIELDS, parts.strange("blocks"))
    blocks = Counter({k: int(v) for k, v in table.parts.items()})
    whose, most = blocks.most_common(1)[0] if blocks else (None, 0)
    age: int | Unknown | None = None
    name: str | None = None
    if isinstance(oldest, list) and len(oldest) == 2 and isinstance(oldest[0], int) and isinstance(oldest[1], str):
        age = now if isinstance(now, Unknown) else max(0, now - oldest[0])
        name = printable(posixpath.basename(oldest[1]))
    all_ = blocks.total()
    return {
        "oldest": name,
        "oldest_seconds": age,
        "seen_bytes": all_ * 512,
        "owner": None if whose is None else printable(whose),
        "owner_percent": most * 1000 // all_ / 10 if all_ else None,
        "owners": len(blocks),
        "entries": parts.number("entries"),
    }


PROBE = Probe(
    name="temp-entries",
    title="What lies in a temporary directory: the oldest entry, whose bytes",
    kind=Kind.DIRECTORY,
    cost=Cost.DEAR,
    privilege="root to look into the folders of others",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"path": "the absolute path of the directory, as the process sees it"},
    pack=({"path": "/tmp"}, {"path": "/var/tmp"}),
)
