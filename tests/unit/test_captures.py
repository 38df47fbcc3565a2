"""What follows from captures, when captures agree, and which texts are the same failure."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.diagnosis.captures import agree, derive, fingerprint


@pytest.mark.parametrize(
    ("captures", "derived"),
    [
        ({"errno": "2"}, {"errno": "ENOENT"}),
        ({"errno": "ENOSPC"}, {"errno": "ENOSPC"}),
        ({"reason": "No such file or directory"}, {"errno": "ENOENT"}),
        ({"reason": "no space left on device."}, {"errno": "ENOSPC"}),
        ({"errno": "28", "reason": "No such file or directory"}, {"errno": "ENOSPC"}),
        ({"errno": "99999", "reason": "Permission denied"}, {"errno": "EACCES"}),
        ({"path": "/tmp/rustcVAIpSt"}, {"dir": "/tmp", "base": "rustcVAIpSt"}),
        ({"path": "file"}, {"dir": ".", "base": "file"}),
        ({"path": "/file"}, {"dir": "/", "base": "file"}),
        ({"path": "/a/b", "dir": "/told"}, {"dir": "/told"}),
        ({"code": "137"}, {"signal": "9"}),
        ({"code": "143", "signal": "told"}, {"signal": "told"}),
    ],
)
def test_derive(captures: dict[str, str], derived: dict[str, str]) -> None:
    assert derive(captures) == captures | derived


@pytest.mark.parametrize(
    "captures",
    [
        {"errno": "²"},
        {"code": "²"},
        {"code": "①"},
        {"code": "9" * 5000},
        {"errno": "9" * 5000},
        {"code": "-1"},
        {"code": "128"},
        {"code": "1"},
        {"code": "255"},
        {"code": ""},
        {"reason": "no such thing"},
    ],
)
def test_what_cannot_be_derived_is_left_out(captures: dict[str, str]) -> None:
    assert derive(captures) == captures


@given(st.dictionaries(st.sampled_from(["errno", "reason", "path", "code", "signal", "dir"]), st.text(max_size=30)))
def test_no_text_breaks_it(captures: dict[str, str]) -> None:
    derived = derive(captures)
    assert {k: v for k, v in derived.items() if k in captures and k != "errno"} == {
        k: v for k, v in captures.items() if k != "errno"
    }


@pytest.mark.parametrize(
    ("have", "want", "agrees"),
    [
        ("ENOENT", ("ENOENT",), True),
        ("ENOENT", ("EACCES", "ENOENT"), True),
        ("ENOENT", ("EACCES",), False),
        ("ENOENT", (), False),
        ("/tmp/x", ("/tmp/*",), True),
        ("/var/tmp/x", ("/tmp/*",), False),
        ("/tmp/a\nb", ("/tmp/*b",), True),
        ("axxbyyc", ("a*b*c",), True),
        ("a.c", ("a.c",), True),
        ("abc", ("a.*",), False),
        ("", ("*",), True),
        ("", ("",), True),
    ],
)
def test_agree(have: str, want: tuple[str, ...], agrees: bool) -> None:
    assert agree({"key": have}, {"key": want}) is agrees


def test_an_empty_value_stands_for_a_capture_that_is_not_there() -> None:
    assert agree({}, {"dir": ("/tmp", "")})
    assert not agree({"dir": "/srv"}, {"dir": ("/tmp", "")})


def test_a_capture_that_is_not_there_agrees_with_nothing() -> None:
    assert not agree({}, {"key": ("*",)})
    assert agree({}, {})
    assert not agree({"a": "1"}, {"a": ("1",), "b": ("2",)})


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("failed after 12 s", "failed after 7 s"),
        ("at /tmp/rustcVAIpSt", "at /tmp/rustcabc123"),
        ("at /tmp/tmp.AbCdEf1234", "at /tmp/tmp.0000000000"),
        ("commit 0123456789abcdef", "commit fedcba9876543210"),
        ("at 0x7f00", "at 0x1"),
        ("a   b", "a b"),
    ],
)
def test_changing_parts_make_no_difference(one: str, other: str) -> None:
    assert fingerprint("p", one) == fingerprint("p", other)


def test_what_differs_stays_different() -> None:
    assert fingerprint("p", "cannot open a") != fingerprint("p", "cannot open b")
    assert fingerprint("p", "x") != fingerprint("q", "x")


@given(st.text())
def test_a_fingerprint_is_one_short_line_without_numbers(message: str) -> None:
    found = fingerprint("p", message)
    assert len(found) <= 203
    assert not re.search(r"\d", found)
    assert fingerprint("p", message) == found


@pytest.mark.parametrize(
    ("captures", "near", "errno"),
    [
        ({"host": "127.0.0.1", "code": "7"}, "yes", "ECONNREFUSED"),
        ({"host": "localhost", "code": "28"}, "yes", None),
        ({"host": "[::1]", "reason": "Connection refused"}, "yes", "ECONNREFUSED"),
        ({"host": "127.0.0.1.example.org", "code": "7"}, "no", None),
        ({"code": "7"}, None, None),
    ],
)
def test_a_connection_to_ones_own_machine(captures: dict[str, str], near: str | None, errno: str | None) -> None:
    told = derive(captures)
    assert (told.get("near"), told.get("errno")) == (near, errno)
