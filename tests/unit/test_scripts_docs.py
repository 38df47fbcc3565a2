"""The generator of pages: fresh after it wrote, stale by name after any change, every unit and field on its page."""

import json
from pathlib import Path

import click
import pytest
from scripts import docs

from whyred.faces.cli.program import cli
from whyred.library import read, read_causes
from whyred.probes.find import all_probes

PAGES = dict(docs.pages())


def run(folder: Path, *argv: str) -> int:
    return docs.main([*argv, "--folder", str(folder)])


def test_pages_are_fresh_once_written(tmp_path: Path) -> None:
    assert run(tmp_path / "docs") == 0
    assert run(tmp_path / "docs", "--check") == 0
    assert {f.name for f in (tmp_path / "docs").iterdir()} == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
def test_a_changed_or_missing_page_is_named(page: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(tmp_path)
    capsys.readouterr()
    text = (tmp_path / page).read_text(encoding="utf-8")
    (tmp_path / page).write_text(text.replace("\n", " \n", 1), encoding="utf-8")
    assert run(tmp_path, "--check") == 1
    assert capsys.readouterr().out.count(f"/{page} is stale") == 1
    (tmp_path / page).unlink()
    assert run(tmp_path, "--check") == 1
    assert f"/{page} is stale" in capsys.readouterr().out
    assert not (tmp_path / page).exists(), "--check writes nothing"


def test_a_folder_without_pages_is_stale_in_all(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "none", "--check") == 1
    assert capsys.readouterr().out.count("is stale") == len(PAGES)


def test_every_unit_has_its_place() -> None:
    for cause in read_causes.causes():
        assert f"\n## {cause.id}\n" in PAGES["causes.md"]
        assert cause.text.fix in PAGES["causes.md"]
    for pattern in read.patterns():
        assert f"| `{pattern.id}` |" in PAGES["patterns.md"]
    for probe in all_probes().values():
        assert f"\n## {probe.name}\n" in PAGES["probes.md"]
        assert all(f"| `{field}` |" in PAGES["probes.md"] for field in probe.fields)
    for name in cli.list_commands(click.Context(cli)):
        assert f"\n## {name}\n" in PAGES["commands.md"]


def test_every_field_of_every_schema_is_explained() -> None:
    for file in docs.SCHEMAS.glob("*.json"):
        data = json.loads(file.read_text(encoding="utf-8"))
        section = (
            PAGES["schemas.md"].partition(f"\n## {data['properties']['schema']['const']}\n")[2].partition("\n## ")[0]
        )
        for name in data["properties"]:
            assert f"| `{name}` |" in section
    for place in (
        "findings[].conditions[].evidence[].unknown",
        "failures[].quote[].text",
        "attempts[].steps[].exit_code",
    ):
        assert f"| `{place}` |" in PAGES["schemas.md"]


def test_links_within_the_pages_lead_somewhere() -> None:
    for page, text in PAGES.items():
        for link in text.split("](")[1:]:
            target = link.partition(")")[0]
            file, _, anchor = target.partition("#")
            assert f"\n## {anchor}\n" in PAGES[file or page], f"{page}: {target} leads nowhere"


def test_tables_keep_their_shape() -> None:
    rows = list(docs.table(("a", "b"), [("x|y", "two\nlines")]))
    assert rows == ["| a | b |", "|---|---|", r"| x\|y | two lines |"]
    for page, text in PAGES.items():
        for row in (r for r in text.splitlines() if r.startswith("| ")):
            cells = row.replace(r"\|", "").count("|")
            assert cells in range(3, 8), f"{page}: {row}"


def test_a_page_says_that_it_is_written() -> None:
    assert all(text.startswith(docs.NOTE) for text in PAGES.values())
    assert all(text.endswith("\n") and not text.endswith("\n\n") for text in PAGES.values())


@pytest.mark.parametrize(("text", "code"), [("a", "`a`"), ("a`b", "``a`b``"), ("`a", "`` `a ``"), ("", "")])
def test_code_holds_any_text(text: str, code: str) -> None:
    assert docs._quoted(text) == code
