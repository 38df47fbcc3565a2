"""Follows a path as a subject sees it, in its own root and mount namespace, from where whyred runs.

`/proc/PID/root` leads into a process's view, but the kernel follows an absolute link found there from the root of the
one who asks (proc_pid_root(5)). So links are followed here, name by name.
"""

import itertools
from dataclasses import dataclass

from whyred.model.evidence import Reason
from whyred.model.host import FarHost, Host, HostRefusedError, Stat, Subject

MOST_LINKS = 40
"""As many links as the kernel follows (path_resolution(7))."""
MOUNTINFO_LIMIT = 8 << 20


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads. `path` is free of links, as the subject sees it; `reach` is the same place for whyred.

    `stat` is None where nothing is; `dangling` is true where a link at the end of the path leads to nothing or round
    in a circle. `crossed` holds the directories in which a name was looked up.
    """

    path: str
    reach: str
    stat: Stat | None
    dangling: bool
    crossed: tuple[Stat, ...]


def who(subject: Subject) -> str:
    """The folder of the subject in /proc; for a host, that of whoever asks there."""
    return f"/proc/{'self' if subject.pid is None else subject.pid}"


def mountinfo(host: Host, subject: Subject) -> str:
    """The mounts that the subject sees. Raises `HostRefusedError`."""
    return host.read(f"{who(subject)}/mountinfo", MOUNTINFO_LIMIT).decode("utf-8", "surrogateescape")


def entrance(host: Host, subject: Subject) -> str:
    """What to put before a path to see it as the subject does; empty where both see the same.

    Mount ids are unique on a machine, so equal mountinfo texts mean one namespace and one root. That needs no
    privilege, unlike /proc/PID/root. Raises `HostRefusedError` where the process is gone.
    """
    if subject.pid is None or mountinfo(host, subject) == mountinfo(host, Subject("whyred")):
        return ""
    return f"/proc/{subject.pid}/root"


def absolute(host: Host, subject: Subject, path: str) -> str:
    """The path from the root; a relative one is taken from the subject's working directory."""
    if path.startswith("/"):
        return path
    if not path:
        raise HostRefusedError(Reason.NOT_APPLICABLE, "the path is empty")
    return f"{host.link(f'{who(subject)}/cwd')}/{path}"


def follow(host: Host, entry: str, path: str) -> Place:
    """Follow an absolute path behind `entry` name by name. Raises `HostRefusedError` where that is not permitted."""
    todo = _names(path)
    _foresee(host, entry, "", todo)
    trail = [("", host.stat(f"{entry}/"))]
    crossed: list[Stat] = []
    links, last_was_link = 0, False
    while todo:
        name = todo.pop()
        if name == "..":
            del trail[max(1, len(trail) - 1) :]
            continue
        folder, folder_stat = trail[-1]
        if folder_stat.kind != "directory":
            return _nothing(entry, f"{folder}/{name}", last_was_link, crossed)
        crossed.append(folder_stat)
        here = f"{folder}/{name}"
        stat = _lstat(host, entry + here)
        if stat is None:
            return _nothing(entry, here, last_was_link, crossed)
        if stat.kind != "link":
            trail.append((here, stat))
            continue
        links += 1
        if links > MOST_LINKS:
            return _nothing(entry, here, True, crossed)
        last_was_link = last_was_link or not todo
        target = host.link(entry + here)
        if target.startswith("/"):
            del trail[1:]
        todo.extend(_names(target))
        _foresee(host, entry, trail[-1][0], todo)
    end, stat = trail[-1]
    return Place(end or "/", entry + (end or "/"), stat, False, tuple(crossed))


def _foresee(host: Host, entry: str, folder: str, todo: list[str]) -> None:
    """Tell a host that is far away what it will be asked, up to where that is known."""
    if isinstance(host, FarHost):
        down = itertools.takewhile(lambda name: name != "..", reversed(todo))
        below = itertools.accumulate(down, lambda at, name: f"{at}/{name}", initial=folder)
        host.ahead([f"{entry}/" if at == "" else entry + at for at in below])


def _names(path: str) -> list[str]:
    return [n for n in reversed(path.split("/")) if n not in ("", ".")]


def _lstat(host: Host, path: str) -> Stat | None:
    try:
        return host.stat(path, follow=False)
    except HostRefusedError as e:
        if e.unknown.reason is Reason.NOT_FOUND:
            return None
        raise


def _nothing(entry: str, path: str, dangling: bool, crossed: list[Stat]) -> Place:
    return Place(path, entry + path, None, dangling, tuple(crossed))
