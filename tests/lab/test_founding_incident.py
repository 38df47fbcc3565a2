"""The founding incident, really played in the sandbox by `whyred demo`, and what may never go wrong with it."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE

import pytest
from program import FOUNDING, PROGRAM, Ended, alone, as_nobody, environment, in_namespace, need, need_namespaces, run

from whyred.app import demo
from whyred.experiments import sandbox

TMP = "/tmp"
DEAD_TMP = "mount -t tmpfs none /mnt; mkdir /mnt/tmp; mount --bind /mnt/tmp /tmp; rmdir /mnt/tmp"
VERDICT = "verdict: private-tmp-deleted, confirmed; then green again"
HERE = ["--host", "local", "--this-host-ran-it"]
MARK = "WHYRED_TEST_OF_THE_DEMO"
"""An environment variable by which every process of one demo is found again."""


@dataclass
class Played:
    """One demo: where, as whom, and what it left behind."""

    folder: Path
    ended: Ended

    @property
    def bundle(self) -> Path:
        return self.folder / "data/whyred/demo/founding-incident.whyred"

    @property
    def report(self) -> Path:
        return self.folder / "data/whyred/demo/report.md"

    def is_whole(self) -> None:
        """From green over red to green, and the files that it names are there."""
        out = self.ended.out
        assert (self.ended.code, self.ended.err) == (0, ""), self.ended
        assert [out.count(f": {end} (") for end in ("success", "failure")] == [6, 3]
        assert out.index("success") < out.index("failure") < out.index("CONFIRMED: private-tmp-deleted")
        assert "mktemp -d on the host: works" in out
        assert VERDICT in out
        assert f"{self.report}\n" in out
        assert f"whyred why {self.bundle})" in out
        assert self.report.read_text().startswith("# Confirmed")
        assert self.bundle.stat().st_size > 0


def play(folder: Path, prefix: Sequence[str] = (), **more: str) -> Played:
    return Played(folder, run(["demo"], environment(folder, **more), cwd=folder, prefix=[*alone(), *prefix]))


def folder_in(place: str) -> Iterator[Path]:
    """A folder that every user may enter and write to."""
    folder = Path(tempfile.mkdtemp(prefix="whyred-demo-", dir=place))
    folder.chmod(0o777)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def away() -> Iterator[Path]:
    yield from folder_in("/var/tmp")


@pytest.fixture
def below_tmp() -> Iterator[Path]:
    yield from folder_in(TMP)


@pytest.fixture(scope="module")
def played(away: Path) -> Played:
    """The demo as this user, with its home outside /tmp."""
    need_sandbox()
    return play(away)


def need_sandbox() -> None:
    refused = sandbox.refusal()
    if refused is not None:
        pytest.skip(f"this machine allows no sandbox: {refused}")


def test_from_green_over_red_to_green(played: Played) -> None:
    played.is_whole()


def test_the_evidence_is_all_there(played: Played) -> None:
    out = played.ended.out
    for told in (
        "runner-2, /tmp: deleted = yes, links = 0, ",
        "//deleted",
        "runner-1, /tmp: deleted = yes",
        "runner-3, /tmp: deleted = yes",
        "host, /tmp: links = ",
        "[log line ",
        "Restart the runner's unit",
    ):
        assert told in out


def test_the_bundle_gives_the_printed_verdict_byte_for_byte(played: Played, tmp_path: Path) -> None:
    first = run(["why", str(played.bundle)], environment(played.folder))
    assert first.code == 1
    assert first.out in played.ended.out
    assert first.out.startswith("CONFIRMED")
    forms = {form: run(["why", str(played.bundle), "--format", form], environment(played.folder)).out for form in FORMS}
    assert forms["text"] == first.out
    assert forms["markdown"] == played.report.read_text()
    copy = tmp_path / "elsewhere.zip"
    shutil.copy(played.bundle, copy)
    others: list[tuple[list[str], dict[str, str]]] = [
        ([], environment(tmp_path / "other-home")),
        ([], environment(tmp_path, LANG="C", LC_ALL="C", TZ="Asia/Tokyo", PYTHONHASHSEED="7", COLUMNS="40")),
        ([], environment(tmp_path, LANG="tr_TR.UTF-8", TERM="xterm-256color", CLICOLOR_FORCE="1")),
    ]
    if os.geteuid() == 0:
        others.append((["unshare", "-n", "--"], environment(tmp_path)))
        need("unshare", "-n")
    others.append((in_namespace(DEAD_TMP + "; mount -t tmpfs none /proc"), environment(away_of(played))))
    for prefix, env in others:
        for form, text in forms.items():
            bundle = played.bundle if prefix else copy
            ended = run(["why", str(bundle), "--format", form], env, prefix=prefix)
            assert (ended.code, ended.out, ended.err) == (1, text, ""), (prefix, env)


FORMS = ("text", "markdown", "json")


def away_of(played: Played) -> Path:
    return played.folder / "another"


def of_the_runner_is_changed_since(verdict: dict[str, list[dict[str, str]]]) -> None:
    reasons = {u["reason"].partition(":")[0] for u in verdict["unknown"] if " of attempt-runner" in u["what"]}
    assert reasons == {"changed-since"}


def test_a_bundle_of_the_bundle_gives_the_same(played: Played, tmp_path: Path) -> None:
    env = environment(tmp_path)
    again = tmp_path / "again.whyred"
    assert run(["save", str(played.bundle), str(again)], env).code == 0
    assert run(["why", str(again)], env).out == run(["why", str(played.bundle)], env).out
    # The runner that is to be asked is gone; only what was recorded of it can still be evidence.
    live = json.loads(run(["why", str(played.bundle), "--host", "local", "--json"], env).out)
    assert live["confidence"] != "confirmed"
    of_the_runner_is_changed_since(live)


def test_as_an_unprivileged_user(away: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("this user is unprivileged: the other tests are this one")
    prefix = as_nobody()
    need(*prefix, *in_namespace("mount -t tmpfs none /mnt"))
    folder = away / "nobody"
    folder.mkdir()
    folder.chmod(0o777)
    played = play(folder, prefix)
    played.is_whole()
    assert played.bundle.stat().st_uid != 0


def test_where_everything_lies_below_tmp(below_tmp: Path) -> None:
    need_sandbox()
    before = sorted(Path(TMP).iterdir())
    canary = below_tmp / "systemd-private-canary.service-x" / "tmp" / "precious"
    canary.parent.mkdir(parents=True)
    canary.write_text("still here")
    source = below_tmp / "checkout" / "src"
    shutil.copytree(Path(environment(below_tmp)["PYTHONPATH"]) / "whyred", source / "whyred")
    played = play(below_tmp, PYTHONPATH=str(source), TMPDIR=str(below_tmp))
    played.is_whole()
    assert canary.read_text() == "still here"
    mine = {p for p in Path(TMP).iterdir() if p.name.startswith("systemd-private-")}
    assert mine <= set(before), "the units' private directories belong into the sandbox's own /tmp"
    # Other programs come and go in /tmp while the demo runs: only what is ours must be there as before.
    assert {p for p in before if p == below_tmp} == {below_tmp}


def test_a_folder_with_odd_characters_and_no_home(away: Path) -> None:
    need_sandbox()
    odd = away / "sp ace:col'on"
    odd.mkdir()
    env = environment(odd, HOME="/nonexistent")
    del env["XDG_DATA_HOME"]
    ended = run(["demo"], env, cwd=odd)
    assert (ended.code, ended.err) == (0, "")
    hint = ended.out.rpartition("(try: ")[2].rpartition(")")[0]
    why, command, bundle = shlex.split(hint)
    assert (why, command) == ("whyred", "why")
    assert odd in Path(bundle).parents
    assert run(["why", bundle], env).out in ended.out


def test_the_cleaning_refuses_to_work_outside_the_sandbox(monkeypatch: pytest.MonkeyPatch, below_tmp: Path) -> None:
    for value in (None, "{}"):
        if value is not None:
            monkeypatch.setenv(sandbox.MOVED, value)
        with pytest.raises(PermissionError, match="only happens inside"):
            sandbox.clean_aggressively()
        with pytest.raises(PermissionError, match="only happens inside"):
            sandbox.Unit.start("runner-1", "0")
    assert below_tmp.is_dir()


def test_the_inside_is_refused_outside(away: Path) -> None:
    before = set(Path(TMP).glob("systemd-private-*"))
    for more in ({}, {sandbox.MOVED: "{}"}):
        ended = run(["demo", "--inside"], environment(away / "outside", **more), cwd=away)
        assert (ended.code, ended.out) == (2, "")
        assert "Say: whyred demo" in ended.one_line()
    assert set(Path(TMP).glob("systemd-private-*")) == before
    assert not (away / "outside").exists() or not list((away / "outside").rglob("runs"))


def mounts() -> set[str]:
    """Every mount of this namespace, without its number."""
    return {line.split(" ", 2)[2] for line in Path("/proc/self/mountinfo").read_text().splitlines()}


def marked(value: str) -> list[int]:
    """The living processes that have the mark in their environment."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                there = f"{MARK}={value}".encode() in (entry / "environ").read_bytes().split(b"\0")
                state = (entry / "stat").read_text().rpartition(")")[2].split()[0]
            except (OSError, ValueError):
                continue  # ended meanwhile, or another user's
            if there and state not in "ZX":
                found.append(int(entry.name))
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
@pytest.mark.parametrize("until", ["runner-1: success", "runner-2: failure", "CONFIRMED"])
def test_killed_in_the_middle_it_leaves_nothing(away: Path, number: signal.Signals, until: str) -> None:
    need_sandbox()
    value = f"{number}-{until}-{os.getpid()}"
    env = environment(away / "killed", **{MARK: value})
    before = mounts()
    process = subprocess.Popen(
        [*PROGRAM, "demo"], env=env, cwd=away, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, start_new_session=True
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.decode())
        if until in said[-1]:
            break
    assert until in said[-1], said
    assert len(marked(value)) >= (1 if until == "CONFIRMED" else 4), "the demo, and three units until it restarts them"
    process.send_signal(number)
    _, error = process.communicate()  # ends when the last unit that holds its end of the pipes is gone
    err = error.decode()
    code = {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[number]
    assert process.wait() == code
    assert "Traceback" not in err
    while marked(value):  # a unit ends when its step does; one that never ends hangs this test, and so is seen
        time.sleep(0.05)
    assert mounts() == before


def test_where_namespaces_are_refused_the_recorded_incident_is_shown(played: Played, tmp_path: Path) -> None:
    """With an `unshare` that fails, and the bundle of a demo in the place where the recorded one lies."""
    program = tmp_path / "bin" / "unshare"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n")
    program.chmod(0o755)
    source = tmp_path / "src"
    shutil.copytree(Path(environment(tmp_path)["PYTHONPATH"]) / "whyred", source / "whyred")
    recorded = source / "whyred" / "library" / demo.BUNDLE
    path = f"{program.parent}:{os.environ['PATH']}"
    env = environment(tmp_path, PATH=path, PYTHONPATH=str(source))

    missing = run(["demo"], env, cwd=tmp_path)
    assert missing.code == 2
    assert demo.BUNDLE in missing.one_line()

    shutil.copy(played.bundle, recorded)
    ended = run(["demo"], env, cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert "allows no sandbox (unshare: unshare failed: Operation not permitted)" in ended.out
    assert "recorded on another machine" in ended.out
    assert run(["why", str(recorded)], env).out in ended.out


def test_without_unshare_at_all_it_says_so(tmp_path: Path) -> None:
    ended = run(["demo"], environment(tmp_path, PATH=str(tmp_path)), cwd=tmp_path)
    assert "unshare" in ended.out
    assert "Traceback" not in ended.err


@pytest.fixture
def log(away: Path) -> Path:
    file = away / "founding.log"
    file.write_text(FOUNDING)
    return file


def test_the_founding_log_on_a_healthy_machine_is_never_confirmed(log: Path, away: Path) -> None:
    for arguments in ([], ["--host", "local"], HERE):
        ended = run(["why", str(log), *arguments, "--json"], environment(away), prefix=alone())
        said = json.loads(ended.out)
        assert ended.code == 1
        assert "confirmed" not in {f["confidence"] for f in said["findings"]}
        assert said["class"] == "infra/tmpdir"
        assert "private-tmp-deleted" in {f["cause"] for f in said["findings"] + said["ruled_out"]}
    ended = run(["why", str(log)], environment(away))
    assert "On the runner's host: whyred why LOG --host local --this-host-ran-it" in ended.out
    assert "other-host" in ended.out


def test_vouched_for_beside_a_dead_tmp_it_is_confirmed(log: Path, away: Path) -> None:
    need_namespaces()
    prefix = [*alone(), *in_namespace(DEAD_TMP)]
    said = json.loads(run(["why", str(log), *HERE, "--json"], environment(away), prefix=prefix).out)
    assert (said["cause"], said["confidence"]) == ("private-tmp-deleted", "confirmed")
    # The same machine, but nobody vouches for it: a log match alone never proves a cause.
    said = json.loads(run(["why", str(log), "--json"], environment(away), prefix=prefix).out)
    assert said["confidence"] == "possible"


def test_after_the_runner_was_restarted_it_is_unknown(played: Played) -> None:
    """The demo's own red run: its runner is gone, so nothing on this machine says what that runner saw."""
    red = "local:5"
    env = environment(played.folder)
    ended = run(["why", red], env)
    said = json.loads(run(["why", red, "--json"], env).out)
    assert said["confidence"] == "possible"
    assert "changed-since" in ended.out
    assert "restarted since" in ended.out
    of_the_runner_is_changed_since(said)
