"""What Forgejo and Gitea refuse by themselves: who asks, for what, and what became of the log."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from standin import Standin, World, faults, scenarios
from standin.server import Fault
from standin.wire import Handler, Reply, Request

from refusals.cell import Cell, Place
from refusals.ways import BY_SOURCE, Spot, Way, well
from whyred.model.source import Missing

M = Missing
FORGEJO, GITEA = BY_SOURCE["forgejo-api"], BY_SOURCE["gitea-api"]
STATE, DOWNLOAD, RUNS = BY_SOURCE["web-state"], BY_SOURCE["web-download"], BY_SOURCE["web-runs"]
TASKS, STATUSES = BY_SOURCE["tasks-api"], BY_SOURCE["commit-statuses"]
_API, _WEB = (FORGEJO, GITEA), (STATE, DOWNLOAD)
_LOGS = (*_API, *_WEB)
_LISTS = (RUNS, TASKS, STATUSES)
Change = Callable[[World], object]
Then = Callable[[Spot], object]


def _priv(make: Callable[[Any], object]) -> Change:
    """One more run of `alice/priv`, its ninth."""
    return lambda world: make(world.named("alice/priv"))


def cell(
    reason: Missing,
    way: Way,
    case: str,
    help_: str,
    *argv: str,
    asked: str = "",
    then: Then = lambda _: None,
    table: bool = False,
    **how: Any,
) -> Cell:
    """A cell of one way. `argv`: another command than the way's own (`@` stands for the server's URL); `then`: what is
    done to the server at last; `how`: as `well` takes it.
    """

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        with well(place, way, **how) as spot:
            then(spot)
            url = spot.served.url
            yield [a.replace("@", url, 1) if "@/" in a else a for a in argv] + spot.argv[len(way.argv) if argv else 0 :]

    return Cell(reason, way.source, case, make, asked or way.asked or "^GET http", help_, table=table)


def on(fault: Fault, where: str, method: str = "") -> Then:
    """A fault of the server's answers to these requests."""
    return lambda spot: spot.served.fault(fault, where, method=method)


def _drop_logins(spot: Spot) -> None:
    assert isinstance(spot.served, Standin)
    spot.served.drop_logins()


def _drop_within(way: Way) -> Then:
    """The request for the log itself is the first one without a web login."""

    def then(spot: Spot) -> None:
        def fault(request: Request, answer: Handler) -> Reply:
            if way.log and (request.method == "GET" or b"expanded" in request.body):
                _drop_logins(spot)
            return answer(request)

        spot.served.fault(fault, way.on, method=way.method)

    return then


def _held_up(kind: str) -> Then:
    def then(spot: Spot) -> None:
        spot.world.users["alice"].login = kind  # type: ignore[assignment]

    return then


_RERUN = _priv(scenarios.rerun)
_LIST = r"^GET http://[^ ]*/api/v1/repos/"
_RUN_PAGE = r"http://[^ ]*/alice/(priv|pub)/actions/runs/\d+"


def _whose_token() -> Iterator[Cell]:
    """Tokens, wrong ones, and other people's."""
    for way in (*_API, TASKS, STATUSES):
        yield cell(M.NEEDS_TOKEN, way, "the token is none (any more)", "not accepted.*whyred login",
                   asked=_LIST, then=lambda spot: spot.world.users["alice"].tokens.clear(), web=False)  # fmt: skip
        yield cell(M.NEEDS_TOKEN, way, "everybody must sign in, and there is no token", "wants everybody signed in",
                   asked=_LIST, token=False, web=False, signin=True)  # fmt: skip
        if way in _API:
            yield cell(M.NEEDS_TOKEN, way, "everybody must sign in, and the list of routes is hidden as well",
                       "wants everybody signed in", asked=_LIST, token=False, web=False, signin=True,
                       swagger=False)  # fmt: skip
        yield cell(M.NO_PERMISSION, way, "the token lacks the scope", "lacks the scope read:repository: make one",
                   asked=_LIST, scope="read:issue", web=False)  # fmt: skip
        yield cell(M.NOT_FOUND, way, "a private repository, no token", "private: check the name, or whyred login",
                   asked=_LIST, token=False, web=False)  # fmt: skip
        yield cell(M.NOT_FOUND, way, "a private repository, a stranger's token", "this token's user may not see it",
                   asked=_LIST, user="nora", web=False)  # fmt: skip
    for way in (*_API, STATE, *_LISTS):
        yield cell(M.NOT_FOUND, way, "an unknown repository", "check the name|does not exist|no such",
                   way.argv[0], "alice/none#2" if way.log else "alice/none", *way.argv[2:],
                   asked="^(GET|POST) http")  # fmt: skip
    for way in _LOGS:
        yield cell(M.NOT_FOUND, way, "an unknown run", "no run of this number|no such run", "logs", "alice/priv#99",
                   asked="^look for alice/priv#99|^GET http")  # fmt: skip


def _which_run() -> Iterator[Cell]:
    """Numbers, ids, places of jobs, attempts."""
    for way in _API:
        yield cell(M.WRONG_ID_KIND, way, "the id of a run in place of its number", "is the id of alice/priv#2", "logs",
                   "alice/priv#11", asked="^look for alice/priv#11$")  # fmt: skip
        yield cell(M.WRONG_ID_KIND, way, "the number of a run in place of its id", "2 is the number of alice/priv#2, "
                   "and its id is 11", "logs", "@/api/v1/repos/alice/priv/actions/runs/2",
                   asked="^look for the run with the id 2 of alice/priv$", web=False)  # fmt: skip
        yield cell(M.NOT_FOUND, way, "an unknown id of a run", "does not exist", "logs",
                   "@/api/v1/repos/alice/priv/actions/runs/999", asked="actions/runs/999$", web=False)  # fmt: skip
        yield cell(M.NOT_FOUND, way, "an attempt that there never was", "the job has 1 so far", "logs", "alice/priv#2",
                   "--attempt", "9", asked="^look for attempt 9 of alice/priv#2$")  # fmt: skip
    for way in (FORGEJO, STATE, DOWNLOAD):
        yield cell(M.WRONG_ID_KIND, way, "a job's place behind the last", "no job of the run has this place", "logs",
                   "@/alice/priv/actions/runs/2/jobs/7", asked="^look for job 7 of alice/priv#2$")  # fmt: skip
    yield cell(M.WRONG_ID_KIND, GITEA, "an id of no job of the run", "no job of the run has this id", "logs",
               "@/alice/priv/actions/runs/11/jobs/999", asked="^look for job 999 of alice/priv#2$")  # fmt: skip
    yield cell(M.WRONG_ID_KIND, TASKS, "the id of a run", "owner/repo#RUN", "logs",
               "@/api/v1/repos/alice/priv/actions/runs/11", asked="^list the tasks of ", web=False)  # fmt: skip
    yield cell(M.WRONG_ID_KIND, STATUSES, "the number of a run, and no commit", "owner/repo@SHA", "logs",
               "alice/priv#99", asked="^list the jobs of alice/priv#99$", web=False)  # fmt: skip
    ids = [on(faults.body(b"404 page not found", "text/plain", 404), w) for w in ("/api/v1/repos/", r"/actions\?")]
    yield cell(M.WRONG_ID_KIND, STATE.other("gitea-1.26.4"), "a number where the pages go by ids", "whyred login",
               "logs", "alice/pub#2", then=lambda s: [f(s) for f in ids], asked="^open the page of alice/pub#2$",
               token=False)  # fmt: skip


def _which_log() -> Iterator[Cell]:
    """What became of the log."""
    for way in _LOGS:
        yield cell(M.NOT_STARTED, way, "the job waits for a runner", "so there is no log", "logs", "alice/priv#4",
                   table=True)  # fmt: skip
        yield cell(M.STILL_RUNNING, way, "the job runs and has no line", "sent no line yet", "logs", "alice/priv#9",
                   change=_priv(scenarios.running), table=True)  # fmt: skip
        yield cell(M.DELETED, way, "the log's file is gone from the server's disk", "its file is gone", "logs",
                   "alice/priv#9", change=_priv(scenarios.lost), table=True)  # fmt: skip
        yield cell(M.EXPIRED, way, "the log's time is over", "retention time; run the job again", "logs",
                   "alice/priv#9", change=_priv(scenarios.expired), asked=f"^GET http://.*/logs$|^POST {_RUN_PAGE}",
                   table=True)  # fmt: skip
    for way in (FORGEJO, STATE.other("forgejo-16"), DOWNLOAD.other("forgejo-16")):
        yield cell(M.NOT_STARTED, way, "the job was skipped", "never run.*so there is no log", "logs",
                   "alice/priv#6:never")  # fmt: skip
    yield cell(M.NOT_STARTED, TASKS, "no runner took a job of the run", "no runner has taken a job", "logs",
               "alice/priv#4", asked="^list the tasks of alice/priv#4$", web=False)  # fmt: skip


def _which_version() -> Iterator[Cell]:
    """What a version does not have, for who has a token alone."""
    for way, server, what in ((FORGEJO, "forgejo-11", "Forgejo 16"), (GITEA, "gitea-1.23", "Gitea 1.24")):
        yield cell(M.ROUTE_NOT_ON_THIS_VERSION, way.other(server), "no log API in this version",
                   f"no log API .{what} brought it.; .*login --web", asked="^GET http://.*/logs$", web=False,
                   table=True)  # fmt: skip
    yield cell(M.ROUTE_NOT_ON_THIS_VERSION, TASKS.other("forgejo-7"), "no list of tasks in this version",
               "Forgejo 8 and Gitea 1.23", asked="/actions/tasks$", web=False)  # fmt: skip
    yield cell(M.ROUTE_NOT_ON_THIS_VERSION, RUNS, "runs of an event, which the page does not tell", "its API may",
               "runs", "alice/priv", "--event", "push", asked="^GET http://[^ ]*/alice/priv/actions$")  # fmt: skip
    for way in (STATE, DOWNLOAD.other("forgejo-11")):
        yield cell(M.ROUTE_NOT_ON_THIS_VERSION, way, "an older attempt, where the newest alone is shown",
                   "newest attempt alone; .*--forge-host", "logs", "alice/priv#9", "--attempt", "1", change=_RERUN,
                   asked="^look for attempt 1 of alice/priv#9$")  # fmt: skip


def _which_login() -> Iterator[Cell]:
    """Web logins: none, one that is gone, one that is held up, gates in front."""
    for way in (*_WEB, RUNS):
        page = f"^GET {_RUN_PAGE}" if way.log else "^GET http://[^ ]*/alice/priv/actions$"
        yield cell(M.NEEDS_WEB_LOGIN, way, "a private repository, a token and no web login",
                   "not public: whyred login --web http", asked=page, web=False, table=way.log)  # fmt: skip
        yield cell(M.NEEDS_WEB_LOGIN, way, "the web login is gone", "web login is gone: whyred login --web http",
                   asked=page.replace("GET", "(GET|POST)"), then=_drop_logins, table=way.log)  # fmt: skip
        known = way if way is not DOWNLOAD else way.other("forgejo-16")
        if way.log:
            yield cell(M.NEEDS_WEB_LOGIN, way, "the web login ends while it is used", "web login is gone: whyred login",
                       asked=f"^(GET|POST) {_RUN_PAGE}", then=_drop_within(way))  # fmt: skip
        yield cell(M.NOT_FOUND, known, "a private repository, a stranger's web login", "user may not see it",
                   asked=page, web="nora")  # fmt: skip
        yield cell(M.NEEDS_WEB_LOGIN, way, "everybody must sign in, and nobody is", "wants a web login: whyred login",
                   asked=page, web=False, signin=True)  # fmt: skip
        yield cell(M.NEEDS_TWO_FACTOR, way, "a second factor must be set up first", "second factor set up.*browser",
                   asked=page, then=_held_up("must-set-up-2fa"))  # fmt: skip
        yield cell(M.NO_PERMISSION, way, "the password must be changed first", "password changed first.*browser",
                   asked=page, then=_held_up("must-change-password"))  # fmt: skip
        yield cell(M.NO_PERMISSION, way, "a gate answers 403 in front of the pages", "gate in front", asked=page,
                   then=on(faults.html(403), "^/alice/"))  # fmt: skip
    yield cell(M.REFUSED_CONTENT, STATE, "the CSRF token does not come back", "does a proxy drop cookies",
               then=on(faults.body(b"Invalid CSRF token.", "text/plain", 400), STATE.on, "POST"))  # fmt: skip


CELLS = (*_whose_token(), *_which_run(), *_which_log(), *_which_version(), *_which_login())
