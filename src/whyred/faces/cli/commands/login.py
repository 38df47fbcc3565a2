"""Log in to a forge, by token or by its web pages."""

import sys

import click

from whyred.faces.cli.forge import connection_options, reach

_EPILOG = """\b
Forgejo before 16 and Gitea before 1.24 have no API for logs: their private logs
come by the web pages, which take no token. There you are asked for both; in a
script say --web as well.

\b
Examples:
  whyred login https://forge.example
  whyred login https://forge.example --web --user otto
  gh auth token | whyred login https://github.com --token-stdin
"""


@click.command("login", help=__doc__, epilog=_EPILOG)
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
    from whyred.app.login import Asks, login, needs_web
    from whyred.app.options import Options
    from whyred.faces.cli.forge import ask
    from whyred.faces.cli.show import out
    from whyred.model.forge import Kind, Server
    from whyred.reports.login import render, render_json

    assert isinstance(options, Options)
    if token_stdin and (password_stdin or code_stdin):
        raise click.UsageError("--token-stdin and --password-stdin both want standard input: log in twice.")
    web = web or user is not None or password_stdin

    def line() -> str | None:
        told = sys.stdin.buffer.readline() if sys.stdin is not None else b""
        return told.decode("utf-8", "surrogateescape").rstrip("\r\n") or None

    def token(server: Server, where: str) -> str | None:
        if token_stdin:
            return line()
        if server.kind is Kind.GITHUB and (told := _gh_token(server.root)):
            return told
        if web and (password_stdin or needs_web(server)):
            return None
        return ask(f"API token for {server.root} ({where}; empty for none)", hide=True)

    def name(server: Server, later: bool) -> str | None:
        why = " for its web pages, which alone have its private logs (empty: later)" if later else ""
        return user or ask(f"User at {server.root}{why}", hide=False)

    asks = Asks(
        token=token,
        user=name,
        password=lambda server, name: line() if password_stdin else ask(f"Password of {name}", hide=True),
        code=lambda server, told: line() if code_stdin else ask(f"One-time code ({told})", hide=True),
    )
    done = login(url, reach(options), asks, web=web)
    out(render_json(done) if as_json else render(done))
    return 0


def _gh_token(root: str) -> str | None:
    """What GitHub's own program keeps for this host, where it is there and logged in."""
    from whyred.app.login import token_of_gh

    return token_of_gh(root)
