"""Prints the table of the labelled real failures: per case what was found, missed or wrong, and the figures.

`python scripts/cases.py ../shared/corpus`: the folder holds `score.py` and `dev/`; nothing of it is copied here.
"""

import runpy
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from whyred.app.library import Library
from whyred.app.read import ReadLog, read_log
from whyred.reports.reading import error_lines

Case = tuple[str, str, dict[str, Any]]


def predict(library: Library) -> Callable[[str], tuple[dict[str, Any], float, None]]:
    """A reader in the form that `score.score` wants, in this process (no start-up per case)."""

    def one(path: str) -> tuple[dict[str, Any], float, None]:
        log = read_log(_chunks(Path(path)), library)
        return said(log), 0.0, None

    return one


def said(log: ReadLog) -> dict[str, Any]:
    """What `whyred read --json` says, as far as it is scored."""
    matched = log.matched
    return {"error_lines": error_lines(matched.failures), "failing_step": matched.step, "class": matched.class_}


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            yield chunk


def main(folder: str) -> int:
    corpus = Path(folder)
    if not (corpus / "score.py").is_file():
        print(f"no labelled failures here: {corpus} holds no score.py")
        return 1
    score = runpy.run_path(str(corpus / "score.py"))
    cases: list[Case] = list(score["load"](str(corpus / "dev")))
    rows = score["score"](cases, predict(Library(cache=None)))
    for row in rows:
        failing = row["meta"]["class"] != "pass"
        good = row["near"] if failing else not row["n_pred"]
        state = "found " if good and row["top1"] else "near  " if good else "wrong " if row["n_pred"] else "missed"
        print(f"{state if failing or not good else 'quiet '} {row['name']:<58} {row['meta']['class']:<24} {row['cls']}")
    score["report"](rows)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "../shared/corpus"))
