"""The address of a host that is asked over ssh: `ssh://USER@HOST:PORT`, checked so that it can only be an address."""

import re
from dataclasses import dataclass

from whyred.model.trouble import UserError

_SCHEME = "ssh://"
_FORM = re.compile(
    r"ssh://(?:(?P<user>[A-Za-z0-9_][A-Za-z0-9._+-]{0,63})@)?"
    r"(?:\[(?P<six>[0-9A-Fa-f:.]{2,45})\]|(?P<name>[A-Za-z0-9_][A-Za-z0-9._-]{0,252}))"
    r"(?::(?P<port>[0-9]{1,5}))?/?"
)
"""No name begins with a dash, so none can be an option, and none has a character that a ProxyCommand's shell reads."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to go. A part that is None is what the user's own ssh settings say; `host` may be a `Host` entry there."""

    host: str
    user: str | None = None
    port: int | None = None

    def __str__(self) -> str:
        """As the user writes it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port is None else f":{self.port}"
        return f"{_SCHEME}{self.by_hand_user}{host}{port}"

    @property
    def by_hand_user(self) -> str:
        """The user with its `@`, or nothing."""
        return "" if self.user is None else f"{self.user}@"

    @property
    def by_hand(self) -> str:
        """What to type after `ssh` to go there oneself."""
        port = "" if self.port is None else f"-p {self.port} "
        return f"{port}{self.by_hand_user}{self.host}"

    def arguments(self) -> list[str]:
        """The end of an ssh command line: who, which port, and behind `--`, where nothing is an option, the host."""
        user = [] if self.user is None else ["-l", self.user]
        port = [] if self.port is None else ["-p", str(self.port)]
        return [*user, *port, "--", self.host]


def is_address(text: str) -> bool:
    """Whether somebody means a host over ssh."""
    return text.startswith("ssh:")


def read_address(text: str) -> Address:
    """The address in a text. Raises UserError, which never repeats what might be a password."""
    found = _FORM.fullmatch(text)
    if found is None:
        raise UserError(f"cannot ask {_shown(text)}", _why(text), f"Write {_SCHEME}USER@HOST or {_SCHEME}HOST:PORT")
    port = None if found["port"] is None else int(found["port"])
    if port is not None and not 0 < port < 1 << 16:
        raise UserError(f"cannot ask {_shown(text)}", f"there is no port {port}", "A port is a number from 1 to 65535")
    return Address(found["six"] or found["name"], found["user"], port)


def _shown(text: str) -> str:
    start, at, rest = text.rpartition("@")
    if at and ":" in start.removeprefix(_SCHEME):
        text = f"{_SCHEME}...@{rest}"
    return ascii(text[:200])


def _why(text: str) -> str:
    user = text.removeprefix(_SCHEME).rpartition("@")[0]
    if ":" in user:
        return "an address holds no password: whyred signs in with the keys that your ssh uses"
    return "that is no address of a host: a name has letters, digits, dots, `-` and `_`, and no folder behind it"
