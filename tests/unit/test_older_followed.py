"""An older attempt that is followed: it has ended, and the newest one's end is not taken for its own."""

import pytest
from change_standin import Way, address, way
from standin import World, scenarios
from standin.scenarios import FAILED, OK, Part
from test_logs_follow import seen
from test_web_state import attempt

from whyred.app.library import Library
from whyred.app.log_pieces import Head, LogWish
from whyred.app.log_wait import again
from whyred.app.logs import logs
from whyred.model.run import Conclusion, Status
from whyred.sources import forgejo_api


def red_then_green(world: World) -> None:
    job = scenarios.failing(world.named("alice/priv")).jobs[0]
    job.again()
    scenarios.play(job, [Part(OK, ["fine"])])


def green_then_red(world: World) -> None:
    job = scenarios.green(world.named("alice/priv")).jobs[0]
    job.again()
    scenarios.play(job, [Part(FAILED, ["bad"])])


def then_runs(world: World) -> None:
    job = scenarios.failing(world.named("alice/priv")).jobs[0]
    job.again()
    job.pick().row("runs", 0)


def ends(user: Way, number: int) -> list[Conclusion]:
    wish = LogWish(address("alice/priv#9"), attempt=number, follow=True)
    return [piece.ended() for piece in logs(wish, user.forges, Library(None)) if isinstance(piece, Head)]


@pytest.mark.parametrize("name", ["forgejo-14", "forgejo-16"])
def test_each_attempt_has_its_own_end(name: str) -> None:
    with way(name, red_then_green) as user:
        assert ends(user, 1) == [Conclusion.FAILURE]
        assert ends(user, 2) == [Conclusion.SUCCESS]
    with way(name, green_then_red) as user:
        assert ends(user, 1) == [Conclusion.SUCCESS]


def test_an_end_that_nothing_tells_is_not_the_newest_ones() -> None:
    with way("forgejo-16", red_then_green, web=False) as user:
        assert ends(user, 1) == [Conclusion.UNKNOWN]


@pytest.mark.parametrize("name", ["forgejo-14", "forgejo-16"])
def test_an_older_attempt_has_ended_while_the_newest_runs(name: str) -> None:
    with way(name, then_runs) as user:
        now = again(user.forges.ladder(user.forge.url), attempt(user, "alice/priv#9", 1))
        assert (now.number, now.status, now.conclusion) == (1, Status.DONE, Conclusion.FAILURE)
        assert not now.newest


def test_it_has_ended_for_the_list_of_jobs_as_well() -> None:
    with way("forgejo-16", then_runs) as user:
        now = forgejo_api._again(user.reach, attempt(user, "alice/priv#9", 1))
        assert (now.number, now.status, now.conclusion) == (1, Status.DONE, Conclusion.UNKNOWN)


@pytest.mark.parametrize("name", ["forgejo-14", "forgejo-16", "gitea-1.26.4"])
def test_a_job_that_waits_to_run_again_is_followed(name: str) -> None:
    """Of such a job some servers tell the number of the attempt before."""

    def waits(world: World) -> None:
        scenarios.failing(world.named("alice/priv")).jobs[0].again()

    with way(name, waits) as user:
        job = user.repo.runs[-1].jobs[0]
        user.works = [lambda: None, lambda: scenarios.play(job, [Part(OK, ["this time"])])]
        found = seen(user, "alice/priv#9")
        assert b"this time" in b"".join(piece for piece in found if isinstance(piece, bytes))
        assert [piece.ended() for piece in found if isinstance(piece, Head)] == [Conclusion.SUCCESS]
