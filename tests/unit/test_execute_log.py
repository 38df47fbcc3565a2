"""The log as it is written: time stamps, workflow commands, cuts anywhere, long lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.experiments.job_log import JobLog

STAMP = b"2027-01-15T08:00:00.1250000Z "


class Written:
    """A log into memory at one moment."""

    def __init__(self) -> None:
        self.data = b""
        self.masks: list[str] = []
        self.sizes: list[int] = []
        self.log = JobLog(self.take, lambda: 1_800_000_000.125, self.masks.append)

    def take(self, data: bytes) -> None:
        self.data += data
        self.sizes.append(len(data))

    def lines(self) -> list[bytes]:
        assert all(line.startswith(STAMP) for line in self.data.split(b"\n")[:-1])
        return [line.removeprefix(STAMP) for line in self.data.split(b"\n")[:-1]]


def written(*pieces: bytes) -> Written:
    w = Written()
    w.log.begin()
    for piece in pieces:
        w.log.feed(piece)
    w.log.finish()
    return w


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        (b"::group::Build it", b"##[group]Build it"),
        (b"::endgroup::", b"##[endgroup]"),
        (b"::add-mask::hunter2", b"::add-mask::***"),
        (b"  ::add-mask::hunter2\r", b"::add-mask::***"),
        (b"::set-env name=A::b", b"::set-env name=A::b"),
        (b"::error file=a.c,line=1::bad", b"::error file=a.c,line=1::bad"),
        (b"std::cout << ::x", b"std::cout << ::x"),
        (b"::", b"::"),
        (b"a\rb\r\r", b"a\rb"),
        (b"\xff\x00\x1b[31m", b"\xff\x00\x1b[31m"),
        (b"", b""),
    ],
)
def test_a_line(line: bytes, shown: bytes) -> None:
    assert written(line + b"\n").lines() == [shown]


def test_masks_are_told_decoded_whole_and_by_the_line() -> None:
    w = written(b"::add-mask::a%0Ab%25\n::ADD-MASK::c\n::add-mask::\n")
    assert w.masks == ["a\nb%", "a", "b%", "c"]
    assert w.lines() == [b"::add-mask::***"] * 3


def test_a_mask_is_told_before_what_follows_in_the_same_piece() -> None:
    w = Written()
    seen: list[tuple[bytes, int]] = []
    w.log = JobLog(lambda d: seen.append((d, len(w.masks))), lambda: 0.0, w.masks.append)
    w.log.feed(b"x\n::add-mask::s\ny s\n")
    assert [count for _, count in seen] == [1]


def test_outputs_are_gathered() -> None:
    w = written(b"::set-output name=a::1%0A2\n::set-output::x\n::set-output name=b,x=y::\n")
    assert w.log.outputs == {"a": "1\n2", "b": ""}
    w.log.begin()
    assert w.log.outputs == {}


def test_stopped_commands_are_plain_text() -> None:
    w = written(b"::stop-commands::tok\n::add-mask::a\n::group::g\n::tok::\n::group::h\n")
    assert w.masks == []
    assert w.lines() == [b"::stop-commands::tok", b"::add-mask::a", b"::group::g", b"::tok::", b"##[group]h"]


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"::group::", b"::add-mask::x", b"\xc3", b""]), max_size=40))
def test_cuts_do_not_matter(pieces: list[bytes]) -> None:
    assert written(*pieces).data == written(b"".join(pieces)).data


@given(st.lists(st.binary().map(lambda b: b.replace(b"\n", b"").replace(b":", b"").rstrip(b"\r"))))
def test_lines_come_through_as_they_are(lines: list[bytes]) -> None:
    assert written(*(line + b"\n" for line in lines)).lines() == lines


def test_a_line_above_1_mib_goes_in_pieces_and_stays_one_line() -> None:
    w = Written()
    line = b"0123456789abcde\r" * (5 << 16)
    for at in range(0, len(line), 1000):
        w.log.feed(line[at : at + 1000])
    w.log.feed(b"\nnext\n")
    assert w.lines() == [line.rstrip(b"\r"), b"next"]
    assert max(w.sizes) < (1 << 20) + 2000
    assert len(w.sizes) == 5


def test_a_secret_above_1_mib_never_shows() -> None:
    w = written(b" ::add-mask::", *[b"secret " * 10_000] * 40, b"\nafter\n")
    assert w.lines() == [b"::add-mask::***", b"after"]


def test_our_own_lines_are_always_one() -> None:
    w = Written()
    w.log.say("⭐ Run Main a\nb\x1b[31m\ud800")
    assert w.lines() == ["⭐ Run Main a b [31m?".encode()]
