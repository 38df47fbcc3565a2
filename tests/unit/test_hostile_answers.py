"""A server that answers with anything: every field of every recorded answer, replaced by what has no place there.

A route must end in nouns that can be shown or in MissingLogError, never in another exception.
"""

import contextlib
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, fields
from functools import cache
from itertools import islice
from typing import Any

import pytest
from standin import faults, scenarios, standin, wire
from standin.recorded import FOLDER, Recording, recordings
from standin.servers import elsewhere

from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.run import Attempt, Conclusion, Job, Run, Status, Step
from whyred.model.source import Fetched, Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.reports.runs import render_runs, render_runs_json
from whyred.sources import (
    commit_statuses,
    forgejo_api,
    gitea_api,
    repo_api,
    servers,
    tasks_api,
    web_download,
    web_runs,
    web_state,
)
from whyred.sources._forge_api import total
from whyred.sources._state import read_answer
from whyred.sources.http import By, Http, Reply, Stream
from whyred.sources.reach import Reach, Want
from whyred.sources.web_login import sign_in

VERSIONS = sorted(folder.name for folder in FOLDER.iterdir() if folder.is_dir())
JUNK: tuple[Any, ...] = (
    None,
    [],
    {},
    [[{"a": [1]}]],
    {"a": {"b": None}},
    10**40,
    -1,
    0.5,
    math.inf,
    math.nan,
    True,
    "",
    "x" * 6000,
    "\x1b]0;owned\x07\ud800\u202e../../x\n",
    "9999-12-31T23:59:59-14:00",
)
MOST = 200
"""Nouns that are taken of an answer that goes on."""
ROOT = "http://forge.example"


class _Told(Stream):
    """An answer that is there already."""

    def __init__(self, reply: Reply, body: bytes) -> None:
        self.reply, self._body = reply, body

    def chunks(self) -> Iterator[bytes]:
        yield self._body

    def close(self) -> None:
        pass


@dataclass
class Answering(Http):
    """Answers every request alike. A client that is not given what it wants must not ask for ever."""

    body: bytes = field(default=b"", repr=False)
    kind: str = "application/json;charset=utf-8"
    left: int = 300

    def open(self, method: str, path: str, by: By = By.TOKEN, **_: Any) -> Stream:
        self.left -= 1
        assert self.left > 0, f"still asking for {path}"
        reply = Reply(200, {"content-type": self.kind}, b"", f"{method} {self.root}{path}")
        return _Told(reply, self.body)


RUN = Run("alice/priv#2", repo="alice/priv", id=11, number=2, commit="c" * 40)
ATTEMPT = Attempt(RUN, Job(None, "test", 15, 0), 1, Status.DONE, Conclusion.FAILURE)
LIVE = Attempt(RUN, Job(None, "test", 15, 0), 1, Status.RUNNING)
Ask = Callable[[Reach], object]


def runs(route: Any, query: RunQuery) -> Ask:
    return lambda reach: list(islice(route.runs(reach, "alice/priv", query), MOST))


ASKS: dict[Kind, tuple[Ask, ...]] = {
    Kind.FORGEJO: (
        lambda reach: servers.identify(reach.http),
        runs(forgejo_api, RunQuery(limit=60)),
        runs(forgejo_api, RunQuery(id=11)),
        runs(forgejo_api, RunQuery(number=2)),
        lambda reach: forgejo_api.attempts(reach, RUN),
        lambda reach: forgejo_api.log(reach, LIVE, Want()),
        runs(tasks_api, RunQuery(limit=60)),
        lambda reach: tasks_api.attempts(reach, RUN),
        runs(commit_statuses, RunQuery(limit=5)),
        lambda reach: commit_statuses.attempts(reach, RUN),
        lambda reach: repo_api.default_branch(reach, "alice/priv"),
        lambda reach: repo_api.pull(reach, "alice/priv", 1),
        lambda reach: repo_api.runners(reach, "alice/priv"),
        runs(web_runs, RunQuery(limit=60)),
        lambda reach: web_state.attempts(reach, RUN),
        lambda reach: web_state.steps(reach, ATTEMPT),
        lambda reach: web_state.log(reach, ATTEMPT, Want()),
        lambda reach: web_download.log(reach, ATTEMPT, Want()),
    ),
    Kind.GITEA: (
        lambda reach: servers.identify(reach.http),
        runs(gitea_api, RunQuery(limit=60)),
        runs(gitea_api, RunQuery(id=11)),
        lambda reach: gitea_api.attempts(reach, RUN),
        lambda reach: gitea_api.log(reach, LIVE, Want()),
        runs(tasks_api, RunQuery(limit=60)),
        lambda reach: tasks_api.attempts(reach, RUN),
        lambda reach: repo_api.runners(reach, "alice/priv"),
        lambda reach: web_state.attempts(reach, RUN),
        lambda reach: web_state.log(reach, ATTEMPT, Want()),
    ),
}


@cache
def answers(version: str) -> tuple[object, ...]:
    """One recorded answer of every form that a version gives."""
    found: dict[str, object] = {}
    for recording in recordings(version):
        data = _data(recording)
        if data is not None:
            found.setdefault(repr(sorted(_form(data))), data)
    return tuple(found.values())


def _data(recording: Recording) -> object:
    if recording.kind != "json" or recording.status != 200:
        return None
    data = json.loads(recording.reply)
    if isinstance(data, dict) and "swagger" not in recording.name:
        return data
    return data[:2] if isinstance(data, list) and data else None


def _form(data: object, at: str = "") -> set[str]:
    if isinstance(data, dict):
        return {f"{at}.{k}" for k in data} | {p for k, v in data.items() for p in _form(v, f"{at}.{k}")}
    return {p for v in data for p in _form(v, f"{at}[]")} if isinstance(data, list) else set()


_UNREAD = {"repository", "head_repository", "trigger_user", "actor", "trigger_actor", "owner", "user", "creator"}
"""Objects inside answers that no route looks into."""


def places(data: object, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something stands in an answer; of a list its first item, which stands for the others."""
    yield at
    if at and at[-1] in _UNREAD:
        return
    inner = data.items() if isinstance(data, dict) else enumerate(data[:1]) if isinstance(data, list) else ()
    for key, value in inner:
        yield from places(value, (*at, key))


def replaced(data: Any, at: tuple[Any, ...], junk: object) -> Any:
    """A copy with one thing in the place of another."""
    if not at:
        return junk
    copied = dict(data) if isinstance(data, dict) else list(data)
    copied[at[0]] = replaced(data[at[0]], at[1:], junk)
    return copied


def sane(noun: object) -> None:
    """Whether a noun can be shown: its parts have the types that it says, and no text is endless."""
    if isinstance(noun, Run):
        told = {f.name: getattr(noun, f.name) for f in fields(noun)}
        assert all(type(told[n]) in (int, type(None)) for n in ("id", "number")), told
        assert all(type(told[n]) in (float, type(None)) for n in ("created", "started", "ended")), told
        texts = ("label", "workflow", "event", "commit", "repo", "branch", "title", "url")
        assert all(told[n] is None or (type(told[n]) is str and len(told[n]) < 5000) for n in texts), told
        render_runs([noun])
        json.loads(render_runs_json([noun]))
    elif isinstance(noun, Attempt):
        sane(noun.run)
        assert noun.job is not None
        assert type(noun.job.name) is str
        assert type(noun.number) in (int, type(None))
        assert all(type(step.name) is str and isinstance(step.conclusion, Conclusion) for step in noun.steps)
    elif isinstance(noun, Fetched):
        sane(noun.attempt)
        assert all(isinstance(chunk, bytes | Step) for chunk in islice(noun.chunks, MOST))
    elif isinstance(noun, list | tuple):
        for one in noun[:MOST]:
            sane(one)
    elif isinstance(noun, Server):
        assert len(str(noun)) < 200


def told(refused: MissingLogError) -> None:
    """Whether a refusal says what to do, in a text that ends."""
    assert 0 < len(refused.help) < 6000


def ask_all(version: str, body: bytes, what: object) -> None:
    kind = Kind.FORGEJO if version.startswith("forgejo") else Kind.GITEA
    for ask in ASKS[kind]:
        http = Answering(ROOT, token="t", body=body, sleep=lambda _: None)
        http.signed_in = True
        try:
            sane(ask(Reach(Server(ROOT, kind, "16.0.0"), http)))
        except MissingLogError as refused:
            told(refused)
        except Exception as error:
            error.add_note(f"{version}: {what}: {body[:300]!r}")
            raise


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_of_every_answer_may_be_anything(version: str) -> None:
    turn = 0
    for data in answers(version):
        for at in places(data):
            for _ in range(2):  # over all places each kind of junk stands everywhere
                turn += 1
                junk = JUNK[turn % len(JUNK)]
                ask_all(version, json.dumps(replaced(data, at, junk)).encode(), (at, junk))
    assert turn > 100


@pytest.mark.parametrize("junk", JUNK, ids=[repr(junk)[:20] for junk in JUNK])
def test_an_answer_may_be_anything(junk: object) -> None:
    for version in ("forgejo-16", "gitea-1.26.0"):
        ask_all(version, json.dumps(junk).encode(), junk)
        ask_all(version, json.dumps([junk, junk]).encode(), junk)
        ask_all(version, json.dumps({"workflow_runs": [junk], "jobs": [junk], "state": junk}).encode(), junk)


BULK = (
    b"[" + b"{}," * 2_000_000 + b"{}]",
    b'{"total_count":1,"workflow_runs":[' + b'{"id":1},' * 700_000 + b"{}]}",
    b"[" + b"0.5," * 2_000_000 + b"1]",
)


@pytest.mark.parametrize("body", BULK)
def test_an_answer_of_more_parts_than_any_list_is_refused_unread(body: bytes) -> None:
    reach = Reach(Server(ROOT, Kind.FORGEJO, "16.0.0"), Answering(ROOT, body=body))
    with pytest.raises(MissingLogError, match="more parts") as refused:
        list(forgejo_api.runs(reach, "alice/priv", RunQuery()))
    assert refused.value.reason is Missing.REFUSED_CONTENT
    assert servers.identify(Answering(ROOT, body=b'{"version":"16.0.0+gitea-1.22.0"}')).version == "16.0.0"


def test_a_version_is_as_long_as_versions_are() -> None:
    told = servers.identify(Answering(ROOT, body=json.dumps({"version": "9" * 100_000}).encode())).version
    assert told is not None
    assert len(told) == 40


def test_a_count_of_runs_that_is_a_lie_costs_no_endless_questions() -> None:
    lie = {"total_count": 10**17, "workflow_runs": [{"id": 1, "index_in_repo": 1}, {"id": 2, "index_in_repo": 2}]}
    http = Answering(ROOT, body=json.dumps(lie).encode())  # it stops this test after 300 questions
    reach = Reach(Server(ROOT, Kind.FORGEJO, "14.0.0"), http)
    assert not list(forgejo_api.runs(reach, "alice/priv", RunQuery(number=7)))


@pytest.mark.parametrize("told", ["9" * 5000, "1" * 19, "\u0663", "-1", "+1", "1_0", " 7", "", "x"])
def test_a_count_that_no_list_has_counts_as_none(told: str) -> None:
    assert total(Reply(200, {"content-type": "application/json", "x-total-count": told}, b"[]", "GET /")) == 0
    assert total(Reply(200, {"content-type": "application/json", "x-total-count": "70"}, b"[]", "GET /")) == 70


def test_no_run_has_more_jobs_than_are_believed() -> None:
    body = json.dumps([{"id": n + 1} for n in range(20_000)]).encode()
    found = forgejo_api.attempts(Reach(Server(ROOT, Kind.FORGEJO, "16.0.0"), Answering(ROOT, body=body)), RUN)
    assert len(found) == 10_000


def test_a_state_that_never_comes_to_its_lines_is_refused_before_it_fills_the_memory() -> None:
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        yield b'{"state":{"run":{"title":"'
        while True:
            given += 1 << 20
            assert given < 16 << 20
            yield b"x" * (1 << 20)

    with pytest.raises(MissingLogError) as refused:
        list(read_answer(endless(), "POST /").lines)
    assert refused.value.reason is Missing.REFUSED_CONTENT


@pytest.mark.parametrize("line", [b"[" * 100_000, b'{"index":' + b"9" * 5000 + b"}", b'"' + b"x" * (40 << 20)])
def test_a_line_that_no_json_is_ends_a_large_answer(line: bytes) -> None:
    row = b'{"index":1,"message":"%s","timestamp":1.5},' % (b"x" * 1000)
    body = b'{"state":{},"logs":{"stepsLog":[{"step":1,"cursor":9,"lines":[' + row * 5000 + line
    chunks = iter([body[at : at + (1 << 20)] for at in range(0, len(body), 1 << 20)])
    with pytest.raises(MissingLogError) as refused:
        list(read_answer(chunks, "POST /").lines)
    assert refused.value.reason is Missing.REFUSED_CONTENT


@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-16"])
def test_a_cursor_that_never_moves_ends_what_follows_it(name: str) -> None:
    world = scenarios.everyday()
    job = scenarios.running(world.named("alice/pub")).jobs[0]
    with standin(name, world) as forge:
        http = Http(forge.url, sleep=lambda _: None)
        reach = Reach(servers.identify(http), http)
        run = Run("alice/pub#10", repo="alice/pub", number=10)
        attempt = web_state.steps(reach, Attempt(run, Job(None, "slow", job.id, 0)))
        forge.fault(faults.cursor_loop(), on=r"/jobs/0", method="POST")
        with pytest.raises(MissingLogError, match="cursor") as refused:
            list(islice(web_state.log(reach, attempt, Want(follow=True)).chunks, MOST))
        assert refused.value.reason is Missing.REFUSED_CONTENT


def test_a_large_answer_tells_its_cursor_too() -> None:
    lines = b",".join(b'{"index":%d,"message":"%s","timestamp":1.5}' % (n, b"x" * 1000) for n in range(6000))
    body = b'{"state":{},"logs":{"stepsLog":[{"step":1,"cursor":6000,"lines":[' + lines + b'],"started":1}]}}'
    answer = read_answer(iter([body]), "POST /")
    assert answer.cursor == 6000
    assert sum(1 for _ in answer.lines) == 6000


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-16", "gitea-1.26.4"])
def test_no_credential_goes_where_a_redirect_leads(name: str, code: int) -> None:
    world = scenarios.everyday()
    alice = world.users["alice"]
    token = alice.token()
    with standin(name, world) as forge, elsewhere() as other:
        http = Http(forge.url, sleep=lambda _: None)
        sign_in(http, "alice", alice.password)
        http.signed_in, http.token = True, token
        reach = Reach(servers.identify(http), http)
        secrets = [token, *http.jar.values()]
        forge.fault(faults.redirect_to(f"{other.url}{{path}}/attempt/7", code))
        for ask in ASKS[reach.server.kind]:
            with contextlib.suppress(MissingLogError):
                ask(reach)
        with contextlib.suppress(MissingLogError, UserError):
            sign_in(http, "alice", alice.password)
        assert not any(other.saw(secret) for secret in (*secrets, alice.password))
        assert not other.requests, "no redirect of these routes is followed at all"


@pytest.mark.parametrize(
    "to", ["http://[::1", "http://x:99999999/y", "//", "javascript:alert(1)", "/\x1b[31m", "?", "\xff"]
)
def test_a_redirect_to_no_address_is_a_refusal(to: str) -> None:
    world = scenarios.everyday()
    alice = world.users["alice"]
    with standin("forgejo-16", world) as forge:
        http = Http(forge.url, token=alice.token(), sleep=lambda _: None)
        reach = Reach(servers.identify(http), http)
        forge.fault(faults.say(wire.Reply(302, b"", (("Location", to),))))
        for signed_in in (False, True):
            http.signed_in = signed_in
            for ask in ASKS[Kind.FORGEJO][1:]:
                with pytest.raises(MissingLogError) as refused:
                    ask(reach)
                told(refused.value)
        with pytest.raises(MissingLogError):
            sign_in(http, "alice", alice.password)
