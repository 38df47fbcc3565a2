"""Which steps that ended badly were allowed to, where the log does not say it (`continue-on-error`).

A forge that writes no conclusion of a step skips what comes after the one that failed, but for the steps whose
condition asks to run: those collect reports, upload them and tell people. A step that plain work follows did not end
the job. Source: actions/runner src/Runner.Worker/StepsRunner.cs; azure-pipelines-agent StepsRunner.cs.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from whyred.model.failure import Section
from whyred.model.run import Conclusion

_BEFORE_ANOTHER, _BEFORE_THE_END = 2, 4
"""Steps of plain work after a step, by which it is known to have been let pass: where a later one failed too, and
where none did.
"""
_AFTERMATH = re.compile(
    r"upload|artifact|cache/save|codecov|coveralls|coverage|report|publish|summar|notif|slack|discord|teams|mail"
    r"|comment|annotat|label|status|result|\blogs?\b|dump|debug|diagnos|\bcore|tmate|collect|archive|\bcat |\bls "
    r"|echo |tail |find |dmesg|journalctl|docker (?:ps|logs|info|compose|rm)|docker-compose|kubectl|clean|stop|down\b"
    r"|kill|delete|destroy|remove|\brm |finali|teardown|\bif \[|exit 1",
    re.I,
)
"""What a step is called that runs because another one failed."""

_BEGINS = "Set up job"
"""Where the log of another job of the same run begins, as `gh run view --log` prints them."""


def judged(sections: Sequence[Section], errors: Sequence[int]) -> tuple[Section, ...]:
    """The sections, with those concluded as successes that ended badly, or in which the forge reported one of the
    `errors` (lines, in order), and that did not end the job.
    """
    bad = {at for at, section in enumerate(sections) if not section.aside and _is_bad(section, errors)}
    first: dict[str, int] = {}
    for at, section in enumerate(sections):
        first.setdefault(section.name, at)
    told = list(sections)
    after, before, another = 0, 0, False
    """Steps of plain work after this one, those before the next bad one, and whether that one is plain work itself."""
    for at in range(len(sections) - 1, -1, -1):
        if sections[at].name == _BEGINS:
            after, before, another = 0, 0, False
        work = not sections[at].aside and bool(sections[at].name) and _AFTERMATH.search(sections[at].name) is None
        if at in bad:
            if after >= _BEFORE_THE_END or (another and before >= _BEFORE_ANOTHER):
                told[at] = replace(sections[at], conclusion=Conclusion.SUCCESS)
            before, another = 0, work
        elif work and first[sections[at].name] == at:  # a name that was there before is a clean-up
            after, before = after + 1, before + 1
    return tuple(told)


def _is_bad(section: Section, errors: Sequence[int]) -> bool:
    if section.conclusion is Conclusion.FAILURE:
        return True
    at = bisect_left(errors, section.first)
    return bool(section.name) and at < len(errors) and errors[at] <= section.last
