"""Who has a file open for writing, and who runs it: a program that is either can be replaced or started by nobody else.

execve(2) refuses a file that is open for writing, open(2) refuses to write to one that runs, both with ETXTBSY.
"""

import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.open_files import exactly, handles
from whyred.probes.place import absolute, entrance, follow

FIELDS = {
    "writers": "number of processes that have the file open for writing",
    "running": "number of processes that run the file as their program",
    "holder": "name and number of one of these processes; absent: there is none",
}
_FLAGS = re.compile(r"^flags:\s+(\d+)$", re.MULTILINE)
_MODES = 0o3
"""The bits of the access mode in the octal flags of /proc/PID/fdinfo (proc_pid_fdinfo(5)); 0 is reading."""
_MOST = 40


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The processes whose descriptors or program lead to the path."""
    try:
        path = follow(host, entrance(host, subject), absolute(host, subject, arguments.get("path", ""))).path
        found, whole = handles(host, exactly(path), programs=True)
    except HostRefusedError as e:
        return refusal(e.unknown)
    names = {p.pid: p.name for p in host.processes()} if found else {}
    rows = [
        {"runs": h.at.endswith("/exe"), "info": _info(host, h.at), "who": f"{names.get(h.pid, 'process')} ({h.pid})"}
        for h in found[:_MOST]
    ]
    return pack({"whole": whole, "users": rows})


def _info(host: Host, at: str) -> bytes | Unknown | None:
    return None if at.endswith("/exe") else told(lambda: host.read(at.replace("/fd/", "/fdinfo/")))


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    rows = parts.tables("users")
    if isinstance(rows, Unknown):
        return every(FIELDS, rows)
    running = {w for r in rows if r.flag("runs") is True and isinstance(w := r.text("who"), str)}
    writers = {w for r in rows if _writes(r) and isinstance(w := r.text("who"), str)}
    holder = min(writers or running, default=None)
    facts = {"writers": len(writers), "running": len(running), "holder": holder and printable(holder)}
    if parts.flag("whole") is True:
        return facts
    hidden = Unknown(Reason.NO_PERMISSION, "descriptors of other users' processes are hidden: ask as root")
    return {field: value or hidden for field, value in facts.items()}


def _writes(row: Parts) -> bool:
    text = row.parts.get("info")
    flags = _FLAGS.search(text) if isinstance(text, str) else None
    return flags is not None and bool(int(flags[1], 8) & _MODES)


PROBE = Probe(
    name="file-users",
    title="Who writes to a file, and who runs it",
    kind=Kind.DIRECTORY,
    cost=Cost.MODERATE,
    privilege="root, for the descriptors and programs of other users' processes",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"path": "the file, as the process sees it"},
)
