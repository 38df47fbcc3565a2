"""`whyred env`: in each of these cases a layer overrides another, and the winner is named with its line."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from test_subjects import FakeHost, daemon

import whyred.reports
from whyred.app.variable import Query, trace, traces, unreached
from whyred.app.variable_shown import HIDDEN
from whyred.faces.cli.program import cli
from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason, Unknown
from whyred.model.host import HostRefusedError, Output, Process
from whyred.model.trouble import UserError
from whyred.model.variable import Effect, Trace
from whyred.reports.variable import render, render_all, render_json
from whyred.workflows.assignments import acts, tools, written
from whyred.workflows.layer import Ground, all_layers

SCHEMA = Draft202012Validator(json.loads((Path(whyred.reports.__path__[0]) / "schema/env-1.json").read_text()))
CANARY = "hunter2hunter2"
WORKFLOW = """\
on: [push]
env:
  WORKFLOW
jobs:
  build:
    runs-on: native
    env:
      JOB
    steps:
      - name: Prepare
        run: |
          echo hello
          PREPARE
      - name: Build
        env:
          STEP
        run: |
          SCRIPT
"""


@dataclass
class Runner:
    """A host on which one runner daemon of a unit runs, and on which files lie as on this machine, or in memory."""

    kind: str = "gitea-runner"
    environ: dict[str, str] = field(default_factory=dict)
    config: str = ""
    files: dict[str, str] = field(default_factory=dict)
    unit: tuple[str, ...] = ()
    environment_files: tuple[str, ...] = ()
    manager: str = ""

    def host(self, folder: Path) -> "MixedHost":
        return MixedHost(self, folder)


class MixedHost(LocalHost):
    """This machine's files below one folder, and a runner daemon that is made up."""

    def __init__(self, runner: Runner, folder: Path) -> None:
        super().__init__()
        self.runner, self.folder = runner, str(folder)

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        if path in self.runner.files:
            return self.runner.files[path].encode()
        if not path.startswith(self.folder):
            raise HostRefusedError(Reason.NOT_FOUND, path)
        return super().read(path, limit)

    def link(self, path: str) -> str:
        return "/srv/runner" if path == "/proc/812/cwd" else super().link(path)

    def environ(self, pid: int, keys: Sequence[str]) -> dict[str, str]:
        if pid != 812:
            return {}
        return {k: v for k, v in self.runner.environ.items() if k in keys}

    def processes(self) -> list[Process]:
        program = {"gitea-runner": "act_runner", "forgejo-runner": "forgejo-runner"}[self.runner.kind]
        argv = (f"/usr/bin/{program}", "daemon", *(("--config", self.runner.config) if self.runner.config else ()))
        unit = "ci.service" if self.runner.unit else None
        return [Process(1, 0, 0, "init", ("init",), 0), Process(812, 1, 100, program, argv, 0, unit=unit)]

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        if argv[1] == "show-environment":
            return Output(0, self.runner.manager.encode(), b"")
        assert argv[-1] == "ci.service"
        lines = [f"FragmentPath={self.runner.unit[0]}", f"DropInPaths={' '.join(self.runner.unit[1:])}"]
        lines += [f"EnvironmentFiles={f} (ignore_errors=no)" for f in self.runner.environment_files]
        return Output(0, "\n".join(lines).encode(), b"")


def checkout(folder: Path, files: dict[str, str], **parts: str) -> None:
    """A checkout with a workflow of two steps, whose parts are given."""
    defaults = {"WORKFLOW": "A: b", "JOB": "A: b", "STEP": "A: b", "PREPARE": "true", "SCRIPT": "cargo build"}
    text = WORKFLOW
    for key, value in (defaults | parts).items():
        text = text.replace(key, value, 1)
    (folder / ".forgejo/workflows").mkdir(parents=True)
    (folder / ".forgejo/workflows/ci.yml").write_text(text)
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)


def traced(folder: Path, made_up: Runner | None = None, variable: str = "TMPDIR", **query: str) -> Trace:
    host = (made_up or Runner()).host(folder)
    wanted = Query(variable, str(folder), **({"step": "Build"} | query))
    return trace(host, wanted, lambda b: b.replace(CANARY.encode(), b"***"), lambda _: None)


@dataclass(frozen=True)
class Case:
    """An override, the process it shows in, and who wins there with which value."""

    name: str
    process: str
    winner: str
    value: str | None
    parts: dict[str, str] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    runner: Runner = field(default_factory=Runner)
    place: str = ""


STEP, RUSTC = "the step's shell", "rustc"
CASES = (
    Case("job over workflow", STEP, "job", "/j", {"WORKFLOW": "TMPDIR: /w", "JOB": "TMPDIR: /j"}, place="ci.yml:8"),
    Case(
        "runner envs over workflow and job",
        STEP,
        "runner-config",
        "/c",
        {"WORKFLOW": "TMPDIR: /w", "JOB": "TMPDIR: /j"},
        runner=Runner(config="/etc/r.yaml", files={"/etc/r.yaml": "runner:\n  envs:\n    TMPDIR: /c\n"}),
        place="/etc/r.yaml:3",
    ),
    Case(
        "env_file over envs",
        STEP,
        "runner-env-file",
        "/f",
        runner=Runner(
            config="/etc/r.yaml",
            files={
                "/etc/r.yaml": "runner:\n  envs: {TMPDIR: /c}\n  env_file: .env\n",
                "/srv/runner/.env": "A=b\nTMPDIR=/f\n",
            },
        ),
        place="/srv/runner/.env:2",
    ),
    Case(
        "GITHUB_ENV of an earlier step over the job",
        STEP,
        "github-env",
        "/e",
        {"JOB": "TMPDIR: /j", "PREPARE": 'echo "TMPDIR=/e" >> "$GITHUB_ENV"'},
        place="ci.yml:13",
    ),
    Case(
        "step over GITHUB_ENV",
        STEP,
        "step",
        "/s",
        {"STEP": "TMPDIR: /s", "PREPARE": "echo TMPDIR=/e >> $GITHUB_ENV"},
        place="ci.yml:16",
    ),
    Case(
        "BASH_ENV over the step",
        STEP,
        "bash-env",
        "/b",
        {"STEP": "TMPDIR: /s"},
        runner=Runner(
            environ={"BASH_ENV": "/etc/ci.sh"}, files={"/etc/ci.sh": "# hook\nexport TMPDIR=/b\nTMPDIR=/no ls\n"}
        ),
        place="/etc/ci.sh:2",
    ),
    Case("script over all", STEP, "script", "/x", {"STEP": "TMPDIR: /s", "SCRIPT": "export TMPDIR=/x && cargo build"}),
    Case("justfile over the step", "what just starts", "justfile", "/q",
         {"STEP": "TMPDIR: /s", "SCRIPT": "just"}, {"justfile": "# x\nexport TMPDIR := '/q'\n"}, place="justfile:2"),
    Case("justfile without export loses", "what just starts", "step", "/s",
         {"STEP": "TMPDIR: /s", "SCRIPT": "just"}, {"justfile": "TMPDIR := '/q'\n"}),
    Case(".env of just fills in only", "what just starts", "step", "/s",
         {"STEP": "TMPDIR: /s", "SCRIPT": "just"}, {"justfile": "set dotenv-load\n", ".env": "TMPDIR=/d\n"}),
    Case(".env of just with override", "what just starts", "dotenv", "/d",
         {"STEP": "TMPDIR: /s", "SCRIPT": "just"},
         {"justfile": "set dotenv-load\nset dotenv-override\n", ".env": "TMPDIR=/d\n"}, place=".env:1"),
    Case("Makefile over the step", "what make starts", "makefile", "/m",
         {"STEP": "TMPDIR: /s", "SCRIPT": "make"}, {"Makefile": "all:\n\tTMPDIR = /no\nTMPDIR = /m\n"},
         place="Makefile:3"),
    Case("unexport of make", "what make starts", "none", None,
         {"STEP": "TMPDIR: /s", "SCRIPT": "make"}, {"Makefile": "unexport TMPDIR\n"}),
    Case("package script", "what npm starts", "package-script", "/p",
         {"STEP": "TMPDIR: /s", "SCRIPT": "npm test"},
         {"package.json": '{\n "scripts": {\n  "test": "cross-env TMPDIR=/p jest"\n }\n}\n'}, place="package.json:3"),
    Case("cargo by force", RUSTC, "cargo-config", "/tmp", {"STEP": "TMPDIR: /s"},
         {".cargo/config.toml": '[env]\nTMPDIR = { value = "/tmp", force = true }\n'}, place=".cargo/config.toml:2"),
    Case("cargo without force", RUSTC, "step", "/s", {"STEP": "TMPDIR: /s"},
         {".cargo/config.toml": '[env]\nTMPDIR = "/tmp"\n'}),
    Case("wrapper script of RUSTC_WRAPPER", RUSTC, "wrapper", "/r", {"STEP": "TMPDIR: /s"},
         runner=Runner(environ={"RUSTC_WRAPPER": "/opt/w"},
                       files={"/opt/w": '#!/bin/sh\nexport TMPDIR=/r\nexec "$@"\n'}), place="/opt/w:2"),
    Case("sudo takes it away", "what make starts", "none", None, {"STEP": "TMPDIR: /s", "SCRIPT": "sudo make"}),
    Case("env -i takes it away", "what just starts", "none", None,
         {"STEP": "TMPDIR: /s", "SCRIPT": "env -i PATH=$PATH just"}),
    Case("drop-in over unit, and the daemon has it", "the runner", "drop-in", "/d",
         runner=Runner(environ={"TMPDIR": "/d"}, unit=("/u/ci.service", "/u/ci.service.d/a.conf"),
                       manager="TMPDIR=/mgr\n",
                       files={"/u/ci.service": "[Service]\nEnvironment=TMPDIR=/u\n",
                              "/u/ci.service.d/a.conf": '[Service]\nEnvironment="A=b" \\\n  "TMPDIR=/d"\n'}),
         place="/u/ci.service.d/a.conf:2"),
    Case("EnvironmentFile over a drop-in", "the runner", "environment-file", "/e",
         runner=Runner(environ={"TMPDIR": "/e"}, unit=("/u/ci.service",), environment_files=("/etc/default/ci",),
                       files={"/u/ci.service": "[Service]\nEnvironment=TMPDIR=/u\n", "/etc/default/ci": "TMPDIR=/e\n"}),
         place="/etc/default/ci:1"),
    Case("PAM over the unit", "the runner", "pam", "/p",
         runner=Runner(environ={"TMPDIR": "/p"}, unit=("/u/ci.service",),
                       files={"/u/ci.service": "[Service]\nPAMName=login\nEnvironment=TMPDIR=/u\n",
                              "/etc/environment": "TMPDIR=/p\n"}), place="/etc/environment:1"),
    Case("the daemon was started before its unit was changed", "the runner", "runner-process", "/old",
         runner=Runner(environ={"TMPDIR": "/old"}, unit=("/u/ci.service",),
                       files={"/u/ci.service": "[Service]\nEnvironment=TMPDIR=/u\n"})),
    Case("the daemon's own fills in", STEP, "runner-process", "/of/it", runner=Runner(environ={"TMPDIR": "/of/it"})),
)  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_the_winner_is_named(case: Case, tmp_path: Path) -> None:
    checkout(tmp_path, case.files, **case.parts)
    found = traced(tmp_path, case.runner)
    outcome = next(o for o in found.outcomes if o.name == case.process)
    assert outcome.sure, outcome
    assert (outcome.winner.layer if outcome.winner and outcome.has else "none") == case.winner, render(found)
    assert outcome.value == case.value
    assert outcome.winner is None or outcome.winner.place.endswith(case.place)
    SCHEMA.validate(json.loads(render_json([found])))
    assert render(found).splitlines()[-1] == found.sentence.replace(f"{tmp_path}/", "")


def test_forgejo_runner_of_an_unknown_version_is_not_guessed(tmp_path: Path) -> None:
    checkout(tmp_path, {}, WORKFLOW="TMPDIR: /w")
    runner = Runner("forgejo-runner", config="/etc/r.yaml", files={"/etc/r.yaml": "runner:\n  envs: {TMPDIR: /c}\n"})
    found = traced(tmp_path, runner)
    assert "cannot be told" in found.sentence
    assert "/etc/r.yaml:2" in found.sentence
    assert "ci.yml:3" in found.sentence


def test_that_sudoers_may_keep_it_is_said(tmp_path: Path) -> None:
    checkout(tmp_path, {}, STEP="TMPDIR: /s", SCRIPT="sudo make")
    assert traced(tmp_path).sentence.endswith("over /s of the step, unless sudoers keeps it (env_keep).")


def test_what_only_a_run_knows_is_said_so(tmp_path: Path) -> None:
    checkout(tmp_path, {}, SCRIPT="export TMPDIR=$(mktemp -d); cargo build")
    found = traced(tmp_path)
    assert (found.outcomes[1].has, found.outcomes[1].value) == (True, None)
    assert "a value that only the run knows" in render(found)


def test_what_cannot_be_read_is_told_and_stops_nothing(tmp_path: Path) -> None:
    checkout(tmp_path, {".cargo/config.toml": "this is [no toml", "package.json": "{"}, STEP="TMPDIR: /s")
    found = traced(tmp_path, Runner(config="/etc/r.yaml", files={"/etc/r.yaml": "a: [\n"}))
    assert {k.rpartition("/")[2] for k in found.unknown} == {"config.toml", "package.json", "r.yaml"}
    assert found.outcomes[1].value == "/s"


def test_no_secret_is_shown(tmp_path: Path) -> None:
    checkout(tmp_path, {"justfile": f"CI_TOKEN := '{CANARY}x'\n"}, WORKFLOW=f"CI_TOKEN: {CANARY}", SCRIPT="just")
    found = traced(tmp_path, Runner(environ={"CI_TOKEN": CANARY}), "CI_TOKEN")
    for text in (render(found), render_json([found]), repr(found)):
        assert CANARY not in text
        assert HIDDEN in text
    named = traced(tmp_path, Runner(environ={"PLAIN": f"a {CANARY} b"}), "PLAIN")
    assert CANARY not in render(named) + render_json([named])
    assert "a *** b" in render(named)


@pytest.mark.parametrize(
    ("query", "what"),
    [
        ({"variable": "no-name"}, "is no variable"),
        ({"step": "Nothing"}, "that step cannot be found"),
        ({"job": "nothing"}, "that step cannot be found"),
        ({"workflow": "nothing"}, "there is no workflow"),
        ({"runner": "nothing"}, "no runner 'nothing' runs here"),
    ],
)
def test_a_question_without_meaning_is_refused(query: dict[str, str], what: str, tmp_path: Path) -> None:
    checkout(tmp_path, {})
    with pytest.raises(UserError, match=what):
        traced(tmp_path, None, **query)


def test_several_runners_are_told_apart_by_name() -> None:
    host = FakeHost([daemon(11, "one.service"), daemon(12, "two.service")])
    found = trace(host, Query("TMPDIR"), lambda b: b, lambda _: None)
    assert found.unknown["runner"].reason is Reason.WHICH_RUNNER
    assert [x.name for x in found.live] == ["one", "two"]
    assert not any(o.sure for o in found.outcomes), "that nothing sets it is not known of a runner that was not asked"
    assert "cannot be told: no runner was asked" in found.sentence
    assert trace(host, Query("TMPDIR", runner="two"), lambda b: b, lambda _: None).runner == "two"


def test_without_a_name_each_runner_is_told_of() -> None:
    host = FakeHost([daemon(n, f"{name}.service") for n, name in ((11, "one"), (12, "two"), (13, "three"))])
    host.environs = {11: {"TMPDIR": "/a"}, 12: {}, 13: {"TMPDIR": "/a"}}
    found = traces(host, Query("TMPDIR"), lambda b: b, lambda _: None)
    assert [t.runner for t in found] == ["one, three", "two"]
    assert [x.pid for x in found[0].live] == [11, 13]
    text = render_all(found)
    assert text.endswith("in a step of two it is not set.\n")
    assert "The runners differ: in a step of one, three it is '/a'  by runner-process" in text
    assert "no file that could be read sets it; a process has it all the same" in render(found[0])
    assert "nothing that could be read sets it" in render(found[1])
    told = json.loads(render_json(found))
    SCHEMA.validate(told)
    assert [t["runner"] for t in told["runners"]] == ["one, three", "two"]
    host.environs[12] = {"TMPDIR": "/a"}
    assert len(traces(host, Query("TMPDIR"), lambda b: b, lambda _: None)) == 1


def test_runners_whose_steps_have_the_same_do_not_differ() -> None:
    host = FakeHost([daemon(n, f"{name}.service") for n, name in ((11, "one"), (12, "two"))])
    host.environs = {11: {"TMPDIR": "/a"}, 12: {"TMPDIR": "/b"}}
    one, two = traces(host, Query("TMPDIR"), lambda b: b, lambda _: None)
    same = replace(two, outcomes=tuple(replace(o, value="/a") for o in two.outcomes))
    assert "differ" in render_all([one, two])
    assert "differ" not in render_all([one, same])


def test_a_value_that_cannot_be_seen_as_it_is_is_escaped_in_the_sentence() -> None:
    host = FakeHost([daemon(11, "one.service")])
    host.environs = {11: {"TMPDIR": "/a\n\x1b[31mb "}}
    (found,) = traces(host, Query("TMPDIR"), lambda b: b, lambda _: None)
    assert r"sets TMPDIR='/a\n\x1b[31mb ' everywhere" in found.sentence


def test_a_host_that_cannot_be_reached() -> None:
    found = unreached("TMPDIR", "ssh://ci", Unknown(Reason.NO_HOST, "no way"))
    SCHEMA.validate(json.loads(render_json([found])))
    assert "no-host: no way" in render(found)


def test_the_command_ends_with_what_it_found(tmp_path: Path) -> None:
    checkout(tmp_path, {".cargo/config.toml": '[env]\nWHYRED_A = { value = "/tmp", force = true }\n'})
    run = CliRunner()
    argv = ["env", "WHYRED_A", "--folder", str(tmp_path), "--json"]
    first = run.invoke(cli, argv, prog_name="whyred", standalone_mode=False)
    assert first.return_value == 1
    SCHEMA.validate(json.loads(first.stdout))
    (tmp_path / ".cargo/config.toml").unlink()
    assert run.invoke(cli, argv, prog_name="whyred", standalone_mode=False).return_value == 0
    assert run.invoke(cli, ["env", "A", "--host", "nonsense"], prog_name="whyred").exit_code != 0


def test_a_runner_that_really_lives(tmp_path: Path) -> None:
    """A process that looks like forgejo-runner, with an environment and a configuration of its own."""
    checkout(tmp_path, {}, WORKFLOW="TMPDIR: /w")
    (tmp_path / "wait.py").write_text("import sys\nprint(flush=True)\nsys.stdin.read()\n")
    (tmp_path / "lonely-7.yml").write_text("runner:\n  envs:\n    WHYRED_B: /c\n")
    argv = ["forgejo-runner", str(tmp_path / "wait.py"), "daemon", "--config", str(tmp_path / "lonely-7.yml")]
    env = {"WHYRED_A": "/alive", "PATH": os.environ["PATH"]}
    pipe = subprocess.PIPE
    process = subprocess.Popen(argv, executable=sys.executable, env=env, stdin=pipe, stdout=pipe)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        for name, layer in (("WHYRED_A", "runner-process"), ("WHYRED_B", "runner-config")):
            query = Query(name, str(tmp_path), "lonely-7")
            found = trace(LocalHost(), query, lambda b: b, lambda _: None)
            assert found.outcomes[1].winner is not None
            assert found.outcomes[1].winner.layer == layer
            assert [x.pid for x in found.live if x.kind == "forgejo-runner"] == [process.pid]
    finally:
        process.communicate()


@pytest.mark.parametrize(
    ("script", "effect", "value", "only"),
    [
        ("export TMPDIR=/x", Effect.SETS, "/x", ""),
        ("export A=b TMPDIR='/x y'", Effect.SETS, "/x y", ""),
        ("TMPDIR=/x", Effect.ASSIGNS, "/x", ""),
        ("TMPDIR=/x\nexport TMPDIR", Effect.SETS, "/x", ""),
        ("set -a\nTMPDIR=/x", Effect.SETS, "/x", ""),
        ("declare -x TMPDIR=/x", Effect.SETS, "/x", ""),
        ("if true; then export TMPDIR=/x; fi", Effect.SETS, "/x", ""),
        ("true && \\\n  export TMPDIR=/x", Effect.SETS, "/x", ""),
        ("export TMPDIR=$PWD/t", Effect.SETS, None, ""),
        ("export TMPDIR=${{ runner.temp }}", Effect.SETS, "${{ runner.temp }}", ""),
        ("unset TMPDIR", Effect.DROPS, None, ""),
        ("TMPDIR=/x cargo build", Effect.SETS, "/x", "cargo"),
        ("env TMPDIR=/x cargo build", Effect.SETS, "/x", "cargo"),
        ("env -u TMPDIR cargo build", Effect.DROPS, None, "cargo"),
        ("sudo -u ci make", Effect.DROPS, None, "sudo make"),
        ("sudo TMPDIR=/x make", Effect.SETS, "/x", "sudo"),
    ],
)
def test_what_a_script_does(script: str, effect: Effect, value: str | None, only: str) -> None:
    (act,) = acts(script, "TMPDIR")
    assert (act.effect, act.value, act.only) == (effect, value, only)


@pytest.mark.parametrize(
    "script",
    [
        "# export TMPDIR=/x",
        "echo TMPDIR=/x",
        "cat <<EOF\nexport TMPDIR=/x\nEOF\n",
        "MY_TMPDIR=/x",
        "sudo -E make",
        "sudo --preserve-env=A,TMPDIR make",
        "echo 'a; export TMPDIR=/x'",
        "export TMPDIR",
    ],
)
def test_what_a_script_does_not(script: str) -> None:
    assert acts(script, "TMPDIR") == []


@pytest.mark.parametrize(
    ("script", "value"),
    [
        ("echo TMPDIR=/x >> $GITHUB_ENV", "/x"),
        ('printf "TMPDIR=/x\\n" >> "${FORGEJO_ENV}"', "/x\\n"),
        ("cat >> $GITHUB_ENV <<END\nA=b\nTMPDIR=/x\nEND\n", "/x"),
        ('echo "TMPDIR=$HOME/x" >> $GITHUB_ENV', None),
    ],
)
def test_what_a_script_writes_for_later_steps(script: str, value: str | None) -> None:
    assert [a.value for a in written(script, "TMPDIR")] == [value]
    assert written(script.replace("_ENV", "_OUTPUT"), "TMPDIR") == []


def test_tools_of_a_script() -> None:
    assert tools("cd x && sudo /usr/bin/make all # just\nnpm test") == {"make", "npm"}


@given(st.text(alphabet="TMPDIR=/x$(){}'\"\\;&| \n<#-ie`", max_size=60))
@settings(max_examples=300, deadline=None)
def test_no_text_breaks_a_reader(text: str) -> None:
    acts(text, "TMPDIR")
    tools(text)
    written(text, "TMPDIR")
    ground = Ground("/w", unit_files=("/f",), workflow="/f", step="1")
    for layer in all_layers().values():
        try:
            read = layer.read(text, "/f", "TMPDIR", ground, "")
        except ValueError:
            continue
        assert all(s.place.startswith("/f") for s in read.settings)


def test_every_layer_is_named_after_its_file() -> None:
    for name, layer in all_layers().items():
        assert layer.read.__module__.rpartition(".")[2] == name.replace("-", "_")
        assert layer.title


def test_just_agrees(tmp_path: Path) -> None:
    """What the real just does with three of the cases."""
    if shutil.which("just") is None:
        pytest.skip("needs just")
    recipe = 'go:\n    @echo "[${TMPDIR-unset}]"\n'
    for head, dotenv, expected in (
        ("TMPDIR := '/q'\n", "", "/s"),
        ("export TMPDIR := '/q'\n", "", "/q"),
        ("set dotenv-load\n", "TMPDIR=/d\n", "/s"),
        ("set dotenv-load\nset dotenv-override\n", "TMPDIR=/d\n", "/d"),
        ("unexport TMPDIR\n", "", "unset"),
    ):
        (tmp_path / "justfile").write_text(head + recipe)
        (tmp_path / ".env").write_text(dotenv)
        env = {"PATH": os.environ["PATH"], "TMPDIR": "/s"}
        done = subprocess.run(["just", "go"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
        assert done.stdout == f"[{expected}]\n", head


@pytest.mark.parametrize(
    ("text", "given", "expected"),
    [
        ("TMPDIR = /m\n", True, "/m"),
        ("TMPDIR = /m\n", False, "unset"),
        ("export TMPDIR = /m\n", False, "/m"),
        ("TMPDIR ?= /m\n", True, "/s"),
        ("unexport TMPDIR\n", True, "unset"),
        ("export\nTMPDIR = /m\n", False, "/m"),
    ],
)
def test_make_agrees(text: str, given: bool, expected: str, tmp_path: Path) -> None:
    """The real make, and what whyred says of the same Makefile."""
    if shutil.which("make") is None:
        pytest.skip("needs make")
    checkout(
        tmp_path,
        {"Makefile": text + 'go:\n\t@echo "[$${TMPDIR-unset}]"\n'},
        SCRIPT="make go",
        STEP="TMPDIR: /s" if given else "A: b",
    )
    env = {"PATH": os.environ["PATH"]} | ({"TMPDIR": "/s"} if given else {})
    done = subprocess.run(["make", "-s", "go"], cwd=tmp_path, env=env, capture_output=True, text=True, check=True)
    assert done.stdout == f"[{expected}]\n"
    tool = next(o for o in traced(tmp_path).outcomes if o.stage == "tool")
    assert (tool.value if tool.has else "unset") == expected
