"""A log is cut into its steps by the marks in its text, at the same lines whatever the blocks it came in."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.app.library import Library
from whyred.logs.blocks import Block, blocks
from whyred.logs.scanner import Scanner
from whyred.logs.steps_by_text import cut, lines
from whyred.model.run import Step

K = b"\x1b[0K"
ACTIONS = (
    b"2026-01-01T10:00:00.0000000Z Current runner version: '2.3'\n"
    b"2026-01-01T10:00:01.0000000Z ##[group]Run actions/checkout@v4\n"
    b"2026-01-01T10:00:01.0000000Z \x1b[31mred\x1b[0m\r\n"
    b"2026-01-01T10:00:02.0000000Z ##[group]Run make\n"
    b"2026-01-01T10:00:03.0000000Z ##[error]Process completed with exit code 2.\n"
    b"2026-01-01T10:00:04.0000000Z Post job cleanup.\n"
)
GITLAB = (
    b"Running with gitlab-runner 18.2.0 (aaaabbbb)\n"
    b"section_start:1767323110:get_sources\r" + K + b"Getting source from Git repository\n"
    b"Fetching changes...\n"
    b"section_end:1767323114:get_sources\r" + K + b"section_start:1767323114:step_script\r" + K + b"Executing\n"
    b"section_start:1767323115:own_tests\r" + K + b"Tests\n"
    b"section_end:1767323116:own_tests\r" + K + b"\n"
    b"section_end:1767323150:step_script\r" + K + b"section_start:1767323150:cleanup_file_variables\r" + K + b"Up\n"
)
BUILDKITE = (
    b"~~~ Preparing working directory\n$ cd /x\n~~~ Running commands\n$ make\n~~~ Running global pre-exit hook\n"
)
JENKINS = b"Started by user x\n[Pipeline] { (Build)\nmake\n[Pipeline] { (Test)\ntest\nFinished: FAILURE\n"
COLUMNS = (
    b"build\tSet up job\t2026-01-01T10:00:00.0000000Z one\n"
    b"build\tRun make\t2026-01-01T10:00:00.0000000Z two\n"
    b"build\tRun make\t2026-01-01T10:00:00.0000000Z ##[group]Run make\n"
    b"test\tRun make\t2026-01-01T10:00:00.0000000Z three\n"
)
UNKNOWN = b"".join(b"build\tUNKNOWN STEP\t" + row + b"\n" for row in ACTIONS.splitlines())
FORMS = {
    "actions": (ACTIONS, [(2, "Run actions/checkout@v4"), (4, "Run make"), (6, "*Post job cleanup")]),
    "columns": (COLUMNS, [(1, "*Set up job"), (2, "Run make"), (4, "test / Run make")]),
    "unknown": (UNKNOWN, [(2, "Run actions/checkout@v4"), (4, "Run make"), (6, "*Post job cleanup")]),
    "gitlab": (GITLAB, [(2, "get_sources"), (4, "step_script"), (7, "*cleanup_file_variables")]),
    "buildkite": (
        BUILDKITE,
        [(1, "Preparing working directory"), (3, "Running commands"), (5, "*Running global pre-exit hook")],
    ),
    "jenkins": (JENKINS, [(2, "Build"), (4, "Test")]),
    "raw": (b"one\nRun two\nthree\n", []),
}


@pytest.fixture(scope="module")
def scanner(tmp_path_factory: pytest.TempPathFactory) -> Scanner:
    return Library(Path(tmp_path_factory.mktemp("library"))).scanner


def found(data: bytes, scanner: Scanner, size: int = 1 << 20) -> list[tuple[int, str]]:
    cuts = cut(blocks([data], size), scanner)
    return [(b.first, f"{'*' if b.step.aside else ''}{b.step.name}") for b in cuts if b.step is not None]


@pytest.mark.parametrize("form", FORMS)
def test_steps_begin_where_the_runner_marked_them(form: str, scanner: Scanner) -> None:
    data, steps = FORMS[form]
    assert found(data, scanner) == steps


@pytest.mark.parametrize("form", FORMS)
def test_no_byte_is_lost_or_changed_and_line_numbers_stay(form: str, scanner: Scanner) -> None:
    data, _ = FORMS[form]
    parts = list(cut(blocks([data]), scanner))
    assert b"".join(p.raw for p in parts) == data
    assert b"".join(p.plain for p in parts) == b"".join(b.plain for b in blocks([data]))
    at = 1
    for part in parts:
        assert part.first == at
        assert part.raw.count(b"\n") == part.plain.count(b"\n")
        at += part.raw.count(b"\n")


def test_a_log_whose_steps_are_told_is_left_alone(scanner: Scanner) -> None:
    stream: list[bytes | Step] = [Step("told"), ACTIONS]
    assert [b.step.name for b in cut(blocks(stream), scanner) if b.step is not None] == ["told"]


def test_a_log_that_grows_line_by_line_has_the_same_steps(scanner: Scanner) -> None:
    rows = ACTIONS.splitlines(keepends=True)
    grown = list(cut(blocks(rows, 1), scanner))
    assert [(b.first, b.step.name) for b in grown if b.step] == [
        (2, "Run actions/checkout@v4"),
        (4, "Run make"),
        (6, "Post job cleanup"),
    ]


def test_a_mark_within_an_endless_line_begins_no_step(scanner: Scanner) -> None:
    data = b"2026-01-01T10:00:00Z ##[group]Run one\n" + b"x" * (3 << 20) + b" ##[group]Run two\n"
    assert found(data, scanner, 1 << 16) == [(1, "Run one")]


def test_a_flood_of_marks_is_cut_in_linear_time(scanner: Scanner) -> None:
    data = b"\x1b[0m##[group]Run x\n" * 40_000
    assert len(found(data, scanner)) == 40_000


ROW = st.binary(max_size=6).map(lambda row: row.replace(b"\n", b"") + b"\n")


@given(st.lists(ROW, max_size=12), st.binary(max_size=3), st.integers(1, 14), st.integers(0, 14), st.integers(1, 5))
def test_lines_of_a_block(rows: list[bytes], rest: bytes, first: int, more: int, number: int) -> None:
    rows = [*rows, last] if (last := rest.replace(b"\n", b"")) else rows
    data = b"".join(rows)
    told = lines(Block(number, data, data, ends=not last), first, first + more)
    assert told.raw == told.plain == b"".join(rows[max(0, first - number) : max(0, first + more - number + 1)])
