"""A variable set at a level where the runner sets another value over it."""

import re
from collections.abc import Iterator, Mapping

from whyred.model.forge import Kind
from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout, File

SOURCE = (
    "Forgejo runner, act/runner/run_context.go and step.go (the order in which a step's environment is built); "
    "GitHub, Variables reference: default variables cannot be overwritten"
)
_FILES = ("ENV", "OUTPUT", "PATH", "STATE", "STEP_SUMMARY")
_FACTS = (
    *("ACTION", "ACTION_PATH", "ACTION_REF", "ACTION_REPOSITORY", "ACTIONS", "ACTOR", "API_URL", "BASE_REF"),
    *("EVENT_NAME", "EVENT_PATH", "GRAPHQL_URL", "HEAD_REF", "JOB", "REF", "REF_NAME", "REF_TYPE", "REPOSITORY"),
    *("REPOSITORY_OWNER", "RETENTION_DAYS", "RUN_ATTEMPT", "RUN_ID", "RUN_NUMBER", "SERVER_URL", "SHA"),
    *("WORKFLOW", "WORKSPACE"),
)
_PREFIXES = ("GITHUB_", "FORGEJO_", "GITEA_")
_STEP = frozenset(prefix + name for prefix in _PREFIXES for name in _FILES)
"""What is set after a step's own `env`."""
_JOB = _STEP | {prefix + name for prefix in _PREFIXES for name in _FACTS}
_JOB |= {"CI", "RUNNER_OS", "RUNNER_ARCH", "RUNNER_TEMP", "RUNNER_TOOL_CACHE"}
_JOB |= {"ACTIONS_CACHE_URL", "ACTIONS_RUNTIME_URL", "ACTIONS_RUNTIME_TOKEN", "ACTIONS_RESULTS_URL"}
"""What is set after the `env` of a workflow and a job."""

_THE_SAME = re.compile(r"\$\{\{\s*(?:github|forgejo|gitea|forge|runner)\b", re.I)
"""It is given what the runner would give it: no harm is done."""


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per variable and place."""
    github = checkout.told.kind is Kind.GITHUB
    above = _JOB - {"CI"} if github else _JOB
    in_step = above if github else _STEP
    for file in checkout.files:
        own = file.workflow
        yield from _told(file, own.env, own.lines, above, "the workflow's", github)
        for job in own.jobs:
            yield from _told(file, job.env or {}, job.lines, above, f"job `{job.key}`'s", github)
            for step in job.steps:
                yield from _told(file, step.env or {}, step.lines, in_step, f"step `{step.name}`'s", github)


def _told(
    file: File, env: Mapping[str, str], lines: Mapping[str, int], taken: frozenset[str], whose: str, github: bool
) -> Iterator[Remark]:
    for name, value in env.items():
        if name not in taken or _THE_SAME.match(value):
            continue
        step = not github and name not in _STEP
        how = "Set it in the step's own `env`, or give yours another name" if step else "Give yours another name"
        why = "the runner sets its own value after that: the step never sees this one"
        what = f"{whose} `env` sets {name}, which the runner sets itself"
        yield Remark(Level.WRONG, file.spot(lines.get(f"env.{name}")), what, why, how)
