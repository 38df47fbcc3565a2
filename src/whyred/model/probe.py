"""`Probe`: a typed, read-only question put to a host, or to a forge, that yields facts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from whyred.model.cause import Value
from whyred.model.evidence import Unknown
from whyred.model.host import Subject

Facts = Mapping[str, Value | Unknown | None]
"""Fields of one answer; None means: known to be absent."""


class Lasting(str):
    """The meaning of a field whose value stays as long as its subject lives: nobody can give a living process another
    environment, or take a filter of system calls from it. Every other field tells of a moment: what was wrong when the
    job ran may have been mended before it was read, so that it never rules a cause out by itself.
    """

    __slots__ = ()


class Kind(StrEnum):
    """What a probe asks about. All but `forge` are questions to a host."""

    HOST = "host"
    PROCESS = "process"
    DIRECTORY = "directory"
    DAEMON = "daemon"
    FORGE = "forge"


class Cost(StrEnum):
    """What an answer costs, cheapest first: a few system calls, one command, seconds of waiting."""

    CHEAP = "cheap"
    MODERATE = "moderate"
    DEAR = "dear"


@dataclass(frozen=True, slots=True)
class Probe:
    """One file of `probes/`. `fields` maps each field to its meaning and unit, `Lasting` where it cannot change;
    `needs` maps each argument of `with` to its meaning; `privilege` says in words what is needed for a full answer.
    `ask` does the I/O through what it is handed, a `Host` or, where `kind` says so, a `Forge`, and returns bytes;
    `read` turns those bytes into facts and does nothing else.
    """

    name: str
    title: str
    kind: Kind
    cost: Cost
    privilege: str
    fields: Mapping[str, str]
    ask: Callable[[Any, Subject, Mapping[str, str]], bytes]
    read: Callable[[bytes], Facts]
    needs: Mapping[str, str] = field(default_factory=dict)
    pack: tuple[Mapping[str, str], ...] = ()
    """The arguments with which `whyred doctor` asks it, once each; empty: the doctor does not ask it."""
