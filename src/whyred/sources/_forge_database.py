"""Which database a forge has, and a connection to it: by the user's word, by app.ini where the user lets it be read, or
at its usual place in the data folder.
"""

from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from whyred.model.credential import Hidden
from whyred.model.evidence import Reason
from whyred.model.host import Host, HostRefusedError
from whyred.model.source import Missing, MissingLogError
from whyred.sources._database import Database, Tables
from whyred.sources._forge_left import doubted
from whyred.sources._forge_place import Place, named_host, place
from whyred.sources._sql_servers import Address, from_url, from_written, open_server
from whyred.sources._sqlite import open_sqlite
from whyred.sources.reach import Reach

_SQLITE = "sqlite://"
_BOOT = "/proc/sys/kernel/random/boot_id"


def open_tables(reach: Reach) -> Tables:
    """The forge's database, open for reading; close it. Raises MissingLogError, UserError (a bad `--database`)."""
    return Tables(_named(reach, reach.database)) if reach.database else _found(reach)


def _named(reach: Reach, url: str) -> Database:
    if url.startswith(_SQLITE):
        return open_sqlite(named_host(reach), url.removeprefix(_SQLITE), reach.kept)
    address = from_url(url)
    try:
        return open_server(address)
    except MissingLogError as e:
        # Only a server that wants a password makes somebody look for one.
        password = reach.password(str(address)) if e.reason is Missing.NO_PERMISSION else None
        if password is None:
            raise
    return open_server(replace(address, password=Hidden(password)))


def _found(reach: Reach) -> Tables:
    found, host = place(reach), named_host(reach)
    settings = found.settings
    if settings is not None and settings.database.kind != "sqlite3":
        address = from_written(settings.database, found.root)
        if address.local and not _is_here(host):
            raise _behind(address)
        return Tables(open_server(address))
    for path in found.databases:
        if _there(host, path):
            opened = partial(open_sqlite, host, path, reach.kept)
            return Tables(opened()) if settings is not None else doubted(reach, found, path, opened)
    raise _nowhere(found)


def _there(host: Host, path: str) -> bool:
    try:
        host.stat(path)
    except HostRefusedError as e:
        return e.unknown.reason is not Reason.NOT_FOUND  # whoever opens it is told why it cannot be had
    return True


def _is_here(host: Host) -> bool:
    """Whether the host is this machine: whoever runs on the same kernel since the same boot."""
    with suppress(OSError):
        return host.identity.boot == Path(_BOOT).read_text(encoding="ascii").strip()
    return False


def _behind(address: Address) -> MissingLogError:
    where = address.socket or f"port {address.port}"
    tunnel = f"ssh -N -L 15000:{address.socket or f'{address.host}:{address.port}'} USER@HOST"
    scheme = str(address).partition("://")[0]
    help_ = (
        f"it listens on the forge's own machine only ({where}): run whyred there, or open a tunnel ({tunnel}) and add"
        f" --database {scheme}://{address.user}@127.0.0.1:15000/{address.name}"
    )
    return MissingLogError(Missing.UNREACHABLE, f"read the database {address}", help_)


def _nowhere(found: Place) -> MissingLogError:
    asked = f"look for the forge's database in {found.seen}"
    if found.settings is None and found.ini is not None:
        help_ = (
            f"its address stands in {found.ini}, which is read only when you say so: let whyred read it, or give the"
            " address with --database"
        )
        return MissingLogError(Missing.NO_PERMISSION, asked, help_)
    names = " nor ".join(found.databases)
    help_ = (
        f"there is neither {names}: give its address with --database (sqlite:///PATH, postgresql://..., mysql://...)"
    )
    return MissingLogError(Missing.NOT_FOUND, asked, help_)
