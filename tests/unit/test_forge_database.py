"""The route by the forge's database, on recorded rows and files of Forgejo 7, 11, 14 and 16."""

import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import forge_data as fd
import pytest
from forge_route import ROOT, Own, attempt_of, first_of, reach, refusal, split, whole, write

from whyred.model.forge import RunQuery
from whyred.model.run import Attempt, Conclusion, Job, Run, Status
from whyred.model.source import Boundaries, Missing
from whyred.sources import forge_database
from whyred.sources.reach import Offered, Want


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


def scenarios(data: fd.Data) -> list[str]:
    return [name for name in ("green", "failed", "ugly", "cancelled") if name in data.texts]


def test_lists_the_runs_newest_first(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    runs = list(forge_database.runs(reach(folder), "Alice/Priv", RunQuery(limit=50)))
    assert [run.id for run in runs] == sorted((row["id"] for row in data.rows["action_run"]), reverse=True)
    (run,) = [run for run in runs if run.number == 2]
    row = next(r for r in data.rows["action_run"] if r["index"] == 2)
    assert run == Run(
        "alice/Priv#2",
        workflow="fail.yml",
        event="push",
        commit=row["commit_sha"],
        repo="alice/Priv",
        id=row["id"],
        number=2,
        branch="s-fail",
        title="scenario fail",
        status=Status.DONE,
        conclusion=Conclusion.FAILURE,
        created=float(row["created"]),
        started=float(row["started"]),
        ended=float(row["stopped"]),
        url=f"{ROOT}/alice/Priv/actions/runs/2",
    )


def test_runs_by_number_id_commit_branch_and_status(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    there = reach(folder)
    row = next(r for r in data.rows["action_run"] if r["index"] == 2)

    def numbers(repo: str = "alice/priv", **query: Any) -> list[int | None]:
        return [run.number for run in forge_database.runs(there, repo, RunQuery(**query))]

    assert numbers(number=2) == [2]
    assert numbers(id=row["id"]) == [2]
    assert numbers(commit=row["commit_sha"][:9]) == [2]
    assert numbers(branch="s-fail") == [2]
    assert 2 in numbers(status="failure")
    assert numbers(status="waiting") == [40]
    assert numbers(number=99) == []
    assert numbers("alice/pub", id=row["id"]) == []


def test_more_runs_than_one_answer_holds(own: Own) -> None:
    data, folder = own("16")
    for i in range(200, 325):
        fd.add_run(data, i, i, 5000 + i, 0, "many", status=1)
    runs = list(forge_database.runs(write(data, folder), "alice/priv", RunQuery(workflow="many.yml")))
    assert [run.number for run in runs] == list(reversed(range(200, 325)))


def test_attempts_have_their_jobs_and_runners(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    attempt = attempt_of(reach(folder), "failed")
    assert attempt.job == Job("test", "test", id=15, index=0, labels=("native",), needs=())
    assert attempt.number == 2
    assert attempt.id == max(r["id"] for r in data.rows["action_task"] if r["job_id"] == 15)
    assert attempt.runner is not None
    assert attempt.runner.name == "runner-1"
    assert (attempt.status, attempt.conclusion) == (Status.DONE, Conclusion.FAILURE)


def test_a_waiting_job_says_what_it_waits_for(made: tuple[fd.Data, Path]) -> None:
    there = reach(made[1])
    attempt = attempt_of(there, "waiting")
    assert (attempt.status, attempt.id) == (Status.WAITING, None)
    assert attempt.waits_for == "a runner with the label gpu, big"
    assert forge_database.steps(there, attempt) == attempt
    error = refusal(lambda: forge_database.log(there, attempt, Want()))
    assert error.reason is Missing.NOT_STARTED
    assert "gpu, big" in error.help


def test_steps_are_those_of_the_web_page(made: tuple[fd.Data, Path]) -> None:
    """Names, conclusions and lines; of a cancelled job the page shows the lines of all steps as set-up once more."""
    data, folder = made
    there = reach(folder)
    for scenario in scenarios(data):
        fetched = forge_database.log(there, first_of(there, data, scenario), Want())
        steps = fd.state(data.version, scenario)["state"]["currentJob"]["steps"]
        assert [s.name for s in fetched.attempt.steps] == [s["summary"].partition("\n")[0] for s in steps]
        told = [s.conclusion.value for s in fetched.attempt.steps]
        shown = [s["status"] for s in steps]
        if scenario == "cancelled":
            assert told[1:] == shown[1:]
            assert told[0] == "cancelled"  # Forgejo 7's page says failure here
        else:
            assert told == shown
        assert [s.aside for s in fetched.attempt.steps] == [True, *[False] * (len(steps) - 2), True]
        assert fetched.boundaries is Boundaries.TOLD
        ours = split(fetched)
        assert [name for name, _ in ours] == [s.name for s in fetched.attempt.steps]
        assert b"".join(text for _, text in ours) == data.texts[scenario]
        if scenario != "cancelled":
            pages = fd.web_lines(data.version, scenario)
            for (_, text), page in zip(ours, pages, strict=True):
                assert same(text, b"".join(page)), (data.version, scenario)


def same(ours: bytes, page: bytes) -> bool:
    """Whether the lines agree, but for times (the page rounds them, and some pages show the second attempt), the number
    of the attempt, and two folders that the recordings of the pages call otherwise.
    """

    def plain(text: bytes) -> bytes:
        for changing in (rb"(?m)^\S+Z ", rb"(?<=received task )\d+", rb"(?<=\()/\w+(?=/demo\))", rb"(?<= rt=)\S+"):
            text = re.sub(changing, b"", text)
        return text

    return plain(ours) == plain(page) and ours.count(b"Z ") >= page.count(b"\n")


def test_a_cancelled_job_has_every_line_once(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    there = reach(folder)
    fetched = forge_database.log(there, first_of(there, data, "cancelled"), Want())
    assert [(name, text.count(b"\n")) for name, text in split(fetched)] == [
        ("Set up job", 3),
        ("Sleep long", 1),
        ("Later", 0),
        ("Complete job", 3),
    ]


def test_a_running_job_is_read_from_the_database(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    there = reach(folder)
    fetched = forge_database.log(there, attempt_of(there, "running"), Want())
    assert fetched.attempt.status is Status.RUNNING
    ours = split(fetched)
    assert b"".join(text for _, text in ours) == data.texts["running"]
    assert [name for name, _ in ours] == ["Set up job", "Quick", "Ticking", "After", "Complete job"]
    lines = data.texts["running"].count(b"\n")
    assert [text.count(b"\n") for _, text in ours] == [3, 1, lines - 4, 0, 0]
    statuses = [s.status for s in fetched.attempt.steps]
    assert statuses == [Status.DONE, Status.DONE, Status.RUNNING, Status.WAITING, Status.WAITING]


def test_a_finished_log_that_never_left_the_database(tmp_path: Path) -> None:
    data = fd.make("11", tmp_path)
    there = reach(tmp_path)
    ours = split(forge_database.log(there, attempt_of(there, "lingering"), Want()))
    assert b"".join(text for _, text in ours) == data.texts["lingering"]
    assert [text.count(b"\n") for _, text in ours] == [3, 1, 2, 2, 0, 1]


def test_an_earlier_attempt_by_its_number_alone(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    there = reach(folder)
    attempt = replace(attempt_of(there, "failed"), number=1, id=None)
    assert forge_database.steps(there, attempt).id == fd.TASKS[data.version]["failed"]
    assert whole(forge_database.log(there, attempt, Want())) == data.texts["failed"]
    error = refusal(lambda: forge_database.log(there, replace(attempt, number=9), Want()))
    assert error.reason is Missing.NOT_FOUND


def test_a_job_by_its_place_or_name(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    there, run = reach(folder), Run("alice/priv#1", repo="alice/priv", number=1)
    for job in (None, Job(None, "anything", index=0), Job(None, "green")):
        assert whole(forge_database.log(there, Attempt(run, job), Want())) == data.texts["green"]
    error = refusal(lambda: forge_database.log(there, Attempt(run, Job(None, "other")), Want()))
    assert error.reason is Missing.NOT_FOUND


def test_numbers_that_do_not_belong_together(made: tuple[fd.Data, Path]) -> None:
    data, folder = made
    there = reach(folder)
    green = attempt_of(there, "green")
    wrong = replace(green, id=fd.TASKS[data.version]["failed"], number=None)
    assert refusal(lambda: forge_database.log(there, wrong, Want())).reason is Missing.WRONG_ID_KIND
    for lost in (
        replace(green, id=99999, number=None),
        replace(green, id=None, job=Job(None, "x", id=99999), number=None),
    ):
        assert refusal(partial(forge_database.log, there, lost, Want())).reason is Missing.NOT_FOUND
    unknown = Run("alice/priv#77", repo="alice/priv", number=77)
    assert refusal(lambda: forge_database.attempts(there, unknown)).reason is Missing.NOT_FOUND
    assert refusal(lambda: list(forge_database.runs(there, "a/none", RunQuery()))).reason is Missing.NOT_FOUND


def test_the_newest_attempt_where_every_attempt_has_its_own_jobs(own: Own) -> None:
    """Gitea 1.27: a row for each attempt of each job; a job that was not run again points to its old task."""
    data, folder = own("16")
    data.columns["action_run_job"] += ["run_attempt_id", "source_task_id"]
    fd.add_run(data, 500, 50, 9000, 12, "first", status=2)
    data.rows["action_run_job"][-1]["run_attempt_id"] = 7
    data.add("action_run_job", **{**data.rows["action_run_job"][-1], "id": 9001, "run_attempt_id": 8, "task_id": 24})
    again = {"id": 9002, "run_attempt_id": 8, "task_id": 0, "source_task_id": 11, "name": "kept"}
    data.add("action_run_job", **{**data.rows["action_run_job"][-1], **again})
    there = write(data, folder)
    (run,) = forge_database.runs(there, "alice/priv", RunQuery(number=50))
    found = forge_database.attempts(there, run)
    assert [(a.job.id, a.job.index, a.id) for a in found if a.job] == [(9001, 0, 24), (9002, 1, 11)]


def test_the_default_branch_and_the_runners(own: Own) -> None:
    data, folder = own("16")
    data.columns["repository"].append("default_branch")
    data.rows["repository"][1]["default_branch"] = "trunk"
    data.rows["action_runner"][0].update(owner_id=0, repo_id=0, agent_labels='["native", "x"]', last_online=1)
    for id_, more in ((2, {"owner_id": 77, "repo_id": 0}), (3, {"owner_id": 0, "repo_id": 1}), (4, {"deleted": 5})):
        row = {"owner_id": 1, "repo_id": 0, "agent_labels": "null", "last_online": 1 << 40, **more}
        data.add("action_runner", id=id_, name=f"runner-{id_}", **row)
    data.add("action_runner", id=5, name="own", owner_id=0, repo_id=2, agent_labels="null", last_online=1 << 40)
    there = write(data, folder)
    assert forge_database.default_branch(there, "alice/priv") == "trunk"
    assert forge_database.runners(there, "alice/priv") == (
        Offered("runner-1", ("native", "x"), "offline"),
        Offered("own", (), "online"),
    )
