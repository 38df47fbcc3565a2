"""From the address that a target names to the run and the attempt that are meant."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from whyred.app.ladder import Ladder
from whyred.model.forge import Address, Kind, RunQuery, Server
from whyred.model.run import Attempt, Conclusion, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources._web import by_ids

_LOOK = 30
"""Runs that are looked through for the newest failing one."""
RED = (Conclusion.FAILURE, Conclusion.TIMED_OUT)
_NAMED = 5
"""Jobs that a note names."""
_ELSEWHERE = (
    Missing.ROUTE_NOT_ON_THIS_VERSION,
    Missing.NEEDS_TOKEN,
    Missing.NO_PERMISSION,
    Missing.WRONG_ID_KIND,
    Missing.NOT_FOUND,
)
"""Refusals of the list of runs that say nothing against a run whose number is known."""


@dataclass
class Resolver:
    """Finds what an address means on one forge."""

    ladder: Ladder
    note: Callable[[str], None] = lambda _: None
    """Hears where the run is another one than one might think."""
    seen: Callable[[list[Run], list[Attempt]], None] = lambda _runs, _attempts: None
    """Hears of the jobs that a run turned out to have."""

    def __post_init__(self) -> None:
        self._unlisted: MissingLogError | None = None
        """Why the run that was named last is in no list, where its jobs are asked for all the same."""

    def run(self, address: Address) -> Run:
        """The run. Raises MissingLogError (not-found-or-hidden, wrong-id-kind, ...)."""
        self._unlisted = None
        if address.run is not None:
            return self._numbered(address, address.run)
        if address.job is not None and not address.newest:  # without a run it is a job's id, whoever wrote it down
            found: Run = self.ladder.ask("of_job", address.repo, address.job)
            return found
        return self._newest(address)

    def _numbered(self, address: Address, number: int) -> Run:
        ids = self._goes_by_ids(address)
        query = RunQuery(limit=1, id=number) if ids else RunQuery(limit=1, number=number)
        label = str(Address(address.repo, run=number))
        try:
            found = self.ladder.runs(address.repo, query)
        except MissingLogError as e:
            missing = Missing.NOT_FOUND in (e.reason, *(other.reason for _, other in e.tried))
            if ids and missing and self._refuse_number(address.repo, number):
                help_ = "the repository has no run of this id (whyred runs lists them), or it was deleted"
                asked = f"look for the run with the id {number} of {address.repo}"
                raise MissingLogError(Missing.NOT_FOUND, asked, help_, e.tried) from e
            if e.reason not in _ELSEWHERE or (ids and e.reason is Missing.NOT_FOUND):
                raise
            # The web pages need no list: they say themselves whether there is such a run.
            self._unlisted = e if e.reason is Missing.NOT_FOUND else None
            return Run(label, repo=address.repo, id=number if ids else None, number=None if ids else number)
        if found:
            return found[0]
        self._refuse_id(address.repo, number)
        help_ = "the repository has no run of this number (whyred runs lists them), or it was deleted"
        raise MissingLogError(Missing.NOT_FOUND, f"look for {label} on {self.ladder.reach.server.root}", help_)

    def _refuse_id(self, repo: str, number: int) -> None:
        """Says so where somebody gave the forge's own id in place of the number that people see."""
        try:
            found = self.ladder.runs(repo, RunQuery(limit=1, id=number))
        except MissingLogError:
            return  # then nothing is known of ids here, and the number simply does not exist
        if found and found[0].number is not None:
            help_ = f"{number} is the id of {found[0].label}: name the run by the number after #"
            raise MissingLogError(Missing.WRONG_ID_KIND, f"look for {repo}#{number}", help_)

    def _refuse_number(self, repo: str, id_: int) -> bool:
        """Says so where somebody gave the number that people see in place of the forge's own id. Whether a list was
        read that knows every run, so that there is none of this id.
        """
        if self.ladder.reach.server.kind not in (Kind.FORGEJO, Kind.GITEA):
            return False  # GitLab has no other number, and on GitHub every workflow has one of its own
        try:
            found = self.ladder.runs(repo, RunQuery(limit=1, number=id_))
        except MissingLogError:
            return False  # then nothing is known of numbers here, and the id simply does not exist
        if found and found[0].id is not None:
            help_ = f"{id_} is the number of {found[0].label}, and its id is {found[0].id}: name it by that, or after #"
            raise MissingLogError(Missing.WRONG_ID_KIND, f"look for the run with the id {id_} of {repo}", help_)
        return self.ladder.lacking is None

    def _goes_by_ids(self, address: Address) -> bool:
        kind = self.ladder.reach.server.kind
        if address.ids or kind is Kind.GITLAB:
            return True
        return address.from_url and (kind is Kind.GITHUB or by_ids(self.ladder.reach))

    def _query(self, address: Address) -> RunQuery:
        """Which runs an address means that names none by its number. A list that was sifted, and a page `runs/latest`,
        show those of every branch; only the newest run of one workflow is that of the default branch (ViewLatest and
        ViewLatestWorkflowRun in routers/web/repo/actions/view.go of Forgejo).
        """
        commit, branch = address.commit, address.branch
        if address.pull is not None:
            commit = str(self.ladder.ask("pull", address.repo, address.pull))
        every = address.sifted if not address.newest else address.workflow is None
        if commit is None and branch is None and not every:
            branch = self._default_branch(address.repo)
        # A commit says it all: the branch of a checkout may have another name on the forge.
        branch = None if commit else branch
        return address.sift(RunQuery(1 if address.newest else _LOOK, commit=commit, branch=branch))

    def _newest(self, address: Address) -> Run:
        """The newest failing run of the commit, pull request, branch or list; where none failed, or the newest one of
        all was asked for, the newest.
        """
        query = self._query(address)
        found = self._found(address, query)
        if not found:
            asked, lacking = f"look for runs of {_what(query)} in {address.repo}", self.ladder.lacking
            if lacking is not None:
                raise MissingLogError(lacking.reason, asked, f"none is listed: {lacking.help}", lacking.tried)
            help_ = "nothing ran for it yet, or nothing that this route lists: whyred runs shows what did"
            raise MissingLogError(Missing.NOT_FOUND, asked, help_)
        red = next((r for r in found if r.conclusion in RED), found[0])
        if address.newest or red is found[0]:
            return found[0]
        newest = found[0]
        told = newest.conclusion.value if newest.status is Status.DONE else newest.status.value
        self.note(f"{newest.label} is newer ({told}); taking {red.label}, the newest that failed")
        return red

    def _found(self, address: Address, query: RunQuery) -> list[Run]:
        found = self.ladder.runs(address.repo, query)
        branch, commit = address.branch, query.commit
        if not found and commit is not None and branch is not None:
            self.note(f"nothing ran for commit {commit[:10]} yet: taking the newest run of branch {branch}")
            found = self.ladder.runs(address.repo, replace(query, commit=None, branch=branch))
        while not found and address.from_url and branch is not None and "/" in branch:
            branch = branch.rpartition("/")[0]  # in the URL of a file its path comes after the branch
            found = self.ladder.runs(address.repo, replace(query, branch=branch))
        return found

    def _default_branch(self, repo: str) -> str | None:
        try:
            branch: str | None = self.ladder.ask("default_branch", repo)
        except MissingLogError:
            return None  # no API for this user: then the newest run of any branch is the best there is
        return branch

    def attempts(self, run: Run, address: Address) -> list[Attempt]:
        """The attempts that the address means: one where it names a job, else all of the run."""
        found = self._attempts(run)
        self.seen([run], found)
        if address.job_name is not None:
            found = [self._named(found, address.job_name, run)]
        elif address.job is not None:
            found = [self._placed(found, address, address.job, run)]
        return [self.older(a, address.attempt) for a in found] if address.attempt is not None else found

    def _attempts(self, run: Run) -> list[Attempt]:
        """The attempts of a run. Of one that no list has it is told first that none has it."""
        try:
            return list(self.ladder.attempts(run))
        except MissingLogError as e:
            if self._unlisted is None or e.reason not in (Missing.NEEDS_WEB_LOGIN, Missing.NEEDS_TOKEN):
                raise
            raise MissingLogError(Missing.NOT_FOUND, self._unlisted.asked, self._unlisted.help, e.tried) from e

    def older(self, attempt: Attempt, number: int) -> Attempt:
        """The attempt of this number of the same job; what is known of the newest one does not count for it."""
        if self.ladder.reach.server.kind is Kind.GITHUB and attempt.number != number:
            found: Attempt = self.ladder.ask("older", attempt, number)
            return found
        newest = attempt if attempt.number is not None else self.ladder.steps(attempt)
        if newest.number == number:
            return newest
        self._refuse_older(newest, number)
        return replace(
            attempt,
            number=number,
            status=Status.DONE,
            conclusion=Conclusion.UNKNOWN,
            started=None,
            ended=None,
            runner=None,
            steps=(),
            id=None,
            waits_for=None,
            newest=False,
        )

    def _refuse_older(self, newest: Attempt, number: int) -> None:
        """Says so where this server cannot show the attempt: no route gives another one in its place."""
        reach, asked = self.ladder.reach, f"look for attempt {number} of {newest.run.label}"
        if newest.number is not None and number > newest.number:
            raise MissingLogError(Missing.NOT_FOUND, asked, f"the job has {newest.number} so far: name one of these")
        if newest.number is None and reach.host is None and not _without_attempts(reach.server):
            self.ladder.ask("steps", newest)  # which raises why the page that knows the attempts is closed
        only_newest = newest.number is None or reach.server.kind is Kind.GITEA
        if only_newest and reach.host is None:
            help_ = (
                f"{reach.server} shows the newest attempt alone; older ones are on its own machine: add --forge-host"
            )
            raise MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, asked, help_)

    def _named(self, found: list[Attempt], name: str, run: Run) -> Attempt:
        names = [a.job.name if a.job else "" for a in found]
        for same in (str.__eq__, lambda a, b: a.lower() == b.lower(), lambda a, b: a.lower().startswith(b.lower())):
            hits = [a for a, told in zip(found, names, strict=True) if same(told, name)]
            if len(hits) == 1:
                return hits[0]
        raise UserError(f"{run.label} has no job {name!r}", f"its jobs are {', '.join(names)}", "Name one of these")

    def _placed(self, found: list[Attempt], address: Address, job: int, run: Run) -> Attempt:
        ids = self._goes_by_ids(address)
        for attempt in found:
            if attempt.job is not None and job == (attempt.job.id if ids else attempt.job.index):
                return attempt
        if self.ladder.reach.server.kind in (Kind.GITHUB, Kind.GITLAB):
            older: Attempt = self.ladder.ask("attempt_of", run, job)  # a job of an older attempt has an id of its own
            return older
        what = "id" if ids else "place"
        names = ", ".join(a.job.name for a in found if a.job)
        help_ = f"no job of the run has this {what}; its jobs are {names}: name one as `{run.label}:JOB`"
        raise MissingLogError(Missing.WRONG_ID_KIND, f"look for job {job} of {run.label}", help_)


def _what(query: RunQuery) -> str:
    """What is asked for, for people."""
    told = {"commit": query.commit[:10] if query.commit else None, "branch": query.branch, "workflow": query.workflow}
    told |= {"event": query.event, "status": query.status, "actor": query.actor}
    return ", ".join(f"{name} {value}" for name, value in told.items() if value is not None) or "the repository"


def _without_attempts(server: Server) -> bool:
    """Whether it is known that a server's pages have no older attempts: Forgejo brought them with version 13."""
    version = re.match(r"\d+", server.version or "")
    return server.kind is not Kind.FORGEJO or (version is not None and int(version[0]) < 13)


def among(attempt: Attempt, attempts: list[Attempt]) -> str | None:
    """What a user must know who asked for a run and gets one attempt of it: the jobs that are left aside, those that
    failed by name. None where there are none.
    """
    others = [a.job.name for a in attempts if a is not attempt and a.job and a.conclusion in RED]
    rest = len(attempts) - 1 - len(others)
    if attempt.job is None or not (others or rest):
        return None
    told = [f"also failed: {', '.join(others[:_NAMED])}{' ...' if len(others) > _NAMED else ''}"] if others else []
    told += [f"{rest} other job{'s' if rest > 1 else ''} did not fail"] if rest else []
    how = f"; add :JOB for another (as in {attempt.run.label}:{others[0]})" if others else ""
    return f"this is job {attempt.job.name} of {attempt.run.label}; {', '.join(told)}{how}"


def chosen(attempts: list[Attempt]) -> Attempt:
    """The one attempt to look into: the first that failed, else one that runs or ended otherwise than well, else the
    first. Raises MissingLogError (a run without jobs).
    """
    if not attempts:
        help_ = "the run has no jobs: its workflow file may be invalid (the run's web page says why)"
        raise MissingLogError(Missing.NOT_STARTED, "choose a job", help_)
    for wanted in (
        lambda a: a.conclusion in RED,
        lambda a: a.conclusion is Conclusion.CANCELLED and a.started,
        lambda a: a.status is Status.RUNNING,
        lambda a: a.conclusion is Conclusion.CANCELLED,
        lambda a: a.status is Status.WAITING,
    ):
        for attempt in attempts:
            if wanted(attempt):
                return attempt
    return attempts[0]
