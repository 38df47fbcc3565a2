"""The web pages' own data: the jobs of a run, exact steps, and each step's lines by cursor. Every version has it, with
a web login, or without one on public repositories.
"""

import itertools
from collections.abc import Iterator
from dataclasses import replace

from whyred.model.forge import Kind
from whyred.model.run import Attempt, Conclusion, Job, Run, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import _forge_api
from whyred.sources._state import State, read_answer
from whyred.sources._state_reader import StateReader, all_in_set_up, filled, told_run
from whyred.sources._state_rest import only
from whyred.sources._web import Page, older_hidden, page, page_of
from whyred.sources.reach import Reach, Want

NAME = "web-state"
SERVES = "the web pages of Forgejo and Gitea: jobs, exact steps, lines by cursor"
ORDER = 120
KINDS = frozenset({Kind.FORGEJO, Kind.GITEA})
_NO_LINE = "the runner has sent no line yet: try again in some seconds, or wait for them with whyred logs --follow"


def refuses(reach: Reach) -> MissingLogError | None:
    """Nothing is known without a request: a public repository needs no web login."""
    return None


def attempts(reach: Reach, run: Run) -> tuple[Attempt, ...]:
    """The newest attempt of every job; which number it has is told with its steps."""
    opened = page(reach, run, 0, None)
    state = _state(opened)
    if state.error and not state.jobs:
        raise MissingLogError(Missing.NOT_STARTED, opened.path, f"the forge could not run the workflow: {state.error}")
    run = told_run(run, state)
    return tuple(
        Attempt(run, Job(None, job.name, job.id, i), status=job.status, conclusion=job.conclusion, url=run.url)
        for i, job in enumerate(state.jobs)
    )


def steps(reach: Reach, attempt: Attempt) -> Attempt:
    """The attempt with its steps."""
    opened, state, attempt = _known(reach, attempt)
    return filled(attempt, opened, state)


def _known(reach: Reach, attempt: Attempt) -> tuple[Page, State, Attempt]:
    """The page of an attempt, its state, and the attempt with the job's place in the run."""
    job = placed(reach, attempt)
    opened = page_of(reach, attempt, job)
    state = _state(opened)
    # A place beyond the last job silently shows job 0, and an id of another run shows none.
    place = job.index or 0
    named = state.jobs[place].name if place < len(state.jobs) else None
    if named is None or state.job != named or (named != job.name and reach.server.kind is Kind.FORGEJO):
        shown = f"the job {state.job!r}" if state.job else "no job"
        help_ = f"the page shows {shown} there, not {job.name!r}: name the job as `owner/repo#RUN:JOB`"
        raise MissingLogError(Missing.WRONG_ID_KIND, f"open {reach.server.root}{opened.path}", help_)
    return opened, state, replace(attempt, job=job)


def placed(reach: Reach, attempt: Attempt) -> Job:
    """The job with its place in the run; the list of tasks tells names alone, so the run's page is asked.

    Raises MissingLogError (wrong-id-kind), where the run has no job of this name or several.
    """
    job = attempt.job
    if job is None:
        help_ = "its job is not known: name it as `owner/repo#RUN:JOB`"
        raise MissingLogError(Missing.WRONG_ID_KIND, f"open the page of {attempt.run.label}", help_)
    if job.index is not None:
        return job
    same = [a.job for a in attempts(reach, attempt.run) if a.job is not None and a.job.name == job.name]
    if len(same) != 1:
        help_ = f"the run has {len(same)} jobs named {job.name!r}: give the job's URL as the browser has it"
        raise MissingLogError(Missing.WRONG_ID_KIND, f"open the page of {attempt.run.label}", help_)
    return same[0]


def _state(opened: Page) -> State:
    stream = opened.state([])
    answer = read_answer(stream.chunks(), stream.reply.asked)
    if answer.state is None:
        raise MissingLogError(Missing.REFUSED_CONTENT, stream.reply.asked, "its answer is endless, which no state is")
    return answer.state


def log(reach: Reach, attempt: Attempt, want: Want) -> Fetched:
    """The log, step by step."""
    opened, state, attempt = _known(reach, attempt)
    attempt = filled(attempt, opened, state)
    if not attempt.steps and not attempt.newest:
        raise older_hidden(reach, f"POST {reach.server.root}{opened.path}")
    if not attempt.steps:
        raise _forge_api.not_started(f"POST {reach.server.root}{opened.path}", attempt)
    reader = StateReader(reach, opened, attempt)
    if want.follow and attempt.status is not Status.DONE:
        chunks = reader.with_rest(reader.follow())
    else:
        chunks = _begun(_some(reader, want), reader)
    return Fetched(attempt, chunks, NAME, boundaries=Boundaries.TOLD)


def _some(reader: StateReader, want: Want) -> Iterator[bytes | Step]:
    """What is wanted of an attempt. Rows of a step that was cancelled may be found in the whole text alone, whose place
    is known where all steps before were read.
    """
    steps, places = reader.attempt.steps, want.places(reader.attempt.steps)
    if _doubled(reader.attempt, want):
        return reader.with_rest(reader.doubled())
    if places is None:
        return reader.with_rest(reader.all(None))
    if reader.attempt.status is Status.DONE and any(steps[i].conclusion is Conclusion.CANCELLED for i in places):
        return only(reader.with_rest(reader.all(None)), want.wants(steps))
    return reader.all(places)


def _doubled(attempt: Attempt, want: Want) -> bool:
    """Whether the set-up step may hold the rows of all others once more: so it does where no step ran to its end, as in
    jobs that were cancelled, and on Forgejo 7 where the first one was skipped; and then it is no success itself.

    Source: modules/actions/task_state.go (FullSteps) of Forgejo 7 to 16.
    """
    return want.steps is None and all_in_set_up(attempt)


def _begun(chunks: Iterator[bytes | Step], reader: StateReader) -> Iterator[bytes | Step]:
    """The stream after its first row came, so that a refusal is told before anything is shown."""
    head: list[bytes | Step] = []
    for chunk in chunks:
        head.append(chunk)
        if isinstance(chunk, bytes):
            break
    else:
        if reader.attempt.status is not Status.DONE:
            asked = f"POST {reader.reach.server.root}{reader.page.path}"
            raise MissingLogError(Missing.STILL_RUNNING, asked, _NO_LINE)
    return itertools.chain(head, chunks)
