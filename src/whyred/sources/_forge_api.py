"""What the APIs of Forgejo and Gitea have in common: how they are called, and what their refusals of a log mean."""

import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote, urlencode

from whyred.model.forge import Address, RunQuery
from whyred.model.run import Attempt, Conclusion, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources._fields import Fields, bulky, objects
from whyred.sources._moved import has_moved, path_now
from whyred.sources.http import By, Reply, Stream
from whyred.sources.reach import Reach
from whyred.sources.reasons import refusal

PAGE = 50
"""Items of a page: servers clip larger ones to this (MAX_RESPONSE_ITEMS)."""
BASE = "/api/v1"
_NOT_STARTED = re.compile(rb"not (?:been )?(?:executed|started)", re.I)
_NO_LOG = {"text/html": "a page", "application/xhtml+xml": "a page", "application/json": "JSON"}
_PAGE = re.compile(rb"\s{0,100}<(?:!doctype html|html)\b", re.I)
_GIVEN = (200, 206, 416)
_GONE = re.compile(rb"cleaned up|expired|purged", re.I)


def absent(reach: Reach, path: str, what: str, since: str) -> MissingLogError | None:
    """Why an API path is of no use where the server's own list of routes lacks it: it is too old. `since`: the version
    that brought it.
    """
    if reach.server.offers(path) is not False:
        return None
    program = reach.server.kind.value.capitalize()
    help_ = f"{reach.server} has no {what} ({program} {since} brought it)"
    if "log" in what and not reach.http.signed_in:
        help_ += f"; its web pages have the logs: whyred login --web {reach.server.root}"
    return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, f"GET {reach.server.root}{BASE}{path}", help_)


def newest_only(reach: Reach, attempt: Attempt) -> MissingLogError:
    """The refusal of a route that shows the newest attempt alone: it never gives that in the place of an older one."""
    help_ = f"{reach.server} shows the newest attempt alone; older ones are on its own machine: add --forge-host"
    asked = f"read attempt {attempt.number} of {attempt.run.label}"
    return MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, asked, help_)


SIFTED = 500
"""Runs of a list that are looked at where the server sifts them by nothing that is asked for."""


def no_actors(query: RunQuery, asked: str) -> None:
    """Refuses a list that does not tell who started a run, where that is asked for."""
    if query.actor is not None:
        help_ = "it does not tell who started a run: leave actor away in the URL, or whyred login, so that others do"
        raise MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, asked, help_)


def started_by(item: Fields, *keys: str) -> frozenset[str]:
    """Who started a run, by id and by name, as its entry tells under these keys."""
    users = [item.part(key) for key in keys]
    told = [str(user.positive("id")) for user in users] + [user.text("login") or "" for user in users]
    return frozenset(told)


def repo_path(repo: str) -> str:
    """`/repos/OWNER/NAME`, quoted."""
    return "/repos/" + "/".join(quote(part, safe="") for part in repo.split("/", 1))


def get(reach: Reach, path: str, query: Mapping[str, object] | None = None) -> Reply:
    """An answer of the API with status 200. A token that is refused is left away once, for a public repository answers
    without; a repository that was renamed is asked for by its new name. Raises MissingLogError.
    """
    told = {k: v for k, v in (query or {}).items() if v is not None}
    while True:
        url = BASE + path_now(reach, path)
        reply = reach.http.get(url + (f"?{urlencode(told)}" if told else ""))
        if not has_moved(reach, reply, url):
            break
    url += f"?{urlencode(told)}" if told else ""
    token = reach.http.token is not None
    if reply.status == 200:
        return _of_a_size(reply)
    if token and reply.status in (401, 403):
        open_ = reach.http.get(url, By.NOBODY)
        if open_.status == 200:
            return _of_a_size(open_)
    raise refusal(reply, token=token)


def _of_a_size(reply: Reply) -> Reply:
    """The answer, unless it has far more parts than any list of runs or jobs."""
    if bulky(reply.body):
        help_ = f"it has more parts ({len(reply.body) >> 20} MiB) than any list of runs or jobs: is this the forge?"
        raise MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)
    return reply


def pages(
    reach: Reach, path: str, key: str, query: Mapping[str, object], limit: int, start: int = 1, most: int = 0
) -> Iterator[Fields]:
    """The items of a list from page `start` on, until about `limit` were given (`most`, where whoever asks leaves some
    out) or the list ends. Without `page` servers send everything (reference, section 10). A server may be set to give
    less at once than it is asked for (MAX_RESPONSE_ITEMS): a page that is not full is the last one only by its count.
    """
    size = min(PAGE, max(limit, 1))
    page, first, full = start, None, 0
    while True:
        reply = get(reach, path, {**query, "page": page, "limit": size})
        items = listed(reply, key)
        if not items or items[0].data == first:
            return  # a server that does not know `page` would give the same one for ever
        first = items[0].data
        yield from items
        full = max(full, len(items))
        seen = full * (page - 1) + len(items)
        if seen >= max(limit, most) or (len(items) < size and seen >= total(reply)):
            return
        page += 1


def total(reply: Reply) -> int:
    """How many items a list has in all, where that is told; else 0."""
    data, told = reply.json(), reply.headers.get("x-total-count", "")
    count = Fields(data).whole("total_count")
    if count is not None:
        return count
    return int(told) if re.fullmatch(r"[0-9]{1,18}", told) else 0


def listed(reply: Reply, key: str | None = None) -> list[Fields]:
    """The objects of the list that an answer is, or has under `key`; servers write `null` for an empty one.

    Raises MissingLogError (refused-content): other JSON is no empty list.
    """
    data = reply.json()
    if key is not None:
        data = data.get(key, None if "total_count" in data else "") if isinstance(data, dict) else ""
    found = list(objects(data))
    if found or data is None or data == []:
        return found
    help_ = "no list came where one belongs: does something in front of the server answer in its place?"
    raise MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)


def open_log(reach: Reach, attempt: Attempt, url: str, headers: Mapping[str, str] | None = None) -> Stream:
    """A job's log as a stream; status 200, 206 or 416. Raises MissingLogError."""
    url = path_now(reach, url)
    token = reach.http.token is not None
    stream = reach.http.open("GET", BASE + url, headers=headers)
    if stream.reply.status in _GIVEN:
        return refuse_page(stream)
    # This closes it: threads that each kept one answer open and asked for a second would wait for each other for ever.
    told = stream.refusal()
    if token and told.status in (401, 403):
        stream = reach.http.open("GET", BASE + url, By.NOBODY, headers=headers)
        if stream.reply.status in _GIVEN:
            return refuse_page(stream)
        stream.close()
    raise log_refusal(told, attempt, token=token)


def refuse_page(stream: Stream) -> Stream:
    """The stream, unless it is a page or JSON: a log is plain text. Raises MissingLogError (refused-content)."""
    what = _NO_LOG.get(stream.reply.kind)
    if what is None or stream.reply.status == 416:
        return stream
    stream.close()
    raise _came(what, stream.reply.asked)


def refuse_page_text(text: bytes, asked: str) -> None:
    """Raises MissingLogError (refused-content) where a log begins as a page does, whatever it is said to be."""
    if _PAGE.match(text):
        raise _came("a page", asked)


def _came(what: str, asked: str) -> MissingLogError:
    help_ = f"{what} came where a log was expected: is there a log-in gate or a bot check in front?"
    return MissingLogError(Missing.REFUSED_CONTENT, asked, help_)


def log_refusal(reply: Reply, attempt: Attempt, *, token: bool) -> MissingLogError:
    """Why there is no log, by the API or by the web download.

    Source: services/actions/job_logs.go of Forgejo 16; routers/common/actions.go of Gitea 1.24 to 1.27.
    """
    if reply.status == 404 and _NOT_STARTED.search(reply.body):
        return not_started(reply.asked, attempt)
    if reply.status in (404, 410) and _GONE.search(reply.body):
        return MissingLogError(
            Missing.EXPIRED,
            reply.asked,
            "the forge deleted it after its retention time; run the job again (whyred rerun)",
        )
    if reply.status == 500 and reply.is_json:  # a page would be that of a proxy in front
        return lost(reply.asked, attempt)
    return refusal(reply, token=token)


def not_started(asked: str, attempt: Attempt) -> MissingLogError:
    """A job that no runner has taken."""
    waits = attempt.waits_for
    if waits is None and attempt.job is not None and attempt.job.labels:
        waits = f"it waits for a runner with the label {', '.join(attempt.job.labels)}"
    if attempt.status is Status.DONE:
        why = "it was never run (skipped or cancelled before a runner took it)"
        return MissingLogError(Missing.NOT_STARTED, asked, f"{why}, so there is no log")
    waits = f"it waits for {waits}" if waits is not None and waits.startswith("a runner ") else waits
    help_ = f"{waits or 'no runner has taken it yet'}, so there is no log: whyred status tells whether one can"
    return MissingLogError(Missing.NOT_STARTED, asked, help_)


def lost(asked: str, attempt: Attempt) -> MissingLogError:
    """The server failed to open the log: none of a job that has ended, none yet of one that runs."""
    if attempt.status is Status.RUNNING:
        return MissingLogError(
            Missing.STILL_RUNNING, asked, "the runner has sent no line yet: try again in some seconds"
        )
    if attempt.status is Status.DONE:
        help_ = "the forge cannot open the stored log (HTTP 500): its file is gone. Its own log names it; rerun the job"
        return MissingLogError(Missing.DELETED, asked, help_)
    return MissingLogError(Missing.SERVER_ERROR, asked, "the forge failed (HTTP 500): look into its own log")


def empty(asked: str, attempt: Attempt) -> MissingLogError:
    """The server answered without one byte of a log: that is none, and no empty one."""
    if attempt.status in (Status.WAITING, Status.BLOCKED) or attempt.conclusion is Conclusion.SKIPPED:
        return not_started(asked, attempt)
    if attempt.status is not Status.DONE:
        help_ = "the answer is empty: the runner has sent no line yet, so try again in some seconds"
        return MissingLogError(Missing.STILL_RUNNING, asked, help_)
    help_ = "the job has ended and not one line of it is there: the forge lost or deleted it, so run the job again"
    return MissingLogError(Missing.DELETED, asked, help_)


def label(repo: str, number: int | None) -> str:
    """How people name a run."""
    return str(Address(repo, run=number))
