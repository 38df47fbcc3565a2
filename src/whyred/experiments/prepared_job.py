"""A job before its first step: what of it depends on expressions, worked out, and what its steps will see."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from whyred.experiments import contexts
from whyred.experiments.checkout import Repository, RepositoryError, read_repository
from whyred.experiments.conditions import JobGate, job_gate
from whyred.experiments.environment import (
    Variables,
    job_environment,
    job_facts,
    run_facts,
    runner_facts,
    worked_out,
)
from whyred.experiments.execute_settings import ExecuteSettings
from whyred.experiments.hash_files import hash_files
from whyred.experiments.job_state import JobState
from whyred.experiments.worked_step import minutes
from whyred.workflows.expressions import Contexts, ExpressionError, NotKnownError, Place, interpolate_text
from whyred.workflows.nouns import JobSpec, Workflow
from whyred.workflows.values import NotKnown


@dataclass(slots=True)
class PreparedJob:
    """A job whose own expressions were worked out.

    `repository`: what a checkout takes, or why there is none. `facts`: the GITHUB_ variables of all steps.
    `variables`: those of workflow and job; `base`: the environment that all steps share. `gate`: what its `if:` says.
    `limit`: its timeout-minutes. `broken`: an expression of the job itself that no forge could work out; the job fails
    of it before its first step. `notes` are for its log.
    """

    workflow: Workflow
    job: JobSpec
    settings: ExecuteSettings
    repository: Repository | str
    facts: Mapping[str, str]
    variables: Variables = field(default_factory=dict, repr=False)
    base: Mapping[str, str] = field(default_factory=dict, repr=False)
    gate: JobGate = field(default_factory=JobGate)
    limit: float | None = None
    broken: ExpressionError | None = None
    notes: tuple[str, ...] = ()

    @property
    def unset(self) -> dict[str, NotKnown]:
        """The variables that stay unset because nobody here knows their value."""
        runner = self.settings.runner_env
        return {k: v for k, v in self.variables.items() if isinstance(v, NotKnown) and k not in runner}

    def contexts(self, state: JobState, facts: Mapping[str, str], own: Variables) -> Contexts:
        """What the expressions of a step see; `facts`: of this step; `own`: its variables as far as they are known."""
        settings = self.settings
        runner = {name.removeprefix("RUNNER_").lower(): v for name, v in runner_facts(settings.folders).items()}
        return contexts.inner(
            self._outer(facts),
            self.job,
            runner={"name": settings.runner.name or "", "environment": "self-hosted", "debug": "", **runner},
            env={**self.variables, **settings.runner_env, **state.from_steps, **own},
            steps=state.results,
            failed=state.failed,
            hash_files=partial(hash_files, settings.folders.workspace),
        )

    def outputs(self, state: JobState) -> dict[str, str | NotKnown]:
        """The job's outputs, after its last step."""
        seen = self.contexts(state, self.facts, {})
        found: dict[str, str | NotKnown] = {}
        for name, text in self.job.outputs.items():
            try:
                found[name] = interpolate_text(text, seen, self._place(f"outputs.{name}"))
            except ExpressionError as e:
                found[name] = NotKnown(e.why, e.how)
        return found

    def work_out(self) -> None:
        """Fills in what depends on expressions; the order is a runner's: `if`, then variables, then the limit."""
        try:
            before = self._outer(self.facts)
            self.gate = job_gate(self.workflow, self.job, before)
            if self.gate.skip is not None:
                return
            self.variables = self._variables(before)
            self.limit = self._limit(before)
        except ExpressionError as e:
            self.broken = e
        settings = self.settings
        self.base = job_environment(self.variables, settings.runner_env, settings.environ, settings.folders)

    def _variables(self, before: Contexts) -> Variables:
        workflow = self.workflow
        own = worked_out(workflow.env, before, lambda name: Place(workflow.file, workflow.lines.get(name), name))
        seen = replace(before, values={**before.values, "env": own})
        return {**own, **worked_out(self.job.env or {}, seen, self._place)}

    def _limit(self, before: Contexts) -> float | None:
        text = self.job.expressed.get("timeout-minutes")
        if text is None:
            return self.job.timeout_minutes
        try:
            return minutes(text, before, self._place("timeout-minutes"))
        except NotKnownError as e:
            self.notes = (f"the job has no time limit: {e.why}. {e.how}",)
            return None

    def _outer(self, facts: Mapping[str, str]) -> Contexts:
        return contexts.outer(self.job, facts, self.settings.event, self.repository, self.settings.around)

    def _place(self, name: str) -> Place:
        """Where a field of the job stands."""
        return Place(self.workflow.file, self.job.lines.get(name, self.job.line), f"jobs.{self.job.key}.{name}")


def prepare(workflow: Workflow, job: JobSpec, settings: ExecuteSettings) -> PreparedJob:
    """The job with all that is to be known of it before its first step."""
    repository: Repository | str = "it does not lie in a git repository"
    if settings.repository is not None:
        try:
            repository = read_repository(settings.repository, settings.environ)
        except RepositoryError as e:
            repository = str(e)
    facts = {
        **job_facts(workflow, job, settings.event, repository),
        **run_facts(settings.number, settings.folders),
    }
    prepared = PreparedJob(workflow, job, settings, repository, facts)
    prepared.work_out()
    return prepared
