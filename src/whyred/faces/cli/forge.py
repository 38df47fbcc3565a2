"""The options of every command that reaches forges, and how the user is asked for what only the user knows."""

import functools
import sys
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from whyred.app.forges import Forges
    from whyred.app.options import Options

F = TypeVar("F", bound=Callable[..., Any])

_OPTIONS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("--server", {"metavar": "URL", "help": "The forge, where the target names none."}),
    ("--route", {"metavar": "NAME", "help": "The one route to use; `whyred access` lists them."}),
    (
        "--forge-host",
        {"metavar": "local|ssh://USER@HOST", "help": "The forge's own machine: read its disk and database."},
    ),
    ("--forge-folder", {"metavar": "FOLDER", "help": "The forge's data folder there; it is found without."}),
    ("--database", {"metavar": "URL", "help": "The forge's database there; without, whyred asks to read app.ini."}),
    ("--read-app-ini", {"is_flag": True, "help": "Let whyred read the forge's app.ini without asking."}),
    (
        "--runner-host",
        {"metavar": "local|ssh://USER@HOST", "help": "The runner's machine: read what its daemon printed."},
    ),
    ("--runner-logs", {"metavar": "FOLDER", "help": "The folder of job logs that the runner itself keeps there."}),
    ("--ca", {"metavar": "FILE", "help": "A CA file for TLS (also SSL_CERT_FILE)."}),
    ("--insecure-http", {"is_flag": True, "help": "Send credentials over plain HTTP to other machines."}),
)


_FIELDS = {"--forge-folder": "folder"}
"""How `Options` calls what an option of another name says."""
_CONNECTION = ("--ca", "--insecure-http")


def forge_options(command: F) -> F:
    """Adds the options; the command gets them as one `options`."""
    return _with([name for name, _ in _OPTIONS], command)


def connection_options(command: F) -> F:
    """The same for a command that is about the server itself, and reads no log."""
    return _with(_CONNECTION, command)


def _with(names: Sequence[str], command: F) -> F:
    @functools.wraps(command)
    def wrapped(**given: Any) -> Any:
        from whyred.app.options import Options

        told = {name: given.pop(name.strip("-").replace("-", "_")) for name in names}
        options = Options(**{_FIELDS.get(name, name.strip("-").replace("-", "_")): told[name] for name in names})
        return command(options=options, **given)

    for name, settings in reversed(_OPTIONS):
        if name in names:
            wrapped = click.option(name, **settings)(wrapped)
    return wrapped  # type: ignore[return-value]


def reach(options: "Options") -> "Forges":
    """The user's forges, with what the command line knows of how to reach them; ended with the command."""
    from whyred.app.forges import forges
    from whyred.faces.cli.show import progress
    from whyred.faces.cli.streams import say

    found = forges(options, progress)
    found.may_read, found.password, found.note = _may_read, _password, say
    click.get_current_context().call_on_close(found.close)
    return found


def forges_of(target: str, options: object) -> "Forges | None":
    """The user's forges where a target names something on one; a file needs none of that."""
    return forges_of_any((target,), options)


def forges_of_any(targets: Sequence[str], options: object) -> "Forges | None":
    """The same for several targets."""
    from whyred.app.targets import address_of

    if all(address_of(target) is None for target in targets):
        return None
    from whyred.app.options import Options

    assert isinstance(options, Options)
    return reach(options)


def address(target: str) -> Any:
    """The address of a target. Raises UserError: it names nothing on a forge."""
    from whyred.app.targets import address_of
    from whyred.model.trouble import UserError

    found = address_of(target)
    if found is None:
        raise UserError(
            f"{target} names no run on a forge",
            "it is a file, or has none of the forms",
            "Write owner/repo, owner/repo#RUN, owner/repo@SHA, `.` for this checkout, or a run's URL",
        )
    return found


def person() -> bool:
    """Whether somebody is there to answer."""
    return sys.stdin is not None and sys.stdin.isatty() and sys.stderr is not None and sys.stderr.isatty()


def ask(prompt: str, *, hide: bool) -> str | None:
    """What the user types, without echo where it is a secret; None where nobody is there, or for Ctrl-D."""
    if not person():
        return None
    import getpass

    from whyred.faces.cli.streams import progress
    from whyred.settings.known_secrets import remember

    progress.clear()
    if hide:
        try:
            told = getpass.getpass(f"{prompt}: ", sys.stderr)
        except EOFError:
            told = ""
            sys.stderr.write("\n")
        remember(told)
        return told or None
    sys.stderr.write(f"{prompt}: ")
    sys.stderr.flush()
    told = sys.stdin.readline()
    if not told:  # Ctrl-D leaves the cursor behind the question
        sys.stderr.write("\n")
    return told.strip() or None


def _may_read(path: str) -> bool:
    answer = ask(f"Read {path} for the database's address, the data folder and the place of logs? [y/N]", hide=False)
    return (answer or "").lower() in ("y", "yes")


def _password(database: str) -> str | None:
    return ask(f"Password for {database}", hide=True)
