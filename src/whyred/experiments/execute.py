"""Runs the `run:` steps of one job on this machine as forgejo-runner does in host mode.

The only place that starts the user's commands. What it cannot do as a runner would (other actions, expressions) is
reported as not run, in the log and in the step's reason, and then the attempt is never called a success: with a
failed step it is a failure, else its conclusion is unknown (not run, when no step was run at all), and the log ends
with `Job incomplete`. Nothing is run after a cancel, not even steps with `always()`.
"""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from whyred.experiments.cancel import Cancel, on_signals
from whyred.experiments.checkout import Repository, RepositoryError, is_checkout, plan, prepare_target, read_repository
from whyred.experiments.command_files import CommandFileError, CommandFiles
from whyred.experiments.conditions import Refusal, refusal, skipped
from whyred.experiments.environment import Folders, encode, job_environment, left_unset, step_environment
from whyred.experiments.job_log import JobLog
from whyred.experiments.outcome import Outcome, failure, outcome
from whyred.experiments.shells import ShellError, choose
from whyred.experiments.terminal import Ended, Leftovers, Limits, NoTerminalError, StartError, Stop, run_command
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status, Step
from whyred.workflows.nouns import JobSpec, StepSpec, Workflow

_HELD = (
    "the step's shell ended, but a process it left behind still holds its output; "
    "what that prints from here on is not in this log"
)

Progress = Callable[[Attempt], None]
"""Told the attempt as far as it is known whenever a step starts (its `ended` is None) or ends."""


@dataclass(frozen=True, slots=True)
class ExecuteSettings:
    """What a run needs to know beyond the workflow.

    `folder`: the run's own folder. `number`: the N of `local:N`. `environ`: the daemon's environment (as os.environ
    has it), which fills what the workflow leaves unset. `runner_env`: `runner.envs` of a runner's settings, which beat
    workflow and job. `runner`: who runs this. `mask`: told every value of `::add-mask::` before anything later reaches
    the sink. `repository`: the working tree that holds the workflow, if it lies in one. `drain`: seconds to wait for
    processes that keep a terminal open after their step's shell ended.
    """

    number: int
    folder: Path
    environ: Mapping[str, str]
    runner: Runner
    mask: Callable[[str], None]
    repository: Path | None = None
    runner_env: Mapping[str, str] = field(default_factory=dict)
    pty: bool = True
    event: str = "local"
    drain: float = 3.0
    cancel: Cancel | None = None
    """To stop the run from another thread; signals ask for it by themselves in the main thread."""

    @property
    def label(self) -> str:
        """How a person names the run."""
        return f"local:{self.number}"

    @property
    def folders(self) -> Folders:
        """Where the steps work."""
        at = self.folder.absolute()
        return Folders(at / "workspace", at / "temp", at / "tool_cache", at / "commands")


def execute(
    workflow: Workflow,
    job_key: str,
    settings: ExecuteSettings,
    sink: Callable[[bytes], None],
    now: Callable[[], float],
    progress: Progress,
) -> Attempt:
    """Run one job to its end and say how it went.

    `sink` gets the unmasked log; while it blocks, so do the steps. Raises WorkflowError (no such job), OSError (the
    run's folder cannot be written) and whatever `sink` and `progress` raise; a running step is killed first.
    """
    job = workflow.job(job_key)
    cancel = settings.cancel or Cancel()
    try:
        with on_signals(cancel):
            return _Execution(workflow, job, settings, JobLog(sink, now, settings.mask), now, progress, cancel).run()
    finally:
        if settings.cancel is None:
            cancel.close()


@dataclass(slots=True)
class _Execution:
    """One job under way."""

    workflow: Workflow
    job: JobSpec
    settings: ExecuteSettings
    log: JobLog
    now: Callable[[], float]
    progress: Progress
    cancel: Cancel
    steps: list[Step] = field(default_factory=list)
    failed: bool = False
    incomplete: bool = False
    timed_out: bool = False
    deadline: float | None = None
    """When the job must end (time.monotonic)."""
    path: list[str] = field(default_factory=list)
    from_steps: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, dict[str, str]] = field(default_factory=dict)
    """Outputs by step id; expressions will read them."""
    repository: Repository | str = "it does not lie in a git repository"
    base: dict[str, str] = field(default_factory=dict)
    leftovers: Leftovers = field(default_factory=Leftovers)
    attempt: Attempt = field(init=False)

    def run(self) -> Attempt:
        self._prepare()
        try:
            for number, step in enumerate(self.job.steps):
                self._step(step, number)
        finally:
            self.leftovers.close()
        return self._end()

    def _prepare(self) -> None:
        settings, job = self.settings, self.job
        settings.folders.make()
        (settings.folders.commands / "event.json").write_text("{}\n", encoding="utf-8")
        if job.timeout_minutes is not None:
            self.deadline = time.monotonic() + 60 * job.timeout_minutes
        if settings.repository is not None:
            try:
                self.repository = read_repository(settings.repository, settings.environ)
            except RepositoryError as e:
                self.repository = str(e)
        commit = self.repository.commit if isinstance(self.repository, Repository) else None
        self.base = job_environment(self.workflow, job, settings.runner_env, settings.environ, settings.folders)
        self.attempt = Attempt(
            Run(settings.label, self.workflow.name, settings.event, commit),
            Job(job.key, job.name),
            status=Status.RUNNING,
            started=self.now(),
            runner=settings.runner,
        )
        self.progress(self.attempt)
        name = settings.runner.name or "whyred"
        self.log.say(
            f"{name}(version:whyred) received task {settings.number} of job {job.key}, "
            f"be triggered by event: {settings.event}"
        )
        self.log.say("workflow prepared")
        self._say_differences()

    def _say_differences(self) -> None:
        """What of this job is not as it would be on a runner, before its first step."""
        job = self.job
        notes = [
            f"`{name}` stays unset: its value is an expression that only the forge can work out"
            for name in left_unset(self.workflow, job)
            if name not in self.settings.runner_env
        ]
        self.incomplete = bool(notes)
        if job.container:
            notes.append(f"the job asks for container {job.container}; its steps run on this machine instead")
        if job.services:
            notes.append(f"the services {', '.join(job.services)} are not started")
        if job.needs:
            notes.append(f"the outputs of the jobs it needs are not handed over: {', '.join(job.needs)}")
        if job.strategy is not None:
            notes.append("its matrix is not expanded")
        if job.uses:
            notes.append(f"it calls the workflow {job.uses}, which is not run")
            self.incomplete = True
        for note in notes:
            self.log.say(f"note: {note}")

    def _step(self, spec: StepSpec, number: int) -> None:
        refused = self._over(spec) or refusal(self.job, spec, self.repository, failed=self.failed)
        if refused is None:
            self._run_step(spec, number)
            return
        self.incomplete = self.incomplete or refused.conclusion is Conclusion.NOT_RUN
        self.log.say(refused.line)
        self.steps.append(Step(spec.name, refused.conclusion, reason=refused.reason))
        self._tell()

    def _over(self, spec: StepSpec) -> Refusal | None:
        """Why no step at all is run any more."""
        if self.cancel.by is not None:
            return skipped(spec, "the run was cancelled", "cancelled")
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self.timed_out = True
        return skipped(spec, "the job's timeout-minutes ran out", "timed out") if self.timed_out else None

    def _tell(self) -> None:
        self.attempt = replace(self.attempt, steps=tuple(self.steps))
        self.progress(self.attempt)

    def _run_step(self, spec: StepSpec, number: int) -> None:
        self.steps.append(Step(spec.name, started=self.now()))
        self._tell()
        self.log.begin()
        self.log.say(f"⭐ Run Main {spec.name}")
        files = CommandFiles(self.settings.folders.commands)
        try:
            facts = self._facts(spec, number)
            env = step_environment(self.base, self.from_steps, facts, spec, files.variables(), self.path)
            ended = self._checkout(spec, env) if is_checkout(spec) else self._script(spec, number, env)
            ended = self._take(spec, number, files, ended)
        finally:
            files.remove()
        self._conclude(spec, ended)

    def _script(self, spec: StepSpec, number: int, env: dict[str, str]) -> Outcome:
        folders, job, workflow = self.settings.folders, self.job.defaults, self.workflow.defaults
        folder = folders.workspace / (
            spec.working_directory or job.working_directory or workflow.working_directory or ""
        )
        try:
            shell = choose(spec.shell or job.shell or workflow.shell, env)
            script = folders.commands / f"{number}{shell.suffix}"
            script.write_text((spec.run or "") + "\n", encoding="utf-8", newline="")
            argv = shell.command(str(script), env)
        except ShellError as e:
            return failure(str(e))
        if not folder.is_dir():
            return failure(f"the working directory {folder} is no directory; a checkout or an earlier step makes it")
        return self._command(spec, argv, env, folder, pty=self.settings.pty)

    def _checkout(self, spec: StepSpec, env: dict[str, str]) -> Outcome:
        assert isinstance(self.repository, Repository)
        try:
            checkout = plan(spec, self.repository, self.settings.folders.workspace, env)
            prepare_target(checkout.target)
        except (RepositoryError, OSError) as e:
            return failure(str(e))
        for note in checkout.notes:
            self.log.say(note)
        return self._command(spec, checkout.argv, checkout.env, self.settings.folders.workspace.parent, pty=False)

    def _command(
        self, spec: StepSpec, argv: Sequence[str], env: Mapping[str, str], folder: Path, *, pty: bool
    ) -> Outcome:
        own = None if spec.timeout_minutes is None else time.monotonic() + 60 * spec.timeout_minutes
        deadline = min((d for d in (own, self.deadline) if d is not None), default=None)
        limits = Limits(self.cancel, deadline, self.settings.drain)
        try:
            ended = run_command(
                argv, encode(env), folder, pty=pty, limits=limits, leftovers=self.leftovers, output=self.log.feed
            )
        except NoTerminalError as e:
            self.log.runner(f"no terminal to be had ({e}); the step runs without one")
            return self._command(spec, argv, env, folder, pty=False)
        except (StartError, UnicodeEncodeError) as e:
            return failure(f"the command could not be started: {e}")
        except KeyboardInterrupt:
            self.cancel.request("KeyboardInterrupt")
            ended = Ended(-signal.SIGKILL, Stop.CANCELLED)
        self.log.finish()
        if ended.held:
            self.log.runner(_HELD)
        if ended.stop is Stop.TIMED_OUT and deadline != own:
            self.timed_out = True
            return outcome(ended, f"the job's timeout-minutes of {self.job.timeout_minutes:g}")
        return outcome(ended, f"its timeout-minutes of {spec.timeout_minutes or 0:g}")

    def _take(self, spec: StepSpec, number: int, files: CommandFiles, ended: Outcome) -> Outcome:
        """Take over what the step wrote for later steps; a file that cannot be read fails it, as on a runner."""
        self.outputs[spec.id or str(number)] = dict(self.log.outputs)
        try:
            self.path = [*reversed(files.folders()), *self.path]
            self.from_steps.update(files.pairs("ENV"))
            self.outputs[spec.id or str(number)].update(files.pairs("OUTPUT"))
            files.pairs("STATE")
        except CommandFileError as e:
            return failure(str(e)) if not ended.failed else ended
        return ended

    def _conclude(self, spec: StepSpec, ended: Outcome) -> None:
        for line in ended.lines:
            self.log.runner(line)
        self.log.say(f"  ❌  Failure - Main {spec.name}" if ended.failed else f"  ✅  Success - Main {spec.name}")
        conclusion, reason = ended.conclusion, ended.reason
        if ended.failed and spec.continue_on_error and conclusion is not Conclusion.CANCELLED and not self.timed_out:
            self.log.say("Failed but continue next step")
            conclusion, reason = (
                Conclusion.SUCCESS,
                f"it failed ({reason or ended.lines[0]}), but continue-on-error is set",
            )
        self.failed = self.failed or conclusion is not Conclusion.SUCCESS
        self.steps[-1] = replace(
            self.steps[-1], conclusion=conclusion, ended=self.now(), exit_code=ended.exit_code, reason=reason
        )
        self._tell()

    def _facts(self, spec: StepSpec, number: int) -> dict[str, str]:
        """CI, ACT and the GITHUB_ variables that a run on this machine can know."""
        settings, repository = self.settings, self.repository
        return {
            "CI": "true",
            "ACT": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION": spec.id or str(number),
            "GITHUB_EVENT_NAME": settings.event,
            "GITHUB_EVENT_PATH": str(settings.folders.commands / "event.json"),
            "GITHUB_JOB": self.job.key,
            "GITHUB_RUN_ATTEMPT": "1",
            "GITHUB_RUN_ID": str(settings.number),
            "GITHUB_RUN_NUMBER": str(settings.number),
            "GITHUB_WORKFLOW": self.workflow.name,
            "GITHUB_WORKSPACE": str(settings.folders.workspace),
            **(repository.facts() if isinstance(repository, Repository) else {}),
        }

    def _end(self) -> Attempt:
        conclusion = self._conclusion()
        missed = sum(step.conclusion is Conclusion.NOT_RUN for step in self.steps)
        if missed and conclusion is Conclusion.FAILURE:
            self.log.say(f"note: {missed} step(s) were not run; a step that failed after them may have missed them")
        if self.timed_out:
            self.log.say(f"The job ran longer than its timeout-minutes of {self.job.timeout_minutes:g}")
        ends = {
            Conclusion.SUCCESS: "🏁  Job succeeded",
            Conclusion.SKIPPED: "🏁  Job skipped",
            Conclusion.UNKNOWN: f"🏁  Job incomplete: nothing failed, but not everything was run ({missed} step(s))",
            Conclusion.NOT_RUN: "🏁  Job incomplete: no step was run",
        }
        self.log.say(ends.get(conclusion, "🏁  Job failed"))
        self.attempt = replace(self.attempt, status=Status.DONE, conclusion=conclusion, ended=self.now())
        self._tell()
        return self.attempt

    def _conclusion(self) -> Conclusion:
        """One conclusion for the job; see the top of this file for what was not run."""
        if self.cancel.by is not None:
            return Conclusion.CANCELLED
        if self.timed_out:
            return Conclusion.TIMED_OUT
        if self.failed:
            return Conclusion.FAILURE
        ran = any(step.conclusion is Conclusion.SUCCESS for step in self.steps)
        if self.incomplete:
            return Conclusion.UNKNOWN if ran else Conclusion.NOT_RUN
        return Conclusion.SUCCESS if ran else Conclusion.SKIPPED
