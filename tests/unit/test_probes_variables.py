"""What justfile, cargo configuration, .env and a unit's environment say of one variable."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Subject
from whyred.model.probe import Facts
from whyred.probes.find import probe
from whyred.workflows.variables import (
    join_justfiles,
    read_cargo_config,
    read_dotenv,
    read_justfile,
    read_unit_environment,
)

WORKFLOW = """\
on: [push]
jobs:
  a:
    runs-on: b
    steps:
      - run: |
          true
          {}
"""


@pytest.mark.parametrize(
    ("text", "exported", "value"),
    [
        ('TMPDIR := "/var/tmp"\n', False, "/var/tmp"),
        ("export TMPDIR := '/var/tmp'\n", True, "/var/tmp"),
        ('set export\nTMPDIR := "/w/ok"  # why\n', True, "/w/ok"),
        ('set export := true\r\nTMPDIR:="/w/ok"\r\n', True, "/w/ok"),
        ('set export := false\nTMPDIR := "/w/ok"\n', False, "/w/ok"),
        ('TMPDIR := "/w/ok"\nset export\n', True, "/w/ok"),
        ('set export\nTMPDIR := "/w/ok"\nunexport TMPDIR\n', False, "/w/ok"),
        ('TMPDIR := "a\\tb\\"c"\n', False, 'a\tb"c'),
        ("TMPDIR := 'a\\tb'\n", False, "a\\tb"),
        ('TMPDIR := env("X", "/tmp")\n', False, None),
        ('TMPDIR := "a" / "b"\n', False, None),
    ],
)
def test_an_assignment_in_a_justfile(text: str, exported: bool, value: str | None) -> None:
    found = join_justfiles([read_justfile(text, "TMPDIR")])
    assert found is not None
    assert (found.exported, found.value) == (exported, value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "build:\n    TMPDIR := x\n",
        "build:\n    export TMPDIR=/x\n",
        '# TMPDIR := "x"\n',
        'MY_TMPDIR := "x"\n',
        'build TMPDIR="x":\n    true\n',
    ],
)
def test_what_is_no_assignment_in_a_justfile(text: str) -> None:
    assert read_justfile(text, "TMPDIR").variable is None


@pytest.mark.parametrize(
    ("text", "value", "forced"),
    [
        ('[env]\nTMPDIR = "/x"\n', "/x", False),
        ('[env]\nTMPDIR = { value = "/x", force = true }\n', "/x", True),
        ('[env.TMPDIR]\nvalue = "x"\nrelative = true\n', "x", False),
    ],
)
def test_an_entry_of_cargo(text: str, value: str, forced: bool) -> None:
    found = read_cargo_config(text, "TMPDIR")
    assert found is not None
    assert (found.value, found.forced) == (value, forced)


@pytest.mark.parametrize(
    "text", ["", "[env]\nOTHER = 'x'\n", "env = 3\n", "[env]\nTMPDIR = 3\n", "[env.TMPDIR]\nforce = true\n"]
)
def test_what_is_no_entry_of_cargo(text: str) -> None:
    assert read_cargo_config(text, "TMPDIR") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("TMPDIR=/x", "/x"),
        ("export TMPDIR = '/a b' # why\n", "/a b"),
        ('A=1\nTMPDIR="a\\nb"\n', "a\nb"),
        ("TMPDIR=/x # why", "/x"),
        ("TMPDIR=\n", ""),
        ("#TMPDIR=/x\nMY_TMPDIR=/y\n", None),
        ("TMPDIR=/first\nTMPDIR=/second\n", "/first"),
    ],
)
def test_a_line_of_dotenv(text: str, value: str | None) -> None:
    assert read_dotenv(text, "TMPDIR") == value


def test_the_environment_of_a_unit() -> None:
    text = r"""TMPDIR=/var/tmp "WITH=two words" $'Q=it\'s' "B=a\"b" E= [unprintable] TMPDIR=/later"""
    expected = {"TMPDIR": "/later", "WITH": "two words", "Q": "it's", "B": 'a"b', "E": ""}
    assert read_unit_environment(text) == expected


@settings(deadline=None)
@given(text=st.text(max_size=200))
def test_no_text_makes_a_reader_raise(text: str) -> None:
    read_justfile(text, "A")
    read_dotenv(text, "A")
    read_unit_environment(text)


def layers(folder: Path, name: str = "TMPDIR") -> Facts:
    unit = probe("variable-layers")
    return unit.read(unit.ask(LocalHost(), Subject("host"), {"name": name, "folder": str(folder)}))


def test_an_import_and_a_parent_folder_count(tmp_path: Path) -> None:
    checkout = tmp_path / "a/b"
    (checkout / "just").mkdir(parents=True)
    (tmp_path / ".cargo").mkdir()
    (checkout / "Justfile").write_text("import 'just/env.just'\nimport? 'just/none.just'\nset export\n")
    (checkout / "just/env.just").write_text("import '../Justfile'\nTMPDIR := '/from/import'\n")
    (tmp_path / ".cargo/config.toml").write_text("[env]\nTMPDIR = { value = '/forced', force = true }\n")
    facts = layers(checkout)
    assert (facts["just_assigned"], facts["just_exported"], facts["just_value"]) == (True, True, "/from/import")
    assert (facts["cargo_value"], facts["cargo_forced"]) == ("/forced", True)
    (checkout / ".cargo").mkdir()
    (checkout / ".cargo/config").write_text("[env]\nTMPDIR = '/near'\n")
    assert (layers(checkout)["cargo_value"], layers(checkout)["cargo_forced"]) == ("/near", False)


def test_no_secret_goes_into_an_answer(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("API_TOKEN=hush-hush\nTMPDIR=/x\n")
    (tmp_path / "justfile").write_text("export API_TOKEN := 'hush-hush'\n")
    unit = probe("variable-layers")
    data = unit.ask(LocalHost(), Subject("host"), {"name": "API_TOKEN", "folder": str(tmp_path)})
    assert b"hush" not in data
    facts = unit.read(data)
    assert (facts["just_assigned"], facts["just_exported"], facts["set_anywhere"]) == (True, True, True)
    assert isinstance(facts["dotenv_value"], Unknown)
    assert facts["dotenv_value"].reason is Reason.REFUSED
    assert b"hush" not in unit.ask(LocalHost(), Subject("host"), {"name": "TMPDIR", "folder": str(tmp_path)})


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert {v.reason for v in layers(tmp_path / "gone").values() if isinstance(v, Unknown)} == {Reason.NOT_FOUND}
    relative = layers(Path("relative"))
    assert {v.reason for v in relative.values() if isinstance(v, Unknown)} == {Reason.NOT_APPLICABLE}


@pytest.mark.parametrize(
    ("file", "text", "place"),
    [
        ("justfile", "TMPDIR := '/x'\n", "the justfile"),
        ("justfile", "TMPDIR := env('HOME')\n", None),
        ("justfile", "import 'more.just'\nTMPDIR := '/x'\n", None),
        ("Makefile", "all:\n\ttrue\nTMPDIR = /x\n", "Makefile:3"),
        ("Makefile", "export TMPDIR = /x\n", None),
        ("Makefile", "include more.mk\nTMPDIR = /x\n", None),
        ("Makefile", "TMPDIR = $(shell mktemp -d)\n", None),
        (".forgejo/workflows/a.yml", WORKFLOW.format("TMPDIR=/x"), ".forgejo/workflows/a.yml:8"),
        (".github/workflows/a.yaml", WORKFLOW.format("export TMPDIR=/x"), None),
        (".github/workflows/a.yaml", WORKFLOW.format("TMPDIR=/x make"), None),
        (".gitea/workflows/a.yml", "TMPDIR: [", None),
    ],
)
def test_what_is_handed_to_nobody(file: str, text: str, place: str | None, tmp_path: Path) -> None:
    (tmp_path / "more.just").write_text("set export\n")
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    facts = layers(tmp_path)
    assert (facts["unexported"], facts["unexported_at"]) == (place is not None, place)
