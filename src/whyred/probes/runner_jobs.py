"""Which jobs a runner daemon has running now, and for how long."""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Process, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told, without_process
from whyred.probes.runner_processes import SHARED, find_daemons

FIELDS = {
    "jobs": "number of processes that the daemon started and that live now: one for each job that runs a command",
    "commands": "the names of their programs, with commas between them; absent: none",
    "processes": "number of all processes below the daemon",
    "oldest_seconds": "how long the oldest of these has been running, in seconds; absent: none",
}
_TICKS = 100
"""Clock ticks a second in /proc/PID/stat: USER_HZ is 100 on every Linux whyred runs on (proc(5))."""
_NAMED = 8


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The processes below the daemon."""
    if subject.pid is None:
        return without_process()
    try:
        processes = host.processes()
    except HostRefusedError as e:
        return refusal(e.unknown)
    own = [d for d in find_daemons(processes) if d.process.pid == subject.pid]
    if any(d.kind in SHARED for d in own):
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{subject.name} runs no jobs"))
    below = _below(processes, subject.pid)
    first = [p for p in below if p.parent == subject.pid]
    return pack(
        {
            "started": [p.started for p in below],
            "commands": [p.name for p in first][:_NAMED],
            "jobs": len(first),
            "uptime": told(lambda: host.read("/proc/uptime").decode("ascii", "replace").strip()),
        }
    )


def _below(processes: list[Process], pid: int) -> list[Process]:
    """All descendants."""
    children: dict[int, list[Process]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process)
    found: list[Process] = []
    todo, seen = [pid], {pid}
    while todo:
        for process in children.get(todo.pop(), []):
            if process.pid not in seen:
                seen.add(process.pid)
                found.append(process)
                todo.append(process.pid)
    return found


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    commands, started, uptime = parts.texts("commands"), parts.parts.get("started"), parts.text("uptime")
    if not isinstance(started, list) or not all(isinstance(n, int) for n in started):
        return every(FIELDS, parts.strange("started"))
    up = uptime if isinstance(uptime, Unknown) else re.match(r"\d{1,12}", uptime)
    age = up if isinstance(up, Unknown) else parts.strange("uptime")
    if isinstance(up, re.Match) and started:
        age = max(0, int(up[0]) - min(started) // _TICKS)
    return {
        "jobs": parts.number("jobs"),
        "commands": commands if isinstance(commands, Unknown) else ",".join(map(printable, commands)) or None,
        "processes": len(started),
        "oldest_seconds": age if started else None,
    }


PROBE = Probe(
    name="runner-jobs",
    title="The jobs that a runner daemon has running now",
    kind=Kind.DAEMON,
    cost=Cost.CHEAP,
    privilege="none; root where /proc hides the processes of others",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
