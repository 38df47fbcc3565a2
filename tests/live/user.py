"""A person with whyred: an own home, logged in to a server by the program itself."""

import json
import os
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from program import PROGRAM, Ended, environment

from live.gitea import Gitea

_NO_KEYRING = "keyring.backends.null.Keyring"


class Person:
    """Calls whyred as `python -m whyred` in its own home."""

    def __init__(self, home: Path, server: Gitea) -> None:
        home.mkdir(parents=True, exist_ok=True)
        self.home, self.server = home, server
        self.environ = environment(home, PYTHON_KEYRING_BACKEND=_NO_KEYRING)
        self.canaries: set[str] = set()

    def __call__(self, *argv: str, given: str = "", where: Path | None = None) -> Ended:
        """What the program said. No secret of this person may be in it."""
        done = subprocess.run(
            [*PROGRAM, *argv],
            input=given,
            text=True,
            capture_output=True,
            env=self.environ,
            cwd=where or self.home,
            check=False,
        )
        ended = Ended(done.returncode, done.stdout, done.stderr)
        for canary in self.canaries:
            assert canary not in ended.out + ended.err
        return ended

    def json(self, *argv: str, where: Path | None = None) -> Any:
        """What it said as JSON."""
        return json.loads(self(*argv, "--json", where=where).out)

    def start(self, *argv: str, where: Path | None = None) -> "subprocess.Popen[bytes]":
        """The program under way."""
        self.environ["PYTHONFAULTHANDLER"] = "1"
        return subprocess.Popen(
            [*PROGRAM, *argv],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=self.environ,
            cwd=where or self.home,
        )

    def login(self, *, token: bool = True, web: bool = False, scopes: Sequence[str] = ("read:repository",)) -> None:
        """Logs in by token, by the web pages, or both."""
        if token:
            secret = self.server.token(*scopes)
            self.canaries.add(secret)
            ended = self("login", self.server.url, "--token-stdin", given=secret + "\n")
            assert ended.code == 0, ended.err
        if web:
            admin = self.server.admin
            self.canaries.add(admin.password)
            ended = self(
                "login", self.server.url, "--user", admin.name, "--password-stdin", given=admin.password + "\n"
            )
            assert ended.code == 0, ended.err

    def files(self) -> list[Path]:
        """Every file that whyred wrote for this person."""
        return [Path(folder, name) for folder, _, names in os.walk(self.home) for name in names]
