"""Every fault that the lab can make is found by the real program, and nothing wrong is confirmed."""

import pytest
from program import need_namespaces
from scripts import lab

CASES = list(lab.cases())
BY_SCRIPT = ("bash-env-hook", "disk-full-target", "private-tmp-deleted", "tmp-noexec", "tmp-readonly")
"""Faults that what the script printed proves as well."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_was_injected_is_what_whyred_says(case: lab.Case) -> None:
    if refusal := case.refusal():
        pytest.skip(refusal)
    need_namespaces()
    row = lab.play(case)
    assert (row.place, row.wrong) == (1, ""), row


@pytest.mark.parametrize("case", list(lab.cases(BY_SCRIPT)), ids=lambda case: case.name)
def test_what_the_script_printed_there_proves_it_as_well(case: lab.Case) -> None:
    if refusal := case.refusal():
        pytest.skip(refusal)
    need_namespaces()
    row = lab.play(case, "script")
    assert (row.place, row.confidence, row.wrong) == (1, "confirmed", ""), row
