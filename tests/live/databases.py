"""Real PostgreSQL and MariaDB servers on 127.0.0.1 and a socket, each in a folder of its own, never as root.

with postgres() as server:
    server.url, server.password
"""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from live.patience import wait_for

_NOBODY = "65534"
_POSTGRES = tuple(Path("/usr/lib/postgresql").glob("*/bin"))
"""Where Debian keeps the server's programs, which stand in no PATH there."""
NAME, USER = "forge", "forge"


@dataclass(frozen=True)
class Sql:
    """A running server. `kind` as the forges name it; `socket` is PostgreSQL's folder or MariaDB's file."""

    kind: str
    port: int
    socket: str
    password: str = field(repr=False)
    folder: Path

    @property
    def url(self) -> str:
        """As `--database` takes it."""
        scheme = "postgresql" if self.kind == "postgres" else "mysql"
        return f"{scheme}://{USER}@127.0.0.1:{self.port}/{NAME}"

    @property
    def ini(self) -> dict[str, str]:
        """The keys of `[database]`."""
        told = {"DB_TYPE": self.kind, "HOST": f"127.0.0.1:{self.port}", "NAME": NAME, "USER": USER}
        return {**told, "PASSWD": f"`{self.password}`", "SSL_MODE": "disable" if self.kind == "postgres" else "false"}


def need(program: str, package: str, folders: Iterable[Path] = ()) -> str:
    """The path of a program; skips the test where there is none, and fails it in CI."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", *map(str, folders)])
    found = shutil.which(program, path=path)
    if found is None:
        why = f"needs {program} (Debian: {package})"
        pytest.fail(why, pytrace=False) if os.environ.get("CI") == "true" else pytest.skip(why)
    return str(found)


@contextmanager
def _folder() -> Iterator[Path]:
    """A short path (sockets have at most 107 bytes) that the server's user owns."""
    with tempfile.TemporaryDirectory(prefix="sql-") as name:
        if os.geteuid() == 0:
            os.chown(name, int(_NOBODY), int(_NOBODY))
        yield Path(name)


def _as_user() -> list[str]:
    """Both servers refuse to run as root."""
    drop = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups"] if os.geteuid() == 0 else []
    return [*(drop or ["setpriv"]), "--pdeathsig", "TERM"]


def _do(argv: Sequence[str], folder: Path, given: str = "") -> None:
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C", "TMPDIR": str(folder)}
    done = subprocess.run(argv, env=env, cwd=folder, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{argv[-1]}: {done.stdout}{done.stderr}"


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def _running(argv: Sequence[str], folder: Path, ready: Path) -> Iterator[None]:
    """A server from the moment its socket is there until it has ended in order. PostgreSQL would wait for its clients
    to go first, which SIGINT, its fast shutdown, does not.
    """
    env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(folder), "LC_ALL": "C", "TMPDIR": str(folder)}
    log = folder / "server.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [*_as_user(), *argv], env=env, cwd=folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )

    def is_ready() -> bool | None:
        assert process.poll() is None, log.read_text(errors="replace")
        return True if ready.exists() else None

    try:
        wait_for(is_ready, "socket of the database server")
        yield
    finally:
        process.send_signal(signal.SIGINT if ready.name.startswith(".s.PGSQL") else signal.SIGTERM)
        process.wait()


@contextmanager
def postgres() -> Iterator[Sql]:
    """PostgreSQL with the empty database `forge` of the user `forge`, who must show a password."""
    initdb = need("initdb", "postgresql", _POSTGRES)
    program = need("postgres", "postgresql", _POSTGRES)
    with _folder() as folder:
        data, port, password = folder / "data", _free_port(), secrets.token_urlsafe(18)
        pwfile = folder / "pw"
        pwfile.write_text(password)
        _do([*_as_user(), initdb, "-D", str(data), "-U", USER, "-A", "scram-sha-256", "--pwfile", str(pwfile),
             "-E", "UTF8", "--no-sync"], folder)  # fmt: skip
        pwfile.unlink()
        options = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": str(folder)}
        settings = [part for key, value in {**options, "fsync": "off"}.items() for part in ("-c", f"{key}={value}")]
        server = Sql("postgres", port, str(folder), password, folder)
        with _running([program, "-D", str(data), *settings], folder, folder / f".s.PGSQL.{port}"):
            wait_for(lambda: _made(server), "PostgreSQL")
            yield server


def _made(server: Sql) -> bool | None:
    """Whether the database could be made: its socket is there a moment before it lets anybody in."""
    import psycopg

    told = f"host={server.socket} port={server.port} user={USER} dbname=postgres"
    try:
        with psycopg.connect(told, password=server.password, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{NAME}"')
    except psycopg.OperationalError:
        return None
    return True


@contextmanager
def mariadb() -> Iterator[Sql]:
    """MariaDB with the empty database `forge` of the user `forge`, who must show a password."""
    install = need("mariadb-install-db", "mariadb-server")
    program, client = need("mariadbd", "mariadb-server"), need("mariadb", "mariadb-client")
    with _folder() as folder:
        data, port, password = folder / "data", _free_port(), secrets.token_urlsafe(18)
        at = folder / "sql.sock"
        _do([*_as_user(), install, "--no-defaults", f"--datadir={data}", "--auth-root-authentication-method=normal",
             "--skip-test-db", f"--tmpdir={folder}"], folder)  # fmt: skip
        argv = [program, "--no-defaults", f"--datadir={data}", f"--socket={at}", f"--port={port}", f"--tmpdir={folder}"]
        argv += ["--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0"]
        with _running(argv, folder, at):
            statements = (
                f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4;"
                f"CREATE USER '{USER}'@'%' IDENTIFIED BY '{password}';"
                f"GRANT ALL ON {NAME}.* TO '{USER}'@'%';"
            )
            _do([client, "--no-defaults", f"--socket={at}", "--user=root"], folder, statements)
            yield Sql("mysql", port, str(at), password, folder)
