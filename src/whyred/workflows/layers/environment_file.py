"""The files of EnvironmentFile= of the runner's unit, as they are now: the unit read them when it was started.

Source: systemd.exec(5): they win over Environment=, of several the later one wins; there is no `export` and nothing
is expanded.
"""

from collections.abc import Sequence

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import Ground, Layer, Read
from whyred.workflows.variables import dotenv_entries


def files(ground: Ground) -> Sequence[str]:
    """In their order."""
    return ground.environment_files


def read(text: str, path: str, name: str, _ground: Ground, _how: str) -> Read:
    """The last line that sets it."""
    found = [(n, v) for n, key, v in dotenv_entries(text) if key == name]
    return Read(tuple(Setting("environment-file", f"{path}:{n}", Effect.SETS, v) for n, v in found[-1:]))


LAYER = Layer("environment-file", "an EnvironmentFile of the runner's unit", files, read)
