"""`why --here`: a job that fails tells why itself, in a step of its own, and on its summary page."""

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from program import alone, environment, in_namespace, need_namespaces, run

from whyred.app.here import own_run
from whyred.model.trouble import UserError

DEAD_TMP = "mount -t tmpfs none /mnt; mkdir /mnt/tmp; mount --bind /mnt/tmp /tmp; rmdir /mnt/tmp"
JOB = """\
on: [push]
jobs:
  build:
    runs-on: native
    steps:
      - name: Pack
        run: |
          set -o pipefail
          mktemp -d 2>&1 | tee "$GITHUB_WORKSPACE/job.log"
      - name: Why
        if: failure()
        run: |
          {python} -m whyred why --here --log "$GITHUB_WORKSPACE/job.log" || true
          sed 's/^/page: /' "$GITHUB_STEP_SUMMARY"
"""


@pytest.fixture
def job() -> Iterator[Path]:
    """In a folder that is not below /tmp, which the job's namespace has no more."""
    with tempfile.TemporaryDirectory(prefix="whyred-here-", dir="/var/tmp") as folder:
        file = Path(folder) / "job.yml"
        file.write_text(JOB.format(python=sys.executable), encoding="utf-8")
        yield file


def test_a_job_in_a_dead_tmp_says_so_itself(job: Path) -> None:
    need_namespaces()
    ended = run(["run", str(job)], environment(job.parent), cwd=job.parent, prefix=[*alone(), *in_namespace(DEAD_TMP)])
    assert ended.code == 1, ended.err
    assert "CONFIRMED" in ended.out
    assert "private-tmp-deleted" in ended.out
    assert "page: # " in ended.out


def test_a_healthy_host_is_not_blamed(job: Path) -> None:
    job.write_text(job.read_text().replace("mktemp -d", "mktemp -d /no/such/folder/XXXXXX"), encoding="utf-8")
    ended = run(["run", str(job)], environment(job.parent), cwd=job.parent, prefix=alone())
    assert ended.code == 1
    assert "CONFIRMED: tmpdir-points-to-missing-dir" in ended.out
    assert "private-tmp-deleted" not in ended.out.partition("ruled out")[0]


GITEA = {
    "GITHUB_SERVER_URL": "https://forge.example",
    "GITHUB_REPOSITORY": "team/app",
    "GITHUB_RUN_NUMBER": "12",
    "GITHUB_RUN_ID": "3456",
    "GITHUB_JOB": "build",
}


def test_the_run_is_named_as_the_forge_numbers_it() -> None:
    assert own_run(GITEA) == "https://forge.example/team/app/actions/runs/12:build"
    github = {**GITEA, "GITHUB_SERVER_URL": "https://github.com"}
    assert own_run(github) == "https://github.com/team/app/actions/runs/3456:build"


@pytest.mark.parametrize("missing", ["GITHUB_SERVER_URL", "GITHUB_REPOSITORY"])
def test_outside_of_a_job_it_is_said(missing: str) -> None:
    with pytest.raises(UserError, match="no job of a forge"):
        own_run({k: v for k, v in GITEA.items() if k != missing})
