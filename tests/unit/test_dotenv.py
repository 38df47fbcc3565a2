"""Files of NAME=value: the forms, what is refused with its line, and that no message quotes a value."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.workflows.dotenv import MOST_BYTES, read_values
from whyred.workflows.nouns import WorkflowError


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("", {}),
        ("\n\n# a comment\n  # another\n", {}),
        ("A=1", {"A": "1"}),
        ("A=1\r\nB = two words \r\n", {"A": "1", "B": "two words"}),
        ("export A=1\nexport\tB=2\n", {"A": "1", "B": "2"}),
        ("A=\nB=", {"A": "", "B": ""}),
        ("A=x#y\nB=x #y\nC=#y\nD='x #y' # z\n", {"A": "x#y", "B": "x", "C": "", "D": "x #y"}),
        ('A=\'$B \\n "q"\'\nB="$A \\n \\"q\\" \\$ \\\\"', {"A": '$B \\n "q"', "B": '$A \n "q" $ \\'}),
        ("A='one\ntwo'\nB=\"-----\n\nx\n\"\nC=3", {"A": "one\ntwo", "B": "-----\n\nx\n", "C": "3"}),
        ("A=it's\nB=a=b==\n_1=x\n", {"A": "it's", "B": "a=b==", "_1": "x"}),
        ("\ufeffA=é\U0001f600", {"A": "é\U0001f600"}),
    ],
)
def test_forms(text: str, values: dict[str, str]) -> None:
    assert read_values(text.encode(), "f") == values


@pytest.mark.parametrize(
    ("data", "place", "what"),
    [
        (b"A=1\nhunter2hunter2\n", "f:2:", "no NAME=value"),
        (b"A=1\n1A=hunter2hunter2\n", "f:2:", "no NAME=value"),
        (b"A B=hunter2hunter2\n", "f:1:", "no NAME=value"),
        (b"A=1\n\nB='hunter2hunter2\nC=3\n", "f:3:", "a value without an end"),
        (b'A="hunter2hunter2\\"', "f:1:", "a value without an end"),
        (b"A='x' hunter2hunter2\n", "f:1:", "text behind a value"),
        (b"A=1\nB=2\na=hunter2hunter2\n", "f:3:", "`a` is set twice"),
        (b"A=1\nB=\xff\n", "f:2:", "not UTF-8"),
        (b"A=" + b"x" * MOST_BYTES, "f:", "file too large"),
    ],
)
def test_what_is_refused(data: bytes, place: str, what: str) -> None:
    with pytest.raises(WorkflowError) as caught:
        read_values(data, "f")
    message = str(caught.value)
    assert message.startswith(place)
    assert what in message
    assert "hunter2" not in message
    assert "\n" not in message


@given(st.binary() | st.text(st.sampled_from("A=b'\"\\\n #")).map(str.encode))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        values = read_values(data, "f")
    except WorkflowError:
        return
    assert all(name.isidentifier() for name in values)


_TEXT = st.text(st.characters(exclude_characters="\r", exclude_categories=["Cs"]))


@given(st.dictionaries(st.from_regex(r"[A-Z_][A-Z0-9_]*", fullmatch=True), _TEXT, max_size=4))
def test_quoted_values_come_back(values: dict[str, str]) -> None:
    lines = []
    for name, value in values.items():
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        lines.append(f'{name}="{escaped}"' if "'" in value else f"{name}='{value}'")
    assert read_values("\n".join(lines).encode(), "f") == values


@pytest.mark.parametrize("text", ["A='" * 300_001, 'A="\\' * 200_000, " " * 1_000_000 + "A", "\n" * 1_000_000 + "A"])
def test_a_hostile_file_is_read_in_one_go(text: str) -> None:
    with pytest.raises(WorkflowError):
        read_values(text.encode(), "f")
