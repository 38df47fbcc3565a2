"""Why the route by the forge's database has no log, and what it never asks for."""

import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import forge_data as fd
import pytest
from forge_route import ROOT, Own, attempt_of, reach, refusal, whole, write

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason
from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.host import HostRefusedError
from whyred.model.run import Run
from whyred.model.source import Missing
from whyred.sources import _dbfs, _forge_tables, _sql_servers, _sqlite, forge_database
from whyred.sources._database import Query
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want

EACH = pytest.mark.parametrize("version", fd.VERSIONS)
FORBIDDEN = re.compile(
    r"\*|token_hash|token_salt|token_last_eight|secret|event_payload|workflow_payload|action_task_output|password|uuid"
)


@pytest.fixture(scope="session", params=fd.VERSIONS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[fd.Data, Path]:
    """A forge's data folder, to be read only."""
    folder = tmp_path_factory.mktemp("forge") / "data"
    return fd.make(request.param, folder), folder


@pytest.fixture
def own(tmp_path: Path) -> Callable[[str], tuple[fd.Data, Path]]:
    """A data folder that a test may spoil: `rows` are changed before it is written."""

    def make(version: str) -> tuple[fd.Data, Path]:
        return fd.recorded(version), tmp_path / "data"

    return make


# Refusals


def test_expired(own: Own) -> None:
    data, folder = own("16")
    data.task("green")["log_expired"] = 1
    there = write(data, folder)
    error = refusal(lambda: forge_database.log(there, attempt_of(there, "green"), Want()))
    assert error.reason is Missing.EXPIRED


@EACH
def test_a_lost_file(own: Own, version: str) -> None:
    data, folder = own(version)
    data.files.clear()
    there = write(data, folder)
    (folder / "actions_log").mkdir()
    error = refusal(lambda: forge_database.log(there, attempt_of(there, "green"), Want()))
    assert error.reason is Missing.DELETED
    assert "rerun" in error.help


def test_a_runner_that_took_the_job_and_never_sent_a_line(own: Own) -> None:
    data, folder = own("16")
    data.task("green").update(log_length=0, log_size=0, log_in_storage=0, status=2)
    data.files.clear()
    there = write(data, folder)
    error = refusal(lambda: forge_database.log(there, attempt_of(there, "green"), Want()))
    assert error.reason is Missing.NOT_STARTED
    assert "never sent a line" in error.help


@EACH
def test_a_file_that_was_cut_off(own: Own, version: str) -> None:
    data, folder = own(version)
    for name in data.files:
        data.files[name] = data.files[name][: len(data.files[name]) * 2 // 3]
    there = write(data, folder)
    error = refusal(lambda: list(forge_database.log(there, attempt_of(there, "green"), Want()).chunks))
    assert error.reason is Missing.CORRUPT


@pytest.mark.parametrize(
    "name",
    ["../../../etc/passwd.log", "/etc/passwd.log", "a/../b.log", "a//b.log", "a/b.txt", "", "a\\b.log", "a/\nb.log"],
)
def test_a_planted_file_name(own: Own, name: str) -> None:
    data, folder = own("16")
    data.task("green")["log_filename"] = name
    there = write(data, folder)
    assert refusal(lambda: forge_database.log(there, attempt_of(there, "green"), Want())).reason is Missing.CORRUPT


def test_a_forge_without_actions(tmp_path: Path) -> None:
    data = fd.Data("16", {"repository": fd.recorded("16").columns["repository"]})
    data.add("repository", id=2, owner_name="alice", lower_name="priv", name="priv")
    there = write(data, tmp_path)
    error = refusal(lambda: list(forge_database.runs(there, "alice/priv", RunQuery())))
    assert error.reason is Missing.ROUTE_NOT_ON_THIS_VERSION
    assert "action_run" in error.help


def test_a_column_that_is_not_there_yet(own: Own) -> None:
    """Forgejo 7 and 8 and Gitea 1.21 and 1.22 delete no logs; one without `title` was never seen, and is read too."""
    data, folder = own("7")
    data.columns["action_task"].remove("log_expired")
    data.columns["action_run"].remove("title")
    there = write(data, folder)
    assert attempt_of(there, "green").run.title is None
    assert whole(forge_database.log(there, attempt_of(there, "green"), Want())) == data.texts["green"]
    data.columns["action_task"].remove("log_filename")
    (folder / "gitea.db").unlink()
    error = refusal(lambda: forge_database.attempts(write(data, folder), Run("x", repo="alice/priv", number=1)))
    assert error.reason is Missing.ROUTE_NOT_ON_THIS_VERSION
    assert "log_filename" in error.help


def test_nobody_named_the_machine() -> None:
    there = Reach(Server(ROOT, Kind.FORGEJO), Http(ROOT))
    error = forge_database.refuses(there)
    assert error is not None
    assert error.reason is Missing.UNREACHABLE
    assert "--forge-host" in error.help
    assert forge_database.refuses(replace(there, database="postgresql://x@y/z")) is None
    assert forge_database.refuses(replace(there, host=LocalHost())) is None


class Closed(LocalHost):
    """A machine where some files are closed to us."""

    def __init__(self, part: str, reason: Reason = Reason.NO_PERMISSION) -> None:
        super().__init__()
        self._part, self._reason = part, reason

    def _check(self, path: str) -> None:
        if self._part in path:
            raise HostRefusedError(self._reason, f"{path}: Permission denied")

    def stat(self, path: str, *, follow: bool = True) -> Any:
        self._check(path)
        return super().stat(path, follow=follow)

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        self._check(path)
        return super().read(path, limit)


@pytest.mark.parametrize("part", ["gitea.db", "actions_log/alice"])
def test_files_that_are_closed_to_us(made: tuple[fd.Data, Path], part: str) -> None:
    closed, open_ = reach(made[1], Closed(part)), reach(made[1])
    attempt = attempt_of(open_, "green")
    error = refusal(lambda: forge_database.log(closed, attempt, Want()))
    assert error.reason is Missing.NO_PERMISSION
    assert "the forge's user" in error.help


def test_a_machine_that_does_not_answer(made: tuple[fd.Data, Path]) -> None:
    silent = reach(made[1], Closed("gitea.db", Reason.TIMED_OUT))
    error = refusal(lambda: list(forge_database.runs(silent, "alice/priv", RunQuery())))
    assert error.reason is Missing.UNREACHABLE


def test_what_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "gitea.db").write_bytes(b"hello" * 100)
    error = refusal(lambda: list(forge_database.runs(reach(tmp_path), "a/b", RunQuery())))
    assert error.reason is Missing.CORRUPT
    damaged = tmp_path / "d"
    fd.make("16", damaged)
    content = bytearray((damaged / "gitea.db").read_bytes())
    content[4096:] = b"\xa5" * (len(content) - 4096)
    (damaged / "gitea.db").write_bytes(content)
    error = refusal(lambda: list(forge_database.runs(reach(damaged), "alice/priv", RunQuery())))
    assert error.reason is Missing.CORRUPT


# What is never asked for


def texts() -> list[str]:
    """Every statement of the route as it is written."""
    queries = [
        q.sql(frozenset((*q.columns, *q.optional)))
        for module in (_forge_tables, _dbfs)
        for q in vars(module).values()
        if isinstance(q, Query)
    ]
    written = [
        piece
        for module in (_forge_tables, _dbfs, _sqlite, _sql_servers)
        for piece in re.findall(r'"(?:[^"\\]|\\.)*\bSELECT\b.*', Path(str(module.__file__)).read_text(encoding="utf-8"))
    ]
    return [*queries, *written, _forge_tables.LINES]


def test_no_statement_names_what_is_secret() -> None:
    assert len(texts()) > 15
    for statement in texts():
        found = FORBIDDEN.search(statement.lower())
        assert found is None, f"{found} in {statement}"


def test_no_secret_column_is_read(made: tuple[fd.Data, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite itself tells which columns a statement reads; nothing but SELECT comes through."""
    data, folder = made
    seen: set[tuple[str, str]] = set()
    statements: list[str] = []
    connected = _sqlite._connected

    def watched(uri: str) -> sqlite3.Connection:
        connection = connected(uri)

        def allow(action: int, table: str | None, column: str | None, *_: object) -> int:
            if action == sqlite3.SQLITE_READ:
                seen.add((table or "", column or ""))
            return sqlite3.SQLITE_OK

        connection.set_authorizer(allow)
        connection.set_trace_callback(statements.append)
        return connection

    monkeypatch.setattr(_sqlite, "_connected", watched)
    there = reach(folder)
    attempts = [attempt_of(there, name) for name in data.texts]
    for attempt in attempts:
        if attempt.id is not None and attempt.job is not None and attempt.job.name != "test":
            whole(forge_database.log(there, attempt, Want(steps=frozenset({1, "Set up job"}))))
            forge_database.steps(there, attempt)
    columns = {column for _, column in seen}
    assert {"log_filename", "blob_data", "log_index", "runs_on"} <= columns
    assert not columns & fd.SECRET
    assert "action_task_output" not in {table for table, _ in seen}
    assert statements
    assert [s for s in statements if not s.startswith(("SELECT ", "-- ")) or FORBIDDEN.search(s.lower())] == []


def test_no_answer_holds_a_secret(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    there = reach(folder)
    told = [repr(list(forge_database.runs(there, "alice/priv", RunQuery(limit=50))))]
    for name in data.texts:
        attempt = attempt_of(there, name)
        told.append(repr(forge_database.steps(there, attempt)))
    told.append(repr(there))
    assert fd.CANARY not in "".join(told)
