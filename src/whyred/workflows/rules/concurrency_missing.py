"""A job that writes to one place outside, and that two runs can do at once."""

import re
from collections.abc import Iterator

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout, File
from whyred.workflows.nouns import JobSpec, StepSpec

SOURCE = "GitHub, Control the concurrency of workflows and jobs"
_WRITES = re.compile(
    r"(?m)^\s*(?:sudo\s+|time\s+|exec\s+)?(?:"
    r"kubectl\s+(?:[-\w=]+\s+)*?(?:apply|replace|rollout|set)\b|helm\s+(?:upgrade|install)\b|terraform\s+apply\b"
    r"|tofu\s+apply\b|pulumi\s+up\b|(?:docker|podman)\s+stack\s+deploy\b"
    r"|rsync\b[^\n]*\s[\w.@-]+:\S*\s*$|scp\b[^\n]*\s[\w.@-]+:\S*\s*$|aws\s+s3\s+sync\b|git\s+push\b"
    r"|fly(?:ctl)?\s+deploy\b|wrangler\s+(?:deploy|publish)\b|alembic\s+upgrade\b"
    r")"
)
"""Commands that change one shared place. Publishing a version is not among them: a second try is refused there."""
_OFTEN = ("push", "pull_request", "pull_request_target", "workflow_run")


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per job, at the step that writes."""
    for file, job in checkout.jobs():
        if not _can_overlap(file) or any(g.job in (None, job.key) for g in file.groups):
            continue
        step = next((s for s in job.steps if s.run and _WRITES.search(s.run)), None)
        if step is not None:
            yield _remark(file, job, step)


def _can_overlap(file: File) -> bool:
    """Whether two runs can be under way at once: tags and the hours of a schedule come one by one, commits do not."""
    return any(t.event in _OFTEN and (t.event != "push" or t.of_branches) for t in file.triggers)


def _remark(file: File, job: JobSpec, step: StepSpec) -> Remark:
    written = _WRITES.search(step.run or "")
    assert written is not None
    return Remark(
        Level.DOUBTFUL,
        file.spot(step.lines.get("run", step.line)),
        f"job `{job.key}` changes a shared place (`{' '.join(written[0].split())[:60]}`) in no concurrency group",
        "two pushes in a row run it at once, and the older one may end last",
        f"Give the job `concurrency: {{group: {job.key}, cancel-in-progress: false}}`",
    )
