"""The doctor's table: what is wrong first, then what is unknown with the reason, then what is fine."""

from collections.abc import Iterator, Sequence

from whyred.model.examination import Row, State
from whyred.reports.reading import dump, row

SCHEMA = "whyred.doctor/1"
_MARK = {State.WRONG: "wrong  ", State.UNKNOWN: "unknown", State.FINE: "fine   "}
_FACTS = 6
"""Fields of one answer in the text table; `--all` and JSON have every one."""


def render(rows: Sequence[Row], *, everything: bool = False) -> str:
    """The table for a terminal."""
    return "\n".join(row(text) for text in _table(rows, everything)) + "\n"


def render_json(rows: Sequence[Row]) -> str:
    """The table as JSON."""
    data = [
        {
            "subject": r.subject,
            "question": r.question,
            "state": r.state.value,
            "facts": dict(r.facts),
            "because": r.because,
        }
        for r in rows
    ]
    return dump({"schema": SCHEMA, "rows": data})


def _table(rows: Sequence[Row], everything: bool) -> Iterator[str]:
    if not rows:
        yield "nothing could be asked"
    subject = max((len(r.subject) for r in rows), default=0)
    question = max((len(r.question) for r in rows), default=0)
    for state in _MARK:
        for r in (r for r in rows if r.state is state):
            tail = r.because if state is State.UNKNOWN else _facts(r, everything)
            because = f"{r.because}; " if state is State.WRONG else ""
            yield f"{_MARK[state]}  {r.subject:<{subject}}  {r.question:<{question}}  {because}{tail}".rstrip()
    counts = {state: sum(r.state is state for r in rows) for state in _MARK}
    yield ""
    yield ", ".join(f"{counts[state]} {state}" for state in _MARK)


def _facts(one: Row, everything: bool) -> str:
    facts = list(one.facts.items())
    shown = facts if everything else facts[:_FACTS]
    more = "" if len(shown) == len(facts) else ", ..."
    return ", ".join(f"{k} {v}" for k, v in shown) + more
