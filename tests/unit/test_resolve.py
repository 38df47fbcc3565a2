"""Which run is meant: by address, by id, by the checkout's commit; and what is said where it is another one."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from forge_user import forges, web_login
from standin import World, scenarios, standin
from standin.world import Pull

from whyred.app.forges import Forges
from whyred.app.resolve import Resolver, among
from whyred.app.targets import address_of
from whyred.model.credential import Credential
from whyred.model.forge import Address, Kind
from whyred.model.run import Attempt, Conclusion, Job, Run
from whyred.model.source import Missing, MissingLogError


def of(url: str, world: World, cache: Path | None = None, *, web: bool = True) -> Forges:
    alice = world.users["alice"]
    login = web_login(url, "alice", alice.password) if web else Credential()
    return forges(url, Credential(alice.token(), login.cookies), cache)


def test_that_it_is_of_another_commit_is_said() -> None:
    world = scenarios.everyday()
    said: list[str] = []
    with standin("forgejo-16", world) as forge:
        mine = of(forge.url, world)
        mine.note = said.append
        resolver, address = mine.resolver(Address("alice/priv", commit="f" * 40, branch="s-fail"))
        assert mine.run(resolver, address).number == 2
    assert said == ["nothing ran for commit ffffffffff yet: taking the newest run of branch s-fail"]


def test_that_a_newer_one_did_not_fail_is_said() -> None:
    world = scenarios.everyday()
    scenarios.green(world.named("alice/priv")).branch = "s-fail"
    said: list[str] = []
    with standin("forgejo-16", world) as forge:
        resolver = Resolver(of(forge.url, world).ladder(forge.url), said.append)
        assert resolver.run(Address("alice/priv", branch="s-fail")).number == 2
    assert said == ["alice/priv#9 is newer (success); taking alice/priv#2, the newest that failed"]


@pytest.mark.parametrize(
    ("name", "web", "reason"),
    [
        ("forgejo-14", False, Missing.NEEDS_WEB_LOGIN),  # its pages have older attempts, and are closed
        ("forgejo-11", False, Missing.ROUTE_NOT_ON_THIS_VERSION),
        ("forgejo-11", True, Missing.ROUTE_NOT_ON_THIS_VERSION),
        ("gitea-1.25", True, Missing.ROUTE_NOT_ON_THIS_VERSION),
    ],
)
def test_why_an_older_attempt_is_not_to_be_had(name: str, web: bool, reason: Missing) -> None:
    world = scenarios.everyday()
    scenarios.rerun(world.named("alice/priv"))
    with standin(name, world) as forge:
        resolver = Resolver(of(forge.url, world, web=web).ladder(forge.url))
        address = Address("alice/priv", run=9, attempt=1)
        run = resolver.run(address)
        with pytest.raises(MissingLogError) as refused:
            resolver.attempts(run, address)
        assert refused.value.reason is reason


def test_a_jobs_address_in_the_api_leads_to_its_run_where_the_api_tells() -> None:
    world = scenarios.everyday()
    job = world.named("alice/priv").runs[4].jobs[1]
    with standin("gitea-1.26.4", world) as forge:
        address = address_of(f"{forge.url}/api/v1/repos/alice/priv/actions/jobs/{job.id}/logs")
        assert address is not None
        resolver, address = of(forge.url, world).resolver(address)
        run = resolver.run(address)
        assert run.number == 5
        assert [a.job.name for a in resolver.attempts(run, address) if a.job] == ["unit (2)"]
    with standin("forgejo-16", world) as forge:
        resolver = Resolver(of(forge.url, world).ladder(forge.url))
        with pytest.raises(MissingLogError, match="name the run") as refused:
            resolver.run(replace(address, root=forge.url))
        assert refused.value.reason is Missing.WRONG_ID_KIND


@pytest.mark.parametrize("tail", ["actions?workflow=ci.yml", "actions/workflows/ci.yml", "src/branch/main.json"])
def test_an_url_is_no_file_whatever_it_ends_with(tail: str) -> None:
    address = address_of(f"https://forge.example/team/app/{tail}")
    assert address is not None
    assert (address.root, address.repo) == ("https://forge.example", "team/app")


@pytest.mark.parametrize("name", ["build.log", "a/b.yml", "a/b.zip", "local", "local:3", "-"])
def test_what_looks_like_a_file_is_one(name: str) -> None:
    assert address_of(name) is None


@pytest.mark.parametrize(
    "entry",
    [
        3,
        {"at": "x", "kind": ["a"]},
        {"at": 1e999, "kind": "forgejo"},
        {"at": -1, "kind": "forgejo"},
        {"at": 4e9, "kind": "forgejo"},  # from a clock that was wrong
        {"kind": "forgejo"},
        {"at": "NOW", "kind": "no such kind", "paths": 3},
    ],
)
def test_a_damaged_memory_of_servers_is_none(entry: object, tmp_path: Path) -> None:
    world = scenarios.everyday()
    with standin("forgejo-16", world) as forge:
        (tmp_path / "servers.json").write_text(json.dumps({forge.url: entry}))
        server = of(forge.url, world, tmp_path, web=False).ladder(forge.url).reach.server
        assert (server.kind, server.version) == (Kind.FORGEJO, "16.0.0")
        kept = json.loads((tmp_path / "servers.json").read_text())
        assert kept[forge.url]["version"] == "16.0.0"


def test_a_run_of_several_jobs_says_which_one_this_is() -> None:
    run = Run("o/r#1")
    jobs = [
        Attempt(run, Job(None, name), conclusion=conclusion)
        for name, conclusion in (
            ("lint", Conclusion.SUCCESS),
            ("unit", Conclusion.FAILURE),
            ("docs", Conclusion.FAILURE),
            ("deploy", Conclusion.SKIPPED),
        )
    ]
    told = "this is job unit of o/r#1; also failed: docs, 2 other jobs did not fail"
    assert among(jobs[1], jobs) == f"{told}; add :JOB for another (as in o/r#1:docs)"
    assert among(jobs[1], jobs[:2]) == "this is job unit of o/r#1; 1 other job did not fail"
    assert among(jobs[1], jobs[1:2]) is None


@pytest.mark.parametrize("name", ["forgejo-11", "gitea-1.26.0", "gitea-1.26.4"])
def test_a_run_that_does_not_exist_is_not_said_to_want_a_web_login(name: str) -> None:
    world = scenarios.everyday()
    with standin(name, world) as forge:
        resolver = Resolver(of(forge.url, world, web=False).ladder(forge.url))
        address = address_of(f"{forge.url}/alice/priv/actions/runs/99")
        assert address is not None
        with pytest.raises(MissingLogError) as refused:
            resolver.attempts(resolver.run(address), address)
        assert refused.value.reason is Missing.NOT_FOUND
        assert ("login --web" in refused.value.help) is (name == "forgejo-11")  # there it may be a run that waits


@pytest.mark.parametrize("name", ["forgejo-7", "gitea-1.26.0"])
@pytest.mark.parametrize("page", ["pulls/7/files", "issues/7"])
def test_a_pull_request_is_of_its_commit_and_wants_a_token_where_pages_alone_are_open(name: str, page: str) -> None:
    world = scenarios.everyday()
    priv = world.named("alice/priv")
    priv.pulls[7] = Pull(7, "a change", "s-fail", priv.runs[1].sha)
    with standin(name, world) as forge:
        address = address_of(f"{forge.url}/alice/priv/{page}")
        assert address is not None
        login = web_login(forge.url, "alice", world.users["alice"].password)
        assert Resolver(of(forge.url, world).ladder(forge.url)).run(address).number == 2
        with pytest.raises(MissingLogError, match="whyred login,") as refused:
            Resolver(forges(forge.url, login).ladder(forge.url)).run(address)
        assert refused.value.reason is Missing.NEEDS_TOKEN
        with pytest.raises(MissingLogError, match="no pull request 8 is to be seen") as refused:
            Resolver(of(forge.url, world).ladder(forge.url)).run(replace(address, pull=8))
        assert refused.value.reason is Missing.NOT_FOUND


@pytest.mark.parametrize("name", ["forgejo-7", "gitea-1.23", "gitea-1.26.0"])
def test_the_default_branch_is_told_by_the_page_where_that_alone_is_open(name: str) -> None:
    world = scenarios.everyday()
    world.named("alice/priv").default_branch = "trunk/ä&b"
    with standin(name, world) as forge:
        login = web_login(forge.url, "alice", world.users["alice"].password)
        assert forges(forge.url, login).ladder(forge.url).ask("default_branch", "alice/priv") == "trunk/ä&b"
        with pytest.raises(MissingLogError) as refused:
            forges(forge.url, login).ladder(forge.url).ask("default_branch", "alice/nope")
        assert refused.value.reason is Missing.NOT_FOUND
