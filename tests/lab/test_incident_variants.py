"""The founding incident in six variants, with a compiler that prints the founding line: six verdicts, each its own.

rustc writes that line up to 1.93. WHYRED_OLD_RUST names a folder with `rustc` and `cargo` of such a version, and `just`
and `sccache`; without it the tests are skipped. Called as a script, this file is the part on the lab's own host.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
OLD = "WHYRED_OLD_RUST"
PROGRAMS = ("rustc", "cargo", "just", "sccache")
DEAD = (ROOT / "tests/causes/private-tmp-deleted/inject.sh").read_text(encoding="utf-8")
HOST = (
    'mkdir "$0/old" && mount --bind "$1" "$0/old" && shift && mount --rbind "$0" /mnt && '
    "mount -t tmpfs -o mode=1777 lab-host /tmp && mount -t tmpfs lab-host /run && mount -t tmpfs lab-host /var && "
    'mkdir -m 1777 /var/tmp && cd /mnt && exec "$@"'
)
JOB = """\
on: [push]
ENV
jobs:
  build:
    runs-on: native
    JOBENV
    steps:
      - run: cp -r /mnt/demo/. .
      - name: Build
        run: COMMAND
"""
FORCED = '[env]\nTMPDIR = { value = "/tmp", force = true }\n'
CONFIG = "runner:\n  envs:\n    TMPDIR: /tmp\n"
LAUNCHER = """\
import functools, sys
from whyred.app import run
from whyred.experiments.execute_settings import ExecuteSettings
run.ExecuteSettings = functools.partial(ExecuteSettings, runner_env={"TMPDIR": "/tmp"})
run.serve("runner-1", sys.stdin.buffer, sys.stdout.buffer)
"""
"""A runner that looks like forgejo-runner on the host, and puts its configuration's variable over the workflow's."""


@dataclass(frozen=True)
class Variant:
    """What is broken, what the checkout and the workflow hold, and what must come of it."""

    name: str
    first: str
    confidence: str
    half: str = ""
    """The other half: why the setting did not help."""
    recipe: str = DEAD
    files: dict[str, str] = field(default_factory=dict)
    command: str = "cargo build --offline"
    env: str = ""
    job_env: str = ""
    runner: str = ""
    daemon: bool = False


VARIANTS = (
    Variant("no-tmpdir", "private-tmp-deleted", "confirmed"),
    Variant(
        "just-without-export",
        "private-tmp-deleted",
        "confirmed",
        "env-not-exported",
        files={"justfile": 'TMPDIR := "/var/tmp"\n\nbuild:\n    cargo build --offline\n'},
        command="just build",
    ),
    Variant(
        "cargo-forces-it",
        "private-tmp-deleted",
        "confirmed",
        "cargo-config-env-forced",
        files={".cargo/config.toml": FORCED},
        env="TMPDIR: /var/tmp",
    ),
    Variant(
        "runner-over-workflow",
        "private-tmp-deleted",
        "confirmed",
        "env-overridden-by-runner-config",
        job_env="TMPDIR: /var/tmp",
        runner=LAUNCHER,
    ),
    Variant(
        "daemon-in-the-dead-namespace",
        "daemon-in-other-namespace",
        "likely",
        recipe="",
        files={"src/lib.rs": "pub fn one() -> u8 { 1 }\n"},
        env="RUSTC_WRAPPER: /mnt/old/sccache\n  CARGO_INCREMENTAL: 0\n  SCCACHE_SERVER_UDS: /mnt/sccache.sock",
        daemon=True,
    ),
    Variant("healthy-but-missing", "tmpdir-points-to-missing-dir", "confirmed", recipe="", env="TMPDIR: /var/tmp/gone"),
)


def refusal() -> str:
    """Why it cannot be played here."""
    folder = os.environ.get(OLD)
    if not folder:
        return f"{OLD} names no folder with {', '.join(PROGRAMS)}, of a Rust up to 1.93"
    missing = [p for p in PROGRAMS if not (Path(folder) / p).exists()]
    if missing:
        return f"{folder} has no {', '.join(missing)}"
    return "needs root" if os.geteuid() != 0 else ""


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_each_variant_gets_its_own_verdict(variant: Variant) -> None:
    if refused := refusal():
        pytest.skip(refused)
    said = played(variant)
    first = said["findings"][0]
    sure = [f["cause"] for f in said["findings"] if f["confidence"] in ("confirmed", "likely")]
    assert "couldn't create a temp dir: No such file or directory" in json.dumps(said["failures"])
    assert (first["cause"], first["confidence"]) == (variant.first, variant.confidence)
    settings = [f["cause"] for f in said["findings"] if f["class"] == "infra/env-config" and f["cause"] in sure]
    assert settings == ([variant.half] if variant.half else [])
    text = said["text"]
    if variant.half:
        assert f"{variant.first} (confirmed) is why /tmp does not work" in text
        assert (
            f"{variant.half} (likely) is why the command used it. Mending the first suffices; so does the second"
            in text
        )
        assert "\nor       " in text
    else:
        assert "Two things are wrong" not in text


def test_the_verdicts_differ() -> None:
    assert len({(v.first, v.half) for v in VARIANTS}) == len(VARIANTS) == 6


def played(variant: Variant) -> Any:
    """The verdict, from a host of its own."""
    folder = Path(tempfile.mkdtemp(prefix="whyred-lab-", dir="/var/tmp"))
    host = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--mount-proc", "--kill-child", "--"]
    kept = {"PATH": f"/mnt/old:{os.environ['PATH']}", "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    home = {"HOME": "/mnt/home", "XDG_DATA_HOME": "/mnt/data", "XDG_CACHE_HOME": "/mnt/cache"}
    try:
        (folder / "work").mkdir()
        inside = [sys.executable, __file__, variant.name]
        argv = [*host, "sh", "-c", HOST, str(folder), os.environ[OLD], *inside]
        ended = subprocess.run(argv, capture_output=True, text=True, env=kept | home, check=False)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout)


def play(variant: Variant) -> None:
    """On the lab's host: the checkout, the runner, the job, and the question."""
    from scripts import lab

    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    if not any(line.split()[-3:-1] == ["tmpfs", "lab-host"] for line in mounts):
        raise PermissionError("this is no host of the lab: its faults would be the machine's")
    files = {"Cargo.toml": '[package]\nname = "demo"\nversion = "0.1.0"\n', "src/main.rs": "fn main() {}\n"}
    if variant.daemon:  # sccache leaves programs alone
        del files["src/main.rs"]
    for name, text in (files | variant.files).items():
        path = Path("/mnt/demo") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    Path("/mnt/home").mkdir()
    job = Path("/mnt/job.yml")
    env = f"env:\n  {variant.env}" if variant.env else ""
    job_env = f"env:\n      {variant.job_env}" if variant.job_env else ""
    job.write_text(JOB.replace("JOBENV", job_env).replace("ENV", env).replace("COMMAND", variant.command))
    server = sccache() if variant.daemon else None
    runner = disguised(variant) if variant.runner else lab._runner("runner-1", variant.recipe)
    try:
        run = lab._run(runner, job)
        said = [why(run, "--json"), why(run)]
    finally:
        for process in (runner, server):
            if process is not None:
                process.kill()
    sys.stdout.write(json.dumps(json.loads(said[0]) | {"text": said[1]}))


def why(*arguments: str) -> str:
    """What the real program says."""
    argv = [sys.executable, "-m", "whyred", "why", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


def disguised(variant: Variant) -> "subprocess.Popen[bytes]":
    """A runner by the name of forgejo-runner, with a configuration."""
    Path("/mnt/work/launch.py").write_text(variant.runner)
    Path("/mnt/work/config.yml").write_text(CONFIG)
    argv = ["/mnt/work/launch.py", "daemon", "--config", "/mnt/work/config.yml"]
    beside = Path(sys.executable).with_name("forgejo-runner")  # by its folder Python finds its own library
    start = f'exec -a {beside} {sys.executable} "$@"'
    recipe = variant.recipe.replace("#!/bin/sh", "", 1)
    unit = ["unshare", "--mount", "--propagation", "private", "--", "bash", "-c", recipe, "inject"]
    daemon = [*unit, "bash", "-c", start, "start", *argv]
    return subprocess.Popen(daemon, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/mnt/work")


def sccache() -> "subprocess.Popen[bytes]":
    """A server that another unit with a dead /tmp has started."""
    env = os.environ | {
        "SCCACHE_START_SERVER": "1",
        "SCCACHE_NO_DAEMON": "1",
        "SCCACHE_SERVER_UDS": "/mnt/sccache.sock",
        "SCCACHE_DIR": "/mnt/sccache",
        "TMPDIR": "/var/tmp",
    }
    unit = ["unshare", "--mount", "--propagation", "private", "--", "sh", "-c", DEAD, "inject", "/mnt/old/sccache"]
    server = subprocess.Popen(unit, env=env, cwd="/mnt/work", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not Path("/mnt/sccache.sock").exists():
        if server.poll() is not None:
            raise RuntimeError(f"sccache ended with {server.returncode}")
        time.sleep(0.05)
    return server


if __name__ == "__main__":
    play(next(v for v in VARIANTS if v.name == sys.argv[1]))
