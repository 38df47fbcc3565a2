"""A repository as its files tell it, without running git there: git obeys a repository's own configuration.

The files are those of gitrepository-layout(5), gitmodules(5) and pack-format(5).
"""

import posixpath
import re
from bisect import bisect_left
from collections.abc import Iterator, Mapping
from functools import partial

from whyred.model.evidence import Reason
from whyred.model.host import Host, HostRefusedError
from whyred.probes.answer import told

MOST_REFS = 4000
_MOST_FOLDERS, _MOST_REPOSITORIES, _DEPTH = 120, 6, 3
_MOST_FILES = 250
"""Small files of a working tree that are looked into."""
_TEXT = 1 << 20
_REFS = 8 << 20
_INDEX = 64 << 20
_POINTER = b"version https://git-lfs.github.com/spec/v1"
"""How a file begins that stands for one kept elsewhere (git-lfs: docs/spec.md)."""
_POINTER_BYTES = range(100, 400)
_SKIPPED = frozenset({".git", "node_modules", "target", ".cache"})
_SECTION = re.compile(r'\[\s*([\w.-]+)(?:\s+"([^"]*)")?\s*\]')
_USER = re.compile(r"(?<=://)[^/@\s]*@")


def found_below(host: Host, folder: str) -> Iterator[str]:
    """The folders below one, and itself, that hold a repository; nearest first and not all of a large tree."""
    level, seen, given = [folder], 0, 0
    for _ in range(_DEPTH):
        below: list[str] = []
        for here in level:
            seen += 1
            names = _names(host, here)
            if ".git" in names or {"HEAD", "objects", "refs"} <= set(names):
                yield here
                given += 1
            if seen >= _MOST_FOLDERS or given >= _MOST_REPOSITORIES:
                return
            below.extend(f"{here}/{n}" for n in names if n not in _SKIPPED and _is_folder(host, f"{here}/{n}"))
        level = below[:_MOST_FOLDERS]


def found_above(host: Host, entry: str, path: str) -> str | None:
    """The nearest folder at or above a path that holds a repository; `entry` is put before it to reach it."""
    here = posixpath.normpath(path)
    while True:
        names = _names(host, entry + here)
        if ".git" in names or {"HEAD", "objects", "refs"} <= set(names):
            return entry + here
        if here in ("/", "", "."):
            return None
        here = posixpath.dirname(here)


def git_folder(host: Host, root: str) -> str:
    """The folder with the repository's files: `.git`, what a file of that name points to, or a bare one itself."""
    inner = f"{root}/.git"
    try:
        kind = host.stat(inner).kind
    except HostRefusedError as e:
        if e.unknown.reason is Reason.NOT_FOUND:
            return root
        raise
    if kind == "directory":
        return inner
    target = _text(host, inner).removeprefix("gitdir:").strip()
    return target if target.startswith("/") else posixpath.normpath(f"{root}/{target}")


def repository_of(host: Host, root: str, wanted: list[str]) -> Mapping[str, object]:
    """What is asked of one repository. `wanted`: hashes of objects that it may or may not have."""
    try:
        own = git_folder(host, root)
        common = _common(host, own)
        head = _text(host, f"{own}/HEAD").strip()
    except HostRefusedError as e:
        return {"root": root, "head": e.unknown}
    return {
        "root": root,
        "head": head,
        "shallow": told(lambda: bool(_text(host, f"{common}/shallow", "").strip())),
        "refs": told(lambda: sorted(_refs(host, common))[:MOST_REFS]),
        "remote": _remote(_text(host, f"{common}/config", "")),
        "objects": objects_of(host, common, wanted),
        "submodules": told(lambda: _submodules(host, root)),
        "lfs": "filter=lfs" in _text(host, f"{root}/.gitattributes", ""),
        "pointers": told(lambda: list(_pointers(host, root))) if common != root else [],
    }


def objects_of(host: Host, common: str, wanted: list[str]) -> Mapping[str, object]:
    """For each hash whether the repository has the object, or why that is not known."""
    return {sha: told(partial(has_object, host, common, sha)) for sha in wanted}


def _names(host: Host, folder: str) -> list[str]:
    try:
        return host.names(folder)
    except HostRefusedError:
        return []  # a file, or closed: nothing to look into


def _is_folder(host: Host, path: str) -> bool:
    try:
        return host.stat(path, follow=False).kind == "directory"
    except HostRefusedError:
        return False


def _text(host: Host, path: str, missing: str | None = None, limit: int = _TEXT) -> str:
    try:
        return host.read(path, limit).decode("utf-8", "replace")
    except HostRefusedError as e:
        if missing is not None and e.unknown.reason is Reason.NOT_FOUND:
            return missing
        raise


def _common(host: Host, own: str) -> str:
    """Where a linked working tree has what it shares."""
    target = _text(host, f"{own}/commondir", "").strip()
    return posixpath.normpath(posixpath.join(own, target)) if target else own


def _refs(host: Host, common: str) -> set[str]:
    """The names of all refs: each a file, or a line of packed-refs."""
    packed = _text(host, f"{common}/packed-refs", "", _REFS)
    found = {line.partition(" ")[2] for line in packed.split("\n") if line and line[0] not in "#^"}
    todo = ["refs"]
    while todo and len(found) < MOST_REFS:
        here = todo.pop()
        for name in _names(host, f"{common}/{here}"):
            path = f"{here}/{name}"
            if _is_folder(host, f"{common}/{path}"):
                todo.append(path)
            elif not name.endswith(".lock"):
                found.add(path)
    return found


def _remote(config: str) -> Mapping[str, str] | None:
    """Address, without a user, and settings of `origin`, else of the first remote; None where there is none."""
    remotes: dict[str, dict[str, str]] = {}
    here: dict[str, str] = {}
    for line in config.split("\n"):
        if section := _SECTION.match(line.strip()):
            named = section[1].lower() == "remote" and section[2]
            here = remotes.setdefault(section[2], {}) if named else {}
            continue
        key, equals, value = line.partition("=")
        if equals:
            here[key.strip().lower()] = value.strip().strip('"')
    found = remotes.get("origin") or next(iter(remotes.values()), None)
    if not found or "url" not in found:
        return None
    return {"url": _USER.sub("", found["url"]), "fetch": found.get("fetch", ""), "tagopt": found.get("tagopt", "")}


def folder_of(url: str) -> str | None:
    """The folder that an address names on the host itself; None for another machine's."""
    if url.startswith("file:///"):
        return url.removeprefix("file://")
    return url if url.startswith("/") else None


def _submodules(host: Host, root: str) -> list[list[str]]:
    """Path and state (`filled`, `empty`) of every line `path =` in .gitmodules."""
    lines = [line.partition("=") for line in _text(host, f"{root}/.gitmodules", "").split("\n")]
    paths = [value.strip() for key, _, value in lines if key.strip() == "path" and value.strip()]
    inside = [p for p in paths if ".." not in p.split("/") and not p.startswith("/")]
    return [[p, "filled" if _names(host, f"{root}/{p}") else "empty"] for p in inside[:_MOST_FILES]]


def _pointers(host: Host, root: str) -> Iterator[str]:
    """The files of a working tree that hold no content but the pointer of git-lfs."""
    todo, looked = [""], 0
    while todo:
        here = todo.pop(0)
        for name in _names(host, f"{root}/{here}".rstrip("/")):
            path = f"{here}/{name}".lstrip("/")
            looked += 1
            if looked > 8 * _MOST_FILES:
                return
            try:
                stat = host.stat(f"{root}/{path}", follow=False)
                if stat.kind == "directory" and name not in _SKIPPED and path.count("/") < _DEPTH:
                    todo.append(path)
                elif stat.kind == "file" and stat.size in _POINTER_BYTES and _is_pointer(host, f"{root}/{path}"):
                    yield path
            except HostRefusedError:
                continue  # it went meanwhile, or is closed to us


def _is_pointer(host: Host, path: str) -> bool:
    return host.read(path, len(_POINTER)) == _POINTER


def has_object(host: Host, common: str, sha: str) -> bool:
    """Whether a repository has an object, as a file of its own or in a pack. Raises `HostRefusedError`."""
    objects = f"{common}/objects"
    try:
        host.stat(f"{objects}/{sha[:2]}/{sha[2:]}")
    except HostRefusedError as e:
        if e.unknown.reason is not Reason.NOT_FOUND:
            raise
    else:
        return True
    if any(_in_index(host.read(f"{objects}/pack/{n}", _INDEX), sha) for n in _indexes(host, objects)):
        return True
    if _text(host, f"{objects}/info/alternates", "").strip():
        raise HostRefusedError(Reason.NOT_SUPPORTED, "the repository borrows objects of another one")
    return False


def _indexes(host: Host, objects: str) -> list[str]:
    try:
        return [n for n in host.names(f"{objects}/pack") if n.endswith(".idx")]
    except HostRefusedError as e:
        if e.unknown.reason is Reason.NOT_FOUND:
            return []
        raise


def _in_index(index: bytes, sha: str) -> bool:
    """Whether a pack's index of version 2 names an object of SHA-1: header, 256 sums, sorted names of 20 bytes."""
    if index[:8] != b"\377tOc\0\0\0\2" or len(sha) != 40:
        raise HostRefusedError(Reason.NOT_SUPPORTED, "a pack of this form cannot be searched")
    total = int.from_bytes(index[8 + 255 * 4 : 8 + 256 * 4])
    if len(index) < 1032 + 20 * total:
        raise HostRefusedError(Reason.UNREADABLE, "the pack's index is cut")
    wanted = bytes.fromhex(sha)

    class Names:
        """The sorted names, as a sequence."""

        def __len__(self) -> int:
            return total

        def __getitem__(self, n: int) -> bytes:
            return index[1032 + 20 * n : 1052 + 20 * n]

    names = Names()
    at = bisect_left(names, wanted)
    return at < total and names[at] == wanted
