"""Who listens on a port in a process's network namespace, and which ports its own children hold.

The socket's number in /proc/PID/net/tcp is looked for among the open files of the processes (proc_pid_fd(5)). On a
machine that is far away that would take thousands of questions: there ss(8) is asked, where the namespace is the same.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from functools import partial

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import FarHost, Host, HostRefusedError, Process, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.network import Listener, ask_network, read_network
from whyred.probes.place import who

FIELDS = {
    "listening": "whether somebody listens on the port (TCP, else UDP); absent without a port",
    "program": "name of the program that listens there; absent: nobody does",
    "pid": "its process number; absent: nobody listens",
    "unit": "its systemd unit; absent: none, or nobody listens",
    "address": "the address it is bound to; absent: nobody listens",
    "age_seconds": "for how many seconds that process has run; absent: nobody listens",
    "uid": "the owner's number, as whyred sees it; absent: nobody listens",
    "left_ports": "TCP ports held by processes that the asked one has started, with programs; absent: none",
}
_OF_LISTENER = ("program", "pid", "unit", "address", "age_seconds", "uid")
_MOST_LINKS = 1000
"""Questions about open files: a tenth of a second, and half a second on a busy host. That somebody listens must be told
also where the holder is not found in time."""
_PORT = re.compile(r"[0-9]{1,5}")
_SOCKET = re.compile(r"socket:\[(\d+)\]")
_BY_SS = re.compile(r"pid=(\d+),.*\bino:(\d+)")
_TICKS = 100
"""Clock ticks a second in /proc (USER_HZ, the same on every Linux of today)."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The sockets that wait, and the processes that hold them."""
    port = arguments.get("port", "")
    if port and not (_PORT.fullmatch(port) and 0 < int(port) < 65536):
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{port!r} is no port"))
    try:
        processes = host.processes()
    except HostRefusedError as e:
        return refusal(e.unknown)
    below = _below(processes, subject.pid)
    tables = ask_network(host, subject)
    network = read_network(Parts(pack(tables)))
    wanted = () if isinstance(network, Unknown) else network.listeners
    others = _in_order(processes, below, int(port), wanted) if port else []
    own = [p for p in processes if p.pid in below]
    holders = told(lambda: _holders(host, subject, own, others, wanted, int(port or 0)))
    rows: object = holders
    if not isinstance(holders, Unknown):
        known = {p.pid: p for p in processes}
        rows = [{"inode": i, "below": pid in below, **_row(known[pid])} for i, pid in holders.items() if pid in known]
    parts = {"port": int(port) if port else None, "uptime": told(lambda: host.read("/proc/uptime")), "holders": rows}
    return pack({**tables, **parts, "subject": subject.pid is not None})


def _row(process: Process) -> dict[str, object]:
    """Of the command line only the program: arguments may hold secrets."""
    kept = asdict(process)
    return {k: kept[k] for k in ("pid", "name", "unit", "started", "uid")}


def _below(processes: Iterable[Process], pid: int | None) -> set[int]:
    """The processes that a process has started, and those that these have started."""
    found: set[int] = set()
    todo = [] if pid is None else [pid]
    children: dict[int, list[int]] = {}
    for process in processes:
        children.setdefault(process.parent, []).append(process.pid)
    while todo:
        for child in children.get(todo.pop(), ()):
            if child not in found:
                found.add(child)
                todo.append(child)
    return found


def _in_order(processes: Iterable[Process], below: set[int], port: int, sockets: Iterable[Listener]) -> list[Process]:
    """Who may hold the port besides the children: first the users that own a socket there, the newest first."""
    owners = {s.uid for s in sockets if s.port == port}
    others = [p for p in processes if p.pid not in below]
    return sorted(others, key=lambda p: (p.uid not in owners, -p.started))


def _holders(
    host: Host, subject: Subject, own: list[Process], others: list[Process], sockets: Iterable[Listener], port: int
) -> dict[int, int]:
    """The process of each socket: of all that the children hold, and of those of the port. Raises HostRefusedError."""
    if isinstance(host, FarHost):
        return _by_ss(host, subject)
    inodes = {s.inode for s in sockets}
    of_port = {s.inode for s in sockets if s.port == port}
    found: dict[int, int] = {}
    left = _MOST_LINKS
    for process in (*own, *others):
        if left <= 0 or (process not in own and of_port <= found.keys()):
            break
        folder = f"/proc/{process.pid}/fd"
        names = told(partial(host.names, folder))
        left -= 1
        for name in [] if isinstance(names, Unknown) else names[: max(0, left)]:
            left -= 1
            target = told(partial(host.link, f"{folder}/{name}"))
            socket = _SOCKET.fullmatch(target) if isinstance(target, str) else None
            if socket and int(socket[1]) in inodes:
                found.setdefault(int(socket[1]), process.pid)
    return found


def _by_ss(host: Host, subject: Subject) -> dict[int, int]:
    if host.link(f"{who(subject)}/ns/net") != host.link("/proc/self/ns/net"):
        raise HostRefusedError(Reason.NOT_SUPPORTED, "the process has a network namespace of its own: ask on the host")
    lines = host.run(["ss", "-Htlnpe"]).out.decode("utf-8", "replace").split("\n")
    return {int(m[2]): int(m[1]) for m in map(_BY_SS.search, lines) if m}


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    network, holders = read_network(parts), parts.tables("holders")
    if isinstance(network, Unknown):
        return every(FIELDS, network)
    facts: Fields = {"left_ports": _left(parts, network.listeners, holders)}
    port = None if parts.absent("port") else parts.number("port")
    if not isinstance(port, int):
        return facts | every(("listening", *_OF_LISTENER), port)
    found = [one for one in network.listeners if one.port == port]
    found.sort(key=lambda one: (one.kind.startswith("udp"), one.address.version))
    if not found:
        return facts | every(_OF_LISTENER, None) | {"listening": False}
    return facts | {"listening": True, "address": str(found[0].address), **_holder(parts, found[0], holders)}


def _holder(parts: Parts, socket: Listener, holders: list[Parts] | Unknown) -> Fields:
    fields = ("program", "pid", "unit", "age_seconds")
    if isinstance(holders, Unknown):
        return every(fields, holders) | {"uid": socket.uid}
    row = next((h for h in holders if h.number("inode") == socket.inode), None)
    if row is None:
        hidden = "no process that whyred may look into holds it: ask as root (`ss -ltnp` shows it there)"
        return every(fields, Unknown(Reason.NO_PERMISSION, hidden)) | {"uid": socket.uid}
    name, uptime, started = row.text("name"), parts.text("uptime"), row.number("started")
    age: int | Unknown = parts.strange("uptime")
    if isinstance(uptime, str) and isinstance(started, int) and re.match(r"\d+\.", uptime):
        age = max(0, int(uptime.partition(".")[0]) - started // _TICKS)
    return {
        "program": printable(name) if isinstance(name, str) else name,
        "pid": row.number("pid"),
        "unit": None if row.absent("unit") else row.text("unit"),
        "age_seconds": age,
        "uid": socket.uid,
    }


def _left(parts: Parts, sockets: Iterable[Listener], holders: list[Parts] | Unknown) -> str | Unknown | None:
    if parts.flag("subject") is not True:
        return Unknown(Reason.NO_SUBJECT, "this question is about a process, and none was found to ask about")
    if isinstance(holders, Unknown):
        return holders
    ports = {s.inode: s.port for s in sockets if s.kind.startswith("tcp")}
    rows = [(ports.get(_number(h, "inode")), h.text("name")) for h in holders if h.flag("below") is True]
    texts = {f"{port} ({printable(name)})" for port, name in rows if port is not None and isinstance(name, str)}
    return ", ".join(sorted(texts)) or None


def _number(row: Parts, key: str) -> int:
    number = row.number(key)
    return number if isinstance(number, int) else -1


PROBE = Probe(
    name="listener",
    title="Who listens on a port, and which ports a runner's jobs left open",
    kind=Kind.PROCESS,
    cost=Cost.MODERATE,
    privilege="none to see that somebody listens; root to see who",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"port": "optional: the number of the port"},
    pack=({},),
)
