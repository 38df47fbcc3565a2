"""`whyred logs --grep` and `--lines`, by files and by every kind of server: the numbers are those of the whole log, no
secret can be found out, and what is not wanted is not fetched.
"""

import gzip
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from change_standin import Way, address, picked, way
from program import Ended, environment, run
from standin import PROFILES, World
from standin.scenarios import OK, Part, play

from whyred.app.library import Library
from whyred.app.log_grep import Grep, Row
from whyred.app.log_pieces import LogWish, Piece, Text
from whyred.app.logs import logs
from whyred.app.read import read_log
from whyred.logs.blocks import Block
from whyred.logs.sought import Sought
from whyred.logs.window import Window
from whyred.model.source import MissingLogError
from whyred.sources import http
from whyred.sources.reach import Want

TOKEN = "ghp_0123456789abcdefABCDEF0123456789abcd"
CANARY = "MadeUpCanaryMadeUpCanaryMadeUpCanaryMadeUpCanaryMadeUpCanaryMade"
LINES = [
    "Current runner version: '2.3'",
    "##[group]Run actions/checkout@v4",
    f"token {TOKEN}",
    "##[group]Run make",
    "one",
    "two",
    "boom \x1b[31mred\x1b[0m",
    "three",
    "##[error]Process completed with exit code 2.",
    "Post job cleanup.",
]
ACTIONS = "".join(f"2026-01-01T10:00:0{n}.0000000Z {line}\n" for n, line in enumerate(LINES)).encode()
EVERY = pytest.mark.parametrize("name", PROFILES)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


def shown(home: Path, *arguments: str | Path, stdin: bytes = ACTIONS) -> Ended:
    return run(["logs", *map(str, arguments)], environment(home), stdin=stdin)


def rows(ended: Ended) -> list[str]:
    assert ended.code == 0, ended.err
    return ended.out.splitlines()[1:]


def test_matches_with_lines_around_their_step_and_numbers(home: Path) -> None:
    assert rows(shown(home, "-", "--grep", "^boom|cleanup", "-C", "1")) == [
        "-- step 2: Run make",
        "6-two",
        "7:boom red",
        "8-three",
        "-- step: Post job cleanup",
        "10:Post job cleanup.",
    ]
    assert rows(shown(home, "-", "-e", "one", "-e", "exit", "-A1")) == [
        "-- step 2: Run make",
        "5:one",
        "6-two",
        "--",
        "9:##[error]Process completed with exit code 2.",
    ]
    assert rows(shown(home, "-", "--grep", "BOOM", "-i", "-B2"))[1:] == ["5-one", "6-two", "7:boom red"]
    assert shown(home, "-", "--grep", "[eo]", "-v").out == ""
    assert rows(shown(home, "-", "--grep", "o", "-v"))[-1] == "8:three"


def test_what_is_shown_is_what_is_searched(home: Path) -> None:
    assert "no line matches" in shown(home, "-", "--grep", "2026").err
    assert rows(shown(home, "-", "--grep", "^2026.*one", "--timestamps"))[-1].startswith("5:2026-01-01T")
    raw = shown(home, "-", "--grep", "boom red", "--raw")
    assert raw.out == "2026-01-01T10:00:06.0000000Z boom \x1b[31mred\x1b[0m\n"


@pytest.mark.parametrize("expression", [TOKEN, TOKEN[:9], "ghp_[0-9a-zA-Z]{36}", r"token g"])
def test_a_masked_secret_cannot_be_found_out(home: Path, expression: str) -> None:
    ended = shown(home, "-", "--grep", expression)
    assert (ended.code, ended.out) == (0, "")
    assert "no line matches" in ended.err
    assert rows(shown(home, "-", "--grep", r"token \*"))[-1] == "3:token ***"


def test_within_what_else_is_asked_for(home: Path) -> None:
    assert rows(shown(home, "-", "--grep", "o", "--failed"))[0] == "-- step: Run make (failure)"
    step = rows(shown(home, "-", "--grep", "o", "--step", "2", "-e", "token"))
    assert [row.partition(":")[0] for row in step[1:]] == ["4", "5", "6", "7", "9"]
    last = rows(shown(home, "-", "--grep", "o", "--tail", "2"))
    assert [row for row in last if row[0] != "-"] == [
        "9:##[error]Process completed with exit code 2.",
        "10:Post job cleanup.",
    ]
    assert rows(shown(home, "-", "--grep", ".", "--lines", "5:6"))[-2:] == ["5:one", "6:two"]
    assert shown(home, "-", "--grep", "one", "--max-bytes", "20").code == 4


def test_as_json_and_to_a_file(home: Path, tmp_path: Path) -> None:
    ended = shown(home, "-", "--grep", "two|three", "-A", "1", "-B1", "--json")
    head, *matches = map(json.loads, ended.out.splitlines())
    assert head["boundaries"] == "guessed from the text"
    assert [m["match"]["number"] for m in matches] == [6, 8]
    assert matches[0]["match"] == {
        "number": 6,
        "step": "Run make",
        "step_number": 2,
        "text": "two",
        "before": [{"line": "one", "number": 5}],
        "after": [{"line": "boom red", "number": 7}],
    }
    file = tmp_path / "found"
    assert shown(home, "-", "--grep", "two", "--out", file).out == ""
    assert file.read_text().splitlines()[1:] == ["-- step 2: Run make", "6:two"]


@pytest.mark.parametrize(
    ("window", "numbers"),
    [("3:5", range(3, 6)), ("4", [4]), (":2", [1, 2]), ("9:", [9, 10]), ("-2:", [9, 10]), ("8:99", range(8, 11))],
)
def test_lines_by_their_numbers(home: Path, tmp_path: Path, window: str, numbers: list[int]) -> None:
    plain = [line.replace("\x1b[31m", "").replace("\x1b[0m", "").replace(TOKEN, "***") for line in LINES]
    wanted = "".join(plain[number - 1] + "\n" for number in numbers)
    packed, bundle = tmp_path / "a.log.gz", tmp_path / "a.whyred"
    packed.write_bytes(gzip.compress(ACTIONS))
    (tmp_path / "a.log").write_bytes(ACTIONS)
    assert run(["save", str(tmp_path / "a.log"), str(bundle)], environment(home)).code == 0
    for target in ("-", tmp_path / "a.log", packed, bundle):
        ended = shown(home, target, "--lines", window)
        assert (ended.code, ended.out) == (0, wanted)
    if not window.startswith("-"):
        told = [json.loads(row) for row in shown(home, "-", "--lines", window, "--json").out.splitlines()[1:]]
        assert [row["number"] for row in told] == list(numbers)


def test_there_is_no_such_line(home: Path) -> None:
    ended = shown(home, "-", "--lines", "99:")
    assert (ended.code, ended.out) == (0, "")
    assert "it has no line 99" in ended.err


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--grep", "a(b"], "--grep: 'a(b' is no expression of RE2: a ( is not closed at character 2"),
        (["-C", "1"], "say what is sought with --grep"),
        (["-i"], "say what is sought with --grep"),
        (["--lines", "5:4"], "A is not above B"),
        (["--lines", "0"], "lines count from 1"),
        (["--lines", "a:b"], "--lines wants A:B"),
        (["--lines", ":"], "--lines wants A:B"),
        (["--lines", "-3"], "--lines wants A:B"),
        (["--lines", "1:2", "--step", "1"], "leave --step, --failed, --tail and --follow away"),
        (["--lines", "1:2", "--tail", "1"], "leave --step, --failed, --tail and --follow away"),
    ],
)
def test_what_cannot_be_meant_is_refused(home: Path, arguments: list[str], says: str) -> None:
    ended = shown(home, "-", *arguments)
    assert ended.code == 2
    assert says in ended.one_line()


def test_every_job_of_a_zip_is_searched_and_those_that_match_are_named(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "run.zip"
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("0_build.txt", ACTIONS)
        packed.writestr("1_lint.txt", ACTIONS.replace(b"boom", b"fine"))
    ended = shown(home, file, "--grep", "boom")
    heads = [row.partition(" (route")[0] for row in ended.out.splitlines() if row.startswith("==")]
    assert heads == [f"== {file}:build"]
    assert shown(home, file, "--failed", "--grep", "exit code").out.count("9:##[error]") == 2
    assert shown(home, file, "--lines", "5").out == "one\none\n"


def test_a_key_that_begins_before_the_window_is_not_shown(home: Path) -> None:
    key = f"-----BEGIN RSA PRIVATE KEY-----\n{CANARY}\n{CANARY}\n-----END RSA PRIVATE KEY-----\n"
    text = ("plain\n" * 300_000 + key + "it went well there.\n").encode()
    for window in ("300002:300003", "300003:", "-3:"):
        ended = shown(home, "-", "--lines", window, stdin=text)
        assert ended.code == 0
        assert CANARY not in ended.out + ended.err
    assert "no line matches" in shown(home, "-", "--grep", CANARY[:12], stdin=text).err


# --- servers ----------------------------------------------------------------------------------------------------------


def pieces(user: Way, target: str, **wish: object) -> list[Piece]:
    return list(logs(LogWish(address(target), **wish), user.forges, Library(None)))  # type: ignore[arg-type]


def whole(user: Way, target: str) -> dict[int, bytes]:
    """Every line as `read` numbers it."""
    ladder, attempt = user.forges.attempt(address(target))
    text = b""

    def tap(block: Block) -> None:
        nonlocal text
        text += block.plain

    read_log(ladder.log(attempt, Want()).chunks, Library(None), tap)
    return dict(enumerate(text.removesuffix(b"\n").split(b"\n"), 1))


@EVERY
@pytest.mark.parametrize("web", [True, False])
@pytest.mark.parametrize("run_", [2, 3])
def test_numbers_are_those_that_read_has(name: str, web: bool, run_: int) -> None:
    with way(name, web=web) as user:
        target = f"alice/{'pub' if web else 'priv'}#{run_}"
        try:
            lines = whole(user, target)
        except MissingLogError as e:
            pytest.skip(f"no route gives this log: {e.reason}")
        found = pieces(user, target, grep=Grep(Sought(["e"])), timestamps=True)
        numbered = {row.number: row.text for row in found if isinstance(row, Row)}
        assert numbered == {number: line for number, line in lines.items() if b"e" in line}
        some = pieces(user, target, window=Window(2, 4), timestamps=True)
        texts = b"".join(piece.text for piece in some if isinstance(piece, Text))
        assert texts.splitlines() == [lines[number] for number in (2, 3, 4)]
        assert next(piece.first for piece in some if isinstance(piece, Text)) == 2


@pytest.mark.parametrize("name", ["forgejo-11", "forgejo-16", "gitea-1.23", "gitea-1.26.4"])
def test_the_step_of_a_match_is_told(name: str) -> None:
    with way(name) as user:
        failed = pieces(user, "alice/priv#2", grep=Grep(Sought(["temp dir"]), 1, 0), failed=True)
        heads = [piece.step.name for piece in failed if hasattr(piece, "step")]
        assert heads == ["Cargo build"]
        everything = pieces(user, "alice/priv#2", grep=Grep(Sought(["temp dir"])))
        one, other = ([r.number for r in some if isinstance(r, Row) and r.spans] for some in (failed, everything))
        assert one == other, "also where only the step is wanted"


@pytest.mark.parametrize("name", ["forgejo-16", "gitea-1.26.4"])
def test_matches_of_a_job_that_runs_come_as_they_are_written(name: str) -> None:
    with way(name) as user:
        user.works = [lambda: None] * 3 + picked(user.repo.runs[3].jobs[0])
        found = pieces(user, "alice/priv#4", follow=True, grep=Grep(Sought(["."])))
        assert [row for row in found if isinstance(row, Row)]


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of everything that came over the network."""
    sizes: list[int] = []
    real = http.Stream.chunks

    def chunks(self: http.Stream, *args: object, **named: object) -> Iterator[bytes]:
        for chunk in real(self, *args, **named):
            sizes.append(len(chunk))
            yield chunk

    monkeypatch.setattr(http.Stream, "chunks", chunks)
    return sizes


ROWS = 60_000


def large(world: World) -> None:
    run_ = world.named("alice/priv").push("large", "large.yml", "s-large")
    play(run_.job("large", "Write"), [Part(OK, [f"row {n} {'x' * 180}" for n in range(ROWS)])])


@pytest.mark.parametrize("name", ["forgejo-11", "forgejo-16", "gitea-1.23", "gitea-1.26.4"])
@pytest.mark.parametrize("web", [True, False])
def test_the_first_lines_of_a_large_log_are_had_without_the_rest(name: str, web: bool, moved: list[int]) -> None:
    if name in ("forgejo-11", "gitea-1.23") and not web:
        pytest.skip("such a server gives no log by a token alone")
    with way(name, large, web=web) as user:
        number = user.repo.runs[-1].index
        some = pieces(user, f"alice/priv#{number}", window=Window(1, 10))
        assert sum(piece.text.count(b"\n") for piece in some if isinstance(piece, Text)) == 10
        little = sum(moved)
        moved.clear()
        everything = pieces(user, f"alice/priv#{number}", window=Window())
        assert sum(piece.text.count(b"\n") for piece in everything if isinstance(piece, Text)) > ROWS
        assert little < sum(moved) / 2
        last = pieces(user, f"alice/priv#{number}", tail=10)
        assert sum(piece.count(b"\n") for piece in last if isinstance(piece, bytes)) == 10


@pytest.mark.parametrize("option", ["-A", "-B", "-C", "--tail"])
def test_any_number_of_lines_may_be_asked_for(home: Path, option: str) -> None:
    some = rows(shown(home, "-", "-e", ".", option, "9" * 30))
    assert [row for row in some if not row.startswith("-- ")][-1] == "10:Post job cleanup."
    if option == "--tail":
        assert rows(shown(home, "-", option, "9" * 30))[-1] == "Post job cleanup."


def test_the_last_no_lines_are_no_window(home: Path) -> None:
    ended = shown(home, "-", "--lines", "-0:")
    assert (ended.code, ended.out) == (2, "")
    assert "has no line" in ended.err


def test_a_log_that_is_not_to_be_had_is_not_said_to_lack_a_match(home: Path) -> None:
    ended = shown(home, "-", "-e", "boom", stdin=b"\x00\x01\x02")
    assert ended.code == 4
    assert "no line matches" not in ended.err
