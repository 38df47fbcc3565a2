"""Forgejo's list of runs: in which order it comes, how much of it at once, and what a run's event is."""

import pytest
from standin import Standin, World, faults, scenarios, standin
from standin.wire import Reply

from whyred.model.forge import RunQuery
from whyred.sources import forgejo_api, tasks_api
from whyred.sources.http import Http
from whyred.sources.reach import Reach
from whyred.sources.servers import identify


def busy(runs: int) -> World:
    world = World()
    repo = world.repo(world.user("alice", "alice-password-1"), "app", private=True)
    for number in range(runs):
        event = ("push", "schedule", "workflow_dispatch")[number % 3]
        run = repo.push(f"push {number}", "ci.yml", "main", event=event)
        scenarios.play(run.job("test", "Step"), [scenarios.Part(scenarios.OK, ["said"])])
    return world


def reached(forge: Standin) -> Reach:
    http = Http(forge.url, token=forge.world.users["alice"].token("read:repository"), sleep=lambda _: None)
    return Reach(identify(http), http)


def numbers(reach: Reach, query: RunQuery) -> list[int | None]:
    return [run.number for run in forgejo_api.runs(reach, "alice/app", query)][: query.limit]


def shuffled(data: object) -> object:
    assert isinstance(data, dict)
    listed = data["workflow_runs"]
    return {**data, "workflow_runs": [*listed[1::2], *listed[::2]]}


@pytest.mark.parametrize("name", ["forgejo-14", "forgejo-16"])
@pytest.mark.parametrize("most", [50, 7])
def test_all_runs_come_newest_first(name: str, most: int) -> None:
    """Servers may be set to give less at once than they are asked for."""
    with standin(name, busy(60)) as forge:
        forge.forge.most = most
        assert numbers(reached(forge), RunQuery(limit=60)) == list(range(60, 0, -1))
        assert numbers(reached(forge), RunQuery(limit=3)) == [60, 59, 58]
        tasks = tasks_api.runs(reached(forge), "alice/app", RunQuery(limit=60))
        assert [run.number for run in tasks] == list(range(60, 0, -1))


def test_a_list_in_no_order_is_read_whole() -> None:
    """What databases other than SQLite give where no order is asked for, as by Forgejo 12 to 14."""
    with standin("forgejo-14", busy(60)) as forge:
        forge.fault(faults.edit_json(shuffled), on="/actions/runs")
        assert numbers(reached(forge), RunQuery(limit=60)) == list(range(60, 0, -1))


@pytest.mark.parametrize("name", ["forgejo-14", "forgejo-16"])
@pytest.mark.parametrize("event", ["push", "schedule", "workflow_dispatch"])
def test_the_event_is_the_one_that_the_workflow_names(name: str, event: str) -> None:
    with standin(name, busy(9)) as forge:
        found = list(forgejo_api.runs(reached(forge), "alice/app", RunQuery(event=event)))
        assert [run.event for run in found] == [event] * 3


@pytest.mark.parametrize("word", ["timed out", "done", "in_progress"])
def test_a_status_that_the_server_does_not_know_is_no_refusal(word: str) -> None:
    with standin("forgejo-16", busy(2)) as forge:
        forge.fault(lambda *_: Reply(400), on="status=")
        found = [run.number for run in forgejo_api.runs(reached(forge), "alice/app", RunQuery(status=word))]
        assert found == ([2, 1] if word == "done" else [])
