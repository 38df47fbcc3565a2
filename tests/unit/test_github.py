"""GitHub by its API, over real HTTP: what is asked of which host, the nouns, the log in steps, and every refusal."""

import io
import zipfile
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from github_fake import CANARY, REPO, TEXT, Answer, Asked, Fake, expected, fake_github, fixture

from whyred.model.forge import RunQuery
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import github
from whyred.sources._fields import Fields
from whyred.sources._github_read import read_job, read_run
from whyred.sources.reach import Want

RUN_ID, JOB_ID = 17654321098, 50123456789
RUN = read_run(Fields(fixture("run.json")), "acme/widget")
ATTEMPT = read_job(Fields(fixture("job.json")), RUN, 0).attempt
LOGS = f"/actions/jobs/{JOB_ID}/logs"
ZIP = f"/actions/runs/{RUN_ID}/attempts/2/logs"
JOBS = f"/actions/runs/{RUN_ID}/attempts/2/jobs"
FOLDER = "build  test (ubuntu-24.04, stable)"
"""The job's name as the zip has it: without the slash."""


@pytest.fixture
def fake() -> Iterator[Fake]:
    with fake_github() as both:
        yield both


def told(fetched: Fetched) -> list[tuple[str, bytes]]:
    found: list[tuple[str, bytes]] = []
    for item in fetched.chunks:
        if isinstance(item, Step):
            found.append((item.name, b""))
        else:
            name, data = found.pop() if found else ("", b"")
            found.append((name, data + item))
    return found


def refused(reason: Missing, call: Any, *args: Any) -> MissingLogError:
    def consume() -> None:
        result = call(*args)
        list(result.chunks if isinstance(result, Fetched) else result)

    with pytest.raises(MissingLogError) as caught:
        consume()
    error = caught.value
    assert error.reason is reason, error
    assert error.help
    assert error.asked
    assert CANARY not in str(error)
    assert "s3cret" not in str(error)
    return error


def make_zip(members: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file.getvalue()


def members(folder: str = FOLDER) -> dict[str, bytes]:
    """The zip of the run as GitHub makes it; each file begins with a byte order mark."""
    steps = {name: data.removeprefix(b"\xef\xbb\xbf") for name, data in expected()}
    numbers = (1, 2, 3, 4, 7, 8)
    files = {
        f"{folder}/{n}_{name.replace('/', '')}.txt": b"\xef\xbb\xbf" + data
        for n, (name, data) in zip(numbers, steps.items(), strict=True)
        if data
    }
    return {f"0_{folder}.txt": TEXT, **files, f"{folder}/system.txt": b"waited\n", "other/1_Set up job.txt": b"no\n"}


def with_jobs(fake: Fake, *more: str) -> None:
    fake.gives(JOBS, {"jobs": [fixture("job.json"), *({"id": n, "name": name} for n, name in enumerate(more, 1))]})


# --- where ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://git.acme.example", "https://git.acme.example/api/v3"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080/api/v3"),
        ("https://notgithub.com", "https://notgithub.com/api/v3"),
        ("https://github.com.evil.example", "https://github.com.evil.example/api/v3"),
    ],
)
def test_where_the_api_is(server: str, api: str) -> None:
    assert github.api_root(server) == api


def test_it_is_asked_as_github_wants_it(fake: Fake) -> None:
    fake.gives("", {"default_branch": "trunk"})
    assert github.default_branch(fake.reach(), "acme/widget") == "trunk"
    asked = fake.api.asked[0]
    assert asked.headers["authorization"] == f"Bearer {CANARY}"
    assert asked.headers["accept"] == "application/vnd.github+json"
    assert asked.headers["x-github-api-version"] == "2022-11-28"
    assert github.refuses(fake.reach()) is None


def test_the_commit_of_a_pull_request(fake: Fake) -> None:
    fake.gives("/pulls/7", {"head": {"sha": "abc1"}})
    assert github.pull(fake.reach(), "acme/widget", 7) == "abc1"
    fake.gives("/pulls/7", {"head": None})
    refused(Missing.REFUSED_CONTENT, github.pull, fake.reach(), "acme/widget", 7)


# --- nouns ------------------------------------------------------------------------------------------------------------


def test_a_run(fake: Fake) -> None:
    fake.gives("/actions/runs", {"total_count": 1, "workflow_runs": [fixture("run.json")]})
    (run,) = github.runs(fake.reach(), "acme/widget", RunQuery())
    assert run == Run(
        "acme/widget#412",
        workflow="ci.yml",
        event="push",
        commit="5f1b0a3c9d8e7f60112233445566778899aabbcc",
        repo="acme/widget",
        id=RUN_ID,
        number=412,
        branch="main",
        title="Keep the scratch folder out of /tmp",
        status=Status.DONE,
        conclusion=Conclusion.FAILURE,
        created=1800000000.0 - 20,
        started=1800000000.0 - 19,
        ended=1800000000.0 + 62,
        url=f"https://github.com/acme/widget/actions/runs/{RUN_ID}",
    )


@pytest.mark.parametrize(
    ("status", "conclusion", "expected"),
    [
        ("queued", None, (Status.WAITING, Conclusion.UNKNOWN)),
        ("requested", None, (Status.WAITING, Conclusion.UNKNOWN)),
        ("waiting", None, (Status.BLOCKED, Conclusion.UNKNOWN)),
        ("pending", None, (Status.BLOCKED, Conclusion.UNKNOWN)),
        ("in_progress", None, (Status.RUNNING, Conclusion.UNKNOWN)),
        ("completed", "neutral", (Status.DONE, Conclusion.SUCCESS)),
        ("completed", "timed_out", (Status.DONE, Conclusion.TIMED_OUT)),
        ("completed", "startup_failure", (Status.DONE, Conclusion.FAILURE)),
        ("completed", "stale", (Status.DONE, Conclusion.UNKNOWN)),
        ("completed", "action_required", (Status.BLOCKED, Conclusion.UNKNOWN)),
        ("something new", 7, (Status.UNKNOWN, Conclusion.UNKNOWN)),
    ],
)
def test_status_and_conclusion(status: str, conclusion: Any, expected: tuple[Status, Conclusion]) -> None:
    run = read_run(Fields({"status": status, "conclusion": conclusion}), "a/b")
    assert (run.status, run.conclusion) == expected
    job = read_job(Fields({"status": status, "conclusion": conclusion}), run).attempt
    assert (job.status, job.conclusion) == expected
    assert (job.waits_for is not None) == (expected[0] in (Status.WAITING, Status.BLOCKED))


def test_a_job_with_its_steps(fake: Fake) -> None:
    fake.gives(f"/actions/runs/{RUN_ID}/jobs", {"jobs": [fixture("job.json")]})
    (attempt,) = github.attempts(fake.reach(), RUN)
    assert attempt.job == Job(None, "build / test (ubuntu-24.04, stable)", JOB_ID, 0, ("ubuntu-24.04",))
    assert (attempt.number, attempt.status, attempt.conclusion) == (2, Status.DONE, Conclusion.FAILURE)
    assert attempt.runner == Runner(name="GitHub Actions 9")
    assert attempt.url == f"https://github.com/acme/widget/actions/runs/{RUN_ID}/job/{JOB_ID}"
    assert [(s.name, s.aside) for s in attempt.steps] == [
        ("Set up job", True),
        ("Run actions/checkout@v4", False),
        ("Test", False),
        ("Post results", False),  # a step of the workflow's own
        ("Post Run actions/checkout@v4", True),
        ("Complete job", True),
    ]
    test = attempt.steps[2]
    assert (test.conclusion, test.status, test.started, test.ended) == (
        Conclusion.FAILURE,
        Status.DONE,
        1800000003.0,
        1800000030.0,
    )
    assert "filter=latest" in fake.api.asked[0].query


def test_steps_are_in_the_order_of_their_numbers_and_those_to_come_wait() -> None:
    steps = [
        {"name": "Pre x", "number": 2, "status": "completed", "conclusion": "success"},
        {"name": "x", "number": 4, "status": "pending", "conclusion": None, "started_at": None},
        {"name": "Set up job", "number": 1, "status": "completed", "conclusion": "success"},
        {"name": "Initialize containers", "number": 3, "status": "in_progress", "conclusion": None},
        {"name": "Complete job", "number": 5, "status": "queued", "conclusion": None},
    ]
    answer = read_job(Fields({"steps": steps}), RUN)
    assert answer.numbers == (1, 2, 3, 4, 5)
    assert [(s.name, s.status, s.aside) for s in answer.attempt.steps] == [
        ("Set up job", Status.DONE, True),
        ("Pre x", Status.DONE, True),
        ("Initialize containers", Status.RUNNING, True),
        ("x", Status.WAITING, False),
        ("Complete job", Status.WAITING, True),
    ]


def test_older_attempts(fake: Fake) -> None:
    assert ATTEMPT.job is not None
    name = ATTEMPT.job.name
    path = f"/actions/runs/{RUN_ID}/attempts/1/jobs"
    fake.gives(path, {"jobs": [{"id": 3, "name": "x"}, {"id": 4, "name": name, "run_attempt": 1}]})
    attempt = github.older(fake.reach(), ATTEMPT, 1)
    assert (attempt.number, attempt.job and attempt.job.id) == (1, 4)
    fake.gives(path, {"jobs": [{"id": 3, "name": "x"}]})
    assert "it has: x" in refused(Missing.NOT_FOUND, github.older, fake.reach(), ATTEMPT, 1).help
    fake.gives(path, {"jobs": [{"id": 3, "name": name}, {"id": 4, "name": name}]})
    assert "several jobs" in refused(Missing.NOT_FOUND, github.older, fake.reach(), ATTEMPT, 1).help


def test_a_job_by_its_id_alone(fake: Fake) -> None:
    fake.gives(f"/actions/jobs/{JOB_ID}", fixture("job.json"))
    fake.gives(f"/actions/runs/{RUN_ID}", fixture("run.json"))
    run = github.of_job(fake.reach(), "acme/widget", JOB_ID)
    assert run == RUN
    attempt = github.attempt_of(fake.reach(), run, JOB_ID)
    assert attempt.steps == ATTEMPT.steps
    fake.gives(f"/actions/jobs/{JOB_ID}", {})
    refused(Missing.REFUSED_CONTENT, github.of_job, fake.reach(), "acme/widget", JOB_ID)


def test_a_job_as_it_is_now_keeps_its_place(fake: Fake) -> None:
    fake.gives(f"/actions/jobs/{JOB_ID}", fixture("job.json") | {"status": "in_progress", "conclusion": None})
    known = Attempt(RUN, Job("test", "old", JOB_ID, 3, needs=("lint",)))
    now = github.steps(fake.reach(), known)
    assert now.status is Status.RUNNING
    assert now.job is not None
    assert (now.job.key, now.job.index, now.job.needs) == ("test", 3, ("lint",))


def test_annotations(fake: Fake) -> None:
    fake.gives(f"/check-runs/{JOB_ID}/annotations", fixture("annotations.json"))
    assert github.annotations(fake.reach(), ATTEMPT) == (
        github.Annotation(github.Level.WARNING, "unused variable: `dir`", "unused", "src/scratch.rs", 41, 43),
        github.Annotation(github.Level.FAILURE, "Process completed with exit code 101.", None, ".github", 12, 12),
        github.Annotation(github.Level.NOTICE, "something new", None, ".github", 1, 1),
    )


@pytest.mark.parametrize("wrong", [None, [], {"jobs": None}, {"jobs": {"a": 1}}, {"jobs": [1, None, "x"]}])
def test_an_answer_of_another_shape_is_an_empty_list(fake: Fake, wrong: Any) -> None:
    fake.gives(f"/actions/runs/{RUN_ID}/jobs", wrong)
    assert github.attempts(fake.reach(), RUN) == ()


# --- runs -------------------------------------------------------------------------------------------------------------


def run_at(number: int, **more: Any) -> dict[str, Any]:
    run: dict[str, Any] = fixture("run.json")
    return run | {"id": number * 10, "run_number": number} | more


def paged(fake: Fake, path: str, pages: list[list[dict[str, Any]]], other: str | None = None) -> None:
    """A list in pages, each with the `Link` to the next; `other`: the host that the links name."""

    def answer(asked: Asked) -> Answer:
        page = int(dict(p.split("=") for p in asked.query.split("&")).get("page", "1"))
        url = f"{other or fake.api.root}{REPO}{path}?per_page=100&page={page + 1}"
        link = {"Link": f'<{url}>; rel="next", <https://x.example/>; rel="last"'} if page < len(pages) else {}
        return Answer(200, {"workflow_runs": pages[page - 1]}, link)

    fake.api.rules[f"GET {REPO}{path}"] = answer


def test_runs_are_paged_and_only_as_far_as_they_are_read(fake: Fake) -> None:
    paged(fake, "/actions/runs", [[run_at(9), run_at(8)], [run_at(7)], [run_at(6)]])
    found = github.runs(fake.reach(), "acme/widget", RunQuery(limit=2))
    assert [r.number for r in islice(found, 3)] == [9, 8, 7]
    assert len(fake.api.asked) == 2
    assert [r.number for r in found] == [6]


def test_what_is_asked_of_the_list(fake: Fake) -> None:
    fake.gives("/actions/runs", {"workflow_runs": []})
    sha = "5f1b0a3c9d8e7f60112233445566778899aabbcc"
    query = RunQuery(limit=5, branch="a b", event="push", commit=sha, status="timed out")
    assert list(github.runs(fake.reach(), "acme/widget", query)) == []
    assert set(fake.api.asked[0].query.split("&")) == {
        "branch=a+b",
        "event=push",
        f"head_sha={sha}",
        "status=timed_out",
        "per_page=5",
        "exclude_pull_requests=true",
    }


def test_a_filter_that_was_passed_over_is_kept_all_the_same(fake: Fake) -> None:
    fake.gives("/actions/runs", {"workflow_runs": [run_at(2, head_branch="other"), run_at(1, head_sha="abc")]})
    assert [r.number for r in github.runs(fake.reach(), "acme/widget", RunQuery(branch="main"))] == [1]
    assert [r.number for r in github.runs(fake.reach(), "acme/widget", RunQuery(commit="5f1b"))] == [2]


@pytest.mark.parametrize("named", ["ci.yml", ".github/workflows/ci.yml", "881", "Continuous"])
def test_a_workflow_by_file_id_or_name(fake: Fake, named: str) -> None:
    fake.gives("/actions/workflows", {"workflows": [{"id": 7, "name": "Other"}, {"id": 881, "name": "Continuous"}]})
    for which in ("ci.yml", "881"):
        fake.gives(f"/actions/workflows/{which}/runs", {"workflow_runs": [run_at(1)]})
    assert [r.number for r in github.runs(fake.reach(), "acme/widget", RunQuery(workflow=named))] == [1]


def test_a_workflow_that_is_not_there(fake: Fake) -> None:
    fake.gives("/actions/workflows", {"workflows": [{"id": 7, "name": "Other"}]})
    error = refused(Missing.NOT_FOUND, github.runs, fake.reach(), "acme/widget", RunQuery(workflow="CI"))
    assert "Other" in error.help


def test_a_run_by_its_number(fake: Fake) -> None:
    paged(fake, "/actions/workflows/ci.yml/runs", [[run_at(9), run_at(8)], [run_at(7), run_at(6)], [run_at(5)]])
    query = RunQuery(number=7, workflow="ci.yml")
    assert [r.id for r in github.runs(fake.reach(), "acme/widget", query)] == [70]
    assert len(fake.api.asked) == 2, "numbers fall: nothing older is asked for"
    fake.gives("/actions/runs/70/jobs", {"jobs": [{"id": 4, "name": "x"}]})
    (attempt,) = github.attempts(fake.reach(), Run("x", workflow="ci.yml", repo="acme/widget", number=7))
    assert attempt.run.id == 70
    lost = Run("acme/widget#99", workflow="ci.yml", repo="acme/widget", number=99)
    refused(Missing.NOT_FOUND, github.attempts, fake.reach(), lost)


@pytest.mark.parametrize("query", [RunQuery(id=RUN_ID), RunQuery(number=RUN_ID)])
def test_a_run_by_its_id(fake: Fake, query: RunQuery) -> None:
    fake.gives(f"/actions/runs/{RUN_ID}", fixture("run.json"))
    assert [r.number for r in github.runs(fake.reach(), "acme/widget", query)] == [412]


def test_a_list_that_goes_on_elsewhere_or_in_a_circle(fake: Fake) -> None:
    paged(fake, "/actions/runs", [[run_at(2)], [run_at(1)]], other="https://elsewhere.example")
    found = github.runs(fake.reach(), "acme/widget", RunQuery(limit=9))
    assert next(found).number == 2
    with pytest.raises(MissingLogError, match="elsewhere"):
        next(found)
    url = f"{fake.api.root}{REPO}/actions/runs?page=2"
    fake.gives("/actions/runs", {"workflow_runs": [run_at(1)]}, Link=f'<{url}>; rel="next"')
    assert len(list(github.runs(fake.reach(), "acme/widget", RunQuery(limit=9)))) == 2


def test_a_renamed_repository_is_found_where_it_went(fake: Fake) -> None:
    there = f"{fake.api.root}/api/v3/repositories/5/actions/runs"
    fake.gives("/actions/runs", {"message": "Moved Permanently"}, 301, Location=there)
    fake.api.rules["GET /api/v3/repositories/5/actions/runs"] = Answer(200, {"workflow_runs": [run_at(3)]})
    assert [r.number for r in github.runs(fake.reach(), "acme/widget", RunQuery())] == [3]
    fake.gives("/actions/runs", {}, 301, Location=f"{fake.storage.root}/steal")
    refused(Missing.REFUSED_CONTENT, github.runs, fake.reach(), "acme/widget", RunQuery())
    assert fake.storage.asked == []


# --- the log: text ------------------------------------------------------------------------------------------------


def test_the_log_in_steps(fake: Fake) -> None:
    fake.stores(LOGS, "job.txt", TEXT)
    fetched = github.log(fake.reach(), ATTEMPT, Want())
    assert told(fetched) == expected()
    assert fetched.boundaries is Boundaries.TIMES
    assert fetched.route.startswith("github")
    assert fetched.attempt == ATTEMPT
    assert fake.storage.paths() == ["GET /logs/job.txt"]
    assert fake.storage.asked[0].query.startswith("sig="), "the signature of the storage is sent to it"
    assert len(fake.api.asked) == 1


def test_a_job_without_known_steps_is_asked_for_them(fake: Fake) -> None:
    fake.gives(f"/actions/jobs/{JOB_ID}", fixture("job.json"))
    fake.stores(LOGS, "job.txt", TEXT)
    bare = Attempt(RUN, Job(None, "x", JOB_ID), status=Status.DONE)
    assert told(github.log(fake.reach(), bare, Want())) == expected()


def test_a_log_without_times_is_not_cut(fake: Fake) -> None:
    fake.stores(LOGS, "job.txt", b"no time\n")
    fetched = github.log(fake.reach(), ATTEMPT, Want())
    assert (told(fetched), fetched.boundaries) == ([("", b"no time\n")], Boundaries.GUESSED)


def test_a_storage_that_is_the_server_itself_gets_no_token(fake: Fake) -> None:
    """Enterprise Server stores logs on its own host."""
    fake.api.rules[f"GET {REPO}{LOGS}"] = Answer(302, b"", {"Location": "/_services/logs/1?sig=s3cret"})
    fake.api.rules["GET /_services/logs/1"] = Answer(200, TEXT)
    assert told(github.log(fake.reach(), ATTEMPT, Want())) == expected()
    assert [("authorization" in a.headers) for a in fake.api.asked] == [True, False]


def test_an_api_that_gives_the_log_itself(fake: Fake) -> None:
    fake.gives(LOGS, TEXT)
    assert told(github.log(fake.reach(), ATTEMPT, Want())) == expected()


def test_only_the_end_of_a_log(fake: Fake) -> None:
    fake.stores(LOGS, "job.txt", TEXT)
    end = expected()
    error = end[2][1].index(b"2027-01-15T08:00:30.1")
    wanted = len(end[2][1]) - error + sum(len(data) for _, data in end[3:]) + 10
    fetched = github.log(fake.reach(), ATTEMPT, Want(tail=wanted))
    assert told(fetched) == [("Test", end[2][1][error:]), *end[3:]]
    assert fake.storage.sent <= wanted + 1


def test_only_the_end_where_the_storage_gives_no_parts() -> None:
    with fake_github(ranges=False) as fake:
        fake.stores(LOGS, "job.txt", TEXT)
        assert told(github.log(fake.reach(), ATTEMPT, Want(tail=10))) == expected()


def test_an_empty_log_is_a_missing_one(fake: Fake) -> None:
    fake.stores(LOGS, "job.txt", b"")
    fake.gives(f"/actions/jobs/{JOB_ID}", fixture("job.json"))
    refused(Missing.DELETED, github.log, fake.reach(), ATTEMPT, Want())


def big_text() -> tuple[bytes, Attempt]:
    """A log of 8 MiB: 64 steps, each a second long, marked at its first line."""
    steps, rows = [], []
    for n in range(64):
        at = 1_800_000_000 + 2 * n
        steps.append(Step(f"Run {n}", Conclusion.SUCCESS, float(at), float(at + 1), status=Status.DONE))
        stamp = f"2027-01-15T08:{2 * n // 60:02}:{2 * n % 60:02}.5000000Z "
        rows += [f"{stamp}##[group]Run {n}\n", *(f"{stamp}{'x' * 100} {k}\n" for k in range(950))]
    return "".join(rows).encode(), Attempt(RUN, ATTEMPT.job, 2, Status.DONE, steps=tuple(steps))


def test_a_step_of_a_large_log_costs_little_of_it(fake: Fake) -> None:
    text, attempt = big_text()
    fake.stores(LOGS, "job.txt", text)
    fetched = github.log(fake.reach(), attempt, Want(steps=frozenset({41})))
    ((name, data),) = told(fetched)
    assert name == "Run 40"
    assert data.count(b"\n") == 951
    assert data.startswith(b"2027-01-15T08:01:20.5000000Z ##[group]Run 40\n")
    assert fetched.boundaries is Boundaries.TIMES
    assert fetched.refused[0][1].reason is Missing.NOT_FOUND, "the zip was tried first"
    assert fake.storage.sent < len(text) // 8


@pytest.mark.parametrize("wanted", [(0,), (63,), (5, 9), (62, 63)])
def test_steps_at_the_ends_of_a_large_log(fake: Fake, wanted: tuple[int, ...]) -> None:
    text, attempt = big_text()
    fake.stores(LOGS, "job.txt", text)
    found = told(github.log(fake.reach(), attempt, Want(steps=frozenset(n + 1 for n in wanted))))
    assert [(name, data.count(b"\n")) for name, data in found] == [(f"Run {n}", 951) for n in wanted]


def test_a_download_that_breaks_off_goes_on_where_it_ended(fake: Fake) -> None:
    text, attempt = big_text()

    def broken(asked: Asked) -> Answer:
        if "range" in asked.headers:
            return Answer(200, text)
        return Answer(200, text[: 3 << 20], {"Content-Length": str(len(text)), "Connection": "close"})

    fake.stores(LOGS, "job.txt", text)
    fake.storage.rules["GET /logs/job.txt"] = broken
    found = told(github.log(fake.reach(), attempt, Want()))
    assert b"".join(data for _, data in found) == text
    assert [a.headers.get("range") for a in fake.storage.asked] == [None, f"bytes={3 << 20}-"]
    assert len(fake.api.asked) == 1, "the storage's address is used again"


def test_an_address_whose_time_is_over_is_asked_for_anew(fake: Fake) -> None:
    text, attempt = big_text()
    cut = Answer(200, text[: 1 << 20], {"Content-Length": str(len(text)), "Connection": "close"})
    rest = Answer(206, text[1 << 20 :], {"Content-Range": f"bytes {1 << 20}-{len(text) - 1}/{len(text)}"})
    fake.storage.ranges = False
    fake.stores(LOGS, "job.txt", text)
    fake.storage.rules["GET /logs/job.txt"] = [cut, Answer(403, "<Error/>", {"Content-Type": "application/xml"}), rest]
    assert b"".join(data for _, data in told(github.log(fake.reach(), attempt, Want()))) == text
    assert fake.api.paths() == [f"GET {REPO}{LOGS}"] * 2


# --- the log: zip -------------------------------------------------------------------------------------------------


def test_wanted_steps_come_from_the_zip_with_exact_boundaries(fake: Fake) -> None:
    with_jobs(fake)
    fake.stores(ZIP, "run.zip", make_zip(members()))
    fetched = github.log(fake.reach(), ATTEMPT, Want(steps=frozenset({2, 3, "Post Run actions/checkout@v4"})))
    assert told(fetched) == expected()[2:5]
    assert fetched.boundaries is Boundaries.TOLD
    assert fetched.refused == ()


def test_little_of_a_large_zip_is_moved(fake: Fake) -> None:
    with_jobs(fake)
    noise = bytes(range(256)) * 40_000
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        for n in range(3):
            archive.writestr(f"{n}_noise.txt", noise)
        for name, data in members().items():
            archive.writestr(name, data, zipfile.ZIP_DEFLATED)
    fake.stores(ZIP, "run.zip", file.getvalue())
    assert told(github.log(fake.reach(), ATTEMPT, Want(steps=frozenset({2})))) == [expected()[2]]
    assert fake.storage.sent < file.tell() // 100


def test_a_zip_of_which_no_parts_can_be_had_is_read_whole() -> None:
    with fake_github(ranges=False) as fake:
        with_jobs(fake)
        fake.stores(ZIP, "run.zip", make_zip(members()))
        assert told(github.log(fake.reach(), ATTEMPT, Want(steps=frozenset({2})))) == [expected()[2]]
        assert len(fake.storage.asked) == 1


@pytest.mark.parametrize(
    ("name", "folder"),
    [
        ("build / test: a", "build  test a"),
        ("a/b", "a_b"),
        ('say "hi" <now>', "say hi now"),
        ("x" * 120, "x" * 90),
        ("y" * 89 + "😅😅", "y" * 89 + "\ufffd"),
        ("ends in a blank " + "z" * 80, ("ends in a blank " + "z" * 80)[:90]),
    ],
)
def test_names_that_files_may_not_have(fake: Fake, name: str, folder: str) -> None:
    fake.gives(JOBS, {"jobs": [fixture("job.json") | {"name": name}]})
    fake.stores(ZIP, "run.zip", make_zip(members(folder)))
    attempt = read_job(Fields(fixture("job.json") | {"name": name}), RUN, 0).attempt
    fetched = github.log(fake.reach(), attempt, Want(steps=frozenset({2})))
    assert (told(fetched), fetched.boundaries) == ([expected()[2]], Boundaries.TOLD)


ELSEWHERE = {name.replace(FOLDER, "other job"): data for name, data in members().items()}
LATER = {name: data.replace(b"T08:00:", b"T09:00:") for name, data in members().items()}
NO_STEP = {name: data for name, data in members().items() if "/3_" not in name}


@pytest.mark.parametrize(
    ("files", "jobs"),
    [
        (ELSEWHERE, ()),
        (NO_STEP, ()),
        (LATER, ()),
        (members(), ("build / test (ubuntu-24.04, stable)",)),
        ({**{f"../../{n}": d for n, d in members().items()}, "/etc/passwd": b"x"}, ()),
        ({f"0_{FOLDER}.txt": TEXT}, ()),
        ({}, ()),
    ],
    ids=[
        "folder missing",
        "step missing",
        "times of another attempt",
        "two jobs of a name",
        "paths",
        "no step",
        "empty",
    ],
)
def test_a_zip_in_which_the_step_is_not_surely_found_gives_way_to_the_text(
    fake: Fake, files: dict[str, bytes], jobs: tuple[str, ...]
) -> None:
    with_jobs(fake, *jobs)
    fake.stores(ZIP, "run.zip", make_zip(files))
    fake.stores(LOGS, "job.txt", TEXT)
    fetched = github.log(fake.reach(), ATTEMPT, Want(steps=frozenset({2})))
    assert (told(fetched), fetched.boundaries) == ([expected()[2]], Boundaries.TIMES)
    assert [(name, e.reason) for name, e in fetched.refused] == [("github: zip of the run", Missing.DELETED)]


@pytest.mark.parametrize("cut", [10, 200, 5000])
def test_a_zip_that_was_cut_off_is_corrupt_and_gives_way_to_the_text(fake: Fake, cut: int) -> None:
    with_jobs(fake)
    fake.stores(ZIP, "run.zip", make_zip({**members(), "pad": bytes(range(256)) * 30})[:-cut])
    fake.stores(LOGS, "job.txt", TEXT)
    fetched = github.log(fake.reach(), ATTEMPT, Want(steps=frozenset({2})))
    assert told(fetched) == [expected()[2]]
    assert fetched.refused[0][1].reason is Missing.CORRUPT


def test_a_zip_bomb_is_refused(fake: Fake) -> None:
    with_jobs(fake)
    bomb = next(name for name in members() if "/3_" in name)
    fake.stores(ZIP, "run.zip", make_zip({**members(), bomb: bytes(100 << 20)}))
    fake.stores(LOGS, "job.txt", TEXT)
    fetched = github.log(fake.reach(), ATTEMPT, Want(steps=frozenset({2})))
    assert fetched.refused[0][1].reason is Missing.REFUSED_CONTENT
    assert told(fetched) == [expected()[2]]
    assert fake.storage.sent < 1 << 20


def test_a_list_of_members_without_end_is_not_read(fake: Fake) -> None:
    """The end of the zip says that its list is 200 MiB long."""
    with_jobs(fake)
    data = bytearray(make_zip(members()) + bytes(22))
    end = data.rindex(b"PK\x05\x06")
    data[end + 12 : end + 16] = (200 << 20).to_bytes(4, "little")
    fake.stores(ZIP, "run.zip", bytes(data))
    fake.stores(LOGS, "job.txt", TEXT)
    fetched = github.log(fake.reach(), ATTEMPT, Want(steps=frozenset({2})))
    assert fetched.refused[0][1].reason is Missing.CORRUPT


def test_the_text_that_is_missing_is_in_the_zip(fake: Fake) -> None:
    with_jobs(fake)
    fake.gives(f"/actions/jobs/{JOB_ID}", fixture("job.json"))
    fake.stores(ZIP, "run.zip", make_zip(members()))
    fetched = github.log(fake.reach(), ATTEMPT, Want())
    assert [(n, d.removeprefix(b"\xef\xbb\xbf")) for n, d in told(fetched)] == [
        (n, d.removeprefix(b"\xef\xbb\xbf")) for n, d in expected()
    ]
    assert [(name, e.reason) for name, e in fetched.refused] == [("github: text of the job", Missing.DELETED)]


def test_the_text_that_is_missing_there_too_is_put_together_of_its_steps(fake: Fake) -> None:
    with_jobs(fake)
    fake.gives(f"/actions/jobs/{JOB_ID}", fixture("job.json"))
    files = {n: d for n, d in members().items() if not n.startswith("0_") and not n.endswith("system.txt")}
    fake.stores(ZIP, "run.zip", make_zip(files))
    fetched = github.log(fake.reach(), ATTEMPT, Want())
    assert fetched.boundaries is Boundaries.TOLD
    assert [name for name, _ in told(fetched)] == [name for name, _ in expected()]


def test_a_log_that_is_nowhere(fake: Fake) -> None:
    fake.gives(f"/actions/jobs/{JOB_ID}", fixture("job.json"))
    error = refused(Missing.DELETED, github.log, fake.reach(), ATTEMPT, Want())
    assert "whyred rerun" in error.help


def test_a_job_that_is_nowhere(fake: Fake) -> None:
    refused(Missing.NOT_FOUND, github.log, fake.reach(), ATTEMPT, Want())


# --- the log: refusals --------------------------------------------------------------------------------------------


def test_expired_by_the_api(fake: Fake) -> None:
    fake.gives(LOGS, {"message": "Gone"}, 410)
    refused(Missing.EXPIRED, github.log, fake.reach(), ATTEMPT, Want())
    assert fake.api.paths() == [f"GET {REPO}{LOGS}"], "the zip of an expired run is not asked for"


@pytest.mark.parametrize("status", [403, 404])
def test_expired_by_the_storage(fake: Fake, status: int) -> None:
    fake.stores(LOGS, "job.txt", b"<Error><Code>BlobNotFound</Code></Error>", status, Content_Type="application/xml")
    error = refused(Missing.EXPIRED, github.log, fake.reach(), ATTEMPT, Want())
    assert error.asked == f"GET {fake.storage.root}/logs/job.txt"


@pytest.mark.parametrize("status", [200, 403])
def test_a_page_instead_of_the_storage_is_a_proxy(fake: Fake, status: int) -> None:
    fake.stores(LOGS, "job.txt", b"<html>Blocked by policy</html>", status, Content_Type="text/html; charset=utf-8")
    error = refused(Missing.REFUSED_CONTENT, github.log, fake.reach(), ATTEMPT, Want())
    assert "127.0.0.1" in error.help


def test_a_storage_without_https_is_refused(fake: Fake) -> None:
    fake.api.rules[f"GET {REPO}{LOGS}"] = Answer(302, b"", {"Location": "http://storage.example/x?sig=s3cret"})
    error = refused(Missing.REFUSED_CONTENT, github.log, fake.reach(), ATTEMPT, Want())
    assert "http://storage.example/x" in error.help


def test_redirects_in_a_circle(fake: Fake) -> None:
    fake.api.rules[f"GET {REPO}{LOGS}"] = Answer(302, b"", {"Location": f"{REPO}{LOGS}"})
    refused(Missing.REFUSED_CONTENT, github.log, fake.reach(), ATTEMPT, Want())
    fake.stores(LOGS, "job.txt", b"", 302, Location=f"{fake.storage.root}/logs/job.txt")
    refused(Missing.REFUSED_CONTENT, github.log, fake.reach(), ATTEMPT, Want())
    assert len(fake.storage.asked) < 20


@pytest.mark.parametrize(
    ("change", "reason", "says"),
    [
        ({"status": "in_progress", "conclusion": None}, Missing.STILL_RUNNING, "--follow"),
        ({"status": "queued", "conclusion": None}, Missing.NOT_STARTED, "ubuntu-24.04"),
        ({"status": "waiting", "conclusion": None}, Missing.NOT_STARTED, "approval"),
        ({"conclusion": "skipped", "steps": [], "runner_name": None}, Missing.NOT_STARTED, "skipped"),
        ({"conclusion": "cancelled", "steps": [], "runner_name": ""}, Missing.NOT_STARTED, "cancelled"),
    ],
)
def test_a_job_that_has_no_log_yet(fake: Fake, change: dict[str, Any], reason: Missing, says: str) -> None:
    fake.gives(f"/actions/jobs/{JOB_ID}", fixture("job.json") | change)
    error = refused(reason, github.log, fake.reach(), Attempt(RUN, Job(None, "x", JOB_ID)), Want())
    assert says in error.help
    assert not any(a.path.endswith("/logs") for a in fake.api.asked)


def test_an_id_that_is_not_known(fake: Fake) -> None:
    refused(Missing.WRONG_ID_KIND, github.log, fake.reach(), Attempt(RUN, Job(None, "x")), Want())
    refused(Missing.WRONG_ID_KIND, github.attempts, fake.reach(), Run("x", repo="acme/widget"))
    refused(Missing.WRONG_ID_KIND, github.annotations, fake.reach(), Attempt(RUN))
    assert fake.api.asked == []


AT = {"date": "Fri, 15 Jan 2027 08:00:00 GMT"}


@pytest.mark.parametrize(
    ("token", "status", "headers", "body", "reason", "says"),
    [
        (CANARY, 401, {}, {"message": f"Bad credentials {CANARY}"}, Missing.NEEDS_TOKEN, "not accepted"),
        (None, 401, {}, {"message": "Requires authentication"}, Missing.NEEDS_TOKEN, "whyred login"),
        (None, 403, {}, {"message": "Must have admin rights to Repository."}, Missing.NEEDS_TOKEN, "signed in"),
        (CANARY, 403, {}, {"message": "Must have admin rights to Repository."}, Missing.NO_PERMISSION, "no right"),
        (
            CANARY,
            403,
            {"x-accepted-github-permissions": "actions=read; administration=write"},
            {"message": f"Resource not accessible by personal access token {CANARY}"},
            Missing.NO_PERMISSION,
            "permission actions: read or administration: write:",
        ),
        (CANARY, 403, {"x-accepted-github-permissions": f"<{CANARY}>"}, {}, Missing.NO_PERMISSION, "may not do it"),
        (
            CANARY,
            403,
            {"x-accepted-oauth-scopes": "repo", "x-oauth-scopes": "gist"},
            {},
            Missing.NO_PERMISSION,
            "scope repo",
        ),
        (CANARY, 403, {"x-github-sso": "required; url=https://x/s3cret"}, {}, Missing.NO_PERMISSION, "Configure SSO"),
        (CANARY, 403, {}, {"message": "... the IP allow list ..."}, Missing.NO_PERMISSION, "another network"),
        (
            CANARY,
            403,
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000723", **AT},
            {},
            Missing.RATE_LIMITED,
            "in 12 minutes (at 08:12 UTC)",
        ),
        (None, 429, {"x-ratelimit-remaining": "0"}, {}, Missing.RATE_LIMITED, "whyred login"),
        (CANARY, 403, {"retry-after": "600"}, {}, Missing.RATE_LIMITED, "in 10 minutes"),
        (CANARY, 429, {"retry-after": "61"}, {}, Missing.RATE_LIMITED, "in 61 seconds"),
        (CANARY, 403, {}, {"message": "You have exceeded a secondary rate limit"}, Missing.RATE_LIMITED, "a minute"),
        (CANARY, 404, {}, {"message": "Not Found"}, Missing.NOT_FOUND, "Actions: read"),
        (None, 404, {}, {"message": "Not Found"}, Missing.NOT_FOUND, "private"),
        (CANARY, 404, {}, "<html>", Missing.ROUTE_NOT_ON_THIS_VERSION, "no such route"),
        (CANARY, 410, {}, {}, Missing.EXPIRED, "90 days"),
        (CANARY, 451, {}, {}, Missing.NO_PERMISSION, "blocked"),
        (CANARY, 422, {}, {}, Missing.REFUSED_CONTENT, "422"),
        (CANARY, 500, {}, {}, Missing.SERVER_ERROR, "500"),
    ],
)
def test_every_refusal_has_its_reason(
    fake: Fake, token: str | None, status: int, headers: dict[str, str], body: Any, reason: Missing, says: str
) -> None:
    fake.api.rules[f"GET {REPO}/actions/runs"] = Answer(status, body, headers)
    error = refused(reason, github.runs, fake.reach(token), "acme/widget", RunQuery())
    assert says in error.help
    assert error.asked == f"GET {fake.api.root}{REPO}/actions/runs"
    fake.api.rules[f"GET {REPO}{LOGS}"] = Answer(status, body, headers)
    fake.gives(f"/actions/jobs/{JOB_ID}", fixture("job.json"))
    if status != 404:
        refused(reason, github.log, fake.reach(token), ATTEMPT, Want())


def test_a_short_wait_that_github_asks_for_is_made(fake: Fake) -> None:
    busy = Answer(403, {"message": "secondary rate limit"}, {"retry-after": "20"})
    fake.api.rules[f"GET {REPO}"] = [busy, Answer(200, {"default_branch": "main"})]
    assert github.default_branch(fake.reach(), "acme/widget") == "main"
    assert fake.slept == [20.0]
    fake.api.rules[f"GET {REPO}"] = busy
    refused(Missing.RATE_LIMITED, github.default_branch, fake.reach(), "acme/widget")
    assert sum(fake.slept) == 40.0


def test_a_public_repository_answers_without_a_token_that_is_refused(fake: Fake) -> None:
    def answer(asked: Asked) -> Answer:
        return Answer(401, {}) if "authorization" in asked.headers else Answer(200, {"default_branch": "main"})

    fake.api.rules[f"GET {REPO}"] = answer
    assert github.default_branch(fake.reach(), "acme/widget") == "main"


# --- following ----------------------------------------------------------------------------------------------------


def state(done: int, *, over: bool = False) -> Answer:
    """The job with so many of its steps done."""
    job = fixture("job.json")
    for step in job["steps"][done:]:
        step |= {"status": "pending", "conclusion": None, "started_at": None, "completed_at": None}
    more = {} if over else {"status": "in_progress", "conclusion": None, "completed_at": None}
    return Answer(200, job | more, {"ETag": f'W/"{done}{over}"'})


def test_a_running_job_is_followed_to_its_end(fake: Fake) -> None:
    answers = [state(0), state(1), state(2), state(2), state(2), state(6, over=True)]
    asked_with: list[str | None] = []

    def job(asked: Asked) -> Answer:
        tag = asked.headers.get("if-none-match")
        asked_with.append(tag)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return Answer(304) if tag == answer.headers["ETag"] else answer

    fake.api.rules[f"GET {REPO}/actions/jobs/{JOB_ID}"] = job
    fake.stores(LOGS, "job.txt", TEXT)
    fetched = github.log(fake.reach(), Attempt(RUN, Job(None, "x", JOB_ID)), Want(follow=True))
    assert fetched.attempt.status is Status.RUNNING
    found = told(fetched)
    assert [name for name, _ in found[:6]] == [name for name, _ in expected()], "each as it ended"
    assert found[6:] == expected()
    assert asked_with[:2] == [None, None]
    assert asked_with[2:] == ['W/"1False"', 'W/"2False"', 'W/"2False"', 'W/"2False"']
    assert fake.slept == [3.0, 3.0, 4.5, 6.75]


def test_a_job_that_waits_is_followed_too_and_only_its_wanted_steps_are_told(fake: Fake) -> None:
    queued = Answer(200, fixture("job.json") | {"status": "queued", "conclusion": None, "steps": []})
    fake.api.rules[f"GET {REPO}/actions/jobs/{JOB_ID}"] = [queued, queued, state(6, over=True)]
    fake.stores(LOGS, "job.txt", TEXT)
    fetched = github.log(fake.reach(), Attempt(RUN, Job(None, "x", JOB_ID)), Want(follow=True, steps=frozenset({2})))
    assert told(fetched) == [("Test", b""), expected()[2]]


def test_following_outlasts_trouble_and_a_log_that_is_stored_late(fake: Fake) -> None:
    fake.api.rules[f"GET {REPO}/actions/jobs/{JOB_ID}"] = [
        state(1),
        *[Answer(500, {})] * 3,
        state(6, over=True),
    ]
    fake.stores(LOGS, "job.txt", TEXT)
    stored = fake.api.rules[f"GET {REPO}{LOGS}"]
    assert isinstance(stored, Answer)
    fake.api.rules[f"GET {REPO}{LOGS}"] = [Answer(404, {}), Answer(404, {}), stored]
    fetched = github.log(fake.reach(), Attempt(RUN, Job(None, "x", JOB_ID)), Want(follow=True))
    assert told(fetched)[-6:] == expected()


def test_following_gives_up_on_a_server_that_is_gone_for_good(fake: Fake) -> None:
    fake.api.rules[f"GET {REPO}/actions/jobs/{JOB_ID}"] = [state(1), Answer(500, {})]
    fetched = github.log(fake.reach(), Attempt(RUN, Job(None, "x", JOB_ID)), Want(follow=True))
    refused(Missing.SERVER_ERROR, lambda: fetched)
    assert 600 < sum(fake.slept) < 700


# --- changes ------------------------------------------------------------------------------------------------------


def test_a_rerun_is_planned_without_a_request_and_made_when_it_is_applied(fake: Fake) -> None:
    reach = fake.reach()
    plan = github.plan_rerun(reach, RUN, failed=True, debug=True)
    assert fake.api.asked == []
    assert plan.title == "rerun the failed jobs of acme/widget#412"
    fake.api.rules[f"POST {REPO}/actions/runs/{RUN_ID}/rerun-failed-jobs"] = Answer(201, {})
    (reply,) = github.apply(reach, plan)
    assert reply.status == 201
    assert fake.api.asked[0].body == b'{"enable_debug_logging": true}'
    assert fake.api.asked[0].headers["authorization"] == f"Bearer {CANARY}"
    assert fake.api.asked[0].headers["accept"] == "application/vnd.github+json"


def test_what_is_planned(fake: Fake) -> None:
    reach = fake.reach()
    runs = "/repos/acme/widget/actions"
    plans = [
        (github.plan_rerun(reach, RUN), f"{runs}/runs/{RUN_ID}/rerun", None),
        (github.plan_rerun(reach, RUN, job=ATTEMPT), f"{runs}/jobs/{JOB_ID}/rerun", None),
        (github.plan_cancel(reach, RUN), f"{runs}/runs/{RUN_ID}/cancel", None),
        (github.plan_cancel(reach, RUN, force=True), f"{runs}/runs/{RUN_ID}/force-cancel", None),
        (
            github.plan_dispatch(reach, "acme/widget", ".github/workflows/ci.yml", "main", {"level": "high"}),
            f"{runs}/workflows/ci.yml/dispatches",
            {"ref": "main", "inputs": {"level": "high"}},
        ),
    ]
    for plan, path, body in plans:
        (call,) = plan.calls
        assert (call.method, call.path, call.body) == ("POST", path, body)
        assert plan.root == reach.http.root
        assert path in str(plan)
    reach.http.root = "https://api.github.com"
    (call,) = github.plan_dispatch(reach, "acme/widget", "ci.yml", "main").calls
    assert call.body == {"ref": "main", "return_run_details": True}
    refused(Missing.WRONG_ID_KIND, github.plan_cancel, reach, Run("x", repo="a/b"))
    refused(Missing.WRONG_ID_KIND, lambda: github.plan_rerun(reach, RUN, job=Attempt(RUN)))


def test_the_run_that_a_dispatch_started(fake: Fake) -> None:
    plan = github.plan_dispatch(fake.reach(), "acme/widget", "ci.yml", "main")
    path = f"POST {REPO}/actions/workflows/ci.yml/dispatches"
    fake.api.rules[path] = [Answer(200, {"workflow_run_id": 77}), Answer(204)]
    assert github.dispatched(github.apply(fake.reach(), plan)) == 77
    assert github.dispatched(github.apply(fake.reach(), plan)) is None


@pytest.mark.parametrize(
    ("status", "body", "code", "says"),
    [
        (409, {"message": "Cannot cancel a workflow run that is completed."}, 4, "that is completed"),
        (422, {"message": "Unexpected \x1b[31minputs"}, 4, "Unexpected [31minputs"),
        (403, {"message": f"This workflow is already running {CANARY}"}, 4, "wait for its end"),
        (403, {"message": "This workflow run cannot be retried"}, 4, "start a new one"),
        (403, {"message": CANARY}, 4, "no-permission"),
        (401, {"message": CANARY}, 4, "needs-token"),
        (404, {"message": "Not Found"}, 4, "not-found-or-hidden"),
        (500, {"message": CANARY}, 1, "server-error"),
    ],
)
def test_a_change_that_is_refused(fake: Fake, status: int, body: Any, code: int, says: str) -> None:
    from whyred.model.trouble import UserError

    fake.api.rules[f"POST {REPO}/actions/runs/{RUN_ID}/cancel"] = Answer(status, body)
    with pytest.raises(UserError) as caught:
        github.apply(fake.reach(), github.plan_cancel(fake.reach(), RUN))
    assert caught.value.code == code
    assert says in str(caught.value)
    assert CANARY not in str(caught.value)
    assert caught.value.what == "could not cancel acme/widget#412"
    assert len(fake.api.asked) == 1, "what changes the world is never asked for twice"
