"""The download of a job's whole log from the web pages: every version has it, it needs no CSRF token, and it knows
ranges; steps are told by its text alone.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from urllib.parse import unquote

from whyred.model.forge import Kind
from whyred.model.run import Attempt, Job
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import web_state
from whyred.sources._forge_api import refuse_page
from whyred.sources._growing import growing, not_empty
from whyred.sources._web import Page, by_ids, page_of
from whyred.sources.http import By, Reply, Stream
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want

NAME = "web-download"
SERVES = "the web pages of Forgejo and Gitea: the whole log of a job"
ORDER = 125
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
_FILE = re.compile(r".*?filename\*=UTF-8''([^;]{1,3000})|.*?filename=\"?([^\";]{1,3000})")
_NAMED = re.compile(r"(?P<job>.*)-(?P<task>[0-9]{1,18})\.log", re.DOTALL)
_PLAIN = re.compile(r"[^a-z0-9]+")


def refuses(reach: Reach) -> MissingLogError | None:
    """Nothing is known without a request: a public repository needs no web login."""
    return None


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The job's whole log."""
    job = _placed(reach, attempt)
    attempt = replace(attempt, job=job)
    opened = page_of(reach, attempt, job)
    tasks: list[int] = []

    def open_(headers: Mapping[str, str]) -> Stream:
        stream = _open(reach, opened, attempt, headers)
        tasks.extend(_task(stream.reply))
        return stream

    def again() -> Attempt:
        return web_state.steps(reach, attempt)

    chunks = growing(open_, attempt, want, again, Pace(reach.http.sleep, reach.http.clock))
    chunks = not_empty(chunks, attempt, want, f"GET {reach.server.root}{opened.path}/logs")
    told = replace(attempt, id=attempt.id or next(iter(tasks), None))
    return Fetched(told, chunks, NAME, boundaries=Boundaries.GUESSED)


def task(reach: Reach, attempt: Attempt) -> int | None:
    """The forge's number of the try whose log the page has, as its file is called; None where it does not tell. Not one
    byte of the log is read. Raises MissingLogError.
    """
    job = _placed(reach, attempt)
    attempt = replace(attempt, job=job)
    stream = _open(reach, page_of(reach, attempt, job), attempt, {"Range": "bytes=0-0"})
    stream.close()
    return next(_task(stream.reply), None)


def _placed(reach: Reach, attempt: Attempt) -> Job:
    """The job with what its page goes by: the forge's id of it, or its place in the run. Raises MissingLogError."""
    job = attempt.job
    return job if job is not None and job.id is not None and by_ids(reach) else web_state.placed(reach, attempt)


def _open(reach: Reach, opened: Page, attempt: Attempt, headers: Mapping[str, str]) -> Stream:
    stream = reach.http.open("GET", f"{opened.path}/logs", By.WEB, headers=headers)
    if stream.reply.status not in (200, 206, 416):
        raise opened.log_refusal(stream.refusal(), attempt)
    if (other := _of_another(reach, attempt, stream.reply)) is not None:
        stream.close()
        raise other
    return refuse_page(stream)


def _of_another(reach: Reach, attempt: Attempt, reply: Reply) -> MissingLogError | None:
    """The refusal of a log that is not this attempt's, as the name of its file tells, WORKFLOW-JOB-TASK.log: a place
    beyond the last job silently gives job 0's. The forge's number of the try settles it; where that is not known the
    job's name does, on Forgejo as in `web_state`, by its ASCII letters and digits, for a name of a file may be cleaned.

    Source: routers/web/repo/actions/view.go (Logs) of Forgejo 7 to 16, and what these were seen to answer.
    """
    named = _named(reply)
    if named is None or attempt.job is None:
        return None
    if attempt.id is not None:
        same = int(named["task"]) == attempt.id
    else:
        same = reach.server.kind is not Kind.FORGEJO or _plain(named["job"]).endswith(_plain(attempt.job.name))
    if same:
        return None
    help_ = f"{named[0]!r} came, which is another job's or attempt's log: name the job as `owner/repo#RUN:JOB`"
    return MissingLogError(Missing.WRONG_ID_KIND, reply.asked, help_)


def _named(reply: Reply) -> re.Match[str] | None:
    """The name of the file that a log comes as."""
    file = _FILE.match(reply.headers.get("content-disposition", ""))
    return _NAMED.fullmatch(unquote(file[1]) if file[1] else file[2]) if file else None


def _task(reply: Reply) -> Iterator[int]:
    named = _named(reply)
    if named is not None:
        yield int(named["task"])


def _plain(name: str) -> str:
    return _PLAIN.sub("", name.lower())
