"""From a target to a verdict: which host is asked, and which never; nothing unmasked is kept."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from fake_ssh import fake_ssh
from hypothesis import given, settings
from hypothesis import strategies as st
from test_archive import INCIDENT, good, packed

from whyred.app.library import Library
from whyred.app.read import read_log
from whyred.app.why import Wish, doctor, why
from whyred.hosts import local
from whyred.logs.blocks import Block
from whyred.model.evidence import Reason
from whyred.model.examination import State
from whyred.model.finding import Confidence, Verdict
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError

FOUNDING = (
    "⭐ Run Main Build\n"
    'error: couldn\'t create a temp dir: No such file or directory (os error 2) at path "/tmp/rustcVAIpSt"\n'
    "⚙️ [runner]: RUN exit status 101\n🏁  Job failed\n"
)


@cache
def library() -> Library:
    return Library(None)


def quiet(_: str) -> None:
    return None


@pytest.fixture
def log(tmp_path: Path) -> Path:
    file = tmp_path / "job.log"
    file.write_text(FOUNDING, encoding="utf-8")
    return file


@pytest.fixture
def no_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """This machine must not be asked."""

    def refuse() -> object:
        raise AssertionError("this machine was asked")

    monkeypatch.setattr(local, "LocalHost", refuse)


def judged(wish: Wish) -> Verdict:
    return why(wish, library(), quiet)


def confidences(verdict: Verdict) -> set[Confidence]:
    return {f.confidence for f in verdict.findings}


@pytest.mark.usefixtures("no_host")
def test_a_file_says_nothing_about_this_machine(log: Path) -> None:
    verdict = judged(Wish(str(log)))
    assert "private-tmp-deleted" in [f.cause.id for f in verdict.findings]
    assert confidences(verdict) == {Confidence.POSSIBLE}
    assert {row.reason.split(":")[0] for row in verdict.unknown} == {Reason.OTHER_HOST.value}
    assert "--this-host-ran-it" in verdict.next


@pytest.mark.usefixtures("no_host")
@pytest.mark.parametrize("host", [None, "local"])
def test_no_probe_asks_nobody(host: str | None, log: Path) -> None:
    verdict = judged(Wish(str(log), host=host, probe=False))
    assert {row.reason.split(":")[0] for row in verdict.unknown} == {Reason.NO_HOST.value}
    assert confidences(verdict) == {Confidence.POSSIBLE}


@pytest.mark.usefixtures("no_host")
def test_a_recorded_host_proves_nothing_of_another_attempt(log: Path) -> None:
    stranger = judged(Wish(str(log), host=str(INCIDENT)))
    assert confidences(stranger) == {Confidence.POSSIBLE}
    assert {row.reason.split(":")[0] for row in stranger.unknown} == {Reason.OTHER_HOST.value}
    vouched = judged(Wish(str(log), host=str(INCIDENT), vouched=True))
    assert (vouched.findings[0].cause.id, vouched.findings[0].confidence) == (
        "private-tmp-deleted",
        Confidence.CONFIRMED,
    )


@pytest.mark.usefixtures("no_host")
def test_a_bundle_brings_its_own_answers() -> None:
    assert judged(Wish(str(INCIDENT))).findings[0].confidence is Confidence.CONFIRMED


def test_this_machine_is_no_evidence_unless_the_user_vouches(log: Path) -> None:
    verdict = judged(Wish(str(log), host="local"))
    assert confidences(verdict) == {Confidence.POSSIBLE}
    told = {row.reason.split(":")[0] for row in verdict.unknown}
    assert Reason.OTHER_HOST.value in told
    assert told <= {Reason.OTHER_HOST.value, Reason.NO_SUBJECT.value}


@pytest.mark.usefixtures("no_host")
def test_an_empty_log_is_no_evidence_and_leaves_no_bundle(tmp_path: Path) -> None:
    empty = tmp_path / "empty.log"
    empty.touch()
    with pytest.raises(MissingLogError) as error:
        judged(Wish(str(empty), save=tmp_path / "a.whyred"))
    assert error.value.reason is Missing.STILL_RUNNING
    assert list(tmp_path.iterdir()) == [empty]


@pytest.mark.parametrize("answers", [b"7", b"null", b"[1]", b'{"a": 1}'])
def test_recorded_answers_that_are_none(answers: bytes, tmp_path: Path) -> None:
    path = packed(tmp_path / "a.whyred", good() | {"answers.json": answers})
    with pytest.raises((UserError, MissingLogError)):
        judged(Wish(str(path)))


def test_the_doctor_reads_a_bundle() -> None:
    rows = doctor(str(INCIDENT), library(), quiet)
    assert "private-tmp-deleted" in [row.because for row in rows if row.state is State.WRONG]


def test_the_tap_gets_only_what_is_masked() -> None:
    seen: list[Block] = []
    token = b"ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    data = b"\x1b[31mtoken " + token + b"\x1b[0m\n::add-mask::hunter2hunter2\nhunter2hunter2 \n" * 2000
    log = read_log([data[i : i + 999] for i in range(0, len(data), 999)], library(), seen.append)
    kept = b"".join(b.raw for b in seen) + b"".join(b.plain for b in seen)
    for secret in (token, b"hunter2hunter2 "):
        assert secret not in kept
    assert log.reading.lines == 6000
    assert log.reading.size == sum(len(b.raw) for b in seen)


@pytest.mark.parametrize("hidden", ["\x00", "\x1b[K", "\u200b", "\x08", "\u00ad", "\U000e0041", "\x1b]0;t\x07", "\x7f"])
def test_a_secret_does_not_hide_behind_what_nobody_sees(hidden: str) -> None:
    """The reader takes the character out, so the masker must have looked without it."""
    row = f"error: bad token ghp_abcdefghij{hidden}klmnopqrstuvwxyz0123456789 refused\n"
    log = read_log([row.encode()], library())
    assert log.reading.window
    assert all("ghp_" not in text for text in log.reading.window.values())


SCRAPS = (
    "\n",
    "\r\n",
    "\r",
    "\x1b[31m",
    "\x1b",
    "\x00",
    "\u200b",
    "⭐ Run Main Build\n",
    'error: couldn\'t create a temp dir: No such file or directory (os error 2) at path "/tmp/rustcVAIpSt"',
    "RUN exit status 1\n",
    "🏁  Job failed\n",
    " ghp_abcdefghijklmnopqrstuvwxyz0123456789",
    "::add-mask::hunter2hunter2\n",
    " hunter2hunter2 ",
    "password=",
    "-----BEGIN RSA PRIVATE KEY-----\n",
    "MIIEpAIBAAKCAQEA0123456789abcdefghijklmnop\n",
    "-----END RSA PRIVATE KEY-----\n",
    "https://user:secretword@host/x ",
    "***",
    "é",
    "x" * 3000,
    " ",
)


@given(scraps=st.lists(st.sampled_from(SCRAPS), max_size=30), step=st.integers(1, 5000))
@settings(max_examples=150)
def test_what_was_saved_reads_as_the_log_did(scraps: list[str], step: int) -> None:
    """A bundle keeps the masked log; masked and read again, it must say the very same."""
    data = "".join(scraps).encode()
    saved: list[bytes] = []
    first = read_log([data[i : i + step] for i in range(0, len(data), step)], library(), lambda b: saved.append(b.raw))
    again = read_log(saved, library())
    assert again == first


def test_progress_says_what_is_done(log: Path) -> None:
    told: list[str] = []
    why(Wish(str(log), save=log.with_name("a.whyred")), library(), told.append)
    assert told[0] == f"reading files: {log}"
    assert "judging" in told
    assert told[-1].startswith("saved ")


def test_what_is_no_address_of_a_host_is_refused_before_anything_is_read() -> None:
    with pytest.raises(UserError, match="no address of a host"):
        why(Wish("/no/such/log", host="ssh://ci@-host"), library(), lambda _: None)
    with pytest.raises(UserError, match="no address of a host"):
        doctor("ssh://", library(), quiet)


@pytest.fixture
def over_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """The address of this machine by an `ssh` that does as it is told."""

    def reach(**how: str) -> str:
        for name, value in fake_ssh(tmp_path / "fake", **how).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("XDG_RUNTIME_DIR", "")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        return "ssh://ci@host"

    return reach


@pytest.mark.usefixtures("no_host")
def test_a_host_over_ssh_is_asked(log: Path, over_ssh: Callable[..., str]) -> None:
    verdict = judged(Wish(str(log), host=over_ssh(), seconds=120))
    assert Reason.OTHER_HOST.value in {row.reason.split(":")[0] for row in verdict.unknown}
    vouched = judged(Wish(str(log), host=over_ssh(), vouched=True, seconds=120))
    assert Reason.OTHER_HOST.value not in {row.reason.split(":")[0] for row in vouched.unknown}
    assert vouched.questions
    rows = doctor(over_ssh(), library(), quiet)
    assert State.FINE in {row.state for row in rows}


@pytest.mark.usefixtures("no_host")
def test_a_host_that_cannot_be_reached_is_unknown_and_the_log_is_judged(
    log: Path, over_ssh: Callable[..., str]
) -> None:
    host = over_ssh(FAKE_SAYS="ci@host: Permission denied (publickey).")
    told: list[str] = []
    verdict = why(Wish(str(log), host=host, vouched=True), library(), told.append)
    assert confidences(verdict) == {Confidence.POSSIBLE}
    assert all("ssh-copy-id" in row.reason for row in verdict.unknown)
    assert any("cannot be asked" in line and "ssh-copy-id" in line for line in told)
    (row,) = doctor(host, library(), quiet)
    assert (row.state, row.question) == (State.UNKNOWN, "connection to ssh://ci@host")
    assert "ssh-copy-id" in row.because


@pytest.mark.usefixtures("no_host")
def test_no_probe_reaches_for_no_host(log: Path, over_ssh: Callable[..., str], tmp_path: Path) -> None:
    judged(Wish(str(log), host=over_ssh(FAKE_ARGUMENTS=str(tmp_path / "called")), probe=False))
    assert not (tmp_path / "called").exists()
