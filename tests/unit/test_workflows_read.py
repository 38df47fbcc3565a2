"""Reading a workflow file: what it says, and one clear line for everything that is none."""

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.workflows.nouns import RunDefaults, Workflow, WorkflowError
from whyred.workflows.read import read_workflow

WHOLE = b"""\
name: CI
on:
  push: {branches: [main]}
  schedule:
    - cron: '0 0 * * *'
env: {VERSION: 1.10, FLAG: yes, NONE: , OCT: 0o17, QUOTED: "a\\tb"}
defaults: {run: {shell: bash, working-directory: src}}
jobs:
  build:
    name: Build it
    runs-on: [self-hosted, linux]
    env: {A: "1"}
    defaults: {run: {shell: sh}}
    timeout-minutes: 1.5
    needs: lint
    if: ${{ always() }}
    strategy: {matrix: {n: [1, 2], on: yes}}
    container: {image: "node:22"}
    services: {db: {image: postgres}}
    steps:
      - uses: actions/checkout@v4
        with: {fetch-depth: 0, ref: "${{ github.ref }}"}
      - name: Test
        id: t
        run: |
          make test
          echo done
        env: {B: x, C: "${{ secrets.C }}"}
        shell: python
        working-directory: sub
        timeout-minutes: ${{ vars.T }}
        continue-on-error: true
        if: failure()
      - run: "\\n  first words\\nmore"
  lint: {uses: ./.forgejo/workflows/lint.yml, needs: [a, b]}
"""


def read(text: str) -> Workflow:
    return read_workflow(text.encode(), "ci.yml")


def refused(text: bytes | str) -> WorkflowError:
    with pytest.raises(WorkflowError) as caught:
        read_workflow(text if isinstance(text, bytes) else text.encode(), "ci.yml")
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith("ci.yml")
    return caught.value


def test_a_whole_workflow() -> None:
    w = read_workflow(WHOLE, "ci.yml")
    assert (w.name, w.on) == ("CI", ("push", "schedule"))
    assert w.env == {"VERSION": "1.10", "FLAG": "yes", "NONE": "", "OCT": "0o17", "QUOTED": "a\tb"}
    assert w.defaults == RunDefaults("bash", "src")
    build, lint = w.jobs
    assert (build.key, build.name, build.line, build.runs_on) == ("build", "Build it", 9, ("self-hosted", "linux"))
    assert (build.env, build.defaults, build.timeout_minutes) == ({"A": "1"}, RunDefaults("sh"), 1.5)
    assert (build.needs, build.if_, build.container, build.services) == (("lint",), "always()", "node:22", ("db",))
    assert build.strategy == {"matrix": {"n": ("1", "2"), "on": "yes"}}
    assert (lint.uses, lint.steps, lint.needs) == ("./.forgejo/workflows/lint.yml", (), ("a", "b"))


def test_its_steps() -> None:
    checkout, test, last = read_workflow(WHOLE, "ci.yml").job("build").steps
    assert (checkout.name, checkout.uses, checkout.run, checkout.line) == (
        *("actions/checkout@v4", "actions/checkout@v4", None),
        21,
    )
    assert checkout.with_ == {"fetch-depth": "0", "ref": "${{ github.ref }}"}
    assert checkout.expressions == ("with.ref",)
    assert (test.name, test.id, test.run, test.line) == ("Test", "t", "make test\necho done\n", 23)
    assert (test.shell, test.working_directory, test.continue_on_error, test.if_) == (
        "python",
        "sub",
        True,
        "failure()",
    )
    assert test.expressions == ("env.C", "timeout-minutes")
    assert test.timeout_minutes is None
    assert last.name == "first words"


@pytest.mark.parametrize(
    ("on", "events"),
    [("on: push", ("push",)), ("on: [push, pull_request]", ("push", "pull_request")), ("", ()), ("on:", ())],
)
def test_events(on: str, events: tuple[str, ...]) -> None:
    assert read(on + "\njobs: {a: {steps: [{run: x}]}}").on == events


def test_a_file_without_a_name_is_called_by_its_file() -> None:
    text = b"\xef\xbb\xbfjobs: {a: {steps: [{run: x}]}}\r\n"
    assert read_workflow(text, ".forgejo/workflows/ci.yml").name == "ci.yml"


def test_anchors_and_merge_keys() -> None:
    w = read("""
        env: &env {A: 1, B: 2}
        more: &more {B: 3, C: 3}
        jobs:
          a: &job
            env: {<<: [*env, *more], A: own}
            steps: [{run: x}]
          b:
            <<: *job
            name: second
    """)
    assert w.job("a").env == {"A": "own", "B": "2", "C": "3"}
    assert (w.job("b").name, w.job("b").env) == ("second", w.job("a").env)


STEP = "jobs:\n  a:\n    steps:\n      - {}"


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("", None, "it is empty"),
        ("# nothing", None, "it is empty"),
        ("- a", None, "its top level is no mapping"),
        ("just text", None, "its top level is no mapping"),
        ("name: x", None, "no jobs"),
        ("jobs:", 1, "no jobs"),
        ("jobs: {}", 1, "no jobs"),
        ("on: push\njobs:\n  a: [x]", 3, "a job is a mapping"),
        ("jobs:\n  a: {runs-on: x}", 2, "`steps` must be a list"),
        ("jobs:\n  a:\n    steps: []", 3, "`steps` must be a list"),
        (STEP.format("text"), 4, "a step is a mapping"),
        (STEP.format("{name: x}"), 4, "neither `run` nor `uses`"),
        (STEP.format("{run: x, uses: a/b@c}"), 4, "both `run` and `uses`"),
        (STEP.format("run: x\n        env: {A: [1]}"), 5, "`env.A`: its value is a list or mapping"),
        (STEP.format("run: x\n        env: text"), 5, "`env`: it must be a mapping"),
        (STEP.format("run: [x]"), 4, "`run`: it must be one value"),
        (STEP.format("run: x\n        timeout-minutes: soon"), 5, "it is no number above 0"),
        (STEP.format("run: x\n        timeout-minutes: 0"), 5, "it is no number above 0"),
        (STEP.format("run: x\n        continue-on-error: perhaps"), 5, "neither true nor false"),
        ("jobs:\n  a: {steps: [{run: x}], needs: [[b]]}", 2, "something other than names"),
        ("a: 1\nb: 2\na: 3", 3, "duplicate key `a`: it was set in line 1"),
        ("jobs:\n\ta: 1", 2, "a tab stands where YAML wants spaces"),
        ("a: [1, 2\nb: 3", None, "not YAML"),
        ("a: 'x", None, "not YAML"),
        ("a: b: c", 1, "not YAML"),
        ('a: "\\U99999999"', None, "not YAML"),
        ('a: "\\ud800"', 1, "surrogate"),
        ("a: \x01", None, "not YAML"),
        ("%YAML 9.9\n---\na: 1", None, ""),
        ("a: 1\n---\nb: 2", 2, "more than one document"),
        ("a: !!python/object:os.system x", 1, "workflows have plain values only"),
        ("? [a, b]\n: 1", 1, "a key that is no text"),
        ("a: *nowhere", 1, "nothing is marked `&nowhere`"),
        ("a: &a [*a]", 1, "it stands inside what it names"),
        ("a: {<<: text}", 1, "`<<` merges no mapping"),
        (b"name: ok\nx: \xff\xfe", 2, "not UTF-8"),
        ("name: x\n".encode("utf-16"), 1, "not UTF-8"),
        (b"\x00" * 100, None, "not YAML"),
        (b"#" + b"x" * (1 << 20), None, "file too large"),
        ("a: " + "[" * 100_000, 1, "nested too deep"),
        ("- " * 10_000 + "a", 1, "nested too deep"),
        ("a: &a x\nb: [" + "*a, " * 2000 + "]", 2, "too many aliases"),
        ("[" + "a, " * 100_001 + "]", 1, "more than 100000 values"),
    ],
)
def test_what_is_no_workflow(text: str | bytes, line: int | None, says: str) -> None:
    error = refused(text)
    assert says in str(error)
    if line is not None:
        assert error.line == line


def bomb(levels: int) -> str:
    rows = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, levels)]
    return "\n".join(rows)


def test_an_alias_bomb_is_refused_before_it_grows() -> None:
    before = time.process_time()
    assert "once its aliases are written out" in str(refused(bomb(100)))
    assert time.process_time() - before < 5
    deep = "a0: &a0 [x]\n" + "\n".join(f"a{i}: &a{i} [*a{i - 1}]" for i in range(1, 200))
    assert "levels with aliases" in str(refused(deep))
    merged = "a0: &a0 {k: v}\n" + "\n".join(
        f"a{i}: &a{i} {{<<: *a{i - 1}, k{i}: [*a{i - 1}, *a{i - 1}]}}" for i in range(1, 60)
    )
    assert "once its aliases are written out" in str(refused(merged))


def test_hostile_names_stay_in_one_line() -> None:
    error = refused('"a\\n\\x1b[31mb": 1\n"a\\n\\x1b[31mb": 2')
    assert "\x1b" not in str(error)


@given(st.binary())
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    _read_or_refuse(data)


@given(st.text(st.sampled_from("abc:-[]{}&*!|>'\"%@`#?,\\ \n\t0~<") | st.characters(), max_size=60))
def test_any_yaml_like_text_is_read_or_refused(text: str) -> None:
    _read_or_refuse(text.encode("utf-8", "surrogatepass"))


_SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
_KEYS = ("name", "on", "env", "jobs", "a", "steps", "run", "uses", "with", "if", "needs", "timeout-minutes", "<<")
_TREE = st.recursive(
    _SCALAR, lambda t: st.lists(t, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), t, max_size=6), max_leaves=20
)


@given(st.dictionaries(st.sampled_from(_KEYS), _TREE), st.dictionaries(st.sampled_from(_KEYS), _TREE))
def test_any_tree_is_read_or_refused(top: dict[str, object], step: dict[str, object]) -> None:
    """JSON is YAML, so a tree of any shape is easily written."""
    tree = top | {"jobs": {"a": {"steps": [{"run": "x"} | step]}}} if step else top
    _read_or_refuse(json.dumps(tree).encode())


@given(st.integers(0, len(WHOLE)), st.integers(0, len(WHOLE)), st.binary(max_size=3))
def test_a_damaged_workflow_is_read_or_refused(start: int, end: int, patch: bytes) -> None:
    _read_or_refuse(WHOLE[:start] + patch + WHOLE[max(start, end) :])


def _read_or_refuse(data: bytes) -> None:
    refusal = ""
    try:
        workflow = read_workflow(data, "ci.yml")
    except WorkflowError as e:
        refusal = str(e)
    else:
        assert workflow.jobs
        assert all((s.run is None) != (s.uses is None) for job in workflow.jobs for s in job.steps)
    assert refusal.isprintable()
