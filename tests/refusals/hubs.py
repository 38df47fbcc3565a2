"""What GitHub and GitLab refuse by themselves, each in its own way."""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from standin import faults, scenarios
from standin.github import GitHub, primary_limit, secondary_limit
from standin.github_shapes import run_id
from standin.servers import authority, elsewhere
from standin.wire import Reply, Request, as_json

from refusals.cell import Cell, Place
from refusals.forges import cell, on
from refusals.gitlab import GitLab
from refusals.ways import BY_SOURCE, Spot, everyday, well
from whyred.model.source import Missing

M = Missing
HUB, LAB = BY_SOURCE["github"], BY_SOURCE["gitlab"]
_API = r"^GET http://[^ ]*/api/v3/repos/alice/(priv|pub)/"
_LOG = f"{_API}actions/jobs/\\d+/logs$"
_TRACE = "^GET http://[^ ]*/trace$"
_FAILED = run_id(everyday().named("alice/priv").runs[1])
_RESET = 1_795_462_680


def _say(status: int, message: str, *headers: tuple[str, str]) -> Callable[[Request, Any], Reply]:
    return faults.say(as_json({"message": message}, status, kind="application/json; charset=utf-8").plus(*headers))


def _run(make: Callable[[Any], object]) -> Callable[[Any], object]:
    return lambda world: make(world.named("alice/priv"))


def _hub() -> Iterator[Cell]:
    """GitHub: who asks."""
    yield cell(M.NEEDS_TOKEN, HUB, "the token is none (any more)", "not accepted.*whyred login", asked=_API,
               then=lambda spot: spot.world.users["alice"].tokens.clear())  # fmt: skip
    yield cell(M.NEEDS_TOKEN, HUB, "the log of a public repository, no token", "logs of public repositories too",
               "logs", "alice/pub#2", asked=_LOG, token=False, table=True)  # fmt: skip
    yield cell(M.NOT_FOUND, HUB, "a private repository, no token", "private: check the name, or whyred login",
               asked=_API, token=False)  # fmt: skip
    yield cell(M.NOT_FOUND, HUB, "a private repository, a stranger's token", "this token may not see it", asked=_API,
               user="nora")  # fmt: skip
    yield cell(M.NOT_FOUND, HUB, "an unknown repository", "does not exist", "logs", "alice/none#2",
               asked=_API.replace("(priv|pub)", "none"))  # fmt: skip
    yield cell(M.NOT_FOUND, HUB, "an unknown run", "no run of this number", "logs", "alice/priv#99",
               asked="^look for alice/priv#99")  # fmt: skip
    yield cell(M.NOT_FOUND, HUB, "an attempt that there never was", "does not exist", "logs", "alice/priv#2",
               "--attempt", "9", asked=f"{_API}actions/runs/\\d+/attempts/9/jobs$")  # fmt: skip
    yield cell(M.NOT_FOUND, HUB, "an unknown job", "does not exist", "logs",
               f"@/alice/priv/actions/runs/{_FAILED}/job/999", asked=f"{_API}actions/jobs/999$")  # fmt: skip
    yield cell(M.NOT_FOUND, HUB, "the number of a run in place of its id", "does not exist", "logs",
               "@/alice/priv/actions/runs/2", asked=f"{_API}actions/runs/2$")  # fmt: skip
    lacks = (("X-Accepted-GitHub-Permissions", "actions=read"),)
    yield cell(M.NO_PERMISSION, HUB, "the token lacks the permission", "lacks the permission actions: read: give it",
               asked=_LOG, then=on(_say(403, "Resource not accessible", *lacks), "/logs$"), table=True)  # fmt: skip
    scope = (("X-Accepted-OAuth-Scopes", "repo"), ("X-OAuth-Scopes", "gist"))
    yield cell(M.NO_PERMISSION, HUB, "the token lacks the scope", "lacks the scope repo: give it", asked=_LOG,
               then=on(_say(403, "Resource not accessible", *scope), "/logs$"), table=True)  # fmt: skip
    sso = (("X-GitHub-SSO", "required; url=https://github.com/orgs/x/sso?authorization_request=AAA"),)
    yield cell(M.NO_PERMISSION, HUB, "the organisation wants single sign-on", "Configure SSO", asked=_LOG,
               then=on(_say(403, "Resource protected by organization SAML", *sso), "/logs$"), table=True)  # fmt: skip
    yield cell(M.NO_PERMISSION, HUB, "the repository is blocked (451)", "blocked", asked=_API,
               then=on(_say(451, "Repository access blocked"), "/repos/"))  # fmt: skip


def _used_up(request: Request, answer: Any) -> Reply:
    """Until ten minutes from now, by the clock that the answer's own date comes from."""
    return primary_limit(int(time.time()) + 600)(request, answer)


def _hub_limits() -> Iterator[Cell]:
    limits = (
        ("a secondary limit with Retry-After", secondary_limit(90), "try again in 2 minutes"),
        ("a secondary limit without a time", secondary_limit(0), "try again in a minute"),
        ("the requests of the hour are used up", _used_up, "used up: try again in 10 minutes"),
        ("429 of the API", secondary_limit(120, status=429), "try again in 2 minutes"),
    )
    for case, fault, help_ in limits:
        yield cell(M.RATE_LIMITED, HUB, case, help_, asked=_API, then=on(fault, "/repos/"))
    for status in (500, 502):
        yield cell(M.SERVER_ERROR, HUB, f"{status} of the API", f"HTTP {status}", asked=_API,
                   then=on(_say(status, "Server Error"), "/repos/"))  # fmt: skip
    yield cell(M.REFUSED_CONTENT, HUB, "a page in place of JSON", "bot check", asked=_API,
               then=on(faults.html(), "/repos/"))  # fmt: skip


def _hub_log() -> Iterator[Cell]:
    """GitHub: what became of the log."""
    yield cell(M.NOT_STARTED, HUB, "the job waits for a runner", "waits for", "logs", "alice/priv#4", asked=_LOG,
               table=True)  # fmt: skip
    yield cell(M.NOT_STARTED, HUB, "the job was skipped", "before any step of it ran", "logs", "alice/priv#5:after",
               asked="^read the log of alice/priv#5$")  # fmt: skip
    yield cell(M.STILL_RUNNING, HUB, "the job runs, and its log comes at its end", "--follow waits for that", "logs",
               "alice/priv#9", change=_run(scenarios.running), asked=_LOG, table=True)  # fmt: skip
    yield cell(M.EXPIRED, HUB, "410: the log's time is over", "no longer keeps it .90 days", "logs", "alice/priv#9",
               change=_run(scenarios.expired), asked=_LOG, table=True)  # fmt: skip
    yield cell(M.EXPIRED, HUB, "the storage no longer has it", "no longer has it: its time has passed", "logs",
               "alice/priv#9", change=_run(scenarios.lost), asked="^GET http://[^ ]*/job/",
               then=_storage(faults.say(Reply(404, b"<Error/>", (("Content-Type", "application/xml"),))), "/"),
               table=True)  # fmt: skip
    yield cell(M.DELETED, HUB, "the API knows the job and has no log of it", "has no log of it: it was deleted",
               asked=_LOG, then=on(_say(404, "Not Found"), "/logs$"), table=True)  # fmt: skip
    yield cell(M.REFUSED_CONTENT, HUB, "the API redirects to plain HTTP", "no HTTPS", asked=_LOG,
               then=on(faults.redirect_to("http://storage.invalid/log"), "/logs$"), table=True)  # fmt: skip
    yield Cell(M.TLS_FAILED, "github", "the storage has a certificate nobody vouches for", _untrusted_storage,
               "^GET https://127", "not trusted .*: give its CA with --ca")  # fmt: skip


def _storage(fault: Any, where: str) -> Callable[[Spot], object]:
    def then(spot: Spot) -> None:
        assert isinstance(spot.served, GitHub)
        spot.served.storage.fault(fault, where)

    return then


@contextmanager
def _untrusted_storage(place: Place) -> Iterator[Sequence[str]]:
    folder = Path(place.folder, "ca")
    folder.mkdir()
    with well(place, HUB) as spot, _over_tls(folder) as url:
        spot.served.fault(faults.redirect_to(f"{url}/log"), "/logs$")
        yield spot.argv


@contextmanager
def _over_tls(folder: Path) -> Iterator[str]:
    with elsewhere() as other:
        other.stop()
        other.tls = authority(folder).server
        other.start()
        yield other.url


def _lab_job(**changes: object) -> Callable[[Spot], object]:
    """The failed job, otherwise; its trace is empty, as GitLab's is where there is none."""

    def then(spot: Spot) -> None:
        assert isinstance(spot.served, GitLab)
        job = spot.served.failed()
        job.update(changes)
        spot.served.traces[int(job["id"])] = b""

    return then


def _lab() -> Iterator[Cell]:
    """GitLab."""
    way = LAB
    named = ("logs", "tools/ci/frob#4702:test")
    yield cell(M.NEEDS_TOKEN, way, "a log, and no token", "needs an API token: whyred login", *named, asked=_TRACE,
               token=False, then=on(_say(401, "401 Unauthorized"), "/trace$"), table=True)  # fmt: skip
    yield cell(M.NEEDS_TOKEN, way, "the token is none (any more)", "not accepted.*whyred login", *named, asked=_TRACE,
               then=on(_say(401, "401 Unauthorized"), "/trace$"), table=True)  # fmt: skip
    yield cell(M.NO_PERMISSION, way, "the token lacks the scope", "lacks the scope read_api", *named, asked=_TRACE,
               then=on(_say(403, "insufficient_scope"), "/trace$"), table=True)  # fmt: skip
    yield cell(M.NO_PERMISSION, way, "a reader without the right role", "ask for a role", *named, asked=_TRACE,
               then=on(_say(403, "403 Forbidden"), "/trace$"), table=True)  # fmt: skip
    yield cell(M.NOT_FOUND, way, "an unknown project, or a private one", "does not exist", "logs", "tools/none#1:test",
               asked="^GET http://[^ ]*/projects/tools%2Fnone/pipelines/1$")  # fmt: skip
    yield cell(M.NOT_FOUND, way, "an unknown run", "does not exist", "logs", "tools/ci/frob#99:test",
               asked="^GET http://[^ ]*/pipelines/99$")  # fmt: skip
    yield cell(M.NOT_FOUND, way, "an unknown job", "does not exist", "logs", "@/tools/ci/frob/-/jobs/9",
               asked="^GET http://[^ ]*/tools%2Fci%2Ffrob/jobs/9$")  # fmt: skip
    reset = (("RateLimit-Reset", str(_RESET)),)
    yield cell(M.RATE_LIMITED, way, "429 with RateLimit-Reset", "until [0-9:]+ UTC", *named, asked=_TRACE,
               then=on(_say(429, "Too Many", *reset), "/trace$"), table=True)  # fmt: skip
    yield cell(M.DELETED, way, "somebody erased the log", "somebody erased it", *named, asked=_TRACE,
               then=_lab_job(erased_at="2026-01-02T03:04:05Z"), table=True)  # fmt: skip
    yield cell(M.NOT_STARTED, way, "the job waits for a runner", "waits for a runner, so there is no log", *named,
               asked=_TRACE, then=_lab_job(status="pending", started_at=None, finished_at=None),
               table=True)  # fmt: skip
    yield cell(M.NOT_STARTED, way, "the job waits for somebody to start it", "manual job", *named, asked=_TRACE,
               then=_lab_job(status="manual", started_at=None, finished_at=None), table=True)  # fmt: skip
    yield cell(M.STILL_RUNNING, way, "the job runs and has no line", "sent no line yet", *named, asked=_TRACE,
               then=_lab_job(status="running", finished_at=None), table=True)  # fmt: skip


CELLS = (*_hub(), *_hub_limits(), *_hub_log(), *_lab())
