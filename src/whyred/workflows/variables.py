"""Where a variable is set, layer by layer: justfile, cargo configuration, .env and unit files, read from their text.

Each function looks for one name in one text and gives what that layer says, or None where it says nothing.
"""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

_NAME = r"[A-Za-z_][A-Za-z0-9_-]*"
_ASSIGNMENT = re.compile(rf"(?P<export>export[ \t]+)?(?P<name>{_NAME})[ \t]*:=[ \t]*(?P<value>.*)")
_SETTING = re.compile(rf"set[ \t]+(?P<name>{_NAME})[ \t]*(?::=[ \t]*(?P<value>[^#]*?))?[ \t]*(?:#.*)?")
_IMPORT = re.compile(r"import\??[ \t]+(?P<quote>['\"])(?P<path>[^'\"]+)(?P=quote)[ \t]*(?:#.*)?")
_UNEXPORT = re.compile(rf"unexport[ \t]+(?P<name>{_NAME})[ \t]*(?:#.*)?")
_DOTENV = re.compile(r"[ \t]*(?:export[ \t]+)?(?P<name>[A-Za-z_][A-Za-z0-9_.]*)[ \t]*=[ \t]*(?P<value>.*)")
_WORD = re.compile(r'"(?P<double>(?:[^"\\]|\\.)*)"|\$\'(?P<single>(?:[^\'\\]|\\.)*)\'|(?P<bare>\S+)')
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


@dataclass(frozen=True, slots=True)
class JustVariable:
    """What a justfile says of a variable.

    just hands a variable to its recipes only when it is exported, by `export NAME := ...` or `set export` (just
    manual, "Exporting just variables"). `value` is None for an expression that is no plain string; `expression` is
    the text behind `:=`.
    """

    exported: bool
    value: str | None
    expression: str
    line: int = 0


@dataclass(frozen=True, slots=True)
class Justfile:
    """What a justfile says of a variable, and the files it imports, whose statements count as its own.

    `exports_all`: `set export`; `withheld`: `unexport NAME`, which takes the variable from every recipe.
    """

    variable: JustVariable | None
    exports_all: bool
    withheld: bool
    imports: tuple[str, ...]


def join_justfiles(files: Sequence[Justfile]) -> JustVariable | None:
    """What a justfile (first) and the files it imports say together; the importing file's assignment wins."""
    found = next((f.variable for f in files if f.variable is not None), None)
    if found is None:
        return None
    exported = found.exported or any(f.exports_all for f in files)
    return JustVariable(exported and not any(f.withheld for f in files), found.value, found.expression, found.line)


@dataclass(frozen=True, slots=True)
class CargoVariable:
    """One entry of the `[env]` table of a cargo configuration (Cargo book, "Configuration", `[env]`).

    It reaches rustc and build scripts only, and beats the environment only with `force = true`; a `relative` value is
    a path from the folder above `.cargo`.
    """

    value: str
    forced: bool
    relative: bool


def read_justfile(text: str, name: str) -> Justfile:
    """What a justfile says of the variable `name`; indented lines belong to recipes and are shell, not just.

    Of two assignments the last counts, which just takes only with `allow-duplicate-variables`.
    """
    found: JustVariable | None = None
    exports_all, withheld = False, False
    imports = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n"), 1):
        if match := _ASSIGNMENT.fullmatch(line):
            if match["name"] == name:
                value = _just_string(match["value"])
                found = JustVariable(match["export"] is not None, value, match["value"].strip(), number)
        elif match := _SETTING.fullmatch(line):
            if match["name"] == "export":
                exports_all = match["value"] is None or match["value"].strip() == "true"
        elif match := _IMPORT.fullmatch(line):
            imports.append(match["path"])
        elif match := _UNEXPORT.fullmatch(line):
            withheld = withheld or match["name"] == name
    return Justfile(found, exports_all, withheld, tuple(imports))


def _just_string(text: str) -> str | None:
    """The value of a plain string of just: single quotes are raw, double quotes know five escapes."""
    single = re.fullmatch(r"'([^']*)'[ \t]*(?:#.*)?", text)
    if single:
        return single[1]
    double = re.fullmatch(r'"((?:[^"\\]|\\.)*)"[ \t]*(?:#.*)?', text)
    if not double:
        return None
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[0]), double[1])


def read_cargo_config(text: str, name: str) -> CargoVariable | None:
    """What the `[env]` table of a cargo configuration says of `name`. Raises ValueError for what is no TOML."""
    table = tomllib.loads(text).get("env")
    entry = table.get(name) if isinstance(table, dict) else None
    if isinstance(entry, str):
        return CargoVariable(entry, forced=False, relative=False)
    if isinstance(entry, dict) and isinstance(entry.get("value"), str):
        return CargoVariable(entry["value"], entry.get("force") is True, entry.get("relative") is True)
    return None


def read_dotenv(text: str, name: str) -> str | None:
    """The value of `name` in a .env file: the first line that sets it counts, quotes are taken off."""
    return next((value for _, key, value in dotenv_entries(text) if key == name), None)


def dotenv_entries(text: str) -> Iterator[tuple[int, str, str]]:
    """Line, name and value of each line of a .env file that sets something."""
    for number, line in enumerate(text.split("\n"), 1):
        if match := _DOTENV.fullmatch(line.rstrip("\r")):
            yield number, match["name"], _dotenv_value(match["value"].strip())


def _dotenv_value(text: str) -> str:
    quoted = re.match(r"'([^']*)'|\"((?:[^\"\\]|\\.)*)\"", text)
    if not quoted:
        return re.split(r"[ \t]#", text, maxsplit=1)[0].strip()
    if quoted[1] is not None:
        return quoted[1]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), quoted[2])


def read_unit_environment(text: str) -> dict[str, str]:
    """The variables of a unit's `Environment` as `systemctl show` prints it; of two equal names the later wins.

    Words with an equals sign, quoted as `"..."` or `$'...'` where they hold blanks; inside the quotes a backslash
    makes the next character plain.
    """
    found = {}
    for match in _WORD.finditer(text):
        word = match["bare"] or re.sub(r"\\(.)", r"\1", match["double"] or match["single"] or "", flags=re.DOTALL)
        key, equals, value = word.partition("=")
        if equals and key:
            found[key] = value
    return found
