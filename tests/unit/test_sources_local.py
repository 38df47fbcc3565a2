"""The folder of local runs, and an attempt as JSON and back."""

import io
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streams import pieces

from whyred.model.attempt_json import AttemptFormatError, attempt_from_json, attempt_to_json
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status, Step
from whyred.model.source import Given, Missing, MissingLogError
from whyred.sources import local

ATTEMPT = Attempt(
    run=Run("local:1", "CI", "local", "abc"),
    job=Job("test", "Test"),
    status=Status.DONE,
    conclusion=Conclusion.TIMED_OUT,
    started=1.5,
    ended=2.5,
    runner=Runner("unit", "m", "b", 1, 2, 3, "/w"),
    steps=(Step("a", Conclusion.FAILURE, 1.5, 2.0, 3, "why"), Step("b", Conclusion.NOT_RUN)),
)


def me(**changes: int | str) -> Runner:
    """This very process as a runner."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    started = int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
    return Runner(**({"pid": os.getpid(), "started": started, "boot": boot} | changes))  # type: ignore[arg-type]


def missing(runs: Path, target: str) -> MissingLogError:
    with pytest.raises(MissingLogError) as caught:
        local.fetch(target, Given(runs, io.BytesIO()))
    assert caught.value.help
    return caught.value


@pytest.mark.parametrize("target", ["local", "local:1", "local:120"])
def test_its_targets(target: str) -> None:
    assert local.accepts(target)


@pytest.mark.parametrize(
    "target", ["", "local:", "local:0", "local:01", "local:-1", "local:x", "local:1/..", "Local", "local\n"]
)
def test_not_its_targets(target: str) -> None:
    assert not local.accepts(target)


def test_runs_are_numbered_saved_and_read_back(tmp_path: Path) -> None:
    runs = tmp_path / "deep" / "runs"
    first, second = local.new_run(runs), local.new_run(runs)
    assert [f.number for f in local.listing(runs)] == [1, 2]
    assert second.label == "local:2"
    assert first.workspace.is_dir()
    assert first.temp.is_dir()
    assert first.path.stat().st_mode & 0o777 == 0o700
    local.save(first, ATTEMPT, {"file": "ci.yml"})
    local.save(second, replace(ATTEMPT, run=Run("local:2")))
    first.log.write_bytes(b"x" * 3_000_000)
    fetched = local.fetch("local:1", Given(runs, io.BytesIO()))
    assert fetched.attempt == ATTEMPT
    assert [len(piece) for piece in pieces(fetched)] == [1 << 20, 1 << 20, 3_000_000 - (2 << 20)]
    assert str(first.log) in fetched.route
    assert local.load(runs, "local").run.label == "local:2"
    assert json.loads(first.record.read_text())["workflow"] == {"file": "ci.yml"}
    assert sorted(p.name for p in first.path.iterdir()) == ["job.log", "run.json", "temp", "workspace"]


def test_numbers_are_never_given_twice(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbers = [f.number for f in pool.map(lambda _: local.new_run(tmp_path), range(40))]
    assert sorted(numbers) == list(range(1, 41))


def test_numbers_go_on_after_the_newest(tmp_path: Path) -> None:
    (tmp_path / "9").mkdir()
    for name in ("010", "x", "-3", "0"):
        (tmp_path / name).mkdir()
    (tmp_path / "77").touch()
    (tmp_path / "88").symlink_to(tmp_path / "9")
    assert local.new_run(tmp_path).number == 10


def test_a_name_that_is_taken_by_a_file_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "1").touch()
    assert local.new_run(tmp_path).number == 2


def test_a_run_that_still_runs_reads_as_running(tmp_path: Path) -> None:
    folder = local.new_run(tmp_path)
    running = replace(ATTEMPT, status=Status.RUNNING, runner=me(), steps=(Step("a", started=1.0),))
    local.save(folder, running)
    assert local.load(tmp_path, "local") == running


@pytest.mark.parametrize("changes", [{"started": 1}, {"boot": "another"}])
def test_a_process_with_the_same_number_is_another(tmp_path: Path, changes: dict[str, int | str]) -> None:
    folder = local.new_run(tmp_path)
    local.save(folder, replace(ATTEMPT, status=Status.RUNNING, runner=me(**changes)))
    assert local.load(tmp_path, "local").status is Status.UNKNOWN


def test_a_run_whose_process_is_gone_reads_as_interrupted(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    folder = local.new_run(tmp_path)
    steps = (Step("a", Conclusion.SUCCESS, 1.0, 2.0), Step("b", started=2.0))
    running = replace(ATTEMPT, status=Status.RUNNING, runner=Runner(pid=child.pid), steps=steps)
    local.save(folder, running)
    read = local.load(tmp_path, "local:1")
    assert (read.status, read.conclusion) == (Status.UNKNOWN, Conclusion.CANCELLED)
    assert read.steps[0] == steps[0]
    assert (read.steps[1].reason or "").startswith("interrupted")


def test_what_is_not_there_says_what_is(tmp_path: Path) -> None:
    assert missing(tmp_path / "none", "local").reason is Missing.NOT_FOUND
    assert "whyred run" in missing(tmp_path, "local").help
    local.new_run(tmp_path)
    local.new_run(tmp_path)
    assert "are 1 to 2" in missing(tmp_path, "local:3").help
    assert missing(tmp_path, "local:2").reason is Missing.CORRUPT, "no run.json"
    with pytest.raises(MissingLogError, match="HOME"):
        local.fetch("local", Given(None, io.BytesIO()))


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"attempt": 3}', '{"attempt": {"run": {}}}', "[" * 100_000, "\x00"]
)
def test_a_damaged_record_is_corrupt(tmp_path: Path, text: str) -> None:
    local.new_run(tmp_path).record.write_text(text)
    assert missing(tmp_path, "local").reason is Missing.CORRUPT


def test_a_log_must_be_a_file(tmp_path: Path) -> None:
    folder = local.new_run(tmp_path)
    local.save(folder, ATTEMPT)
    assert missing(tmp_path, "local").reason is Missing.DELETED
    folder.log.symlink_to("/etc/hostname")
    assert missing(tmp_path, "local").reason is Missing.CORRUPT
    folder.log.unlink()
    os.mkfifo(folder.log)
    assert missing(tmp_path, "local").reason is Missing.CORRUPT


def test_json_brings_everything_back() -> None:
    data = attempt_to_json(ATTEMPT)
    assert attempt_from_json(json.loads(json.dumps(data))) == ATTEMPT
    assert attempt_from_json({"run": {"label": "x"}}) == Attempt(Run("x"))


def test_json_of_a_newer_whyred() -> None:
    data = attempt_to_json(ATTEMPT) | {"more": [1], "status": "paused", "conclusion": "neutral"}
    data["steps"][0]["colour"] = "red"
    read = attempt_from_json(data)
    assert (read.status, read.conclusion, read.steps) == (Status.UNKNOWN, Conclusion.UNKNOWN, ATTEMPT.steps)
    with pytest.raises(AttemptFormatError, match="form 2; this whyred reads up to 1"):
        attempt_from_json(data | {"version": 2})


@pytest.mark.parametrize(
    "change",
    [
        *({"run": None}, {"run": []}, {"number": "1"}, {"number": True}, {"started": "now"}, {"started": 10**400}),
        *({"steps": {}}, {"steps": [3]}, {"steps": [{}]}, {"job": {"key": "a"}}, {"runner": {"pid": 1.5}}),
        {"status": 3},
    ],
)
def test_json_of_the_wrong_type_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(AttemptFormatError):
        attempt_from_json(attempt_to_json(ATTEMPT) | change)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(list(attempt_to_json(ATTEMPT))), _JSON) | _JSON)
def test_any_json_is_read_or_refused(data: object) -> None:
    try:
        attempt = attempt_from_json(data)
    except AttemptFormatError:
        return
    assert attempt_to_json(attempt)["run"]["label"] == attempt.run.label


_TEXT = st.none() | st.text()
_TIME = st.none() | st.floats(allow_nan=False)
_STEP = st.builds(Step, st.text(), st.sampled_from(Conclusion), _TIME, _TIME, st.none() | st.integers(), _TEXT)


@given(
    st.builds(
        Attempt,
        run=st.builds(Run, st.text(), _TEXT, _TEXT, _TEXT),
        job=st.none() | st.builds(Job, st.text(), st.text()),
        number=st.integers(),
        status=st.sampled_from(Status),
        conclusion=st.sampled_from(Conclusion),
        started=_TIME,
        runner=st.none() | st.builds(Runner, _TEXT, _TEXT, _TEXT, st.none() | st.integers()),
        steps=st.lists(_STEP).map(tuple),
    )
)
def test_any_attempt_comes_back(attempt: Attempt) -> None:
    assert attempt_from_json(json.loads(json.dumps(attempt_to_json(attempt)))) == attempt
