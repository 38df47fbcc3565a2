"""What the account of a process gives it: a home it can use, and the groups that it has against those it was given.

A process keeps the groups it was started with: who was added to a group since gets nothing before a restart
(credentials(7)). A unit without `User=` may have no HOME at all, and `ProtectHome=` lays an empty folder over it
(systemd.exec(5)).
"""

import posixpath
from collections.abc import Mapping

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Stat, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.account_groups import of_groups
from whyred.probes.answer import Fields, Parts, every, pack, printable, refusal, told, without_process
from whyred.probes.mounts import covers, holding, lines_holding, read_mounts
from whyred.probes.person import Person, ask_person, read_person, there_and_writable
from whyred.probes.place import entrance, follow, mountinfo

FIELDS = {
    "home_usable": "whether HOME is set, there, and a folder in which the user may make entries",
    "home_in_way": "with `path`: whether it is above or below HOME, which is missing or (not for ENOENT) closed",
    "uninvolved": "with `path`: whether HOME is usable and elsewhere, and no socket and no missing group matters",
    "home": "the value of HOME when the process was started; absent where it was not set",
    "home_exists": "whether something is there, as the process sees it; absent where HOME is not set",
    "home_writable": "whether mode and owner let the user make entries there; absent where there is nothing",
    "home_covered": "whether a mount that the host does not have lies over HOME (ProtectHome=); absent without HOME",
    "user": "the name of the user in /etc/passwd; absent where the number has no line there",
    "uid": "the number of the process's user, as whyred sees it",
    "account_home": "the home that /etc/passwd gives this user; absent where it has no line there",
    "group_missing": "whether /etc/group gives this user a group that the process does not have",
    "groups_missing": "the names of those groups, joined by commas; absent where there is none",
    "groups": "the names, else numbers, of the process's groups, joined by commas",
    "socket_refused": "with `path`: whether owner and mode close this socket or device to the user; absent for others",
    "group_stale": "with `path`: whether /etc/group gives the user its group, which opens it, and the process lacks it",
    "path_group": "with `path`: the name, else number, of its group; absent where it is missing",
    "group_lost": "with `path` and EACCES: whether /etc/group gives the user the group that opens what refuses the "
    "path, the folder above it too, and the process lacks it",
    "group_wanted": "with `path` and EACCES: whether a group opens what refuses the path, and the user is not in it; "
    "false where that group is root's, or the owner's own",
    "group_name": "the name, else number, of that group; absent where no group matters",
}
_ACCOUNTS_LIMIT = 4 << 20
_NO_PATH = Unknown(Reason.NOT_APPLICABLE, "no path was named")
_OF_HOME = ("home_usable", "home_in_way", "home", "home_exists", "home_writable", "home_covered")
_OTHER = Unknown(Reason.NOT_APPLICABLE, "the log is about another variable than HOME")


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """HOME and the place it names, who the process is, and its lines and groups of the account files."""
    if subject.pid is None:
        return without_process()
    pid = subject.pid
    entry = told(lambda: entrance(host, subject))
    if isinstance(entry, Unknown):
        return refusal(entry)
    home = told(lambda: host.environ(pid, ["HOME"]).get("HOME"))
    person = ask_person(host, subject)
    there = _place(host, entry, arguments["path"]) if "path" in arguments else _NO_PATH
    groups = told(lambda: host.read(f"{entry}/etc/group", _ACCOUNTS_LIMIT).decode("utf-8", "replace"))
    return pack(
        {
            "home": home,
            "place": _place(host, entry, home) if isinstance(home, str) else None,
            "mounts": _mounts(host, subject, home) if isinstance(home, str) else None,
            "host_mounts": _mounts(host, Subject("first", 1), home) if isinstance(home, str) else None,
            "person": person,
            "passwd": told(lambda: _lines(host.read(f"{entry}/etc/passwd", _ACCOUNTS_LIMIT), person, there)),
            "group": groups,
            "path": arguments.get("path", _NO_PATH),
            "there": there,
            "variable": arguments.get("variable", "HOME"),
            "errno": arguments.get("errno", ""),
        }
    )


def _mounts(host: Host, subject: Subject, home: str) -> str | Unknown:
    return told(lambda: lines_holding(mountinfo(host, subject), posixpath.normpath(home)))


def _lines(passwd: bytes, person: Mapping[str, object], there: object) -> str:
    """The lines of the process's user and of the owners on the way to the path, and no others."""
    status = person["status"]
    uids = [line.split()[1:] for line in str(status).split("\n") if line.startswith("Uid:")]
    wanted = uids[0] if uids else []
    if isinstance(there, dict):
        owners = [s for s in (*there["crossed"], there["stat"]) if isinstance(s, Stat)]
        wanted = [*wanted, *(str(s.uid) for s in owners)]
    lines = passwd.decode("utf-8", "replace").split("\n")
    return "\n".join(line for line in lines if [*line.split(":"), "", "", ""][2] in wanted)


def _place(host: Host, entry: str, path: str) -> object:
    """The state of a path and of the folders on the way; None where nothing is there."""
    if not path.startswith("/"):
        return None
    try:
        place = follow(host, entry, path)
    except HostRefusedError as e:
        return e.unknown
    return {"stat": place.stat, "crossed": list(place.crossed)}


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    if parts.broken is not None:
        return every(FIELDS, parts.broken)
    table = parts.table("person")
    person = table if isinstance(table, Unknown) else read_person(table)
    facts = _of_home(parts, person) | of_groups(parts, person)
    return facts | {"uninvolved": _uninvolved(facts)}


def _uninvolved(facts: Fields) -> bool | Unknown:
    """Nothing of the account can have refused the path."""
    signs = [facts[name] for name in ("home_in_way", "socket_refused", "group_stale", "group_lost", "group_wanted")]
    unknown = next((s for s in (*signs, facts["home_usable"]) if isinstance(s, Unknown)), None)
    if unknown is not None:
        return unknown
    return facts["home_usable"] is True and not any(signs)


def _of_home(parts: Parts, person: Person | Unknown) -> Fields:
    variable = parts.text("variable")
    if isinstance(variable, Unknown) or variable.lstrip("$") != "HOME":
        return every(_OF_HOME, variable if isinstance(variable, Unknown) else _OTHER)
    if parts.absent("home"):
        return {**every(_OF_HOME, None), "home_usable": False}
    home = parts.text("home")
    if isinstance(home, Unknown):
        return every(_OF_HOME, home)
    exists, writable = there_and_writable(parts, "place", person)
    if writable is True and _is_readonly(parts, home):
        writable = False
    usable = writable if exists is True and writable is not None else exists
    path = parts.text("path")
    blamed = exists if parts.text("errno") == "ENOENT" else usable
    return {
        "home": printable(home),
        "home_exists": exists,
        "home_writable": writable,
        "home_usable": usable,
        "home_in_way": path if isinstance(path, Unknown) else _in_way(home, path, blamed),
        "home_covered": _covered(parts, home),
    }


def _in_way(home: str, path: str, usable: bool | Unknown) -> bool | Unknown:
    """Whether an unusable home stops a path. Of all that lies below `/` only hidden entries belong to a home."""
    if not isinstance(usable, bool):
        return usable
    start = posixpath.normpath(home) if home else ""
    if start in ("", "/"):
        return not usable and path.startswith("/.")
    place = posixpath.normpath(path)
    return not usable and (covers(start, place) or (place != "/" and covers(place, start)))


def _is_readonly(parts: Parts, home: str) -> bool:
    mounts = parts.text("mounts")
    mount = None if isinstance(mounts, Unknown) else holding(read_mounts(mounts), posixpath.normpath(home))
    return mount is not None and mount.readonly


def _covered(parts: Parts, home: str) -> bool | Unknown | None:
    """Whether the process sees another mount over its home than the host's first process does."""
    own, first = parts.text("mounts"), parts.text("host_mounts")
    for text in (own, first):
        if isinstance(text, Unknown):
            return text
    path = posixpath.normpath(home)
    mine, theirs = (holding(read_mounts(str(t)), path) for t in (own, first))
    if mine is None or mine.point == "/" or not covers(mine.point, path):
        return False
    return theirs is None or (mine.device, mine.root) != (theirs.device, theirs.root)


PROBE = Probe(
    name="account",
    title="The home and the groups of a process against those its account has",
    kind=Kind.PROCESS,
    cost=Cost.CHEAP,
    privilege="the same user or root for HOME; none for the groups",
    fields=FIELDS,
    ask=ask,
    read=read,
    needs={
        "errno": "optional: the error's symbol in the log: ENOENT is the fault of no home that is there",
        "path": "optional: a path of which it is asked whether the home or a missing group closes it to the process",
        "variable": "optional: the variable that the log names; of another than HOME nothing about the home is told",
    },
    pack=({},),
)
