"""Cancel a run."""

from collections.abc import Mapping
from typing import Any

from whyred.faces.mcp.answer import Answer
from whyred.faces.mcp.call import Call
from whyred.faces.mcp.change import CONFIRM, carry_out
from whyred.faces.mcp.change import OUTPUT as OUTPUT

TITLE = "Cancel a run"
DESCRIPTION = (
    "Plans to cancel a run that waits or runs. Shows the plan; does it only when called again with the plan's "
    "`confirm`."
)
INPUT: Mapping[str, Any] = {
    "target": {"type": "string", "description": "owner/repo#RUN or a run's URL; owner/repo where only one is open"},
    "confirm": CONFIRM,
}
REQUIRED = ("target",)
LISTS: tuple[str, ...] = ()
LIMIT = 1000
WRITES, LOCAL, LARGE = True, False, False


def run(call: Call) -> Answer:
    """Plans, and does it where that was confirmed."""
    from whyred.app.change import cancel

    return carry_out(call, "ci_cancel", cancel(call.address(call.arguments["target"]), call.forges()))
