"""Hosts that were mended after the job and before whyred was asked, with the runner still alive: what is well now rules
nothing out, and nothing else takes the blame. Called as a script, this file is the part on the lab's own host.
"""

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Mended:
    """The cause whose recipe and job are played, and what an administrator does then in the runner's mounts."""

    cause: str
    mend: str
    leads: bool = False
    """Whether the text and the host leave nothing that is more likely."""
    refuted: bool = True
    """Whether what holds now would have ruled it out while the job ran."""
    larger: str = ""
    """The size of the recipe's file system where it is so small that it is full with nothing in it."""


HOSTS = (
    Mended("tmp-noexec", "mount -o remount,exec /tmp"),
    Mended("tmp-full", "rm /tmp/fill", larger="20m", refuted=False),
    Mended("tmp-not-writable", "chmod 1777 /tmp", leads=True, refuted=False),
    Mended("tmp-readonly", "mount -o remount,rw /tmp", leads=True),
    Mended("dns-failure", "umount /etc/resolv.conf", leads=True, refuted=False),
    Mended("tmpdir-points-to-missing-dir", "mkdir -m 1777 /tmp/missing"),
    Mended("tmp-inodes-exhausted", "rmdir /tmp/left-over-*", refuted=False),
    Mended("linker-or-syslib-missing", "umount /usr/include"),
    Mended("private-tmp-deleted", "umount --lazy /tmp", leads=True),
    Mended("root-owned-leftovers", "chown -R 1234:1234 /tmp/cache", leads=True, refuted=False),
    Mended("disk-full-target", "rm /tmp/target/fill", larger="20m", leads=True, refuted=False),
)


@pytest.mark.parametrize("host", HOSTS, ids=lambda h: h.cause)
def test_a_mended_host(host: Mended) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    said = played(host)
    (found,) = [f for f in said["findings"] if f["cause"] == host.cause]
    assert not [f["cause"] for f in said["findings"] if f["confidence"] == "confirmed"]
    assert ("mended since" in found["because"]) is host.refuted
    assert host.cause in said["text"]
    if host.leads:
        assert said["cause"] == host.cause
        assert ("the host may have been mended in between" in said["text"]) is host.refuted


def played(host: Mended) -> Any:
    """The verdict, from a host of its own."""
    from scripts import lab

    ended = lab.alone([sys.executable, __file__, host.cause])
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout)


def play(host: Mended) -> None:
    """On the lab's host: the job on its sick runner, the administrator, and the question."""
    from scripts import lab

    if not any(line.split()[-3:-1] == ["tmpfs", "lab-host"] for line in lab._mounts()):
        raise PermissionError("this is no host of the lab: its faults would be the machine's")
    Path("/mnt/home").mkdir()
    (case,) = lab.cases([host.cause])
    beside = lab._runner("runner-2", "")
    runner = lab._runner(
        "runner-1", re.sub(r"size=\d+k", f"size={host.larger}", case.recipe) if host.larger else case.recipe
    )
    try:
        run = lab._run(runner, case.job)
        subprocess.run(["nsenter", "--mount", f"--target={runner.pid}", "sh", "-ec", host.mend], check=True)
        said = [why(run, "--json"), why(run)]
    finally:
        for daemon in (runner, beside):
            daemon.kill()
    sys.stdout.write(json.dumps(json.loads(said[0]) | {"text": said[1]}))


def why(*arguments: str) -> str:
    """What the real program says."""
    argv = [sys.executable, "-m", "whyred", "why", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout


if __name__ == "__main__":
    play(next(h for h in HOSTS if h.cause == sys.argv[1]))
