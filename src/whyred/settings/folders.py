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


def _folder(environ: Mapping[str, str], variable: str, default: str) -> Path | None:
    named = environ.get(variable, "")
    if named.startswith("/"):  # the XDG specification: a relative value is to be ignored
        return Path(named) / "whyred"
    home = _home(environ)
    return home / default / "whyred" if home else None


def _home(environ: Mapping[str, str]) -> Path | None:
    named = environ.get("HOME", "")
    if named.startswith("/"):
        return Path(named)
    try:
        return Path(pwd.getpwuid(os.getuid()).pw_dir)
    except KeyError:
        return None
