"""The table of routes, as text and as JSON (`reports/schema/access-1.json`)."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from whyred.reports.reading import dump, row

if TYPE_CHECKING:  # `why` looks at every report, and these nouns cost 9 ms
    from whyred.model.access import Access, Table
    from whyred.model.source import MissingLogError

SCHEMA = "whyred.access/1"
_FIRST = ("needs-web-login", "needs-token", "needs-two-factor", "no-permission")
"""The reasons that a user can do something about alone."""
_MARK = {True: "works", False: "no", None: "untried"}


def render(table: "Table") -> str:
    """One row a route: whether it works, what it gives, why not, what would make it work."""
    return "\n".join(row(line) for line in _lines(table)) + "\n"


def _lines(table: "Table") -> Iterator[str]:
    yield table.server
    if table.attempt:
        yield f"tried on {table.attempt}"
    if table.note:
        yield table.note
    yield ""
    width = max(len(r.route) for r in table.rows)
    for r in table.rows:
        reason = f" {r.refusal.reason}" if r.refusal else ""
        yield f"{_MARK[r.works]:<7}  {r.route:<{width}}  {', '.join(r.gives)}{':' + reason if reason else ''}"
        yield f"{'':<9}{r.serves}"
        if r.refusal is not None:
            yield f"{'':<9}asked: {r.refusal.asked}"
            yield f"{'':<9}to do: {r.refusal.help}"
    yield ""
    yield from _end(table)


def _end(table: "Table") -> Iterator[str]:
    """What it comes to; a tired person reads this alone."""
    logs = [r for r in table.rows if "logs" in r.gives]
    if table.works:
        yield f"logs can be had by {', '.join(r.route for r in logs if r.works)}"
    elif table.attempt is None:
        why = "there was no attempt to try them on" if table.note else "name a run, as in whyred access OWNER/REPO#RUN"
        yield f"no route was tried for logs: {why}"
    else:
        yield "no route gives this log: the rows above say what would"
        if first := next((r.refusal for r in logs if r.refusal and r.refusal.reason in _FIRST), None):
            yield f"first to do: {first.help}"


def render_json(table: "Table") -> str:
    """The table as JSON."""
    return dump(
        {
            "schema": SCHEMA,
            "server": table.server,
            "attempt": table.attempt,
            "note": table.note,
            "works": table.works,
            "routes": [_row(r) for r in table.rows],
        }
    )


def _row(r: "Access") -> dict[str, Any]:
    return {
        "route": r.route,
        "serves": r.serves,
        "gives": list(r.gives),
        "works": r.works,
        "refusal": refusal(r.refusal) if r.refusal else None,
    }


def refusal(error: "MissingLogError") -> dict[str, str]:
    """A refusal as JSON."""
    return {"reason": error.reason.value, "asked": error.asked, "help": error.help}
