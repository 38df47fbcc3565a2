"""The text that people see: no times before lines, and marks of sections as what they stand for."""

import pytest

from whyred.logs.shown import shown

STAMP = b"2026-01-02T03:04:05.123456Z "


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (b'section_start:1767323110:step_script\rExecuting "step_script" stage\n', b'Executing "step_script" stage\n'),
        (b"section_start:1767323110:step_script\r\na\n", b"a\n"),
        (b"section_end:1767323110:step_script\n", b""),
        (b"section_end:1767323110:get_sources\rsection_start:1767323110:step_script\rB\n", b"B\n"),
        (b"section_start:1767323110:own[collapsed=true]\rTests\nok\nsection_end:1767323111:own\n", b"> Tests\nok\n"),
        (b"section_start:1767323110:own\n", b"> own\n"),
        (b"text section_end:1767323110:own\r\n", b"text \n"),
        (b"section_start is a word, section_end:12 too, section_start:1:x y\n", None),
        (STAMP + b"00O section_end:1:a\rsection_start:2:own\rT\n" + STAMP + b"01E+err\n", b"> T\nerr\n"),
        (STAMP + b"00O section_end:1:a\r\n" + STAMP + b"00O b\n", b"b\n"),
        (b"2026-01-02T03:04:05.1234567Z 00O said\n", b"00O said\n"),
        (b"travis_fold:start:install\rtravis_time:start:0a1b2c3d\r$ npm ci\n", b"$ npm ci\n"),
        (b"travis_time:end:0a1b:start=1,finish=2,duration=1,event=script\rThe command\n", b"The command\n"),
        (b"travis_fold:start:install\ntravis_time is a word\n", None),
    ],
)
def test_marks_of_sections(text: bytes, seen: bytes | None) -> None:
    assert shown(text) == (text if seen is None else seen)


def test_times_stay_where_they_are_wanted() -> None:
    text = STAMP + b"00O section_start:1:own\rTests\n" + STAMP + b"00O ok\n"
    assert shown(text, timestamps=True) == STAMP + b"> Tests\n" + STAMP + b"ok\n"


def test_a_long_line_of_almost_marks_is_read_once() -> None:
    text = b"section_start:1" * 100_000 + b"\n"
    assert shown(text) == text
