"""Runs the `run:` steps of one job on this machine as forgejo-runner does in host mode.

The only place that starts the user's commands. What it cannot do as a runner would (other actions, values that only a
forge has) is reported as not run, in the log and in the step's reason, and then the attempt is never called a success:
with a failed step it is a failure, else its conclusion is unknown (not run, when no step was run at all), and the log
ends with `Job incomplete`. Nothing is run after a cancel, not even steps with `always()`.
"""

import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from whyred.experiments.cancel import Cancel, on_signals
from whyred.experiments.checkout import Repository, RepositoryError, is_checkout, plan, prepare_target
from whyred.experiments.command_files import CommandFileError, CommandFiles
from whyred.experiments.conditions import Refusal, skipped
from whyred.experiments.environment import encode, step_environment
from whyred.experiments.execute_settings import ExecuteSettings as ExecuteSettings
from whyred.experiments.job_log import JobLog
from whyred.experiments.job_notes import differences, last_line, matrix_line
from whyred.experiments.job_state import JobState
from whyred.experiments.outcome import Outcome, failure, outcome
from whyred.experiments.prepared_job import PreparedJob, prepare
from whyred.experiments.shells import ShellError, choose
from whyred.experiments.terminal import Ended, Leftovers, Limits, NoTerminalError, StartError, Stop, run_command
from whyred.experiments.worked_step import WorkedStep
from whyred.model.run import Attempt, Conclusion, Job, Run, Status, Step
from whyred.workflows.nouns import JobSpec, StepSpec, Workflow
from whyred.workflows.values import NotKnown

_HELD = (
    "the step's shell ended, but a process it left behind still holds its output; "
    "what that prints from here on is not in this log"
)

Progress = Callable[[Attempt], None]
"""Told the attempt as far as it is known whenever a step starts (its `ended` is None) or ends."""


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
    state: JobState = field(default_factory=JobState)
    deadline: float | None = None
    """When the job must end (time.monotonic)."""
    leftovers: Leftovers = field(default_factory=Leftovers)
    prepared: PreparedJob = field(init=False)
    attempt: Attempt = field(init=False)

    def run(self) -> Attempt:
        self._prepare()
        try:
            for number, step in enumerate(self.job.steps):
                self._step(step, number)
            self._hand_over()
        finally:
            self.leftovers.close()
        return self._end()

    def _prepare(self) -> None:
        settings, job = self.settings, self.job
        settings.folders.make()
        (settings.folders.commands / "event.json").write_text("{}\n", encoding="utf-8")
        prepared = self.prepared = prepare(self.workflow, self.job, settings)
        repository = prepared.repository
        self.attempt = Attempt(
            Run(
                settings.label,
                self.workflow.name,
                settings.event,
                repository.commit if isinstance(repository, Repository) else None,
            ),
            Job(job.key, settings.clean(settings.around.name or job.name)),
            number=1,
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
        if isinstance(settings.around.matrix, Mapping):
            self.log.say(matrix_line(settings.around.matrix))
        if prepared.limit is not None:
            self.deadline = time.monotonic() + 60 * prepared.limit
        self.state.incomplete = bool(prepared.unset or (job.uses and prepared.gate.skip is None))
        for note in (*prepared.notes, *differences(job, prepared.unset, settings.around)):
            self.log.say(f"note: {note}")

    def _step(self, spec: StepSpec, number: int) -> None:
        prepared = self.prepared
        refused = self._over(spec) or prepared.gate.refusal(spec)
        if refused is not None:
            self._pass_over(spec, refused)
            return
        facts = {**prepared.facts, "GITHUB_ACTION": spec.id or str(number)}
        defaults = (self.job.defaults, self.workflow.defaults)
        step = WorkedStep(self.workflow.file, spec, partial(prepared.contexts, self.state, facts), defaults)
        secrets = (self.settings.around.secrets or {}).values()
        refused = None if prepared.broken else step.refusal(prepared.repository, secrets)
        if refused is not None:
            self._pass_over(step.spec, refused)
        else:
            self._run_step(step, number, facts)

    def _pass_over(self, spec: StepSpec, refused: Refusal) -> None:
        self.state.incomplete = self.state.incomplete or refused.conclusion is Conclusion.NOT_RUN
        self.log.say(refused.line)
        clean = self.settings.clean
        self.state.steps.append(Step(clean(spec.name), refused.conclusion, reason=clean(refused.reason)))
        self.state.remember(spec, refused.conclusion, refused.conclusion)
        self._tell()

    def _over(self, spec: StepSpec) -> Refusal | None:
        """Why no step at all is run any more."""
        if self.cancel.by is not None:
            return skipped(spec, "the run was cancelled", "cancelled")
        if self.prepared.broken is not None and self.state.failed:
            return skipped(spec, "the job failed before its first step", "failure")
        if self.deadline is not None and time.monotonic() >= self.deadline:
            self.state.timed_out = True
        if self.state.timed_out:
            return skipped(spec, "the job's timeout-minutes ran out", "timed out")
        return None

    def _tell(self) -> None:
        self.attempt = replace(self.attempt, steps=tuple(self.state.steps))
        self.progress(self.attempt)

    def _run_step(self, step: WorkedStep, number: int, facts: Mapping[str, str]) -> None:
        spec = step.spec
        self.state.steps.append(Step(self.settings.clean(spec.name), started=self.now()))
        self._tell()
        self.log.begin()
        self.log.say(f"⭐ Run Main {spec.name}")
        wrong = self.prepared.broken or step.wrong
        if wrong is not None:
            self._conclude(spec, failure(str(wrong)), {})
            return
        files = CommandFiles(self.settings.folders.commands)
        try:
            state = self.state
            env = step_environment(self.prepared.base, state.from_steps, facts, step.env, files.variables(), state.path)
            ended = self._checkout(spec, env) if is_checkout(spec) else self._script(step, number, env)
            ended, outputs = self._take(files, ended)
        finally:
            files.remove()
        self._conclude(spec, ended, outputs)

    def _script(self, step: WorkedStep, number: int, env: dict[str, str]) -> Outcome:
        spec, folders = step.spec, self.settings.folders
        folder = folders.workspace / (spec.working_directory or "")
        try:
            shell = choose(spec.shell, env)
            script = folders.commands / f"{number}{shell.suffix}"
            argv = shell.command(str(script), env)
        except ShellError as e:
            return failure(str(e))
        if not folder.is_dir():
            return failure(f"the working directory {folder} is no directory; a checkout or an earlier step makes it")
        try:
            # Values of earlier steps may hold bytes that are no UTF-8: they go through as they came.
            script.write_text((spec.run or "") + "\n", encoding="utf-8", errors="surrogateescape", newline="")
            return self._command(spec, argv, env, folder, pty=self.settings.pty)
        finally:
            if "run" in step.filled:  # what was put into it may be secret, and this folder is kept
                script.unlink(missing_ok=True)

    def _checkout(self, spec: StepSpec, env: dict[str, str]) -> Outcome:
        assert isinstance(self.prepared.repository, Repository)
        try:
            checkout = plan(spec, self.prepared.repository, self.settings.folders.workspace, env)
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
            self.state.timed_out = True
            return outcome(ended, f"the job's timeout-minutes of {self.prepared.limit or 0:g}")
        return outcome(ended, f"its timeout-minutes of {spec.timeout_minutes or 0:g}")

    def _take(self, files: CommandFiles, ended: Outcome) -> tuple[Outcome, dict[str, str]]:
        """Take over what the step wrote for later steps; a file that cannot be read fails it, as on a runner."""
        outputs = dict(self.log.outputs)
        try:
            self.state.path = [*reversed(files.folders()), *self.state.path]
            self.state.from_steps.update(files.pairs("ENV"))
            outputs.update(files.pairs("OUTPUT"))
            files.pairs("STATE")
        except CommandFileError as e:
            return (failure(str(e)) if not ended.failed else ended), outputs
        return ended, outputs

    def _conclude(self, spec: StepSpec, ended: Outcome, outputs: Mapping[str, str]) -> None:
        for line in ended.lines:
            self.log.runner(line)
        self.log.say(f"  ❌  Failure - Main {spec.name}" if ended.failed else f"  ✅  Success - Main {spec.name}")
        conclusion, reason, state = ended.conclusion, ended.reason, self.state
        if ended.failed and spec.continue_on_error and conclusion is not Conclusion.CANCELLED and not state.timed_out:
            self.log.say("Failed but continue next step")
            conclusion, reason = (
                Conclusion.SUCCESS,
                f"it failed ({reason or ended.lines[0]}), but continue-on-error is set",
            )
        state.failed = state.failed or conclusion is not Conclusion.SUCCESS
        state.remember(spec, ended.conclusion, conclusion, outputs)
        state.steps[-1] = replace(
            state.steps[-1],
            conclusion=conclusion,
            ended=self.now(),
            exit_code=ended.exit_code,
            reason=None if reason is None else self.settings.clean(reason),
        )
        self._tell()

    def _hand_over(self) -> None:
        """The outputs of the job, worked out after its last step."""
        outputs = self.prepared.outputs(self.state)
        for name, value in outputs.items():
            if isinstance(value, NotKnown):
                self.log.say(f"note: the output `{name}` is not known: {value.why}. {value.how}")
        self.settings.hand_over(outputs)

    def _end(self) -> Attempt:
        state = self.state
        conclusion = state.conclusion(cancelled=self.cancel.by is not None)
        if state.missed and conclusion is Conclusion.FAILURE:
            self.log.say(
                f"note: {state.missed} step(s) were not run; a step that failed after them may have missed them"
            )
        if state.timed_out:
            self.log.say(f"The job ran longer than its timeout-minutes of {self.prepared.limit or 0:g}")
        self.log.say(last_line(conclusion, state.missed))
        self.attempt = replace(self.attempt, status=Status.DONE, conclusion=conclusion, ended=self.now())
        self._tell()
        return self.attempt
