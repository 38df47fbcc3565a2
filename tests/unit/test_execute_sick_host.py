"""Steps run on a sick host: no TMPDIR, no HOME, no TERM, no /tmp at all, a full /tmp, no terminal devices."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import whyred

UNSHARE = ["unshare", "--user", "--map-root-user", "--mount", "--"]
RUN = """
import os, sys, time
from pathlib import Path
from whyred.experiments.checkout import find_repository
from whyred.experiments.execute import ExecuteSettings, execute
from whyred.model.run import Runner
from whyred.sources import local
from whyred.workflows.read import read_workflow

folder = local.new_run(Path(sys.argv[1]))
text = b"jobs: {test: {steps: [{name: s, run: 'test -t 1 && echo tty; echo $GITHUB_WORKSPACE'}]}}"
settings = ExecuteSettings(folder.number, folder.path, os.environ, Runner(), print, find_repository(Path(), os.environ))
log = sys.stdout.buffer
workflow = read_workflow(text, "w")
attempt = execute(workflow, "test", settings, log.write, time.time, lambda a: local.save(folder, a))
log.flush()
sys.exit(attempt.conclusion.value != "success" or local.load(Path(sys.argv[1]), "local") != attempt)
"""


@pytest.fixture
def outside() -> Iterator[Path]:
    """A folder that is not below /tmp, which these tests take away."""
    made = Path(tempfile.mkdtemp(prefix="whyred-test-", dir="/var/tmp"))
    yield made
    shutil.rmtree(made)


def run_here(folder: Path, env: dict[str, str], prefix: list[str]) -> "subprocess.CompletedProcess[str]":
    script = folder / "run.py"
    script.write_text(RUN)
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(whyred.__file__).parent.parent), **env}
    argv = [*prefix, sys.executable, str(script), str(folder / "runs")]
    return subprocess.run(argv, env=env, cwd="/", capture_output=True, text=True, check=False)


def in_namespace(folder: Path, setup: str) -> "subprocess.CompletedProcess[str]":
    """Run with the mounts of `setup` (in $0: the folder), in a namespace of their own."""
    try:
        probe = subprocess.run(
            [*UNSHARE, "mount", "-t", "tmpfs", "x", "/tmp"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        pytest.skip("needs unshare(1)")
    if probe.returncode != 0:
        pytest.skip(f"this kernel gives no user namespaces: {probe.stderr.strip()}")
    return run_here(folder, {}, [*UNSHARE, "sh", "-ec", setup + '\nexec "$@"', str(folder)])


def test_bare_environment(outside: Path) -> None:
    done = run_here(outside, {"TMPDIR": "/nowhere", "TMP": "/nowhere", "LANG": "C", "PYTHONCOERCECLOCALE": "0"}, [])
    assert done.returncode == 0, done.stdout + done.stderr
    assert " tty\n" in done.stdout


def test_deleted_tmp(outside: Path) -> None:
    setup = 'mkdir "$0/tmp"; mount --bind "$0/tmp" /tmp; rmdir "$0/tmp"; ! mkdir /tmp/x 2>/dev/null'
    done = in_namespace(outside, setup)
    assert done.returncode == 0, done.stdout + done.stderr


def test_full_tmp(outside: Path) -> None:
    setup = "mount -t tmpfs -o size=4k,nr_inodes=2 full /tmp; cat /dev/zero > /tmp/x 2>/dev/null || test -s /tmp/x"
    done = in_namespace(outside, setup)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_terminal_devices(outside: Path) -> None:
    done = in_namespace(outside, "mount -t tmpfs none /dev/pts; mount --bind /dev/null /dev/ptmx")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no terminal to be had" in done.stdout
    assert " tty\n" not in done.stdout
