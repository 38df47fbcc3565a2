"""The web pages' own logs where attempts, set-up rows and skipped steps make them say less or more than they should."""

from collections.abc import Callable

import pytest
from change_standin import Way, address, way
from standin import Status, World, scenarios
from standin.runs import Attempt as Played
from streams import until_refused

from whyred.app.resolve import Resolver, chosen
from whyred.model.run import Attempt, Conclusion, Run, Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources import web_state
from whyred.sources.reach import Want

OK, FAILED, SKIPPED = scenarios.OK, scenarios.FAILED, scenarios.SKIPPED


def attempt(user: Way, target: str, number: int | None = None) -> Attempt:
    resolver = Resolver(user.forges.ladder(user.forge.url))
    found = chosen(resolver.attempts(resolver.run(address(target)), address(target)))
    return found if number is None else resolver.older(found, number)


def told(user: Way, of: Attempt, want: Want) -> list[str]:
    """Steps (in brackets) and rows without their times, in order."""
    found: list[str] = []
    for piece in web_state.log(user.reach, of, want).chunks:
        if isinstance(piece, Step):
            found.append(f"[{piece.name}]")
        else:
            found += [line.decode().partition("Z ")[2] for line in piece.splitlines()]
    return found


# --- older attempts --------------------------------------------------------------------------------------------------


def rerun_waits(world: World) -> None:
    """Attempt 1 failed, attempt 2 waits for a runner."""
    scenarios.failing(world.named("alice/priv")).jobs[0].again()


def test_an_older_attempt_is_had_by_the_api_while_the_newest_waits() -> None:
    with way("forgejo-16", rerun_waits) as user:
        fetched = user.forges.ladder(user.forge.url).log(attempt(user, "alice/priv#9", 1), Want())
        assert fetched.route == "forgejo-api"
        assert b"couldn't create a temp dir" in b"".join(c for c in fetched.chunks if isinstance(c, bytes))


def test_pages_that_hide_an_older_attempt_do_not_call_it_never_run() -> None:
    with way("forgejo-16", rerun_waits, token=None) as user:
        with pytest.raises(MissingLogError, match="once that has begun") as refused:
            user.forges.ladder(user.forge.url).log(attempt(user, "alice/priv#9", 1), Want())
        assert refused.value.reason is Missing.NEEDS_TOKEN


@pytest.mark.parametrize("name", ["forgejo-14", "forgejo-16"])
def test_the_newest_attempt_waits(name: str) -> None:
    with way(name, rerun_waits) as user:
        with pytest.raises(MissingLogError) as refused:
            user.forges.ladder(user.forge.url).log(attempt(user, "alice/priv#9"), Want())
        assert refused.value.reason is Missing.NOT_STARTED


def never_picked(world: World) -> None:
    run = world.named("alice/priv").push("too late", "ci.yml", "main")
    run.job("waited", "Step").status = Status.CANCELLED


@pytest.mark.parametrize("web", [True, False])
def test_a_job_that_was_cancelled_while_it_waited_never_began(web: bool) -> None:
    with way("forgejo-16", never_picked, web=web) as user:
        with pytest.raises(MissingLogError, match="never run") as refused:
            user.forges.ladder(user.forge.url).log(attempt(user, "alice/priv#9"), Want())
        assert refused.value.reason is Missing.NOT_STARTED


# --- rows that come twice ---------------------------------------------------------------------------------------------


def first_step_skipped(world: World) -> None:
    run = world.named("alice/priv").push("skips its first", "ci.yml", "main")
    parts = [scenarios.Part(SKIPPED), scenarios.Part(FAILED, ["one", "two"]), scenarios.Part(OK, ["three"])]
    scenarios.play(run.job("test", "If false", "Build", "Always"), parts)


@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-11", "forgejo-14", "forgejo-16"])
def test_a_first_step_that_was_skipped_doubles_no_row(name: str) -> None:
    with way(name, first_step_skipped) as user:
        found = told(user, attempt(user, "alice/priv#9"), Want())
        ends = found.index("[If false]")
        assert found[ends : ends + 6] == ["[If false]", "[Build]", "one", "two", "[Always]", "three"]
        assert sorted(set(found)) == sorted(found)
        assert found[-2:] == ["🏁  Job failed", "Job 'test' failed"]


# --- following --------------------------------------------------------------------------------------------------------


def quiet(world: World) -> None:
    scenarios.running(world.named("alice/priv"))


def played(user: Way) -> Played:
    return user.repo.runs[-1].jobs[0].attempts[0]


def followed(user: Way, works: Callable[[Played], list[Callable[[], object]]]) -> list[str]:
    user.works += works(played(user))
    return told(user, attempt(user, "alice/priv#9"), Want(follow=True))


def end(of: Played, status: Status = OK) -> None:
    for step, each in enumerate(of.steps):
        if not each.status.done:
            of.end_step(step)
    scenarios.close(of, status)


FORGEJO = ["forgejo-7", "forgejo-11", "forgejo-14", "forgejo-16"]


@pytest.mark.parametrize("name", FORGEJO)
def test_rows_of_the_set_up_are_not_lost_where_the_first_step_is_silent_for_a_while(name: str) -> None:
    def works(of: Played) -> list[Callable[[], object]]:
        return [
            lambda: of.row("received task"),
            lambda: of.begin(0),
            lambda: of.row("run main"),
            *[lambda: None] * 4,
            lambda: of.row("at last", 0),
            lambda: None,
            lambda: end(of),
        ]

    with way(name, quiet) as user:
        found = followed(user, works)
        assert found[:5] == ["[Set up job]", "received task", "run main", "[Quick]", "at last"]
        assert sorted(set(found)) == sorted(found)


@pytest.mark.parametrize("name", FORGEJO)
def test_a_row_that_came_before_the_runner_told_whose_it_is_comes_once(name: str) -> None:
    def works(of: Played) -> list[Callable[[], object]]:
        return [
            lambda: of.row("received task"),
            lambda: of.row("hello"),
            lambda: of.row("world"),
            *[lambda: None] * 3,
            lambda: of.claim(0, 2),
            lambda: of.row("again", 0),
            lambda: end(of),
        ]

    with way(name, quiet) as user:
        found = [row for row in followed(user, works) if not row.startswith("[")]
        assert found[:4] == ["received task", "hello", "world", "again"]
        assert sorted(set(found)) == sorted(found)


@pytest.mark.parametrize("name", FORGEJO)
def test_the_last_rows_of_a_job_that_is_cancelled_while_it_is_followed(name: str) -> None:
    def works(of: Played) -> list[Callable[[], object]]:
        return [
            lambda: of.row("received task"),
            lambda: of.row("about to sleep", 0),
            *[lambda: None] * 3,
            lambda: of.end(Status.CANCELLED),
            lambda: scenarios.late_rows(of),
        ]

    with way(name, quiet) as user:
        found = [row for row in followed(user, works) if not row.startswith("[")]
        assert found == ["received task", "about to sleep", *scenarios.LATE_ROWS]
        assert attempt(user, "alice/priv#9").conclusion is Conclusion.CANCELLED


@pytest.mark.parametrize("name", FORGEJO)
def test_a_job_is_followed_whose_first_step_is_skipped(name: str) -> None:
    def works(of: Played) -> list[Callable[[], object]]:
        return [
            lambda: of.row("received task"),
            lambda: of.end_step(0, SKIPPED),
            lambda: of.row("said", 1),
            *[lambda: None] * 3,
            lambda: of.end_step(1),
            lambda: of.end_step(2),
            lambda: scenarios.close(of, OK),
        ]

    with way(name, quiet) as user:
        found = followed(user, works)
        rows = [row for row in found if not row.startswith("[")]
        assert rows == ["received task", "said", "🏁  Job succeeded"]
        assert [row for row in found if row.startswith("[")][:4] == ["[Set up job]", "[Quick]", "[Ticking]", "[After]"]


@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-11", "gitea-1.23", "gitea-1.25", "gitea-1.26.4"])
@pytest.mark.parametrize("picked", [True, False])
def test_the_rows_of_the_next_attempt_are_not_given(name: str, picked: bool) -> None:
    def again(of: Played) -> None:
        end(of, FAILED)
        of.job.again()
        if picked:
            made = of.job.pick()
            for n in range(9):
                made.row(f"try2 {n}", 0)

    with way(name, quiet) as user:
        of = played(user)
        of.row("received task")
        user.works = [lambda: of.row("try1 0", 0), lambda: of.row("try1 1", 1), lambda: None, lambda: again(of)]
        chunks = web_state.log(user.reach, attempt(user, "alice/priv#9"), Want(follow=True)).chunks
        came, error = until_refused(chunks)
        assert error.reason is Missing.REFUSED_CONTENT
        assert "run again" in error.help
        assert b"try1 1\n" in came
        assert b"try2" not in came


# --- switched off -----------------------------------------------------------------------------------------------------


def switched_off(world: World) -> None:
    world.named("alice/priv").actions = False


@pytest.mark.parametrize("name", FORGEJO)
def test_actions_that_are_switched_off_are_told(name: str) -> None:
    with way(name, switched_off, token="read:repository") as user:
        with pytest.raises(MissingLogError, match="switched off") as refused:
            web_state.attempts(user.reach, Run("alice/priv#2", repo="alice/priv", number=2))
        assert refused.value.reason is Missing.NOT_FOUND
