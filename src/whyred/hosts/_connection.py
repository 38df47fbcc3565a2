"""How `ssh` is called: with the user's own settings, keys and jump hosts, asking nobody, over one connection."""

import os
import socket
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from whyred.hosts._address import Address
from whyred.hosts._channel import Channel

LONGEST_SOCKET = 104 - 1 - 17
"""A socket's path has 104 bytes where there are fewest (unix(7); BSD), one ends it, and ssh binds it under a name that
is 17 bytes longer before it takes its own (mux.c, muxserver_listen)."""
_LINGER = 20
"""Seconds after which a shared connection that nobody uses ends, should whyred have been killed."""
_QUICK = 5.0
"""Seconds for a word with an ssh on this machine."""
_OPTIONS = {
    "BatchMode": "yes",
    "ServerAliveInterval": "3",
    "ServerAliveCountMax": "3",
    "ClearAllForwardings": "yes",
    "PermitLocalCommand": "no",
    "RemoteCommand": "none",
    "UpdateHostKeys": "no",
    "LogLevel": "ERROR",
}
"""Beside the user's own settings: nobody is asked, a dead connection ends, and nothing is opened or written on the way
(ssh_config(5))."""


class Connection:
    """A way to one host. `sockets`: the folder for the socket of a shared connection (ControlMaster), or None."""

    def __init__(self, address: Address, sockets: Path | None, seconds: float, environ: Mapping[str, str]) -> None:
        self._address = address
        self._environ = environ
        told = _OPTIONS | {"ConnectTimeout": str(max(1, round(seconds)))}
        self._plain = ["ssh", "-T", "-a", "-x", *(f"-o{k}={v}" for k, v in told.items())]
        self._socket = None if self._is_shared_already() else _socket(sockets)

    def channel(self) -> Channel:
        """A new ssh process. Raises HostRefusedError where none can be started."""
        return Channel([*self._plain, *self._sharing()], self._address, self._environ)

    def close(self) -> None:
        """End the shared connection, where this is the one who began it."""
        if self._socket is not None and self._socket.exists():
            self._say("exit")
            with suppress(OSError):  # ssh took it away itself
                self._socket.unlink()

    def _sharing(self) -> list[str]:
        if self._socket is None:
            return ["-oControlMaster=no"]
        return ["-oControlMaster=auto", f"-oControlPersist={_LINGER}", "-S", str(self._socket).replace("%", "%%")]

    def _is_shared_already(self) -> bool:
        """Whether the user has one open, perhaps after a second factor that cannot be asked for here."""
        return self._say("check")

    def _say(self, word: str) -> bool:
        sharing = [] if word == "check" else self._sharing()
        argv = [*self._plain, *sharing, "-O", word, *self._address.arguments()]
        try:
            done = subprocess.run(
                argv,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                env=dict(self._environ),
                timeout=_QUICK,
                check=False,
                start_new_session=True,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False  # without an ssh that answers nothing is shared; the channel will say what is wrong
        return done.returncode == 0


def _socket(folder: Path | None) -> Path | None:
    """A path for a socket that nobody but the user can reach, or None where there is none that is short enough."""
    if folder is None:
        return None
    path = folder / f"ssh-{os.urandom(4).hex()}"
    if not path.is_absolute() or len(os.fsencode(path)) > LONGEST_SOCKET:
        return None
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        state = folder.stat()
        with socket.socket(socket.AF_UNIX) as trial:  # ssh ends where it cannot bind its own
            trial.bind(str(path))
        path.unlink()
    except OSError:
        return None  # a full disk, a home that is read-only: every shell then has a connection of its own
    return path if state.st_uid == os.geteuid() and not state.st_mode & 0o022 else None
