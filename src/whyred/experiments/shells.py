"""Which command runs a step's script: the shells the runners know, and templates with `{0}`."""

import os
import shlex
import shutil
from collections.abc import Mapping
from dataclasses import dataclass

_TEMPLATES = {
    "bash": ("bash --noprofile --norc -e -o pipefail {0}", ".sh"),
    "sh": ("sh -e {0}", ".sh"),
    "python": ("python {0}", ".py"),
    "node": ("node {0}", ".js"),
    "pwsh": ("pwsh -command . '{0}'", ".ps1"),
}


class ShellError(ValueError):
    """The script cannot be run: no such shell, or a template without `{0}`."""


@dataclass(frozen=True, slots=True)
class Shell:
    """A command in words, `{0}` for the script, and the ending its script file wants."""

    words: tuple[str, ...]
    suffix: str

    def command(self, script: str, env: Mapping[str, str]) -> list[str]:
        """The command for one script, its program looked up in the step's own PATH. Raises ShellError."""
        words = [word.replace("{0}", script) for word in self.words]
        program = _which(words[0], env)
        if program is None:
            raise ShellError(f"Cannot find: {words[0]} in PATH")
        return [program, *words[1:]]


def choose(shell: str | None, env: Mapping[str, str]) -> Shell:
    """The shell for `shell:` of a step; without one bash, and sh where there is no bash. Raises ShellError.

    A missing bash falls back to sh also when it was asked for, as the runners do for the default.
    """
    name = (shell or "bash").strip()
    if name == "bash" and _which("bash", env) is None:
        name = "sh"
    template, suffix = _TEMPLATES.get(name, (name, ""))
    if "{0}" not in template:
        raise ShellError(f"shell `{name}` is not known and does not say where the script goes; write `{name} {{0}}`")
    try:
        words = tuple(shlex.split(template))
    except ValueError as e:
        raise ShellError(f"shell `{name}` cannot be read: {e}") from e
    return Shell(words, suffix)


def _which(program: str, env: Mapping[str, str]) -> str | None:
    return shutil.which(program, path=env.get("PATH") or os.defpath)
