"""The report of a comparison: nothing in it drives a terminal, and it fits one."""

import json
import unicodedata

import pytest
from sample_novelties import NOVELTIES

from whyred.faces.cli.layout import fit
from whyred.model.novelty import Novelty
from whyred.reports.compare import render, render_json


@pytest.mark.parametrize("novelty", NOVELTIES)
def test_nothing_unseen_is_in_it(novelty: Novelty) -> None:
    for text in (render(novelty), render(novelty, 0), render_json(novelty)):
        assert not [c for c in text if unicodedata.category(c) in ("Cc", "Cf") and c != "\n"]
    assert json.loads(render_json(novelty))["different"] == novelty.different


@pytest.mark.parametrize("novelty", NOVELTIES)
def test_it_fits_a_terminal(novelty: Novelty) -> None:
    assert max(map(len, fit(render(novelty), 80).splitlines())) <= 80


def test_what_there_is_none_of_is_not_headed() -> None:
    text = render(NOVELTIES[1])
    assert text.startswith("NOTHING NEW  no line of the 0 of x that the green attempt lacks\n")
    assert "steps" not in text
    assert "no longer said (0 lines of the first green attempt)" in text
    assert "most telling first" not in render(NOVELTIES[2])
