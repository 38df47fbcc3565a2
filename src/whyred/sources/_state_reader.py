"""Reads the steps of one attempt by the web pages' own data: whole, some of them, or as they come."""

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import replace

from whyred.model.run import Attempt, Conclusion, Run, Status, Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources import _forge_api
from whyred.sources._growing import growing
from whyred.sources._same_try import refuse_other
from whyred.sources._state import Answer, State, read_answer
from whyred.sources._state_rest import with_rest
from whyred.sources._web import Page, expired
from whyred.sources.http import By, Stream
from whyred.sources.pace import Pace
from whyred.sources.reach import Reach, Want

_WAIT_OUT = (Missing.UNREACHABLE, Missing.SERVER_ERROR, Missing.RATE_LIMITED, Missing.STILL_RUNNING)
_RESUMES = 5


def told_run(run: Run, state: State) -> Run:
    """The run, with what the page knows and nobody else told."""
    return replace(
        run,
        title=run.title or state.title,
        branch=run.branch or state.branch,
        commit=run.commit or state.commit,
        status=state.status if run.status is Status.UNKNOWN else run.status,
        conclusion=state.conclusion if run.conclusion is Conclusion.UNKNOWN else run.conclusion,
    )


def filled(attempt: Attempt, opened: Page, state: State) -> Attempt:
    """The attempt as the page tells it."""
    number = opened.attempt if opened.attempt is not None else attempt.number
    place = attempt.job.index if attempt.job else None
    job = state.jobs[place] if place is not None and place < len(state.jobs) else None
    status, conclusion = attempt.status, attempt.conclusion
    if number is not None and number in state.attempts:
        status, conclusion = state.attempts[number]
    elif job is not None:
        status, conclusion = job.status, job.conclusion
    waits = state.detail if status in (Status.WAITING, Status.BLOCKED) else None
    waits = None if waits in ("Waiting", "Blocked") else waits  # the older ones repeat the status and no more
    return replace(
        attempt,
        run=told_run(attempt.run, state),
        number=number,
        status=status,
        conclusion=conclusion,
        steps=state.steps,
        waits_for=waits or attempt.waits_for,
    )


def all_in_set_up(attempt: Attempt) -> bool:
    """Whether no step ran to its end, so that the set-up step may hold the rows of all others once more."""
    begun = attempt.steps[0].conclusion is Conclusion.SUCCESS
    return attempt.status is Status.DONE and not begun and len(attempt.steps) > 1


class StateReader:
    """Reads the steps of one attempt, in their order."""

    def __init__(self, reach: Reach, opened: Page, attempt: Attempt) -> None:
        self.reach, self.page, self.attempt = reach, opened, attempt
        self._checked = False

    def with_rest(self, chunks: Iterator[bytes | Step]) -> Iterator[bytes | Step]:
        """All steps, and what the whole text has after them."""
        asked = f"GET {self.reach.server.root}{self.page.path}/logs"
        return with_rest(chunks, lambda: self.attempt, self._whole, asked)

    def _whole(self) -> Iterator[bytes]:
        def open_(headers: Mapping[str, str]) -> Stream:
            stream = self.reach.http.open("GET", f"{self.page.path}/logs", By.WEB, headers=headers)
            if stream.reply.status not in (200, 206, 416):
                raise self.page.log_refusal(stream.refusal(), self.attempt)
            return _forge_api.refuse_page(stream)

        pace = Pace(self.reach.http.sleep, self.reach.http.clock)
        return growing(open_, self.attempt, Want(), lambda: self.attempt, pace)

    def all(self, wanted: tuple[int, ...] | None) -> Iterator[bytes | Step]:
        """All steps, or the wanted ones."""
        for place, step in enumerate(self.attempt.steps):
            if wanted is not None and place not in wanted:
                continue
            yield step
            if step.conclusion is not Conclusion.SKIPPED or step.aside:  # the set-up says why a job was skipped
                yield from self._rows(place)

    def doubled(self) -> Iterator[bytes | Step]:
        """The steps of a job whose set-up step may have every row, and the others theirs again."""
        counts, first = self._counted()
        yield self.attempt.steps[0]
        rows = self._rows(0)
        for row in rows:
            if row == first:
                rows = itertools.chain([row], rows)
                break
            yield row
        else:  # this one was cut as it ought to be
            yield from self.all(tuple(range(1, len(self.attempt.steps))))
            return
        for step, count in counts:
            yield step
            yield from itertools.islice(rows, count)
        yield from rows

    def _counted(self) -> tuple[list[tuple[Step, int]], bytes | None]:
        """How many rows each step after the set-up has, and the first of them all."""
        counts: list[tuple[Step, int]] = []
        first: bytes | None = None
        for place, step in enumerate(self.attempt.steps[1:], 1):
            count = 0
            for row in self._rows(place):
                first = row if first is None else first
                count += 1
            counts.append((step, count))
        return counts, first

    def _rows(self, place: int, cursor: int = 0) -> Iterator[bytes]:
        """The rows of a step; a connection that breaks is taken up at the row where it ended."""
        barren = 0
        while True:
            before = cursor
            try:
                for row in self._answer(place, cursor).lines:
                    cursor += 1
                    yield row
            except MissingLogError as e:
                barren = 0 if cursor > before else barren + 1
                if e.reason is not Missing.UNREACHABLE or barren > _RESUMES:
                    raise
                continue
            return

    def _answer(self, place: int, cursor: int) -> Answer:
        stream = self.page.state([(place, cursor)], self.attempt)
        answer = read_answer(stream.chunks(), stream.reply.asked)
        if answer.state is not None:  # before a row of it is given: it may be of another attempt
            refuse_other(self.attempt, filled(self.attempt, self.page, answer.state), stream.reply.asked)
        if cursor or self._checked:
            return answer
        self._checked = True
        lines = list(itertools.islice(answer.lines, 2))
        if len(lines) == 1 and self.attempt.status is Status.DONE:
            self._refuse_expired()
        return replace(answer, lines=itertools.chain(lines, answer.lines))

    def _refuse_expired(self) -> None:
        """One row in a step may be the step's, or the sentence that stands in place of an expired log, in the reader's
        language. The download knows: of a job that has steps it is there, or the log is not (Gitea from 1.25 shows its
        plain page for that, the others say it).
        """
        stream = self.reach.http.open("GET", f"{self.page.path}/logs", By.WEB)
        status, asked = stream.reply.status, stream.reply.asked
        body = next(stream.chunks(), b"") if status == 404 else b""
        stream.close()
        if status == 404 and b"not started" not in body:
            raise expired(asked)

    def follow(self) -> Iterator[bytes | Step]:
        """The rows as they come, step by step, until the job has ended."""
        pace = Pace(self.reach.http.sleep, self.reach.http.clock)
        place, cursor, told = 0, 0, -1
        given, over, final = 0, 0, False
        while True:
            steps = self.attempt.steps
            if place > told and place < len(steps):
                yield steps[place]
                told = place
            try:
                moved, ended, before = False, self._ended(place), cursor
                answer = self._answer(place, cursor)
                for row in answer.lines:
                    moved, cursor = True, cursor + 1
                    if over:  # it was given as one of the set-up
                        over -= 1
                        continue
                    given += 1
                    yield row
                if moved and answer.cursor is not None and answer.cursor <= before:
                    raise self._stuck(before)
                pace.answered()
                self._take(answer)
                set_up = self._set_up_over(cursor) if place == 0 and ended and not moved else 0
            except MissingLogError as e:
                if e.reason not in _WAIT_OUT or not pace.patient:
                    raise
                pace.idle()
                continue
            if moved:
                pace.moved()
            elif set_up is None:
                pass  # the first step runs and has no row yet: where the set-up ends is not known
            elif ended and final and place == 0:  # the set-up has every row
                yield from self.attempt.steps[1:]
                return
            elif ended and place + 1 < len(self.attempt.steps) and not (place == 0 and all_in_set_up(self.attempt)):
                place, cursor, over = place + 1, 0, over + set_up
                continue
            elif ended and final:
                yield from self._late(given)
                return
            elif ended:
                final = True
                pace.late()
                continue
            pace.idle()

    def _set_up_over(self, had: int) -> int | None:
        """How many rows of the set-up that were given are the first step's; None while that is not known.

        A runner sends rows first, and right after tells whose they are; and of a step that runs it does not tell where
        it begins before that has a row: until then the set-up has none (modules/actions/task_state.go, FullSteps).
        """
        if had and next(self._answer(0, had - 1).lines, None) is not None:
            return 0
        length = sum(1 for _ in self._answer(0, 0).lines)
        if not length and self.attempt.status is not Status.DONE:
            return None
        return max(0, had - length)

    def _late(self, given: int) -> Iterator[bytes]:
        """The last rows of a job that was cancelled in its first step: of those only the set-up has more."""
        if all_in_set_up(self.attempt):
            yield from self._rows(0, given)

    def _stuck(self, cursor: int) -> MissingLogError:
        asked = f"POST {self.reach.server.root}{self.page.path}"
        help_ = f"it gives lines and does not move its cursor on from {cursor}: they would come for ever"
        return MissingLogError(Missing.REFUSED_CONTENT, asked, help_)

    def _ended(self, place: int) -> bool:
        """Whether no row of a step can come any more, as the last answer told it."""
        steps = self.attempt.steps
        return self.attempt.status is Status.DONE or (place < len(steps) and steps[place].status is Status.DONE)

    def _take(self, answer: Answer) -> None:
        if answer.state is not None:
            self.attempt = filled(self.attempt, self.page, answer.state)
