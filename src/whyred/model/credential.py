"""`Credential`: what lets whyred in at a forge: a token for the API, the cookies of a web login for its pages."""

import re
from dataclasses import dataclass
from typing import NoReturn, Self, SupportsIndex

from whyred.model.trouble import UserError

_CONTROL = re.compile(r"[\x00-\x1f\x7f]|[^\x00-\xff]")
"""What a header cannot carry (RFC 9110, section 5.5)."""


class Hidden(str):
    """A secret text. It is the text it is wherever it is used, but `repr` shows `***`, and it cannot be pickled.

    So it stays out of the reprs of dataclasses and of what `asdict` makes of them, of tracebacks that show variables,
    and of what is sent to other processes. Formatting, slicing and joining give plain texts: do these where it is sent.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Never the text."""
        return "'***'"

    def __copy__(self) -> Self:
        """Itself, for it cannot change."""
        return self

    def __deepcopy__(self, memo: object) -> Self:
        """Itself, for it cannot change; without this `asdict` would go by pickling."""
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        """Raises TypeError: a pickle would hold the secret in the clear."""
        raise TypeError("a secret cannot be pickled")


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie of a web login. `expires` in seconds since the epoch; None: when the forge says so."""

    name: str
    value: str
    path: str = "/"
    expires: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "value", Hidden(self.value))


@dataclass(frozen=True, slots=True)
class Credential:
    """What one forge server knows its user by. The API takes no cookie and the web pages take no token, so the two
    never share a slot, and may even belong to different users.
    """

    token: str | None = None
    """For the API."""
    cookies: tuple[Cookie, ...] = ()
    """Of a web login, for the web pages."""
    user: str | None = None
    """Whose token it is, where that is known."""
    web_user: str | None = None
    """Who logged in to the web pages."""

    def __post_init__(self) -> None:
        # It never raises: the frame of a dataclass's __init__ has the bare values for a traceback to show.
        object.__setattr__(self, "token", Hidden(self.token) if self.token else None)

    def __bool__(self) -> bool:
        """Whether it opens anything."""
        return bool(self.token or self.cookies)

    def check(self) -> None:
        """Raises UserError where a part of it cannot be sent, or would change the request that it is sent in."""
        cookies = [text for c in self.cookies for text in (c.name or "\0", c.value, c.path)]
        for what, texts in (("token", [self.token or ""]), ("cookie", cookies)):
            if any(_CONTROL.search(text) for text in texts):
                why = "it holds a line break or another character that no header may carry"
                raise UserError(f"this is no {what}", why, f"Copy the {what} again, in one line")
