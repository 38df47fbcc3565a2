"""The tap before a real server: rows are kept as the server stores them, and nothing that is secret is."""

import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from program import PROGRAM, environment

from live import scenarios
from live.build import BuildError, NoGoError
from live.gitea import Gitea
from live.packed import packed_runner
from live.patience import wait_for
from live.repo import Repo
from live.scenarios import CANARY, Scenario, begin
from live.user import Person
from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.run import Conclusion, Run, Runner, Status, Step
from whyred.sources import tap
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want


class Tapped:
    """A tap under way, as a user starts it."""

    def __init__(self, process: "subprocess.Popen[str]", keep: Path) -> None:
        self.process, self.keep = process, keep
        assert process.stdout is not None
        self.events = [json.loads(process.stdout.readline())]
        self.url = str(self.events[0].get("listen"))

    def stop(self) -> int:
        """Ends it in order; its exit code. What it said is in `events`."""
        self.process.send_signal(signal.SIGTERM)
        out, err = self.process.communicate()
        self.events += [json.loads(line) for line in out.splitlines()]
        self.said = out + err
        return self.process.returncode

    def reach(self, server: Gitea) -> Reach:
        """The route's reach: no request can be made with it."""
        return Reach(Server(server.url, Kind.GITEA), Http("http://127.0.0.1:1"), tapped=self.keep)


@contextmanager
def tapping(upstream: str, folder: Path) -> Iterator[Tapped]:
    folder.mkdir(parents=True, exist_ok=True)
    argv = [*PROGRAM, "tap", "--upstream", upstream, "--listen", "127.0.0.1:0", "--json"]
    keep = folder / "data" / "whyred" / "tap"
    process = subprocess.Popen(
        argv, env=environment(folder), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        yield Tapped(process, keep)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def text(chunks: Iterator[bytes | Step]) -> bytes:
    return b"".join(chunk for chunk in chunks if isinstance(chunk, bytes))


def everything(folder: Path) -> bytes:
    """All names and all bytes below a folder."""
    files = [p for p in folder.rglob("*") if p.is_file()]
    return b"\n".join([str(p).encode() + b"\n" + p.read_bytes() for p in files])


@pytest.mark.parametrize(
    "scenario", [scenarios.SECRET, scenarios.FAILING, scenarios.UGLY, scenarios.MATRIX], ids=lambda s: s.name
)
def test_rows_are_kept_as_the_server_stores_them(server: Gitea, tmp_path: Path, scenario: Scenario) -> None:
    with tapping(server.url, tmp_path / "tap") as tapped:
        with begin(server, scenario, tmp_path / "run", url=tapped.url) as playing:
            scenario.act(playing)
            playing.repo.wait_for_run(scenario.ends)
        assert tapped.stop() == 0, tapped.said
    reach, repo = tapped.reach(server), playing.repo
    (run,) = tap.runs(reach, repo.full_name, RunQuery(number=1))
    attempts = {attempt.id: attempt for attempt in tap.attempts(reach, run)}
    assert set(attempts) == {task.id for task in playing.runner.tasks}
    for task in playing.runner.tasks:
        fetched = tap.log(reach, attempts[task.id], Want())
        chunks = list(fetched.chunks)
        assert text(iter(chunks)) == repo.stored_text(task.id) == task.text
        names = [chunk.name for chunk in chunks if isinstance(chunk, Step)]
        assert names[1:-1] == [step.name if "name" in step.lines else "Step 2" for step in task.job.steps]
        cut = [b"".join(c for c in group) for group in by_step(chunks)]
        rows = [row.stored() for row in task.report.rows]
        assert cut[1:-1] == [b"".join(rows[s.log_index :][: s.log_length]) for s in task.report.steps]
    tokens = [playing.runner.wire.token, *(s for t in playing.runner.tasks for s in t.masks)]
    for where in (everything(tapped.keep.parent), tapped.said.encode()):
        for secret in (CANARY, playing.runner.wire.uuid, *tokens):
            assert secret.encode() not in where


def by_step(chunks: Sequence[bytes | Step]) -> list[list[bytes]]:
    found: list[list[bytes]] = []
    for chunk in chunks:
        if isinstance(chunk, Step):
            found.append([])
        else:
            found[-1].append(chunk)
    return found


def test_only_rows_states_and_names_are_kept(server: Gitea, tmp_path: Path) -> None:
    """Of the workflow, the context and the outputs of a job nothing is there; no file is another user's to read."""
    step = "- name: Say\n  id: say\n  env:\n    HIDDEN: env-of-the-workflow\n"
    text_ = scenarios.workflow(step + '  run: echo "x=the-output" >> "$GITHUB_OUTPUT"')
    text_ = text_.replace("    steps:", "    outputs:\n      x: ${{ steps.say.outputs.x }}\n    steps:")
    with tapping(server.url, tmp_path / "tap") as tapped:
        with begin(server, Scenario("outputs", text_, "success"), tmp_path / "run", url=tapped.url) as playing:
            task = playing.runner.wait()[0]
            playing.repo.wait_for_run("success")
        assert tapped.stop() == 0, tapped.said
    assert task.outputs == {"x": "the-output"}
    kept = everything(tapped.keep)
    for absent in ("env-of-the-workflow", "the-output", "GITHUB_OUTPUT", "runs-on", "x-runner", "refs/heads"):
        assert absent.encode() not in kept, absent
    assert str(task.context["sha"]).encode() not in kept
    files = list(tapped.keep.rglob("*"))
    assert {oct(p.stat().st_mode & 0o777) for p in files if p.is_file()} == {"0o600"}
    assert {oct(p.stat().st_mode & 0o777) for p in (tapped.keep, *files) if p.is_dir()} == {"0o700"}
    (what,) = [json.loads(p.read_text().splitlines()[0]) for p in files if p.suffix == ".jsonl"]
    assert sorted(what) == ["attempt", "job", "repo", "run_id", "run_number", "runner", "server", "steps", "task"]


def test_a_running_job_is_followed(server: Gitea, tmp_path: Path) -> None:
    with (
        tapping(server.url, tmp_path / "tap") as tapped,
        begin(server, scenarios.HELD, tmp_path / "run", url=tapped.url) as playing,
    ):
        playing.runner.wait_rows(5)
        reach = tapped.reach(server)
        run = live_run(reach, playing.repo.full_name)
        (attempt,) = tap.attempts(reach, run)
        chunks: list[bytes | Step] = []
        reader = threading.Thread(target=lambda: chunks.extend(tap.log(reach, attempt, Want(follow=True)).chunks))
        reader.start()
        playing.runner.wait_rows(8)
        playing.open()
        task = playing.runner.wait()[0]
        playing.repo.wait_for_run("success")
        reader.join(120)
        assert not reader.is_alive()
        assert tapped.stop() == 0, tapped.said
    assert text(iter(chunks)) == playing.repo.stored_text(task.id)
    rows = [row.stored() for row in task.report.rows]
    cut = [b"".join(group) for group in by_step(chunks)]
    assert cut[1:-1] == [b"".join(rows[s.log_index :][: s.log_length]) for s in task.report.steps]


def live_run(reach: Reach, repo: str) -> Run:
    return wait_for(lambda: next(iter(tap.runs(reach, repo, RunQuery(number=1))), None), "run that the tap saw")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed"])
def test_a_tap_that_is_started_again_goes_on(server: Gitea, tmp_path: Path, how: int) -> None:
    """The runner tries again until it is there; rows that only the forge saw are none."""
    with tapping(server.url, tmp_path / "tap") as first:
        port = first.url.rpartition(":")[2]
        with begin(server, scenarios.HELD, tmp_path / "run", url=first.url) as playing:
            playing.runner.wait_rows(6)
            os.kill(first.process.pid, how)
            first.process.communicate()
            count = len(playing.runner.tasks[0].report.rows)
            playing.runner.wait_rows(count + 5)
            argv = [*PROGRAM, "tap", "--upstream", server.url, "--listen", f"127.0.0.1:{port}"]
            second = subprocess.Popen(
                argv, env=environment(tmp_path / "tap"), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )
            try:
                playing.open()
                task = playing.runner.wait()[0]
                playing.repo.wait_for_run("success")
            finally:
                second.send_signal(signal.SIGTERM)
                _, err = second.communicate()
    assert second.returncode == 0
    assert re.search(r"stopped: [1-9]\d* calls passed, [1-9]\d* rows are kept", err), err
    reach = first.reach(server)
    (attempt,) = tap.attempts(reach, next(tap.runs(reach, playing.repo.full_name, RunQuery(number=1))))
    assert text(tap.log(reach, attempt, Want()).chunks) == playing.repo.stored_text(task.id)


def test_the_whole_forge_is_reached_through_it(server: Gitea, tmp_path: Path) -> None:
    """Also its pages, its API and git: a person works through the tap as without it."""
    with tapping(server.url, tmp_path / "tap") as tapped:
        with begin(server, scenarios.GREEN, tmp_path / "run", url=tapped.url) as playing:
            playing.runner.wait()
            playing.repo.wait_for_run("success")
        basic = server.dev.basic["Authorization"]
        env = environment(
            tmp_path,
            GIT_CONFIG_COUNT="1",
            GIT_CONFIG_KEY_0="http.extraHeader",
            GIT_CONFIG_VALUE_0=f"Authorization: {basic}",
        )
        url = f"{tapped.url}/{playing.repo.full_name}.git"
        subprocess.run(["git", "clone", "--quiet", url, str(tmp_path / "clone")], env=env, check=True)
        assert (tmp_path / "clone/.gitea/workflows/ci.yml").is_file()
        assert tapped.stop() == 0, tapped.said
    assert basic.encode() not in everything(tapped.keep)


def test_logs_come_by_the_tap_when_the_forge_is_gone(server: Gitea, tmp_path: Path) -> None:
    """As a person asks for them, who was never logged in."""
    person = Person(tmp_path / "tap", server)
    with tapping(server.url, tmp_path / "tap") as tapped:
        with begin(server, scenarios.FAILING, tmp_path / "run", url=tapped.url) as playing:
            task = playing.runner.wait()[0]
            playing.repo.wait_for_run("failure")
        assert tapped.stop() == 0, tapped.said
    server.stop()
    try:
        target = f"{playing.repo.full_name}#1"
        whole = person("logs", target, "--server", server.url, "--raw")
        failed = person("logs", target, "--server", server.url, "--failed")
        verdict = person("why", f"{server.url}/{playing.repo.full_name}/actions/runs/1")
    finally:
        server.start()
    assert (whole.code, whole.out.encode()) == (0, task.text), whole.err
    assert failed.code == 0, failed.err
    assert scenarios.FOUNDING in failed.out
    assert "echo cleanup" not in failed.out
    assert "Prepare" not in failed.out
    assert "temp" in verdict.out, verdict.err


def test_a_runner_that_speaks_protobuf(server: Gitea, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    """What a program in Go makes of the messages, with compressed bodies and rows that are sent twice."""
    program = need_packed_runner(pytestconfig)
    lines = [f"row {number} é ✅" for number in range(30)]
    lines[3], lines[4] = "not masked by this runner: {{secret}}", "\x1b[31mred\x1b[0m tab\t" + "long " * 2000
    repo = Repo(server)
    repo.secret("DEPLOY", CANARY)
    with tapping(server.url, tmp_path / "tap") as tapped:
        repo.push_workflow(scenarios.workflow("- name: Only step\n  run: echo ${{ secrets.DEPLOY }}"))
        argv = [str(program), tapped.url, repo.registration_token()]
        done = subprocess.run(argv, input="\n".join(lines) + "\n", capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        repo.wait_for_run("success")
        assert tapped.stop() == 0, tapped.said
    assert told["secret"] == CANARY
    reach = tapped.reach(server)
    (attempt,) = tap.attempts(reach, next(tap.runs(reach, repo.full_name, RunQuery(number=1))))
    assert (attempt.id, attempt.status, attempt.conclusion) == (told["task"], Status.DONE, Conclusion.SUCCESS)
    assert attempt.runner == Runner(name="packed")
    chunks = list(tap.log(reach, attempt, Want()).chunks)
    stored = repo.stored_text(told["task"])
    assert text(iter(chunks)) == stored.replace(CANARY.encode(), b"***")
    assert stored.count(CANARY.encode()) == 1, "the forge has it, for this runner masks nothing"
    assert [chunk.name for chunk in chunks if isinstance(chunk, Step)] == ["Set up job", "Only step", "Complete job"]
    assert [sum(part.count(b"\n") for part in group) for group in by_step(chunks)] == [1, 28, 1]
    kept = everything(tapped.keep.parent) + tapped.said.encode()
    for absent in (CANARY, told["token"], told["uuid"], "canary-output", "secrets.DEPLOY"):
        assert absent.encode() not in kept, absent


def need_packed_runner(config: pytest.Config) -> Path:
    capture = config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            return packed_runner()
    except (NoGoError, BuildError) as e:
        missing = f"no runner that speaks protobuf: {e}"
    if os.environ.get("CI") == "true":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)
