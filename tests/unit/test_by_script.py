"""Which steps of which job of a workflow file a log is cut by, and when it is left as it came."""

from dataclasses import replace
from typing import Any

import pytest

from whyred.app.by_script import by_script
from whyred.model.run import Attempt, Conclusion, Job, Run, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError

FILE = b"""
on: push
jobs:
  unit:
    runs-on: host
    strategy: {matrix: {n: [1, 2]}}
    steps:
      - {name: Prepare, run: echo preparing}
      - {name: 'Case ${{ matrix.n }}', run: make}
      - {name: Tidy, run: make tidy}
      - {name: Report, if: '${{ !cancelled() }}', run: make report}
  other:
    name: Other ${{ github.ref_name }}
    runs-on: host
    steps: [{name: Alone, run: make}]
"""
RUN = Run("o/r#1", repo="o/r", workflow="ci.yml", commit="1234abcd", event="push")
TEXT = "⭐ Run Main Prepare\npreparing\nboom\n⚙️ [runner]: RUN exit status 2\nreported\n🏁  Job failed\n".encode()


class Ladder:
    """Answers with the workflow file, or has none."""

    def __init__(self, text: bytes | None = FILE) -> None:
        self.text = text
        self.asked = 0

    def ask(self, what: str, run: Run) -> bytes:
        assert (what, run.commit) == ("workflow_text", "1234abcd")
        self.asked += 1
        if self.text is None:
            raise MissingLogError(Missing.NOT_FOUND, "read it", "it is not there")
        return self.text


def cut(job: str = "unit (2)", ladder: Ladder | None = None, run: Run = RUN, **more: Any) -> tuple[Fetched, list[str]]:
    fetched = Fetched(Attempt(run, Job(None, job), **more), iter([TEXT]), "forgejo-api")
    found = by_script(ladder or Ladder(), fetched)  # type: ignore[arg-type]
    return found, [piece.name for piece in found.chunks if isinstance(piece, Step)]


def test_the_job_of_a_matrix_is_found_by_its_name() -> None:
    found, names = cut()
    assert found.boundaries is Boundaries.SCRIPTS
    assert names == ["Set up job", "Prepare", "Case ${{ matrix.n }} / Tidy / Report", "Report", "Complete job"]
    assert [step.name for step in found.attempt.steps] == ["Prepare", "Case ${{ matrix.n }}", "Tidy", "Report"]


@pytest.mark.parametrize(
    ("job", "run"),
    [
        ("nobody", RUN),
        ("unit (2)", replace(RUN, workflow=None)),
        ("unit (2)", replace(RUN, commit=None)),
        ("unit (2)", replace(RUN, event="pull_request_target")),
    ],
)
def test_without_the_right_file_a_log_is_left_as_it_came(job: str, run: Run) -> None:
    found, names = cut(job, run=run)
    assert (found.boundaries, names) == (Boundaries.GUESSED, [])


@pytest.mark.parametrize("text", [None, b"jobs: [", b"on: push\njobs: {unit: {runs-on: host, uses: ./x.yml}}"])
def test_a_file_that_is_not_to_be_had_or_understood_hinders_nothing(text: bytes | None) -> None:
    ladder = Ladder(text)
    found, names = cut("unit", ladder)
    assert (found.boundaries, names, ladder.asked) == (Boundaries.GUESSED, [], 1)


def test_a_name_with_an_expression() -> None:
    """The first step is called otherwise: it is another job's text, and nothing is made of it."""
    found, names = cut("Other main")
    assert [step.name for step in found.attempt.steps] == ["Alone"]
    assert names == []


def test_what_is_told_already_is_not_asked_for() -> None:
    ladder = Ladder()
    fetched = Fetched(Attempt(RUN, Job(None, "unit")), iter([TEXT]), "web-state", boundaries=Boundaries.TOLD)
    assert by_script(ladder, fetched) is fetched  # type: ignore[arg-type]
    assert ladder.asked == 0


def test_seconds_alone_where_there_is_no_file() -> None:
    steps = tuple(
        Step(n, Conclusion.UNKNOWN, started=1e9 + s, ended=1e9 + s + 1) for n, s in (("Prepare", 0), ("B", 2))
    )
    found, _ = cut("unit", Ladder(None), steps=steps)
    assert found.boundaries is Boundaries.TIMES
