"""Which routes to logs work for this user, why not, and what would open the others."""

import json
from collections.abc import Mapping
from typing import Any

from whyred.faces.mcp.answer import Answer, Next
from whyred.faces.mcp.call import Call

TITLE = "Which routes to logs work"
DESCRIPTION = (
    "Tries every route to the logs of a server on a run: which works, why each other one does not, and what a person "
    "would have to do to open it. Call it where a log could not be had."
)
INPUT: Mapping[str, Any] = {
    "target": {"type": "string", "description": "owner/repo, owner/repo#RUN, a URL, or '.'", "default": "."},
}
REQUIRED: tuple[str, ...] = ()
OUTPUT: Mapping[str, Any] = {
    "server": {"type": "string"},
    "tried_on": {"type": ["string", "null"]},
    "works": {"type": "boolean", "description": "Whether any route gives logs."},
    "note": {"type": ["string", "null"]},
    "routes": {"type": "array", "items": {"type": "object"}},
    "openers": {"type": "array", "items": {"type": "object"}, "description": "What to do, and the routes it opens."},
}
LISTS = ("openers", "routes")
LIMIT = 1500
WRITES, LOCAL, LARGE = False, False, False


def run(call: Call) -> Answer:
    """Tries the routes."""
    from whyred.app.access import access
    from whyred.reports import access as report

    table = access(call.address(call.arguments["target"]), call.forges())
    told = json.loads(report.render_json(table))
    openers: dict[str, list[str]] = {}
    for one in told["routes"]:
        if one["refusal"] is not None:
            openers.setdefault(one["refusal"]["help"], []).append(one["route"])
    data = {
        "server": told["server"],
        "tried_on": told["attempt"],
        "works": told["works"],
        "note": told["note"],
        "routes": [_route(one) for one in told["routes"]],
        "openers": [{"do": help_, "routes": routes} for help_, routes in openers.items()],
    }
    said = "Logs can be had." if told["works"] else "No route gives logs: tell the user what would open one."
    next_ = (Next("ci_logs", {"target": told["attempt"]}),) if told["works"] and told["attempt"] else ()
    return Answer(said, report.render(table), data, LISTS, next_)


def _route(one: Mapping[str, Any]) -> dict[str, Any]:
    works = {True: "works", False: "no", None: "untried"}[one["works"]]
    reason = one["refusal"]["reason"] if one["refusal"] else None
    return {"route": one["route"], "works": works, "gives": one["gives"], **({"reason": reason} if reason else {})}
