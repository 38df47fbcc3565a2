"""The web pages of a Gitea server as a browser uses them: cookies, login, CSRF; nothing of whyred's own clients."""

import json
from urllib.parse import quote, unquote, urlencode

from live.calls import Answer, call


class Browser:
    """One visitor: anonymous until `login`. Follows no redirects."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.cookies: dict[str, str] = {}

    def login(self, name: str, password: str) -> "Browser":
        """Signs in; AssertionError when the server does not let them."""
        self.get("/user/login")
        form = {"user_name": name, "password": password, "_csrf": unquote(self.cookies.get("_csrf", ""))}
        answer = self._send("POST", "/user/login", urlencode(form).encode(), "application/x-www-form-urlencoded")
        assert answer.status == 303, f"login answered {answer.status}"
        self.get("/user/settings")  # login takes the CSRF cookie away, and only a page gives a new one
        return self

    def get(self, path: str) -> Answer:
        """A page."""
        return self._send("GET", path, None, "")

    def post(self, path: str, value: object) -> Answer:
        """JSON to a page's own route, with the CSRF token where the server uses one (up to 1.25)."""
        return self._send("POST", path, json.dumps(value).encode(), "application/json")

    def _send(self, method: str, path: str, body: bytes | None, type_: str) -> Answer:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if body is not None:
            headers["Content-Type"] = type_
            headers["X-Csrf-Token"] = unquote(self.cookies.get("_csrf", ""))
        answer = call(method, self.url + quote(path, safe="/?=&%"), body, headers)
        for cookie in answer.cookies:
            self._keep(cookie)
        return answer

    def _keep(self, cookie: str) -> None:
        pair, *attributes = cookie.split(";")
        name, _, value = pair.strip().partition("=")
        gone = any(a.strip().lower() in ("max-age=0", "max-age=-1") for a in attributes)
        if gone or not value:
            self.cookies.pop(name, None)
        else:
            self.cookies[name] = value
