"""A job that never runs, because whenever it could a job that it needs is skipped."""

from collections.abc import Iterator, Mapping

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout, File
from whyred.workflows.expressions import Contexts, ExpressionError, Place, asks_status
from whyred.workflows.nouns import JobSpec
from whyred.workflows.truth import holds
from whyred.workflows.worlds import for_job, worlds

SOURCE = "GitHub, Workflow syntax: jobs.<job_id>.needs; Gitea and Forgejo, services/actions/job_emitter.go"


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per job, with a job that keeps it from running. None where the job's own `if` can never hold: that is
    told of it by another rule."""
    for file in checkout.files:
        skipped = [_skipped(file, world) for world in worlds(file.workflow, file.triggers)]
        for job in file.workflow.jobs:
            could = [world[job.key] for world in skipped if world[job.key] != job.key]
            if could and "" not in could:
                yield Remark(
                    Level.WRONG,
                    file.spot(job.lines.get("needs", job.line)),
                    f"job `{job.key}` never runs: it needs `{could[0]}`, which is skipped whenever it could run",
                    "a job is skipped with a job that it needs, unless its `if` asks for the status",
                    "Mend the `if` of the other job, or write `if: ${{ !cancelled() }}` to run this one anyway",
                )


def _skipped(file: File, world: Contexts) -> Mapping[str, str]:
    """Of each job the one that skips it in this world: itself by its `if`, or one that it needs; empty: it may run."""
    jobs = {job.key: job for job in file.workflow.jobs}
    told: dict[str, str] = {}

    def of(job: JobSpec) -> str:
        if job.key not in told:
            told[job.key] = ""  # a circle is told of by another rule
            if not _may_hold(file, job, world):
                told[job.key] = job.key
            elif not _asks(file, job):
                told[job.key] = next((key for key in job.needs if key in jobs and of(jobs[key])), "")
        return told[job.key]

    for job in jobs.values():
        of(job)
    return told


def _place(file: File, job: JobSpec) -> Place:
    return Place(file.path, job.lines.get("if", job.line), f"jobs.{job.key}.if")


def _may_hold(file: File, job: JobSpec, world: Contexts) -> bool:
    try:
        return holds(job.if_, for_job(world, file.workflow, job), _place(file, job)) is not False
    except ExpressionError:
        return True  # told as such by another rule


def _asks(file: File, job: JobSpec) -> bool:
    try:
        return asks_status(job.if_, _place(file, job))
    except ExpressionError:
        return True
