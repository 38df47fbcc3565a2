"""The configuration of forgejo-runner and act_runner: `runner.envs`, and `runner.env_file`, which is merged over it.

Source: forgejo-runner, internal/pkg/config/config.go and config.example.yaml; act_runner has the same form.
GitHub's runner has no such file, but a `.env` beside it that its process is started with.
"""

import posixpath
from collections.abc import Sequence

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import Ground, Layer, More, Read
from whyred.workflows.nouns import WorkflowError
from whyred.workflows.variables import dotenv_entries
from whyred.workflows.yaml_tree import Node, Table, Text, read_tree

ENV_FILE = "env-file"


def files(ground: Ground) -> Sequence[str]:
    """The file that the daemon was started with, or the folder's .env."""
    if ground.runner_kind == "actions-runner":
        return (f"{ground.runner_folder}/.env",) if ground.runner_folder else ()
    return (ground.runner_config,) if ground.runner_config else ()


def read(text: str, path: str, name: str, ground: Ground, how: str) -> Read:
    """What `envs` says of the variable, and which file comes over it."""
    if how == ENV_FILE or ground.runner_kind == "actions-runner":
        layer = "runner-env-file" if how else "runner-dotenv"
        found = [(n, v) for n, key, v in dotenv_entries(text) if key == name]
        return Read(tuple(Setting(layer, f"{path}:{n}", Effect.SETS, v) for n, v in found[-1:]))
    runner = _entry(_tree(text, path), "runner")
    envs, env_file = _entry(runner, "envs"), _entry(runner, "env_file")
    settings: tuple[Setting, ...] = ()
    if isinstance(envs, Table) and isinstance(value := envs.entries.get(name), Text):
        settings = (Setting("runner-config", f"{path}:{envs.lines[name]}", Effect.SETS, value.text),)
    more: tuple[More, ...] = ()
    if isinstance(env_file, Text) and env_file.text:
        place = posixpath.join(ground.runner_folder or posixpath.dirname(path), env_file.text)
        more = (More("runner-config", posixpath.normpath(place), ENV_FILE),)
    return Read(settings, more)


def _tree(text: str, path: str) -> Node | None:
    try:
        return read_tree(text.encode("utf-8", "surrogateescape"), path)
    except WorkflowError as e:
        raise ValueError("it is no YAML that whyred can read") from e


def _entry(node: Node | None, key: str) -> Node | None:
    return node.entries.get(key) if isinstance(node, Table) else None


LAYER = Layer("runner-config", "the runner's configuration", files, read)
