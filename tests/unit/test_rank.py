"""The order in which findings are read: the same whatever the order they came in."""

import random
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.diagnosis.rank import rank
from whyred.diagnosis.unseen import unseen
from whyred.model.cause import Cause, Condition, Of, Op, Text, Value
from whyred.model.evidence import Ask, Evidence, Origin, Reason, Unknown
from whyred.model.failure import Failure
from whyred.model.finding import Confidence, Finding, Held, Weight

TEXT = Text("", "", "", "", "")


def failure(class_: str = "infra/tmpdir") -> Failure:
    return Failure("p", "t", "tool", class_, "weak", True, None, "m", ((1, 1),), (), {}, "f")


FIRST, SECOND = failure(), failure()


def finding(
    id_: str, sure: Confidence, of: Failure = FIRST, patterns: int = 1, class_: str = "infra/tmpdir"
) -> Finding:
    cause = Cause(id_, id_, class_, tuple(f"p{n}" for n in range(patterns)), TEXT, {}, {})
    return Finding(cause, of, sure, ())


def ids(findings: list[Finding]) -> list[str]:
    return [f.cause.id for f in findings]


def test_surer_first_and_what_is_ruled_out_apart() -> None:
    rows = [
        finding(c.value, c)
        for c in (Confidence.RULED_OUT, Confidence.POSSIBLE, Confidence.LIKELY, Confidence.CONFIRMED)
    ]
    for order in permutations(rows):
        kept, out = rank(order)
        assert ids(kept) == ["confirmed", "likely", "possible"]
        assert ids(out) == ["ruled out"]


def test_the_better_failure_first() -> None:
    kept, _ = rank([finding("z", Confidence.POSSIBLE), finding("a", Confidence.POSSIBLE, SECOND)])
    assert ids(kept) == ["z", "a"]
    kept, _ = rank([finding("z", Confidence.POSSIBLE), finding("a", Confidence.CONFIRMED, SECOND)])
    assert ids(kept) == ["a", "z"]


def test_then_the_class_then_the_breadth_then_the_name() -> None:
    rows = [
        finding("d", Confidence.POSSIBLE, class_="code/test", patterns=9),
        finding("c", Confidence.POSSIBLE),
        finding("b", Confidence.POSSIBLE),
        finding("a", Confidence.POSSIBLE, patterns=3),
    ]
    for order in permutations(rows):
        assert ids(rank(order)[0]) == ["a", "b", "c", "d"]


@given(
    st.lists(st.tuples(st.sampled_from(Confidence), st.integers(1, 3)), max_size=8), st.randoms(use_true_random=False)
)
def test_nothing_is_lost_and_the_order_of_one_failure_is_no_chance(
    rows: list[tuple[Confidence, int]], shuffled: random.Random
) -> None:
    findings = [finding(f"c{n}", sure, patterns=wide) for n, (sure, wide) in enumerate(rows)]
    kept, out = rank(findings)
    assert sorted(ids(kept + out)) == sorted(ids(findings))
    mixed = list(findings)
    shuffled.shuffle(mixed)
    assert rank(mixed) == (kept, out)


def test_of_two_that_are_confirmed_the_one_that_explains_the_other_is_first() -> None:
    def explaining(sure: Confidence, of: Failure = FIRST) -> Finding:
        cause = Cause("z", "z", "infra/env-config", ("p",), TEXT, {}, {}, explains=("a",))
        return Finding(cause, of, sure, ())

    both = [finding("a", Confidence.CONFIRMED, patterns=9), explaining(Confidence.CONFIRMED)]
    for order in permutations(both):
        assert ids(rank(order)[0]) == ["z", "a"]
    assert ids(rank([both[0], explaining(Confidence.LIKELY)])[0]) == ["a", "z"]
    assert ids(rank([finding("a", Confidence.LIKELY), explaining(Confidence.LIKELY)])[0]) == ["a", "z"]
    assert ids(rank([both[0], explaining(Confidence.CONFIRMED, SECOND)])[0]) == ["a", "z"]


def looked_for(
    id_: str, class_: str, answers: list[Value | Unknown | None], of: Of = Of.ATTEMPT_RUNNER, when: bool = False
) -> Finding:
    """A possible finding whose confirm lines were answered so; none of the answers is what the lines want."""
    condition = Condition("p", of, "f", Op.EQUALS, True)
    ask = Ask("p", of, ())
    held = tuple(
        Held(
            condition,
            Weight.CONFIRMS,
            None if isinstance(a, Unknown) else False,
            (Evidence(ask, "r", "f", a, Origin("probe", "p")),),
        )
        for a in answers
    )
    cause = Cause(id_, id_, class_, ("p",), TEXT, {"limit": ("*",)} if when else {}, {})
    return Finding(cause, FIRST, Confidence.POSSIBLE, held)


def test_what_the_host_was_asked_for_in_vain_comes_after_the_code() -> None:
    code = finding("z", Confidence.POSSIBLE, class_="code/test")
    in_vain = looked_for("a", "infra/tmpdir", [False, None, Unknown(Reason.NOT_APPLICABLE, "")])
    assert unseen(in_vain)
    assert ids(rank([in_vain, code])[0]) == ["z", "a"]


@pytest.mark.parametrize(
    "answers",
    [
        [],
        [Unknown(Reason.OTHER_HOST, "")],
        [False, Unknown(Reason.NO_PERMISSION, "")],
        [Unknown(Reason.NOT_APPLICABLE, "")],
    ],
    ids=["no question", "another host", "one is open", "nothing to ask"],
)
def test_what_was_not_looked_for_everywhere_keeps_its_place(answers: list[Value | Unknown | None]) -> None:
    open_ = looked_for("a", "infra/tmpdir", answers)
    assert not unseen(open_)
    assert ids(rank([finding("z", Confidence.POSSIBLE, class_="code/test"), open_])[0]) == ["a", "z"]


def not_now(id_: str, refuting: str, of: Failure = FIRST, class_: str = "infra/tmpdir") -> Finding:
    """A finding whose confirm line asks for the field `f`, and which that fact of now speaks against."""
    lines = ((Weight.CONFIRMS, "f", False), (Weight.REFUTES, refuting, True))
    held = tuple(
        Held(
            Condition("p", Of.ATTEMPT_RUNNER, field, Op.EQUALS, value=True),
            weight,
            holds,
            (
                Evidence(
                    Ask("p", Of.ATTEMPT_RUNNER), "r", field, value=True, origin=Origin("probe", "p"), lasting=False
                ),
            ),
        )
        for weight, field, holds in lines
    )
    return Finding(Cause(id_, id_, class_, ("p",), TEXT, {}, {}), of, Confidence.POSSIBLE, held)


def test_what_something_else_speaks_against_comes_last_of_all_that_is_open() -> None:
    rows = [not_now("a", "g"), finding("z", Confidence.POSSIBLE, SECOND, class_="code/test")]
    assert all(f.not_now for f in rows[:1])
    for order in permutations([*rows, finding("out", Confidence.RULED_OUT)]):
        kept, out = rank(order)
        assert (ids(kept), ids(out)) == (["z", "a"], ["out"])


def test_what_is_just_not_so_now_is_like_what_was_looked_for_in_vain() -> None:
    in_vain, mended = looked_for("z", "infra/tmpdir", [False]), not_now("a", "f")
    assert unseen(mended)
    assert ids(rank([mended, in_vain])[0]) == ["z", "a"]
    other = looked_for("z", "infra/permission", [False])
    assert ids(rank([other, mended])[0]) == ["a", "z"]
    assert ids(rank([mended, finding("c", Confidence.POSSIBLE, class_="code/test")])[0]) == ["c", "a"]
    assert not unseen(not_now("a", "f", class_="code/test"))


def test_what_only_an_unasked_forge_could_tell_has_no_more_than_the_text() -> None:
    assert unseen(looked_for("a", "infra/env-config", [Unknown(Reason.OTHER_HOST, "")], of=Of.FORGE))
    assert not unseen(looked_for("a", "code/test", [False]))


def test_a_cause_of_the_code_that_asks_for_the_text_leads_what_is_merely_possible() -> None:
    rows = [finding("a", Confidence.POSSIBLE), looked_for("z", "code/test", [], when=True)]
    assert ids(rank(rows)[0]) == ["z", "a"]
    rows = [finding("a", Confidence.LIKELY), looked_for("z", "code/test", [], when=True)]
    assert ids(rank(rows)[0]) == ["a", "z"]


def test_what_a_faint_text_allows_is_told_only_with_a_sign() -> None:
    ask = Ask("limits", Of.ATTEMPT_RUNNER)
    condition = Condition("limits", Of.ATTEMPT_RUNNER, "stack_bytes", Op.BELOW, 8)

    def held(weight: Weight, holds: bool | None) -> Finding:
        cause = Cause("c", "c", "infra/env-config", ("p",), TEXT, {}, {}, faint=("p",))
        evidence = Evidence(ask, "r", "stack_bytes", 4, Origin("probe", "limits"))
        return Finding(cause, FIRST, Confidence.POSSIBLE, (Held(condition, weight, holds, (evidence,)),))

    assert rank([held(Weight.SUPPORTS, False), held(Weight.SUPPORTS, None), held(Weight.REFUTES, True)]) == ([], [])
    assert ids(rank([held(Weight.SUPPORTS, True)])[0]) == ["c"]
