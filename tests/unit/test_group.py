"""Which jobs failed in the same way, and what is said of that."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.diagnosis import tell_run
from whyred.diagnosis.group import Failed, group
from whyred.diagnosis.job_names import family, folded, listed
from whyred.model.run_failures import FailureGroup, JobFailure, NoLog, RunFailures
from whyred.model.run_failures_json import run_failures_from_json, run_failures_to_json
from whyred.model.source import Missing


def failure(text: str, step: str | None = "Build", *, root: bool = True, strength: str = "decisive") -> JobFailure:
    return JobFailure(step, text, f"a title of {text}", f"error: {text}", "code/compile", strength, root, 7)


SOME = st.builds(
    failure,
    st.sampled_from("abcd"),
    st.sampled_from(["Build", "Test", None]),
    root=st.booleans(),
    strength=st.sampled_from(["decisive", "usual", "weak"]),
)
JOBS = st.lists(st.lists(SOME, max_size=3).map(tuple), max_size=9).map(
    lambda rows: [Failed(f"job {n}", row) for n, row in enumerate(rows)]
)


def key(one: JobFailure) -> tuple[str | None, str]:
    return one.step, one.fingerprint


@given(JOBS)
def test_every_job_is_in_one_group_all_of_whose_jobs_have_its_failure(jobs: list[Failed]) -> None:
    groups = group(jobs)
    named = [job for one in groups for job in one.jobs]
    assert sorted(named) == sorted(job.job for job in jobs if job.failures)
    by_name = {job.job: job for job in jobs}
    for one in groups:
        assert list(one.jobs) == [job.job for job in jobs if job.job in one.jobs], "in the order of the run"
        for job in one.jobs:
            assert key(one.failure) in map(key, by_name[job].failures)
        assert one.failure in by_name[one.jobs[0]].failures
    assert [len(one.jobs) for one in groups] == sorted((len(one.jobs) for one in groups), reverse=True)


@given(JOBS, st.randoms(use_true_random=False))
def test_which_jobs_are_together_is_no_matter_of_their_order(jobs: list[Failed], random: st.DataObject) -> None:
    shuffled = list(jobs)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    there, here = ({frozenset(one.jobs) for one in group(some)} for some in (jobs, shuffled))
    assert there == here


@given(JOBS, st.integers(0, 8))
def test_a_job_that_says_the_same_is_in_the_same_group(jobs: list[Failed], place: int) -> None:
    if jobs:
        twin = jobs[place % len(jobs)]
        groups = group([*jobs, replace(twin, job="twin")])
        assert not twin.failures or any({twin.job, "twin"} <= set(one.jobs) for one in groups)


def test_jobs_that_say_it_in_another_order_failed_in_the_same_way() -> None:
    jobs = [Failed("one", (failure("x"), failure("y"))), Failed("two", (failure("y"), failure("x")))]
    (only,) = group(jobs)
    assert only.jobs == ("one", "two")


def test_the_same_text_in_another_step_is_another_failure() -> None:
    jobs = [Failed("one", (failure("x", "Build"),)), Failed("two", (failure("x", "Test"),))]
    assert [one.jobs for one in group(jobs)] == [("one",), ("two",)]


def test_what_only_follows_puts_no_jobs_together_that_have_something_better() -> None:
    end = failure("exit code 1", root=False)
    jobs = [Failed("one", (failure("x"), end)), Failed("two", (failure("y"), end)), Failed("three", (end,))]
    assert sorted(one.jobs for one in group(jobs)) == [("one",), ("three",), ("two",)]


def test_the_surest_of_equal_groups_comes_first() -> None:
    jobs = [Failed("one", (failure("x", strength="weak"),)), Failed("two", (failure("y"),))]
    assert [one.jobs for one in group(jobs)] == [("two",), ("one",)]


VALUES = st.lists(st.sampled_from(["1", "2", "linux", "mac os"]), min_size=1, max_size=3, unique=True)


@given(st.lists(VALUES, min_size=1, max_size=3))
def test_all_of_a_matrix_stands_in_one_name(columns: list[list[str]]) -> None:
    from itertools import product

    names = [f"a / b ({', '.join(row)})" for row in product(*columns)]
    shown = [c[0] if len(c) == 1 else f"{{{','.join(c)}}}" for c in columns]
    assert folded(names) == [f"a / b ({', '.join(shown)})"]


@given(st.lists(st.text("ab(), {};", min_size=1, max_size=12), max_size=8))
def test_no_name_is_lost(names: list[str]) -> None:
    text = " ".join(folded(names))
    for name in names:
        assert family(name) in text


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["lint"], ["lint"]),
        (["lint", "lint", "docs"], ["lint", "docs"]),
        (["test (1)"], ["test (1)"]),
        (["test (1, a)", "lint", "test (2, b)"], ["test (1, a; 2, b)", "lint"]),
        (["test (1)", "test (1, a)"], ["test (1; 1, a)"]),
        (["test", "test (1)", "test (2)"], ["test", "test ({1,2})"]),
        (["test ({a)", "test (b)"], ["test ({a; b)"]),
        ([f"test ({n}, {n})" for n in range(14)], [f"test ({'; '.join(f'{n}, {n}' for n in range(12))} and 2 more)"]),
    ],
)
def test_names_as_people_write_them(names: list[str], wanted: list[str]) -> None:
    assert folded(names) == wanted


def test_a_long_list_is_cut() -> None:
    assert listed([f"job{n}" for n in range(14)]).endswith("job11 and 2 more")


def told(run: RunFailures) -> list[str]:
    return [tell_run.headline(run), *(f"{row.text} <{row.ask}>" for row in tell_run.rows(run))]


SIX = tuple(f"test ({n})" for n in range(6))


def test_the_same_failure_of_all_is_said_in_one_line() -> None:
    run = RunFailures("a/b#1", SIX[0], (FailureGroup(SIX, failure("x")),))
    assert told(run) == ["6 of 6 failed jobs: the same failure", "test ({0,1,2,3,4,5}) <None>"]
    missing = replace(run, missing=(NoLog("docs", Missing.EXPIRED, "GET /", "run it again"),))
    assert told(missing)[0] == "6 of 7 failed jobs: the same failure"
    assert told(missing)[2] == "no log of docs (expired): GET /: run it again <None>"


def test_other_failures_are_named_with_the_command_that_says_more() -> None:
    groups = (FailureGroup(SIX[:2], failure("x")), FailureGroup(("it's",), failure("y", None)))
    run = RunFailures("a/b#1", SIX[0], groups, silent=("quiet",), cancelled=SIX[2:4], stopped=("deploy",))
    assert told(run) == [
        "4 failed jobs, 3 different failures",
        "2 of 4: test ({0,1}): step Build, line 7 of test (0): error: x <None>",
        """1 of 4: it's: line 7: error: y <whyred why 'a/b#1:it'"'"'s'>""",
        "1 of 4: quiet: no line says with what <whyred why 'a/b#1:quiet'>",
        "cancelled because another one of the same matrix had failed (fail-fast): test ({2,3}) <None>",
        "cancelled, why is not known: deploy <None>",
    ]


@given(JOBS)
def test_it_is_the_same_after_a_bundle(jobs: list[Failed]) -> None:
    missing = (NoLog("x", Missing.DELETED, "GET /", "help"),)
    run = RunFailures("r", None, group(jobs), ("s",), missing, ("c",), ("d",))
    assert run_failures_from_json(run_failures_to_json(run)) == run


@pytest.mark.parametrize("wrong", [{}, [], {"groups": [{}]}, {"silent": "text"}, {"no_log": [{"reason": "magic"}]}])
def test_what_is_no_such_thing_is_refused(wrong: object) -> None:
    good = run_failures_to_json(RunFailures("r", None, ()))
    data = {**good, **wrong} if isinstance(wrong, dict) and wrong else wrong
    with pytest.raises((ValueError, KeyError, TypeError)):
        run_failures_from_json(data)
