"""Tokens that the environment gives, for CI and for who keeps none: each for one server, and for no other."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from whyred.model.credential import Hidden
from whyred.model.root import server_root
from whyred.model.trouble import UserError

GITHUB = "https://github.com"
_VARIABLES = ("WHYRED_SERVER", "WHYRED_TOKEN", "GH_HOST", "GH_TOKEN", "GITHUB_TOKEN", "GITHUB_SERVER_URL")


@dataclass(frozen=True, slots=True)
class GivenToken:
    """A token and the name of the variable that it stood in."""

    variable: str
    token: Hidden


@dataclass(frozen=True, slots=True)
class EnvironmentTokens:
    """The tokens by the root of their server. `wrong` says why whyred's own variables cannot be used as they are."""

    by_root: Mapping[str, GivenToken] = field(default_factory=dict)
    wrong: str | None = None

    def check(self) -> None:
        """Raises UserError where whyred's own variables are wrong."""
        if self.wrong is not None:
            how = "Set both, or neither: WHYRED_SERVER=https://forge.example WHYRED_TOKEN=..."
            raise UserError("the token in WHYRED_TOKEN cannot be used", self.wrong, how)


def environment_tokens(environ: Mapping[str, str]) -> EnvironmentTokens:
    """What the environment gives. It raises nothing, so that no traceback ever shows the environment."""
    given = {name: Hidden(environ[name].strip()) for name in _VARIABLES if environ.get(name, "").strip()}
    by_root = _github(given)
    if "WHYRED_TOKEN" not in given:
        return EnvironmentTokens(by_root)
    if "WHYRED_SERVER" not in given:
        return EnvironmentTokens(
            by_root, "WHYRED_SERVER does not say whose it is, and it is sent to its own server only"
        )
    try:
        by_root[server_root(given["WHYRED_SERVER"])] = GivenToken("WHYRED_TOKEN", given["WHYRED_TOKEN"])
    except UserError as e:
        return EnvironmentTokens(by_root, f"WHYRED_SERVER is no address of a forge: {e.why}")
    return EnvironmentTokens(by_root)


def _github(given: Mapping[str, Hidden]) -> dict[str, GivenToken]:
    """GitHub's variables, in the order of gh(1): for GH_HOST where that is set, else for github.com.

    GITHUB_TOKEN is also what a job is given on any forge, with the forge in GITHUB_SERVER_URL: that of another forge
    must not go to GitHub.
    """
    host = _root(f"https://{given.get('GH_HOST', 'github.com')}")
    giver = _root(given.get("GITHUB_SERVER_URL", host or ""))
    names = ["GH_TOKEN"] + ["GITHUB_TOKEN"] * (giver == host)
    token = next((GivenToken(name, given[name]) for name in names if name in given), None)
    return {host: token} if host and token else {}


def _root(url: str) -> str | None:
    try:
        return server_root(url)
    except UserError:
        return None  # other programs' variables: what names no server gets no token
