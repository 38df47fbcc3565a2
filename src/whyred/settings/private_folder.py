"""A folder that only its user can look into, and the files in it: whole before and after every change."""

import errno
import fcntl
import os
import shlex
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from whyred.model.credential import Hidden
from whyred.model.trouble import UserError

_MOST = 16 << 20
"""Bytes of a file that is read; a larger one is none of ours."""
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_PAUSE = 0.02
"""Seconds between two looks at a lock that another process holds."""
INSTEAD = "give the token by WHYRED_TOKEN and its server by WHYRED_SERVER"


@dataclass(frozen=True, slots=True)
class PrivateFolder:
    """The folder, which need not be there before something is kept in it. `patience`: the seconds that a change waits
    for another process to end its own.
    """

    path: Path
    patience: float = 30.0

    def read(self, name: str) -> Hidden | None:
        """The text of a file; None where there is none, or no way to the folder. Raises UserError: others can read it,
        it is no plain file, the disk fails.
        """
        file = self.path / name
        try:
            descriptor = os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as e:
            if isinstance(e, PermissionError) and not os.access(self.path, os.X_OK):
                return None  # a home that is kept from this process, as by systemd's ProtectHome=, holds nothing for it
            raise _refused("read", file, e) from e
        try:
            self._check(self.path.stat())
            return _content(descriptor, file)
        except OSError as e:
            raise _refused("read", file, e) from e
        finally:
            os.close(descriptor)

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Makes the folder where it is missing, and lets no other process change it meanwhile. Raises UserError."""
        try:
            _make(self.path)
            state = self.path.stat()
        except OSError as e:
            raise _refused("keep anything in", self.path, e) from e
        if state.st_uid != os.geteuid():
            why = f"it belongs to user id {state.st_uid}, who could not read what user id {os.geteuid()} writes"
            raise UserError(f"whyred keeps nothing in {self.path}", why, "Run whyred as that user")
        self._check(state)
        with self._locked():
            yield

    def replace(self, name: str, text: Hidden) -> None:
        """A file with a new text: whoever reads sees the old one or the new one, also after a crash. Raises UserError.

        To be called inside `changing`.
        """
        file, new = self.path / name, self.path / f"{name}.new"
        try:
            new.unlink(missing_ok=True)  # of a process that was killed
            _write(new, text)
            new.rename(file)
            _sync(self.path)
        except OSError as e:
            with suppress(OSError):  # the disk that could not take it is told of below
                new.unlink(missing_ok=True)
            raise _refused("write", file, e) from e

    @contextmanager
    def _locked(self) -> Iterator[None]:
        file = self.path / "lock"
        try:
            descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as e:
            raise _refused("write", file, e) from e
        try:
            _lock(descriptor, file, self.patience)
            yield
        finally:
            os.close(descriptor)

    def _check(self, state: os.stat_result) -> None:
        if not stat.S_ISDIR(state.st_mode):
            raise UserError(f"{self.path} is no folder", "whyred keeps credentials in it", "Move it away")
        _check_mode(self.path, state.st_mode, 0o700)


def _make(folder: Path) -> None:
    """The folder and what is missing above it, for its user alone (as the XDG specification wants)."""
    for part in (*reversed(folder.parents), folder):
        if not part.is_dir():
            with suppress(FileExistsError):  # another process was faster
                part.mkdir(mode=0o700)


def _check_mode(path: Path, mode: int, wanted: int) -> None:
    if mode & 0o077:
        why = f"its mode is {mode & 0o7777:03o}, so other users of this machine may use what is in it"
        how = "If others may have read a token, make a new one at the forge. Make it yours alone: "
        raise UserError(f"{path} is not private", why, f"{how}chmod {wanted:o} {shlex.quote(str(path))}")


def _content(descriptor: int, file: Path) -> Hidden:
    state = os.fstat(descriptor)
    if not stat.S_ISREG(state.st_mode):
        raise UserError(f"{file} is no plain file", "whyred keeps credentials in it", "Move it away, and log in again")
    _check_mode(file, state.st_mode, 0o600)
    with os.fdopen(os.dup(descriptor), "rb") as opened:
        return Hidden(opened.read(_MOST).decode("utf-8", "replace"))


def _write(file: Path, text: Hidden) -> None:
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb", buffering=0) as opened:
        os.fchmod(descriptor, 0o600)  # whatever the umask is: it could even keep the file from its own user
        rest = memoryview(text.encode())
        while rest:
            rest = rest[opened.write(rest) :]
        os.fsync(descriptor)


def _sync(folder: Path) -> None:
    """The new name on the disk, too."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, file: Path, patience: float) -> None:
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                why = f"for {patience:g} s another process has held {file}"
                raise UserError("the credentials cannot be changed", why, f"End it: fuser -v {file}") from None
            time.sleep(_PAUSE)
        except OSError as e:
            raise _refused("lock", file, e) from e
        else:
            return


def _refused(act: str, path: Path, error: OSError) -> UserError:
    how = "Make room there" if error.errno in _FULL else "Name a folder that you can write to in XDG_DATA_HOME"
    if act == "read":
        how = f"Move {path} away, and log in again" if error.errno == errno.ELOOP else "Make it readable for you alone"
    why = "it is a symbolic link" if error.errno == errno.ELOOP else error.strerror or str(error)
    return UserError(f"cannot {act} {path}", why, f"{how}, or {INSTEAD}")
