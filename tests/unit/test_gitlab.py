"""The GitLab source over real HTTP, against answers in the documented shapes (tests/sources/gitlab, our own text)."""

import io
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from whyred.app.library import Library
from whyred.app.read import read_log
from whyred.logs.gitlab_sections import stages
from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.run import Attempt, Conclusion, Job, Run, Status, Step
from whyred.model.source import Boundaries, Missing, MissingLogError
from whyred.sources import gitlab
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want

ANSWERS = Path(__file__).parents[1] / "sources" / "gitlab"
REPO = "tools/ci/frob"
BASE = "/api/v4/projects/tools%2Fci%2Ffrob"
CANARY = "glpat-CANARY0123456789abcd"
TRACE = (ANSWERS / "trace.log").read_bytes()
RUN = Run("tools/ci/frob#4702", repo=REPO, id=4702, number=4702, commit="1a2b3c4d", branch="main")


@dataclass
class Answer:
    """What the server says to one path."""

    body: bytes | str | Path = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"

    def data(self) -> bytes:
        if isinstance(self.body, Path):
            return self.body.read_bytes()
        return self.body if isinstance(self.body, bytes) else self.body.encode()


Say = Answer | Callable[[dict[str, str]], Answer]


@dataclass
class Lab:
    """A GitLab of fixed answers on loopback; `asked` is what was requested: path and headers."""

    says: dict[str, Say] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    root: str = ""

    def reach(self, token: str | None = CANARY) -> Reach:
        http = Http(self.root, token, scheme="Bearer", sleep=lambda _: None)
        return Reach(Server(self.root, Kind.GITLAB), http)


@pytest.fixture
def lab() -> Iterator[Lab]:
    told = Lab()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {k.lower(): v for k, v in self.headers.items()}
            told.asked.append((self.path, headers))
            say = told.says.get(self.path, Answer('{"message":"404 Not found"}', 404))
            answer = say(headers) if callable(say) else say
            data = answer.data()
            self.send_response(answer.status)
            for name, value in {
                "Content-Type": answer.kind,
                "Content-Length": str(len(data)),
                **answer.headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name it has in http.server
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    told.root = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield told
    server.shutdown()
    thread.join()
    server.server_close()


def text(body: bytes | str | Path) -> Answer:
    return Answer(body, kind="text/plain")


def jobs(lab: Lab) -> tuple[Attempt, ...]:
    lab.says[f"{BASE}/pipelines/4702/jobs?include_retried=true&per_page=100"] = Answer(ANSWERS / "jobs.json")
    return gitlab.attempts(lab.reach(), RUN)


def failed_job(lab: Lab) -> Attempt:
    return next(a for a in jobs(lab) if a.job and a.job.name.startswith("test"))


def now(id_: int, **changes: object) -> Answer:
    """What the server says of one job."""
    rows = json.loads((ANSWERS / "jobs.json").read_text(encoding="utf-8"))
    return Answer(json.dumps({**next(row for row in rows if row["id"] == id_), **changes}))


def refused(ask: Callable[[], object]) -> MissingLogError:
    with pytest.raises(MissingLogError) as caught:
        ask()
    error = caught.value
    assert CANARY not in f"{error!s} {error!r} {error.asked} {error.help}"
    return error


# Pipelines.


def test_runs_come_page_by_page_and_only_as_far_as_wanted(lab: Lab) -> None:
    first, second = f"{BASE}/pipelines?ref=main&per_page=3", f"{BASE}/pipelines?ref=main&page=2&per_page=3"
    link = f'<http://internal:8080{second}>; rel="next", <http://internal:8080{first}>; rel="first"'
    lab.says[first] = Answer(ANSWERS / "pipelines-1.json", headers={"Link": link})
    lab.says[second] = Answer(ANSWERS / "pipelines-2.json")
    found = gitlab.runs(lab.reach(), REPO, RunQuery(limit=3, branch="main"))
    assert next(found).id == 4703
    assert len(lab.asked) == 1
    assert [(r.id, r.status, r.conclusion) for r in found] == [
        (4702, Status.DONE, Conclusion.FAILURE),
        (4690, Status.DONE, Conclusion.SUCCESS),
    ]
    assert all(headers["authorization"] == f"Bearer {CANARY}" for _, headers in lab.asked)


def test_a_run_is_known_by_the_number_that_people_see(lab: Lab) -> None:
    lab.says[f"{BASE}/pipelines/4702"] = Answer(ANSWERS / "pipeline.json")
    (run,) = gitlab.runs(lab.reach(), REPO, RunQuery(number=4702))
    assert run == Run(
        "tools/ci/frob#4702",
        event="merge_request_event",
        commit="1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d",
        repo=REPO,
        id=4702,
        number=4702,
        branch="main",
        title="Nightly frob",
        status=Status.DONE,
        conclusion=Conclusion.FAILURE,
        created=1767323040.5,
        started=1767323045.0,
        ended=1767323160.0,
        url="https://lab.example/tools/ci/frob/-/pipelines/4702",
    )


def test_filters_go_to_the_server_in_its_words(lab: Lab) -> None:
    sha = "3f1c0f0e9a7d4b6c8e2f5a1b0c9d8e7f6a5b4c3d"
    query = RunQuery(branch="a b", commit=sha, event="push", status="failure")
    path = f"{BASE}/pipelines?ref=a+b&sha={sha}&status=failed&source=push&per_page=20"
    lab.says[path] = Answer("[]")
    assert list(gitlab.runs(lab.reach(), REPO, query)) == []


def test_what_the_server_does_not_filter_is_filtered_here(lab: Lab) -> None:
    lab.says[f"{BASE}/pipelines?source=push&per_page=20"] = Answer(ANSWERS / "pipelines-1.json")
    assert [r.id for r in gitlab.runs(lab.reach(), REPO, RunQuery(event="push", commit="3f1c"))] == [4703]


def test_a_link_in_a_circle_ends(lab: Lab) -> None:
    path = f"{BASE}/pipelines?per_page=20"
    lab.says[path] = Answer(ANSWERS / "pipelines-1.json", headers={"Link": f'<{path}>; rel="next"'})
    assert len(list(gitlab.runs(lab.reach(), REPO, RunQuery()))) == 2


@pytest.mark.parametrize(
    ("word", "status", "conclusion"),
    [
        ("created", Status.BLOCKED, Conclusion.UNKNOWN),
        ("waiting_for_resource", Status.BLOCKED, Conclusion.UNKNOWN),
        ("preparing", Status.BLOCKED, Conclusion.UNKNOWN),
        ("pending", Status.WAITING, Conclusion.UNKNOWN),
        ("running", Status.RUNNING, Conclusion.UNKNOWN),
        ("canceling", Status.RUNNING, Conclusion.UNKNOWN),
        ("success", Status.DONE, Conclusion.SUCCESS),
        ("failed", Status.DONE, Conclusion.FAILURE),
        ("canceled", Status.DONE, Conclusion.CANCELLED),
        ("skipped", Status.DONE, Conclusion.SKIPPED),
        ("manual", Status.BLOCKED, Conclusion.UNKNOWN),
        ("scheduled", Status.BLOCKED, Conclusion.UNKNOWN),
        ("new_word_of_gitlab_30", Status.UNKNOWN, Conclusion.UNKNOWN),
    ],
)
def test_every_status(word: str, status: Status, conclusion: Conclusion, lab: Lab) -> None:
    lab.says[f"{BASE}/pipelines/1"] = Answer(json.dumps({"id": 1, "status": word}))
    (run,) = gitlab.runs(lab.reach(), REPO, RunQuery(id=1))
    assert (run.status, run.conclusion) == (status, conclusion)


# Jobs.


def test_jobs_with_their_tries(lab: Lab) -> None:
    told = [(a.job.name, a.job.id, a.number, a.status, a.conclusion) for a in jobs(lab) if a.job]
    assert told == [
        ("build", 901, 1, Status.DONE, Conclusion.SUCCESS),
        ("test: [a, b]", 905, 2, Status.DONE, Conclusion.FAILURE),
        ("approve", 903, 1, Status.BLOCKED, Conclusion.UNKNOWN),
        ("deploy", 904, 1, Status.DONE, Conclusion.SKIPPED),
    ]


def test_what_a_job_tells(lab: Lab) -> None:
    attempt = failed_job(lab)
    assert attempt.job == Job(None, "test: [a, b]", 905, 1, ("linux", "big"))
    assert attempt.runner is not None
    assert (attempt.runner.name, attempt.id, attempt.started) == ("builder seven", 905, 1767323110.0)
    assert next(a.waits_for for a in jobs(lab) if a.job and a.job.name == "approve") == (
        "it waits for somebody to start it (manual job)"
    )


@pytest.mark.parametrize("reason", ["job_execution_timeout", "stuck_or_timeout_failure"])
def test_a_timeout_is_told_from_a_failure(reason: str, lab: Lab) -> None:
    path = f"{BASE}/pipelines/4702/jobs?include_retried=true&per_page=100"
    lab.says[path] = Answer(json.dumps([{"id": 1, "name": "x", "status": "failed", "failure_reason": reason}]))
    (attempt,) = gitlab.attempts(lab.reach(), RUN)
    assert attempt.conclusion is Conclusion.TIMED_OUT


# Logs.


def test_the_log_with_its_steps(lab: Lab) -> None:
    attempt = failed_job(lab)
    lab.says[f"{BASE}/jobs/905/trace"] = text(TRACE)
    fetched = gitlab.log(lab.reach(), attempt, Want())
    assert (fetched.route, fetched.boundaries) == ("gitlab", Boundaries.TOLD)
    chunks = list(fetched.chunks)
    assert b"".join(c for c in chunks if isinstance(c, bytes)) == TRACE
    log = read_log(chunks, Library(None), told=attempt.conclusion)
    assert [(s.name, s.aside, s.conclusion.value, s.exit_code) for s in log.reading.sections if s.name] == [
        ("prepare_executor", False, "unknown", None),
        ("get_sources", False, "unknown", None),
        ("step_script", False, "failure", 2),
        ("cleanup_file_variables", True, "unknown", None),
    ]
    assert (log.matched.step, log.reading.runner) == ("step_script", "builder seven")
    assert "'frob' undeclared" in log.matched.failures[0].message


def test_steps_with_times_and_why_the_job_failed(lab: Lab) -> None:
    attempt = failed_job(lab)
    lab.says |= {f"{BASE}/jobs/905/trace": text(TRACE), f"{BASE}/jobs/905": now(905)}
    at = 1767323110.0
    assert gitlab.steps(lab.reach(), attempt).steps == (
        Step("prepare_executor", Conclusion.SUCCESS, at, at + 1, status=Status.DONE),
        Step("get_sources", Conclusion.SUCCESS, at + 1, at + 4, status=Status.DONE),
        Step("step_script", Conclusion.FAILURE, at + 4, at + 40, reason="script_failure", status=Status.DONE),
        Step("cleanup_file_variables", started=at + 40, ended=attempt.ended, aside=True),
    )


def test_a_trace_that_was_read_for_its_steps_is_not_asked_for_again(lab: Lab) -> None:
    attempt = failed_job(lab)
    lab.says |= {f"{BASE}/jobs/905/trace": text(TRACE), f"{BASE}/jobs/905": now(905)}
    reach = lab.reach()
    log = gitlab.log(reach, gitlab.steps(reach, attempt), Want())
    assert b"".join(c for c in log.chunks if isinstance(c, bytes)) == TRACE
    assert log.boundaries is Boundaries.TOLD
    assert [path for path, _ in lab.asked].count(f"{BASE}/jobs/905/trace") == 1


def test_an_older_try_has_a_log_of_its_own(lab: Lab) -> None:
    older = replace(failed_job(lab), number=1, id=None)
    lab.says[f"{BASE}/jobs/902/trace"] = text("the first try\n")
    fetched = gitlab.log(lab.reach(), older, Want())
    assert (list(fetched.chunks), fetched.boundaries) == ([b"the first try\n"], Boundaries.GUESSED)
    assert refused(lambda: gitlab.log(lab.reach(), replace(older, number=3), Want())).reason is Missing.NOT_FOUND


def test_an_older_try_has_an_end_of_its_own(lab: Lab) -> None:
    older = replace(failed_job(lab), number=1, id=None, conclusion=Conclusion.UNKNOWN)
    lab.says |= {f"{BASE}/jobs/902/trace": text(TRACE), f"{BASE}/jobs/902": now(905, id=902, status="canceled")}
    assert gitlab.steps(lab.reach(), older).conclusion is Conclusion.CANCELLED


def test_an_empty_trace_of_a_job_that_ended_is_no_log(lab: Lab) -> None:
    attempt = failed_job(lab)
    lab.says |= {f"{BASE}/jobs/905/trace": text(b""), f"{BASE}/jobs/905": now(905)}
    error = refused(lambda: gitlab.log(lab.reach(), attempt, Want()))
    assert error.reason is Missing.DELETED
    assert "script_failure" in error.help
    lab.says[f"{BASE}/jobs/905"] = now(905, erased_at="2026-01-03T00:00:00.000Z")
    error = refused(lambda: gitlab.log(lab.reach(), attempt, Want()))
    assert (error.reason, "erased" in error.help) == (Missing.DELETED, True)


@pytest.mark.parametrize(
    ("changes", "reason", "said"),
    [
        ({"status": "running"}, Missing.STILL_RUNNING, "no line yet"),
        ({"status": "pending", "started_at": None}, Missing.NOT_STARTED, "waits for a runner"),
        ({"status": "manual", "started_at": None}, Missing.NOT_STARTED, "somebody"),
        ({"status": "skipped", "started_at": None, "failure_reason": None}, Missing.NOT_STARTED, "no runner"),
        ({"started_at": None, "failure_reason": "stuck_or_timeout_failure"}, Missing.NOT_STARTED, "stuck_or_timeout"),
    ],
)
def test_why_there_is_no_line(changes: dict[str, object], reason: Missing, said: str, lab: Lab) -> None:
    attempt = failed_job(lab)
    lab.says |= {f"{BASE}/jobs/905/trace": text(b""), f"{BASE}/jobs/905": now(905, **changes)}
    error = refused(lambda: gitlab.log(lab.reach(), attempt, Want()))
    assert error.reason is reason
    assert said in error.help


@pytest.mark.parametrize("ranges", [True, False])
def test_a_running_job_is_followed_to_its_end(ranges: bool, lab: Lab) -> None:
    attempt = replace(failed_job(lab), status=Status.RUNNING, conclusion=Conclusion.UNKNOWN)
    grown = iter([0, 100, 100, 700])

    def trace(headers: dict[str, str]) -> Answer:
        there = TRACE[: next(grown, len(TRACE))]
        start = int(headers["range"].removeprefix("bytes=").removesuffix("-"))
        if not ranges:
            return text(there)
        if start >= len(there):
            return replace(text(b""), status=416)
        where = {"Content-Range": f"bytes {start}-{len(there) - 1}/{len(there)}"}
        return replace(text(there[start:]), status=206, headers=where)

    lab.says[f"{BASE}/jobs/905/trace"] = trace
    states = iter(["running"] * 5)
    lab.says[f"{BASE}/jobs/905"] = lambda _: now(905, status=next(states, "failed"))
    chunks = gitlab.log(lab.reach(), attempt, Want(follow=True)).chunks
    assert b"".join(c for c in chunks if isinstance(c, bytes)) == TRACE


def test_the_end_alone_where_the_server_can_send_it(lab: Lab) -> None:
    attempt = failed_job(lab)

    def trace(headers: dict[str, str]) -> Answer:
        assert headers["range"] == "bytes=-20"
        return replace(text(b"rest of a line\nlast\n"), status=206, headers={"Content-Range": "bytes 80-99/100"})

    lab.says[f"{BASE}/jobs/905/trace"] = trace
    assert list(gitlab.log(lab.reach(), attempt, Want(tail=20)).chunks) == [b"last\n"]


# What belongs to a project.


def test_branch_merge_request_and_pipeline_of_a_job(lab: Lab) -> None:
    lab.says |= {
        BASE: Answer(ANSWERS / "project.json"),
        f"{BASE}/merge_requests/9": Answer(ANSWERS / "merge-request.json"),
        f"{BASE}/jobs/905": now(905),
        f"{BASE}/pipelines/4702": Answer(ANSWERS / "pipeline.json"),
    }
    assert gitlab.default_branch(lab.reach(), REPO) == "main"
    assert gitlab.pull(lab.reach(), REPO, 9) == "1a2b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d"
    assert gitlab.of_job(lab.reach(), REPO, 905).id == 4702


def test_a_public_project_answers_without_the_token_that_it_refuses(lab: Lab) -> None:
    def project(headers: dict[str, str]) -> Answer:
        known = "authorization" not in headers
        return Answer(ANSWERS / "project.json") if known else Answer('{"message":"401 Unauthorized"}', 401)

    lab.says[BASE] = project
    assert gitlab.default_branch(lab.reach(), REPO) == "main"


# Refusals.

SCOPE = (
    '{"error":"insufficient_scope","error_description":"higher privileges needed","scope":"ai_workflows api read_api"}'
)
DEBUG = '{"message":"403 Forbidden - You must have developer access when CI_DEBUG_TRACE is set"}'
REFUSALS = [
    (Answer(f'{{"message":"401 Unauthorized {CANARY}"}}', 401), Missing.NEEDS_TOKEN, "whyred login"),
    (Answer(SCOPE, 403), Missing.NO_PERMISSION, "read_api"),
    (Answer(DEBUG, 403), Missing.NO_PERMISSION, "CI_DEBUG_TRACE"),
    (Answer(f'{{"message":"403 Forbidden {CANARY}"}}', 403), Missing.NO_PERMISSION, "role"),
    (Answer('{"message":"404 Project Not Found"}', 404), Missing.NOT_FOUND, "check the name"),
    (Answer("<html>", 404, kind="text/html"), Missing.ROUTE_NOT_ON_THIS_VERSION, "no such route"),
    (Answer("Retry later\n", 429, {"Retry-After": "90"}, "text/plain"), Missing.RATE_LIMITED, "90 seconds"),
    (Answer("Retry later\n", 429, {"RateLimit-Reset": "1767323110"}, "text/plain"), Missing.RATE_LIMITED, "03:05:10"),
    (Answer('{"message":"500 Internal Server Error"}', 500), Missing.SERVER_ERROR, "HTTP 500"),
    (Answer("<html>sign in</html>", 200, kind="text/html"), Missing.REFUSED_CONTENT, "gate"),
    (Answer("", 302, {"Location": "https://sso.example/login"}), Missing.REFUSED_CONTENT, "sso.example"),
]


@pytest.mark.parametrize(("answer", "reason", "help_"), REFUSALS, ids=[str(n) for n in range(len(REFUSALS))])
def test_refusals_of_data_and_of_logs(answer: Answer, reason: Missing, help_: str, lab: Lab) -> None:
    attempt = failed_job(lab)
    lab.says |= {BASE: answer, f"{BASE}/jobs/905/trace": answer}
    for ask in (
        lambda: gitlab.default_branch(lab.reach(), REPO),
        lambda: gitlab.log(lab.reach(), attempt, Want()),
    ):
        error = refused(ask)
        assert error.reason is reason
        assert help_ in error.help
        assert error.asked.startswith(f"GET {lab.root}{BASE}")


def test_without_a_token_a_log_needs_one(lab: Lab) -> None:
    attempt = failed_job(lab)
    lab.says[f"{BASE}/jobs/905/trace"] = Answer('{"message":"401 Unauthorized"}', 401)
    error = refused(lambda: gitlab.log(lab.reach(None), attempt, Want()))
    assert (error.reason, error.help) == (Missing.NEEDS_TOKEN, "this needs an API token: whyred login")


@pytest.mark.parametrize("body", ["null", "[]", '[[1],{"id":"x"},{"id":-1,"name":7}]'])
def test_another_shape_than_the_documented_one_is_no_bug(body: str, lab: Lab) -> None:
    jobs_path = f"{BASE}/pipelines/4702/jobs?include_retried=true&per_page=100"
    lab.says |= {p: Answer(body) for p in (BASE, f"{BASE}/pipelines?per_page=20", jobs_path)}
    reach = lab.reach()
    assert gitlab.default_branch(reach, REPO) is None
    assert all(run.id is None for run in gitlab.runs(reach, REPO, RunQuery()))
    assert all(a.job is not None and a.job.id is None for a in gitlab.attempts(reach, RUN))


@pytest.mark.parametrize("body", ["7", "{}", '{"id":true}', "[1, 2]"])
def test_what_is_no_list_is_no_empty_list(body: str, lab: Lab) -> None:
    jobs_path = f"{BASE}/pipelines/4702/jobs?include_retried=true&per_page=100"
    lab.says |= {p: Answer(body) for p in (BASE, f"{BASE}/pipelines?per_page=20", jobs_path)}
    reach = lab.reach()
    assert gitlab.default_branch(reach, REPO) is None
    for ask in (lambda: list(gitlab.runs(reach, REPO, RunQuery())), lambda: gitlab.attempts(reach, RUN)):
        assert refused(ask).reason is Missing.REFUSED_CONTENT


def test_a_page_where_data_was_expected(lab: Lab) -> None:
    lab.says[BASE] = Answer("<html>sign in</html>", kind="text/html")
    assert refused(lambda: gitlab.default_branch(lab.reach(), REPO)).reason is Missing.REFUSED_CONTENT


@pytest.mark.parametrize("repo", ["a/b", "a/b/c/d", "../x", "a b/ä", "a/b?x=1#y"])
def test_a_project_is_always_one_part_of_the_path(repo: str, lab: Lab) -> None:
    refused(lambda: gitlab.default_branch(lab.reach(), repo))
    assert lab.asked[-1][0].startswith("/api/v4/projects/")
    assert lab.asked[-1][0].count("/") == 4
    assert not set(lab.asked[-1][0]) & set("?# ")


# Sections.


def cut(data: bytes, size: int) -> list[tuple[str | None, bytes]]:
    """(step, its bytes) in order."""
    source, found = io.BytesIO(data), [(None, b"")]
    rows: list[tuple[str | None, bytes]] = list(found)
    for chunk in stages(iter(lambda: source.read(size), b"")):
        if isinstance(chunk, Step):
            rows.append((chunk.name, b""))
        else:
            rows[-1] = (rows[-1][0], rows[-1][1] + chunk)
    return rows


@pytest.mark.parametrize("size", [1, 7, 64, 1 << 20])
def test_the_cut_does_not_depend_on_the_chunks(size: int) -> None:
    rows = cut(TRACE, size)
    assert b"".join(data for _, data in rows) == TRACE
    assert [name for name, _ in rows] == [
        None,
        "prepare_executor",
        "get_sources",
        "step_script",
        "cleanup_file_variables",
    ]
    assert all(data == b"" or data.endswith(b"\n") for _, data in rows[:-1])


def test_stages_of_a_log_with_time_stamps() -> None:
    """There a mark has a row of its own, and what followed it on its line comes in the next."""
    stamp = b"2026-01-02T03:05:10.123456Z 00O"
    rows = TRACE.replace(b"\r\x1b[0K", b"\r\x1b[0K\n+").split(b"\n")
    timed = b"".join(stamp + (row if row.startswith(b"+") else b" " + row) + b"\n" for row in rows)
    names = [name for name, _ in cut(timed, 100)]
    assert names == [None, "prepare_executor", "get_sources", "step_script", "cleanup_file_variables"]


def test_sections_that_are_never_ended_stay_small() -> None:
    data = b"".join(b"section_start:1:s%d\r\n" % n for n in range(10_000))
    assert [name for name, _ in cut(data, 1 << 16)] == [None, "s0"]


def test_a_log_of_nothing_but_stages_stays_small() -> None:
    data = b"section_start:1:s\r\nsection_end:1:s\r\n" * 5_000
    rows = cut(data, 1 << 16)
    assert len(rows) <= 1_001
    assert b"".join(text for _, text in rows) == data


def test_a_line_without_end_comes_in_pieces() -> None:
    sizes = [len(c) for c in stages([b"x" * 50_000] * 40) if isinstance(c, bytes)]
    assert sum(sizes) == 2_000_000
    assert max(sizes) <= 150_000


def test_a_job_id_may_be_that_of_an_older_try(lab: Lab) -> None:
    newest = failed_job(lab)
    assert newest.job is not None
    rows = json.loads((ANSWERS / "jobs.json").read_text(encoding="utf-8"))
    ids = sorted(row["id"] for row in rows if row["name"] == newest.job.name)
    tries = [gitlab.attempt_of(lab.reach(), RUN, id_) for id_ in ids]
    assert [(t.id, t.number) for t in tries] == [(id_, n) for n, id_ in enumerate(ids, 1)]
    assert len(tries) > 1
    assert refused(lambda: gitlab.attempt_of(lab.reach(), RUN, 9)).reason is Missing.WRONG_ID_KIND
