"""A run of several jobs: what is there of it is shown, and of every log that is not, why."""

import json
from pathlib import Path

from standin import World

from refusals.cell import Place, ask
from refusals.ways import BY_SOURCE, well


def _lose(world: World) -> None:
    """The log of the second job of the matrix is gone from the server's disk."""
    run = world.named("alice/priv").runs[4]
    run.jobs[1].attempts[-1].missing = "lost"


def test_a_job_that_never_ran_is_said_and_is_no_failure(place: Place, cache: Path) -> None:
    with well(place, BY_SOURCE["gitea-api"]) as spot:
        ended = ask(place, ["logs", "alice/priv#5", "--server", spot.served.url], cache)
    assert (ended.code, ended.err) == (0, "")
    marks = [line for line in ended.out.splitlines() if line.startswith("== ")]
    assert any(mark.startswith("== alice/priv#5:after: no log (not-started): ") for mark in marks)
    assert "case 2" in ended.out


def test_a_log_that_is_missing_among_others_ends_with_four(place: Place, cache: Path) -> None:
    with well(place, BY_SOURCE["gitea-api"], change=_lose) as spot:
        argv = ["logs", "alice/priv#5", "--server", spot.served.url]
        ended = ask(place, argv, cache)
        lines = ask(place, [*argv, "--json"], cache).out.splitlines()
        raw = ask(place, [*argv, "--raw"], cache)
    assert ended.code == 4
    assert "case 1" in ended.out
    assert "== alice/priv#5:unit (2): no log (deleted): " in ended.out
    told = [json.loads(line) for line in lines]
    absent = {piece["job"]: piece["no_log"]["reason"] for piece in told if "no_log" in piece}
    assert absent == {"unit (2)": "deleted", "after": "not-started"}
    assert raw.code == 4
    assert "no log" not in raw.out
    assert "whyred: alice/priv#5:unit (2): no log (deleted): " in raw.err


def test_where_not_one_is_to_be_had_nothing_is_shown(place: Place, cache: Path) -> None:
    def lose_all(world: World) -> None:
        for job in world.named("alice/priv").runs[4].jobs:
            for attempt in job.attempts:
                attempt.missing = "lost"

    with well(place, BY_SOURCE["gitea-api"], change=lose_all) as spot:
        ended = ask(place, ["logs", "alice/priv#5", "--server", spot.served.url], cache)
    assert (ended.code, ended.out) == (4, "")
    names = [line.split(": ")[1].strip() for line in ended.err.splitlines()[1:]]
    assert names == ["unit (1)", "unit (2)", "after", "always"]


def test_a_step_without_a_line_is_no_missing_log(place: Place, cache: Path) -> None:
    with well(place, BY_SOURCE["web-state"]) as spot:
        argv = ["logs", "alice/priv#1", "--step", "Silent", "--server", spot.served.url]
        ended = ask(place, argv, cache)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.splitlines()[-1].startswith("-- step 4: Silent")
