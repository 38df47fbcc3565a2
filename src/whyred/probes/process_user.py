"""As whom a process runs: user, groups, umask, working directory, and how long it has been running.

What a job creates belongs to this user and group with this umask; a group that was given to the user later reaches the
process only when it is started again.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told, without_process
from whyred.probes.place import entrance
from whyred.probes.runner_files import started

FIELDS = {
    "user": "the name of its user, as the process sees it; the number where it has no name there",
    "uid": "the number of its user, as whyred sees it",
    "groups": "the names of its groups, the first one first, with commas between them; numbers where they have no name",
    "umask": "its umask as octal text, such as `0022`: at `0077` nobody else can read what jobs create",
    "cwd": "its working directory",
    "age_seconds": "how long it has been running, in seconds",
    "replaced": "whether its program file was removed or replaced after it was started: updated and not restarted",
    "no_new_privileges": "whether sudo and other programs with more rights have no effect in it (NoNewPrivileges=)",
    "oom_score_adj": "how willingly the kernel ends it when memory runs out: -1000 never, 1000 first",
}
_LINES = ("Uid:", "Gid:", "Groups:", "Umask:", "NoNewPrivs:")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Some lines of its status, the names of users and groups that it sees, and the times."""
    if subject.pid is None:
        return without_process()
    pid, me = subject.pid, f"/proc/{subject.pid}"
    try:
        status = host.read(f"{me}/status").decode("utf-8", "replace")
    except HostRefusedError as e:
        return refusal(e.unknown)
    lines = "\n".join(line for line in status.split("\n") if line.startswith(_LINES))
    ids = {word for line in lines.split("\n") if line.startswith(_LINES[:3]) for word in line.split()[1:]}
    entry = told(lambda: entrance(host, subject))
    return pack(
        {
            "status": lines,
            "users": _names(host, entry, "/etc/passwd", ids),
            "names": _names(host, entry, "/etc/group", ids),
            "cwd": told(lambda: host.link(f"{me}/cwd")),
            "exe": told(lambda: host.link(f"{me}/exe")),
            "age": told(lambda: _age(host, pid)),
            "adj": told(lambda: host.read(f"{me}/oom_score_adj").decode("ascii", "replace").strip()),
        }
    )


def _names(host: Host, entry: str | Unknown, file: str, ids: set[str]) -> list[str] | Unknown:
    """The lines `name:x:number` of these numbers, and no others."""
    if isinstance(entry, Unknown):
        return entry
    text = told(lambda: host.read(f"{entry}{file}").decode("utf-8", "replace"))
    if isinstance(text, Unknown):
        return text
    rows = [line.split(":") for line in text.split("\n")]
    return [f"{r[2]}:{r[0]}" for r in rows if len(r) > 3 and r[2] in ids]


def _age(host: Host, pid: int) -> int:
    """Whole seconds. Raises `HostRefusedError`."""
    uptime = host.read("/proc/uptime").decode("ascii", "replace").partition(".")[0]
    booted = re.search(rb"^btime (\d{1,12})$", host.read("/proc/stat", 8 << 20), re.MULTILINE)
    if booted is None or not uptime.isdecimal():
        raise HostRefusedError(Reason.UNREADABLE, "/proc/uptime or /proc/stat is not of the form of proc(5)")
    return max(0, int(booted[1]) + int(uptime) - int(started(host, pid)))


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    cwd, exe = parts.text("cwd"), parts.text("exe")
    return _of_status(parts) | {
        "cwd": printable(cwd) if isinstance(cwd, str) else cwd,
        "age_seconds": parts.number("age"),
        "replaced": exe if isinstance(exe, Unknown) else exe.endswith(" (deleted)"),
        "oom_score_adj": _number(parts, "adj"),
    }


def _of_status(parts: Parts) -> Fields:
    fields = ("user", "uid", "groups", "umask", "no_new_privileges")
    status = parts.text("status")
    if isinstance(status, Unknown):
        return every(fields, status)
    found = {k: v.split() for k, _, v in (line.partition(":") for line in status.split("\n"))}
    try:
        uid, gid = found["Uid"][1], found["Gid"][1]
        groups = list(dict.fromkeys((gid, *found["Groups"])))
        umask: str | Unknown = found["Umask"][0] if "Umask" in found else _old("umask")
        privileges: bool | Unknown = found["NoNewPrivs"][0] == "1" if "NoNewPrivs" in found else _old("NoNewPrivs")
        number = int(uid)
    except (KeyError, IndexError, ValueError):
        return every(fields, parts.strange("status"))
    users, names = _table(parts, "users"), _table(parts, "names")
    return {
        "user": users.get(uid, uid),
        "uid": number,
        "groups": ",".join(names.get(g, g) for g in groups),
        "umask": umask,
        "no_new_privileges": privileges,
    }


def _old(what: str) -> Unknown:
    return Unknown(Reason.NOT_SUPPORTED, f"this kernel does not tell a process's {what}")


def _table(parts: Parts, key: str) -> dict[str, str]:
    """Names by number; none where the files could not be read."""
    rows = parts.texts(key)
    return {} if isinstance(rows, Unknown) else {n: printable(name) for n, _, name in (r.partition(":") for r in rows)}


def _number(parts: Parts, key: str) -> int | Unknown:
    text = parts.text(key)
    if isinstance(text, Unknown):
        return text
    return int(text) if re.fullmatch(r"-?[0-9]{1,4}", text) else parts.strange(key)


PROBE = Probe(
    name="process-user",
    title="As whom a daemon runs: user, groups, umask, folder, age",
    kind=Kind.DAEMON,
    cost=Cost.CHEAP,
    privilege="none; the same user or root for the working directory and the program file",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
