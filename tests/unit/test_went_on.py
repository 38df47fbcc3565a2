"""Which step of a log without conclusions was let pass, and which one failed the job."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.app.library import Library
from whyred.diagnosis.match import Matched, match
from whyred.logs.blocks import blocks
from whyred.logs.reading import read as read_blocks
from whyred.logs.scanner import Scanner
from whyred.logs.went_on import judged
from whyred.model.failure import Section
from whyred.model.run import Conclusion


@cache
def library() -> Scanner:
    return Library(None).scanner


def job(*steps: str) -> Matched:
    """A job of these steps: what `!` ends exits badly, and in what `?` ends the forge reports an error."""
    rows = ["Current runner version: '2.330.0'"]
    for step in steps:
        name = step.rstrip("!?")
        rows += [f"##[group]Run {name}", "##[endgroup]"]
        if step.endswith("!"):
            rows += ["src/main.c:3:5: error: 'x' undeclared", "##[error]Process completed with exit code 2."]
        elif step.endswith("?"):
            rows.append(f"##[error]no {name}")
    rows += ["Post job cleanup.", "Cleaning up orphan processes"]
    return match(read_blocks(blocks(["\n".join(rows).encode()]), library()))


@pytest.mark.parametrize(
    ("steps", "failed"),
    [
        (("make!",), "Run make"),
        (("make!", "actions/upload-artifact@v4", "cat log!"), "Run make"),
        (("make!", "sudo apt-get install x", "./report"), "Run make"),
        (("make!", "sudo apt-get install x", "./send!"), "Run make"),
        (("lint!", "make x", "make y", "make test!", "actions/upload-artifact@v4"), "Run make test"),
        (("org/action@v1?", "actions/upload-artifact@v4"), "Run org/action@v1"),
        (("lint!", "a", "b", "c", "d"), None),
        (("org/action@v1?", "a", "b", "c", "d"), None),
    ],
)
def test_the_step_that_failed(steps: tuple[str, ...], failed: str | None) -> None:
    found = job(*steps)
    assert (found.failed, found.step) == (failed is not None, failed)


def test_the_steps_of_another_job_say_nothing() -> None:
    names = ["Set up job", "make", "Post x", "Set up job", "a", "b", "c", "d"]
    ends = {1: Conclusion.FAILURE}
    rows = [
        Section(n, i, i, n in ("Set up job", "Post x"), ends.get(i, Conclusion.UNKNOWN)) for i, n in enumerate(names)
    ]
    assert judged(rows, []) == tuple(rows)


NAMES = st.sampled_from(["", "a", "b", "c", "upload x", "Set up job"])
SECTION = st.tuples(NAMES, st.booleans(), st.sampled_from(Conclusion))


@given(st.lists(SECTION, max_size=30), st.lists(st.integers(1, 30)))
def test_only_conclusions_change_and_only_those_of_bad_steps(
    given: list[tuple[str, bool, Conclusion]], errors: list[int]
) -> None:
    rows = [Section(name, n, n, aside, end) for n, (name, aside, end) in enumerate(given, 1)]
    for was, now in zip(rows, judged(rows, sorted(errors)), strict=True):
        assert now is was or (not was.aside and now.conclusion is Conclusion.SUCCESS and now.name == was.name)
