"""A trace as it may be shown: masked like a log, and without the values of a variable whose name speaks of a secret."""

from collections.abc import Callable
from dataclasses import replace

from whyred.model.variable import Outcome, Setting, Trace
from whyred.probes.answer import is_secret
from whyred.workflows.tell_variable import sentence

HIDDEN = "(hidden)"
"""Stands for the value of a variable whose name speaks of a secret."""


def shown(found: Trace, mask: Callable[[bytes], bytes]) -> Trace:
    """The trace as it may be shown. Of a secret the sentence is said again, of hidden values."""
    hide = is_secret(found.variable)

    def text(value: str) -> str:
        return mask(value.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")

    def value(one: str) -> str:
        return HIDDEN if hide else text(one)

    def setting(one: Setting) -> Setting:
        safe = None if one.value is None else value(one.value)
        return replace(one, place=text(one.place), value=safe, only=text(one.only))

    def outcome(one: Outcome) -> Outcome:
        return replace(
            one,
            value=None if one.value is None else value(one.value),
            winner=None if one.winner is None else setting(one.winner),
            lost=tuple(map(setting, one.lost)),
            kept=tuple(map(setting, one.kept)),
            why="it depends on the runner and its version" if hide and one.why else text(one.why),
        )

    said = tuple(map(outcome, found.outcomes))
    return replace(
        found,
        settings=tuple(map(setting, found.settings)),
        outcomes=said,
        live=tuple(replace(x, value=value(x.value) if isinstance(x.value, str) else x.value) for x in found.live),
        unknown={text(k): replace(u, detail=text(u.detail)) for k, u in found.unknown.items()},
        sentence=_hidden(found) if hide else text(found.sentence),
    )


def _hidden(found: Trace) -> str:
    """The sentence without values: they are compared before they are hidden."""
    hidden = [
        replace(
            o,
            value=None if o.value is None else HIDDEN,
            winner=_hide(o.winner),
            lost=tuple(h for s in o.lost if (h := _hide(s))),
            kept=tuple(h for s in o.kept if (h := _hide(s))),
            why="",
        )
        for o in found.outcomes
    ]
    return sentence(found.variable, hidden)


def _hide(one: Setting | None) -> Setting | None:
    return None if one is None else replace(one, value=None if one.value is None else HIDDEN)
