"""`login` and `logout`: what a server is, what lets this user in there, and whether it really does."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from whyred.app.forges import Forges, cookies, replace_root
from whyred.app.typed_server import find_root, kept_root
from whyred.model.access import LoggedIn
from whyred.model.credential import Credential
from whyred.model.forge import Kind, Server
from whyred.model.host import HostRefusedError
from whyred.model.source import MissingLogError
from whyred.model.trouble import NotAcceptedError, UserError
from whyred.sources.http import Http
from whyred.sources.web_login import is_signed_in, sign_in

_SCOPES = {
    Kind.FORGEJO: "read:repository",
    Kind.GITEA: "read:repository",
    Kind.GITHUB: "repo (or fine-grained: Actions read)",
    Kind.GITLAB: "read_api",
}


@dataclass(frozen=True, slots=True)
class Asks:
    """How the face asks the user; each returns None where nobody is there to answer. `user` is told whether the web
    login may be left for later, `code` what second factor the account has. `again` is told what was not accepted, and
    says whether to ask once more.
    """

    token: Callable[[Server, str], str | None]
    user: Callable[[Server, bool], str | None]
    password: Callable[[Server, str], str | None]
    code: Callable[[Server, str], str | None]
    again: Callable[[UserError], bool] = lambda _: False


def login(url: str, forges: Forges, asks: Asks, *, web: bool) -> LoggedIn:
    """Logs in to a server, whatever was typed or copied of its address: takes a token and, with `web` or where no API
    gives its logs, user and password for its pages.

    Raises UserError (not accepted) and MissingLogError (the server does not answer, ...).
    """
    root = find_root(url, forges)
    http = forges.http(root)
    server = forges.server(http)
    credentials = forges.credentials
    assert credentials is not None
    web_of = kept = None
    token, token_of = _token(server, root, http, asks)
    if token:
        kept = credentials.put_token(root, token, token_of)
        credentials.describe(root, server.kind, server.version)
    later = not web and needs_web(server) and not credentials.get(root).cookies
    user = asks.user(server, later) if web or later else None
    if web or user:
        web_of, jar = _web(server, root, http, asks, user)
        kept = credentials.put_web(root, cookies(jar), web_of)
        credentials.describe(root, server.kind, server.version)
    if not token and not web_of:
        how = "Answer when asked; or pipe it in: --token-stdin, or --user NAME --password-stdin for the web pages"
        raise UserError("nothing to log in with", "no token was given", how)
    has_web = bool(web_of or credentials.get(root).cookies)
    return LoggedIn(server, bool(token), token_of, web_of, kept, web_wanted=needs_web(server) and not has_web)


def _token(server: Server, root: str, http: Http, asks: Asks) -> tuple[str | None, str | None]:
    """The token that the server took, and whose it is; None where none was given."""
    while token := _one_line(asks.token(server, _where(server))):
        try:
            Credential(token=token).check()
            return token, _token_user(server, root, token, http)
        except NotAcceptedError as e:
            if not asks.again(e):
                raise
    return None, None


def _one_line(token: str | None) -> str | None:
    """A token without what copying brings along: blanks, a byte order mark."""
    return token.strip().strip("\ufeff").strip() or None if token else None


def needs_web(server: Server) -> bool:
    """Whether private logs come by the web pages alone, as far as the server's own list of routes tells."""
    if server.kind not in (Kind.FORGEJO, Kind.GITEA):
        return False
    return server.offers("/repos/{owner}/{repo}/actions/jobs/{job_id}/logs") is False


def _where(server: Server) -> str:
    page = {
        Kind.GITHUB: f"{server.root}/settings/tokens",
        Kind.GITLAB: f"{server.root}/-/user_settings/personal_access_tokens",
    }.get(server.kind, f"{server.root}/user/settings/applications")
    return f"make one at {page} with the scope {_SCOPES[server.kind]}"


def _token_user(server: Server, root: str, token: str, http: Http) -> str | None:
    """Whose token it is, after the server took it. A token without the scope for that is a good token all the same."""
    fresh = replace_root(replace(http, root=root, token=token, jar={}, signed_in=False), server)
    path = {Kind.GITHUB: "/user", Kind.GITLAB: "/api/v4/user"}.get(server.kind, "/api/v1/user")
    reply = fresh.get(path)
    if reply.status == 401:
        what, how = f"{root} does not accept this token", f"Check it, or {_where(server)}"
        raise NotAcceptedError(what, "it answers HTTP 401", how)
    if reply.status in (200, 403):
        from whyred.sources._fields import Fields

        told = Fields(reply.json()) if reply.status == 200 else Fields(None)
        return told.text("login") or told.text("username")
    from whyred.sources.reasons import refusal

    raise refusal(reply, token=True)


def _web(server: Server, root: str, http: Http, asks: Asks, user: str | None) -> tuple[str, dict[str, str]]:
    if server.kind not in (Kind.FORGEJO, Kind.GITEA):
        why = f"{server.kind.value} gives logs by its API, so its token is enough"
        raise UserError(f"no web login for {root}", why, "Log in without --web")
    while True:
        password = asks.password(server, user) if user else None
        if not user or not password:
            why = "user and password are needed for the web pages"
            raise UserError("nothing to sign in with", why, "Answer when asked, or say --user NAME --password-stdin")
        for what, text in (("user", user), ("password", password)):
            if any("\ud800" <= c <= "\udfff" for c in text):
                why = "it holds bytes that are no UTF-8, in which the server wants it"
                raise UserError(f"this {what} cannot be sent", why, "Type it, or pipe it in as UTF-8 text")
        fresh = replace(http, root=root, jar={}, signed_in=False, token=None, cookies_changed=lambda _: None)
        try:
            sign_in(fresh, user, password, lambda told: (asks.code(server, told) or "").strip(), asks.again)
        except NotAcceptedError as e:
            if not asks.again(e):
                raise
            user = asks.user(server, False)
        else:
            return user, dict(fresh.jar)


def logout(url: str, forges: Forges) -> tuple[str, bool]:
    """Forgets everything about a server; its web login is ended there, too. Its root, and whether there was anything to
    forget.
    """
    root = kept_root(url, forges.known())
    credentials = forges.credentials
    assert credentials is not None
    credential: Credential = credentials.get(root)
    if credential.cookies:
        _sign_out(forges.http(root))
    return root, credentials.remove(root)


def _sign_out(http: Http) -> None:
    """Ends the web login on the server; one that cannot be reached ends it by itself."""
    from whyred.sources.http import By
    from whyred.sources.web_login import csrf

    http.cookies_changed = lambda _: None
    try:
        if is_signed_in(http):
            http.call("POST", "/user/logout", By.WEB, headers=csrf(http), again=False)
    except MissingLogError:
        return


def token_of_gh(root: str) -> str | None:
    """The token that GitHub's own program `gh` keeps for a host; None where there is no such program or token."""
    from urllib.parse import urlsplit

    from whyred.hosts.local import LocalHost

    try:
        told = LocalHost().run(["gh", "auth", "token", "--hostname", urlsplit(root).hostname or ""], seconds=10.0)
    except HostRefusedError:
        return None
    return told.out.decode("ascii", "replace").strip() or None if told.code == 0 else None
