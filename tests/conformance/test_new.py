"""`whyred new` really done in a copy of the checkout: red at first with what is missing, green with that unit's files
filled in and no other file touched.
"""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ID = "x-y-z"

PATTERN = {
    "src/whyred/library/patterns/x-y-z.toml": '''\
id = "x-y-z"
title = "The frobnicator could not reach its spool folder"
tool = "frobnicate"
contains = ["frobnicate: spool "]
regex = """frobnicate: spool (?P<path>/[^ ]+): (?P<reason>.+)"""
role = "error"
strength = "decisive"
class = "infra/tmpdir"
fires = ["frobnicate: spool /tmp/frob: No such file or directory"]
quiet = ["frobnicate: spooled 3 files"]
''',
}

TEXT = "\n".join(f'{k} = "The {k} of this made-up cause."' for k in ("what", "check", "fix", "prevent", "verify"))
CONDITION = """
[[{}]]
probe = "directory-state"
of = "attempt-runner"
with = {{ path = "{{dir}}" }}
field = "entries"
op = "{}"
value = 100000
"""
ANSWER = """
[[answer]]
probe = "directory-state"
of = "attempt-runner"
with = {{ path = "/srv/spool" }}
facts = {{ entries = {} }}
"""
LOG = "mktemp: failed to create directory via template '/srv/spool/tmp.XXXXXXXXXX': No such file or directory\n"
CAUSE = {
    "src/whyred/library/causes/x-y-z.toml": f"""\
id = "x-y-z"
title = "The spool folder holds too many names"
class = "infra/tmpdir"
source = "made up for this test"
patterns = ["mktemp-failed"]
when = {{ dir = "/srv/spool" }}
{CONDITION.format("confirm", "above")}{CONDITION.format("refute", "below")}
[text]
{TEXT}
""",
    "tests/causes/x-y-z/fires.log": LOG,
    "tests/causes/x-y-z/fires.toml": 'expect = "confirmed"\n' + ANSWER.format(2000000),
    "tests/causes/x-y-z/quiet.log": LOG,
    "tests/causes/x-y-z/quiet.toml": 'expect = "ruled out"\n' + ANSWER.format(3),
}

PROBE = {
    "src/whyred/probes/x_y_z.py": '''\
"""How the host calls itself (gethostname(2)): shows which of two alike machines answered."""

from collections.abc import Mapping

from whyred.model.host import Host, Subject
from whyred.model.probe import Cost, Facts, Kind, Probe
from whyred.probes.answer import Parts, every, pack

FIELDS = {"name": "the name of the machine"}


def ask(host: Host, subject: Subject, arguments: Mapping[str, str]) -> bytes:
    """The name."""
    return pack({"name": host.identity.name})


def read(data: bytes) -> Facts:
    """The facts of an answer."""
    parts = Parts(data)
    return every(FIELDS, parts.broken) if parts.broken is not None else {"name": parts.text("name")}


PROBE = Probe("x-y-z", "How the host calls itself", Kind.HOST, Cost.CHEAP, "none", FIELDS, ask, read)
''',
    "tests/probes/x-y-z/healthy.json": '{"name": "runner-1"}',
    "tests/probes/x-y-z/healthy.facts.json": '{"name": "runner-1"}',
    "tests/probes/x-y-z/faulty.json": '{"name": "localhost"}',
    "tests/probes/x-y-z/faulty.facts.json": '{"name": "localhost"}',
}

SOURCE = {
    "src/whyred/sources/x_y_z.py": '''\
"""The last words of a log on the command line: `text:WORDS`."""

from whyred.model.run import Attempt, Run
from whyred.model.source import Fetched, Given, Missing, MissingLogError

NAME = "x-y-z"
SERVES = "`text:WORDS`"
ORDER = 77


def accepts(target: str) -> bool:
    """Whether the target begins with `text:`."""
    return target.startswith("text:")


def fetch(target: str, given: Given) -> Fetched:
    """The words. Raises MissingLogError where there are none."""
    words = target.removeprefix("text:")
    if not words:
        raise MissingLogError(Missing.NOT_FOUND, f"fetch {target}", "write words after the colon")
    return Fetched(Attempt(Run(target)), iter([words.encode() + b"\\n"]), f"{NAME}: {target}")
''',
    "tests/sources/x-y-z/targets.toml": """\
accepts = ["text:boom"]
refuses = ["text"]
[[fetch]]
target = "text:boom"
log = "boom.log"
[[missing]]
target = "text:"
reason = "not-found-or-hidden"
""",
    "tests/sources/x-y-z/boom.log": "boom\n",
}


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit to be made: what conformance must name at first, and its files when they are filled in."""

    kind: str
    missing: tuple[str, ...]
    files: Mapping[str, str]


UNITS = [
    Unit("pattern", ("has no title or no tool", "needs at least one line in fires"), PATTERN),
    Unit("cause", ("has no title", "has no pattern", "says nothing under what", "== 'confirmed'"), CAUSE),
    Unit(
        "probe", ("FILL IN", "fields is empty", "title is empty|FILL IN", "empty answer|no answer gives a fact"), PROBE
    ),
    Unit("source", ("FILL IN", "ORDER must be 1 to 99", "accepts is empty", "no [[fetch]]"), SOURCE),
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    copy = tmp_path / "checkout"
    for folder in ("src", "tests"):
        shutil.copytree(ROOT / folder, copy / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", copy)
    return copy


def call(checkout: Path, *argv: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a module of Python in the copy, which stands before the installed package on the path."""
    environ = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "XDG_"))}
    environ |= {
        "PYTHONPATH": str(checkout / "src"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_CACHE_HOME": str(checkout / "c"),
    }
    command = [sys.executable, "-m", *argv]
    return subprocess.run(command, cwd=cwd or checkout, env=environ, capture_output=True, text=True, check=False)


def state(checkout: Path) -> dict[str, str]:
    """Every file of the copy with what is in it, as `git status` would compare it: what is compiled is left out."""
    files = (p for folder in ("src", "tests") for p in (checkout / folder).rglob("*") if p.is_file())
    kept = (p for p in files if p.parent.name != "compiled")
    return {p.relative_to(checkout).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in kept}


def changed(before: Mapping[str, str], after: Mapping[str, str]) -> set[str]:
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


@pytest.mark.parametrize("unit", UNITS, ids=lambda u: u.kind)
def test_a_new_unit_is_red_until_its_own_files_are_filled_in(unit: Unit, checkout: Path) -> None:
    before = state(checkout)
    made = call(checkout, "whyred", "new", unit.kind, ID)
    assert made.returncode == 0, made.stderr
    assert f"python -m pytest -vvv tests/conformance/test_{unit.kind}s.py -k {ID}\n" in made.stdout
    written = changed(before, state(checkout))
    assert all(f"wrote {name}\n" in made.stdout for name in written)
    assert written <= set(unit.files)
    assert all(ID in name.replace("_", "-") for name in written)

    conformance = ("pytest", "-vvv", f"tests/conformance/test_{unit.kind}s.py")
    red = call(checkout, *conformance, "-k", ID)
    assert red.returncode == 1, red.stdout + red.stderr
    for wanted in unit.missing:
        assert any(text in red.stdout for text in wanted.split("|")), f"{wanted!r} is not said:\n{red.stdout}"

    for name, text in unit.files.items():
        (checkout / name).write_text(text, encoding="utf-8")
    assert changed(before, state(checkout)) == set(unit.files)
    green = call(checkout, *conformance, "-k", ID)
    assert green.returncode == 0, green.stdout
    assert " passed" in green.stdout


def test_a_new_report_is_red_until_it_says_something(checkout: Path) -> None:
    assert call(checkout, "whyred", "new", "report", ID).returncode == 0
    red = call(checkout, "pytest", "-q", "tests/conformance/test_reports.py", "-k", ID)
    assert red.returncode == 1
    for wanted in ("FILL IN", "the report leaves out the error line", "run pytest --update-golden"):
        assert wanted in red.stdout


def test_a_new_unit_does_not_break_the_rest(checkout: Path) -> None:
    for unit in UNITS:
        assert call(checkout, "whyred", "new", unit.kind, f"{ID}-{unit.kind}").returncode == 0
    (checkout / "a.log").write_text(LOG, encoding="utf-8")
    assert call(checkout, "whyred", "why", "--no-probe", "a.log").returncode == 1


@pytest.mark.parametrize(
    "id_", ["X", "a_b", "a--b", "-a", "a-", "1a", "", "a/b", "..", "ä", "class", "ruff", "a" * 61, "a\n"]
)
def test_a_bad_id_is_refused(id_: str) -> None:
    made = call(ROOT, "whyred", "new", "cause", "--", id_)
    assert made.returncode == 2
    assert "kebab-case" in made.stderr or "for its own" in made.stderr
    assert made.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("kind", "id_"),
    [
        ("cause", "private-tmp-deleted"),
        ("probe", "mount-state"),
        ("probe", "answer"),
        ("source", "files"),
        ("report", "json"),
    ],
)
def test_an_existing_unit_is_refused(kind: str, id_: str, checkout: Path) -> None:
    before = state(checkout)
    made = call(checkout, "whyred", "new", kind, id_)
    assert made.returncode == 2
    assert "exists already" in made.stderr
    assert state(checkout) == before


def test_an_id_of_another_kind_is_refused(checkout: Path) -> None:
    made = call(checkout, "whyred", "new", "pattern", "mount-state")
    assert made.returncode == 2
    assert "src/whyred/probes/mount_state.py has this id already" in made.stderr


def test_a_fixture_folder_of_that_name_is_not_mixed_in(checkout: Path) -> None:
    (checkout / "tests" / "causes" / ID).mkdir(parents=True)
    made = call(checkout, "whyred", "new", "cause", ID)
    assert made.returncode == 2
    assert f"tests/causes/{ID} exists already" in made.stderr


def test_no_checkout_is_named(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\n')
    made = call(ROOT, "whyred", "new", "cause", ID, cwd=tmp_path)
    assert made.returncode == 2
    assert "is in no checkout of whyred" in made.stderr


def test_the_checkout_is_found_from_within(checkout: Path) -> None:
    made = call(checkout, "whyred", "new", "cause", ID, "--json", cwd=checkout / "src" / "whyred")
    said = json.loads(made.stdout)
    assert said["schema"] == "whyred.new/1"
    assert all((checkout / file).is_file() for file in said["files"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_checkout_is_named(checkout: Path) -> None:
    folder = checkout / "src" / "whyred" / "library" / "causes"
    folder.chmod(0o555)
    made = call(checkout, "whyred", "new", "cause", ID)
    folder.chmod(0o755)
    assert made.returncode == 2
    assert "Make the checkout writable" in made.stderr


def test_an_unknown_kind_lists_the_kinds() -> None:
    made = call(ROOT, "whyred", "new", "prob", ID)
    assert made.returncode == 2
    assert "cause, pattern, probe, report, source" in made.stderr
