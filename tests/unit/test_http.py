"""The one HTTP client: limits, credentials, redirects, retries, reasons; against small servers on the loopback."""

import contextlib
import gzip
import http.server
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources._cookies import read_cookie
from whyred.sources.http import By, Http
from whyred.sources.reasons import shown

TOKEN = "canary-token-1234567890"
Answer = Callable[["Handler"], None]


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as its server was told and notes what it was asked."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        self.server.seen.append((self.path, dict(self.headers)))
        self.server.answer(self)

    def do_POST(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Silent."""

    def give(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Server(http.server.ThreadingHTTPServer):
    """A server with one behaviour."""

    daemon_threads = True

    def __init__(self, answer: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.seen: list[tuple[str, dict[str, str]]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    with Server(answer) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


def client(server: Server, **more: Any) -> Http:
    waits: list[float] = []
    made = Http(server.url, token=TOKEN, sleep=waits.append, **more)
    made.waits = waits  # type: ignore[attr-defined]
    return made


def test_streams_that_are_not_read_to_their_end_cost_no_connection() -> None:
    with serving(lambda h: h.give(416, b"x" * 100_000)) as server:
        made = client(server)
        for _ in range(20):
            made.open("GET", "/log").close()
        assert len(server.seen) == 20


def test_the_token_goes_to_its_server_alone() -> None:
    with serving(lambda h: h.give(200, b"log")) as storage:
        with serving(lambda h: h.give(302, Location=f"{storage.url}/file?sig=1")) as forge:
            stream = client(forge).open("GET", "/logs", follow=True)
            assert b"".join(stream.chunks()) == b"log"
            assert forge.seen[0][1]["Authorization"] == f"token {TOKEN}"
        assert "Authorization" not in storage.seen[0][1]
        assert TOKEN not in str(storage.seen)


def test_another_port_of_the_host_is_another_host() -> None:
    with serving(lambda h: h.give(200, b"x")) as other, serving(lambda h: h.give(200, b"x")) as forge:
        client(forge).get(other.url + "/x")
        assert "Authorization" not in other.seen[0][1]


def test_redirects_in_a_circle_end() -> None:
    with serving(lambda h: h.give(302, Location="/again")) as server:
        with pytest.raises(MissingLogError) as told:
            client(server).open("GET", "/again", follow=True)
        assert told.value.reason is Missing.REFUSED_CONTENT
        assert len(server.seen) < 10


def test_no_redirect_is_followed_unasked() -> None:
    with serving(lambda h: h.give(303, Location="/user/login")) as server:
        assert client(server).get("/x").status == 303
        assert len(server.seen) == 1


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    told = iter([429, 503, 200])

    def answer(h: Handler) -> None:
        status = next(told)
        h.give(status, b"{}", **({"Retry_After": "7"} if status == 429 else {}))

    with serving(answer) as server:
        made = client(server)
        assert made.get("/x").status == 200
        assert made.waits[0] == 7.0  # type: ignore[attr-defined]
        assert 0 < made.waits[1] < 8  # type: ignore[attr-defined]


def test_a_long_wait_is_told_and_not_waited_for() -> None:
    with serving(lambda h: h.give(429, b"{}", Retry_After="3600")) as server:
        made = client(server)
        assert made.get("/x").status == 429
        assert made.waits == []  # type: ignore[attr-defined]


def test_a_post_is_not_repeated_by_itself() -> None:
    with serving(lambda h: h.give(502)) as server:
        client(server).call("POST", "/rerun")
        assert len(server.seen) == 1


def test_an_endless_answer_is_refused_in_bounded_memory() -> None:
    def answer(h: Handler) -> None:
        h.send_response(200)
        h.end_headers()
        with contextlib.suppress(OSError):
            while True:
                h.wfile.write(b"x" * 65536)

    with serving(answer) as server, pytest.raises(MissingLogError) as told:
        client(server).get("/x")
    assert told.value.reason is Missing.REFUSED_CONTENT


def test_a_gzip_bomb_is_refused_in_bounded_memory() -> None:
    bomb = gzip.compress(b"\0" * (64 << 20))
    with (
        serving(lambda h: h.give(200, bomb, Content_Encoding="gzip")) as server,
        pytest.raises(MissingLogError) as told,
    ):
        client(server).get("/x")
    assert told.value.reason is Missing.REFUSED_CONTENT


@pytest.mark.parametrize("body", [b"<html>log in", b"nothing", b"[" * 100_000])
def test_a_page_where_data_was_expected_is_told(body: bytes) -> None:
    with serving(lambda h: h.give(200, body)) as server, pytest.raises(MissingLogError) as told:
        client(server).get("/x").json()
    assert told.value.reason is Missing.REFUSED_CONTENT


def test_an_answer_that_breaks_off_is_no_whole_one() -> None:
    def answer(h: Handler) -> None:
        h.send_response(200)
        h.send_header("Content-Length", "1000")
        h.end_headers()
        h.wfile.write(b"x" * 10)
        h.close_connection = True

    with serving(answer) as server, pytest.raises(MissingLogError) as told:
        client(server).get("/x")
    assert told.value.reason is Missing.UNREACHABLE


def test_nobody_there() -> None:
    with serving(lambda h: h.give(200)) as server:
        url = server.url
    with pytest.raises(MissingLogError) as told:
        Http(url, token=TOKEN, sleep=lambda _: None).get("/x?secret=1")
    assert told.value.reason is Missing.UNREACHABLE
    assert "secret" not in str(told.value)
    assert TOKEN not in str(told.value)


def test_no_such_host() -> None:
    with pytest.raises(MissingLogError) as told:
        Http("https://no-such-host.invalid", sleep=lambda _: None).get("/x")
    assert told.value.reason is Missing.UNREACHABLE
    assert "no such host" in told.value.help


def test_plain_http_takes_no_credential_beyond_this_machine() -> None:
    with pytest.raises(UserError, match="plain HTTP"):
        Http("http://forge.example", token=TOKEN).get("/x")


def test_tls_that_is_none() -> None:
    with serving(lambda h: h.give(200)) as server, pytest.raises(MissingLogError) as told:
        Http(server.url.replace("http:", "https:"), sleep=lambda _: None).get("/x")
    assert told.value.reason is Missing.TLS_FAILED


def test_cookies_go_by_web_and_tokens_by_token_never_both() -> None:
    with serving(lambda h: h.give(200, b"{}")) as server:
        made = client(server, jar={"session": "canary-cookie"})
        made.get("/x", By.WEB)
        made.get("/x", By.TOKEN)
        made.get("/x", By.NOBODY)
        web, token, nobody = (headers for _, headers in server.seen)
        assert "Authorization" not in web
        assert web["Cookie"] == "session=canary-cookie"
        assert "Cookie" not in token
        assert not {"Cookie", "Authorization"} & set(nobody)
        assert TOKEN not in repr(made)
        assert "canary-cookie" not in repr(made)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("session=abc; Path=/; HttpOnly", ("session", "abc", False)),
        ("_csrf=; Path=/; Max-Age=0", ("_csrf", "", True)),
        ("a=b=c; max-age=0", ("a", "b=c", True)),
        ("", ("", "", True)),
    ],
)
def test_cookies_are_read(line: str, wanted: tuple[str, str, bool]) -> None:
    assert read_cookie(line) == wanted


def test_urls_are_shown_without_what_may_be_secret() -> None:
    assert shown("https://user:pw@forge.example:8443/a/b?token=x#y") == "https://forge.example:8443/a/b"
