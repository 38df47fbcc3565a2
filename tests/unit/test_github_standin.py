"""The route against the stand-in GitHub: each scenario's steps are its true ones, what goes wrong has its reason."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from standin import scenarios
from standin.github import GitHub, ZipForm, primary_limit, secondary_limit, standin_github
from standin.github_shapes import run_id
from standin.github_text import numbered, step_text
from standin.hard_scenarios import hostile, odd_names
from standin.world import Attempt as Played
from standin.world import Pull, Repo
from standin.world import Run as PlayedRun
from standin.world import Status as Ended

from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.run import Attempt, Conclusion, Status, Step
from whyred.model.run import numbered as named
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import github as route
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want

MAKERS: dict[str, Callable[[Repo], PlayedRun]] = {
    "green": scenarios.green,
    "failing": scenarios.failing,
    "ugly": scenarios.ugly,
    "matrix": scenarios.matrix,
    "skipped": scenarios.skipped,
    "rerun": scenarios.rerun,
    "cancelled": scenarios.cancelled,
    "invalid": scenarios.invalid,
    "odd names": odd_names,
    "hostile": hostile,
}


@dataclass
class Way:
    """A stand-in, and how a test's user reaches it."""

    github: GitHub
    repo: Repo
    reach: Reach
    token: str
    pauses: list[float] = field(default_factory=list)

    def attempts(self, run: PlayedRun) -> tuple[Attempt, ...]:
        query = RunQuery(limit=1, id=run_id(run))
        (found,) = route.runs(self.reach, self.repo.full_name, query)
        return route.attempts(self.reach, found)


@pytest.fixture
def way() -> Iterator[Way]:
    world = scenarios.everyday()
    with standin_github(world) as github:
        token = world.users["alice"].token()
        http = Http(route.api_root(github.url), token, "Bearer", sleep=lambda _: None)
        yield Way(github, world.named("alice/priv"), Reach(Server(github.url, Kind.GITHUB), http), token)
        assert not github.storage.saw(token), "the token was sent to the storage host"


def told(fetched: Fetched) -> list[tuple[str, str]]:
    found: list[tuple[str, bytes]] = []
    for item in fetched.chunks:
        if isinstance(item, Step):
            found.append((item.name, b""))
        else:
            name, data = found.pop() if found else ("", b"")
            found.append((name, data + item))
    return [(name, data.decode().replace("\ufeff", "")) for name, data in found]


def truth(played: Played) -> list[tuple[str, str]]:
    """The steps of an attempt and their true texts."""
    return [(step.name, step_text(played, place).replace("\ufeff", "")) for place, step in numbered(played)]


def played(run: PlayedRun) -> list[Played]:
    return [job.attempts[-1] for job in run.jobs if job.attempts]


@pytest.mark.parametrize("name", MAKERS)
def test_every_step_has_its_own_lines(way: Way, name: str) -> None:
    run = MAKERS[name](way.repo)
    found = [a for a in way.attempts(run) if a.runner is not None]
    assert len(found) == len(played(run)) > 0
    for attempt, real in zip(found, played(run), strict=True):
        fetched = route.log(way.reach, attempt, Want())
        assert [text for _, text in told(fetched)] == [text for _, text in truth(real)]
        assert fetched.boundaries is Boundaries.TIMES


@pytest.mark.parametrize("name", ["failing", "ugly", "matrix", "rerun", "odd names"])
def test_each_step_alone_comes_from_the_zip(way: Way, name: str) -> None:
    run = MAKERS[name](way.repo)
    found = [a for a in way.attempts(run) if a.runner is not None]
    for attempt, real in zip(found, played(run), strict=True):
        for wanted, (_, text) in zip(named(attempt.steps), truth(real), strict=True):
            if text:
                fetched = route.log(way.reach, attempt, Want(steps=frozenset({wanted})))
                assert [data for _, data in told(fetched)] == [text], (wanted, fetched.refused)
                assert fetched.boundaries is Boundaries.TOLD


@pytest.mark.parametrize("form", [ZipForm(folders=False), ZipForm(top=False, folders=False, system=False)])
def test_zips_without_the_steps(way: Way, form: ZipForm) -> None:
    way.github.zip_form = form
    run = scenarios.failing(way.repo)
    (attempt,) = way.attempts(run)
    fetched = route.log(way.reach, attempt, Want(steps=frozenset({2})))
    assert told(fetched) == [truth(played(run)[0])[2]]
    assert (fetched.boundaries, len(fetched.refused)) == (Boundaries.TIMES, 1)


def test_attempts_of_a_rerun(way: Way) -> None:
    run = scenarios.rerun(way.repo)
    (newest,) = way.attempts(run)
    older = route.older(way.reach, newest, 1)
    assert (newest.number, older.number) == (2, 1)
    assert newest.job is not None
    assert older.job is not None
    assert newest.job.id != older.job.id
    first = run.jobs[0].attempts[0]
    assert told(route.log(way.reach, older, Want())) == truth(first)
    assert told(route.log(way.reach, older, Want(steps=frozenset({2})))) == [truth(first)[2]]


@pytest.mark.parametrize(("make", "reason"), [(scenarios.lost, Missing.EXPIRED), (scenarios.expired, Missing.EXPIRED)])
def test_logs_that_are_gone(way: Way, make: Callable[[Repo], PlayedRun], reason: Missing) -> None:
    way.github.zip_form = ZipForm(top=False, folders=False, system=False)
    (attempt,) = way.attempts(make(way.repo))
    with pytest.raises(MissingLogError) as caught:
        route.log(way.reach, attempt, Want())
    assert caught.value.reason is reason
    assert way.token not in str(caught.value)
    assert "sig=" not in str(caught.value)


def test_a_job_is_followed_while_it_runs(way: Way) -> None:
    """The job goes on whenever the client pauses."""
    run = scenarios.running(way.repo)
    real = run.jobs[0].attempts[0]

    def lines() -> Iterator[None]:
        for text in scenarios.opening(real):
            real.row(text)
        yield
        real.row("quick", 0)
        real.end_step(0, Ended.SUCCESS)
        yield
        yield
        real.row("tick", 1)
        real.end_step(1, Ended.FAILURE)
        real.end_step(2, Ended.SKIPPED)
        yield
        scenarios.close(real, Ended.FAILURE)
        yield

    goes_on = lines()

    def sleep(seconds: float) -> None:
        way.pauses.append(seconds)
        with way.repo.world.lock:
            next(goes_on)

    way.reach.http.sleep = sleep
    (attempt,) = way.attempts(run)
    with pytest.raises(MissingLogError, match="still-running-no-rows"):
        route.log(way.reach, attempt, Want())
    found = told(route.log(way.reach, attempt, Want(follow=True)))
    assert found[-5:] == truth(real)
    assert [name for name, _ in found[:-5]] == ["Set up job", "Quick", "Ticking", "After", "Complete job"]
    assert len(way.pauses) == 5
    now = route.steps(way.reach, attempt)
    assert (now.status, now.conclusion) == (Status.DONE, Conclusion.FAILURE)


def test_who_may_not(way: Way) -> None:
    run = scenarios.failing(way.repo.world.named("alice/pub"))
    way.repo = way.repo.world.named("alice/pub")
    way.reach.http.token = None
    (attempt,) = way.attempts(run)
    with pytest.raises(MissingLogError) as caught:
        route.log(way.reach, attempt, Want())
    assert caught.value.reason is Missing.NEEDS_TOKEN
    for token, reason in (("ghp_wrong", Missing.NEEDS_TOKEN), (None, Missing.NEEDS_TOKEN)):
        way.reach.http.token = token
        with pytest.raises(MissingLogError) as caught:
            route.log(way.reach, attempt, Want())
        assert caught.value.reason is reason
    way.reach.http.token = way.repo.world.users["nora"].token()
    with pytest.raises(MissingLogError) as caught:
        list(route.runs(way.reach, "alice/priv", RunQuery()))
    assert caught.value.reason is Missing.NOT_FOUND


def test_limits(way: Way) -> None:
    reset = way.repo.world.now // 10_000_000 + 600
    for path, fault in (
        ("/one$", primary_limit(reset)),
        ("/two$", primary_limit(reset, status=429)),
        ("/three$", secondary_limit(900)),
        ("/four$", secondary_limit(0)),
    ):
        way.github.fault(fault, on=path)
        with pytest.raises(MissingLogError) as caught:
            route.default_branch(way.reach, f"alice/{path[1:-1]}")
        assert caught.value.reason is Missing.RATE_LIMITED
        assert "again" in caught.value.help


def test_a_link_to_the_storage_that_ran_out_is_asked_for_anew(way: Way) -> None:
    run = scenarios.failing(way.repo)
    (attempt,) = way.attempts(run)
    fetched = route.log(way.reach, attempt, Want(steps=frozenset({2})))
    way.github.expire_links()
    assert told(fetched) == [truth(played(run)[0])[2]]


def test_changes(way: Way) -> None:
    failed = way.repo.runs[1]
    (attempt,) = way.attempts(failed)
    route.apply(way.reach, route.plan_rerun(way.reach, attempt.run, failed=True))
    assert failed.jobs[0].attempt == 2
    (now,) = way.attempts(failed)
    assert (now.status, now.number) == (Status.WAITING, 2)
    route.apply(way.reach, route.plan_cancel(way.reach, now.run))
    assert failed.status is Ended.CANCELLED
    before = len(way.repo.runs)
    workflow = way.repo.runs[0].workflow
    plan = route.plan_dispatch(way.reach, "alice/priv", workflow, way.repo.default_branch)
    assert route.dispatched(route.apply(way.reach, plan)) is None
    assert len(way.repo.runs) == before + 1


def test_the_repository_itself(way: Way) -> None:
    assert route.default_branch(way.reach, "alice/priv") == way.repo.default_branch
    way.repo.pulls[3] = Pull(3, "a title", "topic", "5f1b" * 10)
    assert route.pull(way.reach, "alice/priv", 3) == "5f1b" * 10


def test_annotations(way: Way) -> None:
    (attempt,) = way.attempts(scenarios.failing(way.repo))
    (found,) = route.annotations(way.reach, attempt)
    assert (found.level, found.message) == (route.Level.FAILURE, "Process completed with exit code 101.")
