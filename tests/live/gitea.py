"""A real Gitea server for a test: started in a folder of its own, on loopback, with three users."""

import getpass
import os
import random
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from live.build import binary, module_folder
from live.calls import Answer, call, call_json

READY_SECONDS = 180.0
"""How long a server may take to answer; a first start on a busy machine makes all tables."""
STOP_SECONDS = 30.0


class GiteaError(Exception):
    """The server did not do what it was asked; the message ends with the last lines of its log."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a test may want otherwise.

    `database`: the keys of `[database]` for PostgreSQL or MySQL (None: SQLite in the data folder). `more`: further
    keys of app.ini by section; they win.
    """

    log_compression: str = "zstd"
    require_signin: bool = False
    database: Mapping[str, str] | None = field(default=None, repr=False)
    more: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who may sign in."""

    name: str
    password: str = field(repr=False)

    @property
    def basic(self) -> dict[str, str]:
        """The header that proves it with the password, which tokens are made with."""
        return {"Authorization": "Basic " + b64encode(f"{self.name}:{self.password}".encode()).decode()}


class Gitea:
    """A server of one version. `dev` owns the repositories, `reader` is let into private ones, `admin` is admin."""

    def __init__(self, version: str, folder: Path, settings: Settings | None = None) -> None:
        self.version = version
        self.settings = settings or Settings()
        self.folder = folder.absolute()
        self.program, self.static = binary(version), module_folder(version)
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = self.folder / "data"
        self.ini = self.folder / "app.ini"
        self.admin, self.dev, self.reader = (User(n, secrets.token_urlsafe(18)) for n in ("chief", "dev", "reader"))
        self._process: subprocess.Popen[bytes] | None = None
        self._tokens: dict[tuple[str, tuple[str, ...]], str] = {}

    @property
    def ids_in_web(self) -> bool:
        """Whether its web pages name runs and jobs by their ids (from 1.26) and not by their places."""
        return tuple(int(part) for part in self.version.split(".")[:2]) >= (1, 26)

    def install(self) -> None:
        """Writes its settings, starts it and makes its users."""
        for folder in (self.folder, self.data, self.folder / "home", self.folder / "custom", self.folder / "log"):
            folder.mkdir(parents=True, exist_ok=True)
        self.ini.write_text(_ini(self._sections()), encoding="utf-8")
        self.ini.chmod(0o600)
        self.start()
        self.admin = self._make_admin()
        for user in (self.dev, self.reader):
            self.add_user(user)

    def start(self) -> None:
        """Starts it, on the port it had, and waits until it answers. Raises GiteaError."""
        assert self._process is None, "it runs already"
        with (self.folder / "log" / "stdout.log").open("ab") as log:
            argv = [*_dies_with_us(), *self._command("web")]
            self._process = subprocess.Popen(
                argv, env=self._environ(), cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        until = time.monotonic() + READY_SECONDS
        while not self._answers():
            if self._process.poll() is not None:
                code, self._process = self._process.returncode, None
                raise GiteaError(f"Gitea {self.version} ended with {code} at its start:\n{self.log_tail()}")
            if time.monotonic() > until:
                self.stop(kill=True)
                raise GiteaError(f"Gitea {self.version} does not answer:\n{self.log_tail()}")
            time.sleep(0.1)

    def stop(self, *, kill: bool = False) -> None:
        """Stops it as a service manager would, or at once (`kill`); nothing to do where it does not run."""
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(signal.SIGKILL if kill else signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    @property
    def pid(self) -> int:
        """The process that serves."""
        assert self._process is not None, "it does not run"
        return self._process.pid

    def token(self, *scopes: str, user: User | None = None) -> str:
        """A token of `dev` (or `user`) with these scopes, such as `read:repository`; all, where none is named."""
        owner = user or self.dev
        key = (owner.name, scopes or ("all",))
        if key not in self._tokens:
            wanted = {"name": f"token-{len(self._tokens)}", "scopes": list(key[1])}
            made = self._ok(call_json("POST", f"{self.url}/api/v1/users/{owner.name}/tokens", wanted, owner.basic))
            self._tokens[key] = str(made.json()["sha1"])
        return self._tokens[key]

    def add_user(self, user: User) -> User:
        """Makes a user."""
        wanted = {
            "username": user.name,
            "email": f"{user.name}@example.com",
            "password": user.password,
            "must_change_password": False,
        }
        self._ok(call_json("POST", f"{self.url}/api/v1/admin/users", wanted, self.admin.basic))
        return user

    def api(self, method: str, path: str, value: object = None, user: User | None = None) -> Answer:
        """A call of the REST API (`path` without `/api/v1`) as `dev` or `user`, whatever its answer."""
        headers = {"Authorization": f"token {self.token(user=user)}"}
        return call_json(method, f"{self.url}/api/v1{path}", value, headers)

    def ask(self, method: str, path: str, value: object = None, user: User | None = None) -> Answer:
        """The same where only success will do. Raises GiteaError."""
        return self._ok(self.api(method, path, value, user))

    def cli(self, *arguments: str) -> str:
        """What one of its own commands prints. Raises GiteaError."""
        done = subprocess.run(
            self._command(*arguments), env=self._environ(), cwd=self.folder, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise GiteaError(f"gitea {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def log_tail(self, lines: int = 30) -> str:
        """The end of what it printed."""
        text = (self.folder / "log" / "stdout.log").read_text(encoding="utf-8", errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def _answers(self) -> bool:
        try:
            return call("GET", f"{self.url}/api/healthz").status == 200
        except OSError:
            return False

    def _make_admin(self) -> User:
        """By its own command, which chooses the password, so that none stands in the list of processes."""
        name = self.admin.name
        said = self.cli(
            "admin", "user", "create", "--admin", "--username", name, "--email", f"{name}@example.com",
            "--random-password", "--random-password-length", "24", "--must-change-password=false",
        )  # fmt: skip
        password = re.search(r"generated random password is '(.*)'", said)
        if password is None:
            raise GiteaError("gitea admin user create named no password")
        return User(name, password[1])

    def _ok(self, answer: Answer) -> Answer:
        if answer.status >= 300:
            why = answer.body.decode("utf-8", "replace")[:300] if answer.status not in (401, 403) else ""
            raise GiteaError(f"Gitea {self.version} answered {answer.status} {why}\n{self.log_tail()}")
        return answer

    def _command(self, *arguments: str) -> list[str]:
        command, *rest = arguments
        return [str(self.program), "--config", str(self.ini), "--work-path", str(self.folder), command, *rest]

    def _environ(self) -> dict[str, str]:
        env = {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.folder / "home"), "LANG": "C.UTF-8"}
        env["USER"] = getpass.getuser()
        if os.geteuid() == 0:
            env["GITEA_I_AM_BEING_UNSAFE_RUNNING_AS_ROOT"] = "1"
        return env

    def _sections(self) -> dict[str, dict[str, str]]:
        """What app.ini says. Queues take what comes at once; web logins outlive a restart (kept in files)."""
        sqlite = {"DB_TYPE": "sqlite3", "PATH": str(self.data / "gitea.db"), "SQLITE_JOURNAL_MODE": "WAL"}
        sections = {
            "": {"RUN_MODE": "prod", "APP_NAME": "whyred test"},
            "server": {
                "HTTP_ADDR": "127.0.0.1",
                "HTTP_PORT": str(self.port),
                "ROOT_URL": f"{self.url}/",
                "DOMAIN": "127.0.0.1",
                "STATIC_ROOT_PATH": str(self.static),
                "APP_DATA_PATH": str(self.data),
                "DISABLE_SSH": "true",
                "LFS_START_SERVER": "false",
                "OFFLINE_MODE": "true",
                "GRACEFUL_HAMMER_TIME": "1s",
            },
            "database": dict(self.settings.database or sqlite),
            "repository": {"ROOT": str(self.data / "repositories")},
            "security": {
                "INSTALL_LOCK": "true",
                "SECRET_KEY": secrets.token_hex(32),
                "PASSWORD_HASH_ALGO": "pbkdf2_v1",
                "PASSWORD_COMPLEXITY": "off",
            },
            "service": {"REQUIRE_SIGNIN_VIEW": _word(self.settings.require_signin), "DISABLE_REGISTRATION": "true"},
            "actions": {
                "ENABLED": "true",
                "DEFAULT_ACTIONS_URL": "self",
                "LOG_COMPRESSION": self.settings.log_compression,
            },
            "session": {"PROVIDER": "file", "PROVIDER_CONFIG": str(self.data / "web-logins")},
            "queue": {"TYPE": "level", "DATADIR": str(self.data / "queues"), "BATCH_LENGTH": "1"},
            "indexer": {"ISSUE_INDEXER_TYPE": "db"},
            "log": {"MODE": "console", "LEVEL": "Info", "ROOT_PATH": str(self.folder / "log")},
            "mailer": {"ENABLED": "false"},
            "picture": {"DISABLE_GRAVATAR": "true"},
            "cron.update_checker": {"ENABLED": "false"},
        }
        for name, keys in self.settings.more.items():
            sections[name] = {**sections.get(name, {}), **keys}
        return sections


@contextmanager
def gitea(version: str, folder: Path, settings: Settings | None = None) -> Iterator[Gitea]:
    """A server that runs while inside; what it kept stays in `folder`. Raises NoGoError, BuildError, GiteaError."""
    server = Gitea(version, folder, settings)
    try:
        server.install()
        yield server
    finally:
        server.stop()


def _ini(sections: Mapping[str, Mapping[str, str]]) -> str:
    lines: list[str] = []
    for name, keys in sections.items():
        lines += [f"[{name}]"] if name else []
        lines += [f"{key} = {value}" for key, value in keys.items()]
    return "\n".join(lines) + "\n"


def _word(flag: bool) -> str:
    return "true" if flag else "false"


def _free_port() -> int:
    """A port that is free now, outside the range the kernel gives to clients: it must still be free at a restart."""
    for port in random.sample(range(20000, 30000), 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise GiteaError("no free port on 127.0.0.1 between 20000 and 30000")


def _dies_with_us() -> Sequence[str]:
    """So that no server outlives a killed test run. The kernel ties it to the thread that starts the server, so that is
    the main thread (prctl(2), PR_SET_PDEATHSIG)."""
    return ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
