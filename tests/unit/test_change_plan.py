"""Plans on every version of Forgejo and Gitea: by which way, which calls, what is refused, and that nothing is done."""

import pytest
from change_standin import SCOPE, address, two_failed, way
from standin import PROFILES, Status, World, scenarios

from whyred.app import change
from whyred.model.run import Attempt, Job, Run
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources import forge_changes
from whyred.sources.http import By

EACH = pytest.mark.parametrize("name", PROFILES)
WEB = [name for name in PROFILES if not name.startswith("gitea-1.26")]
"""Those that rerun by their web pages alone, which count runs and jobs."""
API = "/api/v1/repos/alice/priv/actions/runs"


def refused(call: object) -> UserError:
    with pytest.raises(UserError) as caught:
        call()  # type: ignore[operator]
    assert caught.value.how
    return caught.value


@EACH
def test_a_whole_run(name: str) -> None:
    with way(name) as user:
        planned = change.rerun(address("alice/priv#2"), user.forges, failed=False)
        (call,) = planned.plan.calls
        assert call.says == "rerun all jobs of alice/priv#2"
        if name in WEB:
            assert (call.path, call.by) == ("/alice/priv/actions/runs/2/rerun", By.WEB)
        else:
            assert (call.path, call.by) == (f"{API}/11/rerun", By.TOKEN)
        assert planned.plan.root == user.forge.url
        assert user.changes() == []


@EACH
@pytest.mark.parametrize("target", ["alice/priv#5:unit (2)", "{url}/alice/priv/actions/runs/{run}/jobs/{job}"])
def test_one_job(name: str, target: str) -> None:
    with way(name) as user:
        ids = PROFILES[name].web_ids == "database"
        job = user.repo.runs[4].jobs[1]
        url = target.format(url=user.forge.url, run=14 if ids else 5, job=job.id if ids else 1)
        (call,) = change.rerun(address(url), user.forges, failed=False).plan.calls
        assert call.says == "rerun the job unit (2) of alice/priv#5, and those that need it"
        want = "/alice/priv/actions/runs/5/jobs/1/rerun" if name in WEB else f"{API}/14/jobs/{job.id}/rerun"
        assert call.path == want


@EACH
def test_the_failed_jobs(name: str) -> None:
    with way(name, two_failed) as user:
        target = address("alice/priv#9")
        if name == "gitea-1.25":
            error = refused(lambda: change.rerun(target, user.forges, failed=True))
            assert error.code == 4
            assert "route-not-on-this-version" in str(error)
            assert "name one of one, two with --job" in error.how
            return
        plan = change.rerun(target, user.forges, failed=True).plan
        if name in WEB:
            assert [call.path for call in plan.calls] == [f"/alice/priv/actions/runs/9/jobs/{n}/rerun" for n in (0, 1)]
            assert "in 2 calls, for this server reruns a whole run or one job" in plan.title
        else:
            assert [call.path for call in plan.calls] == [f"{API}/18/rerun-failed-jobs"]
            assert "(one, two)" in plan.calls[0].says
        assert user.changes() == []


@EACH
def test_one_failed_job_among_others_is_one_call(name: str) -> None:
    with way(name) as user:
        plan = change.rerun(address("alice/priv#5"), user.forges, failed=True).plan
        assert len(plan.calls) == 1
        assert "unit (2)" in plan.calls[0].says
        assert "calls" not in plan.title


@pytest.mark.parametrize("name", WEB)
def test_where_all_jobs_failed_the_whole_run_is_one_call(name: str) -> None:
    with way(name, lambda world: scenarios.cancelled(world.named("alice/priv"))) as user:
        plan = change.rerun(address("alice/priv#9"), user.forges, failed=True).plan
        assert [call.path for call in plan.calls] == ["/alice/priv/actions/runs/9/rerun"]
        assert "which are all it has" in plan.title


def test_a_failed_job_that_needs_another_comes_along_with_it() -> None:
    def needing(world: World) -> None:
        run = world.named("alice/priv").push("needing", "n.yml", "main")
        for job, needs in (("one (a)", ()), ("one (b)", ()), ("after", ("one",))):
            ends = scenarios.OK if "b" in job else scenarios.FAILED
            scenarios.play(run.job(job, "Step", needs=needs), [scenarios.Part(ends, ["said"])])

    with way("forgejo-16", needing) as user:
        plan = change.rerun(address("alice/priv#9"), user.forges, failed=True).plan
        assert [call.path for call in plan.calls] == ["/alice/priv/actions/runs/9/jobs/0/rerun"]


@EACH
def test_where_none_failed_there_is_nothing_to_do(name: str) -> None:
    with way(name) as user:
        planned = change.rerun(address("alice/priv#1"), user.forges, failed=True)
        assert planned.plan.calls == ()
        assert "none failed" in planned.plan.title
        assert change.apply(planned, lambda _: None) == planned.run
        assert user.changes() == []


def test_a_run_that_has_not_ended_is_told_in_the_plan() -> None:
    with way("forgejo-16", lambda world: scenarios.running(world.named("alice/priv"))) as user:
        title = change.rerun(address("alice/priv#9"), user.forges, failed=False).plan.title
        assert title == "rerun alice/priv#9 (it has not ended: the server may refuse)"


@EACH
def test_cancel(name: str) -> None:
    with way(name) as user:
        (call,) = change.cancel(address("alice/priv#4"), user.forges).plan.calls
        if name == "forgejo-16":
            assert (call.path, call.by) == (f"{API}/13/cancel", By.TOKEN)
        else:
            number = 13 if PROFILES[name].web_ids == "database" else 4
            assert (call.path, call.by) == (f"/alice/priv/actions/runs/{number}/cancel", By.WEB)


@EACH
def test_cancel_without_a_number_means_the_only_run_that_has_not_ended(name: str) -> None:
    with way(name) as user:
        planned = change.cancel(address("alice/priv"), user.forges)
        assert planned.run is not None
        assert planned.run.label == "alice/priv#4"
        scenarios.running(user.repo)
        error = refused(lambda: change.cancel(address("alice/priv"), user.forges))
        assert error.why == "alice/priv#9, alice/priv#4 have not ended"
        for run in (user.repo.runs[3], user.repo.runs[8]):
            for job in run.jobs:
                job.status = scenarios.OK
        assert refused(lambda: change.cancel(address("alice/priv"), user.forges)).what.startswith("nothing to cancel")


@EACH
def test_what_has_ended_is_not_cancelled(name: str) -> None:
    with way(name) as user:
        planned = change.cancel(address("alice/priv#2"), user.forges)
        assert planned.plan.calls == ()
        assert "it has ended (failure)" in planned.plan.title


@pytest.mark.parametrize("name", WEB)
def test_without_a_web_login_its_want_is_named(name: str) -> None:
    with way(name, web=False) as user:
        run = Run("alice/priv#2", repo="alice/priv", id=11, number=2)
        with pytest.raises(MissingLogError) as caught:
            forge_changes.plan_rerun(user.reach, run)
        assert caught.value.reason is Missing.NEEDS_WEB_LOGIN
        assert f"whyred login --web {user.forge.url}" in caught.value.help
        assert user.changes() == []


@pytest.mark.parametrize(("name", "what"), [("gitea-1.26.0", "rerun"), ("forgejo-16", "cancel")])
def test_without_any_login_a_token_is_named(name: str, what: str) -> None:
    with way(name, token=None, web=False) as user:
        run = Run("alice/pub#2", repo="alice/pub", id=2, number=2)
        ask = forge_changes.plan_rerun if what == "rerun" else forge_changes.plan_cancel
        with pytest.raises(MissingLogError) as caught:
            ask(user.reach, run)
        assert caught.value.reason is Missing.NEEDS_TOKEN
        assert SCOPE in caught.value.help
        out = forge_changes.refuses(user.reach)
        assert out is not None
        assert out.reason is Missing.NEEDS_TOKEN


def test_with_a_web_login_alone_the_pages_do_what_the_api_would() -> None:
    with way("forgejo-16", token=None) as user:
        (call,) = change.cancel(address("alice/priv#4"), user.forges).plan.calls
        assert (call.path, call.by) == ("/alice/priv/actions/runs/4/cancel", By.WEB)
    with way("gitea-1.26.0", two_failed, token=None) as user:
        run = Run("alice/priv#9", repo="alice/priv", id=18, number=9)
        (call,) = forge_changes.plan_rerun(user.reach, run, failed=True).calls
        assert (call.path, call.by) == ("/alice/priv/actions/runs/18/rerun-failed", By.WEB)


@pytest.mark.parametrize("name", ["forgejo-14", "forgejo-16", "gitea-1.25", "gitea-1.26.4"])
def test_a_server_that_lists_no_routes(name: str) -> None:
    with way(name, swagger=False) as user:
        (call,) = change.rerun(address("alice/priv#2"), user.forges, failed=False).plan.calls
        assert (call.by is By.TOKEN) is (name == "gitea-1.26.4")
        assert change.cancel(address("alice/priv#4"), user.forges).plan.calls[0].by is By.WEB


def test_ids_that_are_not_known_are_looked_for_and_else_named() -> None:
    with way("gitea-1.26.0") as user:
        (call,) = forge_changes.plan_rerun(user.reach, Run("alice/priv#2", repo="alice/priv", number=2)).calls
        assert call.path == f"{API}/11/rerun"
        for run in (Run("x", repo="alice/priv"), Run("x", id=3)):
            with pytest.raises(MissingLogError) as caught:
                forge_changes.plan_rerun(user.reach, run)
            assert caught.value.reason is Missing.WRONG_ID_KIND


def test_a_job_without_a_place_is_looked_for_by_its_name() -> None:
    with way("forgejo-14") as user:
        run = Run("alice/priv#5", repo="alice/priv", number=5)
        job = Attempt(run, Job(None, "unit (2)"))
        (call,) = forge_changes.plan_rerun(user.reach, run, job).calls
        assert call.path == "/alice/priv/actions/runs/5/jobs/1/rerun"
        with pytest.raises(MissingLogError) as caught:
            forge_changes.plan_rerun(user.reach, run, Attempt(run, Job(None, "no such")))
        assert caught.value.reason is Missing.WRONG_ID_KIND


def test_no_debug_logging() -> None:
    with way("forgejo-16") as user:
        run = Run("alice/priv#2", repo="alice/priv", id=11, number=2)
        assert "debug" in refused(lambda: forge_changes.plan_rerun(user.reach, run, debug=True)).what


@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-11", "forgejo-14", "forgejo-16"])
@pytest.mark.parametrize("target", ["alice/priv#9", "alice/priv"])
def test_a_run_with_a_failed_job_is_cancelled_while_others_run(name: str, target: str) -> None:
    """Forgejo from 11 on calls such a run failed, and so would it seem to be over."""
    with way(name, half_failed) as user:
        for run in user.repo.runs[:-1]:
            for job in run.jobs:
                job.status = scenarios.OK if job.status is Status.WAITING else job.status
        planned = change.cancel(address(target), user.forges)
        assert [call.method for call in planned.plan.calls] == ["POST"]
        assert planned.jobs == frozenset({"slow"})


def half_failed(world: World) -> None:
    run = world.named("alice/priv").push("half", "half.yml", "main")
    scenarios.play(run.job("fails", "Step"), [scenarios.Part(scenarios.FAILED, ["said"])])
    run.job("slow", "Step").pick().row("goes on", 0)
