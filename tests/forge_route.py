"""What the tests of the route by the forge's database have in common: a reach, an attempt, a log by its steps."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import forge_data as fd
import pytest

from whyred.hosts.local import LocalHost
from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.run import Attempt, Step
from whyred.model.source import Fetched, MissingLogError
from whyred.sources import forge_database
from whyred.sources.http import Http
from whyred.sources.reach import Reach

ROOT = "http://forge.example"
Own = Callable[[str], tuple[fd.Data, Path]]


def reach(folder: Path | None, host: Any = None, **more: Any) -> Reach:
    """The forge whose data folder this is, on this machine."""
    there = LocalHost() if host is None else host
    named = None if folder is None else str(folder)
    return Reach(Server(ROOT, Kind.FORGEJO), Http(ROOT), there, named, **more)


def write(data: fd.Data, folder: Path) -> Reach:
    folder.mkdir(parents=True, exist_ok=True)
    fd.write_files(data, folder)
    fd.write_sqlite(data, folder / "gitea.db")
    return reach(folder)


def attempt_of(there: Reach, scenario: str) -> Attempt:
    """The newest attempt of the one job of a scenario's run."""
    number = fd.RUN_NUMBERS[scenario]
    if scenario in ("running", "cancelled"):
        runs = list(forge_database.runs(there, "alice/priv", RunQuery(limit=50)))
        (run,) = [r for r in runs if r.workflow in (f"{scenario}.yml", f"{scenario[:6]}.yml")]
    else:
        (run,) = forge_database.runs(there, "alice/priv", RunQuery(number=number))
    (attempt,) = forge_database.attempts(there, run)
    return attempt


def first_of(there: Reach, data: fd.Data, scenario: str) -> Attempt:
    """The attempt whose rows and file were recorded: the first one of the failed job, of which there are two."""
    return replace(attempt_of(there, scenario), number=1, id=fd.TASKS[data.version][scenario])


def split(fetched: Fetched) -> list[tuple[str, bytes]]:
    """The log by steps."""
    found: list[tuple[str, list[bytes]]] = []
    for chunk in fetched.chunks:
        if isinstance(chunk, Step):
            found.append((chunk.name, []))
        else:
            found[-1][1].append(chunk)
    return [(name, b"".join(pieces)) for name, pieces in found]


def whole(fetched: Fetched) -> bytes:
    return b"".join(c for c in fetched.chunks if isinstance(c, bytes))


def refusal(call: Callable[[], object]) -> MissingLogError:
    with pytest.raises(MissingLogError) as caught:
        call()
    assert caught.value.help
    assert fd.CANARY not in str(caught.value)
    return caught.value


def attempt_of_number(there: Reach, number: int) -> Attempt:
    """The newest attempt of the first job of a run."""
    (run,) = forge_database.runs(there, "alice/priv", RunQuery(number=number))
    return forge_database.attempts(there, run)[0]
