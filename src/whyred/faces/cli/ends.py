"""How a command ends when something went wrong: one clear line and the exit code, or a report of a bug in whyred."""

import errno
import os
import re
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from whyred.faces.cli.masked import masked
from whyred.faces.cli.streams import out, say
from whyred.model.source import MissingLogError
from whyred.model.trouble import UserError

if TYPE_CHECKING:
    from whyred.logs.mask import Masker

_HOST = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EIO,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EAGAIN,
        errno.ESTALE,
    }
)
"""Errors that tell of a sick host, never of a bug in whyred."""
_SECRET = re.compile(r"TOKEN|PASSW|PGPASS|SECRET|CREDENTIAL|API_?KEY|PRIVATE_?KEY", re.I)


def end(error: Exception, command: str | None = None, *, as_json: bool = False) -> int:
    """Says what happened and returns the exit code: 2 or 4 for what a user can act on, 3 for a bug.

    What was refused is a log, unless the command's file says otherwise in `REFUSED`. `as_json`: standard output gets
    the refusal as well, as one object.
    """
    refused = error.__cause__ if isinstance(error, UserError) else error
    if as_json and isinstance(refused, MissingLogError):
        show_refusal(refused)
    if isinstance(error, UserError):
        say(masked(str(error)))
        return error.code
    if isinstance(error, MissingLogError):
        _refused(error, _words(command))
        return 4
    if isinstance(error, MemoryError):
        say("cannot go on: this process may have no more memory. Raise its limit (ulimit -v), or run whyred elsewhere")
        return 4
    if isinstance(error, FileNotFoundError) and error.filename is None and _nowhere():
        say("cannot go on: the folder you are in was removed. Go to another one and say it again")
        return 4
    if isinstance(error, OSError) and (error.filename is None or error.errno in _HOST):
        where = f"{error.filename}: " if error.filename is not None else ""
        say(f"cannot go on: {where}{error.strerror or error}. whyred doctor tells what is wrong with this host")
        return 4
    return _bug(error)


def _words(command: str | None) -> str:
    module = sys.modules.get(f"whyred.faces.cli.commands.{(command or '').replace('-', '_')}")
    words: str = getattr(module, "REFUSED", "no log")
    return words


def _refused(error: MissingLogError, words: str) -> None:
    """The refusal that a user can do most about; then, where several routes were tried, a line for each of them."""
    best = f"{error.reason}: {error.asked}: {error.help}"
    say(masked(f"{words} ({error.reason}): {error.asked}: {error.help}"))
    for route, e in error.tried:
        told = f"{e.reason}: {e.asked}: {e.help}"
        say(f"  {route}: {e.reason}, as above" if told == best else masked(f"  {route}: {told}"))


def show_refusal(error: MissingLogError) -> None:
    """The refusal on standard output, as one line of JSON, masked."""
    from whyred.reports.refusal import render_json

    try:
        out(render_json(error, _mask()))
    except UserError as e:
        say(str(e))


def _mask() -> Callable[[str], str]:
    """Masks a text of everything that is a secret, by its form or because it was used."""
    try:
        from whyred.settings import folders

        masker = _masker(folders.cache())
    except (OSError, ValueError, ImportError, MemoryError) as e:
        told = f"not shown, for nothing could mask it ({type(e).__name__})"
        return lambda _text: told
    return lambda text: masker.text(text.encode("utf-8", "backslashreplace")).decode("utf-8", "replace")


def _nowhere() -> bool:
    try:
        Path.cwd()
    except OSError:
        return True
    return False


def interrupted() -> int:
    """Says so below the `^C` that a terminal shows, and returns the exit code."""
    if sys.stderr is not None and sys.stderr.isatty():
        sys.stderr.write("\n")
    say("interrupted")
    return 130


def usage(error: click.ClickException) -> int:
    """Says in one line what is wrong with the arguments; the help itself where none was given."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        error.show()
        return error.exit_code
    message = error.format_message()
    context = getattr(error, "ctx", None)
    help_ = f" See: {context.command_path} --help" if context is not None else ""
    stop = "" if message.endswith(("?", ".", ")")) else "."
    say(f"{message[:1].lower()}{message[1:]}{stop}{help_}")
    return error.exit_code


def _bug(error: Exception) -> int:
    text = "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace")
    try:
        hidden = _masker(None).text(text)
    except (OSError, ValueError, ImportError, MemoryError) as e:
        hidden = f"{type(error).__name__}; its traceback is not shown, for nothing could mask it: {e}\n".encode()
    place = _keep(hidden)
    if place is None and sys.stderr is not None:
        sys.stderr.write(hidden.decode("utf-8", "replace"))
    where = f"The traceback is in {place}" if place else "The traceback stands above"
    say(f"a bug in whyred: {type(error).__name__}. {where}: please report it")
    return 3


def _masker(cache: Path | None) -> "Masker":
    """It knows every secret that this run had in its hands. Without a cache, nothing there can be what is wrong.

    Raises OSError, ValueError, ImportError and MemoryError.
    """
    from whyred.app.library import Library
    from whyred.settings.known_secrets import known_secrets

    masker = Library(cache).masker()
    for secret in known_secrets(_given()):
        masker.add(secret)
    return masker


def _given() -> list[str]:
    """What the environment holds under a name that says that it is a secret. What is kept in the file is read anew, for
    the bug may have come before that was done.
    """
    from whyred.settings.credentials import credentials_of_user

    with suppress(UserError, OSError):
        credentials_of_user().servers()
    return [value.strip() for name, value in os.environ.items() if _SECRET.search(name) and value.strip()]


def _keep(text: bytes) -> Path | None:
    from whyred.settings import folders

    for folder in (folders.data(), Path()):
        if folder is None:
            continue
        file = folder / f"bug-{os.getpid()}.txt"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as kept:
                kept.write(text)
        except OSError:
            continue  # the next folder, or the terminal
        return file.absolute()
    return None
