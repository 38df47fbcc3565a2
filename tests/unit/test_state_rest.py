"""What the steps of a page do not show of a job's end: each line of the whole text comes once, in its order."""

from collections.abc import Callable, Iterator

import pytest
from change_standin import Way, way
from hypothesis import given
from hypothesis import strategies as st
from standin import Status, World, scenarios
from test_web_state import attempt, played, quiet, told

from whyred.model.run import Attempt, Conclusion, Run, Step
from whyred.model.run import Status as Life
from whyred.model.source import Missing, MissingLogError
from whyred.sources._state_rest import with_rest
from whyred.sources.reach import Want

CANCELLED = "⚙️ [runner]: this step has been cancelled: ctx: context canceled, exec: RUN signal: killed"
FAILED = "🏁  Job failed"
EVERY = ["forgejo-7", "forgejo-11", "forgejo-14", "forgejo-16", "gitea-1.23", "gitea-1.25", "gitea-1.26.4"]


def cancelled_late(world: World) -> None:
    """Cancelled in its second step, and the runner sends rows after that, as Gitea's was seen to do."""
    of = scenarios.running(world.named("alice/priv")).jobs[0].attempts[0]
    of.row("received task")
    of.row("quick", 0)
    of.end_step(0)
    of.row("tick 1", 1)
    of.end(Status.CANCELLED)
    for text in ("tick 2", CANCELLED, FAILED):
        of.row(text)


WHOLE = ["[Set up job]", "received task", "[Quick]", "quick", "[Ticking]", "tick 1", "tick 2", CANCELLED]
LAST = ["[After]", "[Complete job]", FAILED]


@pytest.mark.parametrize("name", EVERY)
def test_rows_after_a_job_was_cancelled(name: str) -> None:
    with way(name, cancelled_late) as user:
        assert told(user, attempt(user, "alice/priv#9"), Want()) == [*WHOLE, *LAST]
        assert told(user, attempt(user, "alice/priv#9"), Want(frozenset({2}))) == WHOLE[4:]


@pytest.mark.parametrize("name", EVERY)
def test_they_come_while_it_is_followed(name: str) -> None:
    def works(user: Way) -> list[Callable[[], object]]:
        of = played(user)
        late = ("tick 2", CANCELLED, FAILED)
        begin: list[Callable[[], object]] = [
            lambda: of.row("received task"),
            lambda: of.row("quick", 0),
            lambda: of.end_step(0),
        ]
        begin += [lambda: of.row("tick 1", 1), lambda: None, lambda: of.end(Status.CANCELLED)]

        def end() -> None:
            for text in late:
                of.row(text)

        return [*begin, end]

    with way(name, quiet) as user:
        user.works += works(user)
        assert told(user, attempt(user, "alice/priv#9"), Want(follow=True)) == [*WHOLE, *LAST]


def last_step_skipped(world: World) -> None:
    of = scenarios.running(world.named("alice/priv")).jobs[0].attempts[0]
    of.row("received task")
    for step in (0, 1):
        of.row(f"step {step}", step)
        of.end_step(step)
    of.end_step(2, Status.SKIPPED)
    of.row("🏁  Job succeeded")
    of.end(Status.SUCCESS)


@pytest.mark.parametrize("name", EVERY)
def test_a_last_step_that_was_skipped_hides_no_row(name: str) -> None:
    with way(name, last_step_skipped) as user:
        found = told(user, attempt(user, "alice/priv#9"), Want())
        assert found[-3:] == ["[After]", "[Complete job]", "🏁  Job succeeded"]


# --- without a server -------------------------------------------------------------------------------------------------

SET_UP, FIRST, SECOND, THIRD, END = (
    Step("Set up job", Conclusion.SUCCESS, aside=True),
    Step("First", Conclusion.SUCCESS),
    Step("Second", Conclusion.CANCELLED),
    Step("Third", Conclusion.CANCELLED),
    Step("Complete job", Conclusion.CANCELLED, aside=True),
)
DONE = Attempt(Run("a/b#1"), status=Life.DONE, steps=(SET_UP, FIRST, SECOND, THIRD, END))


def stamped(text: str, digit: int = 0) -> bytes:
    return f"2026-11-26T01:47:25.454532{digit}Z {text}\n".encode()


def shown(*pieces: Step | str, whole: list[str]) -> list[str]:
    chunks: Iterator[bytes | Step] = (stamped(p) if isinstance(p, str) else p for p in pieces)
    text = b"".join(stamped(line, 1) for line in whole)
    found = with_rest(chunks, lambda: DONE, lambda: iter([text[:7], text[7:40], text[40:]]), "GET x")
    return [f"[{p.name}]" if isinstance(p, Step) else p.decode()[29:-1] for p in found]


def test_a_step_that_had_no_row_is_not_said_to_have_written_any() -> None:
    found = shown(SET_UP, "a", FIRST, "b", SECOND, THIRD, END, whole=["a", "b", "c", CANCELLED, "d", FAILED])
    assert found[:6] == ["[Set up job]", "a", "[First]", "b", "[Second]", "[Third]"]
    assert found[6:9] == ["[Second / Third]", "c", CANCELLED]
    assert found[9:] == ["[Second / Third / Complete job]", "d", "[Complete job]", FAILED]


def test_without_the_runners_word_nobody_knows_whose_a_row_is() -> None:
    found = shown(SET_UP, "a", FIRST, SECOND, "b", THIRD, END, whole=["a", "b", "c", FAILED])
    assert found[4:] == ["b", "[Third]", "[Second / Third / Complete job]", "c", "[Complete job]", FAILED]


def test_another_text_is_refused() -> None:
    with pytest.raises(MissingLogError, match="other lines") as refused:
        shown(SET_UP, "a", FIRST, SECOND, "b", THIRD, END, whole=["a", "x", "c"])
    assert refused.value.reason is Missing.REFUSED_CONTENT


def test_a_text_that_is_not_to_be_had_is_told() -> None:
    def gone() -> Iterator[bytes]:
        raise MissingLogError(Missing.SERVER_ERROR, "GET y", "ask its admin")

    with pytest.raises(MissingLogError, match="do not show its end"):
        list(with_rest(iter([SET_UP, stamped("a"), FIRST, SECOND, THIRD, END]), lambda: DONE, gone, "GET x"))


ROW = st.sampled_from(["a", "b", CANCELLED, FAILED, ""])


@given(st.lists(st.lists(ROW, max_size=3), min_size=5, max_size=5), st.lists(ROW, max_size=6))
def test_no_row_is_lost_or_comes_twice(of_steps: list[list[str]], rest: list[str]) -> None:
    pieces: list[Step | str] = []
    for step, rows in zip(DONE.steps, of_steps, strict=True):
        pieces += [step, *rows]
    given_ = [row for rows in of_steps for row in rows]
    wanted = given_ if of_steps[-1] or not given_ else [*given_, *rest]
    found = shown(*pieces, whole=[*given_, *rest])
    assert [text for text in found if not text.startswith("[")] == wanted
    assert {f"[{step.name}]" for step in DONE.steps} <= set(found)
