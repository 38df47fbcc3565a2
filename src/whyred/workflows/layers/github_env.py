"""What earlier steps of the job write into GITHUB_ENV: from the next step on it counts."""

from collections.abc import Sequence

from whyred.model.variable import Setting
from whyred.workflows.assignments import written
from whyred.workflows.layer import Ground, Layer, Read
from whyred.workflows.levels import levels, script_line, workflow_of


def files(ground: Ground) -> Sequence[str]:
    """The workflow file."""
    return (ground.workflow,) if ground.workflow else ()


def read(text: str, path: str, name: str, ground: Ground, _how: str) -> Read:
    """The writes of the steps before the one that is asked about; of all steps where none is."""
    found = []
    for step in levels(workflow_of(text, path), ground)[2]:
        for act in written(step.run or "", name):
            place = f"{path}:{script_line(text, step) + act.line - 1}"
            found.append(Setting("github-env", place, act.effect, act.value))
    return Read(tuple(found))


LAYER = Layer("github-env", "what earlier steps wrote to GITHUB_ENV", files, read)
