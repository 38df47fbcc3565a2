"""Repositories and owners that were renamed, and names in letters of another case, on servers that lead on from the old
name.
"""

import pytest
from change_standin import Way, address, way
from standin import World, faults
from standin.wire import Reply

from whyred.app import change
from whyred.app.resolve import Resolver, chosen
from whyred.model.forge import RunQuery
from whyred.model.run import Attempt
from whyred.model.source import Missing, MissingLogError
from whyred.sources._moved import has_moved, now, path_now
from whyred.sources.http import By
from whyred.sources.http import Reply as Answer
from whyred.sources.reach import Want

EVERY = ["forgejo-7", "forgejo-11", "forgejo-14", "forgejo-16", "gitea-1.26.0"]


def renamed(world: World) -> None:
    world.rename(world.named("alice/priv"), "kept", world.users["nora"])


def attempt(user: Way, target: str) -> Attempt:
    resolver = Resolver(user.forges.ladder(user.forge.url))
    return resolver.ladder.steps(chosen(resolver.attempts(resolver.run(address(target)), address(target))))


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("credential", ["token", "web", "both"])
def test_the_old_name_still_leads_to_runs_and_logs(name: str, credential: str) -> None:
    token = None if credential == "web" else "read:repository"
    with way(name, renamed, token=token, web=credential != "token") as user:
        ladder = user.forges.ladder(user.forge.url)
        query = RunQuery(limit=1, branch="s-arti")  # Forgejo 7 tells a token only what is written on commits
        assert [run.number for run in ladder.runs("alice/priv", query)] == [8]
        if credential == "token" and name in ("forgejo-7", "forgejo-11", "forgejo-14"):
            return  # there a token alone has no logs
        text = b"".join(c for c in ladder.log(attempt(user, "alice/priv#2"), Want()).chunks if isinstance(c, bytes))
        assert b"couldn't create a temp dir" in text


@pytest.mark.parametrize("name", ["forgejo-11", "forgejo-16", "gitea-1.26.0"])
def test_what_is_changed_is_asked_of_the_new_name(name: str) -> None:
    with way(name, renamed) as user:
        planned = change.rerun(address("alice/priv#2"), user.forges, failed=False)
        assert [call.path.partition("/actions/")[0][-9:] for call in planned.plan.calls] == ["nora/kept"]
        change.apply(planned, lambda _: None)
        assert user.forge.world.named("nora/kept").runs[1].jobs[0].attempt == 2


@pytest.mark.parametrize("name", EVERY)
def test_letters_of_another_case_name_the_same_repository(name: str) -> None:
    with way(name, token="read:repository") as user:
        assert attempt(user, "Alice/PRIV#2").run.number == 2


@pytest.mark.parametrize("to", ["/user/login", "https://elsewhere.invalid/api/v1/repos/a/b/actions/runs", "/x"])
def test_a_redirect_to_anything_else_is_a_refusal_as_before(to: str) -> None:
    with way("forgejo-16") as user:
        user.forge.fault(lambda *_: Reply(307, b"", (("Location", to),)), on="/api/v1/repos/")
        with pytest.raises(MissingLogError) as refused:
            user.forges.ladder(user.forge.url).ask("default_branch", "alice/priv")
        assert refused.value.reason is Missing.REFUSED_CONTENT


def test_names_that_lead_to_each_other_end() -> None:
    def swapped(request: object, _answer: object) -> Reply:
        old, new = ("a/b", "c/d") if "/a/b" in request.raw else ("c/d", "a/b")  # type: ignore[attr-defined]
        return Reply(301, b"", (("Location", request.raw.replace(old, new)),))  # type: ignore[attr-defined]

    with way("forgejo-16") as user:
        user.forge.fault(swapped, on="/repos/(a/b|c/d)")
        with pytest.raises(MissingLogError):
            user.forges.ladder(user.forge.url).ask("default_branch", "a/b")
        assert len([s for s in user.forge.requests if "/a/b" in s.path or "/c/d" in s.path]) <= 6


def test_below_a_sub_path_and_with_quoted_names() -> None:
    with way("forgejo-16") as user:
        reach = user.reach
        reach.http.root = "https://forge.invalid/git"
        told = Answer(307, {"location": "/git/new/n%20m/actions/runs/3/jobs/0"}, b"", "GET x")
        assert has_moved(reach, told, "/old/name/actions/runs/3/jobs/0")
        assert not has_moved(reach, told, "/old/name/actions/runs/3/jobs/0")  # known by now
        assert now(reach, "Old/Name") == "new/n m"
        assert path_now(reach, "/repos/old/name/actions/runs") == "/repos/new/n%20m/actions/runs"
        assert path_now(reach, "/api/v1/repos/old/name") == "/api/v1/repos/new/n%20m"
        assert path_now(reach, "/old/other") == "/old/other"


def test_a_web_login_is_not_wanted_because_of_a_rename() -> None:
    with way("forgejo-7", renamed, token=None) as user:
        user.forge.fault(faults.status(404), on="/nora/kept/actions")
        with pytest.raises(MissingLogError) as refused:
            user.forges.ladder(user.forge.url).runs("alice/priv", RunQuery(limit=1))
        assert "web login is gone" not in refused.value.help
        assert user.http.get("/alice/priv", By.WEB).status in (200, 301, 307)
