"""Dispatch: the workflow file is read before, the call is the one the version has, the new run is found."""

from collections.abc import Callable
from typing import Any

import pytest
from change_standin import DISPATCHED, Way, address, way, workflows
from standin import PROFILES, faults
from standin.wire import Reply, Request, as_json

from whyred.app import change
from whyred.app.change import Planned
from whyred.model.trouble import UserError
from whyred.sources.http import By

BY_API = [name for name in PROFILES if name not in ("forgejo-7", "gitea-1.23")]
GIVEN = {"level": "minor"}


def quiet(_: str) -> None:
    return


def dispatch(user: Way, file: str = "green.yml", ref: str | None = None, **inputs: str) -> Planned:
    return change.dispatch(file, address("alice/priv"), ref, inputs or GIVEN, user.forges)


def refused(call: Callable[[], object]) -> UserError:
    with pytest.raises(UserError) as caught:
        call()
    assert caught.value.how
    return caught.value


def serve(user: Way, **files: str) -> None:
    given = files or {"green.yml": DISPATCHED}
    user.serve({f"{workflows(user)}/{name.replace('_', '.')}": text for name, text in given.items()})


@pytest.mark.parametrize("name", BY_API)
def test_by_the_api_and_the_new_run_is_found(name: str) -> None:
    with way(name) as user:
        serve(user)
        planned = dispatch(user)
        (call,) = planned.plan.calls
        assert call.by is By.TOKEN
        assert call.path.partition("?")[0] == "/api/v1/repos/alice/priv/actions/workflows/green.yml/dispatches"
        assert call.body is not None
        assert (call.body["ref"], call.body["inputs"]) == ("refs/heads/main", GIVEN)
        assert user.changes() == []
        run = change.apply(planned, quiet)
        assert run is not None
        assert run.label == "alice/priv#9"
        assert len(user.changes()) == 1


@pytest.mark.parametrize(("ref", "whole"), [("s-green", "refs/heads/s-green"), ("refs/heads/main", "refs/heads/main")])
def test_a_branch_by_both_its_names(ref: str, whole: str) -> None:
    with way("forgejo-16") as user:
        serve(user)
        (call,) = dispatch(user, ref=ref).plan.calls
        assert call.body is not None
        assert call.body["ref"] == whole


def test_a_tag_by_its_name() -> None:
    with way("forgejo-16") as user:
        serve(user)
        user.forge.fault(faults.say(as_json({"name": "v1"})), on=r"/tags/v1$")
        (call,) = dispatch(user, ref="v1").plan.calls
        assert call.body is not None
        assert call.body["ref"] == "refs/tags/v1"


@pytest.mark.parametrize("name", ["forgejo-14", "gitea-1.26.0"])
@pytest.mark.parametrize(
    ("file", "inputs", "says"),
    [
        ("green.yml", {"dry": "true"}, "its input `level` is required"),
        ("green.yml", {"level": "minor", "colour": "red"}, "it has no input `colour`"),
        ("pushed.yml", {}, "its `on:` lists no workflow_dispatch"),
        ("broken.yml", {}, "broken.yml"),
        ("none.yml", {}, "there are: broken.yml, green.yml, pushed.yml"),
    ],
)
def test_what_does_not_fit_is_said_before_it_is_tried(name: str, file: str, inputs: dict[str, str], says: str) -> None:
    with way(name) as user:
        serve(user, green_yml=DISPATCHED, pushed_yml="on: push\njobs: {}\n", broken_yml="on: [")
        error = refused(lambda: change.dispatch(file, address("alice/priv"), None, inputs, user.forges))
        assert says in str(error)
        assert user.changes() == []


def test_no_such_branch() -> None:
    with way("forgejo-16") as user:
        serve(user)
        error = refused(lambda: dispatch(user, ref="nowhere"))
        assert error.code == 4
        assert "it has no branch or tag nowhere" in error.how


def test_no_folder_of_workflows() -> None:
    with way("gitea-1.26.0") as user:
        user.serve({})
        assert ".gitea/workflows, .github/workflows" in refused(lambda: dispatch(user)).how


def test_only_the_first_folder_that_is_there_counts() -> None:
    with way("gitea-1.26.0") as user:
        user.serve({".gitea/workflows/other.yml": "on: push", ".github/workflows/green.yml": DISPATCHED})
        assert "there are: other.yml (in .gitea/workflows)" in refused(lambda: dispatch(user)).how
        user.forge.heal()
        user.serve({".github/workflows/green.yml": DISPATCHED})
        assert len(dispatch(user).plan.calls) == 1


def test_content_that_is_none() -> None:
    with way("forgejo-16") as user:
        user.forge.fault(faults.say(as_json({"content": "ä"})), on=r"/contents/.*green")
        user.forge.fault(faults.say(as_json([{"name": "green.yml"}])), on=r"/contents/")
        assert "refused-content" in refused(lambda: dispatch(user)).why


def test_forgejo_7_starts_nothing() -> None:
    with way("forgejo-7") as user:
        error = refused(lambda: dispatch(user))
        assert error.code == 4
        assert "route-not-on-this-version" in error.why
        assert "Forgejo 8" in error.how


def test_forgejo_wants_a_token_for_it() -> None:
    with way("forgejo-16", token=None) as user:
        error = refused(lambda: change.dispatch("green.yml", address("alice/priv"), "main", GIVEN, user.forges))
        assert "needs-token" in error.why
        assert "write:repository" in error.how


@pytest.mark.parametrize(
    ("name", "reply", "says", "code"),
    [
        ("forgejo-14", as_json({"message": "workflow not found"}, 500), "workflow not found", 1),
        ("forgejo-14", as_json({"message": ""}, 500), "server-error", 1),
        ("forgejo-16", as_json({"message": "ref is empty"}, 400), "ref is empty", 4),
        ("gitea-1.26.0", as_json({"message": "[Ref]: Required"}, 422), "[Ref]: Required", 4),
        ("gitea-1.26.0", as_json({"message": "workflow is disabled"}, 403), "no-permission", 4),
    ],
)
def test_what_a_server_says_against_it(name: str, reply: Reply, says: str, code: int) -> None:
    with way(name) as user:
        serve(user)
        planned = dispatch(user)
        user.forge.fault(faults.say(reply), on=r"/dispatches")
        error = refused(lambda: change.apply(planned, quiet))
        assert error.code == code
        assert says in str(error)


def test_a_server_that_names_no_run_and_shows_none() -> None:
    with way("gitea-1.25") as user:
        serve(user)
        planned = dispatch(user)
        user.forge.fault(faults.say(Reply(204)), on=r"/dispatches")
        assert change.apply(planned, quiet) is None
        assert user.waited == 20


def test_the_new_run_may_show_late_and_among_others() -> None:
    with way("gitea-1.25") as user:
        serve(user)
        planned = dispatch(user)
        user.forge.fault(faults.say(Reply(204)), on=r"/dispatches")
        said: list[str] = []

        def pushed() -> None:
            user.repo.push("another", "other.yml", "main", event="workflow_dispatch")
            for _ in range(2):
                run = user.repo.push("ours", "green.yml", "main", event="workflow_dispatch")
                run.job("build", "Step")

        user.works = [lambda: None, pushed]
        run = change.apply(planned, said.append)
        assert run is not None
        assert run.label == "alice/priv#11"
        assert "2 runs of green.yml began since: alice/priv#11, alice/priv#10" in said


# The form of Gitea's pages, which the stand-in does not have: its answers are those of Gitea 1.23.8.


def form(user: Way, flash: str) -> Callable[[Request, object], Reply]:
    def fault(request: Request, _answer: object) -> Reply:
        assert request.header("X-Csrf-Token")
        assert request.header("HX-Request") == "true"
        if flash.startswith("success"):
            user.repo.push("by hand", "green.yml", "main", event="workflow_dispatch").job("build", "Step")
        return Reply(204, b"", (("Set-Cookie", f"gitea_flash={flash}; Path=/; HttpOnly"),))

    return fault


def sent(user: Way) -> Any:
    return next(seen.body.decode() for seen in user.forge.requests if "/actions/run?" in seen.path)


def test_by_the_form_of_the_page() -> None:
    with way("gitea-1.23") as user:
        serve(user)
        planned = dispatch(user)
        (call,) = planned.plan.calls
        assert (call.by, call.path) == (By.WEB, "/alice/priv/actions/run?workflow=green.yml")
        assert call.form == {"ref": "refs/heads/main", "level": "minor", "dry": "on", "count": ""}
        user.forge.fault(form(user, "success%3DDone"), on=r"/actions/run\?")
        run = change.apply(planned, quiet)
        assert run is not None
        assert run.label == "alice/priv#9"
        assert sent(user) == "ref=refs%2Fheads%2Fmain&level=minor&dry=on&count="
        assert "gitea_flash" not in user.http.jar


def test_a_box_that_is_not_ticked_is_not_sent() -> None:
    with way("gitea-1.23") as user:
        serve(user)
        (call,) = dispatch(user, level="major", dry="false").plan.calls
        assert call.form == {"ref": "refs/heads/main", "level": "major", "count": ""}


def test_what_the_page_says_against_it() -> None:
    with way("gitea-1.23") as user:
        serve(user)
        planned = dispatch(user)
        user.forge.fault(form(user, "error%3DThe%2Bworkflow%2Bis%2B%251B%255B31mdisabled"), on=r"/actions/run\?")
        error = refused(lambda: change.apply(planned, quiet))
        assert error.code == 4
        assert error.why == "the server says: The workflow is [31mdisabled"


def test_a_page_without_such_a_form() -> None:
    with way("gitea-1.23") as user:
        serve(user)
        planned = dispatch(user)
        error = refused(lambda: change.apply(planned, quiet))
        assert "older than Gitea 1.23" in error.how


def test_an_input_that_the_form_cannot_hold() -> None:
    with way("gitea-1.23") as user:
        serve(user, green_yml="on: {workflow_dispatch: {inputs: {ref: }}}\njobs: {}\n")
        call = lambda: change.dispatch("green.yml", address("alice/priv"), None, {"ref": "x"}, user.forges)  # noqa: E731
        assert "an input `ref`" in refused(call).why


def test_with_a_web_login_alone_the_file_is_read_from_the_pages() -> None:
    with way("gitea-1.23", token=None) as user:
        serve(user)
        planned = change.dispatch("green.yml", address("alice/priv"), "main", GIVEN, user.forges)
        assert planned.plan.calls[0].form is not None
        assert planned.plan.calls[0].form["ref"] == "refs/heads/main"
        assert not [seen for seen in user.forge.requests if "/contents/" in seen.path]
        error = refused(lambda: change.dispatch("none.yml", address("alice/priv"), "refs/tags/v1", GIVEN, user.forges))
        assert "not-found-or-hidden" in error.why
