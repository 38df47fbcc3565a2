"""What a workflow file says: `Workflow`, its `JobSpec`s and their `StepSpec`s; `WorkflowError` where it is unusable.

All values are the text of the file: `1.10` stays `1.10` and `yes` stays `yes`, as the runners hand them to a step. Only
a `strategy` is there a second time with numbers and truth values, because expressions can tell them from text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from whyred.model.trouble import UserError

Tree = str | None | tuple["Tree", ...] | Mapping[str, "Tree"]
"""Any part of a YAML file: text, null, list or mapping."""

Data = str | float | bool | None | tuple["Data", ...] | Mapping[str, "Data"]
"""Any part of a YAML file with its plain scalars read: numbers and truth values as well."""


class WorkflowError(UserError):
    """A workflow file that cannot be used: one line with file, line, what, why and how to go on.

    `line` counts from 1; None where no single line is to blame.
    """

    def __init__(self, file: str, line: int | None, what: str, why: str, how: str) -> None:
        place = file if line is None else f"{file}:{line}"
        super().__init__(_one_line(f"{place}: {what}"), _one_line(why), _one_line(how[:1].upper() + how[1:]))
        self.file = file
        self.line = line


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in " ".join(text.split()))


@dataclass(frozen=True, slots=True)
class RunDefaults:
    """`defaults.run` of a workflow or a job: which shell, and in which folder below the workspace."""

    shell: str | None = None
    working_directory: str | None = None


@dataclass(frozen=True, slots=True)
class StepSpec:
    """One step as the file states it: either `run` or `uses`. `line` is where it starts (1-based).

    `name` is what people see; a step without one is called by its action or the first line of its script.
    `expressions` names the fields (without `name`) that hold `${{ }}`. `expressed` has the text of those among them
    that are no text themselves, `timeout-minutes` and `continue-on-error`; their own fields then count as not set.
    `lines`: where each field begins (`run`, `env.A`).
    """

    name: str
    line: int
    id: str | None = None
    run: str | None = None
    uses: str | None = None
    with_: Mapping[str, str] | None = None
    env: Mapping[str, str] | None = None
    shell: str | None = None
    working_directory: str | None = None
    timeout_minutes: float | None = None
    continue_on_error: bool = False
    if_: str | None = None
    expressions: tuple[str, ...] = ()
    expressed: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobSpec:
    """One job as the file states it. `uses` names a called workflow; then there are no steps.

    `strategy_data` is `strategy` with its plain scalars read; `outputs` what later jobs get, as text with expressions;
    `expressions`, `expressed` and `lines` as of a step.
    """

    key: str
    name: str
    line: int
    runs_on: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    defaults: RunDefaults = RunDefaults()
    timeout_minutes: float | None = None
    steps: tuple[StepSpec, ...] = ()
    needs: tuple[str, ...] = ()
    strategy: Tree = None
    if_: str | None = None
    uses: str | None = None
    container: str | None = None
    services: tuple[str, ...] = ()
    expressions: tuple[str, ...] = ()
    expressed: Mapping[str, str] = field(default_factory=dict)
    strategy_data: Data = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    lines: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow file: its name (the file's where it has none), the events of `on`, and its jobs in their order.

    `lines`: where its own fields begin (`env.A`).
    """

    name: str
    file: str
    on: tuple[str, ...]
    env: Mapping[str, str]
    defaults: RunDefaults
    jobs: tuple[JobSpec, ...]
    lines: Mapping[str, int] = field(default_factory=dict)

    def job(self, key: str) -> JobSpec:
        """The job with this key; `WorkflowError` that names the others when there is none."""
        for job in self.jobs:
            if job.key == key:
                return job
        known = ", ".join(j.key for j in self.jobs)
        raise WorkflowError(self.file, None, f"no job `{key}`", f"the file defines {known}", "name one of those")
