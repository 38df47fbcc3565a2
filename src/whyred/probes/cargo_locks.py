"""Whether a process holds the lock that cargo waits for, and whether that process is alive.

cargo locks files with flock(2), which /proc/locks shows with the inode of the file and the process that took it
(proc(5)). The lock is there as long as a process has the file open, also when the one that took it has ended.
"""

from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, refusal, told
from whyred.probes.cargo_places import cargo_homes, environ, targets
from whyred.probes.place import entrance
from whyred.probes.proc_locks import answer, holder, table
from whyred.probes.searching import spread

FIELDS = {
    "held": "whether some process holds one of these locks now",
    "path": "the lock file that is held; absent when none is",
    "holder": "the number of the process that took the lock; absent when none did",
    "holder_name": "the name of that process; absent when it has ended",
    "holder_alive": "whether that process is there; absent when no lock is held",
    "waiting": "number of processes that wait for that lock now",
    "files": "number of lock files that were found and looked at",
}
_OF_HOME = (".package-cache", ".package-cache-mutate", "registry/index/*/.cargo-index-lock", "git/db/*/.cargo-lock")
_OF_TARGET = ("*/.cargo-lock", "*/*/.cargo-lock", "*/.cargo-build-lock", "*/.cargo-artifact-lock", ".cargo-lock")
_ALL = "all"


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The lock files of the kind that the log names, and what /proc/locks says of them."""
    what = arguments.get("what", "")
    try:
        entry, env = entrance(host, subject), environ(host, subject)
        places: list[tuple[str, tuple[str, ...]]] = []
        if "directory" in what or what == _ALL:
            places += [(t, _OF_TARGET) for t in targets(host, entry, subject, env, arguments.get("folder"))]
        if "directory" not in what:
            places += [(h, _OF_HOME) for h in cargo_homes(host, entry, subject, env)]
        files = {}
        for path in spread(host, entry, [f"{place}/{name}" for place, names in places for name in names]):
            stat = told(partial(host.stat, entry + path))
            if not isinstance(stat, Unknown):
                files[path] = stat
        locks = table(host)
    except HostRefusedError as e:
        return refusal(e.unknown)
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
        return every(FIELDS, None) | {"held": False, "waiting": 0, "files": len(files)}
    return {
        "held": True,
        "path": held.path,
        "holder": held.pid,
        "holder_name": held.name,
        "holder_alive": held.name is not None,
        "waiting": held.waiting,
        "files": len(files),
    }


PROBE = Probe(
    name="cargo-locks",
    title="Who holds the lock that cargo waits for",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root for the process's CARGO_HOME",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "what": "what cargo says it waits for, such as `package cache` or `build directory`; `all`: any of them",
        "after": "optional: the line that says that the time was up; it changes nothing of the answer",
        "folder": "optional: the checkout, whose target directory is looked at as well",
    },
)
