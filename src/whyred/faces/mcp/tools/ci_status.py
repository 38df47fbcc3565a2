"""What is red since when, what was green last, what waits for which runner."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from whyred.faces.mcp.answer import Answer, Next
from whyred.faces.mcp.budget import short
from whyred.faces.mcp.call import Call

TITLE = "CI status of repositories"
DESCRIPTION = (
    "How CI of one or several repositories is: workflows that are red, since which run, the last green run, and jobs "
    "that wait and for which runner. Start here; then ci_why on a red run."
)
INPUT: Mapping[str, Any] = {
    "targets": {
        "type": "array",
        "items": {"type": "string"},
        "maxItems": 50,
        "description": "Repositories: owner/repo, owner/repo@BRANCH or their URLs; '.' for this checkout (the default)",
        "default": ["."],
    },
}
REQUIRED: tuple[str, ...] = ()
OUTPUT: Mapping[str, Any] = {
    "red": {
        "type": "array",
        "description": "Workflows whose last run failed.",
        "items": {"type": "object", "properties": {"run": {"type": "string"}, "workflow": {"type": "string"}}},
    },
    "waiting": {"type": "array", "items": {"type": "object"}, "description": "Jobs that wait."},
    "other": {"type": "array", "items": {"type": "string"}, "description": "WORKFLOW: conclusion (run)."},
    "refused": {"type": "array", "items": {"type": "object"}, "description": "Repositories that could not be asked."},
    "notes": {"type": "array", "items": {"type": "string"}},
}
LISTS = ("red", "waiting", "refused", "other", "notes")
LIMIT = 400
WRITES, LOCAL, LARGE = False, False, False


def run(call: Call) -> Answer:
    """Asks for the newest runs of each repository."""
    from whyred.app.overview import statuses
    from whyred.reports.runs import render_status_json

    found = statuses([call.address(target) for target in call.arguments["targets"]], call.forges())
    told = json.loads(render_status_json(found))["repositories"]
    red = [row for one in told for row in _red(one)]
    data: dict[str, list[Any]] = {
        "red": red,
        "waiting": [_waiting(w) for one in told for w in one["waiting"]],
        "other": [row for one in told for row in _other(one)],
        "refused": [{"repository": one["repository"], **one["refused"]} for one in told if one["refused"]],
        "notes": [short(note, 160) for one in told for note in one["notes"]] + call.notes,
    }
    counts = (
        f"{len(red)} red, {len(data['waiting'])} waiting, {len(data['other'])} other, {len(data['refused'])} not asked."
    )
    next_ = tuple(Next("ci_why", {"target": row["run"]}) for row in red[:1])
    rows = [f"red: {r['workflow']} {r['run']} since {r['since']}, last green {r['green']}" for r in red]
    rows += [f"waiting: {w['job']} for {w['for']}: {w['offered']}" for w in data["waiting"]]
    return Answer(counts, "\n".join([*rows, *data["other"]]), data, LISTS, next_)


def _red(one: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for line in one["workflows"]:
        since, green = line["red_since"], line["last_green"]
        if since is not None:
            yield {
                "run": line["last"]["label"],
                "workflow": line["workflow"],
                "since": since["label"],
                "green": green["label"] if green else None,
                "commit": (line["last"]["commit"] or "")[:10] or None,
                "commits": len(line["commits_since"]),
            }


def _waiting(waits: Mapping[str, Any]) -> dict[str, Any]:
    offered = waits["offered_by"]
    who = "not told" if offered is None else ", ".join(offered) or "NO RUNNER OFFERS IT"
    return {"job": f"{waits['run']}:{waits['job']}", "for": ", ".join(waits["labels"] or ()) or None, "offered": who}


def _other(one: Mapping[str, Any]) -> Iterator[str]:
    for line in one["workflows"]:
        if line["red_since"] is None:
            last = line["last"]
            how = last["conclusion"] if last["status"] == "done" else last["status"]
            yield f"{line['workflow']}: {how} ({last['label']})"
