"""What the stand-in forge's world does over time: rows that arrive, cancels, logins that are in the way."""

import json

import pytest
from standin import PROFILES, Standin, Status, scenarios, standin
from standin.client import ask, header, sign_in
from standin.hard_scenarios import HOSTILE_NAMES, hostile
from standin.player import Player, ticks

FORM = "application/x-www-form-urlencoded"


def state(forge: Standin, path: str, *steps: int, cursor: int = 0, **headers: str) -> dict[str, object]:
    """The state of a job, with the rows of some steps from a cursor on."""
    asked = [{"step": step, "cursor": cursor, "expanded": True} for step in steps]
    reply, body = ask(forge.url, path, "POST", json.dumps({"logCursors": asked}), **headers)
    assert reply.status == 200, body
    found: dict[str, object] = json.loads(body)
    return found


def rows(shape: object) -> list[str]:
    """The texts of all rows of a state, in order."""
    return [line["message"] for log in shape["logs"]["stepsLog"] for line in log["lines"]]  # type: ignore[index]


def test_rows_appear_for_cursors_and_ranges_as_the_test_sends_them() -> None:
    world = scenarios.everyday()
    pub = world.repos[0]
    job = scenarios.running(pub).jobs[0]
    attempt = job.attempts[0]
    page, log = (
        f"/alice/pub/actions/runs/{job.run.index}/jobs/0/attempt/1",
        f"/api/v1/repos/alice/pub/actions/jobs/{job.id}/logs",
    )
    with standin("forgejo-16", world) as forge:
        assert ask(forge.url, log)[0].status == 500
        assert rows(state(forge, page, 0)) == []
        attempt.row("workflow prepared")
        attempt.row("tick 1", 0)
        assert rows(state(forge, page, 0, 1)) == ["workflow prepared", "tick 1"]
        _, have = ask(forge.url, log)
        attempt.row("tick 2", 0)
        assert ask(forge.url, log, Range=f"bytes={len(have)}-")[1].endswith(b" tick 2\n")
        assert rows(state(forge, page, 1, cursor=1)) == ["tick 2"]
        attempt.end(scenarios.OK)
        assert state(forge, page)["state"]["run"]["done"] is True  # type: ignore[index]


def test_a_player_sends_rows_by_hand_or_by_itself_and_ends_the_job() -> None:
    world = scenarios.everyday()
    job = scenarios.running(world.repos[0]).jobs[0]
    player = Player(job.attempts[0], ticks(3))
    page = f"/alice/pub/actions/runs/{job.run.index}/jobs/0/attempt/1"
    with standin("forgejo-16", world) as forge:
        player.tick(5)
        assert rows(state(forge, page, 1, 2)) == ["quick done", "tick 1"]
        with player.playing(every=0.001):
            player.over.wait()
        assert rows(state(forge, page, 1, 2, 3, 4)) == [
            "quick done",
            *(f"tick {number}" for number in (1, 2, 3)),
            "after",
            "🏁  Job succeeded",
        ]
        assert job.run.status is Status.SUCCESS


def test_a_run_cancelled_in_its_first_step_shows_rows_twice_and_late() -> None:
    world = scenarios.everyday()
    run = scenarios.cancelled(world.repos[0])
    with standin("forgejo-16", world) as forge:
        shown = state(forge, f"/alice/pub/actions/runs/{run.index}/jobs/0/attempt/1", 0, 1, 2, 3)
    assert rows(shown).count("about to sleep") == 2
    assert "context canceled" in rows(shown)


def test_a_run_cancelled_later_has_rows_that_are_in_no_step() -> None:
    world = scenarios.everyday()
    attempt = scenarios.running(world.repos[0]).jobs[0].attempts[0]
    attempt.row("quick", 0)
    attempt.row("tick 1", 1)
    attempt.end(Status.CANCELLED)
    scenarios.late_rows(attempt)
    with standin("forgejo-16", world) as forge:
        shown = state(forge, f"/alice/pub/actions/runs/{attempt.job.run.index}/jobs/0/attempt/1", 0, 1, 2, 3, 4)
        _, text = ask(forge.url, f"/api/v1/repos/alice/pub/actions/jobs/{attempt.job.id}/logs")
    assert (rows(shown), b"context canceled" in text) == (["quick", "tick 1"], True)


def test_hostile_names_come_as_they_are() -> None:
    world = scenarios.everyday()
    run = hostile(world.repos[0])
    with standin("forgejo-16", world) as forge:
        shown = state(forge, f"/alice/pub/actions/runs/{run.index}/jobs/0/attempt/1")
    steps = shown["state"]["currentJob"]["steps"]  # type: ignore[index]
    assert [step["summary"] for step in steps][1:-1] == list(HOSTILE_NAMES)


def login(forge: Standin, name: str) -> str:
    """Where a login with the right password leads; empty when the form comes again."""
    form = f"user_name={name}&password={forge.world.users[name].password}"
    return header(ask(forge.url, "/user/login", "POST", form, Content_Type=FORM)[0], "Location")


@pytest.mark.parametrize("profile", PROFILES)
def test_what_may_stand_in_the_way_of_a_login(profile: str) -> None:
    world = scenarios.everyday()
    world.users["rita"].login = "must-change-password"
    world.users["nora"].login = "prohibited"
    with standin(profile, world) as forge:
        assert [login(forge, name) for name in ("alice", "otto", "wanda", "rita", "nora")] == [
            "/",
            "/user/two_factor",
            "/user/webauthn",
            "/",  # and then every page leads to where the password is changed
            "",
        ]
        cookie = sign_in(forge, "rita")
        reply, _ = ask(forge.url, "/user/settings", Cookie=cookie)
        assert (reply.status, header(reply, "Location")) == (303, "/user/settings/change_password")
        forge.forge.captcha = True
        assert login(forge, "alice") == ""
        forge.forge.internal_login = False
        assert ask(forge.url, "/user/login", "POST", "user_name=alice", Content_Type=FORM)[0].status == 403


def test_a_code_counts_once() -> None:
    with standin("forgejo-16") as forge:
        otto = forge.world.users["otto"]
        answers = []
        for _ in range(2):
            cookie = sign_in(forge, "otto").split("; ")[-1]
            reply, _ = ask(
                forge.url, "/user/two_factor", "POST", f"passcode={otto.passcode}", Content_Type=FORM, Cookie=cookie
            )
            answers.append((reply.status, header(reply, "Location")))
        assert answers == [(303, "/"), (200, "")]


def test_a_csrf_token_must_be_decoded_from_its_cookie() -> None:
    with standin("forgejo-11") as forge:
        reply, _ = ask(forge.url, "/alice/pub/actions/runs/2/jobs/0")
        cookies = [value.partition(";")[0] for name, value in reply.headers if name == "Set-Cookie"]
        token = next(value for value in cookies if value.startswith("_csrf=")).removeprefix("_csrf=")
        assert "%" in token
        cookie = "; ".join(cookies)
        path = "/alice/pub/actions/runs/2/jobs/0"
        assert ask(forge.url, path, "POST", "{}", X_Csrf_Token=token, Cookie=cookie)[0].status == 400
        decoded = token.replace("%3D", "=").replace("%3A", ":")
        assert rows(state(forge, path, 1, X_Csrf_Token=decoded, Cookie=cookie)) == ["preparing", "done preparing"]


@pytest.mark.parametrize(("profile", "believed"), [("gitea-1.26.0", False), ("gitea-1.26.4", True)])
def test_the_steps_trap(profile: str, believed: bool) -> None:
    world = scenarios.everyday()
    token = world.users["alice"].token()
    with standin(profile, world) as forge:
        _, body = ask(forge.url, "/api/v1/repos/alice/priv/actions/runs/11/jobs", Authorization=f"token {token}")
    ends = [step["conclusion"] for step in json.loads(body)["jobs"][0]["steps"]]
    assert ends == (["success", "failure", "skipped", "success"] if believed else ["failure"] * 4)


@pytest.mark.parametrize(("profile", "running"), [("forgejo-14", 200), ("forgejo-16", 400)])
def test_one_job_of_an_unfinished_run_runs_again(profile: str, running: int) -> None:
    """Forgejo 16 refuses a job that runs, but no other one of its run; 14 refuses none (services/actions/rerun.go)."""
    world = scenarios.everyday()
    run = world.named("alice/priv").push("half", "half.yml", "main")
    scenarios.play(run.job("one", "Step"), [scenarios.Part(scenarios.FAILED, ["said"])])
    run.job("two", "Step").pick()
    run.job("after", "Step", needs=("one",))
    with standin(profile, world) as forge:
        page, cookie = f"/alice/priv/actions/runs/{run.index}", sign_in(forge, "alice")
        answers = [ask(forge.url, f"{page}/jobs/{place}/rerun", "POST", Cookie=cookie)[0].status for place in (1, 0)]
        assert answers == [running, 200]
        assert [job.status for job in run.jobs] == [Status.WAITING, Status.RUNNING, Status.BLOCKED]


def test_gitea_reruns_failed_jobs_by_its_page() -> None:
    world = scenarios.everyday()
    run = world.named("alice/priv").runs[4]
    with standin("gitea-1.26.0", world) as forge:
        cookie = sign_in(forge, "alice")
        reply, _ = ask(forge.url, f"/alice/priv/actions/runs/{run.id}/rerun-failed", "POST", Cookie=cookie)
        assert reply.status == 200
        assert [job.status.value for job in run.jobs] == ["success", "waiting", "blocked", "blocked"]
        assert ask(forge.url, f"/alice/priv/actions/runs/{run.id}/rerun-failed", "POST", Cookie=cookie)[0].status == 400


@pytest.mark.parametrize("profile", PROFILES)
def test_the_commits_of_a_branch(profile: str) -> None:
    with standin(profile, scenarios.everyday()) as forge:
        pub = forge.world.named("alice/pub")
        path = "/api/v1/repos/alice/pub/commits"
        of_branch = json.loads(ask(forge.url, f"{path}?sha=s-fail&page=1&limit=30&stat=false")[1])
        assert of_branch[0]["sha"] == pub.runs[1].sha
        assert [item["sha"] for item in json.loads(ask(forge.url, path)[1])] == [pub.branches()["main"]]
        assert ask(forge.url, f"{path}?sha=no-such-branch")[0].status == 404
