"""Builds the environment of a step, layer by layer, as forgejo-runner does in host mode.

Later wins: workflow `env`, job `env`, the runner's own settings, RUNNER_*; then the daemon's environment fills only
what is still unset; then what earlier steps wrote to GITHUB_ENV; CI and the GITHUB_* facts; the step's `env`; the
files of the step; GITHUB_PATH in front of PATH. Nothing here sets HOME or TMPDIR: all jobs share the daemon's.
(forgejo-runner 12: act/runner/run_context.go, act/runner/step.go, act/container/host_environment.go.)
"""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from whyred.workflows.nouns import JobSpec, StepSpec, Workflow
from whyred.workflows.read import EXPRESSION

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


def left_unset(workflow: Workflow, job: JobSpec) -> tuple[str, ...]:
    """Variables of the workflow and the job whose value is an expression that only the forge can work out."""
    merged = {**workflow.env, **(job.env or {})}
    return tuple(sorted(name for name, value in merged.items() if EXPRESSION in value))


def job_environment(
    workflow: Workflow, job: JobSpec, runner: Mapping[str, str], daemon: Mapping[str, str], folders: Folders
) -> dict[str, str]:
    """What all steps of a job share. Variables of `left_unset` are absent, also where the daemon has them."""
    env = {**workflow.env, **(job.env or {}), **runner, **_runner_facts(folders)}
    unset = set(left_unset(workflow, job)) - set(runner)
    env = {name: value for name, value in env.items() if name not in unset}
    return {**{name: value for name, value in _decoded(daemon).items() if name not in unset}, **env}


def step_environment(
    base: Mapping[str, str],
    from_steps: Mapping[str, str],
    facts: Mapping[str, str],
    step: StepSpec,
    files: Mapping[str, str],
    path: Sequence[str],
) -> dict[str, str]:
    """The whole environment of one step. `path`: folders of GITHUB_PATH, the last written in front."""
    env = {**base, **from_steps, **twins(facts), **(step.env or {}), **files}
    if path:
        env["PATH"] = os.pathsep.join([*path, *([env["PATH"]] if env.get("PATH") else [])])
    return env


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


def _runner_facts(folders: Folders) -> dict[str, str]:
    machine = platform.machine()
    return {
        "RUNNER_OS": platform.system(),
        "RUNNER_ARCH": _ARCHITECTURES.get(machine, machine),
        "RUNNER_TEMP": str(folders.temp),
        "RUNNER_TOOL_CACHE": str(folders.tool_cache),
    }
