"""The download of a job's whole log from the web pages: every version has it, it needs no CSRF token, and it knows
ranges; steps are told by its text alone.
"""

from collections.abc import Mapping

from whyred.model.forge import Kind
from whyred.model.run import Attempt, Job
from whyred.model.source import Boundaries, Fetched, MissingLogError
from whyred.sources import web_state
from whyred.sources._forge_api import refuse_page
from whyred.sources._growing import growing, not_empty
from whyred.sources._web import Page, page_of
from whyred.sources.http import By, Stream
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want

NAME = "web-download"
SERVES = "the web pages of Forgejo and Gitea: the whole log of a job"
ORDER = 125
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})


def refuses(reach: Reach) -> MissingLogError | None:
    """Nothing is known without a request: a public repository needs no web login."""
    return None


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The job's whole log."""
    job = attempt.job
    opened = page_of(reach, attempt, job if job is not None else Job(None, "job"))

    def open_(headers: Mapping[str, str]) -> Stream:
        return _open(reach, opened, attempt, headers)

    def again() -> Attempt:
        return web_state.steps(reach, attempt)

    chunks = growing(open_, attempt, want, again, Pace(reach.http.sleep, reach.http.clock))
    chunks = not_empty(chunks, attempt, want, f"GET {reach.server.root}{opened.path}/logs")
    return Fetched(attempt, chunks, NAME, boundaries=Boundaries.GUESSED)


def _open(reach: Reach, opened: Page, attempt: Attempt, headers: Mapping[str, str]) -> Stream:
    stream = reach.http.open("GET", f"{opened.path}/logs", By.WEB, headers=headers)
    if stream.reply.status in (200, 206, 416):
        return refuse_page(stream)
    raise opened.log_refusal(stream.refusal(), attempt)
