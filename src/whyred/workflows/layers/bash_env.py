"""The file that BASH_ENV names: every bash that runs a script reads it first, also with --noprofile and --norc.

Source: bash(1), "Invocation". sh does not read it, and so neither do just's and make's recipes.
"""

from collections.abc import Sequence

from whyred.model.variable import Effect, Setting
from whyred.workflows.assignments import acts
from whyred.workflows.layer import Ground, Layer, Read


def files(ground: Ground) -> Sequence[str]:
    """The file, where a step gets one."""
    return (ground.shell_env,) if ground.shell_env.startswith("/") else ()


def read(text: str, path: str, name: str, _ground: Ground, _how: str) -> Read:
    """What holds from there on; a setting for one command of that file does not."""
    found = [a for a in acts(text, name) if not a.only]
    only = "in bash only: sh does not read it"
    return Read(tuple(Setting("bash-env", f"{path}:{a.line}", Effect(a.effect), a.value, only) for a in found))


LAYER = Layer("bash-env", "the file that BASH_ENV names", files, read)
