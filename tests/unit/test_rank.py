"""The order in which findings are read: the same whatever the order they came in."""

import random
from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from whyred.diagnosis.rank import rank
from whyred.model.cause import Cause, Text
from whyred.model.failure import Failure
from whyred.model.finding import Confidence, Finding

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
