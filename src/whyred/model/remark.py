"""What a look at the workflows of a checkout found: remarks at places, what fires on what, what was not asked."""

from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How bad it is. `wrong`: it cannot work as it is written; `doubtful`: it works, and collides or surprises at
    times; `note`: good to know.
    """

    WRONG = "wrong"
    DOUBTFUL = "doubtful"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Spot:
    """A place: the file, from the checkout's root, and its line from 1 (None: the file as a whole)."""

    file: str
    line: int | None

    def __str__(self) -> str:
        return self.file if self.line is None else f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Remark:
    """One thing that a rule says of a workflow: what is so, why it matters, what to do; `also`: other places that take
    part in it. `rule` and `source` (where the fact comes from) are filled in by who runs the rules; `tool` is who says
    it: whyred itself, or a linter that is installed.
    """

    level: Level
    spot: Spot
    what: str
    why: str = ""
    how: str = ""
    also: tuple[Spot, ...] = ()
    rule: str = ""
    source: str = ""
    tool: str = "whyred"


@dataclass(frozen=True, slots=True)
class Firing:
    """The workflows that fire on one event, each with the line that says so."""

    event: str
    spots: tuple[Spot, ...]


@dataclass(frozen=True, slots=True)
class NotAsked:
    """What could not be found out: what it is, why, and what would make it known."""

    what: str
    why: str
    how: str = ""


@dataclass(frozen=True, slots=True)
class Look:
    """The whole: which files were read for which program (`forgejo`, `gitea`, `github`), and what came of it.

    `linters`: the other tools that were run.
    """

    folder: str
    files: tuple[str, ...]
    forges: tuple[str, ...]
    firing: tuple[Firing, ...]
    remarks: tuple[Remark, ...]
    not_asked: tuple[NotAsked, ...] = ()
    linters: tuple[str, ...] = ()

    @property
    def fine(self) -> bool:
        """Whether nothing is wrong or doubtful by whyred's own rules: linters that may be installed do not count."""
        return all(remark.level is Level.NOTE or remark.tool != "whyred" for remark in self.remarks)
