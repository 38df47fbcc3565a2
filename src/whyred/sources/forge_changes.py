"""What can be changed on Forgejo and Gitea: rerun, cancel, dispatch, as plans that are applied when people say so.

Planning reads (which jobs failed, what the workflow file says) and changes nothing.
Source: services/actions/rerun.go, routers/web/repo/actions/view.go, routers/api/v1/repo/action.go of Forgejo 7 to 16
and Gitea 1.23 to 1.26; reference, sections 1.2 to 1.4, 2.1 and 10.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Attempt, Run
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources import _change_rerun, _change_way, repo_api
from whyred.sources import plan as plans
from whyred.sources._change_way import FORM, RUN, ChangedError, api, listed, path, planned, web
from whyred.sources._fields import Fields
from whyred.sources._forge_api import label
from whyred.sources._moved import now
from whyred.sources._workflow_file import find
from whyred.sources.http import By, Reply
from whyred.sources.plan import Call, Plan
from whyred.sources.reach import Reach

if TYPE_CHECKING:
    from whyred.workflows.dispatch import Input

NAME = "forge-changes"
SERVES = "rerun, cancel and dispatch on Forgejo and Gitea: by their API where it has them, else by their web pages"
ORDER = 129
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
_DISPATCH = "/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches"
_TRIES, _MOMENT = 4, 0.5
"""Tries of a call that the server did nothing of, and the seconds between them."""


def refuses(reach: Reach) -> MissingLogError | None:
    """Nobody without a name may change anything."""
    if reach.http.token is not None or reach.http.signed_in:
        return None
    help_ = (
        f"it needs an API token with the scope {_change_way.SCOPE}, or a web login: whyred login {reach.server.root}"
    )
    return MissingLogError(Missing.NEEDS_TOKEN, f"change something on {reach.server.root}", help_)


def plan_rerun(reach: Reach, run: Run, job: Attempt | None = None, failed: bool = False, debug: bool = False) -> Plan:
    """Runs a whole run again, its failed jobs (and those that need them), or one job. Raises MissingLogError, and
    UserError for `debug`, which no such forge knows.
    """
    if debug:
        why = "a rerun takes no debug logging there"
        raise UserError(f"no debug logging on {reach.server}", why, "Set the secret ACTIONS_STEP_DEBUG to true instead")
    if job is not None and job.job is not None:
        return planned(reach, f"rerun {job.job.name} of {run.label}", _change_rerun.again(reach, run).job(job.job))
    if failed:
        return _change_rerun.failed(reach, run)
    return planned(reach, f"rerun {run.label}", _change_rerun.again(reach, run).all())


def plan_cancel(reach: Reach, run: Run, force: bool = False) -> Plan:
    """Cancels a run. `force` changes nothing: these forges count a cancelled run as over at once."""
    del force
    says = f"cancel {run.label}"
    by = _change_way.way(reach, says, f"{RUN}/cancel", guess=False)
    return planned(reach, says, Call("POST", f"{path(reach, run, by)}/cancel", says, by=by))


def plan_dispatch(reach: Reach, repo: str, workflow: str, ref: str, inputs: Mapping[str, str] | None = None) -> Plan:
    """Starts a workflow (by its file name) on a branch or tag, after its file was read: servers also start workflows
    that have no such trigger, and fail without a reason where there is no such file.

    Raises MissingLogError, UserError (no such trigger, inputs that do not fit) and WorkflowError.
    """
    from whyred.workflows.dispatch import TRIGGER, read_dispatch, wrong  # reading YAML costs every other use 20 ms

    file, given = workflow.rpartition("/")[2], dict(inputs or {})
    by = _way_to_start(reach, f"start {file} of {repo}")
    found = find(reach, repo, file, ref, _counts(reach, repo))
    wanted = read_dispatch(found.text, found.path)
    if wanted is None:
        why = f"its `on:` lists no {TRIGGER}, and the server would start it without one, with nothing to tell it why"
        how = f"Add `{TRIGGER}:` to `on:` in {found.path} ({ref})"
        raise UserError(f"{file} cannot be started by hand", why, how, 4)
    if faults := list(wrong(wanted, given)):
        raise UserError(f"{file} cannot be started so", "; ".join(faults), "Give its inputs with --input NAME=VALUE", 4)
    repo = now(reach, repo)
    says = f"start {file} of {repo} on {found.ref.split('/', 2)[2]}"
    if by is By.WEB:
        return planned(reach, says, _by_form(repo, file, found.ref, wanted, given, says))
    return planned(reach, says, _by_api(reach, repo, file, found.ref, given, says))


def _way_to_start(reach: Reach, what: str) -> By:
    """The API; on Gitea the web pages as well, which have a form for it since 1.23."""
    if reach.server.kind is Kind.GITEA:
        return _change_way.way(reach, what, _DISPATCH, guess=True)
    if reach.server.offers(_DISPATCH) is False:
        help_ = f"{reach.server} starts no workflow by hand: Forgejo 8 brought that"
        raise MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, f"{what} on {reach.server.root}", help_)
    if reach.http.token is None:
        help_ = f"it goes by the API alone: whyred login, with a token of the scope {_change_way.SCOPE}"
        raise MissingLogError(Missing.NEEDS_TOKEN, f"{what} on {reach.server.root}", help_)
    return By.TOKEN


def _counts(reach: Reach, repo: str) -> str | None:
    """The branch whose workflow file counts, where that is not the one it is started on: before it had an API for it,
    Gitea took the default branch's (routers/web/repo/actions/view.go of 1.23).
    """
    if reach.server.offers(_DISPATCH) is not False or reach.http.token is None:
        return None
    return repo_api.default_branch(reach, repo)


def _by_api(reach: Reach, repo: str, file: str, ref: str, given: Mapping[str, str], says: str) -> Call:
    body: dict[str, object] = {"ref": ref, **({"inputs": dict(given)} if given else {})}
    to = f"{api(repo)}/workflows/{quote(file, safe='')}/dispatches"
    if reach.server.kind is Kind.FORGEJO:
        body["return_run_info"] = True  # Forgejo 8 to 10 do not know it, and pass over it
    else:
        to += "?return_run_details=true"  # known since 1.26
    return Call("POST", to, says, body)


def _by_form(
    repo: str, file: str, ref: str, wanted: "Mapping[str, Input]", given: Mapping[str, str], says: str
) -> Call:
    """A form as a browser sends it: every input has its value, and a box that is not ticked is not sent at all."""
    form = {"ref": ref}
    for name, one in wanted.items():
        if name in ("ref", "workflow"):
            why = f"it has an input `{name}`, which the page's form cannot tell from its own"
            raise UserError(f"{file} cannot be started by the web page", why, "Rename the input")
        value = given.get(name, one.default) or ""
        if one.kind != "boolean":
            form[name] = value
        elif value == "true":
            form[name] = "on"
    to = f"{web(repo)}{FORM.removeprefix('/actions')}workflow={quote(file, safe='')}"
    return Call("POST", to, says, by=By.WEB, form=form)


def apply(reach: Reach, plan: Plan) -> tuple[Reply, ...]:
    """Does what the plan says. Raises UserError (see `whyred.sources.plan.apply`)."""
    replies: list[Reply] = []
    for call in plan.calls:
        try:
            replies += _made(reach, replace(plan, calls=(call,)))
        except UserError as e:
            done = "; ".join(made.says for made in plan.calls[: len(replies)])
            raise UserError(e.what, e.why, f"{e.how}{f'. Done before: {done}' if done else ''}", e.code) from None
    if any(FORM in call.path for call in plan.calls) and (why := _change_way.flashed(reach.http)):
        raise UserError(f"could not {plan.calls[-1].says}", f"the server says: {why}", "Mend that, and try again", 4)
    return tuple(replies)


def _made(reach: Reach, plan: Plan) -> tuple[Reply, ...]:
    """The plan of one call, made; again where the server itself says that it did nothing of it."""
    pages = any(call.by is By.WEB for call in plan.calls)
    read = _change_way.web_refusal(reach) if pages else _change_way.api_refusal(reach)
    for _ in range(_TRIES):
        try:
            return plans.apply(reach.http, plan, read, _change_way.headers(reach))
        except ChangedError:
            reach.http.sleep(_MOMENT)
    why = "each time something else changed the run at that moment"
    raise UserError(f"could not {plan.calls[0].says}", f"{_TRIES} tries: {why}", "Try again", 1)


def dispatched(replies: Sequence[Reply]) -> int | None:
    """The id of the run that a dispatch started, where the server tells it (Forgejo 11+, Gitea 1.26+)."""
    found = (told.positive("workflow_run_id") or told.positive("id") for told in map(_told, replies))
    return next((id_ for id_ in found if id_ is not None), None)


def started(reach: Reach, repo: str, replies: Sequence[Reply]) -> Run | None:
    """The run that a dispatch started, where the server tells it. Raises MissingLogError."""
    from whyred.workflows.dispatch import TRIGGER

    for told in map(_told, replies):
        if number := told.positive("run_number"):
            return Run(label(repo, number), repo=repo, id=told.positive("id"), number=number, event=TRIGGER)
    id_ = dispatched(replies)
    return None if id_ is None else next(listed(reach, repo, RunQuery(limit=1, id=id_)), None)


def _told(reply: Reply) -> Fields:
    return Fields(reply.json() if reply.is_json and reply.body else None)
