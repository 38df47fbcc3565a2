"""One try of a job as the server hands it to a runner."""

import base64
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from live.report import Report
from whyred.experiments.contexts import Around, Need
from whyred.workflows.nouns import Data, JobSpec, Workflow
from whyred.workflows.read import read_workflow
from whyred.workflows.values import Value, to_text


@dataclass(slots=True)
class Task:
    """What a runner knows of a task: `context` is the `github` context, `around` what the job gets from outside it."""

    id: int
    payload: bytes
    context: Mapping[str, Any] = field(repr=False)
    around: Around = field(repr=False)
    outputs: dict[str, str] = field(default_factory=dict, repr=False)
    masks: list[str] = field(default_factory=list, repr=False)
    report: Report = field(init=False)
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.report = Report(len(self.job.steps), self.hide)

    @property
    def job(self) -> JobSpec:
        """The job as its workflow states it."""
        return read_workflow(self.payload, "ci.yml").jobs[0]

    @property
    def run_id(self) -> int:
        """The server's own number of the run."""
        return int(self.context["run_id"])

    @property
    def run_number(self) -> int:
        """The number of the run that people see."""
        return int(self.context["run_number"])

    @property
    def text(self) -> bytes:
        """The log as the server must have it in the end."""
        return b"".join(row.stored() for row in self.report.since(0, last=True))

    def workflow(self) -> Workflow:
        """The workflow with this one job. The server took its `needs` away once they had ended; they are put back.

        Raises WorkflowError.
        """
        workflow = read_workflow(self.payload, "ci.yml")
        return replace(workflow, jobs=(replace(workflow.jobs[0], needs=tuple(self.around.needs)),))

    def hand_over(self, outputs: Mapping[str, Value]) -> None:
        """Keeps the job's outputs, which the jobs that need it get."""
        self.outputs.update({name: to_text(value) for name, value in outputs.items()})

    def mask(self, value: str) -> None:
        """Hides a value from now on; one of several lines line by line."""
        self.masks += [line for line in value.splitlines() if line.strip()]

    def hide(self, line: str) -> str:
        """The line without secrets."""
        for value in sorted(self.masks, key=len, reverse=True):
            line = line.replace(value, "***")
        return line


def read_task(message: Mapping[str, Any]) -> Task:
    """The `Task` of the protocol. Its secrets and tokens are masked from the first line on, as runners do."""
    context, secrets, payload = message.get("context", {}), message.get("secrets", {}), message["workflowPayload"]
    job = read_workflow(base64.b64decode(payload), "ci.yml").jobs[0]
    around = Around(
        name=job.name,
        secrets=secrets,
        variables=message.get("vars", {}),
        matrix=_matrix(job.strategy_data),
        needs={key: _need(need) for key, need in message.get("needs", {}).items()},
    )
    task = Task(int(message["id"]), base64.b64decode(payload), context, around)
    for value in (*secrets.values(), context.get("token", ""), context.get("gitea_runtime_token", "")):
        task.mask(value)
    return task


def _need(need: Mapping[str, Any]) -> Need:
    """A job waited for, its result in the words of workflows: `success`, not `RESULT_SUCCESS`."""
    return Need(str(need.get("result", "")).removeprefix("RESULT_").lower(), need.get("outputs", {}))


def _matrix(strategy: Data) -> dict[str, Value] | None:
    """The one combination that the server left of the matrix: each value is a list of one."""
    matrix = strategy.get("matrix") if isinstance(strategy, Mapping) else None
    if not isinstance(matrix, Mapping):
        return None
    return {key: value[0] if isinstance(value, tuple) else value for key, value in matrix.items()}
