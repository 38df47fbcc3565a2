"""The pieces of logs as JSON, one object a line (`reports/schema/logs-1.json`)."""

from whyred.app.log_grep import Match
from whyred.app.log_pieces import Absent, Head
from whyred.app.log_steps import StepHead
from whyred.logs.text import clean, last_state
from whyred.model.source import Fetched, MissingLogError
from whyred.reports.reading import dump
from whyred.reports.runs import word

SCHEMA = "whyred.logs/1"


def came_by(fetched: Fetched) -> str:
    """The route by which a log came from its forge, be it that it was kept since: the same log is shown alike."""
    return fetched.first or fetched.route


def piece_json(piece: Head | StepHead | Absent) -> dict[str, object]:
    """A job or a step begins, or there is no log of a job."""
    if isinstance(piece, StepHead):
        told = word(piece.step.status, piece.step.conclusion)
        return {"step": piece.step.name, "number": piece.number, "conclusion": told}
    attempt = piece.attempt
    known = {
        "schema": SCHEMA,
        "run": attempt.run.label,
        "job": attempt.job.name if attempt.job else None,
        "attempt": attempt.number,
        "conclusion": word(attempt.status, attempt.conclusion),
    }
    if isinstance(piece, Absent):
        return {**known, "no_log": _refusal(piece.error)}
    fetched = piece.fetched
    return {
        **known,
        "route": came_by(fetched),
        "boundaries": fetched.boundaries.value,
        "refused": [{"route": route, **_refusal(e)} for route, e in fetched.refused],
    }


def _refusal(error: MissingLogError) -> dict[str, str]:
    return {"reason": error.reason.value, "asked": error.asked, "help": error.help}


def row_json(row: bytes, number: int | None) -> dict[str, object]:
    """A line of text, with its number where lines go by that."""
    line = clean(last_state(row.removesuffix(b"\r")))
    return {"line": line} if number is None else {"line": line, "number": number}


def match_json(match: Match) -> dict[str, object]:
    """A line that was sought, with those around it."""
    step = match.step
    return {
        "match": {
            "number": match.row.number,
            "step": step.step.name if step is not None else None,
            "step_number": step.number if step is not None else None,
            "text": clean(last_state(match.row.text.removesuffix(b"\r"))),
            "before": [row_json(row.text, row.number) for row in match.before],
            "after": [row_json(row.text, row.number) for row in match.after],
        }
    }


def dumped(data: dict[str, object]) -> bytes:
    """One line."""
    return dump(data).encode()
