"""Start a workflow by hand."""

from collections.abc import Mapping
from typing import Any

from whyred.faces.mcp.answer import Answer
from whyred.faces.mcp.call import Call
from whyred.faces.mcp.change import CONFIRM, carry_out
from whyred.faces.mcp.change import OUTPUT as OUTPUT

TITLE = "Start a workflow"
DESCRIPTION = (
    "Plans to start a workflow that has workflow_dispatch, with its inputs checked against the file. Shows the plan; "
    "does it only when called again with the plan's `confirm`."
)
INPUT: Mapping[str, Any] = {
    "workflow": {"type": "string", "description": "The workflow file, such as ci.yml"},
    "target": {"type": "string", "description": "owner/repo, its URL, or '.'", "default": "."},
    "ref": {"type": "string", "description": "The branch or tag; the default branch without"},
    "inputs": {"type": "object", "default": {}, "description": "The inputs by name; every value is a text"},
    "confirm": CONFIRM,
}
REQUIRED = ("workflow",)
LISTS: tuple[str, ...] = ()
LIMIT = 1000
WRITES, LOCAL, LARGE = True, False, False


def run(call: Call) -> Answer:
    """Plans, and does it where that was confirmed."""
    from whyred.app.change import dispatch

    given = call.arguments
    address = call.address(given["target"])
    planned = dispatch(given["workflow"], address, given.get("ref"), given["inputs"], call.forges())
    return carry_out(call, "ci_dispatch", planned)
