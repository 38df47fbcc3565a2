"""Sends recorded requests to a stand-in whose world is at the stage of the recording, and compares the replies."""

import base64
import http.client
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Self
from urllib.parse import unquote

from standin import recorded
from standin.recorded import Recording
from standin.server import Standin, standin
from standin.stages import FORGED, HALF, reader, stage_of
from standin.world import User, World


class Replay:
    """A stand-in per stage, kept while it is not changed."""

    def __init__(self, version: str) -> None:
        self.version = version
        self._open = ExitStack()
        self._served: dict[tuple[str, bool], tuple[Standin, World]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def _serve(self, recording: Recording) -> Standin:
        (stage, make), signin = stage_of(recording), recording.name.startswith("signin")
        changes = recording.path.endswith(("/rerun", "/cancel", "/dispatches")) or "totp" in recording.name
        key = stage, signin
        if key not in self._served or changes:
            world = make()
            self._served[key] = self._open.enter_context(standin(self.version, world, signin=signin)), world
        served = self._served[key][0]
        if changes:
            del self._served[key]
        return served

    def compare(self, recording: Recording) -> Iterator[str]:
        """What is unlike."""
        served = self._serve(recording)
        answer, body = send(served, recording)
        yield from compare(served, recording, answer, body)


def send(served: Standin, recording: Recording) -> tuple[http.client.HTTPResponse, bytes]:
    """The request with real credentials, and the reply."""
    headers, path = dict(recording.headers), recording.path
    owner = served.world.repos[0].owner
    tokens = {
        "<PAT all>": owner.token(),
        "<PAT readrepo>": owner.token("read:repository"),
        "<PAT wrongscope>": owner.token("read:user"),
        "<PAT reader>": _reader(served.world).token("read:repository"),
        "<40 zeros>": "0" * 40,
    }
    tokens |= {"<PAT>": tokens["<PAT readrepo>"]}
    for name, token in tokens.items():
        path = path.replace(name, token)
    if "Authorization" in headers:
        headers["Authorization"] = _authorization(headers["Authorization"], tokens)
    cookies = Cookies(served)
    if "Cookie" in headers:
        cookies.sign_in(reader(recording), recording)
        if "gitea_flash" in headers["Cookie"]:
            cookies.jar["gitea_flash"] = "error"
        headers["Cookie"] = cookies.header(with_token="_csrf" in headers["Cookie"])
    if "X-Csrf-Token" in headers and headers["X-Csrf-Token"].startswith("<"):
        headers["X-Csrf-Token"] = unquote(cookies.jar.get("_csrf", ""))
    if headers.get("Origin", "").startswith("http://127"):
        headers["Origin"] = served.url
    body = recording.body.decode()
    for user in served.world.users.values():
        body = body.replace(f"{user.name}&password=<password>", f"{user.name}&password={user.password}")
    code = "424242" if recording.name == "totp-5-code" else "000000"
    body = body.replace("<6 digits>", code).replace("<value>", cookies.jar.get("_csrf", ""))
    return exchange(served, recording.method, path, headers, body)


def _reader(world: World) -> User:
    return world.users.get("reader") or world.users["rita"]


def _authorization(value: str, tokens: dict[str, str]) -> str:
    basic = {
        "Basic <alice:password>": "alice:alice-password-1",
        "Basic <alice:PAT all>": f"alice:{tokens['<PAT all>']}",
        "<redacted>": "otto:otto-password-1",
    }
    if value in basic:
        return "Basic " + base64.b64encode(basic[value].encode()).decode()
    kind, _, name = value.partition(" ")
    return f"{kind} {tokens.get(name, name)}"


def exchange(
    served: Standin, method: str, path: str, headers: dict[str, str], body: str
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request, no redirect followed."""
    connection = http.client.HTTPConnection("127.0.0.1", served.port)
    try:
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


class Cookies:
    """The least of a browser: enough to be signed in."""

    def __init__(self, served: Standin) -> None:
        self.served, self.jar = served, {"lang": "en-US"}

    def header(self, *, with_token: bool = True) -> str:
        """The Cookie header."""
        return "; ".join(f"{name}={value}" for name, value in self.jar.items() if with_token or name != "_csrf")

    def keep(self, answer: http.client.HTTPResponse) -> None:
        """Takes the cookies of a reply."""
        for value in answer.headers.get_all("Set-Cookie") or []:
            name, _, rest = value.partition("=")
            self.jar[name] = rest.partition(";")[0]
            if "Max-Age=0" in rest:
                del self.jar[name]

    def sign_in(self, who: str, recording: Recording) -> None:
        """As one of the world's people, as somebody who still owes a code, or as nobody with a session."""
        if who == FORGED:
            self.jar[self.served.forge.profile.cookie] = "0123456789abcdef"
            return
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        user = self.served.world.users.get("otto" if who == HALF else who)
        if user is not None:
            login = user.login
            user.login = "totp" if who == HALF else "plain"
            answer, _ = exchange(
                self.served, "POST", "/user/login", form, f"user_name={user.name}&password={user.password}"
            )
            user.login = login
            self.keep(answer)
        if recording.name == "totp-2-get-two-factor":
            return
        answer, _ = exchange(self.served, "GET", "/", {"Cookie": self.header()}, "")
        self.keep(answer)


COMPARED = ("Content-Type", "Content-Range", "Accept-Ranges", "Allow", "X-Total-Count", "Warning")


def compare(served: Standin, recording: Recording, answer: http.client.HTTPResponse, body: bytes) -> Iterator[str]:
    """What is unlike between a reply and the recorded one."""
    if answer.status != recording.status:
        yield f"status {answer.status}, recorded {recording.status}: {body[:200]!r}"
        return
    for name in COMPARED:
        ours, theirs = answer.headers.get_all(name) or [], recording.replied(name)
        if name in {"X-Total-Count", "Content-Range"}:
            ours, theirs = ([re.sub(r"\d+", "N", value) for value in values] for values in (ours, theirs))
        if ours != theirs:
            yield f"{name} {ours}, recorded {theirs}"
    yield from _location(served, recording, answer)
    if recording.version not in {"forgejo-14", "forgejo-16"}:
        ours = [value.partition("=")[0] for value in answer.headers.get_all("Set-Cookie") or []]
        theirs = [value.partition("=")[0] for value in recording.replied("Set-Cookie")]
        if sorted(ours) != sorted(theirs):
            yield f"sets cookies {ours}, recorded {theirs}"
    yield from _body(served, recording, body)


def _location(served: Standin, recording: Recording, answer: http.client.HTTPResponse) -> Iterator[str]:
    port = recorded.address(recording.version)
    theirs = [value.replace(port, served.url) for value in recording.replied("Location")]
    ours = answer.headers.get_all("Location") or []
    if ours != theirs:
        yield f"Location {ours}, recorded {theirs}"


def _body(served: Standin, recording: Recording, body: bytes) -> Iterator[str]:
    theirs, kind = recording.reply, recording.kind
    port = recorded.address(recording.version)
    if kind == "json" and "json" in str(recording.replied("Content-Type")):
        yield from _json(recording, body)
    elif kind == "zip":
        if recorded.members(body) != recorded.members(theirs):
            yield f"members {recorded.members(body)}, recorded {recorded.members(theirs)}"
    elif kind == "html.txt":
        yield from _page(served, recorded.page(body), recorded.page(theirs))
    elif recorded.STAMP.match(theirs.decode("utf-8", "replace")):
        if recording.status == 200 and recorded.log_text(body) != recorded.log_text(theirs):
            yield f"log {recorded.log_text(body)!r}, recorded {recorded.log_text(theirs)!r}"[:3000]
    elif recording.status != 206 and recorded.plain_text(body, served.url) != recorded.plain_text(theirs, port):
        yield f"text {body!r}, recorded {theirs!r}"


def _json(recording: Recording, body: bytes) -> Iterator[str]:
    try:
        ours = json.loads(body.replace(b"otto-password-1", b"<password>"))
    except ValueError:
        yield f"no JSON: {body[:100]!r}"
        return
    theirs = json.loads(recording.reply)
    yield from recorded.differences(recorded.shape(ours), recorded.shape(theirs))
    mine, wanted = dict(recorded.telling(ours)), dict(recorded.telling(theirs))
    moving = ".cursor" if recording.name.startswith(("running", "cancel")) else "."  # rows came while it was recorded
    for at in mine:
        if mine[at] != wanted.get(at, mine[at]) and not at.endswith(moving):
            yield f"{at} is {mine[at]!r}, recorded {wanted[at]!r}"


def _page(served: Standin, ours: dict[str, str], theirs: dict[str, str]) -> Iterator[str]:
    name = served.forge.profile.name
    for key in sorted(ours.keys() | theirs.keys()):
        mine, wanted = ours.get(key), theirs.get(key)
        if key == "data-initial-post-response" and mine and wanted:
            continue
        wanted = re.sub(r"real\d+$|whyred test$", name, wanted) if wanted else wanted
        mine, wanted = (re.sub(r"[0-9a-f]{40}", "SHA", text) if text else text for text in (mine, wanted))
        if mine != wanted and wanted != "":
            yield f"{key} {mine!r}, recorded {wanted!r}"
