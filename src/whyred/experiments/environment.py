"""Builds the environment of a step, layer by layer, as forgejo-runner does in host mode.

Later wins: workflow `env`, job `env`, the runner's own settings, RUNNER_*; then the daemon's environment fills only
what is still unset; then what earlier steps wrote to GITHUB_ENV; CI and the GITHUB_* facts; the step's `env`; the
files of the step; GITHUB_PATH in front of PATH. Nothing here sets HOME or TMPDIR: all jobs share the daemon's.
(forgejo-runner 12: act/runner/run_context.go, act/runner/step.go, act/container/host_environment.go.)
"""

import os
import platform
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from whyred.experiments.checkout import Repository
from whyred.workflows.expressions import Contexts, NotKnownError, Place, interpolate_text
from whyred.workflows.nouns import JobSpec, Workflow
from whyred.workflows.values import NotKnown

_ARCHITECTURES = {"x86_64": "X64", "amd64": "X64", "aarch64": "ARM64", "armv7l": "ARM", "i686": "X86", "i386": "X86"}


@dataclass(frozen=True, slots=True)
class Folders:
    """Where a run works: all below its own folder, so nothing needs /tmp. `commands` holds scripts and step files."""

    workspace: Path
    temp: Path
    tool_cache: Path
    commands: Path

    def make(self) -> None:
        """Create those that are missing. Raises OSError."""
        for folder in (self.workspace, self.temp, self.tool_cache, self.commands):
            folder.mkdir(parents=True, exist_ok=True)


Variables = Mapping[str, str | NotKnown]
"""Of a workflow, job or step: the text of each, or why it cannot be worked out on this machine."""


def worked_out(env: Mapping[str, str], contexts: Contexts, place: Callable[[str], Place]) -> Variables:
    """Some variables with their expressions worked out; `place` tells where a field (`env.A`) stands.

    Raises ExpressionError for an expression that no forge could work out either.
    """
    found: dict[str, str | NotKnown] = {}
    for name, text in env.items():
        try:
            found[name] = interpolate_text(text, contexts, place(f"env.{name}"))
        except NotKnownError as e:
            found[name] = NotKnown(e.why, e.how)
    return found


def known(variables: Variables) -> dict[str, str]:
    """Those that have a text."""
    return {name: value for name, value in variables.items() if isinstance(value, str)}


def job_environment(
    variables: Variables, runner: Mapping[str, str], daemon: Mapping[str, str], folders: Folders
) -> dict[str, str]:
    """What all steps of a job share. `variables`: of workflow and job; those that are not known are absent, also where
    the daemon has them.
    """
    env = {**known(variables), **runner, **runner_facts(folders)}
    return {**{name: value for name, value in _decoded(daemon).items() if name not in variables}, **env}


def step_environment(
    base: Mapping[str, str],
    from_steps: Mapping[str, str],
    facts: Mapping[str, str],
    own: Mapping[str, str],
    files: Mapping[str, str],
    path: Sequence[str],
) -> dict[str, str]:
    """All that one step gets. `own`: its `env`; `path`: folders of GITHUB_PATH, the last written in front."""
    env = {**base, **from_steps, **twins(facts), **own, **files}
    if path:
        env["PATH"] = os.pathsep.join([*path, *([env["PATH"]] if env.get("PATH") else [])])
    return env


def job_facts(workflow: Workflow, job: JobSpec, event: str, repository: Repository | str) -> dict[str, str]:
    """CI, ACT and the GITHUB_ variables that are the same in every run of a job."""
    return {
        "CI": "true",
        "ACT": "true",
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": event,
        "GITHUB_JOB": job.key,
        "GITHUB_RUN_ATTEMPT": "1",
        "GITHUB_WORKFLOW": workflow.name,
        **(repository.facts() if isinstance(repository, Repository) else {}),
    }


def run_facts(number: int, folders: Folders) -> dict[str, str]:
    """The GITHUB_ variables of one run: its number and where it works."""
    return {
        "GITHUB_EVENT_PATH": str(folders.commands / "event.json"),
        "GITHUB_RUN_ID": str(number),
        "GITHUB_RUN_NUMBER": str(number),
        "GITHUB_WORKSPACE": str(folders.workspace),
    }


def twins(facts: Mapping[str, str]) -> dict[str, str]:
    """The facts, and a FORGEJO_ twin for each GITHUB_ one (forgejo-runner 7.0 and later)."""
    forge = {"FORGEJO" + name.removeprefix("GITHUB"): v for name, v in facts.items() if name.startswith("GITHUB_")}
    return {**facts, **forge}


def encode(env: Mapping[str, str]) -> dict[bytes, bytes]:
    """As the kernel wants it. Raises ValueError for text that no bytes stand for."""
    return {k.encode("utf-8", "surrogateescape"): v.encode("utf-8", "surrogateescape") for k, v in env.items()}


def _decoded(daemon: Mapping[str, str]) -> dict[str, str]:
    """An environment as os.environ has it, as `encode` wants it: the bytes stay the same, whatever the locale."""
    return {
        os.fsencode(k).decode("utf-8", "surrogateescape"): os.fsencode(v).decode("utf-8", "surrogateescape")
        for k, v in daemon.items()
    }


def runner_facts(folders: Folders) -> dict[str, str]:
    """The RUNNER_ variables; expressions have them as `runner.os` and so on."""
    machine = platform.machine()
    return {
        "RUNNER_OS": platform.system(),
        "RUNNER_ARCH": _ARCHITECTURES.get(machine, machine),
        "RUNNER_TEMP": str(folders.temp),
        "RUNNER_TOOL_CACHE": str(folders.tool_cache),
    }
