"""An `if` that can never hold, or that always does."""

from collections.abc import Iterator

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout, File
from whyred.workflows.expressions import Contexts, ExpressionError, Place, asks_status
from whyred.workflows.nouns import JobSpec
from whyred.workflows.truth import always, expression_of
from whyred.workflows.worlds import for_job, for_step, worlds

SOURCE = "GitHub, Evaluate expressions in workflows and actions; Contexts reference"


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per condition."""
    for file in checkout.files:
        started = worlds(file.workflow, file.triggers)
        for job in file.workflow.jobs:
            inside = [for_job(world, file.workflow, job) for world in started]
            yield from _judge(file, job, job.if_, job.lines.get("if"), f"job `{job.key}`", inside)
            for number, step in enumerate(job.steps):
                seen = [for_step(world, job.steps[:number]) for world in inside]
                yield from _judge(file, job, step.if_, step.lines.get("if"), f"step `{step.name}`", seen)


def _judge(
    file: File, job: JobSpec, text: str | None, line: int | None, who: str, seen: list[Contexts]
) -> Iterator[Remark]:
    if text is None or not text.strip() or not seen:
        return
    place = Place(file.path, line, f"jobs.{job.key}.if")
    try:
        told = always(text, seen, place)
        status = asks_status(text, place)
    except ExpressionError:
        return  # another rule tells of what is no expression
    spot, shown = file.spot(line), " ".join(text.split())[:80]
    if expression_of(text) is None:
        yield Remark(
            Level.WRONG,
            spot,
            f"the `if` of {who} always holds: `{shown}`",
            "text stands around its `${{ }}`, so what is asked is a text that is not empty",
            "Put the whole condition into one `${{ }}`, or leave `${{` and `}}` away",
        )
    elif told is False:
        events = ", ".join(dict.fromkeys(t.event for t in file.triggers))
        yield Remark(
            Level.WRONG,
            spot,
            f"the `if` of {who} can never hold: `{shown}`",
            f"with what can start this workflow ({events}) it is false, whatever the rest is",
            "Correct the name or the word it compares with, or remove what never runs",
        )
    elif told is True and not status:
        yield Remark(
            Level.NOTE,
            spot,
            f"the `if` of {who} always holds: `{shown}`",
            "it is true for everything that can start this workflow",
            "Leave it away, or write what was meant (often `&&` in place of `||`)",
        )
