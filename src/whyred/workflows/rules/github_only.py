"""What GitHub does and this forge does not: keys that are passed over, events that never come, actions that refuse."""

import re
from collections.abc import Iterator

from whyred.model.forge import Kind
from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout, File, Told
from whyred.workflows.yaml_tree import Table

SOURCE = (
    "forgejo.org, Forgejo Actions: GitHub Actions, known list of differences; docs.gitea.com, Compared to GitHub "
    "Actions (1.20 to 1.27); modules/actions/github.go of both; artifacts: forgejo.org, Advanced features, and "
    "go-gitea/gitea#31256, #35706, #36024"
)
_NO_EVENT = frozenset(
    {
        *("branch_protection_rule", "check_run", "check_suite", "deployment", "deployment_status", "discussion"),
        *("discussion_comment", "label", "merge_group", "milestone", "page_build", "project", "project_card"),
        *("project_column", "public", "repository_dispatch", "watch", "image_version"),
    }
)
"""Events of GitHub that neither Forgejo nor Gitea sends."""
_ARTIFACT = re.compile(r"(?:https://github\.com/)?actions/(upload|download)-artifact@v([4-9]|\d\d)\b")


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per key, event or action."""
    if checkout.told.kind not in (Kind.FORGEJO, Kind.GITEA):
        return
    for file in checkout.files:
        yield from _events(file, checkout.told)
        yield from _keys(file, file.root, "the workflow", checkout.told)
        for job in file.workflow.jobs:
            yield from _keys(file, file.job_node(job), f"job `{job.key}`", checkout.told)
            for step in job.steps:
                if (found := _ARTIFACT.match(step.uses or "")) is not None:
                    yield from _artifact(file, step.lines.get("uses", step.line), found, checkout.told)


def _events(file: File, told: Told) -> Iterator[Remark]:
    for trigger in file.triggers:
        gone = trigger.event in _NO_EVENT or (trigger.event == "workflow_run" and told.kind is Kind.FORGEJO)
        if gone:
            what = f"`on: {trigger.event}`: {_name(told)} never sends this event"
            why = "nothing fires by it" if len(file.triggers) > 1 else "this workflow never runs"
            yield Remark(Level.WRONG, file.spot(trigger.line), what, why, "Use another event, or call it by hand")


def _keys(file: File, table: Table, who: str, told: Told) -> Iterator[Remark]:
    """The keys that are passed over without a word."""
    top = table is file.root
    for key in ("permissions", "concurrency", "environment", "timeout-minutes", "continue-on-error", "runs-on"):
        if key not in table.entries or (top and key not in ("permissions", "concurrency")):
            continue
        if key == "runs-on" and not isinstance(table.entries[key], Table):
            continue
        past = _passed_over(key, told)
        if past is False:
            continue
        sure = "" if past else " (in old versions: which one this is, is not known)"
        yield Remark(
            Level.NOTE if key in ("permissions", "environment") or past is None else Level.DOUBTFUL,
            file.spot(table.lines[key]),
            f"{_name(told)} passes over `{key}` of {who}{sure}",
            _WHY[key],
            _HOW[key],
        )


def _passed_over(key: str, told: Told) -> bool | None:
    """Whether the forge passes over a key of the workflow or a job; None where that hangs on its version."""
    if told.kind is Kind.FORGEJO:
        return (
            told.before(14) if key == "concurrency" else key in ("permissions", "timeout-minutes", "continue-on-error")
        )
    if key in ("permissions", "concurrency"):
        return told.before(1, 26)
    if key in ("timeout-minutes", "continue-on-error"):
        return told.before(1, 27)
    return True


_WHY = {
    "permissions": "the job's token may do what the forge's settings say, not what stands here",
    "concurrency": "runs are neither held back nor cancelled by it",
    "environment": "its secrets, variables and approvals do not apply",
    "timeout-minutes": "the job runs until the runner's own `timeout` (3 hours by default)",
    "continue-on-error": "a failure of the job makes the run red",
    "runs-on": "`group` and `labels` are not read: only one label or a list of labels is",
}
_HOW = {
    "permissions": "Set the token's rights in the forge's settings",
    "concurrency": "Update the forge, or see to it that runs may overlap",
    "environment": "Use secrets of the repository, and ask for the branch with `if`",
    "timeout-minutes": "Set `timeout-minutes` at the steps, or `timeout` of the program: `timeout 10m make test`",
    "continue-on-error": "Set `continue-on-error` at the steps",
    "runs-on": "Write `runs-on: LABEL`",
}


def _artifact(file: File, line: int, found: re.Match[str], told: Told) -> Iterator[Remark]:
    """Gitea 1.26 is said to have mended it: then, nothing is said."""
    before = True if told.kind is Kind.FORGEJO else told.before(1, 26)
    if before is False:
        return
    patched = f" or a patched v4, such as https://code.forgejo.org/forgejo/{found[1]}-artifact@v4"
    yield Remark(
        Level.WRONG if before else Level.DOUBTFUL,
        file.spot(line),
        f"`{found[0]}` refuses to run anywhere but on github.com",
        f"it ends with `are not currently supported on GHES`{'' if before else '; Gitea 1.26 may let it run'}",
        f"Use v3{patched if told.kind is Kind.FORGEJO else ''}",
    )


def _name(told: Told) -> str:
    return "Forgejo" if told.kind is Kind.FORGEJO else "Gitea"
