"""How much is moved for the failing step of a large log: at most one byte in fifty, on every server that can do it."""

from collections.abc import Callable

import pytest
from forge_user import forges, github, web_login
from standin import Standin, scenarios, standin
from standin.github import standin_github
from standin.hard_scenarios import huge

from whyred.app.forges import Forges
from whyred.app.library import Library
from whyred.app.log_pieces import Head, LogWish
from whyred.app.log_steps import StepHead
from whyred.app.logs import logs
from whyred.model.credential import Credential
from whyred.model.target import read_address

SIZE = 200_000_000
MOST = SIZE // 50
SMALL = 5_000_000
"""The stand-in GitHub makes the whole text for every request, so its log is smaller, and so is what may be moved."""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Library:
    return Library(tmp_path_factory.mktemp("library"))


def failed(made: Forges, number: int, library: Library) -> tuple[list[str], bytes]:
    """The steps and the text that `whyred logs alice/priv#N --failed` shows."""
    address = read_address(f"alice/priv#{number}")
    assert address is not None
    steps, text = [], b""
    for piece in logs(LogWish(address, failed=True), made, library):
        if isinstance(piece, StepHead):
            steps.append(piece.step.name)
        elif isinstance(piece, bytes):
            text += piece
        else:
            assert isinstance(piece, Head)
    return steps, text


def token(forge: Standin) -> Credential:
    return Credential(token=forge.world.users["alice"].token("read:repository"))


def login(forge: Standin) -> Credential:
    return web_login(forge.url, "alice", forge.world.users["alice"].password)


@pytest.mark.parametrize(
    ("profile", "by", "named"),
    [
        ("forgejo-7", login, True),
        ("forgejo-11", login, True),
        ("forgejo-16", login, True),
        ("forgejo-16", token, False),
        ("gitea-1.23", login, True),
        ("gitea-1.25", token, False),
        ("gitea-1.26.0", token, False),
        ("gitea-1.26.4", token, True),
        ("gitea-1.26.4", login, True),
    ],
)
def test_the_failing_step_of_200_mb_moves_a_fiftieth(
    profile: str, by: Callable[[Standin], Credential], named: bool, library: Library
) -> None:
    """`named`: whether the server tells which step failed; where it does not, the end of the log is what is shown."""
    world = scenarios.everyday()
    repo = world.named("alice/priv")
    with standin(profile, world) as forge:
        run = huge(repo, SIZE)
        made = forges(forge.url, by(forge))
        before = forge.sent
        steps, text = failed(made, run.index, library)
        assert scenarios.FOUNDING.encode() in text
        assert b"Compiling demo" in text
        if named:
            # The second in which one step ends and the next begins may be of both.
            assert steps in (["Cargo build"], ["Noise / Cargo build", "Cargo build"])
            assert b"crate-0" not in text
        assert forge.sent - before <= MOST


def test_github_by_the_zip_of_the_run(library: Library) -> None:
    world = scenarios.everyday()
    with standin_github(world) as served:
        run = huge(world.named("alice/priv"), SMALL)
        made = github(forges(served.url, Credential(token=world.users["alice"].token())), served.url)
        steps, text = failed(made, run.index, library)
        assert steps == ["Cargo build"]
        assert scenarios.FOUNDING.encode() in text
        assert b"crate-0" not in text
        assert served.sent + served.storage.sent <= SMALL // 50
