"""Every file of library/secrets is well formed, masks its examples to the last byte and leaves the others alone."""

import re
from collections.abc import Iterator
from functools import cache

import pytest
from lints import ENGINES, engines_that_find, library, lint

from whyred.library import read
from whyred.logs.engines import Hyperscan
from whyred.logs.expression import expression
from whyred.model.pattern import Secret

IDS = [f.stem for f in read.files("secrets")]
FEWEST = 18


@cache
def secret(id_: str) -> Secret:
    return next(s for s in read.secrets() if s.id == id_)


def hidden(unit: Secret, example: str) -> list[str]:
    """The texts of an example that must not survive: what the regex calls the secret, and the lines it goes on over."""
    first, *rest = example.lstrip("\n").split("\n")
    match = re.search(unit.regex, first)
    assert match is not None
    named = "secret" in match.re.groupindex
    parts = [match["secret"] if named else match[0]]
    if unit.until is not None:
        parts += [line for line in rest if not re.search(unit.until, line)]
    return [p for p in parts if p.strip()]


def troubles(unit: Secret) -> Iterator[str]:
    """What is wrong with one kind of secret on its own."""
    yield from lint(unit.regex)
    if not unit.title.strip():
        yield "has no title"
    if not unit.fires or not unit.quiet:
        yield "needs at least one text in fires and one in quiet"
    for example in unit.fires:
        line = example.lstrip("\n").split("\n")[0].encode()
        if missing := ENGINES - engines_that_find(unit.regex, line):
            yield f"does not fire in {sorted(missing)}: {example!r}"
        elif not Hyperscan.compile([expression(unit.regex)]).scan(line):
            yield f"is not seen by the scan: {example!r}"
    for example in unit.quiet:
        if loud := engines_that_find(unit.regex, example.encode()):
            yield f"is not quiet in {sorted(loud)}: {example!r}"
    if engines_that_find(unit.regex, b""):
        yield "matches the empty string"
    if unit.until is not None:
        re.compile(unit.until)


def test_there_are_enough_kinds() -> None:
    assert len(IDS) >= FEWEST


@pytest.mark.parametrize("id_", IDS)
def test_secret_is_well_formed(id_: str) -> None:
    assert list(troubles(secret(id_))) == []


@pytest.mark.parametrize("id_", IDS)
def test_no_example_survives_the_masker(id_: str) -> None:
    for example in secret(id_).fires:
        masked = library().masker().text(example.encode()).decode()
        assert "***" in masked
        assert [part for part in hidden(secret(id_), example) if part in masked] == []
        assert masked.count("\n") == example.count("\n")


@pytest.mark.parametrize("id_", IDS)
def test_what_is_quiet_stays_as_it_is_whatever_kind_looks_at_it(id_: str) -> None:
    for example in secret(id_).quiet:
        assert library().masker().text(example.encode()).decode() == example


@pytest.mark.parametrize("id_", IDS)
def test_masking_twice_changes_nothing(id_: str) -> None:
    for example in secret(id_).fires:
        once = library().masker().text(example.encode())
        assert library().masker().text(once) == once


@pytest.mark.parametrize("id_", [i for i in IDS if secret(i).until is None])
def test_the_text_around_a_secret_stays(id_: str) -> None:
    for example in secret(id_).fires:
        masked = library().masker().text(f"before [{example}] after\n".encode()).decode()
        assert masked.startswith("before [")


def test_only_the_password_of_a_url_is_masked() -> None:
    log = b"clone https://ci:made-up-pass@git.example.org/team/app.git\n"
    assert library().masker().text(log) == b"clone https://ci:***@git.example.org/team/app.git\n"


def test_a_key_that_never_ends_does_not_swallow_the_log() -> None:
    log = b"no line -----BEGIN RSA PRIVATE KEY-----\nMadeUpMadeUpMadeUpMadeUp\nthe deploy step failed\nerror: boom\n"
    masked = library().masker().text(log)
    assert b"MadeUp" not in masked
    assert masked.endswith(b"\nerror: boom\n")


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("fires", ["nothing"], "does not fire"),
        ("quiet", ["key made-up-0"], "is not quiet"),
        ("regex", r"key (?=made-up-\d)", "look-around"),
        ("fires", [], "at least one"),
    ],
)
def test_a_broken_secret_is_caught(key: str, value: object, complaint: str) -> None:
    whole = {
        "id": "x",
        "title": "Made up",
        "regex": r"key made-up-\d",
        "fires": ["key made-up-1"],
        "quiet": ["key ***"],
    }
    assert list(troubles(read.read_secret("x", whole))) == []
    broken = read.read_secret("x", {**whole, key: value})
    found = list(lint(broken.regex)) if key == "regex" else list(troubles(broken))
    assert any(complaint in trouble for trouble in found)
