"""Plans: shown, saved, read back, applied call by call; and what a file that only looks like one may not do."""

import json
from typing import Any

import pytest
from github_fake import CANARY, Answer, Fake, fake_github

from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources.http import By, Reply
from whyred.sources.plan import Call, Plan, apply, from_json, to_json


def refusal(reply: Reply) -> MissingLogError:
    return MissingLogError(Missing.NO_PERMISSION, reply.asked, "ask somebody who may")


def plan(fake: Fake, *calls: Call) -> Plan:
    return Plan("two things", fake.reach().http.root, calls)


ONE = Call("POST", "/one", "do one", {"a": [1, "\x1b[31mred"]})
TWO = Call("POST", "/two", "do two", by=By.WEB, form={"x": "y"})


def test_what_people_see() -> None:
    assert str(Plan("two \x1b]0;things", "https://forge.example", (ONE, TWO))) == (
        "two ]0;things\n"
        '  1. do one: POST /one with {"a": [1, "\\u001b[31mred"]}\n'
        '  2. do two: POST /two with {"x": "y"}'
    )


def test_saved_and_read_back() -> None:
    saved = Plan("two", "https://forge.example/git", (ONE, TWO))
    assert from_json(json.loads(json.dumps(to_json(saved)))) == saved


GOOD = to_json(Plan("t", "https://forge.example", (ONE, TWO)))


def changed(**call: Any) -> dict[str, Any]:
    return GOOD | {"calls": [GOOD["calls"][0] | call]}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {},
        GOOD | {"format": "1"},
        GOOD | {"format": 0},
        GOOD | {"title": None},
        GOOD | {"calls": 7},
        GOOD | {"calls": [None]},
        changed(method="GET"),
        changed(method="POST\r\nX: y"),
        changed(path="https://elsewhere.example/steal"),
        changed(path="//elsewhere.example/steal"),
        changed(path="/a b"),
        changed(path="/a\r\nX: y"),
        changed(path=""),
        changed(body="x"),
        changed(form={"x": 1}),
        changed(by="root"),
        changed(says=3),
    ],
)
def test_what_is_no_plan(data: Any) -> None:
    with pytest.raises(UserError, match="no plan of whyred"):
        from_json(data)


def test_a_newer_plan_is_refused_by_name() -> None:
    with pytest.raises(UserError, match="form 2"):
        from_json(GOOD | {"format": 2})


def test_the_calls_are_made_in_order_in_the_name_that_each_wants() -> None:
    with fake_github() as fake:
        fake.api.rules = {"POST /api/v3/one": Answer(201, {"id": 1}), "POST /api/v3/two": Answer(204)}
        http = fake.reach().http
        http.jar = {"session": "c00kie"}
        replies = apply(http, plan(fake, ONE, TWO), refusal, lambda call: {"X-Csrf-Token": call.says})
        assert [r.status for r in replies] == [201, 204]
        one, two = fake.api.asked
        assert json.loads(one.body) == ONE.body
        assert (one.headers["authorization"], "cookie" in one.headers) == (f"Bearer {CANARY}", False)
        assert two.body == b"x=y"
        assert (two.headers["cookie"], "authorization" in two.headers) == ("session=c00kie", False)
        assert two.headers["x-csrf-token"] == "do two"


def test_the_first_refusal_ends_it_and_says_what_was_done_before() -> None:
    with fake_github() as fake:
        fake.api.rules = {"POST /api/v3/one": Answer(201, {}), "POST /api/v3/two": Answer(403, {"message": CANARY})}
        with pytest.raises(UserError) as caught:
            apply(fake.reach().http, plan(fake, ONE, TWO, ONE), refusal)
        error = caught.value
        assert (error.what, error.code) == ("could not do two", 4)
        assert error.how == "ask somebody who may. Done before: do one"
        assert CANARY not in str(error)
        assert len(fake.api.asked) == 2


def test_what_the_server_says_of_a_call_that_does_not_fit() -> None:
    with fake_github() as fake:
        fake.api.rules = {"POST /api/v3/one": Answer(409, {"message": "It is \x1b[1mover" + "!" * 999})}
        with pytest.raises(UserError) as caught:
            apply(fake.reach().http, plan(fake, ONE), refusal)
        assert "the server says: It is [1mover!!" in caught.value.why
        assert len(caught.value.why) < 500
        assert caught.value.code == 4
        fake.api.rules = {"POST /api/v3/one": Answer(409, [1])}
        with pytest.raises(UserError, match="ask somebody who may"):
            apply(fake.reach().http, plan(fake, ONE), refusal)


def test_a_call_without_an_answer_is_not_made_again_and_nobody_knows() -> None:
    with fake_github() as fake:
        http = fake.reach().http
        made = plan(fake, ONE)
    with pytest.raises(UserError, match="Nobody knows whether it was done") as caught:
        apply(http, made, refusal)
    assert caught.value.code == 1
    assert http.sent == 1


def test_a_plan_for_another_server_is_not_applied() -> None:
    with fake_github() as fake:
        with pytest.raises(UserError, match="the plan is for https://other"):
            apply(fake.reach().http, Plan("t", "https://other.example", (ONE,)), refusal)
        assert fake.api.asked == []
