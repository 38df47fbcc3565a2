"""Prints the table of the labelled real failures: per case what was found, missed or wrong, and the figures.

`python scripts/cases.py ../shared/corpus`: the folder holds `score.py` and `dev/`; nothing of it is copied here.
"""

import runpy
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from whyred.app.library import Library
from whyred.app.read import ReadLog, read_log
from whyred.reports.reading import error_lines

NOTES = Path(__file__).with_name("case_notes.toml")
"""Why a case is not met as it is labelled."""
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
    notes = tomllib.loads(NOTES.read_text(encoding="utf-8"))
    for row in rows:
        print(f"{state(row)} {row['name']:<58} {row['meta']['class']:<24} {row['cls']}")
    print("\nnot as labelled, and why")
    for row in rows:
        if not as_labelled(row):
            kind, why = next(iter(notes.get(row["name"], {"open": "NOT LOOKED AT"}).items()))
            print(f"  {row['name']}: {kind}: {why}")
    print()
    score["report"](rows)
    wrong = {name for name, note in notes.items() if "mislabelled" in note}
    sides = [side(r["cls"]) == side(r["meta"]["class"]) for r in rows if r["meta"]["class"] != "pass"]
    kept = [r for r in rows if r["meta"]["class"] != "pass" and r["name"] not in wrong]
    right = [side(r["cls"]) == side(r["meta"]["class"]) for r in kept]
    print(
        f"infra/code side {sum(sides) / len(sides):.3f}; without the {len(wrong)} named as mislabelled "
        f"{sum(right) / len(right):.3f} (n={len(kept)})"
    )
    return 0


def state(row: dict[str, Any]) -> str:
    """How a case came out, in six characters."""
    failing = row["meta"]["class"] != "pass"
    good = row["near"] if failing else not row["n_pred"]
    if not failing and good:
        return "quiet "
    return "found " if good and row["top1"] else "near  " if good else "wrong " if row["n_pred"] else "missed"


def as_labelled(row: dict[str, Any]) -> bool:
    """Whether the first line, the step and the class are those of the label."""
    meta = row["meta"]
    if meta["class"] == "pass":
        return not row["n_pred"] and row["cls"] in (None, "pass")
    accepted = [meta["class"], *(meta.get("class_alt") or [])]
    return bool(row["top1"] and row["step"] is not False and row["cls"] in accepted)


def side(class_: str | None) -> str:
    """The first level of a class."""
    return (class_ or "").partition("/")[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else "../shared/corpus"))
