"""Why a log could not be had, as JSON for a program that asked for JSON (`reports/schema/refusal-1.json`)."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from whyred.reports.reading import dump

if TYPE_CHECKING:  # `why` looks at every report
    from whyred.model.source import MissingLogError

REFUSAL = "whyred.refusal/1"


def render_json(error: "MissingLogError", mask: Callable[[str], str]) -> str:
    """The refusal that a user can do most about, and those of every route that was tried; texts go through `mask`."""
    tried = [{"route": route, **_told(e, mask)} for route, e in error.tried]
    return dump({"schema": REFUSAL, **_told(error, mask), "tried": tried})


def _told(error: "MissingLogError", mask: Callable[[str], str]) -> dict[str, Any]:
    return {"reason": error.reason.value, "asked": mask(error.asked), "help": mask(error.help)}
