"""Which ends a job sets itself: the step's script and the files that it names are read, and nothing else is told."""

from collections.abc import Sequence
from pathlib import Path

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import Stat, Subject
from whyred.probes.job_ends import PROBE

WORKFLOW = """
on: push
jobs:
  test:
    runs-on: host
    steps:
      - {name: Build, run: timeout 60 make all}
      - name: Test
        run: |
          TOKEN=canary-77ab make test
"""


def facts(folder: Path, **arguments: str) -> dict[str, object]:
    data = PROBE.ask(LocalHost(), Subject("workflow"), {"folder": str(folder), **arguments})
    assert b"canary-77ab" not in data
    return dict(PROBE.read(data))


def checkout(folder: Path) -> Path:
    (folder / ".forgejo/workflows").mkdir(parents=True)
    (folder / ".forgejo/workflows/ci.yml").write_text(WORKFLOW)
    (folder / "Makefile").write_text("test:\n\t@python3 tests/a.py --key canary-77ab\n")
    (folder / "tests").mkdir()
    (folder / "tests/a.py").write_text("import os, signal, b\nos.kill(os.getpid(), signal.SIGKILL)  # canary-77ab\n")
    (folder / "unnamed.sh").write_text("timeout 5 make\n")
    return folder


def test_of_the_step_that_failed_what_it_starts_is_followed(tmp_path: Path) -> None:
    told = facts(checkout(tmp_path), step="Test")
    assert told == {"time_limit": None, "kills": "os.kill(", "asks_to_end": None, "memory_limit": None, "nounset": None}


def test_another_step_has_other_ends(tmp_path: Path) -> None:
    assert facts(checkout(tmp_path), step="Build")["time_limit"] == "timeout 60"


def test_nothing_outside_of_the_checkout_is_read(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "work")
    (tmp_path / "outside.sh").write_text("timeout 5 make\n")
    (folder / "Makefile").write_text(f"test:\n\tsh ../outside.sh; sh {tmp_path}/outside.sh; sh a/../../outside.sh\n")
    assert facts(folder, step="Test")["time_limit"] is None


def test_a_link_is_not_followed_out_of_the_checkout(tmp_path: Path) -> None:
    folder = checkout(tmp_path / "work")
    (tmp_path / "outside.sh").write_text("timeout 5 make\n")
    (folder / "inside.sh").symlink_to(tmp_path / "outside.sh")
    (folder / "Makefile").write_text("test:\n\tsh inside.sh\n")
    assert facts(folder, step="Test")["time_limit"] is None


class Far(LocalHost):
    """Counts the ways to a far host."""

    def __init__(self) -> None:
        super().__init__()
        self.foreseen: list[set[str]] = []

    def ahead(self, paths: Sequence[str]) -> None:
        self.foreseen.append(set(paths))

    def stat(self, path: str, *, follow: bool = True) -> Stat:
        known = not self.foreseen or path in self.foreseen[-1] or path.endswith("/workflow.yml")
        assert known, f"{path} is asked for alone"
        return super().stat(path, follow=follow)


def test_a_far_host_is_asked_for_all_names_at_once(tmp_path: Path) -> None:
    folder, host = checkout(tmp_path), Far()
    (folder / "Makefile").write_text("test:\n\tpython3 tests/a.py a.b c.d e/f g/h i.j\n")
    PROBE.ask(host, Subject("workflow"), {"folder": str(folder), "step": "Test"})
    assert f"{folder}/tests/a.py" in host.foreseen[1]
    assert f"{folder}/g/h" in host.foreseen[1]
    assert len(host.foreseen) == 2


def test_a_binary_file_and_a_folder_are_passed_over(tmp_path: Path) -> None:
    folder = checkout(tmp_path)
    (folder / "tests/a.py").write_bytes(b"\0timeout 5 make\n")
    (folder / "x.d").mkdir()
    (folder / "Makefile").write_text("test:\n\ttests/a.py x.d\n")
    assert facts(folder, step="Test")["time_limit"] is None


def test_a_step_that_no_workflow_has_is_unknown(tmp_path: Path) -> None:
    for arguments, reason in (({"step": "Deploy"}, Reason.NOT_FOUND), ({}, Reason.NO_SUBJECT)):
        values = facts(checkout(tmp_path / str(reason)), **arguments).values()
        assert {v.reason for v in values if isinstance(v, Unknown)} == {reason}
