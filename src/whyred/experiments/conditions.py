"""Why a step is passed over: as a runner would (skipped), or because whyred cannot run it (not run)."""

from dataclasses import dataclass

from whyred.model.run import Conclusion
from whyred.workflows.expressions import Contexts, ExpressionError, NotKnownError, Place, condition
from whyred.workflows.nouns import JobSpec, StepSpec, Workflow


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step is passed over: `SKIPPED` as a runner would, or `NOT_RUN` because whyred cannot run it.

    `line` is what the log says of it.
    """

    conclusion: Conclusion
    reason: str
    line: str


def skipped(step: StepSpec, reason: str, due_to: str) -> Refusal:
    """A step that a runner would skip as well."""
    return Refusal(Conclusion.SKIPPED, reason, f"Skipping step '{step.name}' due to '{due_to}'")


def not_run(step: StepSpec, reason: str) -> Refusal:
    """A step that a runner would run and whyred cannot."""
    return Refusal(Conclusion.NOT_RUN, reason, f"Not running step '{step.name}': {reason}")


def step_refusal(step: StepSpec, contexts: Contexts, place: Place) -> Refusal | None:
    """Why the step's `if:` keeps it from being run now. Raises ExpressionError for one that no forge can work out."""
    try:
        if condition(step.if_, contexts, place):
            return None
    except NotKnownError as e:
        return not_run(step, f"`if: {step.if_}`: {e.why}. {e.how}")
    due_to = step.if_ or "success()"
    return skipped(step, f"`if: {due_to}` does not hold", due_to)


@dataclass(frozen=True, slots=True)
class JobGate:
    """Whether a job is due: `closed` says why not, as a runner would skip it (`skip`) or because whyred cannot know."""

    closed: str | None = None
    skip: str | None = None

    def refusal(self, step: StepSpec) -> Refusal | None:
        """What that means for one of its steps."""
        if self.closed is None:
            return None
        return not_run(step, self.closed) if self.skip is None else skipped(step, self.closed, self.skip)


def job_gate(workflow: Workflow, job: JobSpec, contexts: Contexts) -> JobGate:
    """What the job's `if:` says before its first step."""
    place = Place(workflow.file, job.lines.get("if", job.line), f"jobs.{job.key}.if")
    try:
        if condition(job.if_, contexts, place):
            return JobGate()
    except ExpressionError as e:
        return JobGate(f"the job's `if: {job.if_ or 'success()'}`: {e.why}. {e.how}")
    due_to = job.if_ or "success()"
    return JobGate(f"the job's `if: {due_to}` does not hold", job.if_ or "")
