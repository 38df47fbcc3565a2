"""Runs of several failed jobs: each log is read once, what they have in common is told, and what cannot be had does not
stop the others.
"""

import json
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from change_standin import Way, way
from program import environment, run
from standin import PROFILES, Status, World
from standin.scenarios import FAILED, FAILING_PARTS, OK, Part, opening, play

from whyred.app.failed_jobs import read_jobs
from whyred.app.library import Library
from whyred.app.targets import JobLog, Several
from whyred.app.why import Wish, why
from whyred.model.finding import Verdict
from whyred.model.run import Attempt, Conclusion, Job, Run, Step
from whyred.model.run import Status as State
from whyred.model.run_failures import RunFailures
from whyred.model.source import Fetched, Missing, MissingLogError
from whyred.model.trouble import UserError

TOKEN = "ghp_0123456789abcdefABCDEF0123456789abcd"
MATRIX = tuple(f"test ({version}, {system})" for version in ("1.21", "1.22") for system in ("linux", "mac"))
COMPILE = Part(FAILED, ["error[E0308]: mismatched types", " --> src/a.rs:3:4"])
FOUNDING = 'error: couldn\'t create a temp dir: No such file or directory (os error 2) at path "/tmp/rustcVAIpSt"'


@cache
def library() -> Library:
    return Library(None)


def quiet(_: str) -> None:
    return None


def same(world: World) -> None:
    """Every job of a matrix fails in the same way."""
    run_ = world.named("alice/priv").push("same", "same.yml", "s-same")
    for name in MATRIX:
        play(run_.job(name, "Prepare", "Cargo build"), [Part(OK, ["preparing"]), FAILING_PARTS[1]])


def mixed(world: World) -> None:
    """Two fail in one way, one in another, one has no log any more, one was cancelled by fail-fast, one by hand."""
    run_ = world.named("alice/priv").push("mixed", "mixed.yml", "s-mixed")
    play(run_.job("lint", "Lint"), [COMPILE])
    jobs = [run_.job(name, "Prepare", "Cargo build") for name in MATRIX]
    for job in jobs[:2]:
        play(job, [Part(OK, ["preparing"]), FAILING_PARTS[1]])
    attempt = jobs[2].pick()
    for text in opening(attempt):
        attempt.row(text)
    attempt.end(Status.CANCELLED)
    jobs[3].pick().end(Status.CANCELLED)
    run_.job("deploy", "Deploy").pick().end(Status.CANCELLED)
    play(run_.job("docs", "Docs"), [Part(FAILED, ["boom"])])
    run_.jobs[-1].attempts[-1].missing = "expired"
    play(run_.job("fmt", "Format"), [Part(OK, ["fine"])])


def failures(verdict: Verdict) -> RunFailures:
    assert verdict.run_failures is not None
    return verdict.run_failures


@pytest.fixture(params=PROFILES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def go(user: Way, job: str = "", save: Path | None = None) -> Verdict:
    target = f"alice/priv#{user.repo.runs[-1].index}{f':{job}' if job else ''}"
    return why(Wish(target, forges=user.forges, probe=False, save=save), library(), quiet)


def test_the_same_failure_of_every_job(name: str) -> None:
    with way(name, same) as user:
        verdict = go(user)
    run_ = failures(verdict)
    assert [(one.jobs, one.failure.message) for one in run_.groups] == [(MATRIX, FOUNDING)]
    assert (run_.failed, run_.silent, run_.missing, run_.cancelled) == (4, (), (), ())
    assert verdict.attempt.job is not None
    assert (verdict.attempt.job.name, run_.job) == (MATRIX[0], MATRIX[0])
    assert verdict.findings[0].failure.message == FOUNDING


def test_the_heaviest_group_is_looked_into_and_the_others_are_named(name: str) -> None:
    with way(name, mixed) as user:
        verdict = go(user)
        alone = go(user, "lint")
    run_ = failures(verdict)
    expires = PROFILES[name].retention  # Forgejo 7 deletes no log
    assert [one.jobs for one in run_.groups] == [MATRIX[:2], ("lint",), *([] if expires else [("docs",)])]
    assert verdict.attempt.job is not None
    assert verdict.attempt.job.name == MATRIX[0]
    assert [(one.job, one.reason) for one in run_.missing] == [("docs", Missing.EXPIRED)] * expires
    assert run_.cancelled == MATRIX[2:]
    assert run_.stopped == ("deploy",)
    assert alone.run_failures is None
    assert alone.failures[0].fingerprint == run_.groups[1].failure.fingerprint


@pytest.mark.parametrize("profile", ["forgejo-11", "gitea-1.26.4"])
def test_a_bundle_tells_the_same(profile: str, tmp_path: Path) -> None:
    with way(profile, mixed) as user:
        live = go(user, save=tmp_path / "b.whyred")
    again = why(Wish(str(tmp_path / "b.whyred"), probe=False), library(), quiet)
    assert again.run_failures == live.run_failures
    assert [one.fingerprint for one in again.failures] == [one.fingerprint for one in live.failures]
    with zipfile.ZipFile(tmp_path / "b.whyred") as archive:
        names = archive.namelist()
        assert names[0] == "log.zst"
        assert "run.json" in names


def test_a_damaged_bundle_is_refused(tmp_path: Path) -> None:
    with way("forgejo-16", same) as user:
        go(user, save=tmp_path / "b.whyred")
    with zipfile.ZipFile(tmp_path / "b.whyred") as old, zipfile.ZipFile(tmp_path / "c.whyred", "w") as new:
        for member in old.infolist():
            new.writestr(member, b'{"run": 1}' if member.filename == "run.json" else old.read(member))
    with pytest.raises(MissingLogError, match=r"run\.json cannot be read"):
        why(Wish(str(tmp_path / "c.whyred"), probe=False), library(), quiet)


# --- the program ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def test_why_and_read_say_it(home: Path) -> None:
    with way("forgejo-16", same) as user:
        env = environment(home, WHYRED_SERVER=user.forge.url, WHYRED_TOKEN=user.http.token or "")
        target = f"alice/priv#{user.repo.runs[-1].index}"
        ended, read, data = (run(args, env) for args in (["why", target], ["read", target], ["why", target, "--json"]))
    for one in (ended, read):
        assert one.code == 1
        assert "the run  4 of 4 failed jobs: the same failure\n  test ({1.21,1.22}, {linux,mac})\n" in one.out
    assert ended.err == "", "the other jobs are told in the report"
    assert json.loads(data.out)["run_failures"]["groups"][0]["jobs"] == list(MATRIX)


LOG = "2026-01-01T10:00:00.0000000Z ##[group]Run make\n2026-01-01T10:00:01.0000000Z {}\n"
RED = LOG + "2026-01-01T10:00:02.0000000Z ##[error]Process completed with exit code 2.\n"
CANCELLED = LOG + "2026-01-01T10:00:02.0000000Z ##[error]The operation was canceled.\n"
GREEN = LOG + "2026-01-01T10:00:03.0000000Z Post job cleanup.\n"


def zipped(folder: Path, logs: dict[str, str]) -> Path:
    file = folder / "run.zip"
    with zipfile.ZipFile(file, "w") as packed:
        for n, (job, text) in enumerate(logs.items()):
            packed.writestr(f"{n}_{job}.txt", text)
    return file


def test_a_zip_of_a_whole_run(home: Path, tmp_path: Path) -> None:
    undefined = "a.c:1: undefined reference to `f{}'"
    logs = {
        "lint": RED.format("error[E0308]: mismatched types"),
        "fine": GREEN.format("ok"),
        **{f"test ({n})": RED.format(undefined.format("")) for n in range(3)},
        "test (3)": CANCELLED.format("compiling"),
    }
    file = zipped(tmp_path, logs)
    ended = run(["why", str(file)], environment(home))
    assert ended.code == 1
    assert "the run  4 failed jobs, 2 different failures\n" in ended.out
    assert "  3 of 4: test ({0,1,2}): step Run make, line 2 of test (0): " in ended.out
    assert f"    whyred why {file}:lint\n" in ended.out
    assert "(fail-fast): test (3)\n" in ended.out
    assert run(["why", f"{file}:lint"], environment(home)).out.count("the run  ") == 0


def test_a_zip_in_which_one_job_failed_is_read_as_before(home: Path, tmp_path: Path) -> None:
    file = zipped(tmp_path, {"fine": GREEN.format("ok"), "lint": RED.format("error[E0308]: mismatched types")})
    ended = run(["read", str(file), "--json"], environment(home))
    data = json.loads(ended.out)
    assert (ended.code, data["run_failures"]) == (1, None)
    assert "mismatched types" in data["failures"][0]["message"]


def test_a_zip_in_which_nothing_failed(home: Path, tmp_path: Path) -> None:
    file = zipped(tmp_path, {"fine": GREEN.format("ok"), "good": GREEN.format("ok")})
    ended = run(["why", str(file)], environment(home))
    assert ended.code == 2
    assert "no text says that one failed" in ended.one_line()


def test_no_secret_of_any_job_is_told(home: Path, tmp_path: Path) -> None:
    logs = {f"job {n}": RED.format(f"error: cannot push with {TOKEN}") for n in range(2)}
    logs[f"other {TOKEN}"] = RED.format("error[E0308]: mismatched types")
    file = zipped(tmp_path, logs)
    for arguments in (["why", str(file)], ["why", str(file), "--json"], ["read", str(file)]):
        ended = run(arguments, environment(home))
        assert ended.code == 1
        assert TOKEN not in ended.out.replace(str(file), "")


# --- what is in the logs ----------------------------------------------------------------------------------------------


def job(name: str, text: str | MissingLogError, told: Conclusion = Conclusion.FAILURE) -> JobLog:
    attempt = Attempt(Run("a/b#1"), Job(None, name), status=State.DONE, conclusion=told)

    def open_() -> Fetched:
        if isinstance(text, MissingLogError):
            raise text
        return Fetched(attempt, iter([text.encode()]), "test")

    return JobLog(name, attempt, open_)


def gone(reason: Missing = Missing.DELETED) -> MissingLogError:
    return MissingLogError(reason, "GET /", "run it again")


def read(*jobs: JobLog, told: bool = True, cancelled: tuple[str, ...] = ()) -> RunFailures:
    found = read_jobs(Several("a/b#1", jobs, told, cancelled), library(), quiet)
    assert found is not None
    assert found.failures is not None
    return found.failures


def test_a_job_of_which_no_line_says_what_failed() -> None:
    run_ = read(job("a", RED.format("error[E0308]: mismatched types")), job("b", "\n\n"))
    assert run_.silent == ("b",)
    assert run_.job == "a"


def test_a_log_that_only_says_that_it_was_cancelled_is_no_failure_of_its_own() -> None:
    red = RED.format("error[E0308]: mismatched types")
    run_ = read(job("a (1)", red), job("a (2)", CANCELLED.format("x"), Conclusion.UNKNOWN), job("a (3)", red))
    assert [one.jobs for one in run_.groups] == [("a (1)", "a (3)")]
    assert run_.cancelled == ("a (2)",)


def test_where_every_log_is_missing_the_reasons_are_told() -> None:
    with pytest.raises(MissingLogError) as e:
        read(job("a", gone()), job("b", gone(Missing.EXPIRED)))
    assert [(name, error.reason) for name, error in e.value.tried] == [("a", Missing.DELETED), ("b", Missing.EXPIRED)]


def test_every_log_is_opened_once_and_broken_ones_do_not_stop_the_others() -> None:
    opened: list[str] = []
    lock = threading.Lock()

    def counted(one: JobLog) -> JobLog:
        def open_() -> Fetched:
            with lock:
                opened.append(one.name)
            return one.open()

        return replace(one, open=open_)

    def broken() -> Iterator[bytes | Step]:
        yield b"first\n"
        raise gone(Missing.UNREACHABLE)

    breaks = replace(job("breaks", ""), open=lambda: Fetched(job("breaks", "").attempt, broken(), "test"))
    red = RED.format("error[E0308]: mismatched types")
    jobs = [counted(job(f"job{n}", red)) for n in range(20)] + [counted(job("gone", gone())), counted(breaks)]
    run_ = read(*jobs)
    assert sorted(opened) == sorted(one.name for one in jobs)
    assert [len(one.jobs) for one in run_.groups] == [20]
    assert [(one.job, one.reason) for one in run_.missing] == [
        ("gone", Missing.DELETED),
        ("breaks", Missing.UNREACHABLE),
    ]


def test_a_usage_error_in_a_thread_ends_it() -> None:
    def wrong() -> Fetched:
        raise UserError("no", "because", "do")

    with pytest.raises(UserError):
        read(replace(job("a", ""), open=wrong), job("b", RED.format("x")))


def test_only_few_readings_are_kept() -> None:
    """Every job fails in a way of its own: what is looked into may be read again, and is the same."""
    jobs = [job(f"job{n}", RED.format(f"error: cannot open file{chr(97 + n) * 3}.txt")) for n in range(20)]
    found = read_jobs(Several("a/b#1", tuple(jobs), told=True), library(), quiet)
    assert found is not None
    assert found.failures is not None
    assert found.first.name == found.failures.job == found.failures.groups[0].jobs[0]
    assert found.read is None or found.read.fetched.attempt.job == found.first.attempt.job


def test_progress_says_how_many_were_read() -> None:
    said: list[str] = []
    jobs = (job("a", RED.format("x")), job("b", RED.format("x")))
    read_jobs(Several("a/b#1", jobs, told=True), library(), said.append)
    assert said[0] == "0 of 2 failed jobs of a/b#1 read"
