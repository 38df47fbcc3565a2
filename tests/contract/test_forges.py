"""One contract for every server and route: the same run gives the same nouns.

The servers are stand-ins that behave as the recorded versions do (`standin`); the program is the ladder itself.
"""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from standin import PROFILES, Standin, World, scenarios, standin

from whyred.app.ladder import Ladder
from whyred.app.resolve import Resolver, chosen
from whyred.logs.blocks import blocks
from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Attempt, Conclusion, Run, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.model.target import read_address
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want
from whyred.sources.servers import identify
from whyred.sources.web_login import sign_in

FORGEJO = [name for name in PROFILES if name.startswith("forgejo")]
EVERY = list(PROFILES)
_STAMP = re.compile(rb"(?m)^\d{4}-\d\d-\d\dT\S+Z ")


@dataclass
class Way:
    """How a user reaches a server: by token, by web login, by both."""

    forge: Standin
    world: World
    ladder: Ladder

    def run(self, number: int, repo: str = "alice/priv") -> Run:
        return self.resolver.run(read_address(f"{repo}#{number}"))  # type: ignore[arg-type]

    @property
    def resolver(self) -> Resolver:
        return Resolver(self.ladder)

    def attempt(self, number: int, job: str | None = None, repo: str = "alice/priv") -> Attempt:
        address = read_address(f"{repo}#{number}{':' + job if job else ''}")
        assert address is not None
        return self.ladder.steps(chosen(self.resolver.attempts(self.resolver.run(address), address)))


def reached(forge: Standin, world: World, *, user: str | None = "alice", token: bool = True, web: bool = True) -> Way:
    http = Http(forge.url, sleep=lambda _: None)
    if user is not None and web:
        sign_in(http, user, world.users[user].password)
        http.signed_in = True
    if user is not None and token:
        http.token = world.users[user].token("read:repository")
    return Way(forge, world, Ladder(Reach(identify(http), http)))


@contextlib.contextmanager
def way(name: str, make: Callable[[World], object] = lambda _: None, **how: object) -> Iterator[Way]:
    world = scenarios.everyday(skipped_by_runner=name != "forgejo-16")
    make(world)
    with standin(name, world) as forge:
        yield reached(forge, world, **how)  # type: ignore[arg-type]


def told(fetched: Fetched) -> tuple[list[Step], list[bytes]]:
    """The steps a log came with, and its lines without their times."""
    steps: list[Step] = []
    text = b""
    for piece in fetched.chunks:
        if isinstance(piece, Step):
            steps.append(piece)
        else:
            text += piece
    return steps, _STAMP.sub(b"", text).removesuffix(b"\n").split(b"\n")


def by_step(fetched: Fetched) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    name = ""
    for block in blocks(fetched.chunks):
        name = block.step.name if block.step is not None else name
        found.setdefault(name, []).extend(_STAMP.sub(b"", block.raw).splitlines())
    return found


def test_every_server_is_known_for_what_it_is() -> None:
    for name in EVERY:
        with way(name, token=False, web=False) as it:
            assert it.ladder.reach.server.kind is (Kind.FORGEJO if name.startswith("forgejo") else Kind.GITEA)
            assert it.ladder.reach.server.version == PROFILES[name].version.partition("+")[0]


@pytest.mark.parametrize("name", EVERY)
def test_the_failing_run_gives_its_step_and_line(name: str) -> None:
    with way(name) as it:
        attempt = it.attempt(2)
        assert (attempt.status, attempt.conclusion) == (Status.DONE, Conclusion.FAILURE)
        assert attempt.job is not None
        assert attempt.job.name == "test"
        fetched = it.ladder.log(attempt, Want())
        assert fetched.boundaries is Boundaries.TOLD
        steps = by_step(fetched)
        assert list(steps) == ["Set up job", "Prepare", "Cargo build", "Never runs", "Always runs", "Complete job"]
        assert steps["Prepare"] == [b"preparing", b"done preparing"]
        assert scenarios.FOUNDING.encode() in steps["Cargo build"]
        assert steps["Never runs"] == []
        ends = {s.name: s.conclusion for s in fetched.attempt.steps}
        assert ends["Cargo build"] is Conclusion.FAILURE
        assert ends["Prepare"] is Conclusion.SUCCESS
        assert ends["Never runs"] is Conclusion.SKIPPED


@pytest.mark.parametrize("name", ["forgejo-16", "gitea-1.25", "gitea-1.26.0"])
def test_by_token_alone_the_workflow_file_names_the_failing_step(name: str) -> None:
    """The text marks the first step alone, and the API tells no step, or none that can be believed."""
    with way(name, web=False) as it:
        fetched = it.ladder.log(it.attempt(2), Want())
        assert fetched.boundaries is Boundaries.SCRIPTS
        steps = by_step(fetched)
        assert list(steps) == ["Set up job", "Prepare", "Cargo build", "Always runs", "Complete job"]
        assert scenarios.FOUNDING.encode() in steps["Cargo build"]
        assert steps["Always runs"] == [b"cleanup"]


@pytest.mark.parametrize("name", ["forgejo-16", "gitea-1.25", "gitea-1.26.0"])
def test_without_the_workflow_file_no_step_is_blamed_that_may_not_have_failed(name: str) -> None:
    with way(name, lambda w: w.find_repo("alice", "priv").files.clear(), web=False) as it:  # type: ignore[union-attr]
        steps = by_step(it.ladder.log(it.attempt(2), Want()))
        blamed = [step for step, rows in steps.items() if scenarios.FOUNDING.encode() in rows]
        assert blamed in ([""], ["Prepare / Cargo build / Never runs / Always runs"])


@pytest.mark.parametrize("name", EVERY)
def test_the_run_itself_is_told_alike(name: str) -> None:
    with way(name) as it:
        run = it.run(2)
        assert (run.repo, run.number, run.label) == ("alice/priv", 2, "alice/priv#2")
        assert run.id in (None, 11)
        assert run.conclusion in (Conclusion.FAILURE, Conclusion.UNKNOWN)


@pytest.mark.parametrize("name", EVERY)
def test_runs_come_newest_first(name: str) -> None:
    with way(name) as it:
        found = it.ladder.runs("alice/priv", RunQuery(limit=5))
        numbers = [r.number for r in found]
        assert numbers == sorted((n for n in numbers if n), reverse=True)
        assert 8 in numbers


@pytest.mark.parametrize("name", EVERY)
def test_an_ugly_log_comes_as_the_runner_sent_it(name: str) -> None:
    with way(name) as it:
        lines = told(it.ladder.log(it.attempt(3), Want()))[1]
        assert b"latin1 ? and broken ? and nul \0 end" in lines
        assert b"progress 10%\rprogress 50%\rprogress 100%" in lines
        assert max(map(len, lines)) in range(65_500, 65_600)
        assert b"now *** should be stars" in lines


@pytest.mark.parametrize("name", EVERY)
def test_a_waiting_job_has_a_reason_and_no_log(name: str) -> None:
    with way(name) as it:
        attempt = it.attempt(4)
        assert attempt.status is Status.WAITING
        with pytest.raises(MissingLogError) as refused:
            it.ladder.log(attempt, Want())
        assert refused.value.reason is Missing.NOT_STARTED


@pytest.mark.parametrize("name", EVERY)
def test_a_matrix_gives_its_jobs_and_the_one_that_failed(name: str) -> None:
    with way(name) as it:
        run = it.run(5)
        jobs = [a.job.name for a in it.ladder.attempts(run) if a.job]
        assert jobs == ["unit (1)", "unit (2)", "after", "always"]
        attempt = it.attempt(5)
        assert attempt.job is not None
        assert attempt.job.name == "unit (2)"
        assert b"case 2" in told(it.ladder.log(attempt, Want()))[1]
        with pytest.raises(MissingLogError) as refused:
            it.ladder.log(it.attempt(5, "after"), Want())
        assert refused.value.reason is Missing.NOT_STARTED


@pytest.mark.parametrize("name", EVERY)
def test_a_cancelled_job_has_every_line_once(name: str) -> None:
    with way(name, lambda w: scenarios.cancelled(w.find_repo("alice", "priv"))) as it:  # type: ignore[arg-type]
        attempt = it.attempt(9)
        assert attempt.conclusion is Conclusion.CANCELLED
        lines = told(it.ladder.log(attempt, Want()))[1]
        assert lines.count(b"about to sleep") == 1
        assert lines[-1] == b"context canceled"


@pytest.mark.parametrize("name", EVERY)
def test_a_lost_log_is_deleted_and_an_expired_one_expired(name: str) -> None:
    def make(world: World) -> None:
        repo = world.find_repo("alice", "priv")
        assert repo is not None
        scenarios.lost(repo)
        scenarios.expired(repo)

    with way(name, make) as it:
        gone = ((9, Missing.DELETED), (10, Missing.EXPIRED))
        for number, reason in gone[: 2 if PROFILES[name].retention else 1]:
            with pytest.raises(MissingLogError) as refused:
                told(it.ladder.log(it.attempt(number), Want()))
            assert refused.value.reason is reason, (name, number)


@pytest.mark.parametrize("name", EVERY)
def test_a_job_just_picked_has_no_rows_yet(name: str) -> None:
    with way(name, lambda w: scenarios.running(w.find_repo("alice", "priv"))) as it:  # type: ignore[arg-type]
        attempt = it.attempt(9)
        assert attempt.status is Status.RUNNING
        with pytest.raises(MissingLogError) as refused:
            told(it.ladder.log(attempt, Want()))
        assert refused.value.reason is Missing.STILL_RUNNING


@pytest.mark.parametrize("name", EVERY)
def test_public_logs_need_no_login(name: str) -> None:
    with way(name, user=None) as it:
        attempt = it.attempt(2, repo="alice/pub")
        fetched = it.ladder.log(attempt, Want())
        assert scenarios.FOUNDING.encode() in told(fetched)[1]


@pytest.mark.parametrize("name", EVERY)
def test_a_private_run_is_hidden_from_strangers(name: str) -> None:
    for user in (None, "nora"):
        with way(name, user=user) as it:
            with pytest.raises(MissingLogError) as refused:
                told(it.ladder.log(it.attempt(2), Want()))
            assert refused.value.reason in (Missing.NOT_FOUND, Missing.NEEDS_WEB_LOGIN, Missing.NEEDS_TOKEN)


@pytest.mark.parametrize("name", EVERY)
def test_a_web_login_alone_is_enough(name: str) -> None:
    with way(name, token=False) as it:
        fetched = it.ladder.log(it.attempt(2), Want())
        assert scenarios.FOUNDING.encode() in told(fetched)[1]
        runs = it.ladder.runs("alice/priv", RunQuery(limit=3))
        assert [r.number for r in runs] == [8, 7, 6]


@pytest.mark.parametrize("name", EVERY)
def test_a_token_alone_is_enough_where_there_is_a_log_api_and_told_where_not(name: str) -> None:
    with way(name, web=False) as it:
        has = PROFILES[name].has("GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs")
        if has:
            fetched = it.ladder.log(it.attempt(2), Want())
            assert scenarios.FOUNDING.encode() in told(fetched)[1]
            return
        with pytest.raises(MissingLogError) as refused:
            told(it.ladder.log(it.attempt(2), Want()))
        assert refused.value.reason is Missing.NEEDS_WEB_LOGIN
        reasons = {route: e.reason for route, e in refused.value.tried}
        api = "forgejo-api" if name.startswith("forgejo") else "gitea-api"
        assert reasons[api] is Missing.ROUTE_NOT_ON_THIS_VERSION


@pytest.mark.parametrize("name", EVERY)
def test_an_id_given_for_a_number_is_told(name: str) -> None:
    with way(name) as it:
        with pytest.raises(MissingLogError) as refused:
            it.attempt(11)  # the id of run 2
        assert refused.value.reason in (Missing.WRONG_ID_KIND, Missing.NOT_FOUND)


@pytest.mark.parametrize("name", EVERY)
def test_urls_as_the_browser_has_them(name: str) -> None:
    ids = PROFILES[name].web_ids == "database"
    with way(name) as it:
        job = it.attempt(5, "unit (2)").job
        assert job is not None
        path = f"runs/{14}/jobs/{job.id}" if ids else "runs/5/jobs/1"
        for tail in ("", "/attempt/1") if PROFILES[name].attempts else ("",):
            address = read_address(f"{it.forge.url}/alice/priv/actions/{path}{tail}")
            assert address is not None
            found = it.resolver.attempts(it.resolver.run(address), address)
            assert [a.job.name for a in found if a.job] == ["unit (2)"]


@pytest.mark.parametrize("name", FORGEJO)
def test_older_attempts_where_the_server_shows_them(name: str) -> None:
    with way(name, lambda w: scenarios.rerun(w.find_repo("alice", "priv"))) as it:  # type: ignore[arg-type]
        newest = it.attempt(9)
        address = read_address(f"{it.forge.url}/alice/priv/actions/runs/9/jobs/0/attempt/1")
        assert address is not None
        run = it.resolver.run(address)
        if not PROFILES[name].attempts:
            with pytest.raises(MissingLogError) as refused:
                it.resolver.attempts(run, address)
            assert refused.value.reason is Missing.ROUTE_NOT_ON_THIS_VERSION
            return
        assert newest.number == 2
        older = it.ladder.steps(it.resolver.attempts(run, address)[0])
        assert older.number == 1
        assert older.conclusion is Conclusion.FAILURE
        assert scenarios.FOUNDING.encode() in told(it.ladder.log(older, Want()))[1]
