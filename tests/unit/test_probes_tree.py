"""The probes of the checkout: files that were left out of a commit, and steps that did not make what others want."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Subject
from whyred.model.probe import Facts
from whyred.probes.find import probe
from whyred.probes.git_index import index_mode
from whyred.workflows.gitignore import rule_for


def put(root: Path, *names: str, **texts: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("")
    for name, text in texts.items():
        (root / f".{name}").write_text(text)
    return root


def facts(name: str, folder: Path, file: str) -> Facts:
    unit = probe(name)
    return unit.read(unit.ask(LocalHost(), Subject("workflow"), {"folder": str(folder), "file": file}))


@pytest.mark.parametrize(
    ("ignore", "file", "left_out"),
    [
        ("settings.py\n", "settings", True),
        ("/app/settings.py\n", "settings", True),
        ("*.local.json\n", "src/../app.local.json", True),
        ("config/\n", "config/app.json", True),
        ("settings.py\n!settings.py\n", "settings", False),
        ("# settings.py\n", "settings", False),
        ("other.py\n", "settings", False),
        ("build/\ndist/\nenv/\n", "build", False),
        ("/target\n", "target/made.rs", False),
        ("*.js\n", "./queue", True),
    ],
)
def test_what_was_left_out(tmp_path: Path, ignore: str, file: str, left_out: bool) -> None:
    root = put(tmp_path, "app/main.py", gitignore=ignore)
    assert facts("tree-file", root, file)["left_out"] is left_out


@pytest.mark.parametrize(
    ("there", "file", "twin"),
    [
        ("src/Config.js", "./config", "src/Config.js"),
        ("src/config.js", "./config", None),
        ("Data/list.json", "data/list.json", "Data/list.json"),
        ("README", "readme.md", None),
    ],
)
def test_the_same_name_in_another_case(tmp_path: Path, there: str, file: str, twin: str | None) -> None:
    assert facts("tree-file", put(tmp_path, there), file)["case_twin"] == twin


@pytest.mark.parametrize("file", ["", "/etc/passwd", "../..", "a\nb", "x" * 500])
def test_what_is_no_file_of_the_checkout_is_not_looked_for(tmp_path: Path, file: str) -> None:
    told = facts("tree-file", put(tmp_path, "a"), file)
    assert {v.reason for v in told.values() if isinstance(v, Unknown)} == {Reason.NOT_APPLICABLE}


def test_a_checkout_that_is_gone_is_unknown(tmp_path: Path) -> None:
    assert all(isinstance(v, Unknown) for v in facts("tree-file", tmp_path / "gone", "a.py").values())


@pytest.mark.parametrize(
    ("rule", "path", "matches"),
    [
        ("a", "x/a", True),
        ("/a", "x/a", False),
        ("x/*.c", "x/a.c", True),
        ("x/*.c", "x/y/a.c", False),
        ("**/y/a", "x/y/a", True),
        ("x/**/a", "x/a", True),
        ("x/**", "x/y/a", True),
        ("a?", "ab", True),
        ("[!a]b", "ab", False),
        ("[ab]", "b", True),
        ("\\#a", "#a", True),
        ("a/", "a", False),
        ("a/", "a/b", True),
        ("[", "[", True),
    ],
)
def test_rules_of_gitignore(rule: str, path: str, matches: bool) -> None:
    assert (rule_for(path, {"": rule}) is not None) is matches


def test_a_nearer_file_takes_back() -> None:
    assert rule_for("x/a", {"": "a\n", "x": "!a\n"}) is None
    assert rule_for("x/a", {"x": "a\n"}) == "a"
    assert rule_for("a", {"x": "a\n"}) is None


WORKFLOW = """\
on: [push]
jobs:
  build:
    runs-on: native
    steps:
      - name: Make
        if: {condition}
        run: {script}
      - name: Read
        run: sha256sum out/app.bin
"""


def run(root: Path, text: str, file: str = "out/app.bin") -> Facts:
    (root / "workspace").mkdir(exist_ok=True)
    (root / "workflow.yml").write_text(text)
    return facts("step-conditions", root / "workspace", file)


@pytest.mark.parametrize(
    ("condition", "script", "never", "conditional"),
    [
        ("false", "gcc -o out/app.bin a.c", True, True),
        ("github.event_name == 'schedule'", "make > out/app.bin", True, True),
        ("github.ref == 'refs/heads/main'", "cp a out/app.bin", False, True),
        ("false", "echo out/app.bin", False, False),
        ("false", "gcc -o out/app.bin.old a.c", False, False),
        ("not an expression", "tar cf out/app.bin .", False, True),
    ],
)
def test_steps_that_make_a_file(tmp_path: Path, condition: str, script: str, never: bool, conditional: bool) -> None:
    told = run(tmp_path, WORKFLOW.format(condition=condition, script=script))
    assert (told["never"] is not None, told["conditional"] is not None) == (never, conditional)


def test_workflows_of_the_checkout_are_looked_at_too(tmp_path: Path) -> None:
    folder = tmp_path / "checkout/.forgejo/workflows"
    folder.mkdir(parents=True)
    (folder / "a.yml").write_text("no workflow")
    (folder / "ci.yml").write_text(WORKFLOW.format(condition="false", script="touch out/app.bin"))
    assert facts("step-conditions", tmp_path / "checkout", "app.bin")["never"] == "Make (job build)"


def test_nothing_of_a_script_goes_into_the_answer(tmp_path: Path) -> None:
    text = WORKFLOW.format(condition="false", script="token=canary make > out/app.bin")
    (tmp_path / "workspace").mkdir()
    (tmp_path / "workflow.yml").write_text(text)
    arguments = {"folder": str(tmp_path / "workspace"), "file": "app.bin"}
    assert b"canary" not in probe("step-conditions").ask(LocalHost(), Subject("workflow"), arguments)


@pytest.mark.parametrize(
    ("committed", "now", "closed", "so"),
    [(0o644, 0o644, True, True), (0o755, 0o644, True, False), (0o755, 0o755, False, None)],
)
def test_who_took_the_bit_of_a_script(tmp_path: Path, committed: int, now: int, closed: bool, so: bool | None) -> None:
    script = put(tmp_path / "app", "scripts/build.sh", "a", "other-scripts/build.sh.txt") / "scripts/build.sh"
    script.chmod(committed)
    for words in (["init", "-q"], ["add", "-A"]):
        subprocess.run(["git", *words], cwd=tmp_path / "app", check=True)
    script.chmod(now)
    found = facts("tree-file", tmp_path, "./scripts/build.sh")
    assert (found["not_executable"], found["committed_so"]) == (closed, so)


@given(st.binary(max_size=200), st.text(max_size=20))
def test_no_index_breaks_it(data: bytes, path: str) -> None:
    assert index_mode(b"DIRC\0\0\0\2" + data + path.encode("utf-8", "surrogateescape") + b"\0", path or "a") in (
        None,
        0o100644,
        0o100755,
    )
