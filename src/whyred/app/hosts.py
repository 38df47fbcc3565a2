"""Which machine is asked: this one (`local`), another one over ssh, or one by what a script printed there."""

import atexit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from whyred.app.ask import PROBE_SECONDS
from whyred.hosts._address import is_address, read_address
from whyred.hosts.printed import PrintedHost, check_output, is_output
from whyred.model.host import FarHost, Host
from whyred.model.trouble import UserError
from whyred.sources import bundle

if TYPE_CHECKING:
    from whyred.hosts.ssh import SshHost

LOCAL = "local"
_ROUND_TRIPS = 40
"""What one probe asks of a host at most, one question after the other: a tool looked for along a long PATH."""


def is_live(name: str) -> bool:
    """Whether this names a machine that can be asked now; else it is the name of a record of one."""
    return name == LOCAL or is_address(name)


def is_host(name: str) -> bool:
    """Whether this names a machine that can be asked, be it by what it printed; else it is the name of a bundle."""
    return is_live(name) or is_output(name)


def check(name: str | None) -> None:
    """Raises UserError where this is neither a machine that can be asked nor a file that can answer for one."""
    if name is None or name == LOCAL:
        return
    if is_address(name):
        read_address(name)
    elif not bundle.accepts(name):
        check_output(name)


@contextmanager
def reach(name: str, progress: Callable[[str], None] = lambda _: None) -> Iterator[tuple[Host, float]]:
    """The host of this name, and the seconds one probe may take there: far away every question takes its way.

    Raises UserError (no such form, or a file that answers for no host) and HostRefusedError (it cannot be reached, with
    what to do).
    """
    if name == LOCAL:
        yield host(name), PROBE_SECONDS
        return
    check(name)  # before anything is opened: reading a pipe would wait for who writes it
    if not is_address(name) and is_output(name):
        yield PrintedHost(name), PROBE_SECONDS
        return
    progress(f"connecting to {name}")
    with _over_ssh(name) as there:
        yield there, PROBE_SECONDS + _ROUND_TRIPS * there.latency


def remembered(there: Host) -> Host:
    """The same host for one examination: far away it is asked the same thing once. Not for what changes meanwhile."""
    if not isinstance(there, FarHost):
        return there
    from whyred.hosts.remembered import Remembered

    return Remembered(there)


def host(name: str) -> Host:
    """The host of this name, for as long as whyred runs. Raises UserError and HostRefusedError as `reach` does."""
    if name == LOCAL:
        from whyred.hosts.local import LocalHost

        return LocalHost()
    there = _over_ssh(name)
    atexit.register(there.close)
    return there


def _over_ssh(name: str) -> "SshHost":
    from whyred.hosts.ssh import SshHost
    from whyred.settings import folders

    if not is_address(name):
        how = "Say local for this machine, or ssh://USER@HOST"
        raise UserError(f"cannot ask {name[:200]!r}", "that is no machine that can be asked now", how)
    return SshHost(read_address(name), folders.sockets())
