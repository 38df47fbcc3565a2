"""What a unit takes from a process that its host has: system calls, capabilities, new privileges, parts of the tree.

The measure is the host's first process: in a container both have the filter of the container, and nothing is told.
`SystemCallFilter=`, `CapabilityBoundingSet=`, `NoNewPrivileges=` and `InaccessiblePaths=` are in systemd.exec(5), the
lines of /proc/PID/status in proc_pid_status(5).
"""

import posixpath
import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, Stat, Subject
from whyred.model.probe import Cost, Facts, Kind, Lasting, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told, without_process
from whyred.probes.mounts import Mount, covers, holding, lines_holding, read_mounts
from whyred.probes.place import entrance, follow, mountinfo
from whyred.probes.searching import first as first_of
from whyred.probes.searching import is_program

FIELDS = {
    "filtered": Lasting("whether a filter of system calls lies on it and not on the host's first process"),
    "capabilities_taken": Lasting("number of capabilities that it can never get and the host's first process can"),
    "no_new_privileges": Lasting(
        "whether sudo and other programs with more rights have no effect in it, unlike the first one"
    ),
    "root_restricted": Lasting(
        "whether its user is root, and a filter or capabilities that were taken stop it nevertheless"
    ),
    "forbidden": Lasting(
        "with `said`: whether such a filter, or the lack of new privileges, does what these words speak of"
    ),
    "hidden": "with `path`: whether the host has something there, and a mount that only the process has lies over it, "
    "so that it sees nothing, what nobody may read, or another kind of thing, such as an empty file for a device; not "
    "for HOME and temporary directories; absent without a path from the root",
    "hidden_by": "the mount point that lies over it; absent where nothing is hidden",
    "hidden_program": "with `tool`: whether the host has that program in a folder of the process's PATH, and such a "
    "mount lies over it; absent without the name of a program",
    "program": "where the host has it; absent where it is not hidden",
}
_OF_PATH = ("hidden", "hidden_by")
_OF_PROGRAM = ("hidden_program", "program")
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,63}")
_OF_STATUS = ("filtered", "capabilities_taken", "no_new_privileges", "root_restricted")
_LINES = ("Uid:", "Seccomp:", "CapBnd:", "NoNewPrivs:")
_SPEAKS_OF = (
    (re.compile(r"bad system call|SIGSYS|signal:? 31\b|\b159\b", re.I), "filtered"),
    (re.compile(r"no new privileges", re.I), "no_new_privileges"),
)
"""The words of an error and what makes it: the kernel sends SIGSYS to nobody but who is filtered (seccomp(2))."""
_OWN = ("/tmp", "/var/tmp", "/dev/shm", "/proc", "/sys", "/run/user")
"""Places where a process may well have other things under the same name."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Lines of the status of both processes, and the path as both see it."""
    if subject.pid is None:
        return without_process()
    pid, path = subject.pid, arguments.get("path", "")
    entry = told(lambda: entrance(host, subject))
    if isinstance(entry, Unknown):
        return refusal(entry)
    asked = path if path.startswith("/") and posixpath.normpath(path) != "/" else ""
    program = told(lambda: _program(host, pid, arguments.get("tool", "")))
    return pack(
        {
            "own": told(lambda: _status(host, pid)),
            "first": told(lambda: _status(host, 1)),
            "said": arguments.get("said", ""),
            "home": told(lambda: host.environ(pid, ["HOME"]).get("HOME", "")),
            "place": _looked(host, subject, entry, asked) if asked else None,
            "tool": arguments.get("tool", ""),
            "program": _looked(host, subject, entry, program) if isinstance(program, str) else program,
        }
    )


def _looked(host: Host, subject: Subject, entry: str, path: str) -> dict[str, object]:
    """The path as both see it."""
    at = posixpath.normpath(path)
    return {
        "path": path,
        "seen": _stat(host, entry, path),
        "on_host": _stat(host, "", path),
        "mounts": told(lambda: lines_holding(mountinfo(host, subject), at)),
        "host_mounts": told(lambda: lines_holding(mountinfo(host, Subject("first", 1)), at)),
    }


def _program(host: Host, pid: int, tool: str) -> str | Unknown | None:
    """Where the host has the program that the process looks for. Raises HostRefusedError."""
    if not _NAME.fullmatch(tool):
        return None
    folders = host.environ(pid, ["PATH"]).get("PATH", "").split(":")
    return first_of(host, "", [f"{f.rstrip('/')}/{tool}" for f in folders if f.startswith("/")], is_program)


def _status(host: Host, pid: int) -> str:
    lines = host.read(f"/proc/{pid}/status").decode("utf-8", "replace").split("\n")
    return "\n".join(line for line in lines if line.startswith(_LINES))


def _stat(host: Host, entry: str, path: str) -> Stat | Unknown | None:
    place = told(lambda: follow(host, entry, path))
    return place if isinstance(place, Unknown) else place.stat


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    facts = _of_status(parts)
    return facts | {"forbidden": _forbidden(facts, parts.text("said"))} | _of_path(parts) | _of_program(parts)


def _forbidden(facts: Fields, said: str | Unknown) -> bool | Unknown:
    if isinstance(said, Unknown):
        return said
    field = next((field for words, field in _SPEAKS_OF if words.search(said)), None)
    if field is None:
        return Unknown(Reason.NOT_APPLICABLE, "the error's words speak of nothing that is forbidden so")
    value = facts[field]
    return value if isinstance(value, Unknown) else value is True


def _of_status(parts: Parts) -> Fields:
    own, first = parts.text("own"), parts.text("first")
    for text in (own, first):
        if isinstance(text, Unknown):
            return every(_OF_STATUS, text)
    mine, theirs = (_words(str(t)) for t in (own, first))
    try:
        filtered = _alone(mine["Seccomp"] == "2", theirs["Seccomp"] == "2")
        taken = (int(theirs["CapBnd"], 16) & ~int(mine["CapBnd"], 16)).bit_count()
        no_new = _alone(mine["NoNewPrivs"] == "1", theirs["NoNewPrivs"] == "1")
        root = mine["Uid"] == "0"
    except (KeyError, ValueError):
        return every(_OF_STATUS, Unknown(Reason.NOT_SUPPORTED, "this kernel does not tell it"))
    return {
        "filtered": filtered,
        "capabilities_taken": taken,
        "no_new_privileges": no_new,
        "root_restricted": root and (filtered is True or taken > 0),
    }


def _alone(own: bool, first: bool) -> bool | Unknown:
    """Whether only the process is restricted so; where both are, it is a container's doing, and nothing is told."""
    return Unknown(Reason.NOT_SUPPORTED, "the host's first process is restricted in the same way") if first else own


def _words(status: str) -> dict[str, str]:
    """The first word of each line by its name."""
    rows = [line.partition(":") for line in status.split("\n")]
    return {name: (value.split() or [""])[0] for name, _, value in rows}


def _of_path(parts: Parts) -> Fields:
    if parts.absent("place"):
        return every(_OF_PATH, None)
    place, home = parts.table("place"), parts.text("home")
    path = place if isinstance(place, Unknown) else place.text("path")
    for part in (place, home, path):
        if isinstance(part, Unknown):
            return every(_OF_PATH, part)
    assert isinstance(place, Parts)
    at = posixpath.normpath(str(path))
    own = [t for t in (posixpath.normpath(str(home) or "/"), *_OWN) if t != "/"]
    over = None if any(covers(t, at) or covers(at, t) for t in own) else _over(place, at)
    if isinstance(over, Unknown):
        return every(_OF_PATH, over)
    return {"hidden": over is not None, "hidden_by": None if over is None else printable(over.point)}


def _of_program(parts: Parts) -> Fields:
    if not parts.text("tool"):
        return every(_OF_PROGRAM, None)
    if parts.absent("program"):
        return {"hidden_program": False, "program": None}
    place = parts.table("program")
    path = place if isinstance(place, Unknown) else place.text("path")
    if isinstance(place, Unknown) or isinstance(path, Unknown):
        return every(_OF_PROGRAM, place if isinstance(place, Unknown) else path if isinstance(path, Unknown) else None)
    over = _over(place, posixpath.normpath(path))
    if isinstance(over, Unknown):
        return every(_OF_PROGRAM, over)
    return {"hidden_program": over is not None, "program": None if over is None else printable(path)}


def _over(place: Parts, path: str) -> Mount | Unknown | None:
    """The mount of the process alone that takes from it what the host has there."""
    if place.absent("on_host"):
        return None
    seen = None if place.absent("seen") else place.stat("seen")
    for part in (place.stat("on_host"), seen, own := place.text("mounts"), first := place.text("host_mounts")):
        if isinstance(part, Unknown):
            return part
    there = place.stat("on_host")
    if isinstance(seen, Stat) and isinstance(there, Stat) and not _stands_for(seen, there):
        return None
    mounts, host_mounts = read_mounts(str(own)), read_mounts(str(first))
    # In another root, such as a container's, the same name means another thing.
    if _same(holding(mounts, "/"), holding(host_mounts, "/")):
        mine = holding(mounts, path)
        return None if _same(mine, holding(host_mounts, path)) else mine
    return None


def _stands_for(seen: Stat, there: Stat) -> bool:
    """Whether what is seen is a cover that is laid over something: systemd's have no permission bit at all; others are
    an empty file over a device, or a device over a program."""
    covered = seen.kind != there.kind and "directory" not in (seen.kind, there.kind)
    return not seen.mode & 0o777 or covered or (seen.kind == "file" and is_program(there) and not is_program(seen))


def _same(mine: Mount | None, theirs: Mount | None) -> bool:
    both = [None if m is None else (m.device, m.root, m.point) for m in (mine, theirs)]
    return both[0] is not None and both[0] == both[1]


PROBE = Probe(
    name="restrictions",
    title="What a process may not do or see, though its host may",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="none; the same user or root for paths",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "path": "optional: a path of the log that was not found",
        "tool": "optional: the name of a program that was not found",
        "said": "optional: the words of the error, which say what was forbidden",
    },
    pack=({},),
)
