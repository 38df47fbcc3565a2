"""What the configuration file of forgejo-runner or of Gitea's runner says that jobs come to feel.

The file holds secrets (tokens, cache secret, values in `runner.envs`): `RunnerConfig` has only what is named here. One
variable with its value is read by `read_runner_envs`, for whoever was asked about it by name.

Source: config.example.yaml of both runners and their internal/pkg/config/config.go.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from whyred.workflows.nouns import WorkflowError
from whyred.workflows.yaml_tree import Items, Table, Text, read_tree

SHOWN = frozenset({"TMPDIR", "TMP", "TEMP", "HOME", "PATH", "LANG", "TZ", "SHELL", "CARGO_HOME", "RUSTUP_HOME"})
"""Variables whose values are places or words, and no secrets; of all others only the name is told."""
_DURATION = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(h|ms|m|s|us|µs|ns)")
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True, slots=True)
class Connection:
    """A forge that forgejo-runner 12.7 and later may be registered with in its configuration, instead of `.runner`."""

    name: str
    url: str | None = None
    uuid: str | None = field(default=None, repr=False)
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RunnerEnv:
    """A variable that the runner gives its jobs: the value, which may be secret, and its line in the file."""

    value: str = field(repr=False)
    line: int


@dataclass(frozen=True, slots=True)
class RunnerEnvs:
    """What gives jobs variables: `runner.envs`, and the path of the env file that is merged over it (None: none)."""

    envs: Mapping[str, RunnerEnv]
    env_file: str | None


@dataclass(frozen=True, slots=True)
class RunnerConfig:
    """The settings, each None where the file does not say it; `shown` holds the harmless values of `env_names`."""

    env_names: tuple[str, ...] = ()
    shown: Mapping[str, str] = field(default_factory=dict)
    env_file: str | None = None
    capacity: int | None = None
    timeout: str | None = None
    shutdown_timeout: str | None = None
    workdir_parent: str | None = None
    cache_dir: str | None = None
    cache_host: str | None = None
    registration: str | None = None
    labels: tuple[str, ...] = ()
    log_level: str | None = None
    connections: tuple[Connection, ...] = ()


def read_runner_config(data: bytes, name: str) -> RunnerConfig:
    """The settings of the file called `name`; an empty file says nothing. Raises `WorkflowError` (no YAML)."""
    root = _root(data, name)
    runner, cache, host = (_table(root, key) for key in ("runner", "cache", "host"))
    given = _envs(runner)
    capacity = _text(runner, "capacity") or ""
    return RunnerConfig(
        env_names=tuple(_table(runner, "envs").entries),
        shown={name: env.value for name, env in given.envs.items() if name in SHOWN},
        env_file=given.env_file,
        capacity=int(capacity) if re.fullmatch(r"[0-9]{1,6}", capacity) else None,
        timeout=_text(runner, "timeout"),
        shutdown_timeout=_text(runner, "shutdown_timeout"),
        workdir_parent=_text(host, "workdir_parent") or None,
        cache_dir=_text(cache, "dir") or None,
        cache_host=_text(cache, "host") or None,
        registration=_text(runner, "file") or None,
        labels=_words(runner, "labels"),
        log_level=_text(_table(root, "log"), "level"),
        connections=tuple(_connections(_table(_table(root, "server"), "connections"))),
    )


def read_runner_envs(data: bytes, name: str) -> RunnerEnvs:
    """What the file called `name` gives jobs. Raises `WorkflowError` (no YAML)."""
    return _envs(_table(_root(data, name), "runner"))


def _root(data: bytes, name: str) -> Table:
    root = read_tree(data, name)
    if root is None:
        return Table(0)
    if not isinstance(root, Table):
        raise WorkflowError(name, None, "not a configuration", "its top level is no mapping", "see generate-config")
    return root


def _envs(runner: Table) -> RunnerEnvs:
    """A name without a value (`NAME:`) is set to the empty text: so does yaml.v3 with a map of texts."""
    table = _table(runner, "envs")
    texts = {name: node for name, node in table.entries.items() if isinstance(node, Text)}
    envs = {name: RunnerEnv("" if node.null else node.text, table.lines[name]) for name, node in texts.items()}
    return RunnerEnvs(envs, _text(runner, "env_file") or None)


def _connections(table: Table) -> Iterator[Connection]:
    for name in table.entries:
        one = _table(table, name)
        yield Connection(name, _text(one, "url"), _text(one, "uuid"), _words(one, "labels"))


def seconds(duration: str) -> float | None:
    """A duration as Go writes it (`3h`, `1m30s`) in seconds; None for a text that is none."""
    found = _DURATION.findall(duration)
    if duration == "0":
        return 0.0
    if not found or "".join(n + unit for n, unit in found) != duration:
        return None
    return sum(float(n) * _UNITS[unit] for n, unit in found)


def dotenv_names(text: str) -> tuple[str, ...]:
    """The names that a file of NAME=value lines sets, each once, in its order."""
    found = re.findall(r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*[=:]", text, re.MULTILINE)
    return tuple(dict.fromkeys(found))


def _table(table: Table, key: str) -> Table:
    found = table.entries.get(key)
    return found if isinstance(found, Table) else Table(0)


def _words(table: Table, key: str) -> tuple[str, ...]:
    found = table.entries.get(key)
    return tuple(n.text for n in found.items if isinstance(n, Text)) if isinstance(found, Items) else ()


def _text(table: Table, key: str) -> str | None:
    found = table.entries.get(key)
    return found.text if isinstance(found, Text) and not found.null else None
