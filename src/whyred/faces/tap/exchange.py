"""A request and its answer, as far as the tap keeps something of them."""

import hashlib
import os
import re
from dataclasses import dataclass, field

from whyred.app.tap import MOST, WANTED, Call
from whyred.faces.tap.messages import Head

_CALL = re.compile(r"/api/actions/runner\.v1\.RunnerService/(\w+)")
_KINDS = ("application/proto", "application/json")
_KEY = os.urandom(32)
"""Of this process: what stands for a runner's credentials can be compared, and tells nothing to anybody else."""


@dataclass
class Exchange:
    """A request under way. `call` is its method where it is one that is looked into. No repr shows a body."""

    verb: str
    call: str | None
    kind: str = ""
    encoding: str = ""
    caller: bytes = field(default=b"", repr=False)
    body: bytearray = field(default_factory=bytearray, repr=False)
    status: int | None = None
    reply_kind: str = ""
    reply_encoding: str = ""
    reply: bytearray = field(default_factory=bytearray, repr=False)
    sent: bool = False
    """The request is complete."""
    complete: bool = False
    """The answer is, too."""

    def add(self, data: bytes) -> None:
        """The next bytes of the request's body."""
        self._add(self.body, data)

    def add_reply(self, data: bytes) -> None:
        """The next bytes of the answer's body."""
        self._add(self.reply, data)

    @staticmethod
    def _add(body: bytearray, data: bytes) -> None:
        """Adds to a body, up to one byte more than may be; `app/tap` says so of what is longer."""
        body += data[: MOST + 1 - len(body)]

    def answered(self, head: Head) -> None:
        """The answer's head."""
        self.status, self.reply_kind = head.status, head.kind
        self.reply_encoding = head.get("content-encoding").lower()

    def read(self) -> Call:
        """What there is to keep of it, once it is over."""
        assert self.call is not None
        return Call(
            self.call,
            self.kind,
            self.encoding,
            bytes(self.body),
            self.caller,
            self.status if self.complete else None,
            self.reply_kind,
            self.reply_encoding,
            bytes(self.reply),
        )


def begun(head: Head) -> Exchange:
    """The exchange that a request begins."""
    verb, target = head.first[0], head.first[1].partition("?")[0]
    found = _CALL.search(target) if verb == "POST" else None
    call = found[1] if found is not None and found.end() == len(target) and found[1] in WANTED else None
    if call is None or head.kind not in _KINDS:
        return Exchange(verb, None)
    who = "\0".join((head.get("x-runner-uuid"), head.get("x-runner-token"))).encode("utf-8", "surrogateescape")
    caller = hashlib.blake2b(who, key=_KEY, digest_size=16).digest()
    return Exchange(verb, call, head.kind, head.get("content-encoding").lower(), caller)
