"""What answers cost: every kind of question keeps its budget, and the command says where one does not."""

import random
from pathlib import Path

import pytest
from npm_packages import need_npm
from scripts.o200k import PACKAGE, exact
from scripts.token_questions import all_asked
from scripts.tokens import BUDGETS, MOST, Row, counted, main, table

from whyred.faces.mcp import units

CAUSES = Path(__file__).parents[1] / "causes"


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    need_npm("tokenizer", PACKAGE)
    exact([""])  # it looks for the tokenizer in the user's own cache, and that only once
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))


def dear(folder: Path) -> list[Path]:
    """Logs that are hard on a budget: hundreds of errors, one endless line, text of many tokens a character."""
    dice = random.Random(3)
    many = [f"src/part_{n}.c:{n}:{n % 70}: error: '{dice.randbytes(6).hex()}' undeclared" for n in range(900)]
    made = {
        "many.log": "\n".join([*many, "make: *** [Makefile:3: all] Error 2"]),
        "endless.log": f"error: {'0x7f ' * 40_000}\n",
        "chinese.log": "错误：无法创建临时目录：没有那个文件或目录 mktemp: failed to create directory\n" * 500,
        "cipher.log": "\n".join(f"error: {dice.randbytes(400).hex()}" for _ in range(300)),
    }
    for name, text in made.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in made]


def test_every_kind_of_answer_keeps_its_budget(tmp_path: Path) -> None:
    logs = [*dear(tmp_path), *(CAUSES / id_ / "fires.log" for id_ in ("private-tmp-deleted", "oom-killed"))]
    rows = counted(all_asked(logs, CAUSES / "oom-killed" / "quiet.log"))
    assert [row.broken for row in rows if row.broken] == []
    assert {row.tool for row in rows} == set(units.names())
    assert any(max(row.tokens) > 3000 for row in rows), "some answer is large, or nothing is tested"
    assert {row.budget for row in rows} == {400, 2000, 10_000}
    lines = list(table(rows))
    assert len(lines) == len(rows) + 2
    assert len({len(line) for line in lines}) == 1


def test_what_tools_promise_is_within_the_budgets() -> None:
    for name in units.names():
        assert units.tool(name).LIMIT <= BUDGETS.get(name, MOST)  # noqa: SIM300 - the promise is held against the budget


@pytest.mark.parametrize(
    ("tool", "tokens", "over", "said"),
    [
        ("ci_status", (100, 400), (0.5, 0.1), ""),
        ("ci_status", (100, 401), (0.5, 0.1), "401 tokens, and the budget is 400"),
        ("ci_why", (2001,), (0.5,), "the budget is 2000"),
        ("ci_logs", (10_000,), (0.0,), ""),
        ("ci_logs", (10_001,), (0.0,), "the budget is 10000"),
        ("ci_logs", (10, 100), (0.4, -0.05), "reckoned 5% below"),
    ],
)
def test_a_broken_budget_is_named(tool: str, tokens: tuple[int, ...], over: tuple[float, ...], said: str) -> None:
    told = Row(tool, "a question", tokens, over, ()).broken
    assert said in told
    assert bool(told) == bool(said)


def test_without_logs_it_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(str(tmp_path)) == 2
    assert "no logs here" in capsys.readouterr().out


def test_without_npm_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "a.log").write_text("error: x\n")
    monkeypatch.setenv("PATH", str(tmp_path))
    from scripts import o200k

    o200k._folder.cache_clear()
    assert main(str(tmp_path)) == 2
    said = capsys.readouterr().out
    assert "nothing is counted: needs node and npm" in said
    assert "apt-get install nodejs npm" in said
