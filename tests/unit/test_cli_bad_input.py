"""Bad input: each gets one clear line on standard error, the exit code of the design, and nothing is lost."""

import gzip
import io
import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest
import zstandard
from program import FOUNDING, PROGRAM, Ended, as_nobody, environment, run

from whyred.faces.cli import main

# A log that was opened and then not read, because something else was wrong, is closed by the end of the program.
pytestmark = pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")

Cli = Callable[..., Ended]
LOG = FOUNDING.encode()
MEGABYTE = 1 << 20
MOST = 100 * MEGABYTE
"""Bytes that reading a log may keep in memory, whatever the log's size."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose cache is warm, so that each start is fast."""
    made = tmp_path_factory.mktemp("home")
    (made / "warm.log").write_text(FOUNDING)
    assert run(["read", str(made / "warm.log")], environment(made)).code == 1
    return made


@pytest.fixture
def cli(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Cli:
    """`whyred ARGUMENTS` in a folder of its own, without local runs; in this process, because that is fast."""
    environ = environment(home, XDG_DATA_HOME=str(tmp_path / "data"))

    def call(*arguments: str | bytes, stdin: bytes = b"") -> Ended:
        monkeypatch.setattr(sys, "argv", ["whyred", *map(os.fsdecode, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        code = main._run()
        return Ended(code, *capfd.readouterr())

    monkeypatch.chdir(tmp_path)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return call


def random_bytes(count: int) -> bytes:
    """The same noise every time."""
    state, out = 1, bytearray()
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        out.append(state >> 16 & 0xFF)
    return bytes(out)


def tar_header() -> bytes:
    return (b"build.log".ljust(257, b"\0") + b"ustar\x0000").ljust(512, b"\0")


ZSTD = zstandard.compress(LOG * 50)
NO_LOGS = {
    "empty": (b"", "empty"),
    "an ELF program": (Path(sys.executable).read_bytes()[:8192], "an ELF program"),
    "random bytes": (random_bytes(4096), "binary data"),
    "UTF-16": ("error: x\n".encode("utf-16"), "iconv -f UTF-16"),
    "a tar archive": (tar_header(), "tar archive"),
    "xz data": (b"\xfd7zXZ\x00\x00\x04", "xz -dc"),
    "bzip2 data": (b"BZh91AY&SY", "bzip2 -dc"),
    "a tar archive in zstd": (zstandard.compress(tar_header()), "tar archive"),
    "only CR": (LOG.replace(b"\n", b"\r"), "tr '\\r' '\\n'"),
    "zstd that ends early": (ZSTD[:-8], "ends early"),
    "zstd that ends at once": (ZSTD[:5], "ends early"),
    "zstd that is damaged": (ZSTD[:20] + bytes(20) + ZSTD[40:], "damaged"),
    "gzip that ends early": (gzip.compress(LOG)[:-6], "ends early"),
    "gzip that is damaged": (gzip.compress(LOG)[:20] + bytes(60), "damaged"),
}


def assert_refused(ended: Ended, command: Sequence[str]) -> None:
    """Nothing is to be had; standard output has nothing, or the refusal as JSON where that was asked for."""
    assert ended.code == 4
    if "--json" in command:
        told = json.loads(ended.out)
        assert told["schema"] == "whyred.refusal/1"
        assert f"({told['reason']}): " in ended.err
    else:
        assert ended.out == ""


@pytest.mark.parametrize("command", [["why"], ["why", "--json"], ["read", "--json"]], ids=" ".join)
@pytest.mark.parametrize("name", NO_LOGS)
def test_what_is_no_log_is_named_and_ends_with_4(cli: Cli, tmp_path: Path, name: str, command: list[str]) -> None:
    data, told = NO_LOGS[name]
    file = tmp_path / "build.log"
    file.write_bytes(data)
    ended = cli(*command, str(file))
    assert_refused(ended, command)
    assert told in ended.one_line()
    assert file.read_bytes() == data


@pytest.mark.parametrize("name", ["empty", "random bytes", "only CR", "zstd that ends early"])
def test_the_same_on_standard_input(cli: Cli, name: str) -> None:
    data, told = NO_LOGS[name]
    ended = cli("why", "-", stdin=data)
    assert (ended.code, ended.out) == (4, "")
    assert told in ended.one_line()
    assert "standard input" in ended.err


def test_a_lone_file_of_zeros_is_refused_at_once_whatever_its_size(cli: Cli, tmp_path: Path) -> None:
    with (tmp_path / "sparse.log").open("wb") as file:
        file.truncate(2 << 30)
    assert "binary data" in cli("why", "sparse.log").one_line()


def test_a_bundle_on_standard_input_says_how_bundles_are_read(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LOG)
    assert cli("save", "a.log", "a.whyred").code == 0
    ended = cli("why", "-", stdin=(tmp_path / "a.whyred").read_bytes())
    assert ended.code == 4
    assert "from a pipe" in ended.one_line()


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"\xff\xfe\xfa broken \xc3\n" + LOG, 3),
        (LOG.replace(b"error: could", b"Compiling 1\rCompiling 2\rerror: could"), 2),
        (LOG.replace(b"\n", b"\r\n"), 2),
        (LOG.rstrip(b"\n").removesuffix(b"Build it"), 2),
        (b"\x00\x00\x1b[31m" + LOG, 2),
    ],
    ids=["invalid UTF-8", "CR progress", "CRLF", "cut in its last line", "a few control characters"],
)
def test_a_log_with_dirt_in_it_is_read(cli: Cli, data: bytes, line: int) -> None:
    ended = cli("read", "-", "--json", stdin=data)
    assert (ended.code, ended.err) == (1, "")
    assert json.loads(ended.out)["error_lines"][0][0] == line


def test_no_control_character_of_a_log_or_a_name_gets_out(cli: Cli, tmp_path: Path) -> None:
    data = LOG.replace(b"dir:", b"\x1b]0;owned\x07\x1b[2Jdir:\x9b31m\xe2\x80\xae")
    (tmp_path / "a\x1b[31m.log").write_bytes(data)
    missing, ended = cli("why", "b\x1b[31m.log"), cli("why", "a\x1b[31m.log")
    assert (missing.code, ended.code) == (2, 1)
    for text in (missing.err, ended.out, ended.err):
        assert re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202e]", text) is None, ascii(text)


def test_a_name_that_is_no_utf8_is_a_name(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"a\xff.log")).write_bytes(LOG)
    assert json.loads(cli("why", b"a\xff.log", "--json").out)["target"] == "a�.log"
    assert cli("save", b"a\xff.log", b"b\xff.whyred").code == 0
    assert cli("why", b"b\xff.whyred", "--out", b"c\xff.txt").code == 1
    assert "private-tmp-deleted" in (tmp_path / os.fsdecode(b"c\xff.txt")).read_text()


class Fed:
    """The program while it reads standard input, and what it has open and keeps in memory meanwhile."""

    def __init__(self, folder: Path, home: Path) -> None:
        env = environment(home, TMPDIR=str(folder))
        argv = [*PROGRAM, "read", "-", "--json"]
        self.process = subprocess.Popen(argv, env=env, cwd=folder, stdin=PIPE, stdout=PIPE, stderr=DEVNULL)

    def feed(self, data: bytes) -> None:
        """Returns when all but a pipe's capacity was taken."""
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def written(self) -> list[str]:
        """The plain files it has open for writing, deleted ones as well."""
        found = []
        for fd in Path(f"/proc/{self.process.pid}/fd").iterdir():
            flags = (fd.parent.parent / "fdinfo" / fd.name).read_text().split("flags:")[1].split()[0]
            if stat.S_ISREG(fd.stat().st_mode) and int(flags, 8) & os.O_ACCMODE != os.O_RDONLY:
                found.append(str(fd.readlink()))
        return found

    def peak(self) -> int:
        """The most memory it had so far, in bytes (VmHWM: of this program, not of the process it was forked from)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def end(self) -> tuple[int, dict[str, object]]:
        out, _ = self.process.communicate()
        return self.process.returncode, json.loads(out)


@pytest.fixture
def fed(tmp_path: Path, home: Path) -> Iterator[Fed]:
    if not Path("/proc/self/fdinfo").is_dir():
        pytest.skip("needs /proc")
    made = Fed(tmp_path, home)
    yield made
    made.process.kill()
    made.process.wait()


def test_a_long_log_on_standard_input_costs_little_memory_and_no_file(fed: Fed, tmp_path: Path) -> None:
    rows = b"".join(
        b"2026-01-01T10:00:00.%07dZ compiling one more of %d things, all fine\n" % (i, i) for i in range(9999)
    )
    blocks = 128 * MEGABYTE // len(rows)
    for _ in range(blocks):
        fed.feed(rows)
    assert fed.written() == []
    fed.feed(LOG)
    assert fed.peak() <= MOST
    code, said = fed.end()
    assert (code, said["bytes"]) == (1, blocks * len(rows) + len(LOG))
    assert said["error_lines"] == [[blocks * 9999 + 2, blocks * 9999 + 2]]
    assert list(tmp_path.iterdir()) == []


def test_one_line_of_50_megabytes_costs_little_memory(fed: Fed) -> None:
    fed.feed(LOG)
    for _ in range(50):
        fed.feed(b"x" * MEGABYTE)
    assert fed.peak() <= MOST
    code, said = fed.end()
    assert (code, said["lines"], said["error_lines"]) == (1, LOG.count(b"\n") + 1, [[2, 2]])


def test_a_directory(cli: Cli, tmp_path: Path) -> None:
    ended = cli("why", str(tmp_path))
    assert (ended.code, ended.out) == (2, "")
    assert "is a directory" in ended.one_line()


@pytest.mark.parametrize("target", ["nothing.log", "no/such/folder/a.log", "local:0", "local:-1", "http://forge/x", ""])
def test_no_such_target(cli: Cli, target: str) -> None:
    ended = cli("read", target, "--json")
    assert (ended.code, ended.out) == (2, "")
    assert "a target is" in ended.one_line()


def test_no_permission(home: Path) -> None:
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))  # the tests' own folders let no other user in
    try:
        folder.chmod(0o755)
        file = folder / "build.log"
        file.write_bytes(LOG)
        file.chmod(0o000)
        ended = run(["why", str(file), "--json"], environment(folder), prefix=as_nobody())
        assert_refused(ended, ["--json"])
        assert "no log (no-permission)" in ended.one_line()
        assert "sudo cat" in ended.err
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("target", ["local", "local:99"])
def test_local_without_any_run(cli: Cli, target: str) -> None:
    for command in (["why", target], ["read", target, "--json"], ["save", target, "x.whyred"]):
        ended = cli(*command)
        assert_refused(ended, command)
        assert "whyred run" in ended.one_line()


def test_local_99_among_others_says_which_there_are(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "w.yml").write_text("jobs: {a: {steps: [{run: exit 3}]}}")
    assert cli("run", "w.yml").code == 1
    ended = cli("why", "local:99")
    assert (ended.code, ended.out) == (4, "")
    assert "are 1:" in ended.one_line()


BOMB = "".join(
    [
        "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n",
        *(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)),
        "jobs: {a: {steps: *a9}}\n",
    ]
)
NO_WORKFLOWS = {
    "no YAML": ("a: b: c\n\t- x\n", "not YAML"),
    "cut off": ('jobs:\n  a:\n    steps:\n      - run: "echo\n', "not YAML"),
    "a list": ("- a\n- b\n", "not a workflow"),
    "empty": ("", "empty"),
    "no jobs": ("on: push\n", "jobs"),
    "an alias bomb": (BOMB, "too large"),
    "a tag that makes objects": ('jobs: !!python/object/apply:os.system ["id"]\n', "tag"),
    "a key twice": ("jobs: {a: {steps: [{run: x}]}, a: {steps: [{run: y}]}}\n", "duplicate"),
    "a circle": ("jobs: {a: {needs: b, steps: [{run: x}]}, b: {needs: a, steps: [{run: x}]}}\n", "circle"),
    "binary": ("\x00\x01\x02", "w.yml"),
}


@pytest.mark.parametrize("name", NO_WORKFLOWS)
def test_what_is_no_workflow_is_named_and_runs_nothing(cli: Cli, tmp_path: Path, name: str) -> None:
    text, told = NO_WORKFLOWS[name]
    (tmp_path / "w.yml").write_text(text)
    ended = cli("run", "w.yml", "--json")
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.one_line()
    assert not (tmp_path / "data").exists()


def test_keys_on_yes_and_no_stay_keys(cli: Cli, tmp_path: Path) -> None:
    text = (
        "on: push\nyes: 1\nno: 2\njobs:\n  on:\n    runs-on: yes\n    steps:\n      - name: no\n"
        '        env: {off: on, A: no, N: 012}\n        run: echo "$off $A $N"; exit 3\n'
    )
    (tmp_path / "w.yml").write_text(text)
    ended = cli("run", "w.yml")
    assert ended.code == 1
    assert " on no 012\n" in ended.out
    assert json.loads(cli("why", "local", "--json").out)["failing_step"] == "no"


@pytest.mark.parametrize(
    ("argument", "told"),
    [("nothing.yml", "No such file"), (".", "Is a directory"), ("w.yml --job b", "no job `b`")],
)
def test_a_workflow_or_job_that_is_not_there(cli: Cli, tmp_path: Path, argument: str, told: str) -> None:
    (tmp_path / "w.yml").write_text("jobs: {a: {steps: [{run: exit 3}]}}")
    ended = cli("run", *argument.split())
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.one_line()


def bundle(path: Path, members: dict[str, str], link: str | None = None) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
        if link is not None:
            info = zipfile.ZipInfo(link)
            info.external_attr = (stat.S_IFLNK | 0o777) << 16
            archive.writestr(info, "/etc/passwd")
    return path


MANIFEST = json.dumps({"format": 1, "whyred": "0.1.0"})
BUNDLES = {
    "newer": ({"manifest.json": json.dumps({"format": 99, "whyred": "9\x1b[31m\n"})}, None, 2, "pip install --upgrade"),
    "outside": ({"manifest.json": MANIFEST, "../evil": "x"}, None, 2, "outside the bundle"),
    "absolute": ({"manifest.json": MANIFEST, "/etc/evil": "x"}, None, 2, "outside the bundle"),
    "a link": ({"manifest.json": MANIFEST}, "log.zst", 2, "a link"),
    "no bundle": ({"picture.png": "x"}, None, 4, "no bundle of whyred"),
    "no members": ({"manifest.json": MANIFEST}, None, 4, "damaged"),
    "a manifest of another kind": ({"manifest.json": "[]"}, None, 4, "damaged"),
    "a manifest that is no JSON": ({"manifest.json": "{"}, None, 4, "damaged"),
    "an attempt of another kind": ({"manifest.json": MANIFEST, "attempt.json": '{"a": 1}'}, None, 4, "damaged"),
    "a deep manifest": ({"manifest.json": "[" * 100_000}, None, 4, "damaged"),
}


@pytest.mark.parametrize("command", [["why"], ["read", "--json"], ["doctor", "--json", "--host"]], ids=" ".join)
@pytest.mark.parametrize("name", BUNDLES)
def test_a_bundle_that_is_none(cli: Cli, tmp_path: Path, name: str, command: list[str]) -> None:
    members, link, code, told = BUNDLES[name]
    if name == "no bundle" and "--host" in command:  # what no bundle and no output is, is no host
        code, told = 2, "neither a bundle nor the output"
    file = bundle(tmp_path / "x.whyred", members, link)
    before = sorted(tmp_path.parent.iterdir())
    ended = cli(*command, str(file))
    if code == 4:
        assert_refused(ended, command)
    else:
        assert (ended.code, ended.out) == (code, "")
    assert told in ended.one_line()
    assert (sorted(tmp_path.parent.iterdir()), [p.name for p in tmp_path.iterdir()]) == (before, ["x.whyred"])


@pytest.mark.parametrize("kept", [100, -1, -100])
def test_a_bundle_cut_short(cli: Cli, tmp_path: Path, kept: int) -> None:
    (tmp_path / "a.log").write_bytes(LOG)
    assert cli("save", "a.log", "a.whyred").code == 0
    (tmp_path / "b.whyred").write_bytes((tmp_path / "a.whyred").read_bytes()[:kept])
    ended = cli("why", "b.whyred")
    assert (ended.code, ended.out) == (4, "")
    assert "damaged" in ended.one_line()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["wyh", "x"], "did you mean 'why'?"),
        (["docter"], "did you mean 'doctor'?"),
        (["a.log"], "whyred why a.log"),
        (["frobnicate"], "no command 'frobnicate'"),
        (["why", "--hots", "local", "a.log"], "--host"),
        (["--versoin"], "--version"),
        (["why"], "TARGET"),
        (["why", "a.log", "b.log"], "b.log"),
        (["why", "a.log", "--format", "xml"], "'markdown'"),
        (["why", "a.log", "--budget", "nonsense"], "such as 10s"),
        (["why", "a.log", "--budget", "-3s"], "such as 10s"),
        (["why", "a.log", "--budget", "1e9"], "such as 10s"),
        (["why", "a.log", "--budget", "9" * 400], "such as 10s"),
        (["why", "a.log", "--this-host-ran-it"], "--host local"),
        (["save", "a.log", "b.whyred", "--this-host-ran-it"], "--host local"),
        (["why", "a.log", "--host", "a.log"], "neither a bundle nor"),
        (["why", "a.log", "--host", "nothing"], "no such file"),
        (["doctor", "--host", "a.log"], "neither a bundle nor"),
        (["doctor", "--host", "nothing"], "no such file"),
        (["why", "a.log", "--out", "no/such/folder/x"], "--out"),
        (["why", "a.log", "--out", "."], "is a directory"),
        (["why", "a.log", "--save", "no/such/folder/x"], "--save"),
        (["why", "a.log", "--save", "."], "is a directory"),
        (["save", "a.log", "no/such/folder/x"], "No such file"),
        (["why", "a.log", "--save", "b.whyred", "--out", "./b.whyred"], "the same file"),
        (["why", "a.log", "--no-probe", "--host", "local", "--this-host-ran-it"], "--no-probe"),
    ],
    ids=lambda v: " ".join(v)[:60] if isinstance(v, list) else None,
)
def test_wrong_usage_is_told_in_one_line(cli: Cli, tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "a.log").write_bytes(LOG)
    ended = cli(*arguments)
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.one_line()
    assert [p.name for p in tmp_path.iterdir()] == ["a.log"]
    assert (tmp_path / "a.log").read_bytes() == LOG


def test_nothing_is_written_over_that_is_no_report_or_bundle(cli: Cli, tmp_path: Path) -> None:
    files = {"a.log": LOG, "photo.zip": b"PK\x03\x04 something else", "notes.txt": b"mine"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("a.log")
    refused = [
        ["why", "a.log", "--out", "a.log"],
        ["why", "a.log", "--out", "link"],
        ["why", "./a.log", "--save", "a.log"],
    ]
    refused += [["save", "a.log", name] for name in ("a.log", "link", "photo.zip", "notes.txt", "pipe")]
    for arguments in refused:
        ended = cli(*arguments)
        assert (ended.code, ended.out) == (2, ""), arguments
        ended.one_line()
    assert {name: (tmp_path / name).read_bytes() for name in files} == files
    assert stat.S_ISFIFO((tmp_path / "pipe").stat().st_mode)
    assert (tmp_path / "link").is_symlink()


def test_a_bundle_is_saved_over_an_older_one(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "a.log").write_bytes(LOG)
    assert [cli("save", "a.log", "a.whyred").code for _ in range(2)] == [0, 0]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.log", "a.whyred"]


def test_a_bug_ends_with_3_and_a_masked_report(home: Path, tmp_path: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    code = (
        "import sys; from whyred.faces.cli import main; import whyred.app.targets as t\n"
        f"def broken(*_): raise AssertionError('the token {token} is odd')\n"
        "t.fetch = broken; sys.argv = ['whyred', 'read', 'x', '--json']; main.main()\n"
    )
    env = environment(home, XDG_DATA_HOME=str(tmp_path))
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    ended = Ended(done.returncode, done.stdout, done.stderr)
    assert (ended.code, ended.out) == (3, "")
    report = next((tmp_path / "whyred").glob("bug-*.txt"))
    assert str(report) in ended.one_line()
    assert "AssertionError" in report.read_text()
    assert token not in report.read_text() + ended.err
    assert stat.S_IMODE(report.stat().st_mode) == 0o600
