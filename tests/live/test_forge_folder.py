"""The data folders of real Gitea servers, running and stopped, here and over ssh, on SQLite, PostgreSQL and MariaDB:
the same steps as the web pages show, the bytes that are stored, and nothing written.
"""

import hashlib
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from threading import Event

import pytest
from forge_route import refusal, split
from program import need

from live import scenarios
from live.databases import mariadb, postgres
from live.gitea import Gitea, Settings, gitea
from live.patience import wait_for
from live.repo import Repo
from live.scenarios import FOUNDING, Played, Scenario, begin, play
from live.sshd import need_sshd, sshd
from live.user import Person
from whyred.hosts._address import Address
from whyred.hosts.local import LocalHost
from whyred.hosts.ssh import SshHost
from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.host import Host
from whyred.model.run import Attempt, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources import _sqlite, forge_database, forge_disk
from whyred.sources._forge_database import open_tables
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want

Play = Callable[[Scenario], Played]


@pytest.fixture(scope="module")
def played(server: Gitea, tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Each scenario once per version."""
    done: dict[str, Played] = {}

    def play_it(scenario: Scenario) -> Played:
        if scenario.name not in done:
            done[scenario.name] = play(server, scenario, tmp_path_factory.mktemp(scenario.name))
        return done[scenario.name]

    return play_it


def reach(server: Gitea, host: Host | None = None, folder: Path | None = None) -> Reach:
    """The server's own machine. Nobody is asked for app.ini: the database is at its usual place."""
    return Reach(Server(server.url, Kind.GITEA), Http(server.url), host or LocalHost(), str(folder or server.data))


def attempts(there: Reach, repo: Repo) -> tuple[Attempt, ...]:
    (run,) = forge_database.runs(there, repo.full_name, RunQuery(number=1))
    return forge_database.attempts(there, run)


def shown(repo: Repo, job: int = 0) -> list[tuple[str, str, list[str]]]:
    """The steps of a job as its page tells them: name, status, lines."""
    path = repo.job_path(1, job)
    steps = repo.view(path)["state"]["currentJob"]["steps"]
    cursors = [{"step": number, "cursor": 0, "expanded": True} for number in range(len(steps))]
    logs = repo.view(path, cursors)["logs"]["stepsLog"]
    lines = [[line["message"] for line in log["lines"] or []] for log in logs]
    return [(s["summary"].partition("\n")[0], s["status"], own) for s, own in zip(steps, lines, strict=True)]


def told(there: Reach, attempt: Attempt) -> list[tuple[str, str, list[str]]]:
    """The same by the database."""
    fetched = forge_database.log(there, attempt, Want())
    ours = split(fetched)
    assert [name for name, _ in ours] == [step.name for step in fetched.attempt.steps]
    return [
        (step.name, step.conclusion.value, [line[29:] for line in text.decode("utf-8", "replace").split("\n")[:-1]])
        for step, (_, text) in zip(fetched.attempt.steps, ours, strict=True)
    ]


ENDED = [scenarios.GREEN, scenarios.FAILING, scenarios.UGLY, scenarios.RERUN, scenarios.SECRET]


@pytest.mark.parametrize("scenario", ENDED, ids=lambda s: s.name)
def test_steps_are_those_of_the_web_page(server: Gitea, played: Play, scenario: Scenario) -> None:
    it = played(scenario)
    (attempt,) = attempts(reach(server), it.repo)
    assert attempt.id == it.tasks[-1].id
    assert attempt.conclusion.value == scenario.ends
    assert attempt.runner is not None
    assert attempt.runner.name == "runner-1"
    assert told(reach(server), attempt) == shown(it.repo)
    text = b"".join(t for _, t in split(forge_database.log(reach(server), attempt, Want())))
    assert text == it.repo.stored_text(attempt.id) == it.tasks[-1].text
    # An API that knows no tasks leaves their number to the database.
    alone = forge_disk.log(reach(server), replace(attempt, id=None), Want())
    assert b"".join(c for c in alone.chunks if isinstance(c, bytes)) == text


def test_an_earlier_attempt(server: Gitea, played: Play) -> None:
    it = played(scenarios.RERUN)
    (attempt,) = attempts(reach(server), it.repo)
    first = replace(attempt, number=1, id=None)
    text = b"".join(t for _, t in split(forge_database.log(reach(server), first, Want())))
    assert text == it.tasks[0].text != it.tasks[1].text


def test_every_job_of_a_matrix(server: Gitea, played: Play) -> None:
    it = played(scenarios.MATRIX)
    found = attempts(reach(server), it.repo)
    assert [a.job.name for a in found if a.job] == [job.name for job in it.run.jobs]
    assert [a.job.id for a in found if a.job] == [job.id for job in it.run.jobs]
    for index, attempt in enumerate(found):
        assert told(reach(server), attempt) == shown(it.repo, index)


def test_a_cancelled_job_has_every_line_once(server: Gitea, played: Play) -> None:
    it = played(scenarios.CANCELLED)
    (attempt,) = attempts(reach(server), it.repo)
    page, ours = shown(it.repo), told(reach(server), attempt)
    assert [(name, status) for name, status, _ in ours] == [(name, status) for name, status, _ in page]
    assert [line for _, _, lines in ours for line in lines] == [
        line[29:] for line in it.repo.stored_text(attempt.id or 0).decode().splitlines()
    ]
    assert [lines for name, _, lines in ours if name == "Prepare"] == [["preparing", "done preparing"]]


def test_refusals(server: Gitea, played: Play) -> None:
    (waiting,) = attempts(reach(server), played(scenarios.WAITING).repo)
    error = refusal(lambda: forge_database.log(reach(server), waiting, Want()))
    assert error.reason is Missing.NOT_STARTED
    assert "nobody-offers-this" in error.help
    (deleted,) = attempts(reach(server), played(scenarios.DELETED).repo)
    for route in (forge_database, forge_disk):
        refused = refusal(partial(route.log, reach(server), deleted, Want()))
        assert refused.reason is Missing.DELETED
        assert "did not delete it" in refused.help


def test_a_running_job_and_its_end(server: Gitea, tmp_path: Path) -> None:
    """Its rows come from the database while it runs; following it gives what is stored in the end, step by step."""
    with begin(server, scenarios.HELD, tmp_path) as playing:
        playing.runner.wait_rows(6)
        (attempt,) = attempts(reach(server), playing.repo)
        assert attempt.status is Status.RUNNING
        there = reach(server)
        opened = Event()

        def pause(seconds: float) -> None:
            if not opened.is_set():
                opened.set()
                playing.open()
            Event().wait(seconds)

        there = replace(there, http=Http(server.url, sleep=pause))
        fetched = forge_database.log(there, attempt, Want(follow=True))
        ours = split(fetched)
        playing.runner.wait()
        playing.repo.wait_for_run("success")
        page = shown(playing.repo)
        assert [name for name, _ in ours] == [name for name, _, _ in page]
        lines = [[line[29:] for line in text.decode().splitlines()] for _, text in ours]
        assert lines == [own for _, _, own in page]
        assert b"".join(text for _, text in ours) == playing.repo.stored_text(attempt.id or 0)


def digests(folder: Path) -> dict[str, str]:
    """Every file of a data folder with its bytes."""
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    return {str(f.relative_to(folder)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_the_stopped_server_s_folder_is_read_and_not_touched(server: Gitea, played: Play) -> None:
    """Gitea ends without closing its database: -wal and -shm stay, and belong to nobody."""
    its = [played(scenario) for scenario in ENDED]
    pages = [shown(it.repo) for it in its]
    server.stop()
    try:
        before = digests(server.data)
        for it, page in zip(its, pages, strict=True):
            assert told(reach(server), attempts(reach(server), it.repo)[0]) == page
        assert digests(server.data) == before
    finally:
        server.start()


def test_a_killed_server_s_folder(server: Gitea, played: Play) -> None:
    it = played(scenarios.FAILING)
    page = shown(it.repo)
    server.stop(kill=True)
    try:
        before = digests(server.data)
        assert told(reach(server), attempts(reach(server), it.repo)[0]) == page
        assert digests(server.data) == before
    finally:
        server.start()


def so_far(there: Reach, repo: Repo) -> int | None:
    """Lines of the first step of a running job, as soon as the database has any."""
    (attempt,) = attempts(there, repo)
    assert attempt.status is Status.RUNNING
    try:
        texts = dict(split(forge_database.log(there, attempt, Want())))
    except MissingLogError as e:
        if e.reason is not Missing.STILL_RUNNING:
            raise
        return None
    return lines if (lines := texts["Prepare"].count(b"\n")) > 1 else None


def test_the_program_on_the_forge_s_machine(server: Gitea, played: Play, tmp_path: Path) -> None:
    """Nobody is logged in and the repository is private; then the server does not even run."""
    it, person = played(scenarios.FAILING), Person(tmp_path / "home", server)
    where = ("--server", server.url, "--forge-host", "local", "--forge-folder", str(server.data))
    stored = it.repo.stored_text(it.tasks[0].id)

    def check() -> None:
        for route in ((), ("--route", "forge-database")):
            raw = person("logs", it.repo.full_name, "--raw", *where, *route)
            assert (raw.code, raw.out.encode()) == (0, stored), raw.err
        failed = person("logs", it.repo.full_name, "--failed", *where)
        assert FOUNDING in failed.out
        assert "preparing" not in failed.out
        listed = person.json("runs", it.repo.full_name, *where)
        assert it.run.number in [run["number"] for run in listed["runs"]]

    check()
    server.stop()
    try:
        check()
    finally:
        server.start()


ALONE = ["unshare", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "--propagation", "private", "--"]


@pytest.fixture(params=["with sqlite3", "without sqlite3"])
def far(server: Gitea, request: pytest.FixtureRequest) -> Iterator[tuple[SshHost, Path]]:
    """A machine over ssh that has the data folder at a path that is not here, so that no file is opened directly."""
    need_sshd()
    need(*ALONE)
    at = Path("/mnt/forge/data")
    setup = f"mount -t tmpfs none /mnt; mkdir -p {at}; mount --bind {server.data} {at}"
    if request.param == "without sqlite3":
        setup += "; for f in $(which -a sqlite3); do mount --bind /dev/null $f; done"
    with tempfile.TemporaryDirectory(prefix="wh-", dir="/var/tmp") as name:  # short, for the path of a socket
        folder = Path(name)
        prefix = [*ALONE, "sh", "-ec", f'{setup}\nexec "$@"', "sh"]
        with (
            sshd(folder / "sshd", prefix=prefix) as there,
            SshHost(Address("127.0.0.1", there.user, there.port), folder, environ=there.env) as host,
        ):
            yield host, at


def test_over_ssh(server: Gitea, played: Play, far: tuple[SshHost, Path], request: pytest.FixtureRequest) -> None:
    host, folder = far
    assert not folder.exists()
    there = reach(server, host, folder)
    tables = open_tables(there)
    assert isinstance(tables.database, _sqlite.Copy if "without" in str(request.node.name) else _sqlite.Tool)
    for scenario in ENDED:
        it = played(scenario)
        (attempt,) = attempts(there, it.repo)
        assert attempt == attempts(reach(server), it.repo)[0]
        assert told(there, attempt) == shown(it.repo)
        part = split(forge_database.log(there, attempt, Want(steps=frozenset({"Complete job"}))))
        assert part == split(forge_database.log(reach(server), attempt, Want()))[-1:]
    (waiting,) = attempts(there, played(scenarios.WAITING).repo)
    assert waiting.status is Status.WAITING


def leave_behind(of: Gitea, server: Gitea) -> None:
    """An SQLite database in a server's data folder, as a move to another database leaves it there."""
    with (
        closing(sqlite3.connect(f"file:{of.data}/gitea.db?mode=ro", uri=True)) as used,
        closing(sqlite3.connect(server.data / "gitea.db")) as left,
    ):
        used.backup(left)
    a_day_ago = time.time() - 86_400
    os.utime(server.data / "gitea.db", (a_day_ago, a_day_ago))


@pytest.mark.parametrize("kind", ["postgres", "mysql"])
def test_a_server_on_another_database(
    kind: str, gitea_1_26: Gitea, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """Its address comes from app.ini, with the user's word."""
    with (
        (postgres if kind == "postgres" else mariadb)() as sql,
        gitea(gitea_1_26.version, tmp_path / "gitea", Settings(database=sql.ini)) as server,
    ):
        it = play(server, scenarios.FAILING, tmp_path / "work")
        closed = replace(reach(server), folder=str(server.folder))
        assert refusal(lambda: attempts(closed, it.repo)).reason is Missing.NO_PERMISSION
        leave_behind(gitea_1_26, server)
        left = refusal(lambda: attempts(replace(closed, kept={}), it.repo))
        assert (left.reason, f"process {server.pid}" in left.help) == (Missing.NO_PERMISSION, True)
        there = replace(closed, may_read=lambda path: path == str(server.ini), kept={})
        (attempt,) = attempts(there, it.repo)
        assert told(there, attempt) == shown(it.repo)
        assert sql.password not in repr(there.kept)
        by_url = replace(closed, database=sql.url, password=lambda _: sql.password, folder=str(server.data), kept={})
        assert attempts(by_url, it.repo) == (attempt,)
        with begin(server, scenarios.HELD, tmp_path / "held") as playing:
            playing.runner.wait_rows(6)
            assert wait_for(partial(so_far, there, playing.repo), "rows in the database") == 2
            playing.open()
            playing.runner.wait()
