"""`LocalHost` answers from the real machine, bounds every question and turns refusals into reasons."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

import pytest

from whyred.hosts._command import OUTPUT_LIMIT
from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason
from whyred.model.host import HostRefusedError

HOST = LocalHost()


def reason(call: Callable[[], object]) -> Reason:
    with pytest.raises(HostRefusedError) as caught:
        call()
    assert caught.value.unknown.detail
    return caught.value.unknown.reason


def test_identity_is_that_of_this_machine() -> None:
    assert HOST.identity.boot == Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    assert HOST.identity.name == os.uname().nodename
    assert HOST.identity.mounts == Path("/proc/self/ns/mnt").stat().st_ino


def test_a_file_is_read_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 100)
    assert HOST.read(f"{tmp_path}/a") == b"x" * 100
    assert HOST.read(f"{tmp_path}/a", 7) == b"x" * 7
    assert HOST.names(str(tmp_path)) == ["a"]
    assert HOST.stat(f"{tmp_path}/a").size == 100


def test_links_and_kinds(tmp_path: Path) -> None:
    (tmp_path / "gone").symlink_to("/no/such/place")
    assert HOST.link(f"{tmp_path}/gone") == "/no/such/place"
    assert HOST.stat(f"{tmp_path}/gone", follow=False).kind == "link"
    assert HOST.stat(str(tmp_path)).kind == "directory"
    assert HOST.stat(str(tmp_path)).links >= 1
    assert reason(lambda: HOST.stat(f"{tmp_path}/gone")) is Reason.NOT_FOUND


def test_space_is_that_of_statvfs(tmp_path: Path) -> None:
    v = os.statvfs(tmp_path)
    space = HOST.space(str(tmp_path))
    assert space.total_bytes == v.f_blocks * v.f_frsize
    assert space.total_inodes == v.f_files
    assert 0 <= space.free_bytes <= space.total_bytes


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: HOST.read("/no/such/file"), Reason.NOT_FOUND),
        (lambda: HOST.read("/etc"), Reason.UNREADABLE),
        (lambda: HOST.read("/dev/zero"), Reason.UNREADABLE),
        (lambda: HOST.names("/etc/passwd"), Reason.UNREADABLE),
        (lambda: HOST.link("/etc"), Reason.UNREADABLE),
        (lambda: HOST.stat("/a\0b"), Reason.NOT_FOUND),
        (lambda: HOST.stat("/\udfff\ud800"), Reason.NOT_FOUND),
        (lambda: HOST.stat("/" + "x" * 5000), Reason.UNREADABLE),
        (lambda: HOST.space("/no/such"), Reason.NOT_FOUND),
        (lambda: HOST.environ(0x7FFFFFFF, ["PATH"]), Reason.NOT_FOUND),
        (lambda: HOST.run(["whyred-no-such-program"]), Reason.TOOL_MISSING),
        (lambda: HOST.run(["/etc/passwd"]), Reason.NO_PERMISSION),
        (lambda: HOST.run(["a\0b"]), Reason.NOT_FOUND),
    ],
)
def test_every_refusal_has_its_reason(call: Callable[[], object], expected: Reason) -> None:
    assert reason(call) is expected


def test_a_closed_folder_on_the_path_does_not_hide_that_a_program_is_missing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "x")

    monkeypatch.setattr(subprocess, "Popen", refuse)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert reason(lambda: HOST.run(["whyred-no-such-program"])) is Reason.TOOL_MISSING
    (tmp_path / "closed").write_text("")
    assert reason(lambda: HOST.run(["closed"])) is Reason.NO_PERMISSION


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert reason(lambda: HOST.read(f"{tmp_path}/pipe")) is Reason.UNREADABLE


def test_a_file_system_that_hangs_is_a_time_out(monkeypatch: pytest.MonkeyPatch) -> None:
    release = threading.Event()
    monkeypatch.setattr(os, "statvfs", lambda _: release.wait())
    try:
        assert reason(lambda: LocalHost(seconds=0.05).space("/net/dead")) is Reason.TIMED_OUT
    finally:
        release.set()


def test_it_still_answers_when_the_process_limit_leaves_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    def start(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    assert HOST.stat("/").kind == "directory"


def test_environ_gives_the_chosen_keys_and_no_others() -> None:
    env = {"CHOSEN": "a=b", "EMPTY": "", "API_TOKEN": "hidden"}
    with subprocess.Popen([sys.executable, "-c", "print(flush=True); input()"], env=env, stdin=-1, stdout=-1) as child:
        assert child.stdout is not None
        child.stdout.readline()
        found = HOST.environ(child.pid, ["CHOSEN", "EMPTY", "ABSENT"])
        child.communicate(b"\n")
    assert found == {"CHOSEN": "a=b", "EMPTY": ""}


def test_processes_shows_this_one() -> None:
    me = next(p for p in HOST.processes() if p.pid == os.getpid())
    assert me.parent == os.getppid()
    assert me.uid == os.geteuid()
    assert me.mounts == HOST.identity.mounts
    assert me.argv == tuple(os.fsdecode(a) for a in Path("/proc/self/cmdline").read_bytes()[:-1].split(b"\0"))
    assert me.started > 0


def fake_process(proc: Path, pid: int, cgroup: str, argv: bytes = b"a\0b c\0") -> Path:
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "stat").write_text(f"{pid} (odd ) (name) S 1 " + " ".join(str(n) for n in range(5, 30)))
    (folder / "cmdline").write_bytes(argv)
    (folder / "status").write_text("Name:\tx\nUid:\t1\t1000\t1\t1\n")
    (folder / "cgroup").write_text(cgroup)
    return folder


@pytest.mark.parametrize(
    ("cgroup", "unit"),
    [
        ("0::/system.slice/forgejo-runner@3.service\n", "forgejo-runner@3.service"),
        ("0::/system.slice/a.service/b.service/leaf\n", "b.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/run-1.scope\n", None),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/ci.service\n", "ci.service"),
        ("9:name=systemd:/system.slice/old.service\n0::/\n", "old.service"),
        ("0::/\n", None),
    ],
)
def test_unit_and_odd_names_of_a_process(tmp_path: Path, cgroup: str, unit: str | None) -> None:
    fake_process(tmp_path, 7, cgroup)
    (process,) = LocalHost(proc=str(tmp_path)).processes()
    assert (process.name, process.parent, process.uid, process.argv) == ("odd ) (name", 1, 1000, ("a", "b c"))
    assert process.started == 22
    assert process.mounts is None
    assert process.unit == unit


def test_a_process_that_ends_meanwhile_is_left_out(tmp_path: Path) -> None:
    fake_process(tmp_path, 7, "0::/\n")
    (fake_process(tmp_path, 8, "0::/\n") / "cgroup").unlink()
    (fake_process(tmp_path, 9, "0::/\n") / "stat").write_text("9 (cut")
    (fake_process(tmp_path, 10, "0::/\n") / "status").write_text("")
    assert [p.pid for p in LocalHost(proc=str(tmp_path)).processes()] == [7]


def test_a_command_runs_in_the_plain_locale_without_input_or_terminal() -> None:
    code = "read x; echo $? $LC_ALL ${LANG-none}; pwd; echo err >&2; exit 3"
    done = HOST.run(["sh", "-c", code])
    assert done.code == 3
    assert done.out == b"1 C none\n/\n"
    assert done.err == b"err\n"


def test_output_is_cut_and_the_rest_dropped() -> None:
    done = HOST.run(["sh", "-c", f"head -c {3 * OUTPUT_LIMIT} /dev/zero; exit 5"], 20)
    assert len(done.out) == OUTPUT_LIMIT
    assert done.code == 5


def test_the_whole_group_is_ended_at_the_limit(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = f"sh -c 'echo $$ > {note}.part; mv {note}.part {note}; exec sleep 600' & while :; do sleep 0.01; done"
    assert reason(lambda: HOST.run(["sh", "-c", script], 1.0)) is Reason.TIMED_OUT
    stat = Path(f"/proc/{note.read_text().strip()}/stat")
    end = monotonic() + 30
    while stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z":
        assert monotonic() < end, "the child outlived the time limit"


def test_a_service_that_holds_the_streams_open_is_not_waited_for(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    done = HOST.run(
        ["sh", "-c", f"setsid sh -c 'echo $$ > {note}; exec sleep 600' & while [ ! -s {note} ]; do :; done"], 20
    )
    os.kill(int(note.read_text()), 9)
    assert done.code == 0


def test_create_leaves_nothing_behind(tmp_path: Path) -> None:
    assert HOST.create(str(tmp_path)) is None
    assert list(tmp_path.iterdir()) == []
    assert "No such file or directory" in (HOST.create(f"{tmp_path}/gone") or "")
