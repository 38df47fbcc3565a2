"""Rerun, cancel and dispatch on real servers: planned, refused, done, watched to the end.

Gitea 1.23.8 does all of it by its web pages, 1.26.0 by its API, but for cancel, which only its pages can.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from live.gitea import Gitea
from live.repo import WORKFLOWS, Repo
from live.scenarios import HELD, Playing, Scenario, begin, workflow
from live.user import Person

OPEN = "the gate is open"
CHECK = f"- name: Check\n  run: test -e '@GATE@' && echo {OPEN}"
"""A step that fails until the gate is opened."""
FLAKY = Scenario("flaky", workflow(CHECK), "failure")
TWO = Scenario(
    "two",
    workflow("- run: echo well done").replace("  test:\n", "  good:\n")
    + workflow(CHECK).partition("jobs:\n")[2].replace("  test:\n", "  bad:\n")
    + workflow(CHECK).partition("jobs:\n")[2].replace("  test:\n", "  worse:\n"),
    "failure",
)
BY_HAND = """\
on:
  workflow_dispatch:
    inputs:
      level: {required: true, type: choice, options: [minor, major]}
      dry: {type: boolean, default: true}
      note: {}
jobs:
  test:
    runs-on: host
    steps:
      - name: Said
        run: echo started by hand
"""
SCOPE = "write:repository"


@pytest.fixture
def person(server: Gitea, tmp_path: Path) -> Person:
    """Somebody who may change things, with what the server's version wants for that."""
    found = Person(tmp_path / "home", server)
    found.login(scopes=(SCOPE,), web=True)
    return found


@pytest.fixture
def failed(server: Gitea, tmp_path: Path) -> Iterator[Playing]:
    """A run whose only job failed because its gate is shut, and a runner that waits for more."""
    with begin(server, FLAKY, tmp_path / "failed") as playing:
        playing.runner.wait()
        playing.repo.wait_for_run("failure")
        yield playing


def test_a_plan_changes_nothing(failed: Playing, person: Person, tmp_path: Path) -> None:
    clone = failed.repo.clone(tmp_path / "clone")
    shown = person("rerun", ".", where=clone)
    assert (shown.code, shown.err) == (0, "")
    assert f"plan: rerun {failed.repo.full_name}#1" in shown.out
    assert "nothing is done yet: add --apply" in shown.out
    assert failed.repo.run().status == "failure"
    assert len(failed.runner.tasks) == 1


def test_rerun_and_watch(failed: Playing, person: Person) -> None:
    again = person("rerun", f"{failed.repo.full_name}#1", "--apply", "--watch")
    assert again.code == 1, again.err  # the gate is shut still
    failed.open()
    again = person("rerun", failed.repo.full_name, "--apply", "--watch")
    assert again.code == 0, again.err
    assert OPEN in again.out.splitlines()
    assert f"{failed.repo.full_name}#1: success" in again.err
    assert len(failed.runner.tasks) == 3
    assert failed.repo.run().status == "success"


def test_rerun_one_job(server: Gitea, person: Person, tmp_path: Path) -> None:
    with begin(server, TWO, tmp_path / "two") as playing:
        playing.runner.wait(3)
        playing.repo.wait_for_run("failure")
        playing.open()
        again = person("rerun", f"{playing.repo.full_name}#1", "--job", "bad", "--apply", "--watch")
        jobs = {job.name: job.status for job in playing.repo.run().jobs}
    assert again.code == 1, again.err  # the other one failed, and still is so
    assert jobs == {"good": "success", "bad": "success", "worse": "failure"}
    assert OPEN in again.out
    assert "well done" not in again.out
    assert len(playing.runner.tasks) == 4


@pytest.mark.parametrize("token", [True, False], ids=["token", "web login alone"])
def test_rerun_the_failed_jobs(server: Gitea, tmp_path: Path, token: bool) -> None:
    person = Person(tmp_path / "home", server)
    person.login(scopes=(SCOPE,), token=token, web=True)
    with begin(server, TWO, tmp_path / "two") as playing:
        playing.runner.wait(3)
        playing.repo.wait_for_run("failure")
        playing.open()
        again = person("rerun", f"{playing.repo.full_name}#1", "--failed", "--apply", "--watch")
        if server.version.startswith("1.25."):
            assert again.code == 4
            assert "name one of bad, worse with --job" in again.one_line()
            return
        assert again.code == 0, again.err
        assert [task.job.key for task in playing.runner.tasks].count("good") == 1
        assert len(playing.runner.tasks) == 5
    if not server.ids_in_web:
        assert "in 2 calls, for this server reruns a whole run or one job" in again.out
    nothing = person("rerun", f"{playing.repo.full_name}#1", "--failed", "--apply")
    assert nothing.code == 0
    assert "none failed, so there is nothing to do" in nothing.out


def test_cancel(server: Gitea, person: Person, tmp_path: Path) -> None:
    with begin(server, HELD, tmp_path / "held") as playing:
        playing.runner.wait_rows(5)
        target = playing.repo.full_name
        done = person("cancel", target, "--apply", "--watch")
        assert done.code == 0, done.err
        assert f"done; {target}#1 is cancelled now" in done.out
        assert playing.repo.run().status == "cancelled"
        playing.runner.wait()
    again = person("cancel", f"{target}#1", "--apply")
    assert again.code == 0
    assert "it has ended (cancelled), so there is nothing to do" in again.out
    assert person("cancel", target).code == 2


def test_cancel_by_token_alone_is_refused(server: Gitea, tmp_path: Path) -> None:
    person = Person(tmp_path / "home", server)
    person.login(scopes=(SCOPE,))
    with begin(server, HELD, tmp_path / "held") as playing:
        playing.runner.wait_rows()
        refused = person("cancel", f"{playing.repo.full_name}#1", "--apply")
        assert playing.repo.run().status == "running"
        playing.open()
        playing.runner.wait()
    assert refused.code == 4
    assert "needs-web-login" in refused.one_line()
    assert "whyred login --web" in refused.err


@pytest.fixture
def by_hand(server: Gitea, tmp_path: Path) -> Iterator[Playing]:
    """A workflow that is started by hand alone, beside one that cannot be: two pushes, two runs of that one."""
    with begin(server, Scenario("beside", workflow("- run: echo pushed"), "success"), tmp_path / "hand") as playing:
        playing.repo.wait_for_run("success")  # before 1.26 a second push would cancel it
        playing.repo.push_workflow(BY_HAND, "hand.yml")
        playing.repo.wait_for_run("success", number=2)
        yield playing


def test_dispatch_with_inputs_and_watch(by_hand: Playing, person: Person) -> None:
    repo = by_hand.repo.full_name
    before = len(by_hand.runner.tasks)
    inputs = ("--input", "level=minor", "--input", "dry=false", "--input", "note=a=b & c")
    shown = person("dispatch", "hand.yml", repo, *inputs)
    assert (shown.code, shown.err) == (0, "")
    assert len(by_hand.runner.tasks) == before
    done = person("dispatch", "hand.yml", repo, *inputs, "--apply", "--watch")
    assert done.code == 0, done.err
    assert "started by hand" in done.out.splitlines()
    task = by_hand.runner.tasks[-1]
    assert task.context["event_name"] == "workflow_dispatch"
    assert task.context["event"]["inputs"] == {"level": "minor", "dry": "false", "note": "a=b & c"}
    assert f"{repo}#{task.run_number}: success" in done.err


def test_defaults_are_those_of_the_file(by_hand: Playing, person: Person) -> None:
    done = person.json("dispatch", "hand.yml", by_hand.repo.full_name, "--input", "level=major", "--apply")
    assert done["applied"]
    task = by_hand.runner.wait(3)[-1]
    assert done["run"]["number"] == task.run_number
    assert task.context["event"]["inputs"] == {"level": "major", "dry": "true", "note": ""}


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("ci.yml",), "ci.yml cannot be started by hand"),
        (("hand.yml",), "its input `level` is required and has no default"),
        (("hand.yml", "--input", "level=huge"), "its input `level` is one of minor, major, not `huge`"),
        (("hand.yml", "--input", "level=minor", "--input", "colour=red"), "it has no input `colour`"),
        (("none.yml",), "there is no such workflow; there are: ci.yml, hand.yml"),
        (("hand.yml", "--ref", "nowhere"), "it has no branch or tag nowhere"),
    ],
)
def test_what_cannot_be_dispatched_is_said_before_it_is_tried(
    by_hand: Playing, person: Person, argv: tuple[str, ...], says: str
) -> None:
    refused = person("dispatch", argv[0], by_hand.repo.full_name, *argv[1:], "--apply")
    assert refused.code == 4
    assert says in refused.one_line()
    runs = person.json("runs", by_hand.repo.full_name)["runs"]
    assert [run["event"] for run in runs if run["event"] not in (None, "push")] == []
    assert len(runs) == 2


def test_who_may_only_read_changes_nothing(server: Gitea, failed: Playing, tmp_path: Path) -> None:
    person = Person(tmp_path / "reader", server)
    token = server.token(SCOPE, user=server.reader)
    assert person("login", server.url, "--token-stdin", given=token + "\n").code == 0
    signed = person("login", server.url, "--user", "reader", "--password-stdin", given=server.reader.password + "\n")
    assert signed.code == 0
    refused = person("rerun", f"{failed.repo.full_name}#1", "--apply")
    assert refused.code == 4, refused.err
    assert "no-permission" in refused.err
    assert "ask for write access to the repository's Actions" in refused.err
    assert failed.repo.run().status == "failure"


def test_a_token_that_may_only_read(server: Gitea, failed: Playing, tmp_path: Path) -> None:
    person = Person(tmp_path / "home", server)
    person.login(scopes=("read:repository",))
    refused = person("rerun", f"{failed.repo.full_name}#1", "--apply")
    assert refused.code == 4
    if server.ids_in_web:
        assert "the token lacks the scope write:repository" in refused.err
    else:
        assert "needs-web-login" in refused.one_line()
    assert failed.repo.run().status == "failure"


def test_a_saved_plan_is_done_later(failed: Playing, person: Person, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    target = f"{failed.repo.full_name}#1"
    assert person("rerun", target, "--save-plan", str(file)).code == 0
    failed.open()
    done = person("rerun", target, "--plan", str(file), "--apply", "--watch")
    assert done.code == 0, done.err
    other = Repo(failed.repo.server)
    other.push({f"{WORKFLOWS}/ci.yml": workflow("- run: exit 1")})
    other.wait_for_run()
    refused = person("rerun", f"{other.full_name}#1", "--plan", str(file), "--apply")
    assert refused.code == 2
    assert "does not fit" in refused.one_line()
