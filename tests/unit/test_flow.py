"""What every log goes through: it is not empty, it is no page, and it is within the user's limit."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.app.flow import begun, limited
from whyred.model.run import Attempt, Conclusion, Run, Status, Step
from whyred.model.source import Fetched, Missing, MissingLogError
from whyred.sources._growing import _from_line

DONE = Attempt(Run("team/app#7"), status=Status.DONE, conclusion=Conclusion.FAILURE)


def fetched(chunks: Sequence[bytes | Step], attempt: Attempt = DONE) -> Fetched:
    return Fetched(attempt, iter(chunks), "somewhere: a log")


def reason(told: Fetched, *, some: bool = False) -> Missing:
    with pytest.raises(MissingLogError) as caught:
        begun(told, some=some)
    assert caught.value.asked == "read the log of team/app#7 (somewhere)"
    return caught.value.reason


@pytest.mark.parametrize(
    ("attempt", "expected"),
    [
        (DONE, Missing.DELETED),
        (replace(DONE, conclusion=Conclusion.SKIPPED), Missing.NOT_STARTED),
        (replace(DONE, status=Status.RUNNING), Missing.STILL_RUNNING),
        (replace(DONE, status=Status.UNKNOWN), Missing.STILL_RUNNING),
        (replace(DONE, status=Status.WAITING), Missing.NOT_STARTED),
        (replace(DONE, status=Status.BLOCKED), Missing.NOT_STARTED),
    ],
)
@pytest.mark.parametrize("chunks", [[], [b""], [Step("a"), Step("b")], [b"", Step("a"), b""]])
def test_an_empty_log_is_a_missing_one(attempt: Attempt, expected: Missing, chunks: list[bytes | Step]) -> None:
    assert reason(fetched(chunks, attempt)) is expected


def test_a_wanted_step_may_have_no_line() -> None:
    step = Step("silent")
    assert list(begun(fetched([step]), some=True).chunks) == [step]
    assert reason(fetched([]), some=True) is Missing.DELETED


@pytest.mark.parametrize("text", [b"<!DOCTYPE html><p>x", b"\r\n <html lang=en>", b"<HTML>"])
def test_a_page_is_no_log(text: bytes) -> None:
    assert reason(fetched([Step("a"), text])) is Missing.REFUSED_CONTENT


@pytest.mark.parametrize("text", [b"<htmlish> is a word\n", b"2026-01-02T03:04:05Z <html>\n", b"<a>"])
def test_a_log_may_speak_of_pages(text: bytes) -> None:
    assert list(begun(fetched([text])).chunks) == [text]


def test_what_breaks_at_once_breaks_before_anything_is_shown() -> None:
    def broken() -> Iterator[bytes | Step]:
        yield Step("a")
        raise MissingLogError(Missing.CORRUPT, "read it", "it is damaged")

    assert reason_of(replace(fetched([]), chunks=broken())) is Missing.CORRUPT


def reason_of(told: Fetched) -> Missing:
    with pytest.raises(MissingLogError) as caught:
        begun(told)
    return caught.value.reason


@given(st.lists(st.binary(max_size=9)), st.integers(1, 40))
def test_a_limit_is_for_the_bytes_and_for_nothing_else(chunks: list[bytes], most: int) -> None:
    told: list[bytes | Step] = [Step("first"), *chunks]
    whole = sum(map(len, chunks))
    stream = limited(fetched(told), most).chunks
    if whole <= most:
        assert list(stream) == told
        return
    came: list[bytes | Step] = []
    with pytest.raises(MissingLogError) as caught:
        came.extend(stream)
    assert sum(len(chunk) for chunk in came if isinstance(chunk, bytes)) <= most
    assert (caught.value.reason, f" {most} of --max-bytes" in caught.value.help) == (Missing.TOO_LARGE, True)


def test_without_a_limit_nothing_is_counted() -> None:
    told = fetched([b"x" * 100])
    assert limited(told, None) is told


@given(st.binary(max_size=40), st.data())
def test_a_range_gives_whole_lines_and_never_nothing(text: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=4)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    got = b"".join(_from_line(iter([piece for piece in pieces if piece])))
    rest = text.partition(b"\n")[2]
    assert got == (rest or text)
