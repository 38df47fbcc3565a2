"""`whyred run` with expressions, end to end: matrices, needs, conditions, secrets and variables from files."""

import json
import os
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from program import Ended, environment, run

from whyred.app.given import GivenValues
from whyred.app.library import Library
from whyred.app.run import Wanted
from whyred.app.run import run as run_workflow
from whyred.model.run import Conclusion

CANARY = "canary-8f2c-value"
Whyred = Callable[..., Ended]
_STAMP = re.compile(r"^\d{4}-\d\d-\d\dT[\d:.]+Z ", re.MULTILINE)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is compiled once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def whyred(tmp_path: Path, cache: Path) -> Whyred:
    """`whyred run w.yml` with the given workflow in an empty folder."""

    def call(workflow: str, *arguments: str) -> Ended:
        (tmp_path / "w.yml").write_text(workflow)
        env = environment(tmp_path, XDG_CACHE_HOME=str(cache))
        ended = run(["run", "w.yml", *arguments], env, cwd=tmp_path)
        return Ended(ended.code, _STAMP.sub("", ended.out), ended.err)

    return call


def jobs(ended: Ended) -> list[tuple[str, str]]:
    """The names and conclusions of a run with --json."""
    data: dict[str, Any] = json.loads(ended.out)
    return [(a["job"]["name"], a["conclusion"]) for a in data["attempts"]]


def everything(folder: Path) -> bytes:
    """All that was kept, names of files too."""
    files = [p for p in (folder / "data").rglob("*") if p.is_file() and not p.is_symlink()]
    return b"\n".join(str(p).encode() + p.read_bytes() for p in files)


MATRIX = """
jobs:
  test:
    strategy:
      fail-fast: FAST
      matrix:
        os: [one, two]
        n: [1, 1.50, '1.50']
        exclude: [{os: two, n: 1}]
        include: [{os: one, n: 1, more: yes}, {os: three, n: 0}]
    steps:
      - run: echo "[${{ matrix.os }} ${{ matrix.n }} ${{ matrix.more || 'no' }} ${{ strategy.job-index }}]"
      - if: matrix.os == 'two' && matrix.n == 1.5
        run: exit 3
"""


def test_a_matrix_is_one_attempt_per_combination(whyred: Whyred, tmp_path: Path) -> None:
    ended = whyred(MATRIX.replace("FAST", "false"), "--json")
    assert ended.code == 1
    assert jobs(ended) == [
        ("test (yes, 1, one)", "success"),
        ("test (1.5, one)", "success"),
        ("test (1.50, one)", "success"),
        ("test (1.5, two)", "failure"),
        ("test (1.50, two)", "failure"),
        ("test (0, three)", "success"),
    ]
    assert "local:4: test (1.5, two) failure. Next: whyred why local:4" in ended.err
    record = json.loads((tmp_path / "data" / "whyred" / "runs" / "4" / "run.json").read_text())
    assert record["attempt"]["job"] == {"key": "test", "name": "test (1.5, two)"}
    log = (tmp_path / "data" / "whyred" / "runs" / "1" / "job.log").read_text()
    assert "🧪  Matrix: map[more:yes n:1 os:one]" in log
    assert "[one 1 yes 0]" in log


def test_fail_fast_stops_the_rest_and_says_so(whyred: Whyred) -> None:
    ended = whyred(MATRIX.replace("fail-fast: FAST", "max-parallel: 1"))
    assert ended.code == 1
    assert "job test (1.50, two) is not run: test (1.5, two) failed, and `fail-fast` is set\n" in ended.out
    assert "job test (0, three) is not run: test (1.5, two) failed" in ended.out
    assert "local:5" not in ended.err


def test_one_combination_by_its_name(whyred: Whyred) -> None:
    ended = whyred(MATRIX, "--json", "--job", "test (0, three)")
    assert jobs(ended) == [("test (0, three)", "success")]
    assert ended.code == 0
    lost = whyred(MATRIX, "--job", "test (9, three)")
    assert lost.code == 2
    assert "no job `test (9, three)`" in lost.one_line()


def test_a_matrix_that_is_none_is_refused_with_its_line(whyred: Whyred, tmp_path: Path) -> None:
    ended = whyred("jobs:\n  test:\n    strategy: {matrix: {n: []}}\n    steps: [{run: x}]\n")
    assert ended.code == 2
    assert "w.yml:3: `jobs.test.strategy.n`: its list is empty" in ended.one_line()


NEEDS = """
jobs:
  last:
    needs: [each, plan]
    if: ${{ always() && contains(needs.*.result, 'failure') }}
    steps:
      - run: echo "<${{ needs.plan.result }} ${{ needs.each.result }} ${{ needs.each.outputs.from }}>"
  never:
    needs: each
    steps: [{run: echo never}]
  after-never:
    needs: never
    if: failure()
    steps: [{run: echo "an ancestor failed"}]
  each:
    needs: plan
    name: each of ${{ matrix.letter }} in ${{ needs.plan.outputs.where }}
    strategy:
      fail-fast: false
      matrix: {letter: '${{ fromJSON(needs.plan.outputs.letters) }}'}
    outputs: {from: '${{ steps.say.outputs.from }}'}
    steps:
      - {id: say, run: 'echo from=${{ matrix.letter }} >> $GITHUB_OUTPUT'}
      - {if: "matrix.letter == 'b'", run: exit 1}
  plan:
    outputs:
      letters: ${{ steps.list.outputs.letters }}
      where: here
    steps:
      - {id: list, run: 'echo ''letters=["a", "b", "c"]'' >> $GITHUB_OUTPUT'}
"""


def test_outputs_go_from_job_to_job(whyred: Whyred) -> None:
    ended = whyred(NEEDS)
    assert ended.code == 1
    assert "<success failure c>\n" in ended.out
    assert "job never is not run: it needs each, which did not succeed\n" in ended.out
    assert "an ancestor failed\n" in ended.out
    names = [line.partition(": ")[2].partition(".")[0] for line in ended.err.splitlines()]
    assert names == [
        *("local:1: plan success", "local:2: each of a in here success", "local:3: each of b in here failure"),
        *("local:4: each of c in here success", "local:5: last success", "local:6: after-never success"),
    ]


def test_a_job_alone_gets_nothing_of_those_it_needs(whyred: Whyred) -> None:
    ended = whyred(NEEDS, "--job", "each")
    assert ended.code == 4
    assert "note: its matrix is not expanded: `needs.plan` is not known here: job `plan` was not run" in ended.out
    assert "Not running step 'echo from=" in ended.out


def test_what_could_not_be_run_is_not_known_to_those_after_it(whyred: Whyred) -> None:
    text = """
        jobs:
          a: {outputs: {x: '${{ steps.u.outputs.x }}'}, steps: [{run: 'true'}, {id: u, uses: a/b@v1}]}
          b: {needs: a, steps: [{run: echo never}]}
          c: {needs: a, if: always(), steps: [{run: 'echo ${{ needs.a.outputs.x }}'}, {run: echo c runs}]}
          d: {needs: a, if: failure(), steps: [{run: echo never}]}
    """
    ended = whyred(text)
    assert ended.code == 4
    assert "job b is not run: it needs a, which did not succeed" in ended.out
    assert "c runs\n" in ended.out
    assert "never\n" not in ended.out
    assert "`needs.a.outputs.x` is not known here: `steps.u` is not known here: step `u` was not" in ended.out


def test_a_job_that_is_skipped_is_no_failure(whyred: Whyred) -> None:
    text = "jobs: {a: {steps: [{run: echo a}]}, b: {if: \"github.job == 'x'\", steps: [{run: echo b}]}}"
    assert whyred(text).code == 0
    assert whyred(text, "--job", "b").code == 4


def test_the_event_is_named_by_an_option(whyred: Whyred) -> None:
    text = """
        on: push
        jobs: {a: {if: "github.event_name == 'push'", steps: [{run: 'echo "<$GITHUB_EVENT_NAME>"'}]}}
    """
    unnamed = whyred(text)
    assert unnamed.code == 4
    assert "this local run stands for no event. Name one with --event" in unnamed.out
    named = whyred(text, "--event", "push")
    assert named.code == 0
    assert "<push>\n" in named.out


@pytest.mark.parametrize(
    ("step", "told"),
    [
        (
            "run: 'echo ${{ github.ref = 1 }}'",
            "w.yml:5: `run`: expression `github.ref = 1`, column 21: there is no operator",
        ),
        ("run: x\n        if: nope()", "w.yml:6: `if`: expression `nope()`, column 1: `nope` is no function"),
        (
            "run: x\n        env:\n          A: ${{ true",
            "w.yml:7: `env.A`: expression `${{ true`, column 1: no `}}` closes it",
        ),
        ("run: x\n        name: ${{ x }}", "w.yml:6: `name`: expression `x`, column 5: `x` is no context"),
    ],
)
def test_what_is_no_expression_is_named_before_anything_is_run(
    whyred: Whyred, tmp_path: Path, step: str, told: str
) -> None:
    ended = whyred(f"jobs:\n  a:\n    steps:\n      - run: echo first\n      - {step}\n")
    assert (ended.code, ended.out) == (2, "")
    assert told in ended.one_line()
    assert not (tmp_path / "data").exists()
    other = whyred(f"jobs:\n  b: {{steps: [{{run: echo b}}]}}\n  a:\n    steps:\n      - {step}\n", "--job", "b")
    assert other.code == 0


SECRETS = f"""
# what a forge would hand over
TOKEN={CANARY}
export KEY="-----BEGIN-----
{CANARY}-line-1
{CANARY}-line-2 \\"q\\"
"
ABC=xyz
GITEA_TOKEN={CANARY}-of-the-forge
"""
LEAKS = """
env: {FROM_ENV: '${{ secrets.TOKEN }}'}
jobs:
  a:
    name: job ${{ secrets.TOKEN }}
    outputs: {out: '${{ secrets.TOKEN }}', masked: '${{ steps.m.outputs.masked }}'}
    steps:
      - name: step ${{ secrets.TOKEN }}
        run: |
          echo "plain ${{ secrets.TOKEN }} $FROM_ENV"
          echo "${{ secrets.KEY }} ${{ github.token }} ${{ secrets.FORGEJO_TOKEN }}"
          printf '%s\\n' '${{ toJSON(secrets.KEY) }}' '${{ toJSON(secrets) }}'
          cat /proc/[0-9]*/cmdline 2>/dev/null > seen.txt || true
      - {id: m, run: 'v=made; echo "::add-mask::$v-up-9d"; echo masked=$v-up-9d >> $GITHUB_OUTPUT'}
      - {name: 'bad ${{ secrets.TOKEN }}', run: 'exit 3 # ${{ secrets.TOKEN }}'}
      - {if: "secrets.TOKEN == 'x'", run: echo no}
  b:
    needs: a
    if: always()
    steps:
      - run: echo "<${{ needs.a.outputs.out }}> <${{ needs.a.outputs.masked }}>"; exit 4
"""


@pytest.mark.parametrize("shown", [(), ("--json",)], ids=["log", "json"])
def test_a_secret_is_nowhere(whyred: Whyred, tmp_path: Path, shown: tuple[str, ...]) -> None:
    (tmp_path / "s.env").write_text(SECRETS)
    ended = whyred(LEAKS, "--secrets", "s.env", *shown)
    assert ended.code == 1
    seen = (tmp_path / "data" / "whyred" / "runs" / "1" / "workspace" / "seen.txt").read_bytes()
    assert b"bash" in seen
    for text in (
        ended.out,
        ended.err,
        everything(tmp_path).decode("utf-8", "replace"),
        seen.decode("utf-8", "replace"),
    ):
        assert CANARY not in text
        assert "made-up-9d" not in text
    if not shown:
        assert "plain *** ***\n" in ended.out
        assert "<***> <***>\n" in ended.out
        assert "⭐ Run Main step ***" in ended.out
        assert "note: the secret ABC is too short to be masked" in ended.out
    else:
        assert [name for name, _ in jobs(ended)] == ["job ***", "b"]


def test_a_verdict_on_a_run_with_secrets_does_not_show_them(whyred: Whyred, tmp_path: Path, cache: Path) -> None:
    (tmp_path / "s.env").write_text(SECRETS)
    whyred(LEAKS, "--secrets", "s.env", "--job", "a")
    env = environment(tmp_path, XDG_CACHE_HOME=str(cache))
    told = run(["why", "local", "--save", "x.whyred"], env, cwd=tmp_path)
    assert told.code == 1
    assert "bad ***" in told.out, told.out
    assert CANARY not in told.out + told.err
    assert CANARY.encode() not in (tmp_path / "x.whyred").read_bytes()


def test_secrets_in_other_clothes_are_masked_too() -> None:
    masks = set(GivenValues({"A": 'a"b c\nd/é'}).masks())
    assert {'a"b c\nd/é', 'a"b c', "d/é", 'a\\"b c\\nd/é', 'a\\"b c\\nd/\\u00e9', "a%22b%20c%0Ad%2F%C3%A9"} <= masks
    given = GivenValues({"A": CANARY}, {"B": CANARY})
    assert CANARY not in repr(given)
    assert given.unmasked() == []


def test_variables_come_from_a_file_and_are_not_masked(whyred: Whyred, tmp_path: Path) -> None:
    (tmp_path / "v.env").write_text("LEVEL=eleven\n")
    ended = whyred("jobs: {a: {steps: [{run: 'echo ${{ vars.level }} [${{ vars.none }}]'}]}}", "--vars", "v.env")
    assert ended.code == 0
    assert "eleven []\n" in ended.out


@pytest.mark.parametrize("option", ["--secrets", "--vars"])
def test_a_file_of_values_that_cannot_be_used(whyred: Whyred, tmp_path: Path, option: str) -> None:
    text = "jobs: {a: {steps: [{run: echo a}]}}"
    lost = whyred(text, option, "gone.env")
    assert lost.code == 2
    assert f"cannot read gone.env, named by {option}: No such file" in lost.one_line()
    (tmp_path / "bad.env").write_text(f"A=1\n{CANARY}\n")
    bad = whyred(text, option, "bad.env")
    assert bad.code == 2
    assert "bad.env:2: no NAME=value" in bad.one_line()
    assert CANARY not in bad.err
    assert not (tmp_path / "data").exists()


def test_nothing_more_is_run_after_a_cancel(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    workflow = tmp_path / "w.yml"
    workflow.write_text(
        "jobs: {a: {strategy: {matrix: {n: [1, 2]}}, steps: [{run: 'echo started; sleep 1000'}]},"
        " b: {steps: [{run: x}]}}"
    )

    def stop(data: bytes) -> None:
        if b"started\n" in data:
            os.kill(os.getpid(), signal.SIGINT)

    attempts = run_workflow(Wanted(workflow), Library(cache), stop)
    assert [(a.job.name if a.job else None, a.conclusion) for a in attempts] == [("a (1)", Conclusion.CANCELLED)]
