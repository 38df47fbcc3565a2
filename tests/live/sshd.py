"""A real OpenSSH server on 127.0.0.1, with keys and settings of its own, started and ended by whoever asks for it.

    with sshd(folder) as server:
        run(["doctor", "--host", server.address], environment(folder, PATH=server.env["PATH"]))

Its users are those of this machine; only the one who runs the test can log in, with the key in `folder`. The `ssh` that
`env` finds first on its PATH is the real one with the settings in `folder`: OpenSSH takes the home from the user's
entry and not from HOME, so nothing else would keep it from the settings of whoever runs the test.
"""

import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import sleep

import pytest

_TRIES = 10
_SERVER = """\
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PrintMotd no
MaxStartups 100
Subsystem sftp internal-sftp
"""
_CLIENT = """\
Host *
  IdentityFile {folder}/user_key
  IdentitiesOnly yes
  IdentityAgent none
  UserKnownHostsFile {folder}/known_hosts
  GlobalKnownHostsFile none
"""


@dataclass(frozen=True)
class Sshd:
    """A running server. `env`: PATH and HOME with which `ssh` reaches it; `pid`: of what was started."""

    port: int
    env: dict[str, str]
    user: str
    folder: Path
    pid: int

    @property
    def address(self) -> str:
        """As `--host` takes it."""
        return f"ssh://{self.user}@127.0.0.1:{self.port}"


def need_sshd() -> str:
    """The path of the server; skips the test where there is none, and fails it in CI."""
    found = shutil.which("sshd", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
    if found is None or shutil.which("ssh") is None:
        why = "needs an OpenSSH server and client (Debian: openssh-server, openssh-client)"
        pytest.fail(why, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(why)
    return str(found)


@contextmanager
def sshd(folder: Path, *, options: Sequence[str] = (), prefix: Sequence[str] = ()) -> Iterator[Sshd]:
    """A server whose files lie in `folder`, which must be the test's own.

    `options`: more lines for its settings; `prefix`: a command that runs it, such as `unshare ... --`, which must end
    with it.
    """
    program = need_sshd()
    folder.mkdir(parents=True, exist_ok=True)
    _write_keys(folder)
    user = pwd.getpwuid(os.geteuid()).pw_name
    settings = folder / "sshd_config"
    settings.write_text(_SERVER.format(folder=folder) + "".join(f"{o}\n" for o in options))
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # where it waits until somebody is let in; the unit makes it
    env = _client(folder)
    process, port = _start([*prefix, program, "-D", "-e", "-f", str(settings)], folder / "sshd.log")
    try:
        _know_host(folder, port)
        yield Sshd(port, env, user, folder, process.pid)
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def _write_keys(folder: Path) -> None:
    for name in ("host_key", "user_key"):
        if not (folder / name).exists():
            command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", str(folder / name)]
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    shutil.copy(folder / "user_key.pub", folder / "authorized_keys")


def _client(folder: Path) -> dict[str, str]:
    (folder / "ssh_config").write_text(_CLIENT.format(folder=folder))
    bin_ = folder / "bin"
    bin_.mkdir(exist_ok=True)
    real = shutil.which("ssh")
    wrapper = bin_ / "ssh"
    wrapper.write_text(f'#!/bin/sh\nexec {shlex.quote(str(real))} -F {shlex.quote(str(folder / "ssh_config"))} "$@"\n')
    wrapper.chmod(0o755)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    return {"PATH": f"{bin_}:{os.environ.get('PATH', os.defpath)}", "HOME": str(home)}


def _start(argv: Sequence[str], log: Path) -> tuple["subprocess.Popen[bytes]", int]:
    """Starts it on a port that is free. Its first lines say whether it listens; what it says later goes to `log`."""
    said = ""
    for _ in range(_TRIES):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*argv, "-p", str(port)], stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
        said = _until_it_listens(process, log)
        if re.search(rf"Server listening on 127\.0\.0\.1 port {port}\b", said):
            return process, port
        process.wait()
    raise AssertionError(f"sshd does not start: {said}")


def _until_it_listens(process: "subprocess.Popen[bytes]", log: Path) -> str:
    while True:
        ended = process.poll() is not None
        said = log.read_text(errors="replace")
        if ended or "Server listening" in said:
            return said
        sleep(0.01)


def _know_host(folder: Path, port: int) -> None:
    key = (folder / "host_key.pub").read_text()
    (folder / "known_hosts").write_text(f"[127.0.0.1]:{port} {key}")
