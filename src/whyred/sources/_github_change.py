"""What can be changed on GitHub: rerun, cancel, dispatch, as plans that are applied when people say so.

Source: docs.github.com, REST API endpoints for workflow runs and workflows; the id of a dispatched run is told by
github.com since 2026-02, and by Enterprise Server not yet.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit

from whyred.model.run import Attempt, Run
from whyred.model.source import Missing, MissingLogError
from whyred.sources import plan as plans
from whyred.sources._fields import Fields
from whyred.sources._github_api import HEADERS, refusal, repo_path
from whyred.sources.http import Reply
from whyred.sources.plan import Call, Plan
from whyred.sources.reach import Reach


def plan_rerun(reach: Reach, run: Run, job: Attempt | None = None, failed: bool = False, debug: bool = False) -> Plan:
    """Runs a whole run again, its failed jobs (and those that need them), or one job. `debug`: with debug logging.
    Raises MissingLogError where an id is not known.
    """
    body: Mapping[str, Any] | None = {"enable_debug_logging": True} if debug else None
    if job is not None:
        if job.job is None or job.job.id is None:
            raise _no_id(f"rerun a job of {run.label}")
        what = f"rerun the job {job.job.name} of {run.label}, and the jobs that need it"
        return _plan(reach, Call("POST", f"{_repo(run)}/actions/jobs/{job.job.id}/rerun", what, body))
    what, end = ("the failed jobs of ", "rerun-failed-jobs") if failed else ("", "rerun")
    return _plan(reach, Call("POST", f"{_of(run)}/{end}", f"rerun {what}{run.label}", body))


def plan_cancel(reach: Reach, run: Run, force: bool = False) -> Plan:
    """Cancels a run. `force`: also where its steps say `if: always()` and hold it up."""
    how, end = ("by force ", "force-cancel") if force else ("", "cancel")
    return _plan(reach, Call("POST", f"{_of(run)}/{end}", f"cancel {how}{run.label}"))


def plan_dispatch(reach: Reach, repo: str, workflow: str, ref: str, inputs: Mapping[str, str] | None = None) -> Plan:
    """Starts a workflow (by its file name or id) on a branch or tag."""
    body: dict[str, Any] = {"ref": ref}
    if inputs:
        body["inputs"] = dict(inputs)
    if urlsplit(reach.http.root).path == "":
        body["return_run_details"] = True  # Enterprise Server refuses keys that it does not know
    file = workflow.rpartition("/")[2]
    path = f"{repo_path(repo)}/actions/workflows/{quote(file, safe='')}/dispatches"
    return _plan(reach, Call("POST", path, f"start the workflow {file} of {repo} on {ref}", body))


def apply(reach: Reach, plan: Plan) -> tuple[Reply, ...]:
    """Does what the plan says. Raises UserError (see `whyred.sources.plan.apply`)."""
    token = reach.http.token is not None
    return plans.apply(reach.http, plan, lambda reply: _refusal(reply, token=token), lambda _: HEADERS)


def dispatched(replies: Sequence[Reply]) -> int | None:
    """The id of the run that a dispatch started, where GitHub tells it."""
    for reply in replies:
        if reply.is_json and (run := Fields(reply.json()).positive("workflow_run_id")):
            return run
    return None


def _refusal(reply: Reply, *, token: bool) -> MissingLogError:
    """A run that cannot be run again is refused as if it were the user who may not."""
    body = reply.body[:4096]
    for words, help_ in (
        (b"already running", "it is running still: wait for its end, or cancel it first"),
        (
            b"created over a month ago",
            "it is more than a month old, and GitHub runs none again after that: start a new one",
        ),
        (b"cannot be retried", "GitHub does not run it again: start a new one"),
        (b"has been archived", "the repository is archived, and nothing runs in it"),
    ):
        if reply.status == 403 and words in body:
            return MissingLogError(Missing.NO_PERMISSION, reply.asked, help_)
    return refusal(reply, token=token)


def _plan(reach: Reach, call: Call) -> Plan:
    return Plan(call.says, reach.http.root, (call,))


def _repo(run: Run) -> str:
    if run.repo is None:
        raise _no_id(f"change {run.label}")
    return repo_path(run.repo)


def _of(run: Run) -> str:
    if run.id is None:
        raise _no_id(f"change {run.label}")
    return f"{_repo(run)}/actions/runs/{run.id}"


def _no_id(asked: str) -> MissingLogError:
    return MissingLogError(Missing.WRONG_ID_KIND, asked, "GitHub's own id of it is not known: name it by its URL")
