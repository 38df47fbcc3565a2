"""Whether a file that a job misses or may not start is in its checkout, and what keeps it out or from being started.

The name comes from a log: it is only compared with names that are there, and nothing but folders and .gitignore files
of the checkout is read.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told
from whyred.probes.git_index import kept_mode
from whyred.probes.mounts import holding, lines_holding, read_mounts
from whyred.probes.place import mountinfo
from whyred.workflows.gitignore import rule_for

FIELDS = {
    "exists": "whether a file of that name is in the checkout, or one that the name can stand for (a module's)",
    "case_twin": "the path of a file whose name differs in capital and small letters only, where the file is not there",
    "ignored_by": "the rule of a .gitignore file of the checkout that keeps such a file out of commits",
    "left_out": "whether the file is not there and such a rule keeps it out, though no build would make it",
    "not_executable": "whether it is a file there whose mode lets nobody start it; absent where no such file is there",
    "committed_so": "of a file that nobody may start: whether git's index has it without that bit as well, so that"
    " every clone has it so; absent for other files, and for those that git does not keep",
    "on_noexec": "whether its mode lets it be started, and the process sees it on a file system that is mounted"
    " noexec; absent where no such file is there",
}
_ENDS = (".rs", ".py", ".js", ".mjs", ".cjs", ".ts", ".tsx", ".jsx", ".json", ".h", ".hpp", ".rb", ".go")
_INDEXES = ("mod.rs", "__init__.py", "index.js", "index.ts")
_NAME = re.compile(r"[^\x00-\x1f]{1,400}")
_MODULE = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_PASSED = frozenset({".git", "node_modules", "target", "vendor", ".venv", "venv", "__pycache__"})
_MADE = frozenset(
    {"target", "build", "dist", "out", "bin", "obj", "gen", "generated", "coverage", "tmp", "cache", "lib"}
)
"""Folders of what a build makes: what lies in one is ignored because it is made anew, not because it was forgotten."""
MOST_FOLDERS, MOST_NAMES = 40, 4000
"""Folders that are looked into, and names of each."""
MOST_MODES = 8
"""Files of one name whose modes are looked at."""
_X = 0o111


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The names in the checkout's folders that are like the wanted one, and the rules of its .gitignore files."""
    folder, file = arguments.get("folder", ""), arguments.get("file", "")
    name = _inside(folder, file)
    if name is None or not folder.startswith("/"):
        return refusal(Unknown(Reason.NOT_APPLICABLE, f"{file[:200]!r} is no file of the checkout"))
    like = {posixpath.basename(one).casefold() for one in _may_be(name)}
    like |= {posixpath.basename(posixpath.dirname(one)).casefold() for one in _may_be(name)} - {""}
    todo, names, ignores = [""], list[str](), dict[str, str]()
    try:
        # What lies deeper than is walked, or in a folder that is passed over, such as node_modules/.bin.
        direct = name if _there(host, f"{folder}/{name}") else ""
        names += [direct] if direct else []
        for place in todo:  # grows while it is walked
            here = host.names(f"{folder}/{place}".rstrip("/"))[:MOST_NAMES]
            if ".gitignore" in here:
                text = host.read(f"{folder}/{place}/.gitignore", 1 << 16)
                ignores[place] = text.decode("utf-8", "surrogateescape")
            found_here = (posixpath.join(place, one) for one in here if one.casefold() in like)
            names += [path for path in found_here if path != direct]
            left = MOST_FOLDERS - len(todo)
            todo += list(_folders(host, folder, place, here))[:left] if place.count("/") < 3 else []
    except HostRefusedError as e:
        return refusal(e.unknown)
    found: dict[str, object] = {"file": name, "names": names, "ignores": ignores, "folders": todo}
    return pack(found | _modes(host, subject, folder, name, names))


def _there(host: Host, path: str) -> bool:
    try:
        return host.stat(path).kind == "file"
    except HostRefusedError:
        return False  # the walk tells why


def _modes(host: Host, subject: Subject, folder: str, name: str, names: list[str]) -> dict[str, object]:
    """The modes of the files of that name, those that git keeps for the ones that nobody may start, and the mounts that
    hold the others."""
    modes, kept, started = list[int](), list[int | None](), list[str]()
    for path in [one for one in names if _is(one, name)][:MOST_MODES]:
        try:
            stat = host.stat(f"{folder}/{path}")
        except HostRefusedError:
            continue  # a link to nowhere, or it is gone meanwhile
        if stat.kind == "file":
            modes.append(stat.mode)
            kept.append(None if stat.mode & _X else kept_mode(host, folder, path))
            started += [posixpath.normpath(f"{folder}/{path}")] if stat.mode & _X else []
    text = told(lambda: mountinfo(host, subject)) if started else ""
    mounts: object = text
    if isinstance(text, str):
        mounts = [{"path": path, "mounts": lines_holding(text, path)} for path in started]
    return {"modes": modes, "kept": [mode for mode in kept if mode is not None], "mounts": mounts}


def _inside(folder: str, file: str) -> str | None:
    """The name as a path from the checkout's root; None for what can be none of its files."""
    if not _NAME.fullmatch(file):
        return None
    if file.startswith("/"):
        return file[len(folder) + 1 :] if file.startswith(f"{folder}/") else None
    path = posixpath.normpath(file)
    while path.startswith("../"):
        path = path[3:]
    return None if path in (".", "..") else path


def _folders(host: Host, root: str, place: str, names: list[str]) -> Iterator[str]:
    for name in names:
        # What has an ending is hardly ever a folder, and every question to a far host takes its way.
        if name in _PASSED or name.startswith(".") or "." in name:
            continue
        path = posixpath.join(place, name)
        try:
            if host.stat(f"{root}/{path}", follow=False).kind == "directory":
                yield path
        except HostRefusedError:
            continue  # it is gone meanwhile, or closed: the others may have it


def _may_be(name: str) -> list[str]:
    """The files that a name can stand for: itself, or those of the module of that name."""
    found = [name]
    path = name.replace(".", "/") if _MODULE.fullmatch(name) and not name.endswith(_ENDS) else name
    if not posixpath.splitext(path)[1]:
        found += [path + end for end in _ENDS] + [f"{path}/{index}" for index in _INDEXES]
    return list(dict.fromkeys(found))


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    name, names, folders = parts.text("file"), parts.texts("names"), parts.texts("folders")
    table = parts.table("ignores")
    for part in (name, names, folders, table):
        if isinstance(part, Unknown):
            return every(FIELDS, part)
    assert isinstance(name, str)
    assert isinstance(names, list)
    assert isinstance(folders, list)
    assert isinstance(table, Parts)
    ignores = {place: text for place, text in table.parts.items() if isinstance(text, str)}
    wanted = _may_be(name)
    exists = any(_is(one, want) for one in names for want in wanted)
    places = {"", *folders}
    twin = next((one for one in names for want in wanted if _is(one.casefold(), want.casefold())), None)
    # A module's own folder (`build/`) is most often ignored for another reason than that it is a module.
    files = [
        posixpath.join(place, w) for w in wanted if posixpath.basename(w) not in _INDEXES for place in sorted(places)
    ]
    ruled = [(one, rule) for one in files if (rule := rule_for(one, ignores)) is not None]
    rule = ruled[0][1] if ruled else None
    forgotten = any(_MADE.isdisjoint(posixpath.dirname(one).casefold().split("/")) for one, _ in ruled)
    return {
        "exists": exists,
        "case_twin": printable(twin) if twin is not None and not exists else None,
        "ignored_by": None if rule is None else printable(rule),
        "left_out": forgotten and not exists,
        "not_executable": (closed := _without_x(parts, "modes")),
        "committed_so": _without_x(parts, "kept") if closed is True else None,
        "on_noexec": _on_noexec(parts, closed),
    }


def _on_noexec(parts: Parts, closed: bool | Unknown | None) -> bool | Unknown | None:
    """Of files of one name all must be: which of them the job started is not told."""
    if closed is not False:
        return False if closed is True else closed
    if parts.absent("mounts"):
        return None
    rows = parts.tables("mounts")
    if isinstance(rows, Unknown):
        return rows
    found = [holding(read_mounts(str(row.text("mounts"))), str(row.text("path"))) for row in rows]
    return bool(found) and all(mount is not None and "noexec" in mount.options for mount in found)


def _without_x(parts: Parts, key: str) -> bool | Unknown | None:
    """Without any x bit nobody can start a file, root included (execve(2): EACCES)."""
    modes = parts.parts.get(key, [])
    if not isinstance(modes, list) or not all(isinstance(mode, int) for mode in modes):
        return parts.strange(key)
    return all(mode & _X == 0 for mode in modes) if modes else None


def _is(path: str, wanted: str) -> bool:
    return path == wanted or path.endswith(f"/{wanted}")


PROBE = Probe(
    name="tree-file",
    title="Whether a file is in the checkout, and what keeps it out",
    kind=Kind.DIRECTORY,
    cost=Cost.MODERATE,
    privilege="may read the checkout",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"file": "a file or module, as the log names it", "folder": "the absolute path of the checkout"},
)
