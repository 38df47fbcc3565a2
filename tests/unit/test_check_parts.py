"""The parts that the rules stand on: times of schedules, filters that meet, conditions and what may become of them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.workflows.cron import CronError, meet, read_cron
from whyred.workflows.expressions import Contexts, Place
from whyred.workflows.functions import JobStatus
from whyred.workflows.patterns_meet import can_meet, globs_meet
from whyred.workflows.triggers import Filter
from whyred.workflows.truth import always, expression_of
from whyred.workflows.values import PartlyKnown
from whyred.workflows.worlds import UNKNOWN

PLACE = Place("ci.yml", 1, "if")


def world(**github: str) -> Contexts:
    status = JobStatus(UNKNOWN, UNKNOWN, UNKNOWN)
    names = ("env", "needs", "steps", "matrix", "inputs", "vars", "runner", "job")
    return Contexts({**dict.fromkeys(names, UNKNOWN), "github": PartlyKnown(dict(github), UNKNOWN)}, status)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("github.event_name == 'push'", True),
        ("github.event_name == 'PUSH'", True),
        ("github.event_name != 'push'", False),
        ("github.ref == 'x'", None),
        ("github.ref == 'x' && github.event_name == 'tag'", False),
        ("github.ref == 'x' || github.event_name == 'push'", True),
        ("!(github.ref == 'x' && false)", True),
        ("env.A == 'x' && env.A == 'y'", False),
        ("env.A == 'x' && env.A == 'X'", None),
        ("env.A != 'x' || env['A'] != 'y'", None),
        ("env.A != 'x' || env.A != 'y'", True),
        ("needs.a.result == 'ok'", False),
        ("needs.a.result == 'success' || needs.a.result == 'skipped'", None),
        ("needs.*.result == 'ok'", None),
        ("contains(needs.*.result, 'failure')", None),
        ("steps.a.outcome != 'failed'", True),
        ("always()", True),
        ("success()", None),
        ("failure() || success()", None),
        ("${{ github.event_name == 'tag' }}", False),
        (" ${{ 'a}}b' == 'a}}b' }} ", True),
        ("${{ github.event_name == 'tag' }} && x", True),
        ("not an expression", None),
        ("fromJSON('{')", None),
        ("github.run_number > 3", None),
    ],
)
def test_conditions(text: str, told: bool | None) -> None:
    assert always(text, [world(event_name="push")], PLACE) is told


def test_it_depends_on_how_it_was_started() -> None:
    both = [world(event_name="push"), world(event_name="schedule")]
    assert always("github.event_name == 'push'", both, PLACE) is None
    assert always("github.event_name == 'tag'", both, PLACE) is False


@given(st.text(alphabet="a${} '|&=!()", max_size=40))
def test_any_condition_is_judged_or_left_open(text: str) -> None:
    if expression_of(text) is not None:
        assert always(text, [world()], PLACE) in (True, False, None)


@given(st.lists(st.sampled_from(["env.A == 'x'", "env.A != 'x'", "env.B == 'y'", "true", "false"]), max_size=5))
def test_what_is_told_holds_for_every_value(parts: list[str]) -> None:
    text = " && ".join(["(" + " || ".join(parts[:3] or ["true"]) + ")", *parts[3:]])
    told = always(text, [world()], PLACE)
    for a in ("x", "other"):
        for b in ("y", "other"):
            known = Contexts({"env": {"A": a, "B": b}})
            assert told is None or always(text, [known], PLACE) is told


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        ("main", "main", True),
        ("main", "dev", False),
        ("**", "a/b", True),
        ("*", "a/b", False),
        ("release/*", "release/1", True),
        ("release/*", "*/1", True),
        ("release/*", "feature/**", False),
        ("src/**", "**/*.py", True),
        ("docs/**", "src/**", False),
        ("v[12].*", "v2.0", True),
        ("*.js?", "a.j", True),
    ],
)
def test_patterns_meet(left: str, right: str, told: bool) -> None:
    assert globs_meet(left, right) is told
    assert globs_meet(right, left) is told


GLOBS = st.text(alphabet="ab/*", max_size=6).map(lambda t: re.sub(r"\*{3,}", "**", t))


@given(GLOBS, GLOBS, st.text(alphabet="ab/", max_size=5))
def test_a_name_that_both_take_makes_them_meet(left: str, right: str, name: str) -> None:
    def takes(pattern: str) -> bool:
        parts = [{"**": ".*", "*": "[^/]*"}.get(t, re.escape(t)) for t in re.findall(r"\*\*|.", pattern)]
        return re.fullmatch("".join(parts), name) is not None

    if takes(left) and takes(right):
        assert globs_meet(left, right)


def test_filters_take_away() -> None:
    assert not can_meet(Filter(("**", "!main")), Filter(("main",)))
    assert not can_meet(Filter(None, ("main",)), Filter(("main",)))
    assert not can_meet(Filter(None, ("rel*",)), Filter(("release",)))
    assert can_meet(Filter(None, ("main",)), Filter(("main", "dev")))
    assert can_meet(Filter(), Filter())


@pytest.mark.parametrize(
    ("one", "other", "told"),
    [
        ("0 3 * * *", "0 3 * * 1", (3, 0)),
        ("*/15 * * * *", "45 6 * * *", (6, 45)),
        ("0 3 1 * *", "0 3 2 * *", None),
        ("0 3 13 * FRI", "0 3 * * fri", (3, 0)),
        ("0 3 * * 6", "0 3 * * 1-5", None),
        ("@hourly", "@daily", (0, 0)),
        ("0 3 * 2 *", "0 3 30 * *", None),
    ],
)
def test_schedules_meet(one: str, other: str, told: tuple[int, int] | None) -> None:
    assert meet(read_cron(one), read_cron(other)) == told
    assert meet(read_cron(other), read_cron(one)) == told


@pytest.mark.parametrize("text", ["", "* * * *", "60 * * * *", "* * 0 * *", "5-1 * * * *", "*/0 * * * *", "a * * * *"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(CronError):
        read_cron(text)


@given(st.text(alphabet="0123456789*/,-@ adn", max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    try:
        times = read_cron(text)
    except CronError:
        return
    assert times.minutes
    assert times.hours


def test_a_day_that_never_comes() -> None:
    assert read_cron("0 0 30 2 *").never
    assert not read_cron("0 0 29 2 *").never
