"""An expression `${{ }}` that cannot be read."""

from collections.abc import Iterator

from whyred.model.remark import Remark
from whyred.workflows.checked import check_job
from whyred.workflows.checkup import Checkout, unreadable
from whyred.workflows.expressions import ExpressionError

SOURCE = "GitHub, Evaluate expressions in workflows and actions"


def look(checkout: Checkout) -> Iterator[Remark]:
    """The first one of every job."""
    told = set()
    for file, job in checkout.jobs():
        try:
            check_job(file.workflow, job)
        except ExpressionError as e:
            remark = unreadable(e)
            if remark.spot not in told:
                told.add(remark.spot)
                yield remark
