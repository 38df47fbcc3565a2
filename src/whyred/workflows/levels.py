"""Which job and step of a workflow file somebody asks about, and where a step's script begins. Pure."""

from collections.abc import Sequence

from whyred.workflows.layer import Ground
from whyred.workflows.nouns import JobSpec, StepSpec, Workflow, WorkflowError
from whyred.workflows.read import read_workflow


def workflow_of(text: str, path: str) -> Workflow:
    """The workflow of a file. Raises ValueError."""
    try:
        return read_workflow(text.encode("utf-8", "surrogateescape"), path)
    except WorkflowError as e:
        raise ValueError(str(e)) from e


def levels(workflow: Workflow, ground: Ground) -> tuple[JobSpec | None, StepSpec | None, Sequence[StepSpec]]:
    """The job and the step that are named, and the steps before that one; all steps where none is named.

    A job is found by its key or name, or is the only one; a step by its name, id or number from 1. Raises ValueError,
    which says what there is.
    """
    job = _job(workflow, ground.job)
    if job is None or not ground.step:
        return job, None, () if job is None else job.steps
    for number, step in enumerate(job.steps, 1):
        if ground.step in (step.name, step.id, str(number)):
            return job, step, job.steps[: number - 1]
    there = ", ".join(f"{n} {s.name}" for n, s in enumerate(job.steps, 1))
    raise ValueError(f"the job {job.key} has no step {ground.step!r}; it has: {there}")


def _job(workflow: Workflow, name: str) -> JobSpec | None:
    if not name:
        return workflow.jobs[0] if len(workflow.jobs) == 1 else None
    found = next((j for j in workflow.jobs if name in (j.key, j.name)), None)
    if found is None:
        raise ValueError(f"there is no job {name!r}; there are: {', '.join(j.key for j in workflow.jobs)}")
    return found


def script_line(text: str, step: StepSpec) -> int:
    """The line of the file in which the first line of the step's script stands."""
    at = step.lines.get("run", step.line)
    lines = text.splitlines()
    first = (step.run or "").partition("\n")[0].strip()
    here = lines[at - 1] if 0 < at <= len(lines) else ""
    if first and first in here:
        return at
    for number in range(at, min(at + 5, len(lines))):
        if lines[number].strip() == first:
            return number + 1
    return at + 1
