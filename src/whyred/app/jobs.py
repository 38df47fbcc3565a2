"""The jobs of one run: their order, the combinations of their matrices, and what each gets of those before it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from whyred.app.given import GivenValues
from whyred.experiments import contexts
from whyred.experiments.checkout import Repository
from whyred.experiments.contexts import Around, Need
from whyred.experiments.environment import job_facts
from whyred.experiments.job_state import result_word
from whyred.model.run import Conclusion
from whyred.model.trouble import UserError
from whyred.workflows.expressions import Contexts, NotKnownError, Place, asks_status
from whyred.workflows.functions import JobStatus
from whyred.workflows.matrix import Combination, combinations, job_name, strategy
from whyred.workflows.nouns import JobSpec, Workflow
from whyred.workflows.values import NotKnown, Value, truthy


@dataclass(frozen=True, slots=True)
class Task:
    """One job to run, or one combination of its matrix: what it is called, and what it gets from outside."""

    job: JobSpec
    name: str
    around: Around

    @property
    def fail_fast(self) -> bool:
        """Whether its failure ends the other combinations."""
        return self.around.strategy is not None and truthy(self.around.strategy["fail-fast"])


@dataclass(slots=True)
class Jobs:
    """The jobs of a run, and how they ended so far. `only` names one job, or one combination (`test (3.12)`)."""

    workflow: Workflow
    given: GivenValues
    event: str
    repository: Repository | str
    only: str | None = None
    ended: dict[str, list[tuple[Conclusion, Mapping[str, Value]]]] = field(default_factory=dict, repr=False)
    """By job key, of each combination: how it ended, and its outputs."""

    def to_run(self) -> Sequence[JobSpec]:
        """The jobs in the order of their needs. Raises WorkflowError or UserError (no such job, a circle)."""
        if self.only is None:
            return list(_in_order(self.workflow))
        if self.only not in {job.key for job in self.workflow.jobs}:
            for job in self.workflow.jobs:
                if any(task.name == self.only for task in self._tasks(job)):
                    return [job]
        return [self.workflow.job(self.only)]

    def held_back(self, job: JobSpec) -> str | None:
        """Why a job that waits for the success of others is not run."""
        if asks_status(job.if_, self._place(job, "if")):
            return None
        missing = [key for key in self._before(job) if self._result(key) != "success"]
        return f"it needs {', '.join(missing)}, which did not succeed" if missing else None

    def tasks(self, job: JobSpec) -> list[Task]:
        """What is to be run of a job. Raises WorkflowError (a matrix that no forge could work out)."""
        tasks = self._tasks(job)
        return [task for task in tasks if task.name == self.only] or tasks

    def note(self, job: JobSpec, conclusion: Conclusion, outputs: Mapping[str, Value] | None = None) -> None:
        """A job, or one combination of it, ended or was not run at all."""
        self.ended.setdefault(job.key, []).append((conclusion, outputs or {}))

    def _tasks(self, job: JobSpec) -> list[Task]:
        around = self._around(job)
        known = job_facts(self.workflow, job, self.event, self.repository)
        seen = contexts.outer(job, known, self.event, self.repository, around)
        place = self._place(job, "strategy")
        try:
            plan = strategy(job.strategy_data, seen, place)
            matrix = plan.get("matrix")
            rows: Sequence[Combination] = ({},) if matrix is None else combinations(matrix, place)
        except NotKnownError as e:
            return [Task(job, job.name, replace(around, matrix=NotKnown(e.why, e.how)))]
        facts = [_strategy_facts(plan, len(rows), index) for index in range(len(rows))]
        inside = [replace(around, matrix=row or None, strategy=own) for row, own in zip(rows, facts, strict=True)]
        return [self._task(job, each, seen) for each in inside]

    def _task(self, job: JobSpec, around: Around, seen: Contexts) -> Task:
        inside = replace(seen, values={**seen.values, "matrix": around.matrix, "strategy": around.strategy})
        row = around.matrix if isinstance(around.matrix, Mapping) else {}
        try:
            name = job_name(job.name, row, inside, self._place(job, "name"))
        except NotKnownError:
            name = job_name(job.key, row, inside, self._place(job, "name"))
        return Task(job, name, replace(around, name=name))

    def _around(self, job: JobSpec) -> Around:
        return Around(
            secrets=self.given.secrets,
            variables=self.given.variables,
            needs={key: self._need(key) for key in job.needs if key in self.ended},
            before=self._status(job),
        )

    def _need(self, key: str) -> Need:
        """What a matrix hands on: of each output the last text that is not empty."""
        outputs: dict[str, Value] = {}
        for _, own in self.ended[key]:
            outputs |= {name: value for name, value in own.items() if value != "" or name not in outputs}
        return Need(self._result(key), outputs)

    def _result(self, key: str) -> str | NotKnown:
        """One result for all combinations of a job."""
        words = [result_word(conclusion, f"job `{key}`") for conclusion, _ in self.ended[key]]
        for word in ("failure", "cancelled"):
            if word in words:
                return word
        unknown = next((word for word in words if isinstance(word, NotKnown)), None)
        if unknown is not None:
            return unknown
        return "success" if "success" in words else "skipped"

    def _status(self, job: JobSpec) -> JobStatus:
        results = [self._result(key) for key in self._before(job)]
        unknown = next((word for word in results if isinstance(word, NotKnown)), None)
        failed = "failure" in results
        if unknown is not None:
            return JobStatus(success=False if failed else unknown, failure=failed or unknown)
        return JobStatus(success=all(word == "success" for word in results), failure=failed)

    def _before(self, job: JobSpec) -> list[str]:
        """The jobs that it needs, and those that they need, as far as they are part of this run."""
        keys = list(job.needs)
        for key in keys:  # grows while it is walked
            keys += [n for j in self.workflow.jobs if j.key == key for n in j.needs if n not in keys]
        return [key for key in keys if key in self.ended]

    def _place(self, job: JobSpec, name: str) -> Place:
        return Place(self.workflow.file, job.lines.get(name, job.line), f"jobs.{job.key}.{name}")


def _strategy_facts(plan: Mapping[str, Value], total: int, index: int) -> dict[str, Value]:
    """The context `strategy` of one combination."""
    return {
        "fail-fast": plan.get("fail-fast", True),
        "job-index": index,
        "job-total": total,
        "max-parallel": plan.get("max-parallel", total),
    }


def _in_order(workflow: Workflow) -> Iterator[JobSpec]:
    left = {job.key: job for job in workflow.jobs}
    while left:
        free = [job for job in left.values() if not any(n in left for n in job.needs)]
        if not free:
            raise UserError(
                f"the jobs {', '.join(left)} need each other in a circle",
                "no runner could start any of them",
                "Mend their `needs:`, or name one with --job",
            )
        for job in free:
            del left[job.key]
            yield job
