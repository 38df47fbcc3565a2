"""What is known of a run before it is there: for each way a workflow can be started, what follows of the contexts.

Whatever does not follow from the file is a `NotKnown`, so that a condition which reads it stays open.
"""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace

from whyred.workflows.expressions import Contexts
from whyred.workflows.functions import JobStatus
from whyred.workflows.nouns import JobSpec, StepSpec, Workflow
from whyred.workflows.patterns_meet import is_plain
from whyred.workflows.triggers import Filter, Trigger
from whyred.workflows.values import NotKnown, PartlyKnown, Value

UNKNOWN = NotKnown("only a run knows it", "")
_PULLS = ("pull_request", "pull_request_target")
_CONTEXTS = ("env", "vars", "secrets", "inputs", "job", "jobs", "steps", "runner", "strategy", "matrix", "needs")
_STATUS = JobStatus(UNKNOWN, UNKNOWN, UNKNOWN)
_RESULT: Mapping[str, Value] = {"outputs": UNKNOWN, "outcome": UNKNOWN, "conclusion": UNKNOWN}
_SOME = "0"
"""The number of a pull request that no condition is about."""
MOST = 24
"""Ways to start a workflow that are told apart; with more, only the events are."""


def worlds(workflow: Workflow, triggers: tuple[Trigger, ...]) -> list[Contexts]:
    """The contexts of each way in which a workflow can be started."""
    found = [Contexts(facts, _STATUS) for trigger in triggers for facts in _of(workflow, trigger)]
    if len(found) <= MOST:
        return found
    return [Contexts(_facts(workflow, t.event, {}, t), _STATUS) for t in triggers]


def _of(workflow: Workflow, trigger: Trigger) -> Iterator[Mapping[str, Value]]:
    if trigger.event == "workflow_call":
        yield _facts(workflow, None, {}, trigger)  # the event is the caller's
    elif trigger.event == "push":
        for known in _pushes(trigger):
            yield _facts(workflow, "push", known, trigger)
    elif trigger.event in _PULLS:
        actions: list[Value] = [UNKNOWN] if trigger.types is None else list(trigger.types)
        bases: list[Value] = list(_plain(trigger.branches) or [UNKNOWN])
        for action in actions:
            event = PartlyKnown({"action": action}, UNKNOWN)
            for base, ref in itertools.product(bases, _refs(trigger.event, action)):
                yield _facts(workflow, trigger.event, {"base_ref": base, "event": event, **ref}, trigger)
    else:
        yield _facts(workflow, trigger.event, {"head_ref": "", "base_ref": ""}, trigger)


def _refs(event: str, action: Value) -> list[Mapping[str, Value]]:
    """What `github.ref` is: never a branch while the pull request is open. Once merged it is the branch it was merged
    into, and of pull_request_target it always is. GitHub calls it .../merge, Forgejo and Gitea .../head."""
    if event != "pull_request" or action == "closed":
        return [{}]
    return [{"ref": f"refs/pull/{_SOME}/{end}", "ref_name": f"{_SOME}/{end}"} for end in ("merge", "head")]


def _pushes(trigger: Trigger) -> Iterator[dict[str, Value]]:
    none: dict[str, Value] = {"head_ref": "", "base_ref": ""}
    for word, possible, names in (
        ("heads", trigger.of_branches, _plain(trigger.branches)),
        ("tags", trigger.of_tags, _plain(trigger.tags)),
    ):
        kind = "branch" if word == "heads" else "tag"
        if possible and names is None:
            yield {**none, "ref_type": kind}
        for name in (names or ()) if possible else ():
            yield {**none, "ref_type": kind, "ref": f"refs/{word}/{name}", "ref_name": name}


def _plain(one: Filter) -> tuple[str, ...] | None:
    """The names that a filter lets through, where it names each."""
    if one.only is None or not all(is_plain(p) and not p.startswith("!") for p in one.only):
        return None
    return one.only


def _facts(workflow: Workflow, event: str | None, known: Mapping[str, Value], trigger: Trigger) -> dict[str, Value]:
    github: dict[str, Value] = {"workflow": workflow.name}
    inputs: Value = PartlyKnown({}, UNKNOWN)
    if event is not None:
        github |= {"event_name": event, **known}
        if event not in _PULLS and "event" not in github:
            github["event"] = PartlyKnown({"pull_request": None}, UNKNOWN) if _no_pull(event) else UNKNOWN
        inputs = dict.fromkeys(trigger.inputs, UNKNOWN) if event == "workflow_dispatch" else {}
    return {**dict.fromkeys(_CONTEXTS, UNKNOWN), "github": PartlyKnown(github, UNKNOWN), "inputs": inputs}


def _no_pull(event: str) -> bool:
    return event in ("push", "schedule", "workflow_dispatch")


def for_job(world: Contexts, workflow: Workflow, job: JobSpec) -> Contexts:
    """What a job's own `if` sees: of the jobs it needs, and of its matrix, the names that there are."""
    jobs = {one.key: one for one in workflow.jobs}
    needs: dict[str, Value] = {key: _need(jobs.get(key)) for key in job.needs}
    return replace(world, values={**world.values, "needs": needs, "matrix": _matrix(job)})


def _need(job: JobSpec | None) -> Value:
    if job is None or job.uses is not None:
        return UNKNOWN
    return {"result": UNKNOWN, "outputs": dict.fromkeys(job.outputs, UNKNOWN)}


def _matrix(job: JobSpec) -> Value:
    matrix = job.strategy_data.get("matrix") if isinstance(job.strategy_data, Mapping) else None
    if job.strategy is None:
        return {}
    if not isinstance(matrix, Mapping):
        return UNKNOWN
    names = {key for key in matrix if key not in ("include", "exclude")}
    extra = matrix.get("include")
    if isinstance(extra, str):
        return UNKNOWN
    for row in extra if isinstance(extra, tuple) else ():
        names |= set(row) if isinstance(row, Mapping) else set()
    return dict.fromkeys(names, UNKNOWN)


def for_step(world: Contexts, before: tuple[StepSpec, ...]) -> Contexts:
    """What a step's `if` sees of those before it: those with an `id`."""
    steps: dict[str, Value] = {step.id: PartlyKnown(_RESULT, UNKNOWN) for step in before if step.id}
    return replace(world, values={**world.values, "steps": steps})


def same_commit(workflow: Workflow) -> tuple[Contexts, Contexts]:
    """One commit of a branch with an open pull request in the same repository: the push, and the pull request."""
    repo: dict[str, Value] = {"full_name": "owner/name", "fork": False}
    pull: Value = PartlyKnown(
        {
            "number": 1.0,
            "head": PartlyKnown({"ref": "topic", "repo": PartlyKnown(repo, UNKNOWN)}, UNKNOWN),
            "base": PartlyKnown({"ref": "main", "repo": PartlyKnown(repo, UNKNOWN)}, UNKNOWN),
        },
        UNKNOWN,
    )
    both: dict[str, Value] = {"workflow": workflow.name, "repository": "owner/name", "repository_owner": "owner"}
    push = both | {
        "event_name": "push",
        "event": PartlyKnown({"pull_request": None}, UNKNOWN),
        "ref": "refs/heads/topic",
        "ref_name": "topic",
        "ref_type": "branch",
        "head_ref": "",
        "base_ref": "",
    }
    asked = both | {
        "event_name": "pull_request",
        "event": PartlyKnown({"number": 1.0, "pull_request": pull}, UNKNOWN),
        "ref": "refs/pull/1/merge",
        "head_ref": "topic",
        "base_ref": "main",
    }
    rest: dict[str, Value] = {**dict.fromkeys(_CONTEXTS, UNKNOWN), "inputs": {}}
    return (
        Contexts({**rest, "github": PartlyKnown(push, UNKNOWN)}, _STATUS),
        Contexts({**rest, "github": PartlyKnown(asked, UNKNOWN)}, _STATUS),
    )
