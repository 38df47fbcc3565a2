"""The forge behind the sockets: which route a request takes, who asks, what is refused. No I/O."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

from standin.profiles import Profile
from standin.wire import Reply, Request, as_json, no_route
from standin.world import Repo, User, World

BAD_UID = "user does not exist [uid: 0, name: {name}]"
MALFORMED = "token is malformed: token contains an invalid number of segments"


class RefusedError(Exception):
    """Ends an answer early with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass(slots=True)
class WebLogin:
    """What the server keeps for one session cookie."""

    id: str
    user: User | None = None
    half: User | None = None
    token_for: int | None = None
    """`half` gave the right password and still owes a code; `token_for` is whose CSRF token was given out."""


@dataclass(slots=True)
class Forge:
    """A running forge: its profile and world, its settings, the cookies it gave out.

    `root` is the address people use, without a slash at the end. `signin` is REQUIRE_SIGNIN_VIEW, `captcha` is
    REQUIRE_CAPTCHA_FOR_LOGIN, `swagger` is ENABLE_SWAGGER, `internal_login` is ENABLE_INTERNAL_SIGNIN.
    """

    profile: Profile
    world: World
    root: str = ""
    signin: bool = False
    captcha: bool = False
    swagger: bool = True
    internal_login: bool = True
    most: int = 50
    """Items of a page, whatever `limit` asks for (MAX_RESPONSE_ITEMS)."""
    logins: dict[str, WebLogin] = field(default_factory=dict)
    made_logins: int = 0

    @property
    def prefix(self) -> str:
        """The part of `root` after the host, for addresses in cookies and redirects."""
        return "/" + self.root.split("/", 3)[3] if self.root.count("/") > 2 else ""

    def handle(self, request: Request) -> Reply:
        """The answer to a request."""
        from standin.api import answer_api
        from standin.connect import answer_connect
        from standin.web import answer_web

        with self.world.lock:
            try:
                if request.path.startswith("/api/actions/"):
                    return answer_connect(self, request)
                if request.path.startswith("/api/") and (
                    self.profile.forgejo or not request.path.startswith("/api/forgejo/")
                ):
                    return answer_api(self, request)
                return answer_web(self, request)
            except RefusedError as refused:
                return refused.reply

    def error(self, message: str, status: int, **more: Any) -> Reply:
        """An API error as Forgejo and Gitea write it."""
        return as_json({"message": message, "url": f"{self.root}/api/swagger", **more}, status)

    def hidden(self) -> Reply:
        """What a stranger and a caller of something absent get alike."""
        if self.profile.forgejo:
            none: list[str] | None = [] if self.profile.generation > 7 else None
            return self.error("The target couldn't be found.", 404, errors=none)
        old = self.profile.release < (1, 24)
        return self.error("The target couldn't be found." if old else "not found", 404, errors=None)


@dataclass(slots=True)
class Call:
    """One API call after its checks."""

    forge: Forge
    request: Request
    params: dict[str, str]
    user: User | None
    found: Repo | None = None

    @property
    def repo(self) -> Repo:
        """The repository named in the path; the caller may read it."""
        if self.found is None:
            raise RefusedError(self.forge.hidden())
        return self.found

    def number(self, name: str) -> int:
        """A number in the path; what is none counts as 0, as in the real servers."""
        value = self.params[name]
        return int(value) if value.isdecimal() else 0

    def refuse(self, message: str, status: int) -> RefusedError:
        """To be raised."""
        return RefusedError(self.forge.error(message, status))


Answer = Callable[[Call], Reply]


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: its pattern, what scope a token needs, who answers."""

    operation: str
    pattern: re.Pattern[str]
    scope: str
    answer: Answer
    needs: str = ""
    on: str = ""
    """`needs`: `login` refuses strangers, `write` and `owner` more than those, `list` in Gitea 1.25 all but owners.
    `on` is the kind of forge that answers so, `forgejo` or `gitea`, where the two have the same path."""

    @property
    def method(self) -> str:
        """GET or POST."""
        return self.operation.split(" ")[0]


ROUTES: list[Route] = []


def route(operation: str, scope: str = "repository", needs: str = "", on: str = "") -> Callable[[Answer], Answer]:
    """Registers the function that answers an operation, named as in swagger; `{name}` parts become parameters."""
    path = re.escape(operation.split(" ")[1]).replace(r"\{", "{").replace(r"\}", "}")
    path = path.replace("{filepath}", "(?P<filepath>.+)")
    pattern = re.compile("/api/v1" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def register(answer: Answer) -> Answer:
        ROUTES.append(Route(operation, pattern, scope, answer, needs, on))
        return answer

    return register


def find_route(forge: Forge, request: Request) -> tuple[Route, dict[str, str]]:
    """The route of an API path; raises the plain 404, or 405 where the version has it with another method."""
    kind = forge.profile.name.partition("-")[0]
    known = [r for r in ROUTES if forge.profile.has(r.operation) and r.on in {"", kind}]
    fits = [(r, m) for r in known if (m := r.pattern.fullmatch(request.path))]
    for found, match in fits:
        if found.method == request.method:
            return found, match.groupdict()
    if fits and forge.profile.wrong_method == 405:
        allowed = ", ".join(sorted({found.method for found, _ in fits}))
        raise RefusedError(Reply(405, b"", (("Allow", allowed),)))
    raise RefusedError(no_route())


def moved(forge: Forge, request: Request, owner: str, name: str) -> Reply | None:
    """What an old name of a repository says to anybody, be it private: where it is now (services/context/repo.go,
    RedirectToRepo of Forgejo 7 to 16; permanent from 14 on).
    """
    repo = forge.world.moved(owner, name)
    if repo is None:
        return None
    path, _, query = request.raw.removeprefix(forge.prefix).partition("?")
    to = path.replace(f"{owner}/{name}", repo.full_name, 1) + (f"?{query}" if query else "")
    return Reply(301 if forge.profile.generation >= 14 else 307, b"", (("Location", forge.prefix + to),))


def session_id(forge: Forge) -> str:
    """A new value for the session cookie."""
    forge.made_logins += 1
    return sha1(f"session {forge.profile.name} {forge.made_logins}".encode()).hexdigest()[:16]
