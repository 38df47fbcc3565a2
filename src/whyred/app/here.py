"""`why --here`: inside a job that is failing, its own log so far, or one that a step kept, and its own machine."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from whyred.model.host import Host, HostRefusedError, Process
from whyred.model.run import Attempt, Runner
from whyred.model.trouble import UserError
from whyred.probes.runner_processes import find_daemons

_HOW = "In a step say: if: failure(), and keep the failing step's output: COMMAND 2>&1 | tee job.log; --log job.log"

_IN_A_JOB = ("CI", "GITHUB_ACTIONS", "GITHUB_RUN_ID", "JENKINS_URL", "BUILDKITE", "TF_BUILD", "TEAMCITY_VERSION")
"""One of these is set by every runner that is known, and by no login shell."""
NO_JOB = (
    "this process is in no job: no runner's daemon is above it, and CI is not set; what is well in this shell need not "
    "be well in the runner's namespace"
)


def own_run(environ: Mapping[str, str]) -> str:
    """The target of the run that this process is a job of, by the variables that every runner sets.

    GITHUB_RUN_NUMBER is what the pages of Forgejo and Gitea are numbered by, GITHUB_RUN_ID those of GitHub. Raises
    UserError outside of a job.
    """
    server, repo = environ.get("GITHUB_SERVER_URL", ""), environ.get("GITHUB_REPOSITORY", "")
    on_github = server == "https://github.com" or "GITHUB_RUN_NUMBER" not in environ
    run = environ.get("GITHUB_RUN_ID" if on_github else "GITHUB_RUN_NUMBER", "")
    if not (server and repo and run):
        why = "GITHUB_SERVER_URL, GITHUB_REPOSITORY and the run's number are not set, as runners do"
        raise UserError("this is no job of a forge", why, _HOW)
    job = environ.get("GITHUB_JOB", "")
    return f"{server.rstrip('/')}/{repo}/actions/runs/{run}" + (f":{job}" if job else "")


def placed(attempt: Attempt, host: Host, environ: Mapping[str, str] = os.environ) -> Attempt:
    """The attempt with the runner that this process is a job of: it is alive, and nothing was restarted since.

    Where no daemon is to be seen above (a job in a container), it is what started this process, if the environment is
    that of a job. An attempt whose machine is known already, and one on a machine that tells nothing of itself, stays
    as it is.
    """
    told, here = attempt.runner, host.identity
    if (told is not None and told.machine is not None) or here.machine is None:
        return attempt
    try:
        processes = host.processes()
        above = _above(processes, int(host.link("/proc/self")))
    except (HostRefusedError, ValueError):
        return attempt  # without /proc nothing shows who runs this: the log is judged alone
    daemon = next((d for d in find_daemons(processes) if d.process in above), None)
    if daemon is None and not any(environ.get(name) for name in _IN_A_JOB):
        return attempt
    process = daemon.process if daemon is not None else next(iter(above), None)
    name = daemon.name if daemon is not None else environ.get("RUNNER_NAME") or (told.name if told else None)
    pid, started, mounts = (process.pid, process.started, process.mounts) if process is not None else (None,) * 3
    folder = environ.get("GITHUB_WORKSPACE")
    return replace(attempt, runner=Runner(name, here.machine, here.boot, pid, started, mounts, folder))


def _above(processes: list[Process], own: int) -> list[Process]:
    """The processes above this one, nearest first."""
    by_pid = {p.pid: p for p in processes}
    found: list[Process] = []
    at = by_pid.get(own)
    while at is not None and (at := by_pid.get(at.parent)) is not None and at not in found:
        found.append(at)
    return found


def summary(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The file that becomes the page of the job's summary; None where the runner gives none."""
    named = environ.get("GITHUB_STEP_SUMMARY", "")
    return Path(named) if named else None
