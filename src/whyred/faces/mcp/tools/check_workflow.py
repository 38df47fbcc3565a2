"""What is wrong with workflow files, before they run."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from whyred.faces.mcp.answer import Answer
from whyred.faces.mcp.call import Call

TITLE = "Check workflow files"
DESCRIPTION = (
    "Reads the workflows of a checkout and holds them against each other and against the forge: events that fire "
    "twice, needs and labels that nothing offers, names that are not set, conditions that are constant."
)
INPUT: Mapping[str, Any] = {
    "paths": {
        "type": "array",
        "items": {"type": "string"},
        "maxItems": 20,
        "default": ["."],
        "description": "Checkouts, or workflow files",
    },
    "forge": {"type": "string", "enum": ["forgejo", "gitea", "github"], "description": "The program that reads them"},
    "labels": {"type": "array", "items": {"type": "string"}, "default": [], "description": "What runners offer"},
    "offline": {"type": "boolean", "default": False, "description": "Ask no forge"},
    "linters": {"type": "boolean", "default": True, "description": "Also run zizmor and actionlint where installed"},
}
REQUIRED: tuple[str, ...] = ()
_ROWS = {"type": "array", "items": {"type": "object"}}
OUTPUT: Mapping[str, Any] = {
    "fine": {"type": "boolean", "description": "Whether nothing is wrong or doubtful."},
    "files": {"type": "array", "items": {"type": "string"}},
    "remarks": {**_ROWS, "description": "What is wrong, doubtful or good to know, the worst first."},
    "fires": {**_ROWS, "description": "Which workflows fire on which event."},
    "not_asked": {**_ROWS, "description": "What could not be found out."},
}
LISTS = ("remarks", "not_asked", "fires", "files")
LIMIT = 2000
WRITES, LOCAL, LARGE = False, True, False


def run(call: Call) -> Answer:
    """Reads the workflows and applies the rules."""
    from whyred.app.check import Wanted, check
    from whyred.app.library import masker_of_messages
    from whyred.model.forge import Kind
    from whyred.reports.check import render, render_json

    given = call.arguments
    wanted = Wanted(
        tuple(map(Path, given["paths"])) or (Path(),),
        Kind(given["forge"]) if "forge" in given else None,
        tuple(given["labels"]),
        ask=not given["offline"],
        linters=given["linters"],
    )
    looks = check(wanted, None if given["offline"] else call.forges(), masker_of_messages().text, call.progress)
    told = json.loads(render_json(looks))["checkouts"]
    remarks = [_remark(remark) for one in told for remark in one["remarks"]]
    data = {
        "fine": all(look.fine for look in looks),
        "files": [name for one in told for name in one["files"]],
        "remarks": remarks,
        "fires": [
            {"event": f["event"], "places": [f"{p['file']}:{p['line']}" for p in f["places"]]}
            for one in told
            for f in one["fires"]
        ],
        "not_asked": [row for one in told for row in one["not_asked"]],
    }
    levels = [remark["level"] for remark in remarks]
    said = ", ".join(f"{levels.count(level)} {level}" for level in ("wrong", "doubtful", "note")) + "."
    return Answer(said, render(looks), data, LISTS)


def _remark(one: Mapping[str, Any]) -> dict[str, Any]:
    place = one["file"] if one["line"] is None else f"{one['file']}:{one['line']}"
    also = [f"{p['file']}:{p['line']}" for p in one["also"]]
    found = {"level": one["level"], "place": place, "what": one["what"], "why": one["why"], "do": one["how"]}
    found |= {"rule": one["rule"], "tool": one["tool"]}
    return {key: value for key, value in {**found, "also": also}.items() if value}
