"""What a runner hands to its jobs of one variable: by its own environment, its configuration, the file of BASH_ENV.

Of each file only what it says of the one variable goes into the answer: the rest may hold secrets. Which of them wins
over the workflow depends on the runner; `whyred env` tells that.
"""

from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Daemon, Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.model.variable import Effect, Setting
from whyred.probes.answer import KEPT_BACK, Parts, every, is_secret, pack, printable, told, without_process
from whyred.probes.place import entrance, follow
from whyred.probes.runner_processes import find_daemons
from whyred.workflows.layer import Ground, Read
from whyred.workflows.layers import bash_env, runner_config

FIELDS = {
    "config_value": "the value that `runner.envs` or `env_file` of the runner's configuration gives; absent: none",
    "environ_value": "the value in the runner's own environment, which fills in what nobody set; absent: not set",
    "hook_file": "the file that BASH_ENV names for jobs: every bash script of theirs reads it first; absent: none",
    "hook_value": "the value that this file exports; absent: it does not set the variable",
    "hook_elsewhere": "the same, where it is not the default `/tmp`; absent: it is, or the file sets none",
    "hook_drops": "whether that file takes the variable away",
    "hook_line": "the line of that file which does either; absent: none does",
}
_HOOK = "BASH_ENV"
_DEFAULT = "/tmp"
_RUN_KNOWS = Unknown(Reason.NOT_SUPPORTED, "the value is an expansion that only the run knows")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """What each of the three says of the variable."""
    if subject.pid is None:
        return without_process()
    name, pid = arguments.get("name", ""), subject.pid
    env = told(lambda: host.environ(pid, [name, _HOOK]))
    config = _config(host, subject, name)
    hook = _hook(host, subject, env, config)
    found: dict[str, object] = {
        "environ": env if isinstance(env, Unknown) else env.get(name),
        "config": config if isinstance(config, Unknown) else config.get(name),
        "hook_file": hook,
        "hook": _of_hook(host, subject, hook, name) if isinstance(hook, str) else hook,
    }
    return pack({k: _kept_back(k, v) for k, v in found.items()} if is_secret(name) else found)


def _kept_back(key: str, found: object) -> object:
    if isinstance(found, dict):
        return found | {"value": KEPT_BACK if found["value"] is not None else None}
    return KEPT_BACK if isinstance(found, str) and key != "hook_file" else found


def hook_text(host: Host, subject: Subject) -> tuple[object, str | Unknown | None]:
    """The path of the file that BASH_ENV names for jobs, and its text; None without one, an unknown with its reason."""
    pid = subject.pid or 0
    env = told(lambda: host.environ(pid, [_HOOK]))
    hook = _hook(host, subject, env, _config(host, subject, _HOOK))
    if not isinstance(hook, str):
        return hook, hook if isinstance(hook, Unknown) else None
    return hook, _text(host, subject, hook)


def _hook(
    host: Host, subject: Subject, env: Mapping[str, str] | Unknown, config: Mapping[str, str] | Unknown
) -> object:
    """The value of BASH_ENV that jobs get: the configuration's, else the runner's own."""
    if isinstance(config, dict) and config.get(_HOOK):
        return config[_HOOK]
    if isinstance(env, Unknown):
        return env
    return env.get(_HOOK) or None


def _config(host: Host, subject: Subject, name: str) -> Mapping[str, str] | Unknown:
    """The variable and BASH_ENV, as far as the runner's configuration gives them."""
    daemon = _daemon(host, subject)
    if isinstance(daemon, Unknown):
        return daemon
    if daemon is None or daemon.kind not in ("forgejo-runner", "gitea-runner"):
        return {}
    cwd = told(lambda: host.link(f"/proc/{subject.pid}/cwd"))
    folder = cwd if isinstance(cwd, str) else ""
    config = daemon.settings.get("config", "")
    if not config:
        return {}
    if not config.startswith("/"):
        if not folder:
            return cwd if isinstance(cwd, Unknown) else {}
        config = f"{folder}/{config}"
    ground = Ground(runner_kind=daemon.kind, runner_config=config, runner_folder=folder)
    return _of_config(host, subject, ground, config, name)


def _of_config(host: Host, subject: Subject, ground: Ground, config: str, name: str) -> Mapping[str, str] | Unknown:
    text = _text(host, subject, config)
    if isinstance(text, Unknown):
        return text
    found: dict[str, str] = {}
    for variable in (name, _HOOK):
        try:
            read = runner_config.read(text, config, variable, ground, "")
        except ValueError as e:
            return Unknown(Reason.UNREADABLE, f"{config}: {e}")
        found |= _values(variable, read)
        for more in read.more:  # a missing env_file is a warning to the runner
            env_file = _text(host, subject, more.path)
            if isinstance(env_file, str):
                found |= _values(variable, runner_config.read(env_file, more.path, variable, ground, more.how))
    return found


def _values(variable: str, read: Read) -> dict[str, str]:
    values = [s.value for s in read.settings if s.value is not None]
    return {variable: values[-1]} if values else {}


def _daemon(host: Host, subject: Subject) -> Daemon | Unknown | None:
    processes = told(host.processes)
    if isinstance(processes, Unknown):
        return processes
    return next((d for d in find_daemons(processes) if d.process.pid == subject.pid), None)


def _of_hook(host: Host, subject: Subject, file: str, name: str) -> object:
    """What the file does to the variable in the end; None where nothing."""
    text = _text(host, subject, file)
    if isinstance(text, Unknown):
        return None if text.reason is Reason.NOT_FOUND else text
    settings = bash_env.read(text, file, name, Ground(shell_env=file), "").settings
    if not settings:
        return None
    last: Setting = settings[-1]
    line = int(last.place.rpartition(":")[2])
    # a plain assignment counts only where the variable is exported already, which is not known here
    held = last.effect is Effect.ASSIGNS
    return {"drops": last.effect is Effect.DROPS, "value": None if held else last.value, "line": line, "held": held}


def _text(host: Host, subject: Subject, path: str) -> str | Unknown:
    """A file as the subject sees it."""

    def read() -> bytes:
        place = follow(host, entrance(host, subject), path)
        if place.stat is None:
            raise HostRefusedError(Reason.NOT_FOUND, f"{path}: no such file")
        return host.read(place.reach)

    data = told(read) if path.startswith("/") else Unknown(Reason.NOT_SUPPORTED, f"{path} is no absolute path")
    return data if isinstance(data, Unknown) else data.decode("utf-8", "surrogateescape")


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    facts = {
        "config_value": _value(parts, "config"),
        "environ_value": _value(parts, "environ"),
        "hook_file": _value(parts, "hook_file"),
    }
    fields = ("hook_value", "hook_elsewhere", "hook_drops", "hook_line")
    if parts.absent("hook"):
        return facts | every(fields, None) | {"hook_drops": False}
    hook = parts.table("hook")
    if isinstance(hook, Unknown):
        return facts | every(fields, hook)
    drops, held = hook.flag("drops"), hook.flag("held")
    value = None if drops is True else _value(hook, "value") if not hook.absent("value") else _RUN_KNOWS
    if held is True:
        value = Unknown(Reason.NOT_SUPPORTED, "the file assigns it without `export`: that counts where it is exported")
    elsewhere = None if isinstance(value, str) and value.rstrip("/") == _DEFAULT else value
    return facts | {
        "hook_value": value,
        "hook_elsewhere": elsewhere,
        "hook_drops": drops,
        "hook_line": hook.number("line"),
    }


def _value(parts: Parts, key: str) -> str | Unknown | None:
    if parts.absent(key):
        return None
    text = parts.text(key)
    return text if isinstance(text, Unknown) else printable(text)


PROBE = Probe(
    name="job-variable",
    title="What a runner hands to its jobs of one variable",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"name": "the name of the variable"},
    pack=({"name": "TMPDIR"},),
)
