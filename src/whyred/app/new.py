"""`new`: the files of a new unit, written into the checkout from the templates of its kind.

The templates of a kind are the tree `library/templates/<kind>`, laid out as the checkout is; `__id__` and `__module__`
in a path, `${id}` and `${module}` in a text stand for the new unit's id in kebab and in snake case.
"""

import keyword
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

from whyred.library.read import FOLDER
from whyred.model.trouble import UserError

TEMPLATES = FOLDER / "templates"
_ID = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")
_SETTINGS = {"pyproject": "Python's tools", "ruff": "ruff"}
"""File names before `.toml` that tools take for their settings in any folder, and whose they are."""
_LONGEST = 60
"""Characters of an id: it is a file name, a heading and a column of tables."""


@dataclass(frozen=True, slots=True)
class Written:
    """What was written: paths relative to the checkout `root`, and the command that tells what is still missing."""

    root: Path
    files: tuple[Path, ...]
    check: str


def kinds() -> list[str]:
    """The kinds of units that can be made."""
    return sorted(folder.name for folder in TEMPLATES.iterdir() if folder.is_dir())


def new(kind: str, id_: str, where: Path) -> Written:
    """Writes a new unit into the checkout that holds `where`.

    Raises UserError: a bad id, no checkout, a unit of that name, a folder that takes no files.
    """
    _refuse_bad_id(id_)
    root = find_checkout(where)
    texts = {root / path: text for path, text in _filled(kind, id_).items()}
    _refuse_existing(kind, id_, root, list(texts))
    _write(texts)
    files = tuple(sorted(file.relative_to(root) for file in texts))
    return Written(root, files, f"python -m pytest -vvv tests/conformance/test_{kind}s.py -k {id_}")


def find_checkout(where: Path) -> Path:
    """The checkout of whyred at or above a folder. Raises UserError where there is none."""
    for folder in (where, *where.parents):
        if _is_ours(folder / "pyproject.toml"):
            return folder
    raise UserError(
        f"{where} is in no checkout of whyred",
        'no pyproject.toml with name = "whyred" lies here or above',
        "Clone whyred and run this inside the clone",
    )


def _is_ours(file: Path) -> bool:
    try:
        project = tomllib.loads(file.read_text(encoding="utf-8")).get("project")
    except (OSError, ValueError):
        return False  # somebody else's folder, whatever is wrong with its file
    return isinstance(project, dict) and project.get("name") == "whyred"


def _refuse_bad_id(id_: str) -> None:
    if not _ID.fullmatch(id_) or len(id_) > _LONGEST:
        why = f"an id is kebab-case: a-z, 0-9 and single hyphens, a letter first, at most {_LONGEST} characters"
        raise UserError(f"{id_!r} is no id", why, "Name the fault, such as private-tmp-deleted")
    owner = "Python" if keyword.iskeyword(id_) else _SETTINGS.get(id_)
    if owner is not None:
        raise UserError(f"{id_!r} is no id", f"{owner} would take the file for its own", "Add a second word")


def _filled(kind: str, id_: str) -> dict[Path, str]:
    tree = TEMPLATES / kind
    names = {"__id__": id_, "__module__": id_.replace("-", "_")}
    texts = {}
    for file in sorted(tree.rglob("*.template")):
        path = file.relative_to(tree).with_suffix("").as_posix()
        text = file.read_text(encoding="utf-8")
        for name, value in names.items():
            path = path.replace(name, value)
            text = text.replace(f"${{{name.strip('_')}}}", value)
        texts[Path(path)] = text
    return texts


def _refuse_existing(kind: str, id_: str, root: Path, files: list[Path]) -> None:
    taken = [file for file in files if file.exists() or file.is_symlink()]
    taken += [folder for folder in {file.parent for file in files} if folder.name == id_ and folder.exists()]
    if taken:
        what = f"{taken[0].relative_to(root)} exists already"
        raise UserError(what, "`new` never overwrites", f"Take another id for the {kind}, or edit that file")
    other = next((unit for unit in _units(root) if unit.stem.replace("_", "-") == id_), None)
    if other is not None:
        what = f"{other.relative_to(root)} has this id already"
        raise UserError(what, "an id stands for one unit in the docs and in messages", "Take another id")


def _units(root: Path) -> list[Path]:
    package = root / "src" / "whyred"
    folders = ("library/patterns", "library/causes", "library/secrets", "probes", "sources", "reports")
    return [file for folder in folders for file in sorted((package / folder).glob("*.*"))]


def _write(texts: dict[Path, str]) -> None:
    done: list[Path] = []
    try:
        for file, text in texts.items():
            file.parent.mkdir(parents=True, exist_ok=True)
            with file.open("x", encoding="utf-8") as out:
                done.append(file)
                out.write(text)
    except OSError as e:
        for file in done:
            file.unlink(missing_ok=True)
        raise UserError(f"cannot write {e.filename}", e.strerror or str(e), "Make the checkout writable") from e
