"""The web pages that a client uses: runs, state and rows, download, rerun, cancel, artifacts, the list of runs."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import quote

from standin.api_actions import cancel_run, unreadable, zip_of
from standin.api_gitea import attachment
from standin.forge import Forge, RefusedError, moved
from standin.login import Visit, answer_user, held_up, to_login
from standin.state import answer_state, broken, envelope, read_cursors, relative_time
from standin.wire import Reply, Request, as_html, as_json, as_text, ranged, redirect
from standin.world import Attempt, Job, Repo, Run, Status

_RUN = re.compile(
    r"/(?P<owner>[^/]+)/(?P<repo>[^/]+)/actions/runs/(?P<run>\d+|latest)"
    r"(?:/jobs/(?P<job>\d+)(?:/attempt/(?P<attempt>\d+))?)?(?P<rest>/logs|/rerun-failed|/rerun|/cancel|/artifacts(?:/[^/]+)?)?"
)
_REPO = re.compile(
    r"/(?P<owner>[^/]+)/(?P<repo>[^/]+)(?P<rest>|/actions|/actions/workflows/[^/]+/(?:runs/latest|badge\.svg))"
)


def answer_web(forge: Forge, request: Request) -> Reply:
    """The answer to a page; cookies come along, also with refusals."""
    visit = Visit(forge, request)
    try:
        reply = _answer(visit)
    except RefusedError as refused:
        reply = refused.reply
    if visit.flash and not any(value.startswith("gitea_flash=") for _, value in visit.cookies):
        visit.drop_cookie("gitea_flash")
    return reply.plus(*visit.cookies)


def _answer(visit: Visit) -> Reply:
    forge, request = visit.forge, visit.request
    path = request.path
    if path == "/swagger.v1.json":
        return _swagger(forge) if forge.swagger else not_found(visit)
    if path.startswith("/user/"):
        return answer_user(visit)
    if request.method == "POST":
        visit.check_post()
    if stop := held_up(visit):
        return stop
    if forge.signin and visit.user is None and (forge.profile.generation < 16 or _anybody_may_read(visit)):
        return to_login(visit)
    if path in {"", "/"}:
        return as_html(forge.profile.name)
    if match := _RUN.fullmatch(path):
        return _answer_run(Page(visit, _repo(visit, match), match))
    if match := _REPO.fullmatch(path):
        return _answer_repo(visit, _repo(visit, match), match["rest"])
    return not_found(visit)


def _anybody_may_read(visit: Visit) -> bool:
    """Forgejo 16 with REQUIRE_SIGNIN_VIEW says 404 to what is not there; its answer to what is there is a guess."""
    owner, _, rest = visit.request.path.strip("/").partition("/")
    repo = visit.forge.world.find_repo(owner, rest.partition("/")[0])
    return repo is not None and repo.may_read(None)


def not_found(visit: Visit) -> Reply:
    """A page for browsers, two words for everybody else."""
    if "text/html" in visit.request.header("Accept"):
        title = "Page Not Found" if visit.forge.profile.generation <= 11 else "Page not found"
        return as_html(f"{title} - {visit.forge.profile.name}", "404", 404)
    return as_text("Not found.\n", 404, kind="text/plain;charset=utf-8")


def _swagger(forge: Forge) -> Reply:
    paths: dict[str, dict[str, object]] = {}
    for operation in sorted(forge.profile.api):
        method, path = operation.split(" ")
        paths.setdefault(path, {})[method.lower()] = {"produces": ["application/json"], "responses": {}}
    name = "Forgejo" if forge.profile.forgejo else "Gitea"
    info = {"title": f"{name} API", "version": forge.profile.version}
    body = {"swagger": "2.0", "info": info, "basePath": f"{forge.prefix}/api/v1", "paths": paths}
    return as_json(body, kind="application/json")


def _repo(visit: Visit, match: re.Match[str]) -> Repo:
    repo = visit.forge.world.find_repo(match["owner"], match["repo"])
    if repo is None and (to := moved(visit.forge, visit.request, match["owner"], match["repo"])) is not None:
        raise RefusedError(to)
    if repo is None or not repo.may_read(visit.user) or ("/actions" in visit.request.path and not repo.actions):
        raise RefusedError(not_found(visit))
    return repo


@dataclass(slots=True)
class Page:
    """A request to a run's pages."""

    visit: Visit
    repo: Repo
    match: re.Match[str]

    @property
    def forge(self) -> Forge:
        """The forge."""
        return self.visit.forge

    def run(self) -> Run:
        """The run named in the path; raises the 404."""
        asked = self.match["run"]
        if asked == "latest" and self.repo.runs:
            return self.repo.runs[-1]
        number = int(asked) if asked.isdecimal() else 0
        run = self.repo.run(number)
        if self.forge.profile.web_ids == "database":
            run = next((r for r in self.repo.runs if r.id == number), None)
        if run is None and not self.forge.profile.forgejo and self.forge.profile.release >= (1, 25):
            raise RefusedError(not_found(self.visit))
        if run is None:
            text = f"run with index {self.repo.id} {number}: resource does not exist\n"
            raise RefusedError(as_text(text, 404))
        return run

    def job(self) -> Job | None:
        """The job: out of range means the first one. With database ids 0 is none, and an unknown one a 404."""
        jobs, asked = self.run().jobs, int(self.match["job"] or 0)
        if self.forge.profile.web_ids == "index":
            return jobs[asked] if asked < len(jobs) else jobs[0]
        job = next((job for job in jobs if job.id == asked), None)
        if asked and job is None:
            raise RefusedError(not_found(self.visit))
        return job

    def attempt(self, job: Job) -> Attempt | None:
        """The attempt asked for. Raises the 500 of one that does not exist (also of none named, where they are)."""
        if not self.forge.profile.attempts:
            return job.task
        number = int(self.match["attempt"] or 0)
        if job.task is None:
            return None
        found = next((a for a in job.attempts if a.number == number), None)
        if found is None:
            text = f"task with job_id {job.id} and attempt {number}: resource does not exist\n"
            raise RefusedError(as_text(text, 500))
        return found

    def address(self, *parts: object) -> str:
        """A page of this repository's runs."""
        return "/".join([self.forge.root, self.repo.full_name, "actions/runs", *map(str, parts)])


def _answer_run(page: Page) -> Reply:
    post, match = page.visit.request.method == "POST", page.match
    if match["attempt"] and not page.forge.profile.attempts:
        return not_found(page.visit)
    if match["run"] == "latest" and not match["rest"] and page.forge.profile.forgejo:
        run = page.run()
        return redirect(page.address(run.index if page.forge.profile.web_ids == "index" else run.id), 307)
    answers: dict[tuple[bool, str], Callable[[Page], Reply]] = {
        (False, "/logs"): _download,
        (True, "/rerun"): _rerun,
        (True, "/rerun-failed"): _rerun_failed,
        (True, "/cancel"): _cancel,
        (False, ""): _run_page,
        (True, ""): _state,
    }
    rest = match["rest"] or ""
    if rest.startswith("/artifacts") and not post:
        return _artifacts(page, rest.removeprefix("/artifacts").removeprefix("/"))
    answer = answers.get((post, rest))
    return answer(page) if answer else not_found(page.visit)


def _state(page: Page) -> Reply:
    job = page.job()
    if job is None:
        shape = envelope(page.forge, page.run().jobs[0], None, page.visit.user)
        shape["state"]["currentJob"] = {"title": "", "detail": "", "steps": None}
        shape["logs"]["stepsLog"] = None
        return as_json(shape)
    asked = read_cursors(page.visit.request.body)
    return answer_state(page.forge, job, page.attempt(job), asked, page.visit.user)


def _run_page(page: Page) -> Reply:
    profile, match = page.forge.profile, page.match
    if profile.web_ids == "database":
        return _page_by_id(page)
    run, job = page.run(), page.job()
    if job is None:
        return not_found(page.visit)
    if profile.attempts and not match["attempt"]:
        number = job.attempt if profile.generation >= 16 or job.task else max(1, len(job.attempts))
        return redirect(page.address(run.index, "jobs", job.index, "attempt", number), 307)
    link = f"{page.forge.prefix}/{page.repo.full_name}/actions"
    data = {"run-index": str(run.index), "job-index": match["job"] or "0", "actions-url": link}
    if profile.attempts:
        first = json.dumps(envelope(page.forge, job, page.attempt(job), page.visit.user), separators=(",", ":"))
        data |= {"run-id": str(run.id), "attempt-number": match["attempt"], "initial-post-response": first}
    if profile.forgejo:
        data |= {"workflow-name": run.workflow, "workflow-url": f"{link}?workflow={run.workflow}"}
    if profile.generation >= 15:
        source = f"{page.forge.prefix}/{page.repo.full_name}/src/commit/{run.sha}/.forgejo/workflows/{run.workflow}"
        data["workflow-source-url"] = source
    return _view(page, data)


def _view(page: Page, data: dict[str, str]) -> Reply:
    attributes = "".join(f'\n data-{name}="{escape(value)}"' for name, value in data.items())
    visit = page.visit
    script = f"<script>window.config = {{csrfToken: '{visit.token()}'}};</script>" if visit.tokens else ""
    title = page.repo.full_name + ("" if page.forge.profile.forgejo else f" - {page.repo.name}")
    shown = f'{script}<div id="repo-action-view"{attributes}></div>'
    return as_html(f"{title} - {page.forge.profile.name}", shown)


def _page_by_id(page: Page) -> Reply:
    """Gitea 1.26: ids; an address with the run's number and the job's place is sent on to the one with ids."""
    runs, asked = page.repo.runs, page.match["run"]
    known = asked == "latest" or any(str(run.id) == asked for run in runs)
    numbered = next((run for run in runs if str(run.index) == asked), None)
    link = f"{page.forge.prefix}/{page.repo.full_name}/actions"
    if numbered is not None and (not known or page.visit.request.one("by_index")):
        place, jobs = int(page.match["job"] or 0), numbered.jobs
        job = f"/jobs/{jobs[place].id}" if page.match["job"] and place < len(jobs) else ""
        return redirect(f"{link}/runs/{numbered.id}{job}", 302)
    chosen = page.job()
    return _view(page, {"run-id": str(page.run().id), "job-id": str(chosen.id if chosen else 0), "actions-url": link})


def _download(page: Page) -> Reply:
    profile, number = page.forge.profile, page.match["job"]
    new = not profile.forgejo and profile.release >= (1, 25)
    if (profile.attempts and not page.match["attempt"]) or not number:
        return not_found(page.visit)
    job = page.job()
    if job is None or (new and profile.web_ids == "index" and int(number) >= len(page.run().jobs)):
        return not_found(page.visit)
    attempt = page.attempt(job)
    if attempt is None:
        return not_found(page.visit) if new else as_text("job is not started\n", 404)
    if attempt.missing == "expired":
        return not_found(page.visit) if new else as_text("logs have been cleaned up\n", 404)
    if why := unreadable(profile, attempt):
        return broken(page.forge, why) if new else as_text(why + "\n", 500)
    named = attachment(page.forge, attempt)
    return ranged(page.visit.request, attempt.log.size, attempt.log.read, *named, plain_refusal=not profile.forgejo)


def _rerun(page: Page) -> Reply:
    run = page.run()
    if not page.repo.may_write(page.visit.user):
        return not_found(page.visit)
    job = page.job() if page.match["job"] else None
    told = run.told(fails_early=page.forge.profile.fails_early) if job is None else job.status
    if page.forge.profile.generation >= 16 and not told.done:
        what = "workflow" if job is None else "job"
        return as_json({"errorMessage": f"The {what} cannot be rerun.", "renderFormat": "html"}, 400)
    if job is None:
        for each in run.jobs:
            each.again(blocked=bool(each.needs))
    else:
        _rerun_job(page, job)
    if not page.forge.profile.attempts:
        return _done(page)
    shown = job or run.jobs[0]
    return as_json({"redirect": page.address(run.index, "jobs", shown.index, "attempt", shown.attempt)})


def _rerun_job(page: Page, job: Job) -> None:
    """The job and those that need it. What runs still is left alone before Forgejo 16, which cancels a dependent."""
    for each in [job, *job.dependents]:
        if not each.status.done and page.forge.profile.generation < 16:
            continue
        if not each.status.done and each.task is not None:
            each.task.end(Status.CANCELLED)
        each.again(blocked=each is not job)


def _rerun_failed(page: Page) -> Reply:
    """The failed and cancelled jobs and those that need them (Gitea 1.26: services/actions/rerun.go, GetFailedJobs)."""
    run = page.run()
    if page.forge.profile.web_ids == "index" or page.match["job"] or not page.repo.may_write(page.visit.user):
        return not_found(page.visit)
    if not run.status.done:
        return as_json({"errorMessage": "This workflow run is not done.", "renderFormat": "text"}, 400)
    for job in [job for job in run.jobs if job.status in {Status.FAILURE, Status.CANCELLED}]:
        _rerun_job(page, job)
    return _done(page)


def _cancel(page: Page) -> Reply:
    run = page.run()
    if not page.repo.may_write(page.visit.user):
        return not_found(page.visit)
    cancel_run(run)
    return _done(page)


def _done(page: Page) -> Reply:
    profile = page.forge.profile
    return as_json({"ok": True} if not profile.forgejo and profile.release >= (1, 25) else {})


def _artifacts(page: Page, name: str) -> Reply:
    if not name:
        listed = [{"name": n, "size": len(d), "status": "completed"} for n, d in page.run().artifacts.items()]
        return as_json({"artifacts": listed})
    run: Run | None
    if page.forge.profile.generation >= 13:
        number = int(page.match["run"])
        run = next((r for r in page.repo.runs if r.id == number), None)
        if run is None:
            return as_text("no such run\n", 404)
    else:
        run = page.run()
    return zip_of(name, run.artifacts[name]) if name in run.artifacts else not_found(page.visit)


def _answer_repo(visit: Visit, repo: Repo, rest: str) -> Reply:
    if rest == "":
        to = f"{visit.forge.prefix}/{repo.full_name}/commits/branch/{quote(repo.default_branch)}"
        return as_html(repo.full_name, f'<a class="item muted " href="{to}">Commits</a>')
    if rest == "/actions":
        return _list_page(visit, repo)
    workflow, branch = rest.split("/")[3], visit.request.one("branch")
    found = [r for r in repo.runs if r.workflow == workflow and r.branch == (branch or repo.default_branch)]
    if rest.endswith("badge.svg"):
        word = found[-1].status.value if found else "no status"
        return redirect(f"https://img.shields.io/badge/{workflow}-{word}-crimson")
    if not found:
        return not_found(visit)
    return redirect(f"{visit.forge.root}/{repo.full_name}/actions/runs/{found[-1].index}", 307)


def _list_page(visit: Visit, repo: Repo) -> Reply:
    wanted, workflow = visit.request.one("status"), visit.request.one("workflow")
    link = f"{visit.forge.prefix}/{repo.full_name}/actions/runs"
    fails_early = visit.forge.profile.fails_early
    found = [
        (run, status)
        for run in reversed(repo.runs)
        if (not workflow or run.workflow == workflow)
        and (wanted in {"", "0", _ENUM[status := run.told(fails_early=fails_early)]})
    ]
    page, size = max(1, visit.request.number("page", 1)), min(visit.request.number("limit", 30), 50)
    items = [_item(visit, repo, run, status, link) for run, status in found[(page - 1) * size : page * size]]
    title = repo.full_name if visit.forge.profile.forgejo else f"Actions - {repo.name}"
    return as_html(
        f"{title} - {visit.forge.profile.name}",
        f'<div class="page-content repository actions"><ul>{"".join(items)}</ul></div>',
    )


def _item(visit: Visit, repo: Repo, run: Run, status: Status, link: str) -> str:
    """A run in the list (templates/repo/actions/runs_list.tmpl, status.tmpl)."""
    profile, named = visit.forge.profile, "" if visit.request.one("workflow") else f"{escape(run.workflow)} "
    shown = Status.FAILURE if profile.generation < 11 and status is Status.CANCELLED else status
    title, to, menu = escape(run.title), f"{link}/{_web_number(visit, run)}", ""
    heading = f'<a class="flex-item-title" title="{title}" href="{to}">\n\t{title}\n</a>'
    icon = f"octicon-{_ICONS[shown]}"
    if profile.forgejo and profile.generation >= 16:  # there a form and the mark of a preferred run stand beside it
        heading = f'<div class="flex-item-title"><a title="{title}" href="{to}">\n\t{title}\n</a></div>'
    if not profile.forgejo and profile.release >= (1, 26):
        heading = f'<span class="flex-item-title" title="{title}">\n<a href="{to}" class="muted">{title}</a>\n</span>'
        icon = _ICONS_1_26.get(shown, icon)
        menu = f'<a class="item" href="{to}/workflow"><svg class="svg octicon-play"></svg>View workflow file</a>'
    took = int(run.stopped - run.created) if run.stopped else 0
    return (
        f'<div class="flex-item"><span data-tooltip-content="{shown.value}">'
        f'<svg class="svg {icon}"></svg></span>{heading}'
        f'<div class="flex-item-body"><b>{named}#{run.index}</b> -{_list_ref(visit, repo, run)}</div>'
        f'<svg class="svg octicon-calendar"></svg>{relative_time(run.stopped or run.created)}'
        f'<svg class="svg octicon-stopwatch"></svg>{took}s{menu}</div>'
    )


def _list_ref(visit: Visit, repo: Repo, run: Run) -> str:
    """Commit and branch of a run in the list; before Forgejo 16 that of a schedule names no commit."""
    link, profile = f"{visit.forge.prefix}/{repo.full_name}", visit.forge.profile
    commit = f'commit <a href="{link}/commit/{run.sha}">{run.sha[:10]}</a>'
    if run.event == "schedule" and not (profile.forgejo and profile.generation >= 16):
        commit = "scheduled"
    to = f"{link}/pulls/{run.branch[1:]}" if run.branch.startswith("#") else f"{link}/src/branch/{quote(run.branch)}"
    return f'{commit}<a class="ui label run-list-ref gt-ellipsis" href="{to}">{escape(run.branch)}</a>'


def _web_number(visit: Visit, run: Run) -> int:
    return run.id if visit.forge.profile.web_ids == "database" else run.index


_ICONS = {
    Status.SUCCESS: "check-circle-fill",
    Status.FAILURE: "x-circle-fill",
    Status.CANCELLED: "stop",
    Status.SKIPPED: "skip",
    Status.WAITING: "clock",
    Status.RUNNING: "meter",
    Status.BLOCKED: "blocked",
    Status.UNKNOWN: "x-circle-fill",
}
"""templates/repo/actions/status.tmpl of Forgejo 11 to 16, templates/repo/icons/action_status.tmpl of Gitea."""
_ICONS_1_26 = {Status.WAITING: "octicon-circle", Status.RUNNING: "gitea-running"}
"""What Gitea 1.26 draws in their place (seen on 1.26.0)."""
_ENUM = {
    Status.UNKNOWN: "-",
    Status.SUCCESS: "1",
    Status.FAILURE: "2",
    Status.CANCELLED: "3",
    Status.SKIPPED: "4",
    Status.WAITING: "5",
    Status.RUNNING: "6",
    Status.BLOCKED: "7",
}
"""How the list's `status` argument counts (reference 3.4)."""
