"""A second look at the log of an attempt that has ended asks for no log; what may have changed is asked for anew."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from forge_user import forges, github, web_login
from standin import Standin, faults, scenarios, standin
from standin.github import standin_github
from standin.server import Served
from standin.world import World

from whyred.app.forges import Forges
from whyred.app.kept_logs import KEPT, identity, is_final
from whyred.app.library import Library
from whyred.app.log_pieces import Head, LogWish
from whyred.app.log_steps import StepHead
from whyred.app.logs import attempts_of, logs
from whyred.model.credential import Credential
from whyred.model.forge import Kind, Server
from whyred.model.run import Attempt, Conclusion, Job, Run, Status
from whyred.model.source import Fetched, MissingLogError
from whyred.model.target import read_address
from whyred.sources._kept import Kept
from whyred.sources.reach import Want

PLANTED = "ghp_0123456789abcdefABCDEF0123456789abcd"


@dataclass
class Way:
    """A stand-in, a user, and a cache folder."""

    forge: Standin
    cache: Path
    credential: Credential

    @property
    def made(self) -> Forges:
        """As a new start of the program has it."""
        return forges(self.forge.url, self.credential, self.cache)

    def seen(self, number: int, **wish: object) -> tuple[str, list[str], bytes]:
        return look(self.made, number, **wish)

    @property
    def log_requests(self) -> int:
        return log_requests(self.forge)

    @property
    def files(self) -> list[Path]:
        return sorted((self.cache / "logs").glob("*"))


def log_requests(served: Served) -> int:
    """How often text of a log was asked for."""
    cursors = sum(b'"expanded"' in seen.body for seen in served.requests)
    return cursors + sum("/logs" in seen.path for seen in served.requests)


def look(made: Forges, number: int, **wish: object) -> tuple[str, list[str], bytes]:
    """The route, the steps and the text that `whyred logs` shows."""
    address = read_address(f"alice/priv#{number}")
    assert address is not None
    route, steps, text = "", [], b""
    for piece in logs(LogWish(address, **wish), made, Library(made.cache)):  # type: ignore[arg-type]
        if isinstance(piece, Head):
            route = piece.fetched.route
        elif isinstance(piece, StepHead):
            steps.append(f"{piece.number} {piece.step.name} {piece.step.conclusion}")
        elif isinstance(piece, bytes):
            text += piece
    return route, steps, text


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the library compiled: each test has a folder of its own below."""
    made = tmp_path_factory.mktemp("cache")
    Library(made).masker()
    return made


def run_with(world: World, rows: list[str], status: str = "failure") -> int:
    run = world.named("alice/priv").push("more", "more.yml", "s-more")
    ends = scenarios.OK if status == "success" else scenarios.FAILED
    scenarios.play(run.job("more", "Only step"), [scenarios.Part(ends, rows)])
    return run.index


@contextlib.contextmanager
def served(
    profile: str, tmp_path: Path, cache: Path, make: Callable[[World], object] = lambda _: None
) -> Iterator[Way]:
    world = scenarios.everyday()
    make(world)
    for file in cache.glob("library-*"):
        (tmp_path / file.name).write_bytes(file.read_bytes())
    with standin(profile, world) as forge:
        yield Way(forge, tmp_path, Credential(token=world.users["alice"].token("read:repository")))


@pytest.mark.parametrize("profile", ["forgejo-16", "gitea-1.25", "gitea-1.26.0", "gitea-1.26.4"])
def test_a_second_look_asks_for_no_log(profile: str, tmp_path: Path, cache: Path) -> None:
    with served(profile, tmp_path, cache) as way:
        route, steps, text = way.seen(2)
        before = way.log_requests
        assert before
        again = way.seen(2)
        assert way.log_requests == before
        assert again == (f"{route}, {KEPT}", steps, text)
        assert scenarios.FOUNDING.encode() in text


def test_a_web_login_sees_its_exact_steps_again(tmp_path: Path, cache: Path) -> None:
    with served("forgejo-16", tmp_path, cache) as way:
        login = web_login(way.forge.url, "alice", way.forge.world.users["alice"].password)
        way.credential = replace(way.credential, cookies=login.cookies)
        route, steps, text = way.seen(2)
        before = way.log_requests
        assert way.seen(2) == (f"{route}, {KEPT}", steps, text)
        assert len(steps) == 6
        assert way.log_requests == before
        failed = way.seen(2, failed=True)
        assert way.log_requests == before
        assert failed[1] == ["2 Cargo build failure"]
        assert b"preparing" not in failed[2]


def test_github_is_asked_once(tmp_path: Path, cache: Path) -> None:
    world = scenarios.everyday()
    with standin_github(world) as forge:
        token = Credential(token=world.users["alice"].token())

        def seen() -> tuple[str, list[str], bytes]:
            made = github(forges(forge.url, token, tmp_path), forge.url)
            return look(made, 2)

        route, steps, text = seen()
        before = len(forge.storage.requests)
        assert seen() == (f"{route}, {KEPT}", steps, text)
        assert len(forge.storage.requests) == before


def test_who_may_not_see_it_does_not_get_it_from_here(tmp_path: Path, cache: Path) -> None:
    with served("forgejo-16", tmp_path, cache) as way:
        way.seen(2)
        before = way.log_requests
        way.credential = Credential(token=way.forge.world.users["rita"].token("read:repository"))
        way.seen(2)
        assert way.log_requests > before  # rita may read it, and is asked about in her own name
        for other in (Credential(token=way.forge.world.users["nora"].token("read:repository")), Credential()):
            way.credential = other
            with pytest.raises(MissingLogError):
                way.seen(2)


def test_a_new_attempt_has_a_log_of_its_own(tmp_path: Path, cache: Path) -> None:
    with served("forgejo-16", tmp_path, cache) as way:
        way.seen(2)
        job = way.forge.world.named("alice/priv").runs[1].jobs[0]
        job.again()
        scenarios.play(job, [scenarios.Part(scenarios.OK, ["this time"])])
        assert b"this time" in way.seen(2)[2]
        assert b"this time" not in way.seen(2, attempt=1)[2]


def test_what_is_kept_is_masked(tmp_path: Path, cache: Path) -> None:
    with served("forgejo-16", tmp_path, cache, lambda w: run_with(w, [f"token: {PLANTED}"])) as way:
        first, again = way.seen(9), way.seen(9)
        assert b"token: ***" in first[2]
        assert again[2] == first[2]
        (file,) = way.files
        entry = Kept(tmp_path / "logs", 1 << 30).load(file.name)
        assert entry is not None
        with entry.body:
            data = entry.body.read()
        assert PLANTED.encode() not in data
        assert b"token: ***" in data


@pytest.mark.parametrize(
    ("make", "number"),
    [
        (lambda w: scenarios.running(w.named("alice/priv")).jobs[0].attempts[0].row("so far", 0), 9),
        (lambda w: scenarios.cancelled(w.named("alice/priv")), 9),
        (lambda w: run_with(w, ["::add-mask::made-up-value", "made-up-value"]), 9),
    ],
    ids=["running", "cancelled", "asks to mask"],
)
def test_what_may_change_or_must_be_learnt_from_is_not_kept(
    make: Callable[[World], object], number: int, tmp_path: Path, cache: Path
) -> None:
    with served("forgejo-16", tmp_path, cache, make) as way:
        first = way.seen(number)
        before = way.log_requests
        assert way.seen(number) == first
        assert way.log_requests == 2 * before
        assert way.files == []


def test_parts_are_not_kept_as_if_they_were_all(tmp_path: Path, cache: Path) -> None:
    with served("gitea-1.26.4", tmp_path, cache) as way:
        for wish in ({"failed": True}, {"tail": 3}, {"step": "1"}, {"raw": True}):
            way.seen(2, **wish)
        assert way.files == []


def test_a_log_that_broke_off_is_not_kept(tmp_path: Path, cache: Path) -> None:
    with served("forgejo-16", tmp_path, cache) as way:
        way.forge.fault(faults.stop_for_good(40), on="/logs")
        with pytest.raises(MissingLogError):
            way.seen(2)
        assert way.files == []
        way.forge.heal()
        assert scenarios.FOUNDING.encode() in way.seen(2)[2]
        assert len(way.files) == 1


def test_a_damaged_entry_is_fetched_again(tmp_path: Path, cache: Path) -> None:
    with served("forgejo-16", tmp_path, cache) as way:
        first = way.seen(2)
        before = way.log_requests
        (file,) = way.files
        file.write_bytes(file.read_bytes()[:-1])
        assert way.seen(2) == first
        assert way.log_requests == 2 * before


def test_the_route_that_is_named_is_asked(tmp_path: Path, cache: Path) -> None:
    with served("forgejo-16", tmp_path, cache) as way:
        way.seen(2)
        before = way.log_requests
        made = way.made
        made.options = replace(made.options, route="forgejo-api")
        assert look(made, 2)[0] == "forgejo-api"
        assert way.log_requests > before


def test_what_another_machine_gave_is_not_kept_as_the_forges(tmp_path: Path, cache: Path) -> None:
    """A tap may have been there for a part of the job alone."""
    with served("forgejo-16", tmp_path, cache) as way:
        ladder, attempts = attempts_of(LogWish(read_address("alice/priv#2")), way.made)
        for route, files in (("tap", 0), ("forge-disk: a file", 0), ("forgejo-api", 1)):
            fetched = Fetched(attempts[0], iter([b"text\n"]), route)

            def first(what: str, *_: object, told: Fetched = fetched) -> tuple[Any, Any]:
                return (told if what == "log" else b"", [])

            ladder._first = first  # type: ignore[method-assign,assignment]
            assert list(ladder.log(attempts[0], Want()).chunks) == [b"text\n"]
            assert len(way.files) == files


def test_without_a_cache_folder_it_is_asked_each_time(tmp_path: Path, cache: Path) -> None:
    with served("forgejo-16", tmp_path, cache) as way:
        way.cache = tmp_path / "file"
        way.cache.write_text("no folder")
        first = way.seen(2)
        assert way.seen(2) == first


# --- what names a try, and when it is over ----------------------------------------------------------------------------

RUN = Run("a/b#1")
DONE = Attempt(RUN, Job(None, "job", 7), 2, Status.DONE, Conclusion.FAILURE)


@pytest.mark.parametrize(
    ("kind", "attempt", "named"),
    [
        (Kind.FORGEJO, DONE, "job 7 attempt 2"),
        (Kind.FORGEJO, replace(DONE, id=5), "task 5"),
        (Kind.FORGEJO, replace(DONE, number=None), None),
        (Kind.GITEA, replace(DONE, job=Job(None, "job", None, 0)), None),
        (Kind.GITEA, replace(DONE, job=None), None),
        (Kind.GITHUB, replace(DONE, number=None), "job 7"),
    ],
)
def test_identity(kind: Kind, attempt: Attempt, named: str | None) -> None:
    assert identity(Server("https://forge.example", kind), attempt) == named


@pytest.mark.parametrize(
    ("attempt", "final"),
    [
        (DONE, True),
        (replace(DONE, status=Status.RUNNING), False),
        (replace(DONE, conclusion=Conclusion.CANCELLED), False),
        (replace(DONE, conclusion=Conclusion.CANCELLED, ended=990.0), False),
        (replace(DONE, conclusion=Conclusion.CANCELLED, ended=800.0), True),
        (replace(DONE, conclusion=Conclusion.UNKNOWN), False),
    ],
)
def test_is_final(attempt: Attempt, final: bool) -> None:
    assert is_final(attempt, now=1000.0) is final
