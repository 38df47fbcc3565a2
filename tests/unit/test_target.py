"""Targets as people write them and as browsers show them, of every generation."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.model.forge import Address
from whyred.model.target import read_address

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
        ("team/app@feature/x:test", Address("team/app", branch="feature/x", job_name="test")),
        ("group/sub/app#7", Address("group/sub/app", run=7)),
        (f"{FORGE}/team/app", Address("team/app", FORGE, from_url=True)),
        (f"{FORGE}/team/app.git", Address("team/app", FORGE, from_url=True)),
        (f"{FORGE}/team/app/actions?workflow=ci.yml", Address("team/app", FORGE, from_url=True)),
        (f"{FORGE}/team/app/actions/runs/4", Address("team/app", FORGE, 4, from_url=True)),
        (f"{FORGE}/team/app/actions/runs/latest", Address("team/app", FORGE, from_url=True)),
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
            Address("o/r", "https://github.com", 5, from_url=True),
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
