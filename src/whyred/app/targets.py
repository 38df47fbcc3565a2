"""What a target means: a file source whose form it has, or a run on a forge that its address names."""

import importlib
import io
import os
import pkgutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, cast

import whyred.sources
from whyred.model.run import Attempt, Step
from whyred.model.source import Fetched, Given, Source
from whyred.model.trouble import UserError
from whyred.settings import folders
from whyred.sources import files

if TYPE_CHECKING:  # a log file needs none of it, and it costs time
    from whyred.app.forges import Forges
    from whyred.model.forge import Address

_STRIDE = 16 << 20
"""Bytes after which it is said again how far a log is read."""
_FILE_LIKE = (".log", ".txt", ".zip", ".gz", ".zst", ".whyred", ".yml", ".json", ".xml")
"""How names of files end, that no repository's name does: what is missing is then a file."""


@cache
def sources() -> tuple[Source, ...]:
    """Every source of files, in the order in which they are asked."""
    folder = whyred.sources.__path__[0]
    names = (m.name for m in pkgutil.iter_modules([folder]) if not m.name.startswith("_"))
    # Reading a file for the one line costs a tenth of importing what a route to a forge needs.
    own = [name for name in names if b"\ndef accepts(" in Path(folder, f"{name}.py").read_bytes()]
    modules = (importlib.import_module(f"whyred.sources.{name}") for name in own)
    return tuple(sorted((cast(Source, m) for m in modules), key=lambda s: s.ORDER))


def given() -> Given:
    """What sources are handed: the folder of local runs and standard input."""
    data = folders.data()
    # A daemon may start us with standard input closed; then there is no sys.stdin, and only `-` must miss it.
    stdin = sys.stdin.buffer if sys.stdin is not None else io.BytesIO()
    return Given(data / "runs" if data else None, stdin)


def address_of(target: "str | Address") -> "Address | None":
    """The address of a target that names something on a forge; what exists as a file is a file, `.` is the checkout. An
    address stands for itself.

    Raises UserError: a URL that is none of a run.
    """
    if not isinstance(target, str):
        return target
    if target in ("-", "local") or target.startswith("local:"):
        return None
    written = target.lower()
    file_like = written.endswith(_FILE_LIKE) and not written.startswith(("http://", "https://"))
    if target != "." and (os.path.lexists(target) or file_like):
        return None
    from whyred.model.target import read_address

    address = read_address(target)
    if address is None and written.startswith(("http://", "https://")):
        why = "a target is the page of a repository, run, job, commit, branch or pull request"
        raise UserError(f"{target!r} is no page that whyred knows", why, "Name it as owner/repo#RUN:JOB")
    if address is None or address.root is not None or target == ".":
        return address
    from whyred.sources import downloads

    return None if downloads.accepts(target) or job_of_file(target)[1] is not None else address


def job_of_file(target: str) -> tuple[str, str | None]:
    """The path and the job in the name of a bundle or log file with `:JOB` behind it; the target alone, and None, where
    it is none. A path that exists is a path, colon or not.
    """
    at = target.rfind(":")
    while at > 0 and "://" not in target and not os.path.lexists(target.replace("\0", "")):
        if target[at + 1 :] and os.path.isfile(target[:at].replace("\0", "")):  # noqa: PTH113 - pathlib's own may raise
            return target[:at], target[at + 1 :]
        at = target.rfind(":", 0, at)
    return target, None


def refuse_other_job(attempt: Attempt, wanted: str | None) -> None:
    """Raises UserError where a bundle or file, which holds one job, is asked for another one. A log that names no job
    answers to the name of its file.
    """
    if wanted is None:
        return
    name = attempt.job.name if attempt.job else None
    own = name or Path(attempt.run.label).stem
    if own.lower() == wanted.lower() or (name is not None and name.lower().startswith(wanted.lower())):
        return
    why = f"it is the log of {name}" if name else "it is one log, which names no job"
    raise UserError(f"{attempt.run.label} has no job {wanted!r}", why, "Leave the job away")


def refuse_two_pipes(*targets: "str | Address") -> None:
    """Standard input can be read once. Raises UserError."""
    if targets.count("-") > 1:
        raise UserError("standard input cannot be two logs", "it can be read once", "Name files for the others")


@dataclass(frozen=True, slots=True)
class JobLog:
    """A job of a run, by its name there, and what opens its log (once each time; raises MissingLogError)."""

    name: str
    attempt: Attempt
    open: Callable[[], Fetched]


@dataclass(frozen=True, slots=True)
class Several:
    """A run of which several jobs may have failed. `told`: whether that is known of each of `jobs`, or their logs must
    tell; `cancelled` are other jobs.
    """

    run: str
    jobs: tuple[JobLog, ...]
    told: bool
    cancelled: tuple[str, ...] = ()


def find(
    target: "str | Address",
    progress: Callable[[str], None] = lambda _: None,
    forges: "Forges | None" = None,
    most: int | None = None,
) -> Fetched | Several:
    """As `fetch`; of a run with several jobs that failed, or may have, all of these."""
    address = address_of(target)
    if address is not None and address.job_name is None and address.job is None:
        from whyred.app.run_jobs import of_forge

        return of_forge(address, progress, forges, most)
    if (
        isinstance(target, str)
        and address is None
        and target != "-"
        and (source := _source(target)) is not None
        and source.NAME == "downloads"
    ):
        from whyred.app.run_jobs import of_download

        several = of_download(target, progress, most)
        if several is not None:
            return several
    return fetch(target, progress, forges, most)


def fetch(
    target: "str | Address",
    progress: Callable[[str], None] = lambda _: None,
    forges: "Forges | None" = None,
    most: int | None = None,
) -> Fetched:
    """The attempt and the log of a target; `progress` hears how far it is read, `forges` are this user's, `most` are
    the bytes of log that are allowed.

    Raises UserError and MissingLogError.
    """
    if target == "-" and sys.stdin is None:
        raise UserError("standard input is closed", "there is no log to read", "Pipe one in: whyred why - < LOG")
    address = address_of(target)
    if address is not None:
        fetched = _from_forge(address, progress, forges, most)
    else:
        assert isinstance(target, str)
        path, job = target, None
        source = _source(target)
        if source is files:  # which takes whatever no other source does
            path, job = job_of_file(target)
            source = _source(path)
        if source is None:
            forms = "; ".join(s.SERVES for s in sources())
            raise UserError(f"no source knows the target {target!r}", f"a target is {forms}", "Name one of these")
        fetched = source.fetch(path, given())
        refuse_other_job(fetched.attempt, job)
        if most is not None:
            from whyred.app.flow import limited

            fetched = limited(fetched, most)
    return telling(fetched, progress)


def telling(fetched: Fetched, progress: Callable[[str], None]) -> Fetched:
    """The same log; `progress` hears how far it is read."""
    return replace(fetched, chunks=_told(fetched, progress))


def _source(target: str) -> Source | None:
    return next((source for source in sources() if source.accepts(target)), None)


def _from_forge(
    address: "Address", progress: Callable[[str], None], forges: "Forges | None", most: int | None
) -> Fetched:
    from whyred.sources.reach import Want

    ladder, attempt = forges_or_own(forges, progress).attempt(address)
    return ladder.log(attempt, Want(most=most))


def forges_or_own(forges: "Forges | None", progress: Callable[[str], None]) -> "Forges":
    """The forges that a command was given, else those of this user without any option."""
    from whyred.app import forges as app

    return forges if forges is not None else app.forges(app.Options(), progress)


def _told(fetched: Fetched, progress: Callable[[str], None]) -> Iterator[bytes | Step]:
    size, told = 0, 0
    typed = fetched.attempt.run.label == "standard input" and sys.stdin is not None and sys.stdin.isatty()
    progress(f"reading {fetched.route}{' (paste the log, then press Ctrl-D)' if typed else ''}")
    for chunk in fetched.chunks:
        yield chunk
        size += len(chunk) if isinstance(chunk, bytes) else 0
        if size >= told + _STRIDE:
            told = size
            progress(f"reading {fetched.route}: {size >> 20} MiB")
