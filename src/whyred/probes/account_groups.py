"""The groups of a process against those that its account has, and whether one of them closes a path to it.

A process keeps the groups it was started with: who was added to a group since gets nothing before a restart
(credentials(7)).
"""

from dataclasses import dataclass

from whyred.model.cause import Value
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Stat
from whyred.probes.account_files import Accounts
from whyred.probes.answer import Fields, Parts, every
from whyred.probes.person import READ, SEARCH, WRITE, Person, there_and_writable

_OF_GROUPS = ("user", "uid", "account_home", "group_missing", "groups_missing", "groups")
_OF_PATH = ("socket_refused", "group_stale", "path_group")
_OF_REFUSAL = ("group_lost", "group_wanted", "group_name")


def of_groups(parts: Parts, person: Person | Unknown) -> Fields:
    """The facts of `account` about groups; its `passwd` and `group` are the account files, `there` the path."""
    return _of_account(parts, person) | _of_path(parts, person) | _of_refusal(parts, person)


def _of_account(parts: Parts, person: Person | Unknown) -> Fields:
    passwd, group = parts.text("passwd"), parts.text("group")
    if isinstance(person, Unknown):
        return every(_OF_GROUPS, person)
    accounts = Accounts(*("" if isinstance(text, Unknown) else text for text in (passwd, group)))
    facts: Fields = {"uid": person.uid}
    user = accounts.user(person.uid)
    facts |= every(("user", "account_home"), passwd if isinstance(passwd, Unknown) else None)
    if user is not None:
        facts |= {"user": user[0], "account_home": user[1]}
    if isinstance(group, Unknown):
        return facts | every(("group_missing", "groups_missing", "groups"), group)
    facts["groups"] = ",".join(accounts.name(gid) for gid in sorted(person.groups)) or None
    if user is None:
        nobody = Unknown(Reason.NOT_FOUND, f"/etc/passwd has no line of user {person.uid}: the account is elsewhere")
        unknown = passwd if isinstance(passwd, Unknown) else nobody
        return facts | every(("group_missing", "groups_missing"), unknown)
    missing = [one.name for one in accounts.given(person.uid) if one.gid not in person.groups]
    return facts | {"group_missing": bool(missing), "groups_missing": ",".join(sorted(missing)) or None}


@dataclass(frozen=True, slots=True)
class _Known:
    """What is to be known before a group can be blamed for a path."""

    there: Parts
    accounts: Accounts
    person: Person

    def gives(self, gid: int) -> bool:
        """Whether /etc/group makes the process's user a member of this group."""
        return any(group.gid == gid for group in self.accounts.given(self.person.uid))


def _known(parts: Parts, person: Person | Unknown) -> _Known | Unknown:
    there, group, passwd = parts.table("there"), parts.text("group"), parts.text("passwd")
    if isinstance(there, Unknown):
        return there
    if isinstance(group, Unknown):
        return group
    if isinstance(passwd, Unknown):
        return passwd
    return person if isinstance(person, Unknown) else _Known(there, Accounts(passwd, group), person)


def _of_path(parts: Parts, person: Person | Unknown) -> Fields:
    there = None if parts.absent("there") else parts.table("there")
    if there is None or (isinstance(there, Parts) and there.absent("stat")):
        return every(_OF_PATH, None)
    stat = there if isinstance(there, Unknown) else there.stat("stat")
    if isinstance(stat, Unknown):
        return every(_OF_PATH, stat)
    known = _known(parts, person)
    if isinstance(known, Unknown):
        return every(_OF_PATH, known)
    mine = known.person
    writable = there_and_writable(parts, "there", mine)[1]
    lacking = stat.gid not in mine.groups and stat.uid != mine.uid and not mine.may(stat, WRITE)
    refused: Value | Unknown | None = not writable if isinstance(writable, bool) else writable
    return {
        "socket_refused": refused if stat.kind == "other" else None,
        "group_stale": known.gives(stat.gid) and lacking and bool(stat.mode >> 3 & (WRITE | READ)),
        "path_group": known.accounts.name(stat.gid),
    }


def _of_refusal(parts: Parts, person: Person | Unknown) -> Fields:
    """Whether a group that the process does not have opens what refuses the path."""
    none: Fields = {"group_lost": False, "group_wanted": False, "group_name": None}
    if parts.absent("there") or parts.text("errno") != "EACCES":
        return none
    known = _known(parts, person)
    if isinstance(known, Unknown):
        return every(_OF_REFUSAL, known)
    shut = next((s for s, bits in _on_the_way(known.there) if _opened_by_group(s, known.person, bits)), None)
    if shut is None:
        return none
    given = known.gives(shut.gid)
    return {
        "group_lost": given,
        # Who gives files to a group that is one user's own shares them with nobody (useradd(8), USERGROUPS_ENAB).
        "group_wanted": not given and shut.gid not in (0, shut.uid, known.accounts.own_group(shut.uid)),
        "group_name": known.accounts.name(shut.gid),
    }


def _on_the_way(there: Parts) -> list[tuple[Stat, int]]:
    """The folders down to the path and itself, each with the bits that may be wanted there."""
    crossed = there.tables("crossed")
    rows = [] if isinstance(crossed, Unknown) else [Parts.of({"stat": c.parts}).stat("stat") for c in crossed]
    folders = [s for s in rows if isinstance(s, Stat)]
    end = None if there.absent("stat") else there.stat("stat")
    wanted = [(s, SEARCH) for s in folders] + [(s, WRITE) for s in folders[-1:]]
    return wanted + ([(end, READ), (end, WRITE)] if isinstance(end, Stat) else [])


def _opened_by_group(stat: Stat, person: Person, bit: int) -> bool:
    """Whether the user is refused there what the group has, as one who is neither the owner nor in it."""
    outside = stat.uid != person.uid and stat.gid not in person.groups
    return outside and not person.may(stat, bit) and bool(stat.mode >> 3 & bit)
