"""The table of routes, as text and as JSON (`reports/schema/access-1.json`)."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from whyred.reports.reading import dump, row

if TYPE_CHECKING:  # `why` looks at every report, and these nouns cost 9 ms
    from whyred.model.access import Access, Table
    from whyred.model.source import MissingLogError

SCHEMA = "whyred.access/1"
_FIRST = ("needs-web-login", "needs-token", "needs-two-factor", "no-permission")
"""The reasons that a user can do something about alone."""
_WEB_LOGIN = re.compile(r"; [^;]*: whyred login --web \S+$")
_MARK = {True: "works", False: "no", None: "untried"}


def render(table: "Table", *, full: bool = False) -> str:
    """One row a route: whether it works, what it gives, why not. Then what would open each one that is closed, said
    once for all it would open; last what it comes to. `full`: every row with what the route is and what was asked.
    """
    return "\n".join(row(line) for line in _lines(table, full)) + "\n"


def _lines(table: "Table", full: bool) -> Iterator[str]:
    logs = [r for r in table.rows if "logs" in r.gives]
    first = _first(table, logs)
    yield table.server
    if table.attempt:
        yield f"tried on {table.attempt}"
    if table.note:
        yield table.note.removesuffix(f": {first.help}") if first is not None else table.note
    yield from _full(table) if full else _rows(table)
    if not full:
        yield ""
        yield from _openers(table, first)
    yield from _end(table, logs, first)


def _first(table: "Table", logs: "list[Access]") -> "MissingLogError | None":
    """What to do first, where nothing gives the log, or not even a run was found. No log-in helps where there is none
    yet, whatever the route.
    """
    if table.works or (table.attempt is None and table.note is None) or table.unwritten:
        return None
    among = logs if table.attempt is not None else table.rows
    return next((r.refusal for r in among if r.refusal and r.refusal.reason in _FIRST), None)


def _full(table: "Table") -> Iterator[str]:
    yield ""
    width = max(len(r.route) for r in table.rows)
    for r in table.rows:
        reason = f": {r.refusal.reason}" if r.refusal else ""
        yield f"{_MARK[r.works]:<7}  {r.route:<{width}}  {', '.join(r.gives)}{reason}"
        yield f"{'':<9}{r.serves}"
        if r.refusal is not None:
            yield f"{'':<9}asked: {r.refusal.asked}"
            yield f"{'':<9}to do: {r.refusal.help}"
    yield ""


def _rows(table: "Table") -> Iterator[str]:
    """A row a route, in columns that fit 80 together."""
    route = max(len(r.route) for r in table.rows)
    gives = max(len(", ".join(r.gives)) for r in table.rows)
    for r in table.rows:
        reason = r.refusal.reason if r.refusal else ""
        yield f"{_MARK[r.works]:<7}  {r.route:<{route}}  {', '.join(r.gives):<{gives}}  {reason}".rstrip()


def _openers(table: "Table", first: "MissingLogError | None") -> Iterator[str]:
    """What would open routes, but for what is said last."""
    for told, routes in _grouped(table).items():
        if first is None or told != first.help:
            yield f"- {', '.join(routes)}: {_short(table, told, first)}"


def _grouped(table: "Table") -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for r in table.rows:
        if r.refusal is not None:
            found.setdefault(r.refusal.help, []).append(r.route)
    return found


def _short(table: "Table", told: str, first: "MissingLogError | None") -> str:
    """A help without the server, which stands at the top, and without a log-in that is said last, or was done."""
    told = told.replace(table.server, table.server.partition(" at ")[0])
    done = any(r.works and r.route == "web-state" for r in table.rows)
    said = first is not None and told.endswith(first.help.rpartition(": ")[2])
    return _WEB_LOGIN.sub("", told) if done or said else told


def _end(table: "Table", logs: "list[Access]", first: "MissingLogError | None") -> Iterator[str]:
    """What it comes to; a tired person reads this alone."""
    if table.works:
        yield f"logs can be had by {', '.join(r.route for r in logs if r.works)}"
    elif first is not None:
        none = "no route gives this log" if table.attempt is not None else "no attempt to try logs on"
        yield f"{none}; first to do for {', '.join(_grouped(table)[first.help])}:"
        yield first.help
    elif table.attempt is None:
        why = "there was no attempt to try them on" if table.note else "name a run, as in whyred access OWNER/REPO#RUN"
        yield f"no route was tried for logs: {why}"
    elif table.unwritten is not None:
        yield f"no route gives this log: {table.unwritten.help}"
    else:
        yield "no route gives this log: the rows above say what would"


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
