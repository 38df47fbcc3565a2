"""The route by what a tap kept: runs, attempts, exact steps and rows, growing or whole, and why there is none."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status, Step
from whyred.model.source import Boundaries, Missing, MissingLogError
from whyred.sources import tap
from whyred.sources._runner_calls import StepTold, TaskTold
from whyred.sources._tap_files import What, folder_of
from whyred.sources._tap_keep import TaskFiles, kept_alone
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want

ROOT, OTHER = "https://forge.example", "https://other.example"
SUCCESS, FAILURE, CANCELLED, SKIPPED = 1, 2, 3, 4


def reach(taps: Path | None, root: str = ROOT, sleep: Callable[[float], None] = lambda _: None) -> Reach:
    return Reach(Server(root, Kind.GITEA), Http(root, sleep=sleep), tapped=taps)


def row(text: str) -> bytes:
    return f"2026-01-02T03:04:05.0000000Z {text}\n".encode()


def files(taps: Path, task: int, run: int = 3, job: str = "test", attempt: int = 1, **more: object) -> TaskFiles:
    """The files of a task, begun."""
    folder = folder_of(taps, str(more.pop("folder", ROOT)))
    folder.mkdir(parents=True, exist_ok=True)
    found = TaskFiles(folder, task)
    told = {
        "repo": "alice/pub",
        "run_id": run + 100,
        "run_number": run,
        "steps": ("Prepare", "", "Last"),
        "runner": "r-1",
    }
    found.what(What(task, attempt=attempt, job=job, **(told | more)))  # type: ignore[arg-type]
    return found


def ended(taps: Path, task: int, result: int = FAILURE, **more: object) -> TaskFiles:
    """A job of three steps, of which the second failed and the third did not run."""
    found = files(taps, task, **more)  # type: ignore[arg-type]
    found.rows(0, [row(t) for t in ("received", "a", "b", "c", "done")])
    steps = (
        StepTold(0, SUCCESS, 10.0, 11.0, 1, 2),
        StepTold(1, result, 11.0, 12.0, 3, 1),
        StepTold(2, SKIPPED, None, 12.0, 4, 0),
    )
    found.state(TaskTold(task, result, 10.0, 12.0, steps))
    found.end()
    return found


def split(chunks: Iterator[bytes | Step]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for chunk in chunks:
        if isinstance(chunk, Step):
            found.append((chunk.name, ""))
        else:
            texts = "".join(line[29:].decode() + ";" for line in chunk.splitlines())
            name, before = found.pop() if found else ("", "")
            found.append((name, before + texts))
    return found


def refusal(call: Callable[[], object]) -> MissingLogError:
    with pytest.raises(MissingLogError) as caught:
        call()
    assert caught.value.help
    return caught.value


def only(there: Reach, number: int = 3) -> Attempt:
    (run,) = tap.runs(there, "alice/pub", RunQuery(number=number))
    (attempt,) = tap.attempts(there, run)
    return attempt


def test_a_job_that_has_ended(tmp_path: Path) -> None:
    ended(tmp_path, 9)
    there = reach(tmp_path)
    attempt = only(there)
    assert (attempt.run.label, attempt.run.id, attempt.run.number) == ("alice/pub#3", 103, 3)
    assert (attempt.run.status, attempt.run.conclusion) == (Status.DONE, Conclusion.FAILURE)
    assert (attempt.id, attempt.number, attempt.job, attempt.runner) == (9, 1, Job(None, "test"), Runner(name="r-1"))
    assert (attempt.status, attempt.conclusion, attempt.started, attempt.ended) == (
        Status.DONE,
        Conclusion.FAILURE,
        10.0,
        12.0,
    )
    assert [(s.name, s.conclusion, s.aside) for s in attempt.steps] == [
        ("Set up job", Conclusion.SUCCESS, True),
        ("Prepare", Conclusion.SUCCESS, False),
        ("Step 2", Conclusion.FAILURE, False),
        ("Last", Conclusion.SKIPPED, False),
        ("Complete job", Conclusion.FAILURE, True),
    ]
    fetched = tap.log(there, attempt, Want())
    assert (fetched.route, fetched.boundaries) == ("tap", Boundaries.TOLD)
    assert split(fetched.chunks) == [
        ("Set up job", "received;"),
        ("Prepare", "a;b;"),
        ("Step 2", "c;"),
        ("Last", ""),
        ("Complete job", "done;"),
    ]


def test_parts_of_a_log(tmp_path: Path) -> None:
    ended(tmp_path, 9)
    there = reach(tmp_path)
    attempt = only(there)
    assert split(tap.log(there, attempt, Want(frozenset({2, "Set up job"}))).chunks) == [
        ("Set up job", "received;"),
        ("Step 2", "c;"),
    ]
    assert split(tap.log(there, attempt, Want(tail=70)).chunks) == [
        ("Step 2", "c;"),
        ("Last", ""),
        ("Complete job", "done;"),
    ]
    assert split(tap.log(there, attempt, Want(tail=1 << 20)).chunks)[0] == ("Set up job", "received;")
    error = refusal(lambda: tap.log(there, attempt, Want(most=50)))
    assert (error.reason, "--max-bytes allows 50" in error.help) == (Missing.TOO_LARGE, True)
    assert split(tap.log(there, attempt, Want(frozenset({1}), most=50)).chunks) == [("Prepare", "a;b;")]


@pytest.mark.parametrize("tail", range(1, 200, 3))
def test_the_end_of_a_log_is_whole_lines_and_no_more_than_wanted(tmp_path: Path, tail: int) -> None:
    ended(tmp_path, 9)
    there = reach(tmp_path)
    whole = [c for c in tap.log(there, only(there), Want()).chunks if isinstance(c, bytes)]
    end = b"".join(c for c in tap.log(there, only(there), Want(tail=tail)).chunks if isinstance(c, bytes))
    assert len(end) <= tail or tail >= len(b"".join(whole))
    assert b"".join(whole).endswith(end)
    assert end[:4] in (b"", b"2026")
    assert len(end) + 40 > min(tail, len(b"".join(whole)))


def test_the_runs_of_a_repository(tmp_path: Path) -> None:
    ended(tmp_path, 1, SUCCESS, run=1)
    ended(tmp_path, 2, FAILURE, run=2, job="a")
    ended(tmp_path, 3, SUCCESS, run=2, job="b")
    ended(tmp_path, 4, SUCCESS, run=2, job="a", attempt=2)
    ended(tmp_path, 5, FAILURE, run=4, repo="alice/other")
    files(tmp_path, 6, run=5)
    ended(tmp_path, 7, FAILURE, run=6, folder=OTHER)
    ended(tmp_path, 8, FAILURE, run=7, folder="http://10.0.0.1:3000", server=ROOT)
    TaskFiles(folder_of(tmp_path, ROOT), 10).rows(0, [row("of a job that nobody knows")])
    there = reach(tmp_path)
    runs = list(tap.runs(there, "Alice/Pub", RunQuery()))
    assert [(r.number, r.status, r.conclusion) for r in runs] == [
        (7, Status.DONE, Conclusion.FAILURE),
        (5, Status.UNKNOWN, Conclusion.UNKNOWN),
        (2, Status.UNKNOWN, Conclusion.UNKNOWN),
        (1, Status.UNKNOWN, Conclusion.UNKNOWN),
    ], "that the jobs seen went well says nothing of others"
    attempts = tap.attempts(there, runs[2])
    assert [(a.job.name, a.number, a.id) for a in attempts if a.job] == [("b", 1, 3), ("a", 2, 4)]
    assert [r.id for r in tap.runs(there, "alice/pub", RunQuery(id=102))] == [102]
    assert list(tap.runs(reach(tmp_path, OTHER), "alice/pub", RunQuery(number=1))) == []


@pytest.mark.parametrize(
    "query", [RunQuery(commit="abc"), RunQuery(branch="main"), RunQuery(workflow="ci.yml"), RunQuery(event="push")]
)
def test_what_a_tap_does_not_keep_is_not_guessed(tmp_path: Path, query: RunQuery) -> None:
    """The newest run would else be taken for that of any commit."""
    ended(tmp_path, 9)
    error = refusal(lambda: list(tap.runs(reach(tmp_path), "alice/pub", query)))
    assert error.reason is Missing.WRONG_ID_KIND
    assert "number" in error.help


def test_an_attempt_that_another_route_found(tmp_path: Path) -> None:
    """By its task, else by run, job and number."""
    ended(tmp_path, 9, attempt=1)
    second = ended(tmp_path, 12, SUCCESS, attempt=2)
    second.rows(5, [row("second")])
    there = reach(tmp_path)
    run = Run("alice/pub#3", repo="alice/pub", number=3)
    for attempt, task in (
        (Attempt(run, Job("t", "test", id=4), id=9), 9),
        (Attempt(run, Job("t", "test", id=4)), 12),
        (Attempt(run, Job("t", "test"), number=1), 9),
        (Attempt(run, None, number=2), 12),
        (Attempt(Run("x", repo="alice/pub", id=103), Job("t", "test"), number=1), 9),
    ):
        assert tap.steps(there, attempt).id == task
        assert tap.log(there, attempt, Want()).attempt.id == task
    for attempt in (
        Attempt(run, Job(None, "test"), id=10),
        Attempt(run, Job(None, "other"), id=9),
        Attempt(Run("x", repo="bob/pub", number=3), Job(None, "test"), id=9),
        Attempt(run, Job(None, "test"), number=3),
        Attempt(Run("x", repo="alice/pub", number=4), Job(None, "test")),
        Attempt(Run("x", repo="alice/pub"), Job(None, "test")),
    ):
        error = refusal(lambda attempt=attempt: tap.log(there, attempt, Want()))  # type: ignore[misc]
        assert error.reason is Missing.NOT_FOUND
        assert "through it" in error.help


def test_a_job_whose_beginning_the_tap_did_not_see(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, ROOT)
    folder.mkdir(parents=True)
    late = TaskFiles(folder, 9)
    late.rows(3, [row("c"), row("done")])
    late.state(
        TaskTold(
            9, FAILURE, 10.0, 12.0, (StepTold(0, SUCCESS, 10.0, 11.0, 1, 2), StepTold(1, FAILURE, 11.0, 12.0, 3, 1))
        )
    )
    late.end()
    run = Run("alice/pub#3", repo="alice/pub", number=3)
    fetched = tap.log(reach(tmp_path), Attempt(run, Job(None, "test"), id=9), Want())
    note = "whyred tap: 3 rows are missing here: the tap did not see them, or could not write them;"
    assert split(fetched.chunks) == [("Set up job", ""), ("Step 1", note), ("Step 2", "c;"), ("Complete job", "done;")]


# --- jobs that run ----------------------------------------------------------------------------------------------------


def test_a_running_job_and_one_whose_tap_is_gone(tmp_path: Path) -> None:
    begun = files(tmp_path, 9, steps=("Prepare",))
    there = reach(tmp_path)
    folder = folder_of(tmp_path, ROOT)
    tmp_path.chmod(0o700)
    folder.chmod(0o700)
    with kept_alone(folder):
        attempt = only(there)
        assert (attempt.status, attempt.run.status) == (Status.RUNNING, Status.RUNNING)
        assert refusal(lambda: tap.log(there, attempt, Want())).reason is Missing.STILL_RUNNING
        begun.rows(0, [row("received"), row("a")])
        begun.state(TaskTold(9, 0, 10.0, None, (StepTold(0, 0, 10.0, None, 1, 1),)))
        assert split(tap.log(there, attempt, Want()).chunks) == [
            ("Set up job", "received;"),
            ("Prepare", "a;"),
            ("Complete job", ""),
        ]
    attempt = only(there)
    assert attempt.status is Status.UNKNOWN
    chunks = [c for c in tap.log(there, attempt, Want(follow=True)).chunks if isinstance(c, bytes)]
    assert b"".join(chunks).endswith(
        b"whyred tap: the end of this log is not here: the tap was stopped before the job had ended\n"
    )


def test_a_job_that_ended_without_a_row(tmp_path: Path) -> None:
    files(tmp_path, 9).state(TaskTold(9, CANCELLED, 10.0, 12.0, ()))
    assert refusal(lambda: tap.log(reach(tmp_path), only(reach(tmp_path)), Want())).reason is Missing.NOT_STARTED


def test_a_row_in_the_writing_is_not_shown(tmp_path: Path) -> None:
    found = ended(tmp_path, 9)
    with (found.folder / "9.log").open("ab") as file:
        file.write(b"2026-01-02T03:04:05.0000000Z half")
    there = reach(tmp_path)
    assert b"half" not in b"".join(c for c in tap.log(there, only(there), Want()).chunks if isinstance(c, bytes))


@pytest.mark.parametrize("stopped", [False, True])
def test_a_growing_log_is_followed_to_its_end(tmp_path: Path, stopped: bool) -> None:
    """Each pause of the reader lets the runner do one thing more; the last word on steps comes after the last row."""
    begun = files(tmp_path, 9, steps=("Prepare", ""))
    acts: list[Callable[[], object]] = [
        lambda: begun.rows(0, [row("received")]),
        lambda: begun.rows(1, [row("a")]),
        lambda: begun.state(TaskTold(9, 0, 10.0, None, (StepTold(0, 0, 10.0, None, 1, 1),))),
        lambda: begun.rows(2, [row("b")]),
        lambda: begun.rows(3, [row("c")]),
        lambda: begun.state(
            TaskTold(9, 0, 10.0, None, (StepTold(0, 1, 10.0, 11.0, 1, 2), StepTold(1, 0, 11.0, None, 3, 1)))
        ),
        lambda: begun.rows(4, [row("done")]),
        begun.end,
        lambda: begun.state(
            TaskTold(9, 2, 10.0, 12.0, (StepTold(0, 1, 10.0, 11.0, 1, 2), StepTold(1, 2, 11.0, 12.0, 3, 1)))
        ),
    ]
    folder = folder_of(tmp_path, ROOT)
    tmp_path.chmod(0o700)
    folder.chmod(0o700)
    tap_runs = kept_alone(folder)
    tap_runs.__enter__()
    acts = acts[:5] if stopped else acts

    def pause(_: float) -> None:
        if acts:
            acts.pop(0)()
        elif stopped:
            tap_runs.__exit__(None, None, None)

    there = reach(tmp_path, sleep=pause)
    chunks = split(tap.log(there, only(there), Want(follow=True)).chunks)
    if stopped:
        assert "".join(t for _, t in chunks).endswith(
            "b;c;whyred tap: the end of this log is not here: the tap was stopped before the job had ended;"
        )
    else:
        assert chunks == [("Set up job", "received;"), ("Prepare", "a;b;"), ("Step 2", "c;"), ("Complete job", "done;")]
        tap_runs.__exit__(None, None, None)


def test_rows_that_the_forge_never_took_are_waited_for_and_given(tmp_path: Path) -> None:
    """The forge was away when the job ended: the runner gives up one day, and then what it sent is all there is."""
    begun = files(tmp_path, 9, steps=())
    begun.rows(0, [row("a")])
    folder = folder_of(tmp_path, ROOT)
    tmp_path.chmod(0o700)
    folder.chmod(0o700)
    pauses = 0

    def pause(_: float) -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 2:
            begun.rows(1, [row("b")])
            begun.state(TaskTold(9, FAILURE, 10.0, 12.0, ()))
        if pauses == 20:
            begun.rows(2, [row("c")])

    there = reach(tmp_path, sleep=pause)
    with kept_alone(folder):
        assert split(tap.log(there, only(there), Want(follow=True)).chunks) == [("", "a;b;c;")]
    assert split(tap.log(there, only(there), Want()).chunks) == [("", "a;b;c;")]


# --- why there is nothing ---------------------------------------------------------------------------------------------


def test_nothing_was_kept(tmp_path: Path) -> None:
    for there in (reach(None), reach(tmp_path / "none")):
        assert tap.refuses(there) is not None
        error = refusal(lambda there=there: list(tap.runs(there, "a/b", RunQuery())))  # type: ignore[misc]
        assert "whyred tap --upstream URL" in error.help
    assert tap.refuses(reach(tmp_path)) is None
    assert list(tap.runs(reach(tmp_path), "a/b", RunQuery())) == []
    assert not tap.knows(tmp_path, ROOT)


def test_which_forges_a_tap_knows(tmp_path: Path) -> None:
    ended(tmp_path, 9, folder="http://10.0.0.1:3000", server=ROOT)
    assert tap.knows(tmp_path, ROOT)
    assert tap.knows(tmp_path, "http://10.0.0.1:3000")
    assert not tap.knows(tmp_path, OTHER)
    assert not tap.knows(tmp_path / "none", ROOT)


def test_a_link_in_place_of_a_log_is_not_followed(tmp_path: Path) -> None:
    ended(tmp_path, 9)
    attempt = only(reach(tmp_path))
    log = folder_of(tmp_path, ROOT) / "9.log"
    log.unlink()
    log.symlink_to("/etc/passwd")
    error = refusal(lambda: list(tap.log(reach(tmp_path), attempt, Want()).chunks))
    assert error.reason is Missing.CORRUPT


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_another_user_keeps_is_a_reason(tmp_path: Path) -> None:
    ended(tmp_path, 9)
    attempt = only(reach(tmp_path))
    folder_of(tmp_path, ROOT).chmod(0)
    try:
        assert refusal(lambda: tap.log(reach(tmp_path), attempt, Want())).reason is Missing.NO_PERMISSION
    finally:
        folder_of(tmp_path, ROOT).chmod(0o700)


def test_it_reads_while_the_tap_writes(tmp_path: Path) -> None:
    """Whatever moment is seen, it is whole rows in their order."""
    begun = files(tmp_path, 9)
    begun.rows(0, [row("0")])
    there = reach(tmp_path)
    attempt, until = only(there), threading.Event()

    def write() -> None:
        for n in range(1, 400):
            begun.rows(n, [row(str(n))])
        until.set()

    writing = threading.Thread(target=write)
    writing.start()
    while not until.is_set():
        data = b"".join(c for c in tap.log(there, attempt, Want()).chunks if isinstance(c, bytes))
        rows = [line[29:] for line in data.splitlines() if b"whyred tap" not in line]
        assert rows == [b"%d" % n for n in range(len(rows))]
    writing.join()
