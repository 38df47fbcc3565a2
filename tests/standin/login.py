"""Web logins: the form, one-time codes, what may stand in the way, cookies, and the CSRF rule of each version."""

import base64
import hmac
from urllib.parse import quote, unquote

from standin.forge import Forge, RefusedError, WebLogin, session_id
from standin.rows import TICKS
from standin.wire import Reply, Request, as_html, as_text, redirect
from standin.world import User

_KEY = b"the stand-in's own key"
OFF_SITE = "cross-origin request detected from Sec-Fetch-Site header\n"
OFF_ORIGIN = (
    "cross-origin request detected, and/or browser is out of date: Sec-Fetch-Site is missing, and Origin does not "
    "match Host\n"
)


class Visit:
    """One request to the web pages: whose it is, and the cookies its reply sets."""

    def __init__(self, forge: Forge, request: Request) -> None:
        self.forge, self.request = forge, request
        self.cookies: list[tuple[str, str]] = []
        sent = request.cookies.get(forge.profile.cookie, "")
        self.login = forge.logins.get(sent) or self._begin(sent)
        self.tokens = forge.profile.csrf != "origin"
        self.flash = "gitea_flash" in request.cookies
        if self.tokens:
            self._renew_token()

    def _begin(self, sent: str) -> WebLogin:
        login = WebLogin(sent or session_id(self.forge))
        self.forge.logins[login.id] = login
        if not sent:
            self.set_cookie(self.forge.profile.cookie, login.id)
        return login

    def set_cookie(self, name: str, value: str, more: str = "") -> None:
        """Adds a Set-Cookie header."""
        path = self.forge.prefix or "/"
        self.cookies.append(("Set-Cookie", f"{name}={value}; Path={path}; {more}HttpOnly; SameSite=Lax"))

    def drop_cookie(self, name: str) -> None:
        """Tells the browser to forget a cookie."""
        self.set_cookie(name, "", "Max-Age=0; ")

    def renew(self) -> None:
        """A new session id, as after a login."""
        del self.forge.logins[self.login.id]
        self.login = WebLogin(session_id(self.forge), self.login.user, self.login.half)
        self.forge.logins[self.login.id] = self.login
        self.set_cookie(self.forge.profile.cookie, self.login.id)

    @property
    def user(self) -> User | None:
        """Who is signed in."""
        return self.login.user

    def token(self) -> str:
        """The CSRF token of this user: it holds a colon and equals signs, so the cookie carries it URL-encoded."""
        who = str(self.user.id if self.user else 0).encode()
        return base64.urlsafe_b64encode(hmac.digest(_KEY, who, "sha1")).decode() + f":{self.forge.world.now // TICKS}"

    def valid(self, token: str) -> bool:
        """Whether a token is this user's."""
        return hmac.compare_digest(token.partition(":")[0].encode(), self.token().partition(":")[0].encode())

    def _renew_token(self) -> None:
        whose = self.user.id if self.user else 0
        if self.login.token_for != whose or not self.valid(unquote(self.request.cookies.get("_csrf", ""))):
            self.login.token_for = whose
            self.set_cookie("_csrf", quote(self.token(), safe=""), "Max-Age=86400; ")

    def check_post(self) -> None:
        """Raises the refusal of a POST that lacks the token, or that comes from another site."""
        if not self.tokens:
            self._check_origin()
            return
        token = self.request.header("X-Csrf-Token") or self.request.form.get("_csrf", "")
        if self.valid(token):
            return
        self.drop_cookie("_csrf")
        if self.forge.profile.csrf == "redirect":
            self.set_cookie("gitea_flash", quote("error=Bad Request: invalid CSRF token"))
            raise RefusedError(redirect(f"{self.forge.prefix}/", page=False))
        raise RefusedError(as_text("Invalid CSRF token.\n", 400))

    def _check_origin(self) -> None:
        site, origin = self.request.header("Sec-Fetch-Site"), self.request.header("Origin")
        if site and site not in {"same-origin", "none"}:
            raise RefusedError(as_text(OFF_SITE, 403))
        if not site and origin and origin.partition("://")[2] != self.request.header("Host"):
            raise RefusedError(as_text(OFF_ORIGIN, 403))


def answer_login(visit: Visit) -> Reply:
    """`/user/login`."""
    forge, request = visit.forge, visit.request
    if visit.user is not None:
        return redirect(f"{forge.prefix}/")
    if request.method != "POST":
        if not forge.profile.forgejo and forge.profile.release >= (1, 26):
            visit.set_cookie("redirect_to", quote(request.raw, safe=""))
        visit.drop_cookie(forge.profile.remember)
        return _form(forge)
    if not forge.internal_login:
        return as_html("Forbidden", "403", 403)
    user = forge.world.users.get(request.form.get("user_name", ""))
    if user is None or user.password != request.form.get("password", ""):
        return _form(forge, "Username or password is incorrect.")
    if forge.captcha:
        return _form(forge, "Your CAPTCHA response is incorrect.")
    if user.login == "prohibited":
        return as_html(f"Sign in prohibited - {forge.profile.name}", "Your account is prohibited from signing in.")
    if user.login in {"totp", "webauthn"}:
        visit.login.half = user
        visit.renew()
        return redirect(f"{forge.prefix}/user/{'two_factor' if user.login == 'totp' else 'webauthn'}", page=False)
    return sign_in(visit, user)


def _form(forge: Forge, error: str = "") -> Reply:
    title = "Sign In" if forge.profile.generation < 11 or not forge.profile.forgejo else "Sign in"
    captcha = '<div class="h-captcha" data-sitekey="none"></div>' if forge.captcha else ""
    told = f'<div class="ui negative message flash-error"><p>{error}</p></div>' if error else ""
    fields = '<input name="user_name"><input name="password" type="password">'
    page = f'{told}<form action="{forge.prefix}/user/login" method="post">{fields}{captcha}</form>'
    return as_html(f"{title} - {forge.profile.name}", page)


def sign_in(visit: Visit, user: User) -> Reply:
    """The login succeeded: new cookies, and the old CSRF cookie is deleted; only a page sets the next one."""
    visit.login.user, visit.login.half = user, None
    visit.renew()
    visit.set_cookie("lang", "en-US")
    if not visit.forge.profile.forgejo and visit.forge.profile.release >= (1, 26):
        visit.drop_cookie("redirect_to")
    if visit.tokens and visit.forge.profile.forgejo:
        visit.drop_cookie("_csrf")
    elif visit.tokens:  # Gitea gives the next token at once
        visit.login.token_for = user.id
        visit.set_cookie("_csrf", quote(visit.token(), safe=""), "Max-Age=86400; ")
    return redirect(f"{visit.forge.prefix}/", page=False)


def _blocked(user: User) -> str:
    """Where every page leads a user who must do something first (routers/web/web.go, verifyAuthWithOptions)."""
    if user.login == "must-change-password":
        return "/user/settings/change_password"
    return "/user/settings/security" if user.login == "must-set-up-2fa" else ""


def answer_two_factor(visit: Visit) -> Reply:
    """`/user/two_factor`: the code that was used last is refused."""
    forge, user = visit.forge, visit.login.half
    title = f"Two-factor authentication - {forge.profile.name}"
    if user is None:
        return redirect(f"{forge.prefix}/user/login")
    if visit.request.method != "POST":
        visit.drop_cookie(forge.profile.remember)
        return as_html(title, '<form><input name="passcode"></form>')
    code = visit.request.form.get("passcode", "")
    if code != user.passcode or code == user.used_passcode:
        return as_html(title, "Your passcode is incorrect.")
    user.used_passcode = code
    return sign_in(visit, user)


def answer_user(visit: Visit) -> Reply:
    """Everything below `/user/`; `/user/settings` shows whether a login lives."""
    forge, path = visit.forge, visit.request.path
    if path == "/user/login":
        return answer_login(visit)
    if path == "/user/two_factor":
        return answer_two_factor(visit)
    if path == "/user/webauthn" and visit.login.half is not None:
        return as_html(f"Two-factor authentication - {forge.profile.name}", "Use your security key.")
    if path == "/user/logout":
        visit.login.user = None
        return redirect(f"{forge.prefix}/")
    if visit.user is None:
        return to_login(visit)
    blocked = _blocked(visit.user)
    if blocked and path != blocked:
        return redirect(forge.prefix + blocked)
    return as_html(f"Profile - {forge.profile.name}", visit.user.name)


def to_login(visit: Visit) -> Reply:
    """What a page that wants a login says to somebody who has none."""
    visit.set_cookie("redirect_to", quote(visit.request.raw, safe=""))
    return redirect(f"{visit.forge.prefix}/user/login", page=visit.request.method != "POST")


def held_up(visit: Visit) -> Reply | None:
    """A signed-in user who must first change a password or set up two factors gets no page."""
    blocked = _blocked(visit.user) if visit.user else ""
    return redirect(visit.forge.prefix + blocked) if blocked else None
