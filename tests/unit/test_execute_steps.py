"""Steps really run: exit codes, what follows a failure, shells, what is not run, the shape of the log."""

import os
import re
import sys
from pathlib import Path

import pytest
from execute_job import run_job, steps

from whyred.model.run import Conclusion, Status
from whyred.workflows.nouns import WorkflowError

PTY = pytest.mark.parametrize("pty", [True, False], ids=["pty", "pipes"])


@PTY
def test_a_green_job_has_the_log_of_a_runner(tmp_path: Path, pty: bool) -> None:
    ran = run_job(tmp_path, steps("echo one", "echo two >&2"), pty=pty)
    assert ran.lines == [
        "unit(version:whyred) received task 7 of job test, be triggered by event: local",
        "workflow prepared",
        "⭐ Run Main s1",
        "one",
        "  ✅  Success - Main s1",
        "⭐ Run Main s2",
        "two",
        "  ✅  Success - Main s2",
        "🏁  Job succeeded",
    ]
    assert (ran.attempt.status, ran.attempt.conclusion) == (Status.DONE, Conclusion.SUCCESS)
    assert [s.exit_code for s in ran.attempt.steps] == [0, 0]
    assert all(s.started and s.ended and s.started < s.ended for s in ran.attempt.steps)
    assert ran.attempt.run.label == "local:7"


@PTY
def test_a_failed_step_stops_the_following_ones(tmp_path: Path, pty: bool) -> None:
    workflow = """
        jobs:
          test:
            steps:
              - {name: a, run: echo before; exit 101; echo after}
              - {name: b, run: echo never}
              - {name: c, if: always(), run: echo cleanup}
              - {name: d, if: failure(), run: echo sorry}
              - {name: e, if: success(), run: echo never}
    """
    ran = run_job(tmp_path, workflow, pty=pty)
    assert ran.step("a") == ["before", "⚙️ [runner]: RUN exit status 101"]
    assert "  ❌  Failure - Main a" in ran.lines
    assert "Skipping step 'b' due to 'success()'" in ran.lines
    assert "cleanup" in ran.lines
    assert "sorry" in ran.lines
    assert "never" not in ran.lines
    assert ran.lines[-1] == "🏁  Job failed"
    got = [(s.name, s.conclusion, s.exit_code) for s in ran.attempt.steps]
    assert got == [
        ("a", Conclusion.FAILURE, 101),
        ("b", Conclusion.SKIPPED, None),
        ("c", Conclusion.SUCCESS, 0),
        ("d", Conclusion.SUCCESS, 0),
        ("e", Conclusion.SKIPPED, None),
    ]
    assert ran.attempt.conclusion is Conclusion.FAILURE


def test_bash_stops_at_a_failing_pipe_and_sh_does_not(tmp_path: Path) -> None:
    script = "false | true\necho went on"
    assert run_job(tmp_path / "a", steps(script)).attempt.conclusion is Conclusion.FAILURE
    workflow = steps(script) + "        shell: sh\n"
    assert run_job(tmp_path / "b", workflow).step("s1") == ["went on"]


def test_without_bash_sh_runs_the_step(tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "sh").symlink_to("/bin/sh")
    ran = run_job(tmp_path, steps('echo "shell ${BASH_VERSION:-plain} $-"'), environ={"PATH": str(tools)})
    assert ran.attempt.conclusion is Conclusion.SUCCESS
    assert re.fullmatch(r"shell \S+ \S*e\S*", ran.step("s1")[0])
    assert (ran.folder / "commands" / "0.sh").exists()


@pytest.mark.parametrize(
    ("shell", "run", "line"),
    [
        ("python", "import sys; print(len(sys.argv))", "1"),
        ("cat {0}", "as it is", "as it is"),
        ("env -i sh -eu {0} more", "echo $1 ${PATH-unset}", None),
    ],
)
def test_other_shells_are_templates(tmp_path: Path, shell: str, run: str, line: str | None) -> None:
    workflow = f"jobs: {{test: {{steps: [{{name: s, shell: '{shell}', run: '{run}'}}]}}}}"
    (tmp_path / "python").symlink_to(sys.executable)  # a plain Debian only has python3
    ran = run_job(tmp_path, workflow, environ={"PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert ran.attempt.conclusion is Conclusion.SUCCESS
    assert ran.step("s")[0].startswith("more ") if line is None else ran.step("s")[0] == line


@pytest.mark.parametrize(
    ("shell", "why"),
    [("zsh", "write `zsh {0}`"), ("no-such-shell {0}", "Cannot find: no-such-shell in PATH"), ("'{0}", "cannot be")],
)
def test_a_shell_that_cannot_be_used_fails_the_step_with_the_reason(tmp_path: Path, shell: str, why: str) -> None:
    workflow = f'jobs: {{test: {{steps: [{{name: s, shell: "{shell}", run: echo hello}}]}}}}'
    ran = run_job(tmp_path, workflow)
    assert ran.attempt.conclusion is Conclusion.FAILURE
    assert why in (ran.attempt.steps[0].reason or "")
    assert why in ran.step("s")[0]


def test_continue_on_error_lets_the_job_go_on_and_says_so(tmp_path: Path) -> None:
    workflow = "jobs: {test: {steps: [{name: a, continue-on-error: true, run: exit 3}, {name: b, run: echo on}]}}"
    ran = run_job(tmp_path, workflow)
    step = ran.attempt.steps[0]
    assert (step.conclusion, step.exit_code) == (Conclusion.SUCCESS, 3)
    assert "RUN exit status 3" in (step.reason or "")
    assert "  ❌  Failure - Main a" in ran.lines
    assert ran.step("b") == ["on"]
    assert ran.attempt.conclusion is Conclusion.SUCCESS


def test_a_step_that_dies_of_a_signal(tmp_path: Path) -> None:
    ran = run_job(tmp_path, steps("kill -SEGV $$"))
    assert ran.step("s1") == ["⚙️ [runner]: RUN signal: segmentation fault"]
    assert ran.attempt.steps[0].exit_code == 128 + 11


def test_what_cannot_be_run_is_named_and_the_job_is_no_success(tmp_path: Path) -> None:
    workflow = """
        jobs:
          test:
            env: {TOKEN: '${{ secrets.T }}'}
            container: node:22
            strategy: {matrix: {n: [1, 2]}}
            steps:
              - {name: cache, uses: actions/cache@v4}
              - {name: expr, run: 'echo ${{ github.sha }}', env: {A: '${{ x }}'}}
              - {name: cond, if: github.ref == 'x', run: echo no}
              - {name: runs, run: 'echo "token=${TOKEN-unset}"'}
    """
    ran = run_job(tmp_path, workflow, environ={"PATH": os.environ["PATH"], "TOKEN": "of the daemon"})
    assert [s.conclusion for s in ran.attempt.steps] == [Conclusion.NOT_RUN] * 3 + [Conclusion.SUCCESS]
    reasons = [s.reason or "" for s in ran.attempt.steps]
    assert "actions/cache@v4" in reasons[0]
    assert "run, env.A" in reasons[1]
    assert "github.ref == 'x'" in reasons[2]
    for reason, name in zip(reasons, ("cache", "expr", "cond"), strict=False):
        assert f"Not running step '{name}': {reason}" in ran.lines
    assert ran.step("runs") == ["token=unset"]
    assert any(line.startswith("note: `TOKEN` stays unset") for line in ran.lines)
    assert any("container node:22" in line for line in ran.lines)
    assert any("matrix" in line for line in ran.lines)
    assert ran.attempt.conclusion is Conclusion.UNKNOWN
    assert ran.lines[-1].startswith("🏁  Job incomplete")


def test_a_failure_stays_a_failure_whatever_was_not_run(tmp_path: Path) -> None:
    workflow = "jobs: {test: {steps: [{uses: a/b@v1}, {run: exit 1}]}}"
    ran = run_job(tmp_path, workflow)
    assert ran.attempt.conclusion is Conclusion.FAILURE
    assert any("1 step(s) were not run" in line for line in ran.lines)


def test_a_job_of_which_nothing_was_run_is_not_run(tmp_path: Path) -> None:
    ran = run_job(tmp_path, "jobs: {test: {if: github.x, steps: [{run: echo hi}]}}")
    assert ran.attempt.conclusion is Conclusion.NOT_RUN
    assert "the job's `if: github.x`" in (ran.attempt.steps[0].reason or "")
    called = run_job(tmp_path / "b", "jobs: {test: {uses: ./.forgejo/workflows/x.yml}}")
    assert called.attempt.conclusion is Conclusion.NOT_RUN
    skipped = run_job(tmp_path / "c", "jobs: {test: {if: false, steps: [{run: echo hi}]}}")
    assert skipped.attempt.conclusion is Conclusion.SKIPPED


def test_a_condition_that_does_not_hold_comes_before_what_cannot_be_run(tmp_path: Path) -> None:
    ran = run_job(tmp_path, "jobs: {test: {steps: [{run: exit 1}, {uses: a/b@v1}]}}")
    assert [s.conclusion for s in ran.attempt.steps] == [Conclusion.FAILURE, Conclusion.SKIPPED]


def test_working_directory_at_every_level(tmp_path: Path) -> None:
    workflow = """
        defaults: {run: {working-directory: w}}
        jobs:
          one: &job
            steps:
              - {name: make, working-directory: ., run: mkdir -p w j s}
              - {name: inherit, run: 'basename "$PWD"'}
              - {name: own, working-directory: s, run: 'basename "$PWD"'}
          test:
            defaults: {run: {working-directory: j, shell: sh}}
            <<: *job
    """
    ran = run_job(tmp_path, workflow)
    assert ran.step("inherit") == ["j"]
    assert ran.step("own") == ["s"]
    lost = run_job(tmp_path / "b", "jobs: {test: {steps: [{name: s, working-directory: gone, run: echo hi}]}}")
    assert "gone is no directory" in lost.step("s")[0]
    assert lost.attempt.conclusion is Conclusion.FAILURE


def test_progress_is_told_before_and_after_each_step(tmp_path: Path) -> None:
    ran = run_job(tmp_path, steps("true", "false", "true"))
    assert [len(a.steps) for a in ran.told] == [0, 1, 1, 2, 2, 3, 3]
    assert ran.told[1].steps[0].ended is None
    assert all(a.status is Status.RUNNING for a in ran.told[:-1])
    assert ran.told[-1] == ran.attempt


def test_an_unknown_job_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(WorkflowError, match="no job `test`: the file defines build"):
        run_job(tmp_path, "jobs: {build: {steps: [{run: x}]}}")


def test_a_sink_that_fails_is_the_callers_and_the_step_is_dead(tmp_path: Path) -> None:
    def full(data: bytes) -> None:
        if b"pid " in data:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        run_job(tmp_path, steps("echo $$ > pid\necho pid $$\nsleep 1000"), watch=full)
    pid = (tmp_path / "run" / "workspace" / "pid").read_text().strip()
    assert not Path("/proc", pid).exists()
