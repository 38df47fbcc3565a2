"""Which job a folder of the zip of logs belongs to: a log is never shown for another job's."""

import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.model.run import Conclusion, Status, Step
from whyred.model.source import Missing, MissingLogError
from whyred.sources._github_zip import LogZip, _owner

STEP = Step("Test", Conclusion.FAILURE, 1_800_000_000.0, 1_800_000_009.0, status=Status.DONE)


def zipped(members: dict[str, bytes]) -> LogZip:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return LogZip(file, "GET x")


@pytest.mark.parametrize(
    ("folder", "jobs", "owner"),
    [
        ("test", ("test", "test2", "latest"), "test"),
        ("test2", ("test", "test2"), "test2"),
        ("test2", ("test",), None),
        ("2X", ("X", "2X"), "2X"),
        ("build  a", ("build / a", "build / b"), "build / a"),
        ("build_a", ("build / a",), "build / a"),
        ("a-b", ("a-b", "ab"), "a-b"),
        ("a_b", ("a/b", "a:b"), None),
        ("test", ("test", "test"), None),
        ("x" * 90, ("x" * 120,), "x" * 120),
        ("x" * 89 + "2", ("x" * 120,), "x" * 120),
        ("x" * 90, ("x" * 120 + "a", "x" * 120 + "b"), None),
        ("x" * 90, ("x" * 91,), "x" * 91),
        ("te", ("test",), None),
        ("other", ("test",), None),
        ("", ("test",), None),
    ],
)
def test_whose_folder_it_is(folder: str, jobs: tuple[str, ...], owner: str | None) -> None:
    assert _owner(folder, jobs) == owner


@given(
    st.lists(st.text(st.sampled_from("ab/: -_12"), max_size=8), max_size=5),
    st.text(st.sampled_from("ab -_12"), max_size=8),
)
def test_a_folder_is_nobodys_or_that_of_one_job(jobs: list[str], folder: str) -> None:
    owner = _owner(folder, jobs)
    assert owner is None or (jobs.count(owner) == 1)


def line(second: int, text: str = "x") -> bytes:
    return f"2027-01-15T08:00:{second:02}.0000000Z {text}\n".encode()


def test_steps_by_their_numbers_without_the_byte_order_marks() -> None:
    archive = zipped({"job/3_Test.txt": b"\xef\xbb\xbf" + line(1), "job/13_Test.txt": line(2), "job/4_a.txt": b""})
    texts = archive.steps("job", ["job"], [(3, STEP), (4, STEP)])
    assert texts is not None
    assert [b"".join(t) for t in texts] == [line(1), b""]


def test_a_folder_whose_times_are_others_is_not_taken() -> None:
    assert zipped({"job/3_Test.txt": line(30)}).steps("job", ["job"], [(3, STEP)]) is None
    assert zipped({"job/3_Test.txt": b"2027-99-99T08:00:01Z x\n"}).steps("job", ["job"], [(3, STEP)]) is None
    assert zipped({"job/3_Test.txt": b"no time\n"}).steps("job", ["job"], [(3, STEP)]) is not None


def test_the_whole_text_before_what_came_before_a_runner() -> None:
    files = {"job/system.txt": line(0, "waits"), "-99_job.txt": line(1, "all"), "0_other.txt": line(1, "other")}
    whole = zipped(files).whole("job", ["job", "other"], None)
    assert whole is not None
    assert b"".join(whole) == line(1, "all")
    only = zipped({"job/system.txt": line(0, "waits")}).whole("job", ["job"], None)
    assert only is not None
    assert b"".join(only) == line(0, "waits")
    assert zipped({}).whole("job", ["job"], None) is None


def test_a_member_whose_bytes_are_damaged() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("job/3_it's_mine.txt", line(1) * 5000)
    data = bytearray(file.getvalue())
    data[60:70] = b"\xff" * 10
    texts = LogZip(io.BytesIO(bytes(data)), "GET x")
    with pytest.raises(MissingLogError) as caught:
        b"".join((texts.steps("job", ["job"], [(3, STEP)]) or [iter(())])[0])
    assert caught.value.reason is Missing.CORRUPT
    assert "mine" not in str(caught.value)


@given(st.binary(max_size=300))
def test_bytes_that_are_no_zip(data: bytes) -> None:
    with pytest.raises(MissingLogError) as caught:
        LogZip(io.BytesIO(data), "GET x")
    assert caught.value.reason is Missing.CORRUPT
