"""Standard input and output that end early, are closed or full, and signals while the program works."""

import json
import os
import signal
import stat
import subprocess
import zipfile
from pathlib import Path
from subprocess import PIPE

import pytest
from program import FOUNDING, PROGRAM, Ended, environment, run

LOG = FOUNDING.encode()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose cache is warm, so that each start is fast."""
    made = tmp_path_factory.mktemp("home")
    (made / "warm.log").write_text(FOUNDING)
    assert run(["read", str(made / "warm.log")], environment(made)).code == 1
    return made


def shell(script: str, home: Path, folder: Path) -> Ended:
    env = environment(home, W=f"{PROGRAM[0]} -m whyred", XDG_DATA_HOME=str(folder / "data"))
    done = subprocess.run(["bash", "-c", script], env=env, cwd=folder, capture_output=True, text=True, check=False)
    return Ended(done.returncode, done.stdout, done.stderr)


def big_failure(folder: Path) -> None:
    """A log whose JSON report is larger than a pipe holds."""
    rows = [f"src/main.rs:{n}:1: error: number {n} {'x' * 900}\n" for n in range(400)]
    (folder / "a.log").write_text("".join(rows) + "##[error]Process completed with exit code 1.\n")


@pytest.mark.parametrize("command", ["why a.log --json", "read a.log --json", "why a.log"])
def test_a_reader_that_goes_away_changes_neither_the_end_nor_says_anything(
    home: Path, tmp_path: Path, command: str
) -> None:
    big_failure(tmp_path)
    ended = shell(f"$W {command} | head -c 1 > /dev/null; exit ${{PIPESTATUS[0]}}", home, tmp_path)
    assert (ended.code, ended.err) == (1, "")


def test_a_run_goes_on_when_its_reader_goes_away(home: Path, tmp_path: Path) -> None:
    steps = "for i in $(seq 2000); do echo line $i of many; done; touch $GITHUB_WORKSPACE/done; exit 3"
    (tmp_path / "w.yml").write_text(f"jobs: {{a: {{steps: [{{run: '{steps}'}}]}}}}")
    ended = shell("$W run w.yml | head -1 > /dev/null; exit ${PIPESTATUS[0]}", home, tmp_path)
    assert ended.code == 1
    assert (tmp_path / "data/whyred/runs/1/workspace/done").exists()
    assert "line 2000 of many" in (tmp_path / "data/whyred/runs/1/job.log").read_text()


def test_a_pipe_that_ends_early_is_read_as_far_as_it_came(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LOG)
    ended = shell("{ head -c 260 a.log; kill $BASHPID; } | $W read - --json", home, tmp_path)
    assert ended.code == 1
    assert json.loads(ended.out)["error_lines"][0][0] == 2


@pytest.mark.parametrize(
    ("script", "code", "told"),
    [
        ("$W why a.log >&-", 1, "standard output is closed"),
        ("$W why a.log --out r.txt >&-", 1, ""),
        ("$W doctor --help >&-", 0, ""),
        ("$W why - <&-", 2, "standard input is closed"),
        ("$W why a.log <&- > r.txt", 1, ""),
        ("$W why nothing.log 2>&-", 2, ""),
        ("$W why nothing.log <&- >&- 2>&-", 2, ""),
        ("$W why a.log --save b.whyred <&- >&- 2>&-", 1, ""),
    ],
)
def test_closed_streams(home: Path, tmp_path: Path, script: str, code: int, told: str) -> None:
    (tmp_path / "a.log").write_bytes(LOG)
    ended = shell(script, home, tmp_path)
    assert (ended.code, ended.out) == (code, "")
    assert told in ended.one_line() if told else ended.err == ""
    if "r.txt" in script:
        assert "private-tmp-deleted" in (tmp_path / "r.txt").read_text()
    if "b.whyred" in script:
        assert zipfile.ZipFile(tmp_path / "b.whyred").testzip() is None


def test_a_closed_standard_output_is_told_once(home: Path, tmp_path: Path) -> None:
    (tmp_path / "w.yml").write_text("jobs: {a: {steps: [{run: 'seq 2000; exit 3'}]}}")
    ended = shell("$W run w.yml >&-", home, tmp_path)
    assert ended.code == 1
    assert ended.err.count("standard output is closed") == 1
    assert "Next: whyred why local:1" in ended.err


def test_pipes_are_targets(home: Path, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LOG)
    os.mkfifo(tmp_path / "pipe")
    ended = shell("$W why <(cat a.log) > r.txt; cat a.log > pipe & $W read pipe", home, tmp_path)
    assert (ended.code, ended.err) == (1, "")
    assert "could not make its temporary directory" in ended.out
    assert "private-tmp-deleted" in (tmp_path / "r.txt").read_text()


def test_a_folder_that_is_gone_is_told(home: Path, tmp_path: Path) -> None:
    ended = shell("mkdir gone; cd gone; rmdir ../gone; env -u XDG_DATA_HOME HOME=/nonexistent $W demo", home, tmp_path)
    if "allows no sandbox" in ended.out:
        pytest.skip("the demo needs no folder where it cannot be played")
    assert ended.code == 4
    assert "the folder you are in was removed" in ended.one_line()


@pytest.mark.parametrize("command", ["why a.log", "why a.log --json", "read a.log --json", "doctor --json"])
def test_full_output(home: Path, tmp_path: Path, command: str) -> None:
    if not stat.S_ISCHR(Path("/dev/full").stat().st_mode):
        pytest.skip("/dev/full is no device here")
    (tmp_path / "a.log").write_bytes(LOG)
    ended = shell(f"$W {command} > /dev/full", home, tmp_path)
    assert ended.code == 2
    assert "No space left on device" in ended.one_line()


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_interrupted_while_it_reads(home: Path, tmp_path: Path, number: signal.Signals, code: int) -> None:
    argv = [*PROGRAM, "why", "-", "--save", "a.whyred"]
    process = subprocess.Popen(argv, env=environment(home), cwd=tmp_path, stdin=PIPE, stdout=PIPE, stderr=PIPE)
    assert process.stdin is not None
    process.stdin.write(LOG * 40_000)  # more than a pipe holds: it has begun to read
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out) == (code, b"")
    assert err.strip() == (b"whyred: interrupted" if number is signal.SIGINT else b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("number", "code"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
@pytest.mark.parametrize("module", ["click", "whyred/app/targets", "whyred/faces/cli/streams"])
def test_interrupted_while_modules_load(home: Path, tmp_path: Path, number: str, code: int, module: str) -> None:
    """The signal comes within the import of a module that stands before the real one."""
    (tmp_path / "sitecustomize.py").write_text(
        "import importlib.abc, os, signal, sys\n"
        "class Finder(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        f"        if name == {module.replace('/', '.')!r} and os.path.basename(sys.argv[0]) == '__main__.py':\n"
        f"            os.kill(os.getpid(), signal.{number})\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    env = environment(home)
    env["PYTHONPATH"] = f"{tmp_path}:{env['PYTHONPATH']}"
    done = subprocess.run([*PROGRAM, "read", "nothing.log"], env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.strip() in ("", "whyred: interrupted")


def test_the_entry_point_imports_nothing_before_it_minds_signals() -> None:
    code = "import sys; before = set(sys.modules); import whyred.faces.cli.main; print(*set(sys.modules) - before)"
    done = subprocess.run([*PROGRAM[:1], "-c", code], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"whyred", "whyred.faces", "whyred.faces.cli", "whyred.faces.cli.main"}


@pytest.mark.parametrize("command", ["--help", "--version", "doctor --help", "logs --help", ""])
def test_help_for_a_reader_that_goes_away(home: Path, tmp_path: Path, command: str) -> None:
    ended = shell(f"$W {command} | true; exit ${{PIPESTATUS[0]}}", home, tmp_path)
    assert ended.code in (0, 2)
    assert "Traceback" not in ended.err
    assert "Broken" not in ended.err
    full = shell(f"$W {command} > /dev/full", home, tmp_path)
    assert "Traceback" not in full.err
