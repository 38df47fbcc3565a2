"""What a log says alone, as text and as JSON (`reports/schema/read-1.json`)."""

import json
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from whyred.diagnosis.match import Matched
from whyred.logs.text import INVISIBLE, visible
from whyred.model.failure import Failure, Reading

if TYPE_CHECKING:  # a log of one job needs none of it
    from whyred.model.run_failures import RunFailures

SCHEMA = "whyred.read/1"
MOST_LINES = 60
"""Error lines that are named in all."""


def render(reading: Reading, matched: Matched, run: "RunFailures | None" = None) -> str:
    """What a log says alone, after what else failed in its run."""
    rows = [*(run_rows(run) if run is not None else ()), *_reading(reading, matched)]
    return "\n".join(row(text) for text in rows) + "\n"


def run_rows(run: "RunFailures") -> Iterator[str]:
    """Which jobs of a run failed in which way, and a blank line."""
    from whyred.diagnosis import tell_run

    yield f"the run  {tell_run.headline(run)}"
    for told in tell_run.rows(run):
        yield f"  {told.text}"
        if told.ask is not None:
            yield f"    {told.ask}"
    if run.job is not None:
        yield f"what follows is of {run.job}"
    yield ""


def render_json(reading: Reading, matched: Matched, run: "RunFailures | None" = None) -> str:
    """What a log says alone. `error_lines`: [first, last] spans, best first."""
    return dump(
        {
            "schema": SCHEMA,
            "format": reading.format,
            "lines": reading.lines,
            "bytes": reading.size,
            "conclusion": reading.conclusion.value,
            "runner": reading.runner,
            "job": reading.job,
            "error_lines": error_lines(matched.failures),
            "failing_step": matched.step,
            "class": matched.class_,
            "class_guessed": matched.guessed,
            "failures": [failure(f) for f in matched.failures],
            "run_failures": _run(run) if run is not None else None,
        }
    )


def _run(run: "RunFailures") -> dict[str, Any]:
    from whyred.model.run_failures_json import run_failures_to_json

    return run_failures_to_json(run)


def error_lines(failures: Sequence[Failure]) -> list[list[int]]:
    """The spans of all failures, best first, until `MOST_LINES` lines are named. Of the last words of a log whose error
    is not known, the very last one is the best guess."""
    spans: list[list[int]] = []
    left = MOST_LINES
    for one in failures:
        for first, last in one.spans if one.pattern else [part for span in one.spans for part in _last_first(*span)]:
            if left > 0:
                spans.append([first, min(last, first + left - 1)])
                left -= last - first + 1
    return spans


def _last_first(first: int, last: int) -> list[tuple[int, int]]:
    return [(last, last), (first, last - 1)] if first < last else [(first, last)]


def failure(one: Failure) -> dict[str, Any]:
    """One failure as JSON."""
    return {
        "pattern": one.pattern or None,
        "title": one.title,
        "tool": one.tool or None,
        "class": one.class_,
        "strength": one.strength,
        "root": one.root,
        "step": one.step,
        "message": one.message,
        "lines": [list(s) for s in one.spans],
        "count": one.count,
        "captures": dict(one.captures),
        "fingerprint": one.fingerprint,
        "quote": [{"number": line.number, "text": line.text} for line in one.quote],
    }


def _reading(reading: Reading, matched: Matched) -> Iterator[str]:
    yield f"format   {reading.format}, {reading.lines} lines"
    if not matched.failures:
        ended = (
            "it succeeded"
            if matched.class_ == "pass"
            else "nothing says that it failed, and the log does not tell its end"
        )
        yield f"result   {ended}"
        return
    yield f"step     {matched.step or 'the log names none'}"
    yield f"class    {named(matched.class_, guessed=matched.guessed)}"
    for one in matched.failures:
        yield ""
        yield f"{one.title}{times(one)}"
        yield from quoted(one)


def named(class_: str | None, *, guessed: bool) -> str:
    """A class for people."""
    return f"{class_ or 'unknown'}{', guessed from the name of the step' if guessed else ''}"


def quoted(one: Failure) -> Iterator[str]:
    """The failure's lines with their numbers, the error lines marked, in their context."""
    width = len(str(one.quote[-1].number)) if one.quote else 1
    marked = {n for first, last in one.spans for n in range(first, last + 1)}
    for line in one.quote:
        sign = ">" if line.number in marked else " "
        yield f"  {sign} {line.number:>{width}} | {line.text}".rstrip()


def times(one: Failure) -> str:
    """How often a failure was said, where that is more than once."""
    return f" ({one.count} times)" if one.count > 1 else ""


def row(text: str) -> str:
    """One line of a report: facts, names and file names come from elsewhere and may hold anything."""
    return visible(text.replace("\n", " "))


def dump(data: dict[str, Any]) -> str:
    """One line of JSON; characters that a person does not see stand as escapes, so a terminal can show it."""
    return INVISIBLE.sub(_escaped, json.dumps(data, ensure_ascii=False)) + "\n"


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[i] << 8 | units[i + 1]:04x}" for i in range(0, len(units), 2))
