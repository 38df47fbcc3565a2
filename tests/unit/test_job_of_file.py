"""`:JOB` behind a bundle or a log file: its one job by name, and another one refused."""

from pathlib import Path

import pytest
from program import Ended, environment, run

from whyred.app.targets import address_of, job_of_file
from whyred.model.run import Attempt, Conclusion, Job, Run, Status
from whyred.sources._bundle_writer import BundleWriter

LOG = b"error: no such thing\nProcess completed with exit code 1.\n"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    file = tmp_path / "M.w"
    with BundleWriter(file, "1") as writer:
        writer.log(LOG)
        run_ = Run("team/app#12", repo="team/app")
        writer.finish(Attempt(run_, Job(None, "report"), 1, Status.DONE, Conclusion.FAILURE), b"[]")
    return file


def whyred(folder: Path, *arguments: str) -> Ended:
    return run(list(arguments), environment(folder / "home"))


def test_the_one_job_of_a_bundle(bundle: Path, tmp_path: Path) -> None:
    whole, named = whyred(tmp_path, "logs", str(bundle)), whyred(tmp_path, "logs", f"{bundle}:report")
    assert (named.code, named.out) == (0, whole.out)
    assert whyred(tmp_path, "why", f"{bundle}:report").code == 1


@pytest.mark.parametrize("command", ["logs", "why", "read"])
def test_another_job_is_refused(command: str, bundle: Path, tmp_path: Path) -> None:
    ended = whyred(tmp_path, command, f"{bundle}:deploy")
    assert (ended.code, ended.out) == (2, "")
    assert "team/app#12 has no job 'deploy'" in ended.one_line()
    assert "it is the log of report" in ended.one_line()


def test_a_log_file_names_no_job_but_its_own(tmp_path: Path) -> None:
    log = tmp_path / "fb.log"
    log.write_bytes(LOG)
    assert whyred(tmp_path, "logs", f"{log}:fb").code == 0
    ended = whyred(tmp_path, "logs", f"{log}:test")
    assert ended.code == 2
    assert "it is one log, which names no job" in ended.one_line()


def test_the_log_is_not_written_over(tmp_path: Path) -> None:
    log = tmp_path / "fb.log"
    log.write_bytes(LOG)
    assert "is what you ask about" in whyred(tmp_path, "logs", f"{log}:fb", "--out", str(log)).one_line()
    assert log.read_bytes() == LOG


def test_what_exists_is_a_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a").mkdir()
    Path("a/b").write_bytes(LOG)
    assert job_of_file("a/b:c:d") == ("a/b", "c:d")
    assert address_of("a/b:c") is None
    assert address_of("a/c:c") is not None
    Path("a/b:c").write_bytes(LOG)
    assert job_of_file("a/b:c") == ("a/b:c", None)
    assert job_of_file("a/b:") == ("a/b:", None)
    assert job_of_file("https://a/b:c") == ("https://a/b:c", None)
