"""The list of runs on real servers' pages: commit and branch are told, so no other run is taken for theirs."""

from pathlib import Path

import pytest

from live.gitea import Gitea
from live.scenarios import FAILING, Played, play
from live.user import Person


@pytest.fixture(scope="module")
def failing(server: Gitea, tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(server, FAILING, tmp_path_factory.mktemp("failing"))


def test_a_web_login_alone_finds_the_run_of_a_commit(server: Gitea, failing: Played, tmp_path: Path) -> None:
    person = Person(tmp_path / "home", server)
    person.login(token=False, web=True)
    name = failing.repo.full_name
    (run,) = person.json("runs", name, "--route", "web-runs")["runs"]
    assert (run["number"], run["branch"], run["conclusion"]) == (failing.run.number, "main", "failure")
    assert len(run["commit"]) == 40
    assert person.json("runs", name, "--sha", run["commit"], "--route", "web-runs")["runs"] == [run]
    assert person.json("runs", name, "--branch", "main", "--route", "web-runs")["runs"] == [run]
    for other in (("--sha", "0" * 40), ("--branch", "no-such")):
        assert person.json("runs", name, *other, "--route", "web-runs")["runs"] == []


def test_the_branch_of_a_checkout_is_red_since_this_run(server: Gitea, failing: Played, tmp_path: Path) -> None:
    person = Person(tmp_path / "home", server)
    person.login(web=True)
    clone = failing.repo.clone(tmp_path / "clone")
    told = person("status", where=clone)
    assert told.code == 1
    assert f"branch main, on {server.url}" in told.out
    assert f"red since {failing.repo.full_name}#{failing.run.number} " in told.out
