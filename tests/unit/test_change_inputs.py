"""What a workflow file says of being started by hand, and which inputs fit it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.workflows.dispatch import Input, read_dispatch, wrong
from whyred.workflows.nouns import WorkflowError

INPUTS = {
    "level": Input("level", "choice", required=True, options=("minor", "major")),
    "dry": Input("dry", "boolean", default="true"),
    "count": Input("count", "number"),
    "note": Input("note"),
}
FILE = b"""\
on:
  push:
  workflow_dispatch:
    inputs:
      level:
        description: how much
        required: true
        type: choice
        options: [minor, major]
      dry: {type: boolean, default: true}
      count: {type: number, required: false}
      note:
"""


def test_reads_every_kind_of_input() -> None:
    assert read_dispatch(FILE, "ci.yml") == INPUTS


@pytest.mark.parametrize(
    "on",
    [
        "on: workflow_dispatch",
        "on: [push, workflow_dispatch]",
        "on: {workflow_dispatch: }",
        "on: {workflow_dispatch: {inputs: }}",
        "on: {workflow_dispatch: {inputs: [a]}}",
        "'on': [workflow_dispatch]",
    ],
)
def test_a_trigger_without_inputs(on: str) -> None:
    assert read_dispatch(on.encode(), "ci.yml") == {}


@pytest.mark.parametrize(
    "on", ["on: push", "on: [push]", "on: {push: {inputs: {a: }}}", "name: x", "on:", "on: workflow_dispatch_too"]
)
def test_no_trigger(on: str) -> None:
    assert read_dispatch(on.encode(), "ci.yml") is None


@pytest.mark.parametrize("text", [b"", b"- a", b"a: [", b"\xff\xfe\x00", b"on: push\non: push"])
def test_what_is_no_workflow_is_an_error_of_the_file(text: bytes) -> None:
    with pytest.raises(WorkflowError, match=r"^ci\.yml"):
        read_dispatch(text, "ci.yml")


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: f"on: {t}".encode()))
def test_no_bytes_make_it_fall_over(text: bytes) -> None:
    try:
        found = read_dispatch(text, "ci.yml")
    except WorkflowError:
        return
    assert found is None or all(isinstance(one, Input) for one in found.values())


@pytest.mark.parametrize(
    "inputs",
    [
        {"level": "minor"},
        {"level": "major", "dry": "false", "count": "-1.5", "note": "anything = goes"},
        {"level": "minor", "note": ""},
    ],
)
def test_what_fits(inputs: dict[str, str]) -> None:
    assert list(wrong(INPUTS, inputs)) == []


@pytest.mark.parametrize(
    ("inputs", "says"),
    [
        ({}, ["its input `level` is required and has no default"]),
        ({"level": ""}, ["its input `level` is required and has no default"]),
        ({"level": "huge"}, ["its input `level` is one of minor, major, not `huge`"]),
        ({"level": "minor", "dry": "yes"}, ["its input `dry` is true or false, not `yes`"]),
        ({"level": "minor", "count": "many"}, ["its input `count` is a number, not `many`"]),
        ({"level": "minor", "x": "1"}, ["it has no input `x`; its inputs are level, dry, count, note"]),
    ],
)
def test_what_does_not_fit_is_said(inputs: dict[str, str], says: list[str]) -> None:
    assert list(wrong(INPUTS, inputs)) == says


def test_a_workflow_without_inputs_takes_none() -> None:
    assert list(wrong({}, {"x": "1"})) == ["it has no input `x`; it has none"]
