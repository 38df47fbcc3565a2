"""The labelled real failures beside the checkout: the figures that this release promises, and the quiet ones.

They are third parties' data, read where they lie and never copied; without them the test is skipped with the reason.
"""

import os
import runpy
from pathlib import Path
from typing import Any

import pytest
from scripts.cases import predict

from whyred.app.library import Library

CORPUS = Path(os.environ.get("WHYRED_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))

pytestmark = pytest.mark.skipif(
    not (CORPUS / "score.py").is_file(), reason=f"no labelled failures beside the checkout ({CORPUS.name}/score.py)"
)


@pytest.fixture(scope="module")
def rows() -> list[dict[str, Any]]:
    score = runpy.run_path(str(CORPUS / "score.py"))
    cases = list(score["load"](str(CORPUS / "dev")))
    found: list[dict[str, Any]] = score["score"](cases, predict(Library(cache=None)))
    return found


def _failing(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [r for r in rows if r["meta"]["class"] != "pass"]


def _share(rows: list[dict[str, Any]], key: str) -> float:
    return sum(bool(r[key]) for r in rows) / len(rows)


def test_the_error_is_found_within_two_lines(rows: list[dict[str, Any]]) -> None:
    assert _share(_failing(rows), "near") >= 0.95


def test_the_first_line_given_is_the_error(rows: list[dict[str, Any]]) -> None:
    assert _share(_failing(rows), "top1") >= 0.85


def test_the_right_side_is_blamed(rows: list[dict[str, Any]]) -> None:
    failing = _failing(rows)
    right = [str(r["cls"]).split("/")[0] == r["meta"]["class"].split("/")[0] for r in failing]
    assert sum(right) / len(failing) >= 0.92


def test_passing_logs_are_left_alone(rows: list[dict[str, Any]]) -> None:
    flagged = [r["name"] for r in rows if r["meta"]["class"] == "pass" and r["n_pred"]]
    assert len(flagged) <= 1
