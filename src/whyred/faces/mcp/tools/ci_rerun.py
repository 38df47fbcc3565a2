"""Run a run, its failed jobs or one job again."""

from collections.abc import Mapping
from typing import Any

from whyred.faces.mcp.answer import Answer
from whyred.faces.mcp.call import Call
from whyred.faces.mcp.change import CONFIRM, carry_out
from whyred.faces.mcp.change import OUTPUT as OUTPUT

TITLE = "Run again"
DESCRIPTION = (
    "Plans to run a run, its failed jobs or the one job that the target names again. Shows the plan; does it only when "
    "called again with the plan's `confirm`."
)
INPUT: Mapping[str, Any] = {
    "target": {"type": "string", "description": "owner/repo#RUN, owner/repo#RUN:JOB, or a run's URL"},
    "failed": {"type": "boolean", "default": False, "description": "Only the jobs that failed"},
    "confirm": CONFIRM,
}
REQUIRED = ("target",)
LISTS: tuple[str, ...] = ()
LIMIT = 1000
WRITES, LOCAL, LARGE = True, False, False


def run(call: Call) -> Answer:
    """Plans, and does it where that was confirmed."""
    from whyred.app.change import rerun

    planned = rerun(call.address(call.arguments["target"]), call.forges(), failed=call.arguments["failed"])
    return carry_out(call, "ci_rerun", planned)
