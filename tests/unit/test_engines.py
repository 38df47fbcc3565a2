"""Both engines find the same lines, and no line that a library regex matches is lost on the way to it."""

import re
import subprocess
import sys
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.library import read
from whyred.logs.engines import Hyperscan, Nothing, Re2, loaded
from whyred.logs.expression import expression
from whyred.logs.format import all_formats
from whyred.logs.scanner import Place, Scanner
from whyred.model.pattern import Pattern, Role, Strength

PREFIXES = (
    b"",
    b"2026-11-23T19:28:30.5691392Z ",
    b"2026-11-23T19:28:30Z ",
    b"build\tRun make\t2026-11-23T19:28:30.5691392Z ",
    b"[2026-11-23T19:28:30.569Z] ",
    b"12:01:02  ",
    b"   ",
    b"\t",
)
NOISE = (
    b"",
    b" ",
    b"all is well",
    b"   Compiling demo v0.1.0 (/work/demo)",
    b"2026-11-23T19:28:30.5691392Z ",
    b"\xff\xfe\x00",
    b"a: b: c: d",
    b"::",
    b"error",
    b"\r",
)


@cache
def patterns() -> tuple[Pattern, ...]:
    return read.patterns()


@cache
def scanner() -> Scanner:
    return Scanner(patterns(), all_formats(), {"units": Hyperscan.compile(_expressions())})


@cache
def fallback() -> Scanner:
    return Scanner(patterns(), all_formats(), {"units": Re2(_expressions())})


@cache
def _regexes() -> list[str]:
    marks = dict.fromkeys(m for f in all_formats() for m in f.marks)
    return [*(m.regex for m in marks), *(p.regex for p in patterns() if p.role is not Role.BENIGN)]


def _expressions() -> list[bytes]:
    return [expression(regex) for regex in _regexes()]


@cache
def examples() -> list[bytes]:
    return [line.encode() for p in patterns() for line in (*p.fires, *p.quiet) if "\n" not in line]


def confirmed(by: Scanner, data: bytes) -> set[tuple[int, int]]:
    """(line, unit) of every match that the unit's own regex confirms in the text of its line."""
    found = set()
    for place in by.places(data):
        number = data.count(b"\n", 0, place.start) + 1
        found |= {(number, i) for i in place.indexes if by.confirm(i, data[place.start : place.end])}
    return found


def truth(data: bytes) -> set[tuple[int, int]]:
    """The same, with each regex tried on each line."""
    units = [re.compile(r.encode()) for r in _regexes()]
    return {
        (n, i) for n, line in enumerate(data.split(b"\n"), 1) if line for i, u in enumerate(units) if u.search(line)
    }


def some_log(picks: list[int], noise: list[int]) -> bytes:
    rows = []
    for k, pick in enumerate(picks):
        rows.append(NOISE[noise[k % len(noise)] % len(NOISE)] if noise else b"")
        rows.append(PREFIXES[pick % len(PREFIXES)] + examples()[pick % len(examples())])
    return b"\n".join(rows)


LOGS = st.builds(some_log, st.lists(st.integers(0, 10**6), max_size=25), st.lists(st.integers(0, 99), max_size=25))


@given(LOGS)
@settings(max_examples=30)
def test_both_engines_find_what_is_there(data: bytes) -> None:
    wanted = truth(data)
    assert confirmed(scanner(), data) == wanted
    assert confirmed(fallback(), data) == wanted


@given(
    st.lists(
        st.sampled_from([b"error", b":", b" ", b"\n", b"x", b"[", b"failed", b"'", b"/", b"1", b"\xe2"]), max_size=80
    )
)
@settings(max_examples=300)
def test_both_engines_agree_on_scraps(scraps: list[bytes]) -> None:
    data = b"".join(scraps)
    wanted = truth(data)
    assert confirmed(scanner(), data) == wanted
    assert confirmed(fallback(), data) == wanted


@pytest.mark.parametrize("by", ["hyperscan", "re2"])
def test_no_example_of_any_pattern_is_lost_behind_any_prefix(by: str) -> None:
    engine = scanner() if by == "hyperscan" else fallback()
    index = {u.id: i for i, u in enumerate(engine.units) if isinstance(u, Pattern)}
    rows, wanted = [], []
    for pattern in (p for p in patterns() if p.role is not Role.BENIGN):
        for line in (f for f in pattern.fires if "\n" not in f):
            for prefix in PREFIXES:
                rows.append(prefix + line.encode())
                wanted.append((len(rows), index[pattern.id]))
    data = b"\n".join(rows)
    named, number, counted = set(), 1, 0
    for place in engine.places(data):
        number += data.count(b"\n", counted, place.start)
        counted = place.start
        named |= {(number, i) for i in place.indexes}
    lost = [(rows[n - 1], engine.units[i]) for n, i in wanted if (n, i) not in named]
    assert not lost


@pytest.mark.parametrize(
    ("regex", "lines"),
    [
        (r"foo|ba.*", [b"foo", b"ba", b"bar"]),
        (r"foo .+|bar\S*", [b"foo x", b"bar", b"2 bar"]),
        (r"^foo(?P<rest>.+)$", [b"foo!", b"foo bar"]),
        (r"^x|y$", [b"x", b"..y"]),
        (r"(?:a+|b.*)c*", [b"a", b"b"]),
        (r"end\.+", [b"end."]),
        (r"(?P<file>\S+): *$", [b"a.c:", b"a.c:   "]),
        (r"a{2,}", [b"aa", b"aaaa"]),
        (r"[^|]+|x.+", [b"q", b"xy"]),
    ],
)
def test_alternatives_with_open_tails(regex: str, lines: list[bytes]) -> None:
    for engine in (Hyperscan.compile([expression(regex)]), Re2([expression(regex)])):
        for line in lines:
            assert re.search(regex.encode(), line), "the example itself is wrong"
            assert engine.scan(b"2026-11-23T19:28:30Z " + line + b"\n"), (engine.name, line)


def test_a_match_over_line_ends_hides_no_line() -> None:
    """`[^:]` takes line feeds too: the first match may begin three lines above the one that counts."""
    expressions = [rb"up[^:]*: bad", rb"failed"]
    data = b"up\nfailed\nup: bad\nfailed\n"
    for engine in (Hyperscan.compile(expressions), Re2(expressions)):
        lines = {(data.count(b"\n", 0, max(at - 1, 0)) + 1, i) for at, i in engine.scan(data)}
        assert {(2, 1), (3, 0), (4, 1)} <= lines, engine.name


def test_a_match_that_takes_the_line_feed_costs_no_neighbour() -> None:
    expressions = [rb"foo\s", rb"bar"]
    data = b"foo\nbar\nfoo\nbar"
    for engine in (Hyperscan.compile(expressions), Re2(expressions)):
        lines = [data.count(b"\n", 0, max(at - 1, 0)) + 1 for at, _ in sorted(engine.scan(data))]
        assert lines == [1, 2, 3, 4], engine.name


def test_an_endless_line_is_looked_at_to_its_end() -> None:
    expressions = [rb"needle\d"]
    data = b"needle1" + b"x" * 40_000 + b"needle2" + b"y" * 40_000 + b"needle3"
    for engine in (Hyperscan.compile(expressions), Re2(expressions)):
        assert len({at // 30_000 for at, _ in engine.scan(data)}) == 3, engine.name


def test_a_database_survives_its_dump() -> None:
    data = b"\n".join(examples())
    again = loaded(scanner().engine.dump() or b"")
    assert sorted(again.scan(data)) == sorted(scanner().engine.scan(data))
    assert fallback().engine.dump() is None
    assert loaded(Nothing().dump()).scan(data) == []


def one(id_: str, regex: str, role: Role = Role.ERROR) -> Pattern:
    return Pattern(id_, "tool", "title", ("x",), regex, role, Strength.WEAK)


@pytest.mark.parametrize("engine", [Hyperscan.compile, Re2])
def test_a_line_is_one_place(engine: object) -> None:
    expressions = [rb"error:\s", rb"error", rb"\d\n"]
    made = engine(expressions)  # type: ignore[operator]
    by = Scanner([one("a", "a"), one("b", "b"), one("c", "c")], [], {"units": made})
    data = b"\nerror: 1\nerror:\n\nerror 2\n"
    starts = [p.start for p in by.places(data)]
    assert starts == [1, 10, 18]
    assert all(data[p.end : p.end + 1] == b"\n" for p in by.places(data))


def test_places_of_an_endless_line_are_what_is_near() -> None:
    by = Scanner([one("a", "needle")], [], {"units": Hyperscan.compile([b"needle"])})
    data = b"short needle\n" + b"x" * 100_000 + b"needle" + b"y" * 100_000 + b"needle\nneedle"
    places = list(by.places(data))
    assert [data[p.start : p.end].count(b"needle") for p in places] == [1, 1, 1, 1]
    assert max(p.end - p.start for p in places) <= 8192
    assert places[0] == Place(0, 12, (0,))


def test_benign_patterns_are_looked_for_where_something_else_is() -> None:
    by = Scanner([one("a", "error"), one("b", "0 errors", Role.BENIGN)], [])
    assert [by.units[i] for i in by.benign(b"found 0 errors")] == [by.units[1]]
    assert not list(by.benign(b"found 1 error"))
    assert not list(Scanner([one("b", "x", Role.BENIGN)], []).places(b"x\n"))


@pytest.mark.parametrize("engine", [Hyperscan.compile, Re2])
@pytest.mark.parametrize("data", [b"", b"\n", b"\n\n\n", b"x", b"\xff" * 10])
def test_nothing_is_found_in_nothing(engine: object, data: bytes) -> None:
    assert engine([b"error"]).scan(data) == []  # type: ignore[operator]


def test_no_memory_to_compile_in_is_no_wrong_expression() -> None:
    """Told as what it is, whoever caught it last would blame an expression, or a bug."""
    child = (
        "import resource; from whyred.logs.engines import Hyperscan; import hyperscan\n"
        "held = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (held + (2 << 20), held + (2 << 20)))\n"
        "try: Hyperscan.compile([b'abc%d.*x' % n for n in range(2000)])\n"
        "except MemoryError: print('no memory')\n"
    )
    ended = subprocess.run([sys.executable, "-c", child], capture_output=True, text=True, check=False)
    assert (ended.stdout, ended.stderr) == ("no memory\n", "")
