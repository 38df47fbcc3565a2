"""What sets the runners of one host apart, what they share, and what of their settings is not in force yet."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """One setting of one runner that is another than that of its `others`, which are runners of the same kind."""

    subject: str
    kind: str
    what: str
    value: str
    others: tuple[str, ...]
    theirs: str


@dataclass(frozen=True, slots=True)
class Shared:
    """One thing that several runners have in common and that each needs for itself."""

    what: str
    value: str
    subjects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Pending:
    """Something of a runner that was changed and is not in force before it is started again."""

    subject: str
    what: str


@dataclass(frozen=True, slots=True)
class Crew:
    """The runners of one host beside each other. `kinds`: the kind of each runner by its name."""

    kinds: dict[str, str]
    differences: tuple[Difference, ...] = ()
    shared: tuple[Shared, ...] = ()
    pending: tuple[Pending, ...] = ()
