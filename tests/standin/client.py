"""The least of a client, for tests of the stand-in itself."""

import http.client
from urllib.parse import urlsplit

from standin.server import Standin
from standin.wire import Reply


def ask(url: str, path: str, method: str = "GET", body: str | None = None, **headers: str) -> tuple[Reply, bytes]:
    """One request; header names with underscores for dashes."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(str(parts.hostname), parts.port)
    try:
        connection.request(method, parts.path + path, body, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return Reply(answer.status, b"", tuple(answer.getheaders())), answer.read()
    finally:
        connection.close()


def header(reply: Reply, name: str) -> str:
    return dict(reply.headers).get(name, "")


def sign_in(forge: Standin, name: str, **more: str) -> str:
    """The Cookie header of a fresh web login."""
    form = f"user_name={name}&password={forge.world.users[name].password}"
    connection = http.client.HTTPConnection("127.0.0.1", forge.port)
    connection.request("POST", "/user/login", form, {"Content-Type": "application/x-www-form-urlencoded", **more})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return "; ".join(value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie") or [])
