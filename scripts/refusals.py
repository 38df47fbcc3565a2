"""Makes every cell of the refusal matrix, prints the table, and writes `docs/refusals.md` from what was said.

`--check` makes nothing: it says whether the page has a row for every cell, and no other. Whether the rows are fresh is
a test's to say (`tests/refusals`).
"""

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

import pytest
import refusals.matrix as matrix
import refusals.page as page
from refusals.cell import Cell, Place, answer, complaints, in_the_table, told

from whyred.model.source import Missing


@dataclass
class Made:
    """What became of the cells. `skipped`: what this machine does not allow."""

    right: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    lines: dict[str, str] = field(default_factory=dict)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only look whether the page has every cell; exit 1 if not")
    given = parser.parse_args(argv)
    return check() if given.check else make()


def check() -> int:
    """Whether the page tells of the cells that there are."""
    there = page.claims(page.PAGE.read_text(encoding="utf-8").splitlines()) if page.PAGE.is_file() else set()
    wanted = {(str(cell.reason), cell.source, cell.case) for cell in matrix.CELLS}
    for reason, source, case in sorted(there ^ wanted):
        what = "has no cell any more" if (reason, source, case) in there else "is missing"
        print(f"docs/refusals.md: {reason}, {source}, {case}: {what}: run `make refusals` and commit what it writes")
    return 1 if there ^ wanted else 0


def make() -> int:
    """Every cell, the table, the page."""
    made = Made()
    with _folder() as folder:
        for number, cell in enumerate(matrix.ordered()):
            _try(cell, folder / str(number), folder / "cache", made)
    _print(made)
    if made.wrong or made.skipped:
        return 1 if made.wrong else 0
    page.PAGE.write_text("\n".join(page.page(made.lines)) + "\n", encoding="utf-8")
    return 0


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder that other users may enter, for some cells are about them."""
    folder = Path(tempfile.mkdtemp(prefix="whyred-refusals-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _try(cell: Cell, folder: Path, cache: Path, made: Made) -> None:
    folder.mkdir()
    place, key = Place(folder), (str(cell.reason), cell.source)
    try:
        with cell.make(place) as argv:
            ended = answer(cell, place, argv, cache)
            wrong = [*complaints(cell, place, ended), *in_the_table(cell, place, argv, cache)]
    except pytest.skip.Exception as e:
        made.skipped.append(f"{cell.id}: {e}")
        return
    finally:
        shutil.rmtree(folder)
    said = told(cell, ended)
    if wrong or said is None:
        made.wrong[key] += 1
        print(f"wrong: {cell.id}", *wrong, sep="\n    ")
        return
    made.right[key] += 1
    made.lines[cell.id] = page.line(cell, said, place)


def _print(made: Made) -> None:
    """Reasons down, sources across: how many cells are right, or wrong; blank where it cannot happen."""
    sources = [s for s in matrix.SOURCES if any(cell.source == s for cell in matrix.CELLS)]
    width = max(len(reason) for reason in Missing)
    for depth in range(max(map(len, sources))):
        print(" " * width, *(f"{s[depth] if depth < len(s) else ' ':>3}" for s in sources))
    for reason in Missing:
        row = [_mark(made, (str(reason), source)) for source in sources]
        print(f"{reason:<{width}}", *(f"{mark:>3}" for mark in row))
    right, wrong = made.right.total(), made.wrong.total()
    aside = f", {len(made.skipped)} not made here" if made.skipped else ""
    print(f"\n{right} of {right + wrong} cells right{aside}")
    for told_ in made.skipped:
        print(f"not made: {told_}")


def _mark(made: Made, key: tuple[str, str]) -> str:
    return f"{made.wrong[key]}!" if made.wrong[key] else str(made.right[key] or "")


if __name__ == "__main__":
    sys.exit(main())
