"""Whether a path can hold files: existence, owner and mode, free space and inodes, length; tried only when asked to."""

import posixpath
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Stat, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, refusal, told
from whyred.probes.person import SEARCH, WRITE, Person, ask_person, read_person
from whyred.probes.place import Place, absolute, entrance, follow

FIELDS = {
    "creatable": "whether whyred, as its own user, could make a directory there; only with create=yes, which writes",
    "exists": "whether something is at the path, links followed",
    "kind": "`directory`, `file` or `other`; `link` for a link that leads to nothing",
    "writable": "whether mode, owner and capabilities let the process's user create entries there (in a file: write)",
    "searchable": "whether that user may pass every directory on the way to the path",
    "free_percent": "free_bytes in percent of total_bytes, 0 to 100",
    "free_inodes_percent": "free_inodes in percent of total_inodes, 0 to 100; absent where it counts none",
    "altered_since": "with `ended`: whether its mode or owner was changed after the job, and nothing in it since",
    "mode": "the permission bits as octal text, such as `1777`",
    "free_bytes": "bytes an unprivileged user can still write there; of the nearest directory where it is gone",
    "free_inodes": "inodes that an unprivileged user can still take; absent where the file system counts none",
    "links": "the link count: 0 for a removed directory that is still mounted somewhere",
    "dangling": "whether the path is a symbolic link whose target is missing, or that leads round in a circle",
    "uid": "the owner's number, as whyred sees it",
    "gid": "the group's number, as whyred sees it",
    "total_bytes": "size of that file system in bytes",
    "total_inodes": "inodes of that file system; absent where it counts none",
    "path_bytes": "length of the path as it was given, in bytes: sockets take 107, paths 4095",
    "entries": "number of names in the directory",
}
_OF_STAT = ("exists", "kind", "dangling", "links", "mode", "uid", "gid", "writable", "altered_since")
_OF_SPACE = ("free_bytes", "total_bytes", "free_percent", "free_inodes", "total_inodes", "free_inodes_percent")
_NOT_ASKED = Unknown(Reason.NOT_APPLICABLE, "the create test was not asked for (create=yes): it writes")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The state of the path and its file system, and who the subject is. Writes only with create=yes."""
    given = arguments.get("path", "")
    try:
        path = absolute(host, subject, given)
        entry = entrance(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    place = told(lambda: follow(host, entry, path))
    parts = {"path": given, "person": ask_person(host, subject), "ended": arguments.get("ended", "")}
    return pack(parts | _ask_place(host, entry, place, create=arguments.get("create") == "yes"))


def _ask_place(host: Host, entry: str, place: Place | Unknown, *, create: bool) -> dict[str, object]:
    if isinstance(place, Unknown):
        refused: dict[str, object] = dict.fromkeys(("stat", "dangling", "crossed", "space", "entries"), place)
        return refused | {"created": place if create else _NOT_ASKED}
    there, folder = place.stat is not None, place.stat is not None and place.stat.kind == "directory"
    return {
        "stat": place.stat,
        "dangling": place.dangling,
        "crossed": list(place.crossed),
        "space": told(lambda: host.space(place.reach if there else _nearest(host, entry, place.reach))),
        "entries": told(lambda: len(host.names(place.reach))) if folder else None,
        "created": told(lambda: host.create(place.reach) or "") if create else _NOT_ASKED,
    }


def _nearest(host: Host, entry: str, reach: str) -> str:
    """The directory that exists on the way to a path that does not: what a vanished temporary directory lay in."""
    root = entry.rstrip("/")
    while reach.rstrip("/") != root and reach not in ("", "/"):
        reach = posixpath.dirname(reach.rstrip("/"))
        try:
            host.stat(reach or "/")
        except HostRefusedError as e:
            if e.unknown.reason is not Reason.NOT_FOUND:
                raise
        else:
            break
    return reach or "/"


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    path, created = parts.text("path"), parts.text("created")
    facts: Fields = {
        "path_bytes": path if isinstance(path, Unknown) else len(path.encode("utf-8", "surrogatepass")),
        "entries": None if parts.absent("entries") else parts.number("entries"),
        "creatable": created if isinstance(created, Unknown) else not created,
    }
    table = parts.table("person")
    person = table if isinstance(table, Unknown) else read_person(table)
    return facts | _of_stat(parts, person) | _of_space(parts) | {"searchable": _searchable(parts, person)}


def _of_stat(parts: Parts, person: Person | Unknown) -> Fields:
    if parts.absent("stat"):
        dangling = parts.flag("dangling")
        return every(_OF_STAT, None) | {
            "exists": False,
            "dangling": dangling,
            "kind": "link" if dangling is True else None,
        }
    stat = parts.stat("stat")
    if isinstance(stat, Unknown):
        return every(_OF_STAT, stat)
    return {
        "exists": True,
        "kind": stat.kind,
        "dangling": False,
        "links": stat.links,
        "mode": f"{stat.mode:04o}",
        "uid": stat.uid,
        "gid": stat.gid,
        "writable": person if isinstance(person, Unknown) else _writable(person, stat),
        "altered_since": _altered(stat, parts.parts.get("ended")),
    }


def _altered(stat: Stat, ended: object) -> bool | Unknown:
    """A change of entries or content sets both times, one of mode, owner or links the later one alone (inode(7))."""
    try:
        end = float(str(ended or ""))
    except ValueError:
        return Unknown(Reason.NOT_APPLICABLE, "no job is asked about, or its end is not known")
    if stat.changed is None:
        return Unknown(Reason.NOT_SUPPORTED, "the host does not tell when a mode was changed")
    return stat.changed > end and stat.changed > stat.modified


def _writable(person: Person, stat: Stat) -> bool:
    return person.may(stat, WRITE) and (stat.kind != "directory" or person.may(stat, SEARCH))


def _searchable(parts: Parts, person: Person | Unknown) -> bool | Unknown:
    tables = parts.tables("crossed")
    if isinstance(tables, Unknown):
        return tables
    if isinstance(person, Unknown):
        return person
    crossed = [Parts.of({"stat": t.parts}).stat("stat") for t in tables]
    unknown = [c for c in crossed if isinstance(c, Unknown)]
    return unknown[0] if unknown else all(person.may(c, SEARCH) for c in crossed if isinstance(c, Stat))


def _of_space(parts: Parts) -> Fields:
    if parts.absent("space"):
        return every(_OF_SPACE, None)
    space = parts.table("space")
    if isinstance(space, Unknown):
        return every(_OF_SPACE, space)
    facts: Fields = {}
    for what in ("bytes", "inodes"):
        free, total = space.number(f"free_{what}"), space.number(f"total_{what}")
        percent = "free_percent" if what == "bytes" else "free_inodes_percent"
        if isinstance(free, Unknown) or isinstance(total, Unknown):
            why = (
                Unknown(Reason.NOT_SUPPORTED, f"the host does not tell {what}")
                if space.absent(f"total_{what}")
                else None
            )
            facts |= every((f"free_{what}", f"total_{what}", percent), why or space.strange(what))
        elif total <= 0:  # btrfs and others make inodes as they need them and count none
            facts |= {f"free_{what}": None, f"total_{what}": None, percent: None}
        else:
            share = max(0, min(free, total)) * 1000 // total / 10
            facts |= {f"free_{what}": free, f"total_{what}": total, percent: share}
    return facts


PROBE = Probe(
    name="directory-state",
    title="Whether a path can hold files: owner, mode, free space and inodes",
    kind=Kind.DIRECTORY,
    cost=Cost.CHEAP,
    privilege="read access on the way; the same user or root to look into another mount namespace",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "path": "the path, as the process sees it; a relative one counts from its working directory",
        "ended": "optional: when the job ended, in seconds since the epoch; whyred fills it in",
        "create": "optional: `yes` makes and removes a directory there, the only act of a probe that writes",
    },
    pack=({"path": "/tmp"}, {"path": "/var/tmp"}),
)
