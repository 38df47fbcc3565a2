"""What the configuration of a runner daemon says, and whether it was changed after the daemon was started.

The files hold secrets: of the variables only names go into the answer, and the values of those that are places.
"""

from collections.abc import Mapping
from dataclasses import asdict

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Daemon, Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes import runner_files
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.workflows.runner_config import SHOWN, RunnerConfig, dotenv_names, seconds

FIELDS = {
    "file": "the configuration file that the daemon was started with; absent: none, so the defaults hold",
    "exists": "whether that file is there; absent: the daemon was started without one",
    "changed_since_start": "whether that file, or the env file, was changed after the daemon was started: not yet in "
    "force",
    "valid": "whether the file can be read as YAML; absent: the daemon was started without one",
    "env_names": "the names in `runner.envs` (actions/runner: in .env), with commas between them; absent: none",
    "env_shown": "those of them that are harmless, as NAME=value with commas between them; absent: none",
    "tmpdir": "the TMPDIR that the runner gives its jobs there; absent: none",
    "env_file": "the path of `runner.env_file` (actions/runner: .env); absent: none is named",
    "env_file_exists": "whether the env file is there; absent: none is named",
    "env_file_names": "the names that the env file sets, with commas between them; absent: none",
    "capacity": "how many jobs the daemon runs side by side",
    "timeout_seconds": "the longest time of a job, in seconds; absent: the runner has no such setting",
    "shutdown_seconds": "how long a daemon that is told to end waits for its jobs, in seconds (0: it ends them at "
    "once); absent: the runner has no such setting",
    "workdir_parent": "the folder in which workspaces and clones of actions lie; absent: it follows from no setting",
    "cache_dir": "the folder of the runner's cache server; absent: none",
    "cache_host": "the address that jobs are told for the cache server; absent: found by the runner",
    "labels": "the labels in the configuration, with commas between them; absent: those of the registration hold",
    "log_level": "the daemon's level of logging; absent: the default, `info`",
}
_SLACK = 2000
"""Milliseconds: the start is known to a second or so, for the kernel counts it from the boot."""
_TIMEOUT = 3 * 3600.0
_ACTIONS_CAPACITY = 1


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The settings, the env file and the times of all three."""
    try:
        daemon = runner_files.runner(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    config = runner_files.config(host, subject, daemon)
    registered = told(lambda: runner_files.registration(host, subject, daemon, config.said))
    env_file, path_file = _env_files(host, subject, daemon, config.said)
    place = config.place
    return pack(
        {
            "kind": daemon.kind,
            "started": told(lambda: round(runner_files.started(host, subject.pid or 0) * 1000)),
            "file": config.path,
            "stat": place if isinstance(place, Unknown) else place.stat if place else None,
            "said": config.said if isinstance(config.said, Unknown) else _plain(config.said),
            "env_file": _env_file(host, subject, env_file),
            "path_file": path_file,
            "workdir_parent": runner_files.work_folder(host, subject, daemon, config.said, registered),
            "cache_dir": runner_files.cache_folder(host, subject, daemon, config.said),
        }
    )


def _plain(said: RunnerConfig) -> dict[str, object]:
    """Without the connections, whose parts are told as the registration."""
    told_of = {k: v for k, v in asdict(said).items() if k != "connections"}
    return {k: list(v) if isinstance(v, tuple) else v for k, v in told_of.items()}


def _env_files(
    host: Host, subject: Subject, daemon: Daemon, said: RunnerConfig | Unknown
) -> tuple[str | Unknown | None, str | Unknown | None]:
    """The path of the env file, and the PATH that actions/runner keeps in .path."""
    if daemon.kind != runner_files.ACTIONS:
        return (said if isinstance(said, Unknown) else said.env_file), None

    def path() -> str | None:
        place = runner_files.seen(host, subject, runner_files.beside(host, subject, daemon, ".path"))
        return None if place.stat is None else host.read(place.reach).decode("utf-8", "surrogateescape").strip()

    return told(lambda: runner_files.beside(host, subject, daemon, ".env")), told(path)


def _env_file(host: Host, subject: Subject, path: str | Unknown | None) -> object:
    if path is None or isinstance(path, Unknown):
        return path
    place = told(lambda: runner_files.seen(host, subject, path))
    if isinstance(place, Unknown):
        return {"path": path, "stat": place, "names": place}
    if place.stat is None:
        return {"path": path, "stat": None, "names": []}
    reach = place.reach
    names = told(lambda: list(dotenv_names(host.read(reach).decode("utf-8", "surrogateescape"))))
    return {"path": path, "stat": place.stat, "names": names}


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    facts = _of_file(parts) | _of_env_file(parts) | {k: _text(parts, k) for k in ("workdir_parent", "cache_dir")}
    facts |= _of_settings(parts)
    if parts.text("kind") == runner_files.ACTIONS:  # its env file is what `envs` is elsewhere
        facts |= {"env_names": facts["env_file_names"], "capacity": _ACTIONS_CAPACITY}
        facts |= {"timeout_seconds": None, "shutdown_seconds": None}
        path = _text(parts, "path_file")
        facts["env_shown"] = f"PATH={path}" if isinstance(path, str) else path
    return facts


def _text(parts: Parts, key: str) -> str | Unknown | None:
    if parts.absent(key):
        return None
    text = parts.text(key)
    return printable(text) if isinstance(text, str) else text


def _of_file(parts: Parts) -> Fields:
    file = _text(parts, "file")
    if file is None:
        return {"file": None, "exists": None, "valid": None, "changed_since_start": _changed(parts)}
    stat = None if parts.absent("stat") else parts.stat("stat")
    said = parts.table("said")
    valid: bool | Unknown = True
    if isinstance(said, Unknown):
        no_text = isinstance(stat, Unknown) or stat is None or stat.kind != "file"  # its reason is the answer
        valid = said if no_text or said.reason is not Reason.UNREADABLE else False
    exists = stat if isinstance(stat, Unknown) else stat is not None
    return {"file": file, "exists": exists, "valid": valid, "changed_since_start": _changed(parts)}


def _changed(parts: Parts) -> bool | Unknown:
    """Whether any of the files is newer than the daemon."""
    began = parts.number("started")
    if isinstance(began, Unknown):
        return began
    env = parts.table("env_file") if not parts.absent("env_file") else None
    stats = [p.stat("stat") for p in (parts, env) if isinstance(p, Parts) and not p.absent("stat")]
    times = [s.modified * 1000 for s in stats if not isinstance(s, Unknown)]
    unknown = [s for s in stats if isinstance(s, Unknown)]
    if any(t > began + _SLACK for t in times):
        return True
    return unknown[0] if unknown else False


def _of_env_file(parts: Parts) -> Fields:
    fields = ("env_file", "env_file_exists", "env_file_names")
    if parts.absent("env_file"):
        return every(fields, None)
    env = parts.table("env_file")
    if isinstance(env, Unknown):
        return every(fields, env)
    stat, names = None if env.absent("stat") else env.stat("stat"), env.texts("names")
    return {
        "env_file": _text(env, "path"),
        "env_file_exists": stat if isinstance(stat, Unknown) else stat is not None,
        "env_file_names": names if isinstance(names, Unknown) else _list(names),
    }


def _list(names: list[str]) -> str | None:
    return ",".join(map(printable, names)) or None


def _of_settings(parts: Parts) -> Fields:
    said = parts.table("said")
    fields = ("env_names", "env_shown", "tmpdir", "capacity", "timeout_seconds", "shutdown_seconds", "cache_host")
    if isinstance(said, Unknown):
        return every((*fields, "labels", "log_level"), said)
    names, labels, shown = said.texts("env_names"), said.texts("labels"), said.table("shown")
    values = {} if isinstance(shown, Unknown) else {k: v for k, v in shown.parts.items() if k in SHOWN}
    tmpdir = values.get("TMPDIR")
    return {
        "env_names": names if isinstance(names, Unknown) else _list(names),
        "env_shown": _list([f"{k}={v}" for k, v in values.items()]),
        "tmpdir": printable(tmpdir) if isinstance(tmpdir, str) else None,
        "capacity": 1 if said.absent("capacity") else said.number("capacity"),
        "timeout_seconds": _duration(said, "timeout", _TIMEOUT),
        "shutdown_seconds": _duration(said, "shutdown_timeout", 0.0),
        "cache_host": _text(said, "cache_host"),
        "labels": labels if isinstance(labels, Unknown) else _list(labels),
        "log_level": _text(said, "log_level"),
    }


def _duration(said: Parts, key: str, default: float) -> float | Unknown:
    if said.absent(key):
        return default
    text = said.text(key)
    if isinstance(text, Unknown):
        return text
    value = seconds(text)
    return Unknown(Reason.UNREADABLE, f"`{key}` is no duration such as 3h") if value is None else value


PROBE = Probe(
    name="runner-config",
    title="What the configuration of a runner daemon says, and whether it is in force",
    kind=Kind.DAEMON,
    cost=Cost.CHEAP,
    privilege="read access to the file; the same user or root for the folders that follow from HOME",
    fields=FIELDS,
    ask=ask,
    read=read,
    pack=({},),
)
