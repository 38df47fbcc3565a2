"""Every file of library/causes is well formed, and every fixture in tests/causes is judged as it says."""

import os
import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from cause_fixtures import FOLDER, NOT_A_CANDIDATE, Fixture, fixtures, read_fixture
from lints import library

from whyred.app.read import read_log
from whyred.diagnosis.judge import asks, candidates, judge
from whyred.diagnosis.rank import rank
from whyred.library import read, read_causes
from whyred.model.cause import Cause, Condition, Op
from whyred.model.finding import Confidence, Finding
from whyred.model.pattern import Pattern
from whyred.model.probe import Kind, Probe
from whyred.probes.find import all_probes

IDS = [f.stem for f in read.files("causes")]
FIXTURES = fixtures()
FILLED_IN = {"folder"}
"""Arguments of probes that the program knows and no cause can: the checkout."""
ORDER = [Confidence.CONFIRMED, Confidence.LIKELY, Confidence.POSSIBLE, Confidence.RULED_OUT]
HOLE = re.compile(r"\{(\w+)\}")


@cache
def causes() -> dict[str, Cause]:
    return {c.id: c for c in library().causes}


def captures(cause: Cause, patterns: Mapping[str, Pattern]) -> set[str]:
    """The names that a failure of one of the cause's patterns may have captured, or that follow from those."""
    own = [p for p in patterns.values() if p.id in cause.patterns or p.class_ in cause.classes]
    groups = {g for p in own for g in re.compile(p.regex).groupindex}
    if groups & {"errno", "reason"}:
        groups.add("errno")
    if "host" in groups:
        groups.add("near")
    if "path" in groups:
        groups |= {"dir", "base"}
    if "code" in groups:
        groups.add("signal")
    if "tool" in groups:
        groups.add("script")
    return groups


def shape(
    cause: Cause, patterns: Mapping[str, Pattern], classes: Mapping[str, str], probes: Mapping[str, Probe]
) -> Iterator[str]:
    """What is wrong with a cause's fields."""
    if cause.class_ not in classes:
        yield f"names the class {cause.class_}, which classes.toml does not have"
    yield from (f"names the class {c}, which does not exist" for c in cause.classes if c not in classes)
    if not cause.patterns and not cause.classes:
        yield "has no pattern that makes it a candidate"
    yield from (f"names the pattern {p}, which does not exist" for p in cause.patterns if p not in patterns)
    if not cause.title.strip() or not cause.source.strip():
        yield "has no title or does not say where its facts come from"
    yield from (f"says nothing under {k}" for k, text in asdict(cause.text).items() if len(text.split()) < 4)
    yield from (f"has a broken line under {k}" for k, text in asdict(cause.text).items() if "\n" in text)
    known, own = captures(cause, patterns), cause.patterns
    yield from (f"calls {p} faint, which is none of its patterns" for p in cause.faint if p not in own)
    for name in (*cause.when, *cause.unless):
        if name not in known:
            yield f"wants the capture {name}, which none of its patterns has"
    for condition in (*cause.confirm, *cause.support, *cause.refute):
        yield from wrong(condition, known, probes)
        told = (*condition.patterns, *condition.not_patterns)
        yield from (f"has a line for {p}, which is none of its patterns" for p in told if p not in own)
    if shared := {(c, c.value) for c in cause.confirm} & {(c, c.value) for c in cause.refute}:
        yield f"confirms and refutes by the same condition: {shared}"


def wrong(condition: Condition, captured: set[str], probes: Mapping[str, Probe]) -> Iterator[str]:
    """What is wrong with one condition."""
    probe = probes.get(condition.probe)
    if probe is None:
        yield f"asks the probe {condition.probe}, which does not exist"
        return
    if condition.of.is_forges != (probe.kind is Kind.FORGE):
        yield f"asks {condition.of} by {probe.name}, which is a question to a {probe.kind}"
    if condition.field not in probe.fields:
        yield f"wants the field {condition.field}, which {probe.name} does not have"
    arguments = dict(condition.with_)
    if unknown := set(arguments) - set(probe.needs):
        yield f"gives {probe.name} the arguments {sorted(unknown)}, which it does not take"
    wanted = {k for k, meaning in probe.needs.items() if not meaning.startswith("optional")}
    if missing := wanted - set(arguments) - FILLED_IN:
        yield f"does not give {probe.name} the arguments {sorted(missing)}"
    for value in arguments.values():
        if holes := set(HOLE.findall(value)) - captured:
            yield f"wants the captures {sorted(holes)}, which none of its patterns has"
    if condition.op in (Op.BELOW, Op.ABOVE) and isinstance(condition.value, str | bool):
        yield f"compares {condition.field} with {condition.value!r}, which is no number"
    if condition.op is Op.MATCHES:
        re.compile(str(condition.value))


def files_of(cause: str, folder: Path = FOLDER) -> Iterator[str]:
    """What is missing in a cause's fixture folder."""
    names = {f.name for f in (folder / cause).glob("*")}
    for wanted in ("fires.log", "fires.toml", "quiet.log", "quiet.toml"):
        if wanted not in names:
            yield f"{cause} has no {wanted}"
    for name in names:
        pair = {".log": ".toml", ".toml": ".log"}.get(Path(name).suffix)
        if pair and f"{Path(name).stem}{pair}" not in names:
            yield f"{cause}/{name} stands alone"
        if pair is None and name not in ("inject.sh", "job.yml"):
            yield f"{cause}/{name} is no fixture"


def judged(fixture: Fixture, all_causes: Mapping[str, Cause]) -> tuple[list[Finding], list[str]]:
    """The findings of a fixture's log over all causes, and the answers in it that nobody asked for."""
    failures = read_log([fixture.log], library()).matched.failures
    findings: list[Finding] = []
    asked = set()
    for failure in failures:
        open_causes = candidates(failure, all_causes.values())
        asked |= {ask for cause in open_causes for ask in asks(cause, failure.captures)}
        findings += judge(failure, open_causes, fixture.answers)
    return findings, [str(ask) for ask in fixture.answers if ask not in asked]


def outcome(fixture: Fixture, findings: list[Finding]) -> str:
    """The best confidence of the fixture's cause."""
    own = [f.confidence for f in findings if f.cause.id == fixture.cause]
    return min(own, key=ORDER.index).value if own else NOT_A_CANDIDATE


@pytest.mark.parametrize("id_", IDS)
def test_cause_is_well_formed(id_: str) -> None:
    patterns = {p.id: p for p in library().patterns}
    assert list(shape(causes()[id_], patterns, read.classes(), all_probes())) == []


def test_no_text_is_told_twice() -> None:
    texts = Counter(text for c in causes().values() for text in (*asdict(c.text).values(), c.title))
    assert [text for text, n in texts.items() if n > 1] == []


def test_no_id_is_another_ones_alias() -> None:
    names = Counter(name for c in causes().values() for name in (c.id, *c.aliases))
    assert [name for name, n in names.items() if n > 1] == []


@pytest.mark.parametrize("id_", IDS)
def test_cause_has_a_fixture_that_fires_and_one_that_stays_quiet(id_: str) -> None:
    assert list(files_of(id_)) == []


def test_every_fixture_folder_has_its_cause() -> None:
    assert sorted({f.name for f in FOLDER.iterdir()} - set(IDS)) == []


@pytest.mark.parametrize("id_", IDS)
def test_fires_is_surer_than_quiet(id_: str) -> None:
    place = {c.value: n for n, c in enumerate(ORDER)} | {NOT_A_CANDIDATE: len(ORDER)}
    fires, quiet = (read_fixture(FIXTURES[name]) for name in (f"{id_}/fires", f"{id_}/quiet"))
    assert place[fires.expect] < place[quiet.expect]


@pytest.mark.parametrize("name", FIXTURES)
def test_fixture_is_judged_as_it_says(name: str) -> None:
    fixture = read_fixture(FIXTURES[name])
    findings, idle = judged(fixture, causes())
    told = {f"{f.cause.id}: {f.confidence} ({f.why})" for f in findings}
    assert outcome(fixture, findings) == fixture.expect, told
    assert idle == [], "no candidate asks for these answers"
    if fixture.top:
        assert rank(findings)[0][0].cause.id == fixture.cause, told


@pytest.mark.parametrize("name", FIXTURES)
def test_answers_of_a_fixture_are_such_as_the_probe_gives(name: str) -> None:
    probes = all_probes()
    for ask, answers in read_fixture(FIXTURES[name]).answers.items():
        fields = {field for a in answers if isinstance(a.facts, Mapping) for field in a.facts}
        assert sorted(fields - set(probes[ask.probe].fields)) == []


SANDBOX = ["unshare", "-Urm", "--propagation", "private", "sh", "-c"]
AS_ROOT = ["unshare", "-m", "--propagation", "private", "sh", "-c"]
START = 'mount -t tmpfs -o mode=1777 tmpfs /tmp && exec sh -c "$0" inject "$@"'


@cache
def sandboxed() -> bool:
    """Whether this machine lets a plain user make a mount namespace."""
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*SANDBOX, "mount -t tmpfs x /tmp"], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize("script", [pytest.param(f, id=f.parent.name) for f in sorted(FOLDER.glob("*/inject.sh"))])
def test_injection_recipe_makes_the_fault_it_says(script: Path) -> None:
    text = script.read_text(encoding="utf-8")  # handed over as text: the checkout itself may lie below /tmp
    lines = text.splitlines()
    assert lines[0] == "#!/bin/sh"
    assert lines[1].startswith("# ")
    assert re.fullmatch(r'exec .*"\$@"', lines[-1])
    shows = re.fullmatch(r"# shows: (.+) => (.+)", lines[2])
    assert shows is not None
    root = "\n# needs root" in text
    if root and os.geteuid() != 0:
        pytest.skip("needs root")
    if not root and not sandboxed():
        pytest.skip("this machine lets no plain user make a mount namespace")
    command = [*(AS_ROOT if root else SANDBOX), START, text, "/bin/sh", "-c", shows[1]]
    clean = {k: v for k, v in os.environ.items() if k != "TMPDIR"} | {"LC_ALL": "C"}
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=clean, check=False)
    assert shows[2].encode() in ended.stdout


def whole() -> dict[str, Any]:
    """A small cause that is right, to be broken."""
    line = {"probe": "mount-state", "of": "host", "with": {"path": "{dir}"}, "field": "deleted", "op": "equals"}
    return {
        "id": "made-up",
        "title": "Made up",
        "class": "infra/tmpdir",
        "patterns": ["rustc-temp-dir"],
        "when": {"errno": "ENOENT"},
        "confirm": [{**line, "value": True}],
        "source": "made up",
        "text": {k: f"The {k} of it all." for k in ("what", "check", "fix", "prevent", "verify")},
    }


BROKEN: dict[str, tuple[dict[str, Any], str]] = {
    "class": ({"class": "infra/nowhere"}, "classes.toml"),
    "pattern": ({"patterns": ["nobody"]}, "does not exist"),
    "capture": ({"when": {"colour": "red"}}, "wants the capture colour"),
    "text": ({"text": {**whole()["text"], "fix": ""}}, "says nothing under fix"),
    "source": ({"source": ""}, "where its facts come from"),
    "probe": ({"confirm": [{**whole()["confirm"][0], "probe": "crystal-ball"}]}, "crystal-ball"),
    "field": ({"confirm": [{**whole()["confirm"][0], "field": "mood"}]}, "wants the field mood"),
    "whom": ({"confirm": [{**whole()["confirm"][0], "of": "forge"}]}, "a question to a directory"),
    "argument": ({"confirm": [{**whole()["confirm"][0], "with": {"road": "/"}}]}, "does not take"),
    "missing": ({"confirm": [{**whole()["confirm"][0], "with": {}}]}, "does not give"),
    "hole": ({"confirm": [{**whole()["confirm"][0], "with": {"path": "{colour}"}}]}, "wants the captures"),
    "number": ({"confirm": [{**whole()["confirm"][0], "op": "above", "value": "much"}]}, "no number"),
}


@pytest.mark.parametrize("key", BROKEN)
def test_a_broken_cause_is_caught(key: str) -> None:
    patterns, probes = {p.id: p for p in library().patterns}, all_probes()
    assert list(shape(read_causes.read_cause("made-up", whole()), patterns, read.classes(), probes)) == []
    change, complaint = BROKEN[key]
    broken = read_causes.read_cause("made-up", {**whole(), **change})
    assert any(complaint in t for t in shape(broken, patterns, read.classes(), probes))


def test_a_wrong_expectation_is_caught() -> None:
    fixture = read_fixture(FIXTURES["private-tmp-deleted/fires"])
    findings, _ = judged(fixture, causes())
    assert outcome(fixture, findings) == Confidence.CONFIRMED
    healthy = replace(fixture, answers={})
    assert outcome(healthy, judged(healthy, causes())[0]) != Confidence.CONFIRMED


def test_a_missing_fixture_is_caught(tmp_path: Path) -> None:
    (tmp_path / "made-up").mkdir()
    (tmp_path / "made-up" / "fires.log").write_text("boom\n")
    assert "made-up has no quiet.toml" in list(files_of("made-up", tmp_path))
    assert "made-up/fires.log stands alone" in list(files_of("made-up", tmp_path))
