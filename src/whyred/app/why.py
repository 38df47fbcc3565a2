"""`why`: from a target to a verdict, with a host where one is to be asked, saved as a bundle where wanted."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from whyred.app.ask import Asker, Live, Nobody, Recorded
from whyred.app.investigate import investigate
from whyred.app.library import Library
from whyred.app.read import ReadLog, read_log, refuse_nothing
from whyred.app.subjects import Subjects
from whyred.app.targets import fetch, given
from whyred.hosts.bundle import Recording
from whyred.logs.mask import Masker
from whyred.model.evidence import Reason, Unknown
from whyred.model.examination import Row
from whyred.model.finding import Verdict
from whyred.model.source import Fetched
from whyred.model.trouble import UserError
from whyred.sources import bundle

if TYPE_CHECKING:
    from whyred.sources._archive import BundleWriter


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for. `host`: `local`, a bundle, or None for what the target brings; `seconds`: the budget."""

    target: str
    host: str | None = None
    vouched: bool = False
    probe: bool = True
    seconds: float = 10.0
    save: Path | None = None


def why(wish: Wish, library: Library, progress: Callable[[str], None]) -> Verdict:
    """The verdict. Raises UserError and MissingLogError."""
    if wish.host and wish.host.startswith("ssh:"):
        why_not = "this whyred asks no host over ssh yet; a host is `local`, or a bundle that recorded one"
        raise UserError(f"cannot ask {wish.host}", why_not, "On the host itself say --host local")
    fetched = fetch(wish.target, progress)
    with ExitStack() as stack:
        writer = stack.enter_context(_writer(wish.save)) if wish.save else None
        tap = (lambda block: writer.log(block.raw)) if writer else None
        masker = library.masker()
        log = read_log(fetched.chunks, library, tap, fetched.attempt.conclusion, masker)
        refuse_nothing(log, fetched)
        asker = _asker(wish, fetched, log, masker)
        progress("asking the host" if isinstance(asker, Live) else "judging")
        verdict = investigate(log, fetched.attempt, library.causes, asker)
        if writer:
            writer.finish(fetched.attempt, asker.record.dump())
            progress(f"saved {wish.save}")
    return verdict


def doctor(host: str, library: Library, progress: Callable[[str], None], *, create: bool = False) -> list[Row]:
    """The table of this machine (`local`), or of what a bundle recorded. `create`: try to make directories."""
    from whyred.app.doctor import examine, recorded

    if host != "local":
        return recorded(_recording(bundle.fetch(host, given()).answers), library.causes)
    from whyred.hosts.local import LocalHost

    return examine(LocalHost(), library.causes, library.masker().text, progress, create=create)


def _writer(path: Path) -> "BundleWriter":
    from whyred.sources._archive import BundleWriter

    return BundleWriter(path, version())


def version() -> str:
    """Whyred's own version."""
    from importlib.metadata import version as of

    return of("whyred")


def _asker(wish: Wish, fetched: Fetched, log: ReadLog, masker: Masker) -> Asker:
    if not wish.probe:
        return Nobody(Unknown(Reason.NO_HOST, "no host was asked (--no-probe)"))
    if wish.host not in (None, "local"):
        return _recorded_host(str(wish.host), fetched, wish.vouched)
    if wish.host is None and fetched.answers is not None:
        return Recorded(_recording(fetched.answers))
    runner = fetched.attempt.runner
    if wish.host is None and (runner is None or runner.machine is None):
        return Nobody(Unknown(Reason.OTHER_HOST, "a log handed in as a file says nothing about this machine"))
    from whyred.hosts.local import LocalHost

    host = LocalHost()
    subjects = Subjects(host, fetched.attempt, wish.vouched, log.reading.runner, log.reading.ended)
    return Live(host, subjects, masker.text, wish.seconds)


def _recorded_host(target: str, fetched: Fetched, vouched: bool) -> Asker:
    """What a bundle recorded of a host, as evidence for this attempt: only of the very runner, or vouched for."""
    other = bundle.fetch(target, given())
    mine, theirs = fetched.attempt.runner, other.attempt.runner
    if vouched or (mine is not None and mine.machine is not None and mine == theirs):
        return Recorded(_recording(other.answers))
    why_not = f"nothing shows that the host recorded in {target} ran this attempt; if it did, add --this-host-ran-it"
    return Nobody(Unknown(Reason.OTHER_HOST, why_not))


def _recording(answers: bytes | None) -> Recording:
    try:
        return Recording.load(answers or b"[]")
    except ValueError as e:
        raise UserError("the recorded answers cannot be read", str(e), "Save a new bundle") from e
