"""Every fault that the lab can make is found by the real program, and nothing wrong is confirmed."""

from pathlib import Path

import pytest
from program import need_namespaces
from scripts import lab

CASES = list(lab.cases())
BY_SCRIPT = (
    *("bash-env-hook", "disk-full-target", "linker-or-syslib-missing", "missing-interactive-profile"),
    *("private-tmp-deleted", "tmp-noexec", "tmp-readonly"),
)
"""Faults that what the script printed proves as well. It tells nothing of the checkout, which may bring a program."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_was_injected_is_what_whyred_says(case: lab.Case) -> None:
    if refusal := case.refusal():
        pytest.skip(refusal)
    need_namespaces()
    row = lab.play(case)
    assert (row.place, row.wrong) == (1, ""), row


@pytest.mark.parametrize(
    ("findings", "wrong"),
    [
        ([], ""),
        ([("real-regression", "code/test", "confirmed"), ("oom-killed", "infra/oom", "likely")], ""),
        ([("oom-killed", "infra/oom", "possible")], ""),
        ([("oom-killed", "infra/oom", "likely")], "likely oom-killed"),
        (
            [("real-regression", "code/test", "confirmed"), ("oom-killed", "infra/oom", "confirmed")],
            "confirmed oom-killed",
        ),
    ],
)
def test_in_a_quiet_run_no_sure_word_on_infrastructure_is_right(
    findings: list[tuple[str, str, str]], wrong: str
) -> None:
    case = lab.Case("quiet/x", Path("x.yml"), "", False, ())
    said = {"findings": [{"cause": id_, "class": class_, "confidence": sure} for id_, class_, sure in findings]}
    row = lab.judged(case, said, 1.0)
    assert (row.wrong, row.place) == (wrong, 0 if wrong else 1)


@pytest.mark.parametrize("case", list(lab.cases(BY_SCRIPT)), ids=lambda case: case.name)
def test_what_the_script_printed_there_proves_it_as_well(case: lab.Case) -> None:
    if refusal := case.refusal():
        pytest.skip(refusal)
    need_namespaces()
    row = lab.play(case, "script")
    assert (row.place, row.confidence, row.wrong) == (1, "confirmed", ""), row
