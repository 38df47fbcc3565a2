"""The sccache server that jobs share: where its temporary files go, and in which mount namespace it lives.

The server keeps namespace and TMPDIR of the job that started it, and compiles for every later job with them.
"""

from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Process, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.mounts import holding, lines_holding, read_mounts
from whyred.probes.place import entrance, follow, mountinfo
from whyred.probes.runner_processes import find_daemons

FIELDS = {
    "running": "whether an sccache server runs on the host",
    "pid": "its process number; absent when none runs",
    "tmpdir": "its TMPDIR, `/tmp` when it has none",
    "tmpdir_exists": "whether that directory is there, as the server sees it",
    "tmpdir_links": "the link count of that directory: 0 when it was removed under a mount; absent when it is missing",
    "tmp_deleted": "whether the server's /tmp is a removed directory: nothing can be created in it",
    "mounts": "the number (inode) of its mount namespace",
    "same_mounts_as_asker": "whether that namespace is the one of the asked process, or of whyred when the server "
    "itself or the host was asked about",
}
_DEFAULT_PORT = "4226"
_DEFAULT = "/tmp"


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """Which server the subject would talk to, or is, and what it sees as its temporary directory."""
    try:
        processes = host.processes()
        server = _server(host, subject, processes)
    except HostRefusedError as e:
        return refusal(e.unknown)
    if server is None:
        return pack({"running": False, "whole": any(p.pid == 1 for p in processes)})
    asker = subject.pid if subject.pid not in (None, server.pid) else None
    return pack(_ask_server(host, server) | {"asker": _namespace(host, processes, asker)})


def _server(host: Host, subject: Subject, processes: list[Process]) -> Process | None:
    """The server that is the subject, or that the subject's port leads to; raises where that leaves several."""
    servers = [d.process for d in find_daemons(processes) if d.kind == "sccache"]
    for server in servers:
        if server.pid == subject.pid or len(servers) == 1:
            return server
    if servers and subject.pid is not None:
        wanted = _port(host, subject.pid)
        servers = [s for s in servers if _port(host, s.pid) == wanted]
        if len(servers) == 1:
            return servers[0]
    if servers:
        raise HostRefusedError(Reason.WHICH_RUNNER, "several sccache servers run here: ask for a process that uses one")
    return None


def _port(host: Host, pid: int) -> str:
    """Where the process's environment says the server listens; raises where that may not be read."""
    env = host.environ(pid, ["SCCACHE_SERVER_PORT", "SCCACHE_SERVER_UDS"])
    return env.get("SCCACHE_SERVER_UDS") or env.get("SCCACHE_SERVER_PORT") or _DEFAULT_PORT


def _ask_server(host: Host, server: Process) -> dict[str, object]:
    subject = Subject("sccache", server.pid)
    env = told(lambda: host.environ(server.pid, ["TMPDIR"]))
    folder = env if isinstance(env, Unknown) else env.get("TMPDIR") or _DEFAULT

    def look() -> object:
        if isinstance(folder, Unknown):
            return folder
        return follow(host, entrance(host, subject), folder).stat

    return {
        "running": True,
        "pid": server.pid,
        "tmpdir": folder,
        "stat": told(look),
        "mountinfo": told(lambda: lines_holding(mountinfo(host, subject), _DEFAULT)),
        "mounts": server.mounts if server.mounts is not None else _no_namespace(server.pid),
    }


def _namespace(host: Host, processes: list[Process], pid: int | None) -> int | Unknown:
    if pid is None:
        own = host.identity.mounts
        return own if own is not None else Unknown(Reason.NOT_SUPPORTED, "the host does not name its mount namespace")
    found = next((p for p in processes if p.pid == pid), None)
    if found is None:
        return Unknown(Reason.NOT_FOUND, f"process {pid} is not there")
    return found.mounts if found.mounts is not None else _no_namespace(pid)


def _no_namespace(pid: int) -> Unknown:
    return Unknown(Reason.NO_PERMISSION, f"/proc/{pid}/ns/mnt may only be read by the same user or root")


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    running = parts.flag("running")
    if running is not True:
        hidden = Unknown(Reason.NO_PERMISSION, "/proc hides the processes of other users (hidepid): ask as root")
        if running is False and parts.flag("whole") is True:
            return every(FIELDS, None) | {"running": False}
        return every(FIELDS, running if isinstance(running, Unknown) else hidden)
    mounts, asker, tmpdir = parts.number("mounts"), parts.number("asker"), parts.text("tmpdir")
    same = asker if isinstance(asker, Unknown) else mounts if isinstance(mounts, Unknown) else mounts == asker
    return _of_stat(parts) | {
        "running": True,
        "pid": parts.number("pid"),
        "tmpdir": tmpdir if isinstance(tmpdir, Unknown) else printable(tmpdir),
        "tmp_deleted": _tmp_deleted(parts),
        "mounts": mounts,
        "same_mounts_as_asker": same,
    }


def _of_stat(parts: Parts) -> Fields:
    if parts.absent("stat"):
        return {"tmpdir_exists": False, "tmpdir_links": None}
    stat = parts.stat("stat")
    if isinstance(stat, Unknown):
        return every(("tmpdir_exists", "tmpdir_links"), stat)
    return {"tmpdir_exists": True, "tmpdir_links": stat.links}


def _tmp_deleted(parts: Parts) -> bool | Unknown:
    text = parts.text("mountinfo")
    if isinstance(text, Unknown):
        return text
    mount = holding(read_mounts(text), _DEFAULT)
    return mount is not None and mount.point == _DEFAULT and mount.deleted


PROBE = Probe(
    name="sccache-server",
    title="The shared sccache server: its temporary directory and mount namespace",
    kind=Kind.DAEMON,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
