"""The list of tasks: what runners took, in the order in which they took it, is read as runs."""

import pytest
from standin import Standin, World, scenarios, standin
from standin.world import Repo, Run

from whyred.model.forge import RunQuery
from whyred.model.run import Conclusion, Status
from whyred.sources import tasks_api
from whyred.sources.http import Http
from whyred.sources.reach import Reach
from whyred.sources.servers import identify

OK, FAILED = scenarios.OK, scenarios.FAILED


def world() -> tuple[World, Repo]:
    made = World()
    return made, made.repo(made.user("alice", "alice-password-1"), "app", private=True)


def reached(forge: Standin) -> Reach:
    http = Http(forge.url, token=forge.world.users["alice"].token("read:repository"), sleep=lambda _: None)
    return Reach(identify(http), http)


def listed(reach: Reach, query: RunQuery) -> list[tuple[int | None, Conclusion]]:
    return [(run.number, run.conclusion) for run in tasks_api.runs(reach, "alice/app", query)]


def pushed(repo: Repo, *jobs: str) -> Run:
    run = repo.push("a push", "ci.yml", "main")
    for name in jobs:
        run.job(name, "Step")
    return run


def test_jobs_of_several_runs_that_stand_mixed_are_one_run_each() -> None:
    made, repo = world()
    first, second = pushed(repo, "a", "b"), pushed(repo, "a")
    for job, ends in ((first.jobs[0], FAILED), (second.jobs[0], OK), (first.jobs[1], OK)):
        scenarios.play(job, [scenarios.Part(ends, ["said"])])
    with standin("forgejo-11", made) as forge:
        reach = reached(forge)
        assert listed(reach, RunQuery()) == [(2, Conclusion.SUCCESS), (1, Conclusion.FAILURE)]
        (run,) = tasks_api.runs(reach, "alice/app", RunQuery(limit=1, number=1))
        assert [a.job.name for a in tasks_api.attempts(reach, run) if a.job] == ["a", "b"]


@pytest.mark.parametrize("name", ["forgejo-11", "forgejo-14", "forgejo-16", "gitea-1.23"])
def test_a_rerun_of_an_old_run_hides_no_younger_one(name: str) -> None:
    made, repo = world()
    old, young = pushed(repo, "a"), pushed(repo, "a")
    for job in (old.jobs[0], young.jobs[0]):
        scenarios.play(job, [scenarios.Part(FAILED, ["said"])])
    old.jobs[0].again()
    scenarios.play(old.jobs[0], [scenarios.Part(OK, ["said"])])
    with standin(name, made) as forge:
        reach = reached(forge)
        assert listed(reach, RunQuery(limit=1, number=2)) == [(2, Conclusion.FAILURE)]
        assert listed(reach, RunQuery(limit=1)) == [(2, Conclusion.FAILURE)]
        assert listed(reach, RunQuery()) == [(2, Conclusion.FAILURE), (1, Conclusion.SUCCESS)]
        (run,) = tasks_api.runs(reach, "alice/app", RunQuery(limit=1, number=2))
        assert [a.conclusion for a in tasks_api.attempts(reach, run)] == [Conclusion.FAILURE]


def test_a_run_of_many_jobs_is_told_whole() -> None:
    made, repo = world()
    run = pushed(repo, *(f"unit ({n})" for n in range(12)))
    for job in run.jobs:
        scenarios.play(job, [scenarios.Part(FAILED if job.index == 0 else OK, ["said"])])
    with standin("forgejo-11", made) as forge:
        assert listed(reached(forge), RunQuery(limit=1)) == [(1, Conclusion.FAILURE)]


def test_the_search_for_a_run_ends_where_only_earlier_ones_follow() -> None:
    made, repo = world()
    for _ in range(260):
        scenarios.play(pushed(repo, "a").jobs[0], [scenarios.Part(OK)])
    pushed(repo, "a")  # 261: nobody has taken its job
    with standin("forgejo-11", made) as forge:
        reach = reached(forge)
        assert listed(reach, RunQuery(limit=1, number=261)) == []
        assert sum("/tasks" in seen.path for seen in forge.requests) == tasks_api._PAST // 50
        (newest,) = tasks_api.runs(reach, "alice/app", RunQuery(limit=1))
        assert (newest.number, newest.status) == (260, Status.DONE)


def overtaken(runs: int) -> World:
    """Runs of three jobs: `A` fails at once, `deploy` always ends well, and `B` is taken after the next run began."""
    made, repo = world()
    late = None
    for _ in range(runs):
        run = pushed(repo, "A", "deploy", "B")
        scenarios.play(run.jobs[0], [scenarios.Part(FAILED, ["said"])])
        if late is not None:
            scenarios.play(late, [scenarios.Part(OK, ["said"])])
        scenarios.play(run.jobs[1], [scenarios.Part(OK, ["said"])])
        late = run.jobs[2]
    return made


@pytest.mark.parametrize("name", ["forgejo-11", "forgejo-16", "gitea-1.23"])
def test_no_run_is_green_whose_failed_job_lies_behind_tasks_of_earlier_runs(name: str) -> None:
    with standin(name, overtaken(90)) as forge:
        reach = reached(forge)
        for limit in (1, 2, 3, 10):
            found = listed(reach, RunQuery(limit=limit))
            assert found == [(90 - n, Conclusion.FAILURE) for n in range(limit)]


def test_of_a_run_at_which_the_reading_ends_no_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks_api, "_PAST", 20)
    monkeypatch.setattr(tasks_api, "_MANY", 50)
    with standin("forgejo-11", overtaken(30)) as forge:
        found = listed(reached(forge), RunQuery(limit=60))
        known = [conclusion for _, conclusion in found if conclusion is not Conclusion.UNKNOWN]
        assert set(known) == {Conclusion.FAILURE}
        assert len(known) >= 9
        assert found[-1][1] is Conclusion.UNKNOWN
        (run,) = tasks_api.runs(reached(forge), "alice/app", RunQuery(limit=1, number=found[-1][0]))
        assert (run.status, run.conclusion) == (Status.UNKNOWN, Conclusion.UNKNOWN)
