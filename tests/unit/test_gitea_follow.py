"""Gitea's log while it grows: steps before their lines, whatever they are called and whenever they come apart; through
a restart; and never with the lines of two attempts.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from change_standin import Way, way
from standin import Status as Played
from standin import faults, scenarios
from standin.runs import Attempt as Task
from streams import until_refused
from test_web_state import attempt, played, quiet

from whyred.model.run import Conclusion, Status, Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources import _gitea_live, gitea_api
from whyred.sources.reach import Want

NEW = "gitea-1.26.4"


def at(second: int, text: str) -> bytes:
    return b"1970-01-01T00:00:%02d.0000000Z %s\n" % (second, text.encode())


def step(name: str, began: int, conclusion: Conclusion = Conclusion.SUCCESS) -> Step:
    return Step(name, conclusion, started=float(began), status=Status.RUNNING)


def live(*answers: tuple[bytes, tuple[Step, ...]]) -> list[str]:
    """The stream of these pieces, each with the steps as they were when it came."""
    now: tuple[Step, ...] = ()

    def chunks() -> Iterator[bytes]:
        nonlocal now
        for chunk, steps in answers:
            now = steps
            yield chunk

    return told(_gitea_live.live(chunks(), lambda: now))


def told(pieces: Iterator[bytes | Step]) -> list[str]:
    found: list[str] = []
    for piece in pieces:
        if isinstance(piece, Step):
            found.append(f"[{piece.name}]")
        else:
            found += [line.decode().partition("Z ")[2] for line in piece.splitlines()]
    return found


def test_steps_of_one_name_are_told_each() -> None:
    steps = step("Run cache", 1), step("Build", 2), step("Run cache", 3)
    found = live((at(1, "one"), steps[:1]), (at(2, "two"), steps[:2]), (at(3, "three"), steps))
    assert found == ["[Run cache]", "one", "[Build]", "two", "[Run cache]", "three"]


def test_steps_that_come_apart_at_the_end_are_not_told_again() -> None:
    running = step("A", 1, Conclusion.UNKNOWN), step("B", 1, Conclusion.UNKNOWN), step("C", 2, Conclusion.UNKNOWN)
    ended = tuple(replace(s, conclusion=Conclusion.SUCCESS) for s in running)
    found = live((at(1, "one") + at(2, "two"), running), (at(2, "last"), ended))
    assert found == ["[A / B]", "one", "[C]", "two", "last"]


def test_a_step_that_did_not_run_is_not_told() -> None:
    steps = step("A", 1), Step("B", Conclusion.SKIPPED), step("C", 3), Step("D", status=Status.WAITING)
    assert live((at(1, "one") + at(3, "three"), steps)) == ["[A]", "one", "[C]", "three"]


# --- over HTTP --------------------------------------------------------------------------------------------------------

Work = Callable[[], object]


def followed(user: Way, works: list[Work], *, text_only: bool = False) -> Iterator[bytes | Step]:
    user.works = works
    want = Want(follow=True, text_only=text_only)
    return gitea_api.log(user.reach, attempt(user, "alice/priv#9"), want).chunks


def again(of: Task, rows: list[str], status: Played = scenarios.FAILED) -> None:
    """The attempt ends, and the next one has these rows by now."""
    scenarios.close(of, status)
    of.job.again()
    made = of.job.pick()
    for row in rows:
        made.row(row, 0)


def test_a_restart_costs_no_line() -> None:
    with way(NEW, quiet, web=False) as user:
        task = played(user)

        def down() -> None:
            task.row("two", 0)
            user.forge.fault(faults.status(500), on=r"/runs/\d+/jobs", times=3)

        def works() -> Iterator[Work]:
            yield lambda: task.row("one", 0)
            yield down
            yield from [lambda: None] * 2
            yield lambda: task.row("three", 1)
            yield lambda: scenarios.close(task, scenarios.OK)

        found = told(followed(user, list(works())))
        assert [row for row in found if row in ("one", "two", "three")] == ["one", "two", "three"]
        assert len(set(found)) == len(found)


@pytest.mark.parametrize("profile", ["gitea-1.25", NEW])
@pytest.mark.parametrize("text_only", [False, True])
def test_the_lines_of_the_next_attempt_are_not_given(profile: str, text_only: bool) -> None:
    with way(profile, quiet, web=False) as user:
        task = played(user)
        works: list[Work] = [
            lambda: task.row("A1", 0),
            lambda: None,
            lambda: again(task, [f"B{n}" for n in range(9)]),
        ]
        came, error = until_refused(followed(user, works, text_only=text_only))
        assert error.reason is Missing.REFUSED_CONTENT
        assert "run again" in error.help
        assert b" A1\n" in came
        assert b" B" not in came


def new_ids(data: object) -> object:
    """What Gitea 1.27 lists after a rerun: another job."""
    assert isinstance(data, dict)
    return {**data, "jobs": [{**job, "id": job["id"] + 1000, "run_attempt": 2} for job in data["jobs"]]}


def test_a_job_that_is_no_longer_listed_is_asked_for_by_itself() -> None:
    with way(NEW, quiet, web=False) as user:
        before = attempt(user, "alice/priv#9")
        scenarios.close(played(user), scenarios.FAILED)
        user.forge.fault(faults.edit_json(new_ids), on=r"/runs/\d+/jobs")
        now = gitea_api._again(user.reach, before)
        assert (now.status, now.conclusion, now.number) == (Status.DONE, Conclusion.FAILURE, 1)


def test_without_a_list_of_jobs_nothing_is_followed_by_this_route() -> None:
    with way("gitea-1.25", quiet, web=False) as user:
        server = user.reach.server
        assert server.paths is not None
        reach = replace(user.reach, server=replace(server, paths=server.paths - {gitea_api._JOBS}))
        with pytest.raises(MissingLogError) as refused:
            gitea_api.log(reach, attempt(user, "alice/priv#9"), Want(follow=True))
        assert refused.value.reason is Missing.ROUTE_NOT_ON_THIS_VERSION
