"""Two faults on one host, of which a step survives the first; a fault that only the runner beside has; one that a
retry got over. Called as a script, this file is the part on the lab's own host.
"""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
FULL = """\
#!/bin/sh
mount -t tmpfs -o size=64k,mode=1777 small /var/tmp
head -c 70000 /dev/zero > /var/tmp/old 2>/dev/null
exec "$@"
"""
BOTH = FULL.replace("exec", "mkdir /mnt/dead && mount --bind /mnt/dead /tmp && rmdir /mnt/dead\nexec")
JOB = """\
on: [push]
jobs:
  build:
    runs-on: native
    steps:
      - name: Build
        run: |
SCRIPT
"""
RETRY = """\
for to in /var/tmp /mnt; do
  if cp /bin/sh $to/copy; then break; fi
  echo "retrying elsewhere"
done
python3 -c 'assert 1 + 1 == 3, "arithmetic"'
"""
SAYS_IT = """\
echo "mktemp: failed to create file via template '/var/tmp/tmp.XXXXXXXXXX': No space left on device"
exit 1
"""


@dataclass(frozen=True)
class Variant:
    """The runner's fault, that of the runner beside, and what the step does; `sure`: all that may be confirmed."""

    name: str
    script: str
    sure: tuple[str, ...] = ()
    recipe: str = BOTH
    beside: str = ""
    also: str = "tmp-full"
    """What is true as well, and is told."""


VARIANTS = (
    Variant("or-true", "cp /bin/sh /var/tmp/copy || true\nmktemp\n", ("private-tmp-deleted",)),
    Variant("set-plus-e", "set +e\ncp /bin/sh /var/tmp/copy\nset -e\nmktemp\n", ("private-tmp-deleted",)),
    Variant("by-another-script", "sh -c 'cp /bin/sh /var/tmp/copy; true'\nmktemp\n", ("private-tmp-deleted",)),
    Variant("unknown-end", "cp /bin/sh /var/tmp/copy || true\necho 'boom: no parts'\nexit 3\n", recipe=FULL),
    Variant("retried", RETRY, recipe=FULL),
    Variant("alone", "cp /bin/sh /var/tmp/copy\nmktemp\n", ("tmp-full",), also=""),
    Variant("of-the-runner-beside", SAYS_IT, recipe="", beside=FULL, also=""),
)


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda v: v.name)
def test_the_end_of_the_step_is_explained(variant: Variant) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root")
    said = played(variant)
    sure = [f["cause"] for f in said["findings"] if f["confidence"] == "confirmed"]
    assert tuple(sure) == variant.sure
    assert [c for c in (said["findings"][0]["cause"],) if variant.sure] == list(variant.sure)
    also = f"Also true, and not what ended the step: {variant.also} " in said["text"]
    assert also is bool(variant.also)
    first = said["text"].partition("the error")[2].partition("also line")[0]
    assert any("No space" in row for row in first.splitlines() if "> " in row[:6]) is not bool(variant.also)


def played(variant: Variant) -> Any:
    """The verdict, from a host of its own."""
    from scripts import lab

    ended = lab.alone([sys.executable, __file__, variant.name])
    assert ended.returncode == 0, ended.stderr[-2000:]
    return json.loads(ended.stdout)


def play(variant: Variant) -> None:
    """On the lab's host: two runners, the job, and the question."""
    from scripts import lab

    if not any(line.split()[-3:-1] == ["tmpfs", "lab-host"] for line in lab._mounts()):
        raise PermissionError("this is no host of the lab: its faults would be the machine's")
    Path("/mnt/home").mkdir()
    job = Path("/mnt/job.yml")
    script = "".join(f"          {row}\n" for row in variant.script.splitlines())
    job.write_text(JOB.replace("SCRIPT\n", script))
    beside = lab._runner("runner-2", variant.beside)
    runner = lab._runner("runner-1", variant.recipe)
    try:
        run = lab._run(runner, job)
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
    play(next(v for v in VARIANTS if v.name == sys.argv[1]))
