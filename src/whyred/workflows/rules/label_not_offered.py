"""A job that asks for labels which no runner offers."""

from collections.abc import Iterator, Mapping

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout
from whyred.workflows.nouns import JobSpec

SOURCE = "Forgejo, internal/pkg/labels/labels.go of its runner: `runs-on` is matched on the names before the colon"


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per job (of a matrix: per label) that nobody can take."""
    runners = checkout.told.labels
    if runners is None:
        return
    offered = sorted({label for _, labels in runners for label in labels})
    for file, job in checkout.jobs():
        for wanted in _wanted(job):
            if any(wanted <= labels for _, labels in runners):
                continue
            alone = [label for label in sorted(wanted) if label not in offered]
            why = (
                "each is offered, but by no one runner together" if not alone else "the job waits until it is given up"
            )
            yield Remark(
                Level.WRONG,
                file.spot(job.lines.get("runs-on", job.line)),
                f"job `{job.key}` asks for {', '.join(sorted(wanted))}, which no runner offers",
                why,
                f"Ask for one of {', '.join(offered) or '(none is offered)'}, or add the label to a runner",
            )


def _wanted(job: JobSpec) -> Iterator[frozenset[str]]:
    """The sets of labels that a job asks for; none where an expression decides that only a run can work out."""
    if not any("${{" in label for label in job.runs_on):
        if job.runs_on:
            yield frozenset(job.runs_on)
        return
    if len(job.runs_on) == 1 and isinstance(job.strategy_data, Mapping):
        key = job.runs_on[0].strip().removeprefix("${{").removesuffix("}}").strip().removeprefix("matrix.")
        matrix = job.strategy_data.get("matrix")
        values = matrix.get(key) if isinstance(matrix, Mapping) else None
        for value in values if isinstance(values, tuple) else ():
            if isinstance(value, str) and "${{" not in value:
                yield frozenset({value})
