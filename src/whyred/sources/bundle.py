"""A bundle: everything one investigation read, masked, in one file that gives the same verdict anywhere."""

import os
import stat
from pathlib import Path

from whyred.model.source import Fetched, Given

NAME = "bundle"
SERVES = "a bundle that `whyred save` or `--save` wrote"
ORDER = 20
_MEMBERS = (b"log.zst", b"answers.json", b"attempt.json", b"manifest.json")
_NAME = 30
"""Where in a zip the name of its first member begins (APPNOTE.TXT 4.3.7)."""


def accepts(target: str) -> bool:
    """Whether the target is a zip file whose first member is one of a bundle's: told from its first bytes, so that one
    that is damaged further on is still known for what it was.

    A pipe is not opened: what is read of it to look would be lost for whoever reads it then.
    """
    try:
        if not stat.S_ISREG(os.stat(target).st_mode):  # noqa: PTH116 - pathlib's own is slower, and every target pays
            return False
        with Path(target).open("rb") as file:
            first = file.read(_NAME + 64)
        return first.startswith(b"PK\x03\x04") and first[_NAME:].startswith(_MEMBERS)
    except (OSError, ValueError):
        return False


def fetch(target: str, given: Given) -> Fetched:
    """The attempt, its log and the recorded answers. Raises UserError (newer form), MissingLogError (damaged)."""
    # Imported here: every reading of a plain file asks `accepts`, and zipfile with json would cost it 10 ms.
    from whyred.sources._archive import Archive

    archive = Archive(target)
    where = f"{NAME}: {target}"
    told = archive.boundaries()
    return Fetched(
        archive.attempt(),
        archive.log(),
        where,
        archive.answers(),
        told,
        familiar=archive.familiar(),
        first=archive.route(),
        run_failures=archive.run_failures(),
    )
