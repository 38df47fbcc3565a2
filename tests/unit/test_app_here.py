"""`why --here`: only a process in a job may say what the runner saw."""

from collections.abc import Mapping

import pytest
from test_subjects import FakeHost, daemon, process

from whyred.app.here import placed
from whyred.model.run import Attempt, Run, Runner

SHELL = [process(12), process(900, parent=12)]


def ran_by(host: FakeHost, environ: Mapping[str, str]) -> Runner | None:
    return placed(Attempt(Run("job.log")), host, environ).runner


@pytest.mark.parametrize("environ", [{}, {"CI": ""}, {"HOME": "/root"}])
def test_a_login_shell_is_no_runner(environ: Mapping[str, str]) -> None:
    assert ran_by(FakeHost(SHELL), environ) is None


@pytest.mark.parametrize("environ", [{"CI": "true"}, {"GITHUB_ACTIONS": "true"}, {"JENKINS_URL": "http://ci"}])
def test_in_a_container_job_it_is_what_started_this_process(environ: Mapping[str, str]) -> None:
    runner = ran_by(FakeHost(SHELL), environ)
    assert runner is not None
    assert (runner.machine, runner.pid) == ("here", 12)


def test_below_a_daemon_it_is_the_daemon_whatever_the_environment() -> None:
    runner = ran_by(FakeHost([daemon(11), process(12, parent=11), process(900, parent=12)]), {})
    assert runner is not None
    assert runner.pid == 11
