"""Every file of logs/formats keeps to what all engines take, and names where its form is documented."""

import re
from collections.abc import Iterator

import pytest
from lints import lint

from whyred.logs.engines import Hyperscan, Re2
from whyred.logs.expression import expression
from whyred.logs.format import Format, all_formats

FORMATS = {f.name: f for f in all_formats()}


@pytest.fixture(params=FORMATS)
def form(request: pytest.FixtureRequest) -> Format:
    return FORMATS[request.param]


def troubles(regex: str) -> Iterator[str]:
    """What the house has against an expression. An open repeat in front of it costs nothing where the engine looks for
    a literal behind it."""
    for complaint in lint(regex):
        if "open repeat" not in complaint or expression(regex).startswith(b"(?:^"):
            yield complaint


def test_its_marks_keep_to_the_house(form: Format) -> None:
    assert {m.regex: complaints for m in form.marks if (complaints := list(troubles(m.regex)))} == {}
    assert [m.regex for m in form.marks if re.search(m.regex.encode(), b"")] == []


def test_every_engine_takes_its_signs_and_none_is_in_an_empty_text(form: Format) -> None:
    for engine in (Hyperscan.compile(form.signs), Re2(form.signs)) if form.signs else ():
        assert engine.scan(b"") == engine.scan(b"\n\n") == []


def test_its_prefix_never_hides_a_line(form: Format) -> None:
    match = re.match(form.prefix, b"make: *** [Makefile:3: all] Error 2")
    assert match is None or match.end() == 0


def test_it_names_its_source(form: Format) -> None:
    assert len(form.source) > 8
