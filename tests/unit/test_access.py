"""`whyred access`: what it is tried on, and what it comes to."""

import re
from pathlib import Path

import pytest
from forge_user import forges, web_login
from program import environment, run
from standin import PROFILES, Standin, World, scenarios, standin

from whyred.app.access import access
from whyred.faces.cli.layout import cells, fit
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


SCREEN = 24


def shown(found: Table) -> list[str]:
    """The rows on a terminal of 80 columns."""
    return fit(render(found).rstrip("\n"), 80).split("\n")


@pytest.mark.parametrize("web", [False, True])
@pytest.mark.parametrize("name", sorted(PROFILES))
def test_the_table_fits_a_screen(name: str, web: bool) -> None:
    world = scenarios.everyday()
    with standin(name, world) as forge:
        found = table(forge, world, web=web)
        rows = shown(found)
        most = SCREEN + 2 if name == "forgejo-7" else SCREEN - 1  # the prompt stands below
        assert len(rows) <= most, "\n".join(rows)
        assert max(map(cells, rows)) <= 80
        for route in found.rows:
            (told,) = [row for row in rows if re.match(rf"(?:works|no|untried) +{route.route}\b", row)]
            assert route.refusal is None or told.endswith(route.refusal.reason)
        assert sum(forge.url in row for row in rows) <= 2
        text = " ".join(render(found).split())
        for route in found.rows:  # what would open it is said, once, and a log-in that is the first to do, at the end
            assert route.refusal is None or route.refusal.help.replace(f" at {forge.url}", "").split(";")[0] in text
        assert found.works or rows[-1].endswith(f"whyred login --web {forge.url}")


def test_all_of_it_can_be_had() -> None:
    world = scenarios.everyday()
    with standin("forgejo-11", world) as forge:
        found = table(forge, world, web=False)
        full = render(found, full=True)
        for route in found.rows:
            assert route.serves in full
            assert route.refusal is None or f"asked: {route.refusal.asked}\n" in full
            assert route.refusal is None or f"to do: {route.refusal.help}\n" in full


def test_a_list_that_knows_only_some_runs_does_not_say_that_there_are_none() -> None:
    """Forgejo 7 tells runs by commit statuses alone to whoever has no web login, and only those of some commits."""
    world = scenarios.everyday()
    with standin("forgejo-7", world) as forge:
        found = table(forge, world, web=False)
        assert "nothing ran" not in (found.note or "")
        assert "needs-web-login" in (found.note or "")
        assert shown(found)[-1] == f"its web page is not public: whyred login --web {forge.url}"


@pytest.mark.parametrize("target", ["{host}", "{host}/", "http://{host}", "http://{host}/user/settings"])
def test_a_server_is_named_as_people_type_it(target: str, tmp_path: Path) -> None:
    with standin("forgejo-16", scenarios.everyday()) as forge:
        ended = run(["access", target.format(host=forge.url.removeprefix("http://"))], environment(tmp_path))
        assert ended.code == 4
        assert ended.out.startswith(f"Forgejo 16.0.0 at {forge.url}\n"), ended.err


@pytest.mark.parametrize("name", ["gitea-1.23", "gitea-1.26.0"])
@pytest.mark.parametrize("web", [False, True])
def test_no_login_is_advised_to_whoever_has_it_or_for_a_log_that_nobody_has(name: str, web: bool) -> None:
    world = scenarios.everyday()
    with standin(name, world) as forge:
        address = Address("alice/priv", run=4) if web or name != "gitea-1.23" else Address("alice/pub", run=4)
        found = table(forge, world, address, web=web)
        assert (found.attempt or "").startswith(f"{address.repo}#4:")
        assert "so there is no log" in render(found).splitlines()[-1]
        advice = [row.route for row in found.rows if row.refusal and "login --web" in row.refusal.help]
        assert not (web and advice)
        assert "first to do" not in render(found)


def test_a_status_on_the_commit_tells_as_well_that_a_job_waits() -> None:
    world = scenarios.everyday()
    waits = world.named("alice/priv").runs[3]
    with standin("gitea-1.23", world) as forge:
        found = table(forge, world, Address("alice/priv", commit=waits.sha), web=False)
        assert (found.attempt or "").startswith("alice/priv#4:")
        assert render(found).splitlines()[-1].startswith("no route gives this log: no runner has taken it yet")
