"""Whether a step is to be run: the status words of `if:`, and what whyred cannot work out by itself.

Understood are `success()` (also when there is no `if:`), `always()`, `failure()` and the plain words true and false.
Everything else needs the forge's expressions and is answered with "not run", never with a guess.
"""

from dataclasses import dataclass

from whyred.experiments.checkout import HARMLESS, Repository, is_checkout, why_not
from whyred.model.run import Conclusion
from whyred.workflows.nouns import JobSpec, StepSpec


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step is passed over: `SKIPPED` as a runner would, or `NOT_RUN` because whyred cannot run it.

    `line` is what the log says of it.
    """

    conclusion: Conclusion
    reason: str
    line: str


def holds(condition: str | None, *, failed: bool) -> bool | None:
    """Whether a condition holds when an earlier step failed or none did; None when it is not understood."""
    words = {"success()": not failed, "always()": True, "failure()": failed, "true": not failed, "false": False}
    return words.get(" ".join((condition or "success()").split()).lower())


def refusal(job: JobSpec, step: StepSpec, repository: Repository | str, *, failed: bool) -> Refusal | None:
    """Why not to run a step now; None when it is to be run."""
    job_due, due = holds(job.if_, failed=False), holds(step.if_, failed=failed)
    if job_due is None:
        return not_run(step, f"the job's `if: {job.if_}` needs the forge's expressions")
    if not job_due:
        return skipped(step, f"the job's `if: {job.if_}` does not hold", job.if_ or "")
    if due is None:
        return not_run(step, f"`if: {step.if_}` needs the forge's expressions")
    if not due:
        condition = step.if_ or "success()"
        return skipped(step, f"`if: {condition}` does not hold", condition)
    obstacle = _obstacle(step, repository)
    return None if obstacle is None else not_run(step, obstacle)


def skipped(step: StepSpec, reason: str, due_to: str) -> Refusal:
    """A step that a runner would skip as well."""
    return Refusal(Conclusion.SKIPPED, reason, f"Skipping step '{step.name}' due to '{due_to}'")


def not_run(step: StepSpec, reason: str) -> Refusal:
    """A step that a runner would run and whyred cannot."""
    return Refusal(Conclusion.NOT_RUN, reason, f"Not running step '{step.name}': {reason}")


def _obstacle(step: StepSpec, repository: Repository | str) -> str | None:
    checkout = is_checkout(step)
    harmless = {f"with.{name}" for name in HARMLESS} if checkout else set()
    needed = [field for field in step.expressions if field not in harmless]
    if needed:
        return f"`${{{{ }}}}` in {', '.join(needed)} needs the forge's expressions"
    if checkout:
        return why_not(step, repository)
    if step.uses is not None:
        return f"whyred runs no actions ({step.uses})"
    return None
