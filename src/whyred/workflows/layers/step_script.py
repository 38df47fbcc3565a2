"""What the step's own script does to the variable before it starts its programs."""

from collections.abc import Sequence

from whyred.model.variable import Setting
from whyred.workflows.assignments import acts
from whyred.workflows.layer import Ground, Layer, Read
from whyred.workflows.levels import levels, script_line, workflow_of


def files(ground: Ground) -> Sequence[str]:
    """The workflow file."""
    return (ground.workflow,) if ground.workflow else ()


def read(text: str, path: str, name: str, ground: Ground, _how: str) -> Read:
    """Assignments, exports, `unset`, and what holds for one command only: `NAME=value PROGRAM`, `env -i`, sudo."""
    step = levels(workflow_of(text, path), ground)[1]
    if step is None or step.run is None:
        return Read()
    first = script_line(text, step)
    found = []
    for act in acts(step.run, name):
        layer = "command" if act.only else "script"
        found.append(Setting(layer, f"{path}:{first + act.line - 1}", act.effect, act.value, act.only))
    return Read(tuple(found))


LAYER = Layer("step-script", "the step's script", files, read)
