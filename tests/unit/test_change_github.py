"""The same use-cases on a stand-in GitHub: its route plans and applies, and the new attempt is watched."""

from collections.abc import Callable, Iterator

import pytest
from change_standin import Nothing, address, picked
from standin import Status, scenarios
from standin.github import GitHub, standin_github

from whyred.app import change
from whyred.app.change import Planned
from whyred.app.forges import Forges
from whyred.app.ladder import Ladder
from whyred.app.library import Library
from whyred.app.options import Options
from whyred.app.watch import Watch
from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.run import Conclusion
from whyred.model.trouble import UserError
from whyred.sources import github as route
from whyred.sources.http import Http
from whyred.sources.reach import Reach


class User:
    """Somebody at GitHub; `works` is what a runner does each time the program waits."""

    def __init__(self, github: GitHub, token: str) -> None:
        self.github, self.works = github, list[Callable[[], object]]()
        self.repo = github.world.named("alice/priv")
        http = Http(route.api_root(github.url), token, "Bearer", sleep=self._wait)
        self.forges = Forges(Options(server=github.url), Nothing())  # type: ignore[arg-type]
        self.forges._ladders[github.url] = Ladder(Reach(Server(github.url, Kind.GITHUB), http))
        self._waited = 0

    def _wait(self, _seconds: float) -> None:
        self._waited += 1
        assert self._waited < 500, "the program waits for what never comes"
        if self.works:
            self.works.pop(0)()

    def watched(self, planned: Planned) -> tuple[bytes, Conclusion]:
        run = change.apply(planned, lambda _: None)
        assert run is not None
        watch = Watch(planned, run, self.forges, Library(None), lambda _: None)
        text = b"".join(piece for piece in watch.pieces() if isinstance(piece, bytes))
        return text, watch.ended()


@pytest.fixture
def user() -> Iterator[User]:
    world = scenarios.everyday()
    with standin_github(world) as github:
        token = world.users["alice"].token()
        yield User(github, token)
        assert not github.storage.saw(token), "the token was sent to the storage host"


def url(user: User, index: int) -> str:
    run = user.forges.ladder(user.github.url).runs("alice/priv", RunQuery(limit=50))
    return next(r.url for r in run if r.number == index and r.url)


def test_rerun_and_watch(user: User) -> None:
    planned = change.rerun(address(url(user, 2)), user.forges, failed=True)
    assert [call.path.rpartition("/")[2] for call in planned.plan.calls] == ["rerun-failed-jobs"]
    user.works = picked(user.repo.runs[1].jobs[0])
    text, ended = user.watched(planned)
    assert b"hello again\n" in text
    assert ended is Conclusion.SUCCESS


def test_cancel(user: User) -> None:
    scenarios.running(user.repo)
    planned = change.cancel(address(url(user, 9)), user.forges)
    assert [call.path.rpartition("/")[2] for call in planned.plan.calls] == ["cancel"]
    text, ended = user.watched(planned)
    assert b"Cleaning up orphan processes\n" in text
    assert ended is Conclusion.CANCELLED
    assert change.cancel(address(url(user, 9)), user.forges).plan.calls == ()


def test_dispatch(user: User) -> None:
    planned = change.dispatch("green.yml", address("alice/priv"), None, {}, user.forges)
    (call,) = planned.plan.calls
    assert call.body is not None
    assert call.body["ref"] == "main"
    user.works = [lambda: None, lambda: user.works.extend(picked(user.repo.runs[-1].jobs[0], Status.FAILURE))]
    text, ended = user.watched(planned)
    assert b"hello again\n" in text
    assert ended is Conclusion.FAILURE


def test_a_refusal(user: User) -> None:
    planned = change.rerun(address(url(user, 2)), user.forges, failed=False)
    user.repo.runs[1].jobs[0].again()
    with pytest.raises(UserError) as caught:
        change.apply(planned, lambda _: None)
    assert caught.value.code == 4
