"""What a checkout lacks: history, tags, a branch, submodules, large files. Read from files: git is not run there."""

import posixpath
import re
from collections.abc import Iterable, Mapping

from whyred.model.cause import Value
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told
from whyred.probes.git_files import folder_of, found_above, found_below, git_folder, repository_of
from whyred.probes.place import absolute, entrance

FIELDS = {
    "cut": "with `said`: whether it lacks what was asked for because it was cloned in part; unknown where it has that",
    "origin_lacks": "with `said`: whether the origin, where it is a folder of this host, has no such branch or commit",
    "shallow": "whether history ends where the clone was cut off, in one of the repositories at least",
    "tags": "the tags of all of them together",
    "unborn": "whether one of them has no branch, tag or commit at all",
    "complete": "whether no submodule is empty and no file is a pointer, as far as was looked",
    "empty_submodules": "the submodules of .gitmodules whose folder is missing or empty",
    "empty_submodule": "the path of the first of them; absent where there is none",
    "in_empty_submodule": "with `file`: whether it lies in one of these folders",
    "lfs_pointers": "files of the working tree that hold the pointer of git-lfs in place of their content",
    "lfs_pointer": "the path of the first of them; absent where there is none",
    "is_lfs_pointer": "with `file`: whether it is one of these files",
    "repositories": "how many repositories were looked at",
    "head": "what HEAD of the first says: a branch or a commit",
    "origin": "the address of its remote, without user and password; absent where it has none",
}
_NOT_NAMED = Unknown(Reason.NOT_APPLICABLE, "the log names nothing that could be looked up")
_NONE = Unknown(Reason.NOT_FOUND, "no repository is kept there any more")
_FAR = Unknown(Reason.NOT_SUPPORTED, "the origin is on another machine: ask it by hand with git ls-remote")
_HERE = Unknown(Reason.NOT_APPLICABLE, "this repository has what was asked for: it happened in another, or is mended")
_WORDS = re.compile(
    r"remote ref (\S+)|Remote branch (\S+)|not our ref (\S+)|not a tree: (\S+)|bad object (\S+)|argument '([^']+)'"
    r"|bad revision '([^']+)'|Not a valid (?:commit|object) name (\S+)|pathspec '([^']+)'|invalid reference: (\S+)"
    r"|(\S+): no merge base|did not contain ([0-9a-f]{40})|resolve ([^\s:]+): reference"
)
_SUFFIX = re.compile(r"(?:~\d*|\^\d*|\^\{[^}]*\}|@\{[^}]*\})+$")
_SHA = re.compile(r"[0-9a-f]{40}")
_PLACES = ("", "refs/", "refs/tags/", "refs/heads/", "refs/remotes/")
"""Where git looks for a name, in this order (gitrevisions(7))."""
_TAGS = ("No names found", "No tags can describe", "tag exactly matches", "No annotated tags")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The repositories at the path or below the folder, and the origin of each where it is on this host."""
    said = arguments.get("said", "")
    wanted = [name for name, _ in names_in(said) if _SHA.fullmatch(name)]
    try:
        roots = _roots(host, subject, arguments)
    except HostRefusedError as e:
        return refusal(e.unknown)
    if isinstance(roots, Unknown):
        return refusal(roots)
    found = [dict(repository_of(host, root, wanted)) for root in roots]
    for one in found:
        one["origin"] = _origin(host, one, wanted)
    return pack({"said": said, "file": arguments.get("file", ""), "repositories": found})


def _roots(host: Host, subject: Subject, arguments: Mapping[str, str]) -> list[str] | Unknown:
    if "path" in arguments:
        entry = entrance(host, subject)
        above = found_above(host, entry, absolute(host, subject, arguments["path"]))
        return _NONE if above is None else [above]
    if "folder" not in arguments:
        return Unknown(Reason.NO_SUBJECT, "the folder that the job worked in is not known")
    return list(found_below(host, arguments["folder"])) or _NONE


def _origin(host: Host, one: Mapping[str, object], wanted: list[str]) -> object:
    remote = one.get("remote")
    folder = folder_of(remote["url"]) if isinstance(remote, Mapping) else None
    if folder is None:
        return _FAR
    return told(lambda: dict(repository_of(host, _existing(host, folder), wanted)))


def _existing(host: Host, folder: str) -> str:
    """As git does it, also takes `x` for x.git. Raises `HostRefusedError`."""
    for path in (folder, f"{folder}.git"):
        try:
            host.stat(f"{git_folder(host, path)}/HEAD")
        except HostRefusedError as e:
            if e.unknown.reason is not Reason.NOT_FOUND:
                raise
        else:
            return path
    raise HostRefusedError(Reason.NOT_FOUND, f"{folder}: there is no repository")


def names_in(said: str) -> list[tuple[str, bool]]:
    """The names in git's words, without HEAD, and whether each is followed by a step back in history (`~2`)."""
    found = []
    for match in _WORDS.finditer(said):
        for part in re.split(r"\.\.\.?", next(g for g in match.groups() if g is not None)):
            name = _SUFFIX.sub("", part.rstrip(".,;:"))
            if name and (name != "HEAD" or name != part):
                found.append((name, name != part))
    return found


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    tables, said, file = parts.tables("repositories"), parts.text("said"), parts.text("file")
    for part in (tables, said, file):
        if isinstance(part, Unknown):
            return every(FIELDS, part)
    assert not isinstance(tables, Unknown)
    if not tables:
        return every(FIELDS, _NONE)
    first = tables[0]
    remote = None if first.absent("remote") else first.table("remote")
    names, words = names_in(str(said)), str(said)
    content = _of_submodules(tables, str(file)) | _of_pointers(tables, str(file))
    return {
        "repositories": len(tables),
        "head": first.text("head"),
        "origin": remote if not isinstance(remote, Parts) else remote.text("url"),
        "shallow": _any(t.flag("shallow") for t in tables),
        "tags": _sum(_count(t, "refs/tags/") for t in tables),
        "unborn": _any(_is_unborn(t) for t in tables),
        "cut": _any(_cut(t, names, words) for t in tables) if words else _NOT_NAMED,
        "origin_lacks": _any(_origin_lacks(t, names) for t in tables),
        **content,
        "complete": _is_complete(content["empty_submodules"], content["lfs_pointers"]),
    }


def _is_complete(*counts: Value | Unknown | None) -> bool | Unknown:
    return next((c for c in counts if isinstance(c, Unknown)), None) or not any(counts)


def _any(values: Iterable[bool | Unknown]) -> bool | Unknown:
    """True where one is, else unknown where one is."""
    known = list(values)
    return True in known or next((v for v in known if isinstance(v, Unknown)), False)


def _sum(values: Iterable[int | Unknown]) -> int | Unknown:
    known = list(values)
    return next((v for v in known if isinstance(v, Unknown)), None) or sum(v for v in known if isinstance(v, int))


def _count(table: Parts, start: str) -> int | Unknown:
    refs = table.texts("refs")
    return refs if isinstance(refs, Unknown) else sum(r.startswith(start) for r in refs)


def _is_unborn(table: Parts) -> bool | Unknown:
    head, refs = table.text("head"), table.texts("refs")
    for part in (head, refs):
        if isinstance(part, Unknown):
            return part
    return not refs and str(head).startswith("ref:")


def _has(table: Parts, name: str) -> bool | Unknown:
    """Whether a repository has a branch, tag or commit."""
    if _SHA.fullmatch(name):
        objects = table.table("objects")
        return objects if isinstance(objects, Unknown) else objects.flag(name)
    refs = table.texts("refs")
    if isinstance(refs, Unknown):
        return refs
    return name == "HEAD" or any(place + name in refs for place in _PLACES) or f"refs/remotes/{name}/HEAD" in refs


def _on_origin(table: Parts, name: str) -> bool | Unknown:
    """Whether the origin has what is named here; `origin/x` is its branch x."""
    origin = table.table("origin")
    return origin if isinstance(origin, Unknown) else _has(origin, name.removeprefix("origin/"))


def _origin_lacks(table: Parts, names: list[tuple[str, bool]]) -> bool | Unknown:
    plain = [name for name, back in names if not back]
    if not plain:
        return _NOT_NAMED
    found = [_on_origin(table, name) for name in plain]
    return next((f for f in found if isinstance(f, Unknown)), None) or False in found


def _cut(table: Parts, names: list[tuple[str, bool]], said: str) -> bool | Unknown:
    shallow = table.flag("shallow")
    if isinstance(shallow, Unknown):
        return shallow
    if not shallow and table.absent("remote"):
        return False  # it was made here and has all there ever was
    if any(word in said for word in _TAGS):
        return _lacks_tags(table, shallow)
    if "merge base" in said:
        return shallow
    if not names:
        return _NOT_NAMED
    verdicts = [_lacks(table, name, back, shallow) for name, back in names]
    if all(v is None for v in verdicts):
        return _HERE
    return _any(v for v in verdicts if v is not None)


def _lacks_tags(table: Parts, shallow: bool) -> bool | Unknown:
    """Tags, or the history between them and HEAD, did not come with the clone."""
    tags, origin = _count(table, "refs/tags/"), table.table("origin")
    there = _count(origin, "refs/tags/") if isinstance(origin, Parts) else origin
    if isinstance(there, Unknown) or isinstance(tags, Unknown):
        unknown = tags if isinstance(tags, Unknown) else _FAR
        return True if shallow else unknown
    return there > 0 and (shallow or tags == 0)


def _lacks(table: Parts, name: str, back: bool, shallow: bool) -> bool | Unknown | None:
    """Whether a name is missing here and not at the origin; None where it is here."""
    here = _has(table, name)
    if isinstance(here, Unknown):
        return here
    if here:
        return shallow if back else None
    if not shallow and _takes_all(table):
        return False
    return _on_origin(table, name)


def _takes_all(table: Parts) -> bool:
    """Whether a fetch takes every branch, so that what is missing here is missing there or was never fetched."""
    remote = table.table("remote")
    fetch = "" if isinstance(remote, Unknown) else remote.text("fetch")
    return isinstance(fetch, str) and "refs/heads/*" in fetch


def _of_submodules(tables: list[Parts], file: str) -> Fields:
    rows: list[str] = []
    for table in tables:
        lines = table.parts.get("submodules")
        if not isinstance(lines, list):
            return every(("empty_submodules", "empty_submodule", "in_empty_submodule"), table.strange("submodules"))
        rows += [str(line[0]) for line in lines if isinstance(line, list) and line[-1:] == ["empty"]]
    return _listed(rows, "empty_submodule") | {
        "in_empty_submodule": any(_within(file, r) for r in rows) if file else None
    }


def _of_pointers(tables: list[Parts], file: str) -> Fields:
    rows: list[str] = []
    for table in tables:
        names = table.texts("pointers")
        if isinstance(names, Unknown):
            return every(("lfs_pointers", "lfs_pointer", "is_lfs_pointer"), names)
        rows += names
    tail = "/" + posixpath.normpath(file).lstrip("/") if file else ""
    found: Value | None = any(("/" + r).endswith(tail) or tail.endswith("/" + r) for r in rows) if file else None
    return _listed(rows, "lfs_pointer") | {"is_lfs_pointer": found}


def _listed(rows: list[str], name: str) -> Fields:
    return {f"{name}s": len(rows), name: printable(rows[0]) if rows else None}


def _within(file: str, folder: str) -> bool:
    """Whether a file, from wherever it is named, lies in this folder of a checkout."""
    return f"/{folder.strip('/')}/" in f"/{posixpath.normpath(file).strip('/')}/"


PROBE = Probe(
    name="repository",
    title="What a checkout lacks: history, tags, a branch, submodules, large files",
    kind=Kind.DIRECTORY,
    cost=Cost.MODERATE,
    privilege="read access to the checkout",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "path": "optional: a path in the repository, as the process sees it",
        "folder": "optional: a folder below which all repositories are looked at; the program knows the job's",
        "said": "optional: git's own words on what it misses, from the log",
        "file": "optional: a file of the working tree that the log names",
    },
)
