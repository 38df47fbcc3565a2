"""What `whyred check` found, as text and as JSON (`reports/schema/check-1.json`)."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from whyred.reports.reading import dump, row

if TYPE_CHECKING:  # `why` looks at every report
    from whyred.model.remark import Look, NotAsked, Remark, Spot

SCHEMA = "whyred.check/1"


def render(looks: "Sequence[Look]") -> str:
    """For a terminal: what fires on what, then the remarks, worst first, then what could not be asked."""
    rows = [text for n, one in enumerate(looks) for text in (*([""] if n else []), *_look(one))]
    return "\n".join(row(text) for text in rows) + "\n"


def _look(one: "Look") -> Iterator[str]:
    forges = ", ".join(one.forges) or "no forge"
    yield f"checkout  {one.folder}: {len(one.files)} workflows, read as {forges} does"
    for fires in one.firing:
        yield f"  {fires.event:<20} {', '.join(map(str, fires.spots))}"
    tools = dict.fromkeys(("whyred", *one.linters))
    for tool in tools:
        told = [remark for remark in one.remarks if remark.tool == tool]
        if tool != "whyred":
            yield ""
            yield f"{tool} says{'' if told else ' nothing'}"
        for remark in told:
            yield from _remark(remark)
    if one.not_asked:
        yield ""
        yield from _not_asked(one.not_asked)
    yield ""
    yield _count(one)


def _remark(remark: "Remark") -> Iterator[str]:
    yield ""
    rule = f" [{remark.rule}]" if remark.rule else ""
    yield f"{remark.spot}: {remark.level.value}: {remark.what}{rule}"
    if remark.also:
        yield f"    with  {', '.join(map(str, remark.also))}"
    if remark.why:
        yield f"    why   {remark.why}"
    if remark.how:
        yield f"    do    {remark.how}"


def _not_asked(told: "Sequence[NotAsked]") -> Iterator[str]:
    """Those with one reason stand together."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for one in told:
        reasons.setdefault((one.why, one.how), []).append(one.what)
    for (why, how), whats in reasons.items():
        yield f"not asked  {'; '.join(whats)}: {why}"
        if how:
            yield f"    do    {how}"


def _count(one: "Look") -> str:
    if not one.remarks:
        return "nothing to remark"
    levels = [remark.level.value for remark in one.remarks]
    return ", ".join(f"{levels.count(level)} {level}" for level in ("wrong", "doubtful", "note"))


def render_json(looks: "Sequence[Look]") -> str:
    """The same as JSON."""
    return dump({"schema": SCHEMA, "checkouts": [_json(one) for one in looks]})


def _json(one: "Look") -> dict[str, Any]:
    return {
        "folder": one.folder,
        "forges": list(one.forges),
        "files": list(one.files),
        "fires": [{"event": f.event, "places": [_spot(s) for s in f.spots]} for f in one.firing],
        "remarks": [_remark_json(remark) for remark in one.remarks],
        "not_asked": [{"what": n.what, "why": n.why, "how": n.how} for n in one.not_asked],
        "linters": list(one.linters),
    }


def _remark_json(remark: "Remark") -> dict[str, Any]:
    return {
        "tool": remark.tool,
        "rule": remark.rule,
        "level": remark.level.value,
        **_spot(remark.spot),
        "what": remark.what,
        "why": remark.why,
        "how": remark.how,
        "also": [_spot(spot) for spot in remark.also],
        "source": remark.source,
    }


def _spot(spot: "Spot") -> dict[str, Any]:
    return {"file": spot.file, "line": spot.line}
