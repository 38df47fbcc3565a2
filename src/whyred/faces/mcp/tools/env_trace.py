"""Where a variable comes from on a runner's host: every layer that sets it, and who wins."""

import json
from collections.abc import Mapping
from typing import Any

from whyred.faces.mcp.answer import Answer
from whyred.faces.mcp.call import Call, NotAllowedError
from whyred.model.trouble import UserError

TITLE = "Trace an environment variable"
DESCRIPTION = (
    "Every layer that sets a variable on its way to a job's processes (unit file, runner configuration, workflow, job, "
    "step, shell, .env, justfile, Makefile, cargo), which one wins where, and what running processes really have."
)
INPUT: Mapping[str, Any] = {
    "variable": {"type": "string", "description": "Its name, such as TMPDIR"},
    "host": {
        "type": "string",
        "default": "local",
        "description": "The runner's host: local, ssh://USER@HOST, or what whyred's script printed there",
    },
    "runner": {"type": "string", "default": "", "description": "Which runner, where several run there"},
    "folder": {"type": "string", "description": "The checkout on that host, as an absolute path"},
    "workflow": {"type": "string", "default": "", "description": "The workflow file"},
    "job": {"type": "string", "default": "", "description": "The job, by its key"},
    "step": {"type": "string", "default": "", "description": "The step, by name, id or number"},
}
REQUIRED = ("variable",)
_ROWS = {"type": "array", "items": {"type": "object"}}
OUTPUT: Mapping[str, Any] = {
    "variable": {"type": "string"},
    "runner": {"type": ["string", "null"]},
    "sentence": {"type": "string", "description": "What it comes to."},
    "outcomes": {**_ROWS, "description": "What each process gets."},
    "settings": {**_ROWS, "description": "Every layer that sets it."},
    "live": {**_ROWS, "description": "What processes have."},
    "unknown": {**_ROWS, "description": "What could not be read."},
}
LISTS = ("outcomes", "settings", "live", "unknown")
LIMIT = 2000
WRITES, LOCAL, LARGE = False, False, False


def run(call: Call) -> Answer:
    """Traces it."""
    from whyred.app import hosts
    from whyred.app.variable import Query, trace, unreached
    from whyred.model.host import HostRefusedError
    from whyred.reports.variable import render, render_json

    given = call.arguments
    name = call.host(given["host"])
    assert name is not None
    query = Query(
        given["variable"], _folder(call, name), given["runner"], given["workflow"], given["job"], given["step"]
    )
    try:
        with hosts.reach(name, call.progress) as (there, _):
            found = trace(there, query, call.library.masker().text, call.progress)
    except HostRefusedError as e:
        if e.unknown.detail and name != hosts.LOCAL:
            raise
        found = unreached(given["variable"], name, e.unknown)
    told = json.loads(render_json([found]))
    data = {key: told[key] for key in OUTPUT}
    data["outcomes"] = [_outcome(one) for one in told["outcomes"]]
    said = f"{len(told['settings'])} layers set it, {len(told['live'])} processes were asked."
    return Answer(said, render(found), data, LISTS, share=0.4)


def _folder(call: Call, host: str) -> str:
    """The checkout that is read. Raises UserError and NotAllowedError."""
    import os

    folder = call.arguments.get("folder")
    if call.serving.remote:
        if folder:
            raise NotAllowedError("folder is not read", "callers over HTTP name no files of a server", "Leave it away")
        return ""
    if folder is None:
        return os.getcwd() if host == "local" else ""  # noqa: PTH109 - as the command says it
    if not folder.startswith("/"):
        raise UserError("folder is wrong", f"{folder[:100]!r} is not absolute", "Give the whole path, from /")
    return str(folder)


def _outcome(one: Mapping[str, Any]) -> dict[str, Any]:
    winner = one["winner"]
    by = f"{winner['layer']} ({winner['place']})" if winner else None
    found = {"process": one["process"], "set": one["set"], "value": one["value"], "by": by}
    if not one["sure"]:
        found |= {"sure": False, "why": one["why"]}
    if one["lost"]:
        found["lost"] = [f"{x['layer']} ({x['place']})" for x in one["lost"]]
    return found
