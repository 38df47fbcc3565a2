"""`env:` of a workflow, of its job and of its step."""

from collections.abc import Mapping, Sequence

from whyred.model.variable import Effect, Setting
from whyred.workflows.layer import Ground, Layer, Read
from whyred.workflows.levels import levels, workflow_of


def files(ground: Ground) -> Sequence[str]:
    """The workflow file."""
    return (ground.workflow,) if ground.workflow else ()


def read(text: str, path: str, name: str, ground: Ground, _how: str) -> Read:
    """At most one setting for each level; expressions stay as they are written."""
    workflow = workflow_of(text, path)
    found = []
    job, step, _ = levels(workflow, ground)
    places: list[tuple[str, Mapping[str, str] | None, Mapping[str, int]]] = [("workflow", workflow.env, workflow.lines)]
    places += [("job", job.env, job.lines)] if job else []
    places += [("step", step.env, step.lines)] if step else []
    for layer, env, lines in places:
        if env and name in env:
            line = lines.get(f"env.{name}") or lines.get("env") or 1
            found.append(Setting(layer, f"{path}:{line}", Effect.SETS, env[name]))
    return Read(tuple(found))


LAYER = Layer("workflow-env", "`env:` of workflow, job and step", files, read)
