"""The web download gives the log of the job that was asked for, or none."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from change_standin import Way, way
from standin import World, faults, scenarios
from standin.wire import Reply

from whyred.model.run import Attempt, Job, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources import tasks_api, web_download
from whyred.sources.reach import Want

OK, FAILED = scenarios.OK, scenarios.FAILED
FORGEJO = ["forgejo-7", "forgejo-11", "forgejo-14", "forgejo-16"]
RUN = Run("alice/priv#9", repo="alice/priv", number=9)


def three_jobs(world: World) -> None:
    run = world.named("alice/priv").push("three jobs", "ci.yml", "main")
    for name, ends in (("build", OK), ("deploy", FAILED), ("prüfe (1, 2)", OK)):
        scenarios.play(run.job(name, "Step"), [scenarios.Part(ends, [f"this is {name}"])])


def twins(world: World) -> None:
    run = world.named("alice/priv").push("twins", "ci.yml", "main")
    for word in ("first", "second"):
        scenarios.play(run.job("same", "Step"), [scenarios.Part(OK, [f"the {word}"])])


def run(user: Way) -> Run:
    return replace(RUN, id=user.repo.runs[-1].id)


def text(user: Way, of: Attempt) -> str:
    chunks = web_download.log(user.reach, of, Want()).chunks
    return b"".join(chunk for chunk in chunks if isinstance(chunk, bytes)).decode()


def refused(user: Way, of: Attempt) -> MissingLogError:
    with pytest.raises(MissingLogError) as told:
        text(user, of)
    assert told.value.reason is Missing.WRONG_ID_KIND
    return told.value


def done(user: Way, job: Job | None, task: int | None = None) -> Attempt:
    return Attempt(run(user), job, status=Status.DONE, id=task)


@pytest.mark.parametrize("name", [*FORGEJO, "gitea-1.23", "gitea-1.26.4"])
@pytest.mark.parametrize("job", ["build", "deploy", "prüfe (1, 2)"])
def test_a_job_of_which_only_the_name_is_known_is_looked_for_in_its_run(name: str, job: str) -> None:
    with way(name, three_jobs) as user:
        assert f"this is {job}" in text(user, done(user, Job(None, job)))


@pytest.mark.parametrize("name", ["forgejo-11", "forgejo-16", "gitea-1.23"])
def test_jobs_that_the_list_of_tasks_tells_have_their_own_logs(name: str) -> None:
    with way(name, three_jobs) as user:
        found = tasks_api.attempts(user.reach, run(user))
        assert len(found) == 3
        assert all(of.job and f"this is {of.job.name}" in text(user, of) for of in found)


@pytest.mark.parametrize("name", [*FORGEJO, "gitea-1.26.4"])
def test_a_job_that_the_run_has_not_gets_no_other_one_s_log(name: str) -> None:
    with way(name, three_jobs) as user:
        assert "owner/repo#RUN:JOB" in refused(user, done(user, None)).help
        assert "0 jobs named 'gone'" in refused(user, done(user, Job(None, "gone"))).help


@pytest.mark.parametrize("name", FORGEJO)
@pytest.mark.parametrize("index", [0, 2, 9])
def test_a_wrong_place_is_noticed(name: str, index: int) -> None:
    with way(name, three_jobs) as user:
        assert "ci-" in refused(user, done(user, Job(None, "deploy", index=index))).help
        assert "this is deploy" in text(user, done(user, Job(None, "deploy", index=1)))


@pytest.mark.parametrize("name", [*FORGEJO, "gitea-1.23"])
def test_of_jobs_of_one_name_the_number_of_the_try_tells_which_came(name: str) -> None:
    with way(name, twins) as user:
        second = user.repo.runs[-1].jobs[1].attempts[0].id
        assert "the second" in text(user, done(user, Job(None, "same", index=1), second))
        refused(user, done(user, Job(None, "same", index=0), second))
        assert "2 jobs" in refused(user, done(user, Job(None, "same"))).help


def headed(value: str | None) -> Callable[[Reply], Reply]:
    """The reply with this name of a file, or none."""

    def changed(reply: Reply) -> Reply:
        kept = tuple(h for h in reply.headers if h[0] != "Content-Disposition")
        return replace(reply, headers=kept + ((("Content-Disposition", value),) if value is not None else ()))

    return changed


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "attachment",
        "attachment; filename=ci-deploy-7.log",
        "attachment; filename=\"ci-other-7.log\"; filename*=UTF-8''ci-de%2Dploy-7.log",
        "attachment; filename=log",
        'attachment; filename="ci-deploy-' + "9" * 5000 + '.log"',
    ],
)
def test_a_file_whose_name_tells_no_other_job_is_taken(value: str | None) -> None:
    with way("forgejo-16", three_jobs) as user:
        user.forge.fault(faults.change(headed(value)), on="/logs$")
        assert "this is deploy" in text(user, done(user, Job(None, "deploy", index=1)))
