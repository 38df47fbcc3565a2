"""`rerun`, `cancel`, `dispatch` as a user calls them: what is shown, as text and JSON, exit codes, kept plans."""

import importlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from change_standin import DISPATCHED, Way, picked, way, workflows
from program import Ended
from standin import Status, scenarios

from whyred.faces.cli import main

Call = Callable[..., Ended]
PLAN = """\
plan: rerun alice/priv#2
on {url}, by the API token
  1. rerun all jobs of alice/priv#2
     POST /api/v1/repos/alice/priv/actions/runs/11/rerun
"""


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """`whyred ARGUMENTS` by a user at a stand-in, in this process."""
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))

    def run(user: Way, *arguments: str) -> Ended:
        module = importlib.import_module(f"whyred.faces.cli.commands.{arguments[0]}")
        monkeypatch.setattr(module, "reach", lambda _options: user.forges)
        monkeypatch.setattr(sys, "argv", ["whyred", *arguments])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO()))
        code = main._run()
        ended = Ended(code, *capfd.readouterr())
        for secret in (user.http.token, *user.http.jar.values()):
            assert secret is None or len(secret) < 6 or secret not in ended.out + ended.err
        return ended

    return run


def objects(ended: Ended) -> list[Any]:
    return [json.loads(line) for line in ended.out.splitlines()]


def test_a_plan_is_shown_and_nothing_is_done(call: Call) -> None:
    with way("gitea-1.26.0") as user:
        ended = call(user, "rerun", "alice/priv#2")
        assert (ended.code, ended.err) == (0, "")
        assert ended.out == PLAN.format(url=user.forge.url) + "nothing is done yet: add --apply\n"
        assert user.changes() == []


def test_it_is_done_with_apply(call: Call) -> None:
    with way("gitea-1.26.0") as user:
        ended = call(user, "rerun", "alice/priv#2", "--apply")
        page = f"{user.forge.url}/alice/priv/actions/runs/11"
        assert (ended.code, ended.err) == (0, "")
        assert ended.out == PLAN.format(url=user.forge.url) + f"done; alice/priv#2 is waiting now  {page}\n"
        assert user.repo.runs[1].status is Status.WAITING


@pytest.mark.parametrize(("ends", "code"), [(scenarios.OK, 0), (scenarios.FAILED, 1)])
def test_watch_ends_with_the_conclusion(call: Call, ends: Status, code: int) -> None:
    with way("gitea-1.26.0") as user:
        user.works = picked(user.repo.runs[1].jobs[0], ends)
        ended = call(user, "rerun", "alice/priv#2", "--apply", "--watch")
        assert ended.code == code
        assert "hello again" in ended.out.splitlines()
        assert ended.err.splitlines()[-1] == f"whyred: alice/priv#2: {'success' if code == 0 else 'failure'}"


def test_watch_of_a_cancelled_run_is_well_when_it_was_cancelled(call: Call) -> None:
    with way("forgejo-16") as user:
        scenarios.running(user.repo).jobs[0].attempts[0].row("still there", 0)
        ended = call(user, "cancel", "alice/priv#9", "--apply", "--watch")
        assert ended.code == 0, ended.err
        assert "still there" in ended.out.splitlines()
    with way("forgejo-16") as user:
        ended = call(user, "cancel", "alice/priv#2", "--apply", "--watch")
        assert ended.code == 1, "it had failed before anybody could cancel it"
        assert "there is nothing to do" in ended.out
        assert user.changes() == []


def test_json_is_the_plan_and_then_the_log(call: Call) -> None:
    with way("gitea-1.26.0") as user:
        (plan,) = objects(call(user, "rerun", "alice/priv#2", "--json"))
        assert (plan["schema"], plan["applied"], plan["run"]["conclusion"]) == ("whyred.plan/1", False, "failure")
        user.works = picked(user.repo.runs[1].jobs[0])
        plan, head, *lines = objects(call(user, "rerun", "alice/priv#2", "--apply", "--watch", "--json"))
        assert (plan["applied"], plan["run"]["status"], plan["run"]["ended"]) == (True, "waiting", None)
        assert (head["schema"], head["job"]) == ("whyred.logs/1", "test")
        assert {"line": "hello again"} in [{k: v for k, v in one.items() if k == "line"} for one in lines]


def test_dispatch_with_inputs(call: Call) -> None:
    with way("forgejo-16") as user:
        user.serve({f"{workflows(user)}/green.yml": DISPATCHED})
        argv = ("dispatch", "green.yml", "alice/priv", "--input", "level=minor", "--input", "dry=false")
        ended = call(user, *argv)
        assert ended.code == 0
        assert '"inputs": {"level": "minor", "dry": "false"}' in ended.out
        ended = call(user, *argv, "--apply")
        assert ended.out.splitlines()[-1].startswith("done; alice/priv#9 is waiting now")


def test_a_plan_is_kept_and_done_later(call: Call, tmp_path: Path) -> None:
    with way("gitea-1.26.0") as user:
        for save in (("--save-plan", "plan.json"), ("--save-plan", "plan.json", "--json")):
            assert call(user, "rerun", "alice/priv#2", *save).code == 0
        kept = (tmp_path / "plan.json").read_text()
        assert json.loads(kept)["applied"] is False
        assert call(user, "rerun", "alice/priv#2", "--plan", "plan.json", "--apply").code == 0
        assert len(user.changes()) == 1
        ended = call(user, "rerun", "alice/pub#2", "--plan", "plan.json", "--apply")
        assert ended.code == 2
        assert "does not fit" in ended.one_line()


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "it holds no JSON"), ("{}", "this is no plan of whyred"), ('{"format": 9}', "Upgrade whyred")],
)
def test_what_is_no_plan(call: Call, tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    with way("gitea-1.26.0") as user:
        ended = call(user, "rerun", "alice/priv#2", "--plan", "plan.json", "--apply")
        assert ended.code == 2
        assert says in ended.one_line()
        missing = call(user, "rerun", "alice/priv#2", "--plan", "none.json")
        assert "cannot read none.json" in missing.one_line()
        refused = call(user, "rerun", "alice/priv#2", "--save-plan", "no/such/folder.json")
        assert "cannot write no/such/folder.json" in refused.one_line()
        assert user.changes() == []


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("rerun", "alice/priv#2", "--watch"), "--watch follows what --apply has done"),
        (("rerun", "alice/priv#2", "--failed", "--job", "x"), "--failed and a job's name"),
        (("rerun", "alice/priv#2:x", "--failed"), "--failed and a job's name"),
        (("rerun", "no target"), "names no run on a forge"),
        (("cancel", "alice/priv#2:x"), "forges cancel whole runs"),
        (("dispatch", "green.yml", "alice/priv", "--input", "x"), "--input wants NAME=VALUE"),
        (("dispatch", "green.yml", "alice/priv", "--input", "=x"), "--input wants NAME=VALUE"),
        (("dispatch", "green.yml", "alice/priv", "--input", "x=1", "--input", "x=2"), "said twice"),
        (("dispatch", "green", "alice/priv"), "a workflow is named by its file"),
    ],
)
def test_wrong_usage_asks_nobody(call: Call, argv: tuple[str, ...], says: str) -> None:
    with way("forgejo-16") as user:
        before = len(user.forge.requests)
        ended = call(user, *argv)
        assert ended.code == 2
        assert says in ended.one_line()
        assert len(user.forge.requests) == before


def test_a_refusal_is_one_line_and_4(call: Call) -> None:
    with way("forgejo-14", web=False) as user:
        ended = call(user, "cancel", "alice/priv#4", "--apply")
        assert ended.code == 4
        assert "needs-web-login" in ended.one_line()
        assert "no log" not in ended.err, "it is no log that was asked for"


def test_what_a_server_writes_drives_no_terminal(call: Call) -> None:
    with way("forgejo-16") as user:
        run = user.repo.push("evil", "evil.yml", "main")
        scenarios.play(run.job("a\x1b[31m\u202eb", "Step"), [scenarios.Part(scenarios.FAILED)])
        scenarios.play(run.job("good", "Step"), [scenarios.Part(scenarios.OK)])
        ended = call(user, "rerun", "alice/priv#9", "--failed")
        assert ended.code == 0
        assert "rerun the job a[31mb of" in ended.out
        assert "\x1b" not in ended.out
        assert "\u202e" not in ended.out
