"""A host is evidence only where it is shown to have run the attempt, and as it was then: for every cause there is."""

import os
from pathlib import Path

import pytest
from cause_fixtures import FOLDER
from lints import library

from whyred.app.ask import Live
from whyred.app.investigate import investigate
from whyred.app.read import read_log
from whyred.app.subjects import Subjects
from whyred.hosts.local import LocalHost
from whyred.model.finding import Confidence, Verdict
from whyred.model.run import Attempt, Run, Runner

FIRES = sorted(FOLDER.glob("*/fires.log"))


def on(host: LocalHost, log: Path, runner: Runner) -> Verdict:
    """What is said of a log that this runner wrote, where `host` is asked."""
    attempt = Attempt(Run("a run"), runner=runner)
    read = read_log([log.read_bytes()], library())
    subjects = Subjects(host, attempt, vouched=False, named=runner.name, ended=read.reading.ended)
    return investigate(read, attempt, library().causes, Live(host, subjects, lambda data: data, seconds=30.0))


def another_machine(host: LocalHost) -> Runner:
    return Runner("runner-1", machine="another machine", boot=host.identity.boot, pid=os.getpid(), started=1)


def restarted_since(host: LocalHost) -> Runner:
    """This very process, which is alive, but was started at another time than the one that ran the attempt."""
    return Runner("runner-1", host.identity.machine, host.identity.boot, os.getpid(), started=1)


def rebooted_since(host: LocalHost) -> Runner:
    return Runner("runner-1", host.identity.machine, boot="another boot", mounts=host.identity.mounts)


@pytest.mark.parametrize("log", [pytest.param(f, id=f.parent.name) for f in FIRES])
@pytest.mark.parametrize("other", [another_machine, restarted_since, rebooted_since], ids=lambda f: f.__name__)
def test_another_host_proves_and_refutes_nothing(other: object, log: Path) -> None:
    host = LocalHost()
    verdict = on(host, log, other(host))  # type: ignore[operator]
    assert not [f.cause.id for f in verdict.findings if f.confidence is Confidence.CONFIRMED]
    assert not [f.cause.id for f in verdict.ruled_out]
