"""The doctor's table: how the runners differ and what they share, then what is wrong, what is unknown with the reason,
and one table of facts for the host and for each runner."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict

from whyred.diagnosis.alike import compare
from whyred.model.alike import Crew, Difference
from whyred.model.examination import Row, State
from whyred.reports.reading import dump, row

SCHEMA = "whyred.doctor/1"
_MARK = {State.WRONG: "wrong  ", State.UNKNOWN: "unknown", State.FINE: "fine   "}
_FACTS = 6
"""Fields of one answer in the text table, without those that say `none`; `--all` and JSON have every one."""
_MANY = 12
"""Unknowns of one reason that have a row each; `--all` shows all."""
_WIDEST = 30
"""Columns: a path or the line of a log may stand in a question."""
_UNITS = {
    "_bytes": ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB")),
    "_seconds": ((86400, "days"), (3600, "hours"), (60, "minutes")),
}
"""By the end of a field's name: in what a large number is told as well."""
_LISTS = {":": "/", ",": ""}
"""What separates the parts of a value that is a list, and how its parts begin."""


def render(rows: Sequence[Row], *, everything: bool = False) -> str:
    """The table for a terminal."""
    return "\n".join(row(text) for text in _table(rows, everything)) + "\n"


def render_json(rows: Sequence[Row]) -> str:
    """The table as JSON."""
    crew = compare(rows)
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
    return dump(
        {
            "schema": SCHEMA,
            "differences": [asdict(d) for d in crew.differences],
            "shared": [asdict(s) for s in crew.shared],
            "not_in_force": [asdict(p) for p in crew.pending],
            "rows": data,
        }
    )


def _table(rows: Sequence[Row], everything: bool) -> Iterator[str]:
    if not rows:
        yield "nothing could be asked"
    crew = compare(rows)
    parts = [list(_beside_each_other(crew)), list(_not_well(rows, everything)), *_fine(rows, crew, everything)]
    for n, part in enumerate(part for part in parts if part):
        if n:
            yield ""
        yield from part
    counts = {state: sum(r.state is state for r in rows) for state in _MARK}
    yield ""
    yield ", ".join(f"{counts[state]} {state}" for state in _MARK)


def _not_well(rows: Sequence[Row], everything: bool) -> Iterator[str]:
    """What is wrong, then what is unknown; where one subject alone is examined, what is fine as well."""
    alone = len({r.subject for r in rows if r.state is State.FINE}) < 2
    states = [State.WRONG, State.UNKNOWN, *([State.FINE] if alone else [])]
    subject = _width(r.subject for r in rows if r.state in states)
    question = _width(r.question for r in rows if r.state in states)
    for state in states:
        many = _together(rows) if state is State.UNKNOWN and not everything else {}
        for reason, questions in many.items():
            yield f"{_MARK[state]}  {questions}: {reason}"
        for r in (r for r in rows if r.state is state and r.because not in many):
            tail = r.because if state is State.UNKNOWN else _facts(r, everything)
            because = f"{r.because}; " if state is State.WRONG else ""
            yield f"{_MARK[state]}  {r.subject:<{subject}}  {r.question:<{question}}  {because}{tail}".rstrip()


def _together(rows: Sequence[Row]) -> dict[str, str]:
    """By the reason of more unknowns than a person reads: how many questions of whom it keeps from an answer."""
    of: dict[str, list[str]] = defaultdict(list)
    for r in (r for r in rows if r.state is State.UNKNOWN):
        of[r.because].append(r.subject)
    return {
        reason: f"{len(names)} questions of {one}" + (f" and {len(others)} more" if others else "")
        for reason, names in of.items()
        if len(names) > _MANY
        for one, *others in [list(dict.fromkeys(names))]
    }


def _fine(rows: Sequence[Row], crew: Crew, everything: bool) -> Iterator[list[str]]:
    """One table per subject, the runners first; what all runners of a kind say alike stands once, before them."""
    fine = [r for r in rows if r.state is State.FINE]
    if len({r.subject for r in fine}) < 2:
        return
    tables: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for kind in dict.fromkeys(crew.kinds.values()):
        tables[f"every {kind}"] = []
    for subject in sorted(dict.fromkeys(r.subject for r in fine), key=lambda s: s not in crew.kinds):
        tables[_heading(subject, crew)] = []
    said = Counter((crew.kinds.get(r.subject), r.question, _facts(r, everything)) for r in fine)
    many = Counter(crew.kinds.values())
    for r in fine:
        of, facts = crew.kinds.get(r.subject), _facts(r, everything)
        alike = of is not None and said[of, r.question, facts] == many[of] > 1
        line, heading = (r.question, facts), f"every {of}" if alike else _heading(r.subject, crew)
        if line not in tables[heading]:
            tables[heading].append(line)
    question = _width(r.question for r in fine)
    for heading, lines in tables.items():
        yield [heading, *(f"{_MARK[State.FINE]}  {q:<{question}}  {f}".rstrip() for q, f in lines)] if lines else []


def _width(texts: Iterable[str]) -> int:
    """Of a column: that of its longest text, and no more than `_WIDEST`; a longer one moves its own row alone."""
    return min(_WIDEST, max((len(text) for text in texts), default=0))


def _heading(subject: str, crew: Crew) -> str:
    return f"{subject} ({crew.kinds[subject]})" if subject in crew.kinds else subject


def _beside_each_other(crew: Crew) -> Iterator[str]:
    """What explains a red job on one runner alone comes first."""
    by_runner = defaultdict(list)
    for d in crew.differences:
        by_runner[d.subject, d.kind].append(d)
    for (subject, kind), found in by_runner.items():
        other = f"{kind}s" if list(crew.kinds.values()).count(kind) > 2 else kind
        yield f"{subject} differs from the other {other}: {', '.join(dict.fromkeys(d.what for d in found))}"
        for d in found:
            yield from _difference(d)
    for s in crew.shared:
        yield f"{', '.join(s.subjects)} share one {s.what}: {s.value}"
    for p in crew.pending:
        yield f"{p.subject} must be started again: {p.what}"


def _difference(d: Difference) -> Iterator[str]:
    """Both values; of a list only what one has and the other has not."""
    names = ", ".join(d.others[:3]) + (", ..." if len(d.others) > 3 else "")
    for separator, start in _LISTS.items():
        own, theirs = (_parts(value, separator, start) for value in (d.value, d.theirs))
        if own and theirs and len(own) + len(theirs) > 2:
            lacks, extra = [p for p in theirs if p not in own], [p for p in own if p not in theirs]
            if lacks:
                yield f"  {d.what} lacks {separator.join(lacks)}, as {names} have it"
            if extra:
                yield f"  {d.what} has {separator.join(extra)}, as {names} have not"
            if not lacks and not extra:
                yield f"  {d.what} has another order than in {names}: {d.value}"
            return
    yield f"  {d.what} is {d.value}, in {names} {d.theirs}"


def _parts(value: str, separator: str, start: str) -> list[str]:
    """The parts of a list; nothing for a text that is none."""
    parts = value.split(separator)
    return parts if all(p.startswith(start) and " " not in p for p in parts) else []


def _facts(one: Row, everything: bool) -> str:
    facts = list(one.facts.items())
    if everything:
        return ", ".join(f"{k} {v}" for k, v in facts)
    there = [(k, v) for k, v in facts if v != "none"]
    more = ", ..." if len(there) > _FACTS else ""
    return ", ".join(f"{k} {v}{_in_words(k, v)}" for k, v in there[:_FACTS]) + more or "nothing to tell"


def _in_words(field: str, value: str) -> str:
    """A number of bytes or seconds in a unit that a person reads: ` (54.6 GiB)`; nothing for a small one."""
    units = next((u for end, u in _UNITS.items() if field.endswith(end)), ())
    number = int(value) if value.isascii() and value.isdecimal() and len(value) < 20 else 0
    return next((f" ({number / size:.1f} {unit})" for size, unit in units if number >= 2 * size), "")
