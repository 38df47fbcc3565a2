"""Commit statuses: whose they are, which runs they name on each generation, and why a run is not among them."""

from dataclasses import replace
from typing import Any

import pytest
from standin import Standin, faults, scenarios, standin
from standin.wire import Reply, Request, as_json, as_text

from whyred.app.ladder import Ladder, worst
from whyred.model.forge import RunQuery
from whyred.model.run import Conclusion, Run
from whyred.model.source import Missing, MissingLogError
from whyred.sources import commit_statuses, tasks_api
from whyred.sources.http import Http
from whyred.sources.reach import Reach
from whyred.sources.servers import identify

SHA = "5ca1ab1e" * 5
RUN = Run("alice/pub#2", repo="alice/pub", number=2, commit=SHA)


def reached(forge: Standin, token: str | None = None) -> Reach:
    http = Http(forge.url, token=token, sleep=lambda _: None)
    return Reach(identify(http), http)


def status(**more: Any) -> dict[str, Any]:
    """One status as Forgejo and Gitea list it."""
    target = "/alice/pub/actions/runs/2/jobs/0"
    return {"id": 3, "status": "failure", "target_url": target, "context": "fail / test (push)", **more}


def answered(*statuses: Any, server: str = "forgejo-7", run: Run = RUN) -> tuple[MissingLogError | None, int]:
    """How many jobs of a run these statuses tell, or why none."""
    with standin(server, scenarios.everyday(commits={"fail": SHA})) as forge:
        forge.fault(faults.say(as_json(list(statuses))), on="/statuses")
        try:
            return None, len(commit_statuses.attempts(reached(forge), run))
        except MissingLogError as e:
            return e, 0


def test_its_own_statuses_are_its_jobs() -> None:
    other = status(id=4, target_url="/alice/pub/actions/runs/2/jobs/1", context="fail / lint (push)")
    assert answered(status(), other) == (None, 2)
    assert answered(status(target_url="/git/alice/pub/actions/runs/2/jobs/0")) == (None, 1)


@pytest.mark.parametrize(
    ("context", "workflow", "job"),
    [
        ("ci / test (push)", "ci", "test"),
        ("ci / build / linux (push)", "ci", "build / linux"),
        ("/ test (push)", None, "test"),  # a workflow without `name`
        (" / test (push)", "", "test"),  # as Gitea writes it
        ("ci / test (1, a) (pull_request)", "ci", "test (1, a)"),
    ],
)
def test_what_a_context_names(context: str, workflow: str | None, job: str) -> None:
    with standin("forgejo-7", scenarios.everyday(commits={"fail": SHA})) as forge:
        forge.fault(faults.say(as_json([status(context=context)])), on="/statuses")
        there = reached(forge)
        (attempt,) = commit_statuses.attempts(there, RUN)
        (run,) = commit_statuses.runs(there, "alice/pub", RunQuery(commit=SHA))
    assert attempt.job is not None
    assert (run.workflow, attempt.job.name) == (workflow, job)


def test_a_server_may_give_less_at_once_than_it_is_asked_for() -> None:
    with standin("forgejo-7", scenarios.everyday(commits={"fail": SHA})) as forge:
        pages = {page: [status(id=10 * page + n) for n in range(2)] for page in (1, 2, 3)}

        def short(request: Request, _answer: object) -> Reply:
            page = int(request.query["page"][0])
            return as_json(pages.get(page, [])).plus(("X-Total-Count", "6"))

        forge.fault(short, on="/statuses")
        found = list(commit_statuses.runs(reached(forge), "alice/pub", RunQuery(commit=SHA)))
        assert len(found) == 1
        assert len([seen for seen in forge.requests if "/statuses" in seen.path]) == 3


def why(*statuses: Any, run: Run = RUN) -> str:
    error, _ = answered(*statuses, run=run)
    assert error is not None
    assert error.reason is Missing.NOT_FOUND
    return error.help


def test_why_a_run_is_not_among_them() -> None:
    assert why().startswith("this run wrote no status")
    for target in (
        "https://ci.example/repos/1/pipeline/5",
        "https://other.example/alice/pub/actions/runs/2/jobs/0",
        "//other.example/alice/pub/actions/runs/2/jobs/0",
        "https://github.com/alice/pub/actions/runs/2/job/0",
        "",
    ):
        assert "written by another CI" in why(status(target_url=target))
    assert "of other runs (#2)" in why(status(), run=replace(RUN, number=7))


@pytest.mark.parametrize("items", [[{"challenge": "are you a robot?"}], [{"id": 1}], [{"status": "ok"}]])
def test_a_list_of_other_things_is_no_list_of_statuses(items: list[Any]) -> None:
    error, _ = answered(*items)
    assert error is not None
    assert error.reason is Missing.REFUSED_CONTENT
    assert "in front of the server" in error.help


def test_a_bot_check_is_told_and_not_that_the_run_wrote_none() -> None:
    with standin("forgejo-7", scenarios.everyday()) as forge:
        forge.fault(faults.say(as_text("<!doctype html><title>Checking your browser</title>")), on="/statuses")
        with pytest.raises(MissingLogError) as caught:
            commit_statuses.attempts(reached(forge), RUN)
        assert caught.value.reason is Missing.REFUSED_CONTENT


def test_of_several_refusals_what_a_partial_list_does_not_find_counts_little() -> None:
    silent = MissingLogError(Missing.NOT_FOUND, "a", "this run wrote no status on its commit")
    gate = MissingLogError(Missing.REFUSED_CONTENT, "b", "is there a bot check in front?")
    absent = MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, "c", "too old")
    tried = [("tasks-api", absent), ("commit-statuses", silent), ("web-state", gate)]
    assert worst(tried, ["commit-statuses"]).help == gate.help
    assert worst(tried[:2], ["commit-statuses"]).help == silent.help
    assert worst(tried).help == silent.help


def test_the_ladder_tells_the_bot_check_that_hides_the_jobs() -> None:
    """Where the API lists no jobs, and a gate stands before the pages."""
    page = as_text("<!doctype html><title>Checking your browser</title>")
    with standin("forgejo-7", scenarios.everyday(commits={"fail": SHA})) as forge:
        forge.fault(faults.say(replace(page, status=200)), on=r"/actions/runs/\d+")
        forge.fault(faults.say(as_json([])), on="/statuses")
        with pytest.raises(MissingLogError) as caught:
            Ladder(reached(forge)).attempts(RUN)
        assert caught.value.reason is Missing.REFUSED_CONTENT
        assert "commit-statuses" in [name for name, _ in caught.value.tried]


def test_an_empty_list_of_few_is_no_answer_where_another_was_kept_from_answering() -> None:
    page = as_text("<!doctype html><title>Checking your browser</title>")
    with standin("forgejo-7", scenarios.everyday()) as forge:
        forge.fault(faults.say(as_json([])), on="/statuses")
        assert Ladder(reached(forge)).runs("alice/pub", RunQuery(commit="ab" * 20)) == []
        forge.fault(faults.say(page), on=r"/actions\?")
        with pytest.raises(MissingLogError) as caught:
            Ladder(reached(forge)).runs("alice/pub", RunQuery(commit=SHA))
        assert caught.value.reason is Missing.REFUSED_CONTENT


def test_from_gitea_1_26_on_they_name_ids() -> None:
    """Seen on Gitea 1.26.0: `/dev/repo/actions/runs/3/jobs/3` of the first run of a repository."""
    told = status(target_url="/alice/pub/actions/runs/302/jobs/411")
    with standin("gitea-1.26.0", scenarios.everyday()) as forge:
        forge.fault(faults.say(as_json([told])), on="/statuses")
        there = reached(forge, forge.world.users["alice"].token("read:repository"))
        (run,) = commit_statuses.runs(there, "alice/pub", RunQuery(commit=SHA))
        assert (run.id, run.number, run.label, run.conclusion) == (302, None, "alice/pub", Conclusion.FAILURE)
        (attempt,) = commit_statuses.attempts(there, replace(RUN, id=302, number=1))
        assert attempt.job is not None
        assert (attempt.job.id, attempt.job.index) == (411, None)
        with pytest.raises(MissingLogError, match="other runs"):
            commit_statuses.attempts(there, replace(RUN, id=2, number=302))


@pytest.mark.parametrize("route", [commit_statuses, tasks_api])
def test_a_list_that_does_not_tell_who_started_a_run_is_not_asked_for_it(route: Any) -> None:
    with standin("forgejo-11", scenarios.everyday()) as forge:
        with pytest.raises(MissingLogError, match="who started") as caught:
            list(route.runs(reached(forge), "alice/pub", RunQuery(commit=SHA, actor="7")))
        assert caught.value.reason is Missing.ROUTE_NOT_ON_THIS_VERSION
