"""What is wrong with a runner's host: temporary directories, disks, daemons, tools, how its runners differ."""

import json
from collections.abc import Mapping
from typing import Any

from whyred.faces.mcp.answer import Answer, Next
from whyred.faces.mcp.budget import short
from whyred.faces.mcp.call import Call

TITLE = "Examine a runner's host"
DESCRIPTION = (
    "Asks a host read-only questions about temporary directories, mounts, disks, memory, runner daemons and shared "
    "caches: what is wrong, how one runner differs from the others, what could not be found out."
)
INPUT: Mapping[str, Any] = {
    "host": {
        "type": "string",
        "default": "local",
        "description": "local (where this server runs), ssh://USER@HOST, or a bundle file",
    },
    "fine": {"type": "boolean", "default": False, "description": "Also what is fine"},
}
REQUIRED: tuple[str, ...] = ()
_ROWS = {"type": "array", "items": {"type": "object"}}
OUTPUT: Mapping[str, Any] = {
    "host": {"type": "string"},
    "counts": {"type": "object"},
    "wrong": {**_ROWS, "description": "What is wrong, and why it counts as wrong."},
    "differences": {**_ROWS, "description": "How one runner differs from others of its kind."},
    "shared": {**_ROWS, "description": "What runners share."},
    "not_in_force": {**_ROWS, "description": "Settings that need a restart."},
    "unknown": {**_ROWS, "description": "What could not be found out, and why."},
    "fine": _ROWS,
}
LISTS = ("wrong", "differences", "not_in_force", "shared", "unknown", "fine")
LIMIT = 1200
WRITES, LOCAL, LARGE = False, False, False


def run(call: Call) -> Answer:
    """Asks the host."""
    from whyred.app.why import doctor
    from whyred.reports.doctor import render, render_json

    name = call.host(call.arguments["host"])
    assert name is not None
    rows = doctor(name, call.library, call.progress)
    told = json.loads(render_json(rows))
    by_state = {state: [r for r in told["rows"] if r["state"] == state] for state in ("wrong", "unknown", "fine")}
    counts = {state: len(found) for state, found in by_state.items()}
    data = {
        "host": name,
        "counts": counts,
        "wrong": [_row(r) for r in by_state["wrong"]],
        "differences": told["differences"],
        "shared": told["shared"],
        "not_in_force": told["not_in_force"],
        "unknown": [
            {"subject": r["subject"], "question": r["question"], "because": short(r["because"], 160)}
            for r in by_state["unknown"]
        ],
        "fine": [_row(r) for r in by_state["fine"]] if call.arguments["fine"] else [],
    }
    shown = [row for row in rows if row.state.value != "fine" or call.arguments["fine"]]
    said = f"{counts['wrong']} wrong, {counts['unknown']} unknown, {counts['fine']} fine."
    causes = [r["because"] for r in told["rows"] if r["state"] == "wrong"]
    next_ = (
        () if counts["wrong"] or call.arguments["fine"] else (Next("runner_doctor", {**call.arguments, "fine": True}),)
    )
    return Answer(said, render(shown) if causes or shown else "", data, LISTS, next_, share=0.35)


def _row(one: Mapping[str, Any]) -> dict[str, Any]:
    facts = {key: short(str(value), 120) for key, value in list(one["facts"].items())[:6]}
    because = {"because": one["because"]} if one["because"] else {}
    return {"subject": one["subject"], "question": one["question"], "facts": facts, **because}
