"""The runs that every source must tell the same of, really made: a repository, a workflow, a runner, to the end."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from live.gitea import Gitea
from live.patience import wait_for
from live.repo import Repo, RunState
from live.runner import Runner
from live.task import Task

CANARY = "whyred-canary-9f2c41d07be6"
"""A secret that must not be found anywhere but in the job that asked for it."""
FOUNDING = """\
error: couldn't create a temp dir: No such file or directory (os error 2) at path "/tmp/rustcVAIpSt"\
"""


@dataclass
class Playing:
    """A scenario under way. `gate` is the file that a held job waits for."""

    repo: Repo
    runner: Runner
    gate: Path

    def open(self) -> None:
        """Lets a held job go on to its end."""
        self.gate.touch()


@dataclass(frozen=True, slots=True)
class Played:
    """How a scenario ended: the run as the web pages tell it, and the tasks as the runner did them."""

    repo: Repo
    run: RunState
    tasks: tuple[Task, ...]


def _to_the_end(jobs: int) -> Callable[[Playing], None]:
    def act(playing: Playing) -> None:
        playing.open()
        playing.runner.wait(jobs)

    return act


@dataclass(frozen=True, slots=True)
class Scenario:
    """A workflow (`@GATE@` stands for the gate's path), what happens while it runs, and the run's status then."""

    name: str
    workflow: str
    ends: str
    act: Callable[[Playing], None] = field(default_factory=lambda: _to_the_end(1))
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    capacity: int = 1


@contextmanager
def begin(
    server: Gitea, scenario: Scenario, folder: Path, *, private: bool = True, url: str | None = None, **runner: Any
) -> Iterator[Playing]:
    """Makes a new repository, lets a runner wait in it and pushes the workflow; the runner stops at the end.

    `folder` is for the runner; `url` is where it finds the server, if through a proxy; `runner` are fields of Runner.
    """
    repo = Repo(server, private=private)
    for name, value in scenario.secrets.items():
        repo.secret(name, value)
    at = folder / repo.name
    at.mkdir(parents=True)
    gate = at / "gate"
    fields = {"capacity": scenario.capacity, **runner}
    with Runner.register(url or server.url, repo.registration_token(), at / "work", **fields) as working:
        repo.push_workflow(scenario.workflow.replace("@GATE@", str(gate)))
        yield Playing(repo, working, gate)


def play(server: Gitea, scenario: Scenario, folder: Path, *, private: bool = True, **runner: Any) -> Played:
    """The scenario from the new repository to its end."""
    with begin(server, scenario, folder, private=private, **runner) as playing:
        scenario.act(playing)
        run = playing.repo.wait_for_run(scenario.ends)
    return Played(playing.repo, run, tuple(playing.runner.tasks))


def _cancel(playing: Playing) -> None:
    """Cancels once the server has shown a row of the running step."""
    _wait_for_server_rows(playing)
    playing.repo.cancel()
    playing.runner.wait()


def _wait_for_server_rows(playing: Playing) -> None:
    playing.runner.wait_rows(5)
    path = playing.repo.job_path(1, 0)

    def rows() -> object:
        shown = playing.repo.view(path, [{"step": 1, "cursor": 0, "expanded": True}])["logs"]["stepsLog"]
        return (shown and shown[0]["lines"]) or None

    wait_for(rows, "row of the first step on the server")


def _rerun(playing: Playing) -> None:
    playing.runner.wait()
    playing.repo.wait_for_run("failure")
    playing.repo.rerun()
    playing.runner.wait(2)


def _lose_log(playing: Playing) -> None:
    task = playing.runner.wait()[0]
    playing.repo.wait_for_run("success")
    playing.repo.stored_log(task.id).unlink()


def _stay(playing: Playing) -> None:
    playing.repo.wait_for_run("waiting")


def workflow(*steps: str, runs_on: str = "host") -> str:
    """A workflow with the job `test` and these steps (YAML, each a list item)."""
    indented = "\n".join("      " + line if line else "" for step in steps for line in step.strip("\n").split("\n"))
    return f"name: ci\non: push\njobs:\n  test:\n    runs-on: {runs_on}\n    steps:\n{indented}\n"


def ticking(seconds: int) -> str:
    """A workflow whose job prints a line a second for so long."""
    return workflow(f'- name: Tick\n  run: for n in $(seq {seconds}); do echo "tick $n"; sleep 1; done')


_PREPARE = """
- name: Prepare
  run: |
    echo preparing
    echo done preparing
"""
_HELD = """
- name: Wait
  run: |
    n=0
    while [ ! -e '@GATE@' ]; do n=$((n+1)); echo "tick $n"; sleep 0.2; done
    echo "the gate is open"
"""
_UGLY = r"""
- name: ANSI and CR
  run: |
    printf '\033[31mred\033[0m \033[1;32mbold green\033[0m\n'
    printf 'progress 10%%\rprogress 50%%\rprogress 100%%\n'
    printf 'spinner\r\033[K1\r\033[K2\r\033[K3\n'
- name: Commands
  run: |
    echo '::group::My group'
    echo 'inside group'
    echo '::endgroup::'
    echo '::add-mask::hide-me-please'
    echo 'now hide-me-please should be stars'
    echo '::debug::a debug command'
    echo '::error file=src/a.rs,line=3,col=5::an error command'
    echo '::warning::a warning command'
    echo '##[error]literal github style'
- name: Bytes
  run: |
    printf 'latin1 \351 and broken \303\050 and nul \000 end\n'
    printf 'utf8 \303\251 \342\234\205\n'
    printf 'tab\there\n\n   leading spaces and trailing   \n'
- name: A long line
  run: |
    head -c 300000 /dev/zero | tr '\0' A; echo
    echo after the long line
"""

GREEN = Scenario("green", workflow(_PREPARE, "- run: echo unnamed step line 1; echo line 2 >&2"), "success")
FAILING = Scenario(
    "failing",
    workflow(
        _PREPARE,
        "- name: Build\n  run: |\n    echo '   Compiling demo v0.1.0'\n"
        f"    cat >&2 <<'end'\n    {FOUNDING}\n    \n"
        '    error: could not compile `demo` (bin "demo") due to 1 previous error\n    end\n    exit 101',
        "- name: Never\n  run: echo never",
        "- name: Clean up\n  if: always()\n  run: echo cleanup",
    ),
    "failure",
)
UGLY = Scenario("ugly", workflow(_UGLY), "success")
LONG = Scenario("long", ticking(60), "success")
HELD = Scenario("held", workflow(_PREPARE, _HELD, "- name: After\n  run: echo after"), "success")
WAITING = Scenario("waiting", workflow(_PREPARE, runs_on="nobody-offers-this"), "waiting", _stay)
CANCELLED = Scenario("cancelled", HELD.workflow, "cancelled", _cancel)
RERUN = Scenario("rerun", FAILING.workflow, "failure", _rerun)
DELETED = Scenario("deleted", GREEN.workflow, "success", _lose_log)
SECRET = Scenario(
    "secret",
    workflow(
        "- name: Use it\n  env:\n    DEPLOY: ${{ secrets.DEPLOY }}\n"
        '  run: |\n    echo "the secret is [$DEPLOY]"\n    echo "and again ${{ secrets.DEPLOY }}"'
    ),
    "success",
    secrets={"DEPLOY": CANARY},
)
MATRIX = Scenario(
    "matrix",
    """\
name: ci
on: push
jobs:
  build:
    strategy:
      matrix:
        flavour: [plain, nutty]
    runs-on: host
    outputs:
      word: ${{ steps.build.outputs.word }}
    steps:
      - name: Build it
        id: build
        run: |
          echo "flavour ${{ matrix.flavour }}"
          echo "word=done" >> "$GITHUB_OUTPUT"
  report:
    needs: build
    runs-on: host
    steps:
      - name: Report
        run: echo "build was ${{ needs.build.result }}, it says ${{ needs.build.outputs.word }}"
""",
    "success",
    _to_the_end(3),
    capacity=2,
)
ALL = (GREEN, FAILING, UGLY, LONG, HELD, WAITING, CANCELLED, RERUN, DELETED, SECRET, MATRIX)
