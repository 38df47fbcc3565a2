"""`runs` and `status`: what is told of a repository, and what is not taken for it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from forge_user import forges, web_login
from standin import Standin, World, scenarios, standin

from whyred.app.forges import Forges
from whyred.app.overview import runs, statuses
from whyred.model.credential import Credential
from whyred.model.forge import Address, RunQuery
from whyred.model.overview import Overview
from whyred.model.run import Conclusion
from whyred.model.source import Missing, MissingLogError
from whyred.reports.runs import render_runs, render_status, render_status_json

PRIV, PUB, NOPE = Address("alice/priv"), Address("alice/pub"), Address("alice/nope")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was seen here is offered to whoever runs these tests by the tab key."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))


EACH = pytest.mark.parametrize("name", ["forgejo-7", "forgejo-11", "forgejo-14", "forgejo-16", "gitea-1.26.4"])


@contextmanager
def served(name: str, world: World) -> Iterator[tuple[Standin, Forges]]:
    alice = world.users["alice"]
    with standin(name, world) as forge:
        login = web_login(forge.url, "alice", alice.password)
        yield forge, forges(forge.url, Credential(alice.token(), login.cookies))


def on_main(world: World, repo: str = "alice/priv") -> None:
    """A push to main that fails, after one that was green."""
    named = world.named(repo)
    for made in (scenarios.green(named), scenarios.failing(named)):
        made.branch, made.workflow = "main", "ci.yml"


def line_of(found: Overview, workflow: str) -> str:
    return next(row for row in render_status([found]).splitlines() if f" {workflow} " in row)


@EACH
def test_a_branch_on_which_nothing_ran_is_not_a_repository_in_which_nothing_ran(name: str) -> None:
    with served(name, scenarios.everyday()) as (_, mine):
        (found,) = statuses([PRIV], mine)
        assert (found.branch, found.lines) == ("main", ())
        text = render_status([found])
        assert "nothing ran on the branch main yet" in text
        assert "nothing ran yet" not in text


@EACH
def test_red_since_and_last_green(name: str) -> None:
    world = scenarios.everyday()
    on_main(world)
    with served(name, world) as (_, mine):
        (found,) = statuses([PRIV], mine)
        (line,) = found.lines
        assert (line.workflow, line.last.number, line.last.conclusion) == ("ci.yml", 10, Conclusion.FAILURE)
        assert line.red_since is not None
        assert line.last_green is not None
        assert (line.red_since.number, line.last_green.number) == (10, 9)
        assert line.commits_since == (world.named("alice/priv").runs[9].sha,)
        assert found.red


@EACH
def test_the_run_of_a_pull_request_does_not_make_the_branch_red(name: str) -> None:
    world = scenarios.everyday()
    on_main(world)
    repo = world.named("alice/priv")
    good = scenarios.green(repo)
    good.branch, good.workflow = "main", "ci.yml"
    other = scenarios.failing(repo)
    other.branch, other.workflow, other.event = "#7", "ci.yml", "pull_request"
    with served(name, world) as (_, mine):
        (found,) = statuses([PRIV], mine)
        assert [(line.last.number, line.red_since) for line in found.lines] == [(11, None)]


@pytest.mark.parametrize(("name", "told"), [("gitea-1.26.4", ("host-info",)), ("forgejo-16", ())])
def test_who_ran_it_where_the_forge_tells(name: str, told: tuple[str, ...]) -> None:
    world = scenarios.everyday()
    on_main(world)
    with served(name, world) as (_, mine):
        (found,) = statuses([PRIV], mine)
        assert found.lines[0].runners == told
        assert line_of(found, "ci.yml").endswith("on host-info") is bool(told)
        assert " push " in line_of(found, "ci.yml")


def test_one_that_cannot_be_asked_keeps_no_other_from_being_told() -> None:
    world = scenarios.everyday()
    on_main(world, "alice/pub")
    with served("forgejo-16", world) as (forge, mine):
        refused, told = statuses([NOPE, PUB], mine)
        assert refused.refused is not None
        assert refused.refused.reason is Missing.NOT_FOUND
        assert (refused.server, refused.red) == (forge.url, True)
        assert told.lines
        assert "not asked (not-found-or-hidden)" in render_status([refused, told])
        shown = json.loads(render_status_json([refused, told]))["repositories"]
        assert [one["refused"] is None for one in shown] == [False, True]


def test_where_none_can_be_asked_it_is_a_refusal() -> None:
    with served("forgejo-16", scenarios.everyday()) as (_, mine), pytest.raises(MissingLogError) as refused:
        statuses([NOPE, NOPE], mine)
    assert refused.value.reason is Missing.NOT_FOUND


@EACH
def test_runs_of_a_branch_are_of_that_branch(name: str) -> None:
    with served(name, scenarios.everyday()) as (_, mine):
        assert [run.number for run in runs(PRIV, RunQuery(branch="s-fail"), mine)] == [2]
        assert runs(PRIV, RunQuery(branch="no-such"), mine) == []
        assert render_runs([]) == "no run matches\n"


@contextmanager
def by_token(name: str, world: World) -> Iterator[tuple[Forges, list[str]]]:
    """Alice's token alone, and what she is told beside the answer."""
    with standin(name, world) as forge:
        mine, said = forges(forge.url, Credential(world.users["alice"].token())), list[str]()
        mine.note = said.append
        yield mine, said


@pytest.mark.parametrize("name", ["forgejo-7", "gitea-1.23"])
def test_none_is_no_answer_of_a_list_that_knows_not_every_run(name: str) -> None:
    """Before a runner took a job there is no task, and no status on the newest commits of the default branch."""
    world = scenarios.everyday()
    del world.named("alice/priv").runs[:3], world.named("alice/priv").runs[1:]
    with by_token(name, world) as (mine, _):
        for ask in (lambda: runs(PRIV, RunQuery(), mine), lambda: statuses([PRIV], mine)):
            with pytest.raises(MissingLogError, match=r"knows? not every run.*login --web") as refused:
                ask()
            assert refused.value.reason is Missing.NEEDS_WEB_LOGIN
        resolver, address = mine.resolver(PRIV)
        with pytest.raises(MissingLogError, match="login --web") as refused:
            mine.run(resolver, address)
        assert refused.value.reason is Missing.NEEDS_WEB_LOGIN


def test_a_list_that_may_lack_runs_says_so() -> None:
    with by_token("forgejo-11", scenarios.everyday()) as (mine, said):
        assert 4 not in [run.number for run in runs(PRIV, RunQuery(), mine)]
        (told,) = said
        assert told.startswith("there may be runs that are not listed: tasks-api knows not every run")
        assert "login --web" in told
        (found,) = statuses([PRIV], mine)
        assert told in found.notes
        assert not any("nothing ran" in note for note in found.notes)


@EACH
def test_a_whole_list_says_nothing_of_the_kind(name: str) -> None:
    with served(name, scenarios.everyday()) as (_, mine):
        said: list[str] = []
        mine.note = said.append
        assert 4 in [run.number for run in runs(PRIV, RunQuery(), mine)]
        (found,) = statuses([PRIV], mine)
        assert not said
        assert not any("not listed" in note for note in found.notes)


@pytest.mark.parametrize("name", ["forgejo-11", "gitea-1.23"])
def test_what_the_page_does_not_tell_of_a_run_comes_from_its_tasks(name: str) -> None:
    with served(name, scenarios.everyday()) as (_, mine):
        told = {run.number: run for run in runs(PRIV, RunQuery(), mine)}
        assert (told[2].event, told[4].event) == ("push", None)  # no runner took the fourth
        assert told[2].started is not None
        assert told[2].ended is not None
        assert told[2].conclusion is Conclusion.FAILURE
