"""Exact steps of a public repository by its web pages, without a web login, where the API of a Gitea tells none."""

import pytest
from standin import Standin, faults, scenarios, standin
from standin.wire import as_text

from whyred.app.ladder import Ladder
from whyred.app.resolve import Resolver, chosen
from whyred.model.forge import Address
from whyred.model.run import Attempt, Step
from whyred.model.source import Boundaries, Fetched
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want
from whyred.sources.servers import identify


def ladder(forge: Standin) -> Ladder:
    """With a token, and no web login."""
    http = Http(forge.url, token=forge.world.users["alice"].token("read:repository"), sleep=lambda _: None)
    return Ladder(Reach(identify(http), http))


def attempt(made: Ladder, repo: str = "alice/pub") -> Attempt:
    resolver, address = Resolver(made), Address(repo, run=2)
    return chosen(resolver.attempts(resolver.run(address), address))


def read(fetched: Fetched) -> tuple[list[str], bytes]:
    pieces = list(fetched.chunks)
    return [p.name for p in pieces if isinstance(p, Step)], b"".join(p for p in pieces if isinstance(p, bytes))


@pytest.mark.parametrize("name", ["gitea-1.23", "gitea-1.25"])
def test_the_pages_come_first_where_the_api_tells_no_steps(name: str) -> None:
    with standin(name, scenarios.everyday()) as forge:
        made = ladder(forge)
        fetched = made.log(attempt(made), Want())
        steps, text = read(fetched)
        assert (fetched.route, fetched.boundaries) == ("web-state", Boundaries.TOLD)
        assert steps[0] == "Set up job"
        assert len(steps) > 3
        assert text


def test_of_a_private_one_the_api_has_the_text_and_it_is_said_why_no_steps() -> None:
    with standin("gitea-1.25", scenarios.everyday()) as forge:
        made = ladder(forge)
        fetched = made.log(attempt(made, "alice/priv"), Want())
        assert fetched.route == "gitea-api"
        assert [name for name, _ in fetched.refused] == ["web-state"]
        assert read(fetched)[1]


def test_the_api_comes_first_where_it_tells_times_or_only_the_text_is_wanted() -> None:
    with standin("gitea-1.26.4", scenarios.everyday()) as forge:
        made = ladder(forge)
        assert made.log(attempt(made), Want()).route == "gitea-api"
    with standin("gitea-1.25", scenarios.everyday()) as forge:
        made = ladder(forge)
        for want in (Want(text_only=True), Want(tail=100)):
            assert made.log(attempt(made), want).route == "gitea-api"


def test_steps_that_the_page_told_are_cut_by_the_page() -> None:
    """Gitea 1.26.0 gives every step the job's conclusion, so the page is asked how they ended; it tells no times."""
    with standin("gitea-1.26.0", scenarios.everyday()) as forge:
        made = ladder(forge)
        told = made.steps(attempt(made))
        assert {step.started for step in told.steps} == {None}
        fetched = made.log(told, Want(steps=frozenset({2})))
        assert (fetched.route, fetched.boundaries) == ("web-state", Boundaries.TOLD)


def test_pages_behind_a_gate_cost_the_log_nothing() -> None:
    with standin("gitea-1.25", scenarios.everyday()) as forge:
        forge.fault(faults.say(as_text("<!doctype html>are you a robot?", 403)), on=r"^/alice/pub/actions")
        made = ladder(forge)
        fetched = made.log(attempt(made), Want())
        assert fetched.route == "gitea-api"
        assert read(fetched)[1]
