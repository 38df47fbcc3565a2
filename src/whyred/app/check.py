"""`check`: what the workflows of a checkout say before anything runs, held against each other and against the forge."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from whyred.app.ask import guarded
from whyred.app.forge_told import ask_forge
from whyred.app.linters import run_linters
from whyred.app.masked import masked_text
from whyred.model.evidence import Unknown
from whyred.model.forge import Kind
from whyred.model.remark import Firing, Level, Look, NotAsked, Remark, Spot
from whyred.model.trouble import UserError
from whyred.workflows.checkup import Checkout, File, Told, firing, look, read_file, rules, unreadable
from whyred.workflows.nouns import WorkflowError

if TYPE_CHECKING:
    from whyred.app.forges import Forges

FOLDERS: Mapping[str, Kind] = {
    ".forgejo/workflows": Kind.FORGEJO,
    ".gitea/workflows": Kind.GITEA,
    ".github/workflows": Kind.GITHUB,
}
READ_BY: Mapping[Kind, Sequence[str]] = {
    Kind.FORGEJO: tuple(FOLDERS),
    Kind.GITEA: (".gitea/workflows", ".github/workflows"),
    Kind.GITHUB: (".github/workflows",),
}
"""Where each program looks; the first folder that is there counts, and the others do not (modules/actions/workflows.go
of Forgejo 7 to 16 and Gitea 1.21 to 1.27)."""
_MOST = 4 << 20
"""Bytes of a file that is read; what is a workflow has less."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to look at: folders of checkouts, or workflow files. `kind`, `labels`, `actions_url`: what the user says of
    the forge; `ask`: whether it may be asked; `linters`: whether others that are installed are run.
    """

    paths: tuple[Path, ...] = (Path(),)
    kind: Kind | None = None
    labels: tuple[str, ...] = ()
    actions_url: str | None = None
    ask: bool = True
    linters: bool = True


@dataclass
class _Found:
    """What comes together of one checkout."""

    root: Path
    remarks: list[Remark] = field(default_factory=list)
    not_asked: list[NotAsked] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    kinds: list[Kind] = field(default_factory=list)
    firing: dict[str, list[Spot]] = field(default_factory=dict)


def check(
    wanted: Wanted, forges: "Forges | None", mask: Callable[[bytes], bytes], progress: Callable[[str], None]
) -> list[Look]:
    """One look per checkout. Raises UserError: a path that is none, or in which there are no workflows."""
    looks = []
    for root, files in _checkouts(wanted.paths).items():
        progress(f"reading the workflows of {root}")
        looks.append(_masked(_look(root, files, wanted, forges, progress), mask))
    return looks


def _checkouts(paths: Sequence[Path]) -> dict[Path, list[Path]]:
    """The checkouts that are meant, each with the workflow files that are named (none: all)."""
    found: dict[Path, list[Path]] = {}
    for path in paths:
        there = path.absolute()
        if there.is_dir():
            found.setdefault(_root(there), [])
        elif there.is_file():
            root = next((p for p in there.parents if _folder_of(p, there) is not None), None)
            found.setdefault(root or there.parent, []).append(there)
        else:
            special = there.exists() or there.is_symlink()
            why = "it is neither a file nor a folder" if special else "there is no such file or folder"
            raise UserError(f"cannot check {path}", why, "Name a checkout or a workflow")
    return found


def _has(folder: Path) -> bool:
    return any((folder / name).is_dir() for name in FOLDERS)


def _root(folder: Path) -> Path:
    """The folder or the nearest one above it that has workflows."""
    root = next((p for p in (folder, *folder.parents) if _has(p)), None)
    if root is None:
        why = f"neither it nor a folder above it has {', '.join(FOLDERS)}"
        raise UserError(f"there are no workflows in {folder}", why, "Name a checkout, or a workflow file", 4)
    return root


def _look(
    root: Path, named: list[Path], wanted: Wanted, forges: "Forges | None", progress: Callable[[str], None]
) -> Look:
    given = Told(
        wanted.kind,
        labels=(("--labels", frozenset(wanted.labels)),) if wanted.labels else None,
        actions_url=wanted.actions_url,
    )
    told, not_asked = ask_forge(root, given, forges if wanted.ask else None, progress)
    found = _Found(root, not_asked=not_asked)
    for kind, paths in _sets(root, named, told.kind, found):
        files = list(_read(paths, found))
        one = replace(told, kind=kind, local=_local(root, files))
        checkout = Checkout(tuple(files), one)
        found.kinds.append(kind)
        for name, module in rules().items():
            said = guarded(partial(look, name, module, checkout))
            if isinstance(said, Unknown):
                found.not_asked.append(NotAsked(f"the rule {name}", said.detail, "Please report it"))
            else:
                found.remarks += said
        for fires in firing(checkout):
            found.firing.setdefault(fires.event, []).extend(fires.spots)
    linters: tuple[str, ...] = ()
    if wanted.linters:
        linters, remarks, failed = run_linters(root, found.files, progress)
        found.remarks += remarks
        found.not_asked += failed
    found.remarks.sort(key=lambda r: (r.tool != "whyred", list(Level).index(r.level), r.spot.file, r.spot.line or 0))
    return Look(
        str(root),
        tuple(found.files),
        tuple(dict.fromkeys(kind.value for kind in found.kinds)),
        tuple(Firing(event, tuple(spots)) for event, spots in sorted(found.firing.items())),
        tuple(found.remarks),
        tuple(found.not_asked),
        linters,
    )


def _sets(root: Path, named: list[Path], kind: Kind | None, found: _Found) -> Iterator[tuple[Kind, list[Path]]]:
    """The workflows that belong together, with the program that reads them. Where no forge is known, each folder is
    for the one it is named after.
    """
    there = [name for name in FOLDERS if (root / name).is_dir()]
    if named:
        for folder in (*there, None):
            files = [f for f in named if _folder_of(root, f) == folder]
            if files:
                yield kind or (FOLDERS[folder] if folder else Kind.FORGEJO), files
        return
    if kind is None:
        yield from ((FOLDERS[name], _files(root / name, FOLDERS[name])) for name in there)
        return
    read = next((name for name in READ_BY[kind] if name in there), None)
    if read is None:
        what, how = f"{kind.value} reads none of {', '.join(there)}", f"Move them to {READ_BY[kind][0]}"
        found.remarks.append(Remark(Level.WRONG, Spot(there[0], None), what, "nothing ever runs", how, rule="not-read"))
        return
    for name in there:
        if name != read and name in READ_BY[kind] and _files(root / name, kind):
            what = f"{kind.value} does not read {name}, because there is {read}"
            found.remarks.append(Remark(Level.NOTE, Spot(name, None), what, rule="not-read"))
    yield kind, _files(root / read, kind)


def _folder_of(root: Path, file: Path) -> str | None:
    return next((name for name in FOLDERS if file.is_relative_to(root / name)), None)


def _files(folder: Path, kind: Kind) -> list[Path]:
    """The workflows of a folder; GitHub takes none of folders in it, the others do (ListEntriesRecursive)."""
    found = folder.glob("*") if kind is Kind.GITHUB else folder.rglob("*")
    return sorted(f for f in found if f.suffix in (".yml", ".yaml") and f.is_file())


def _read(paths: Sequence[Path], found: _Found) -> Iterator[File]:
    for path in paths:
        name = path.relative_to(found.root).as_posix()
        found.files.append(name)
        try:
            with path.open("rb") as file:
                text = file.read(_MOST)
        except OSError as e:
            found.not_asked.append(NotAsked(name, e.strerror or str(e), "Make it readable"))
            continue
        try:
            yield read_file(text, name)
        except WorkflowError as e:
            line = text.splitlines()[e.line - 1 : e.line] if e.line else []
            if b"${{" in b"".join(line):  # GitHub works out a whole `env` or `needs` that is one expression
                found.not_asked.append(NotAsked(f"{name}:{e.line}", e.why, "It is passed over: look at it by hand"))
            else:
                found.remarks.append(unreadable(e))


def _local(root: Path, files: Sequence[File]) -> frozenset[str]:
    """Of the local actions and workflows that are named (`./...`), those that are there."""
    jobs = [job for file in files for job in file.workflow.jobs]
    uses = {job.uses for job in jobs} | {step.uses for job in jobs for step in job.steps}
    return frozenset(use for use in uses if use and use.startswith("./") and _is_there(root, use))


def _is_there(root: Path, use: str) -> bool:
    place = root / use.rpartition("@")[0] if "@" in use else root / use
    action = ("action.yml", "action.yaml", "Dockerfile")
    return place.is_file() if place.suffix in (".yml", ".yaml") else any((place / name).is_file() for name in action)


def _masked(one: Look, mask: Callable[[bytes], bytes]) -> Look:
    """The look with every text that comes out of a file masked: people write tokens into workflows."""

    def clean(remark: Remark) -> Remark:
        texts = {name: masked_text(getattr(remark, name), mask) for name in ("what", "why", "how")}
        return replace(remark, **texts)  # type: ignore[arg-type]

    return replace(one, remarks=tuple(map(clean, one.remarks)))
