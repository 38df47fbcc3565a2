"""Which run a list of runs means that was copied from a browser, and a page `runs/latest`, on every generation."""

import pytest
from forge_user import forges, web_login
from standin import PROFILES, World, scenarios, standin
from standin.server import Standin

from whyred.app.targets import address_of
from whyred.model.credential import Credential
from whyred.model.run import Run
from whyred.model.source import Missing, MissingLogError

EACH = pytest.mark.parametrize("name", PROFILES)


def meant(forge: Standin, world: World, path: str, said: list[str] | None = None) -> Run:
    """The run that a page of alice/priv means to alice."""
    alice = world.users["alice"]
    login = web_login(forge.url, "alice", alice.password)
    mine = forges(forge.url, Credential(alice.token("read:repository"), login.cookies))
    notes: list[str] = []
    mine.note = (notes if said is None else said).append
    address = address_of(f"{forge.url}/alice/priv/{path}")
    assert address is not None
    resolver, address = mine.resolver(address)
    return mine.run(resolver, address)


def world_of(name: str) -> World:
    """Runs 1 to 8 as in every world, 2 and 5 failed; then 9 and 10, of a workflow and a branch of their own, and then
    many green ones of another.
    """
    world = scenarios.everyday(skipped_by_runner=name != "forgejo-16")
    repo = world.named("alice/priv")
    for branch in ("fix/x", "main"):
        run = scenarios.failing(repo)
        run.workflow, run.branch = "nightly.yml", branch
    for _ in range(60):
        scenarios.green(repo)
    return world


@EACH
def test_the_newest_that_failed_among_those_of_the_list(name: str) -> None:
    world = world_of(name)
    with standin(name, world) as forge:
        assert meant(forge, world, "actions?workflow=nightly.yml&actor=0&status=0").number == 10
        assert meant(forge, world, "actions/?workflow=nightly.yml&status=2").number == 10
        assert meant(forge, world, "actions?workflow=nightly.yml&branch=fix/x").number == 9
        assert meant(forge, world, "actions/workflows/nightly.yml").number == 10
        green = meant(forge, world, "actions?workflow=green.yml&status=1")
        assert (green.number, green.conclusion.value) == (70, "success")


@EACH
def test_a_workflow_that_never_ran(name: str) -> None:
    world = scenarios.everyday()
    with standin(name, world) as forge:
        with pytest.raises(MissingLogError, match=r"workflow none\.yml") as caught:
            meant(forge, world, "actions?workflow=none.yml")
        assert caught.value.reason is Missing.NOT_FOUND


@EACH
def test_the_latest_is_the_newest_however_it_ended(name: str) -> None:
    world = world_of(name)
    said: list[str] = []
    with standin(name, world) as forge:
        latest = meant(forge, world, "actions/runs/latest", said)
        assert (latest.number, latest.conclusion.value) == (70, "success")
        assert said == []


def test_the_latest_of_a_workflow_is_that_of_a_branch() -> None:
    """Without one in the URL, of the default branch: as the page of Forgejo leads there."""
    world = world_of("forgejo-16")
    repo = world.named("alice/priv")
    other = scenarios.green(repo)
    other.workflow, other.branch = "nightly.yml", "fix/x"
    with standin("forgejo-16", world) as forge:
        assert meant(forge, world, "actions/workflows/nightly.yml/runs/latest").number == 10
        assert meant(forge, world, "actions/workflows/nightly.yml/runs/latest?branch=fix/x").number == 71


@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-11", "forgejo-16", "gitea-1.23", "gitea-1.25", "gitea-1.26.4"])
def test_a_file_s_page_names_the_branch_and_a_path(name: str) -> None:
    world = world_of(name)
    with standin(name, world) as forge:
        assert meant(forge, world, "src/branch/fix/x").number == 9
        assert meant(forge, world, "src/branch/fix/x/src/main.rs").number == 9


@pytest.mark.parametrize("name", ["forgejo-14", "forgejo-16", "gitea-1.26.4"])
def test_who_started_it(name: str) -> None:
    world = world_of(name)
    alice = world.users["alice"].id
    with standin(name, world) as forge:
        assert meant(forge, world, f"actions?workflow=nightly.yml&actor={alice}").number == 10
        with pytest.raises(MissingLogError, match=f"actor {alice + 900}"):
            meant(forge, world, f"actions?actor={alice + 900}")
