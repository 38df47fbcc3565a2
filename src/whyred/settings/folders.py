"""Where whyred keeps things: the XDG folders, or none where the host is too sick to have one."""

import os
import pwd
from collections.abc import Mapping
from pathlib import Path


def cache(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of what can be made again (XDG_CACHE_HOME), or None without a home."""
    return _folder(environ, "XDG_CACHE_HOME", ".cache")


def data(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of what whyred made for the user: local runs, reports, bundles (XDG_DATA_HOME), or None."""
    return _folder(environ, "XDG_DATA_HOME", ".local/share")


def sockets(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder of sockets that live as long as whyred does: in XDG_RUNTIME_DIR, which is short, or the cache."""
    named = environ.get("XDG_RUNTIME_DIR", "")
    if named.startswith("/") and os.path.isdir(named):  # noqa: PTH112 - pathlib's own raises without permission
        return Path(named) / "whyred"
    return cache(environ)


def _folder(environ: Mapping[str, str], variable: str, default: str) -> Path | None:
    named = environ.get(variable, "")
    if named.startswith("/"):  # the XDG specification: a relative value is to be ignored
        return Path(named) / "whyred"
    home = _home(environ)
    return home / default / "whyred" if home else None


def _home(environ: Mapping[str, str]) -> Path | None:
    """The home, where it exists: one that is not mounted must not be made anew below its mount point."""
    named = environ.get("HOME", "")
    if not named.startswith("/"):
        try:
            named = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            return None
    return Path(named) if os.path.isdir(named) else None  # noqa: PTH112 - pathlib's own raises without permission
