"""Several threads and one client: a web login is renewed once, and nobody's late answer takes it away again."""

import threading
from collections.abc import Callable

from standin.server import Served
from standin.wire import Reply, Request

from whyred.sources.http import AT_ONCE, By, Http
from whyred.sources.web_login import renew


class Pages:
    """A server that knows its user by a cookie, and renews the login by another, which works once: used twice, it was
    stolen, and nobody is signed in any more. Who is not signed in is given a nameless cookie with every answer.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.session, self.remember, self.renewals = "gone", "remember-0", 0

    def answer(self, request: Request) -> Reply:
        with self.lock:
            cookies = request.cookies
            if request.path == "/user/login":
                return self._renewed(cookies.get("remember", ""))
            if cookies.get("session") == self.session != "gone":
                return Reply(200, b"you")
            nameless = (("Set-Cookie", "session=nameless; Path=/"),)
            return Reply(303, b"", (("Location", "/user/login"), *nameless))

    def _renewed(self, remember: str) -> Reply:
        if remember != self.remember:
            self.session, self.remember = "gone", "stolen"
            return Reply(200, b"a form", (("Set-Cookie", "remember=; Max-Age=0"),))
        self.renewals += 1
        self.session, self.remember = f"session-{self.renewals}", f"remember-{self.renewals}"
        cookies = (("Set-Cookie", f"session={self.session}"), ("Set-Cookie", f"remember={self.remember}"))
        return Reply(303, b"", (("Location", "/"), *cookies))


def all_at_once(work: Callable[[], object], count: int = 8) -> list[object]:
    found: list[object] = []
    threads = [threading.Thread(target=lambda: found.append(work())) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def client(served: Served) -> Http:
    jar = {"session": "old", "remember": "remember-0"}
    return Http(served.url, jar=jar, signed_in=True, sleep=lambda _: None)


def test_a_login_that_ended_is_renewed_once() -> None:
    pages = Pages()
    served = Served(pages.answer)
    try:
        http = client(served)

        def page() -> int:
            reply = http.get("/page", By.WEB)
            if reply.status != 200 and renew(http):
                reply = http.get("/page", By.WEB)
            return reply.status

        assert all_at_once(page) == [200] * 8
        assert pages.renewals == 1
        assert served.most_at_once <= AT_ONCE
    finally:
        served.stop()


def test_a_late_answer_does_not_take_a_renewed_login_away() -> None:
    pages = Pages()
    served = Served(pages.answer)
    arrived, until = threading.Event(), threading.Event()

    def late(request: Request, answer: Callable[[Request], Reply]) -> Reply:
        reply = answer(request)
        arrived.set()
        until.wait()
        return reply

    try:
        http = client(served)
        served.fault(late, on="/slow")
        slow = threading.Thread(target=http.get, args=("/slow", By.WEB))
        slow.start()
        arrived.wait()
        assert renew(http)
        until.set()
        slow.join()
        assert http.jar["session"] == "session-1"
        assert http.get("/page", By.WEB).status == 200
    finally:
        until.set()
        served.stop()


def test_a_slot_is_free_once_all_of_an_answer_is_there() -> None:
    """While four answers are worked on, a fifth request can go out."""
    served = Served(lambda _: Reply(200, b"x" * 100))
    try:
        http = Http(served.url, sleep=lambda _: None)
        streams = [http.open("GET", "/log").chunks() for _ in range(AT_ONCE)]
        assert [next(stream) for stream in streams] == [b"x" * 100] * AT_ONCE
        assert http.get("/more").status == 200
        assert [list(stream) for stream in streams] == [[]] * AT_ONCE
    finally:
        served.stop()
