"""The log of an attempt cut into its steps by the workflow file of its run, where no route tells which step wrote what.

Costs one small request or two. Where the file is not to be had, the seconds of the steps alone must do, or nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from whyred.model.run import Attempt, Step
from whyred.model.script import Script, called
from whyred.model.source import Boundaries, Fetched, MissingLogError

if TYPE_CHECKING:
    from whyred.app.ladder import Ladder
    from whyred.workflows.nouns import StepSpec

_AFTER_FAILURE = re.compile(r"\b(?:always|failure|cancelled)\s*\(|!\s*success\s*\(")
"""In the `if` of a step that may run when one before it failed; any other is as if it began with `success() &&`."""
_ELSEWHERE = ("pull_request_target", "workflow_run")
"""Events whose workflow file is not that of the run's commit, but of the branch that counts."""


def by_script(ladder: "Ladder", fetched: Fetched, *, middle: bool = False) -> Fetched:
    """The log with its steps; as it was where neither scripts nor seconds are known, or where its steps are told.

    `middle`: it may begin in the middle.
    """
    from whyred.logs.steps_by_script import split
    from whyred.logs.steps_by_time import begun

    if fetched.boundaries is not Boundaries.GUESSED:
        return fetched
    steps = [step for step in fetched.attempt.steps if begun(step) and not step.aside]
    scripts, told = _scripts(ladder, fetched.attempt), Boundaries.SCRIPTS
    if scripts is None:
        scripts, told = [Script(step.name) for step in steps], Boundaries.TIMES
    elif steps:
        scripts, steps = _together(scripts, steps)
    if not scripts:
        return fetched
    attempt = fetched.attempt
    if not attempt.steps:
        attempt = replace(attempt, steps=tuple(Step(script.name) for script in scripts))
    return replace(
        fetched, attempt=attempt, chunks=split(_text(fetched), scripts, steps, middle=middle), boundaries=told
    )


def _text(fetched: Fetched) -> Iterator[bytes]:
    return (chunk for chunk in fetched.chunks if isinstance(chunk, bytes))


def _scripts(ladder: "Ladder", attempt: Attempt) -> list[Script] | None:
    """What the workflow file says of the steps of this job; None where it is not to be had, or no use."""
    from whyred.workflows.nouns import WorkflowError
    from whyred.workflows.read import read_workflow

    run, job = attempt.run, attempt.job
    if job is None or None in (run.repo, run.workflow, run.commit) or run.event in _ELSEWHERE:
        return None
    try:
        text = ladder.ask("workflow_text", run)
        workflow = read_workflow(text, run.workflow or "")
    except (MissingLogError, WorkflowError):
        return None  # steps are a gain, not a need
    # A job of a matrix is called by its values as well: `test (1.21, linux)`.
    mine = [spec for spec in workflow.jobs if job.name in (spec.name, spec.key)]
    mine = mine or [s for s in workflow.jobs if called(s.name, job.name)]
    mine = mine or [s for s in workflow.jobs if job.name.startswith((f"{s.name} (", f"{s.key} ("))]
    if len(mine) != 1:
        return None
    return [_script(spec) for spec in mine[0].steps]


def _script(spec: "StepSpec") -> Script:
    from whyred.workflows.prints import prints

    begins = next((line.strip() for line in (spec.run or spec.uses or "").splitlines() if line.strip()), "")
    after_failure = spec.if_ is not None and _AFTER_FAILURE.search(spec.if_) is not None
    return Script(spec.name, begins, prints(spec.run or ""), after_failure, spec.continue_on_error)


def _together(scripts: list[Script], steps: list[Step]) -> tuple[list[Script], list[Step]]:
    """The steps that began, with their scripts; the scripts alone where the two lists are not about the same steps."""
    by_name = {script.name: script for script in scripts}
    if len(by_name) < len(scripts) or not all(step.name in by_name for step in steps):
        return scripts, []
    return [by_name[step.name] for step in steps], steps
