"""Finds a forge on its own machine: its data folder, its app.ini, its log folder. Asks the host only; reads app.ini
only when the user lets it.
"""

import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from whyred.model.evidence import Reason
from whyred.model.host import Host, HostRefusedError, Process
from whyred.model.source import Missing, MissingLogError
from whyred.sources._app_ini import Settings, Storage, read_settings
from whyred.sources.reach import Reach

_INIS = (
    "/etc/forgejo/app.ini",
    "/etc/gitea/app.ini",
    "/etc/forgejo/conf/app.ini",
    "/etc/gitea/conf/app.ini",
    "/var/lib/forgejo/custom/conf/app.ini",
    "/var/lib/gitea/custom/conf/app.ini",
    "/data/gitea/conf/app.ini",
)
"""Where packages, the installation guides and the container images put it."""
_WORKS = ("/var/lib/forgejo", "/var/lib/gitea", "/data")
_IN_WORK = ("custom/conf/app.ini", "app.ini", "conf/app.ini", "gitea/conf/app.ini")
_DATABASES = ("gitea.db", "forgejo.db")
"""SQLite's file in the data folder, by default: Gitea and Forgejo to 7, later Forgejo."""
_MARKS = ("actions_log", *_DATABASES)
"""What only a data folder holds."""
_FLAGS = {
    "--config": "ini", "-c": "ini",
    "--work-path": "work", "-w": "work",
    "--custom-path": "custom", "-C": "custom",
}  # fmt: skip
_VARIABLES = {
    "FORGEJO_WORK_DIR": "work", "GITEA_WORK_DIR": "work",
    "FORGEJO_CUSTOM": "custom", "GITEA_CUSTOM": "custom",
}  # fmt: skip
_INI_LIMIT = 1 << 20
_KEY = "forge-place"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a forge is. `data` is its data folder by its own name, `seen` the same folder by the host's name: in a
    container they differ. `root` is where the host has the forge's root folder.

    `settings` is None where app.ini (`ini`, as the host has it) was not found or may not be read.
    """

    data: str
    seen: str
    ini: str | None = None
    root: str = ""
    settings: Settings | None = None

    def path(self, own: str) -> str:
        """A path of the forge as the host has it."""
        within = own == self.data or own.startswith(f"{self.data}/")
        return self.seen + own[len(self.data) :] if within else self.root + own

    @property
    def logs(self) -> Storage:
        """Where its logs are; without app.ini the usual folder."""
        return self.settings.logs if self.settings else Storage("local", posixpath.join(self.data, "actions_log"))

    @property
    def databases(self) -> tuple[str, ...]:
        """Where SQLite's file may be, as the host has it."""
        told = self.settings.database.path if self.settings else ""
        return (self.path(told),) if told else tuple(posixpath.join(self.seen, name) for name in _DATABASES)


def place(reach: Reach) -> Place:
    """Where the forge is on `reach.host`; found once a reach. Raises MissingLogError."""
    kept = reach.kept.get(_KEY)
    if not isinstance(kept, Place):
        kept = reach.kept[_KEY] = _settled(reach, _find(named_host(reach), reach.folder))
    return kept


def named_host(reach: Reach) -> Host:
    """The forge's own machine. Raises MissingLogError where nobody named it."""
    if reach.host is None:
        raise not_named(reach)
    return reach.host


def not_named(reach: Reach) -> MissingLogError:
    """Nobody said on which machine the forge is, or that machine cannot be asked."""
    return reach.away or MissingLogError(
        Missing.UNREACHABLE,
        f"look on the machine of {reach.server.root}",
        "nobody named it: on that machine add --forge-host local, from elsewhere --forge-host ssh://USER@HOST",
    )


def refused(error: HostRefusedError, asked: str, gone: Missing = Missing.NOT_FOUND) -> MissingLogError:
    """What the host said, as a reason why there is no log. `gone`: what it means that a file is not there."""
    told = error.unknown
    if told.reason is Reason.NO_PERMISSION:
        return MissingLogError(
            Missing.NO_PERMISSION,
            asked,
            f"{told.detail}: run whyred as the forge's user (sudo -u git whyred ..., or ssh as that user) or as root",
        )
    if told.reason is Reason.NOT_FOUND and gone is Missing.DELETED:
        help_ = "its file is gone from the forge's disk: restore it from a backup, or run the job again (whyred rerun)"
        return MissingLogError(gone, asked, help_)
    if told.reason is Reason.NOT_FOUND:
        return MissingLogError(gone, asked, f"{told.detail}: is this the right machine and folder?")
    if told.reason is Reason.UNREADABLE:
        return MissingLogError(Missing.CORRUPT, asked, f"{told.detail}: check the disk of that machine")
    return MissingLogError(Missing.UNREACHABLE, asked, f"{told.detail} ({told.reason}): check that machine, try again")


def _settled(reach: Reach, found: Place) -> Place:
    """The place, with what app.ini says where the user lets it be read."""
    host = named_host(reach)
    if found.ini is None or not reach.may_read(found.ini):
        return found
    try:
        text = host.read(found.ini, _INI_LIMIT).decode("utf-8", "replace")
    except HostRefusedError as e:
        raise refused(e, f"read {found.ini}") from e
    settings = read_settings(text, posixpath.dirname(found.data))
    own = found.root + settings.data
    # Where the data folder was found under another name than app.ini's, it is that of a container, seen from outside.
    outside = own != found.seen and _holds(host, found.seen) and not _holds(host, own)
    return replace(found, data=settings.data, seen=found.seen if outside else own, settings=settings)


def _find(host: Host, named: str | None) -> Place:
    if named is not None:
        return _in_folder(host, posixpath.normpath(named))
    places = {p.seen: p for server in _servers(host) if (p := _told_by(host, server)) is not None}
    if len(places) > 1:
        help_ = f"several forges run there ({', '.join(sorted(places))}): say which, by its data folder"
        raise MissingLogError(Missing.NOT_FOUND, "look for the forge's data folder", help_)
    return next(iter(places.values()), None) or _usual(host)


def _in_folder(host: Host, named: str) -> Place:
    """The forge whose data folder, work folder, app.ini or app.ini's folder was named."""
    try:
        if host.stat(named).kind == "file":
            return _of_ini(host, named)
    except HostRefusedError as e:
        raise refused(e, f"look into {named}") from e
    data = _data_in(host, named)
    if data is not None:
        near = dict.fromkeys((named, data, posixpath.dirname(data)))
        inis = [posixpath.join(folder, ini) for folder in near for ini in _IN_WORK]
        usual = _INIS if posixpath.dirname(data) in _WORKS else ()
        return Place(data, data, _first(host, [*inis, *usual]))
    ini = _first(host, [posixpath.join(named, ini) for ini in _IN_WORK])
    if ini is None:
        help_ = f"{named} holds neither actions_log nor gitea.db nor app.ini: name the forge's data folder"
        raise MissingLogError(Missing.NOT_FOUND, f"look into {named}", help_)
    return _of_ini(host, ini)


def _data_in(host: Host, folder: str) -> str | None:
    """The data folder that a folder is or holds; the container images have it in `gitea`."""
    folders = (folder, posixpath.join(folder, "data"), posixpath.join(folder, "gitea"))
    return next((f for f in folders if _holds(host, f)), None)


def _of_ini(host: Host, ini: str, root: str = "") -> Place:
    """The forge of an app.ini, by where packages and guides put both."""
    own = ini.removeprefix(root)
    beside = [own.removesuffix(end) for end in ("/custom/conf/app.ini", "/conf/app.ini", "/app.ini")]
    works = [work for work in beside if work != own] + list(_WORKS if own in _INIS else ())
    data = next((d for work in works if (d := _data_in(host, root + work))), None)
    data = (data or f"{root}{works[0]}/data").removeprefix(root)
    return Place(data, root + data, ini, root)


def serving(host: Host, found: Place) -> list[Process]:
    """The processes that serve this very forge."""
    told = ((server, _told_by(host, server)) for server in _servers(host))
    return [server for server, its in told if its is not None and its.seen == found.seen]


def _told_by(host: Host, server: Process) -> Place | None:
    """Where a running forge says it is; None of one that tells nothing and is in no usual place, or that has ended by
    now: it is not the one that is looked for.
    """
    try:
        return _of_process(host, server)
    except MissingLogError:
        return None


def _servers(host: Host) -> list[Process]:
    """The processes that serve; not their short-lived helpers (`gitea serv`, `gitea hook`), not runners."""
    try:
        return [p for p in host.processes() if _serves(p)]
    except HostRefusedError:
        return []  # /proc may be closed; the usual places are still there


def _serves(process: Process) -> bool:
    program = posixpath.basename(process.argv[0]) if process.argv else process.name
    if not program.startswith(("forgejo", "gitea")) or "runner" in program:
        return False
    values = {after for word, after in pairwise(process.argv) if word in _FLAGS}
    words = [a for a in process.argv[1:] if not a.startswith("-") and a not in values]
    return words in ([], ["web"])


def _of_process(host: Host, process: Process) -> Place:
    """Where a running forge says it is, by its flags and variables; else the usual places in its own root folder."""
    foreign = process.mounts is not None and process.mounts != host.identity.mounts
    root = f"/proc/{process.pid}/root" if foreign else ""
    told = {**_variables(host, process.pid), **_flags(process.argv)}
    if "work" not in told and "ini" in told:
        return _of_ini(host, root + told["ini"], root)
    if "work" not in told:
        return _usual(host, root)
    work = told["work"]
    inis = [told["ini"]] if "ini" in told else [f"{told.get('custom', f'{work}/custom')}/conf/app.ini", *_INIS]
    data = (_data_in(host, root + work) or f"{root}{work}/data").removeprefix(root)
    return Place(data, root + data, _first(host, [root + ini for ini in inis]), root)


def _flags(argv: Sequence[str]) -> dict[str, str]:
    found = {}
    for word, after in pairwise([*argv, ""]):
        flag, equals, value = word.partition("=")
        if flag in _FLAGS and (value if equals else after).startswith("/"):
            found[_FLAGS[flag]] = value if equals else after
    return found


def _variables(host: Host, pid: int) -> dict[str, str]:
    try:
        told = host.environ(pid, list(_VARIABLES))
    except HostRefusedError:
        return {}  # of another user's process nobody but root sees them
    return {_VARIABLES[name]: value for name, value in told.items() if value.startswith("/")}


def _usual(host: Host, root: str = "") -> Place:
    """A forge in the usual places: one that does not run, or whose process tells nothing."""
    ini = _first(host, [root + ini for ini in _INIS])
    data = next((d for work in _WORKS if (d := _data_in(host, root + work))), None)
    if data is not None:
        return Place(data.removeprefix(root), data, ini, root)
    if ini is not None:
        return _of_ini(host, ini, root)
    help_ = "no forgejo or gitea runs there, and none is in the usual folders: name its data folder"
    raise MissingLogError(Missing.NOT_FOUND, "look for the forge's data folder", help_)


def _first(host: Host, paths: Iterable[str]) -> str | None:
    return next((path for path in paths if _there(host, path)), None)


def _holds(host: Host, folder: str) -> bool:
    return any(_there(host, posixpath.join(folder, mark)) for mark in _MARKS)


def _there(host: Host, path: str) -> bool:
    try:
        host.stat(path)
    except HostRefusedError as e:
        # What is in a closed folder may well be there: whoever opens it is told that it is closed.
        return e.unknown.reason is Reason.NO_PERMISSION
    return True
