"""The measurements measure: the inputs are the same every time, the arithmetic is right, what went wrong is said."""

import hashlib
import importlib
import json
import os
import re
import shutil
import sys
from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest
from bench import contest, download, inputs, measure, novelty_logs, ripgrep, run
from bench.benches import download as benches_download
from bench.benches import download_again, novelty, novelty_stored, read_late_noise, scan, stdin_2gb
from bench.count_lines import for_ripgrep
from bench.measure import Command, Given, Result, Skipped, Taken
from bench.run import Bench

from whyred.app.library import Library
from whyred.app.read import read_log

PYTHON = sys.executable


def digest(name: str) -> str:
    rows, _ = inputs.RECIPES[name]
    return hashlib.sha256("".join(rows()).encode()).hexdigest()


# --- inputs ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", inputs.RECIPES)
def test_inputs_are_the_same_bytes_every_time(name: str) -> None:
    assert digest(name) == digest(name)


def test_inputs_have_the_bytes_of_their_version() -> None:
    """A recipe that changes bytes must raise VERSION, or files that were kept would be measured under its name."""
    kept = {
        "one-mib": "dcd714d5b124b9fe3e0d92442fd377bbcfa8fe7c1994a19fb3b1583bd0747ea3",
        "late-noise": "5165a925645a24e4e7d0fa807eea2d87c224e05bf1bf123c5462b7b1d775d293",
    }
    assert inputs.VERSION == 2
    assert {name: digest(name) for name in kept} == kept


def test_late_noise_has_its_error_at_60_percent_and_its_noise_at_the_end() -> None:
    rows = list(inputs.late_noise())
    assert len(rows) == inputs.LATE_LINES
    assert "error[E0425]" in rows[inputs.LATE_ERROR - 1]
    assert inputs.LATE_ERROR / inputs.LATE_LINES == 0.6
    noise = rows[-inputs.LATE_NOISE :]
    assert "Post Run" in rows[-inputs.LATE_NOISE - 1]
    assert sum(bool(re.search(r"[Ee]rror:|fatal:|cannot|warning:", row)) for row in noise) > inputs.LATE_NOISE / 2
    assert not any(re.search(r"error\[|##\[error\]", row) for row in rows[: inputs.LATE_ERROR - 1])


def test_sizes_are_what_the_benches_say() -> None:
    assert sum(len(row.encode()) for row in inputs.one_mib()) in range(inputs.MIB, inputs.MIB + inputs.MIB // 20)
    assert sum(len(row.encode()) for row in inputs.scan_part()) * inputs.RECIPES["scan"][1] >= 256 * inputs.MIB
    assert sum(len(row.encode()) for row in inputs.flood_part()) >= 16 * inputs.MIB


def test_time_stamps_never_go_back() -> None:
    stamps = [row[:28] for row in inputs.late_noise()]
    assert all(re.fullmatch(r"2026-05-04T\d\d:[0-5]\d:[0-5]\d\.\d{7}Z", stamp) for stamp in stamps[::1000])
    assert all(a <= b for a, b in pairwise(stamps))


def test_ordinary_lines_are_no_failure_and_the_planted_error_is() -> None:
    library = Library(cache=None)
    flood = "".join(inputs.flood_part())[: inputs.MIB].encode()
    assert not read_log([flood], library).matched.failures
    failures = read_log(["".join(inputs.one_mib()).encode()], library).matched.failures
    assert failures[0].message == "error[E0308]: mismatched types"


def test_a_file_is_made_once_and_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(inputs.RECIPES, "small", (lambda: iter(["a\n", "b\n"]), 3))
    file = inputs.make("small", tmp_path / "new")
    assert file.read_bytes() == b"a\nb\n" * 3
    file.write_bytes(b"kept")
    assert inputs.make("small", tmp_path / "new").read_bytes() == b"kept"
    assert [f.name for f in (tmp_path / "new").iterdir()] == [f"small-v{inputs.VERSION}.log"]


# --- arithmetic ------------------------------------------------------------------------------------------------------


def taken(seconds: float, mib: float = 1.0, code: int = 0, err: bytes = b"") -> Taken:
    return Taken(seconds, mib, code, b"", err)


def test_the_ratio_is_the_median_of_the_pairs_and_not_of_the_sides() -> None:
    pairs = [(taken(1.0), taken(1.0)), (taken(9.0), taken(3.0)), (taken(4.0), taken(2.0))]
    result = measure.summed("x", Command("a", []), Command("b", []), pairs)
    assert result.ratio == 2.0  # of 1, 3, 2; the medians alone would give 4 / 2, the means 14 / 6
    assert (result.ours_ms, result.peer_ms) == (4000.0, 2000.0)
    assert measure.median_ratio([(1, 1), (9, 1), (3, 1), (5, 1)]) == 4.0
    slow_machine = [(1.0, 1.0), (50.0, 50.0), (1.0, 1.0)]
    assert measure.median_ratio(slow_machine) == 1.0


def test_memory_is_the_worst_of_all_runs() -> None:
    pairs = [(taken(1, mib=30), taken(1, mib=2)), (taken(1, mib=80), taken(1, mib=3))]
    result = measure.summed("x", Command("a", []), Command("b", []), pairs)
    assert (result.ours_mib, result.peer_mib) == (80, 3)


@pytest.mark.parametrize(
    ("ratio", "mib", "wrong", "ok"),
    [(1.2, 100, "", True), (1.21, 1, "", False), (1.0, 101, "", False), (0.1, 1, "wrong line", False)],
)
def test_a_goal_is_met_or_missed(ratio: float, mib: float, wrong: str, ok: bool) -> None:
    pairs = [(taken(ratio, mib=mib), taken(1.0))]
    a, b = Command("a", []), Command("b", [])
    assert measure.summed("x", a, b, pairs, most_ratio=1.2, most_mib=100, wrong=wrong).ok is ok


def test_no_pair_gives_no_figure() -> None:
    with pytest.raises(ValueError, match="no pair"):
        measure.summed("x", Command("a", []), Command("b", []), [])


def test_a_program_that_failed_is_named_with_its_last_words() -> None:
    good, bad = taken(1, code=1), taken(1, code=2, err=b"Traceback\nImportError: no such thing\n")
    assert measure.codes([(good, taken(1))], 1) == ""
    assert measure.codes([(good, taken(1)), (bad, taken(1))], 1) == "we ended with 2, not 1: ImportError: no such thing"
    assert measure.codes([(good, taken(1, code=3))], 1) == "the peer ended with 3, not 0: silently"


# --- runs ------------------------------------------------------------------------------------------------------------


def test_a_run_tells_code_output_and_peak_memory(tmp_path: Path) -> None:
    code = "import sys; x = b'x' * (200 << 20); print(len(x)); sys.stderr.write('last words'); sys.exit(7)"
    big = measure.run(Command("big", [PYTHON, "-c", code]), measure.environment(tmp_path))
    small = measure.run(Command("small", [PYTHON, "-c", ""]), measure.environment(tmp_path))
    assert (big.code, big.out, big.err) == (7, b"209715200\n", b"last words")
    assert big.mib >= 200
    assert big.mib > small.mib + 100 or measure.floor() > 100
    assert big.seconds > 0


def test_both_sides_take_turns(tmp_path: Path) -> None:
    order = tmp_path / "order"
    a, b = (Command(n, ["sh", "-c", f"printf {n} >> '{order}'"]) for n in "AB")
    pairs = list(measure.turns(a, b, pairs=3, folder=tmp_path))
    assert len(pairs) == 3
    assert order.read_text() == "ABABABAB"  # one round to get warm, three that count


def test_what_is_done_before_a_round_is_done_before_each(tmp_path: Path) -> None:
    order = tmp_path / "order"
    a, b = (Command(n, ["sh", "-c", f"printf {n} >> '{order}'"]) for n in "AB")

    def before() -> None:
        with order.open("a") as file:
            file.write("-")

    list(measure.turns(a, b, pairs=2, folder=tmp_path, before=before))
    assert order.read_text() == "-AB-AB-AB"


def test_a_command_reads_what_its_feeder_writes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1\n")
    (tmp_path / "b").write_bytes(b"2\n")
    feed = [PYTHON, str(stdin_2gb.FEED), str(tmp_path / "a"), "3", str(tmp_path / "b")]
    assert measure.run(Command("cat", ["cat"], feed), measure.environment(tmp_path)).out == b"1\n1\n1\n2\n"


def test_byte_code_is_used_whatever_the_caller_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    environ = measure.environment(tmp_path)
    assert "PYTHONDONTWRITEBYTECODE" not in environ
    assert environ["XDG_CACHE_HOME"] == str(tmp_path / "cache")


def test_files_that_are_written_are_seen(tmp_path: Path) -> None:
    with (tmp_path / "read").open("wb") as file, (tmp_path / "read").open("rb"):
        assert str(tmp_path / "read") in stdin_2gb.open_for_writing(os.getpid())
        (tmp_path / "read").unlink()
        assert f"{tmp_path}/read (deleted)" in stdin_2gb.open_for_writing(os.getpid())
        assert file.writable()
    (tmp_path / "kept").write_bytes(b"")
    with (tmp_path / "kept").open("rb"):
        assert str(tmp_path / "kept") not in stdin_2gb.open_for_writing(os.getpid())
    assert stdin_2gb.open_for_writing(0) == set()


def test_the_wrong_line_is_said() -> None:
    assert read_late_noise.named(b'{"error_lines": [[5, 6]]}', 5) == ""
    assert "not line 7" in read_late_noise.named(b'{"error_lines": [[5, 6]]}', 7)
    assert "not line 7" in read_late_noise.named(b'{"error_lines": []}', 7)


def test_scan_is_skipped_without_ripgrep(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    skipped = scan.bench(Given(tmp_path))
    assert isinstance(skipped, Skipped)
    assert "not installed" in skipped.reason
    assert list(run.flat(skipped)) == [f"scan             skipped: {skipped.reason}"]
    assert not list(tmp_path.iterdir()), "a large input was made for nothing"


def test_the_time_of_a_small_file_is_reckoned_up_but_for_the_start() -> None:
    assert ripgrep.reckoned(3.0, 1.0, 16) == 33.0
    assert ripgrep.reckoned(0.9, 1.0, 16) == 1.0


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """So few logs are served."""
    if shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") is None or shutil.which("curl") is None:
        pytest.skip("needs nginx and curl")
    monkeypatch.setattr(download, "COUNT", 3)
    return 3


@pytest.mark.parametrize("far", [False, True])
def test_both_sides_download_the_same_logs_and_ours_are_masked(tmp_path: Path, few: int, far: bool) -> None:
    environ = measure.environment(tmp_path)
    with download.serving(Given(tmp_path), far=far) as forge:
        forge.clear()
        assert forge.wrong() == f"not each of {few} logs is there"
        assert [measure.run(side, environ).code for side in (forge.whyred(), forge.curl())] == [0, 0]
        assert forge.wrong() == ""
        assert download.SECRET not in (forge.ours / "job-1.log").read_bytes()
        assert download.SECRET in (forge.theirs / "1.log").read_bytes()
        (forge.ours / "job-2.log").write_bytes(b"something else")
        assert forge.wrong() == "job-2.log is not the log, masked"
    assert not list(tmp_path.glob("download-*"))


def test_a_second_download_is_measured(tmp_path: Path, few: int) -> None:
    result = download_again.bench(Given(tmp_path, pairs=1))
    assert isinstance(result, Result)
    assert (result.pairs, result.wrong) == (1, "")
    assert 0 < result.ours_ms < result.peer_ms


@pytest.mark.parametrize("bench", [benches_download.bench, download_again.bench])
def test_downloads_are_skipped_without_nginx(bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    skipped = bench(Given(tmp_path))
    assert isinstance(skipped, Skipped)
    assert "nginx-light is not installed" in skipped.reason


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (rb"(?P<a>x)(?P<b>y)", "(?:x)(?:y)"),
        ("‘a’".encode(), r"\xe2\x80\x98a\xe2\x80\x99"),
        (rb"\"a\/b\.c\\\"\d", r'"a/b\.c\\"\d'),
        (rb"\(\?P<name>", r"\(\?P<name>"),
    ],
)
def test_ripgreps_spelling(ours: bytes, theirs: str) -> None:
    assert for_ripgrep(ours) == theirs


# --- the program -----------------------------------------------------------------------------------------------------


def test_every_bench_is_found_and_says_what_it_measures() -> None:
    found = run.all_benches()
    assert {"help", "read-1mb", "read-late-noise", "scan", "stdin-2gb", "download", "download-far"} <= set(found)
    for name in found:
        module = importlib.import_module(f"bench.benches.{name.replace('-', '_')}")
        assert (module.__doc__ or "").partition("\n")[0].endswith("."), name


def test_help_is_really_measured(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run.main(["help", "--pairs", "1", "--folder", str(tmp_path), "--json"])
    said = json.loads(capsys.readouterr().out)
    (row,) = said["results"]
    assert said["schema"] == "whyred.bench/1"
    assert (row["bench"], row["pairs"], row["wrong"]) == ("help", 1, "")
    assert row["ratio"] == pytest.approx(row["ours_ms"] / row["peer_ms"])


@pytest.mark.parametrize(("ok", "code"), [(True, 0), (False, 1)])
def test_a_missed_goal_is_the_exit_code(ok: bool, code: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pairs = [(taken(1.0), taken(1.0))]
    result = measure.summed("x", Command("a", []), Command("b", []), pairs, most_ratio=2.0 if ok else 0.5)
    monkeypatch.setattr(run, "all_benches", lambda: {"x": lambda _: result})
    assert run.main(["--folder", str(tmp_path)]) == code


def test_an_unknown_bench_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for argv in (["nothing"], ["help", "--pairs", "0"]):
        with pytest.raises(SystemExit) as end:
            run.main([*argv, "--folder", str(tmp_path)])
        assert end.value.code == 2
    assert re.search(r"there are: .*\bhelp\b", capsys.readouterr().err)


def test_flat_text_says_goal_medians_and_memory() -> None:
    result = Result("x", "we", "they", 5, 51.7, 53.3, 0.97, 1.2, 5000.0, 6000.0, 100.0, "nothing came out")
    text = "\n".join(run.flat(result))
    for wanted in (
        "MISS",
        "0.970 x they (goal <= 1.2)",
        "51.7 ms against 53.3 ms, medians of 5",
        "WRONG: nothing came",
    ):
        assert wanted in text
    assert "5000 MiB (goal <= 100) against 6000 MiB" in text


# --- novelty ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(novelty_logs, "LINES", 3000)


def test_the_attempts_of_novelty_have_the_same_steps_and_the_planted_lines(short: None) -> None:
    green, other, red = (list(novelty_logs.attempt(n, failing=n == 3)) for n in (1, 2, 3))
    steps = [[row.partition(" ")[2] for row in rows if "##[group]" in row] for rows in (green, other, red)]
    assert steps[0] == steps[1] == steps[2]
    texts = [row.partition(" ")[2].rstrip("\n") for row in red]
    assert all(texts.count(line) == 1 for line in (*novelty_logs.PLANTED, *novelty_logs.HARMLESS))
    assert len(red) == len(green) + 26
    assert green == list(novelty_logs.attempt(1))
    assert len(set(green) & set(other)) < 20


def test_a_planted_line_that_is_missing_and_noise_are_wrong() -> None:
    wanted = [line for line in novelty_logs.PLANTED if line not in novelty_logs.TWINS]
    lines = [
        {"text": text} for text in (*wanted, *novelty_logs.HARMLESS, "##[error]Process completed with exit code 1.")
    ]
    assert contest.judged({"lines": lines, "log_lines": 10_000}) == ""
    assert contest.judged({"lines": lines[1:], "log_lines": 10_000}).startswith("1 planted lines are missing")
    noisy = [*lines, *({"text": f"noise {n}"} for n in range(3))]
    assert contest.judged({"lines": noisy, "log_lines": 10_000}).startswith("3 lines of noise, as 'noise 0'")
    assert contest.judged({"lines": noisy, "log_lines": 15_000}) == ""
    assert contest.quality([line["text"] for line in noisy]) == "18 of 20 found, noise 3"


@pytest.mark.parametrize("bench", [novelty, novelty_stored])
def test_both_sides_of_novelty_list_the_planted_lines(bench: ModuleType, short: None, tmp_path: Path) -> None:
    result = bench.bench(Given(tmp_path, 1))
    assert result.wrong == ""
    assert re.match(r"(19|20) of 20 found, noise \d+, \d+ MB/s, against 1[89] of 20 found, noise \d+", result.note)
    assert result.note in "\n".join(run.flat(result))


def test_green_logs_that_were_read_again_are_seen() -> None:
    assert not contest.read_again({"green": [{"stored": True}]})
    assert contest.read_again({"green": [{"stored": True}, {"stored": False}]})
