"""Cutting a log by what its workflow's scripts print."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from whyred.logs.steps_by_script import split
from whyred.model.run import Conclusion, Step
from whyred.model.script import Script
from whyred.workflows.prints import prints

FOUNDING = """error: couldn't create a temp dir: No such file or directory (os error 2) at path "/tmp/rustcVAIpSt\""""
HEAD = ["runner-1(version:v12.8.2) received task 1 of job test, be triggered by event: push", "workflow prepared"]
MARK = "⭐ Run Main Prepare"
EXIT = "⚙️ [runner]: RUN exit status 101"
END = ["🏁  Job failed", "Job 'test' failed"]


def script(name: str, text: str = "", *, after_failure: bool = False, goes_on: bool = False) -> Script:
    return Script(name, text.partition("\n")[0], prints(text), after_failure, goes_on)


PREPARE = script("Prepare", "echo preparing\necho done preparing")
CLEAN = script("Clean up", "echo cleanup", after_failure=True)
NEVER = script("Never", "echo never to be seen")


def log(*rows: str, at: str = "10:00:00") -> bytes:
    return b"".join(f"2026-11-23T{at}.5{n:06}Z {row}\n".encode() for n, row in enumerate(rows))


def cut(chunks: Iterable[bytes], scripts: Sequence[Script], *, middle: bool = False) -> Iterator[bytes | Step]:
    return split(chunks, [Step(s.name) for s in scripts], scripts, middle=middle)


def told(data: bytes, scripts: Sequence[Script], steps: Sequence[Step] = ()) -> list[tuple[str, list[str]]]:
    """The names of the steps, each with its rows; and no byte may be lost."""
    pieces = list(split([data], steps or [Step(s.name) for s in scripts], scripts))
    assert b"".join(p for p in pieces if isinstance(p, bytes)) == data
    found: list[tuple[str, list[str]]] = []
    for piece in pieces:
        if isinstance(piece, Step):
            found.append((piece.name, []))
        else:
            if not found:
                found.append(("", []))
            found[-1][1].extend(row[29:] if row[:4].isdigit() else row for row in piece.decode().splitlines())
    return found


def test_the_founding_run() -> None:
    build = script(
        "Build", f"echo '   Compiling demo v0.1.0'\necho {FOUNDING!r} >&2\necho\necho 'error: could not'\nexit 101"
    )
    rows = ["   Compiling demo v0.1.0", FOUNDING, "", "error: could not", EXIT]
    data = log(*HEAD, MARK, "preparing", "done preparing", *rows, "cleanup", *END)
    assert told(data, [PREPARE, build, NEVER, CLEAN]) == [
        ("Set up job", [*HEAD, MARK]),
        ("Prepare", ["preparing", "done preparing"]),
        ("Build", rows),
        ("Clean up", ["cleanup"]),
        ("Complete job", END),
    ]


def test_a_step_between_two_that_are_known_is_known() -> None:
    rows = ["   Compiling demo v0.1.0", FOUNDING, EXIT]
    data = log(*HEAD, MARK, "preparing", "done preparing", *rows, "cleanup", *END)
    scripts = [PREPARE, script("Build", "cargo build"), NEVER, CLEAN]
    assert ("Build", rows) in told(data, scripts)


def test_what_may_be_of_several_steps_has_all_their_names() -> None:
    rows = [FOUNDING, EXIT]
    data = log(*HEAD, MARK, "preparing", "done preparing", *rows, "cleanup", *END)
    scripts = [PREPARE, script("Lint", "cargo clippy"), script("Build", "cargo build"), CLEAN]
    assert told(data, scripts)[2] == ("Lint / Build", rows)


def test_a_first_step_is_not_blamed_for_what_comes_after_it() -> None:
    data = log(*HEAD, "⭐ Run Main actions/checkout@v4", "cloning", FOUNDING, EXIT, *END)
    scripts = [script("actions/checkout@v4"), script("Build", "cargo build"), script("Test", "cargo test")]
    assert told(data, scripts)[1][0] == "actions/checkout@v4 / Build / Test"


def test_after_a_failure_only_steps_write_that_may_run_then() -> None:
    data = log(*HEAD, MARK, "preparing", "done preparing", "boom", EXIT, "sweeping", *END)
    scripts = [PREPARE, script("Build", "cargo build"), script("Test", "cargo test"), script("Sweep", "sweep")]
    scripts[3] = script("Sweep", "sweep", after_failure=True)
    names = [name for name, _ in told(data, scripts)]
    assert names == ["Set up job", "Prepare", "Build / Test / Sweep", "Sweep", "Complete job"]


def test_a_job_goes_on_after_a_step_that_may_fail() -> None:
    data = log(*HEAD, MARK, "preparing", "done preparing", "boom", EXIT, "never to be seen", *END)
    scripts = [PREPARE, script("Build", "cargo build", goes_on=True), NEVER]
    assert [name for name, _ in told(data, scripts)][2:4] == ["Build", "Never"]


def test_a_line_that_two_steps_print_says_nothing() -> None:
    data = log(*HEAD, MARK, "preparing", "done preparing", "the same text", *END)
    scripts = [PREPARE, script("One", "make\necho the same text"), script("Two", "make\necho the same text")]
    assert told(data, scripts)[2][0] == "One / Two"


def test_marks_at_each_step_are_believed() -> None:
    rows = ["##[group]Run cargo build", "boom", "##[error]Process completed with exit code 101."]
    data = log(*HEAD, "##[group]Run echo preparing", "preparing", *rows, *END)
    scripts = [PREPARE, script("Build", "cargo build"), NEVER]
    assert [name for name, _ in told(data, scripts)] == ["Set up job", "Prepare", "Build", "Complete job"]


def test_without_a_mark_nothing_is_said() -> None:
    data = log("something else", "altogether", FOUNDING)
    assert told(data, [PREPARE, NEVER])[0][0] == ""


SECONDS = 1_795_428_000
"""2026-11-23T10:00:00Z"""


def ran(name: str, start: int, end: int) -> Step:
    return Step(name, started=SECONDS + start, ended=SECONDS + end + 0.9)


def test_seconds_that_two_steps_share_are_of_both() -> None:
    steps = [ran("Prepare", 0, 2), ran("Build", 2, 3), ran("Never", 3, 3), ran("Clean up", 3, 4)]
    scripts = [Script(step.name) for step in steps]
    data = b"".join(
        [
            log(*HEAD, MARK, "preparing"),
            log("done preparing", "   Compiling", at="10:00:02"),
            log(FOUNDING, EXIT, "cleanup", at="10:00:03"),
            log("cleaned", *END, at="10:00:04"),
        ]
    )
    assert told(data, scripts, steps) == [
        ("Set up job", [*HEAD, MARK]),
        ("Prepare", ["preparing"]),
        ("Prepare / Build", ["done preparing", "   Compiling"]),
        ("Build / Never / Clean up", [FOUNDING, EXIT]),
        ("Never / Clean up", ["cleanup"]),
        ("Clean up", ["cleaned"]),
        ("Complete job", END),
    ]


def test_seconds_and_scripts_together() -> None:
    steps = [ran("Prepare", 0, 2), ran("Build", 2, 3), ran("Never", 3, 3), ran("Clean up", 3, 4)]
    scripts = [PREPARE, script("Build", "cargo build"), NEVER, CLEAN]
    rows = [FOUNDING, EXIT]
    data = b"".join(
        [
            log(*HEAD, MARK, "preparing"),
            log("done preparing", "   Compiling", at="10:00:02"),
            log(*rows, "cleanup", *END, at="10:00:03"),
        ]
    )
    assert [name for name, _ in told(data, scripts, steps)][1:4] == ["Prepare", "Build", "Clean up"]


@given(st.lists(st.sampled_from([*HEAD, MARK, "preparing", "x", EXIT, "cleanup", "\r", *END, "é" * 9000]), max_size=30))
def test_no_byte_is_lost(rows: list[str]) -> None:
    data = log(*rows).removesuffix(b"\n")
    told(data, [PREPARE, script("Build", "cargo build"), NEVER, CLEAN])
    told(data, [Script("One"), Script("Two")], [ran("One", 0, 0), ran("Two", 0, 1)])


def test_what_is_held_back_is_bounded() -> None:
    rows = [b"2026-11-23T10:00:00.0Z " + b"x" * 1000 + b"\n"] * 1200
    chunks = [log(*HEAD, MARK), *rows]
    came = 0
    for at, piece in enumerate(cut(iter(chunks), [PREPARE, script("Build", "make"), CLEAN])):
        came = at
        if isinstance(piece, bytes) and piece == rows[0]:
            break
    assert came < 10


def test_the_end_of_a_log_is_cut_as_well() -> None:
    rows = ["   Compiling", FOUNDING, EXIT]
    scripts = [PREPARE, script("Build", "cargo build"), NEVER, CLEAN]
    data = log("of a line", "done preparing", *rows, "cleanup", *END)
    found = b"".join(p if isinstance(p, bytes) else f"<{p.name}>".encode() for p in cut([data], scripts, middle=True))
    assert b"<Build>" in found
    assert [name for name in ("Prepare", "Build", "Never", "Clean up") if f"<{name}>".encode() in found] == [
        "Prepare",
        "Build",
        "Clean up",
    ]


def test_an_end_that_is_all_of_a_log_begins_with_the_set_up() -> None:
    data = log(*HEAD, MARK, "preparing", *END)
    pieces = list(cut([data], [PREPARE, NEVER], middle=True))
    assert [p.name for p in pieces if isinstance(p, Step)] == ["Set up job", "Prepare", "Complete job"]


def test_a_first_text_that_was_masked_does_not_hide_its_step() -> None:
    install, test = script("Install", "echo install for prod\nnpm ci"), script("Test", "npm test")
    data = log(*HEAD, MARK, "preparing", "done preparing", "install for ***", "npm broke", EXIT, *END)
    assert told(data, [PREPARE, install, test])[2][0] == "Install / Test"


def test_the_end_of_a_log_may_begin_within_any_step() -> None:
    """The first text of the step that wrote it stands before it."""
    data = log("FAIL a.test.js", "exitcode '1': failure", *END)
    scripts = [script("Install", "npm ci"), script("Test", "echo Starting the tests\nnpm test")]
    names = [p.name for p in cut([data], scripts, middle=True) if isinstance(p, Step)]
    assert names == ["Install / Test", "Complete job"]


def test_after_a_known_line_a_text_that_is_not_there_counts_again() -> None:
    data = log("made half", "done preparing", "boom", EXIT, *END)
    scripts = [PREPARE, script("Build", "make"), script("Test", "echo Starting the tests\nnpm test")]
    names = [p.name for p in cut([data], scripts, middle=True) if isinstance(p, Step)]
    assert names == ["Prepare", "Build", "Complete job"]


def test_steps_keep_their_own_nouns() -> None:
    steps = [Step("Run cache"), Step("Build"), Step("Run cache")]
    data = log(*HEAD, "⭐ Run Main Run cache", "the first cache", "built it", "the second cache", *END)
    scripts = [script(n, t) for n, t in (("Run cache", "echo the first cache"), ("Build", "echo built it"))]
    scripts.append(script("Run cache", "echo the second cache"))
    own = [p for p in split([data], steps, scripts) if isinstance(p, Step) and not p.aside]
    assert [next(i for i, step in enumerate(steps) if step is p) for p in own] == [0, 1, 2]


def test_the_file_of_another_workflow_says_nothing() -> None:
    data = log(*HEAD, "⭐ Run Main Something else", "preparing", "done preparing", "boom", EXIT, *END)
    assert [name for name, _ in told(data, [PREPARE, CLEAN])] == [""]


def test_a_name_with_an_expression_is_known_again() -> None:
    data = log(*HEAD, "⭐ Run Main Case 2 of 3", "boom", EXIT, *END)
    scripts = [Script("Case ${{ matrix.n }} of 3"), CLEAN]
    assert told(data, scripts)[1][0] == "Case ${{ matrix.n }} of 3"


def test_a_step_that_is_known_to_have_failed_ends_with_the_runners_word() -> None:
    steps = [ran("Build", 0, 1), ran("Clean up", 1, 1)]
    steps[0] = replace(steps[0], conclusion=Conclusion.FAILURE)
    steps[1] = replace(steps[1], conclusion=Conclusion.SUCCESS)
    data = log(*HEAD, "⭐ Run Main Build", "made half") + log("boom", EXIT, "cleanup", *END, at="10:00:01")
    assert told(data, [Script("Build"), Script("Clean up")], steps) == [
        ("Set up job", [*HEAD, "⭐ Run Main Build"]),
        ("Build", ["made half", "boom", EXIT]),
        ("Clean up", ["cleanup"]),
        ("Complete job", END),
    ]


def test_a_cancelled_step_is_said_to_be_so_after_the_forge_ended_it() -> None:
    word = "⚙️ [runner]: this step has been cancelled: ctx: context canceled, exec: RUN signal: killed"
    steps = [ran("Wait", 0, 1), ran("After", 2, 2)]
    data = log(*HEAD, "⭐ Run Main Wait", "tick") + log("tick", word, *END, at="10:00:04")
    scripts = [script("Wait", "make wait"), script("After", "echo after that")]
    pieces = list(split([data], steps, scripts, timed=False))
    assert [p.name for p in pieces if isinstance(p, Step)] == ["Set up job", "Wait", "Complete job"]
