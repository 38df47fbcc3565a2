"""What probes of a forge make of what it tells, whatever server it is: times at the edge, files, workflows."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.diagnosis import tell_forge
from whyred.diagnosis.judge import judge
from whyred.model.cause import Cause, Condition, Of, Op, Text
from whyred.model.evidence import Answer, Reason, Unknown
from whyred.model.failure import Failure, Line
from whyred.model.finding import Confidence
from whyred.model.forge import Compared, Kind, Listed, RunQuery
from whyred.model.host import HostRefusedError, Subject
from whyred.model.probe import Facts, Probe
from whyred.model.run import Attempt, Conclusion, Job, Run, Runner, Status
from whyred.probes.find import all_probes, probe
from whyred.probes.forge_rows import same_tree

AT = 1_800_000_000.0
RUN = Run(
    "o/r#9",
    workflow="ci.yml",
    event="push",
    commit="a" * 40,
    repo="o/r",
    id=9,
    number=9,
    branch="main",
    status=Status.DONE,
    conclusion=Conclusion.FAILURE,
    created=AT,
    started=AT + 1,
    ended=AT + 60,
)
RED, GREEN = Conclusion.FAILURE, Conclusion.SUCCESS
ONE = Runner(name="one")
OF_FORGE = [p for p in all_probes().values() if p.kind == "forge"]


def run(number: int, **other: object) -> Run:
    """Another run, of another commit."""
    made = replace(RUN, label=f"o/r#{number}", id=number, number=number, commit=f"{number:x}" * 20)
    return replace(made, **other)  # type: ignore[arg-type]


@dataclass
class FakeForge:
    """A forge that knows these runs, every one of them with a job `test` that ended as the run did."""

    listed: Sequence[Run] = (RUN,)
    kind: Kind = Kind.GITEA
    whole: bool = True
    between: Compared | None = None
    texts: Mapping[str, bytes] = field(default_factory=dict)
    beside: Mapping[str, Sequence[Run]] = field(default_factory=dict)
    closed: bool = False
    log_ended: float | None = AT + 58
    runner: Runner | None = ONE
    ended: float | None = AT + 60
    default: str = "main"

    @property
    def attempt(self) -> Attempt:
        return self._attempt(self.listed[0])

    def _attempt(self, of: Run) -> Attempt:
        return Attempt(of, Job(None, "test"), 1, Status.DONE, of.conclusion, of.started, self.ended, self.runner)

    def runs(self, query: RunQuery, repo: str | None = None) -> Listed:
        found = self.listed if repo is None else self.beside[repo]
        return Listed(tuple(run for run in found if query.keeps(run))[: query.limit], self.whole)

    def attempts(self, run: Run) -> tuple[Attempt, ...]:
        if self.closed:
            raise HostRefusedError(Reason.NO_PERMISSION, "the list of jobs is closed")
        return (self._attempt(run),)

    def repositories(self) -> tuple[str, ...]:
        return tuple(self.beside)

    def compared(self, before: str, after: str) -> Compared:
        if self.between is None:
            raise HostRefusedError(Reason.NOT_FOUND, f"{before}...{after}")
        return self.between

    def workflow(self, ref: str) -> bytes:
        if ref not in self.texts:
            raise HostRefusedError(Reason.NOT_FOUND, ref)
        return self.texts[ref]

    def default_branch(self) -> str | None:
        return self.default


def told(name: str, forge: FakeForge) -> Facts:
    unit: Probe = probe(name)
    return unit.read(unit.ask(forge, Subject("forge"), {}))


def reason(value: object) -> Reason:
    assert isinstance(value, Unknown), value
    return value.reason


def siblings(*others: Run, **other: object) -> Facts:
    return told("sibling-runs", FakeForge((RUN, *others), **other))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("event", "seconds", "twins"),
    [("pull_request", 119, 1), ("pull_request", -119, 1), ("pull_request", 121, 0), ("push", 5, 0), (None, 5, 0)],
)
def test_a_twin_is_another_event_within_two_minutes(event: str | None, seconds: float, twins: int) -> None:
    other = run(8, commit=RUN.commit, event=event, created=AT + seconds, started=AT + 2, ended=AT + 50)
    assert siblings(other)["twins"] == twins


def test_another_workflow_of_the_same_push_is_a_twin_unless_it_had_ended() -> None:
    other = run(8, commit=RUN.commit, workflow="lint.yml", started=AT + 1, ended=AT + 5)
    assert siblings(other)["twins"] == 1
    assert siblings(replace(other, started=AT - 60, ended=AT + 1))["twins"] == 0
    assert siblings(replace(other, ended=None))["twins"] == 1


def test_nothing_is_said_of_twins_by_a_list_that_may_lack_some() -> None:
    assert reason(siblings(whole=False)["twins"]) is Reason.NOT_SUPPORTED
    assert reason(siblings(whole=False)["same_commit"]) is Reason.NOT_SUPPORTED


@pytest.mark.parametrize(
    ("ends", "says"), [([GREEN], "green"), ([RED], "red"), ([RED, GREEN], "both"), ([Conclusion.CANCELLED], "none")]
)
def test_how_other_tries_of_the_commit_ended(ends: list[Conclusion], says: str) -> None:
    others = [run(n, commit=RUN.commit, conclusion=one, created=AT + n) for n, one in enumerate(ends, 10)]
    assert siblings(*others)["same_commit"] == says


def test_jobs_that_are_closed_leave_it_open() -> None:
    assert reason(siblings(run(10, commit=RUN.commit), closed=True)["same_commit"]) is Reason.NO_PERMISSION


def test_a_green_run_of_another_workflow_says_nothing_of_this_job() -> None:
    assert siblings(run(10, commit=RUN.commit, workflow="lint.yml", conclusion=GREEN))["same_commit"] == "none"


@pytest.mark.parametrize(("seconds", "newer"), [(60, True), (61, False), (-1, False)])
def test_a_newer_run_of_the_branch(seconds: float, newer: bool) -> None:
    assert siblings(run(10, created=AT + seconds, branch="main"))["newer_began"] is newer
    assert siblings(run(10, created=AT + seconds, branch="topic"))["newer_began"] is False


def test_the_end_of_a_job_in_a_run_of_several_may_be_unknown() -> None:
    facts = told("sibling-runs", FakeForge((RUN, run(10, created=AT + 59)), ended=None, closed=True))
    assert reason(facts["newer_began"]) is Reason.NOT_SUPPORTED
    assert reason(facts["silent_seconds"]) is Reason.NOT_SUPPORTED
    sure = told("sibling-runs", FakeForge((RUN, run(10, created=AT + 57)), ended=None, closed=True))
    assert sure["newer_began"] is True  # the log went on after it


def test_seconds_of_silence_before_the_end() -> None:
    assert siblings()["silent_seconds"] == 2.0
    assert siblings(log_ended=AT - 540)["silent_seconds"] == 600.0
    assert reason(siblings(log_ended=None)["silent_seconds"]) is Reason.NOT_SUPPORTED


def test_all_red_needs_two_commits_and_no_green_one() -> None:
    one, two = run(7, branch="x"), run(8, branch="y")
    assert siblings(one, two)["all_red"] is True
    assert siblings(one, replace(two, commit=one.commit))["all_red"] is False
    assert siblings(one, two, run(6, branch="z", conclusion=GREEN))["all_red"] is False
    assert siblings(one)["all_red"] is False


def test_runs_of_other_repositories_count_and_their_commits_are_others() -> None:
    facts = siblings(beside={"o/s": [run(7, repo="o/s", commit=RUN.commit)], "o/t": [run(8, repo="o/t")]})
    assert (facts["others_red"], facts["all_red"]) == (2, True)


@pytest.mark.parametrize(("ended", "count"), [(AT - 598, 1), (AT - 600, 0)])
def test_around_it_is_ten_minutes(ended: float, count: int) -> None:
    assert siblings(run(7, created=AT - 900, started=AT - 900, ended=ended))["others_red"] == count


def test_an_old_run_is_not_judged_by_the_newest_ones() -> None:
    newest = [run(n + 100, created=AT + 9000 + n, started=AT + 9000, ended=AT + 9001) for n in range(50)]

    class Old(FakeForge):
        @property
        def attempt(self) -> Attempt:
            return self._attempt(RUN)

    facts = told("sibling-runs", Old(newest))
    assert reason(facts["others_red"]) is Reason.NOT_SUPPORTED
    assert reason(facts["newer_began"]) is not Reason.FAULT


def test_runners_are_told_apart_where_they_are_told() -> None:
    assert siblings(run(10, conclusion=GREEN))["runner_green"] == 1
    assert reason(siblings(run(10), runner=None)["runner_red"]) is Reason.NOT_SUPPORTED


def green(between: Compared | None, **other: object) -> Facts:
    earlier = run(8, created=AT - 90, conclusion=GREEN)
    return told("last-green", FakeForge((RUN, earlier), between=between, **other))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("files", "retrigger"),
    [
        (("README.md", "docs/use.rst", "LICENSE", ".editorconfig", "crates/a/README"), True),
        ((".forgejo/ISSUE_TEMPLATE/bug.yml",), True),
        (("requirements.txt",), False),
        (("CMakeLists.txt",), False),
        ((".forgejo/workflows/ci.yml",), False),
        ((".gitattributes",), False),
        (("src/readme.rs",), False),
        (("LICENSE-MIT", "COPYING.txt"), True),
        (("README.md", "Cargo.lock"), False),
    ],
)
def test_which_files_no_build_reads(files: tuple[str, ...], retrigger: bool) -> None:
    facts = green(Compared(1, files, straight=True))
    assert (facts["retrigger"], facts["same_tree"]) == (retrigger, False)


def test_no_file_at_all_is_the_same_tree_only_where_nothing_else_tells_the_two_apart() -> None:
    assert green(Compared(1, (), straight=True))["same_tree"] is True
    assert reason(green(Compared(0, (), straight=False))["same_tree"]) is Reason.NOT_SUPPORTED
    assert reason(green(Compared(1, (), straight=True, whole=False))["same_tree"]) is Reason.NOT_SUPPORTED
    assert reason(green(Compared(1, (), straight=True), closed=True)["same_tree"]) is Reason.NO_PERMISSION
    assert reason(green(None)["same_tree"]) is Reason.NOT_FOUND


def test_a_later_green_run_is_not_the_last_one_before() -> None:
    assert told("last-green", FakeForge((RUN, run(10, created=AT + 5, conclusion=GREEN))))["present"] is False


def test_a_list_that_may_lack_the_green_run_does_not_say_that_there_is_none() -> None:
    assert reason(told("last-green", FakeForge(whole=False))["present"]) is Reason.NOT_SUPPORTED


COMMIT = RUN.commit or ""


@pytest.mark.parametrize(
    ("event", "branch", "texts", "changed"),
    [
        ("push", "main", {COMMIT: b"old", "main": b"new"}, True),
        ("push", "main", {COMMIT: b"old", "main": b"old"}, False),
        ("push", None, {COMMIT: b"old", "trunk": b"new"}, True),
        ("schedule", "main", {COMMIT: b"old", "main": b"new"}, True),
        ("schedule", "main", {COMMIT: b"old", "main": b"old"}, Reason.NOT_SUPPORTED),
        ("push", "#3", {COMMIT: b"old"}, Reason.NOT_SUPPORTED),
        ("push", "main", {COMMIT: b"old"}, Reason.NOT_FOUND),
    ],
)
def test_which_version_of_the_workflow_ran(
    event: str, branch: str | None, texts: Mapping[str, bytes], changed: bool | Reason
) -> None:
    listed = replace(RUN, event=event, branch=branch)
    facts = told("workflow-refs", FakeForge((listed,), texts=texts, default="trunk"))
    value = facts["changed_since"]
    assert (reason(value) if isinstance(changed, Reason) else value) == changed


def test_the_text_of_a_workflow_is_not_recorded() -> None:
    forge = FakeForge(texts={COMMIT: b"canary-7f", "main": b"canary-7f"})
    assert b"canary-7f" not in probe("workflow-refs").ask(forge, Subject("forge"), {})


@pytest.mark.parametrize("kind", Kind)
def test_what_a_pull_request_checks_out_may_differ_on_github(kind: Kind) -> None:
    one = replace(RUN, event="pull_request")
    assert same_tree(RUN, RUN, kind)
    assert same_tree(one, one, kind) is (kind in (Kind.FORGEJO, Kind.GITEA))
    assert not same_tree(RUN, replace(RUN, event="workflow_dispatch"), kind)
    assert not same_tree(replace(RUN, commit=None), replace(RUN, commit=None), kind)


@pytest.mark.parametrize("unit", OF_FORGE, ids=lambda unit: str(unit.name))
@given(data=st.binary(max_size=60) | st.recursive(st.none() | st.text(max_size=5) | st.integers(), st.lists).map(repr))
def test_reading_never_raises(unit: Probe, data: bytes | str) -> None:
    facts = unit.read(data if isinstance(data, bytes) else data.encode("ascii", "replace"))
    assert set(facts) == set(unit.fields)


@pytest.mark.parametrize("unit", OF_FORGE, ids=lambda unit: str(unit.name))
def test_a_part_of_another_type_is_unknown(unit: Probe) -> None:
    whole = json.loads(unit.ask(FakeForge((RUN, run(8, created=AT - 90, conclusion=GREEN))), Subject("forge"), {}))
    for key in whole:
        stranges: list[object] = [7, "x", [], [7], {}, None, True]
        for strange in stranges:
            facts = unit.read(json.dumps({**whole, key: strange}).encode())
            assert set(facts) == set(unit.fields)


TEXT = Text("a", "b", "c", "d", "e")


def test_what_a_forge_tells_refutes_also_where_the_log_has_no_times() -> None:
    condition = Condition("sibling-runs", Of.FORGE, "same_commit", Op.EQUALS, "green")
    cause = Cause("one", "", "code/test", ("p",), TEXT, when={}, unless={}, refute=(condition,))
    failure = Failure("p", "", "", "code/test", "usual", True, None, "", ((1, 1),), (Line(1, ""),), {}, "p")
    answers = {tell_forge.SIBLINGS: (Answer("", {"same_commit": "green"}),)}
    (found,) = judge(
        failure, [cause], answers, lambda e: replace(e, value=Unknown(Reason.CHANGED_SINCE), lasting=False)
    )
    assert found.confidence is Confidence.RULED_OUT


def said(siblings_: Facts | None = None, green_: Facts | None = None) -> list[str]:
    rows = [(tell_forge.SIBLINGS, siblings_), (tell_forge.GREEN, green_)]
    return list(tell_forge.sentences({ask: (Answer("", facts),) for ask, facts in rows if facts is not None}))


def test_sentences() -> None:
    assert said() == []
    assert said({"same_commit": "none", "others_red": 0, "others_green": 0, "twin": None}) == []
    assert "others were red" in said({"same_commit": "both"})[0]
    assert "on another runner" in said({"same_commit": "red", "red_elsewhere": True})[0]
    assert "Both runs" in said({"others_red": 2, "others_green": 0, "all_red": True})[0]
    assert "All 3 runs" in said({"others_red": 3, "others_green": 0, "all_red": True})[0]
    assert "2 of 3 runs" in said({"others_red": 1, "others_green": 2, "all_red": False})[0]
    assert said({"others_red": 1, "others_green": 0, "all_red": False}) == []
    assert said({"others_red": Unknown(Reason.BUDGET), "others_green": 0}) == []
    assert "the same files" in said(green_={"run": "o/r#1", "same_tree": True})[0]
    assert "a retrigger" in said(green_={"run": "o/r#1", "same_tree": False, "retrigger": True})[0]
    changed: Facts = {"run": "o/r#1", "same_tree": False, "retrigger": False, "commits": 1, "touched": "src/a.rs"}
    assert said(green_=changed) == ["Last green: o/r#1, 1 commit ago; since then: src/a.rs"]
    assert said(green_={"run": "o/r#1", "same_tree": Unknown(Reason.NOT_SUPPORTED), "commits": 0}) == [
        "Last green: o/r#1, of the same commit"
    ]
    assert said(green_={"run": "o/r#1\x1b[31m"}) == ["Last green: o/r#1[31m"]
