"""Who holds a lock of dpkg and apt on the host: a package manager that runs beside the job, or one that hangs.

They take record locks (fcntl(2)) on files that are always there, so that a file exists says nothing; /proc/locks shows
the inode and the process (proc_locks(5)).
"""

from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, refusal, told
from whyred.probes.place import entrance
from whyred.probes.proc_locks import answer, holder, table

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
    files, held = parts.tables("files"), holder(parts)
    if isinstance(files, Unknown) or isinstance(held, Unknown):
        return every(FIELDS, parts.strange("locks"))
    if held is None:
        return every(FIELDS, None) | {"held": False, "files": len(files)}
    return {"held": True, "path": held.path, "holder": held.pid, "holder_name": held.name, "files": len(files)}


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
