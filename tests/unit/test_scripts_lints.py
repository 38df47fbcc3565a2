"""Each house lint bites on a case that is wrong and is quiet on one that is right; exceptions can only shrink."""

import io
import re
import subprocess
import zipfile
from pathlib import Path

import pytest
from scripts import lints

HOME = "/".join(("", "home", "jane"))
LONG = "def grown():\n" + "    pass\n" * 61
OK = "def fits():\n" + "    pass\n" * 59

CASES: dict[str, tuple[str, dict[str, str]]] = {
    "two kinds with one id": (
        "duplicate-id",
        {"src/whyred/library/patterns/a-b.toml": "", "src/whyred/probes/a_b.py": ""},
    ),
    "an alias that is taken": (
        "duplicate-id",
        {
            "src/whyred/library/causes/a-b.toml": 'aliases = ["c-d"]',
            "src/whyred/library/causes/c-d.toml": "",
        },
    ),
    "a home": ("machine-path", {"README.md": f"see {HOME}/notes"}),
    "a host": ("registry-host", {"Makefile": "pip install -i https://pypi.org/simple x"}),
    "all caught": ("broad-except", {"src/whyred/app/why.py": "try:\n    pass\nexcept Exception:\n    raise\n"}),
    "nothing named": (
        "broad-except",
        {"src/whyred/app/ask.py": "def other():\n    try:\n        f()\n    except:\n        f()\n"},
    ),
    "among others": ("broad-except", {"bench/x.py": "try:\n    f()\nexcept (OSError, BaseException):\n    f()\n"}),
    "put off in Python": ("postponed", {"src/whyred/a.py": "x = 1  # TODO: later\n"}),
    "put off in TOML": ("postponed", {"pyproject.toml": "# FIXME\n"}),
    "put off in prose": ("postponed", {"docs/a.md": "TODO: write this\n"}),
    "a template as it was": ("postponed", {"src/whyred/probes/a.py": '"""FILL IN: what it asks."""\n'}),
    "a long function": ("size", {"src/whyred/a.py": LONG}),
    "a long module": ("size", {"src/whyred/a.py": "x = 1\n" * 501}),
    "a word of others in a message": ("vocabulary", {"src/whyred/app/a.py": 'print("The Root Cause is")\n'}),
    "a word of others in a source's message": ("vocabulary", {"src/whyred/sources/a.py": 'x = "the pipeline broke"\n'}),
    "a word of others in a cause": (
        "vocabulary",
        {"src/whyred/library/causes/a.toml": '[text]\nwhat = "The pipeline broke"\n'},
    ),
    "a clock in a pure room": ("pure-room", {"src/whyred/reports/a.py": "x = datetime.now()\n"}),
    "a disk in a pure room": ("pure-room", {"src/whyred/diagnosis/a.py": "x = open('y')\n"}),
    "a room of leftovers": ("room-name", {"src/whyred/utils/a.py": "x = 1\n"}),
}

RIGHT: dict[str, dict[str, str]] = {
    "neutral homes": {"README.md": "/home/ci/x and /home/runner/work and http://host/home"},
    "hosts in what logs say": {"src/whyred/library/patterns/a.toml": "fires = ['https://registry.npmjs.org/x']"},
    "the guard of app": {
        "src/whyred/app/ask.py": "def guarded():\n    try:\n        f()\n    except Exception:\n        f()\n"
    },
    "the top of a face": {
        "src/whyred/faces/web/main.py": "def _run():\n    try:\n        f()\n    except Exception:\n        f()\n"
    },
    "errors that are named": {"src/whyred/a.py": "try:\n    f()\nexcept (OSError, ValueError):\n    f()\n"},
    "the word in a log": {"src/whyred/library/patterns/a.toml": "fires = ['not ok 3 # TODO later']"},
    "the word in a text": {"src/whyred/a.py": 'x = "# TODO"\n'},
    "templates": {"src/whyred/library/templates/a.py.template": "FILL IN: this"},
    "short": {"src/whyred/a.py": OK},
    "long tests": {"tests/unit/test_a.py": LONG},
    "a disk in app": {"src/whyred/app/a.py": "x = open('y')\n"},
    "a server's own path": {"src/whyred/sources/a.py": 'x = f"{y}/pipelines/{z}"\n'},
    "our words": {"src/whyred/app/a.py": '"""The cause and the workflow."""\n'},
}


def write(root: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("case", CASES)
def test_bites(case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rule, files = CASES[case]
    write(tmp_path, files)
    assert {c.rule for c in lints.check(tmp_path)} == {rule}
    assert lints.main(tmp_path) == 1
    assert f": {rule}: " in capsys.readouterr().out


@pytest.mark.parametrize("case", RIGHT)
def test_is_quiet(case: str, tmp_path: Path) -> None:
    write(tmp_path, RIGHT[case])
    assert lints.check(tmp_path) == []
    assert lints.main(tmp_path) == 0


def test_every_rule_has_a_case_that_bites() -> None:
    source = Path(lints.__file__).read_text(encoding="utf-8")
    rules = set(re.findall(r'Complaint\(\s*"([a-z-]+)"', source))
    assert rules == {rule for rule, _ in CASES.values()} | {"exceptions"}  # which have tests of their own, below


def test_the_path_of_the_checkout_and_of_its_neighbours_is_found(tmp_path: Path) -> None:
    root = tmp_path / "src" / "checkout"
    (tmp_path / "src" / "neighbour").mkdir(parents=True)
    write(root, {"docs/a.md": f"see {root}/x", "docs/b.md": f"see {tmp_path}/src/neighbour/y", "docs/c.md": "/tmp/z"})
    assert [c.path for c in lints.check(root)] == ["docs/a.md", "docs/b.md"]


def test_the_members_of_a_bundle_are_looked_through(tmp_path: Path) -> None:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr("attempt.json", f'{{"folder": "{HOME}/runs"}}')
    (tmp_path / "a.whyred").write_bytes(data.getvalue())
    (tmp_path / "b.whyred").write_bytes(data.getvalue()[:30])
    assert [(c.rule, c.path) for c in lints.check(tmp_path)] == [("machine-path", "a.whyred")]


def test_an_exception_excuses_one_complaint(tmp_path: Path) -> None:
    write(tmp_path, {"src/whyred/a.py": LONG + LONG.replace("grown", "other")})
    write(tmp_path, {lints.EXCEPTIONS: "# a heading\n\nsize src/whyred/a.py grown  # reads as a table\n"})
    assert [c.detail for c in lints.check(tmp_path)] == ["other"]


def test_an_exception_that_excuses_nothing_is_a_complaint(tmp_path: Path) -> None:
    write(tmp_path, {"src/whyred/a.py": OK, lints.EXCEPTIONS: "size src/whyred/a.py fits  # was long\n"})
    assert [c.rule for c in lints.check(tmp_path)] == ["exceptions"]


def git(root: Path, *argv: str) -> None:
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *who, *argv], check=True, capture_output=True)


def test_the_file_of_exceptions_only_shrinks(tmp_path: Path) -> None:
    write(tmp_path, {"src/whyred/a.py": LONG, "src/whyred/b.py": LONG})
    write(tmp_path, {lints.EXCEPTIONS: "size src/whyred/a.py grown\n"})
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "first")
    write(tmp_path, {lints.EXCEPTIONS: "size src/whyred/a.py grown\nsize src/whyred/b.py grown\n"})
    assert [(c.rule, c.detail) for c in lints.check(tmp_path)] == [("exceptions", "size src/whyred/b.py grown")]
    git(tmp_path, "commit", "-qam", "a second one, smuggled in")
    assert [c.rule for c in lints.check(tmp_path)] == ["exceptions"]
    write(tmp_path, {lints.EXCEPTIONS: "", "src/whyred/a.py": OK, "src/whyred/b.py": OK})
    assert lints.check(tmp_path) == []


def test_files_that_git_ignores_are_not_looked_at(tmp_path: Path) -> None:
    write(tmp_path, {".gitignore": "build/\n", "build/a.md": "TODO\n"})
    assert [c.path for c in lints.check(tmp_path)] == ["build/a.md"]
    git(tmp_path, "init", "-q")
    assert lints.check(tmp_path) == []
