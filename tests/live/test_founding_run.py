"""The founding run on real servers: the log is had, the failing step named, and no web page opened by hand."""

from pathlib import Path

import pytest

from live.gitea import Gitea
from live.scenarios import FAILING, FOUNDING, UGLY, WAITING, Played, play
from live.user import Person


@pytest.fixture(scope="module")
def failing(server: Gitea, tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(server, FAILING, tmp_path_factory.mktemp("failing"))


@pytest.fixture
def person(server: Gitea, tmp_path: Path) -> Person:
    return Person(tmp_path / "home", server)


def test_why_in_a_clone_names_step_line_and_cause(
    server: Gitea, failing: Played, person: Person, tmp_path: Path
) -> None:
    clone = failing.repo.clone(tmp_path / "clone")
    person.login(web=not server.ids_in_web)
    verdict = person.json("why", ".", where=clone)
    assert verdict["failures"][0]["message"].startswith(FOUNDING.partition(" at path")[0])
    assert verdict["failures"][0]["step"] == "Build"
    assert verdict["failures"][0]["class"] == "infra/tmpdir"
    assert person("why", ".", where=clone).code == 1


def test_the_log_is_whole_and_split(server: Gitea, failing: Played, person: Person) -> None:
    person.login(web=True)
    shown = person("logs", failing.repo.full_name, "--timestamps")
    assert shown.code == 0
    assert "-- step 2: Build (failure)" in shown.out
    rows = [line for line in shown.out.splitlines() if not line.startswith(("-- ", "== "))]
    stored = failing.repo.stored_text(failing.tasks[0].id).decode()
    assert [row[29:] for row in rows] == [row[29:] for row in stored.splitlines()]


def test_raw_gives_the_bytes_that_are_stored(server: Gitea, person: Person, tmp_path: Path) -> None:
    ugly = play(server, UGLY, tmp_path / "ugly")
    person.login(web=not server.ids_in_web)
    file = tmp_path / "job.log"
    assert person("logs", ugly.repo.full_name, "--raw", "--out", str(file)).code == 0
    assert file.read_bytes() == ugly.repo.stored_text(ugly.tasks[0].id)


def test_failed_shows_the_failing_step_alone(server: Gitea, failing: Played, person: Person) -> None:
    person.login(web=True)
    shown = person("logs", failing.repo.full_name, "--failed")
    assert FOUNDING in shown.out
    assert "preparing" not in shown.out


def test_access_says_why_the_api_is_out_and_what_opens_the_pages(gitea_1_23: Gitea, tmp_path: Path) -> None:
    it = play(gitea_1_23, FAILING, tmp_path / "failing")
    person = Person(tmp_path / "home", gitea_1_23)
    person.login()
    table = person.json("access", it.repo.full_name)
    refusals = {row["route"]: row["refusal"] for row in table["routes"] if row["works"] is False}
    assert refusals["gitea-api"]["reason"] == "route-not-on-this-version"
    assert "login --web" in refusals["gitea-api"]["help"]
    assert refusals["web-state"]["reason"] in ("needs-web-login", "not-found-or-hidden")
    assert not table["works"]
    assert person("access", it.repo.full_name).code == 4
    person.login(token=False, web=True)
    assert person.json("access", it.repo.full_name)["works"]


def test_a_waiting_job_is_no_empty_log(server: Gitea, person: Person, tmp_path: Path) -> None:
    it = play(server, WAITING, tmp_path / "waiting")
    person.login(web=True)
    ended = person("logs", it.repo.full_name)
    assert ended.code == 4
    assert ended.out == ""
    assert "not-started" in ended.err
    status = person.json("status", it.repo.full_name)
    assert [w["job"] for w in status["repositories"][0]["waiting"]] == ["test"]


def test_nothing_kept_holds_the_password(server: Gitea, failing: Played, person: Person) -> None:
    person.login(web=True)
    person("why", failing.repo.full_name, "--save", str(person.home / "it.whyred"))
    password = server.admin.password.encode()
    token = next(c for c in person.canaries if c != server.admin.password).encode()
    assert person.files()
    for file in person.files():
        data = file.read_bytes()
        assert password not in data, file
        assert token not in data or file.name == "credentials.json", file
