"""How a command ends when something went wrong: one clear line and the exit code, or a report of a bug in whyred."""

import os
import sys
import traceback
from pathlib import Path

from whyred.model.source import MissingLogError
from whyred.model.trouble import UserError


def end(error: Exception) -> int:
    """Says what happened and returns the exit code: 2 or 4 for what a user can act on, 3 for a bug."""
    if isinstance(error, UserError):
        print(f"whyred: {error}", file=sys.stderr)  # noqa: T201
        return error.code
    if isinstance(error, MissingLogError):
        print(f"whyred: no log: {error.asked}: {error.reason.value}. {error.help}", file=sys.stderr)  # noqa: T201
        return 4
    if isinstance(error, OSError) and error.filename is None:
        print(f"whyred: cannot go on: {error.strerror or error}", file=sys.stderr)  # noqa: T201
        return 4
    return _bug(error)


def _bug(error: Exception) -> int:
    from whyred.app.library import Library

    text = "".join(traceback.format_exception(error)).encode()
    masked = Library(cache=None).masker().text(text)
    place = _keep(masked)
    if place is None:
        sys.stderr.write(masked.decode("utf-8", "replace"))
    where = f"The traceback is in {place}" if place else "The traceback stands above"
    print(  # noqa: T201
        f"whyred: a bug in whyred: {type(error).__name__}. {where}: please report it", file=sys.stderr
    )
    return 3


def _keep(text: bytes) -> Path | None:
    from whyred.settings import folders

    for folder in (folders.data(), Path.cwd()):
        if folder is None:
            continue
        file = folder / f"bug-{os.getpid()}.txt"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text)
        except OSError:
            continue  # the next folder, or the terminal
        return file
    return None
