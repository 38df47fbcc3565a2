"""New lines: exactly those whose key no green log has, with their places, repeats and surroundings; flat in memory."""

import tracemalloc
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.compare import lines as room
from whyred.compare.gone import Gone
from whyred.compare.keys import Digests
from whyred.compare.lines import AROUND, New, Said, familiar, hit_keys, hit_texts, rows_of, unpacked
from whyred.logs.blocks import blocks
from whyred.model.failure import Failure, Hit, Line, Reading, Section
from whyred.model.novelty import Baseline, NewLine, Sort
from whyred.model.pattern import Pattern, Role, Strength

DIGESTS = Digests(b"s" * 32)
NONE = Reading("raw", 0, 0, (), (), {})


def reading(
    lines: Sequence[str], hits: Iterable[tuple[int, Role, dict[str, str]]] = (), sections: Sequence[Section] = ()
) -> Reading:
    made = tuple(
        Hit(n, Pattern(f"p-{role.value}", "t", "T", ("x",), "x", role, Strength.USUAL), c) for n, role, c in hits
    )
    return Reading("raw", len(lines), 1, made, tuple(sections), dict(enumerate(lines, 1)))


def baseline(lines: Sequence[str], said: Reading = NONE) -> Baseline:
    one = Said(DIGESTS)
    for block in blocks(["\n".join(lines).encode() + b"\n"]):
        one.feed(block)
    return Baseline("green", (), one.keys(), hit_keys(said, DIGESTS), len(lines), whole=one.whole)


def new(
    bad: Sequence[str],
    *greens: Baseline,
    size: int = 1 << 20,
    told: Reading | None = None,
    failures: Sequence[Failure] = (),
    failing: Section | None = None,
    begun: Sequence[int] = (),
    longest: int = 1 << 20,
) -> tuple[NewLine, ...]:
    one = New(greens, DIGESTS)
    data = "\n".join(bad).encode() + b"\n"
    for block in blocks((data[at : at + size] for at in range(0, len(data), size)), size, longest):
        last = block.first + block.plain.count(b"\n") - 1
        one.feed(block, [n for n in begun if block.first <= n <= last])
    return one.lines(told or reading(bad), failures, failing)


def in_order(found: Iterable[NewLine]) -> list[NewLine]:
    return sorted(found, key=lambda line: line.number)


WORDS = st.sampled_from([*"abcdefgh", "", "a 1", "a 22", "2026-05-04T10:00:00Z b", "\x1b[31mc\x1b[0m"])


def letter(word: str) -> str:
    """What of such a word is its key."""
    return word.replace("\x1b[31m", "").replace("\x1b[0m", "").removeprefix("2026-05-04T10:00:00Z ")[:1]


@given(st.lists(WORDS, max_size=30), st.lists(WORDS, max_size=20), st.lists(WORDS, max_size=20), st.integers(1, 40))
@settings(max_examples=200)
def test_new_lines_are_those_of_no_green_log(bad: list[str], one: list[str], other: list[str], size: int) -> None:
    known = {"", *map(letter, (*one, *other))}
    found = new(bad, baseline(one), baseline(other), size=size)
    assert {line.text[:1] for line in found} == {letter(word) for word in bad} - known
    assert sum(line.count for line in found) == sum(letter(word) not in known for word in bad)
    for line in found:
        assert letter(bad[line.number - 1]) == line.text[:1]
        around = [n for n in range(line.number - AROUND, line.number + AROUND + 1) if 1 <= n <= len(bad)]
        assert [a.number for a in line.around] == [n for n in around if n != line.number]
        assert all(letter(bad[a.number - 1]) == a.text[:1] for a in line.around)


@given(st.lists(WORDS, max_size=30), st.integers(1, 40))
def test_logs_that_differ_in_numbers_and_order_have_nothing_new(words: list[str], size: int) -> None:
    green = [f"{word} {n} of {n * 7} in {n / 3:.2f} s" for n, word in enumerate(words)]
    bad = [f"{word} {n + 90} of {n * 11} in {n:.1f} ms" for n, word in enumerate(reversed(words))]
    assert new(bad, baseline(green), size=size) == ()


@given(st.binary(max_size=300), st.binary(max_size=300), st.integers(1, 50))
def test_never_raises_on_any_bytes(bad: bytes, green: bytes, size: int) -> None:
    said, gone = Said(DIGESTS), Gone([], b"", DIGESTS)
    for block in blocks([green], size):
        said.feed(block)
        gone.feed(block)
    one = New([Baseline("", (), said.keys(), b"", 0)], DIGESTS)
    for block in blocks([bad], size):
        one.feed(block)
    found = one.lines(NONE, (), None)
    assert bad != green or not found
    assert gone.lines() == ()


def test_repeats_are_folded_by_step_and_counted() -> None:
    bad = ["step a", "boom 1", "boom 2", "step b", "boom 3", *["boom 4"] * 30, "end"]
    sections = [Section("a", 1, 3), Section("b", 4, 36)]
    told = reading(bad, sections=sections)
    found = in_order(new(bad, baseline(["step a", "step b", "end"]), told=told, begun=(1, 4), size=20))
    assert [(line.number, line.step, line.count) for line in found] == [(2, "a", 2), (5, "b", 31)]
    assert found[0].again == (3,)
    assert found[1].again[:3] == (6, 7, 8)
    assert found[1].again[-1] == 35
    assert len(found[1].again) == 16


def test_an_error_that_green_has_with_other_numbers_is_listed() -> None:
    green, bad = ["tests failed: 0", "worker ended with 1", "x"], ["tests failed: 3", "worker ended with 137", "x"]
    said = reading(green, [(2, Role.ERROR, {"code": "1"})])
    told = reading(bad, [(1, Role.ERROR, {}), (2, Role.CONSEQUENCE, {"code": "137"})])
    found = in_order(new(bad, baseline(green, said), told=told))
    assert [(line.number, line.sort, line.pattern) for line in found] == [
        (1, Sort.OTHER_NUMBERS, "p-error"),
        (2, Sort.OTHER_NUMBERS, "p-consequence"),
    ]
    assert [a.number for a in found[0].around] == [2, 3]
    assert not new(
        bad, baseline(green, reading(green, [(1, Role.ERROR, {}), (2, Role.ERROR, {"code": "137"})])), told=told
    )


def test_an_error_that_is_new_anyway_is_listed_once_with_its_pattern() -> None:
    bad = ["x", "boom 1", "boom 1"]
    told = reading(bad, [(2, Role.ERROR, {}), (3, Role.ERROR, {})])
    (line,) = new(bad, baseline(["x"]), told=told)
    assert (line.number, line.count, line.pattern, line.sort) == (2, 2, "p-error", Sort.NEW)


def test_familiar_errors_are_those_that_a_green_log_had_as_errors() -> None:
    said = reading(["error 12 of a", "error of b", "code"], [(1, Role.ERROR, {}), (3, Role.ERROR, {"code": "1"})])
    bad = ["error 3 of a", "error of b", "code", "fine"]
    hits = [(1, Role.ERROR, {}), (2, Role.ERROR, {}), (3, Role.ERROR, {"code": "2"}), (4, Role.CONTEXT, {})]
    assert familiar(reading(bad, hits), [baseline([], said)], DIGESTS) == {1}
    assert familiar(reading(bad, hits), [], DIGESTS) == frozenset()
    assert familiar(reading(bad, hits), [baseline([], said)], Digests(b"t" * 32)) == frozenset()


def test_lines_that_a_benign_pattern_excuses_are_no_errors() -> None:
    told = reading(["0 errors", "b"], [(1, Role.ERROR, {}), (1, Role.BENIGN, {}), (2, Role.CONTEXT, {})])
    assert hit_texts(told) == {}


def test_what_states_the_failure_comes_first_then_other_errors_and_the_end_of_the_step() -> None:
    bad = [f"{word}{'x' * (ord(word) - 96)}" for word in "abcdefghij"]
    bad = bad[:6] + ["known"] * 60 + bad[6:]
    told = reading(bad, [(4, Role.ERROR, {}), (67, Role.ERROR, {})], [Section("s", 1, 66), Section("t", 67, 70)])
    failure = Failure("p", "", "", None, "usual", True, "s", "", ((6, 6),), (), {}, "")
    section = Section("s", 1, 66, ended=40)
    found = new(bad, baseline(["known"]), told=told, failures=[failure], failing=section)
    assert [line.number for line in found] == [6, 4, 1, 2, 3, 5, 67, 70, 69, 68]


def test_a_flood_of_new_lines_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_FIRST", 10)
    monkeypatch.setattr(room, "_LAST", 5)
    bad = [f"{'abcdefghij'[n % 10]}{'klmnopqrst'[n // 10 % 10]}{'uvwxyz_!$&'[n // 100]}" for n in range(1000)]
    one = New([], DIGESTS)
    for block in blocks(["\n".join(bad).encode() + b"\n"], 100):
        one.feed(block)
    found = in_order(one.lines(reading(bad), (), None))
    assert [line.number for line in found] == [*range(1, 11), *range(996, 1001)]
    assert one.different == 1000
    found = in_order(one.lines(reading(bad, [(500, Role.ERROR, {})]), (), None))
    assert [(line.number, line.sort) for line in found if line.pattern] == [(500, Sort.NEW)]
    assert one.different == 1000


def test_memory_is_flat_whatever_the_log() -> None:
    def log(count: int) -> Iterable[bytes]:
        for n in range(count):
            yield b"".join(b"2026-05-04T10:00:00Z line %d of %x is new\n" % (n * 1000 + i, i) for i in range(1000))
            yield b"fresh %s\n" % bytes(97 + n // 26**i % 26 for i in range(5))

    def peak(count: int) -> int:
        one, said = New([], DIGESTS), Said(DIGESTS)
        tracemalloc.start()
        for block in blocks(log(count)):
            one.feed(block)
            said.feed(block)
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    assert peak(600) < peak(100) * 1.5 + (1 << 20)


def test_a_log_of_too_many_different_lines_is_no_whole_baseline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "MOST_KEYS", 3)
    assert baseline(["a", "b"]).whole
    assert not baseline(["a", "b", "c", "d", "e"]).whole


def test_an_endless_line_counts_by_its_beginning() -> None:
    long = "word " * 4000
    assert new(["x", long + "one", "y"], baseline(["x", long + "two", "y"]), size=64, longest=8192) == ()
    found = new(["x", "new " + long, "y"], baseline(["x", long + "two", "y"]), size=64, longest=8192)
    assert [line.number for line in found] == [2]


def test_times_and_colours_are_not_shown() -> None:
    (line,) = new(["2026-05-04T10:00:00.1Z \x1b[31mboom\x1b[0m\x1b]0;title\x07"], baseline([]))
    assert line.text == "boom"


def test_digests_are_cut_and_sorted() -> None:
    kept = baseline(["b", "a", "a", ""]).keys
    wanted = {DIGESTS(key) for key in (b"a", b"b", b"")}
    assert unpacked(kept) == wanted
    assert kept == b"".join(sorted(wanted))


# --- gone ------------------------------------------------------------------------------------------------------------


def gone(bad: Sequence[str], *greens: Sequence[str]) -> list[Line]:
    said = Said(DIGESTS)
    for block in blocks(["\n".join(bad).encode() + b"\n"]):
        said.feed(block)
    one = Gone([baseline(green) for green in greens], said.keys(), DIGESTS)
    for block in blocks(["\n".join(greens[0]).encode() + b"\n"], 8):
        one.feed(block)
    return list(one.lines())


def test_gone_is_what_all_green_ones_have_and_the_bad_one_lacks() -> None:
    found = gone(["a"], ["a", "uploading 3", "b", "uploading 4", "only here"], ["b", "uploading 99"])
    assert found == [Line(2, "uploading 3"), Line(3, "b")]
    assert gone(["a"], ["a 1"], ["a 2"]) == []


def test_gone_names_a_bounded_number_of_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    from whyred.compare import gone as file

    monkeypatch.setattr(file, "MOST", 2)
    assert gone(["x"], ["a", "b", "c", "d"]) == [Line(1, "a"), Line(2, "b")]


def test_rows_of_what_goes_on_are_left_out() -> None:
    found = [rows_of(block) for block in blocks([b"a" * 300, b"b\nc\n"], 64, 128)]
    assert [(first, given) for first, given in found if b"c" in given] == [(2, [b"c", b""])]
