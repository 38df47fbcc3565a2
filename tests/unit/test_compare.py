"""`whyred compare` and `why --baseline`: files, pipes and forges; which green attempts are taken, and why; never a
secret.
"""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from change_standin import Way, way
from click.testing import CliRunner, Result
from program import environment, run
from standin import World
from standin.scenarios import FAILED, OK, Part, play

from whyred.app import compare as room
from whyred.app import familiar as familiar_room
from whyred.app.compare import CompareWish, compare
from whyred.app.library import Library
from whyred.app.why import Wish, why
from whyred.faces.cli.program import cli
from whyred.model.finding import Verdict
from whyred.model.novelty import Change, Novelty, Sort
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError

T = "2026-05-04T10:{:02}:{:02}.0000000Z "
CANARY = "ghp_" + "C4nary7" * 5 + "x"
"""In the form of a token, so that it is masked."""


def log(*rows: str | int) -> str:
    """Rows with times, one second apart; a number lets so many seconds pass."""
    now, made = 0, []
    for row in rows:
        if isinstance(row, int):
            now += row
        else:
            made.append(T.format(now // 60, now % 60) + row)
            now += 1
    return "\n".join(made) + "\n"


GREEN = log(
    *("##[group]Run make build", "##[endgroup]", "built in 12 ms", "cache id 0a1b2c3d4e", 10),
    *("##[group]Run make test", "##[endgroup]", "ran 12 tests", "warning: error: retry 1 of 3", "uploaded 3 files"),
    "##[group]Run make pack",
    *("##[endgroup]", "packed", "Post job cleanup."),
)
RED = log(
    *("##[group]Run make build", "##[endgroup]", "built in 1.5 s", "cache id ffee001122", 60),
    *("##[group]Run make test", "##[endgroup]", f"token {CANARY}", "ran 11 tests", "warning: error: retry 2 of 3"),
    *("error[E0308]: mismatched types", "error[E0308]: mismatched types"),
    *("##[error]Process completed with exit code 101.", "Post job cleanup."),
)


@pytest.fixture
def logs(tmp_path: Path) -> dict[str, str]:
    paths = {}
    for name, text in (("red", RED), ("green", GREEN), ("other", GREEN.replace("packed", "packed 7"))):
        (tmp_path / f"{name}.log").write_text(text, encoding="utf-8")
        paths[name] = str(tmp_path / f"{name}.log")
    return paths


def quiet(_: str) -> None:
    return None


def compared(bad: str, *good: str, cache: Path | None = None, gone: bool = False) -> Novelty:
    return compare(CompareWish(bad, good, gone), Library(cache), quiet)


def test_new_lines_steps_and_durations(logs: dict[str, str]) -> None:
    found = compared(logs["red"], logs["green"], logs["other"])
    assert [(line.text, line.count, line.step) for line in found.lines] == [
        ("error[E0308]: mismatched types", 2, "Run make test"),
        ("##[error]Process completed with exit code 101.", 1, "Run make test"),
        ("token ***", 1, "Run make test"),
    ]
    assert found.failed
    assert found.different == 3
    assert found.failing_step == "Run make test"
    changes = {drift.name: (drift.change, drift.here, drift.green) for drift in found.drifts}
    assert changes["Run make build"] == (Change.SLOWER, 64.0, (14.0, 14.0))
    assert changes["Run make pack"] == (Change.GONE, None, (3.0, 3.0))
    assert changes["Run make test"][0] is Change.SAME
    assert [green.lines for green in found.greens] == [13, 13]
    assert found.gone is None


def test_what_is_no_longer_said(logs: dict[str, str]) -> None:
    found = compared(logs["red"], logs["green"], logs["other"], gone=True)
    assert found.gone is not None
    assert [(line.number, line.text) for line in found.gone] == [
        (9, "uploaded 3 files"),
        (10, "##[group]Run make pack"),
        (12, "packed"),
    ]


def test_a_log_compared_with_itself_has_nothing_new(logs: dict[str, str]) -> None:
    found = compared(logs["red"], logs["red"])
    assert (found.lines, found.different) == ((), 0)
    assert found.greens[0].failed


def test_a_green_log_is_read_once(logs: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = room._Pass.read

    def counted(one: room._Pass) -> Any:
        read.append(Path(one.fetched.attempt.run.label).name)
        return real(one)

    monkeypatch.setattr(room._Pass, "read", counted)
    cache = tmp_path / "cache"
    first = compared(logs["red"], logs["green"], cache=cache)
    again = compared(logs["red"], logs["green"], cache=cache)
    assert read == ["green.log", "red.log", "red.log"]
    assert again.lines == first.lines
    assert again.drifts == first.drifts
    assert [first.greens[0].stored, again.greens[0].stored] == [False, True]
    Path(logs["green"]).write_text(GREEN + T.format(9, 9) + f"token {CANARY}\n", encoding="utf-8")
    assert "token ***" not in [line.text for line in compared(logs["red"], logs["green"], cache=cache).lines]
    assert read[3:] == ["green.log", "red.log"], "it is another content now"


def test_nothing_that_is_kept_holds_a_text(logs: dict[str, str], tmp_path: Path) -> None:
    import zstandard

    cache = tmp_path / "cache"
    compared(logs["green"], logs["red"], cache=cache)
    files = [f for f in (cache / "baselines").iterdir() if f.is_file()]
    assert files
    for file in files:
        data = file.read_bytes()
        told = zstandard.ZstdDecompressor().stream_reader(data[data.index(b"\x28\xb5\x2f\xfd") :]).read()
        assert b"mismatched" not in told
        assert CANARY.encode() not in told + data


# --- the command -----------------------------------------------------------------------------------------------------


def call(tmp_path: Path, *argv: str, stdin: bytes | None = None) -> Result:
    environ = {"XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CACHE_HOME": str(tmp_path / "cache"), "COLUMNS": "80"}
    return CliRunner().invoke(cli, argv, env=environ, input=stdin, prog_name="whyred", standalone_mode=False)


def test_the_report(logs: dict[str, str], tmp_path: Path) -> None:
    result = call(tmp_path, "compare", logs["red"], logs["green"])
    assert result.exception is None
    assert result.return_value == 1
    text = result.stdout.replace(str(tmp_path), "")
    assert (
        text
        == """\
NEW  3 lines of the 13 of /red.log that the green attempt lacks
compared with /green.log: 13 lines

step Run make test
     4 | cache id ffee001122
     5 | ##[group]Run make test
     6 | ##[endgroup]
  >  7 | token ***
     8 | ran 11 tests
     9 | warning: error: retry 2 of 3
  > 10 | error[E0308]: mismatched types  (2 times)
    11 | error[E0308]: mismatched types
  > 12 | ##[error]Process completed with exit code 101.
    13 | Post job cleanup.

steps
  slower: Run make build: 1m04s, green 14s
  only in the green: Run make pack: 3s
"""
    )


def test_json_and_no_secret_anywhere(logs: dict[str, str], tmp_path: Path) -> None:
    result = call(tmp_path, "compare", logs["red"], logs["green"], "--json")
    data = json.loads(result.stdout)
    assert [line["number"] for line in data["lines"]] == [10, 12, 7]
    assert CANARY not in result.stdout
    for file in (tmp_path / "cache").rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes()


def test_a_pipe_may_be_the_bad_one_or_a_green_one(logs: dict[str, str], tmp_path: Path) -> None:
    wanted = call(tmp_path, "compare", logs["red"], logs["green"], "--json")
    piped = run(["compare", "-", logs["green"], "--json"], environment(tmp_path), stdin=RED.encode())
    assert piped.code == 1
    assert json.loads(piped.out)["lines"] == json.loads(wanted.stdout)["lines"]
    piped = run(["compare", logs["red"], "-", "--json"], environment(tmp_path), stdin=GREEN.encode())
    assert json.loads(piped.out)["lines"] == json.loads(wanted.stdout)["lines"]


@pytest.mark.parametrize("argv", [("-", "-"), ("x", "-", "-"), ("x", "-", "--gone")])
def test_standard_input_is_read_once(argv: Sequence[str], tmp_path: Path) -> None:
    assert isinstance(call(tmp_path, "compare", *argv).exception, UserError)


def test_a_file_knows_no_other_attempts(logs: dict[str, str], tmp_path: Path) -> None:
    error = call(tmp_path, "compare", logs["red"]).exception
    assert isinstance(error, UserError)
    assert "Name a green log" in str(error)
    assert error.code == 2


def test_an_empty_log_and_a_missing_one_are_refused(logs: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "empty.log").write_bytes(b"")
    for argv in ((str(tmp_path / "empty.log"), logs["green"]), (logs["red"], str(tmp_path / "empty.log"))):
        error = call(tmp_path, "compare", *argv).exception
        assert isinstance(error, MissingLogError)
    assert isinstance(call(tmp_path, "compare", logs["red"], str(tmp_path / "no.log")).exception, UserError)


def test_many_new_lines_have_a_first_list_and_an_end(tmp_path: Path) -> None:
    words = [f"{a}{b} said" for a in "abcdefghijk" for b in "lmnopqrst"]
    (tmp_path / "red.log").write_text("\n".join(words) + "\n", encoding="utf-8")
    (tmp_path / "green.log").write_text("nothing\n", encoding="utf-8")
    result = call(tmp_path, "compare", str(tmp_path / "red.log"), str(tmp_path / "green.log"), "--lines", "30")
    assert "most telling first" in result.stdout
    assert f"{len(words) - 30} new lines more" in result.stdout
    whole = call(tmp_path, "compare", str(tmp_path / "red.log"), str(tmp_path / "green.log"), "--lines", "0")
    assert "new lines more" not in whole.stdout
    assert sum(row.startswith("  > ") for row in whole.stdout.splitlines()) == 20 + len(words)


def test_a_bundle_is_compared_as_its_log_is(logs: dict[str, str], tmp_path: Path) -> None:
    assert call(tmp_path, "save", logs["red"], str(tmp_path / "red.whyred")).exception is None
    found = compared(str(tmp_path / "red.whyred"), logs["green"])
    assert [line.number for line in found.lines] == [10, 12, 7]


# --- forges ----------------------------------------------------------------------------------------------------------

STEPS = ("make build", "make test")


def build(world: World, branch: str, *, red: bool = False, workflow: str = "pair.yml", job: str = "build") -> Any:
    made = world.named("alice/priv").push(f"on {branch}", workflow, branch)
    rows = ["ran 3 tests", "error[E0308]: mismatched types"] if red else ["ran 4 tests", "all fine"]
    test = Part(FAILED, [*rows, "⚙️ [runner]: RUN exit status 101"]) if red else Part(OK, rows)
    play(made.job(job, *STEPS), [Part(OK, ["built in 3 ms"]), test])
    return made


def on_forge(user: Way, target: str, *good: str) -> Novelty:
    return compare(CompareWish(target, good, forges=user.forges), Library(None), quiet)


def test_the_newest_green_attempts_of_the_same_branch_are_taken() -> None:
    def make(world: World) -> None:
        for _ in range(5):
            build(world, "topic")
        build(world, "main")
        build(world, "topic", workflow="other.yml")
        build(world, "topic", red=True)

    with way("forgejo-16", make) as user:
        number = user.repo.runs[-1].index
        found = on_forge(user, f"alice/priv#{number}")
    assert [green.label for green in found.greens] == [f"alice/priv#{number - n}:build" for n in (3, 4, 5)]
    assert found.why == "the 3 newest green attempts of build in pair.yml on the same branch topic"
    assert found.lines[0].text == "error[E0308]: mismatched types"
    assert "ran 3 tests" not in [line.text for line in found.lines]
    assert all(line.sort is Sort.NEW for line in found.lines)


def test_else_those_of_the_default_branch_are() -> None:
    def make(world: World) -> None:
        build(world, "main")
        build(world, "topic", red=True)
        build(world, "topic", red=True)

    with way("forgejo-16", make) as user:
        number = user.repo.runs[-1].index
        found = on_forge(user, f"alice/priv#{number}")
    assert [green.label for green in found.greens] == [f"alice/priv#{number - 2}:build"]
    assert found.why == "the newest green attempt of build in pair.yml on the default branch main"


def test_where_no_green_one_is_to_be_had_it_says_so_and_what_to_do() -> None:
    def make(world: World) -> None:
        build(world, "topic", job="lint")
        build(world, "topic", red=True)

    with way("forgejo-16", make) as user, pytest.raises(MissingLogError, match="name one yourself") as refused:
        on_forge(user, f"alice/priv#{user.repo.runs[-1].index}")
    assert refused.value.reason is Missing.NOT_FOUND
    assert "green attempt of build of pair.yml" in refused.value.asked


def test_a_green_one_that_is_named_is_the_same_job_of_that_run_or_branch() -> None:
    def make(world: World) -> None:
        made = build(world, "main", job="lint")
        play(made.job("build", *STEPS), [Part(OK, ["built in 9 ms"]), Part(OK, ["all fine"])])
        build(world, "topic", red=True)

    with way("forgejo-16", make) as user:
        number = user.repo.runs[-1].index
        for good in (f"alice/priv#{number - 1}", "alice/priv@main"):
            found = on_forge(user, f"alice/priv#{number}", good)
            assert [green.label for green in found.greens] == [f"alice/priv#{number - 1}:build"]
            assert found.why is None


def test_a_forge_and_a_file_can_be_compared(logs: dict[str, str]) -> None:
    with way("forgejo-16", lambda world: build(world, "main", red=True)) as user:
        found = on_forge(user, f"alice/priv#{user.repo.runs[-1].index}", logs["green"])
    assert found.greens[0].label == logs["green"]
    assert found.lines


# --- why -------------------------------------------------------------------------------------------------------------


def verdict(target: str, cache: Path | None = None, **more: Any) -> Verdict:
    return why(Wish(target, probe=False, **more), Library(cache), quiet)


def asked(found: Verdict) -> list[str]:
    return [q.outcome for q in found.questions if "green attempts print" in q.text]


def test_why_knows_which_errors_a_green_one_printed_as_well(logs: dict[str, str], tmp_path: Path) -> None:
    noisy = tmp_path / "noisy.log"
    noisy.write_text(GREEN.replace("all fine", "x").replace("ran 12 tests", "error[E0308]: mismatched types"))
    (told,) = asked(verdict(logs["red"], baselines=(str(noisy),)))
    assert told.startswith("lines 9, 10, 11 (compared with ")
    (told,) = asked(verdict(logs["red"], baselines=(logs["green"],)))
    assert told.startswith("line 9 (compared with ")
    assert asked(verdict(logs["red"])) == []


def test_a_bundle_remembers_it(logs: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "saved.whyred"
    live = verdict(logs["red"], baselines=(logs["red"],), save=file)
    again = verdict(str(file))
    assert asked(again) == asked(live) != []
    assert again.failures == live.failures
    plain = tmp_path / "plain.whyred"
    verdict(logs["red"], save=plain)
    assert asked(verdict(str(plain))) == []


def test_on_a_forge_the_newest_green_attempt_is_looked_for_unless_it_is_not_wanted() -> None:
    def make(world: World) -> None:
        build(world, "main")
        build(world, "main", red=True)

    with way("forgejo-16", make) as user:
        number = user.repo.runs[-1].index
        target = f"alice/priv#{number}"
        (told,) = asked(verdict(target, forges=user.forges))
        assert told == f"none of them (compared with alice/priv#{number - 1}:build)"
        assert asked(verdict(target, forges=user.forges, seek=False)) == []


def test_a_green_attempt_that_is_not_to_be_had_stops_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    with way("forgejo-16", lambda world: build(world, "main", red=True)) as user:
        target = f"alice/priv#{user.repo.runs[-1].index}"
        found = verdict(target, forges=user.forges)
        (told,) = asked(found)
        assert told.startswith("not known: look for a green attempt of build")
        assert found.failed
    with way("forgejo-16", lambda world: [build(world, "main"), build(world, "main", red=True)]) as user:
        monkeypatch.setattr(familiar_room, "_PATIENCE", -1.0)
        (told,) = asked(verdict(f"alice/priv#{user.repo.runs[-1].index}", forges=user.forges))
        assert "name it with --baseline" in told


def test_no_green_attempt_is_looked_for_where_nothing_failed() -> None:
    with way("forgejo-16", lambda world: [build(world, "main"), build(world, "main")]) as user:
        assert asked(verdict(f"alice/priv#{user.repo.runs[-1].index}", forges=user.forges)) == []


@pytest.mark.parametrize("more", [["-"], ["x", "--baseline", "-", "--baseline", "-"]])
def test_of_two_pipes_why_reads_none(more: list[str], tmp_path: Path) -> None:
    result = call(tmp_path, "why", *more, *(["--baseline", "-"] if more == ["-"] else []))
    assert "standard input cannot be two logs" in str(result.exception)


def test_a_baseline_that_is_red_itself_is_called_so(logs: dict[str, str], tmp_path: Path) -> None:
    told = call(tmp_path, "why", logs["red"], "--baseline", logs["red"], "--no-probe", "--explain").stdout
    assert "which is NOT GREEN itself" in " ".join(told.split())


def test_a_baseline_that_was_named_must_be_there(logs: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such file"):
        verdict(logs["red"], baselines=(str(tmp_path / "none.log"),))
    result = call(tmp_path, "why", logs["red"], "--baseline", logs["green"], "--no-baseline")
    assert "--no-baseline compares with nothing" in str(result.exception)
    assert call(tmp_path, "why", logs["red"], "--baseline", logs["green"], "--no-probe", "--explain").return_value == 1


def test_lines_that_were_not_kept_are_told(logs: dict[str, str]) -> None:
    from whyred.reports.compare import render

    found = compared(logs["red"], logs["green"])
    text = render(
        replace(found, different=9, greens=(replace(found.greens[0], whole=False, failed=True, stored=True),))
    )
    assert "6 new lines more" in text
    assert "kept from an earlier reading, NOT GREEN" in text
    assert "some below may not be new" in text
