"""Terminals and pipes, time limits, cancelling, processes that stay behind, much output."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from execute_job import Ran, run_job, steps

from whyred.experiments.cancel import Cancel
from whyred.model.run import Conclusion

PTY = pytest.mark.parametrize("pty", [True, False], ids=["pty", "pipes"])
STARTED = b"started\n"


def gone(pid: str) -> bool:
    """Whether a process has ended; in a container a zombie may stay because nobody fetches it."""
    try:
        return Path("/proc", pid, "stat").read_bytes().rpartition(b")")[2].split()[0] == b"Z"
    except FileNotFoundError:
        return True


def assert_all_gone(ran: Ran) -> None:
    pids = (ran.folder / "workspace" / "pids").read_text().split()
    assert len(pids) == 3
    while not all(gone(pid) for pid in pids):  # killed before the step ended; the kernel may need a moment
        time.sleep(0.01)


FAMILY = (
    "trap '' TERM HUP INT\n"
    "sh -c 'sleep 1000 & echo $! >> pids; echo $$ >> pids; wait' &\n"
    "while test $(cat pids 2>/dev/null | wc -l) -lt 2; do sleep 0.01; done\n"
    "echo $$ >> pids\n"
    "echo started\n"
    "wait"
)


def test_with_a_terminal_all_three_are_one(tmp_path: Path) -> None:
    ran = run_job(tmp_path, steps("for n in 0 1 2; do test -t $n && echo tty $n; done; stty -a < /dev/tty | head -1"))
    assert ran.step("s1")[:3] == ["tty 0", "tty 1", "tty 2"]
    assert "rows 0; columns 0" in ran.step("s1")[3]


def test_without_a_terminal_none_is(tmp_path: Path) -> None:
    script = "for n in 0 1 2; do test -t $n || echo none $n; done; cat; : < /dev/tty"
    ran = run_job(tmp_path, steps(script), pty=False)
    assert ran.step("s1")[:3] == ["none 0", "none 1", "none 2"]
    assert ran.attempt.conclusion is Conclusion.FAILURE, "there is no controlling terminal to open"


@PTY
def test_a_step_leads_its_own_session(tmp_path: Path, pty: bool) -> None:
    ran = run_job(tmp_path, steps("cut -d' ' -f1,5,6 /proc/$$/stat"), pty=pty)
    pid, group, session = ran.step("s1")[0].split()
    assert pid == group == session != str(os.getsid(0))


@PTY
def test_progress_bars_and_a_last_line_without_newline_are_kept(tmp_path: Path, pty: bool) -> None:
    script = "printf 'a 10%%\\ra 100%%\\r\\n'; printf 'x\\r\\r\\n'; printf '\\ny\\rz'"
    ran = run_job(tmp_path, steps(script, "echo next"), pty=pty)
    assert ran.step("s1") == ["a 10%\ra 100%", "x", "", "y\rz"]
    assert ran.step("s2") == ["next"]


@PTY
def test_output_and_errors_keep_their_order(tmp_path: Path, pty: bool) -> None:
    ran = run_job(tmp_path, steps("for i in $(seq 200); do echo o$i; echo e$i >&2; done"), pty=pty)
    assert ran.step("s1") == [f"{kind}{i}" for i in range(1, 201) for kind in "oe"]


@PTY
def test_timeout_of_a_step_kills_its_grandchildren(tmp_path: Path, pty: bool) -> None:
    workflow = steps(FAMILY, "echo never").replace("name: s1", "name: s1\n        timeout-minutes: 0.04", 1)
    ran = run_job(tmp_path, workflow, pty=pty)
    assert_all_gone(ran)
    assert ran.step("s1") == [
        "started",
        "⚙️ [runner]: this step has been cancelled: ctx: context deadline exceeded, exec: RUN signal: killed",
        "⚙️ [runner]: it ran longer than its timeout-minutes of 0.04",
    ]
    assert [s.conclusion for s in ran.attempt.steps] == [Conclusion.TIMED_OUT, Conclusion.SKIPPED]
    assert ran.attempt.conclusion is Conclusion.FAILURE


@PTY
def test_a_kernel_without_pidfd(tmp_path: Path, pty: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_pid: int) -> int:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(os, "pidfd_open", refuse)
    workflow = steps("(sleep 0.1; echo late) & echo early; wait", "exec >/dev/null 2>&1; exit 3")
    ran = run_job(tmp_path / "a", workflow, pty=pty)
    assert ran.step("s1") == ["early", "late"]
    assert ran.attempt.steps[1].exit_code == 3
    workflow = steps(FAMILY).replace("name: s1", "name: s1\n        timeout-minutes: 0.04", 1)
    ran = run_job(tmp_path / "b", workflow, pty=pty)
    assert_all_gone(ran)
    assert ran.attempt.steps[0].conclusion is Conclusion.TIMED_OUT


def test_timeout_of_a_job_ends_it_for_good(tmp_path: Path) -> None:
    workflow = steps("sleep 1000", "echo never") + "        if: always()\n    timeout-minutes: 0.01\n"
    ran = run_job(tmp_path, workflow)
    assert [s.conclusion for s in ran.attempt.steps] == [Conclusion.TIMED_OUT, Conclusion.SKIPPED]
    assert ran.attempt.conclusion is Conclusion.TIMED_OUT
    assert "The job ran longer than its timeout-minutes of 0.01" in ran.lines
    assert ran.lines[-1] == "🏁  Job failed"


@PTY
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_cancels(tmp_path: Path, pty: bool, number: signal.Signals) -> None:
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)]

    def send(data: bytes) -> None:
        if data.endswith(STARTED):
            os.kill(os.getpid(), number)

    ran = run_job(tmp_path, steps(FAMILY, "echo never") + "        if: always()\n", pty=pty, watch=send)
    assert_cancelled(ran)
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)] == before


def test_a_signal_that_was_ignored_stays_ignored(tmp_path: Path) -> None:
    """As under nohup."""

    def send(data: bytes) -> None:
        if data.endswith(STARTED):
            os.kill(os.getpid(), signal.SIGHUP)

    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        ran = run_job(tmp_path, steps("echo started; sleep 0.1; echo on"), watch=send)
    finally:
        signal.signal(signal.SIGHUP, before)
    assert ran.step("s1") == ["started", "on"]


def test_another_thread_cancels(tmp_path: Path) -> None:
    cancel = Cancel()

    def ask(data: bytes) -> None:
        if data.endswith(STARTED):
            threading.Thread(target=cancel.request, args=("the user",)).start()

    assert_cancelled(run_job(tmp_path, steps(FAMILY, "echo never"), cancel=cancel, watch=ask))
    cancel.close()


def test_a_keyboard_interrupt_out_of_the_sink_cancels(tmp_path: Path) -> None:
    def interrupt(data: bytes) -> None:
        if data.endswith(STARTED):
            raise KeyboardInterrupt

    assert_cancelled(run_job(tmp_path, steps(FAMILY, "echo never"), watch=interrupt))


def assert_cancelled(ran: Ran) -> None:
    assert_all_gone(ran)
    line = "⚙️ [runner]: this step has been cancelled: ctx: context canceled, exec: RUN signal: killed"
    assert ran.step("s1") == ["started", line]
    assert "Skipping step 's2' due to 'cancelled'" in ran.lines
    assert ran.lines[-1] == "🏁  Job failed"
    assert [s.conclusion for s in ran.attempt.steps] == [Conclusion.CANCELLED, Conclusion.SKIPPED]
    assert ran.attempt.conclusion is Conclusion.CANCELLED


@PTY
def test_a_process_that_holds_the_terminal_does_not_hang_the_step(tmp_path: Path, pty: bool) -> None:
    script = (
        "trap '' HUP\n"
        "(echo $BASHPID > server; n=0; while test ! -e stop; do n=$((n+1)); echo $n; echo $n > ticks; sleep 0.02; done"
        "; echo ended > ended) &\n"
        "while test ! -e ticks; do sleep 0.01; done; echo shell ends"
    )
    later = (
        "now=$(cat ticks); until test $(cat ticks || echo 0) -gt $((now + 3)) 2>/dev/null; do sleep 0.02; done\n"
        "touch stop; until test -e ended; do sleep 0.02; done; echo it lived on"
    )
    ran = run_job(tmp_path, steps(script, later), pty=pty, drain=0.2)
    assert ran.step("s1")[-1].startswith("⚙️ [runner]: the step's shell ended, but a process it left behind")
    assert "shell ends" in ran.step("s1")
    assert ran.step("s2") == ["it lived on"]
    assert ran.attempt.conclusion is Conclusion.SUCCESS


def test_a_background_process_of_a_terminal_gets_hung_up(tmp_path: Path) -> None:
    """What the kernel does to the foreground group when the session's leader ends; on a real runner as well."""
    ran = run_job(tmp_path, steps("sleep 1000 & echo $! > pid"))
    assert ran.step("s1") == []
    pid = (ran.folder / "workspace" / "pid").read_text().strip()
    while not gone(pid):
        time.sleep(0.01)


def test_20_mb_of_output_arrive_complete(tmp_path: Path) -> None:
    ran = run_job(tmp_path, steps("yes 0123456789012345678901234567890123456789 | head -n 512000 || true"))
    assert len(ran.step("s1")) == 512_000
    assert set(ran.step("s1")) == {"0123456789" * 4}


MEASURE = """
import os, resource, sys, time
from pathlib import Path
from whyred.experiments.execute import ExecuteSettings, execute
from whyred.model.run import Runner
from whyred.workflows.read import read_workflow

def run(script):
    text = f"jobs: {{test: {{steps: [{{run: '{script}'}}]}}}}".encode()
    settings = ExecuteSettings(1, Path(sys.argv[1]), {"PATH": os.environ["PATH"]}, Runner(), lambda _: None)
    size = 0
    def count(data):
        nonlocal size
        size += len(data)
    execute(read_workflow(text, "w"), "test", settings, count, time.time, lambda _: None)
    return size, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

_, before = run("echo warm; yes | head -c 1000000 || true")
size, after = run("head -c 60000000 /dev/zero; yes | head -c 60000000 || true")
print(size, after - before)
"""


def test_memory_stays_flat(tmp_path: Path) -> None:
    """60 MB without a newline and 30 million lines: the peak (in KiB) of the process must not follow."""
    argv = [sys.executable, "-c", MEASURE, str(tmp_path / "run")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    size, grown = map(int, done.stdout.split())
    assert size > 120_000_000
    assert grown < 30_000
