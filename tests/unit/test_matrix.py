"""The combinations of a matrix, what they are called, and what is no matrix."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.workflows.expressions import Contexts, ExpressionError, NotKnownError, Place
from whyred.workflows.matrix import MOST_JOBS, combinations, job_name, strategy
from whyred.workflows.nouns import WorkflowError
from whyred.workflows.read import read_workflow
from whyred.workflows.values import NotKnown

PLACE = Place("ci.yml", 4, "jobs.test.strategy")
NEEDS = Contexts(
    {"needs": {"plan": {"outputs": {"list": '["a", "b"]', "all": '{"os": ["x"], "n": [1, 2]}'}, "result": "success"}}}
)


def data(matrix: str) -> Any:
    text = f"jobs: {{test: {{strategy: {{matrix: {matrix}}}, steps: [{{run: x}}]}}}}"
    strategy_data: Any = read_workflow(text.encode(), "ci.yml").job("test").strategy_data
    return strategy_data


def rows(matrix: str, contexts: Contexts = NEEDS) -> list[dict[str, Any]]:
    value = strategy(data(matrix), contexts, PLACE)["matrix"]
    return [dict(row) for row in combinations(value, PLACE)]


@pytest.mark.parametrize(
    ("matrix", "wanted"),
    [
        ("{n: [1, 2]}", [{"n": 1}, {"n": 2}]),
        (
            "{os: [l, w], n: [1, 2]}",
            [{"os": "l", "n": 1}, {"os": "l", "n": 2}, {"os": "w", "n": 1}, {"os": "w", "n": 2}],
        ),
        (
            "{os: [l, w], n: [1, 2], exclude: [{os: w, n: 2}]}",
            [{"os": o, "n": n} for o, n in (("l", 1), ("l", 2), ("w", 1))],
        ),
        ("{os: [l, w], n: [1, 2], exclude: [{os: w}]}", [{"os": "l", "n": 1}, {"os": "l", "n": 2}]),
        ("{n: [1, 2], exclude: [{n: '1'}]}", [{"n": 1}, {"n": 2}]),
        ("{n: [true, 1], exclude: [{n: true}]}", [{"n": 1}]),
        ("{n: [{a: 1}, {a: 2}], exclude: [{n: {a: 1}}]}", [{"n": {"a": 2}}]),
        ("{include: [{a: 1}, {b: 2}]}", [{"a": 1}, {"b": 2}]),
        ("{n: [1], include: [{n: 1, x: y}]}", [{"n": 1, "x": "y"}]),
        ("{n: [1], include: [{n: 2, x: y}]}", [{"n": 1}, {"n": 2, "x": "y"}]),
        ("{n: [1, 2], include: [{x: y}, {n: 1, x: z}]}", [{"n": 1, "x": "z"}, {"n": 2, "x": "y"}]),
        ("{n: [1, 2], exclude: [{n: 1}], include: [{n: 1, only: yes}]}", [{"n": 2}, {"n": 1, "only": "yes"}]),
        ("{n: ['${{ 1 }}', 2]}", [{"n": 1}, {"n": 2}]),
        ("{n: '${{ fromJSON(needs.plan.outputs.list) }}'}", [{"n": "a"}, {"n": "b"}]),
        ("{n: [z, '${{ fromJSON(needs.plan.outputs.list) }}']}", [{"n": "z"}, {"n": "a"}, {"n": "b"}]),
        ("'${{ fromJSON(needs.plan.outputs.all) }}'", [{"os": "x", "n": 1}, {"os": "x", "n": 2}]),
        ("{include: '${{ fromJSON(needs.none || ''[{\"a\": true}]'') }}'}", [{"a": True}]),
        ("{v: [3.10, '3.10', 0x10, ~, yes, true]}", [{"v": v} for v in (3.1, "3.10", 16, None, "yes", True)]),
    ],
)
def test_combinations(matrix: str, wanted: list[dict[str, Any]]) -> None:
    assert rows(matrix) == wanted


def test_the_example_of_the_documentation() -> None:
    """ "Expanding or adding matrix configurations": six entries, of which each rule is used by one."""
    matrix = """{
        fruit: [apple, pear], animal: [cat, dog],
        include: [{color: green}, {color: pink, animal: cat}, {fruit: apple, shape: circle}, {fruit: banana},
                  {fruit: banana, animal: cat}]}"""
    assert rows(matrix) == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


@pytest.mark.parametrize(
    ("matrix", "why"),
    [
        ("[1]", "no mapping"),
        ("text", "no mapping"),
        ("{n: 1}", "no list"),
        ("{n: []}", "its list is empty"),
        ("{n: [1], include: x}", "no list"),
        ("{n: [1], include: [x]}", "no mapping"),
        ("{n: [1], exclude: {n: 1}}", "no list"),
        ("{n: [1], exclude: [{m: 1}]}", "`m` is no list of the matrix"),
        ("{n: [1], exclude: [{n: 1}]}", "no combination"),
        ("{}", "no combination"),
        ("{a: &l [1,2,3,4,5,6,7,8], b: *l, c: *l}", f"a matrix may make {MOST_JOBS}"),
        ("{a: &l [1,2,3,4,5,6,7,8,9,0,x,y], b: *l, c: *l, d: *l, e: *l, f: *l}", "more than"),
        ("'${{ fromJSON(needs.plan.outputs.list) }}'", "no mapping"),
        ("'${{ needs.plan.outputs.none }}'", None),
    ],
)
def test_what_is_no_matrix(matrix: str, why: str | None) -> None:
    if why is None:
        assert strategy(data(matrix), NEEDS, PLACE)["matrix"] is None
        return
    with pytest.raises(WorkflowError) as caught:
        rows(matrix)
    assert why in caught.value.why
    assert str(caught.value).startswith("ci.yml:4: `jobs.test.strategy")


def test_a_strategy_may_be_an_expression_and_must_be_a_mapping() -> None:
    assert strategy('${{ fromJSON(\'{"matrix": {"n": [1]}}\') }}', NEEDS, PLACE) == {"matrix": {"n": (1,)}}
    assert strategy(None, NEEDS, PLACE) == {}
    with pytest.raises(WorkflowError, match="it is no mapping"):
        strategy("${{ 1 }}", NEEDS, PLACE)
    with pytest.raises(ExpressionError, match="no JSON"):
        strategy({"matrix": "${{ fromJSON('[') }}"}, NEEDS, PLACE)


def test_what_is_not_known_stays_an_error() -> None:
    lost = Contexts({"needs": {"plan": NotKnown("it was not run", "run it")}})
    with pytest.raises(NotKnownError):
        rows("{n: '${{ fromJSON(needs.plan.outputs.list) }}'}", lost)
    with pytest.raises(NotKnownError):
        combinations(NotKnown("it was not run", "run it"), PLACE)


@pytest.mark.parametrize(
    ("name", "row", "wanted"),
    [
        ("test", {}, "test"),
        ("test", {"os": "linux", "n": 3.1}, "test (3.1, linux)"),
        ("Build it", {"a": True, "b": None, "c": 10.0}, "Build it (true, , 10)"),
        ("test", {"a": ("x", 1.0), "b": {"k": "é"}}, 'test (["x", 1.0], {"k": "é"})'),
        ("on ${{ matrix.os }}", {"os": "linux", "n": 1}, "on linux"),
        ("on ${{ matrix.gone }}!", {"os": "linux"}, "on !"),
    ],
)
def test_names(name: str, row: dict[str, Any], wanted: str) -> None:
    assert job_name(name, row, Contexts({"matrix": row}), PLACE) == wanted


_SCALARS = st.sampled_from([1.0, 2.0, "1", "a", True, None])
_ENTRIES = st.lists(st.dictionaries(st.sampled_from("abcx"), _SCALARS, max_size=3), max_size=4).map(tuple)
_MATRICES = st.fixed_dictionaries(
    {},
    optional={
        "a": st.lists(_SCALARS, max_size=4).map(tuple),
        "b": st.lists(_SCALARS, max_size=4).map(tuple) | _SCALARS,
        "include": _ENTRIES | _SCALARS,
        "exclude": _ENTRIES,
    },
)


@given(_MATRICES)
@settings(deadline=None)
def test_any_matrix_has_combinations_or_a_reason(matrix: dict[str, Any]) -> None:
    lists = {k: v for k, v in matrix.items() if k in "ab"}
    try:
        found = combinations(matrix, PLACE)
    except WorkflowError:
        return
    assert 0 < len(found) <= MOST_JOBS
    for row in found:
        of_lists = all(key in row and row[key] in values for key, values in lists.items())
        assert of_lists or row in matrix["include"]
