"""`whyred logs` of what lies on the disk or comes in by a pipe: shown as a run on a forge is."""

import gzip
import io
import json
import zipfile
from pathlib import Path

import pytest
from program import Ended, environment, run
from standin import scenarios, standin

ACTIONS = (
    b"2026-01-01T10:00:00.0000000Z Current runner version: '2.3'\n"
    b"2026-01-01T10:00:01.0000000Z ##[group]Run actions/checkout@v4\n"
    b"2026-01-01T10:00:01.0000000Z token ghp_0123456789abcdefABCDEF0123456789abcd\n"
    b"2026-01-01T10:00:02.0000000Z ##[group]Run make\n"
    b"2026-01-01T10:00:02.0000000Z 10%\r100%\n"
    b"2026-01-01T10:00:03.0000000Z \x1b[31mboom\x1b[0m\n"
    b"2026-01-01T10:00:03.0000000Z ##[error]Process completed with exit code 2.\n"
    b"2026-01-01T10:00:04.0000000Z Post job cleanup.\n"
)
GUESSED = "step boundaries: guessed from the text"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "a.log"
    file.write_bytes(ACTIONS)
    return file


def logs(home: Path, *arguments: str | Path, stdin: bytes = b"") -> Ended:
    return run(["logs", *map(str, arguments)], environment(home), stdin=stdin)


def test_a_file_is_shown_step_by_step_and_masked(home: Path, log: Path) -> None:
    ended = logs(home, log)
    assert ended.code == 0
    assert [row for row in ended.out.splitlines() if row.startswith(("== ", "-- "))] == [
        f"== {log} (route files: {log})",
        "-- step 1: Run actions/checkout@v4",
        "-- step 2: Run make",
        "-- step: Post job cleanup",
    ]
    assert "token ***\n" in ended.out
    assert "2026-01-01" not in ended.out
    assert "\x1b" not in ended.out
    assert GUESSED in ended.one_line()


def test_standard_input_and_packed_files_give_the_same_text(home: Path, log: Path, tmp_path: Path) -> None:
    packed = tmp_path / "a.log.gz"
    packed.write_bytes(gzip.compress(ACTIONS))
    wanted = logs(home, log).out.splitlines()[1:]
    assert logs(home, packed).out.splitlines()[1:] == wanted
    assert logs(home, "-", stdin=ACTIONS).out.splitlines()[1:] == wanted


@pytest.mark.parametrize("step", ["2", "Run make", "make", "RUN MA"])
def test_one_step_by_number_or_name(home: Path, step: str) -> None:
    ended = logs(home, "-", "--step", step, stdin=ACTIONS)
    rows = ended.out.splitlines()
    assert ended.code == 0
    assert rows[1:3] == ["-- step 2: Run make", "##[group]Run make"]
    assert rows[-1] == "##[error]Process completed with exit code 2."


def test_the_failing_step(home: Path) -> None:
    ended = logs(home, "-", "--failed", stdin=ACTIONS)
    rows = ended.out.splitlines()
    assert rows[1:3] == ["-- step: Run make (failure)", "##[group]Run make"]
    assert rows[-1] == "##[error]Process completed with exit code 2."


def test_the_last_lines_and_no_word_besides(home: Path) -> None:
    ended = logs(home, "-", "--tail", "3", stdin=ACTIONS)
    assert ended.out == "boom\n##[error]Process completed with exit code 2.\nPost job cleanup.\n"
    assert "route files" in ended.err
    assert logs(home, "-", "--tail", "4", stdin=ACTIONS).out.startswith("10%\r100%\nboom\n"), "a bare CR ends no line"
    assert logs(home, "-", "--tail", "0", stdin=ACTIONS).out == ""


def test_times_and_the_text_as_it_is_stored(home: Path, tmp_path: Path) -> None:
    assert "2026-01-01T10:00:03.0000000Z boom\n" in logs(home, "-", "--timestamps", stdin=ACTIONS).out
    file = tmp_path / "raw"
    assert logs(home, "-", "--raw", "--out", file, stdin=ACTIONS).code == 0
    assert file.read_bytes() == ACTIONS.replace(b"ghp_0123456789abcdefABCDEF0123456789abcd", b"***")


def test_as_json(home: Path) -> None:
    ended = logs(home, "-", "--json", stdin=ACTIONS)
    head, *rows = map(json.loads, ended.out.splitlines())
    assert head["boundaries"] == "guessed from the text"
    assert [row["number"] for row in rows if "step" in row] == [1, 2, None]
    assert [row["line"] for row in rows if "line" in row][5] == "boom"


@pytest.mark.parametrize(
    ("arguments", "stdin", "code", "says"),
    [
        (["--step", "9"], ACTIONS, 4, "no other steps than: 1 Run actions/checkout@v4, 2 Run make, Post job cleanup"),
        (["--step", "1"], b"only text\n", 4, "no line of its text marks a step"),
        (["--failed"], b"only text\n", 4, "no line of its text marks a step"),
        (["--job", "x"], ACTIONS, 2, "names no job"),
        (["--follow"], ACTIONS, 2, "--follow is for runs on a forge"),
        (["--out-dir", "x"], ACTIONS, 2, "--out-dir is for runs on a forge"),
        (["--attempt", "2"], ACTIONS, 2, "--attempt is for runs on a forge"),
        (["--max-bytes", "10"], ACTIONS, 4, "too-large"),
        ([], b"", 4, "it is empty"),
    ],
)
def test_what_cannot_be_had_is_refused(home: Path, arguments: list[str], stdin: bytes, code: int, says: str) -> None:
    ended = logs(home, "-", *arguments, stdin=stdin)
    assert ended.code == code
    assert says in ended.err


def test_no_step_of_a_good_log_failed(home: Path) -> None:
    good = ACTIONS.replace(b"##[error]Process completed with exit code 2.", b"done")
    ended = logs(home, "-", "--failed", stdin=good)
    assert ended.code == 0
    assert "no line of it says that a step failed" in ended.err
    assert "-- step" not in ended.out


def downloaded(folder: Path) -> Path:
    """GitHub's zip: two jobs, each with the files of its steps."""
    file = folder / "run.zip"
    with zipfile.ZipFile(file, "w") as packed:
        for n, job in enumerate(("build", "test")):
            packed.writestr(f"{n}_{job}.txt", ACTIONS)
            packed.writestr(f"{job}/1_Set up job.txt", ACTIONS.splitlines(keepends=True)[0])
            packed.writestr(f"{job}/2_Compile.txt", b"".join(ACTIONS.splitlines(keepends=True)[1:]))
    return file


def test_all_jobs_of_a_zip_or_the_one_that_is_named(home: Path, tmp_path: Path) -> None:
    file = downloaded(tmp_path)
    both = logs(home, file).out
    assert both.count("-- step 1: Compile\n") == 2
    assert both.count("-- step: Set up job\n") == 2
    one = logs(home, file, "--job", "test")
    assert one.out == logs(home, f"{file}:test").out
    assert one.out.splitlines()[0] == f"== {file}:test (route downloads: {file})"
    assert one.err == "", "the zip tells the steps"
    failed = logs(home, file, "--job", "test", "--failed").out
    assert failed.splitlines()[1] == "-- step: Compile (failure)"
    step = logs(home, file, "--job", "test", "--step", "1").out
    assert step.splitlines()[1] == "-- step 1: Compile"
    assert logs(home, file, "--job", "deploy").code == 2


def test_no_name_of_a_job_shows_a_token(home: Path, tmp_path: Path) -> None:
    token = "ghp_0123456789abcdefABCDEF0123456789abcd"
    file = tmp_path / "run.zip"
    with zipfile.ZipFile(file, "w") as packed:
        packed.writestr("0_build.txt", ACTIONS)
        packed.writestr(f"1_deploy {token}.txt", ACTIONS)
        packed.writestr(f"2_empty {token}.txt", b"")
    for more in ([], ["--json"], ["--tail", "1"], ["-e", "boom"], ["-e", "boom", "--json"], ["--job", "none"]):
        ended = logs(home, file, *more)
        assert "deploy ***" in ended.out + ended.err, more
        assert token not in ended.out + ended.err, more


def test_a_folder_of_logs(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "logs"
    folder.mkdir()
    for name in ("build", "test"):
        (folder / f"{name}.log").write_bytes(ACTIONS)
    assert logs(home, folder).out.count("-- step 2: Run make\n") == 2


def test_a_local_run(home: Path, tmp_path: Path) -> None:
    file = tmp_path / "ci.yml"
    steps = "      - name: First\n        run: echo one\n      - name: Second\n        run: exit 3\n"
    steps += "      - name: Third\n        run: echo never\n"
    file.write_text(f"on: push\njobs:\n  build:\n    runs-on: any\n    steps:\n{steps}")
    assert run(["run", str(file)], environment(home)).code == 1
    shown = logs(home, "local")
    assert shown.code == 0
    heads = [row for row in shown.out.splitlines() if row.startswith("-- ")]
    assert heads == ["-- step 1: First (success)", "-- step 2: Second (failure)", "-- step 3: Third (skipped)"]
    assert shown.err == "", "whyred marked the steps itself"
    assert logs(home, "local", "--failed").out.splitlines()[1:3] == [heads[1], "⭐ Run Main Second"]
    assert logs(home, "local", "--step", "1").out.splitlines()[1:4] == [heads[0], "⭐ Run Main First", "one"]
    bundle = tmp_path / "local.whyred"
    assert run(["save", "local", str(bundle)], environment(home)).code == 0
    assert logs(home, bundle).out == shown.out


GITLAB = (Path(__file__).parent.parent / "sources/gitlab/trace.log").read_bytes()


def test_marks_of_sections_are_not_shown_to_people(home: Path) -> None:
    ended = logs(home, "-", stdin=GITLAB)
    assert "section_" not in ended.out
    assert "-- step 2: get_sources\nGetting source from Git repository\n" in ended.out
    assert "> Tests\nok 1\n" in ended.out
    assert logs(home, "-", "--failed", stdin=GITLAB).out.splitlines()[1].startswith("-- step: step_script (failure)")
    raw = logs(home, "-", "--raw", stdin=GITLAB).out
    assert raw.rpartition("\n")[0] == GITLAB.decode().rpartition("\n")[0]
    rows = [json.loads(row) for row in logs(home, "-", "--json", stdin=GITLAB).out.splitlines()]
    assert not [row for row in rows if "section_" in row.get("line", "")]


@pytest.mark.parametrize(("name", "web"), [("forgejo-16", False), ("gitea-1.26.4", False), ("forgejo-11", True)])
@pytest.mark.parametrize("number", [2, 3])
def test_a_saved_bundle_shows_the_same_bytes(home: Path, tmp_path: Path, name: str, web: bool, number: int) -> None:
    world = scenarios.everyday()
    with standin(name, world) as forge:
        token = world.users["alice"].token("read:repository")
        env = environment(home, WHYRED_SERVER=forge.url, WHYRED_TOKEN=token)
        target = f"alice/{'pub' if web else 'priv'}#{number}"
        online = run(["logs", target], env)
        again = run(["logs", target], env)
        saved = run(["save", target, str(tmp_path / "b.whyred")], env)
    assert (online.code, again.code, saved.code) == (0, 0, 0), online.err + saved.err
    assert again.out == online.out
    assert logs(home, tmp_path / "b.whyred").out == online.out
    assert logs(home, tmp_path / "b.whyred", "--job", "nothing").code == 2
    assert io.StringIO(online.out).readline().startswith(f"== alice/{'pub' if web else 'priv'}#{number}:")


@pytest.mark.parametrize("name", ["forgejo-16", "gitea-1.25", "gitea-1.26.0"])
def test_a_step_that_no_route_tells_is_guessed_or_refused(home: Path, name: str) -> None:
    world = scenarios.everyday()
    with standin(name, world) as forge:
        token = world.users["alice"].token("read:repository")
        env = environment(home, WHYRED_SERVER=forge.url, WHYRED_TOKEN=token)
        first = run(["logs", "alice/priv#2", "--step", "1"], env)
        other = run(["logs", "alice/priv#2", "--step", "99"], env)
    assert first.code in (0, 4)
    assert first.code == 4 or "step boundaries: " in first.err
    assert other.code in (2, 4)
    assert other.code == 4 or "the steps are: 1 Prepare" in other.err
