"""What a server says of a rerun, cancel or dispatch that it refuses: told in one line, masked, never a 401 or 403."""

from typing import Any

import pytest
from github_fake import CANARY, Answer, fake_github

from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources.http import By, Reply
from whyred.sources.plan import Call, Plan, apply

COOKIE = "c00kie-of-the-web-login"


def refusal(reply: Reply) -> MissingLogError:
    return MissingLogError(Missing.REFUSED_CONTENT, reply.asked, "ask somebody who may")


def refused(status: int, body: Any, by: By = By.TOKEN) -> UserError:
    """How a call ends that is answered so."""
    with fake_github() as fake:
        fake.api.rules = {"POST /api/v3/one": Answer(status, body)}
        http = fake.reach().http
        http.jar = {"session": COOKIE}
        plan = Plan("one thing", http.root, (Call("POST", "/one", "do one", by=by),))
        with pytest.raises(UserError) as caught:
            apply(http, plan, refusal)
    for secret in (CANARY, COOKIE):
        assert secret not in str(caught.value)
    assert "\n" not in caught.value.why
    return caught.value


@pytest.mark.parametrize("field", ["message", "errorMessage"])
@pytest.mark.parametrize("status", [400, 404, 409, 422, 423, 500])
@pytest.mark.parametrize("by", [By.TOKEN, By.WEB])
def test_its_own_words(field: str, status: int, by: By) -> None:
    error = refused(status, {field: "This run is not done yet."}, by)
    assert error.why.endswith("the server says: This run is not done yet.")


@pytest.mark.parametrize("status", [401, 403])
def test_a_credential_that_is_repeated_is_never_quoted(status: int) -> None:
    error = refused(status, {"message": f"user does not exist [name: {CANARY} hunter2]", "errorMessage": "hunter2"})
    assert "hunter2" not in str(error)
    assert "the server says" not in str(error)


def test_one_line_without_control_characters() -> None:
    error = refused(400, {"errorMessage": "first\r\n\tsecond \x1b[31mred\u202e" + " and so on" * 200})
    assert "the server says: first second [31mred and so on" in error.why
    assert len(error.why) < 500


def test_a_page_s_words_without_their_marks() -> None:
    page = {"errorMessage": "Job <b>one</b>&nbsp;is &lt;running&gt;.", "renderFormat": "html"}
    assert refused(400, page).why.endswith("says: Job one is <running>.")
    assert refused(400, {"message": "a <b> c", "renderFormat": "text"}).why.endswith("says: a <b> c")


def test_secrets_are_masked() -> None:
    error = refused(422, {"message": f"no input token={CANARY} for {COOKIE} in ghp_{'a1B2' * 9}, sorry"})
    assert "***" in error.why
    assert "a1B2a1B2" not in error.why
    assert error.why.endswith("sorry")


@pytest.mark.parametrize(
    "body", [{"message": "Not Found"}, {"message": "The target couldn't be found."}, {"message": ""}, {}, [], 3, b"{"]
)
def test_where_it_says_no_more_than_its_status_nothing_is_quoted(body: Any) -> None:
    error = refused(404, body)
    assert error.why.endswith("/one: refused-content")
    assert error.how == "ask somebody who may"
