"""The harness itself: real servers take real jobs, and what they keep and show is what their runner sent.

The facts are those of `reference/forgejo-actions.md`, sections 2, 3, 6 and 10, seen again here.
"""

import subprocess
from collections.abc import Callable
from pathlib import Path
from threading import Event

import pytest

from live import scenarios
from live.browser import Browser
from live.calls import call
from live.gitea import Gitea, GiteaError, Settings, gitea
from live.protocol import LostError, Wire
from live.repo import Repo
from live.runner import Runner
from live.scenarios import CANARY, FOUNDING, Played, Scenario, begin, play

Play = Callable[..., Played]


@pytest.fixture(scope="session")
def played(server: Gitea, tmp_path_factory: pytest.TempPathFactory) -> Play:
    """Each scenario once per version."""
    done: dict[tuple[str, bool], Played] = {}

    def play_it(scenario: Scenario, *, private: bool = True) -> Played:
        key = (scenario.name, private)
        if key not in done:
            done[key] = play(server, scenario, tmp_path_factory.mktemp(scenario.name), private=private)
        return done[key]

    return play_it


def shown(repo: Repo, job: int = 0) -> tuple[list[dict[str, str]], list[list[str]]]:
    """The steps of a job as its page tells them, and the lines of each."""
    path = repo.job_path(1, job)
    steps = repo.view(path)["state"]["currentJob"]["steps"]
    cursors = [{"step": number, "cursor": 0, "expanded": True} for number in range(len(steps))]
    logs = repo.view(path, cursors)["logs"]["stepsLog"]
    return steps, [[line["message"] for line in log["lines"] or []] for log in logs]


def log_route(repo: Repo, job: int) -> str:
    return f"{repo.path}/actions/jobs/{job}/logs"


@pytest.mark.parametrize("scenario", [scenarios.GREEN, scenarios.FAILING, scenarios.UGLY], ids=lambda s: s.name)
def test_the_server_keeps_what_the_runner_sent(played: Play, scenario: Scenario) -> None:
    it = played(scenario)
    task = it.tasks[0]
    assert it.run.done
    assert [job.status for job in it.run.jobs] == [scenario.ends]
    assert it.repo.stored_text(task.id) == task.text
    steps, lines = shown(it.repo)
    names = [step["summary"].removeprefix("Run ") for step in steps]
    assert names == ["Set up job", *[step.name for step in task.job.steps], "Complete job"]
    rows = [row.content.encode()[:65536].decode() for row in task.report.rows]
    cut = [rows[step.log_index :][: step.log_length] for step in task.report.steps]
    assert lines[1:-1] == cut
    assert [*lines[0], *(line for step in cut for line in step), *lines[-1]] == rows


def test_the_failing_step(played: Play) -> None:
    it = played(scenarios.FAILING)
    steps, lines = shown(it.repo)
    assert [step["status"] for step in steps] == ["success", "success", "failure", "skipped", "success", "failure"]
    assert lines[2][1] == FOUNDING
    assert lines[2][-1] == "⚙️ [runner]: RUN exit status 101"
    assert lines[0] == [
        f"runner-1(version:v12.8.2) received task {it.tasks[0].id} of job test, be triggered by event: push",
        "workflow prepared",
        "⭐ Run Main Prepare",
    ]
    assert lines[-1] == ["🏁  Job failed"]


def test_ugly_text(played: Play) -> None:
    it = played(scenarios.UGLY)
    text = it.repo.stored_text(it.tasks[0].id)
    lines = [line[29:] for line in text.split(b"\n")]
    assert b"\x1b[31mred\x1b[0m \x1b[1;32mbold green\x1b[0m" in lines
    assert b"progress 10%\rprogress 50%\rprogress 100%" in lines
    assert lines[lines.index(b"##[group]My group") + 2] == b"##[endgroup]"
    assert b"now *** should be stars" in lines
    assert b"latin1 ? and broken ?( and nul \0 end" in lines
    assert max(lines, key=len) == b"A" * 65536
    assert b"hide-me" not in text
    assert b"a debug command" not in text


def test_the_job_log_by_token(played: Play, server: Gitea) -> None:
    it = played(scenarios.FAILING)
    answer = call("GET", f"{server.url}/api/v1{log_route(it.repo, it.run.jobs[0].id)}", None, token_header(server))
    if server.version.startswith("1.23"):
        assert (answer.status, answer.body) == (404, b"404 page not found\n")
    else:
        assert answer.status == 200
        assert answer.body == it.tasks[0].text
    hidden = call("GET", f"{server.url}/api/v1{it.repo.path}")
    assert hidden.status == 404


def token_header(server: Gitea) -> dict[str, str]:
    return {"Authorization": f"token {server.token('read:repository', user=server.reader)}"}


def test_a_public_repository_needs_no_login(played: Play, server: Gitea) -> None:
    it = played(scenarios.GREEN, private=False)
    visitor = Browser(server.url)
    path = it.repo.job_path(1, 0)
    assert visitor.get(path).status == 200
    assert len(visitor.post(path, {"logCursors": []}).json()["state"]["currentJob"]["steps"]) == 4
    past_the_end = [{"step": 4, "cursor": 0, "expanded": True}]
    assert visitor.post(path, {"logCursors": past_the_end}).status == 500


def test_waiting_for_a_label_nobody_offers(played: Play) -> None:
    it = played(scenarios.WAITING)
    assert it.tasks == ()
    assert not it.run.done
    assert shown(it.repo) == ([], [])


def test_a_cancelled_run(played: Play) -> None:
    it = played(scenarios.CANCELLED)
    task = it.tasks[0]
    assert it.repo.stored_text(task.id) == task.text
    assert b"\xf0\x9f\x8f\x81  Job failed\n" in task.text
    assert [step["status"] for step in shown(it.repo)[0]][2:4] == ["cancelled", "cancelled"]


def test_a_rerun_is_a_second_task_of_the_same_job(played: Play) -> None:
    it = played(scenarios.RERUN)
    first, second = it.tasks
    assert (first.run_id, len(it.run.jobs)) == (second.run_id, 1)
    assert [it.repo.stored_text(task.id) == task.text for task in it.tasks] == [True, True]
    assert (first.context["run_attempt"], second.context["run_attempt"]) == ("1", "2")


def test_a_matrix_and_what_needs_it(played: Play) -> None:
    it = played(scenarios.MATRIX)
    assert [job.name for job in it.run.jobs] == ["build (nutty)", "build (plain)", "report"]
    assert [shown(it.repo, job)[1][1] for job in range(3)] == [
        ["flavour nutty"],
        ["flavour plain"],
        ["build was success, it says done"],
    ]


def test_a_lost_log(played: Play) -> None:
    it = played(scenarios.DELETED)
    path = it.repo.job_path(1, 0)
    assert it.repo.browser.get(f"{path}/logs").status == 500
    assert it.repo.view(path)["state"]["run"]["status"] == "success"


def test_a_secret_reaches_the_step_and_nothing_else(played: Play, server: Gitea) -> None:
    it = played(scenarios.SECRET)
    task = it.tasks[0]
    assert shown(it.repo)[1][1] == ["the secret is [***]", "and again ***"]
    assert task.around.secrets is not None
    assert task.around.secrets["DEPLOY"] == CANARY
    assert CANARY not in repr(task)
    found = [p for p in server.folder.rglob("*") if p.is_file() and CANARY.encode() in p.read_bytes()]
    assert found == []


def test_a_running_job_without_rows(server: Gitea, tmp_path: Path) -> None:
    mute = Event()
    mute.set()
    with begin(server, scenarios.HELD, tmp_path, mute=mute) as playing:
        playing.runner.wait_rows(5)
        playing.repo.wait_for_run("running")
        steps, lines = shown(playing.repo)
        assert [step["status"] for step in steps] == ["running", "waiting", "waiting", "waiting", "waiting"]
        assert lines == [[], [], [], [], []]
        mute.clear()
        playing.open()
        task = playing.runner.wait()[0]
        playing.repo.wait_for_run("success")
    assert playing.repo.stored_text(task.id) == task.text


@pytest.mark.parametrize("kill", [False, True], ids=["stopped", "killed"])
def test_a_job_outlives_a_restart_of_the_server(server: Gitea, tmp_path: Path, *, kill: bool) -> None:
    with begin(server, scenarios.HELD, tmp_path) as playing:
        task = playing.runner.wait_rows(6)
        before = len(task.report.rows)
        server.stop(kill=kill)
        try:
            playing.runner.wait_rows(before + 5)
        finally:
            server.start()
        playing.runner.wait_rows(before + 10)
        playing.open()
        playing.runner.wait()
        playing.repo.wait_for_run("success")
    assert playing.repo.stored_text(task.id) == task.text
    assert playing.repo.browser.get("/user/settings").status == 200


def test_who_may_talk_to_it(server: Gitea, tmp_path: Path) -> None:
    with pytest.raises(LostError, match="500"):
        Wire(server.url, "nobody", "nothing").call("FetchTask", {"tasksVersion": 0})
    with pytest.raises(GiteaError, match="answered 404"):
        server.ask("GET", "/repos/dev/no-such-repository")
    repo = Repo(server)
    runner = Runner.register(server.url, repo.registration_token(), tmp_path, labels=("host", "big"))
    assert runner.wire.token
    assert runner.wire.token not in repr(runner)
    assert server.dev.password not in repr(server.dev)


def test_a_clone_names_no_password(server: Gitea, tmp_path: Path) -> None:
    repo = Repo(server)
    commit = repo.push({"hello.txt": "hello\n"})
    clone = repo.clone(tmp_path / "clone", server.reader)
    said = subprocess.run(["git", "-C", clone, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    assert said.stdout == f"{commit}\n"
    assert (clone / ".git/config").read_text().count(f"url = {repo.url}.git\n") == 1
    assert server.reader.password not in (clone / ".git/config").read_text()


def test_settings(server: Gitea, tmp_path: Path) -> None:
    settings = Settings(log_compression="none", require_signin=True, more={"actions": {"LOG_RETENTION_DAYS": "1"}})
    with gitea(server.version, tmp_path / "gitea", settings) as own:
        it = play(own, scenarios.GREEN, tmp_path)
        assert it.repo.stored_log(it.tasks[0].id).read_bytes() == it.tasks[0].text
        assert call("GET", f"{own.url}/api/v1/version").status == 403
        assert own.ini.stat().st_mode & 0o77 == 0
    with pytest.raises(OSError, match="refused"):
        call("GET", own.url)


def test_a_server_that_does_not_start_says_why(gitea_1_26: Gitea, tmp_path: Path) -> None:
    broken = Settings(database={"DB_TYPE": "no-such-database", "DB_RETRIES": "1", "DB_RETRY_BACKOFF": "1s"})
    expected = pytest.raises(GiteaError, match=r"(?s)ended with 1 at its start.*no-such-database")
    with expected, gitea(gitea_1_26.version, tmp_path, broken):
        pytest.fail("it started")
