"""Every probe: named after its file, documented to the last field, read-only, with recorded answers of real hosts."""

import ast
import json
import sys
from importlib import import_module
from pathlib import Path

import pytest

import whyred.probes
from whyred.library import read_causes
from whyred.model.evidence import Reason, Unknown
from whyred.model.forge import Forge
from whyred.model.host import Host
from whyred.model.probe import Kind, Probe
from whyred.probes.find import all_probes

PROBES = all_probes()
FOLDER = Path(whyred.probes.__path__[0])
RECORDED = Path(__file__).parent.parent / "probes"
EACH = pytest.mark.parametrize("name", PROBES)
ACTS = {name for name in (*vars(Host), *Host.__annotations__) if not name.startswith("_")}
"""What a host can be asked."""
TELLS = {name for name in (*vars(Forge), *Forge.__annotations__) if not name.startswith("_")}
"""What a forge can be asked."""


def source(name: str) -> ast.Module:
    return ast.parse((FOLDER / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8"))


def cases(name: str) -> list[Path]:
    return sorted(f for f in (RECORDED / name).glob("*.json") if not f.name.endswith(".facts.json"))


def test_files_with_a_probe_constant_hold_a_probe() -> None:
    for file in sorted(f for f in FOLDER.glob("*.py") if "\nPROBE = " in f.read_text(encoding="utf-8")):
        unit = import_module(f"whyred.probes.{file.stem}").PROBE
        assert isinstance(unit, Probe), f"{file.name}: PROBE must be a Probe"
        assert unit.name == file.stem.replace("_", "-"), f"{file.name}: the probe must have the name of its file"


@EACH
def test_says_what_it_is(name: str) -> None:
    unit, text = PROBES[name], ast.get_docstring(source(name)) or ""
    assert text, f"{name}: its file must begin with a docstring"
    assert "FILL IN" not in ast.unparse(source(name)), f"{name}: `FILL IN` says what is not written yet"
    assert unit.title, f"{name}: title is empty: say in a few words what is asked"
    assert not unit.title.endswith("."), f"{name}: a title has no full stop"
    assert unit.privilege, f"{name}: privilege is empty: say what a full answer needs, `none` where nothing"


@EACH
def test_every_field_and_argument_has_a_meaning(name: str) -> None:
    unit = PROBES[name]
    assert unit.fields, f"{name}: fields is empty: name every field with its meaning and unit"
    for what, meaning in (*unit.fields.items(), *unit.needs.items()):
        assert what.isidentifier(), f"{name}: {what!r} must be a word in snake case"
        assert what == what.lower(), f"{name}: {what!r} must be a word in snake case"
        assert len(meaning.split()) > 1, f"{name}: {what} has no meaning: say what it is, with its unit"
    for field in unit.fields:
        if field.endswith(("_bytes", "_seconds", "_percent")):
            unit_word = field.rpartition("_")[2].rstrip("s")
            assert unit_word in unit.fields[field], f"{name}: {field} must say its unit in its meaning"


@EACH
def test_the_doctors_arguments_are_known(name: str) -> None:
    unit = PROBES[name]
    for arguments in unit.pack:
        unknown = set(arguments) - set(unit.needs)
        assert not unknown, f"{name}: pack gives {sorted(unknown)}, which `needs` does not name"
    if unit.pack and unit.kind is not Kind.FORGE:
        required = {k for k, meaning in unit.needs.items() if not meaning.startswith("optional")}
        assert all(required <= set(a) for a in unit.pack), f"{name}: pack leaves out one of {sorted(required)}"


@EACH
def test_no_pack_makes_a_probe_write(name: str) -> None:
    assert not any("create" in arguments for arguments in PROBES[name].pack)


@EACH
def test_has_recorded_answers_that_tell_apart(name: str) -> None:
    files = cases(name)
    how = "record real ones with PROBE.ask(LocalHost(), Subject('host'), {...})"
    assert len(files) >= 2, f"tests/probes/{name}/ needs two answers, one healthy and one faulty: {how}"
    known = set()
    for file in files:
        facts = PROBES[name].read(file.read_bytes())
        assert set(facts) == set(PROBES[name].fields), f"{file.name}: every field is answered, and no other"
        assert json.loads(file.read_bytes()), f"{file.name} is an empty answer: {how}"
        expected = file.with_suffix(".facts.json")
        assert expected.is_file(), f"{file.name} has no {expected.name} beside it: the facts it must give"
        shown = {k: {"unknown": v.reason.value} if isinstance(v, Unknown) else v for k, v in facts.items()}
        assert shown == json.loads(expected.read_bytes()), f"{expected.name} is not what read() gives"
        known.add(json.dumps(shown, sort_keys=True))
    assert len(known) >= 2, f"tests/probes/{name}/: the answers all give the same facts"


@EACH
def test_a_recorded_answer_gives_facts(name: str) -> None:
    values = [v for f in cases(name) for v in PROBES[name].read(f.read_bytes()).values() if not isinstance(v, Unknown)]
    assert values, f"tests/probes/{name}/: no answer gives a fact: every field is unknown in all of them"


@EACH
def test_the_folder_holds_recorded_answers_only(name: str) -> None:
    wanted = {f.name for f in cases(name)} | {f.with_suffix(".facts.json").name for f in cases(name)}
    assert {f.name for f in (RECORDED / name).iterdir()} == wanted


def test_every_folder_of_recorded_answers_has_a_probe() -> None:
    assert {f.name for f in RECORDED.iterdir()} <= set(PROBES)


@EACH
def test_a_broken_answer_is_unknown_with_the_reason(name: str) -> None:
    facts = PROBES[name].read(b"{")
    assert {v.reason for v in facts.values() if isinstance(v, Unknown)} == {Reason.UNREADABLE}
    assert all(isinstance(v, Unknown) for v in facts.values())


@EACH
def test_asks_through_the_host_alone(name: str) -> None:
    """A probe that opened files or started programs itself could not be replayed."""
    allowed = {"whyred", *sys.stdlib_module_names} - {"os", "subprocess", "pathlib", "io", "socket", "time", "shutil"}
    for node in ast.walk(source(name)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [a.name for a in node.names]
            bad = [m for m in modules if m.partition(".")[0] not in allowed]
            assert not bad, f"{name}: imports {bad}: ask the host instead"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id != "open", f"{name}: opens a file itself: ask the host instead"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "host":
            assert node.attr in ACTS, f"{name}: asks for host.{node.attr}, which no host has"
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "forge":
            assert node.attr in TELLS, f"{name}: asks for forge.{node.attr}, which no forge has"


def test_every_condition_of_a_cause_asks_for_something_a_probe_answers() -> None:
    for cause in read_causes.causes():
        for c in (*cause.confirm, *cause.support, *cause.refute):
            assert c.probe in PROBES, f"{cause.id}: there is no probe {c.probe}"
            assert c.field in PROBES[c.probe].fields, f"{cause.id}: {c.probe} has no field {c.field}"
            unknown = {k for k, _ in c.with_} - set(PROBES[c.probe].needs)
            assert not unknown, f"{cause.id}: {c.probe} takes no {sorted(unknown)}"
