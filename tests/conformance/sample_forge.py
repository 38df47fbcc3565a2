"""What forges tell, made by hand in every shape: runs, overviews, routes, logins, plans, the pieces of logs."""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from whyred.app.log_pieces import Absent, Head, Piece, Text
from whyred.app.log_steps import StepHead
from whyred.model.access import Access, LoggedIn, Table
from whyred.model.forge import Kind, Server
from whyred.model.overview import Line, Overview, Waiting
from whyred.model.run import Attempt, Conclusion, Job, Run, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources.http import By
from whyred.sources.plan import Call, Plan

ROOT = "https://forge.example"
HOSTILE = "a\x1b[31mred\n\u202eb"
RUN = Run(
    "team/app#12",
    workflow="ci.yml",
    event="push",
    commit="0123456789abcdef0123456789abcdef01234567",
    repo="team/app",
    id=112,
    number=12,
    branch="main",
    title=HOSTILE,
    status=Status.DONE,
    conclusion=Conclusion.FAILURE,
    created=1.5,
    started=2,
    ended=3.25,
    url=f"{ROOT}/team/app/actions/runs/12",
)
BARE = Run("team/app#1")
RUNS = [RUN, BARE, *(replace(RUN, status=s) for s in Status), *(replace(RUN, conclusion=c) for c in Conclusion)]
REFUSALS = [MissingLogError(reason, f"GET {ROOT}", HOSTILE) for reason in Missing]
ATTEMPT = Attempt(RUN, Job("build", "build", 5, 0, ("native",), ()), 2, Status.RUNNING)
OVERVIEWS = [
    Overview("team/app", ROOT, ()),
    Overview(
        "team/app",
        ROOT,
        (Line("ci.yml", RUN), Line("ci.yml", RUN, RUN, BARE, ("0123", "4567")), Line("ci.yml", RUN, RUN)),
        (
            Waiting(ATTEMPT, ("runner-1 (idle)",)),
            Waiting(ATTEMPT, ()),
            Waiting(Attempt(BARE)),
            Waiting(Attempt(RUN, Job(None, "test"))),
        ),
        ("a note",),
    ),
]
TABLES = [
    Table(f"Forgejo 16 at {ROOT}", None, (Access("tap", "rows", ("logs",), None),), "no attempt to try them on"),
    Table(
        f"Forgejo 16 at {ROOT}",
        "team/app#12:build",
        (
            Access("forgejo-api", "an API", ("runs", "logs"), works=True),
            *(Access("web", "pages", (), works=False, refusal=refusal) for refusal in REFUSALS),
        ),
    ),
]
LOGINS = [
    LoggedIn(Server(ROOT, Kind.FORGEJO, "16.0.0"), True, "anna", "otto", "the keyring", web_wanted=False),
    *(LoggedIn(Server(ROOT, kind), False, None, None, None, web_wanted=True) for kind in Kind),
]
PLANS: Mapping[str, Plan] = {
    "nothing": Plan("cancel team/app#12: it has ended, so there is nothing to do", ROOT, ()),
    "api": Plan(
        "start ci.yml of team/app on main",
        ROOT,
        (Call("POST", "/api/v1/x", HOSTILE, {"ref": "refs/heads/main", "inputs": {"a": "b"}, "return": True}),),
    ),
    "web": Plan(
        "rerun team/app#12",
        f"{ROOT}/sub",
        tuple(
            Call(method, "/team/app/actions/runs/12/rerun", "rerun it", by=by, form={"ref": "main"})
            for method in ("POST", "PUT", "PATCH", "DELETE")
            for by in By
        ),
    ),
}


def pieces() -> Iterator[Piece]:
    """Every piece of a log, in every shape."""
    for attempt in (ATTEMPT, Attempt(BARE), *(replace(ATTEMPT, status=s) for s in Status)):
        for boundaries in Boundaries:
            refused = tuple((f"route-{n}", refusal) for n, refusal in enumerate(REFUSALS))
            fetched = Fetched(attempt, iter(()), "web-state", boundaries=boundaries, refused=refused)
            yield Head(attempt, fetched, lambda: Conclusion.SUCCESS)
    for conclusion in Conclusion:
        yield StepHead(Step(HOSTILE, conclusion, status=Status.DONE), 3)
    yield StepHead(Step("Set up job", status=Status.RUNNING), None)
    yield from (Absent(ATTEMPT, refusal) for refusal in REFUSALS)
    yield HOSTILE.encode() + b"\nand \xff\xfe\x00 bytes\n\n"
    yield Text(7, HOSTILE.encode() + b"\n\xff\n")
