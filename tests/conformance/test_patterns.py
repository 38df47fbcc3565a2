"""Every file of library/patterns is well formed, keeps to the house's lints and does what its examples say."""

import re
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest
from lints import disagreements, library, lint

from whyred.library import read
from whyred.logs.blocks import blocks
from whyred.logs.engines import Hyperscan
from whyred.logs.expression import expression
from whyred.logs.reading import Reader
from whyred.logs.scanner import Scanner
from whyred.model.pattern import Pattern, Role

IDS = [f.stem for f in read.files("patterns")]
MOST_PLACES = 4
"""Callbacks that an expression may cost on one of its own lines."""
COMMON = {
    "error",
    "errors",
    "failed",
    "fail",
    "fails",
    "failure",
    "failures",
    "warning",
    "fatal",
    "exit",
    "line",
    "test",
}
SHORTEST = 4
"""Bytes of a literal: fewer stand in almost every line."""
STAMP = "2026-11-23T19:28:13.0050050Z "


@cache
def pattern(id_: str) -> Pattern:
    return read.read_pattern(id_, _tables()[id_])


@cache
def _tables() -> dict[str, dict[str, object]]:
    return read.tables("patterns")


def shape(unit: Pattern, classes: dict[str, str]) -> Iterator[str]:
    """What is wrong with a pattern's fields."""
    if not unit.title.strip() or not unit.tool.strip():
        yield "has no title or no tool"
    if not unit.fires or not unit.quiet:
        yield "needs at least one line in fires and one in quiet"
    for class_ in (unit.class_, *(c for _, c in unit.classes)):
        if class_ is not None and class_ not in classes:
            yield f"names the class {class_}, which classes.toml does not have"
    groups = set(re.compile(unit.regex).groupindex) | {"errno", "dir", "base", "signal"}
    groups |= {"script"} if "tool" in groups else set()
    for wanted, _ in unit.classes:
        if unknown := set(wanted) - groups:
            yield f"asks for captures that its regex does not have: {sorted(unknown)}"
    yield from literals(unit)


def literals(unit: Pattern) -> Iterator[str]:
    """What is wrong with `contains`, the cheap filter."""
    if not unit.contains:
        yield "has no literal in contains"
    for literal in unit.contains:
        if len(literal.encode()) < SHORTEST or literal.lower() in COMMON:
            yield f"has a literal that is too short or too common to filter: {literal!r}"
    for line in unit.fires:
        if not any(literal in line for literal in unit.contains):
            yield f"fires without any of its literals: {line!r}"


def troubles(unit: Pattern, classes: dict[str, str]) -> list[str]:
    """All that can be said against a pattern without the rest of the library."""
    return [*lint(unit.regex), *disagreements(unit.regex, unit.fires, unit.quiet), *shape(unit, classes)]


def coloured(line: str) -> str:
    """The line with a colour switched on and off at every word, as tools write to a terminal."""
    return " ".join(f"\x1b[1;31m{word}\x1b[0m" if word else word for word in line.split(" "))


def found(scanner: Scanner, log: str) -> set[str]:
    """The ids of the patterns that the real reader finds in a log, and of the benign ones that would clear a line."""
    reader = Reader(scanner)
    ids = set[str]()
    for block in blocks([log.encode()]):
        reader.feed(block)
        prefix = re.compile(scanner.format_of(block.plain).prefix)
        for row in block.plain.splitlines():
            text = prefix.sub(b"", row, count=1)
            clearing = (scanner.units[i] for i in scanner.benign(row) if scanner.confirm(i, text))
            ids |= {u.id for u in clearing if isinstance(u, Pattern)}
    return ids | {h.pattern.id for h in reader.reading().hits}


@pytest.mark.parametrize("id_", IDS)
def test_pattern_is_well_formed(id_: str) -> None:
    assert troubles(pattern(id_), read.classes()) == []


DRESSED = {
    "as it is": "{}\n",
    "behind a time stamp": STAMP + "{}\n",
    "with CRLF": "{}\r\n",
    "behind a job and a step": "build\tRun make\t" + STAMP + "{}\n",
}


@pytest.mark.parametrize("id_", IDS)
def test_scanner_finds_every_example_however_it_is_written(id_: str) -> None:
    scanner = library().scanner
    missed = [
        f"{how}: {line!r}"
        for line in pattern(id_).fires
        for how, form in DRESSED.items()
        if id_ not in found(scanner, form.format(line))
    ]
    missed += [f"coloured: {line!r}" for line in pattern(id_).fires if id_ not in found(scanner, coloured(line) + "\n")]
    assert missed == []


@pytest.mark.parametrize("id_", [i for i in IDS if pattern(i).role is not Role.BENIGN])
def test_an_example_costs_few_callbacks(id_: str) -> None:
    unit = pattern(id_)
    engine = Hyperscan.compile([expression(unit.regex)])
    costs = {line: len(engine.scan(line.encode())) for line in unit.fires}
    assert {line: n for line, n in costs.items() if not 1 <= n <= MOST_PLACES} == {}


def test_ids_and_regexes_are_unique() -> None:
    units = [pattern(i) for i in IDS]
    assert len({u.id for u in units}) == len(units)
    assert len({u.regex for u in units}) == len(units)


BROKEN = {
    "regex": (r"(?=x)boom (\d+)\1", "look-around"),
    "contains": (["error"], "too common"),
    "fires": (["nothing of the kind"], "does not fire"),
    "quiet": (["the machine went boom"], "is not quiet"),
    "class": ("infra/nowhere", "classes.toml"),
}


@pytest.mark.parametrize("key", BROKEN)
def test_a_broken_pattern_is_caught(key: str) -> None:
    whole = {
        "id": "boom",
        "title": "It went boom",
        "tool": "any",
        "contains": ["went boom"],
        "regex": "machine went boom",
        "role": "error",
        "class": "infra/oom",
        "fires": ["the machine went boom"],
        "quiet": ["the machine hums"],
    }
    assert troubles(read.read_pattern("boom", whole), read.classes()) == []
    value, complaint = BROKEN[key]
    if key == "regex":
        assert any(complaint in trouble for trouble in lint(str(value)))
        return
    assert any(complaint in t for t in troubles(read.read_pattern("boom", {**whole, key: value}), read.classes()))


@pytest.mark.parametrize(
    "regex",
    [r"(?<!a)b", r"(\w)\1", r"\p{L}x", r"end\z", r"(?<name>x)", r"a{1,2000}", r"^[^ ]+ x", r"^\S+: x", r".*x"],
)
def test_every_lint_bites(regex: str) -> None:
    assert list(lint(regex))


@pytest.mark.parametrize("key", ["role", "titel"])
def test_a_file_with_a_wrong_key_or_value_is_refused(key: str) -> None:
    table = {
        "id": "x",
        "title": "t",
        "tool": "t",
        "contains": [],
        "regex": "x",
        "role": "error",
        "fires": [],
        "quiet": [],
    }
    with pytest.raises(read.LibraryError, match="x"):
        read.read_pattern("x", {**table, "quiet": [], key: "nonsense"})


ORDINARY = (
    "   Compiling thiserror v1.0.{n}",
    "test net::error::tests::handles_error_{n} ... ok",
    "cc -O2 -g -Wall -Werror=implicit -Iinclude -c src/util/panic_hook.c -o build/panic_hook_{n}.o",
    "[{n}/4096] Building CXX object lib/CMakeFiles/failure-derive.dir/ui/fatal_dialog.cpp.o",
    "  Downloading anyhow-errors-{n}.tar.gz (87 kB)",
    "DEBUG net/error: request {n} done in 17 ms, errors=0, failed=0",
    "PASS src/ui/fatal_dialog.test.ts (4.{n} s)",
    "INFO  serde: cache entry {n}ab12cd is fresh, nothing to do",
    "Extracting lib{n}.tar.xz into the build tree",
    "{n} files checked, no problems found",
    "    at Object.<anonymous> (src/queue.test.js:{n}:3)",
    "\tat org.example.Queue.pop(Queue.java:{n})",
    "Setting up libexample{n} (1.2-3) ...",
)
"""Lines of a job that goes well, with words in them that look like trouble."""


def test_no_expression_is_in_ordinary_lines() -> None:
    """What an engine finds is looked at again in Python: an expression that is everywhere costs every log."""
    lines = [row.format(n=n) for n in range(100) for row in ORDINARY]
    data = "\n".join(lines).encode()
    counts = Counter(index for _, index in library().scanner.engine.scan(data))
    units = library().scanner.units
    assert {str(units[i].regex): n for i, n in counts.items() if n > len(lines) / 1000} == {}
