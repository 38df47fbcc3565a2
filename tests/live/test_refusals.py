"""The refusal matrix on real servers: what Gitea of both generations really says when it has no log for somebody."""

import re
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from refusals.cell import Refusal, refusals

from live.calls import call, call_json
from live.gitea import Gitea, Settings, User, gitea
from live.scenarios import DELETED, FAILING, GREEN, HELD, WAITING, Played, begin, play
from live.user import Person


@pytest.fixture(scope="module")
def failing(server: Gitea, tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(server, FAILING, tmp_path_factory.mktemp("failing"))


@pytest.fixture
def person(server: Gitea, tmp_path: Path) -> Person:
    return Person(tmp_path / "home", server)


def refused(person: Person, target: str, *options: str) -> tuple[Refusal, dict[str, Refusal]]:
    """What was said: exit code 4, nothing on standard output, a request and what would help in every line."""
    ended = person("logs", target, "--server", person.server.url, *options)
    assert (ended.code, ended.out) == (4, ""), ended.err
    first, tried = refusals(ended.err)
    assert first is not None, ended.err
    for said in (first, *tried.values()):
        assert len(said.asked) > 3, ended.err
        assert len(said.help) > 10, ended.err
        assert said.asked not in said.help
    return first, tried


def old(server: Gitea) -> bool:
    """Whether it has no log API."""
    return server.version.startswith("1.23")


def test_no_token(failing: Played, person: Person) -> None:
    first, tried = refused(person, f"{failing.repo.full_name}#1")
    assert first.reason == "not-found-or-hidden"
    assert "whyred login" in first.help
    assert "gitea-api" in tried


def test_a_token_that_is_none(server: Gitea, failing: Played, person: Person) -> None:
    tokens = f"{server.url}/api/v1/users/{server.dev.name}/tokens"
    made = call_json("POST", tokens, {"name": "gone", "scopes": ["all"]}, server.dev.basic)
    secret = str(made.json()["sha1"])
    person.canaries.add(secret)
    given = person("login", server.url, "--token-stdin", given=secret + "\n")
    assert given.code == 0, given.err
    assert call("DELETE", f"{tokens}/gone", None, server.dev.basic).status == 204
    first, _ = refused(person, f"{failing.repo.full_name}#1")
    assert first.reason == "needs-token"
    assert "not accepted" in first.help


def test_a_token_without_the_scope(failing: Played, person: Person) -> None:
    person.login(scopes=("read:issue",))
    first, tried = refused(person, f"{failing.repo.full_name}#1")
    assert "no-permission" in {first.reason, *(said.reason for said in tried.values())}
    said = next(s for s in (first, *tried.values()) if s.reason == "no-permission")
    assert "read:repository" in said.help


def test_a_private_repository_of_others(server: Gitea, failing: Played, person: Person) -> None:
    stranger = User(f"stranger-{person.home.parent.name}"[:39], "stranger-password-1")
    server.add_user(stranger)
    secret = server.token("read:repository", user=stranger)
    person.canaries |= {secret, stranger.password}
    assert person("login", server.url, "--token-stdin", given=secret + "\n").code == 0
    assert refused(person, f"{failing.repo.full_name}#1")[0].reason == "not-found-or-hidden"
    done = person("login", server.url, "--user", stranger.name, "--password-stdin", given=stranger.password + "\n")
    assert done.code == 0, done.err
    assert refused(person, f"{failing.repo.full_name}#1")[0].reason == "not-found-or-hidden"


def test_no_web_login(gitea_1_23: Gitea, tmp_path: Path) -> None:
    it = play(gitea_1_23, FAILING, tmp_path)
    person = Person(tmp_path / "home", gitea_1_23)
    person.login()
    first, tried = refused(person, f"{it.repo.full_name}#1")
    assert first.reason == "needs-web-login"
    assert f"whyred login --web {gitea_1_23.url}" in first.help
    assert tried["gitea-api"].reason == "route-not-on-this-version"


def test_a_web_login_that_is_gone(server: Gitea, failing: Played, person: Person) -> None:
    """Signed out elsewhere: the cookies are worth nothing any more, and what could renew them is gone as well."""
    person.login(token=False, web=True)
    assert person("logs", f"{failing.repo.full_name}#1", "--server", server.url).code == 0
    with _stopped(server):
        _forget_web_logins(server)
    first, tried = refused(person, f"{failing.repo.full_name}#1", "--route", "web-state")
    assert first.reason == "needs-web-login"
    assert "the web login is gone: whyred login --web" in first.help, (first, tried)


@contextmanager
def _stopped(server: Gitea) -> Iterator[None]:
    server.stop()
    yield
    server.start()


def _forget_web_logins(server: Gitea) -> None:
    """Removes what a server keeps of web logins: files of sessions, and rows of remember-me cookies."""
    for file in (server.data / "web-logins").rglob("*"):
        if file.is_file():
            file.unlink()
    with closing(sqlite3.connect(server.data / "gitea.db")) as connection:
        connection.execute("DELETE FROM auth_token")
        connection.commit()


def test_unknown_ids(server: Gitea, failing: Played, person: Person) -> None:
    person.login(web=True)
    name = failing.repo.full_name
    assert refused(person, f"{name}#99")[0].reason == "not-found-or-hidden"
    assert refused(person, "nobody/nothing#1")[0].reason == "not-found-or-hidden"
    where = f"{server.url}/{name}/actions/runs/{failing.run.id if server.ids_in_web else 1}/jobs/4711"
    assert refused(person, where)[0].reason == "wrong-id-kind"


def test_ids_for_numbers_and_numbers_for_ids(gitea_1_26: Gitea, tmp_path: Path) -> None:
    it = play(gitea_1_26, GREEN, tmp_path)
    other = play(gitea_1_26, GREEN, tmp_path)
    person = Person(tmp_path / "home", gitea_1_26)
    person.login()
    assert other.run.id is not None
    said, _ = refused(person, f"{other.repo.full_name}#{other.run.id}")
    assert (said.reason, f"{other.repo.full_name}#1" in said.help) == ("wrong-id-kind", True)
    page = f"{gitea_1_26.url}/{it.repo.full_name}/actions/runs/1"
    if it.run.id == 1:
        page = f"{gitea_1_26.url}/{other.repo.full_name}/actions/runs/1"
    said, _ = refused(person, page)
    assert (said.reason, "is the number of" in said.help) == ("wrong-id-kind", True)


def test_a_waiting_job(server: Gitea, person: Person, tmp_path: Path) -> None:
    it = play(server, WAITING, tmp_path)
    person.login(web=True)
    for options in ([], ["--route", "web-state"], ["--route", "web-download"]):
        first, _ = refused(person, f"{it.repo.full_name}#1", *options)
        assert first.reason == "not-started", options
    if not old(server):
        assert refused(person, f"{it.repo.full_name}#1", "--route", "gitea-api")[0].reason == "not-started"


def test_a_job_without_rows(server: Gitea, person: Person, tmp_path: Path) -> None:
    mute = threading.Event()
    mute.set()
    person.login(web=True)
    with begin(server, HELD, tmp_path / "run", mute=mute) as playing:
        playing.runner.wait_rows(5)
        playing.repo.wait_for_run("running")
        target = f"{playing.repo.full_name}#1"
        for options in ([], ["--route", "web-state"], ["--route", "web-download"]):
            assert refused(person, target, *options)[0].reason == "still-running-no-rows", options
        if not old(server):
            assert refused(person, target, "--route", "gitea-api")[0].reason == "still-running-no-rows"
        mute.clear()
        playing.open()
        playing.runner.wait()
        playing.repo.wait_for_run("success")


def test_a_log_whose_file_is_gone(server: Gitea, person: Person, tmp_path: Path) -> None:
    it = play(server, DELETED, tmp_path)
    person.login(web=True)
    target = f"{it.repo.full_name}#1"
    for options in ([], ["--route", "web-state"], ["--route", "web-download"]):
        assert refused(person, target, *options)[0].reason == "deleted", options
    machine = ["--forge-host", "local", "--forge-folder", str(server.data)]
    assert refused(person, target, *machine, "--route", "forge-database")[0].reason == "deleted"
    with _stopped(server):  # then the database alone tells what ran, with the numbers that files are named after
        for route in ("forge-database", "forge-disk"):
            assert refused(person, target, *machine, "--route", route)[0].reason == "deleted", route
    if not old(server):
        assert refused(person, target, "--route", "gitea-api")[0].reason == "deleted"


def test_a_log_whose_file_is_cut_off(server: Gitea, person: Person, tmp_path: Path) -> None:
    it = play(server, GREEN, tmp_path)
    file = it.repo.stored_log(it.tasks[0].id)
    file.write_bytes(file.read_bytes()[:40])
    person.login(web=True)
    machine = ["--forge-host", "local", "--forge-folder", str(server.data)]
    with _stopped(server):
        for route in ("forge-database", "forge-disk"):
            assert refused(person, f"{it.repo.full_name}#1", *machine, "--route", route)[0].reason == "corrupt", route


def test_an_expired_log(server: Gitea, person: Person, tmp_path: Path) -> None:
    """As the forge's own cleaning marks it: in the database, its file removed."""
    it = play(server, GREEN, tmp_path)
    task = it.tasks[0].id
    it.repo.stored_log(task).unlink()
    with _stopped(server), closing(sqlite3.connect(server.data / "gitea.db")) as connection:
        connection.execute("UPDATE action_task SET log_expired = 1 WHERE id = ?", (task,))
        connection.commit()
    person.login(web=True)
    target = f"{it.repo.full_name}#1"
    for route in ("web-state", "web-download", *(() if old(server) else ("gitea-api",))):
        assert refused(person, target, "--route", route)[0].reason == "expired", route
    machine = ["--forge-host", "local", "--forge-folder", str(server.data)]
    assert refused(person, target, *machine, "--route", "forge-database")[0].reason == "expired"


def test_everybody_must_sign_in(server: Gitea, tmp_path: Path) -> None:
    with gitea(server.version, tmp_path / "gitea", Settings(require_signin=True)) as own:
        it = play(own, FAILING, tmp_path, private=False)
        visitor = Person(tmp_path / "home", own)
        first, tried = refused(visitor, f"{it.repo.full_name}#1")
        assert {first.reason, *(s.reason for s in tried.values())} & {"needs-token", "needs-web-login"}
        assert re.search(r"whyred login", first.help)


def test_a_server_that_is_stopped(server: Gitea, failing: Played, person: Person) -> None:
    person.login(web=True)
    with _stopped(server):
        first, _ = refused(person, f"{failing.repo.full_name}#1")
    assert first.reason == "unreachable"
    assert "refused" in first.help


def test_a_limit_of_bytes(server: Gitea, failing: Played, person: Person) -> None:
    person.login(web=True)
    first, _ = refused(person, f"{failing.repo.full_name}#1", "--max-bytes", "10")
    assert first.reason == "too-large"
    assert "--max-bytes" in first.help
