"""A justfile: assignments with or without `export`, and the .env file that it loads.

Source: just manual, "Exporting just variables", "Dotenv settings": a loaded file does not replace what the
environment has, but for `dotenv-override`.
"""

import posixpath
import re
from collections.abc import Sequence

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import Ground, Layer, More, Read
from whyred.workflows.variables import read_justfile

_SETTING = re.compile(r"set[ \t]+(dotenv-[a-z]+)[ \t]*(?::=[ \t]*(.*?))?[ \t]*(?:#.*)?")


def files(ground: Ground) -> Sequence[str]:
    """`justfile` in any case, or `.justfile`."""
    return [f"{ground.folder}/{n}" for n in ground.names if n.lower() in {"justfile", ".justfile"}][:1]


EXPORTED = "exported"


def read(text: str, path: str, name: str, _ground: Ground, how: str) -> Read:
    """The assignment, `unexport`, the files it imports and the .env it loads. `how`: whether the importing file exports
    everything; that an imported one does is not seen.
    """
    just = read_justfile(text, name)
    found = []
    if just.variable is not None:
        exported = just.variable.exported or just.exports_all or how == EXPORTED
        effect = Effect.SETS if exported and not just.withheld else Effect.KEEPS
        found.append(Setting("justfile", f"{path}:{just.variable.line}", effect, just.variable.value))
    if just.withheld:
        found.append(Setting("justfile", path, Effect.DROPS))
    folder = posixpath.dirname(path)
    imports = [posixpath.normpath(posixpath.join(folder, i)) for i in just.imports if i[0] != "~"]
    handed = EXPORTED if just.exports_all or how == EXPORTED else ""
    return Read(tuple(found), (*(More("justfile", p, handed) for p in imports), *_dotenv(text, folder)))


def _dotenv(text: str, folder: str) -> Sequence[More]:
    told = {m[1]: m[2] for line in text.splitlines() if (m := _SETTING.fullmatch(line.rstrip("\r")))}
    named = next((told[k].strip("'\"") for k in ("dotenv-path", "dotenv-filename") if told.get(k)), "")
    if not named and told.get("dotenv-load", "false") not in (None, "true"):
        return ()
    how = "override" if told.get("dotenv-override", "false") in (None, "true") else "load"
    return (More("dotenv", posixpath.normpath(posixpath.join(folder, named or ".env")), how),)


LAYER = Layer("justfile", "the justfile", files, read)
