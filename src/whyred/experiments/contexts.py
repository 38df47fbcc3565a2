"""The contexts of expressions on this machine: what a forge would hand its runner, as far as it can be known here.

What only a forge knows (the event's payload, its token, secrets nobody gave) is a `NotKnown`, never empty text: a step
that reads it is not run, instead of being run with something else than on the forge.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from whyred.experiments.checkout import Repository
from whyred.workflows.expressions import Contexts
from whyred.workflows.functions import HashFiles, JobStatus
from whyred.workflows.nouns import JobSpec
from whyred.workflows.values import NotKnown, PartlyKnown, Value

LOCAL = "local"
"""The name of the event of a run for which nobody named one."""

_FORGE = NotKnown("only the forge knows it", "Run the workflow there")
_EVENT = NotKnown("this local run stands for no event", "Name one with --event, such as --event push")
_PAYLOAD = NotKnown("a local run has no event with a payload", "Run the workflow on the forge")
_TOKEN = NotKnown("there is no token of a forge here", "Give one as GITHUB_TOKEN with --secrets FILE")
_SECRETS = NotKnown("no secrets are given", "Give them with --secrets FILE")
_VARIABLES = NotKnown("no variables are given", "Give them with --vars FILE")
_INPUTS = NotKnown("nobody gave this run inputs", "Run the workflow on the forge")
_CALLED = NotKnown("only a called workflow has it", "Use `needs`")
NOT_EXPANDED = NotKnown("its matrix is not expanded", "Run the workflow with `whyred run`")
_CONTAINERS = NotKnown("containers and services are not started here", "Run the job on the forge")
_TOKENS = ("GITHUB_TOKEN", "FORGEJO_TOKEN", "GITEA_TOKEN")
_WITH_INPUTS = ("workflow_dispatch", "workflow_call")
_PULLS = ("pull_request", "pull_request_target")


@dataclass(frozen=True, slots=True)
class Need:
    """A job that another one needs: how it ended, and its outputs."""

    result: str | NotKnown
    outputs: Mapping[str, Value] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Around:
    """What a job gets from what stands around it.

    `name`: what this job is called, where its matrix or an expression gives it another name than the file's.
    `secrets`, `variables`: None where nobody gave any. `matrix`, `strategy`: its combination and the rest of its
    `strategy`; None, or the reason, where it was not worked out. `needs`: the jobs it needs that were run; `before`:
    how all jobs before it ended.
    """

    name: str | None = None
    secrets: Mapping[str, str] | None = field(default=None, repr=False)
    variables: Mapping[str, str] | None = None
    matrix: Mapping[str, Value] | NotKnown | None = None
    strategy: Mapping[str, Value] | None = None
    needs: Mapping[str, Need] = field(default_factory=dict)
    before: JobStatus = field(default_factory=JobStatus)


def github(facts: Mapping[str, str], event: str, repository: Repository | str, around: Around) -> PartlyKnown:
    """The context `github`, of the GITHUB_ variables that a step gets; whatever else it has on a forge is not known."""
    plain: dict[str, Value] = {
        name.removeprefix("GITHUB_").lower(): value
        for name, value in facts.items()
        if name.startswith("GITHUB_") and name != "GITHUB_ACTIONS"
    }
    plain["event"] = _PAYLOAD
    plain["token"] = _token(around.secrets or {})
    if event == LOCAL:
        plain |= dict.fromkeys(("event_name", "head_ref", "base_ref"), _EVENT)
    elif event not in _PULLS:
        plain |= {"head_ref": "", "base_ref": ""}
    if isinstance(repository, str):
        missing = NotKnown(f"there is no repository to ask: {repository}", "Run a workflow of a checkout")
        plain |= dict.fromkeys(("sha", "ref", "ref_name", "ref_type", "repository", "repository_owner"), missing)
    elif repository.ref is None:
        detached = NotKnown("HEAD of this checkout is detached", "Check out a branch")
        plain |= dict.fromkeys(("ref", "ref_name", "ref_type"), detached)
    return PartlyKnown(plain, _FORGE)


def outer(job: JobSpec, facts: Mapping[str, str], event: str, repository: Repository | str, around: Around) -> Contexts:
    """What is known of a job before it starts: for its `if`, its `strategy` and its name."""
    inputs: Value = {} if event != LOCAL and event not in _WITH_INPUTS else PartlyKnown({}, _INPUTS)
    values: dict[str, Value] = {
        "github": github(facts, event, repository, around),
        "secrets": _secrets(around.secrets),
        "vars": PartlyKnown({}, _VARIABLES) if around.variables is None else dict(around.variables),
        "inputs": inputs,
        "needs": {key: _need(key, around.needs) for key in job.needs},
        "jobs": _CALLED,
        "strategy": around.strategy,
        "matrix": around.matrix,
    }
    if job.strategy is not None:
        values |= {name: NOT_EXPANDED for name in ("strategy", "matrix") if values[name] is None}
    return Contexts(values, around.before)


def inner(
    before: Contexts,
    job: JobSpec,
    *,
    runner: Mapping[str, Value],
    env: Mapping[str, Value],
    steps: Mapping[str, Value],
    failed: bool,
    hash_files: HashFiles,
) -> Contexts:
    """The contexts of a job under way, on top of what was known before it started."""
    status = "failure" if failed else "success"
    held = dict.fromkeys(
        (*(["container"] if job.container else []), *(["services"] if job.services else [])), _CONTAINERS
    )
    values = {
        **before.values,
        "env": env,
        "runner": runner,
        "steps": steps,
        "job": PartlyKnown({"status": status, **held}, _FORGE),
    }
    return Contexts(values, JobStatus(success=not failed, failure=failed), hash_files)


def _secrets(given: Mapping[str, str] | None) -> Value:
    """A forge knows of no other secrets than those it was given, but for the token that it makes for every job."""
    if given is None:
        return PartlyKnown({}, _SECRETS)
    names = {name.upper() for name in given}
    token = _token(given)
    return {**{name: token for name in _TOKENS if name not in names}, **given}


def _token(given: Mapping[str, str]) -> Value:
    """The forge's token, by whichever of its names it was given."""
    upper = {name.upper(): value for name, value in given.items()}
    return next((upper[name] for name in _TOKENS if name in upper), _TOKEN)


def _need(key: str, needs: Mapping[str, Need]) -> Value:
    need = needs.get(key)
    if need is None:
        return NotKnown(f"job `{key}` was not run", "Run all jobs: leave out --job")
    return {"result": need.result, "outputs": need.outputs}
