"""`why`: from a target to a verdict, with a host where one is to be asked, saved as a bundle where wanted."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from whyred.app import hosts
from whyred.app.ask import Asker, Live, Nobody, Recorded, WithForge
from whyred.app.failed_jobs import ReadRun, read_jobs
from whyred.app.familiar import Known
from whyred.app.here import NO_JOB, placed
from whyred.app.investigate import investigate
from whyred.app.library import Library
from whyred.app.read import ReadLog
from whyred.app.read_job import read_job
from whyred.app.subjects import Subjects
from whyred.app.targets import address_of, fetch, find, forges_or_own, given, refuse_two_pipes, telling
from whyred.diagnosis import tell_forge
from whyred.hosts.bundle import Recording
from whyred.logs.mask import Masker
from whyred.model.evidence import Reason, Unknown
from whyred.model.examination import Row
from whyred.model.finding import Verdict
from whyred.model.host import HostRefusedError
from whyred.model.run import Runner
from whyred.model.source import Fetched
from whyred.model.trouble import UserError
from whyred.settings import folders
from whyred.sources import bundle

if TYPE_CHECKING:
    from whyred.app.forges import Forges
    from whyred.app.targets import Several
    from whyred.model.forge import Address
    from whyred.sources._bundle_writer import BundleWriter


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asked for. `host`: `local`, an address over ssh, a bundle, or None for what the target brings;
    `seconds`: the budget.
    """

    target: "str | Address"
    host: str | None = None
    vouched: bool = False
    probe: bool = True
    seconds: float = 10.0
    save: Path | None = None
    forges: "Forges | None" = None
    """The forges that a target may be on; None where it is a file."""
    most: int | None = None
    """Bytes of log that are allowed; a larger one is refused (too-large)."""
    baselines: "tuple[str | Address, ...]" = ()
    """Green attempts to compare with."""
    here: bool = False
    """Whether this process is itself in the job that the log is of."""
    seek: bool = True
    """Whether a green attempt that nobody named may be looked for."""


def why(wish: Wish, library: Library, progress: Callable[[str], None]) -> Verdict:
    """The verdict. Raises UserError and MissingLogError."""
    hosts.check(wish.host)
    refuse_two_pipes(wish.target, *wish.baselines)
    with ExitStack() as stack:
        found = find(wish.target, progress, wish.forges, wish.most)
        run = None if isinstance(found, Fetched) else read_jobs(found, library, progress)
        writer = stack.enter_context(_writer(wish.save)) if wish.save else None
        read = run.read if run is not None and writer is None else None
        if read is None:
            fetched = _one(found, run, wish, progress)
            tap = (lambda block: writer.log(block.raw, block.step)) if writer else None
            read = read_job(fetched, library, tap)
        fetched, masker = read.fetched, read.masker
        if wish.here:
            fetched = replace(fetched, attempt=placed(fetched.attempt, hosts.host(hosts.LOCAL)))
        failures = fetched.run_failures if run is None else run.failures
        known = Known(wish.target, fetched, library, wish.baselines, wish.seek, wish.most, wish.forges, progress)
        log = read.log.beside(known.lines(read.log.reading))
        asker = _asker(wish, fetched, log, masker, stack, progress)
        progress(_doing(asker))
        verdict = investigate(log, fetched.attempt, library.causes, asker, tell_forge.ASKS, fetched.scripts)
        verdict = replace(verdict, run_failures=failures)
        question = known.question(changed=log.matched != read.log.matched)
        if question is not None:
            verdict = replace(verdict, questions=(question, *verdict.questions))
        if writer:
            route = fetched.first or fetched.route
            writer.finish(
                fetched.attempt, asker.record.dump(), fetched.boundaries, route, run=failures, familiar=known.told
            )
            progress(f"saved {wish.save}")
    return verdict


def _doing(asker: Asker) -> str:
    """Whom there is to wait for."""
    if not isinstance(asker, WithForge) or isinstance(asker.forge, Nobody):
        return "judging"
    return "asking the host" if isinstance(asker.host, Live) else "judging"


def _one(found: "Fetched | Several", run: ReadRun | None, wish: Wish, progress: Callable[[str], None]) -> Fetched:
    """The log to look into, from its beginning. Raises UserError and MissingLogError."""
    if run is not None:
        return telling(run.first.open(), progress)
    return found if isinstance(found, Fetched) else fetch(wish.target, progress, wish.forges, wish.most)


def doctor(host: str, library: Library, progress: Callable[[str], None], *, create: bool = False) -> list[Row]:
    """The table of a machine (`local`, over ssh), or of what a bundle recorded. `create`: try to make directories."""
    from whyred.app.doctor import examine, recorded, unreached

    hosts.check(host)
    if not hosts.is_host(host):
        return recorded(_recording(bundle.fetch(host, given()).answers), library.causes)
    mask = library.masker().text
    try:
        with hosts.reach(host, progress) as (there, patience):
            return examine(hosts.remembered(there), library.causes, mask, progress, create=create, patience=patience)
    except HostRefusedError as e:
        return unreached(host, _masked(e.unknown, mask))


def named(target: str, progress: Callable[[str], None]) -> tuple[str, ...]:
    """What the failures of a log name: absolute paths, and programs, headers and libraries by the names of their files.

    Raises UserError and MissingLogError.
    """
    from whyred.probes.library_search import files

    read = read_job(fetch(target, progress), Library(folders.cache()))
    found: list[str] = []
    for captures in (f.captures for f in read.log.matched.failures):
        words = [captures.get(key, "") for key in ("path", "dir", "target", "file", "tool")]
        found += [word for word in words[:-1] if word.startswith("/")] + words[-1:]
        link = captures.get("message", "")
        kinds = {"link": link if link.startswith("-l") else "", "header": "", "package": "", "library": ""}
        for kind in kinds:
            found += files(kind, captures.get(kind) or kinds[kind])
        found += files("link", captures.get("library", ""))
    return tuple(dict.fromkeys(word for word in found if word))


def _masked(unknown: Unknown, mask: Callable[[bytes], bytes]) -> Unknown:
    """What ssh says may quote what somebody else wrote."""
    return replace(unknown, detail=mask(unknown.detail.encode("utf-8", "replace")).decode("utf-8", "replace"))


def _writer(path: Path) -> "BundleWriter":
    from whyred.sources._bundle_writer import BundleWriter

    return BundleWriter(path, version())


def version() -> str:
    """Whyred's own version."""
    from importlib.metadata import version as of

    return of("whyred")


def _asker(
    wish: Wish, fetched: Fetched, log: ReadLog, masker: Masker, stack: ExitStack, progress: Callable[[str], None]
) -> Asker:
    """Who answers. A host that cannot be reached answers nothing, with the reason: the log is judged all the same."""
    if not wish.probe:
        return Nobody(Unknown(Reason.NO_HOST, "no host was asked (--no-probe)"))
    if wish.host is None and fetched.answers is not None:
        return Recorded(_recording(fetched.answers))
    return WithForge(_host_asker(wish, fetched, log, masker, stack, progress), _forge_asker(wish, fetched, log, masker))


def _forge_asker(wish: Wish, fetched: Fetched, log: ReadLog, masker: Masker) -> Asker:
    """Who answers what a forge tells: the forge itself, or the bundle that the log came in."""
    if fetched.answers is not None:
        return Recorded(_recording(fetched.answers))
    address = address_of(wish.target)
    if address is None or fetched.attempt.run.repo is None:
        return Nobody(Unknown(Reason.NOT_APPLICABLE, "the target is a file, and names no run on a forge"))
    from whyred.app.ask_forge import AskedForge, LiveForge

    attempt = fetched.attempt
    if attempt.runner is None and log.reading.runner is not None:
        attempt = replace(attempt, runner=Runner(name=log.reading.runner))
    ladder, _ = forges_or_own(wish.forges, lambda _: None).of(address)
    return LiveForge(AskedForge(ladder, attempt, log.reading.ended, wish.seconds), masker.text)


def _host_asker(
    wish: Wish, fetched: Fetched, log: ReadLog, masker: Masker, stack: ExitStack, progress: Callable[[str], None]
) -> Asker:
    """Who answers for the host."""
    if wish.host is not None and not hosts.is_host(wish.host):
        return _recorded_host(wish.host, fetched, wish.vouched)
    runner = fetched.attempt.runner
    if wish.host is None and (runner is None or runner.machine is None):
        return Nobody(Unknown(Reason.OTHER_HOST, NO_JOB if wish.here else _no_machine(fetched, log)))
    try:
        there, patience = stack.enter_context(hosts.reach(wish.host or hosts.LOCAL, progress))
    except HostRefusedError as e:
        unknown = _masked(e.unknown, masker.text)
        progress(f"the host cannot be asked: {unknown.detail}")
        return Nobody(unknown)
    host = hosts.remembered(there)
    subjects = Subjects(host, fetched.attempt, wish.vouched, log.reading.runner, log.reading.ended, log.matched.step)
    return Live(host, subjects, masker.text, wish.seconds, patience=patience)


def _no_machine(fetched: Fetched, log: ReadLog) -> str:
    """Why no machine is known to have run this attempt."""
    if fetched.attempt.run.repo is None:
        return "a log handed in as a file says nothing about this machine"
    told = fetched.attempt.runner
    name = (told.name if told else None) or log.reading.runner
    return f"{f'the runner {name}' if name else 'a runner'} ran it, and the forge does not tell on which machine"


def _recorded_host(target: str, fetched: Fetched, vouched: bool) -> Asker:
    """What a bundle recorded of a host, as evidence for this attempt: only of the very runner, or vouched for."""
    other = bundle.fetch(target, given())
    mine, theirs = fetched.attempt.runner, other.attempt.runner
    if vouched or (mine is not None and mine.machine is not None and mine == theirs):
        told = _recording(other.answers).answers
        # What a forge told there is about the run of that bundle.
        return Recorded(Recording({ask: raw for ask, raw in told.items() if not ask.of.is_forges}))
    why_not = f"nothing shows that the host recorded in {target} ran this attempt; if it did, add --this-host-ran-it"
    return Nobody(Unknown(Reason.OTHER_HOST, why_not))


def _recording(answers: bytes | None) -> Recording:
    try:
        return Recording.load(answers or b"[]")
    except ValueError as e:
        raise UserError("the recorded answers cannot be read", str(e), "Save a new bundle") from e
