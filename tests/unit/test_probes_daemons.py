"""Runner daemons and sccache servers are recognised by program and arguments, and named after unit or settings."""

import pytest

from whyred.model.host import Process
from whyred.probes.runner_processes import find_daemons


def process(argv: str, pid: int = 10, parent: int = 1, unit: str | None = None) -> Process:
    words = tuple(argv.split())
    return Process(pid, parent, 5, (words or ("kworker",))[0].rpartition("/")[2][:15], words, 1000, None, unit)


@pytest.mark.parametrize(
    ("argv", "unit", "kind", "name"),
    [
        ("forgejo-runner daemon", "forgejo-runner@3.service", "forgejo-runner", "forgejo-runner@3"),
        ("/usr/bin/forgejo-runner -c /etc/forgejo-runner/box-2.yaml daemon", None, "forgejo-runner", "box-2"),
        ("/usr/bin/forgejo-runner daemon --config=/srv/box-4/config.yml", None, "forgejo-runner", "box-4"),
        ("/opt/forgejo-runner-12.1.0-linux-amd64 daemon", None, "forgejo-runner", "forgejo-runner-10"),
        ("forgejo-runner daemon -c /etc/forgejo-runner/config.yaml", None, "forgejo-runner", "forgejo-runner-10"),
        ("forgejo-runner daemon -c config.yaml", None, "forgejo-runner", "forgejo-runner-10"),
        ("act_runner daemon --config /etc/act_runner/one.yaml", None, "gitea-runner", "one"),
        ("/usr/local/bin/act_runner-0.2.11-linux-amd64 daemon", "act.service", "gitea-runner", "act"),
        ("gitea-runner daemon", "r1.service", "gitea-runner", "r1"),
        ("/home/ci/actions-runner-2/bin/Runner.Listener run", None, "actions-runner", "actions-runner-2"),
        (
            "/srv/x/bin/Runner.Listener run --startuptype service",
            "actions.runner.o-r.box.service",
            "actions-runner",
            "actions.runner.o-r.box",
        ),
        ("python3 -m whyred lab whyred-runner runner-1", "ci.service", "whyred-runner", "runner-1"),
        ("/usr/bin/python3.11 -c code whyred-runner runner-6 more", None, "whyred-runner", "runner-6"),
        ("/usr/local/bin/sccache", "forgejo-runner@3.service", "sccache", "sccache-10"),
        ("sccache", "sccache.service", "sccache", "sccache"),
    ],
)
def test_a_daemon_is_recognised_and_named(argv: str, unit: str | None, kind: str, name: str) -> None:
    (daemon,) = find_daemons([process(argv, unit=unit)])
    assert (daemon.kind, daemon.name, daemon.process.pid) == (kind, name, 10)


@pytest.mark.parametrize(
    "argv",
    [
        "",
        "forgejo-runner register --no-interactive",
        "forgejo-runner --help",
        "bash -c forgejo-runner daemon",
        "sudo forgejo-runner daemon",
        "vim /etc/forgejo-runner daemon",
        "my-forgejo-runner daemon",
        "/srv/bin/Runner.Worker spawnclient 1 2",
        "sccache rustc --crate-name x",
        "sccache --start-server",
        "/usr/bin/sccache-dist server",
        "grep whyred-runner runner-1",
        "python3 -m whyred whyred-runner",
    ],
)
def test_what_only_mentions_a_daemon_is_none(argv: str) -> None:
    assert find_daemons([process(argv)]) == ()


def test_a_child_between_fork_and_exec_is_no_second_daemon() -> None:
    argv = "python3 -m whyred whyred-runner runner-1"
    family = [process(argv, 20, 1), process(argv, 21, 20), process("python3 -m whyred whyred-runner runner-2", 22, 20)]
    assert [d.process.pid for d in find_daemons(reversed(family))] == [20, 22]


def test_the_config_is_kept() -> None:
    (daemon,) = find_daemons([process("forgejo-runner daemon -c /etc/r.yaml")])
    assert daemon.settings == {"config": "/etc/r.yaml"}
