"""A systemd unit and its drop-ins: Environment=, PassEnvironment=, UnsetEnvironment= and PAMName=.

Source: systemd.exec(5): of two lines the later one wins, an empty Environment= forgets those before it,
UnsetEnvironment= is applied last, after EnvironmentFile=; systemd.syntax(7): continuation lines and quotes.
"""

import re
from collections.abc import Iterator, Sequence

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import Ground, Layer, More, Read
from whyred.workflows.layers.pam_environment import FILE

_WORD = re.compile(r'"((?:[^"\\]|\\.)*)"|\'((?:[^\'\\]|\\.)*)\'|(\S+)')
_SECTIONS = ("Service", "Socket", "Mount", "Swap")


def files(ground: Ground) -> Sequence[str]:
    """The unit, then its drop-ins."""
    return ground.unit_files


def read(text: str, path: str, name: str, ground: Ground, _how: str) -> Read:
    """What each line says, in the order of the file."""
    layer = "unit" if ground.unit_files[:1] == (path,) else "drop-in"
    found = []
    more: tuple[More, ...] = ()
    for number, key, value in _entries(text):
        place = f"{path}:{number}"
        if key == "Environment" and not value:
            found.append(Setting(layer, place, Effect.RESETS))
        elif key == "Environment":
            given = [w.partition("=") for w in words(value)]
            found += [Setting(layer, place, Effect.SETS, v) for k, equals, v in given if equals and k == name]
        elif key == "PassEnvironment" and name in words(value):
            found.append(Setting("manager", place, Effect.FILLS, None, "where the manager itself was started with it"))
        elif key == "UnsetEnvironment" and {name} & {w.partition("=")[0] for w in words(value)}:
            found.append(Setting("unset", place, Effect.DROPS))
        elif key == "PAMName" and value:
            more = (More("pam-environment", FILE),)
    return Read(tuple(found), more)


def _entries(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, key and value of the sections that start processes; a backslash at its end continues a line."""
    section, begun, number = "", 0, 0
    joined = ""
    for line in text.splitlines():
        number += 1
        if joined and line.lstrip().startswith(("#", ";")):
            continue
        begun = begun if joined else number
        joined += line
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        whole, joined = joined.strip(), ""
        if whole.startswith("["):
            section = whole.strip("[]")
        elif whole and whole[0] not in "#;" and section in _SECTIONS:
            key, _, value = whole.partition("=")
            yield begun, key.strip(), value.strip()


def words(text: str) -> list[str]:
    """The words of a value, without their quotes; specifiers (`%h`) stay as they are."""
    found = []
    for match in _WORD.finditer(text):
        quoted = match[1] if match[1] is not None else match[2]
        found.append(match[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted))
    return found


LAYER = Layer("unit-file", "the runner's systemd unit and its drop-ins", files, read)
