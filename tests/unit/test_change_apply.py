"""Plans that are applied on every version of Forgejo and Gitea: what the server then shows, and what it refuses."""

from collections.abc import Callable

import pytest
from change_standin import Way, address, two_failed, way
from standin import PROFILES, Status, faults, scenarios
from standin.wire import Reply, Request, as_json, as_text, redirect

from whyred.app import change
from whyred.app.change import Planned
from whyred.model.run import Conclusion
from whyred.model.run import Status as Life
from whyred.model.trouble import UserError
from whyred.sources.plan import Plan, from_json, to_json

EACH = pytest.mark.parametrize("name", PROFILES)


def quiet(_: str) -> None:
    return


def planned(user: Way, target: str = "alice/priv#2", *, failed: bool = False) -> Planned:
    return change.rerun(address(target), user.forges, failed=failed)


def refused(user: Way, plan: Planned) -> UserError:
    with pytest.raises(UserError) as caught:
        change.apply(plan, quiet)
    assert caught.value.how
    for secret in (user.http.token, *user.http.jar.values(), user.forge.world.users["alice"].password):
        assert secret is None or len(secret) < 6 or secret not in str(caught.value)
    return caught.value


@EACH
def test_a_run_again(name: str) -> None:
    with way(name) as user:
        run = change.apply(planned(user), quiet)
        assert run is not None
        assert (run.label, run.status, run.ended) == ("alice/priv#2", Life.WAITING, None)
        assert user.repo.runs[1].status is Status.WAITING
        assert len(user.changes()) == 1


@pytest.mark.parametrize("name", [name for name in PROFILES if name not in ("gitea-1.25", "forgejo-16")])
def test_the_failed_jobs_again(name: str) -> None:
    with way(name, two_failed) as user:
        change.apply(planned(user, "alice/priv#9", failed=True), quiet)
        assert [job.status for job in user.repo.runs[8].jobs] == [Status.WAITING, Status.WAITING, Status.SUCCESS]
        assert len(user.changes()) == (1 if name.startswith("gitea-1.26") else 2)


@EACH
def test_a_cancelled_run(name: str) -> None:
    with way(name) as user:
        scenarios.running(user.repo)
        run = change.apply(change.cancel(address("alice/priv#9"), user.forges), quiet)
        assert run is not None
        assert (run.status, run.conclusion) == (Life.DONE, Conclusion.CANCELLED)
        assert user.waited == 0


def test_a_server_that_takes_its_time_to_cancel_is_given_a_moment() -> None:
    with way("forgejo-16") as user:
        user.forge.fault(faults.say(Reply(204)), on=r"/cancel$")
        plan = change.cancel(address("alice/priv#4"), user.forges)
        run = change.apply(plan, quiet)
        assert run is not None
        assert run.status is Life.WAITING, "it is told as it is, not as it was asked to be"
        assert user.waited == 5


@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-11", "gitea-1.23", "gitea-1.25"])
def test_each_call_has_a_fresh_csrf_token(name: str) -> None:
    with way(name, two_failed) as user:
        user.http.jar.pop("_csrf", None)
        change.apply(planned(user), quiet)
        user.http.jar["_csrf"] = "stale"
        change.apply(planned(user, "alice/priv#5"), quiet)
        assert [seen.status for seen in user.forge.requests if seen.path.endswith("/rerun")] == [200, 200]


@EACH
def test_who_may_only_read_is_refused(name: str) -> None:
    with way(name, user="rita") as user:
        error = refused(user, planned(user))
        assert error.code == 4
        assert "no-permission" in error.why
        assert "ask for write access to the repository's Actions" in error.how
        assert user.repo.runs[1].status is Status.FAILURE


def test_who_may_only_read_cannot_cancel_by_the_api() -> None:
    with way("forgejo-16", user="rita") as user:
        error = refused(user, change.cancel(address("alice/priv#4"), user.forges))
        assert (error.code, user.repo.runs[3].status) == (4, Status.WAITING)
        assert "ask for write access" in error.how


@pytest.mark.parametrize("name", ["gitea-1.26.0", "forgejo-16"])
def test_a_token_without_the_scope(name: str) -> None:
    with way(name, token="read:repository") as user:
        plan = planned(user) if name != "forgejo-16" else change.cancel(address("alice/priv#4"), user.forges)
        error = refused(user, plan)
        assert error.code == 4
        assert "write:repository" in error.how


def test_an_unfinished_run_is_refused_in_the_servers_words() -> None:
    with way("forgejo-16", lambda world: scenarios.running(world.named("alice/priv"))) as user:
        error = refused(user, planned(user, "alice/priv#9"))
        assert error.code == 4
        assert "The workflow cannot be rerun." in error.how
        assert "whyred cancel" in error.how
    with way("gitea-1.26.0", lambda world: scenarios.running(world.named("alice/priv"))) as user:
        error = refused(user, planned(user, "alice/priv#9"))
        assert error.code == 4
        assert "this workflow run is not done" in error.why


def job_alone(user: Way) -> Callable[[Request, object], Reply]:
    """Reruns a single job as Forgejo 16 does, which wants only the job itself to have ended.

    Source: services/actions/rerun.go, RerunJob.
    """

    def fault(request: Request, _answer: object) -> Reply:
        job = user.repo.runs[8].jobs[int(request.path.split("/")[-2])]
        if not job.status.done:
            return as_json({"errorMessage": "The job cannot be rerun.", "renderFormat": "html"}, 400)
        job.again()
        return as_json({"redirect": "/"})

    return fault


def test_what_was_done_before_a_refusal_is_said() -> None:
    with way("forgejo-16", two_failed) as user:
        user.forge.fault(job_alone(user), on=r"/jobs/\d+/rerun$")
        plan = planned(user, "alice/priv#9", failed=True)
        change.apply(plan, quiet)
        assert [job.status for job in user.repo.runs[8].jobs] == [Status.WAITING, Status.WAITING, Status.SUCCESS]
        scenarios.play(user.repo.runs[8].jobs[0], [scenarios.Part(scenarios.OK)])
        error = refused(user, plan)
        assert error.code == 4
        assert "Done before: rerun the job one of alice/priv#9" in error.how


@pytest.mark.parametrize(
    ("reply", "code", "says"),
    [
        (as_text("Invalid CSRF token.\n", 400), 4, "refused-content"),
        (redirect("/", page=False), 4, "CSRF"),
        (redirect("/user/login", page=False), 4, "needs-web-login"),
        (as_text("cross-origin request detected", 403), 4, "no-permission"),
        (as_text("boom /srv/forgejo/secret", 500), 1, "server-error"),
        (as_json({"errorMessage": "This workflow is \x1b[31mdisabled."}, 400), 4, "This workflow is [31mdisabled."),
        (as_json({}, 400), 4, "it cannot be done now"),
    ],
)
def test_refusals_of_a_page(reply: Reply, code: int, says: str) -> None:
    with way("forgejo-11") as user:
        plan = planned(user)
        user.forge.fault(faults.say(reply), on=r"/rerun$")
        error = refused(user, plan)
        assert error.code == code
        assert says in str(error)
        assert "/srv/" not in str(error)
        assert len(user.changes()) == 1, "what changes the world is never asked for twice"


def test_a_run_that_changed_at_that_moment_is_asked_for_again() -> None:
    """Gitea 1.23.8 says so once in a while when a runner takes the first job while the second is asked for."""
    changed = as_text("run has changed\n", 500)
    with way("gitea-1.23", two_failed) as user:
        plan = planned(user, "alice/priv#9", failed=True)
        user.forge.fault(faults.say(changed), on=r"/jobs/1/rerun$", times=2)
        change.apply(plan, quiet)
        assert [job.status for job in user.repo.runs[8].jobs] == [Status.WAITING, Status.WAITING, Status.SUCCESS]
        assert user.waited == 2
        user.forge.fault(faults.say(changed), on=r"/jobs/1/rerun$")
        error = refused(user, plan)
        assert error.code == 1
        assert "4 tries" in error.why
        assert "Done before: rerun the job one" in error.how


def test_a_web_login_that_is_gone_is_said_before_anything_is_done() -> None:
    with way("forgejo-14") as user:
        plan = planned(user)
        user.forge.drop_logins()
        error = refused(user, plan)
        assert error.code == 4
        assert "needs-web-login" in error.why
        assert user.changes() == []


def test_nobody_knows_what_became_of_a_call_that_got_no_answer() -> None:
    with way("gitea-1.26.0") as user:
        plan = planned(user)
        user.forge.fault(faults.no_answer(), on=r"/rerun$")
        error = refused(user, plan)
        assert error.code == 1
        assert "Nobody knows whether it was done" in error.how


def test_a_plan_that_was_saved_fits_only_its_own_repository() -> None:
    with way("gitea-1.26.0") as user:
        plan = planned(user)
        kept = from_json(to_json(plan.plan))
        assert change.saved(plan, kept).plan == plan.plan
        other = planned(user, "alice/pub#2")
        for strange in (kept, Plan(kept.title, "http://elsewhere.example", kept.calls)):
            with pytest.raises(UserError, match="does not fit") as caught:
                change.saved(other, strange)
            assert caught.value.code == 2
        change.apply(change.saved(plan, kept), quiet)
        assert user.repo.runs[1].status is Status.WAITING


def test_a_forge_that_whyred_changes_nothing_on() -> None:
    with way("forgejo-16") as user:
        user.forges.ladder(user.forge.url)._named.clear()
        error = refused_now(lambda: planned(user))
        assert error.code == 4
        assert error.what.startswith("cannot rerun a run on Forgejo")


def refused_now(call: Callable[[], object]) -> UserError:
    with pytest.raises(UserError) as caught:
        call()
    return caught.value


def test_what_planning_cannot_find_ends_as_a_refusal_of_the_change() -> None:
    with way("forgejo-16") as user:
        error = refused_now(lambda: planned(user, "alice/priv#99"))
        assert error.code == 4
        assert error.what == "cannot rerun alice/priv#99"
        assert "not-found-or-hidden" in error.why
        error = refused_now(lambda: planned(user, "alice/priv#5:nothing"))
        assert "its jobs are" in error.why
