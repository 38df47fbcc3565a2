"""Packages of npm for what is measured or tested with them: installed once, into a folder of the user's cache."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

HOW = "Debian: `apt-get install nodejs npm`"
_SECONDS = 600
"""How long npm may take."""


class NoNpmError(Exception):
    """The packages cannot be had here; the message is one line that says why."""


def installed(name: str, *packages: str) -> Path:
    """A folder whose `node_modules` holds these packages (`NAME@RANGE`), installed now where it is not there yet.

    A second process that wants the same waits for the first. Raises NoNpmError.
    """
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise NoNpmError(f"needs node and npm, and they are not in PATH. {HOW}")
    folder = _cache() / "-".join([name, *(package.rpartition("@")[2].strip("^") for package in packages)])
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            _install(npm, folder, packages)
    return folder


def _install(npm: str, folder: Path, packages: tuple[str, ...]) -> None:
    new = folder.with_name(f"{folder.name}.new")
    shutil.rmtree(new, ignore_errors=True)  # of an installation that was broken off
    new.mkdir()
    argv = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(new), *packages]
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_SECONDS)
    except subprocess.TimeoutExpired as e:
        raise NoNpmError(f"npm did not install {' '.join(packages)} within {_SECONDS} s") from e
    if done.returncode != 0:
        told = " ".join((done.stderr or done.stdout).split())[:300]
        raise NoNpmError(f"npm cannot install {' '.join(packages)}: {told}")
    new.rename(folder)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "whyred-tests"
