"""Watching a run after a change, on every version: the new attempt's log as it comes, and how the run ended."""

import pytest
from change_standin import DISPATCHED, Way, address, picked, two_failed, way, workflows
from standin import PROFILES, Status, faults, scenarios
from standin.wire import Reply, Request, as_json

from whyred.app import change
from whyred.app.change import Planned
from whyred.app.library import Library
from whyred.app.log_pieces import Absent, Head
from whyred.app.watch import Watch
from whyred.model.run import Conclusion
from whyred.model.source import Missing, MissingLogError

EACH = pytest.mark.parametrize("name", PROFILES)


class Watched:
    """What was seen of a run: the jobs whose logs came, their text, what was told, how it ended."""

    def __init__(self, user: Way, planned: Planned) -> None:
        run = change.apply(planned, lambda _: None)
        assert run is not None
        self.jobs: list[str] = []
        self.attempts: list[int | None] = []
        self.text = b""
        self.told: list[str] = []
        self.absent: list[Missing] = []
        watch = Watch(planned, run, user.forges, Library(None), self.told.append)
        for piece in watch.pieces():
            if isinstance(piece, Head):
                assert piece.attempt.job is not None
                self.jobs.append(piece.attempt.job.name)
                self.attempts.append(piece.attempt.number)
            elif isinstance(piece, Absent):
                self.absent.append(piece.error.reason)
            elif isinstance(piece, bytes):
                self.text += piece
        self.ended = watch.ended()


def begin(user: Way) -> None:
    """From now on the runner works on the first job of the new run."""
    user.works += picked(user.repo.runs[8].jobs[0])


@EACH
def test_the_new_attempt_is_followed_and_not_the_old_one(name: str) -> None:
    with way(name) as user:
        user.works = [lambda: None, lambda: None, *picked(user.repo.runs[1].jobs[0])]
        seen = Watched(user, change.rerun(address("alice/priv#2"), user.forges, failed=False))
        assert seen.jobs == ["test"]
        assert seen.text.count(b"hello again\n") == 1
        assert scenarios.FOUNDING.encode() not in seen.text, "that was the attempt before"
        assert [line for line in seen.told if line.startswith("test waits for")]
        assert seen.ended is Conclusion.SUCCESS


@EACH
def test_a_job_that_ended_before_it_was_looked_at_is_shown_all_the_same(name: str) -> None:
    with way(name) as user:
        planned = change.rerun(address("alice/priv#2"), user.forges, failed=False)
        for work in picked(user.repo.runs[1].jobs[0], scenarios.FAILED):
            user.works.append(work)
        run = change.apply(planned, lambda _: None)
        assert run is not None
        while user.works:
            user.wait(0)
        watch = Watch(planned, run, user.forges, Library(None), lambda _: None)
        text = b"".join(piece for piece in watch.pieces() if isinstance(piece, bytes))
        assert b"hello again" in text
        assert watch.ended() is Conclusion.FAILURE


@EACH
def test_only_the_jobs_that_run_again_are_shown(name: str) -> None:
    with way(name, two_failed) as user:
        user.works = picked(user.repo.runs[8].jobs[1])
        seen = Watched(user, change.rerun(address("alice/priv#9:two"), user.forges, failed=False))
        assert seen.jobs == ["two"]
        assert seen.ended is Conclusion.FAILURE, "job one failed, and was not run again"


def test_jobs_that_run_beside_each_other_are_shown_one_after_the_other() -> None:
    with way("forgejo-14", two_failed) as user:
        one, two = user.repo.runs[8].jobs[:2]
        first, second = picked(one), picked(two)
        user.works = [first[0], second[0], second[1], second[2], first[1], first[2]]
        seen = Watched(user, change.rerun(address("alice/priv#9"), user.forges, failed=True))
        assert seen.jobs == ["one", "two"]
        assert seen.attempts == [2, 2]
        assert seen.text.count(b"hello again\n") == 2
        assert seen.ended is Conclusion.SUCCESS


def test_a_job_that_comes_along_is_shown_although_it_was_not_named() -> None:
    with way("forgejo-16") as user:
        unit, always = user.repo.runs[4].jobs[1], user.repo.runs[4].jobs[3]

        def both(_request: Request, _answer: object) -> Reply:
            unit.again()
            always.again()
            return as_json({"redirect": "/"})

        user.forge.fault(both, on=r"/rerun$")
        user.works = [*picked(unit), *picked(always)]
        seen = Watched(user, change.rerun(address("alice/priv#5:unit (2)"), user.forges, failed=False))
        assert seen.jobs == ["unit (2)", "always"]


def test_skipped_jobs_have_no_log_and_hold_nothing_up() -> None:
    with way("forgejo-16") as user:
        jobs = user.repo.runs[5].jobs

        def skip() -> None:
            jobs[0].status = Status.SKIPPED

        user.works = [skip, *picked(jobs[1])]
        seen = Watched(user, change.rerun(address("alice/priv#6"), user.forges, failed=False))
        assert seen.jobs == ["yes"]
        assert seen.ended is Conclusion.SUCCESS


@EACH
def test_a_cancelled_run_is_shown_to_its_end(name: str) -> None:
    with way(name) as user:
        attempt = scenarios.running(user.repo).jobs[0].attempts[0]
        attempt.row("still there", 0)
        seen = Watched(user, change.cancel(address("alice/priv#9"), user.forges))
        assert b"still there\n" in seen.text
        assert seen.ended is Conclusion.CANCELLED


def test_of_a_cancelled_run_only_what_was_cancelled_is_shown() -> None:
    with way("forgejo-16") as user:
        run = scenarios.running(user.repo)
        scenarios.play(run.job("before", "Step"), [scenarios.Part(scenarios.OK, ["over long ago"])])
        run.jobs[0].attempts[0].row("still there", 0)
        seen = Watched(user, change.cancel(address("alice/priv#9"), user.forges))
        assert seen.jobs == ["slow"]
        assert seen.ended is Conclusion.CANCELLED


@pytest.mark.parametrize("name", [name for name in PROFILES if name not in ("forgejo-7", "gitea-1.23")])
def test_a_dispatched_run(name: str) -> None:
    with way(name) as user:
        user.serve({f"{workflows(user)}/green.yml": DISPATCHED})
        planned = change.dispatch("green.yml", address("alice/priv"), None, {"level": "minor"}, user.forges)
        user.works = [lambda: begin(user)]
        seen = Watched(user, planned)
        assert seen.jobs == ["build"]
        assert seen.ended is Conclusion.SUCCESS


def test_a_dispatched_run_that_only_tasks_tell_of() -> None:
    """A token alone sees no run of Forgejo 11 before a runner takes a job, and no log at all; its end it sees."""
    with way("forgejo-11", web=False) as user:
        user.serve({".forgejo/workflows/green.yml": DISPATCHED})
        planned = change.dispatch("green.yml", address("alice/priv"), None, {"level": "minor"}, user.forges)
        user.works = [lambda: None, lambda: begin(user)]
        seen = Watched(user, planned)
        assert seen.jobs == []
        assert seen.absent == [Missing.NEEDS_WEB_LOGIN]
        assert seen.ended is Conclusion.SUCCESS


def test_a_restart_of_the_server_is_waited_out() -> None:
    with way("gitea-1.26.0") as user:
        works = picked(user.repo.runs[1].jobs[0])
        user.works = [user.forge.stop, lambda: None, lambda: None, user.forge.start, *works]
        seen = Watched(user, change.rerun(address("alice/priv#2"), user.forges, failed=False))
        assert seen.text.count(b"hello again\n") == 1
        assert seen.ended is Conclusion.SUCCESS


def test_a_server_that_is_gone_for_good_ends_it() -> None:
    with way("gitea-1.26.0") as user:
        clock = [0.0]
        user.http.clock = lambda: clock[0]
        planned = change.rerun(address("alice/priv#2"), user.forges, failed=False)

        def gone() -> None:
            clock[0] += 400

        user.works = [user.forge.stop, *([gone] * 20)]
        with pytest.raises(MissingLogError) as caught:
            Watched(user, planned)
        assert caught.value.reason is Missing.UNREACHABLE


def test_a_log_that_is_not_to_be_had_is_told() -> None:
    with way("gitea-1.26.0", web=False) as user:
        user.forge.fault(faults.status(403), on=r"/logs$")
        user.works = picked(user.repo.runs[1].jobs[0])
        seen = Watched(user, change.rerun(address("alice/priv#2"), user.forges, failed=False))
        assert seen.text == b""
        assert seen.absent == [Missing.NO_PERMISSION]
        assert seen.ended is Conclusion.SUCCESS
