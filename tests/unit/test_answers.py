"""Lists are asked for again only if they have changed, each in the name of the user who asks."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from forge_user import forges, github
from standin import scenarios
from standin.github import standin_github
from standin.server import Served
from standin.wire import Reply, Request

from whyred.app.forges import Forges
from whyred.model.credential import Credential
from whyred.model.forge import RunQuery
from whyred.model.source import Missing, MissingLogError
from whyred.sources._answers import Answers
from whyred.sources._kept import Kept
from whyred.sources.http import By, Http

ANN, BOB = "canary-token-of-ann", "canary-token-of-bob"
JSON = ("Content-Type", "application/json; charset=utf-8")


@dataclass
class Forge:
    """A server whose every answer tells who asked, with a validator that does not: the worst there may be."""

    headers: tuple[tuple[str, str], ...] = (JSON, ("ETag", '"1"'))
    state: str = '"1"'
    lists: list[int] = field(default_factory=lambda: [1, 2, 3])

    def answer(self, request: Request) -> Reply:
        given = request.header("If-None-Match") or request.header("If-Modified-Since")
        if given and given == self.state:
            return Reply(304, b"", (("ETag", self.state), ("X-Left", "41")))
        who = request.header("Authorization") or request.header("Cookie") or "nobody"
        body = {"who": "ann" if ANN in who else "bob" if BOB in who else "nobody", "list": self.lists}
        return Reply(200, json.dumps(body).encode(), self.headers)


@pytest.fixture
def forge() -> Forge:
    return Forge()


@pytest.fixture
def served(forge: Forge) -> Iterator[Served]:
    made = Served(forge.answer)
    yield made
    made.stop()
    assert made.bugs == []


@pytest.fixture
def answers(tmp_path: Path) -> Answers:
    return Answers(Kept(tmp_path / "answers", 1 << 20), lambda body: b"planted" not in body)


def client(served: Served, answers: Answers | None, token: str | None = ANN, **more: object) -> Http:
    return Http(served.url, token=token, answers=answers, sleep=lambda _: None, **more)  # type: ignore[arg-type]


def statuses(served: Served) -> list[int]:
    return [seen.status for seen in served.requests]


def test_what_has_not_changed_is_not_sent_again(served: Served, answers: Answers) -> None:
    first = client(served, answers).get("/list?page=1")
    again = client(served, answers).get("/list?page=1")
    assert statuses(served) == [200, 304]
    assert (again.status, again.body, again.is_json) == (200, first.body, True)
    assert again.headers["x-left"] == "41"
    assert served.requests[1].sent == 0


def test_what_has_changed_is(served: Served, answers: Answers, forge: Forge) -> None:
    client(served, answers).get("/list")
    forge.state, forge.lists = '"2"', [4]
    assert client(served, answers).get("/list").json()["list"] == [4]
    assert statuses(served) == [200, 200]


def test_another_query_is_another_answer(served: Served, answers: Answers) -> None:
    for path in ("/list?page=1", "/list?page=2", "/other"):
        client(served, answers).get(path)
    assert statuses(served) == [200, 200, 200]


@pytest.mark.parametrize(
    ("token", "by", "who"), [(BOB, By.TOKEN, "bob"), (None, By.TOKEN, "nobody"), (ANN, By.NOBODY, "nobody")]
)
def test_one_users_answer_is_never_shown_to_another(
    served: Served, answers: Answers, token: str | None, by: By, who: str
) -> None:
    assert client(served, answers).get("/list").json()["who"] == "ann"
    assert client(served, answers, token).get("/list", by).json()["who"] == who
    assert not served.requests[1].values.get("if-none-match")


def test_another_scheme_of_the_same_token_is_another_user(served: Served, answers: Answers) -> None:
    client(served, answers).get("/list")
    client(served, answers, scheme="Bearer").get("/list")
    assert statuses(served) == [200, 200]


def test_a_user_who_may_no_longer_see_it_does_not(served: Served, answers: Answers) -> None:
    client(served, answers).get("/list")
    served.fault(lambda _request, _answer: Reply(404, b"{}", (JSON,)))
    assert client(served, answers).get("/list").status == 404


def test_pages_of_a_web_login_are_not_kept(served: Served, answers: Answers) -> None:
    made = client(served, answers, jar={"session": "canary-cookie"})
    for _ in range(2):
        made.get("/list", By.WEB)
    assert statuses(served) == [200, 200]


def test_who_looks_after_validators_himself_gets_the_304(served: Served, answers: Answers) -> None:
    client(served, answers).get("/list")
    assert client(served, answers).get("/list", headers={"If-None-Match": '"1"'}).status == 304


@pytest.mark.parametrize(
    "headers",
    [
        (JSON,),
        (("Content-Type", "text/html"), ("ETag", '"1"')),
        (JSON, ("ETag", '"1"'), ("Cache-Control", "private, no-store")),
    ],
)
def test_what_must_not_or_cannot_be_asked_again_is_not_kept(
    served: Served, answers: Answers, forge: Forge, headers: tuple[tuple[str, str], ...]
) -> None:
    forge.headers = headers
    for _ in range(2):
        client(served, answers).get("/list")
    assert statuses(served) == [200, 200]


def test_a_time_of_change_serves_as_well(served: Served, answers: Answers, forge: Forge) -> None:
    forge.state = "Wed, 25 Nov 2026 10:00:00 GMT"
    forge.headers = (JSON, ("Last-Modified", forge.state))
    for _ in range(2):
        assert client(served, answers).get("/list").json()["who"] == "ann"
    assert statuses(served) == [200, 304]


def test_what_holds_a_secret_is_not_kept(served: Served, answers: Answers, forge: Forge, tmp_path: Path) -> None:
    forge.lists = ["planted"]  # type: ignore[list-item]
    for _ in range(2):
        client(served, answers).get("/list")
    assert statuses(served) == [200, 200]
    assert list((tmp_path / "answers").glob("*")) == []


def test_no_token_stands_in_what_is_kept(served: Served, answers: Answers, tmp_path: Path) -> None:
    client(served, answers).get("/list")
    (file,) = (tmp_path / "answers").iterdir()
    entry = answers.kept.load(file.name)
    assert entry is not None
    with entry.body:
        assert ANN.encode() not in entry.body.read() + json.dumps(entry.head).encode() + file.read_bytes()
    assert ANN not in file.name


def test_a_damaged_answer_is_asked_for_anew(served: Served, answers: Answers, tmp_path: Path) -> None:
    client(served, answers).get("/list")
    (file,) = (tmp_path / "answers").iterdir()
    file.write_bytes(file.read_bytes()[:-3])
    assert client(served, answers).get("/list").json()["who"] == "ann"
    assert statuses(served) == [200, 200]
    client(served, answers).get("/list")
    assert statuses(served) == [200, 200, 304]


def test_without_a_folder_everything_is_asked_for(served: Served, tmp_path: Path) -> None:
    (tmp_path / "answers").write_text("no folder")
    nowhere = Answers(Kept(tmp_path / "answers", 1 << 20), lambda _: True)
    for _ in range(2):
        assert client(served, nowhere).get("/list").json()["who"] == "ann"
    assert statuses(served) == [200, 200]


# --- a whole forge ---------------------------------------------------------------------------------------------------


def listed(made: Forges, url: str) -> list[str]:
    return [run.label for run in made._ladders[url].runs("alice/priv", RunQuery(limit=5))]


def test_a_second_list_costs_nothing_of_githubs_rate_limit(tmp_path: Path) -> None:
    world = scenarios.everyday()
    with standin_github(world) as served:
        ann = Credential(token=world.users["alice"].token())

        def ask(by: Credential, look: Callable[[Forges, str], object] = listed) -> object:
            return look(github(forges(served.url, by, tmp_path), served.url), served.url)

        first = ask(ann)
        left = served.remaining
        assert ask(ann) == first
        assert served.remaining == left
        nora = Credential(token=world.users["nora"].token())
        with pytest.raises(MissingLogError) as refused:
            ask(nora)
        assert refused.value.reason is Missing.NOT_FOUND
