"""How the server is run: for one user on this machine, or over HTTP for callers who bring their own forge tokens."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from whyred.app.options import Options
from whyred.model.credential import Credential, Hidden
from whyred.model.root import server_root
from whyred.model.trouble import UserError

if TYPE_CHECKING:
    from whyred.app.library import Library
    from whyred.settings.credentials import Credentials

TOKEN_HEADER = "x-forge-token"  # noqa: S105 - the header's name
"""The header in which a caller brings the token for a forge: the token alone where one forge is served, else
`https://FORGE TOKEN`, several with commas between."""


@dataclass
class Serving:
    """What the operator said. `remote`: over HTTP; then only repositories of `forges` may be named, and only `hosts`
    asked. `write`: whether tools are offered that change something.
    """

    remote: bool = False
    write: bool = False
    forges: tuple[str, ...] = ()
    hosts: frozenset[str] = frozenset()
    options: Options = field(default_factory=Options)

    def __post_init__(self) -> None:
        self.forges = tuple(dict.fromkeys(server_root(root) for root in self.forges))

    @cached_property
    def library(self) -> "Library":
        """The library, compiled on first use and then kept."""
        from whyred.app.library import Library
        from whyred.settings import folders

        return Library(folders.cache())

    @cached_property
    def cache(self) -> Path | None:
        """Where answers of forges are kept: for the one user of this machine alone."""
        from whyred.settings import folders

        return None if self.remote else folders.cache()

    @cached_property
    def credentials(self) -> "Credentials":
        """Those of the user who runs the server: never used for a caller over HTTP."""
        from whyred.settings.credentials import credentials_of_user

        return credentials_of_user()


@dataclass(frozen=True, slots=True)
class KnownRoot:
    """A forge that is served."""

    root: str


class CallerCredentials:
    """What one caller over HTTP brings: a token for each forge, in memory, for the time of one call."""

    def __init__(self, tokens: Mapping[str, str], roots: tuple[str, ...]) -> None:
        self._tokens, self._roots = {root: Hidden(token) for root, token in tokens.items()}, roots

    def get(self, root: str) -> Credential:
        """The token for this forge; nothing for any other."""
        return Credential(self._tokens.get(server_root(root)))

    def servers(self) -> list[KnownRoot]:
        """The forges that are served."""
        return [KnownRoot(root) for root in self._roots]


def caller_tokens(header: str | None, roots: tuple[str, ...]) -> dict[str, str]:
    """The tokens by their forge's root. Raises UserError, which quotes none of them."""
    found = dict(_tokens(header, roots)) if header else {}
    for token in found.values():
        Credential(token).check()
    return found


def _tokens(header: str, roots: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    how = f"Send `{TOKEN_HEADER}: TOKEN`, or where several forges are served `https://FORGE TOKEN`"
    for part in header.split(","):
        words = part.split()
        if len(words) == 1 and len(roots) == 1:
            yield roots[0], words[0]
        elif len(words) == 2:
            root = server_root(words[0])
            if root not in roots:
                raise UserError(f"the header {TOKEN_HEADER} is wrong", "it names a forge that is not served", how)
            yield root, words[1]
        else:
            raise UserError(f"the header {TOKEN_HEADER} is wrong", "it does not say whose token it is", how)
