"""Where a variable comes from: what one layer says of it, what a process gets in the end, and what processes have."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from whyred.model.evidence import Unknown


class Effect(StrEnum):
    """What a layer does to a variable on its way to a process."""

    SETS = "sets"
    """Whatever was there before."""
    FILLS = "fills"
    """Only where nothing set it before."""
    ASSIGNS = "assigns"
    """Changes what is exported already; else it stays inside: shell and make."""
    KEEPS = "keeps"
    """Assigned, and handed on to nobody."""
    DROPS = "drops"
    """Taken away."""
    RESETS = "resets"
    """What the unit's earlier lines set is forgotten (an empty `Environment=`)."""


class Stage(StrEnum):
    """A process on the way from the runner to the compiler; each starts with what the one before it has."""

    RUNNER = "runner"
    STEP = "step"
    TOOL = "tool"
    RUSTC = "rustc"


@dataclass(frozen=True, slots=True)
class Setting:
    """What one place says of the variable. `value` is None where only the run itself can tell it, and where the place
    gives none. `only` says in words where it holds, where that is not everywhere below.
    """

    layer: str
    place: str
    effect: Effect
    value: str | None = None
    only: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a process gets. `winner` is None where nothing sets the variable; `has` whether it is in the environment;
    `lost`: other values that were beaten on the way to this process; `kept`: those that nobody was handed.

    `sure` is False where versions of the runner differ; then `why` says how.
    """

    stage: Stage
    name: str
    has: bool
    value: str | None
    winner: Setting | None
    lost: tuple[Setting, ...] = ()
    kept: tuple[Setting, ...] = ()
    sure: bool = True
    why: str = ""


@dataclass(frozen=True, slots=True)
class Live:
    """What a process has now: its environment at its start. `value` is None where it is not set."""

    name: str
    kind: str
    pid: int
    value: str | Unknown | None


@dataclass(frozen=True, slots=True)
class Trace:
    """All that is known of one variable. `unknown`: what could not be read, by place."""

    variable: str
    runner: str
    settings: tuple[Setting, ...]
    outcomes: tuple[Outcome, ...]
    live: tuple[Live, ...]
    unknown: Mapping[str, Unknown] = field(default_factory=dict)
    sentence: str = ""
    folder: str = ""
    """The checkout; reports for people leave it out of the places."""
