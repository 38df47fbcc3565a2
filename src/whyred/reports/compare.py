"""What is new in an attempt, as text and as JSON (`reports/schema/compare-1.json`)."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from whyred.model.failure import Line
from whyred.model.novelty import Change, Drift, NewLine, Novelty, Sort
from whyred.reports.reading import dump, row
from whyred.reports.runs import length

SCHEMA = "whyred.compare/1"
_TELLING = 20
"""Lines of the first list."""
_FEW = 8
"""So many new lines need no list before they are shown in their places."""
_GONE = 20
_CHANGED = (Change.SLOWER, Change.FASTER, Change.NEW, Change.GONE)


def render(novelty: Novelty, most: int = 60) -> str:
    """The whole comparison; at most so many new lines (0: all) with what is around them."""
    return "\n".join(row(text) for text in _novelty(novelty, most)) + "\n"


def _novelty(novelty: Novelty, most: int) -> Iterator[str]:
    yield f"{'NEW' if novelty.lines else 'NOTHING NEW'}  {_headline(novelty)}"
    yield from _greens(novelty)
    if len(novelty.lines) > _FEW:
        yield ""
        yield "most telling first"
        width = max(len(str(line.number)) for line in novelty.lines[:_TELLING])
        yield from (_row(line, ">", width) + _times(line) for line in novelty.lines[:_TELLING])
    shown = sorted(novelty.lines[: most or None], key=lambda line: line.number)
    for step, lines in groupby(shown, key=lambda line: line.step):
        yield ""
        yield f"step {step}" if step else "before or outside of every step"
        yield from _hunks(list(lines))
    left = novelty.different - len(shown)
    if left > 0:
        yield ""
        yield f"{_count(left, 'new line')} more (--lines 0, or --json)"
    yield from _steps(novelty)
    if novelty.gone is not None:
        yield ""
        yield f"no longer said ({_count(len(novelty.gone), 'line')} of the first green attempt)"
        width = len(str(novelty.gone[-1].number)) if novelty.gone else 1
        yield from (f"    {line.number:>{width}} | {line.text}".rstrip() for line in novelty.gone[:_GONE])
        if len(novelty.gone) > _GONE:
            yield f"  and {len(novelty.gone) - _GONE} more (--json has them)"


def _headline(novelty: Novelty) -> str:
    what = _count(novelty.different, "line") if novelty.different else "no line"
    whom = (
        "the green attempt lacks" if len(novelty.greens) == 1 else f"none of {len(novelty.greens)} green attempts has"
    )
    return f"{what} of the {novelty.log_lines} of {novelty.label} that {whom}"


def _greens(novelty: Novelty) -> Iterator[str]:
    for green in novelty.greens:
        told = [f"{_count(green.lines, 'line')}"]
        told += ["kept from an earlier reading"] if green.stored else []
        told += ["NOT GREEN: its log says that something failed"] if green.failed else []
        told += ["it has more different lines than are kept, so that some below may not be new"] * (not green.whole)
        yield f"compared with {green.label}: {', '.join(told)}"
    if novelty.why is not None:
        yield f"taken because it is {novelty.why}" if len(novelty.greens) == 1 else f"these are {novelty.why}"


def _hunks(lines: Sequence[NewLine]) -> Iterator[str]:
    """The new lines of a step in their context; dots where the log goes on between two of them."""
    new = {line.number: line for line in lines}
    rows = {around.number: around for line in lines for around in line.around}
    rows |= {line.number: Line(line.number, line.text) for line in lines}
    width = len(str(max(rows)))
    before: int | None = None
    for number in sorted(rows):
        if before is not None and number > before + 1:
            yield f"    {'':>{width}} ..."
        before = number
        line = new.get(number)
        if line is None:
            yield f"    {number:>{width}} | {rows[number].text}".rstrip()
        else:
            yield _row(line, ">", width) + _times(line)


def _row(line: NewLine, sign: str, width: int) -> str:
    return f"  {sign} {line.number:>{width}} | {line.text}".rstrip()


def _times(line: NewLine) -> str:
    told = [f"{line.count} times"] if line.count > 1 else []
    told += ["green has it with other numbers, and no error"] if line.sort is Sort.OTHER_NUMBERS else []
    return f"  ({'; '.join(told)})" if told else ""


def _steps(novelty: Novelty) -> Iterator[str]:
    changed = [drift for drift in novelty.drifts if drift.change in _CHANGED]
    if changed:
        yield ""
        yield "steps"
    yield from (f"  {drift.change.value}: {drift.name}{_took(drift)}" for drift in changed)


def _took(drift: Drift) -> str:
    here = _length(drift.here)
    green = ", ".join(text for text in map(_length, drift.green) if text)
    if here and green:
        return f": {here}, green {green}"
    return f": {here or green}" if here or green else ""


def _length(seconds: float | None) -> str:
    return "" if seconds is None else length(0.0, seconds)


def _count(n: int, word: str) -> str:
    return f"{n} {word}{'' if n == 1 else 's'}"


def render_json(novelty: Novelty) -> str:
    """The whole comparison: every new line that was kept, the most telling first."""
    return dump(
        {
            "schema": SCHEMA,
            "target": novelty.label,
            "log_lines": novelty.log_lines,
            "failed": novelty.failed,
            "failing_step": novelty.failing_step,
            "why": novelty.why,
            "green": [
                {"target": g.label, "log_lines": g.lines, "stored": g.stored, "failed": g.failed, "whole": g.whole}
                for g in novelty.greens
            ],
            "different": novelty.different,
            "lines": [_line(line) for line in novelty.lines],
            "steps": [_drift(drift) for drift in novelty.drifts],
            "gone": None if novelty.gone is None else [_plain(line) for line in novelty.gone],
        }
    )


def _line(line: NewLine) -> dict[str, Any]:
    return {
        "number": line.number,
        "text": line.text,
        "step": line.step,
        "count": line.count,
        "again": list(line.again),
        "pattern": line.pattern,
        "sort": line.sort.value,
        "around": [_plain(around) for around in line.around],
    }


def _plain(line: Line) -> dict[str, Any]:
    return {"number": line.number, "text": line.text}


def _drift(drift: Drift) -> dict[str, Any]:
    return {
        "name": drift.name,
        "change": drift.change.value,
        "seconds": _rounded(drift.here),
        "green_seconds": [_rounded(seconds) for seconds in drift.green],
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 3)
