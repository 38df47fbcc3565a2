"""A Makefile: what it assigns goes to the recipes when it is exported, or when the environment had it before.

Source: GNU make manual, "Communicating Variables to a Sub-make", "Variables from the Environment".
"""

import posixpath
import re
from collections.abc import Sequence

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import Ground, Layer, More, Read

_NAMES = ("GNUmakefile", "makefile", "Makefile")
_ASSIGNMENT = re.compile(
    r"(?P<export>export\s+)?(?:override\s+)?(?P<name>[A-Za-z_]\w*)\s*(?P<op>:{0,3}=|\?=|!=)\s*(?P<value>[^#]*?)\s*(?:#.*)?"
)
_EXPORT = re.compile(r"(?P<word>export|unexport)(?:\s+(?P<names>[\w \t]+))?\s*(?:#.*)?")
_INCLUDE = re.compile(r"-?s?include\s+(?P<files>[^#$]+)")


def files(ground: Ground) -> Sequence[str]:
    """The first that make takes."""
    return [f"{ground.folder}/{n}" for n in _NAMES if n in ground.names][:1]


def read(text: str, path: str, name: str, _ground: Ground, _how: str) -> Read:
    """The last assignment, and whether it is exported; lines of recipes begin with a tab."""
    lines = [line for line in enumerate(text.replace("\\\n", "  ").splitlines(), 1) if not line[1].startswith("\t")]
    exported = any(line.startswith(".EXPORT_ALL_VARIABLES") for _, line in lines)
    found: list[tuple[int, str, str]] = []
    dropped = 0
    more: list[More] = []
    for number, line in lines:
        if match := _ASSIGNMENT.fullmatch(line.strip()):
            if match["name"] == name:
                found.append((number, match["op"], match["value"]))
                exported = exported or match["export"] is not None
        elif match := _EXPORT.fullmatch(line.strip()):
            if match["names"] is None or name in match["names"].split():
                exported = match["word"] == "export"
                dropped = 0 if exported else number
        elif match := _INCLUDE.fullmatch(line.strip()):
            more += [More("makefile", _beside(path, file)) for file in match["files"].split()]
    settings = [_setting(path, one, exported) for one in found[-1:]]
    settings += [Setting("makefile", f"{path}:{dropped}", Effect.DROPS)] if dropped else []
    return Read(tuple(settings), tuple(more))


def _setting(path: str, found: tuple[int, str, str], exported: bool) -> Setting:
    number, op, value = found
    effect = Effect.ASSIGNS
    if exported:
        effect = Effect.FILLS if op == "?=" else Effect.SETS
    elif op == "?=":
        effect = Effect.KEEPS
    known = None if op == "!=" or "$" in value else value
    return Setting("makefile", f"{path}:{number}", effect, known)


def _beside(path: str, file: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), file))


LAYER = Layer("makefile", "the Makefile", files, read)
