"""What is to be changed on a forge, or was, as text and as JSON (`reports/schema/plan-1.json`)."""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from whyred.reports.reading import dump, row
from whyred.reports.runs import run_json, word

if TYPE_CHECKING:
    from whyred.model.run import Run

SCHEMA = "whyred.plan/1"


def render(plan: Mapping[str, Any]) -> str:
    """A plan that is a saved one's data: its title, where it is done, each call with what it does."""
    return "\n".join(row(line) for line in _lines(plan)) + "\n"


def _lines(plan: Mapping[str, Any]) -> Iterator[str]:
    yield f"plan: {plan['title']}"
    yield f"on {plan['root']}, by {_who(plan)}" if plan["calls"] else f"on {plan['root']}: no call is needed"
    for number, call in enumerate(plan["calls"], 1):
        sent = call["body"] if call["body"] is not None else call["form"]
        with_ = f" with {json.dumps(sent, ensure_ascii=False)}" if sent else ""
        yield f"  {number}. {call['says']}"
        yield f"     {call['method']} {call['path']}{with_}"


def _who(plan: Mapping[str, Any]) -> str:
    names = {"token": "the API token", "web": "the web login", "nobody": "nobody"}
    return " and ".join(dict.fromkeys(names.get(call["by"], "?") for call in plan["calls"]))


def render_done(run: "Run | None") -> str:
    """What there is after a plan was applied: the run it is about, as it is now."""
    if run is None:
        return "done; the new run does not show yet: whyred runs lists it when it does\n"
    how = word(run.status, run.conclusion)
    told = "" if how == "unknown" else f" is {how} now"
    return row(f"done; {run.label}{told}{f'  {run.url}' if run.url else ''}") + "\n"


def render_json(plan: Mapping[str, Any], run: "Run | None", *, applied: bool) -> str:
    """The plan as JSON. It is a saved plan as well: `--plan FILE` reads it."""
    return dump({"schema": SCHEMA, **plan, "applied": applied, "run": None if run is None else run_json(run)})
