"""An `ssh` for tests that runs the command here: what it does is said by variables of its environment."""

import os
import shutil
from pathlib import Path

import pytest

_PROGRAM = r"""#!/bin/sh
# FAKE_ARGUMENTS: a file that gets its arguments; FAKE_SAYS with FAKE_CODE: what it says before it fails;
# FAKE_NOISE: a command of the login shell's start-up file; FAKE_LOGIN: the login shell; FAKE_SH: what is /bin/sh there;
# FAKE_PATH: the PATH there; FAKE_TAP: a file that gets all bytes that travel back.
[ -z "$FAKE_ARGUMENTS" ] || printf '%s\n' "$@" >"$FAKE_ARGUMENTS"
while [ "$1" != -- ]; do
  [ "$1" != -O ] || exit 255
  shift
done
shift 2
if [ -n "$FAKE_SAYS" ]; then
  printf '%s\n' "$FAKE_SAYS" >&2
  exit "${FAKE_CODE:-255}"
fi
[ "$*" = "exec /bin/sh -s" ] || exit 99
eval "$FAKE_NOISE"
go() {
  login=${FAKE_LOGIN:-/bin/sh} sh=${FAKE_SH:-/bin/sh}
  PATH=${FAKE_PATH:-$PATH}
  unset FAKE_ARGUMENTS FAKE_SAYS FAKE_CODE FAKE_NOISE FAKE_LOGIN FAKE_SH FAKE_PATH
  exec $login -c "exec $sh -s"
}
if [ -n "$FAKE_TAP" ]; then
  { go 2>&1 >&3 | tee -a "$FAKE_TAP" >&2; } 3>&1 | tee -a "$FAKE_TAP"
else
  go
fi
"""
POSIX = ("cat", "ls", "readlink", "uname", "df", "id")
"""The programs that are assumed on a host."""
WRITES = ("mkdir", "rmdir")
"""What `create` needs besides."""


def fake_ssh(folder: Path, **how: str) -> dict[str, str]:
    """The environment in which `ssh` is this one; `folder` gets the program."""
    folder.mkdir(exist_ok=True)
    program = folder / "ssh"
    if not program.exists():
        program.write_text(_PROGRAM)
        program.chmod(0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ.get('PATH', os.defpath)}", **how}


def path_of(folder: Path, *programs: str) -> str:
    """A PATH with nothing but these programs."""
    folder.mkdir()
    for name in programs:
        found = shutil.which(name)
        assert found is not None, name
        (folder / name).symlink_to(found)
    return str(folder)


def path_of_busybox(folder: Path) -> str:
    """A PATH with BusyBox's programs and no others; skips where there is no BusyBox."""
    busybox = need("busybox")
    folder.mkdir()
    for name in (*POSIX, *WRITES, "stat", "od", "grep", "tail", "sleep", "sh"):
        (folder / name).symlink_to(busybox)
    return str(folder)


def need(program: str) -> str:
    """The path of a program; skips the test where it is missing."""
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"needs {program}")
    return found
