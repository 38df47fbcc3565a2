"""`Row`: what one probe of the doctor's pack says of one subject."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """What one answer says of the host."""

    FINE = "fine"
    WRONG = "wrong"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `because` names the cause whose condition holds, or the reason of an unknown."""

    subject: str
    question: str
    state: State
    facts: Mapping[str, str]
    because: str
