"""A workflow that runs twice for one commit: for the push and for its pull request."""

from collections.abc import Iterator

from whyred.model.remark import Level, Remark
from whyred.workflows.checkup import Checkout, File
from whyred.workflows.expressions import ExpressionError, Place
from whyred.workflows.patterns_meet import can_meet
from whyred.workflows.rules._groups import share_a_group
from whyred.workflows.triggers import Filter, Trigger
from whyred.workflows.truth import holds
from whyred.workflows.worlds import same_commit

SOURCE = "cause catalogue 3.12, double-trigger; GitHub, Events that trigger workflows: pull_request"


def look(checkout: Checkout) -> Iterator[Remark]:
    """One remark per workflow, at its `push`."""
    for file in checkout.files:
        push, pull = (next((t for t in file.triggers if t.event == e), None) for e in ("push", "pull_request"))
        if push is None or pull is None or not _both(push, pull) or not _runs_twice(file):
            continue
        yield Remark(
            Level.DOUBTFUL,
            file.spot(push.line),
            "it runs twice for every commit of a pull request: for the push to its branch and for the pull request",
            "both runs share runners, caches, ports and deploy targets, and one can fail because of the other",
            "Let `push` name the branches that are merged into (`branches: [main]`), or put both into one "
            "`concurrency` group: `${{ github.workflow }}-${{ github.head_ref || github.ref_name }}`",
            (file.spot(pull.line),) if pull.line != push.line else (),
        )


def _both(push: Trigger, pull: Trigger) -> bool:
    """Whether a push to a topic branch and its pull request can both start it."""
    topic = push.of_branches and (push.branches.only is None or _takes_topics(push.branches))
    return topic and "**" not in push.branches.never and pull.on_new_commits and can_meet(push.paths, pull.paths)


def _takes_topics(branches: Filter) -> bool:
    """Whether it has a wildcard that topic branches have: names such as release/* are merged into, not from."""
    loose = [p for p in branches.only or () if "*" in p and not p.startswith(("!", "release", "stable", "v", "hotfix"))]
    return bool(loose)


def _runs_twice(file: File) -> bool:
    """Whether a job runs both times, and no group lets one run wait for the other or end it."""
    push, pull = same_commit(file.workflow)
    if share_a_group(file, push, pull):
        return False
    for job in file.workflow.jobs:
        place = Place(file.path, job.lines.get("if", job.line), f"jobs.{job.key}.if")
        try:
            if holds(job.if_, push, place) is not False and holds(job.if_, pull, place) is not False:
                return True
        except ExpressionError:
            continue
    return False
