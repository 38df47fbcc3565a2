"""A forge's SQLite file that a move to another database left behind: no answer where something speaks against it."""

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import forge_data as fd
import pytest
from forge_route import attempt_of, reach, refusal, whole

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason
from whyred.model.forge import RunQuery
from whyred.model.host import HostRefusedError, Process
from whyred.model.run import Attempt, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources import forge_database, forge_disk
from whyred.sources._forge_database import open_tables
from whyred.sources.reach import Reach, Want

LONG_AGO = 10_000.0


@pytest.fixture
def made(tmp_path: Path) -> tuple[fd.Data, Path]:
    """A data folder whose files were all written some hours ago, with an app.ini that nobody read."""
    folder = tmp_path / "data"
    data = fd.make("16", folder)
    (folder / "app.ini").write_text("[database]\nDB_TYPE = sqlite3\n")
    for file in folder.rglob("*"):
        age(file)
    return data, folder


def age(path: Path, seconds: float = LONG_AGO) -> None:
    at = time.time() - seconds
    os.utime(path, (at, at))


def newest(data: fd.Data) -> int:
    return int(max(row["id"] for row in data.rows["action_task"]))


def later_log(data: fd.Data, folder: Path, by: int = 1, repo: str = "bob/other") -> Path:
    """The log of a job that the database does not know, as old as all the others."""
    task = newest(data) + by
    file = folder / f"actions_log/{repo}/{task % 256:02x}/{task}.log.zst"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(fd.packed(b"2026-11-26T00:00:00.0000000Z later\n"))
    age(file)
    age(file.parent)
    return file


def runs(there: Reach) -> list[int | None]:
    return [run.number for run in forge_database.runs(there, "alice/priv", RunQuery(limit=50))]


def left(there: Reach) -> MissingLogError:
    error = refusal(lambda: runs(there))
    assert error.reason is Missing.NO_PERMISSION
    assert "left behind" in error.help
    assert "--database" in error.help
    return error


def test_nothing_speaks_against_it(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    assert 2 in runs(reach(folder))
    assert whole(forge_database.log(reach(folder), attempt_of(reach(folder), "green"), Want())) == data.texts["green"]


@pytest.mark.parametrize("by", [1, 9, 16])
def test_a_log_of_a_job_that_it_does_not_know(made: tuple[fd.Data, Path], by: int) -> None:
    data, folder = made
    file = later_log(data, folder, by)
    error = left(reach(folder))
    assert str(file) in error.help
    assert str(folder / "app.ini") in error.help
    assert "--read-app-ini" in error.help


def test_a_log_that_was_written_after_it(made: tuple[fd.Data, Path]) -> None:
    """The other database begins to count its tasks anew."""
    data, folder = made
    file = folder / "actions_log" / data.task("green")["log_filename"]
    (file.parent / "7.log.zst").write_bytes(file.read_bytes())
    assert "7.log.zst" in left(reach(folder)).help


def test_what_is_written_to_its_log_counts(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    file = folder / "actions_log" / data.task("green")["log_filename"]
    (file.parent / "7.log.zst").write_bytes(file.read_bytes())
    with closing(sqlite3.connect(folder / "gitea.db")) as connection:
        connection.execute("UPDATE action_runner SET name = 'again'")
        connection.commit()
        age(folder / "gitea.db")
        assert 2 in runs(reach(folder))


def test_who_says_that_it_is_the_one_gets_it(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    later_log(data, folder)
    assert 2 in runs(reach(folder, database=f"sqlite://{folder}/gitea.db"))
    assert 2 in runs(reach(folder, may_read=lambda _: True))


def test_without_an_app_ini_only_the_address_helps(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    (folder / "app.ini").unlink()
    later_log(data, folder)
    assert "app-ini" not in left(reach(folder)).help


def test_it_is_looked_into_once_and_said_each_time(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    there = reach(folder)
    assert 2 in runs(there)
    later_log(data, folder)
    assert 2 in runs(there)
    again = reach(folder)
    left(again)
    left(again)


class Noting(LocalHost):
    """A machine on which a job ends between one look and the other: the forge notes it in its database."""

    def __init__(self, note: Callable[[], None]) -> None:
        super().__init__()
        self.note = note

    def names(self, path: str) -> list[str]:
        if "/bob/other/" in path:
            self.note()
        return super().names(path)


def test_a_job_that_ended_meanwhile_is_none_that_it_does_not_know(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    later_log(data, folder)

    def note() -> None:
        with closing(sqlite3.connect(folder / "gitea.db")) as connection:
            connection.execute("INSERT OR IGNORE INTO action_task (id) VALUES (?)", (newest(data) + 1,))
            connection.commit()

    assert 2 in runs(reach(folder, Noting(note)))


class Running(LocalHost):
    """A machine on which the forge runs; `opened` are the files that it has open, None where nobody may see them."""

    def __init__(self, folder: Path, opened: list[str] | None, *, ago: float) -> None:
        super().__init__()
        boot = int(time.time()) - 50_000
        self.stated = f"cpu 1 2\nbtime {boot}\n".encode()
        argv = ("/usr/bin/forgejo", "--work-path", str(folder.parent), "web")
        self.forge = Process(41, 1, round((50_000 - ago) * 100), "forgejo", argv, 0)
        self.opened = opened

    def processes(self) -> list[Process]:
        return [self.forge]

    def environ(self, pid: int, keys: object) -> dict[str, str]:
        return {}

    def names(self, path: str) -> list[str]:
        if path != "/proc/41/fd":
            return super().names(path)
        if self.opened is None:
            raise HostRefusedError(Reason.NO_PERMISSION, f"{path}: Permission denied")
        return [str(number) for number in range(len(self.opened))]

    def link(self, path: str) -> str:
        if not path.startswith("/proc/41/fd/"):
            return super().link(path)
        assert self.opened is not None
        return self.opened[int(path.rpartition("/")[2])]

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        return self.stated if path == "/proc/stat" else super().read(path, limit)


SOCKET = "socket:[9]"


def test_the_forge_that_runs_there_does_not_have_it_open(made: tuple[fd.Data, Path]) -> None:
    _, folder = made
    error = left(reach(folder, Running(folder, [SOCKET, "/srv/gitea.db (deleted)"], ago=LONG_AGO / 2)))
    assert "process 41" in error.help


@pytest.mark.parametrize(
    ("opened", "ago"),
    [
        ([SOCKET], LONG_AGO * 2),  # it was written since the forge started
        (None, LONG_AGO / 2),
        ([], LONG_AGO / 2),
        ([SOCKET, "/data/gitea/gitea.db"], LONG_AGO / 2),
    ],
)
def test_the_forge_that_runs_there_says_nothing_against_it(
    made: tuple[fd.Data, Path], opened: list[str] | None, ago: float
) -> None:
    _, folder = made
    assert 2 in runs(reach(folder, Running(folder, opened, ago=ago)))


def test_what_the_forge_has_open_is_its_database_whatever_lies_beside_it(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    later_log(data, folder)
    assert 2 in runs(reach(folder, Running(folder, [str(folder / "gitea.db")], ago=LONG_AGO / 2)))
    left(reach(folder, Running(folder, None, ago=LONG_AGO / 2)))


def test_a_forge_of_another_folder_does_not_count(made: tuple[fd.Data, Path], tmp_path: Path) -> None:
    _, folder = made
    assert 2 in runs(reach(folder, Running(tmp_path / "elsewhere/data", [SOCKET], ago=LONG_AGO / 2)))


def told(there: Reach, scenario: str) -> Attempt:
    """An attempt as the server told it."""
    return attempt_of(there, scenario)


def test_the_server_knows_better(made: tuple[fd.Data, Path]) -> None:
    _, folder = made
    there = reach(folder)
    attempt = told(there, "running")
    assert attempt.status is Status.RUNNING
    ended = replace(attempt, status=Status.DONE)
    assert "still running" in refusal(lambda: forge_database.log(there, ended, Want())).help
    other = replace(attempt, run=replace(attempt.run, commit="ab" * 20))
    for asked in (
        other,
        replace(other, run=replace(other.run, id=None)),
        replace(other, run=replace(other.run, id=4711)),
    ):
        for ask in (forge_database.steps, lambda r, a: forge_database.log(r, a, Want())):
            number = replace(asked, id=None, job=replace(asked.job, id=None) if asked.job else None)
            error = refusal(lambda: ask(there, number))  # noqa: B023 - called at once
            assert error.reason is Missing.NO_PERMISSION
            assert "left behind" in error.help
        error = refusal(lambda: forge_database.attempts(there, asked.run))  # noqa: B023 - called at once
        assert "left behind" in error.help


def test_whoever_named_it_hears_that_it_has_no_such_run(made: tuple[fd.Data, Path]) -> None:
    _, folder = made
    there = reach(folder, database=f"sqlite://{folder}/gitea.db")
    run = replace(told(there, "green").run, id=None, number=4711)
    error = refusal(lambda: forge_database.attempts(there, run))
    assert error.reason is Missing.NOT_FOUND
    assert "left behind" not in error.help


def test_the_files_alone_are_not_found_by_it(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    attempt = replace(told(reach(folder), "green"), id=None)
    later_log(data, folder)
    error = refusal(lambda: forge_disk.log(reach(folder), attempt, Want()))
    assert error.reason is Missing.WRONG_ID_KIND
    assert "left behind" in error.help


def test_a_machine_that_does_not_answer_is_no_evidence(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    later_log(data, folder)

    class Closed(LocalHost):
        def names(self, path: str) -> list[str]:
            if "actions_log" in path:
                raise HostRefusedError(Reason.NO_PERMISSION, path)
            return super().names(path)

    assert 2 in runs(reach(folder, Closed()))


def test_of_many_folders_only_so_many_are_looked_at(
    made: tuple[fd.Data, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, folder = made
    for number in range(30):
        later_log(data, folder, by=200, repo=f"bob/many{number:02}")
    later_log(data, folder, repo="zoe/last")
    asked = 0

    class Counting(LocalHost):
        def names(self, path: str) -> list[str]:
            nonlocal asked
            asked += "actions_log" in path
            return super().names(path)

    monkeypatch.setattr("whyred.sources._forge_left._QUESTIONS", 20)
    assert 2 in runs(reach(folder, Counting()))
    assert asked <= 20


def test_a_database_that_is_closed_again(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    later_log(data, folder)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(3):
        refusal(lambda: open_tables(reach(folder)))
    assert len(list(Path("/proc/self/fd").iterdir())) == before
