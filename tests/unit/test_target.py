"""Targets as people write them and as browsers show them, of every generation."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.model.forge import Address
from whyred.model.target import STATUSES, read_address, status_word, workflow_name

FORGE = "https://forge.example"


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (".", Address("")),
        (".:unit (1)", Address("", job_name="unit (1)")),
        ("team/app", Address("team/app")),
        ("team/app#12", Address("team/app", run=12)),
        ("team/app#12:unit (1, linux/arm64)", Address("team/app", run=12, job_name="unit (1, linux/arm64)")),
        ("team/app@1a2b3c4", Address("team/app", commit="1a2b3c4")),
        ("team/app@main", Address("team/app", branch="main")),
        ("team/app@facade", Address("team/app", branch="facade")),
        ("team/app@feature/x:test", Address("team/app", branch="feature/x", job_name="test")),
        ("group/sub/app#7", Address("group/sub/app", run=7)),
        (f"{FORGE}/team/app", Address("team/app", FORGE, from_url=True)),
        (f"{FORGE}/team/app.git", Address("team/app", FORGE, from_url=True)),
        (f"{FORGE}/team/app/actions/runs/4", Address("team/app", FORGE, 4, from_url=True)),
        (f"{FORGE}/team/app/actions/runs/latest", Address("team/app", FORGE, from_url=True, newest=True)),
        (f"{FORGE}/team/app/actions/runs/4/jobs/0", Address("team/app", FORGE, 4, 0, from_url=True)),
        (f"{FORGE}/team/app/actions/runs/4/jobs/1/attempt/2", Address("team/app", FORGE, 4, 1, 2, from_url=True)),
        (f"{FORGE}/team/app/actions/runs/4/jobs/1/attempt/2/logs", Address("team/app", FORGE, 4, 1, 2, from_url=True)),
        (f"{FORGE}/team/app/actions/runs/4:build", Address("team/app", FORGE, 4, from_url=True, job_name="build")),
        (f"{FORGE}/team/app/actions/runs/4/attempts/3", Address("team/app", FORGE, 4, None, 3, from_url=True)),
        (
            "https://Example.org:443/git/team/app/actions/runs/4",
            Address("team/app", "https://example.org/git", 4, from_url=True),
        ),
        (f"{FORGE}/team/app/pulls/31", Address("team/app", FORGE, from_url=True, pull=31)),
        (f"{FORGE}/team/app/pulls/31/files", Address("team/app", FORGE, from_url=True, pull=31)),
        (f"{FORGE}/team/app/commit/1a2b3c4d5e", Address("team/app", FORGE, from_url=True, commit="1a2b3c4d5e")),
        (f"{FORGE}/team/app/src/branch/fix/x", Address("team/app", FORGE, from_url=True, branch="fix/x")),
        (
            f"{FORGE}/api/v1/repos/team/app/actions/runs/88/jobs",
            Address("team/app", FORGE, 88, from_url=True, ids=True),
        ),
        (
            f"{FORGE}/api/v1/repos/team/app/actions/jobs/9/logs",
            Address("team/app", FORGE, None, 9, from_url=True, ids=True),
        ),
        (
            "https://github.com/o/r/actions/runs/123456/job/777?pr=3#step:4:12",
            Address("o/r", "https://github.com", 123456, 777, from_url=True),
        ),
        (
            "https://github.com/o/r/actions/runs/123456/attempts/2",
            Address("o/r", "https://github.com", 123456, None, 2, from_url=True),
        ),
        (
            "https://api.github.com/repos/o/r/actions/runs/5",
            Address("o/r", "https://github.com", 5, from_url=True, ids=True),
        ),
        ("https://github.com/o/r/pull/5/checks", Address("o/r", "https://github.com", from_url=True, pull=5)),
        (
            "https://lab.example/group/sub/app/-/pipelines/9",
            Address("group/sub/app", "https://lab.example", 9, from_url=True),
        ),
        (
            "https://lab.example/group/app/-/jobs/44",
            Address("group/app", "https://lab.example", None, 44, from_url=True),
        ),
    ],
)
def test_a_target_is_read_as_it_is_meant(target: str, wanted: Address) -> None:
    assert read_address(target) == wanted


HUB, LAB = "https://github.com", "https://lab.example"


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        # Runs, jobs and attempts: Forgejo 7 to 12 and Gitea to 1.25, Forgejo 13+, Gitea 1.26, Gitea 1.27
        (f"{FORGE}/team/app/actions/runs/4/", Address("team/app", FORGE, 4)),
        (f"{FORGE}/team/app/actions/runs/4/jobs/1/", Address("team/app", FORGE, 4, 1)),
        (f"{FORGE}/team/app/actions/runs/4/jobs/1#jobstep-2-14", Address("team/app", FORGE, 4, 1)),
        (f"{FORGE}/team/app/actions/runs/4/jobs/1/logs", Address("team/app", FORGE, 4, 1)),
        (f"{FORGE}/team/app/actions/runs/4/jobs/1/attempt/2#jobstep-0-1", Address("team/app", FORGE, 4, 1, 2)),
        (f"{FORGE}/team/app/actions/runs/88/jobs/91", Address("team/app", FORGE, 88, 91)),
        (f"{FORGE}/team/app/actions/runs/88/attempts/2", Address("team/app", FORGE, 88, None, 2)),
        (f"{FORGE}/team/app/actions/runs/88/attempts/2/jobs/91", Address("team/app", FORGE, 88, 91, 2)),
        (f"{FORGE}/team/app/actions/runs/4?by_index=1", Address("team/app", FORGE, 4)),
        (f"{FORGE}/team/app/actions/runs/4/artifacts/site", Address("team/app", FORGE, 4)),
        (f"{FORGE}/team/app/actions/runs/4/rerun-failed", Address("team/app", FORGE, 4)),
        (f"{FORGE}/team/app/actions/runs/4/jobs/1/rerun", Address("team/app", FORGE, 4, 1)),
        (f"{FORGE}/team/app/actions/runs/4/jobs/1:unit (2)", Address("team/app", FORGE, 4, 1, job_name="unit (2)")),
        # The newest run
        (f"{FORGE}/team/app/actions/runs/latest/", Address("team/app", FORGE, newest=True)),
        (f"{FORGE}/team/app/actions/runs/latest/jobs/1", Address("team/app", FORGE, None, 1, newest=True)),
        (
            f"{FORGE}/team/app/actions/workflows/ci.yml/runs/latest?branch=fix/x&event=push",
            Address("team/app", FORGE, newest=True, workflow="ci.yml", branch="fix/x", event="push"),
        ),
        (
            f"{FORGE}/team/app/actions/workflows/ci.yml/runs/latest",
            Address("team/app", FORGE, newest=True, workflow="ci.yml"),
        ),
        (f"{LAB}/g/app/-/pipelines/latest?ref=main", Address("g/app", LAB, newest=True, branch="main")),
        # Lists of runs and what they were sifted by
        (f"{FORGE}/team/app/actions", Address("team/app", FORGE)),
        (f"{FORGE}/team/app/actions/", Address("team/app", FORGE)),
        (f"{FORGE}/team/app/actions?workflow=&actor=0&status=0", Address("team/app", FORGE)),
        (f"{FORGE}/team/app/actions?workflow=ci.yml", Address("team/app", FORGE, workflow="ci.yml")),
        (f"{FORGE}/team/app/actions/?workflow=ci.yml", Address("team/app", FORGE, workflow="ci.yml")),
        (
            f"{FORGE}/team/app/actions?workflow=ci.yml&actor=7&status=2&page=1&limit=50",
            Address("team/app", FORGE, workflow="ci.yml", actor="7", status="failure"),
        ),
        (
            f"{FORGE}/team/app/actions?status=6&branch=refs%2Fheads%2Ffix%2Fx",
            Address("team/app", FORGE, status="running", branch="fix/x"),
        ),
        (f"{FORGE}/team/app/actions?status=99", Address("team/app", FORGE)),
        (f"{FORGE}/team/app/actions/workflows/ci.yml/badge.svg", Address("team/app", FORGE, workflow="ci.yml")),
        (f"{HUB}/o/r/actions/workflows/ci.yml", Address("o/r", HUB, workflow="ci.yml")),
        (
            f"{HUB}/o/r/actions/workflows/ci.yml?query=branch%3Amain+is%3Afailure+event%3Apush+actor%3Amona",
            Address("o/r", HUB, workflow="ci.yml", branch="main", status="failure", event="push", actor="mona"),
        ),
        (f'{HUB}/o/r/actions?query=workflow%3A"Big+CI"', Address("o/r", HUB, workflow="Big CI")),
        (f"{LAB}/g/app/-/pipelines", Address("g/app", LAB)),
        (
            f"{LAB}/g/sub/app/-/pipelines?page=1&scope=all&ref=main&status=failed&source=push&username=mona",
            Address("g/sub/app", LAB, branch="main", status="failure", event="push", actor="mona"),
        ),
        # Pull requests
        (f"{FORGE}/team/app/pulls/31/", Address("team/app", FORGE, pull=31)),
        (f"{FORGE}/team/app/pulls/31/commits", Address("team/app", FORGE, pull=31)),
        (f"{FORGE}/team/app/pulls/31#issuecomment-5", Address("team/app", FORGE, pull=31)),
        (f"{FORGE}/team/app/pulls/31.diff", Address("team/app", FORGE, pull=31)),
        (f"{FORGE}/team/app/pulls", Address("team/app", FORGE)),
        (f"{HUB}/o/r/pull/5", Address("o/r", HUB, pull=5)),
        (f"{HUB}/o/r/pull/5/commits/1a2b3c4d5e", Address("o/r", HUB, pull=5)),
        (f"{HUB}/o/r/pull/5/checks?check_run_id=777", Address("o/r", HUB, None, 777, pull=5)),
        (f"{LAB}/g/app/-/merge_requests/3/pipelines", Address("g/app", LAB, pull=3)),
        # Commits and branches
        (f"{FORGE}/team/app/commit/1a2b3c4d5e/", Address("team/app", FORGE, commit="1a2b3c4d5e")),
        (f"{FORGE}/team/app/commit/1a2b3c4d5e.patch", Address("team/app", FORGE, commit="1a2b3c4d5e")),
        (f"{FORGE}/team/app/src/commit/1a2b3c4d5e/a/b.rs", Address("team/app", FORGE, commit="1a2b3c4d5e")),
        (f"{FORGE}/team/app/commits/commit/1a2b3c4d5e", Address("team/app", FORGE, commit="1a2b3c4d5e")),
        (f"{HUB}/o/r/commit/1a2b3c4d5e/checks", Address("o/r", HUB, commit="1a2b3c4d5e")),
        (f"{LAB}/g/app/-/commit/1a2b3c4d5e/pipelines", Address("g/app", LAB, commit="1a2b3c4d5e")),
        (f"{FORGE}/team/app/src/branch/main/", Address("team/app", FORGE, branch="main")),
        (f"{FORGE}/team/app/src/branch/fix%2Fx", Address("team/app", FORGE, branch="fix/x")),
        (f"{FORGE}/team/app/commits/branch/fix/x", Address("team/app", FORGE, branch="fix/x")),
        (f"{FORGE}/team/app/commits/tag/v1", Address("team/app", FORGE)),
        (f"{FORGE}/team/app/src/tag/v1", Address("team/app", FORGE)),
        (f"{HUB}/o/r/tree/fix/x", Address("o/r", HUB, branch="fix/x")),
        (f"{HUB}/o/r/commits/main", Address("o/r", HUB, branch="main")),
        (f"{LAB}/g/app/-/tree/fix/x?ref_type=heads", Address("g/app", LAB, branch="fix/x")),
        # Other pages, sub-paths, GitHub's checks
        (f"{FORGE}/team/app/issues", Address("team/app", FORGE)),
        (f"{FORGE}/team/app/issues/3", Address("team/app", FORGE, pull=3)),
        (f"{FORGE}/team/app/settings/actions/runners", Address("team/app", FORGE)),
        (f"{FORGE}/git/team/app/", Address("team/app", f"{FORGE}/git")),
        (f"{FORGE}/git/team/app/actions?workflow=ci.yml", Address("team/app", f"{FORGE}/git", workflow="ci.yml")),
        (f"{FORGE}/git/team/app/pulls/3", Address("team/app", f"{FORGE}/git", pull=3)),
        (f"{FORGE}/a/git/team/app/src/branch/main", Address("team/app", f"{FORGE}/a/git", branch="main")),
        (f"{FORGE}/git/team/app/actions/runs/4/jobs/1/attempt/2", Address("team/app", f"{FORGE}/git", 4, 1, 2)),
        (f"{HUB}/o/r/runs/777?check_suite_focus=true", Address("o/r", HUB, None, 777)),
        (f"{HUB}/o/r/actions/runs/12/job/777#step:4:12", Address("o/r", HUB, 12, 777)),
        (f"{HUB}/o/r/actions/runs/12/attempts/1#summary-777", Address("o/r", HUB, 12, None, 1)),
        (f"{HUB}/o/r/actions/runs/12/workflow", Address("o/r", HUB, 12)),
    ],
)
def test_every_page_of_every_generation(target: str, wanted: Address) -> None:
    assert read_address(target) == replace(wanted, from_url=True)


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("runs/5", Address("o/r", HUB, 5)),
        ("runs/5/attempts/2/jobs", Address("o/r", HUB, 5, None, 2)),
        ("jobs/9/logs", Address("o/r", HUB, None, 9)),
        ("workflows/ci.yml/runs?branch=main", Address("o/r", HUB, workflow="ci.yml", branch="main")),
    ],
)
def test_addresses_of_the_api(path: str, wanted: Address) -> None:
    """Of GitHub's own host, of an Enterprise Server's and of Gitea's, also below a path."""
    assert read_address(f"https://api.github.com/repos/o/r/actions/{path}") == replace(wanted, from_url=True, ids=True)
    for root, api in ((FORGE, "v3"), (FORGE, "v1"), (f"{FORGE}/git", "v1")):
        target = f"{root}/api/{api}/repos/o/r/actions/{path}"
        assert read_address(target) == replace(wanted, root=root, from_url=True, ids=True)


@pytest.mark.parametrize("tail", ["jobs/build", "jobs", "attempt/x", "jobs/1/attempt/x", "jobs/1/2", "1"])
def test_a_page_of_a_run_that_is_not_understood_is_none(tail: str) -> None:
    """It would be read as the repository, and another run be shown."""
    assert read_address(f"{FORGE}/team/app/actions/runs/4/{tail}") is None


@pytest.mark.parametrize(
    "target", ["build.log", "-", "local:3", "../x/y", "a/../b", "https://", "http://[::1", "a b/c", ""]
)
def test_what_is_no_address_is_none(target: str) -> None:
    assert read_address(target) is None


def test_a_password_in_a_url_goes_nowhere() -> None:
    address = read_address("https://user:hunter2@forge.example/team/app/actions/runs/4")
    assert address is not None
    assert "hunter2" not in repr(address)


@given(st.text(max_size=80))
def test_no_text_breaks_the_reader(text: str) -> None:
    read_address(text)
    read_address("https://forge.example/" + text)


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("FAILURE", "failure"),
        ("failed", "failure"),
        ("Canceled", "cancelled"),
        ("timed-out", "timed out"),
        ("timed_out", "timed out"),
        ("in_progress", "running"),
        ("queued", "waiting"),
        ("unknown", "unknown"),
        ("startup_failure", "startup_failure"),
        ("bogus", None),
        ("2", None),
        ("", None),
        *((word, word) for word in STATUSES),
    ],
)
def test_words_for_a_status(word: str, wanted: str | None) -> None:
    assert status_word(word) == wanted


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        (".gitea/workflows/ci.yml", "ci.yml"),
        ("./.github/workflows/ci.yaml", "ci.yaml"),
        ("ci.yml", "ci.yml"),
        ("My checks / all", "My checks / all"),
        ("other/workflows/ci.yml", "other/workflows/ci.yml"),
    ],
)
def test_a_workflow_by_its_path(typed: str, wanted: str) -> None:
    assert workflow_name(typed) == wanted
