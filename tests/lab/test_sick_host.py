"""The program on a sick host: it still reads a log, judges it, examines the host, and says what it could not do."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from program import FOUNDING, PROGRAM, SOURCE, Ended, alone, as_nobody, environment, in_namespace, need, need_namespaces

DEAD_TMP = "mount -t tmpfs none /mnt; mkdir /mnt/tmp; mount --bind /mnt/tmp /tmp; rmdir /mnt/tmp"
"""/tmp is a directory that was removed under its mount, as a cleaner does it to a private one."""
WHY = ["why", "a.log"]
HERE = ["why", "a.log", "--host", "local", "--this-host-ran-it"]


@dataclass
class Sick:
    """The three commands in one sick environment. `folder` holds a.log and lies outside /tmp; `env` may be changed."""

    folder: Path
    env: dict[str, str]
    prefix: list[str] = field(default_factory=list)

    def run(self, *arguments: str, shell: str = '"$@"') -> Ended:
        """`whyred ARGUMENTS`; `shell` may change its streams."""
        argv = [*self.prefix, *_python(self.env), "-m", "whyred", *arguments]
        if shell != '"$@"':
            argv = [*self.prefix, "/bin/sh", "-c", shell, "sh", *_python(self.env), "-m", "whyred", *arguments]
        done = subprocess.run(argv, env=self.env, cwd=self.folder, capture_output=True, check=False)
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def works(self) -> None:
        """Reads the log, judges it with this host, and examines the host; nothing ends as a bug or with noise."""
        alone, here, doctor = self.run(*WHY), self.run(*HERE, "--json"), self.run("doctor", "--json")
        assert alone.err + here.err + doctor.err == ""
        assert (alone.code, here.code) == (1, 1)
        assert alone.out.startswith("POSSIBLE"), alone.out
        assert "private-tmp-deleted" in alone.out
        assert json.loads(here.out)["questions"], "nothing was asked of the host"
        assert doctor.code in (0, 1)
        assert json.loads(doctor.out)["rows"]

    def doctor(self) -> dict[str, tuple[str, str]]:
        """(state, reason) of each question about the host itself."""
        rows = json.loads(self.run("doctor", "--json").out)["rows"]
        return {r["question"]: (r["state"], r["because"]) for r in rows if r["subject"] == "host"}


def _python(env: dict[str, str]) -> Sequence[str]:
    """The interpreter; where even PYTHONPATH is taken away, what it said is said in code."""
    if "PYTHONPATH" in env:
        return [sys.executable]
    code = "import sys, runpy; sys.path.insert(0, sys.argv.pop(1)); sys.argv[1:3] = []; runpy.run_module('whyred', "
    return [sys.executable, "-c", code + "run_name='__main__', alter_sys=True)", str(SOURCE)]


@pytest.fixture
def sick() -> Iterator[Sick]:
    folder = Path(tempfile.mkdtemp(prefix="whyred-sick-", dir="/var/tmp"))
    folder.chmod(0o755)
    (folder / "a.log").write_text(FOUNDING)
    yield Sick(folder, environment(folder))
    shutil.rmtree(folder)


def test_home_missing(sick: Sick) -> None:
    home = sick.folder / "not" / "mounted"
    sick.env = environment(sick.folder, HOME=str(home))
    del sick.env["XDG_CACHE_HOME"], sick.env["XDG_DATA_HOME"]
    sick.works()
    assert not home.parent.exists(), "a home that is missing may be a mount that is: nothing is made in its place"
    ended = sick.run("why", "local")
    assert (ended.code, ended.out) == (4, "")
    assert "HOME" in ended.one_line()


def test_tmpdir_points_nowhere(sick: Sick) -> None:
    sick.env |= {"TMPDIR": "/nonexistent/tmp", "TMP": "/nonexistent", "TEMP": "relative"}
    sick.works()


def test_empty_environment(sick: Sick) -> None:
    sick.env = {}
    sick.prefix = as_nobody()  # its home does not exist, so that nothing of a real user's is touched
    sick.works()


@pytest.mark.parametrize(
    "more",
    [
        {"LANG": "C", "LC_ALL": "C"},
        {"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"LANG": "xx_YY.ISO-8"},
    ],
    ids=["C", "C and no UTF-8", "unknown"],
)
def test_no_locale_and_no_terminal_type(sick: Sick, more: dict[str, str]) -> None:
    healthy = sick.run(*WHY)
    sick.env = environment(sick.folder, **more)
    sick.works()
    assert sick.run(*WHY) == healthy


def test_an_encoding_that_has_not_every_character(sick: Sick) -> None:
    healthy = sick.run(*WHY)
    sick.env |= {"PYTHONIOENCODING": "latin-1"}
    assert sick.run(*WHY) == healthy


def test_empty_path(sick: Sick) -> None:
    sick.env |= {"PATH": ""}
    sick.works()


def test_not_root(sick: Sick) -> None:
    sick.prefix = as_nobody()
    sick.works()


def test_no_network(sick: Sick) -> None:
    need("unshare", "-n")
    sick.prefix = ["unshare", "-n", "--"]
    sick.works()


@pytest.mark.parametrize("limit", ["--nofile=32", "--as=1073741824", "--nproc=64", "--fsize=0", "--stack=1048576"])
def test_low_limits(sick: Sick, limit: str) -> None:
    need("prlimit", limit)
    sick.prefix = ["prlimit", limit, "--"]
    sick.works()


def test_hardly_any_memory_is_said_and_is_no_bug(sick: Sick) -> None:
    need("prlimit", "--as=1073741824")
    sick.works()  # the cache is warm: what follows is not the compiler's doing
    codes = set()
    for megabytes in range(40, 400, 40):
        sick.prefix = ["prlimit", f"--as={megabytes << 20}", "--"]
        ended = sick.run(*WHY)
        codes.add(ended.code)
        assert ended.code != 3, f"{megabytes} MB: {ended.err}"
    assert 1 in codes


@pytest.mark.parametrize("shell", ['"$@" <&-', '"$@" >&-', '"$@" <&- >&- 2>&-'])
def test_closed_streams(sick: Sick, shell: str) -> None:
    for command in (WHY, HERE):
        assert sick.run(*command, "--out", "r.txt", shell=shell).code == 1
        assert "private-tmp-deleted" in (sick.folder / "r.txt").read_text()
    assert sick.run("doctor", shell=shell).code in (0, 1)


def test_tmp_deleted(sick: Sick) -> None:
    need_namespaces()
    sick.prefix = [*alone(), *in_namespace(DEAD_TMP)]
    sick.works()
    assert sick.doctor()["mount-state /tmp"] == ("wrong", "private-tmp-deleted")
    verdict = json.loads(sick.run(*HERE, "--json").out)
    assert (verdict["cause"], verdict["confidence"]) == ("private-tmp-deleted", "confirmed")


def test_no_tmp_at_all(sick: Sick) -> None:
    need_namespaces()
    # A root of its own, with everything of the real one but /tmp.
    root = in_namespace(
        "mount -t tmpfs none /mnt; cd /; for d in *; do "
        'if [ -L "$d" ]; then cp -P "$d" /mnt/; elif [ "$d" != tmp ] && [ "$d" != mnt ] && [ -d "$d" ]; then '
        'mkdir "/mnt/$d"; mount --rbind "/$d" "/mnt/$d"; fi; done; cd "$OLDPWD"'
    )
    sick.prefix = [*root, "chroot", "/mnt", "sh", "-c", f'cd {sick.folder}; exec "$@"', "sh"]
    need(*sick.prefix)
    sick.works()
    assert "tmp-missing-in-root" in {because for _, because in sick.doctor().values()}


def test_disk_full(sick: Sick) -> None:
    need_namespaces()
    full = sick.folder / "full"
    full.mkdir()
    sick.prefix = in_namespace(
        f"mount -t tmpfs -o size=64k none {full}; mkdir {full}/data; cat /dev/zero > {full}/x 2>/dev/null || true"
    )
    sick.env |= {"HOME": str(full), "XDG_CACHE_HOME": str(full / "cache"), "XDG_DATA_HOME": str(full / "data")}
    sick.works()
    (sick.folder / "w.yml").write_text("jobs: {a: {steps: [{run: exit 3}]}}")
    for arguments in (["run", "w.yml"], [*WHY, "--save", "full/a.whyred"], [*WHY, "--out", "full/r.txt"]):
        ended = sick.run(*arguments)
        assert ended.code in (2, 4)
        assert "No space left on device" in ended.one_line()


def test_disk_full_in_the_middle_of_a_run(sick: Sick) -> None:
    need_namespaces()
    small = sick.folder / "small"
    small.mkdir()
    log = small / "data/whyred/runs/1/job.log"
    rows = "for i in $(seq 20000); do echo line $i of a log that does not fit; done; touch ../went-on"
    (sick.folder / "w.yml").write_text(f"jobs: {{a: {{steps: [{{run: '{rows}'}}]}}}}")
    # The mounts end with the program, so what it leaves behind is looked at before that.
    look = f"; code=$?; tail -c 200 {log}; ls {sick.folder}; exit $code"
    sick.prefix = in_namespace(f"mount -t tmpfs -o size=400k none {small}")
    sick.env |= {"XDG_DATA_HOME": str(small / "data")}
    ended = sick.run("run", "w.yml", "--json", shell='"$@"' + look)
    assert ended.code == 4
    assert "the run was stopped" in ended.one_line()
    assert "No space left on device" in ended.err
    assert re.search(r"line \d+ of a log", ended.out), "what was kept is still there"
    assert "went-on" not in ended.out


def test_tmp_full(sick: Sick) -> None:
    need_namespaces()
    sick.prefix = in_namespace("mount -t tmpfs -o size=64k none /tmp; cat /dev/zero > /tmp/x 2>/dev/null || true")
    sick.works()
    assert "tmp-full" in {because for _, because in sick.doctor().values()}


def test_read_only_everywhere(sick: Sick) -> None:
    need_namespaces()
    sick.prefix = in_namespace(
        f'mount --bind {sick.folder} {sick.folder}; mount -o remount,ro,bind {sick.folder}; cd /; cd "$OLDPWD"'
    )
    sick.works()
    (sick.folder / "w.yml").write_text("jobs: {a: {steps: [{run: exit 3}]}}")
    for arguments in (["run", "w.yml"], [*WHY, "--save", "a.whyred"], [*WHY, "--out", "r.txt"]):
        ended = sick.run(*arguments)
        assert ended.code in (2, 4)
        assert "Read-only file system" in ended.one_line()


def test_no_proc(sick: Sick) -> None:
    need_namespaces()
    sick.prefix = in_namespace("mount -t tmpfs none /proc")
    sick.works()
    state, because = sick.doctor()["mount-state /tmp"]
    assert (state, "/proc" in because) == ("unknown", True)


def test_no_dev(sick: Sick) -> None:
    need_namespaces()
    sick.prefix = in_namespace("mount -t tmpfs none /dev")
    sick.works()
    assert sick.run("why", "-", shell='"$@" <&-').code == 2


def test_working_folder_deleted(sick: Sick) -> None:
    gone = sick.folder / "gone"
    gone.mkdir()
    log = sick.folder / "a.log"
    script = f'cd {gone} && rmdir {gone} && "$@"'
    assert sick.run("why", str(log), shell=script).code == 1
    gone.mkdir()
    ended = sick.run("why", "a.log", shell=script)
    assert ended.code == 2
    ended.one_line()


def test_the_program_is_the_one_under_test() -> None:
    done = subprocess.run(
        [*PROGRAM[:1], "-c", "import whyred; print(whyred.__file__)"],
        env=environment(Path("/nonexistent")),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == str(SOURCE / "whyred" / "__init__.py")
