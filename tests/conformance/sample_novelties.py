"""Comparisons in every shape, made by hand; texts that come from elsewhere are hostile."""

from whyred.model.failure import Line
from whyred.model.novelty import Change, Drift, Green, NewLine, Novelty, Sort

HOSTILE = "a\x1b[31mred\n\u202eb"
GREENS = (Green(HOSTILE, 3), Green("team/app#9:build", 0, stored=True, failed=True, whole=False))
LINES = tuple(
    NewLine(n, HOSTILE, step, n, (n + 1,), pattern, sort, (Line(n + 1, HOSTILE),))
    for n, (step, pattern, sort) in enumerate([(None, None, Sort.NEW), (HOSTILE, "p", Sort.OTHER_NUMBERS)] * 6, 1)
)
DRIFTS = tuple(Drift(HOSTILE, change, here, (here, None)) for change in Change for here in (None, 0.0, 4000.123456))
NOVELTIES = [
    Novelty(HOSTILE, 3, True, HOSTILE, GREENS, LINES, 99, DRIFTS, (Line(1, HOSTILE),) * 30, HOSTILE),
    Novelty("x", 0, False, None, GREENS[:1], (), 0, (), (), "why"),
    Novelty("x", 0, False, None, GREENS[:1], LINES[:1], 1, ()),
]
