"""A job needs one that the workflow does not have."""

from collections.abc import Iterator

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout

SOURCE = "GitHub, Workflow syntax: jobs.<job_id>.needs"


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per name."""
    for file, job in checkout.jobs():
        known = [one.key for one in file.workflow.jobs]
        for name in dict.fromkeys(job.needs):
            if name not in known:
                yield Remark(
                    Level.WRONG,
                    file.spot(job.lines.get("needs", job.line)),
                    f"job `{job.key}` needs `{name}`, and there is no such job",
                    "the forge refuses the workflow, or the job never starts",
                    f"Name one of {', '.join(known)}: it is the job's key that counts, not its `name`",
                )
