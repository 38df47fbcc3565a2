"""Whose a path is, and what on the way to it refuses the subject's user: computed from owners and modes, not tried."""

from collections.abc import Mapping, Sequence

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Stat, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Fields, Parts, every, pack, refusal, told
from whyred.probes.person import SEARCH, WRITE, Person, ask_person, read_person
from whyred.probes.place import Place, absolute, entrance, follow

FIELDS = {
    "foreign_leftover": "whether what refuses belongs to another user, below a folder in which this user may write",
    "foreign_folder": "whether what refuses belongs to another user and is no part of the system, as /etc and /usr are",
    "own_readonly": "whether what refuses belongs to this very user, a folder without write permission, and is no part "
    "of the system",
    "blocked": "whether owner and mode of the path, or of a folder above it, refuse this user to change or remove it",
    "owned": "whether the path belongs to the subject's user; absent where there is none",
    "exists": "whether something is at the path, links followed",
    "uid": "the owner's number, as whyred sees it; absent where nothing is there",
    "gid": "the group's number, as whyred sees it; absent where nothing is there",
    "mode": "the permission bits as octal text, such as `0755`; absent where nothing is there",
    "subject_uid": "the number of the subject's user, as whyred sees it",
}
_OF_REFUSAL = ("foreign_leftover", "foreign_folder", "own_readonly", "blocked")
_SYSTEM = frozenset({"bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "proc", "root", "sbin", "sys", "usr"})
"""Folders right below / in which no job of a runner has ever had to write (hier(7))."""
_STICKY = 0o1000
"""In such a folder only the owners of an entry and of the folder remove it (inode(7))."""
_MIGHTY = Unknown(
    Reason.NOT_APPLICABLE, "modes refuse nothing to this user (root): what was refused ran as another user"
)


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The state of the path and of every folder on the way, and who the subject is."""
    try:
        path = absolute(host, subject, arguments.get("path", ""))
        entry = entrance(host, subject)
    except HostRefusedError as e:
        return refusal(e.unknown)
    place = told(lambda: follow(host, entry, path))
    if isinstance(place, Unknown):
        return refusal(place)
    return pack({"person": ask_person(host, subject), "path": path, **_parts(place)})


def _parts(place: Place) -> Mapping[str, object]:
    return {"stat": place.stat, "crossed": list(place.crossed)}


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    table = parts.table("person")
    person = table if isinstance(table, Unknown) else read_person(table)
    stat = None if parts.absent("stat") else parts.stat("stat")
    path = parts.text("path")
    top = path if isinstance(path, Unknown) else path.strip("/").partition("/")[0]
    return _of_path(stat, person) | _of_refusal(_crossed(parts), stat, person, top)


def _of_path(stat: Stat | Unknown | None, person: Person | Unknown) -> Fields:
    who = person if isinstance(person, Unknown) else person.uid
    if stat is None:
        absent = every(("uid", "gid", "mode", "owned"), None)
        return {**absent, "exists": False, "subject_uid": who}
    if isinstance(stat, Unknown):
        return every(("exists", "uid", "gid", "mode", "owned"), stat) | {"subject_uid": who}
    return {
        "exists": True,
        "uid": stat.uid,
        "gid": stat.gid,
        "mode": f"{stat.mode:04o}",
        "owned": person if isinstance(person, Unknown) else stat.uid == person.uid,
        "subject_uid": who,
    }


def _crossed(parts: Parts) -> list[Stat] | Unknown:
    tables = parts.tables("crossed")
    if isinstance(tables, Unknown):
        return tables
    stats = [Parts.of({"stat": t.parts}).stat("stat") for t in tables]
    known = [s for s in stats if isinstance(s, Stat)]
    return known if len(known) == len(stats) else parts.strange("crossed")


def _of_refusal(
    crossed: list[Stat] | Unknown, stat: Stat | Unknown | None, person: Person | Unknown, top: str | Unknown
) -> Fields:
    """`top`: the name right below / of the path."""
    for part in (crossed, stat, person, top):
        if isinstance(part, Unknown):
            return every(_OF_REFUSAL, part)
    assert not isinstance(crossed, Unknown)
    assert not isinstance(stat, Unknown)
    assert not isinstance(person, Unknown)
    if _is_mighty(person, [*crossed, *([stat] if stat else [])]):
        return every(_OF_REFUSAL, _MIGHTY)
    found = _blocker(crossed, stat, person)
    if found is None:
        return every(_OF_REFUSAL, None) | {"foreign_leftover": False, "blocked": False}
    blocker, above = found
    foreign = blocker.uid != person.uid
    return {
        "foreign_leftover": foreign and any(_may_fill(person, folder) for folder in above),
        "foreign_folder": foreign and len(above) > 1 and top not in _SYSTEM,
        "own_readonly": not foreign and (top not in _SYSTEM or top == "root"),
        "blocked": True,
    }


def _is_mighty(person: Person, stats: Sequence[Stat]) -> bool:
    """Whether a capability lets this user write wherever it likes on this way."""
    return all(person.may(Stat(s.kind, 0, *_rest(s)), WRITE) for s in stats)


def _rest(s: Stat) -> tuple[int, int, int, int, float, int, int]:
    return s.links, s.uid, s.gid, s.size, s.modified, s.device, s.inode


def _blocker(crossed: list[Stat], stat: Stat | None, person: Person) -> tuple[Stat, list[Stat]] | None:
    """The first thing on the way that refuses, and the folders above it: a folder that may not be passed, else the
    path itself, else the folder that holds it."""
    for n, folder in enumerate(crossed):
        if not person.may(folder, SEARCH):
            return folder, crossed[:n]
    if stat is not None and not _may_change(person, stat):
        return stat, crossed
    if crossed and not _may_change(person, crossed[-1]):
        return crossed[-1], crossed[:-1]
    if stat is not None and crossed and crossed[-1].mode & _STICKY and person.uid not in (stat.uid, crossed[-1].uid):
        return stat, crossed
    return None


def _may_change(person: Person, stat: Stat) -> bool:
    return person.may(stat, WRITE) and (stat.kind != "directory" or person.may(stat, SEARCH))


def _may_fill(person: Person, folder: Stat) -> bool:
    """Whether it is a folder of this user's, or one in which it may make entries, as everybody in /tmp."""
    return folder.uid == person.uid or _may_change(person, folder)


PROBE = Probe(
    name="ownership",
    title="Whose a path is, and what on the way to it refuses the user",
    kind=Kind.DIRECTORY,
    cost=Cost.CHEAP,
    privilege="read access on the way; the same user or root to look into another mount namespace",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={"path": "the path, as the process sees it; a relative one counts from its working directory"},
)
