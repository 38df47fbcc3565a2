"""The script of the step that failed, where no host has to be asked for it: the log prints it, or the workflow file of
the run was read. Whoever is asked for it elsewhere in vain is answered from here.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from whyred.app.ask import Asker, read_answers
from whyred.diagnosis.ended import section_at
from whyred.hosts.bundle import Raw, Recording
from whyred.model.cause import Of
from whyred.model.evidence import Ask, Unknown
from whyred.model.failure import Failure, Reading
from whyred.model.script import Script, called
from whyred.probes.job_ends import told

STEPS_SCRIPT = "the step's script"
"""The subject of such an answer."""
_ENDS = "job-ends"
_IS_COMMAND = re.compile(r"(?:\w+=\S* )*(?:sudo )?g?timeout\s")
"""A step without a name is called by its script; this is no name that a person gives."""


def scripts_of(failure: Failure, reading: Reading, scripts: Sequence[Script] = ()) -> list[str]:
    """What ran when the failure was said: one text, or none where it is not known whole. `scripts`: those of the
    workflow file."""
    line = failure.spans[-1][0]
    section = section_at(reading.sections, line)
    first = section.first if section is not None else 1
    before = [s for s in reading.scripts if first <= s.number <= line]
    if before:
        return [before[-1].text] if before[-1].text else []
    named = {s.run for s in scripts if failure.step and s.run and called(s.name, failure.step)}
    return list(named) if len(named) == 1 else []


@dataclass
class WithScript:
    """Asks somebody, and where nobody can tell what the job's script says, that script itself."""

    asker: Asker
    texts: Sequence[str]
    record: Recording = field(init=False)

    def __post_init__(self) -> None:
        self.record = self.asker.record

    def ask(self, ask: Ask) -> Raw:
        """The answers, one per subject."""
        raw = self.asker.ask(ask)
        if ask.probe == _ENDS and ask.of is Of.WORKFLOW and self.texts and _is_untold(ask, raw):
            raw = self.record.answers[ask] = ((STEPS_SCRIPT, told(self.texts)),)
        return raw


def with_script(asker: Asker, failures: Sequence[Failure], reading: Reading, scripts: Sequence[Script]) -> Asker:
    """Whoever answers, with the script of the best failure beside."""
    if not failures:
        return asker
    texts = scripts_of(failures[0], reading, scripts)
    step = failures[0].step or ""
    texts += [step.removeprefix("Run ")] if _IS_COMMAND.match(step.removeprefix("Run ")) else []
    return WithScript(asker, texts) if texts else asker


def _is_untold(ask: Ask, raw: Raw) -> bool:
    facts = [answer.facts for answer in read_answers(ask, raw)]
    return all(isinstance(f, Unknown) or all(isinstance(v, Unknown) for v in f.values()) for f in facts)
