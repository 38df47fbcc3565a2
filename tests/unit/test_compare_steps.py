"""How long steps took, by whatever time a log tells; which are slower, faster, new and gone."""

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.compare import timing
from whyred.compare.steps import drifts, step_times
from whyred.compare.timing import Clock, time_of
from whyred.logs.blocks import blocks
from whyred.model.failure import Reading, Section
from whyred.model.novelty import Baseline, Change, StepTime
from whyred.model.run import Attempt, Run, Step

NOON = 1777896000.0  # 2026-05-04T12:00:00Z


@pytest.mark.parametrize(
    ("row", "wanted"),
    [
        (b"2026-05-04T12:00:00.5000000Z text", (True, NOON + 0.5)),
        (b"\xef\xbb\xbf2026-05-04T12:00:00Z text", (True, NOON)),
        (b"2026-05-04T14:00:00+02:00 text", (True, NOON)),
        (b"2026-05-04T10:30:00.25-0130 text", (True, NOON + 0.25)),
        (b"[2026-05-04T12:00:00.123Z] text", (True, NOON + 0.123)),
        (b"2026-05-04 12:00:00,5 text", (True, NOON + 0.5)),
        (b"2026-05-04 12:00:00.500000 | text", (True, NOON + 0.5)),
        (b"build\tRun make\t2026-05-04T12:00:00.0Z text", (True, NOON)),
        (b"12:00:01 text", (False, 43201.0)),
        (b"[12:00:01.5] text", (False, 43201.5)),
        (b"section_start:1777896000:build_script\r\x1b[0K", (True, NOON)),
        (b"travis_time:end:0a1b:start=1777895999000000000,finish=1777896000000000000,duration=1", (True, NOON)),
        (b"\x1b_bk;t=1777896000000\x07~~~ Running commands", (True, NOON)),
        (b"no time", None),
        (b"built at 2026-05-04T12:00:00Z", None),
        (b"2026-99-99T12:00:00Z", None),
        (b"25:00:01 text", None),
        (b"12:00:015 text", None),
        (b"", None),
    ],
)
def test_the_time_of_a_line(row: bytes, wanted: tuple[bool, float] | None) -> None:
    found = time_of(row)
    assert found == wanted or (found and wanted and found[0] is wanted[0] and math.isclose(found[1], wanted[1]))


@given(st.binary(max_size=100))
def test_never_raises_on_any_bytes(row: bytes) -> None:
    for text in (row, b"2026-05-04T12:00:00" + row, b"section_start:" + row):
        found = time_of(text)
        assert found is None or math.isfinite(found[1])


def seconds(rows: Sequence[bytes], firsts: Sequence[int], size: int = 1 << 20) -> list[float | None]:
    clock, data = Clock(), b"\n".join(rows) + b"\n"
    for block in blocks((data[at : at + size] for at in range(0, len(data), size)), size):
        last = block.first + block.plain.count(b"\n") - 1
        clock.feed(block, [n for n in firsts if block.first <= n <= last])
    return clock.seconds(sections(firsts, len(rows)))


def sections(firsts: Sequence[int], lines: int) -> list[Section]:
    return [
        Section(f"s{n}", first, last)
        for n, (first, last) in enumerate(zip(firsts, [*[f - 1 for f in firsts[1:]], lines], strict=False))
    ]


@pytest.mark.parametrize("size", [1, 7, 40, 1 << 20])
def test_a_step_takes_until_the_next_begins(size: int) -> None:
    rows = [b"2026-05-04T12:00:%02dZ x" % n for n in (0, 1, 5, 5, 30, 31)]
    assert seconds(rows, [1, 3, 5], size) == [5.0, 25.0, 1.0]


def test_a_step_whose_first_line_has_no_time_begins_with_the_next_that_has() -> None:
    rows = [b"12:00:00 a", b"b", b"12:00:10 c", b"d", b"12:00:30 e", b"f"]
    assert seconds(rows, [1, 2]) == [10.0, 20.0]


def test_midnight_is_passed_and_a_clock_that_was_put_back_tells_nothing() -> None:
    assert seconds([b"23:59:50 a", b"00:00:10 b", b"00:00:20 c"], [1, 2]) == [20.0, 10.0]
    rows = [b"2026-05-04T12:00:10Z a", b"2026-05-04T12:00:00Z b"]
    assert seconds(rows, [1, 2]) == [None, 0.0]
    assert seconds([b"12:00:00 a", b"2026-05-04T12:00:10Z b"], [1, 2]) == [None, 0.0]
    assert seconds([b"a", b"b"], [1, 2]) == [None, None]
    assert seconds([b"a"], []) == []


def test_steps_beyond_counting_cost_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timing, "_MOST", 3)
    rows = [b"12:00:%02d x" % n for n in range(20)]
    firsts = list(range(1, 21))
    found = seconds(rows, firsts)
    assert found[:2] == [1.0, 1.0]
    assert found[5] is None


def reading(made: Sequence[Section]) -> Reading:
    return Reading("raw", 9, 9, (), tuple(made), {})


def test_what_the_forge_tells_of_a_step_counts_more() -> None:
    steps = (Step("build", started=10.0, ended=70.0), Step("test"), Step("build", started=80.0, ended=81.0))
    made = [Section("", 1, 1), Section("build", 2, 3), Section("test", 4, 4), Section("build", 5, 9)]
    found = step_times(reading(made), [1.0, 2.0, 3.0, 4.0], Attempt(Run("x"), steps=steps))
    assert found == (StepTime("build", 60.0, 2), StepTime("test", 3.0, 1), StepTime("build", 1.0, 5))


def green(**steps: float | None) -> Baseline:
    return Baseline("g", tuple(StepTime(name, took, 1) for name, took in steps.items()), b"", b"", 1)


def here(**steps: float | None) -> list[StepTime]:
    return [StepTime(name, took, 1) for name, took in steps.items()]


def test_every_change_of_a_step() -> None:
    mine = here(same=60.0, slower=91.0, little=4.0, faster=10.0, untimed=None, fresh=3.0)
    one = green(same=55.0, slower=60.0, little=1.0, faster=60.0, untimed=9.0, left=5.0, once=1.0)
    other = green(same=70.0, slower=50.0, little=0.5, faster=50.0, untimed=9.0, left=None)
    found = drifts(mine, [one, other])
    assert {d.name: d.change for d in found} == {
        "same": Change.SAME,
        "slower": Change.SLOWER,
        "little": Change.SAME,  # it is four times, and not worth a word
        "faster": Change.FASTER,
        "untimed": Change.UNKNOWN,
        "fresh": Change.NEW,
        "left": Change.GONE,  # `once` is in one of the green ones only
    }
    assert [d.name for d in found][:5] == ["same", "slower", "little", "faster", "untimed"]
    assert next(d for d in found if d.name == "slower").green == (60.0, 50.0)


def test_names_are_the_same_but_for_what_changes_in_them() -> None:
    mine = [StepTime("Run make -C /runs/4711", 1.0, 1), StepTime("Run make -C /runs/4712", 99.0, 1)]
    theirs = [StepTime("Run make -C /runs/12", 1.0, 1), StepTime("Run make -C /runs/13", 2.0, 1)]
    found = drifts(mine, [Baseline("g", tuple(theirs), b"", b"", 1)])
    assert [(d.change, d.green) for d in found] == [(Change.SAME, (1.0,)), (Change.SLOWER, (2.0,))]


def test_a_log_without_steps_says_nothing_of_steps() -> None:
    assert drifts([], [green(a=1.0)]) == ()
    assert drifts(here(a=1.0), [green()]) == ()
