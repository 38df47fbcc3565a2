"""Confidence follows from the conditions alone: every rule, every operator, every kind of not knowing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.diagnosis.judge import ask_of, asks, candidates, confidence, holds, judge, show
from whyred.model.cause import Cause, Condition, Of, Op, Text, Value
from whyred.model.evidence import Answer, Ask, Evidence, Origin, Reason, Unknown
from whyred.model.failure import Failure
from whyred.model.finding import Confidence, Held, Weight

UNKNOWN = Unknown(Reason.NO_PERMISSION, "closed")
TEXT = Text("what", "check", "fix", "prevent", "verify")


def condition(
    field: str, op: Op = Op.EQUALS, value: Value | None = True, of: Of = Of.ATTEMPT_RUNNER, **with_: str
) -> Condition:
    return Condition("probe", of, field, op, None if op is Op.PRESENT else value, tuple(sorted(with_.items())))


def cause(id_: str, **parts: object) -> Cause:
    values: dict[str, object] = {"patterns": ("p",), "when": {}, "unless": {}} | parts
    return Cause(id=id_, title=id_, class_="infra/tmpdir", text=TEXT, **values)  # type: ignore[arg-type]


def failure(**captures: str) -> Failure:
    return Failure("p", "t", "tool", "infra/tmpdir", "weak", True, None, "m", ((1, 1),), (), captures, "f")


def answers(facts: Mapping[str, Value | Unknown | None], of: Of = Of.ATTEMPT_RUNNER) -> dict[Ask, tuple[Answer, ...]]:
    return {Ask("probe", of): (Answer("subject", facts),)}


def level(findings: Sequence[object], id_: str) -> Confidence:
    (found,) = [f for f in findings if f.cause.id == id_]  # type: ignore[attr-defined]
    return found.confidence  # type: ignore[attr-defined, no-any-return]


# The table of `confidence`: (confirm, support, refute) of the cause; what a rival's confirm line says -> the level.
C, L, P, R = Confidence.CONFIRMED, Confidence.LIKELY, Confidence.POSSIBLE, Confidence.RULED_OUT


@pytest.mark.parametrize(
    ("confirm", "support", "refute", "wanted"),
    [
        (True, None, None, C),
        (True, False, False, C),
        (True, True, None, C),
        (None, True, None, L),
        (False, True, False, L),
        (None, None, None, P),
        (False, None, None, P),
        (False, False, False, P),
        (None, None, True, R),
        (False, True, True, R),
        (None, True, True, R),
        (True, None, True, P),
        (True, True, True, P),
    ],
)
def test_each_rule(confirm: bool | None, support: bool | None, refute: bool | None, wanted: Confidence) -> None:
    one = cause("one", confirm=(condition("c"),), support=(condition("s"),), refute=(condition("r"),))
    facts = {k: UNKNOWN if v is None else v for k, v in (("c", confirm), ("s", support), ("r", refute))}
    (found,) = judge(failure(), [one], answers(facts))
    assert found.confidence is wanted
    assert found.why


def test_no_condition_and_no_answer_leave_it_possible() -> None:
    findings = judge(failure(), [cause("bare"), cause("asked", confirm=(condition("c"),))], {})
    assert [f.confidence for f in findings] == [P, P]


def test_a_line_says_nothing_of_patterns_that_it_leaves_out() -> None:
    line, other = condition("a"), replace(condition("b"), patterns=("q",))
    told = [
        candidates(replace(failure(), pattern=p), [cause("x", patterns=("p", "q"), confirm=(left_out, other))])[
            0
        ].confirm
        for p in ("p", "q")
        for left_out in (replace(line, not_patterns=("p",)),)
    ]
    assert told == [(), (line, condition("b"))]


def test_what_two_candidates_share_confirms_neither() -> None:
    same = condition("c")
    two = [cause("one", confirm=(same,)), cause("two", confirm=(same, condition("own")))]
    found = judge(failure(), two, answers({"c": True, "own": UNKNOWN}))
    assert [f.confidence for f in found] == [L, L]
    found = judge(failure(), two, answers({"c": True, "own": True}))
    assert [f.confidence for f in found] == [L, C]


def test_a_rival_that_is_ruled_out_shares_nothing() -> None:
    """It cannot be: what confirms it holds. So it contradicts itself, and stays a rival."""
    same = condition("c")
    two = [cause("one", confirm=(same,)), cause("two", confirm=(same,), refute=(condition("r"),))]
    found = judge(failure(), two, answers({"c": True, "r": True}))
    assert [f.confidence for f in found] == [L, P]
    only = [cause("one", confirm=(same,)), cause("two", confirm=(condition("x"),), refute=(condition("r"),))]
    found = judge(failure(), only, answers({"c": True, "x": UNKNOWN, "r": True}))
    assert [f.confidence for f in found] == [C, R]


def test_the_support_of_a_rival_takes_nothing_away() -> None:
    same = condition("c")
    two = [cause("one", confirm=(same,)), cause("two", support=(same,))]
    assert [f.confidence for f in judge(failure(), two, answers({"c": True}))] == [C, L]


@given(st.lists(st.tuples(st.sampled_from(Weight), st.sampled_from([True, False, None])), max_size=6))
def test_no_log_alone_ever_confirms(rows: list[tuple[Weight, bool | None]]) -> None:
    evidence = Evidence(Ask("q", Of.HOST), "s", "f", UNKNOWN, Origin("probe", "p"))
    held = [Held(condition(f"f{n}"), weight, holds_, (evidence,)) for n, (weight, holds_) in enumerate(rows)]
    sure, why = confidence(held, [])
    assert why
    true = {h.weight for h in held if h.holds}
    assert (sure is C) == (Weight.CONFIRMS in true and Weight.REFUTES not in true)
    assert (sure is R) == (Weight.REFUTES in true and Weight.CONFIRMS not in true)


@pytest.mark.parametrize(
    ("op", "want", "value", "holds_"),
    [
        (Op.EQUALS, True, True, True),
        (Op.EQUALS, True, False, False),
        (Op.EQUALS, True, 1, None),
        (Op.EQUALS, 1, True, None),
        (Op.EQUALS, True, "yes", None),
        (Op.EQUALS, 0, 0.0, True),
        (Op.EQUALS, 0, False, None),
        (Op.EQUALS, "0", 0, None),
        (Op.EQUALS, "a", "a", True),
        (Op.EQUALS, "a", "A", False),
        (Op.EQUALS, "a", None, False),
        (Op.EQUALS, True, UNKNOWN, None),
        (Op.BELOW, 5, 4, True),
        (Op.BELOW, 5, 5, False),
        (Op.BELOW, 5.5, 5, True),
        (Op.BELOW, 5, "4", None),
        (Op.BELOW, "5", "4", None),
        (Op.BELOW, 5, True, None),
        (Op.BELOW, 5, None, None),
        (Op.BELOW, 5, UNKNOWN, None),
        (Op.ABOVE, 5, 6, True),
        (Op.ABOVE, 5, 5, False),
        (Op.ABOVE, 0, True, None),
        (Op.ABOVE, 5, None, None),
        (Op.ABOVE, 5, UNKNOWN, None),
        (Op.MATCHES, "^/tmp", "/tmp/x", True),
        (Op.MATCHES, "^/tmp", "/var/tmp", False),
        (Op.MATCHES, "^1", 12, True),
        (Op.MATCHES, "x", None, None),
        (Op.MATCHES, "x", UNKNOWN, None),
        (Op.PRESENT, None, "", True),
        (Op.PRESENT, None, False, True),
        (Op.PRESENT, None, 0, True),
        (Op.PRESENT, None, None, False),
        (Op.PRESENT, None, UNKNOWN, None),
    ],
)
def test_operators(op: Op, want: Value | None, value: Value | Unknown | None, holds_: bool | None) -> None:
    assert holds(condition("f", op, want), value) is holds_


@given(
    st.sampled_from(Op),
    st.one_of(
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(alphabet="ab.*", max_size=3).map(lambda t: f"a{t}".replace("**", "*")),
    ),
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()),
)
def test_no_value_breaks_an_operator(op: Op, want: Value, value: Value | None) -> None:
    assert holds(condition("f", op, want), value) in (True, False, None)


@pytest.mark.parametrize(
    ("of", "values", "confirmed"),
    [
        (Of.SIBLING_RUNNERS, [True, True], True),
        (Of.SIBLING_RUNNERS, [True, False], False),
        (Of.SIBLING_RUNNERS, [True, UNKNOWN], None),
        (Of.SIBLING_RUNNERS, [False, UNKNOWN], False),
        (Of.SIBLING_RUNNERS, [UNKNOWN, UNKNOWN], None),
        (Of.ITS_JOBS, [True, False], True),
        (Of.ITS_JOBS, [True, UNKNOWN], True),
        (Of.ITS_JOBS, [False, UNKNOWN], None),
        (Of.ITS_JOBS, [False, False], False),
        (Of.ITS_JOBS, [UNKNOWN], None),
        (Of.ITS_JOBS, [], None),
    ],
)
def test_several_subjects(of: Of, values: list[Value | Unknown], confirmed: bool | None) -> None:
    one = cause("one", confirm=(condition("c", of=of),))
    given_ = {Ask("probe", of): tuple(Answer(f"s{n}", {"c": v}) for n, v in enumerate(values))}
    (found,) = judge(failure(), [one], given_)
    assert found.held[0].holds is confirmed
    assert len(found.held[0].evidence) == len(values)


@pytest.mark.parametrize(
    ("values", "refuted"),
    [([True, True], True), ([True, False], False), ([True, UNKNOWN], None), ([False, UNKNOWN], False), ([], None)],
)
def test_all_subjects_are_needed_to_refute(values: list[Value | Unknown], refuted: bool | None) -> None:
    one = cause("one", refute=(condition("r", of=Of.ITS_JOBS),))
    given_ = {Ask("probe", Of.ITS_JOBS): tuple(Answer(f"s{n}", {"r": v}) for n, v in enumerate(values))}
    (found,) = judge(failure(), [one], given_)
    assert found.held[0].holds is refuted


def test_an_answer_that_is_unknown_as_a_whole_or_lacks_the_field() -> None:
    one = cause("one", confirm=(condition("c"),))
    (found,) = judge(failure(), [one], {Ask("probe", Of.ATTEMPT_RUNNER): (Answer("", UNKNOWN),)})
    assert (found.confidence, found.held[0].evidence[0].value) == (P, UNKNOWN)
    (found,) = judge(failure(), [one], answers({}))
    value = found.held[0].evidence[0].value
    assert isinstance(value, Unknown)
    assert value.reason is Reason.NOT_SUPPORTED


@pytest.mark.parametrize(
    ("when", "unless", "captures", "is_candidate"),
    [
        ({}, {}, {}, True),
        ({"errno": ("ENOENT",)}, {}, {"errno": "ENOENT"}, True),
        ({"errno": ("ENOENT",)}, {}, {"errno": "EACCES"}, False),
        ({"errno": ("ENOENT",)}, {}, {}, False),
        ({"dir": ("/tmp", "/tmp/*")}, {}, {"dir": "/tmp/x"}, True),
        ({"dir": ("/tmp", "/tmp/*")}, {}, {"dir": "/tmpx"}, False),
        ({}, {"dir": ("/tmp*",)}, {"dir": "/tmp/x"}, False),
        ({}, {"dir": ("/tmp*",)}, {}, True),
        ({}, {"dir": ("/a",), "errno": ("E",)}, {"dir": "/b", "errno": "E"}, False),
    ],
)
def test_candidates(
    when: dict[str, tuple[str, ...]], unless: dict[str, tuple[str, ...]], captures: dict[str, str], is_candidate: bool
) -> None:
    one = cause("one", when=when, unless=unless)
    assert (candidates(failure(**captures), [one]) == [one]) is is_candidate


def test_a_pattern_of_another_cause_makes_no_candidate() -> None:
    assert candidates(failure(), [cause("one", patterns=("q",))]) == []


def test_holes_take_the_captures() -> None:
    asked = condition("f", path="{dir}/x{base}", plain="a{3}")
    assert ask_of(asked, {"dir": "/tmp", "base": "b"}) == Ask(
        "probe", Of.ATTEMPT_RUNNER, (("path", "/tmp/xb"), ("plain", "a{3}"))
    )
    assert ask_of(asked, {"dir": "/tmp"}) is None


def test_a_hole_that_the_log_leaves_open_is_not_applicable() -> None:
    one = cause("one", confirm=(condition("f", path="{dir}"), condition("g", value="{dir}")))
    (found,) = judge(failure(), [one], answers({"f": True, "g": "{dir}"}))
    assert asks(one, {}) == []
    for held in found.held:
        value = held.evidence[0].value
        assert isinstance(value, Unknown)
        assert (held.holds, value.reason) == (None, Reason.NOT_APPLICABLE)
    assert found.confidence is P


@pytest.mark.parametrize("text", ["/tmp/a+b(", "[", "*", "a.c", "\\", "{x}", "{dir}"])
def test_a_capture_in_a_value_is_text_and_no_regex(text: str) -> None:
    equal, like = condition("f", Op.EQUALS, "{dir}"), condition("f", Op.MATCHES, "^{dir}$")
    one = cause("one", confirm=(equal,), support=(like,))
    (found,) = judge(failure(dir=text), [one], answers({"f": text}))
    assert [h.holds for h in found.held] == [True, True]
    (found,) = judge(failure(dir="a.c"), [one], answers({"f": "abc"}))
    assert [h.holds for h in found.held] == [False, False]


def test_each_question_is_put_once_in_the_order_of_the_file() -> None:
    one = cause(
        "one",
        confirm=(condition("a", path="1"), condition("b", path="1")),
        refute=(condition("c", path="2"),),
        support=(condition("d", path="1"), condition("e", path="3")),
    )
    assert [dict(a.with_)["path"] for a in asks(one, {})] == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"),
        (True, "yes"),
        (False, "no"),
        (0, "0"),
        ("a\nb\x1b[31m\u202e", "a b[31m"),
        (UNKNOWN, "unknown (no-permission: closed)"),
        (Unknown(Reason.BUDGET), "unknown (budget)"),
    ],
)
def test_show(value: Value | Unknown | None, text: str) -> None:
    assert show(value) == text


@pytest.mark.parametrize("path", ["/home/***/tmp", "target/debug", ".", "~/tmp", "/tmp/\ufffd"])
def test_a_path_that_the_log_tells_only_in_part_is_looked_for_nowhere(path: str) -> None:
    one = cause("one", confirm=(condition("f", path="{dir}"),), refute=(condition("g", path="{dir}"),))
    assert asks(one, {"dir": path}) == []
    (found,) = judge(failure(dir=path), [one], answers({"f": True, "g": True}))
    value = found.held[0].evidence[0].value
    assert isinstance(value, Unknown)
    assert (value.reason, found.confidence) == (Reason.NOT_SUPPORTED, P)


def test_a_condition_of_other_patterns_is_none_of_this_failures() -> None:
    elsewhere = replace(condition("bad"), patterns=("other",))
    (mine,) = candidates(failure(), [cause("a", confirm=(elsewhere, replace(condition("good"), patterns=("p",))))])
    assert mine.confirm == (condition("good"),)  # which pattern it was for is no part of what two causes may share
