"""The script of the refusal matrix: what it says of a page that is stale, and how the page is put together."""

from collections import Counter
from pathlib import Path

import pytest
from refusals import matrix, page
from scripts import refusals


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The page, somewhere else."""
    file = tmp_path / "refusals.md"
    monkeypatch.setattr(page, "PAGE", file)
    return file


def rows() -> dict[str, str]:
    """A row for every cell, as if each had been made."""
    return {
        c.id: f"| `{c.source}` | {c.case.replace('|', chr(92) + '|')} | `GET x` | try again |" for c in matrix.CELLS
    }


def test_a_page_with_every_cell_is_fresh(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept.write_text("\n".join(page.page(rows())), encoding="utf-8")
    assert refusals.main(["--check"]) == 0
    assert capsys.readouterr().out == ""


def test_a_page_that_lacks_a_cell_or_has_one_too_many_is_stale(kept: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, *others = page.page(rows())
    missing = matrix.ordered()[0]
    lines = [
        line for line in (first, *others) if f"| {missing.case} |" not in line or f"`{missing.source}`" not in line
    ]
    kept.write_text("\n".join([*lines, "| `files` | a case of long ago | `GET x` | try again |"]), encoding="utf-8")
    assert refusals.main(["--check"]) == 1
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 2
    assert any(f"{missing.reason}, {missing.source}, {missing.case}: is missing" in line for line in told)
    assert any("files, a case of long ago: has no cell any more" in line for line in told)


def test_no_page_at_all_is_stale(kept: Path) -> None:
    assert refusals.main(["--check"]) == 1


def test_the_printed_table_marks_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    made = refusals.Made(Counter({("corrupt", "files"): 3}), Counter({("deleted", "local"): 1}), ["x: needs root"])
    refusals._print(made)
    out = capsys.readouterr().out
    assert next(line for line in out.splitlines() if line.startswith("corrupt ")).endswith(" 3")
    assert "1!" in next(line for line in out.splitlines() if line.startswith("deleted "))
    assert "3 of 4 cells right, 1 not made here" in out
    assert "not made: x: needs root" in out
