"""Which lines belong to which step, and a log cut at them: whatever rows and chunks come, no byte is lost."""

from itertools import pairwise

import forge_data as fd
from hypothesis import given
from hypothesis import strategies as st

from whyred.model.run import Conclusion, Status, Step
from whyred.sources._log_parts import Cutter, Part, Told, cut, ended, first_line, line_offset, parts, told
from whyred.sources._seekable import FOOTER, first_frame, read_table, table_size
from whyred.sources._zstd import decoded

STATUSES = {
    "success": (Status.DONE, Conclusion.SUCCESS),
    "failure": (Status.DONE, Conclusion.FAILURE),
    "cancelled": (Status.DONE, Conclusion.CANCELLED),
    "skipped": (Status.DONE, Conclusion.SKIPPED),
    "waiting": (Status.WAITING, Conclusion.UNKNOWN),
    "running": (Status.RUNNING, Conclusion.UNKNOWN),
}


def row(name: str, word: str, first: int, count: int) -> Told:
    status, conclusion = STATUSES[word]
    return Told(Step(name, conclusion, status=status), first, count)


def job(word: str) -> Step:
    status, conclusion = STATUSES[word]
    return Step("", conclusion, 1.0, 2.0 if status is Status.DONE else None, status=status)


def spans(found: tuple[Part, ...]) -> list[tuple[int, int | None]]:
    return [(part.first, part.stop) for part in found]


def test_the_numbers_of_the_forge() -> None:
    assert ended(1) == (Status.DONE, Conclusion.SUCCESS)
    assert ended(7) == (Status.BLOCKED, Conclusion.UNKNOWN)
    assert ended(8) == (Status.RUNNING, Conclusion.UNKNOWN)
    assert ended(99) == ended(-1) == ended(0) == (Status.UNKNOWN, Conclusion.UNKNOWN)


def test_a_job_that_ended() -> None:
    rows = [
        row("a", "success", 3, 2),
        row("b", "failure", 5, 5),
        row("c", "skipped", 10, 0),
        row("d", "success", 10, 1),
    ]
    found = parts(job("failure"), 13, rows)
    assert spans(found) == [(0, 3), (3, 5), (5, 10), (10, 10), (10, 11), (11, None)]
    assert [p.step.name for p in found] == ["Set up job", "a", "b", "c", "d", "Complete job"]
    assert [p.step.conclusion.value for p in found[::5]] == ["success", "failure"]


def test_no_step_ran() -> None:
    rows = [row("a", "cancelled", 0, 0), row("b", "cancelled", 0, 0)]
    found = parts(job("cancelled"), 4, rows)
    assert spans(found) == [(0, 4), (4, 4), (4, 4), (4, None)]
    assert found[0].step.conclusion is Conclusion.CANCELLED


def test_a_step_that_the_server_closed_for_a_dead_runner() -> None:
    """The forge marks open steps as failed, and they have no line: the lines before stay where they were."""
    rows = [row("a", "success", 2, 3), row("b", "failure", 0, 0)]
    assert spans(parts(job("failure"), 6, rows)) == [(0, 2), (2, 5), (5, 5), (5, None)]
    assert spans(parts(job("failure"), 6, [row("a", "failure", 0, 0)])) == [(0, 6), (6, 6), (6, None)]


def test_silent_steps() -> None:
    rows = [row("a", "success", 3, 0), row("b", "success", 3, 0)]
    assert spans(parts(job("success"), 5, rows)) == [(0, 3), (3, 3), (3, 3), (3, None)]


def test_rows_that_no_step_claims_yet() -> None:
    running = [row("a", "success", 3, 2), row("b", "running", 5, 1), row("c", "waiting", 0, 0)]
    assert spans(parts(job("running"), 9, running)) == [(0, 3), (3, 5), (5, 9), (9, 9), (9, None)]
    between = [row("a", "success", 3, 2), row("b", "waiting", 0, 0), row("c", "waiting", 0, 0)]
    assert spans(parts(job("running"), 9, between)) == [(0, 3), (3, 5), (5, 9), (9, 9), (9, None)]
    late = [row("a", "success", 3, 2)]
    assert spans(parts(job("running"), 9, late)) == [(0, 3), (3, 5), (5, None)]
    begun = [row("a", "running", 0, 0)]
    assert spans(parts(job("running"), 9, begun)) == [(0, 9), (9, 9), (9, None)]
    assert [told(9, rows) for rows in (running, between, late, begun)] == [6, 5, 5, 0]


def test_lines_between_two_steps_belong_to_the_one_before() -> None:
    rows = [row("a", "success", 3, 2), row("b", "skipped", 0, 0), row("c", "success", 8, 1)]
    assert spans(parts(job("success"), 10, rows)) == [(0, 3), (3, 8), (8, 8), (8, 9), (9, None)]


def test_no_rows_of_steps() -> None:
    assert parts(job("success"), 10, []) == ()
    assert list(cut([b"a\n", b"b"], ())) == [b"a\n", b"b"]


NUMBERS = st.integers(-3, 30) | st.integers(-(1 << 62), 1 << 62)
ROWS = st.lists(st.builds(row, st.just("x"), st.sampled_from(sorted(STATUSES)), NUMBERS, NUMBERS), max_size=6)
TEXTS = st.lists(st.text("ab\r", max_size=3).map(str.encode), max_size=25).map(b"\n".join)


@given(ROWS, st.sampled_from(sorted(STATUSES)), TEXTS, st.lists(st.integers(0, 80), max_size=6))
def test_no_byte_is_lost_and_no_line_comes_twice(rows: list[Told], word: str, text: bytes, edges: list[int]) -> None:
    layout = parts(job(word), text.count(b"\n"), rows)
    assert len(layout) == (len(rows) + 2 if rows else 0)
    firsts = [part.first for part in layout]
    assert firsts == sorted(firsts)
    at = [0, *sorted(edges), len(text)]
    chunks = [text[a:b] for a, b in pairwise(at)]
    found = list(cut(chunks, layout))
    assert b"".join(c for c in found if isinstance(c, bytes)) == text
    assert [c for c in found if isinstance(c, Step)] == [part.step for part in layout]
    for place, part in enumerate(layout):
        wanted = b"".join(c for c in cut(chunks, layout, frozenset({place})) if isinstance(c, bytes))
        lines = [line + b"\n" for line in text.split(b"\n")]
        lines[-1] = lines[-1].removesuffix(b"\n")
        assert wanted == b"".join(lines[part.first : part.stop])


@given(st.lists(st.binary(max_size=300).map(lambda b: b.replace(b"\n", b"") + b"\n"), min_size=1, max_size=400))
def test_where_lines_begin(lines: list[bytes]) -> None:
    indexes = fd.indexes(b"".join(lines))
    starts = [sum(map(len, lines[:i])) for i in range(len(lines))]
    assert [line_offset(indexes, i) for i in range(len(lines))] == starts
    assert line_offset(indexes, len(lines)) is None
    for offset in (0, starts[-1] // 2, starts[-1], starts[-1] + 1):
        expected = next(((i, s) for i, s in enumerate(starts) if s >= offset), None)
        assert first_line(indexes, offset) == expected


def test_where_lines_begin_in_a_long_log() -> None:
    """More than one piece of the index."""
    line = b"x" * 70 + b"\n"
    indexes = fd.indexes(line * 60_000)
    assert len(indexes) > 3 << 16
    for number in (0, 1, 20_000, 33_333, 59_999):
        assert line_offset(indexes, number) == number * len(line)
        assert first_line(indexes, number * len(line)) == (number, number * len(line))
        assert first_line(indexes, number * len(line) - 5) == (number, number * len(line))


@given(st.binary(max_size=200), st.integers(0, 50))
def test_a_damaged_index_is_no_disaster(indexes: bytes, number: int) -> None:
    line_offset(indexes, number)
    first_line(indexes, number)


def test_the_tail_of_a_log() -> None:
    rows = [row("a", "success", 1, 2), row("b", "success", 3, 2)]
    layout = parts(job("success"), 6, rows)
    found = list(cut([b"4\n", b"5\n"], layout, None, 4))
    assert [c.name if isinstance(c, Step) else c for c in found] == ["b", b"4\n", "Complete job", b"5\n"]


def test_a_cutter_stops_where_nothing_more_is_wanted() -> None:
    rows = [row("a", "success", 1, 1), row("b", "success", 2, 1000)]
    chunks = (b"%d\n" % i for i in range(2000))
    layout = parts(job("success"), 2000, rows)
    assert [c for c in cut(chunks, layout, frozenset({1})) if isinstance(c, bytes)] == [b"1\n"]
    assert next(chunks) == b"2\n"


def test_a_growing_log_tells_each_step_once() -> None:
    cutter = Cutter()
    first = parts(job("running"), 4, [row("a", "running", 2, 2), row("b", "waiting", 0, 0)])
    second = parts(job("running"), 6, [row("a", "success", 2, 3), row("b", "running", 5, 1)])
    found = [*cutter.cut(b"0\n1\n2\n3\n", first), *cutter.cut(b"4\n5\n", second)]
    told_ = [c.name if isinstance(c, Step) else c for c in found]
    assert told_ == ["Set up job", b"0\n1\n", "a", b"2\n3\n", b"4\n", "b", b"5\n"]


@given(st.binary(max_size=3000), st.integers(1, 700), st.integers(0, 3200))
def test_the_seek_table_leads_to_the_right_frame(text: bytes, frame: int, offset: int) -> None:
    packed = fd.packed(text, frame)
    size = table_size(packed[-FOOTER:])
    assert size is not None
    frames = read_table(packed[-size:], len(packed) - size)
    assert (frames[-1].stop if frames else 0) == len(text)
    found = first_frame(frames, offset)
    if offset >= len(text):
        assert found is None
    else:
        assert found is not None
        assert b"".join(decoded([packed[found.at :]]))[offset - found.start :] == text[offset:]


def test_a_recorded_file_has_a_seek_table() -> None:
    packed = (fd.FIXTURES / "16" / "ugly-13.log.zst").read_bytes()
    size = table_size(packed[-FOOTER:])
    assert size is not None
    frames = read_table(packed[-size:], len(packed) - size)
    assert [frame.stop for frame in frames] == [131_072, 132_261]


@given(st.binary(min_size=FOOTER, max_size=60))
def test_a_damaged_seek_table_is_refused(data: bytes) -> None:
    size = table_size(data[-FOOTER:])
    if size is not None and size <= len(data):
        try:
            read_table(data[-size:], 7)
        except ValueError:
            return
