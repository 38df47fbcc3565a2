"""The runner protocol of Forgejo and Gitea as JSON over the Connect protocol (connectrpc.com/docs/protocol, unary).

Messages: code.gitea.io/actions-proto-def, runner/v1/messages.proto; names in JSON are in camel case, 64-bit numbers may
come as text.
"""

import http.client
import json
from dataclasses import dataclass, field
from typing import Any

from live.calls import Answer, call_json

SUCCESS, FAILURE, CANCELLED, SKIPPED = 1, 2, 3, 4
"""The protocol's `Result`; 0, unspecified, stands for "not ended"."""
RESULTS = {
    "RESULT_UNSPECIFIED": 0,
    "RESULT_SUCCESS": SUCCESS,
    "RESULT_FAILURE": FAILURE,
    "RESULT_CANCELLED": CANCELLED,
    "RESULT_SKIPPED": SKIPPED,
}


class LostError(Exception):
    """No whole answer, or a server error: what real runners try again. Gitea answers 500 to most wrong calls too."""


class RefusedError(Exception):
    """The server understood and says no; `code` is Connect's word for it (`invalid_argument`)."""

    def __init__(self, method: str, code: str) -> None:
        super().__init__(f"{method}: {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Wire:
    """How a runner talks to the server, or to a proxy in front of it, at `url`; who it is, once it is registered."""

    url: str
    uuid: str = ""
    token: str = field(default="", repr=False)

    def call(self, method: str, message: dict[str, Any]) -> dict[str, Any]:
        """One call of the RunnerService. Raises LostError and RefusedError."""
        headers = {"Connect-Protocol-Version": "1"}
        if self.uuid:
            headers |= {"x-runner-uuid": self.uuid, "x-runner-token": self.token}
        url = f"{self.url}/api/actions/runner.v1.RunnerService/{method}"
        try:
            answer = call_json("POST", url, message, headers)
        except (OSError, http.client.HTTPException) as e:
            raise LostError(f"{method}: {type(e).__name__}") from e
        if answer.status >= 500:
            raise LostError(f"{method}: {answer.status}")
        if answer.status != 200:
            raise RefusedError(method, _code(answer))
        reply: dict[str, Any] = answer.json()
        return reply


def _code(answer: Answer) -> str:
    """Connect's word for the error, or the status. The rest of a body may repeat what was sent: it is never shown."""
    if "json" not in answer.headers.get("content-type", ""):
        return str(answer.status)
    return str(json.loads(answer.body).get("code", answer.status))
