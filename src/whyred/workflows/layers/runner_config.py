"""The configuration of forgejo-runner and act_runner: `runner.envs`, and `runner.env_file`, which is merged over it.

Source: forgejo-runner, internal/pkg/config/config.go and config.example.yaml; act_runner has the same form.
GitHub's runner has no such file, but a `.env` beside it that its process is started with.
"""

import posixpath
from collections.abc import Sequence

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import Ground, Layer, More, Read
from whyred.workflows.nouns import WorkflowError
from whyred.workflows.runner_config import RunnerEnvs, read_runner_envs
from whyred.workflows.variables import dotenv_entries

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
    given = _given(text, path)
    settings: tuple[Setting, ...] = ()
    if env := given.envs.get(name):
        settings = (Setting("runner-config", f"{path}:{env.line}", Effect.SETS, env.value),)
    more: tuple[More, ...] = ()
    if given.env_file:
        place = posixpath.join(ground.runner_folder or posixpath.dirname(path), given.env_file)
        more = (More("runner-config", posixpath.normpath(place), ENV_FILE),)
    return Read(settings, more)


def _given(text: str, path: str) -> RunnerEnvs:
    try:
        return read_runner_envs(text.encode("utf-8", "surrogateescape"), path)
    except WorkflowError as e:
        raise ValueError("it is no YAML that whyred can read") from e


LAYER = Layer("runner-config", "the runner's configuration", files, read)
