"""Every schema holds for what the commands really print, is closed, and explains every field."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from sample_forge import LOGINS, OVERVIEWS, PLANS, RUN, RUNS, TABLES, pieces
from sample_novelties import NOVELTIES
from sample_verdicts import VERDICTS

import whyred.reports
from whyred.app.log_grep import Grep
from whyred.app.log_grep import Row as LogRow
from whyred.app.log_pieces import Text
from whyred.faces.cli.log_writer import LogWriter
from whyred.faces.cli.program import cli
from whyred.logs.sought import Sought
from whyred.model.cause import Of, Op
from whyred.model.evidence import Reason
from whyred.model.examination import Row, State
from whyred.model.finding import Weight
from whyred.model.forge import Kind
from whyred.model.novelty import Change, Sort
from whyred.model.pattern import Strength
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status, Step
from whyred.model.source import Boundaries, Missing, MissingLogError
from whyred.reports import access, attempts, change, compare, doctor, login, refusal, runs
from whyred.reports import json as json_report
from whyred.sources.http import By
from whyred.sources.plan import from_json, to_json

FOLDER = Path(whyred.reports.__path__[0]) / "schema"
FILES = sorted(FOLDER.glob("*.json"))
LOGS = {
    "red": "cargo build\nerror: couldn't create a temp dir: No such file or directory (os error 2) at path "
    '"/tmp/rustcVAIpSt"\n##[error]Process completed with exit code 1.\n',
    "unknown": "2026-05-04T10:00:00Z ##[group]Run make\n2026-05-04T10:00:01Z boom \x1b[31m\u202e\n"
    "2026-05-04T10:00:01Z ##[error]Process completed with exit code 2.\n",
    "green": "all is well\n",
}
WORKFLOW = """\
on: push
jobs:
  build:
    runs-on: any
    steps:
      - run: echo hello
      - uses: someone/something@v1
      - run: exit 3
      - run: echo never
"""


def schema(name: str) -> Draft202012Validator:
    data = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(data)
    return Draft202012Validator(data)


def printed(home: Path, *argv: str) -> Any:
    environ = {"XDG_DATA_HOME": str(home / "data"), "XDG_CACHE_HOME": str(home / "cache")}
    result = CliRunner().invoke(cli, argv, env=environ, prog_name="whyred", standalone_mode=False)
    assert result.exception is None, result.exception
    return json.loads(result.stdout)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.mark.parametrize("log", LOGS)
@pytest.mark.parametrize("command", ["read", "why"])
def test_what_is_printed_of_a_log_is_valid(command: str, log: str, home: Path) -> None:
    file = home / f"{log}.log"
    file.write_text(LOGS[log], encoding="utf-8")
    data = printed(home, command, str(file), "--json")
    schema({"read": "read-1", "why": "verdict-1"}[command]).validate(data)
    assert bool(data["failures"]) is (log != "green")


@pytest.mark.parametrize("bad", LOGS)
@pytest.mark.parametrize("good", LOGS)
def test_what_is_printed_of_two_logs_is_valid(bad: str, good: str, home: Path) -> None:
    for name in (bad, good):
        (home / f"{name}.log").write_text(LOGS[name], encoding="utf-8")
    data = printed(home, "compare", str(home / f"{bad}.log"), str(home / f"{good}.log"), "--gone", "--json")
    schema("compare-1").validate(data)
    assert bool(data["lines"]) is (bad != good)


def test_every_shape_of_a_comparison_is_valid() -> None:
    for one in NOVELTIES:
        schema("compare-1").validate(json.loads(compare.render_json(one)))


def test_what_run_and_why_print_of_a_local_run_is_valid(home: Path) -> None:
    file = home / "ci.yml"
    file.write_text(WORKFLOW, encoding="utf-8")
    data = printed(home, "run", str(file), "--json")
    schema("run-1").validate(data)
    assert [step["conclusion"] for step in data["attempts"][0]["steps"]][-1] == "skipped"
    schema("verdict-1").validate(printed(home, "why", "local", "--json"))


def test_what_doctor_prints_is_valid(home: Path) -> None:
    data = printed(home, "doctor", "--json")
    schema("doctor-1").validate(data)
    rows = [Row("host", "mount-state /tmp", state, {"deleted": "no"}, "private-tmp-deleted") for state in State]
    schema("doctor-1").validate(json.loads(doctor.render_json(rows)))


@pytest.mark.parametrize("case", VERDICTS)
def test_every_shape_of_a_verdict_is_valid(case: str) -> None:
    schema("verdict-1").validate(json.loads(json_report.render(VERDICTS[case])))


def test_every_shape_of_an_attempt_is_valid() -> None:
    runner = Runner("r", machine="m", boot="b", pid=1, started=2, mounts=3, folder="/f")
    bare = Attempt(Run("local:1"))
    whole = Attempt(Run("local:2", "w", "e", "c"), Job("k", "n"), runner=runner, started=1.5, ended=2.0)
    steps = tuple(Step(c.value, c, 1.0, 2.0, exit_code=0, reason="r") for c in Conclusion)
    rows = [bare, whole, Attempt(Run("x"), steps=steps), *(Attempt(Run("y"), status=s) for s in Status)]
    schema("run-1").validate(json.loads(attempts.render_json(rows)))


def test_every_shape_of_a_list_of_runs_is_valid() -> None:
    for some in (RUNS, []):
        schema("runs-1").validate(json.loads(runs.render_runs_json(some)))


def test_every_shape_of_a_status_is_valid() -> None:
    for some in (OVERVIEWS, []):
        schema("status-1").validate(json.loads(runs.render_status_json(some)))


def test_every_table_of_routes_is_valid() -> None:
    for table in TABLES:
        schema("access-1").validate(json.loads(access.render_json(table)))


def test_what_every_login_brought_is_valid() -> None:
    for done in LOGINS:
        schema("login-1").validate(json.loads(login.render_json(done)))


def test_what_logout_prints_is_valid(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(home / "config"))
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    data = printed(home, "logout", "https://forge.example", "--json")
    schema("logout-1").validate(data)
    assert data["forgotten"] is False


@pytest.mark.parametrize("case", PLANS)
@pytest.mark.parametrize("applied", [True, False])
def test_every_plan_is_valid_and_a_saved_one_as_well(case: str, applied: bool) -> None:
    for run in (RUN, None):
        data = json.loads(change.render_json(to_json(PLANS[case]), run, applied=applied))
        schema("plan-1").validate(data)
        assert from_json(data) == PLANS[case]


def test_every_line_of_a_log_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    with LogWriter(file, as_json=True, raw=False) as writer:
        for piece in pieces():
            writer.take(piece)
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    assert {len(line) for line in lines} == {1, 2, 3, 6, 8}, (
        "lines, those of a window, steps, jobs without a log, heads"
    )
    for line in lines:
        schema("logs-1").validate(line)
    head, step = (next(line for line in lines if key in line) for key in ("route", "step"))
    for wrong in ({**head, "line": "x"}, {**step, "route": "x"}, {"line": "x", "step": "y"}, {}, {"line": 3}):
        assert not schema("logs-1").is_valid(wrong)


def test_every_match_is_valid(tmp_path: Path) -> None:
    file = tmp_path / "log.jsonl"
    with LogWriter(file, as_json=True, raw=False, grep=Grep(Sought(["x"]), 1, 1)) as writer:
        for piece in pieces():
            if not isinstance(piece, bytes | Text):
                writer.take(piece)
                writer.take(LogRow(3, b"\x1b[31m before \xff"))
                writer.take(LogRow(4, b"match\rx", ((0, 1),)))
                writer.take(LogRow(5, b"after"))
        writer.flush()
    lines = [json.loads(line) for line in file.read_bytes().splitlines()]
    found = [line["match"] for line in lines if "match" in line]
    assert {one["text"] for one in found} == {"x"}
    assert {None, 3} <= {one["step_number"] for one in found}
    assert all(len(one["before"]) == len(one["after"]) == 1 for one in found)
    for line in lines:
        schema("logs-1").validate(line)


def test_a_refusal_is_valid() -> None:
    one = MissingLogError(Missing.NEEDS_TOKEN, "GET /", "whyred login")
    for error in (one, MissingLogError(Missing.EXPIRED, "GET /", "run it again", (("web-state", one),))):
        schema("refusal-1").validate(json.loads(refusal.render_json(error, str)))


def _places(data: Any, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    if isinstance(data, dict):
        yield at, data
        for key, value in data.items():
            yield from _places(value, (*at, key))
    elif isinstance(data, list):
        for n, value in enumerate(data):
            yield from _places(value, (*at, str(n)))


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_explains_every_field_and_is_closed(file: Path) -> None:
    data = json.loads(file.read_text(encoding="utf-8"))
    assert data["$id"] == f"urn:whyred:schema:{file.stem}"
    assert data["properties"]["schema"]["const"] == f"whyred.{file.stem.replace('-', '/')}"
    for at, node in _places(data):
        if node.get("type") == "object" and "properties" in node:
            assert node["additionalProperties"] is False, f"{'/'.join(at)} takes any field"
            for name, field in node["properties"].items():
                assert "$ref" in field or field.get("description"), f"{'/'.join(at)}: {name} has no description"


def test_lists_are_those_of_the_model() -> None:
    verdict = json.loads((FOLDER / "verdict-1.json").read_text(encoding="utf-8"))["$defs"]
    run = json.loads((FOLDER / "run-1.json").read_text(encoding="utf-8"))["$defs"]
    access_, compared, listed, log, login_, plan_, refusal_ = (
        json.loads((FOLDER / f"{name}-1.json").read_text(encoding="utf-8"))
        for name in ("access", "compare", "runs", "logs", "login", "plan", "refusal")
    )
    for field, enum in (
        (access_["$defs"]["refusal"]["properties"]["reason"], Missing),
        (compared["properties"]["lines"]["items"]["properties"]["sort"], Sort),
        (compared["properties"]["steps"]["items"]["properties"]["change"], Change),
        (log["properties"]["refused"]["items"]["properties"]["reason"], Missing),
        (log["properties"]["no_log"]["properties"]["reason"], Missing),
        (refusal_["properties"]["reason"], Missing),
        (refusal_["properties"]["tried"]["items"]["properties"]["reason"], Missing),
        (log["properties"]["boundaries"], Boundaries),
        (login_["properties"]["kind"], Kind),
        (plan_["properties"]["calls"]["items"]["properties"]["by"], By),
        (listed["$defs"]["run"]["properties"]["status"], Status),
        (listed["$defs"]["run"]["properties"]["conclusion"], Conclusion),
        (verdict["evidence"]["properties"]["unknown"], Reason),
        (verdict["condition"]["properties"]["weight"], Weight),
        (verdict["condition"]["properties"]["of"], Of),
        (verdict["condition"]["properties"]["op"], Op),
        (verdict["failure"]["properties"]["strength"], Strength),
        (run["step"]["properties"]["conclusion"], Conclusion),
        (run["attempt"]["properties"]["status"], Status),
    ):
        assert field["enum"] == [member.value for member in enum]


def test_read_and_verdict_say_the_same_of_a_failure() -> None:
    read, verdict = (json.loads((FOLDER / f"{n}-1.json").read_text(encoding="utf-8")) for n in ("read", "verdict"))
    assert read["$defs"]["failure"] == verdict["$defs"]["failure"]


def test_a_run_is_the_same_wherever_it_is_told() -> None:
    told = [json.loads((FOLDER / f"{n}-1.json").read_text(encoding="utf-8")) for n in ("runs", "status", "plan")]
    assert told[0]["$defs"]["run"] == told[1]["$defs"]["run"] == told[2]["$defs"]["run"]
    assert list(told[0]["$defs"]["run"]["properties"]) == list(Run.__slots__)


BROKEN: dict[str, tuple[str, Any]] = {
    "a field too much": ("colour", "red"),
    "another version": ("schema", "whyred.verdict/2"),
    "a class of no kind": ("class", "weather"),
    "a confidence of no kind": ("confidence", "quite sure"),
    "no list": ("findings", None),
    "half a span": ("error_lines", [[3]]),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_not_valid_is_refused(case: str) -> None:
    data = json.loads(json_report.render(VERDICTS["confirmed"]))
    key, value = BROKEN[case]
    assert not schema("verdict-1").is_valid({**copy.deepcopy(data), key: value})
