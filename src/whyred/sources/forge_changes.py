"""What can be changed on Forgejo and Gitea: rerun, cancel, dispatch, as plans that are applied when people say so.

Planning reads (which jobs failed, what the workflow file says) and changes nothing.
Source: services/actions/rerun.go, routers/web/repo/actions/view.go, routers/api/v1/repo/action.go of Forgejo 7 to 16
and Gitea 1.23 to 1.26; reference, sections 1.2 to 1.4, 2.1 and 10.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote

from whyred.model.forge import Kind, RunQuery
from whyred.model.run import Attempt, Conclusion, Job, Run
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources import _change_way, forgejo_api, gitea_api, repo_api, web_state
from whyred.sources import plan as plans
from whyred.sources._change_way import FORM, ChangedError, api, web
from whyred.sources._fields import Fields
from whyred.sources._forge_api import label
from whyred.sources._web import by_ids
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
_RUN = "/repos/{owner}/{repo}/actions/runs/{run}"
_RUNS = "/repos/{owner}/{repo}/actions/runs"
_DISPATCH = "/repos/{owner}/{repo}/actions/workflows/{workflow}/dispatches"
_TRIES, _MOMENT = 4, 0.5
"""Tries of a call that the server did nothing of, and the seconds between them."""
_AGAIN = (Conclusion.FAILURE, Conclusion.TIMED_OUT, Conclusion.CANCELLED)
"""What `--failed` runs again: as Gitea and GitHub have it, cancelled jobs as well."""


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
        return _plan(reach, f"rerun {job.job.name} of {run.label}", _again(reach, run).job(job.job))
    if failed:
        return _failed(reach, run)
    return _plan(reach, f"rerun {run.label}", _again(reach, run).all())


def plan_cancel(reach: Reach, run: Run, force: bool = False) -> Plan:
    """Cancels a run. `force` changes nothing: these forges count a cancelled run as over at once."""
    del force
    says = f"cancel {run.label}"
    by = _change_way.way(reach, says, f"{_RUN}/cancel", guess=False)
    return _plan(reach, says, Call("POST", f"{_path(reach, run, by)}/cancel", says, by=by))


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
    says = f"start {file} of {repo} on {found.ref.split('/', 2)[2]}"
    if by is By.WEB:
        return _plan(reach, says, _by_form(repo, file, found.ref, wanted, given, says))
    return _plan(reach, says, _by_api(reach, repo, file, found.ref, given, says))


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
    path = f"{api(repo)}/workflows/{quote(file, safe='')}/dispatches"
    if reach.server.kind is Kind.FORGEJO:
        body["return_run_info"] = True  # Forgejo 8 to 10 do not know it, and pass over it
    else:
        path += "?return_run_details=true"  # known since 1.26
    return Call("POST", path, says, body)


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
    path = f"{web(repo)}{FORM.removeprefix('/actions')}workflow={quote(file, safe='')}"
    return Call("POST", path, says, by=By.WEB, form=form)


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
    return None if id_ is None else next(_list(reach, repo, RunQuery(limit=1, id=id_)), None)


def _told(reply: Reply) -> Fields:
    return Fields(reply.json() if reply.is_json and reply.body else None)


# --- rerun -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Again:
    """The calls that run something of one run again. `path` is the run's, `by` whose name they are made in."""

    reach: Reach
    run: Run
    by: By
    path: str

    def all(self) -> Call:
        """The whole run."""
        return Call("POST", f"{self.path}/rerun", f"rerun all jobs of {self.run.label}", by=self.by)

    def failed(self, names: str) -> Call:
        """The failed jobs, on a Gitea that knows them itself."""
        end = "rerun-failed" if self.by is By.WEB else "rerun-failed-jobs"
        says = f"rerun the failed jobs of {self.run.label} ({names}), and those that need them"
        return Call("POST", f"{self.path}/{end}", says, by=self.by)

    def job(self, job: Job) -> Call:
        """One job."""
        place = self._place(job)
        says = f"rerun the job {job.name} of {self.run.label}, and those that need it"
        return Call("POST", f"{self.path}/jobs/{place}/rerun", says, by=self.by)

    def _place(self, job: Job) -> int:
        """What stands for a job in a path. A place that is not the job's would silently be job 0 on Forgejo."""
        ids = self.by is By.TOKEN or by_ids(self.reach)
        told = job.id if ids else job.index
        if told is None:
            same = [a.job for a in web_state.attempts(self.reach, self.run) if a.job and a.job.name == job.name]
            told = (same[0].id if ids else same[0].index) if len(same) == 1 else None
        if told is None:
            help_ = "the server does not tell which job that is: give the job's URL as the browser has it"
            raise MissingLogError(Missing.WRONG_ID_KIND, f"rerun {job.name} of {self.run.label}", help_)
        return told


def _again(reach: Reach, run: Run) -> _Again:
    guess = reach.server.kind is Kind.GITEA and by_ids(reach)
    by = _change_way.way(reach, f"rerun {run.label}", f"{_RUN}/rerun", guess)
    return _Again(reach, run, by, _path(reach, run, by))


def _failed(reach: Reach, run: Run) -> Plan:
    """The failed jobs of a run: in one call where the server has one for it, else a call for each."""
    again = _again(reach, run)
    jobs = _jobs(reach, run)
    failed = [job for job, conclusion in jobs if conclusion in _AGAIN]
    title = f"rerun the failed jobs of {run.label}"
    if not failed:
        return _plan(reach, f"{title}: none failed, so there is nothing to do")
    if again.by is By.TOKEN or by_ids(reach):
        return _plan(reach, title, again.failed(", ".join(job.name for job in failed)))
    if len(failed) == len(jobs):
        return _plan(reach, f"{title}, which are all it has", again.all())
    first = list(_first(failed))
    if len(first) > 1 and _only_ended(reach):
        names = ", ".join(job.name for job in first)
        help_ = (
            f"{reach.server} reruns one job, and then no other before the run has ended again: "
            f"name one of {names} with --job, or rerun the whole run"
        )
        raise MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, title, help_)
    several = f" in {len(first)} calls, for this server reruns a whole run or one job" if len(first) > 1 else ""
    return _plan(reach, f"{title}{several}", *map(again.job, first))


def _first(failed: Sequence[Job]) -> Iterator[Job]:
    """The failed jobs that no other failed job brings along: those that need one are rerun with it."""
    names = {job.name.partition(" (")[0] for job in failed}
    for job in failed:
        if names.isdisjoint(job.needs or ()):
            yield job


def _only_ended(reach: Reach) -> bool:
    """Whether a job is rerun only while its whole run has ended: Gitea from 1.25, the version that lists runs."""
    return reach.server.kind is Kind.GITEA and reach.server.offers(_RUNS) is not False


def _jobs(reach: Reach, run: Run) -> list[tuple[Job, Conclusion]]:
    """The jobs of a run and how they ended: by the API, else by the web pages."""
    source = forgejo_api if reach.server.kind is Kind.FORGEJO else gitea_api
    try:
        found = source.attempts(reach, run)
    except MissingLogError:
        found = web_state.attempts(reach, run)  # the pages know all of it as well, and say what is wrong if it is
    return [(a.job, a.conclusion) for a in found if a.job is not None]


# --- paths -----------------------------------------------------------------------------------------------------------


def _path(reach: Reach, run: Run, by: By) -> str:
    """The run's path, in the API or among the pages."""
    repo = run.repo or ""
    ids = by is By.TOKEN or by_ids(reach)
    told = (run.id if run.id is not None else _id(reach, run)) if ids else run.number
    if not repo or told is None:
        help_ = f"{reach.server} goes by the run's {'id' if ids else 'number'} there, which is not known: give its URL"
        raise MissingLogError(Missing.WRONG_ID_KIND, f"change {run.label}", help_)
    return f"{api(repo) if by is By.TOKEN else web(repo)}/runs/{told}"


def _id(reach: Reach, run: Run) -> int | None:
    """The forge's own number of a run that people name by another."""
    if run.number is None or run.repo is None:
        return None
    found = next(_list(reach, run.repo, RunQuery(limit=1, number=run.number)), None)
    return found.id if found else None


def _list(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    source = forgejo_api if reach.server.kind is Kind.FORGEJO else gitea_api
    return (run for run in source.runs(reach, repo, query) if query.keeps(run))


def _plan(reach: Reach, title: str, *calls: Call) -> Plan:
    return Plan(title, reach.http.root, calls)
