"""Expressions `${{ }}`: what they are worth, how their kinds mix, where they are wrong; and nothing breaks them."""

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from whyred.workflows.expressions import (
    Contexts,
    ExpressionError,
    NotKnownError,
    Place,
    asks_status,
    check,
    condition,
    evaluate,
    interpolate,
    interpolate_text,
)
from whyred.workflows.functions import FUNCTIONS, MOST_TEXT, STATUS, JobStatus
from whyred.workflows.grammar import CONTEXTS, MOST_CHARACTERS, MOST_LEVELS
from whyred.workflows.values import NotKnown, PartlyKnown, Value, fold, read_number, to_text

PLACE = Place("ci.yml", 7, "run")
HERE = NotKnown("only the forge knows it", "run it there")
VALUES: dict[str, Value] = {
    "github": PartlyKnown({"ref": "refs/heads/main", "sha": "abc", "event": HERE, "Odd Name": "odd"}, HERE),
    "env": {"NAME": "value", "name": "small", "EMPTY": "", "kebab-case": "k", "Straße": "s"},
    "vars": {"LEVEL": "3", "YES": "true"},
    "secrets": {"TOKEN": "hush"},
    "matrix": {"os": "linux", "version": 3.5, "n": 10, "on": True, "none": None, "list": ("a", "b"), "map": {"x": 1.0}},
    "steps": {"step-id": {"outputs": {"name": "value"}, "outcome": "failure", "conclusion": "success"}, "lost": HERE},
    "needs": {
        "one": {"result": "success", "outputs": {"o": "1"}},
        "two": {"result": "failure", "outputs": {"o": "2", "p": "3"}},
        "three": {"result": "success", "outputs": {}},
    },
    "job": {"status": "success"},
    "runner": {"os": "Linux", "temp": "/t"},
    "strategy": {"fail-fast": True, "job-index": 0.0},
    "inputs": {},
}
NAN = "NaN"


def seen(values: Sequence[str]) -> str:
    return "+".join(values)


ALL = Contexts(VALUES, JobStatus(success=True, failure=False), seen)


def value(text: str, contexts: Contexts = ALL) -> Any:
    return evaluate(text, contexts, PLACE)


def same(got: Any, wanted: Any) -> bool:
    if wanted == NAN:
        return isinstance(got, float) and math.isnan(got)
    if isinstance(wanted, list):
        return isinstance(got, tuple) and len(got) == len(wanted) and all(map(same, got, wanted))
    return isinstance(got, bool) == isinstance(wanted, bool) and bool(got == wanted)


LITERALS = [
    *[("true", True), ("false", False), ("null", None), ("123", 123), ("-9.7", -9.7), ("0xff", 255), ("+5", 5)],
    *[("-2.99e-2", -0.0299), ("1E3", 1000), ("1.", 1), (".5", 0.5), ("-.5", -0.5), ("0o17", 15), ("NaN", NAN)],
    *[("Infinity", math.inf), ("-Infinity", -math.inf), ("1e999", math.inf), ("0xffffffff", -1)],
    *[("'foo'", "foo"), ("'it''s'", "it's"), ("''", ""), ("''''", "'"), ("'a\nb'", "a\nb"), ("'}}'", "}}")],
    *[(" ( ( 1 ) ) ", 1), ("'true'", "true"), ("'${{'", "${{"), ("'é \U0001f600'", "é \U0001f600")],
]
PROPERTIES = [
    *[("github.ref", "refs/heads/main"), ("forgejo.ref", "refs/heads/main"), ("gitea['ref']", "refs/heads/main")],
    *[("GitHub.REF", "refs/heads/main"), ("github['Odd Name']", "odd"), ("github['ODD NAME']", "odd")],
    *[("env.NAME", "value"), ("env.name", "small"), ("env.Name", "value"), ("env.kebab-case", "k")],
    *[("env.missing", None), ("env.missing.deeper[0].still", None), ("env['STRASSE']", None), ("env['straße']", "s")],
    *[("env.NAME.x", None), ("env.NAME[0]", None), ("matrix.version", 3.5), ("matrix.on", True), ("matrix.none", None)],
    *[("matrix.list[0]", "a"), ("matrix.list['1']", "b"), ("matrix.list[1.9]", "b"), ("matrix.list[2]", None)],
    *[("matrix.list[-1]", None), ("matrix.list['x']", None), ("matrix.list[null]", "a"), ("matrix.list[true]", "b")],
    *[("matrix['v' ]", None), ("matrix[format('{0}{1}', 'o', 's')]", "linux"), ("matrix.map.x", 1)],
    *[
        ("matrix.list[matrix.map]", None),
        ("steps.step-id.outputs.name", "value"),
        ("steps['step-id'].outcome", "failure"),
    ],
    *[("needs.*.result", ["success", "failure", "success"]), ("needs.*.outputs.o", ["1", "2"])],
    *[
        ("needs[*].outputs.*", ["1", "2", "3"]),
        ("needs.*.missing", []),
        ("env.NAME.*", []),
        ("null || matrix.list.*", ["a", "b"]),
    ],
    *[
        ("matrix.list.*", ["a", "b"]),
        ("matrix.list.*.x", []),
        ("(needs.*.result)[1]", "failure"),
        ("needs.*.result[1]", []),
    ],
    *[("fromJSON('[[1,2],[3,4]]').*[0]", [1, 3]), ("(fromJSON('[[1,2],[3,4]]').*)[0]", [1, 2])],
    *[('fromJSON(\'{"a":1,"A":2}\').A', 2), ('fromJSON(\'{"a":1,"A":2}\').a', 1), ("env.true && 1 || 2", 2)],
    *[("runner.temp", "/t"), ("inputs.x", None), ("jobs", None), ("matrix.map[0]", None), ("env . NAME", "value")],
]
COMPARISONS = [
    *[("1 == 1.0", True), ("1 == '1'", True), ("'1' == 1", True), ("'0x1F' == 31", True), ("'0o17' == 15", True)],
    *[("'1e3' == 1000", True), ("' 7 ' == 7", True), ("'7x' == 7", False), ("'1_0' == 10", False), ("'' == 0", True)],
    *[("null == 0", True), ("0 == null", True), ("null == ''", True), ("null == null", True), ("null == false", True)],
    *[
        ("true == 1", True),
        ("true == '1'", True),
        ("true == 'true'", False),
        ("false == ''", True),
        ("'nan' == 0", False),
    ],
    *[("NaN == NaN", False), ("NaN != NaN", True), ("'Infinity' == Infinity", True), ("'infinity' == Infinity", False)],
    *[
        ("'TEST' == 'test'", True),
        ("'ä' == 'Ä'", True),
        ("'ß' == 'SS'", False),
        ("'a' != 'A'", False),
        ("'a' == 'b'", False),
    ],
    *[("matrix.list == matrix.list", True), ("fromJSON('[1]') == fromJSON('[1]')", False), ("matrix == env", False)],
    *[("matrix.map == matrix.map", True), ("fromJSON('{}') == 0", False), ("fromJSON('[]') == ''", False)],
    *[("fromJSON('{}') != 'x'", True), ("null == fromJSON('{}')", False), ("1 < 2", True), ("2 < 1", False)],
    *[
        ("2 > 1", True),
        ("1 <= 1", True),
        ("1 >= 2", False),
        ("'b' > 'A'", True),
        ("'a' < 'B'", True),
        ("'b' <= 'a'", False),
    ],
    *[("'10' < '9'", True), ("'10' < 9", False), ("10 > '9'", True), ("null < 1", True), ("null <= null", True)],
    *[
        ("null < null", False),
        ("true > false", True),
        ("true >= true", True),
        ("false < true", True),
        ("NaN < 1", False),
    ],
    *[("NaN >= NaN", False), ("'x' < 1", False), ("'x' > 1", False), ("fromJSON('{}') < 2", False)],
    *[("fromJSON('[]') <= fromJSON('[]')", False), ("matrix.list <= matrix.list", True), ("1 < 2 == true", True)],
    *[("3 > 2 > 1", False), ("1 == 1 == 1", True), ("vars.LEVEL > 2", True), ("vars.YES == true", False)],
]
LOGIC = [
    *[
        ("!true", False),
        ("!null", True),
        ("!-10", False),
        ("!0", True),
        ("!-0", True),
        ("!''", True),
        ("!'false'", False),
    ],
    *[("!NaN", True), ("!fromJSON('{}')", False), ("!fromJSON('[]')", False), ("!!'x'", True), ("!1 == 0", True)],
    *[
        ("true && 'a'", "a"),
        ("'a' && ''", ""),
        ("'' && 'a'", ""),
        ("0 && 1", 0),
        ("null && 1", None),
        ("NaN && 1", NAN),
    ],
    *[("'' || 'b'", "b"), ("'a' || 'b'", "a"), ("0 || null", None), ("false || NaN", NAN), ("false || 0 || ''", "")],
    *[("true && 0 || 5", 5), ("false && 1 || 2 && 3", 3), ("1 || 2 && 0", 1), ("(1 || 2) && 0", 0)],
    *[("matrix.os == 'linux' && 'yes' || 'no'", "yes"), ("true && null && github.event.x", None)],
    *[("true || github.actor", True), ("false && github.event.number", False), ("fromJSON('[]') && 1", 1)],
    *[("case(true, 1, github.event, 2, 3)", 1), ("case(false, github.event, false, 2, 3)", 3)],
    ("case(1 == 1, 'a', 'b')", "a"),
]
CALLS = [
    *[("contains('Hello', 'LL')", True), ("cOnTaInS('Hello', 'x')", False), ("contains('3.14', 3.1)", True)],
    *[("contains(3.141592, '3.14')", True), ("contains(true, 'u')", True), ("contains(null, '')", True)],
    *[("contains(fromJSON('[\"a\"]'), 'A')", True), ("contains(fromJSON('[\"ab\"]'), 'a')", False)],
    *[("contains(fromJSON('[null]'), '')", True), ("contains(fromJSON('[true]'), 'true')", False)],
    *[("contains(fromJSON('[3.14]'), '3.14')", True), ("contains(fromJSON('[\"\"]'), fromJSON('[]'))", False)],
    *[("contains(needs.*.result, 'failure')", True), ("contains(needs.*.result, 'cancelled')", False)],
    *[("contains(matrix.map, 'x')", False), ("contains('x', matrix.map)", False), ("contains('', '')", True)],
    *[("startsWith('search', 'SE')", True), ("startsWith(123, 12)", True), ("startsWith('a', null)", True)],
    *[("startsWith(matrix.list, 'a')", False), ("startsWith(github.ref, 'refs/tags/')", False)],
    *[("endsWith('search', 'CH')", True), ("endsWith(123, '23')", True), ("endsWith('a', matrix.map)", False)],
    *[("format('text')", "text"), ("format('{0} {1} {0}', 'a', 2)", "a 2 a"), ("format('{{0}}', 'x')", "{0}")],
    *[("format('{{{0}}}', 'x')", "{x}"), ("format('}}')", "}"), ("format('{0}', '{1}', 'x')", "{1}")],
    *[("format('{0}|{1}|{2}|{3}', null, true, -3.14, NaN)", "|true|-3.14|NaN"), ("format(true)", "true")],
    *[("format('{0} {1}', matrix.list, matrix.map)", "Array Object"), ("format('{0}', Infinity)", "Infinity")],
    *[("format('{0} {1} {2}', 1.0, 1234567890.0, 12345678901234567890)", "1 1234567890 1.23456789012346E+19")],
    *[
        ("format('{0}', 0.1)", "0.1"),
        ("format('{0}', 1e-5)", "1E-05"),
        ("format('{0}', 123456789012345)", "123456789012345"),
    ],
    *[("join(matrix.list)", "a,b"), ("join(matrix.list, '-')", "a-b"), ("join('x', '-')", "x"), ("join(null)", "")],
    *[
        ("join(fromJSON('[1, null, true]'), null)", "1true"),
        ("join(matrix.list, matrix.map)", "a,b"),
        ("join(matrix.map)", ""),
    ],
    *[("join(fromJSON('[]'), '-')", ""), ("join(needs.*.outputs.o, ';')", "1;2"), ("join(fromJSON('[[1]]'))", "Array")],
    *[("toJSON(null)", "null"), ("toJson('a\"b')", '"a\\"b"'), ("toJSON(1.0)", "1"), ("toJSON(true)", "true")],
    *[("toJSON(matrix.map)", '{\n  "x": 1\n}'), ("toJSON(fromJSON('[]'))", "[]"), ("toJSON(inputs)", "{}")],
    *[("toJSON(fromJSON('[1,{\"a\":[]}]'))", '[\n  1,\n  {\n    "a": []\n  }\n]'), ("toJSON('é')", '"é"')],
    *[("fromJSON('1')", 1), ("fromJSON(' true ')", True), ("fromJSON('null')", None), ("fromJSON('\"x\"')", "x")],
    *[("fromJSON(true)", True), ('fromJSON(\'{"a":{"b":[1]}}\').a.b[0]', 1), ("fromJSON('1e400')", math.inf)],
    *[("fromJSON('\"\\ud83d\\ude00\"')", "\U0001f600"), ("fromJSON('\"\\udc80\"')", "\ufffd")],
    *[("fromJSON(toJSON(matrix.list))[1]", "b"), ("fromJSON(format('[{0}]', vars.LEVEL))[0] == 3", True)],
    *[("hashFiles('**/a', 'b')", "**/a+b"), ("success()", True), ("failure()", False), ("always()", True)],
    *[("cancelled()", False), ("!cancelled() && 'on'", "on"), ("SUCCESS()", True)],
]


@pytest.mark.parametrize(("text", "wanted"), LITERALS + PROPERTIES + COMPARISONS + LOGIC + CALLS)
def test_what_an_expression_is_worth(text: str, wanted: Any) -> None:
    got = value(text)
    assert same(got, wanted), got


@pytest.mark.parametrize(
    ("number", "text"),
    [(1.0, "1"), (-0.0, "-0"), (1e15, "1E+15"), (123456.789, "123456.789"), (1 / 3, "0.333333333333333"), (10, "10")],
)
def test_numbers_as_text(number: float, text: str) -> None:
    assert to_text(number) == text


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0x", math.nan),
        ("0xfffffffff", math.nan),
        ("0o8", math.nan),
        ("1e", math.nan),
        ("--1", math.nan),
        ("\t-1\n", -1),
    ],
)
def test_texts_as_numbers(text: str, number: float) -> None:
    assert read_number(text) == number or (math.isnan(read_number(text)) and math.isnan(number))


def wrong(text: str, contexts: Contexts = ALL) -> ExpressionError:
    with pytest.raises(ExpressionError) as caught:
        value(text, contexts)
    message = str(caught.value)
    assert message.startswith("ci.yml:7: `run`: ")
    assert "\n" not in message
    assert caught.value.why
    assert caught.value.how[:1].isupper()
    return caught.value


@pytest.mark.parametrize(
    ("text", "column", "why"),
    [
        ("", 1, "there is no expression"),
        ("github.ref ==", 14, "breaks off"),
        ("(github.ref", 12, "breaks off"),
        ("github.", 8, "breaks off"),
        ("env['a'", 8, "breaks off"),
        ("contains('a',", 14, "breaks off"),
        ("github.ref = 'x'", 12, "no operator `=`"),
        ("env.A & env.B", 7, "no operator `&`"),
        ("env.A | env.B", 7, "no operator `|`"),
        ('env.A == "x"', 10, "single quotes"),
        ("env.A == 'x", 10, "a text that does not end"),
        ("1 + 2", 3, "cannot calculate"),
        ("env.A - 2", 7, "cannot calculate"),
        ("env.A 'x'", 7, "without an operator"),
        ("== 1", 1, "no value before `==`"),
        ("'a'.length", 4, "cannot stand here"),
        ("github.*x", 9, "cannot stand here"),
        ("env.1a", 5, "cannot stand here"),
        ("* == 1", 1, "`*` stands only"),
        ("x == 1", 1, "`x` is no context"),
        ("  True", 3, "`True` is no context"),
        ("github.ref == main", 15, "`main` is no context"),
        ("${{ github.ref }}", 1, "an expression inside an expression"),
        ("lower('A')", 1, "`lower` is no function"),
        ("contains('a')", 1, "takes a list or text, and what to look for, and 1 are given"),
        ("success('x')", 1, "takes nothing"),
        ("format()", 1, "takes a template"),
        ("true && format('{0}')", 9, "0 value(s) are given"),
        ("format('{1}', 'a')", 1, "asks for {1}"),
        ("format('{0', 'a')", 1, "a lone `{` at character 1"),
        ("format('a}b')", 1, "a lone `}` at character 2"),
        ("format('{300}', 1)", 1, "asks for {300}"),
        ("format('{-1}', 1)", 1, "a lone `{`"),
        ("fromJSON('')", 1, "it is empty"),
        ("fromJSON(null)", 1, "it is empty"),
        ("fromJSON('{')", 1, "no JSON"),
        ("fromJSON('NaN')", 1, "no JSON"),
        ("fromJSON('[1] x')", 1, "no JSON"),
        ("fromJSON(matrix.list)", 1, "no JSON"),
        ("case(1, 2, 3)", 1, "condition 1 of `case` is neither"),
        ("case(true, 1, false, 2)", 1, "pairs"),
        ("!" * MOST_LEVELS + "1", 2, "nested deeper"),
        ("1" * (MOST_CHARACTERS + 1), 1, f"may have {MOST_CHARACTERS}"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, column: int, why: str) -> None:
    error = wrong(text)
    assert why in error.why
    assert error.column == column
    assert f"column {column}" in error.what
    assert not isinstance(error, NotKnownError)


def test_columns_count_in_the_text_of_the_field() -> None:
    with pytest.raises(ExpressionError) as caught:
        interpolate("echo ${{ env.A }}; echo ${{ nope }}", ALL, PLACE)
    assert caught.value.column == 29
    with pytest.raises(ExpressionError) as caught:
        condition("  ${{ github.ref = 'x' }}", ALL, PLACE)
    assert caught.value.column == 18


def test_in_several_lines_the_line_is_told_as_well() -> None:
    with pytest.raises(ExpressionError) as caught:
        interpolate("echo a\necho ${{ 1 }} ${{ env.A\n  = 2 }}\n", ALL, PLACE)
    assert "line 3, column 3:" in str(caught.value)
    with pytest.raises(ExpressionError) as caught:
        interpolate("echo a\necho ${{ 1", ALL, PLACE)
    assert "line 2, column 6:" in str(caught.value)
    assert caught.value.column == 13


def test_what_only_the_forge_knows_is_an_error_of_its_own() -> None:
    for text in ("github.actor", "github.event.number", "github['server_url'] || 'x'", "steps.lost.outputs.x"):
        with pytest.raises(NotKnownError) as caught:
            value(text)
        assert "is not known here: only the forge knows it" in caught.value.why
    for text in ("toJSON(github)", "github.*.x", "contains(github.*, 'x')", "join(steps.*.outcome)", "toJSON(steps)"):
        with pytest.raises(NotKnownError):
            value(f"({text}).x")
    assert value("steps.step-id && github.ref") == "refs/heads/main"
    with pytest.raises(NotKnownError) as caught:
        value("needs.one && steps.lost")
    assert caught.value.column == 14


def test_status_functions_look_back_on_something() -> None:
    assert "has nothing to look back on" in wrong("success()", Contexts({})).why
    failed = Contexts({}, JobStatus(success=False, failure=True))
    assert [value(f"{name}()", failed) for name in ("success", "failure", "always", "cancelled")] == [
        *(False, True, True, False)
    ]
    unsure = Contexts({}, JobStatus(success=HERE, failure=HERE))
    with pytest.raises(NotKnownError):
        value("success()", unsure)
    assert value("always()", unsure) is True
    assert "no files to look at" in wrong("hashFiles('a')", Contexts({})).why


def test_hash_files_that_cannot_be_read_is_an_error_with_the_reason() -> None:
    def locked(_: Sequence[str]) -> str:
        raise PermissionError(13, "Permission denied")

    assert "Permission denied" in wrong("hashFiles('a')", Contexts({}, None, locked)).why


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("plain", "plain"),
        ("${{ 1 }}", 1.0),
        ("${{ fromJSON('[1]') }}", (1.0,)),
        ("${{ null }}", None),
        (" ${{ 1 }}", " 1"),
        ("${{ 1 }}${{ true }}", "1true"),
        ("a ${{ null }} b", "a  b"),
        ("a ${{ matrix.list }} b", "a Array b"),
        ("x ${{ '}}' }} y", "x }} y"),
        ("${{ 'it''s }}' }}!", "it's }}!"),
        ("${{ '${{' }}", "${{"),
        ("$ { {{ }} $${{ 1 }}", "$ { {{ }} $1"),
        ("${{\n env.NAME\n}}.", "value."),
        ("{${{ 1 }}}", "{1}"),
        ("}} ${{ 1 }} '", "}} 1 '"),
    ],
)
def test_texts_with_expressions(text: str, wanted: Any) -> None:
    assert same(interpolate(text, ALL, PLACE), list(wanted) if isinstance(wanted, tuple) else wanted)
    if not isinstance(wanted, tuple):
        assert interpolate_text(text, ALL, PLACE) == to_text(wanted)


@pytest.mark.parametrize("text", ["${{", "a ${{ 1", "${{ 'a }}", "${{ 1 }} ${{ '", "${{ 1 }"])
def test_an_expression_without_an_end(text: str) -> None:
    with pytest.raises(ExpressionError, match="no `}}` closes it"):
        interpolate(text, ALL, PLACE)
    with pytest.raises(ExpressionError):
        check(text, PLACE)


FAILED = Contexts(VALUES, JobStatus(success=False, failure=True))


@pytest.mark.parametrize(
    ("text", "green", "red"),
    [
        (None, True, False),
        ("", True, False),
        ("  ", True, False),
        ("true", True, False),
        ("false", False, False),
        ("success()", True, False),
        ("always()", True, True),
        ("failure()", False, True),
        ("${{ failure() }}", False, True),
        ("!failure()", True, False),
        ("!cancelled()", True, True),
        ("success() || failure()", True, True),
        ("github.ref == 'refs/heads/main'", True, False),
        ("${{ github.ref == 'refs/heads/main' }}", True, False),
        (" ${{ github.ref == 'x' }} ", False, False),
        ("always() && github.ref == 'x'", False, False),
        ("github.ref == 'x' && always()", False, False),
        ("contains(needs.*.result, 'failure') && always()", True, True),
        ("env.EMPTY", False, False),
        ("env.NAME", True, False),
        ("0", False, False),
        ("'false'", True, False),
        ("${{ github.ref == 'x' }} && true", True, False),  # a text, and so true: as on the forges
        ("${{ always() }} && false", True, True),
        ("${{ '' }}${{ '' }}", False, False),
        ("'success()'", True, False),
        ("env['always()']", False, False),
    ],
)
def test_conditions(text: str | None, green: bool, red: bool) -> None:
    assert condition(text, ALL, PLACE) is green
    assert condition(text, FAILED, PLACE) is red


def test_which_conditions_ask_for_the_status() -> None:
    assert asks_status("always()", PLACE)
    assert asks_status("x(" and "env.A || (env.B && !Failure())", PLACE)
    assert asks_status("format('{0}', env['a'][cancelled()])", PLACE)
    assert asks_status("${{ env.A }} ${{ needs.*[success()] }}", PLACE)
    assert not any(asks_status(text, PLACE) for text in (None, "", "true", "env.always == 'always()'"))


def test_a_condition_that_does_not_hold_asks_no_further() -> None:
    """What is not known does not matter behind a failed step, and the default is looked at first."""
    assert condition("github.actor == 'x'", FAILED, PLACE) is False
    with pytest.raises(NotKnownError):
        condition("github.actor == 'x'", ALL, PLACE)


def test_no_message_quotes_a_value() -> None:
    canary = "canary-4711-{-}"
    contexts = Contexts({"secrets": {"T": canary, "J": '{"a": ' + canary}})
    for text in ("fromJSON(secrets.T)", "fromJSON(secrets.J)", "format(secrets.T)", "case(secrets.T, 1, 2)"):
        error = wrong(text, contexts)
        assert canary not in str(error)
        assert "4711" not in repr(error.__dict__) + repr(contexts)
        assert error.__cause__ is None


BOMBS = {
    "format doubling": "format('{0}{0}{0}{0}', " * 45 + "'xxxxxxxxxxxxxxxx'" + ")" * 45,
    "format wide": "format('" + "{0}" * 6000 + "', env.BIG)",
    "join doubling": "join(fromJSON(format('[{0}]', join(fromJSON('[" + ",".join(["1"] * 9000) + "]'), env.BIG))))",
    "join with a large separator": "join(fromJSON('[" + ",".join(["1"] * 9000) + "]'), env.BIG)",
    "JSON in JSON": "toJSON(" * 45 + "env.BIG" + ")" * 45,
    "many comparisons": " && ".join(["env.BIG == env.BIG"] * 900),
    "many searches": " && ".join(["!contains(env.BIG, 1)"] * 800),
    "many values": " && ".join(["fromJSON(env.LIST).*"] * 800),
    "wide objects": " || ".join(["matrix.WIDE.no"] * 1000),
    "deep JSON": "fromJSON(env.DEEP)",
    "quotes in JSON": "fromJSON(env.QUOTES)",
}
BIG: dict[str, Value] = {
    "env": {
        "BIG": "a" * (MOST_TEXT - 10),
        "LIST": "[" + "0," * (MOST_TEXT // 2 - 100) + "0]",
        "DEEP": "[" * 100_000 + "]" * 100_000,
        "QUOTES": '"\\' * (MOST_TEXT // 2 - 10),
    },
    "matrix": {"WIDE": {f"k{i}": None for i in range(100_000)}},
}


@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused(name: str) -> None:
    error = wrong(BOMBS[name], Contexts(BIG))
    assert any(word in error.why for word in ("grows beyond", "nested deeper", "no JSON")), error.why


def test_a_text_of_many_expressions_has_one_budget() -> None:
    with pytest.raises(ExpressionError, match="grows beyond"):
        interpolate("${{ env.BIG }}" * 20, Contexts(BIG), PLACE)


def test_long_and_bracketed_expressions_are_fine() -> None:
    assert value(" && ".join(["true"] * 2500)) is True
    assert value("(" * 10_000 + "1" + ")" * 10_000) == 1
    assert value("(" * 2000 + "env.NAME" + ")" * 2000) == "value"
    assert value("!" * (MOST_LEVELS - 1) + "1") is False
    assert value("(" * 40 + "env" + ")['x']" * 40) is None


_NAMES = st.sampled_from([*CONTEXTS, "x", "true", "NaN", "result", "NAME"])
_SCALARS = st.one_of(
    st.sampled_from(["true", "false", "null", "NaN", "Infinity", "-Infinity", "0xff", "''", "1e3", "''''"]),
    st.integers(-(10**20), 10**20).map(str),
    st.text(max_size=8).map(lambda t: "'" + t.replace("'", "''") + "'"),
)
_EXPRESSIONS = st.recursive(
    _SCALARS | st.sampled_from(CONTEXTS),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["&&", "||", "==", "!=", "<", "<=", ">", ">="]), inner).map(" ".join),
        inner.map(lambda e: f"!{e}"),
        inner.map(lambda e: f"({e})"),
        st.tuples(st.sampled_from(CONTEXTS), _NAMES).map(".".join),
        st.tuples(st.sampled_from(CONTEXTS), inner).map(lambda p: f"{p[0]}[{p[1]}].*"),
        st.tuples(st.sampled_from([f.name for f in FUNCTIONS.values()]), st.lists(inner, max_size=3)).map(
            lambda p: f"{p[0]}({', '.join(p[1])})"
        ),
    ),
    max_leaves=12,
)


def outcome(work: Callable[[], object]) -> ExpressionError | None:
    try:
        work()
    except ExpressionError as e:
        return e
    return None


def tried(text: str) -> None:
    for work in (
        lambda: evaluate(text, ALL, PLACE),
        lambda: interpolate(text, ALL, PLACE),
        lambda: interpolate_text("${{" + text + "}}", ALL, PLACE),
        lambda: condition(text, FAILED, PLACE),
    ):
        error = outcome(work)
        assert error is None or (error.column >= 1 and "\n" not in str(error))


@given(_EXPRESSIONS)
@settings(max_examples=300, deadline=None)
def test_any_expression_has_a_value_or_a_reason(text: str) -> None:
    tried(text)


@given(st.text(st.sampled_from("'${}()[].,*!=<>&|-+ \n\t\"a1_ex0\ud800é")) | st.text())
@example("${{'")
@example("\x00")
@example("'\udc80'")
@settings(deadline=None)
def test_any_text_has_a_value_or_a_reason(text: str) -> None:
    tried(text)


@given(st.text())
def test_quoted_texts_come_back(text: str) -> None:
    quoted = "'" + text.replace("'", "''") + "'"
    if len(quoted) <= MOST_CHARACTERS:
        assert value(quoted) == text
        assert interpolate_text(f"<${{{{ {quoted} }}}}>", ALL, PLACE) == f"<{text}>"


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**14), 10**14).map(float)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner)
    ),
    max_leaves=20,
)


@given(_JSON)
@settings(deadline=None)
def test_json_comes_back(data: Any) -> None:
    contexts = Contexts({"env": {"v": data}})
    text = value("toJSON(env.v)", contexts)
    assert json.loads(text) == json.loads(json.dumps(data))
    assert value("fromJSON(toJSON(env.v))", contexts) == data


@given(st.text(), st.text())
def test_comparing_ignores_case_the_same_way_everywhere(left: str, right: str) -> None:
    contexts = Contexts({"env": {"l": left, "r": right}})
    assert value("env.l == env.r", contexts) is (fold(left) == fold(right))
    assert value("contains(env.l, env.r)", contexts) is (fold(right) in fold(left))
    assert value("env.l < env.r || env.l == env.r || env.l > env.r", contexts) is True


def test_every_status_function_is_a_function() -> None:
    assert set(FUNCTIONS) >= STATUS
