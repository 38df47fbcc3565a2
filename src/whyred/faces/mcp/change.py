"""What ci_rerun, ci_cancel and ci_dispatch share: the plan first, and done only with the plan's own confirmation."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from whyred.faces.mcp.answer import Answer, Next
from whyred.faces.mcp.budget import written
from whyred.faces.mcp.call import Call

if TYPE_CHECKING:
    from whyred.app.change import Planned

CONFIRM: Mapping[str, Any] = {
    "type": "string",
    "description": "The `confirm` of the plan that an earlier call showed; nothing is done without. Ask the user first",
}
OUTPUT: Mapping[str, Any] = {
    "done": {"type": "boolean"},
    "plan": {
        "type": "object",
        "properties": {
            "title": {"type": "string"},
            "on": {"type": "string"},
            "calls": {"type": "array", "items": {"type": "string"}},
        },
    },
    "confirm": {"type": ["string", "null"], "description": "To do it: the same call with this argument."},
    "run": {"type": ["string", "null"]},
    "conclusion": {"type": ["string", "null"], "description": "How the run is now."},
    "notes": {"type": "array", "items": {"type": "string"}},
}


def carry_out(call: Call, tool: str, planned: "Planned") -> Answer:
    """Shows the plan; does it where the confirmation of this very plan was given."""
    from whyred.app.change import apply
    from whyred.reports.change import render, render_done
    from whyred.reports.runs import word
    from whyred.sources.plan import to_json

    plan = to_json(planned.plan)
    mark = hashlib.sha256(written(plan).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    given = call.arguments.get("confirm")
    calls = [f"{one['method']} {one['path']}: {one['says']}" for one in plan["calls"]]
    shown = {"title": plan["title"], "on": plan["root"], "calls": calls}
    data: dict[str, Any] = {"done": False, "plan": shown, "confirm": mark if calls else None}
    if given != mark or not calls:
        said = (
            "This is the plan; nothing is done."
            if given is None
            else "The confirmation is of another plan; nothing is done."
        )
        said = said if calls else "There is nothing to do."
        run = planned.run
        data |= {"run": run.label if run else None, "conclusion": word(run.status, run.conclusion) if run else None}
        next_ = (Next(tool, {**call.arguments, "confirm": mark}, "once the user agreed"),) if calls else ()
        return Answer(said, render(plan), {**data, "notes": call.notes}, next=next_)
    now = apply(planned, call.notes.append)
    data |= {"done": True, "confirm": None, "run": now.label if now else None}
    data |= {"conclusion": word(now.status, now.conclusion) if now else None, "notes": call.notes}
    next_ = (Next("ci_logs", {"target": now.label, "follow": True}),) if now else ()
    return Answer("Done.", render_done(now), data, next=next_)
