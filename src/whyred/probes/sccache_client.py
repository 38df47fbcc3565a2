"""What an sccache of a process's environment meets: who listens at the server's address, and what it starts with.

The client connects to 127.0.0.1 at SCCACHE_SERVER_PORT (4226 without it) or to the socket SCCACHE_SERVER_UDS, and
starts a server when nothing answers; that one ends at once when it cannot open SCCACHE_ERROR_LOG (sccache's README and
docs/Configuration.md; src/commands.rs).
"""

import posixpath
import re
from collections.abc import Mapping
from functools import partial

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Process, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.place import entrance, follow, who

FIELDS = {
    "address": "the port, or the path of the socket, at which the server is looked for",
    "listening": "whether something listens at that port in the process's network namespace; unknown for a socket",
    "listener": "the name of the process that listens; absent when nothing does",
    "foreign": "whether that process is another program than sccache: no server can start, and none answers",
    "stopped": "whether that process is stopped (SIGSTOP, a debugger): it takes connections and never answers",
    "log_unwritable": "whether SCCACHE_ERROR_LOG names a file in a folder that is not there: no server can start",
    "socket_unusable": "whether SCCACHE_SERVER_UDS names a socket in a folder that is not there",
}
_VARIABLES = ("SCCACHE_SERVER_PORT", "SCCACHE_SERVER_UDS", "SCCACHE_ERROR_LOG")
_DEFAULT = "4226"
_LISTENS = re.compile(r"^ *\d+: ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]+:[0-9A-F]{4} 0A (?:\S+ +){5}(\d+) ", re.MULTILINE)
"""A listening socket in /proc/net/tcp: address, port and inode (proc(5))."""
_OURS = frozenset({"0100007F", "00000000", "0" * 32, "0000000000000000FFFF00000100007F"})
"""The addresses of a listener that takes connections to 127.0.0.1."""
_MOST = 4000


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The address, the listener there, and the folders of the files that the server opens first."""
    try:
        entry = entrance(host, subject)
        pid = subject.pid if subject.pid is not None else int(host.link(who(Subject("whyred"))))
        env = host.environ(pid, _VARIABLES)
        uds, log = env.get("SCCACHE_SERVER_UDS", ""), env.get("SCCACHE_ERROR_LOG", "")
        port = env.get("SCCACHE_SERVER_PORT", "") or _DEFAULT
        parts: dict[str, object] = {"address": uds or port, "is_socket": bool(uds)}
        for key, path in (("log_folder", log), ("socket_folder", uds)):
            folder = posixpath.dirname(path)
            parts[key] = told(partial(_is_folder, host, entry, folder)) if folder.startswith("/") else None
        if not uds:
            parts["inodes"] = told(lambda: _listening(host, subject, port))
            parts["listener"] = told(lambda: _listener(host, parts["inodes"]))
    except HostRefusedError as e:
        return refusal(e.unknown)
    return pack(parts)


def _is_folder(host: Host, entry: str, path: str) -> bool:
    stat = follow(host, entry, path).stat
    return stat is not None and stat.kind == "directory"


def _listening(host: Host, subject: Subject, port: str) -> list[str]:
    """The sockets that listen at a port of the loopback address. Raises `HostRefusedError`."""
    tables = host.read(f"{who(subject)}/net/tcp", 4 << 20).decode("ascii", "replace")
    six = told(lambda: host.read(f"{who(subject)}/net/tcp6", 4 << 20).decode("ascii", "replace"))
    tables += "" if isinstance(six, Unknown) else six
    return [inode for at, on, inode in _LISTENS.findall(tables) if at in _OURS and str(int(on, 16)) == port]


def _listener(host: Host, inodes: object) -> dict[str, object] | None:
    """The process that has one of the sockets open. Raises `HostRefusedError`."""
    if not isinstance(inodes, list) or not inodes:
        return None
    wanted = {f"socket:[{i}]" for i in inodes}
    closed = False
    for process in sorted(host.processes(), key=lambda p: p.name != "sccache")[:_MOST]:
        links = _sockets(host, process)
        closed = closed or links is None
        if links and wanted & links:
            stat = told(partial(host.read, f"/proc/{process.pid}/stat", 4096))
            state = stat.rpartition(b") ")[2][:1].decode() if isinstance(stat, bytes) else ""
            return {"name": process.name, "pid": process.pid, "state": state}
    if closed:
        raise HostRefusedError(Reason.NO_PERMISSION, "only the same user or root may see whose socket it is")
    raise HostRefusedError(Reason.NOT_FOUND, "no process that whyred sees has the socket open")


def _sockets(host: Host, process: Process) -> set[str] | None:
    folder = f"/proc/{process.pid}/fd"
    names = told(lambda: host.names(folder))
    if isinstance(names, Unknown):
        return None if names.reason is Reason.NO_PERMISSION else set()
    links = [told(partial(host.link, f"{folder}/{n}")) for n in names[:_MOST]]
    return {link for link in links if isinstance(link, str)}


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    address, is_socket = parts.text("address"), parts.flag("is_socket")
    facts: Fields = {
        "address": address if isinstance(address, Unknown) else printable(address),
        "log_unwritable": _missing(parts, "log_folder"),
        "socket_unusable": _missing(parts, "socket_folder"),
    }
    of_listener = ("listening", "listener", "foreign", "stopped")
    if is_socket is not False:
        why = Unknown(Reason.NOT_SUPPORTED, "the server is looked for at a socket file, which /proc/net/tcp lacks")
        return facts | every(of_listener, is_socket if isinstance(is_socket, Unknown) else why)
    inodes = parts.texts("inodes")
    if isinstance(inodes, Unknown):
        return facts | every(of_listener, inodes)
    if not inodes:
        return facts | {"listening": False, "listener": None, "foreign": False, "stopped": False}
    listener = parts.table("listener")
    if isinstance(listener, Unknown):
        return facts | every(of_listener, listener) | {"listening": True}
    name, state = listener.text("name"), listener.text("state")
    return facts | {
        "listening": True,
        "listener": name if isinstance(name, Unknown) else printable(name),
        "foreign": name if isinstance(name, Unknown) else not name.startswith("sccache"),
        "stopped": state if isinstance(state, Unknown) else state in ("T", "t"),
    }


def _missing(parts: Parts, key: str) -> bool | Unknown:
    """Whether a folder that is named is not there; none that is named is none that is missing."""
    if parts.absent(key):
        return False
    there = parts.flag(key)
    return there if isinstance(there, Unknown) else not there


PROBE = Probe(
    name="sccache-client",
    title="Who listens where a job's sccache looks for its server",
    kind=Kind.PROCESS,
    cost=Cost.MODERATE,
    privilege="the same user or root for the environment; root to see whose socket it is",
    fields=FIELDS,
    ask=ask,
    read=read,
)
