"""Other runs as evidence: on forges of every kind, within a handful of requests, and the same again from a bundle."""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from siblings_standin import FAILED, OK, PORT_TAKEN, REPO, SHA, Way, played, tried, way, world
from standin import World, faults
from standin.github import GitHub
from standin.github_shapes import run_id

from whyred.app.ask import Nobody, WithForge, read_answers
from whyred.app.ask_forge import CALLS, AskedForge, LiveForge
from whyred.app.library import Library
from whyred.app.why import Wish, why
from whyred.hosts.bundle import Recording
from whyred.model.cause import Of
from whyred.model.evidence import Ask, Reason, Unknown
from whyred.model.finding import Confidence, Finding, Verdict
from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.host import HostRefusedError
from whyred.model.probe import Facts
from whyred.model.run import Attempt, Run
from whyred.model.source import Missing, MissingLogError
from whyred.reports import json as json_report
from whyred.reports import text as text_report

SIBLINGS, GREEN = Ask("sibling-runs", Of.FORGE), Ask("last-green", Of.BASELINE)
EVERY = ("forgejo-16", "gitea-1.26.4", "github")
TOLD_RUNNERS = ("gitea-1.26.4", "github")


@cache
def library() -> Library:
    return Library(None)


def quiet(_: str) -> None:
    return None


def target(it: Way, number: int) -> str:
    if not isinstance(it.forge, GitHub):
        return f"{REPO}#{number}"
    run = it.world.named(REPO).run(number)  # GitHub counts the runs of each workflow
    assert run is not None
    return f"{it.forge.url}/{REPO}/actions/runs/{run_id(run)}"


def go(it: Way, number: int, *, save: Path | None = None, seconds: float = 60.0, probe: bool = True) -> Verdict:
    wish = Wish(target(it, number), forges=it.forges, save=save, seek=False, seconds=seconds, probe=probe)
    return why(wish, library(), quiet)


def facts(verdict: Verdict, save: Path, ask: Ask) -> Facts:
    """What a probe said, from the bundle that was saved."""
    from whyred.sources._archive import Archive

    raw = Recording.load(Archive(str(save)).answers() or b"[]").answers[ask]
    ((answer,)) = read_answers(ask, raw)
    assert isinstance(answer.facts, Mapping), answer.facts
    return answer.facts


def finding(verdict: Verdict, cause: str) -> Finding:
    return next(f for f in (*verdict.findings, *verdict.ruled_out) if f.cause.id == cause)


def reason(value: object) -> Reason:
    assert isinstance(value, Unknown), value
    return value.reason


@pytest.mark.parametrize("name", EVERY)
def test_a_green_run_of_the_same_commit_rules_a_regression_out(name: str, tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "a", FAILED)
    played(app, "a", OK)
    with way(name, made) as it:
        verdict = go(it, 1, save=tmp_path / "x.whyred")
        assert finding(verdict, "real-regression").confidence is Confidence.RULED_OUT
        sure = Confidence.LIKELY if name in TOLD_RUNNERS else Confidence.POSSIBLE  # Forgejo tells nobody who ran it
        assert finding(verdict, "flaky-test").confidence is sure
        assert facts(verdict, tmp_path / "x.whyred", SIBLINGS)["same_commit"] == "green"
        assert any("green on the same commit" in told for told in verdict.beside)


@pytest.mark.parametrize("name", EVERY)
def test_the_same_verdict_comes_from_the_bundle(name: str, tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "b", OK)
    played(app, "a", FAILED)
    played(app, "a", OK)
    with way(name, made, {(SHA["b"], SHA["a"]): [["src/queue.rs"]]}) as it:
        verdict = go(it, 2, save=tmp_path / "x.whyred")
        assert verdict.beside
    again = why(Wish(str(tmp_path / "x.whyred")), library(), quiet)
    assert text_report.render(again) == text_report.render(verdict)
    assert json_report.render(again) == json_report.render(verdict)


def _answers(save: Path) -> bytes:
    from whyred.sources._archive import Archive

    return Archive(str(save)).answers() or b""


@pytest.mark.parametrize("name", TOLD_RUNNERS)
def test_red_on_two_runners_at_the_same_commit_makes_a_regression_likely(name: str, tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "a", FAILED, runner="one")
    played(app, "a", FAILED, runner="two")
    played(app, "b", OK, branch="other", runner="three")
    with way(name, made) as it:
        verdict = go(it, 1, save=tmp_path / "x.whyred")
        told = facts(verdict, tmp_path / "x.whyred", SIBLINGS)
        assert (told["same_commit"], told["red_elsewhere"], told["red_alone"]) == ("red", True, True)
        assert (told["elsewhere_red"], told["elsewhere_green"], told["runner_red"]) == (1, 1, 0)
        assert finding(verdict, "real-regression").confidence is Confidence.LIKELY


@pytest.mark.parametrize("name", TOLD_RUNNERS)
def test_green_on_another_runner_may_be_the_runners_merit(name: str, tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "a", FAILED, runner="one")
    played(app, "a", OK, runner="two")
    with way(name, made) as it:
        verdict = go(it, 1, save=tmp_path / "x.whyred")
        told = facts(verdict, tmp_path / "x.whyred", SIBLINGS)
        assert (told["green_here"], told["green_elsewhere"]) == (False, True)
        assert finding(verdict, "flaky-test").confidence is Confidence.POSSIBLE
        assert finding(verdict, "real-regression").confidence is Confidence.RULED_OUT


def test_two_runners_of_one_sick_host_are_red_for_every_commit(tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "a", FAILED, runner="one")
    played(app, "a", FAILED, runner="two")
    played(app, "b", FAILED, branch="other", runner="one")
    with way("gitea-1.26.4", made) as it:
        verdict = go(it, 1, save=tmp_path / "x.whyred")
        assert facts(verdict, tmp_path / "x.whyred", SIBLINGS)["red_alone"] is False
        assert finding(verdict, "real-regression").confidence is Confidence.POSSIBLE


def test_red_twice_on_one_runner_says_nothing_about_the_change(tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "a", FAILED)
    played(app, "a", FAILED)
    with way("gitea-1.26.4", made) as it:
        verdict = go(it, 1, save=tmp_path / "x.whyred")
        assert facts(verdict, tmp_path / "x.whyred", SIBLINGS)["red_elsewhere"] is False
        assert finding(verdict, "real-regression").confidence is Confidence.POSSIBLE


@pytest.mark.parametrize("name", EVERY)
def test_what_was_changed_since_the_last_green_run(name: str, tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "b", OK)
    played(app, "a", FAILED)
    with way(name, made, {(SHA["b"], SHA["a"]): [["README.md"], ["docs/use.md", "LICENSE"]]}) as it:
        verdict = go(it, 2, save=tmp_path / "x.whyred")
        told = facts(verdict, tmp_path / "x.whyred", GREEN)
        assert (told["present"], told["commits"], told["files"], told["retrigger"]) == (True, 2, 3, True)
        assert told["same_tree"] is False
        assert any("a retrigger" in row for row in verdict.beside)
        assert finding(verdict, "real-regression").confidence is Confidence.POSSIBLE


@pytest.mark.parametrize("name", EVERY)
def test_an_empty_commit_after_a_green_run_rules_a_regression_out(name: str) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "b", OK)
    played(app, "a", FAILED)
    with way(name, made, {(SHA["b"], SHA["a"]): [[]]}) as it:
        verdict = go(it, 2)
        assert finding(verdict, "real-regression").confidence is Confidence.RULED_OUT


def test_a_green_run_without_this_job_rules_nothing_out() -> None:
    made = world()
    app = made.named(REPO)
    green = played(app, "b", OK)
    green.jobs[0].name = "other"
    played(app, "a", FAILED)
    with way("gitea-1.26.4", made, {(SHA["b"], SHA["a"]): [[]]}) as it:
        assert finding(go(it, 2), "real-regression").confidence is Confidence.POSSIBLE


def test_a_green_pull_request_of_the_same_commit_on_github_may_have_merged_something_else(tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "a", FAILED, event="pull_request")
    played(app, "a", OK, event="pull_request")
    with way("github", made) as it:
        verdict = go(it, 1, save=tmp_path / "x.whyred")
        assert facts(verdict, tmp_path / "x.whyred", SIBLINGS)["same_commit"] == "none"
        assert finding(verdict, "real-regression").confidence is Confidence.POSSIBLE


def test_a_run_by_hand_may_have_had_other_inputs(tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "a", FAILED, event="workflow_dispatch")
    played(app, "a", OK, event="workflow_dispatch")
    with way("gitea-1.26.4", made) as it:
        verdict = go(it, 1, save=tmp_path / "x.whyred")
        assert facts(verdict, tmp_path / "x.whyred", SIBLINGS)["same_commit"] == "none"


@pytest.mark.parametrize("name", EVERY)
def test_two_events_of_one_push_that_want_one_port(name: str, tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    first = app.push("twin", "ci.yml", "topic", SHA["a"], "pull_request").job("test", "Run tests")
    second = app.push("twin", "ci.yml", "topic", SHA["a"]).job("test", "Run tests")
    other = first.pick("one")
    tried(second, FAILED, "one", PORT_TAKEN)
    other.end_step(0, OK)
    other.end(OK)
    with way(name, made) as it:
        verdict = go(it, 2, save=tmp_path / "x.whyred")
        told = facts(verdict, tmp_path / "x.whyred", SIBLINGS)
        assert told["twins"] == 1
        assert "pull_request ci.yml" in str(told["twin"])
        assert finding(verdict, "double-trigger").confidence is Confidence.LIKELY


@pytest.mark.parametrize("name", EVERY)
def test_a_port_that_is_taken_with_no_other_run_of_the_commit_is_no_double_trigger(name: str) -> None:
    made = world()
    app = made.named(REPO)
    played(app, "b", OK)
    made.wait(3600)
    played(app, "a", FAILED, says=PORT_TAKEN)
    with way(name, made) as it:
        assert finding(go(it, 2), "double-trigger").confidence is Confidence.RULED_OUT


def test_twins_that_ran_one_after_the_other_did_not_meet() -> None:
    made = world()
    app = made.named(REPO)
    played(app, "a", OK, event="pull_request")
    played(app, "a", FAILED, says=PORT_TAKEN)
    with way("gitea-1.26.4", made) as it:
        assert finding(go(it, 2), "double-trigger").confidence is Confidence.RULED_OUT


@pytest.mark.parametrize("name", EVERY)
def test_all_red_at_once_with_no_commit_in_common_points_away_from_the_change(name: str, tmp_path: Path) -> None:
    made = world()
    app, lib = made.named(REPO), made.named("alice/lib")
    played(app, "b", FAILED, branch="one")
    played(app if name == "github" else lib, "c", FAILED, branch="two")
    played(app, "a", FAILED, branch="three")
    number = len(app.runs)
    with way(name, made) as it:
        verdict = go(it, number, save=tmp_path / "x.whyred")
        told = facts(verdict, tmp_path / "x.whyred", SIBLINGS)
        assert (told["others_red"], told["others_green"], told["all_red"]) == (2, 0, True)
        assert any("look at the host" in row for row in verdict.beside)


@pytest.mark.parametrize("name", EVERY)
def test_one_green_run_around_it_says_that_not_all_failed(name: str, tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    for sha, ends in (("b", FAILED), ("c", FAILED), ("d", OK)):
        played(app, sha, ends, branch=sha)
    played(app, "a", FAILED, branch="a")
    with way(name, made) as it:
        verdict = go(it, 4, save=tmp_path / "x.whyred")
        told = facts(verdict, tmp_path / "x.whyred", SIBLINGS)
        assert (told["others_red"], told["others_green"], told["all_red"]) == (2, 1, False)
        assert not any("look at the host" in row for row in verdict.beside)


def test_runs_of_another_day_are_not_around_it(tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    for sha in "bc":
        played(app, sha, FAILED)
        made.wait(7200)
    played(app, "a", FAILED)
    with way("forgejo-16", made) as it:
        told = facts(go(it, 3, save=tmp_path / "x.whyred"), tmp_path / "x.whyred", SIBLINGS)
        assert (told["others_red"], told["all_red"]) == (0, False)


@pytest.mark.parametrize("name", EVERY)
def test_a_newer_run_of_the_branch_that_began_before_the_end(name: str, tmp_path: Path) -> None:
    made = world()
    app = made.named(REPO)
    old = app.push("old", "ci.yml", "topic", SHA["b"]).job("test", "Run tests")
    attempt = old.pick()
    attempt.row("test queue::pops ... FAILED", 0)
    made.wait(10)
    played(app, "a", OK, branch="topic")
    attempt.row("test result: FAILED. 0 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out", 0)
    attempt.end_step(0, FAILED)
    attempt.end(FAILED)
    with way(name, made) as it:
        told = facts(go(it, 1, save=tmp_path / "x.whyred"), tmp_path / "x.whyred", SIBLINGS)
        assert told["newer_began"] is True
        assert told["cancelled"] is False


@pytest.mark.parametrize("name", EVERY)
def test_a_second_try_that_is_red_too_tells_nothing_of_the_first(name: str, tmp_path: Path) -> None:
    made = world()
    run = played(made.named(REPO), "a", FAILED)
    run.jobs[0].again()
    tried(run.jobs[0], FAILED)
    with way(name, made) as it:
        told = facts(go(it, 1, save=tmp_path / "x.whyred"), tmp_path / "x.whyred", SIBLINGS)
        assert (told["attempt"], told["same_commit"]) == (2, "none")


@pytest.mark.parametrize("name", ["forgejo-16", "github"])
def test_a_second_try_that_is_green_clears_the_commit(name: str, tmp_path: Path) -> None:
    made = world()
    run = played(made.named(REPO), "a", FAILED, event="workflow_dispatch")
    run.jobs[0].again()
    tried(run.jobs[0], OK)
    with way(name, made) as it:
        page = f"{it.forge.url}/{REPO}/actions/runs"
        first = f"{page}/{run_id(run)}/attempts/1" if name == "github" else f"{page}/1/jobs/0/attempt/1"
        verdict = why(Wish(first, forges=it.forges, save=tmp_path / "x.whyred", seek=False), library(), quiet)
        told = facts(verdict, tmp_path / "x.whyred", SIBLINGS)
        assert (told["attempt"], told["same_commit"]) == (1, "green")
        assert finding(verdict, "real-regression").confidence is Confidence.RULED_OUT


@pytest.mark.parametrize("name", EVERY)
def test_a_handful_of_requests_is_all(name: str) -> None:
    made = world()
    app = made.named(REPO)
    for sha in "bcdef":
        for _ in range(12):
            played(app, sha, FAILED if sha in "bd" else OK)
    played(app, "a", FAILED)
    played(app, "a", OK)
    with way(name, made, {(SHA["f"], SHA["a"]): [["src/a.rs"]]}) as it:
        go(it, 61, probe=False)
        without = len(it.asked())
        go(it, 61)
        again = len(it.asked()) - without
        assert 0 < again - without <= CALLS


def test_without_a_probe_no_other_run_is_asked_for() -> None:
    made = world()
    played(made.named(REPO), "a", FAILED)
    with way("forgejo-16", made) as it:
        verdict = go(it, 1, probe=False)
        assert verdict.beside == ()
        assert not [path for path in it.asked() if "search" in path or "compare" in path]


def test_a_used_up_budget_asks_nothing() -> None:
    made = world()
    played(made.named(REPO), "a", FAILED)
    with way("forgejo-16", made) as it:
        verdict = go(it, 1, seconds=0.0)
        assert verdict.beside == ()
        held = finding(verdict, "real-regression").held
        assert {reason(e.value) for h in held for e in h.evidence} == {Reason.BUDGET}
        assert not [path for path in it.asked() if "search" in path or "compare" in path]


def test_a_closed_list_of_jobs_says_what_opens_it() -> None:
    made = world()
    app = made.named(REPO)
    played(app, "a", FAILED)
    played(app, "a", OK)
    with way("github", made) as it:
        it.forge.fault(faults.status(403), on=rf"/runs/{run_id(app.runs[1])}/jobs")
        verdict = go(it, 1)
        (row,) = [row for row in verdict.unknown if row.what == "sibling-runs of forge: same_commit"]
        assert row.reason.startswith("no-permission")
        assert "whyred login" in row.how


def test_a_log_in_a_file_asks_no_forge_and_misses_none(tmp_path: Path) -> None:
    file = tmp_path / "ci.log"
    file.write_text("running 1 test\ntest a ... FAILED\ntest result: FAILED. 0 passed; 1 failed; 0 ignored\n")
    verdict = why(Wish(str(file)), library(), quiet)
    held = finding(verdict, "real-regression").held
    assert {reason(e.value) for h in held for e in h.evidence} == {Reason.NOT_APPLICABLE}
    assert not [row for row in verdict.unknown if "sibling-runs" in row.what]
    assert [row.what for row in verdict.unknown] == ["whether it is real-regression"]


def test_an_old_server_tells_less_and_nothing_wrong() -> None:
    """Forgejo 11 lists tasks alone: nobody knows whether a commit had other runs."""
    made = world()
    app = made.named(REPO)
    app.private = True  # its web pages, which list every run, are closed to a token
    played(app, "a", FAILED, says=PORT_TAKEN)
    with way("forgejo-11", made) as it:
        asked = _asked(it)
        told = _facts_of(asked)
        assert reason(told["twins"]) is Reason.NOT_SUPPORTED
        assert reason(told["same_commit"]) is Reason.NOT_SUPPORTED


def _asked(it: Way) -> AskedForge:
    ladder = it.forges.ladder(it.forge.url)
    run = ladder.runs(REPO, RunQuery(1))[0]
    return AskedForge(ladder, ladder.attempts(run)[0], None, 60.0)


def _facts_of(asked: AskedForge) -> Facts:
    ((answer,)) = read_answers(SIBLINGS, LiveForge(asked, lambda data: data).ask(SIBLINGS))
    assert isinstance(answer.facts, Mapping)
    return answer.facts


@dataclass
class FakeLadder:
    """A ladder that gives these runs, or refuses with this reason."""

    refusal: Missing | None = None
    found: Sequence[Run] = ()
    lacking: object = None
    calls: list[str] = field(default_factory=list)

    @property
    def reach(self) -> Any:
        @dataclass
        class Reached:
            server: Server

        return Reached(Server("https://forge.example", Kind.FORGEJO))

    def runs(self, repo: str, query: RunQuery) -> list[Run]:
        self.calls.append(repo)
        if self.refusal is not None:
            raise MissingLogError(self.refusal, "GET /runs", "the token is hunter2hunter2")
        return list(self.found)

    attempts: Callable[[Run], tuple[Attempt, ...]] = lambda _run: ()


def fake(ladder: FakeLadder, seconds: float = 60.0, clock: Callable[[], float] = lambda: 0.0) -> AskedForge:
    return AskedForge(ladder, Attempt(Run("o/r#1", repo="o/r")), None, seconds, clock)  # type: ignore[arg-type]


def test_nothing_is_asked_twice_and_calls_are_counted() -> None:
    ladder = FakeLadder()
    forge = fake(ladder)
    for _ in range(3):
        forge.runs(RunQuery(5))
    assert ladder.calls == ["o/r"]
    for place in range(CALLS - 1):
        forge.runs(RunQuery(5), f"o/{place}")
    with pytest.raises(HostRefusedError) as refused:
        forge.runs(RunQuery(5), "o/more")
    assert refused.value.unknown.reason is Reason.BUDGET
    assert len(ladder.calls) == CALLS


def test_a_forge_that_hangs_costs_what_is_left_of_the_budget_and_its_own_answer_alone() -> None:
    gate, now = threading.Event(), [0.0]

    class Hung(FakeLadder):
        def runs(self, repo: str, query: RunQuery) -> list[Run]:
            if repo == "o/hung":
                gate.wait(60)
            return super().runs(repo, query)

    forge = fake(Hung(), 60.0, lambda: now[0])
    try:
        assert forge.runs(RunQuery(5)).whole
        now[0] = 59.95
        with pytest.raises(HostRefusedError) as refused:
            forge.runs(RunQuery(5), "o/hung")
        assert refused.value.unknown.reason is Reason.TIMED_OUT
        assert forge.runs(RunQuery(5)).whole
    finally:
        gate.set()


@pytest.mark.parametrize("missing", Missing)
def test_every_refusal_has_its_reason(missing: Missing) -> None:
    with pytest.raises(HostRefusedError) as refused:
        fake(FakeLadder(missing)).runs(RunQuery(5))
    assert refused.value.unknown.reason is not Reason.FAULT
    assert missing.value in refused.value.unknown.detail


def test_a_refusal_is_masked_before_it_is_kept() -> None:
    asker = LiveForge(fake(FakeLadder(Missing.NEEDS_TOKEN)), lambda data: data.replace(b"hunter2hunter2", b"***"))
    asker.ask(SIBLINGS)
    assert b"hunter2" not in asker.record.dump()
    assert b"***" in asker.record.dump()


def test_a_question_to_a_host_is_none_to_a_forge() -> None:
    asker = LiveForge(fake(FakeLadder()), lambda data: data)
    ((_, answer),) = asker.ask(Ask("mount-state", Of.FORGE))
    assert reason(answer) is Reason.NOT_SUPPORTED
    ((_, answer),) = asker.ask(Ask("gone", Of.FORGE))
    assert reason(answer) is Reason.FAULT


def test_each_question_goes_to_whom_it_is_about() -> None:
    host, forge = Nobody(Unknown(Reason.OTHER_HOST)), Nobody(Unknown(Reason.NOT_APPLICABLE))
    both = WithForge(host, forge)
    told = {of: reason(both.ask(Ask("x", of))[0][1]) for of in Of}
    assert {of for of, why_not in told.items() if why_not is Reason.NOT_APPLICABLE} == {Of.FORGE, Of.BASELINE}
    assert {ask.of for ask in both.record.answers} == set(Of)


@pytest.mark.parametrize("name", EVERY)
def test_no_title_is_recorded(name: str, tmp_path: Path) -> None:
    """It is a commit's message, and nobody's business but the repository's."""
    made: World = world()
    app = made.named(REPO)
    played(app, "b", OK)
    played(app, "a", FAILED)
    with way(name, made) as it:
        verdict = go(it, 2, save=tmp_path / "x.whyred")
        assert "canary title" in str(verdict.attempt.run.title)
        assert b"canary title" not in _answers(tmp_path / "x.whyred")


def test_what_a_forge_told_of_another_run_counts_for_that_run_alone(tmp_path: Path) -> None:
    """A bundle stands in for the host of a log that somebody else sent: its forge speaks of the bundle's own run."""
    made = world()
    app = made.named(REPO)
    played(app, "a", FAILED)
    played(app, "a", OK)
    file = tmp_path / "ci.log"
    file.write_text("running 1 test\ntest a ... FAILED\ntest result: FAILED. 0 passed; 1 failed; 0 ignored\n")
    with way("forgejo-16", made) as it:
        go(it, 1, save=tmp_path / "x.whyred")
    verdict = why(Wish(str(file), host=str(tmp_path / "x.whyred"), vouched=True), library(), quiet)
    assert finding(verdict, "real-regression").confidence is Confidence.POSSIBLE
    assert verdict.beside == ()
