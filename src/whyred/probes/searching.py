"""Looks for a file in many folders, as a subject sees them."""

from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

from whyred.model.evidence import Reason, Unknown
from whyred.model.host import FarHost, Host, HostRefusedError, Stat
from whyred.probes.answer import told
from whyred.probes.place import follow

_MOST = 600
"""Folders and files that are looked at for one question."""


def spread(host: Host, entry: str, patterns: Iterable[str]) -> list[str]:
    """The paths that the patterns stand for; `*` stands for any name. What cannot be listed has no names."""
    found: list[str] = []
    seen: dict[str, list[str]] = {}
    for pattern in patterns:
        heads = [""]
        for part in pattern.split("/")[1:]:
            if "*" not in part:
                heads = [f"{h}/{part}" for h in heads]
                continue
            for head in heads:
                seen.setdefault(head, listed(host, entry + head))
            heads = [f"{h}/{n}" for h in heads for n in seen[h] if _fits(n, part)][:_MOST]
        found += heads
    return list(dict.fromkeys(found))[:_MOST]


def _fits(name: str, pattern: str) -> bool:
    """As a shell takes it: a star stands for no dot at the beginning."""
    return fnmatchcase(name, pattern) and name.startswith(".") <= pattern.startswith(".")


def listed(host: Host, folder: str) -> list[str]:
    """The names in a folder; none where it cannot be listed.

    Raises HostRefusedError where a record of the host lacks it: then nobody has looked.
    """
    names = told(lambda: host.names(folder))
    if isinstance(names, Unknown) and names.reason is Reason.NOT_RECORDED:
        raise HostRefusedError(names.reason, names.detail)
    return [] if isinstance(names, Unknown) else names


def first(host: Host, entry: str, paths: Iterable[str], fits: Callable[[Stat], bool]) -> str | Unknown | None:
    """The first path that leads to what fits; an unknown where there is none and whyred may not look everywhere."""
    paths = [p for p in dict.fromkeys(paths) if p.startswith("/")][:_MOST]
    closed: Unknown | None = None
    if isinstance(host, FarHost):
        host.ahead([entry + path for path in paths])
    for path in paths:
        there = _look(host, entry, path)
        if isinstance(there, Unknown):
            closed = closed or there
        elif there is not None and fits(there):
            return path
    return closed


def _look(host: Host, entry: str, path: str) -> Stat | Unknown | None:
    direct = told(lambda: host.stat(entry + path, follow=False))
    if isinstance(direct, Unknown) and direct.reason is Reason.NOT_FOUND and not (entry and _may_lead_away(path)):
        return None
    place = told(lambda: follow(host, entry, path))
    return place if isinstance(place, Unknown) else place.stat


def _may_lead_away(path: str) -> bool:
    """Whether a folder on the way may be an absolute link, which a look from outside follows in the wrong root."""
    return not path.startswith(("/usr/", "/bin/", "/sbin/"))


def is_program(stat: Stat) -> bool:
    """A regular file that somebody may execute, as execvp(3) takes it."""
    return stat.kind == "file" and bool(stat.mode & 0o111)


def is_file(stat: Stat) -> bool:
    """A regular file."""
    return stat.kind == "file"


def plain_files(host: Host, paths: Sequence[str]) -> list[str]:
    """Those that are files; a link is none, for it may lead out of the checkout. A far host is asked once for all."""
    if isinstance(host, FarHost):
        host.ahead(paths)
    return [path for path in paths if _is_plain(host, path)]


def _is_plain(host: Host, path: str) -> bool:
    try:
        return host.stat(path, follow=False).kind == "file"
    except HostRefusedError:
        return False  # most words of a script are no files
