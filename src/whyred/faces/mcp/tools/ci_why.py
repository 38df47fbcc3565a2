"""The verdict on a red run: cause, evidence, remedy."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from whyred.faces.mcp.answer import Answer, Next
from whyred.faces.mcp.budget import short
from whyred.faces.mcp.call import Call

if TYPE_CHECKING:
    from whyred.model.finding import Verdict

TITLE = "Why a run is red"
DESCRIPTION = (
    "Reads the log, finds the failing step and the line that states the error, holds named causes against evidence "
    "from log, forge and host, and gives the verdict: cause with its confidence (confirmed, likely, possible), "
    "evidence for and against, what was ruled out, what stays unknown, remedy."
)
INPUT: Mapping[str, Any] = {
    "target": {
        "type": "string",
        "description": "owner/repo#RUN, owner/repo#RUN:JOB, a run's URL, '.', or a log or bundle",
    },
    "host": {"type": "string", "description": "The runner's host to ask: local, ssh://USER@HOST or a bundle file"},
    "this_host_ran_it": {
        "type": "boolean",
        "default": False,
        "description": "Vouch that `host` ran this attempt: only where the user said so",
    },
    "probe": {"type": "boolean", "default": True, "description": "Ask host and forge; else judge the log alone"},
    "baseline": {"type": "string", "description": "A green run or log to compare with"},
    "seconds": {"type": "integer", "minimum": 1, "maximum": 120, "default": 10, "description": "Time to ask"},
}
REQUIRED = ("target",)
_ROWS = {"type": "array", "items": {"type": "object"}}
OUTPUT: Mapping[str, Any] = {
    "target": {"type": "string"},
    "failed": {"type": "boolean"},
    "step": {"type": ["string", "null"]},
    "class": {"type": ["string", "null"]},
    "cause": {"type": ["string", "null"], "description": "Its page: whyred://cause/ID"},
    "confidence": {"enum": ["confirmed", "likely", "possible", None]},
    "what": {"type": ["string", "null"]},
    "remedy": {"type": ["string", "null"], "description": "What to do now; only for what is confirmed or likely."},
    "verify": {"type": ["string", "null"]},
    "errors": {**_ROWS, "description": "What failed, the most telling first."},
    "evidence_for": {**_ROWS, "description": "Evidence for the cause."},
    "evidence_against": {**_ROWS, "description": "Evidence against it."},
    "candidates": {**_ROWS, "description": "Other causes that are open."},
    "unknown": {**_ROWS, "description": "What stays unknown, why, and how to find out."},
    "ruled_out": {**_ROWS, "description": "Causes that were ruled out, and by what."},
    "other_runs": {"type": "array", "items": {"type": "string"}},
    "notes": {"type": "array", "items": {"type": "string"}},
}
LISTS = (
    "errors",
    "evidence_for",
    "evidence_against",
    "candidates",
    "unknown",
    "ruled_out",
    "other_runs",
    "notes",
)
LIMIT = 2000
WRITES, LOCAL, LARGE = False, False, True


def run(call: Call) -> Answer:
    """Investigates."""
    from whyred.app.why import Wish, why
    from whyred.reports import json as report
    from whyred.reports.text import render

    given, target = call.arguments, call.target()
    wish = Wish(
        target,
        host=call.host(given.get("host")),
        vouched=given["this_host_ran_it"],
        probe=given["probe"],
        seconds=float(given["seconds"]),
        forges=None if isinstance(target, str) else call.forges(),
        baselines=(call.meant(given["baseline"]),) if "baseline" in given else (),
    )
    verdict = why(wish, call.library, call.progress)
    told = json.loads(report.render(verdict))
    sure = told["confidence"] in ("confirmed", "likely")
    said = f"{(told['confidence'] or 'no cause known').capitalize()}: {told['cause'] or 'see errors'}."
    said = said if told["failed"] else "Nothing failed."
    return Answer(
        said,
        render(verdict),
        _data(verdict, told, call.notes, sure=sure),
        LISTS,
        _next(told, given["target"]),
        share=0.5,
    )


def _data(verdict: "Verdict", told: Mapping[str, Any], notes: list[str], *, sure: bool) -> dict[str, Any]:
    best = told["findings"][0] if told["findings"] else {}
    return {
        "target": told["target"] + (f":{told['job']}" if told["job"] else ""),
        "failed": told["failed"],
        "step": told["failing_step"],
        "class": told["class"],
        "cause": told["cause"],
        "confidence": told["confidence"],
        "what": best.get("what"),
        "remedy": best.get("remedy") if sure else None,
        "verify": best.get("verify") if sure else None,
        "errors": [_error(one) for one in told["failures"]],
        "evidence_for": best.get("for", []),
        "evidence_against": best.get("against", []),
        "candidates": [_finding(one) for one in told["findings"][1:]],
        "unknown": list(_unknown(verdict)),
        "ruled_out": [{"cause": one["cause"], "because": one["because"]} for one in told["ruled_out"]],
        "other_runs": told["other_runs"],
        "notes": notes,
    }


def _unknown(verdict: "Verdict") -> Iterator[dict[str, Any]]:
    """What stays unknown for one reason stands together."""
    from whyred.diagnosis.tell import open_questions

    for reason, how, what in open_questions(verdict.unknown):
        yield {"what": short("; ".join(what[:3]), 200), "more": max(0, len(what) - 3), "reason": reason, "how": how}


def _error(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "message": short(one["message"], 300),
        "step": one["step"],
        "lines": one["lines"][:3],
        "count": one["count"],
    }


def _finding(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"cause": one["cause"], "confidence": one["confidence"], "title": one["title"]}


def _next(told: Mapping[str, Any], target: str) -> tuple[Next, ...]:
    if not told["failed"]:
        return ()
    lines = next((one["lines"][0] for one in told["failures"] if one["lines"]), None)
    around = {"lines": f"{max(1, lines[0] - 20)}:{lines[1] + 10}"} if lines else {}
    found = [Next("ci_logs", {"target": target, **around}, "the lines around the error")]
    if told["confidence"] != "confirmed":
        found.insert(0, Next("runner_doctor", {}, "where this machine is the runner's host"))
    return tuple(found)
