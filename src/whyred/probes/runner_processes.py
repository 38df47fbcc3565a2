"""Finds the runner daemons and shared daemons of a host, and whether their private /tmp is alive."""

import re
from collections.abc import Iterable, Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Daemon, Host, HostRefusedError, Process, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.mounts import Mount, holding, lines_holding, read_mounts
from whyred.probes.place import mountinfo

FIELDS = {
    "runners": "number of runner daemons",
    "jobs": "number of processes that the runner daemons started and that live now: one per job that runs a command",
    "shared_daemons": "number of daemons that jobs of several runners talk to (sccache servers)",
    "names": "the names of the runner daemons, with commas between them; absent: none",
    "private_tmp": "number of runner daemons whose /tmp is a mount of its own, other than the host's",
    "tmp_deleted": "number of runner daemons whose /tmp is a removed directory: nothing can be created in it",
    "private_dirs": "number of systemd-private-* names in the host's /tmp; fewer than live private units is a sign",
    "kinds": "the kinds of the runner daemons, in the order of `names`; absent: none",
}
SHARED = frozenset({"sccache"})
_PROGRAMS = (
    ("forgejo-runner", re.compile(r"forgejo-runner([-_.].*)?"), "daemon"),
    ("gitea-runner", re.compile(r"(act[_-]runner|gitea-runner)([-_.].*)?|runner"), "daemon"),
    ("actions-runner", re.compile(r"Runner\.Listener"), "run"),
)
"""Kind, file name of the program, word in its arguments. Release files carry a version: `act_runner-0.2.11-linux`."""
_TMP = "/tmp"
_OWN_WORD = "whyred-runner"
_OWN_PROGRAM = re.compile(r"python[0-9.]*|whyred.*")
_PLAIN_CONFIG = frozenset({"config", "runner", "forgejo-runner", "act_runner", "gitea-runner"})
"""Names of configuration files that name no single runner; the folder above them may."""
_PLAIN_FOLDER = frozenset({"etc", "conf", "config", "data", "bin", "opt", "srv", "usr", "local", ""}) | _PLAIN_CONFIG


def find_daemons(processes: Iterable[Process]) -> tuple[Daemon, ...]:
    """The runner daemons and shared daemons among these processes, by pid.

    Recognised by program file and arguments alone, so a shell that mentions one in its script is none. A daemon's
    child that looks the same (between fork and exec) is left out.
    """
    found = [d for d in map(_daemon, sorted(processes, key=lambda p: p.pid)) if d is not None]
    pids = {(d.process.pid, d.kind, d.name) for d in found}
    return tuple(d for d in found if (d.process.parent, d.kind, d.name) not in pids)


def hidden(processes: Iterable[Process]) -> Unknown | None:
    """Why there may be processes, and runners among them, that are not to be seen; None where all are.

    Everybody sees the first process, but where /proc hides those of others (hidepid), or is not there.
    """
    pids = {p.pid for p in processes}
    if 1 in pids:
        return None
    why = "/proc hides the processes of other users (hidepid): ask as root" if pids else "/proc shows no process here"
    return Unknown(Reason.NO_PERMISSION if pids else Reason.NOT_FOUND, f"{why}; runners may run unseen")


def _daemon(process: Process) -> Daemon | None:
    argv = process.argv
    program = argv[0].rpartition("/")[2] if argv else ""
    if _is_sccache_server(program, argv):
        return Daemon("sccache", process, _unit_name(process, "sccache") or f"sccache-{process.pid}", {})
    if _OWN_WORD in argv[:-1] and _OWN_PROGRAM.fullmatch(program):
        return Daemon("whyred-runner", process, argv[argv.index(_OWN_WORD) + 1], {})
    for kind, file, word in _PROGRAMS:
        if file.fullmatch(program) and word in argv[1:]:
            settings = _settings(kind, argv)
            name = _unit_name(process, "") or _from_settings(settings) or f"{kind}-{process.pid}"
            return Daemon(kind, process, name, settings)
    return None


def _is_sccache_server(program: str, argv: tuple[str, ...]) -> bool:
    """Whether this is the server: the program started again by itself, without arguments.

    Source: mozilla/sccache, src/commands.rs, `run_server_process`. A client or compiler wrapper has arguments.
    """
    return program == "sccache" and len(argv) == 1


def _unit_name(process: Process, word: str) -> str | None:
    """The unit's name. An sccache server stays in the group of the job that started it, whose unit is not its own."""
    name = (process.unit or "").removesuffix(".service")
    return name if name and word in name else None


def _settings(kind: str, argv: tuple[str, ...]) -> dict[str, str]:
    if kind == "actions-runner":  # FOLDER/bin/Runner.Listener run
        return {"folder": argv[0].removesuffix("/bin/Runner.Listener")} if argv[0].startswith("/") else {}
    for here, after in zip(argv[1:], (*argv[2:], ""), strict=True):
        if here in ("-c", "--config") and after:
            return {"config": after}
        for start in ("--config=", "-c="):
            if here.startswith(start) and here != start:
                return {"config": here.removeprefix(start)}
    return {}


def _from_settings(settings: Mapping[str, str]) -> str | None:
    """The first telling name from the end of the path: /etc/runner-3.yaml and /srv/runner-3/config.yml say runner-3."""
    parts = (settings.get("config") or settings.get("folder") or "").split("/")
    if "config" in settings:
        stem = re.sub(r"\.(ya?ml|json|conf)$", "", parts.pop())
        if stem.lower() not in _PLAIN_CONFIG:
            return stem or None
    return parts[-1] if parts and parts[-1].lower() not in _PLAIN_FOLDER else None


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The daemons, the mounts that hold /tmp for each and for the host, and the names in the host's /tmp."""
    try:
        processes = host.processes()
    except HostRefusedError as e:
        return refusal(e.unknown)
    daemons = find_daemons(processes)
    return pack(
        {
            "daemons": [
                {
                    "kind": d.kind,
                    "name": d.name,
                    "pid": d.process.pid,
                    "children": sum(p.parent == d.process.pid for p in processes),
                    "mounts": _tmp_lines(host, d.process.pid),
                }
                for d in daemons
            ],
            # hidepid leaves out the processes of others, and with them the first
            "whole": any(p.pid == 1 for p in processes),
            "mounts": _host_tmp_lines(host),
            "names": told(lambda: [n for n in host.names(_TMP) if n.startswith("systemd-private-")]),
        }
    )


def _tmp_lines(host: Host, pid: int) -> str | Unknown:
    return told(lambda: lines_holding(mountinfo(host, Subject("daemon", pid)), _TMP))


def _host_tmp_lines(host: Host) -> str | Unknown:
    """The host's own view is that of its first process: whyred may itself run behind a private /tmp."""
    first = _tmp_lines(host, 1)
    return first if isinstance(first, str) else told(lambda: lines_holding(mountinfo(host, Subject("whyred")), _TMP))


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    daemons, names = parts.tables("daemons"), parts.texts("names")
    if isinstance(daemons, Unknown):
        return every(FIELDS, daemons)
    runners = [d for d in daemons if d.text("kind") not in SHARED]
    facts = _of_tmp(parts, runners)
    facts |= {"runners": len(runners), "shared_daemons": len(daemons) - len(runners), "names": _list(runners, "name")}
    facts |= {"kinds": _list(runners, "kind"), "jobs": _jobs(runners)}
    if parts.flag("whole") is not True:  # what was found is there; what was not may be hidden
        hidden = Unknown(Reason.NO_PERMISSION, "/proc hides the processes of other users (hidepid): ask as root")
        facts = {field: hidden if value in (0, None) else value for field, value in facts.items()}
    return facts | {"private_dirs": names if isinstance(names, Unknown) else len(names)}


def _list(runners: list[Parts], key: str) -> str | Unknown | None:
    texts = [d.text(key) for d in runners]
    unknown = [t for t in texts if isinstance(t, Unknown)]
    return unknown[0] if unknown else ",".join(printable(t) for t in texts if isinstance(t, str)) or None


def _jobs(runners: list[Parts]) -> int | Unknown:
    counts = [d.number("children") for d in runners]
    unknown = next((c for c in counts if isinstance(c, Unknown)), None)
    return unknown if unknown is not None else sum(c for c in counts if isinstance(c, int))


def _of_tmp(parts: Parts, runners: list[Parts]) -> Fields:
    own = _tmp(parts)
    theirs = [_tmp(d) for d in runners]
    unknown = [t for t in theirs if isinstance(t, Unknown) and t.reason is not Reason.NOT_FOUND]  # not: it has ended
    if unknown:
        return every(("private_tmp", "tmp_deleted"), unknown[0])
    mounted = [t for t in theirs if isinstance(t, Mount) and t.point == _TMP]
    return {
        "private_tmp": own if isinstance(own, Unknown) else sum(_is_other(t, own) for t in mounted),
        "tmp_deleted": sum(t.deleted for t in mounted),
    }


def _tmp(parts: Parts) -> Mount | Unknown | None:
    text = parts.text("mounts")
    return text if isinstance(text, Unknown) else holding(read_mounts(text), _TMP)


def _is_other(mount: Mount, own: Mount | None) -> bool:
    return own is None or own.point != _TMP or (mount.device, mount.root) != (own.device, own.root)


PROBE = Probe(
    name="runner-processes",
    title="Runner daemons and shared daemons of a host, and their /tmp",
    kind=Kind.HOST,
    cost=Cost.CHEAP,
    privilege="none; root where /proc hides the processes of others",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
