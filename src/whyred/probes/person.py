"""Who a process is to the file system: computes from modes and owners what it may do, without trying it."""

from collections.abc import Mapping
from dataclasses import dataclass

from whyred.model.evidence import Unknown
from whyred.model.host import Host, Stat, Subject
from whyred.probes.answer import Parts, told
from whyred.probes.place import who

READ, WRITE, SEARCH = 4, 2, 1
"""Permission bits as in a mode (path_resolution(7))."""
_OVERRIDE, _SEARCH_ANYWHERE = 1 << 1, 1 << 2
"""CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH as bits of `CapEff` (capabilities(7))."""
_LINES = ("Uid:", "Gid:", "Groups:", "CapEff:")


@dataclass(frozen=True, slots=True)
class Person:
    """File system user and groups of a process, its effective capabilities, and the ids these reach.

    A capability counts only for files whose owner and group are mapped in the process's user namespace; the ranges
    are (first, count) as whyred sees the ids.
    """

    uid: int
    groups: frozenset[int]
    capabilities: int
    uids: tuple[tuple[int, int], ...]
    gids: tuple[tuple[int, int], ...]

    def may(self, stat: Stat, bit: int) -> bool:
        """Whether mode, owner and capabilities allow `bit`; access lists and read-only mounts are not looked at."""
        strong = _OVERRIDE | (_SEARCH_ANYWHERE if bit == SEARCH and stat.kind == "directory" else 0)
        if self.capabilities & strong and _within(stat.uid, self.uids) and _within(stat.gid, self.gids):
            return True
        shift = 6 if stat.uid == self.uid else 3 if stat.gid in self.groups else 0
        return bool(stat.mode >> shift & bit)


def ask_person(host: Host, subject: Subject) -> Mapping[str, object]:
    """What the host tells about the subject's rights; for a host, about those of whyred there."""
    me = who(subject)

    def status() -> str:
        lines = host.read(f"{me}/status").decode("utf-8", "replace").split("\n")
        return "\n".join(line for line in lines if line.startswith(_LINES))

    own, theirs = told(lambda: host.link("/proc/self/ns/user")), told(lambda: host.link(f"{me}/ns/user"))
    return {
        "status": told(status),
        "uid_map": told(lambda: host.read(f"{me}/uid_map")),
        "gid_map": told(lambda: host.read(f"{me}/gid_map")),
        "same_users": subject.pid is None or (own == theirs and not isinstance(own, Unknown)),
    }


def read_person(parts: Parts) -> Person | Unknown:
    """The person of an answer."""
    status = parts.text("status")
    if isinstance(status, Unknown):
        return status
    found = {k: v.split() for k, _, v in (line.partition(":") for line in status.split("\n"))}
    try:
        return Person(
            uid=int(found["Uid"][3]),
            groups=frozenset(int(g) for g in (found["Gid"][3], *found["Groups"])),
            capabilities=int(found["CapEff"][0], 16),
            uids=_ranges(parts, "uid_map"),
            gids=_ranges(parts, "gid_map"),
        )
    except (KeyError, IndexError, ValueError):
        return parts.strange("status")


def there_and_writable(
    parts: Parts, key: str, person: Person | Unknown
) -> tuple[bool | Unknown, bool | Unknown | None]:
    """Whether something is at a place that `follow` found (`stat`, `crossed`), and whether one may write to it."""
    if parts.absent(key):
        return False, None
    place = parts.table(key)
    if isinstance(place, Unknown):
        return place, place
    if place.absent("stat"):
        return False, None
    stat, crossed = place.stat("stat"), place.tables("crossed")
    if isinstance(stat, Unknown):
        return stat, stat
    if isinstance(crossed, Unknown):
        return True, crossed
    if isinstance(person, Unknown):
        return True, person
    folders = [Parts.of({"stat": c.parts}).stat("stat") for c in crossed]
    passable = all(not isinstance(f, Unknown) and person.may(f, SEARCH) for f in folders)
    return True, passable and person.may(stat, WRITE) and (stat.kind != "directory" or person.may(stat, SEARCH))


def _ranges(parts: Parts, key: str) -> tuple[tuple[int, int], ...]:
    """The mapped ids as whyred sees them (user_namespaces(7)): in the same namespace the inner ones, else the outer."""
    text, same = parts.text(key), parts.flag("same_users")
    if isinstance(text, Unknown):
        return ()
    rows = [line.split() for line in text.split("\n")]
    column = 0 if same is True else 1
    return tuple((int(r[column]), int(r[2])) for r in rows if len(r) == 3)


def _within(id_: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= id_ < first + count for first, count in ranges)
