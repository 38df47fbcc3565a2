"""A cell of the refusal matrix, the place it is made in, and what the program said there.

The program runs in this process, from its own entry point: only the pauses between two tries are left out, and where a
cell is about a silent server the longest silence is shortened.
"""

import contextlib
import gc
import io
import json
import os
import re
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

from program import Ended, as_nobody, environment, run

import whyred.app.forges
import whyred.sources.http
from whyred.faces.cli import main as program
from whyred.model.credential import Cookie
from whyred.model.source import Missing
from whyred.settings.credentials import Credentials
from whyred.sources.http import Http
from whyred.sources.web_login import sign_in

SILENCE = 0.5
"""Seconds a server may be silent where a cell is about that; 60 for users (`sources/http.py`)."""
_FIRST = re.compile(r"whyred: [a-z ]+ \(([a-z-]+)\): (.*)")
_ROUTE = re.compile(r"whyred:   ([a-z-]+): ([a-z-]+)(?:: |, as above)(.*)")
_SHORTEST = 8
"""Characters of a secret below which it may stand anywhere by chance."""


@dataclass
class Place:
    """Where a cell is made: a folder of its own, its user's environment, and the secrets that must not be shown."""

    folder: Path
    env: dict[str, str] = field(default_factory=dict)
    canaries: set[str] = field(default_factory=set)
    stdin: bytes = b""
    silence: float = whyred.sources.http.READ
    """Seconds a server may be silent."""

    @property
    def home(self) -> Path:
        """The home of the user who asks."""
        return self.folder / "user"

    def secret(self, text: str) -> str:
        """A text that must not be shown."""
        self.canaries.add(text)
        return text

    def token(self, url: str, token: str) -> None:
        """Logs in to a server with this token."""
        self._credentials().put_token(url, self.secret(token), None)

    def web(self, url: str, name: str, password: str) -> None:
        """Logs in to the web pages of a server."""
        http = Http(url)
        sign_in(http, name, self.secret(password))
        for value in http.jar.values():
            self.secret(value)
        self._credentials().put_web(url, tuple(Cookie(n, v) for n, v in http.jar.items()), name)

    def _credentials(self) -> Credentials:
        return Credentials(self.home / "data/whyred/credentials", _NoKeyring())


class _NoKeyring:
    """A user without a keyring."""

    def name(self) -> None:
        return None

    def read(self, slot: str) -> None:
        return None

    def write(self, slot: str, text: object) -> None:
        raise AssertionError(slot)

    def erase(self, slot: str) -> None:
        raise AssertionError(slot)


Make = Callable[[Place], contextlib.AbstractContextManager[Sequence[str]]]
"""Makes what is wrong, gives the arguments of `whyred`, and takes it all away again."""


@dataclass(frozen=True)
class Cell:
    """One way in which a source has no log. `asked` and `help` are regular expressions for the request and for what
    would make it work.

    `partial`: the beginning of the log comes and is shown. `table`: `whyred access` tells the same of it. `other`: the
    program runs as another user, who may not read what the maker's user may.
    """

    reason: Missing
    source: str
    case: str
    make: Make
    asked: str
    help: str
    partial: bool = False
    table: bool = False
    other: bool = False

    @property
    def id(self) -> str:
        """For people and pytest."""
        return f"{self.reason}/{self.source}/{self.case}"


@dataclass(frozen=True)
class Refusal:
    """What was said of one source."""

    reason: str
    asked: str
    help: str


def answer(cell: Cell, place: Place, argv: Sequence[str], cache: Path) -> Ended:
    """What the program says to the user whom the cell is about."""
    return _ask_as_other(place, argv) if cell.other else ask(place, argv, cache)


def ask(place: Place, argv: Sequence[str], cache: Path) -> Ended:
    """`whyred ARGV` to its end. Of what is cached only the compiled patterns stay: each cell asks its server anew."""
    place.home.mkdir(exist_ok=True)
    for kept in (cache / "whyred").glob("*"):
        if not kept.name.startswith("library-"):
            shutil.rmtree(kept) if kept.is_dir() else kept.unlink()
    env = environment(place.home, XDG_CACHE_HOME=str(cache), PYTHON_KEYRING_BACKEND="keyring.backends.null.Keyring")
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    given = io.TextIOWrapper(io.BytesIO(place.stdin), encoding="utf-8")
    quick: Any = partial(Http, sleep=lambda _: None)
    with contextlib.ExitStack() as stack:
        stack.enter_context(patch.object(whyred.app.forges, "Http", quick))
        stack.enter_context(patch.object(whyred.sources.http, "READ", place.silence))
        stack.enter_context(patch.dict(os.environ, env | place.env, clear=True))
        stack.enter_context(contextlib.chdir(place.folder))
        for name, value in (("argv", ["whyred", *argv]), ("stdin", given), ("stdout", out), ("stderr", err)):
            stack.enter_context(patch.object(sys, name, value))
        stack.enter_context(warnings.catch_warnings())
        warnings.simplefilter("ignore", ResourceWarning)  # a process that ends closes its connections
        code = program._run()
        gc.collect()
    return Ended(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))


def _ask_as_other(place: Place, argv: Sequence[str]) -> Ended:
    """The same by a process of an unprivileged user. Skips where the machine does not allow that."""
    prefix = as_nobody()
    for folder in (place.folder, place.home):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o777)
    return run(argv, environment(place.home, **place.env), cwd=place.folder, stdin=place.stdin, prefix=prefix)


def refusals(err: str) -> tuple[Refusal | None, dict[str, Refusal]]:
    """What standard error says: the refusal in its first line, and those of the routes that were tried."""
    first: Refusal | None = None
    tried: dict[str, Refusal] = {}
    for line in err.splitlines():
        if first is None and (found := _FIRST.fullmatch(line)):
            first = Refusal(found[1], *_parts(found[2]))
        elif first is not None and (found := _ROUTE.fullmatch(line)):
            tried[found[1]] = first if line.endswith(", as above") else Refusal(found[2], *_parts(found[3]))
    return first, tried


def _parts(text: str) -> tuple[str, str]:
    """The request and the help. The request ends with the first colon and blank that follow it."""
    asked, _, help_ = text.partition(": ")
    return asked, help_


def told(cell: Cell, ended: Ended) -> Refusal | None:
    """What was said of the cell's source."""
    first, tried = refusals(ended.err)
    return tried.get(cell.source) if tried else first


def complaints(cell: Cell, place: Place, ended: Ended) -> Iterator[str]:
    """What is wrong with what the program said; nothing where the cell is right."""
    if ended.code != 4:
        yield f"exit code {ended.code}, not 4"
    if ended.out and not cell.partial:
        yield f"standard output is not empty: {ended.out[:200]!r}"
    if ended.out and all(line.startswith(("== ", "-- ")) for line in ended.out.splitlines()):
        yield "an empty log is shown"
    said = told(cell, ended)
    if said is None:
        yield f"no refusal of {cell.source}: {ended.err[:600]!r}"
        return
    if said.reason != cell.reason:
        yield f"the reason is {said.reason}"
    if not re.search(cell.asked, said.asked):
        yield f"the request is {said.asked!r}"
    if not re.search(cell.help, said.help):
        yield f"the help is {said.help!r}"
    yield from _shown(place, ended)


def _shown(place: Place, ended: Ended) -> Iterator[str]:
    """Secrets that were shown, or kept anywhere but where credentials are."""
    for canary in place.canaries:
        if len(canary) >= _SHORTEST and canary in ended.out + ended.err:
            yield "a secret is shown"
    for file in place.home.rglob("*"):
        if file.is_file() and file.name != "credentials.json":
            data = file.read_bytes()
            if any(len(c) >= _SHORTEST and c.encode() in data for c in place.canaries):
                yield f"a secret is in {file.name}"


def in_the_table(cell: Cell, place: Place, argv: Sequence[str], cache: Path) -> Iterator[str]:
    """What is wrong with the row that `whyred access` has for the cell's source, asked in the same way."""
    if not cell.table:
        return
    ended = ask(place, ["access", *argv[1:], "--json"], cache)
    try:
        rows = {row["route"]: row["refusal"] for row in json.loads(ended.out)["routes"]}
    except ValueError:
        yield f"access gives no table: {ended.err[:300]!r}"
        return
    row = rows[cell.source]
    if row is None:
        yield "access says that it works, or that it was not tried"
    elif row["reason"] != cell.reason:
        yield f"access says {row['reason']}: {row['help']}"
    elif not re.search(cell.help, row["help"]):
        yield f"access says to do: {row['help']!r}"
    yield from _shown(place, ended)
