"""The checkout's .env: nothing reads it unless a tool is told to (`set dotenv-load` in a justfile)."""

from collections.abc import Sequence

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import Ground, Layer, Read
from whyred.workflows.variables import dotenv_entries

_EFFECTS = {"load": Effect.FILLS, "override": Effect.SETS}


def files(ground: Ground) -> Sequence[str]:
    """The one in the checkout's folder."""
    return (f"{ground.folder}/.env",) if ".env" in ground.names else ()


def read(text: str, path: str, name: str, _ground: Ground, how: str) -> Read:
    """The first line that sets it. `how`: whether a justfile loads the file, also over the environment."""
    only = "" if how else "nothing that whyred knows of loads this file"
    found = [(n, v) for n, key, v in dotenv_entries(text) if key == name]
    effect = _EFFECTS.get(how, Effect.KEEPS)
    return Read(tuple(Setting("dotenv", f"{path}:{n}", effect, v, only) for n, v in found[:1]))


LAYER = Layer("dotenv", "the checkout's .env", files, read)
