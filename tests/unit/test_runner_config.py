"""A runner's configuration: what is read of it, that no secret leaves it; its registration; lines of its journal."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.model.evidence import Unknown
from whyred.model.host import Subject
from whyred.probes import journal, runner_files
from whyred.workflows.nouns import WorkflowError
from whyred.workflows.runner_config import (
    Connection,
    RunnerConfig,
    RunnerEnv,
    dotenv_names,
    read_runner_config,
    read_runner_envs,
    seconds,
)

CONFIG = b"""\
log: {level: debug}
runner:
  file: /srv/r/.runner
  capacity: 4
  envs: {TMPDIR: /var/tmp, DEPLOY_TOKEN: canary-1, PATH: ~}
  env_file: .env
  timeout: 1h30m
  shutdown_timeout: 0s
  labels: ["native:host", "x"]
cache: {dir: /c, host: "10.0.0.5", secret: canary-2}
host: {workdir_parent: work}
server: {connections: {f: {url: "https://f.example", uuid: canary-4, token: canary-3, labels: [a]}}}
"""


def test_what_is_read() -> None:
    said = read_runner_config(CONFIG, "c.yml")
    assert said == RunnerConfig(
        env_names=("TMPDIR", "DEPLOY_TOKEN", "PATH"),
        shown={"TMPDIR": "/var/tmp", "PATH": ""},
        env_file=".env",
        capacity=4,
        timeout="1h30m",
        shutdown_timeout="0s",
        workdir_parent="work",
        cache_dir="/c",
        cache_host="10.0.0.5",
        registration="/srv/r/.runner",
        labels=("native:host", "x"),
        log_level="debug",
        connections=(Connection("f", "https://f.example", "canary-4", ("a",)),),
    )
    assert "canary" not in repr(said)


def test_a_variable_is_read_with_its_value_and_line_for_whoever_asks_by_name() -> None:
    given = read_runner_envs(CONFIG, "c.yml")
    assert given.envs["TMPDIR"] == RunnerEnv("/var/tmp", 5)
    assert given.envs["PATH"] == RunnerEnv("", 5)
    assert given.env_file == ".env"
    assert given.envs["DEPLOY_TOKEN"].value == "canary-1"
    assert "canary" not in repr(given)
    assert read_runner_envs(b"runner: {env_file: ~}\n", "c.yml").env_file is None


def test_an_empty_file_says_nothing_and_what_is_no_table_is_refused() -> None:
    assert read_runner_config(b"", "c.yml") == read_runner_config(b"runner: []\ncache: 3\n", "c.yml") == RunnerConfig()
    for broken in (b"- a\n", b"a:\n\tb: c\n", b"\xff\xfe"):
        with pytest.raises(WorkflowError):
            read_runner_config(broken, "c.yml")


@given(st.binary(max_size=200))
def test_no_bytes_break_it(data: bytes) -> None:
    with suppress(WorkflowError):
        assert isinstance(read_runner_config(data, "c"), RunnerConfig)


@pytest.mark.parametrize(
    ("text", "value"),
    [("3h", 10800), ("1h30m", 5400), ("1.5s", 1.5), ("0", 0), ("100ms", 0.1), ("3", None), ("", None), ("3h!", None)],
)
def test_durations(text: str, value: float | None) -> None:
    assert seconds(text) == value


def test_names_of_an_env_file() -> None:
    assert dotenv_names("# X=1\nA=1\nexport B = 2\n A=3\nnonsense\nC: d\n") == ("A", "B", "C")


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://u:p@f.example/x?token=1#y", "https://f.example/x"),
        ("https://f.example", "https://f.example"),
        (None, None),
    ],
)
def test_no_credentials_in_an_address(address: str | None, shown: str | None) -> None:
    assert runner_files._address(address) == shown


def test_the_key_tells_registrations_apart_and_not_the_uuid() -> None:
    one, same = runner_files._key({"uuid": "u-1"}), runner_files._key({"uuid": "u-1", "name": "other"})
    assert one == same != runner_files._key({"uuid": "u-2"})
    assert one is not None
    assert "u-1" not in one
    agents = [runner_files._key({"agentId": n, "poolId": 1, "serverUrl": "https://x"}) for n in (1, 2)]
    assert len({*agents, None}) == 3
    assert runner_files._key({}) is None


@pytest.mark.parametrize(
    ("line", "kind"),
    [
        ("A process of this unit has been killed by the OOM killer.", "oom_kills"),
        ("r.service: Main process exited, code=killed, status=9/KILL", "crashes"),
        ("r.service: Main process exited, code=exited, status=1/FAILURE", "crashes"),
        ("r.service: Scheduled restart job, restart counter is at 3.", "restarts"),
        ("Stopping r.service - runner...", "stops"),
        ('level=info msg="forcing the jobs to shutdown"', "cut_jobs"),
        ('level=error msg="failed to fetch task" error="unauthenticated: unregistered runner"', "unregistered"),
        ('level=warning msg="ignored invalid label \\"a b\\""', "bad_labels"),
        ("fail to invoke Declare", "fetch_errors"),
        ("submitted logs are lost 12 < 30", "lost_logs"),
        ("r.service: Main process exited, code=exited, status=0/SUCCESS", None),
        ("Stopping", None),
        ('level=info msg="task 12 repo is x/y"', None),
    ],
)
def test_lines_of_a_journal(line: str, kind: str | None) -> None:
    kinds = {k for k, regex in journal._EACH.items() if regex.search(line)}
    assert kind in kinds if kind else not kinds


@pytest.mark.parametrize(
    ("arguments", "span"),
    [
        ({"since": "100", "until": "200.5"}, ["--since=@100", "--until=@200.5"]),
        ({"hours": "24"}, ["--since=-24h"]),
        ({"since": "100"}, None),
        ({"since": "-1", "until": "x"}, None),
        ({"hours": "0"}, None),
        ({}, None),
    ],
)
def test_only_times_reach_the_command(arguments: dict[str, str], span: list[str] | None) -> None:
    assert journal._span(arguments) == span


def test_a_journal_whose_last_line_is_cut_and_bytes_that_are_no_text() -> None:
    out = b'{"MESSAGE":"a"}\n{"MESSAGE":[104,105,255]}\n{"MESSAGE":null}\n{"MESS'
    assert list(journal._messages(out)) == ["a", "hi\ufffd"]


def test_a_path_with_a_bad_unit_is_not_asked_about() -> None:
    class Nobody:
        def run(self, argv: object, seconds: float) -> object:
            raise AssertionError("it must not be asked")

    for unit in (None, "--all", "a b"):
        facts = journal.read(journal.ask(Nobody(), Subject("x", 1, unit), {"hours": "1"}))  # type: ignore[arg-type]
        assert all(isinstance(v, Unknown) for v in facts.values())
