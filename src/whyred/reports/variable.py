"""Where a variable comes from, as text and as JSON (`reports/schema/env-1.json`)."""

from collections.abc import Iterator, Sequence
from typing import Any

from whyred.model.evidence import Unknown
from whyred.model.variable import Effect, Live, Outcome, Setting, Stage, Trace
from whyred.reports.reading import dump, row

SCHEMA = "whyred.env/1"
_NOTHING = "nothing that could be read sets it"
_SAYS = {
    Effect.SETS: "sets",
    Effect.FILLS: "fills in",
    Effect.ASSIGNS: "assigns",
    Effect.KEEPS: "keeps for itself",
    Effect.DROPS: "drops",
    Effect.RESETS: "resets the lines before",
}


def render(trace: Trace) -> str:
    """The layers, who wins where, what the processes have, and the sentence that matters."""
    text = "\n".join(row(text) for text in _rows(trace)) + "\n"
    return text.replace(f"{trace.folder}/", "") if trace.folder.strip("/") else text


def _rows(trace: Trace) -> Iterator[str]:
    yield f"{trace.variable}{f' on the runner {trace.runner}' if trace.runner else ''}"
    yield ""
    given = any(live.value is not None and not isinstance(live.value, Unknown) for live in trace.live)
    none = "no file that could be read sets it; a process has it all the same" if given else _NOTHING
    yield "what sets it" if trace.settings else none
    width = max((len(s.layer) for s in trace.settings), default=0)
    for one in trace.settings:
        yield f"  {one.layer:<{width}}  {_said(one)}  {one.place}"
    yield ""
    yield "who wins"
    width = max((len(o.name) for o in trace.outcomes), default=0)
    for outcome in trace.outcomes:
        yield f"  {outcome.name:<{width}}  {_outcome(outcome)}"
    if trace.live:
        yield ""
        yield "what processes have (at their start)"
        for live in trace.live:
            yield f"  {live.kind} {live.name} (pid {live.pid})  {_live(live)}"
    if trace.unknown:
        yield ""
        yield "could not be read"
        for place, unknown in trace.unknown.items():
            yield f"  {place}: {unknown.reason}: {unknown.detail}".removesuffix(": ")
    yield ""
    yield trace.sentence


def _said(one: Setting) -> str:
    value = "" if one.value is None else f" {one.value!r}"
    unknown = one.value is None and one.effect not in (Effect.DROPS, Effect.RESETS)
    return f"{_SAYS[one.effect]}{' a value that only the run knows' if unknown else value}" + (
        f" ({one.only})" if one.only else ""
    )


def _outcome(one: Outcome) -> str:
    if not one.sure:
        return f"cannot be told: {one.why}"
    got = "not set" if not one.has else "a value that only the run knows" if one.value is None else repr(one.value)
    return got + (f"  by {one.winner.layer} ({one.winner.place})" if one.winner else "")


def _live(one: Live) -> str:
    if isinstance(one.value, Unknown):
        return f"unknown ({one.value.reason}: {one.value.detail})"
    return "not set" if one.value is None else repr(one.value)


def render_all(traces: Sequence[Trace]) -> str:
    """One after the other, and at the end in what the runners differ."""
    return "".join(["\n".join(map(render, traces)), *(f"\n{row(told)}\n" for told in _differences(traces))])


def _differences(traces: Sequence[Trace]) -> Iterator[str]:
    """One sentence where a step has something else on one runner than on another."""
    runners: dict[object, list[str]] = {}
    said: dict[object, str] = {}
    for trace in traces:
        step = next((o for o in trace.outcomes if o.stage is Stage.STEP), None)
        key = step and (step.sure, step.has, step.value, step.why)
        runners.setdefault(key, []).append(trace.runner)
        said.setdefault(key, "it is unknown" if step is None else f"it {'is ' if step.sure else ''}{_outcome(step)}")
    if len(runners) > 1:
        told = (f"in a step of {', '.join(names)} {said[key]}" for key, names in runners.items())
        yield f"The runners differ: {'; '.join(told)}."


def render_json(traces: Sequence[Trace]) -> str:
    """The same as JSON: the first as it is, and under `runners` all, where runners differ."""
    first, *others = map(_told, traces)
    return dump({"schema": SCHEMA, **first, "runners": [first, *others] if others else []})


def _told(trace: Trace) -> dict[str, Any]:
    return {
        "variable": trace.variable,
        "runner": trace.runner or None,
        "settings": [_setting(s) for s in trace.settings],
        "outcomes": [
            {
                "stage": o.stage.value,
                "process": o.name,
                "set": o.has,
                "value": o.value,
                "winner": None if o.winner is None else _setting(o.winner),
                "lost": [_setting(s) for s in o.lost],
                "kept": [_setting(s) for s in o.kept],
                "sure": o.sure,
                "why": o.why,
            }
            for o in trace.outcomes
        ],
        "live": [_live_row(x) for x in trace.live],
        "unknown": [
            {"what": place, "reason": u.reason.value, "detail": u.detail} for place, u in trace.unknown.items()
        ],
        "sentence": trace.sentence,
    }


def _live_row(one: Live) -> dict[str, Any]:
    unknown = one.value if isinstance(one.value, Unknown) else None
    return {
        "name": one.name,
        "kind": one.kind,
        "pid": one.pid,
        "value": None if unknown else one.value,
        "unknown": None if unknown is None else unknown.reason.value,
    }


def _setting(one: Setting) -> dict[str, Any]:
    return {
        "layer": one.layer,
        "place": one.place,
        "effect": one.effect.value,
        "value": one.value,
        "only": one.only,
    }
