"""Logs of a simulated runner, whose steps' true lines are known, cut by whole seconds and the runner's marks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.logs.step_marks import Fit, calls_action, fit
from whyred.logs.steps_by_time import begun, second, split
from whyred.model.run import Conclusion, Status, Step

EPOCH = 1_800_000_000


def line(at: float, text: str) -> bytes:
    """A line as GitHub stores it; `at` in seconds after EPOCH."""
    moment = datetime.fromtimestamp(EPOCH + int(at), UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{round(at % 1 * 10**7):07}Z {text}\n".encode()


def step(name: str, started: float | None, ended: float | None = None, **more: object) -> Step:
    """A step as the API tells it: whole seconds."""

    def whole(at: float | None) -> float | None:
        return None if at is None else float(EPOCH + int(at))

    given = {"conclusion": Conclusion.SUCCESS, "status": Status.DONE} | more
    return Step(name, started=whole(started), ended=whole(ended), **given)  # type: ignore[arg-type]


def setup(started: float = 0, ended: float = 1) -> Step:
    return step("Set up job", started, ended, aside=True)


def parts(stream: Iterator[bytes | Step]) -> list[tuple[str, bytes]]:
    """Each step's name with its bytes; `` for what comes before the first."""
    found: list[tuple[str, list[bytes]]] = [("", [])]
    for item in stream:
        if isinstance(item, Step):
            found.append((item.name, []))
        else:
            found[-1][1].append(item)
    return [(name, b"".join(data)) for name, data in found if name or data]


def in_chunks(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


def test_each_step_begins_at_the_line_that_marks_it() -> None:
    log = {
        "Set up job": line(0.1, "Current runner version: '2.330.0'") + line(1.9, "Complete job name: test"),
        "Run actions/checkout@v4": line(2.0, "##[group]Run actions/checkout@v4") + line(2.5, "##[endgroup]"),
        "Test": line(2.9, "##[group]Run make test") + line(3.1, "##[error]Process completed with exit code 2."),
        "Post Run actions/checkout@v4": line(3.2, "Post job cleanup."),
        "Complete job": line(3.4, "Cleaning up orphan processes"),
    }
    steps = [
        setup(0, 2),
        step("Run actions/checkout@v4", 2, 2),
        step("Test", 2, 3, conclusion=Conclusion.FAILURE),
        step("Post Run actions/checkout@v4", 3, 3, aside=True),
        step("Complete job", 3, 3, aside=True),
    ]
    assert parts(split([b"".join(log.values())], steps)) == list(log.items())


def test_a_mark_may_come_in_the_second_after_the_step_began() -> None:
    first, late = line(1.0, "##[group]Run a"), line(5.999, "last word of a") + b"its second line\n"
    log = first + late + line(6.01, "##[group]Run b")
    steps = [step("Run a", 1, 5), step("Run b", 5, 6)]
    assert parts(split([log], steps)) == [("Run a", first + late), ("Run b", line(6.01, "##[group]Run b"))]


def test_groups_that_steps_print_begin_no_step() -> None:
    one = line(1, "##[group]Run a") + line(1.2, "##[group]Running tests") + line(1.5, "##[group]Run anything goes")
    two = line(4, "##[group]Run b")
    assert parts(split([one + two], [step("Run a", 1, 3), step("Run b", 4, 5)])) == [("Run a", one), ("Run b", two)]


def test_the_steps_of_an_action_are_its_own() -> None:
    """A composite action marks its steps like those of the job, several of them in the second in which it ends."""
    action = line(1.0, "##[group]Run dtolnay/rust-toolchain@stable") + b"".join(
        line(1 + n / 10, f"##[group]Run : part {n}") + line(1.02 + n / 10, "fine") for n in range(1, 8)
    )
    build, test = line(1.9, "##[group]Run cargo build"), line(1.95, "##[group]Run cargo test") + line(4, "ok")
    steps = [step("Toolchain", 1, 1), step("Build", 1, 1), step("Test", 1, 4)]
    assert parts(split([action + build + test], steps)) == [("Toolchain", action), ("Build", build), ("Test", test)]


def test_a_step_is_known_by_its_name_where_the_mark_shows_it() -> None:
    """`Run b` never wrote its mark: the one of `Run c` is left to `Run c`."""
    a = line(1, "##[group]Run a")
    b, c = line(2, "##[error]The template is not valid."), line(2.2, "##[group]Run c")
    steps = [step("Run a", 1, 1), step("Run b", 2, 2, conclusion=Conclusion.FAILURE), step("Run c", 2, 3)]
    assert parts(split([a + b + c], steps)) == [("Run a", a), ("Run b", b), ("Run c", c)]


def test_a_shared_second_goes_to_the_step_that_failed() -> None:
    bad = line(1, "begin") + line(5.1, "the error")
    steps = [step("bad", 1, 5, conclusion=Conclusion.FAILURE), step("next", 5, 7)]
    assert parts(split([bad + line(6, "after")], steps)) == [("bad", bad), ("next", line(6, "after"))]
    assert parts(split([bad], steps)) == [("bad", bad), ("next", b"")]


def test_a_shared_second_goes_to_the_later_step_where_none_failed() -> None:
    one, two = line(1, "begin"), line(5.1, "any") + line(6, "after")
    assert parts(split([one + two], [step("one", 1, 5), step("two", 5, 7)])) == [("one", one), ("two", two)]


def test_lines_before_the_first_step_are_nobodys_where_the_set_up_is_not_told() -> None:
    """Gitea lists only the steps of the workflow."""
    before, own = line(0.5, "runner(version:v1) received task 1 of job j"), line(3, "::group::Run make")
    assert parts(split([before + own], [step("Run make", 3, 4)])) == [("", before), ("Run make", own)]


def test_steps_that_did_not_run_are_told_and_have_no_line() -> None:
    steps = [
        setup(),
        step("a", 1, 2, conclusion=Conclusion.FAILURE),
        step("b", 2, 2, conclusion=Conclusion.SKIPPED),
        step("c", None, conclusion=Conclusion.NOT_RUN),
        step("Post a", 2, 3, aside=True),
        step("d", None, conclusion=Conclusion.UNKNOWN, status=Status.WAITING),
    ]
    log = [line(0, "set up"), line(1, "##[group]Run make"), line(2.5, "Post job cleanup.")]
    assert parts(split(log, steps)) == [
        ("Set up job", log[0]),
        ("a", log[1]),
        ("b", b""),
        ("c", b""),
        ("Post a", log[2]),
        ("d", b""),
    ]


def test_a_log_without_times_stays_with_its_first_step() -> None:
    assert parts(split([b"a\nb\n"], [setup(), step("x", 1, 2)])) == [("Set up job", b"a\nb\n"), ("x", b"")]


def test_the_middle_of_a_log_begins_with_the_step_it_is_in() -> None:
    steps = [setup(), step("Run a", 2, 9), step("Run b", 10, 12)]
    log = b"the end of a line\n" + line(5, "in a") + line(10.2, "##[group]Run b")
    assert parts(split(in_chunks(log, 3), steps, middle=True)) == [
        ("Run a", line(5, "in a")),
        ("Run b", line(10.2, "##[group]Run b")),
    ]


def test_byte_order_marks_and_a_missing_last_newline_change_nothing() -> None:
    log = b"\xef\xbb\xbf" + line(0, "set up") + b"\xef\xbb\xbf" + line(2, "##[group]Run a").rstrip(b"\n")
    cut = log.rindex(b"\xef\xbb\xbf")
    assert parts(split([log], [setup(), step("Run a", 2, 3)])) == [("Set up job", log[:cut]), ("Run a", log[cut:])]


@pytest.mark.parametrize("size", [1 << 16, 1 << 18, 1 << 22])
def test_a_flood_and_an_endless_line_are_held_back_only_so_far(size: int) -> None:
    """Three MiB within the second in which the next step begins, and a line of as many, that never marks anything."""
    flood = line(2.1, "x" * 500) * 6000
    endless = line(3, "y" * (3 << 20) + " 2027-01-15T08:00:09.0000000Z ##[group]Run b")
    log = line(0, "set up") + line(1, "##[group]Run a") + flood + endless + line(9, "##[group]Run c")
    steps = [setup(), step("Run a", 1, 2), step("Run c", 9, 9)]
    most = 0
    pieces = []
    for piece in split(in_chunks(log, size), steps):
        most = max(most, len(piece) if isinstance(piece, bytes) else 0)
        pieces.append(piece)
    assert most <= (2 << 20) + size
    found = parts(iter(pieces))
    assert b"".join(data for _, data in found) == log
    assert found[-1] == ("Run c", line(9, "##[group]Run c"))


def test_a_flood_without_a_mark_is_cut_by_its_seconds() -> None:
    log = line(1, "a") + line(2.1, "x" * 500) * 6000 + line(4, "z")
    found = parts(split(in_chunks(log, 1 << 18), [step("one", 1, 2), step("two", 2, 4)]))
    assert found == [("one", line(1, "a")), ("two", log[len(line(1, "a")) :])]


# --- a simulated runner ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Simulated:
    steps: list[Step]
    log: bytes
    truth: list[tuple[str, bytes]]


@st.composite
def jobs(draw: st.DrawFn) -> Simulated:
    """Steps that run scripts, one after the other, most within a second, each with its mark as first line."""
    now, steps, truth = 0.0, [], []

    def lines(first: str | None, most: int) -> bytes:
        nonlocal now
        rows = [] if first is None else [line(now, first)]
        for _ in range(draw(st.integers(0, most))):
            now += draw(st.sampled_from([0.01, 0.2, 0.7, 3.0]))
            rows.append(line(now, draw(st.sampled_from(["word", "##[group]x", "##[error]no", "a\nb", "", "\r"]))))
        return b"".join(rows)

    data = lines("Current runner version: '2.330.0'", 3)
    steps.append(step("Set up job", 0, now, aside=True))
    truth.append(("Set up job", data))
    for n in range(draw(st.integers(1, 6))):
        now += draw(st.sampled_from([0.001, 0.1, 0.9]))
        began = now
        now += draw(st.sampled_from([0.0, 0.05, 0.3]))
        named = draw(st.booleans())
        name = f"Named {n}" if named else f"Run make {n}"
        if draw(st.integers(0, 5)) == 0:
            steps.append(step(name, began, began, conclusion=Conclusion.SKIPPED))
            truth.append((name, b""))
            continue
        data = lines(f"##[group]Run make {n}", 5)
        how = draw(st.sampled_from([Conclusion.SUCCESS, Conclusion.FAILURE]))
        steps.append(step(name, began, now, conclusion=how))
        truth.append((name, data))
    return Simulated(steps, b"".join(data for _, data in truth), truth)


@given(jobs(), st.integers(1, 400))
def test_marked_steps_are_cut_to_the_line_however_the_bytes_come(job: Simulated, size: int) -> None:
    assert parts(split(in_chunks(job.log, size), job.steps)) == job.truth


@given(
    st.lists(st.binary(max_size=60) | st.floats(0, 9).map(lambda t: line(t, "##[group]Run a")), max_size=30),
    st.lists(st.tuples(st.sampled_from(["Run a", "b", "Post a"]), st.integers(0, 9), st.booleans()), max_size=6),
    st.integers(1, 50),
)
def test_no_byte_is_lost_and_every_step_is_told_once_in_order(
    pieces: list[bytes], told: Sequence[tuple[str, int, bool]], size: int
) -> None:
    steps = [step(name, at, at, aside=aside) for name, at, aside in told]
    data = b"".join(pieces)
    out = list(split(in_chunks(data, size), steps))
    assert b"".join(x for x in out if isinstance(x, bytes)) == data
    assert [id(x) for x in out if isinstance(x, Step)] == [id(s) for s in steps]
    for name, own in parts(iter(out))[:-1]:
        assert not own or own.endswith(b"\n") or data.endswith(own), f"{name}: a step begins with a line"


@given(st.lists(st.binary(max_size=60) | st.floats(0, 9).map(lambda t: line(t, "x")), max_size=20), st.integers(1, 50))
def test_of_the_middle_only_the_first_line_is_dropped(pieces: list[bytes], size: int) -> None:
    data = b"".join(pieces)
    out = b"".join(
        x for x in split(in_chunks(data, size), [setup(), step("a", 3, 5)], middle=True) if isinstance(x, bytes)
    )
    assert out == data.partition(b"\n")[2]


# --- marks -----------------------------------------------------------------------------------------------------------

ASIDE = {"aside": True}


@pytest.mark.parametrize(
    ("name", "more", "text", "expected"),
    [
        ("Run make", {}, "##[group]Run make", Fit.EXACT),
        ("Run make", {}, "::group::Run make", Fit.EXACT),
        ("Run make", {}, "##[group]Run cmake", Fit.MAYBE),
        ("Build", {}, "##[group]Run make", Fit.LIKELY),
        ("Build", {}, "##[group]Running", Fit.NO),
        ("Build", {}, " ##[group]Run make", Fit.NO),
        ("Build x/y@v1", {}, "##[command]/usr/bin/docker build -t 1 .", Fit.LIKELY),
        ("Build", {}, "⭐ Run Main Build", Fit.EXACT),
        ("Build", {}, "⭐ Run Main Test", Fit.MAYBE),
        ("Build", {}, "⭐ Run Post Build", Fit.NO),
        ("Post Build", ASIDE, "⭐ Run Post Build", Fit.EXACT),
        ("Post Build", ASIDE, "Post job cleanup.", Fit.LIKELY),
        ("Post Build", ASIDE, "##[group]Run make", Fit.NO),
        ("Post results", {}, "##[group]Run make", Fit.LIKELY),
        ("Post results", {}, "Post job cleanup.", Fit.NO),
        ("Complete job", ASIDE, "Cleaning up orphan processes", Fit.LIKELY),
        ("Complete job", ASIDE, "🏁  Job succeeded", Fit.LIKELY),
        ("Initialize containers", ASIDE, "##[group]Checking docker version", Fit.LIKELY),
        ("Build", {}, "", Fit.NO),
    ],
)
def test_how_a_line_fits(name: str, more: dict[str, bool], text: str, expected: Fit) -> None:
    assert fit(step(name, 1, **more), text.encode()) is expected


def test_bytes_that_are_no_text_fit_nothing_and_break_nothing() -> None:
    assert fit(step("x", 1), b"##[group]Run \xff\xfe" + b"a" * 5000) is Fit.LIKELY
    assert fit(step("x", 1), bytes(range(256))) is Fit.NO


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("##[group]Run actions/checkout@v4", True),
        ("##[group]Run ./.github/actions/x", True),
        ("##[group]Run docker://alpine:3", True),
        ("##[group]Run ./gradlew test", True),
        ("##[group]Run make", False),
        ("##[group]Run git fetch a@b/c", False),
    ],
)
def test_which_marks_call_an_action(text: str, expected: bool) -> None:
    """`./gradlew` cannot be told from an action's folder, and costs nothing: it only marks no steps of its own."""
    assert calls_action(text.encode()) is expected


def test_a_step_was_begun_when_its_start_is_known() -> None:
    assert begun(step("a", 1))
    assert not begun(step("a", None))
    assert not begun(step("a", 1, conclusion=Conclusion.SKIPPED))
    assert second(EPOCH + 0.999) == b"2027-01-15T08:00:00"
