"""Puts questions to a host, or to what a bundle recorded of one. One unit's failure never stops the others. A forge is
asked by `ask_forge`.
"""

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

from whyred.app.masked import masked_value
from whyred.app.subjects import Subjects
from whyred.hosts.bundle import Raw, Recording
from whyred.model.cause import Of
from whyred.model.evidence import Answer, Ask, Evidence, Reason, Unknown
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.probe import Cost, Facts, Lasting, Probe
from whyred.probes.find import probe as find_probe

T = TypeVar("T")

PROBE_SECONDS = 2.0
"""The longest one probe may take for one subject on the machine itself."""
_LEAST = 0.1
"""Seconds a probe is given where the budget is nearly used up."""


class Asker(Protocol):
    """Whoever answers questions, with the record of what was answered."""

    record: Recording

    def ask(self, ask: Ask) -> Raw:
        """The answers, one per subject."""


@dataclass
class Nobody:
    """There is no host, or the user wants none asked."""

    unknown: Unknown
    record: Recording = field(default_factory=Recording)

    def ask(self, ask: Ask) -> Raw:
        """Always the same unknown."""
        self.record.answers[ask] = (("", self.unknown),)
        return self.record.answers[ask]


@dataclass
class Recorded:
    """The answers of a bundle."""

    record: Recording

    def ask(self, ask: Ask) -> Raw:
        """What was answered then."""
        return self.record.ask(ask)


@dataclass
class Live:
    """A host that answers now. `mask` is applied to every byte before it is kept; `seconds` is the budget in all, and
    `patience` the longest time of one probe for one subject.
    """

    host: Host
    subjects: Subjects
    mask: Callable[[bytes], bytes]
    seconds: float
    clock: Callable[[], float] = time.monotonic
    record: Recording = field(default_factory=Recording)
    patience: float = PROBE_SECONDS

    def __post_init__(self) -> None:
        self._until = self.clock() + self.seconds

    def ask(self, ask: Ask) -> Raw:
        """Asks every subject of the question; what was asked before is not asked again."""
        if ask not in self.record.answers:
            self.record.answers[ask] = self._ask(ask)
        return self.record.answers[ask]

    def _ask(self, ask: Ask) -> Raw:
        if self.clock() >= self._until:
            return (("", Unknown(Reason.BUDGET, f"the budget of {self.seconds:g} s was used up")),)
        # The list of processes itself can hang: a process in uninterruptible sleep holds up who reads its command line.
        subjects = within(max(self._until - self.clock(), _LEAST), lambda: self.subjects.of(ask.of))
        if isinstance(subjects, Unknown):
            return (("", self._masked(subjects)),)
        arguments = dict(ask.with_)
        if ask.of is Of.WORKFLOW and self.subjects.folder:
            arguments["folder"] = self.subjects.folder
        probe = guarded(lambda: find_probe(ask.probe))
        if isinstance(probe, Unknown):
            return (("", self._masked(probe)),)
        if "checkout" in probe.needs and self.subjects.folder:
            arguments["checkout"] = self.subjects.folder
        arguments |= {k: v for k, v in self.subjects.times.items() if k in probe.needs}
        if self.subjects.step and "step" in probe.needs:
            arguments.setdefault("step", self.subjects.step)
        return tuple((self._text(s.name), self._one(probe, s, arguments)) for s in subjects)

    def _one(self, probe: Probe, subject: Subject, arguments: Mapping[str, str]) -> bytes | Unknown:
        left = self._until - self.clock()
        if left <= 0:
            return Unknown(Reason.BUDGET, f"the budget of {self.seconds:g} s was used up")
        answer = within(min(self.patience, max(left, _LEAST)), lambda: probe.ask(self.host, subject, arguments))
        return self._masked(answer) if isinstance(answer, Unknown) else masked_answer(answer, self.mask)

    def _masked(self, unknown: Unknown) -> Unknown:
        """An error's text quotes what was read, so it is masked like an answer."""
        return replace(unknown, detail=self._text(unknown.detail))

    def _text(self, text: str) -> str:
        return self.mask(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")


@dataclass
class WithForge:
    """Puts what a forge tells to `forge`, and every other question to `host`; all answers are in the host's record."""

    host: Asker
    forge: Asker

    def __post_init__(self) -> None:
        self.record: Recording = self.host.record

    def ask(self, ask: Ask) -> Raw:
        """The answers, one per subject."""
        if not ask.of.is_forges:
            return self.host.ask(ask)
        self.record.answers[ask] = self.forge.ask(ask)
        return self.record.answers[ask]


def masked_answer(answer: bytes, mask: Callable[[bytes], bytes]) -> bytes:
    """A probe's answer with every text in it masked: each as it was read, without the escapes of JSON, and no key of
    the answer itself."""
    try:
        document = json.loads(answer)
    except ValueError:
        return mask(answer)
    return json.dumps(masked_value(document, mask), ensure_ascii=False).encode("utf-8", "surrogatepass")


def within(seconds: float, work: Callable[[], T]) -> T | Unknown:
    """The result of `work`, or an unknown when it takes longer: a hung file system must not hang the diagnosis.

    The thread is left behind; it is a daemon thread, so it does not keep the process alive either.
    """
    box: list[T | Unknown] = []
    thread = threading.Thread(target=lambda: box.append(guarded(work)), daemon=True)
    thread.start()
    thread.join(seconds)
    return box[0] if box else Unknown(Reason.TIMED_OUT, f"no answer within {seconds:.1f} s")


def guarded(work: Callable[[], T]) -> T | Unknown:
    """The result of one unit's work; its refusal or its fault becomes an unknown with the reason."""
    try:
        return work()
    except HostRefusedError as e:
        return e.unknown
    except Exception as e:  # noqa: BLE001 - the guard around one unit: the design allows it here
        return Unknown(Reason.FAULT, f"{type(e).__name__}: {e}")


def read_answers(ask: Ask, raw: Raw) -> tuple[Answer, ...]:
    """The facts in recorded bytes."""
    found = guarded(lambda: find_probe(ask.probe))
    if isinstance(found, Unknown):  # a bundle may hold the answers of a probe that this whyred does not have
        return tuple(Answer(subject, found) for subject, _ in raw)
    probe = found
    return tuple(Answer(subject, data if isinstance(data, Unknown) else _facts(probe, data)) for subject, data in raw)


def _facts(probe: Probe, data: bytes) -> Facts | Unknown:
    return guarded(lambda: in_order(probe, probe.read(data)))


def in_order(probe: Probe, facts: Facts) -> Facts:
    """The facts in the order of the probe's fields, which is what people want to know first."""
    return {field: facts[field] for field in probe.fields if field in facts} | dict(facts)


def cost(ask: Ask) -> tuple[int, str]:
    """For sorting: the cheapest question first."""
    return list(Cost).index(find_probe(ask.probe).cost), ask.probe


def lasting(evidence: Evidence) -> bool:
    """Whether a fact cannot have changed while its subject lived."""
    return isinstance(find_probe(evidence.ask.probe).fields.get(evidence.field), Lasting)
