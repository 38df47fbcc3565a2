"""Log in to a forge, by token or by its web pages."""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from whyred.faces.cli.forge import ask, connection_options, person, reach
from whyred.faces.cli.streams import say

if TYPE_CHECKING:
    from whyred.model.forge import Server
    from whyred.model.trouble import UserError

_EPILOG = """\b
A URL may be copied from the browser, whatever page it is of.
Forgejo before 16 and Gitea before 1.24 have no API for logs: their private
logs come by the web pages, which take no token. There you are asked for both;
in a script say --web as well.

\b
Examples:
  whyred login forge.example
  whyred login https://forge.example/git --web --user otto
  gh auth token | whyred login https://github.com --token-stdin
"""
REFUSED = "not logged in"
_TRIES = 3
"""Answers that may be wrong before the command ends."""


@click.command("login", help=__doc__, epilog=_EPILOG, context_settings={"allow_extra_args": True})
@click.argument("url")
@click.option("--web", is_flag=True, help="Sign in to the web pages: user, password and, where wanted, a code.")
@click.option("--user", metavar="NAME", help="The user of the web login.")
@click.option("--token-stdin", is_flag=True, help="Read the API token from standard input.")
@click.option("--password-stdin", is_flag=True, help="Read the password from standard input (its first line).")
@click.option("--code-stdin", is_flag=True, help="Read the one-time code from standard input (the next line).")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
@connection_options
def command(
    url: str,
    web: bool,
    user: str | None,
    token_stdin: bool,
    password_stdin: bool,
    code_stdin: bool,
    as_json: bool,
    options: object,
) -> int:
    """Find out what the server is, take what lets the user in, try it, keep it."""
    from whyred.app.login import Asks, login
    from whyred.app.options import Options
    from whyred.faces.cli.show import out
    from whyred.reports.login import render, render_json

    assert isinstance(options, Options)
    if click.get_current_context().args:  # click would repeat them, and one of them may be a token
        raise click.UsageError("login takes one URL and no token: give that on standard input, with --token-stdin.")
    if token_stdin and (password_stdin or code_stdin):
        raise click.UsageError("--token-stdin and --password-stdin both want standard input: log in twice.")
    web = web or user is not None or password_stdin

    asked = _Asked(web, user, token_stdin, password_stdin, code_stdin)
    asks = Asks(asked.token, asked.name, asked.password, asked.code, asked.again)
    done = login(url, reach(options), asks, web=web)
    out(render_json(done) if as_json else render(done))
    return 0


@dataclass
class _Asked:
    """What the user gives: by options, through standard input, or when asked."""

    web: bool
    user: str | None
    token_stdin: bool
    password_stdin: bool
    code_stdin: bool
    typed: str | None = None
    """The user name that was typed last."""
    wrong: int = 0

    def token(self, server: "Server", where: str) -> str | None:
        """The API token."""
        from whyred.app.login import needs_web, token_of_gh
        from whyred.model.forge import Kind
        from whyred.settings.known_secrets import remember

        if self.token_stdin:
            return _line()
        if server.kind is Kind.GITHUB and not self.wrong and (told := token_of_gh(server.root)):
            remember(told)
            return told
        if self.web and (self.password_stdin or needs_web(server)):
            return None
        return ask(f"API token for {server.root} ({where}; empty for none)", hide=True)

    def name(self, server: "Server", later: bool) -> str | None:
        """The user of the web login; the one before where another is asked for and none is given."""
        why = " for its web pages, which alone have its private logs (empty: later)" if later else ""
        why = f" (empty: {self.typed})" if self.typed else why
        self.typed = self.user or ask(f"User at {server.root}{why}", hide=False) or self.typed
        return self.typed

    def password(self, _server: "Server", name: str) -> str | None:
        """The user's password."""
        return _line() if self.password_stdin else ask(f"Password of {name}", hide=True)

    def code(self, _server: "Server", told: str) -> str | None:
        """The one-time code."""
        return _line() if self.code_stdin else ask(f"One-time code ({told})", hide=True)

    def again(self, error: "UserError") -> bool:
        """Whether somebody is there to answer once more; they are told what was wrong."""
        self.wrong += 1
        if not person() or self.wrong >= _TRIES:
            return False
        say(f"{error.what}: {error.why}. Try again, or press Ctrl-C")
        return True


def _line() -> str | None:
    """The next line of standard input."""
    from whyred.settings.known_secrets import remember

    told = sys.stdin.buffer.readline() if sys.stdin is not None else b""
    text = told.decode("utf-8", "surrogateescape").rstrip("\r\n")
    remember(text)
    return text or None
