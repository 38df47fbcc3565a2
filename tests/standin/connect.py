"""The runner protocol, as far as a stranger sees it: Ping, and the refusals."""

import json

from standin.forge import Forge
from standin.wire import Reply, Request, as_json, no_route

_SERVICE = "/api/actions/runner.v1.RunnerService/"
_METHODS = ("Register", "Declare", "FetchTask", "UpdateTask", "UpdateLog")


def answer_connect(forge: Forge, request: Request) -> Reply:
    """Ping answers anybody; the others know no runner here. Forgejo 7 says 500 to everything that is refused."""
    if request.path == "/api/actions/ping.v1.PingService/Ping":
        data = json.loads(request.body or b"{}").get("data", "")
        return as_json({"data": f"Hello, {data}!"}, kind="application/json")
    if not request.path.startswith(_SERVICE) or request.path.removeprefix(_SERVICE) not in _METHODS:
        return no_route()
    old = forge.profile.generation < 11
    code = "unknown" if old else "unauthenticated"
    message = "rpc error: code = Unauthenticated desc = unregistered runner" if old else "unregistered runner"
    return as_json({"code": code, "message": message}, 500 if old else 401, kind="application/json")
