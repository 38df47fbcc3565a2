"""Every fault that the lab can make is found by the real program, and nothing wrong is confirmed."""

import pytest
from program import need_namespaces
from scripts import lab

CASES = list(lab.cases())


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_was_injected_is_what_whyred_says(case: lab.Case) -> None:
    if refusal := case.refusal():
        pytest.skip(refusal)
    need_namespaces()
    row = lab.play(case)
    assert (row.place, row.wrong) == (1, ""), row
