"""Signing in to the web pages of Forgejo and Gitea. The password is used once; the cookies are kept.

No route turns an API token into a web login (reference, section 2.3), so servers without a log API need both.
Source: routers/web/auth/{auth,2fa}.go of Forgejo 7 to 16 and Gitea 1.23; reference, sections 2.5 and 10.
"""

from collections.abc import Callable
from urllib.parse import unquote

from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import NotAcceptedError, UserError
from whyred.sources.http import By, Http, Reply
from whyred.sources.reasons import leads_to, refusal

_FORM = "/user/login"
_CODE = "/user/two_factor"
_HOME = "/user/settings"
"""A page that only somebody signed in is shown; who must do something first is led there from it (verifyAuthWithOptions
in routers/web/web.go of Forgejo 7 to 16): the login itself says nothing of that.
"""
_SECOND = {
    _CODE: "this account has one-time codes",
    "/user/webauthn": "this account has a security key, which a program cannot use; leave it empty if it has no codes",
}
"""Where a right password leads when a second factor is wanted, and what that says of the account."""
_DEAD_ENDS = {
    "/user/webauthn": (
        Missing.NEEDS_TWO_FACTOR,
        "this account signs in with a security key only: add one-time codes to it, or use an account without a key",
    ),
    "/user/settings/change_password": (
        Missing.NO_PERMISSION,
        "the server wants this account's password changed first: do it once in a browser",
    ),
    "/user/settings/security": (
        Missing.NEEDS_TWO_FACTOR,
        "the server wants a second factor set up for this account first: do it once in a browser",
    ),
}


def sign_in(
    http: Http,
    user: str,
    password: str,
    code: str | Callable[[str], str | None] | None = None,
    again: Callable[[UserError], bool] = lambda _: False,
) -> None:
    """Signs in; afterwards `http.jar` holds the web login. `code`: the one-time code, or who is asked for it where the
    account wants one; it is told what the account has. `again`: whether it is asked once more after a wrong one.

    Raises NotAcceptedError (wrong password or code) and MissingLogError (needs-two-factor, unreachable, ...).
    """
    http.jar.clear()
    http.get(_FORM, By.WEB)  # sets the `_csrf` cookie where the form wants one (Gitea 1.23)
    told = {"user_name": user, "password": password, "remember": "on"}
    reply = http.call("POST", _FORM, By.WEB, form=_with_csrf(http, told), again=False)
    if (wanted := _SECOND.get(_target(reply))) is not None:
        reply = _second_factor(http, reply, lambda: _given(code, wanted), again)
    _refuse(reply)
    home = http.get(_HOME, By.WEB)
    if refused := dead_end(home):
        raise refused
    if home.status != 200:
        help_ = "the server accepted the password and did not keep the login: is it behind a proxy that drops cookies?"
        raise MissingLogError(Missing.NEEDS_WEB_LOGIN, reply.asked, help_)


def _second_factor(
    http: Http, reply: Reply, ask: Callable[[], str | None], again: Callable[[UserError], bool]
) -> Reply:
    """The answer to the one-time code, asked for as long as it is a wrong one; the one before where none is given."""
    given = ask()
    if not given and _target(reply) == _CODE:
        help_ = "this account wants a one-time code: give it when asked, or with --code-stdin"
        raise MissingLogError(Missing.NEEDS_TWO_FACTOR, reply.asked, help_)
    while given and _is_wrong(reply := _with_code(http, given)):
        why = "the server did not accept it (a code works once, and for half a minute)"
        wrong = NotAcceptedError("wrong one-time code", why, "Wait for the next code and try again")
        if not again(wrong) or not (given := ask()):
            raise wrong
    return reply


def _refuse(reply: Reply) -> None:
    """Raises where what was sent did not sign in."""
    if refused := dead_end(reply):
        raise refused
    if reply.status == 200:
        raise _form_again(reply)
    if reply.status == 403:
        help_ = "signing in with a password is switched off there: use the API or the forge's own machine"
        raise MissingLogError(Missing.NEEDS_WEB_LOGIN, reply.asked, help_)
    if reply.status not in (302, 303) or _target(reply) == _FORM:
        raise refusal(reply, token=False)


def _given(code: str | Callable[[str], str | None] | None, wanted: str) -> str | None:
    return code(wanted) if callable(code) else code


def _with_code(http: Http, code: str) -> Reply:
    given = "".join(code.split())  # many show and copy it in two groups of three
    return http.call("POST", _CODE, By.WEB, form=_with_csrf(http, {"passcode": given}), again=False)


def _is_wrong(reply: Reply) -> bool:
    """Whether the server shows the form for the one-time code again."""
    return reply.status == 200 or _target(reply) == _CODE


def dead_end(reply: Reply) -> MissingLogError | None:
    """Why a redirect leads to a page where only a person can go on; None for every other one."""
    if (found := _DEAD_ENDS.get(_target(reply))) is None:
        return None
    reason, help_ = found
    return MissingLogError(reason, reply.asked, help_)


def _form_again(reply: Reply) -> UserError | MissingLogError:
    if b"captcha" in reply.body.lower():
        help_ = (
            "the server wants a captcha with the password, which a program cannot solve: use its API (whyred login) or"
            " its own machine (--forge-host), or ask its admin for a login without one"
        )
        return MissingLogError(Missing.NEEDS_WEB_LOGIN, reply.asked, help_)
    if b"user_name" not in reply.body:
        help_ = "the page that came is no log-in form: a bot check in front, or an account that may not sign in?"
        return MissingLogError(Missing.REFUSED_CONTENT, reply.asked, help_)
    what, why = "the server did not accept user and password", "it showed the form again"
    return NotAcceptedError(what, why, "Check both and try again")


def is_signed_in(http: Http) -> bool:
    """Whether the cookies are a living web login. Raises MissingLogError (unreachable)."""
    return http.get(_HOME, By.WEB).status == 200


def renew(http: Http) -> bool:
    """Whether the web login lives, after the remember-me cookie was used to renew it where it had ended."""
    with http.renewing:
        if is_signed_in(http):
            return True
        reply = http.get(_FORM, By.WEB)
        return reply.status in (302, 303) and _target(reply) != _FORM and is_signed_in(http)


def csrf(http: Http) -> dict[str, str]:
    """The header that Forgejo up to 13 and Gitea up to 1.25 want with every POST."""
    token = unquote(http.jar.get("_csrf", ""))
    return {"X-Csrf-Token": token} if token.isascii() and token.isprintable() and token else {}


def _with_csrf(http: Http, form: dict[str, str]) -> dict[str, str]:
    token = http.jar.get("_csrf")
    return {**form, "_csrf": unquote(token)} if token else form


def _target(reply: Reply) -> str:
    """The path a redirect leads to, below the server's root; empty without one."""
    path = leads_to(reply).path
    for known in (_FORM, _CODE, *_DEAD_ENDS):
        if path.endswith(known):
            return known
    return path
