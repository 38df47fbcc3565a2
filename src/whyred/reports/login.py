"""What a login brought, as text and as JSON (`reports/schema/login-1.json`)."""

from typing import TYPE_CHECKING

from whyred.reports.reading import dump, row

if TYPE_CHECKING:  # `why` looks at every report, and these nouns cost 9 ms
    from whyred.model.access import LoggedIn

SCHEMA = "whyred.login/1"


def render(done: "LoggedIn") -> str:
    """What there is now, and what is still wanted."""
    lines = [str(done.server)]
    if done.token:
        whose = f"API token of {done.token_of}" if done.token_of else "API token (it may not say whose)"
        lines.append(f"{whose}, kept in {done.kept}")
    if done.web_of:
        lines.append(f"web login of {done.web_of}, kept in {done.kept} (cookies alone, no password)")
    if done.web_wanted:
        lines.append("This server has no API for logs: those of private repositories come by its web pages.")
        lines.append(f"Next: whyred login --web {done.server.root}")
    else:
        lines.append("Next: whyred access OWNER/REPO, or whyred why . in a checkout")
    return "\n".join(row(line) for line in lines) + "\n"


def render_json(done: "LoggedIn") -> str:
    """The same as JSON; no secret is in it."""
    return dump(
        {
            "schema": SCHEMA,
            "server": done.server.root,
            "kind": done.server.kind.value,
            "version": done.server.version,
            "token": done.token,
            "token_of": done.token_of,
            "web_login_of": done.web_of,
            "kept_in": done.kept,
            "web_login_wanted": done.web_wanted,
        }
    )
