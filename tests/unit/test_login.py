"""Logging in: what is typed, piped and copied, what is asked for when, and what is kept."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from standin import Standin, World, faults, scenarios, standin

from whyred.app.forges import Forges, Options
from whyred.app.login import Asks, login
from whyred.model.access import LoggedIn
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.settings.credentials import Credentials
from whyred.settings.system_keyring import SystemKeyring

CANARY = "canary-5d1e77"


@dataclass
class Person:
    """Somebody who answers, and remembers what was asked."""

    token: str | None = None
    user: str | None = None
    password: str | None = None
    code: str | None = None
    asked: list[str] = field(default_factory=list)

    def answer(self, what: str, told: object = "") -> str | None:
        self.asked.append(f"{what} {told}".strip())
        given: str | None = getattr(self, what)
        return given

    @property
    def asks(self) -> Asks:
        return Asks(
            token=lambda _server, _where: self.answer("token"),
            user=lambda _server, later: self.answer("user", "later" if later else ""),
            password=lambda _server, _user: self.answer("password"),
            code=lambda _server, told: self.answer("code", told),
        )


@pytest.fixture
def forges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Forges:
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "keyring.backends.null.Keyring")
    return Forges(Options(), Credentials(tmp_path, SystemKeyring("whyred test")))


def log_in(forge: Standin, forges: Forges, person: Person, *, web: bool = False) -> LoggedIn:
    return login(forge.url, forges, person.asks, web=web)


def kept(forge: Standin, forges: Forges) -> str | None:
    assert forges.credentials is not None
    return forges.credentials.get(forge.url).token


def posted(forge: Standin, path: str) -> int:
    return sum(1 for seen in forge.requests if (seen.method, seen.path) == ("POST", path))


@pytest.mark.parametrize("around", ["{}", "  {} ", "\ufeff{}", "{}\t", " \ufeff {}"])
def test_a_token_is_kept_without_what_copying_brings_along(around: str, forges: Forges) -> None:
    world = scenarios.everyday()
    token = world.users["alice"].token()
    with standin("forgejo-16", world) as forge:
        assert log_in(forge, forges, Person(around.format(token))).token_of == "alice"
        assert kept(forge, forges) == token


@pytest.mark.parametrize("odd", ["\u20ac", "\0", "\x01", "\udcff", "a\nb", "\u200b"])
def test_what_no_header_may_carry_is_no_token_and_is_not_sent(odd: str, forges: Forges) -> None:
    with standin("forgejo-16", scenarios.everyday()) as forge:
        with pytest.raises(UserError, match="this is no token") as refused:
            log_in(forge, forges, Person(f"{CANARY}{odd}{CANARY}"))
        assert CANARY not in str(refused.value)
        assert not forge.saw(CANARY)
        assert kept(forge, forges) is None


def test_a_password_that_is_no_text_is_told_without_it(forges: Forges) -> None:
    with standin("forgejo-16", scenarios.everyday()) as forge:
        with pytest.raises(UserError, match="this password cannot be sent") as refused:
            log_in(forge, forges, Person(user="alice", password=f"{CANARY}\udcff"), web=True)
        assert CANARY not in str(refused.value)


def test_a_password_beyond_ascii_arrives(forges: Forges) -> None:
    world = scenarios.everyday(owner_password="pä ss+w&rd€")
    with standin("forgejo-11", world) as forge:
        assert log_in(forge, forges, Person(user="alice", password="pä ss+w&rd€"), web=True).web_of == "alice"


def test_where_no_api_gives_logs_the_web_login_is_asked_for_at_once(forges: Forges) -> None:
    world = scenarios.everyday()
    person = Person(world.users["alice"].token(), "alice", world.users["alice"].password)
    with standin("forgejo-11", world) as forge:
        done = log_in(forge, forges, person)
        assert (done.token, done.web_of, done.web_wanted) == (True, "alice", False)
        assert person.asked == ["token", "user later", "password"]
        again = Person(person.token)
        log_in(forge, forges, again)
        assert again.asked == ["token"], "a web login that there is needs no second one"


def test_it_may_be_left_for_later(forges: Forges) -> None:
    world = scenarios.everyday()
    with standin("forgejo-11", world) as forge:
        done = log_in(forge, forges, Person(world.users["alice"].token()))
        assert (done.token, done.web_of, done.web_wanted) == (True, None, True)
        with pytest.raises(UserError, match="nothing to log in with"):
            log_in(forge, forges, Person())


def test_where_the_api_gives_logs_only_a_token_is_asked_for(forges: Forges) -> None:
    world = scenarios.everyday()
    with standin("forgejo-16", world) as forge:
        person = Person(world.users["alice"].token())
        log_in(forge, forges, person)
        assert person.asked == ["token"]


def test_the_code_is_asked_for_once_and_the_password_sent_once(forges: Forges) -> None:
    world = scenarios.everyday()
    otto = world.users["otto"]
    with standin("forgejo-16", world) as forge:
        person = Person(user="otto", password=otto.password, code=f" {otto.passcode} ")
        assert log_in(forge, forges, person, web=True).web_of == "otto"
        assert [asked.partition(" ")[0] for asked in person.asked] == ["token", "user", "password", "code"]
        assert posted(forge, "/user/login") == 1


def test_a_code_helps_an_account_with_a_key_only_where_it_has_codes(forges: Forges) -> None:
    world: World = scenarios.everyday()
    with standin("forgejo-16", world) as forge:
        person = Person(user="wanda", password=world.users["wanda"].password)
        with pytest.raises(MissingLogError, match="security key") as refused:
            log_in(forge, forges, person, web=True)
        assert refused.value.reason is Missing.NEEDS_TWO_FACTOR
        assert "security key" in person.asked[-1]


@pytest.mark.parametrize("first", ["must-set-up-2fa", "must-change-password"])
@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-16"])
def test_what_a_person_must_do_first_is_told(first: Any, name: str, forges: Forges) -> None:
    """The login itself leads home as ever, and every page from there to what is to be done."""
    world = scenarios.everyday()
    world.users["rita"].login = first
    with standin(name, world) as forge:
        person = Person(user="rita", password=world.users["rita"].password, code="424242")
        with pytest.raises(MissingLogError, match="in a browser"):
            log_in(forge, forges, person, web=True)
        assert not any(asked.startswith("code") for asked in person.asked)


def test_a_code_may_be_typed_in_groups(forges: Forges) -> None:
    world = scenarios.everyday()
    with standin("forgejo-16", world) as forge:
        code = world.users["otto"].passcode
        person = Person(user="otto", password=world.users["otto"].password, code=f" {code[:3]} {code[3:]} ")
        assert log_in(forge, forges, person, web=True).web_of == "otto"


def test_a_bot_check_is_no_wrong_password(forges: Forges) -> None:
    with standin("forgejo-16", scenarios.everyday()) as forge:
        forge.fault(faults.html(), on="/user/login", method="POST")
        with pytest.raises(MissingLogError, match="no log-in form") as refused:
            log_in(forge, forges, Person(user="alice", password=CANARY), web=True)
        assert refused.value.reason is Missing.REFUSED_CONTENT
        assert CANARY not in str(refused.value)
