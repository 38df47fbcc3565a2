"""Attempts to compare: the failing one, the green ones that were named, or the newest green ones of the same job."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from whyred.app.targets import address_of, fetch, job_of_file, telling
from whyred.model.run import Attempt, Conclusion
from whyred.model.source import Fetched, Missing, MissingLogError

if TYPE_CHECKING:
    from whyred.app.forges import Forges
    from whyred.app.ladder import Ladder
    from whyred.model.forge import Address, RunQuery
    from whyred.model.run import Run

_LISTED = 30
"""Runs that are looked through on one branch."""
_ASKED = 6
"""Runs whose jobs are asked for on one branch: each costs a request or two."""


@dataclass(frozen=True, slots=True)
class Meant:
    """One attempt that is to be read. `attempt`: None where only its log tells of it; `name`: what names it for ever;
    None where nothing does (standard input).
    """

    target: "str | Address"
    open: Callable[[], Fetched]
    attempt: Attempt | None = None
    name: str | None = None
    ladder: "Ladder | None" = None

    @property
    def label(self) -> str:
        """How a person names it."""
        return str(self.target) if self.attempt is None else label_of(self.attempt)


@dataclass(frozen=True, slots=True)
class Sought:
    """Green attempts that nobody named, and why these."""

    found: tuple[Meant, ...]
    why: str


def label_of(attempt: Attempt) -> str:
    """The run, and the job where there is one."""
    job = attempt.job.name if attempt.job is not None and attempt.run.repo is not None else None
    return f"{attempt.run.label}:{job}" if job else attempt.run.label


def meant(
    target: "str | Address",
    forges: "Forges | None",
    progress: Callable[[str], None],
    most: int | None = None,
    like: Attempt | None = None,
) -> Meant:
    """What a target means. `like`: of a run of several jobs the one of this name, and of a branch the newest green one.

    Raises UserError and MissingLogError.
    """
    address = address_of(target)
    if address is None:
        assert isinstance(target, str)
        return Meant(target, lambda: fetch(target, progress, None, most), None, _name_of_file(target))
    from whyred.app.forges import Options
    from whyred.app.forges import forges as forges_of_user
    from whyred.app.resolve import chosen

    known = forges if forges is not None else forges_of_user(Options(), progress)
    if like is None:
        ladder, attempt = known.attempt(address)
        return on_forge(ladder, attempt, progress, most)
    resolver, address = known.resolver(address)
    if address.run is None and address.job is None and not address.newest:
        return _green_of(resolver.ladder, address, like, progress, most)
    attempts = resolver.attempts(known.run(resolver, address), address)
    attempt = next((a for a in attempts if _same_job(a, like)), None) or chosen(attempts)
    return on_forge(resolver.ladder, resolver.ladder.steps(attempt), progress, most)


def known_on_forge(
    target: "str | Address", attempt: Attempt, forges: "Forges | None", progress: Callable[[str], None]
) -> Meant:
    """An attempt that was read already, and the forge that it is on. Raises UserError and MissingLogError."""
    from whyred.app.forges import Options
    from whyred.app.forges import forges as forges_of_user

    address = address_of(target)
    assert address is not None
    known = forges if forges is not None else forges_of_user(Options(), progress)
    return on_forge(known.resolver(address)[0].ladder, attempt, progress, None)


def on_forge(ladder: "Ladder", attempt: Attempt, progress: Callable[[str], None], most: int | None) -> Meant:
    """An attempt on a forge."""
    from whyred.app.kept_logs import identity, who
    from whyred.sources.reach import Want

    it = identity(ladder.reach.server, attempt)
    name = None
    if it is not None:
        name = "\n".join((ladder.reach.server.root, attempt.run.repo or "", it, who(ladder.reach.http)))

    def opened() -> Fetched:
        return telling(ladder.log(attempt, Want(most=most)), progress)

    return Meant(label_of(attempt), opened, attempt, name, ladder)


def _name_of_file(target: str) -> str | None:
    """What names the content of a file: which one it is, its size, and when it was written last."""
    path, job = job_of_file(target)
    with suppress(OSError, ValueError):
        state = os.stat(path)  # noqa: PTH116 - pathlib's own is slower
        if stat.S_ISREG(state.st_mode):
            return f"file {state.st_dev} {state.st_ino} {state.st_size} {state.st_mtime_ns} {job or ''}"
    return None


def greens(bad: Meant, progress: Callable[[str], None], most: int | None, count: int = 3) -> Sought:
    """The newest green attempts of the same job of the same workflow: of the same run where it was run again, of the
    same branch, or else of the default branch. Raises MissingLogError where there is none.
    """
    from whyred.model.forge import RunQuery

    assert bad.ladder is not None
    assert bad.attempt is not None
    ladder, like = bad.ladder, bad.attempt
    run, job = like.run, like.job.name if like.job else "?"
    refused: list[tuple[str, MissingLogError]] = []
    again = _of_run(ladder, run, like, refused)
    if again is not None and again.id != like.id:
        why = f"the same job of the same run, which was run again and passed: {label_of(again)}"
        return Sought((on_forge(ladder, again, progress, most),), why)
    for branch, word in _branches(ladder, run, refused):
        progress(f"looking for green attempts of {job} on {branch or 'any branch'}")
        query = RunQuery(_LISTED, branch=branch, workflow=run.workflow)
        found = list(_green(ladder, query, like, refused, count))
        if found:
            what = "the newest green attempt" if len(found) == 1 else f"the {len(found)} newest green attempts"
            where = f"{word} {branch}" if branch else "any branch, for this run's is not told"
            why = f"{what} of {job} in {run.workflow or 'this repository'} on {where}"
            return Sought(tuple(on_forge(ladder, ladder.steps(a), progress, most) for a in found), why)
    raise _none(job, run, refused)


def _none(job: str, run: "Run", refused: Sequence[tuple[str, MissingLogError]]) -> MissingLogError:
    asked = f"look for a green attempt of {job} of {run.workflow or run.label}"
    how = "name one yourself: whyred compare BAD GOOD"
    if refused:
        best = refused[0][1]
        return MissingLogError(best.reason, asked, f"{best.help}; or {how}", tuple(refused))
    help_ = f"none of the last {_LISTED} runs of its branch or of the default branch has a green one; {how}"
    return MissingLogError(Missing.NOT_FOUND, asked, help_)


def _branches(
    ladder: "Ladder", run: "Run", refused: list[tuple[str, MissingLogError]]
) -> Iterator[tuple[str | None, str]]:
    yield run.branch, "the same branch"
    if run.branch is None:
        return
    try:
        default = ladder.ask("default_branch", run.repo or "")
    except MissingLogError as e:
        refused.append(("default-branch", e))
        return
    if default and default != run.branch:
        yield default, "the default branch"


def _green(
    ladder: "Ladder",
    query: "RunQuery",
    like: Attempt,
    refused: list[tuple[str, MissingLogError]],
    count: int,
) -> Iterator[Attempt]:
    """The newest green attempts of the same job. A run that is red may have one: another of its jobs failed."""
    try:
        runs = ladder.runs(like.run.repo or "", query)
    except MissingLogError as e:
        refused.append(("runs", e))
        return
    others = [run for run in runs if (run.id, run.number) != (like.run.id, like.run.number)]
    others = [run for run in others if run.conclusion not in (Conclusion.CANCELLED, Conclusion.SKIPPED)]
    others.sort(key=lambda run: run.conclusion is not Conclusion.SUCCESS)  # stable: the newest stays first
    found = 0
    for run in others[:_ASKED]:
        attempt = _of_run(ladder, run, like, refused)
        if attempt is not None:
            yield attempt
            found += 1
            if found == count:
                return


def _of_run(ladder: "Ladder", run: "Run", like: Attempt, refused: list[tuple[str, MissingLogError]]) -> Attempt | None:
    """The green attempt of the same job in a run."""
    try:
        attempts = ladder.attempts(run)
    except MissingLogError as e:
        refused.append((f"jobs of {run.label}", e))
        return None
    return next((a for a in attempts if _same_job(a, like) and a.conclusion is Conclusion.SUCCESS), None)


def _same_job(one: Attempt, other: Attempt) -> bool:
    return one.job is not None and other.job is not None and one.job.name == other.job.name


def _green_of(
    ladder: "Ladder", address: "Address", like: Attempt, progress: Callable[[str], None], most: int | None
) -> Meant:
    """The newest green attempt of the same job that a branch, commit or repository has."""
    from whyred.model.forge import RunQuery

    refused: list[tuple[str, MissingLogError]] = []
    workflow = address.workflow or like.run.workflow
    query = address.sift(RunQuery(_LISTED, commit=address.commit, branch=None if address.commit else address.branch))
    wanted = replace(like, run=replace(like.run, repo=address.repo))
    for attempt in _green(ladder, replace(query, workflow=workflow), wanted, refused, 1):
        return on_forge(ladder, ladder.steps(attempt), progress, most)
    raise _none(like.job.name if like.job else "?", replace(like.run, label=str(address)), refused)
