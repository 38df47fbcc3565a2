"""The log of an attempt cut into its steps by the workflow file of its run, where no route tells which step wrote what.

Costs one small request or two. Where the file is not to be had, the seconds of the steps alone must do, or nothing.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from whyred.model.run import Attempt, Conclusion, Step
from whyred.model.script import Script, called
from whyred.model.source import Boundaries, Fetched, MissingLogError

if TYPE_CHECKING:
    from whyred.app.ladder import Ladder
    from whyred.workflows.nouns import StepSpec

_AFTER_FAILURE = re.compile(r"\b(?:always|failure|cancelled)\s*\(|!\s*success\s*\(")
"""In the `if` of a step that may run when one before it failed; any other is as if it began with `success() &&`."""
_ELSEWHERE = ("pull_request_target", "workflow_run")
"""Events whose workflow file is not that of the run's commit, but of the branch that counts."""
WORKFLOW_FILE = "workflow-file"
"""How a refusal of it is called among those of routes."""
_SHELLS = (None, "bash", "sh")
"""Whose `echo` is known."""


def by_script(ladder: "Ladder", fetched: Fetched, *, middle: bool = False) -> Fetched:
    """The log with its steps; as it was where neither scripts nor seconds are known, or where its steps are told.

    `middle`: it may begin in the middle.
    """
    from whyred.logs.steps_by_script import split
    from whyred.logs.steps_by_time import begun

    if fetched.boundaries is not Boundaries.GUESSED:
        return fetched
    attempt = fetched.attempt
    steps = [step for step in attempt.steps if begun(step) and not step.aside]
    try:
        scripts = _scripts(ladder, attempt)
    except MissingLogError as e:  # steps are a gain, not a need
        scripts, fetched = [], replace(fetched, refused=(*fetched.refused, (WORKFLOW_FILE, e)))
    if scripts and not attempt.steps:
        attempt = replace(attempt, steps=tuple(Step(script.name) for script in scripts))
        steps = list(attempt.steps)
    elif scripts:
        scripts = _of(scripts, steps)
    if not steps:
        return fetched
    timed = attempt.conclusion is not Conclusion.CANCELLED
    chunks = split(_text(fetched), steps, scripts, middle=middle, timed=timed)
    return replace(fetched, attempt=attempt, chunks=chunks, boundaries=_told(scripts), scripts=tuple(scripts))


def _told(scripts: list[Script]) -> Boundaries:
    return Boundaries.SCRIPTS if scripts else Boundaries.TIMES


def _text(fetched: Fetched) -> Iterator[bytes]:
    return (chunk for chunk in fetched.chunks if isinstance(chunk, bytes))


def _scripts(ladder: "Ladder", attempt: Attempt) -> list[Script]:
    """What the workflow file says of the steps of this job; nothing where that is no use. Raises MissingLogError."""
    from whyred.workflows.nouns import WorkflowError
    from whyred.workflows.read import read_workflow

    run, job = attempt.run, attempt.job
    if job is None or None in (run.repo, run.workflow, run.commit) or run.event in _ELSEWHERE:
        return []
    text = ladder.ask("workflow_text", run)
    try:
        workflow = read_workflow(text, run.workflow or "")
    except WorkflowError:
        return []
    # A job of a matrix is called by its values as well: `test (1.21, linux)`.
    mine = [spec for spec in workflow.jobs if job.name in (spec.name, spec.key)]
    mine = mine or [s for s in workflow.jobs if called(s.name, job.name)]
    mine = mine or [s for s in workflow.jobs if job.name.startswith((f"{s.name} (", f"{s.key} ("))]
    if len(mine) != 1:
        return []
    shell = mine[0].defaults.shell or workflow.defaults.shell
    return [_script(spec, spec.shell or shell) for spec in mine[0].steps]


def _script(spec: "StepSpec", shell: str | None) -> Script:
    from whyred.workflows.prints import prints

    begins = next((line.strip() for line in (spec.run or spec.uses or "").splitlines() if line.strip()), "")
    after_failure = spec.if_ is not None and _AFTER_FAILURE.search(spec.if_) is not None
    run = (spec.run or "") if shell in _SHELLS else ""
    return Script(spec.name, begins, prints(run), after_failure, spec.continue_on_error, run)


def _of(scripts: list[Script], steps: list[Step]) -> list[Script]:
    """The scripts of these steps, which are those that began; none where the two lists are not about the same job."""
    later = iter(scripts)  # each step's script comes after the one before
    found = [next((script for script in later if _is_of(script, step)), None) for step in steps]
    return [script for script in found if script is not None] if None not in found else []


def _is_of(script: Script, step: Step) -> bool:
    """A step without a name is called by what it does; Gitea puts `Run` before that."""
    return called(script.name, step.name) or step.name in (script.begins, f"Run {script.begins}")
