"""Attempts as JSON: how each step of a local run ended."""

from collections.abc import Sequence

from whyred.model.attempt_json import attempt_to_json
from whyred.model.run import Attempt
from whyred.reports.reading import dump

SCHEMA = "whyred.run/1"


def render_json(attempts: Sequence[Attempt]) -> str:
    """The attempts of one `whyred run`."""
    return dump({"schema": SCHEMA, "attempts": [attempt_to_json(a) for a in attempts]})
