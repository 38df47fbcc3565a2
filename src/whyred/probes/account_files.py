"""The users and groups of /etc/passwd and /etc/group: passwd(5), group(5)."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from whyred.probes.answer import printable


@dataclass(frozen=True, slots=True)
class Group:
    """A line of /etc/group."""

    name: str
    gid: int
    members: tuple[str, ...]


@dataclass(frozen=True)
class Accounts:
    """The text of both files. Of lines about one number the first counts, as it does for getpwuid(3)."""

    passwd: str
    group: str

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """Every line of /etc/group that has the form of one."""
        return tuple(_groups(self.group))

    def user(self, uid: int) -> tuple[str, str] | None:
        """Name and home of a user; None where no line has the number."""
        return next(((printable(row[0]), printable(row[5])) for row in self._rows(uid)), None)

    def own_group(self, uid: int) -> int | None:
        """The number of the group that /etc/passwd gives a user."""
        gid = next((row[3] for row in self._rows(uid)), "")
        return int(gid[:12]) if gid.isdecimal() else None

    def name(self, gid: int) -> str:
        """The name of a group; its number where it has none."""
        return next((group.name for group in self.groups if group.gid == gid), str(gid))

    def given(self, uid: int) -> list[Group]:
        """The groups that /etc/group makes a user a member of."""
        user = self.user(uid)
        return [] if user is None else [group for group in self.groups if user[0] in group.members]

    def _rows(self, uid: int) -> Iterator[list[str]]:
        rows = (line.split(":") for line in self.passwd.split("\n"))
        return (row for row in rows if len(row) == 7 and row[2] == str(uid))


def _groups(text: str) -> Iterator[Group]:
    for line in text.split("\n"):
        row = line.split(":")
        if len(row) == 4 and row[2].isascii() and row[2].isdecimal() and len(row[2]) < 12:
            yield Group(printable(row[0]), int(row[2]), tuple(row[3].strip().split(",")))
