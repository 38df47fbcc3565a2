"""Builds a Gitea server once from its Go module, into the user's cache folder.

`python -m live.build 1.23.8 1.26.0` (in `tests/`) builds ahead of the tests.
"""

import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

MODULE = "code.gitea.io/gitea"
TAGS = "sqlite sqlite_unlock_notify"
OLDEST_GO = (1, 21)
"""The first Go that fetches a newer one by itself where a module asks for it (go.dev/doc/toolchain)."""


class NoGoError(Exception):
    """There is no Go that could build a server; the message is one line that says so."""


class BuildError(Exception):
    """Go is there, but the server could not be built; the message ends with what Go said."""


def binary(version: str) -> Path:
    """The program of that version, built now where it is not there yet (about 5 minutes on two cores, once).

    A second process that wants the same one waits for the first. Raises NoGoError and BuildError.
    """
    need_go()
    folder = _cache() / f"gitea-{version}"
    program = folder / "gitea"
    if not program.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder.with_suffix(folder.suffix + ".lock")):
            if not program.is_file():
                _build(version, folder, program)
    return program


@cache
def module_folder(version: str) -> Path:
    """Where Go keeps the files of that version: templates and translations, which the program reads at run time."""
    need_go()
    return Path(_module(version)["Dir"])


def need_go() -> None:
    """Raises NoGoError where no usable Go is to be found."""
    go = shutil.which("go")
    if go is None:
        raise NoGoError("needs Go 1.21 or later to build real Gitea servers, and there is no `go` in PATH")
    said = subprocess.run([go, "env", "GOVERSION"], capture_output=True, text=True, check=False).stdout.strip()
    number = re.match(r"go(\d+)\.(\d+)", said)
    if number is None or (int(number[1]), int(number[2])) < OLDEST_GO:
        raise NoGoError(f"needs Go 1.21 or later to build real Gitea servers, and `go` is {said or 'not usable'}")


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "whyred-live"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _module(version: str) -> dict[str, Any]:
    module: dict[str, Any] = json.loads(_go(None, "mod", "download", "-json", f"{MODULE}@v{version}"))
    return module


def _build(version: str, folder: Path, program: Path) -> None:
    _tell(f"Gitea {version} is built once into {folder}: about 5 minutes on two cores")
    own = Path(_module(version)["GoMod"])
    (folder / "go.mod").write_text(_go_mod(version, own), encoding="utf-8")
    _tell(f"Gitea {version}: go mod tidy (fetches what it is made of)")
    _go(folder, "mod", "tidy")
    _tell(f"Gitea {version}: go build")
    new = folder / "gitea.new"
    _go(folder, "build", "-tags", TAGS, "-o", new.name, MODULE)
    new.replace(program)
    _tell(f"Gitea {version}: done")


def _go_mod(version: str, own: Path) -> str:
    """A module that needs nothing but the server.

    `go install MODULE@VERSION` refuses a module with replacements, and only the main module's count: so they are
    repeated here.
    """
    go = re.search(r"^go .*$", own.read_text(encoding="utf-8"), re.MULTILINE)
    assert go is not None, f"no `go` line in {own}"
    lines = ["module whyred.test/gitea", "", go[0], "", f"require {MODULE} v{version}", "", f"tool {MODULE}", ""]
    for replace in json.loads(_go(None, "mod", "edit", "-json", str(own))).get("Replace") or []:
        lines.append(f"replace {_named(replace['Old'])} => {_named(replace['New'])}")
    return "\n".join(lines) + "\n"


def _named(module: dict[str, str]) -> str:
    return f"{module['Path']} {module.get('Version', '')}".strip()


def _go(folder: Path | None, *arguments: str) -> str:
    env = {**os.environ, "GOFLAGS": "", "GOWORK": "off", "CGO_ENABLED": "1"}
    at = folder or Path("/")
    done = subprocess.run(["go", *arguments], cwd=at, env=env, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        tail = "\n".join((done.stderr or done.stdout).splitlines()[-20:])
        raise BuildError(f"go {' '.join(arguments)} ended with {done.returncode}:\n{tail}")
    return done.stdout


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        _tell(f"Gitea {wanted}: {binary(wanted)}")
