"""Failing and passing halves of the same job among the labelled real failures: what is labelled is listed first.

They are third parties' data, read where they lie and never copied; without them the test is skipped with the reason.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from whyred.app.compare import CompareWish, compare
from whyred.app.library import Library
from whyred.model.novelty import Novelty

CORPUS = Path(os.environ.get("WHYRED_CORPUS", Path(__file__).parents[3] / "shared" / "corpus")) / "dev"
FIRST = 20
"""Lines that a person reads."""

pytestmark = pytest.mark.skipif(not CORPUS.is_dir(), reason="no labelled failures beside the checkout (corpus/dev)")


def _pairs() -> list[tuple[str, str]]:
    """Failing cases with a passing half of the same name."""
    names = [file.stem for file in CORPUS.glob("pass-*.json")] if CORPUS.is_dir() else []
    halves = [(name.removeprefix("pass-"), name) for name in sorted(names)]
    return [pair for pair in halves if (CORPUS / f"{pair[0]}.json").is_file()]


def _compared(bad: str, good: str) -> tuple[Novelty, dict[str, Any]]:
    wish = CompareWish(str(CORPUS / f"{bad}.log"), (str(CORPUS / f"{good}.log"),), stored=False)
    meta: dict[str, Any] = json.loads((CORPUS / f"{bad}.json").read_text(encoding="utf-8"))
    return compare(wish, Library(cache=None), lambda _: None), meta


def _labelled(meta: dict[str, Any]) -> set[int]:
    spans = [line if isinstance(line, list) else [line, line] for line in meta["error_lines"]]
    return {n for first, last in spans for n in range(first, last + 1)}


@pytest.mark.parametrize(("bad", "good"), _pairs())
def test_the_labelled_lines_are_among_the_first_that_are_listed(bad: str, good: str) -> None:
    found, meta = _compared(bad, good)
    labelled = _labelled(meta)
    listed = [{line.number, *line.again} for line in found.lines]
    new = labelled & set().union(*listed)
    assert new, "none of the labelled lines is new"
    assert labelled & listed[0], "the first line that is listed is not labelled"
    first = labelled & set().union(*listed[:FIRST])
    assert len(first) >= min(len(new), FIRST // 2) - 1, f"{len(first)} of {len(new)} among the first {FIRST}"


def test_little_else_is_listed() -> None:
    """Of all lines of all failing halves."""
    found = [_compared(bad, good)[0] for bad, good in _pairs()]
    assert sum(one.different for one in found) < 0.05 * sum(one.log_lines for one in found)
