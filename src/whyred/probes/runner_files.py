"""Where a runner daemon keeps its files, found from its arguments, its working directory and its home.

Source: internal/app/cmd and internal/pkg/config of forgejo-runner and Gitea's runner; ConfigurationStore of
actions/runner.
"""

import hashlib
import json
import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Daemon, Host, HostRefusedError, Process, Subject
from whyred.probes.answer import told
from whyred.probes.place import Place, absolute, entrance, follow
from whyred.probes.runner_processes import find_daemons
from whyred.workflows.nouns import WorkflowError
from whyred.workflows.runner_config import Connection, RunnerConfig, read_runner_config

ACTIONS = "actions-runner"
REGISTERED = frozenset({"forgejo-runner", "gitea-runner", ACTIONS})
"""Kinds of daemons that have a registration and a work folder."""
_TICKS = 100
"""Clock ticks a second in /proc/PID/stat: USER_HZ is 100 on every Linux whyred runs on (proc(5))."""
_PARENT = ".cache/act"
_CACHE = ".cache/actcache"
"""Below HOME: the defaults of host.workdir_parent and cache.dir."""


@dataclass(frozen=True, slots=True)
class Config:
    """A configuration file: its path as the daemon names it (None: it was started without one), what lies there, and
    what it says."""

    path: str | None = None
    place: Place | Unknown | None = None
    said: RunnerConfig | Unknown = field(default_factory=RunnerConfig)


@dataclass(frozen=True, slots=True)
class Registration:
    """The registration file of a runner. `key` is a hash of the uuid or id by which the forge knows the runner: equal
    for copies of one registration, and of no use to anybody who reads it. `modified` in seconds since the epoch."""

    path: str
    exists: bool
    modified: float | None = None
    key: str | None = None
    name: str | None = None
    address: str | None = None
    labels: tuple[str, ...] = ()
    work: str | None = None


def runner(host: Host, subject: Subject) -> Daemon:
    """The runner daemon that the subject is. Raises `HostRefusedError`: it is none of those with files, or gone."""
    if subject.pid is None:
        raise HostRefusedError(Reason.NO_SUBJECT, "this question is about a runner daemon")
    argv = (
        host.read(f"/proc/{subject.pid}/cmdline", 1 << 17).decode("utf-8", "surrogateescape").rstrip("\0").split("\0")
    )
    found = find_daemons([Process(subject.pid, 0, 0, "", tuple(argv), 0, None, subject.unit)])
    if not found or found[0].kind not in REGISTERED:
        raise HostRefusedError(Reason.NOT_APPLICABLE, f"{subject.name} is no runner that has files of its own")
    return found[0]


def started(host: Host, pid: int) -> float:
    """When the process was started, in seconds since the epoch, to the hundredth. Raises `HostRefusedError`."""
    stat = host.read(f"/proc/{pid}/stat").decode("utf-8", "replace")
    booted = re.search(r"^btime (\d{1,12})$", host.read("/proc/stat", 8 << 20).decode("ascii", "replace"), re.MULTILINE)
    fields = stat.rpartition(")")[2].split()
    if booted is None or len(fields) < 20 or not fields[19].isdecimal():
        raise HostRefusedError(Reason.UNREADABLE, f"/proc/{pid}/stat or /proc/stat is not of the form of proc(5)")
    return int(booted[1]) + int(fields[19]) / _TICKS


def seen(host: Host, subject: Subject, path: str) -> Place:
    """A path as the subject sees it. Raises `HostRefusedError`."""
    return follow(host, entrance(host, subject), absolute(host, subject, path))


def config(host: Host, subject: Subject, daemon: Daemon) -> Config:
    """The daemon's configuration file. Without `--config` the runners read none."""
    path = daemon.settings.get("config")
    if path is None:
        return Config()
    place = told(lambda: seen(host, subject, path))
    if isinstance(place, Unknown):
        return Config(path, place, place)
    if place.stat is None:
        return Config(path, place, Unknown(Reason.NOT_FOUND, f"{path}: nothing is there any more"))
    data = told(lambda: host.read(place.reach))
    return Config(path, place, data if isinstance(data, Unknown) else _said(data, path))


def _said(data: bytes, path: str) -> RunnerConfig | Unknown:
    try:
        return read_runner_config(data, path)
    except WorkflowError as e:
        return Unknown(Reason.UNREADABLE, _without_quotes(f"{e.what}: {e.why}"))


def _without_quotes(text: str) -> str:
    """What a parser says, without what it quotes of the file."""
    return re.sub(r"'[^']*'|`[^`]*`|\"[^\"]*\"", "...", text)


def home(host: Host, pid: int) -> str | None:
    """The daemon's HOME. Raises `HostRefusedError` (only its own user and root may read it)."""
    return host.environ(pid, ["HOME"]).get("HOME")


def work_folder(
    host: Host, subject: Subject, daemon: Daemon, said: RunnerConfig | Unknown, registered: Registration | Unknown
) -> str | Unknown | None:
    """The folder in which the runner makes the workspaces and keeps the clones of actions."""
    if daemon.kind == ACTIONS:
        if isinstance(registered, Unknown):
            return registered
        below = registered.work or "_work"
        return told(lambda: posixpath.normpath(posixpath.join(_folder(host, subject, daemon), below)))
    return _of_config(host, subject, said, "workdir_parent", _PARENT)


def cache_folder(host: Host, subject: Subject, daemon: Daemon, said: RunnerConfig | Unknown) -> str | Unknown | None:
    """The folder of the runner's cache server; None for runners without one."""
    return None if daemon.kind == ACTIONS else _of_config(host, subject, said, "cache_dir", _CACHE)


def _of_config(
    host: Host, subject: Subject, said: RunnerConfig | Unknown, key: str, below_home: str
) -> str | Unknown | None:
    if isinstance(said, Unknown):
        return said
    given, pid = getattr(said, key), subject.pid
    if isinstance(given, str):
        return told(lambda: posixpath.normpath(absolute(host, subject, given)))
    where = told(lambda: home(host, pid or 0))
    return where if isinstance(where, Unknown) or where is None else f"{where.rstrip('/')}/{below_home}"


def _folder(host: Host, subject: Subject, daemon: Daemon) -> str:
    """The folder in which actions/runner was unpacked. Raises `HostRefusedError`."""
    given = daemon.settings.get("folder")
    return given if given is not None else host.link(f"/proc/{subject.pid}/cwd")


def beside(host: Host, subject: Subject, daemon: Daemon, name: str) -> str:
    """A file of that name beside actions/runner's program. Raises `HostRefusedError`."""
    return f"{_folder(host, subject, daemon).rstrip('/')}/{name}"


def registration(host: Host, subject: Subject, daemon: Daemon, said: RunnerConfig | Unknown) -> Registration:
    """The registration file, as far as it may be told: never its token. Raises `HostRefusedError`."""
    if daemon.kind == ACTIONS:
        path = beside(host, subject, daemon, ".runner")
    elif isinstance(said, Unknown):
        raise HostRefusedError(said.reason, said.detail)
    elif said.connections:
        return _connected(daemon.settings.get("config", ""), said.connections)
    else:
        path = said.registration or ".runner"
    place = seen(host, subject, path)
    if place.stat is None:
        return Registration(place.path, exists=False)
    return _registered(place.path, place.stat.modified, host.read(place.reach))


def _connected(path: str, connections: Sequence[Connection]) -> Registration:
    """The registrations that the configuration file itself holds, as one."""
    return Registration(
        path=path,
        exists=True,
        key=_hashed(" ".join(sorted(c.uuid or c.name for c in connections))),
        name=",".join(c.name for c in connections),
        address=",".join(a for c in connections if (a := _address(c.url))),
        labels=tuple(dict.fromkeys(label for c in connections for label in c.labels)),
    )


def _registered(path: str, modified: float, data: bytes) -> Registration:
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, RecursionError) as e:
        raise HostRefusedError(Reason.UNREADABLE, f"{path}: no JSON") from e
    if not isinstance(found, dict):
        raise HostRefusedError(Reason.UNREADABLE, f"{path}: its JSON is no table")
    labels = found.get("labels")
    return Registration(
        path=path,
        exists=True,
        modified=modified,
        key=_key(found),
        name=_text(found, "name", "agentName"),
        address=_address(_text(found, "address", "serverUrl", "gitHubUrl")),
        labels=tuple(label for label in labels if isinstance(label, str)) if isinstance(labels, list) else (),
        work=_text(found, "workFolder"),
    )


def _key(found: dict[str, Any]) -> str | None:
    """Of forgejo-runner and Gitea's runner the uuid; actions/runner's agents are counted per server and pool."""
    own = found.get("uuid") or found.get("Uuid")
    if not isinstance(own, str) and "agentId" in found:
        own = " ".join(str(found.get(k)) for k in ("serverUrl", "gitHubUrl", "poolId", "agentId"))
    return _hashed(own) if isinstance(own, str) else None


def _hashed(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:8]


def _text(found: dict[str, Any], *keys: str) -> str | None:
    return next((v for key in keys if isinstance(v := found.get(key), str) and v), None)


def _address(text: str | None) -> str | None:
    """Without a user and password, query or fragment: of these any may be a secret."""
    if text is None:
        return None
    plain = re.sub(r"^([a-z][a-z0-9+.-]*://)[^/?#]*@", r"\1", text, flags=re.IGNORECASE)
    return re.split(r"[?#]", plain)[0]
