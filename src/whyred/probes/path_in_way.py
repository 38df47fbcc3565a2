"""What stands in the way of one path of an error: facts that only together tell why a process was refused there.

Temporary directories are TMPDIR and its like of the process's environment, /tmp, /var/tmp and /dev/shm; and for how
full it is, whatever a program made a folder or file of its usual random names in.
"""

import posixpath
import re
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Stat, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack, printable, refusal, told, without_process
from whyred.probes.mounts import covers, holding, lines_holding, read_mounts
from whyred.probes.person import SEARCH, WRITE, Person, ask_person, read_person
from whyred.probes.place import entrance, follow, mountinfo
from whyred.probes.temp_named import named_folders

FIELDS = {
    "noexec_program": "whether a file is there that its mode lets the user start, and its mount is noexec; absent "
    "where nothing or a directory is there",
    "temp": "the temporary directory that the path is, or is below; absent: none",
    "temp_missing": "whether that directory is one that TMPDIR or a variable like it names, and is not there; absent "
    "without one",
    "temp_closed": "whether nothing is at the path and the user may not make it there: that directory is closed to the "
    "user by mode or owner; absent without one",
    "temp_mount": "whether a file system of their own holds that directory, or the one in which the path's random name "
    "was made, and the path; absent without one",
    "full_temp": "whether that file system of their own has less than 4 MiB left, and inodes; absent without one",
    "full_elsewhere": "whether the path's file system has less than 4 MiB left, and inodes, while the path is neither "
    "below a temporary directory nor named as temporary files are, nor on the file system of /tmp",
}
_TOPS = ("/tmp", "/var/tmp", "/dev/shm")
_OF_TEMP = ("temp", "temp_missing", "temp_closed", "temp_mount", "full_temp")
_FULL = 4 << 20
_TEMPORARY_NAME = re.compile(
    r"/(?:(?:rustc|rmeta|cc|tmp\.?|\.tmp|sort|sccache|just-|rustdoctest|_MEI)[A-Za-z0-9_]{6,10}"
    r"|go-(?:build|link-)\d{3,}|pytest-of-[\w.-]+)(?:/|\.\w+$|$)"
)
"""Names that programs give to temporary files of their own."""


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The path, the temporary directory above it, the mounts of both, and who the process is."""
    if subject.pid is None:
        return without_process()
    pid, path = subject.pid, arguments.get("path", "")
    try:
        entry, mounts = entrance(host, subject), mountinfo(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    tmpdir = told(lambda: host.environ(pid, ["TMPDIR"]).get("TMPDIR", ""))
    others = told(lambda: named_folders(host, pid))
    top = _top(path, *_known(tmpdir), *_known(others))
    return pack(
        {
            "path": path,
            "tmpdir": tmpdir,
            "named": others,
            "place": _place(host, entry, path),
            "top": _place(host, entry, top) if top else None,
            "mounts": lines_holding(mounts, posixpath.normpath(path)),
            "top_mounts": lines_holding(mounts, top) if top else "",
            "tmp_mounts": lines_holding(mounts, "/tmp"),
            "space": _space(host, entry, path),
            "person": ask_person(host, subject),
        }
    )


def _top(path: str, *named: str) -> str:
    """The innermost temporary directory that holds the path, of those that variables name too; empty: none."""
    tops = [t for t in (*(posixpath.normpath(n) for n in named if n), *_TOPS) if t.startswith("/") and t != "/"]
    return max((t for t in tops if covers(t, posixpath.normpath(path))), key=len, default="")


def _known(named: str | list[str] | Unknown) -> list[str]:
    """As a list of what could be told."""
    return [] if isinstance(named, Unknown) else [named] if isinstance(named, str) else named


def _place(host: Host, entry: str, path: str) -> object:
    if not path.startswith("/"):
        return None
    place = told(lambda: follow(host, entry, path))
    return place if isinstance(place, Unknown) else {"stat": place.stat, "crossed": list(place.crossed)}


def _space(host: Host, entry: str, path: str) -> object:
    """The space at the path, or at the nearest folder above it that is there."""
    here = posixpath.normpath(path) if path.startswith("/") else "/"
    while True:
        found = told(lambda at=here: host.space(f"{entry}{at}"))  # type: ignore[misc]
        if not (isinstance(found, Unknown) and found.reason is Reason.NOT_FOUND) or here == "/":
            return found
        here = posixpath.dirname(here)


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    path, tmpdir, table = parts.text("path"), parts.text("tmpdir"), parts.table("person")
    person = table if isinstance(table, Unknown) else read_person(table)
    there, top = _stat(parts, "place"), ""
    if isinstance(path, Unknown):
        return every(FIELDS, path)
    others = [] if parts.absent("named") else parts.texts("named")
    top = _top(path, *_known(tmpdir), *_known(others))
    full, made = _full(parts), _TEMPORARY_NAME.search(path)
    noexec = {"noexec_program": _noexec(parts, path, there, person), "full_elsewhere": False}
    if not top and not made:
        apart = _apart(parts, path)
        noexec["full_elsewhere"] = apart if isinstance(apart, Unknown) or not apart else full
    if not top:
        own = _own_mount(parts, path, path[: made.start()] or "/", "mounts") if made else None
        by_name = {"temp_mount": own, "full_temp": full if own is True else own}
        absent = every(_OF_TEMP, tmpdir if isinstance(tmpdir, Unknown) else None)
        return noexec | absent | (by_name if made else {})
    above, own = _stat(parts, "top"), _own_mount(parts, path, top)
    named = top in [posixpath.normpath(n) for n in (*_known(tmpdir), *_known(others)) if n]
    return noexec | {
        "temp": printable(top),
        "temp_missing": above if isinstance(above, Unknown) else named and above is None,
        "temp_closed": _closed(parts, there, above, person),
        "temp_mount": own,
        "full_temp": own if isinstance(own, Unknown) or not own else full,
    }


def _stat(parts: Parts, key: str) -> Stat | Unknown | None:
    if parts.absent(key):
        return None
    table = parts.table(key)
    if isinstance(table, Unknown):
        return table
    return None if table.absent("stat") else table.stat("stat")


def _noexec(parts: Parts, path: str, there: Stat | Unknown | None, person: Person | Unknown) -> bool | Unknown | None:
    mounts = parts.text("mounts")
    for part in (there, person, mounts):
        if isinstance(part, Unknown):
            return part
    if not isinstance(there, Stat) or there.kind == "directory":
        return None
    if there.kind != "file" or not there.mode & 0o111:
        return False
    assert isinstance(person, Person)
    mount = holding(read_mounts(str(mounts)), posixpath.normpath(path))
    return mount is not None and "noexec" in mount.options and person.may(there, SEARCH)


def _closed(
    parts: Parts, there: Stat | Unknown | None, top: Stat | Unknown | None, person: Person | Unknown
) -> bool | Unknown:
    for part in (top, person):
        if isinstance(part, Unknown):
            return part
    if not isinstance(top, Stat) or isinstance(there, Stat):
        return False
    assert isinstance(person, Person)
    crossed = parts.table("top")
    rows = crossed if isinstance(crossed, Unknown) else crossed.tables("crossed")
    if isinstance(rows, Unknown):
        return rows
    folders = [Parts.of({"stat": r.parts}).stat("stat") for r in rows]
    passable = all(person.may(f, SEARCH) for f in folders if isinstance(f, Stat))
    return not (passable and person.may(top, WRITE) and person.may(top, SEARCH))


def _own_mount(parts: Parts, path: str, top: str, of_top: str = "top_mounts") -> bool | Unknown:
    mounts, above = parts.text("mounts"), parts.text(of_top)
    for part in (mounts, above):
        if isinstance(part, Unknown):
            return part
    mine = holding(read_mounts(str(mounts)), posixpath.normpath(path))
    theirs = holding(read_mounts(str(above)), top)
    return mine is not None and theirs is not None and mine == theirs and theirs.point == top


def _apart(parts: Parts, path: str) -> bool | Unknown:
    """Whether the path is on another mount than /tmp, or /tmp is none of its own: then it is not the temporary one."""
    mounts, tmp = parts.text("mounts"), parts.text("tmp_mounts")
    for part in (mounts, tmp):
        if isinstance(part, Unknown):
            return part
    mine = holding(read_mounts(str(mounts)), posixpath.normpath(path))
    theirs = holding(read_mounts(str(tmp)), "/tmp")
    return mine is None or theirs is None or mine.device != theirs.device or theirs.point == "/"


def _full(parts: Parts) -> bool | Unknown:
    if parts.absent("space"):
        return False
    space = parts.table("space")
    if isinstance(space, Unknown):
        return space
    free, inodes, total = space.number("free_bytes"), space.number("free_inodes"), space.number("total_inodes")
    if isinstance(free, Unknown):
        return free
    none_left = not isinstance(inodes, Unknown) and not isinstance(total, Unknown) and total > 0 and inodes == 0
    return free < _FULL and not none_left


PROBE = Probe(
    name="path-in-way",
    title="What stands in the way of a path: a noexec mount, or its temporary directory",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"path": "a path of the log"},
    pack=(),
)
