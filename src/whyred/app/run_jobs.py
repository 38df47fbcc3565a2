"""The jobs of a run that a target names: those of a forge that failed, those of a download that may have."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from whyred.app.flow import limited
from whyred.app.ladder import Ladder
from whyred.app.resolve import RED
from whyred.app.targets import JobLog, Several, forges_or_own, given, telling
from whyred.model.forge import Address
from whyred.model.run import Attempt, Conclusion
from whyred.model.source import Fetched
from whyred.sources import downloads
from whyred.sources.reach import Want

if TYPE_CHECKING:
    from whyred.app.forges import Forges


def of_forge(
    address: Address, progress: Callable[[str], None], forges: "Forges | None", most: int | None
) -> Fetched | Several:
    """The jobs of a run on a forge that failed, where there are several; else the log of the one to look into."""
    known = forges_or_own(forges, progress)
    ladder, attempts = known.attempts(address)
    red = [attempt for attempt in attempts if attempt.conclusion in RED and attempt.job is not None]
    if len(red) < 2:
        return telling(ladder.log(known.one_of(ladder, attempts), Want(most=most)), progress)
    jobs = tuple(JobLog(_name(a), a, partial(_log, ladder, a, most)) for a in red)
    cancelled = [a for a in attempts if a.conclusion is Conclusion.CANCELLED and a.job is not None]
    return Several(red[0].run.label, jobs, told=True, cancelled=tuple(map(_name, cancelled)))


def _log(ladder: Ladder, attempt: Attempt, most: int | None) -> Fetched:
    return ladder.log(ladder.steps(attempt), Want(most=most))


def of_download(target: str, progress: Callable[[str], None], most: int | None) -> Several | None:
    """The jobs of a downloaded run, where it holds several and none is named."""
    progress(f"reading {target}")
    found = downloads.newest(target, given())
    if len(found) < 2:
        return None
    return Several(target, tuple(JobLog(n, a, partial(_opened, open_, most)) for n, a, open_ in found), told=False)


def _opened(open_: Callable[[], Fetched], most: int | None) -> Fetched:
    return limited(open_(), most)


def _name(attempt: Attempt) -> str:
    return attempt.job.name if attempt.job else ""
