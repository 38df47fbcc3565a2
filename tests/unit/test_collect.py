"""Many logs at once: masked, whole or not there, never more than four requests, and a second start does the rest."""

import errno
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from forge_user import forges, web_login
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from program import PROGRAM, Ended, environment, run
from standin import Standin, faults, scenarios, standin
from standin.scenarios import FAILED, OK, Part
from standin.server import Fault
from standin.wire import Reply
from standin.world import Run as Played
from standin.world import World

import whyred.reports
from whyred.app import collect as module
from whyred.app.collect import Collected, collect
from whyred.app.crew import Crew
from whyred.app.library import Library
from whyred.app.log_folder import LIST, LogFolder, names
from whyred.app.log_pieces import LogWish
from whyred.app.logs import attempts_of
from whyred.model.credential import Credential
from whyred.model.run import Attempt, Job, Run
from whyred.model.source import Missing
from whyred.model.target import read_address
from whyred.model.trouble import UserError

COUNT = 12
PLANTED = "ghp_0123456789abcdefABCDEF0123456789abcd"


def many(world: World) -> Played:
    """A run of many jobs; one of them prints a secret."""
    run_ = world.named("alice/priv").push("many", "many.yml", "s-many")
    for n in range(COUNT):
        rows = [f"job {n} line {line} {'x' * 80}" for line in range(300)]
        rows.append(f"token: {PLANTED}" if n == 5 else "no secret")
        scenarios.play(run_.job(f"unit ({n})", "Only step"), [Part(FAILED if n == 3 else OK, rows)])
    return run_


@dataclass
class Way:
    """A stand-in with a run of many jobs, and a folder to write to."""

    forge: Standin
    played: Played
    folder: Path
    library: Library
    credential: Credential

    @property
    def logs_asked(self) -> list[str]:
        return [seen.path for seen in self.forge.requests if "/logs" in seen.path]

    def found(self, *, failed: bool = False) -> list[Collected]:
        return list(self.going(failed=failed))

    def going(self, progress: Callable[[str], None] = lambda _: None, *, failed: bool = False) -> Iterator[Collected]:
        address = read_address(f"alice/priv#{self.played.index}")
        assert address is not None
        made = forges(self.forge.url, self.credential)
        ladder, attempts = attempts_of(LogWish(address, failed=failed), made)
        ladder.reach.http.sleep = lambda _: None
        return collect(ladder, attempts, self.folder, self.library, progress)

    def names(self) -> set[str]:
        return {file.name for file in self.folder.iterdir()}

    def stored(self, n: int) -> bytes:
        task = self.played.jobs[n].task
        assert task is not None
        return task.log.whole()


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("library"))


@contextmanager
def way(
    library: Library, folder: Path, profile: str = "forgejo-16", make: Callable[[World], Any] = many
) -> Iterator[Way]:
    world = scenarios.everyday()
    played = make(world)
    with standin(profile, world) as forge:
        token = Credential(token=world.users["alice"].token("read:repository"))
        yield Way(forge, played, folder / "logs", library, token)


FILES = {f"unit-{n}.log" for n in range(COUNT)}


def test_every_log_is_there_whole_and_masked(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        found = it.found()
        assert [one.attempt.job.name for one in found if one.attempt.job] == [f"unit ({n})" for n in range(COUNT)]
        assert it.names() == FILES | {LIST}
        for n in range(COUNT):
            want = it.stored(n).replace(PLANTED.encode(), b"***")
            assert (it.folder / f"unit-{n}.log").read_bytes() == want
        for file in it.folder.iterdir():
            assert PLANTED.encode() not in file.read_bytes()


def test_a_server_is_never_asked_for_more_than_four_things_at_once(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        it.forge.latency = 0.02
        it.found()
        assert 2 <= it.forge.most_at_once <= 4


@pytest.mark.parametrize("profile", ["gitea-1.25", "gitea-1.26.4"])
def test_other_servers(profile: str, library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path, profile) as it:
        it.found()
        assert it.names() == FILES | {LIST}
        assert (it.folder / "unit-1.log").read_bytes() == it.stored(1)


@pytest.mark.parametrize("profile", ["forgejo-7", "forgejo-11", "forgejo-14", "gitea-1.23"])
def test_a_web_login_serves_as_well(profile: str, library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path, profile) as it:
        it.credential = web_login(it.forge.url, "alice", it.forge.world.users["alice"].password)
        it.found()
        assert it.names() == FILES | {LIST}
        assert (it.folder / "unit-1.log").read_bytes() == it.stored(1)
        assert it.forge.most_at_once <= 4


def test_a_second_start_asks_for_what_is_missing_alone(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        it.found()
        (it.folder / "unit-2.log").unlink()
        (it.folder / "unit-4.log").write_bytes(b"somebody cut it")
        before = len(it.logs_asked)
        found = it.found()
        assert len(it.logs_asked) == before + 2
        assert [one.kept for one in found] == [n not in (2, 4) for n in range(COUNT)]
        assert (it.folder / "unit-4.log").read_bytes() == it.stored(4)
        before = len(it.logs_asked)
        it.found()
        assert len(it.logs_asked) == before


def test_a_list_that_was_cut_short_costs_one_log(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        it.found()
        lines = (it.folder / LIST).read_bytes()
        (it.folder / LIST).write_bytes(lines[:-20])
        before = len(it.logs_asked)
        with pytest.raises(UserError, match="is there already"):
            it.found()  # nothing says any more whose that file is
        last = json.loads(lines.splitlines()[-1])["file"]
        (it.folder / last).unlink()
        it.found()
        assert len(it.logs_asked) == before + 1


def test_a_new_attempt_is_another_file(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        it.found()
        job = it.played.jobs[3]
        job.again()
        scenarios.play(job, [Part(OK, ["this time"])])
        before = len(it.logs_asked)
        it.found()
        assert len(it.logs_asked) == before + 1
        assert it.names() == FILES | {LIST, "unit-3-attempt-2.log"}
        assert b"this time" in (it.folder / "unit-3-attempt-2.log").read_bytes()


def test_a_job_that_runs_is_fetched_again(library: Library, tmp_path: Path) -> None:
    def make(world: World) -> Played:
        played = scenarios.running(world.named("alice/priv"))
        played.jobs[0].attempts[0].row("so far", 0)
        return played

    with way(library, tmp_path, make=make) as it:
        it.found()
        assert (it.folder / "slow.log").read_bytes().endswith(b"so far\n")
        it.played.jobs[0].attempts[0].row("and more", 0)
        it.found()
        assert (it.folder / "slow.log").read_bytes().endswith(b"and more\n")


def test_failed_jobs_alone(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        assert len(it.found(failed=True)) == 1
        assert it.names() == {"unit-3.log", LIST}


def test_what_is_not_to_be_had_has_its_reason_and_the_others_are_there(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        attempt = it.played.jobs[7].task
        assert attempt is not None
        attempt.missing = "expired"
        found = it.found()
        assert [one.error.reason for one in found if one.error] == [Missing.EXPIRED]
        assert it.names() == (FILES | {LIST}) - {"unit-7.log"}


def test_a_log_that_breaks_off_for_good_leaves_no_file(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        path = f"/jobs/{it.played.jobs[0].id}/logs"
        it.forge.fault(faults.stop_for_good(100), on=path)
        found = it.found()
        assert found[0].error is not None
        assert found[0].error.reason is Missing.UNREACHABLE
        assert it.names() == (FILES | {LIST}) - {"unit-0.log"}
        it.forge.heal()
        assert all(one.file for one in it.found())


# --- ends ------------------------------------------------------------------------------------------------------------


def test_an_interrupt_leaves_whole_files_alone(library: Library, tmp_path: Path) -> None:
    until = threading.Event()

    def stop(told: str) -> None:
        if int(told.partition(" ")[0]) >= 3:
            raise KeyboardInterrupt

    with way(library, tmp_path) as it:
        it.forge.fault(faults.hang(until), on=f"/jobs/{it.played.jobs[COUNT - 1].id}/logs")
        with pytest.raises(KeyboardInterrupt):
            list(it.going(stop))
        there = it.names() - {LIST}
        assert 3 <= len(there) < COUNT
        for name in there:
            assert (it.folder / name).read_bytes().count(b"\n") > 300
        until.set()
        assert all(one.file for one in it.found())
        assert it.names() == FILES | {LIST}


def test_who_wants_no_more_ends_it(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        going = it.going()
        next(going)
        going.close()  # type: ignore[attr-defined]
        assert not [name for name in it.names() if name.endswith(".part")]


def test_an_interrupt_while_the_server_is_silent(library: Library, tmp_path: Path) -> None:
    """The threads hang in the server, and nothing of them is left."""
    until = threading.Event()

    def stop(_: str) -> None:
        raise KeyboardInterrupt

    with way(library, tmp_path) as it:
        it.forge.fault(faults.hang(until), on=f"/jobs/{it.played.jobs[6].id}/logs")
        with pytest.raises(KeyboardInterrupt):
            list(it.going(stop))
        assert not [name for name in it.names() if name.endswith(".part")]
        until.set()


def stuck(until: threading.Event) -> Fault:
    """Two MB of the body, and no more before the test says so."""

    def how(reply: Reply) -> Reply:
        whole = reply.whole()

        def pieces() -> Iterator[bytes]:
            yield whole[:2_000_000]
            until.wait()
            yield whole[2_000_000:]

        return replace(reply, body=pieces(), length=len(whole), chunked=False)

    return faults.change(how)


def test_ctrl_c_in_the_real_program(tmp_path: Path) -> None:
    until = threading.Event()

    def make(world: World) -> Played:
        played = many(world)
        scenarios.play(played.job("long", "Only step"), [Part(OK, ["x" * 60_000] * 60)])
        return played

    with way(Library(None), tmp_path, make=make) as it:
        it.forge.fault(stuck(until), on=f"/jobs/{it.played.jobs[COUNT].id}/logs")
        token = str(it.credential.token)
        env = environment(tmp_path, WHYRED_SERVER=it.forge.url, WHYRED_TOKEN=token)
        argv = ["logs", f"alice/priv#{it.played.index}", "--out-dir", str(it.folder)]
        child = subprocess.Popen([*PROGRAM, *argv], env=env, cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while not it.folder.exists() or ".long.log." not in " ".join(it.names()):
            assert child.poll() is None, child.communicate()
        child.send_signal(signal.SIGINT)
        out, err = child.communicate()
        assert (child.returncode, out, err.strip()) == (130, b"", b"whyred: interrupted")
        assert not [name for name in it.names() if name.endswith(".part")]
        assert "long.log" not in it.names()
        until.set()
        ended = run(argv, env)
        assert (ended.code, ended.err) == (0, "")
        assert "there already" in ended.out
        assert it.names() == FILES | {LIST, "long.log"}
        assert token not in "".join(file.read_text() for file in it.folder.iterdir())


def test_what_a_killed_start_left_is_taken_away_and_nothing_else(library: Library, tmp_path: Path) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    with way(library, tmp_path) as it:
        it.folder.mkdir()
        stale, lives = f".unit-1.log.{gone.pid}.part", f".other.log.{os.getppid()}.part"
        for name in (stale, lives, ".mine.part", "notes.txt"):
            (it.folder / name).write_text("x")
        it.found()
        assert it.names() == FILES | {LIST, lives, ".mine.part", "notes.txt"}


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EIO])
def test_a_disk_that_refuses_is_told_and_leaves_no_half_file(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    real, left = os.write, [100_000]

    def write(descriptor: int, data: bytes) -> int:
        left[0] -= len(data)
        if left[0] < 0:
            raise OSError(code, os.strerror(code))
        return real(descriptor, data)

    with way(library, tmp_path) as it:
        monkeypatch.setattr(os, "write", write)
        with pytest.raises(UserError, match="cannot write"):
            it.found()
        monkeypatch.undo()
        assert not [name for name in it.names() if name.endswith(".part")]
        assert all(one.file for one in it.found())


class Stub:
    """Work that does nothing: the first four tasks at once, the others so many together, or not at all."""

    def __init__(self, waited: float, together: int) -> None:
        self.waited, self.meet = waited, threading.Barrier(together, timeout=60)
        self.stopped, self.lock = threading.Event(), threading.Lock()
        self.now = self.most = 0

    def do(self, task: tuple[Attempt, str]) -> tuple[float, Collected]:
        attempt, file = task
        if int(file) >= 4:
            with self.lock:
                self.now += 1
                self.most = max(self.most, self.now)
            self.meet.wait()
            with self.lock:
                self.now -= 1
        return self.waited, Collected(attempt, None)

    def close(self) -> None:
        """Nothing was begun."""


@pytest.mark.parametrize(("waited", "threads"), [(-1.0, 2), (60.0, 6)])
def test_there_are_as_many_threads_as_pay(waited: float, threads: int) -> None:
    """Where nothing is waited for two are left of four; where much is, there are six: the others wait for the last."""
    stub = Stub(waited, threads)
    tasks = [(attempt("job"), str(n)) for n in range(4 + 4 * threads)]
    found = list(module._in_order(Crew(stub, tasks), len(tasks), lambda _: None))
    assert len(found) == len(tasks)
    assert stub.most == threads


@pytest.mark.parametrize("allowed", [0, 1])
def test_it_works_where_no_more_threads_may_be_had(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, allowed: int
) -> None:
    with way(library, tmp_path) as it:
        going = it.going()
        real, left = threading.Thread.start, [allowed]

        def start(thread: threading.Thread) -> None:
            if thread._target.__qualname__.startswith("Crew"):  # type: ignore[attr-defined]
                left[0] -= 1
                if left[0] < 0:
                    raise RuntimeError("can't start new thread")
            real(thread)

        monkeypatch.setattr(threading.Thread, "start", start)
        assert all(one.file for one in going)
        assert left[0] < 0


def test_a_bug_in_a_thread_is_raised_and_not_swallowed(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with way(library, tmp_path) as it:
        monkeypatch.setattr(LogFolder, "end", broken)
        with pytest.raises(ZeroDivisionError):
            it.found()


# --- names -----------------------------------------------------------------------------------------------------------


def attempt(job: str, number: int | None = 1, run_: int = 1) -> Attempt:
    return Attempt(Run(f"a/b#{run_}", number=run_), Job(None, job), number)


@pytest.mark.parametrize(
    ("attempts", "wanted"),
    [
        ([attempt("build"), attempt("test")], ["build", "test"]),
        ([attempt("Build"), attempt("build")], ["Build", "build-2"]),
        ([attempt("a b"), attempt("a/b"), attempt("a:b")], ["a-b", "a-b-2", "a-b-3"]),
        ([attempt("../../etc/passwd"), attempt("\x1b]0;x\x07"), attempt("..")], ["etc-passwd", "0-x", "job"]),
        ([attempt("build", 2), attempt("build", None)], ["build-attempt-2", "build"]),
        ([attempt("build", run_=7), attempt("build", run_=8)], ["7-build", "8-build"]),
        ([attempt("ünï ✅"), attempt("x" * 500)], ["ünï", "x" * 80]),
        ([attempt("build"), attempt("build-2"), attempt("build")], ["build", "build-2", "build-3"]),
    ],
)
def test_names(attempts: list[Attempt], wanted: list[str]) -> None:
    assert names(attempts) == wanted


def test_hostile_job_names_stay_in_the_folder(library: Library, tmp_path: Path) -> None:
    from standin.hard_scenarios import hostile

    with way(library, tmp_path, make=lambda world: hostile(world.named("alice/priv"))) as it:
        it.found()
        assert all(file.parent == it.folder and file.name.isprintable() for file in it.folder.iterdir())
        assert {file.name for file in tmp_path.iterdir()} == {"logs"}


def test_nothing_of_others_is_written_over(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        it.folder.mkdir()
        (it.folder / "unit-1.log").write_text("mine")
        with pytest.raises(UserError, match="is there already"):
            it.found()
        assert it.logs_asked == []
        (it.folder / "unit-1.log").unlink()
        it.found()
        other = replace(it)
        other.played = many(it.forge.world)
        with pytest.raises(UserError, match="it is of"):
            other.found()


def test_what_is_no_plain_file_stays(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path) as it:
        it.found()
        log, far = it.folder / "unit-1.log", tmp_path / "far.log"
        log.rename(far)
        log.symlink_to(far)
        with pytest.raises(UserError, match="is no plain file"):
            it.found()
        assert log.is_symlink()


def test_a_folder_that_cannot_be_is_told(library: Library, tmp_path: Path) -> None:
    (tmp_path / "logs").write_text("a file")
    with way(library, tmp_path) as it, pytest.raises(UserError, match="cannot write to"):
        it.found()


# --- what the program says -------------------------------------------------------------------------------------------


def said(it: Way, tmp_path: Path, *more: str) -> Ended:
    env = environment(tmp_path, WHYRED_SERVER=it.forge.url, WHYRED_TOKEN=str(it.credential.token))
    return run(["logs", f"alice/priv#{it.played.index}", "--out-dir", str(it.folder), *more], env)


def test_every_line_of_json_is_valid_and_stands_in_the_list(tmp_path: Path) -> None:
    with way(Library(None), tmp_path) as it:
        attempt = it.played.jobs[7].task
        assert attempt is not None
        attempt.missing = "expired"
        ended = said(it, tmp_path, "--json")
        assert (ended.code, ended.err) == (4, "")
        lines = [json.loads(line) for line in ended.out.splitlines()]
        schema = json.loads((Path(whyred.reports.__path__[0]) / "schema/collected-1.json").read_text())
        for line in lines:
            Draft202012Validator(schema).validate(line)
        assert [line["no_log"]["reason"] for line in lines if "no_log" in line] == ["expired"]
        listed = {line.pop("file"): line for line in map(json.loads, (it.folder / LIST).read_text().splitlines())}
        files = {line.pop("file"): line for line in lines if "file" in line}
        assert listed == {name: {k: v for k, v in line.items() if k != "kept"} for name, line in files.items()}


def test_the_program_says_how_many_and_which_are_missing(tmp_path: Path) -> None:
    with way(Library(None), tmp_path) as it:
        attempt = it.played.jobs[7].task
        assert attempt is not None
        attempt.missing = "expired"
        ended = said(it, tmp_path)
        assert (ended.code, ended.out) == (4, f"wrote {COUNT - 1} logs to {it.folder}\n")
        assert ended.err.startswith("whyred: alice/priv#9:unit (7): no log (expired): ")
        attempt.missing = ""
        ended = said(it, tmp_path)
        assert (ended.code, ended.out) == (0, f"wrote 1 log to {it.folder}, {COUNT - 1} were there already\n")


def test_where_not_one_is_there_it_is_said_once(tmp_path: Path) -> None:
    with way(Library(None), tmp_path, make=lambda world: scenarios.waiting(world.named("alice/priv"))) as it:
        ended = said(it, tmp_path)
        assert (ended.code, ended.out) == (4, "")
        assert "no log (not-started)" in ended.one_line()


@pytest.mark.parametrize("more", [["--tail", "3"], ["--raw"], ["--follow"], ["--step", "1"], ["--out", "x"]])
def test_what_does_not_go_together_is_named_before_anything_is_asked(more: list[str], tmp_path: Path) -> None:
    ended = run(["logs", "a/b#1", "--out-dir", str(tmp_path / "logs"), *more], environment(tmp_path))
    assert ended.code == 2
    assert "--out-dir" in ended.one_line()
    assert not (tmp_path / "logs").exists()


@pytest.mark.parametrize("profile", ["forgejo-7", "forgejo-11", "forgejo-14", "gitea-1.23"])
def test_a_second_start_by_the_web_pages_alone_asks_for_no_log(profile: str, library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path, profile) as it:
        it.credential = web_login(it.forge.url, "alice", it.forge.world.users["alice"].password)
        assert not any(one.kept for one in it.found())
        listed = (it.folder / LIST).read_bytes()
        assert all(one.kept for one in it.found())
        assert (it.folder / LIST).read_bytes() == listed


def test_a_job_that_was_run_again_is_fetched_again(library: Library, tmp_path: Path) -> None:
    with way(library, tmp_path, "gitea-1.23") as it:
        it.credential = web_login(it.forge.url, "alice", it.forge.world.users["alice"].password)
        it.found()
        it.played.jobs[3].again()
        scenarios.play(it.played.jobs[3], [Part(OK, ["another one"])])
        assert [n for n, one in enumerate(it.found()) if not one.kept] == [3]
        assert (it.folder / "unit-3.log").read_bytes() == it.stored(3)
