"""`tap`: keeps the log rows and step states that pass between runners and a forge, and nothing else of it.

A proxy (`faces/tap`) lets everything through and hands over every call that may hold some (`app/tap_keeper`).
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from whyred.app.tap_keeper import MOST, WANTED, Call, Event, Keeper
from whyred.logs.mask import Masker
from whyred.model.root import server_root
from whyred.model.trouble import UserError
from whyred.settings import folders
from whyred.sources._tap_files import folder_of
from whyred.sources._tap_keep import kept_alone
from whyred.sources.http import is_plain

__all__ = ["MOST", "WANTED", "Call", "Event", "Keeper", "check", "is_loopback", "keeping", "passes_by_proxy", "taps"]


@contextmanager
def keeping(taps: Path, root: str, masker: Callable[[], Masker], say: Callable[[Event], None]) -> Iterator[Keeper]:
    """A keeper for the forge with this root URL, below the folder of all taps; at the end everything is written.

    Raises UserError: nothing can be kept there.
    """
    folder = folder_of(taps, root)
    with kept_alone(folder):
        keeper = Keeper(folder, masker, say)
        try:
            yield keeper
        finally:
            keeper.close()
    if keeper.bug is not None:
        raise keeper.bug


def check(url: str, *, insecure_http: bool) -> str:
    """The root URL of the forge to pass calls to. Raises UserError: it is none, or is not to be spoken to like that."""
    root = server_root(url)
    if is_plain(root) and not insecure_http:
        raise UserError(
            f"{root} is plain HTTP",
            "everybody on the way could read the tokens and secrets of runners and jobs",
            "Use https://, or say --insecure-http if you know the network",
        )
    return root


def passes_by_proxy(root: str) -> bool:
    """Whether the environment names a proxy on the way to this forge, which the tap does not go through."""
    from urllib.parse import urlsplit
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(root)
    return parts.scheme in getproxies() and not proxy_bypass(parts.hostname or "")


def taps(named: Path | None) -> Path:
    """The folder in which taps keep rows, by the user's word or at its usual place. Raises UserError: there is none."""
    data = folders.data()
    if named is not None:
        return named.absolute()
    if data is None:
        raise UserError("there is no place to keep rows", "this user has no home", "Name a folder: --keep FOLDER")
    return data / "tap"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens there."""
    return not is_plain(f"http://[{host}]" if ":" in host else f"http://{host}")
