"""The tab key: what was seen is offered, and nothing of it does what it says."""

import shlex
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.app import seen
from whyred.faces.cli import complete, shells
from whyred.faces.cli.program import cli
from whyred.model.run import Attempt, Job, Run

RUN = Run("team/app#12", repo="team/app", number=12, title="a \x1b]0;title\x07\n\u202eof it")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "whyred"


def see(*jobs: str) -> None:
    seen.remember([RUN], [Attempt(RUN, Job(None, name)) for name in jobs])


def offered(begun: str) -> list[str]:
    command = click.Command("logs")
    return [item.value for item in complete.forge_target(click.Context(command), click.Argument(["target"]), begun)]


def test_repositories_then_runs_then_jobs() -> None:
    see("build", "test")
    assert seen.complete("te") == [("team/app", "repository")]
    assert [value for value, _ in seen.complete("team/app#1")] == ["team/app#12"]
    assert [value for value, _ in seen.complete("team/app#12:")] == ["team/app#12:build", "team/app#12:test"]


def test_a_list_of_runs_takes_no_jobs_away() -> None:
    see("build")
    seen.remember([RUN])
    assert seen.complete("team/app#12:") == [("team/app#12:build", "job")]


def test_what_drives_a_terminal_is_not_offered() -> None:
    see("\x1b[2J", "a\x9b31m", "b\u202ec", "fine")
    assert seen.complete("team/app#12:") == [("team/app#12:fine", "job")]
    assert all(c.isprintable() for _, title in seen.complete("team/app#") for c in title)


@pytest.mark.parametrize("name", ["$(touch x)", "`id`", "unit (1)", "a;b", "it's", 'say "hi"', "a\\b", "~", "*"])
def test_bash_gets_names_quoted(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    see(name)
    for word, before in (("team/app#12:", ""), (":", "team/app#12:")):
        monkeypatch.setenv("COMP_BEGUN", "whyred logs team/app#12:")
        monkeypatch.setenv("COMP_WORD", word)
        kind, _, value = shells.Bash(cli, {}, "whyred", "_WHYRED_COMPLETE").complete().partition(",")
        assert (kind, shlex.split(f"{before}{value}")) == ("plain", [f"team/app#12:{name}"])
    assert offered("team/app#12:") == [f"team/app#12:{name}"]


@given(st.text(st.characters(exclude_categories=["Cc", "Cf", "Cs", "Zl", "Zp"]), min_size=1, max_size=30))
def test_whatever_a_job_is_called_it_is_one_word(name: str) -> None:
    typed = shells._escaped(f"a/b#1:{name}")
    assert shlex.split(typed) == [f"a/b#1:{name}"]
    assert shells._last(f"whyred logs {typed}") == typed
    assert shells._last(f"whyred logs {shlex.quote(typed)}") == shlex.quote(typed)


@pytest.mark.parametrize("damage", ["[1]", '{"a":', '{"team/app#12": 3}', '{"team/app#12": {"jobs": 3, "title": 4}}'])
def test_a_damaged_memory_is_none(damage: str, cache: Path) -> None:
    cache.mkdir()
    (cache / "seen.json").write_text(damage)
    assert seen.complete("team/app#12:") == []
    see("build")
    assert seen.complete("team/app#12:") == [("team/app#12:build", "job")]


def test_where_nothing_can_be_kept_nothing_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    see("build")
    assert seen.complete("te") == []
