"""The stand-in GitHub: attempts, logs by a redirect to another host, archives, limits, pages, refusals."""

import io
import json
import re
import zipfile
from typing import Any

import pytest
from standin import scenarios
from standin.client import ask, header
from standin.github import GitHub, primary_limit, secondary_limit, standin_github
from standin.github_shapes import job_id, run_id
from standin.hard_scenarios import odd_names
from standin.world import Pull, World

REPO = "/repos/alice/priv"


class Asker:
    """Calls with a token of the owner, or of somebody else."""

    def __init__(self, github: GitHub, *scopes: str, user: str = "alice") -> None:
        self.github, self.token = github, github.world.users[user].token(*scopes)

    def __call__(self, path: str, method: str = "GET", body: str | None = None, **more: str) -> tuple[Any, bytes]:
        return ask(self.github.api, path, method, body, Authorization=f"Bearer {self.token}", User_Agent="x", **more)

    def json(self, path: str) -> Any:
        reply, body = self(path)
        assert reply.status == 200, body
        return json.loads(body)


@pytest.fixture
def world() -> World:
    return scenarios.everyday()


def test_answers_at_the_root_and_below_api_v3(world: World) -> None:
    with standin_github(world) as github:
        for root in (github.url, github.api):
            reply, body = ask(root, "/repos/alice/pub/actions/runs?per_page=1", User_Agent="x")
            assert (reply.status, header(reply, "X-RateLimit-Limit")) == (200, "5000")
            assert json.loads(body)["workflow_runs"][0]["url"].startswith(f"{root}/repos/alice/pub/actions/runs/")


def test_jobs_with_steps_and_their_numbers(world: World) -> None:
    with standin_github(world) as github:
        run = world.repos[1].runs[1]
        job = Asker(github).json(f"{REPO}/actions/runs/{run_id(run)}/jobs")["jobs"][0]
    assert [(step["number"], step["name"], step["conclusion"]) for step in job["steps"]] == [
        (1, "Set up job", "success"),
        (2, "Prepare", "success"),
        (3, "Cargo build", "failure"),
        (4, "Never runs", "skipped"),
        (5, "Always runs", "success"),
        (10, "Complete job", "success"),
    ]
    assert (job["status"], job["conclusion"], job["run_attempt"]) == ("completed", "failure", 1)


def test_the_log_lies_on_another_host_that_must_not_get_the_token(world: World) -> None:
    job = world.repos[1].runs[1].jobs[0]
    with standin_github(world) as github:
        asker = Asker(github)
        moved, _ = asker(f"{REPO}/actions/jobs/{job_id(job, 1)}/logs")
        where = header(moved, "Location").removeprefix(github.storage.url)
        assert (moved.status, where.startswith("/job/")) == (302, True)
        good, text = ask(github.storage.url, where)
        lines = text.decode().splitlines()
        assert good.status == 200
        assert lines[0].startswith("\ufeff2026-11-23T19:28:")
        assert next(line for line in lines if "##[error]" in line).endswith(
            "##[error]Process completed with exit code 101."
        )
        assert not github.storage.saw(asker.token)
        assert ask(github.storage.url, where, Authorization=f"Bearer {asker.token}")[0].status == 403
        assert github.storage.saw(asker.token)
        github.expire_links()
        assert ask(github.storage.url, where)[0].status == 403


def archive(github: GitHub, path: str) -> list[str]:
    """The names in a run's archive."""
    moved, _ = Asker(github)(path)
    where = header(moved, "Location").removeprefix(github.storage.url)
    return zipfile.ZipFile(io.BytesIO(ask(github.storage.url, where)[1])).namelist()


def test_archives_have_odd_names_and_lack_parts(world: World) -> None:
    run = odd_names(world.repos[1])
    path = f"{REPO}/actions/runs/{run_id(run)}/logs"
    with standin_github(world) as github:
        names = archive(github, path)
        assert names[0] == "0_build  linux x64 debug.txt"
        assert names[1] == "build  linux x64 debug/system.txt"
        assert names[3].startswith("build  linux x64 debug/2_step ab 0 xxx")
        long = next(name for name in names if name.startswith("1_"))
        assert len(long) == len("1_.txt") + 90
        github.zip_form.without_top, github.zip_form.without_folder = {run.jobs[0].name}, {run.jobs[1].name}
        fewer = archive(github, path)
    assert set(names) - set(fewer) == {
        names[0],
        *(n for n in names if n.startswith("test (3.11") and "system" not in n),
    }


def test_each_attempt_has_its_own_job_ids_and_logs(world: World) -> None:
    run = scenarios.rerun(world.repos[1])
    path = f"{REPO}/actions/runs/{run_id(run)}"
    with standin_github(world) as github:
        asker = Asker(github)
        assert [asker.json(p)["run_attempt"] for p in (path, f"{path}/attempts/1")] == [2, 1]
        ids = [asker.json(p)["jobs"][0]["id"] for p in (f"{path}/jobs", f"{path}/attempts/1/jobs")]
        assert ids == [job_id(run.jobs[0], 2), job_id(run.jobs[0], 1)]
        assert asker.json(f"{path}/jobs?filter=all")["total_count"] == 2
        assert asker(f"{path}/attempts/3")[0].status == 404


def test_logs_that_cannot_be_had(world: World) -> None:
    priv = world.repos[1]
    expired, running = scenarios.expired(priv).jobs[0], scenarios.running(priv).jobs[0]
    lost, waiting = scenarios.lost(priv).jobs[0], priv.runs[3].jobs[0]
    with standin_github(world) as github:
        asker = Asker(github)
        logs = [f"{REPO}/actions/jobs/{job_id(job, 1)}/logs" for job in (expired, running, waiting)]
        assert [asker(path)[0].status for path in logs] == [410, 404, 404]
        moved, _ = asker(f"{REPO}/actions/jobs/{job_id(lost, 1)}/logs")
        gone, body = ask(github.storage.url, header(moved, "Location").removeprefix(github.storage.url))
        assert (gone.status, b"BlobNotFound" in body) == (404, True)
        pub = f"/repos/alice/pub/actions/jobs/{job_id(world.repos[0].runs[1].jobs[0], 1)}/logs"
        assert ask(github.api, pub, User_Agent="x")[0].status == 403


def test_who_may_see_what(world: World) -> None:
    runs = f"{REPO}/actions/runs"
    with standin_github(world) as github:
        askers = [Asker(github), Asker(github, "gist"), Asker(github, "metadata"), Asker(github, user="nora")]
        assert [asker(runs)[0].status for asker in askers] == [200, 404, 403, 404]
        assert ask(github.api, runs, User_Agent="x")[0].status == 404
        assert ask(github.api, runs, User_Agent="x", Authorization="token no-such")[0].status == 401
        assert [Asker(github, user=u)(f"{REPO}/actions/runners")[0].status for u in ("alice", "rita")] == [200, 403]


def test_a_second_pass_is_304_and_costs_nothing(world: World) -> None:
    with standin_github(world) as github:
        asker = Asker(github)
        first, _ = asker(f"{REPO}/actions/runs")
        left = github.remaining
        again, body = asker(f"{REPO}/actions/runs", If_None_Match=header(first, "ETag"))
        assert (again.status, body, github.remaining) == (304, b"", left)


def test_pages_lead_on_by_link(world: World) -> None:
    with standin_github(world) as github:
        path, seen = f"{REPO}/actions/runs?per_page=3", 0
        asker = Asker(github)
        while path:
            reply, body = asker(path)
            seen += len(json.loads(body)["workflow_runs"])
            following = re.search(r'<([^>]*)>; rel="next"', header(reply, "Link"))
            path = following[1].removeprefix(github.api) if following else ""
        assert (seen, len(github.requests)) == (8, 3)


def test_both_kinds_of_limit(world: World) -> None:
    with standin_github(world) as github:
        github.fault(primary_limit(1_795_470_000), times=1)
        github.fault(secondary_limit(30, status=429), times=1)
        asker = Asker(github)
        primary, _ = asker(f"{REPO}/actions/runs")
        secondary, _ = asker(f"{REPO}/actions/runs")
        assert [header(primary, f"X-RateLimit-{name}") for name in ("Remaining", "Reset")] == ["0", "1795470000"]
        assert (secondary.status, header(secondary, "Retry-After")) == (429, "30")
        assert asker(f"{REPO}/actions/runs")[0].status == 200


def test_annotations_of_a_job(world: World) -> None:
    ugly = world.repos[1].runs[2].jobs[0]
    with standin_github(world) as github:
        found = Asker(github).json(f"{REPO}/check-runs/{job_id(ugly, 1)}/annotations")
    assert [(a["annotation_level"], a["path"], a["start_line"], a["message"]) for a in found] == [
        ("failure", "src/a.rs", 3, "an error command"),
        ("warning", ".github", 1, "a warning command"),
        ("notice", ".github", 1, "a notice command"),
    ]


def test_what_changes_the_world(world: World) -> None:
    priv = world.repos[1]
    failed, running = priv.runs[1], scenarios.running(priv)
    with standin_github(world) as github:
        asker, at = Asker(github), f"{REPO}/actions/runs"
        assert asker(f"{at}/{run_id(failed)}/cancel", "POST")[0].status == 409
        assert asker(f"{at}/{run_id(running)}/cancel", "POST")[0].status == 202
        assert asker(f"{at}/{run_id(running)}/rerun-failed-jobs", "POST")[0].status == 201
        assert asker(f"{at}/{run_id(running)}/rerun", "POST")[0].status == 403
        job = asker.json(f"{at}/{run_id(running)}/jobs")["jobs"]
        assert [(j["status"], j["run_attempt"], j["steps"]) for j in job] == [("queued", 2, [])]
        dispatches = f"{REPO}/actions/workflows/fail.yml/dispatches"
        assert asker(dispatches, "POST", '{"ref": "s-fail"}')[0].status == 204
        assert asker(dispatches, "POST", '{"ref": "nowhere"}')[0].status == 422
        assert asker.json(f"{at}?event=workflow_dispatch")["total_count"] == 1
        assert Asker(github, user="rita")(f"{at}/{run_id(failed)}/rerun", "POST")[0].status == 403


def test_pull_requests_tell_their_head(world: World) -> None:
    priv = world.repos[1]
    priv.pulls[7] = Pull(7, "a change", "s-fail", priv.runs[1].sha)
    with standin_github(world) as github:
        assert Asker(github).json(f"{REPO}/pulls/7")["head"]["sha"] == priv.runs[1].sha
