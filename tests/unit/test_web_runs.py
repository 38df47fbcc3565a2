"""The page that lists runs: what it tells, and what it does not may not be taken for what is asked for."""

from dataclasses import replace

import pytest
from standin import Standin, World, scenarios, standin

from whyred.app.ladder import Ladder
from whyred.app.resolve import Resolver
from whyred.model.forge import RunQuery
from whyred.model.run import Conclusion, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.model.target import read_address
from whyred.sources import web_runs
from whyred.sources.http import Http
from whyred.sources.reach import Reach
from whyred.sources.servers import identify

SHA = "0123456789abcdef0123456789abcdef01234567"


def entry(number: int, *, commit: str | None = SHA, ref: str = "main", icon: str = "x-circle-fill") -> str:
    """One run as Forgejo 7 to 16 and Gitea 1.21 to 1.26 list it (templates/repo/actions/runs_list.tmpl)."""
    told = f'commit <a href="/a/b/commit/{commit}">{commit[:10]}</a>' if commit else "scheduled"
    return (
        f'<div class="flex-item"><svg class="octicon-{icon}"></svg>\n'
        f'<a class="flex-item-title" title="t" href="/a/b/actions/runs/{number}">Title &amp; more</a>\n'
        f"<span><b>ci.yml #{number}</b>:</span> {told}\n"
        f'<a class="ui label run-list-ref gt-ellipsis" href="/a/b/src/branch/x">{ref}</a></div>'
    )


def read(*entries: str) -> list[Run]:
    return list(web_runs.read_runs("".join(entries), "a/b", ids=False))


def test_an_entry() -> None:
    (run,) = read(entry(7, ref="feature/&lt;x&gt;"))
    assert (run.label, run.number, run.id, run.workflow) == ("a/b#7", 7, None, "ci.yml")
    assert (run.commit, run.branch, run.title) == (SHA, "feature/<x>", "Title & more")
    assert run.conclusion is Conclusion.FAILURE


def test_how_a_run_is_is_told_by_its_own_icon() -> None:
    """Behind a run stands how long it took, with a stopwatch, and in front of its link its title, which may say all."""
    tail = '<svg class="svg octicon-stopwatch"></svg>3s<svg class="svg octicon-x"></svg>'
    title = '<span class="flex-item-title" title="class=octicon-skip octicon-stop octicon-meter ">'
    named = [entry(n, icon=icon).replace("<a class", f"{title}<a class") for n, icon in ((9, "circle"), (8, "no-such"))]
    told = [run.status for run in read(named[0] + tail, named[1] + tail, entry(7, icon="stop") + tail)]
    assert told == [Status.WAITING, Status.UNKNOWN, Status.DONE]
    (run,) = read(entry(7).replace("octicon-x-circle-fill", "svg gitea-running"))
    assert run.status is Status.RUNNING


@pytest.mark.parametrize("name", ["forgejo-11", "forgejo-16", "gitea-1.23", "gitea-1.26.0"])
def test_every_server_tells_how_its_runs_are(name: str) -> None:
    world = scenarios.everyday()
    scenarios.cancelled(world.named("alice/pub"))
    told = {number: run.told(fails_early=True) for number, run in enumerate(world.named("alice/pub").runs, 1)}
    with standin(name, world) as forge:
        found = list(web_runs.runs(reached(forge), "alice/pub", RunQuery()))
    words = {run.number: run.status.value if run.status is not Status.DONE else run.conclusion.value for run in found}
    assert words == {number: status.value for number, status in told.items()}
    assert {"waiting", "cancelled", "success", "failure"} <= set(words.values())


def test_a_pull_request_is_of_no_branch() -> None:
    (run,) = read(entry(7, ref="#5"))
    assert run.branch == "#5"


def reached(forge: Standin) -> Reach:
    http = Http(forge.url, sleep=lambda _: None)
    return Reach(identify(http), http)


@pytest.mark.parametrize("what", [RunQuery(event="push"), RunQuery(event="schedule", branch="main")])
def test_a_list_that_tells_no_events_is_not_asked_for_one(what: RunQuery) -> None:
    with standin("forgejo-7", scenarios.everyday()) as forge:
        with pytest.raises(MissingLogError, match="tells no event") as refused:
            list(web_runs.runs(reached(forge), "alice/pub", what))
        assert refused.value.reason is Missing.ROUTE_NOT_ON_THIS_VERSION


def test_a_run_that_names_no_commit_is_not_the_one_of_a_commit() -> None:
    world = scenarios.everyday()
    repo = world.named("alice/pub")
    scenarios.failing(repo).event = "schedule"
    sha = repo.runs[0].sha
    with standin("forgejo-7", world) as forge:
        found = list(web_runs.runs(reached(forge), "alice/pub", RunQuery(commit=sha)))
        assert [run.number for run in found] == [1]
        run = Resolver(Ladder(reached(forge))).run(read_address(f"alice/pub@{sha}"))  # type: ignore[arg-type]
        assert run.number == 1


def test_a_branch_is_found_by_its_name_alone() -> None:
    with standin("gitea-1.23", scenarios.everyday()) as forge:
        found = list(web_runs.runs(reached(forge), "alice/pub", RunQuery(branch="s-fail")))
        assert [run.number for run in found] == [2]
        assert not list(web_runs.runs(reached(forge), "alice/pub", RunQuery(branch="no-such")))


def test_a_page_made_to_be_slow_is_read_all_the_same() -> None:
    links = '<a href="' * 200_000
    inner = "<a " + 'href="' * 160
    for page in (links, inner * 1000, "<b>#" * 500_000, entry(1) + 'href="/commit/' * 300_000):
        assert len(read(page)) <= 1


def test_what_is_asked_for_is_one_thing_that_some_run_tells() -> None:
    run = read(entry(7))[0]
    silent = replace(run, commit=None)
    assert web_runs._untold(RunQuery(commit=SHA), [silent, run]) is None
    assert web_runs._untold(RunQuery(commit=SHA), [silent]) == "commit"


@pytest.mark.parametrize("name", ["forgejo-7", "forgejo-11", "forgejo-16", "gitea-1.26.0"])
@pytest.mark.parametrize("wanted", [1, 2, 149, 150, 1200, 1260])
def test_a_run_far_down_the_list_is_found_without_reading_all_of_it(name: str, wanted: int) -> None:
    world = World()
    repo = world.repo(world.user("alice", "alice-password-1"), "app")
    for number in range(1260):
        repo.push(f"push {number}", "ci.yml", "main").job("test", "Step").status = scenarios.OK
    del repo.runs[200:260], repo.runs[900:930]  # those were deleted
    with standin(name, world) as forge:
        found = list(web_runs.runs(reached(forge), "alice/app", RunQuery(limit=1, number=wanted)))
        assert [run.number for run in found] == [wanted]
        assert sum("/alice/app/actions?" in seen.path for seen in forge.requests) <= 5
        assert list(web_runs.runs(reached(forge), "alice/app", RunQuery(limit=1, number=230))) == []


def test_titles_full_of_what_html_spells_out_and_in_lines_of_their_own() -> None:
    """Forgejo 16 puts title and link into a part of its own, and all versions cut a title at 255 bytes."""
    title = "&#34;" * 255
    link = f'<a title="{title}" href="/a/b/actions/runs/9">\n\t{title}\n</a>'
    (run,) = read(f'<div class="flex-item-title">\n{link}</div><b>x #9</b>')
    assert (run.number, run.title) == (9, '"' * 255)


def test_the_list_of_one_workflow_names_it_nowhere() -> None:
    with standin("forgejo-7", scenarios.everyday()) as forge:
        found = list(web_runs.runs(reached(forge), "alice/pub", RunQuery(workflow="fail.yml")))
        assert [(run.number, run.workflow) for run in found] == [(2, "fail.yml")]
