"""GitLab's API: runs and their jobs. Each try of a job is a job of its own there, with its own trace.

People name a run by its id, so that is its number as well. Traces need a token on every server, also those of
public projects; they come whole, for GitLab knows no ranges there, and are cut where the runner marked its stages.

Source: lib/api/ci/, lib/api/entities/ci/, app/models/concerns/enums/ci/commit_status.rb and doc/api/ of GitLab 18.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import chain
from urllib.parse import quote, urlencode

from whyred.logs.gitlab_sections import MARK, stages
from whyred.model.forge import Address, Kind, RunQuery
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources._fields import Fields
from whyred.sources._forge_api import listed, refuse_page, refuse_page_text
from whyred.sources._growing import growing
from whyred.sources.http import By, Reply, Stream
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want
from whyred.sources.reasons import refusal

NAME = "gitlab"
SERVES = "GitLab's API: runs, jobs with all their tries, and their logs"
ORDER = 113
KINDS = frozenset({Kind.GITLAB})
_PAGE = 100
"""Items of a page: GitLab gives no more."""
_MOST = 10_000
"""Jobs of a run that are listed, tries included."""
_ENDED = {
    "success": Conclusion.SUCCESS,
    "failed": Conclusion.FAILURE,
    "canceled": Conclusion.CANCELLED,
    "skipped": Conclusion.SKIPPED,
}
_STATUS = {"running": Status.RUNNING, "canceling": Status.RUNNING, "pending": Status.WAITING}
_WAITS = {
    "created": "it waits for the jobs before it",
    "pending": "it waits for a runner",
    "preparing": "GitLab prepares what it needs (an environment, a cluster)",
    "waiting_for_resource": "it waits until no other job uses its resource group",
    "waiting_for_callback": "it waits for another service to answer",
    "manual": "it waits for somebody to start it (manual job)",
    "scheduled": "it waits for its time (delayed job)",
}
_KEPT = 8 << 20
"""Bytes of a trace that was read for its steps, and need not be asked for again as a log. Runners send 4 MiB at most,
unless told otherwise (output_limit)."""
_TIMEOUTS = ("job_execution_timeout", "stuck_or_timeout_failure")
_WORDS = {
    "failure": "failed",
    "cancelled": "canceled",
    "success": "success",
    "skipped": "skipped",
    "running": "running",
}
_NEXT = re.compile(r'<[^<>]*\?([^<>"\s]+)>;\s*rel="next"')


def refuses(reach: Reach) -> MissingLogError | None:
    """Every version has these routes; who may use them only a call can tell."""
    return None


def runs(reach: Reach, repo: str, query: RunQuery) -> Iterator[Run]:
    """Runs of a project, newest first."""
    path = f"{_project(repo)}/pipelines"
    id_ = query.id if query.id is not None else query.number
    if id_ is not None:
        yield _run(Fields(_get(reach, f"{path}/{id_}").json()), repo)
        return
    asked = {
        "ref": query.branch,
        "sha": query.commit if query.commit and len(query.commit) == 40 else None,
        "status": _WORDS.get(query.status or ""),
        "source": query.event,
        "username": query.actor,
    }
    for item in _pages(reach, path, asked, query.limit):
        run = _run(item, repo)
        if query.keeps(run):
            yield run


def _run(item: Fields, repo: str) -> Run:
    status, conclusion = _state(item)
    id_ = item.positive("id")
    return Run(
        str(Address(repo, run=id_)),
        event=item.text("source"),
        commit=item.text("sha"),
        repo=repo,
        id=id_,
        number=id_,
        branch=item.text("ref"),
        title=item.text("name"),
        status=status,
        conclusion=conclusion,
        created=item.seconds("created_at"),
        started=item.seconds("started_at"),
        ended=item.seconds("finished_at"),
        url=item.text("web_url"),
    )


def _state(item: Fields) -> tuple[Status, Conclusion]:
    word = item.text("status") or ""
    if word in _ENDED:
        timed_out = word == "failed" and item.text("failure_reason") in _TIMEOUTS
        return Status.DONE, Conclusion.TIMED_OUT if timed_out else _ENDED[word]
    return _STATUS.get(word, Status.BLOCKED if word in _WAITS else Status.UNKNOWN), Conclusion.UNKNOWN


def attempts(reach: Reach, run: Run) -> tuple[Attempt, ...]:
    """The newest try of every job, in the order in which the jobs were first made."""
    return tuple(_attempt(tries, i, run) for i, tries in enumerate(_tries(reach, run).values()))


def _tries(reach: Reach, run: Run) -> dict[str, list[Fields]]:
    """Every try of every job, oldest first: GitLab lists the newest first and leaves retried ones out unless asked."""
    id_ = run.id if run.id is not None else run.number
    if id_ is None or run.repo is None:
        raise MissingLogError(Missing.WRONG_ID_KIND, f"list the jobs of {run.label}", "its id is not known")
    path = f"{_project(run.repo)}/pipelines/{id_}/jobs"
    items = sorted(_pages(reach, path, {"include_retried": "true"}, _MOST), key=lambda i: i.positive("id") or 0)
    found: dict[str, list[Fields]] = {}
    for item in items:
        found.setdefault(item.text("name") or "", []).append(item)
    return found


def _attempt(tries: list[Fields], index: int, run: Run) -> Attempt:
    item = tries[-1]
    status, conclusion = _state(item)
    runner, id_ = item.part("runner").text("description"), item.positive("id")
    return Attempt(
        run,
        Job(None, item.text("name") or f"job {index}", id_, index, item.texts("tag_list")),
        number=len(tries),
        status=status,
        conclusion=conclusion,
        started=item.seconds("started_at"),
        ended=item.seconds("finished_at"),
        runner=Runner(name=runner) if runner else None,
        id=id_,
        url=item.text("web_url"),
        waits_for=_WAITS.get(item.text("status") or ""),
    )


def attempt_of(reach: Reach, run: Run, job: int) -> Attempt:
    """The try of this job id, which need not be the newest of its job. Raises MissingLogError."""
    found = _tries(reach, run)
    for index, tries in enumerate(found.values()):
        for number, item in enumerate(tries, 1):
            if item.positive("id") == job:
                return _attempt(tries[:number], index, run)
    help_ = f"no job of the run has this id; its jobs are {', '.join(found)}: name one as `{run.label}:JOB`"
    raise MissingLogError(Missing.WRONG_ID_KIND, f"look for job {job} of {run.label}", help_)


def steps(reach: Reach, attempt: Attempt) -> Attempt:
    """The attempt with the runner's stages, as its log marks them. A job stops at the first of its own that fails."""
    if attempt.status is Status.DONE and attempt.conclusion is Conclusion.UNKNOWN:  # an older one, known by its number
        status, conclusion = _state(_job(reach, attempt))
        attempt = replace(attempt, status=status, conclusion=conclusion)
    found, text, size = list[Step](), list[bytes](), 0
    for chunk in log(reach, attempt, Want()).chunks:
        if isinstance(chunk, Step):
            found.append(chunk)
            continue
        size += len(chunk)
        if size <= _KEPT:
            text.append(chunk)
    if attempt.status is Status.DONE and size <= _KEPT:
        reach.kept[NAME] = (_try_id(reach, attempt), b"".join(text))
    ends = (*(step.started for step in found[1:]), attempt.ended)
    found = [replace(step, ended=ends[place]) for place, step in enumerate(found)]
    own = [place for place, step in enumerate(found) if not step.aside]
    for place in own:
        found[place] = replace(found[place], status=Status.DONE, conclusion=Conclusion.SUCCESS)
    if own and attempt.conclusion is not Conclusion.SUCCESS:
        bad = attempt.status is Status.DONE
        reason = _job(reach, attempt).text("failure_reason") if bad else None
        last = found[own[-1]]
        found[own[-1]] = replace(last, status=attempt.status, conclusion=attempt.conclusion, reason=reason)
    return replace(attempt, steps=tuple(found))


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The trace of a try. GitLab answers an empty text for one that it does not have: that is refused here."""
    id_ = _try_id(reach, attempt)
    kept = reach.kept.get(NAME)
    if isinstance(kept, tuple) and kept[0] == id_:
        told = Boundaries.TOLD if MARK.search(kept[1]) else Boundaries.GUESSED
        return Fetched(attempt, _wanted(stages((kept[1],)), attempt, want), NAME, boundaries=told)
    url = f"/api/v4{_project(attempt.run.repo or '')}/jobs/{id_}/trace"

    def open_(headers: Mapping[str, str]) -> Stream:
        stream = reach.http.open("GET", url, headers=headers)
        if stream.reply.status not in (200, 206, 416):
            raise _refusal(stream.refusal(), token=reach.http.token is not None)
        return refuse_page(stream)

    def again() -> Attempt:
        status, conclusion = _state(_job(reach, attempt))
        return replace(attempt, status=status, conclusion=conclusion)

    chunks = growing(open_, attempt, want, again, Pace(reach.http.sleep, reach.http.clock))
    told = Boundaries.TOLD
    if not want.follow or attempt.status is Status.DONE:
        first = next((chunk for chunk in chunks if chunk), b"")
        if not first:
            raise _nothing(f"GET {reach.http.root}{url}", _job(reach, attempt))
        refuse_page_text(first, f"GET {reach.http.root}{url}")
        told = Boundaries.TOLD if MARK.search(first) else Boundaries.GUESSED
        chunks = chain((first,), chunks)
    return Fetched(attempt, _wanted(stages(chunks), attempt, want), NAME, boundaries=told)


def _wanted(stream: Iterator[bytes | Step], attempt: Attempt, want: Want) -> Iterator[bytes | Step]:
    """The wanted stages, as the attempt lists them; each with what is known of how it ended."""
    places = want.places(attempt.steps) if attempt.steps else None
    place, inside = -1, places is None
    for piece in stream:
        if not isinstance(piece, Step):
            if inside:
                yield piece
            continue
        place += 1
        inside = places is None or place in places
        known = attempt.steps[place] if place < len(attempt.steps) else None
        if inside:
            yield known if known is not None and known.name == piece.name else piece


def _try_id(reach: Reach, attempt: Attempt) -> int:
    """The job id of this very try: an older one is known by its number alone, and has another id than the newest."""
    job = attempt.job
    asked = f"read the log of {attempt.run.label}"
    if job is None or attempt.run.repo is None:
        raise MissingLogError(Missing.WRONG_ID_KIND, asked, "its job is not known")
    if attempt.id is not None:
        return attempt.id
    if attempt.number is None and job.id is not None:
        return job.id
    tries = _tries(reach, attempt.run).get(job.name, [])
    number = attempt.number if attempt.number is not None else len(tries)
    id_ = tries[number - 1].positive("id") if 0 < number <= len(tries) else None
    if id_ is None:
        help_ = f"{job.name} was tried {len(tries)} times: name one of these"
        raise MissingLogError(Missing.NOT_FOUND, f"look for try {number} of {job.name} in {attempt.run.label}", help_)
    return id_


def _job(reach: Reach, attempt: Attempt) -> Fields:
    """The try as the server tells it now."""
    return Fields(_get(reach, f"{_project(attempt.run.repo or '')}/jobs/{_try_id(reach, attempt)}").json())


def _nothing(asked: str, job: Fields) -> MissingLogError:
    """Why there is no line at all."""
    reason = job.text("failure_reason")
    why = f" ({reason})" if reason else ""
    if job.seconds("erased_at") is not None:
        return MissingLogError(Missing.DELETED, asked, "somebody erased it: run the job again")
    waits = _WAITS.get(job.text("status") or "")
    if waits or job.seconds("started_at") is None:
        waits = waits or f"no runner ever took it{why}"
        return MissingLogError(Missing.NOT_STARTED, asked, f"{waits}, so there is no log")
    if _state(job)[0] is not Status.DONE:
        help_ = "the runner has sent no line yet: try again in some seconds"
        return MissingLogError(Missing.STILL_RUNNING, asked, help_)
    help_ = f"the job has ended{why} and the server has no line of it: it was deleted or lost. Run the job again"
    return MissingLogError(Missing.DELETED, asked, help_)


def default_branch(reach: Reach, repo: str) -> str | None:
    """The branch that counts where none is named."""
    return Fields(_get(reach, _project(repo)).json()).text("default_branch")


def pull(reach: Reach, repo: str, number: int) -> str:
    """The newest commit of a merge request."""
    sha = Fields(_get(reach, f"{_project(repo)}/merge_requests/{number}").json()).text("sha")
    if sha is None:
        raise MissingLogError(Missing.NOT_FOUND, f"read merge request {number} of {repo}", "it names no commit")
    return sha


def of_job(reach: Reach, repo: str, job: int) -> Run:
    """The run that a job belongs to."""
    id_ = Fields(_get(reach, f"{_project(repo)}/jobs/{job}").json()).part("pipeline").positive("id")
    if id_ is None:
        raise MissingLogError(Missing.NOT_FOUND, f"look for job {job} of {repo}", "it names no run")
    return next(runs(reach, repo, RunQuery(limit=1, id=id_)))


def _project(repo: str) -> str:
    """Groups may lie in groups, so the whole path is quoted as one part."""
    return f"/projects/{quote(repo, safe='')}"


def _get(reach: Reach, path: str) -> Reply:
    """An answer with status 200. A token that is refused is left away once, for a public project answers without."""
    url = f"/api/v4{path}"
    reply = reach.http.get(url)
    token = reach.http.token is not None
    if reply.status == 200:
        return reply
    if token and reply.status in (401, 403):
        open_ = reach.http.get(url, By.NOBODY)
        if open_.status == 200:
            return open_
    raise _refusal(reply, token=token)


def _pages(reach: Reach, path: str, query: Mapping[str, str | None], limit: int) -> Iterator[Fields]:
    """The items of a list, page by page, until about `limit` were given. Of the server's link to the next page only the
    query is believed: its host may be one that is known behind a proxy alone, or anybody's.
    """
    told = {k: v for k, v in query.items() if v is not None}
    asked: str | None = urlencode({**told, "per_page": min(_PAGE, max(limit, 1))})
    seen, first = 0, None
    while asked is not None and seen < limit:
        reply = _get(reach, f"{path}?{asked}")
        items = listed(reply)
        if not items or items[0].data == first:
            return
        first = items[0].data
        yield from items
        seen += len(items)
        link = _NEXT.search(reply.headers.get("link", ""))
        asked = link[1] if link else None


def _refusal(reply: Reply, *, token: bool) -> MissingLogError:
    """Why GitLab did not give what was asked for, where it says it in another way than other forges."""
    body = reply.body[:4096]
    if reply.status == 403 and b"insufficient_scope" in body:
        help_ = "the token lacks the scope read_api: make one with it (user settings, Access tokens), then whyred login"
        return MissingLogError(Missing.NO_PERMISSION, reply.asked, help_)
    if reply.status == 403:
        debug = "; with CI_DEBUG_TRACE only developers may read a log" if b"CI_DEBUG_TRACE" in body else ""
        help_ = f"this user may not see it: ask for a role in the project that may{debug}"
        return MissingLogError(Missing.NO_PERMISSION, reply.asked, help_)
    reset = reply.headers.get("ratelimit-reset", "")
    if reply.status == 429 and "retry-after" not in reply.headers and re.fullmatch(r"\d{9,11}", reset):
        help_ = f"the server asks to be left alone until {_clock(int(reset))}: try again then"
        return MissingLogError(Missing.RATE_LIMITED, reply.asked, help_)
    return refusal(reply, token=token)


def _clock(seconds: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).strftime("%H:%M:%S UTC")
