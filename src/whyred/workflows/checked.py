"""Whether the expressions of a job can be read at all, before anything of it is run. Pure."""

from collections.abc import Iterator, Mapping

from whyred.workflows.expressions import Place, check
from whyred.workflows.nouns import Data, JobSpec, RunDefaults, StepSpec, Workflow


def check_job(workflow: Workflow, job: JobSpec) -> None:
    """Raises ExpressionError for the first expression, in the order of the job, that is none."""
    for name, text in (*_variables(workflow.env, "env"), *_defaults(workflow.defaults)):
        check(text, Place(workflow.file, workflow.lines.get(name), name))
    for name, text in _fields(job):
        line = job.lines.get(name.partition("[")[0], job.line)
        check(text, Place(workflow.file, line, f"jobs.{job.key}.{name}"), bare=name == "if")
    for step in job.steps:
        for name, text in _step_fields(step):
            check(text, Place(workflow.file, step.lines.get(name, step.line), name), bare=name == "if")


def _fields(job: JobSpec) -> Iterator[tuple[str, str]]:
    yield "name", job.name
    if job.if_ and job.if_.strip():
        yield "if", job.if_
    yield from (("strategy", text) for text in _texts(job.strategy_data))
    yield from _variables(job.env, "env")
    yield from _defaults(job.defaults)
    yield from _variables(job.outputs, "outputs")
    yield from job.expressed.items()


def _step_fields(step: StepSpec) -> Iterator[tuple[str, str]]:
    if "name" in step.lines:  # else it is the first line of its script, where an expression may be cut off
        yield "name", step.name
    if step.if_ and step.if_.strip():
        yield "if", step.if_
    texts = {"run": step.run, "shell": step.shell, "working-directory": step.working_directory}
    yield from ((name, text) for name, text in texts.items() if text is not None)
    yield from _variables(step.env, "env")
    yield from _variables(step.with_, "with")
    yield from step.expressed.items()


def _variables(values: Mapping[str, str] | None, field: str) -> Iterator[tuple[str, str]]:
    yield from ((f"{field}.{name}", text) for name, text in (values or {}).items())


def _defaults(defaults: RunDefaults) -> Iterator[tuple[str, str]]:
    texts = {"defaults.run.shell": defaults.shell, "defaults.run.working-directory": defaults.working_directory}
    yield from ((name, text) for name, text in texts.items() if text is not None)


def _texts(data: Data) -> Iterator[str]:
    if isinstance(data, str):
        yield data
    elif isinstance(data, Mapping):
        for value in data.values():
            yield from _texts(value)
    elif isinstance(data, tuple):
        for value in data:
            yield from _texts(value)
