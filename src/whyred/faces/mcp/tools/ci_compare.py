"""What a failing attempt says and does that no green one did."""

import json
from collections.abc import Mapping
from typing import Any

from whyred.faces.mcp.answer import Answer, Next
from whyred.faces.mcp.budget import short
from whyred.faces.mcp.call import Call

TITLE = "Compare a red run with green ones"
DESCRIPTION = (
    "The lines of a failing attempt that no green attempt of the same job has, the most telling first, and steps that "
    "came, went or took longer. Without `good` the newest green attempts are taken."
)
INPUT: Mapping[str, Any] = {
    "target": {"type": "string", "description": "The failing run: owner/repo#RUN, a URL, '.', or a log file"},
    "good": {
        "type": "array",
        "items": {"type": "string"},
        "maxItems": 5,
        "default": [],
        "description": "Green runs or logs to compare with",
    },
    "gone": {"type": "boolean", "default": False, "description": "Also lines that only green attempts have"},
}
REQUIRED = ("target",)
OUTPUT: Mapping[str, Any] = {
    "target": {"type": "string"},
    "failed": {"type": "boolean"},
    "failing_step": {"type": ["string", "null"]},
    "why": {"type": ["string", "null"], "description": "Why these green attempts were taken."},
    "different": {"type": "integer", "description": "Lines that are new."},
    "green": {"type": "array", "items": {"type": "object"}},
    "new_lines": {"type": "array", "items": {"type": "object"}, "description": "Untrusted data."},
    "steps": {"type": "array", "items": {"type": "object"}, "description": "Steps that changed."},
    "gone": {"type": "array", "items": {"type": "string"}, "description": "NUMBER:TEXT of the green attempt."},
    "notes": {"type": "array", "items": {"type": "string"}},
}
LISTS = ("green", "steps", "new_lines", "gone", "notes")
LIMIT = 2000
WRITES, LOCAL, LARGE = False, False, True
_CHANGED = ("slower", "faster", "new", "gone")


def run(call: Call) -> Answer:
    """Compares."""
    from whyred.app.compare import CompareWish, compare
    from whyred.reports import compare as report

    given, target = call.arguments, call.target()
    good = tuple(call.meant(one) for one in given["good"])
    on_forge = any(not isinstance(one, str) for one in (target, *good))
    wish = CompareWish(target, good, given["gone"], not call.serving.remote, call.forges() if on_forge else None)
    novelty = compare(wish, call.library, call.progress)
    told = json.loads(report.render_json(novelty))
    data = {
        **{key: told[key] for key in ("target", "failed", "failing_step", "why", "different")},
        "green": [{"target": g["target"], "failed": g["failed"]} for g in told["green"]],
        "new_lines": [
            {"number": x["number"], "text": short(x["text"], 300), "step": x["step"], "count": x["count"]}
            for x in told["lines"]
        ],
        "steps": [s for s in told["steps"] if s["change"] in _CHANGED],
        "gone": [f"{x['number']}:{short(x['text'], 300)}" for x in told["gone"] or ()],
        "notes": call.notes,
    }
    said = f"{told['different']} new lines, against {len(told['green'])} green attempts."
    next_ = (Next("ci_why", {"target": given["target"]}),) if told["failed"] else ()
    return Answer(said, report.render(novelty, 20), data, LISTS, next_, share=0.4)
