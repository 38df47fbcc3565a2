"""What runners and forges say to each other: the same from both encodings, and nothing of what nobody asked for."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_protobuf import message

from whyred.sources import _runner_calls as calls
from whyred.sources._runner_parts import MOST, read_part, unpacked

PROTO, JSON = "application/proto", "application/json"
CANARY = "canary-value-0123456789"
MOMENTS = st.tuples(st.integers(0, 253402300799), st.integers(0, 999_999_999))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
COUNTS = st.integers(0, (1 << 63) - 1)


def moment(time: tuple[int, int]) -> bytes:
    return message([(1, time[0]), (2, time[1])])


def written(time: tuple[int, int]) -> str:
    """As protobuf's JSON form has it: with as many digits as are needed, of 0, 3, 6 and 9."""
    seconds = f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=time[0]):%Y-%m-%dT%H:%M:%S}"
    digits = f"{time[1]:09}"
    for count in (0, 3, 6):
        if not digits[count:].strip("0"):
            return f"{seconds}{'.' if count else ''}{digits[:count]}Z"
    return f"{seconds}.{digits}Z"


def as_json(value: Any) -> bytes:
    return json.dumps(value).encode()


@given(COUNTS, COUNTS, st.lists(st.tuples(MOMENTS, TEXTS), max_size=4), st.booleans())
def test_rows_are_the_same_in_both_encodings(
    task: int, index: int, rows: list[tuple[tuple[int, int], str]], last: bool
) -> None:
    packed = message(
        [(1, task), (2, index)]
        + [(3, message([(1, moment(t)), (2, text.encode())])) for t, text in rows]
        + ([(4, 1)] if last else [])
    )
    plain = as_json(
        {
            "taskId": str(task),
            "index": str(index),
            "rows": [{"time": written(t), "content": text} for t, text in rows],
            **({"noMore": True} if last else {}),
        }
    )
    read = calls.read_rows(read_part(packed, PROTO))
    assert read == calls.read_rows(read_part(plain, JSON))
    assert (read.task, read.index, read.last) == (task, index, last)
    assert list(read.texts) == [text.encode().replace(b"\n", rb"\n") for _, text in rows]
    stamps = [f"{datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=t[0]):%Y-%m-%dT%H:%M:%S}" for t, _ in rows]
    assert list(read.stamps) == [f"{s}.{t[1] // 100:07}Z" for s, (t, _) in zip(stamps, rows, strict=True)]


def test_a_row_is_cut_and_kept_in_one_line_as_forges_do() -> None:
    """modules/actions/log.go, FormatLog: first the line ends, then the length, in bytes."""
    packed = message([(3, message([(2, b"a\nb")])), (3, message([(2, b"\n" * 40_000 + b"x")]))])
    first, second = calls.read_rows(read_part(packed, PROTO)).texts
    assert first == rb"a\nb"
    assert second == rb"\n" * 32_768


@pytest.mark.parametrize(
    ("text", "stamp"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05.0000000Z"),
        ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.1234567Z"),
        ("2026-01-02T05:04:05.1+02:00", "2026-01-02T03:04:05.1000000Z"),
        ("2026-01-01T22:34:05-04:30", "2026-01-02T03:04:05.0000000Z"),
        ("yesterday", "1970-01-01T00:00:00.0000000Z"),
        ("2026-13-02T03:04:05Z", "1970-01-01T00:00:00.0000000Z"),
    ],
)
def test_times(text: str, stamp: str) -> None:
    rows = read_part(as_json({"rows": [{"time": text, "content": "x"}, {"content": "y"}]}), JSON)
    assert calls.read_rows(rows).stamps == (stamp, "1970-01-01T00:00:00.0000000Z")


@pytest.mark.parametrize("seconds", [(1 << 62), -(1 << 62), 253402300800])
def test_a_time_beyond_all_years_is_none(seconds: int) -> None:
    packed = message([(3, message([(1, moment((seconds, 0))), (2, b"x")]))])
    assert calls.read_rows(read_part(packed, PROTO)).stamps == ("1970-01-01T00:00:00.0000000Z",)


def test_states_and_no_outputs() -> None:
    step: list[tuple[int, int | bytes]] = [
        (1, 1),
        (2, 2),
        (3, moment((10, 500_000_000))),
        (4, moment((12, 0))),
        (5, 3),
        (6, 4),
    ]
    state = message([(1, 9), (3, moment((10, 0))), (5, message([(3, moment((10, 0)))])), (5, message(step))])
    packed = message([(1, state), (2, message([(1, b"key"), (2, CANARY.encode())]))])
    plain = as_json(
        {
            "state": {
                "id": "9",
                "startedAt": "1970-01-01T00:00:10Z",
                "steps": [
                    {"startedAt": "1970-01-01T00:00:10Z"},
                    {
                        "id": "1",
                        "result": "RESULT_FAILURE",
                        "started_at": "1970-01-01T00:00:10.500Z",
                        "stoppedAt": "1970-01-01T00:00:12Z",
                        "logIndex": 3,
                        "log_length": "4",
                    },
                ],
            },
            "outputs": {"key": CANARY},
        }
    )
    read = calls.read_state(read_part(packed, PROTO))
    assert read == calls.read_state(read_part(plain, JSON))
    assert (read.task, read.result, read.started, read.stopped) == (9, 0, 10.0, None)
    assert read.steps == (calls.StepTold(0, 0, 10.0, None, 0, 0), calls.StepTold(1, 2, 10.5, 12.0, 3, 4))
    assert CANARY not in repr(read)


def text_value(key: str, text: str) -> bytes:
    return message([(1, key.encode()), (2, message([(3, text.encode())]))])


def task(number: int) -> list[tuple[int, int | bytes]]:
    event = message([(1, b"event"), (2, message([(5, message([(1, text_value("ref", CANARY))]))]))])
    context = [(1, text_value("repository", "alice/pub")), (1, text_value("run_id", "7")), (1, event)]
    return [
        (1, number),
        (2, b"jobs: {}"),
        (3, message(context)),
        (4, message([(1, b"DEPLOY"), (2, CANARY.encode())])),
        (7, message([(1, b"VARIABLE"), (2, b"value")])),
    ]


def test_tasks_are_the_same_in_both_encodings_and_show_nothing() -> None:
    """Also further ones, which Forgejo has in a field of its own whose number is not known."""
    packed = message([(1, message(task(5))), (2, 77), (3, message(task(6))), (9, b"no message \xff")])
    plain_task = {
        "workflowPayload": base64.b64encode(b"jobs: {}").decode(),
        "context": {"repository": "alice/pub", "run_id": "7", "event": {"ref": CANARY}},
        "secrets": {"DEPLOY": CANARY},
        "vars": {"VARIABLE": "value"},
    }
    plain = as_json(
        {"task": {"id": "5", **plain_task}, "tasksVersion": "77", "additionalTasks": [{"id": 6, **plain_task}]}
    )
    for body, kind in ((packed, PROTO), (plain, JSON)):
        read = list(calls.read_taken(read_part(body, kind)))
        assert [(t.id, dict(t.context), t.payload) for t in read] == [
            (n, {"repository": "alice/pub", "run_id": "7"}, b"jobs: {}") for n in (5, 6)
        ]
        assert [dict(t.secrets) for t in read] == [{"DEPLOY": CANARY}] * 2
        assert CANARY not in repr(read)
        assert "alice" not in repr(read)


@pytest.mark.parametrize(
    "body", [b"", message([(2, 3)]), message([(1, b"\x08\x05")]), message([(1, message([(3, b"x")]))])]
)
def test_an_answer_without_a_task(body: bytes) -> None:
    assert list(calls.read_taken(read_part(body, PROTO))) == []


def test_the_other_answers() -> None:
    assert calls.read_ack(read_part(message([(1, 12)]), PROTO)) == 12
    assert calls.read_ack(read_part(as_json({"ackIndex": "12"}), JSON)) == 12
    assert (
        calls.read_runner(read_part(message([(1, message([(3, CANARY.encode()), (4, b"runner-1")]))]), PROTO))
        == "runner-1"
    )
    assert calls.read_runner(read_part(as_json({"runner": {"name": "runner-1", "token": CANARY}}), JSON)) == "runner-1"


@given(st.binary(max_size=200), st.sampled_from([PROTO, JSON]))
def test_no_body_is_more_than_refused(body: bytes, kind: str) -> None:
    for read in (
        calls.read_rows,
        calls.read_state,
        calls.read_ack,
        calls.read_runner,
        lambda p: list(calls.read_taken(p)),
    ):
        try:
            read(read_part(body, kind))
        except ValueError:
            continue


JUNK = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["task", "id", "rows", "state", "steps", "context", "secrets", "time", "runner", "workflowPayload"]
            ),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=12,
)


@given(JUNK)
def test_json_of_any_shape_is_read_or_refused(value: Any) -> None:
    test_no_body_is_more_than_refused.hypothesis.inner_test(as_json(value), JSON)  # type: ignore[attr-defined]


def test_a_refusal_quotes_nothing() -> None:
    for body, kind in ((f'{{"secret": "{CANARY}'.encode(), JSON), (f"\xff{CANARY}".encode(), PROTO)):
        with pytest.raises(ValueError, match=r"\w") as caught:
            calls.read_rows(read_part(body, kind))
        assert CANARY not in f"{caught.value!r} {caught.value.__cause__!r}"
    with pytest.raises(ValueError, match="unknown"):
        read_part(b"{}", "application/grpc")


def test_compression() -> None:
    assert unpacked(b"as it is", "") == unpacked(b"as it is", "identity") == b"as it is"
    assert unpacked(gzip.compress(b"packed"), "gzip") == b"packed"
    for body, encoding, word in (
        (b"no gzip", "gzip", "damaged"),
        (gzip.compress(b"x" * 1000)[:-9], "gzip", "cut off"),
        (gzip.compress(bytes(MOST + 1)), "gzip", "larger"),
        (b"", "br", "unknown"),
    ):
        with pytest.raises(ValueError, match=word):
            unpacked(body, encoding)
