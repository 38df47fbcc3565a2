"""Every rule of `check`: explained, with workflows in which it speaks and others in which it is silent.

A fixture is a folder `tests/rules/RULE/NAME/` of workflow files; `# <-` ends each line of which the rule must speak,
and it may speak of no other. `told.toml` says what the forge told.
"""

import ast
import tomllib
from pathlib import Path
from types import ModuleType

import pytest

import whyred.workflows.rules
from whyred.model.forge import Kind
from whyred.model.remark import Remark
from whyred.workflows.checkup import Checkout, Names, Told, look, read_file, rules

FOLDER = Path(__file__).parents[1] / "rules"
RULES: dict[str, ModuleType] = rules()
FIXTURES = {f"{d.parent.name}/{d.name}": d for d in sorted(FOLDER.glob("*/*")) if d.is_dir()}
MARK = "# <-"
EACH = pytest.mark.parametrize("name", RULES)


def told(folder: Path) -> Told:
    file = folder / "told.toml"
    table = tomllib.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    whole = table.pop("whole", False)
    secrets, variables = (
        Names(frozenset(table.pop(k)), whole) if k in table else None for k in ("secrets", "variables")
    )
    labels = tuple((f"runner-{n}", frozenset(own)) for n, own in enumerate(table.pop("labels", ())))
    local = frozenset(table.pop("local", ()))
    kind, version = Kind(table.pop("kind", "forgejo")), tuple(table.pop("version", ())) or None
    assert table == {}, f"{file}: unknown keys {sorted(table)}"
    return Told(kind, version, labels or None, secrets, variables, local=local)


def said(rule: str, folder: Path) -> list[Remark]:
    files = [read_file(f.read_bytes(), f.name) for f in sorted(folder.glob("*.yml"))]
    return look(rule, RULES[rule], Checkout(tuple(files), told(folder)))


def wanted(folder: Path) -> set[tuple[str, int]]:
    return {
        (f.name, n)
        for f in folder.glob("*.yml")
        for n, line in enumerate(f.read_text(encoding="utf-8").splitlines(), 1)
        if line.endswith(MARK)
    }


@EACH
def test_says_what_it_looks_for_and_where_its_facts_come_from(name: str) -> None:
    file = Path(whyred.workflows.rules.__path__[0]) / f"{name.replace('-', '_')}.py"
    docstring = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    assert docstring.partition("\n")[0].endswith(".")
    assert RULES[name].SOURCE.strip()


@EACH
def test_has_fixtures_that_fire_and_that_stay_quiet(name: str) -> None:
    own = {d.name for d in (FOLDER / name).iterdir()}
    assert {"fires", "quiet"} <= own
    assert wanted(FOLDER / name / "fires")
    assert not wanted(FOLDER / name / "quiet")


def test_every_fixture_folder_has_its_rule() -> None:
    assert sorted({d.name for d in FOLDER.iterdir()} - set(RULES)) == []


@pytest.mark.parametrize("name", FIXTURES)
def test_speaks_of_the_marked_lines_and_of_no_others(name: str) -> None:
    folder = FIXTURES[name]
    found = {(r.spot.file, r.spot.line): r.what for r in said(folder.parent.name, folder)}
    assert set(found) == wanted(folder), found


@pytest.mark.parametrize("name", FIXTURES)
def test_what_it_says_can_be_read(name: str) -> None:
    folder = FIXTURES[name]
    for remark in said(folder.parent.name, folder):
        assert remark.rule == folder.parent.name
        assert remark.source
        assert len(remark.what.split()) >= 4
        assert not any("\n" in text for text in (remark.what, remark.why, remark.how))


def test_a_rule_that_is_silent_is_caught(tmp_path: Path) -> None:
    (tmp_path / "ci.yml").write_text(f"on: [push, pull_request]  {MARK}\njobs: {{a: {{steps: [run: make]}}}}\n")
    assert wanted(tmp_path) == {("ci.yml", 1)}
    assert [r.spot.line for r in said("double-trigger", tmp_path)] == [1]
    assert said("needs-circle", tmp_path) == []
