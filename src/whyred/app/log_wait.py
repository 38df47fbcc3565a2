"""Waiting for a job that no runner has taken yet, so that its log can be followed from its first line."""

from collections.abc import Generator
from dataclasses import dataclass, replace

from whyred.app.ladder import Ladder
from whyred.model.forge import Kind
from whyred.model.run import Attempt, Conclusion, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources.pace import PATIENCE, QUICK, SLOW
from whyred.sources.reach import Offered

_SELDOM = 15.0
"""Seconds between two questions, at most, to a forge that counts them (GitHub, GitLab)."""
_WAIT_OUT = (Missing.UNREACHABLE, Missing.SERVER_ERROR, Missing.RATE_LIMITED)
_OPEN = (Status.WAITING, Status.BLOCKED)


@dataclass(frozen=True, slots=True)
class Note:
    """What a person must know beside the log."""

    text: str


class Wait:
    """Pauses that grow, and how long a server that does not answer is waited for."""

    def __init__(self, ladder: Ladder) -> None:
        self.http = ladder.reach.http
        self._most = _SELDOM if ladder.reach.server.kind in (Kind.GITHUB, Kind.GITLAB) else SLOW
        self._pause, self._answered = QUICK, self.http.clock()

    def idle(self) -> None:
        """Waits for the next question."""
        self.http.sleep(self._pause)
        self._pause = min(self._most, self._pause * 1.3)

    def answered(self) -> None:
        """The server answers."""
        self._answered = self.http.clock()

    def outlasts(self, error: MissingLogError) -> bool:
        """Whether this is waited out: a restart of the server is."""
        return error.reason in _WAIT_OUT and self.http.clock() - self._answered < PATIENCE


def begun(ladder: Ladder, attempt: Attempt) -> Generator[Note, None, Attempt]:
    """Waits until a runner has taken the job, or it has ended without one; says for what, when that is known and when
    it changes. Gives the attempt as it is then. Raises MissingLogError.
    """
    wait, now = Wait(ladder), attempt
    said: tuple[object, ...] | None = None
    while now.status in _OPEN:
        now = _with_labels(ladder, now) if said is None else now
        about = (now.status, now.waits_for, now.job.labels if now.job else None)
        if about != said:
            said = about
            yield Note(waits(ladder, now))
        wait.idle()
        try:
            found = again(ladder, now)
            wait.answered()
        except MissingLogError as e:
            if not wait.outlasts(e):
                raise
            continue
        now = _keeping(now, found) if found.status in _OPEN else found
    return now


def again(ladder: Ladder, attempt: Attempt) -> Attempt:
    """The attempt as it is now; as it was where it is not listed. One that another came after has ended. Raises
    MissingLogError.
    """
    now = _listed(ladder, attempt)
    # Of a job that waits to run again some servers tell the number of the attempt before, and some lists tell none.
    known = attempt.status not in _OPEN and None not in (attempt.number, now.number)
    if attempt.newest and (not known or now.number == attempt.number):
        return now
    older = replace(attempt, status=Status.DONE, newest=False)
    if older.conclusion is not Conclusion.UNKNOWN:
        return older
    told = ladder.steps(replace(older, steps=()))
    return replace(told, steps=told.steps or attempt.steps)


def _listed(ladder: Ladder, attempt: Attempt) -> Attempt:
    job = attempt.job
    listed = [now for now in ladder.attempts(attempt.run) if now.job and job and now.job.name == job.name]
    for now in listed:
        if now.job and job and (now.job.id, now.job.index) == (job.id, job.index):
            return now
    # Another route may list it by now, which knows other numbers of it.
    return listed[0] if len(listed) == 1 else attempt


def _with_labels(ladder: Ladder, attempt: Attempt) -> Attempt:
    known = attempt.waits_for or (attempt.job and attempt.job.labels)
    return attempt if known else _keeping(attempt, ladder.steps(attempt))


def _keeping(before: Attempt, now: Attempt) -> Attempt:
    """The attempt as it is now, with what was told of its wait."""
    return replace(before, status=now.status, waits_for=now.waits_for or before.waits_for)


def waits(ladder: Ladder, attempt: Attempt) -> str:
    """What a job waits for, and whether any runner may take it."""
    name = attempt.job.name if attempt.job else "the job"
    labels = attempt.job.labels if attempt.job else None
    if attempt.status is Status.BLOCKED and not attempt.waits_for:
        needs = ", ".join(attempt.job.needs or ()) if attempt.job else ""
        return f"{attempt.run.label}: {name} waits for the jobs it needs{f' ({needs})' if needs else ''}"
    if not labels:
        told = f": {attempt.waits_for}" if attempt.waits_for else " for a runner"
        return f"{attempt.run.label}: {name} waits{told}"
    label = f"the label{'s' if len(labels) > 1 else ''} {', '.join(labels)}"
    return f"{attempt.run.label}: {name} waits for a runner with {label}; {_offers(ladder, attempt, labels)}"


def _offers(ladder: Ladder, attempt: Attempt, labels: tuple[str, ...]) -> str:
    try:
        offered: tuple[Offered, ...] = ladder.ask("runners", attempt.run.repo or "")
    except MissingLogError as e:
        return f"whether any offers it is not told ({e.reason}: {e.help})"
    fit = [f"{runner.name} ({runner.status})" for runner in offered if set(labels) <= set(runner.labels)]
    return f"offered by {', '.join(fit)}" if fit else "no runner of this repository offers it"
