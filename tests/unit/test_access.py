"""`whyred access`: what it is tried on, and what it comes to."""

import pytest
from forge_user import forges, web_login
from standin import Standin, World, scenarios, standin

from whyred.app.access import access
from whyred.model.access import Table
from whyred.model.credential import Credential
from whyred.model.forge import Address
from whyred.model.source import Missing
from whyred.reports.access import render, render_json

PRIV = Address("alice/priv")


def table(forge: Standin, world: World, address: Address = PRIV, *, web: bool = True) -> Table:
    alice = world.users["alice"]
    login = web_login(forge.url, "alice", alice.password) if web else Credential()
    credential = Credential(alice.token("read:repository"), login.cookies)
    return access(address, forges(forge.url, credential))


def works(found: Table) -> set[str]:
    return {row.route for row in found.rows if row.works and "logs" in row.gives}


@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-11", "forgejo-16", "gitea-1.23", "gitea-1.26.4"])
def test_a_repository_is_tried_on_its_newest_run_that_ended_of_any_branch(name: str) -> None:
    world = scenarios.everyday()  # nothing ever ran on `main` there
    repo = world.named("alice/priv")
    scenarios.waiting(repo)
    scenarios.running(repo)
    with standin(name, world) as forge:
        found = table(forge, world)
        assert found.attempt == "alice/priv#8:art"
        assert found.note is None
        assert works(found) >= {"web-state", "web-download"}
        assert render(found).splitlines()[-1].startswith("logs can be had by ")


def test_a_repository_without_runs() -> None:
    world = scenarios.everyday()
    world.repo(world.users["alice"], "empty")
    with standin("forgejo-16", world) as forge:
        found = table(forge, world, Address("alice/empty"))
        assert (found.attempt, found.works) == (None, False)
        assert "nothing ran in this repository yet" in (found.note or "")
        assert "no attempt to try them on" in render(found).splitlines()[-1]


def test_a_server_alone_says_that_nothing_was_tried() -> None:
    world = scenarios.everyday()
    with standin("forgejo-16", world) as forge:
        found = table(forge, world, Address("", root=forge.url))
        assert not found.works
        assert "name a run" in render(found).splitlines()[-1]


def test_what_to_do_first_is_said_last() -> None:
    world = scenarios.everyday()
    with standin("forgejo-11", world) as forge:
        found = table(forge, world, web=False)
        assert render(found).splitlines()[-1].endswith(f"whyred login --web {forge.url}")
        assert '"works": false' in render_json(found)


def test_a_run_that_waits_is_no_fault_of_a_route() -> None:
    world = scenarios.everyday()
    with standin("forgejo-16", world) as forge:
        found = table(forge, world, Address("alice/priv", run=4))
        by_server = [row for row in found.rows if row.route in ("forgejo-api", "web-state", "web-download")]
        assert {row.refusal.reason for row in by_server if row.refusal} == {Missing.NOT_STARTED}


def test_every_route_stands_there_once() -> None:
    world = scenarios.everyday()
    with standin("forgejo-16", world) as forge:
        names = [row.route for row in table(forge, world).rows]
        assert len(names) == len(set(names))
        assert "bundle" in names
