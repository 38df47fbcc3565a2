"""Calls that nobody would make on purpose: each is answered, none breaks anything or tells what it must not."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from whyred.faces.mcp import units
from whyred.faces.mcp.answer import Told
from whyred.faces.mcp.call import Call
from whyred.faces.mcp.main import MOST
from whyred.faces.mcp.refused import REASONS
from whyred.faces.mcp.server import Face
from whyred.faces.mcp.serving import Serving

CANARY = "canary-of-the-callers-token-7431"
FORGE = "http://127.0.0.1:9"
"""Nobody listens there."""
TOOLS = units.offered(write=True, remote=True)
TEXTS = st.one_of(
    st.sampled_from(
        [
            "-",
            ".",
            "../../etc/passwd",
            "/proc/self/environ",
            "local:1",
            "a/b#1",
            "a/b:\n",
            "ssh://x@y",
            "file:///",
            "%00",
        ]
    ),
    st.sampled_from(
        ["http://127.0.0.1:9/a/b", "http://127.0.0.1:22/a/b", "x" * 3000, "a/b@" + "f" * 300, "🏁\u202e\x1b"]
    ),
    st.text(max_size=40),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


@st.composite
def calls(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    name = draw(st.sampled_from(TOOLS))
    keys = [*units.input_schema(units.tool(name))["properties"], "surprise"]
    given_: dict[str, Any] = draw(st.dictionaries(st.sampled_from(keys), VALUES, max_size=5))
    given_ = {key: value for key, value in given_.items() if key not in ("seconds", "follow")}
    if draw(st.booleans()):
        given_ |= {"target": draw(TEXTS)} if "target" in keys else {}
    return name, given_


class _Soon(Call):
    """A call that waits for nothing."""

    def pause(self, seconds: float) -> None:
        """Passes at once."""


def answered(face: Face, name: str, arguments: dict[str, Any]) -> Told:
    return face.run(name, arguments, _Soon({}, face.serving, {FORGE: CANARY}, lambda _: None))


@pytest.fixture(scope="module")
def face(tmp_path_factory: pytest.TempPathFactory) -> Face:
    return Face(Serving(remote=True, write=True, forges=(FORGE,)))


@settings(max_examples=250)
@given(calls())
def test_every_call_is_answered(face: Face, made: tuple[str, dict[str, Any]]) -> None:
    name, arguments = made
    told = answered(face, name, arguments)
    assert told.error, "nothing can be had where nobody listens"
    error = told.data["error"]
    assert error["reason"] in REASONS
    assert error["reason"] != "fault-in-whyred", f"{name} {arguments}"
    assert error["what"]
    assert error["help"]
    assert told.tokens <= MOST
    whole = json.dumps(told.data) + told.text
    assert CANARY not in whole
    assert "root:x:0" not in whole


def test_what_one_caller_takes_for_a_token_is_starred_for_that_caller_alone(face: Face) -> None:
    """A caller could blank any word in everybody's answers else."""
    wrong = {"target": "no/such#1", "surprise": 1}
    mine = face.run("ci_why", wrong, _Soon({}, face.serving, {FORGE: "surprise"}, lambda _: None))
    theirs = face.run("ci_why", wrong, _Soon({}, face.serving, {FORGE: CANARY}, lambda _: None))
    assert "surprise" not in mine.text
    assert "surprise" in theirs.text


@pytest.mark.parametrize("name", TOOLS)
def test_each_tool_needs_little_to_say_what_it_wants(face: Face, name: str) -> None:
    told = answered(face, name, {"surprise": 1})
    assert told.data["error"]["reason"] == "wrong-arguments"
    assert "There are: " in told.data["error"]["help"]


def test_a_bug_is_told_as_one_and_no_secret_with_it(
    face: Face, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(_call: Call) -> None:
        raise ZeroDivisionError(CANARY)

    monkeypatch.setattr(units.tool("ci_status"), "run", broken)
    told = answered(face, "ci_status", {})
    assert told.data["error"]["reason"] == "fault-in-whyred"
    said = capsys.readouterr().err
    assert "ZeroDivisionError" in said
    assert CANARY not in said + told.text


def test_files_are_read_for_the_user_of_this_machine_alone(tmp_path: Path) -> None:
    log = tmp_path / "red.log"
    log.write_text("error: something broke\n")
    for remote in (False, True):
        made = Face(Serving(remote=remote, forges=(FORGE,)))
        told = answered(made, "ci_logs", {"target": str(log), "tail": 5})
        assert told.error is remote
        assert ("something broke" in told.text) is not remote
