"""Who holds a lock of dpkg and apt on the host: a package manager that runs beside the job, or one that hangs.

They take record locks (fcntl(2)) on files that are always there, so that a file exists says nothing; /proc/locks shows
the inode and the process (proc_locks(5)).
"""

from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, printable, refusal, told
from whyred.probes.place import entrance
from whyred.probes.proc_locks import LOCK, answer, same_device, table

FIELDS = {
    "held": "whether some process holds one of these locks now",
    "path": "the lock file; absent: none is held",
    "holder": "the process number of the holder, as whyred sees it; absent: none is held",
    "holder_name": "the name of that process; absent: none is held, or it cannot be seen",
    "files": "lock files that were found",
}
_FILES = (
    "/var/lib/dpkg/lock-frontend",
    "/var/lib/dpkg/lock",
    "/var/lib/apt/lists/lock",
    "/var/cache/apt/archives/lock",
)
_OF_HOLDER = ("path", "holder", "holder_name")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The lock files as the subject sees them, and what /proc/locks says of them."""
    try:
        entry = entrance(host, subject)
        found = {p: told(partial(host.stat, entry + p)) for p in _FILES}
        locks = table(host)
    except HostRefusedError as e:
        return refusal(e.unknown)
    files = {p: s for p, s in found.items() if not isinstance(s, Unknown)}
    return answer(host, files, locks)


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    files, lines, names = parts.tables("files"), parts.texts("locks"), parts.table("names")
    if isinstance(files, Unknown) or isinstance(lines, Unknown) or isinstance(names, Unknown):
        return every(FIELDS, parts.strange("locks"))
    locks = [m for line in lines if (m := LOCK.match(line)) and not m["waits"]]
    for file in files:
        path, stat = file.text("path"), file.stat("stat")
        if isinstance(path, Unknown) or isinstance(stat, Unknown):
            return every(FIELDS, parts.strange("files"))
        taken = next((m for m in locks if int(m["inode"]) == stat.inode and same_device(m, stat.device)), None)
        if taken is not None:
            name = names.parts.get(taken["pid"])
            shown = printable(name) if isinstance(name, str) else None
            whose: Fields = {"path": printable(path), "holder": int(taken["pid"]), "holder_name": shown}
            return {"held": True, **whose, "files": len(files)}
    return {**every(_OF_HOLDER, None), "held": False, "files": len(files)}


PROBE = Probe(
    name="package-lock",
    title="Who holds a lock of dpkg and apt",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="none",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
