"""The runner's unit in the texts of causes: from a host, from a bundle, and never what is no name of a unit."""

import re
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.app.ask import Asker, Live, Nobody, Recorded
from whyred.app.investigate import investigate
from whyred.app.read import ReadLog
from whyred.app.subjects import SHELL, Subjects
from whyred.diagnosis.match import Matched
from whyred.diagnosis.words import WORDS, asks, in_words
from whyred.hosts.bundle import Recording
from whyred.library.read_causes import causes
from whyred.model.cause import Cause, Of, Text
from whyred.model.evidence import Answer, Answers, Ask, Reason, Unknown
from whyred.model.failure import Failure, Reading
from whyred.model.finding import Verdict
from whyred.model.host import Host, HostRefusedError, Subject
from whyred.model.run import Attempt, Run
from whyred.probes.runner_unit import PROBE

ASK = WORDS["UNIT"].ask
TEXT = Text(
    "The unit is sick.", "See `systemctl cat UNIT`.", "Run `systemctl restart UNIT`.", "Sleep.", "MY_UNIT, UNITS"
)
MEANT = "UNIT is the runner's systemd unit."


def told(unit: str | None) -> Answers:
    return {ASK: (Answer("runner-3", {"unit": unit}),)}


def test_a_known_unit_stands_in_the_command() -> None:
    text = in_words(TEXT, told("forgejo-runner-3.service"))
    assert text.fix == "Run `systemctl restart forgejo-runner-3.service`."
    assert (text.what, text.prevent, text.verify) == (TEXT.what, TEXT.prevent, TEXT.verify)


def test_a_name_with_a_backslash_is_quoted_for_the_shell() -> None:
    assert in_words(TEXT, told(r"act\x2drunner@3.service")).fix == r"Run `systemctl restart 'act\x2drunner@3.service'`."


@pytest.mark.parametrize(
    "unit",
    [
        "",
        ".service",
        "-x.service",
        "--now.service",
        "a;reboot.service",
        "$(reboot).service",
        "a`reboot`.service",
        "a b.service",
        "a.service\n",
        "a\nb.service",
        "ru***er.service",
        "rünner.service",
        "runner.timer",
        "../runner.service",
        "a" * 249 + ".service",
    ],
)
def test_what_is_no_name_of_a_service_is_not_put_in(unit: str | None) -> None:
    text = in_words(TEXT, told(unit))
    assert text.fix == f"{TEXT.fix} {MEANT}"
    assert text.check == f"{TEXT.check} {MEANT}"


def test_of_a_runner_without_a_unit_it_is_said() -> None:
    text = in_words(TEXT, told(None))
    none = "runner-3 belongs to no systemd unit: where UNIT stands, start it anew in the way it was started."
    assert text.fix == f"{TEXT.fix} {none}"


def test_the_user_of_the_runner_stands_in_the_command() -> None:
    ask = WORDS["CIUSER"].ask
    text = Text("a", "b", "`chown -R CIUSER: FOLDER`", "c", "d")
    for user, said in (
        ("ci", "`chown -R ci: FOLDER`"),
        ("a;b", f"{text.fix} CIUSER is the user of the runner's service."),
    ):
        assert in_words(text, {ask: (Answer("runner-3", {"user": user}),)}).fix == said
    assert asks([cause(text)]) == [ask]


COMMANDS = Text(
    "TOOL is not on the PATH.",
    "`command -v TOOL; echo $PATH; ls -l PATH`, `ss -ltn 'sport = :PORT'`, `Environment=PATH=/x`",
    "Put PATH right: `chmod 1777 DIR`.",
    "`curl https://HOST/`",
    '`echo "${VARIABLE:-value}"`, `npm install PACKAGE`.',
)


def test_what_the_line_names_stands_in_the_commands() -> None:
    line = {"tool": "sccache", "path": "/srv/a b", "port": "8080", "dir": "/srv/a", "host": "git.example.org"}
    text = in_words(COMMANDS, {}, {**line, "path": "/srv/a/b", "var": "DEPLOY_HOST", "package": "@types/node"})
    assert text == Text(
        "TOOL is not on the PATH.",
        "`command -v sccache; echo $PATH; ls -l /srv/a/b`, `ss -ltn 'sport = :8080'`, `Environment=PATH=/x`",
        "Put PATH right: `chmod 1777 /srv/a`.",
        "`curl https://git.example.org/`",
        '`echo "${DEPLOY_HOST:-value}"`, `npm install @types/node`.',
    )


def test_where_a_temporary_directory_failed_the_variable_is_tmpdir() -> None:
    assert "${TMPDIR:-value}" in in_words(COMMANDS, {}, {"dir": "/tmp"}).verify


@given(st.text(max_size=20))
def test_nothing_hostile_of_a_line_gets_into_a_command(value: str) -> None:
    text = in_words(COMMANDS, {}, dict.fromkeys(("tool", "path", "port", "dir", "host", "package", "var"), value))
    for part in ("what", "check", "fix", "prevent", "verify"):
        before, after = getattr(COMMANDS, part), getattr(text, part)
        assert len(after.split()) == len(before.split())
        assert all(after.count(c) == before.count(c) for c in "$;|&<>\n`'\"\x1b")


@given(st.text(max_size=40).map(lambda text: f"{text}.service"))
def test_no_value_adds_a_word_or_a_command(unit: str) -> None:
    fix = in_words(TEXT, told(unit)).fix
    assert fix.startswith("Run `systemctl restart ")
    words = len(TEXT.fix.split())
    assert len(fix.split()) in (words, words + len(MEANT.split()))
    assert not set(fix) & set("$;|&<>\n")


@pytest.mark.parametrize("answers", [{}, {ASK: (Answer("", Unknown(Reason.NO_HOST, "none")),)}])
def test_an_unknown_unit_is_explained(answers: Answers) -> None:
    assert in_words(TEXT, answers).fix == f"{TEXT.fix} {MEANT}"


def test_asked_only_where_a_text_has_a_place_for_it() -> None:
    plain = Text("a", "b", "c", "d", "MY_UNIT, UNITS")
    assert asks([cause(plain)]) == []
    assert asks([cause(plain), cause(TEXT), cause(TEXT)]) == [ASK]


def test_no_command_opens_or_removes_a_place_that_a_log_names() -> None:
    """A log may name /etc."""
    grave = re.compile(r"\b(?:chmod (?:-R|[0-7])|chown|rm -\w*r|mv)\b[^&|;]*\b(?:PATH|DIR)\b")
    for one in causes():
        for text in astuple(one.text):
            for command in re.findall(r"`[^`]+`", text):
                assert not grave.search(command), f"{one.id}: {command}"


def test_every_text_of_the_library_stays_a_sentence() -> None:
    for one in causes():
        for part in ("check", "fix", "prevent", "verify"):
            text = getattr(in_words(one.text, {}), part)
            assert not text.endswith(MEANT) or text.removesuffix(f" {MEANT}").endswith((".", ".)")), f"{one.id}: {part}"


def cause(text: Text) -> Cause:
    return Cause("one", "One", "infra/one", ("p",), text, {}, {})


@dataclass
class Machine:
    """A host with one process."""

    argv: str = "/opt/forgejo-runner\0daemon\0"
    groups: str = "0::/system.slice/forgejo-runner-3.service\n"
    asked: list[str] = field(default_factory=list)

    def read(self, path: str, limit: int = 0) -> bytes:
        self.asked.append(path)
        files = {"/proc/7/cmdline": self.argv, "/proc/7/cgroup": self.groups}
        if path not in files:
            raise HostRefusedError(Reason.NOT_FOUND, path)
        return files[path].encode()


@dataclass
class One:
    """The subjects of an attempt whose runner is known."""

    subject: Subject | Unknown = field(default_factory=lambda: Subject("runner-3", 7))
    folder: str | None = None
    step: str | None = None
    times: Mapping[str, str] = field(default_factory=dict)

    def of(self, of: Of) -> list[Subject] | Unknown:
        return self.subject if isinstance(self.subject, Unknown) else [self.subject]


def live(machine: Machine, subjects: One) -> Live:
    return Live(cast("Host", machine), cast("Subjects", subjects), lambda data: data, 10.0)


def why(asker: Asker) -> Verdict:
    failure = Failure("p", "t", "tool", "code/test", "weak", True, None, "m", ((1, 1),), (), {}, "f")
    log = ReadLog(Reading("raw", 9, 9, (), (), {}, ended=1.0), Matched((failure,), "Build", "code/test", True))
    return investigate(log, Attempt(Run("x")), [cause(TEXT)], asker)


def test_a_verdict_names_the_unit_of_the_runner_and_so_does_its_bundle() -> None:
    asker = live(Machine(), One())
    verdict = why(asker)
    assert verdict.findings[0].cause.text.fix == "Run `systemctl restart forgejo-runner-3.service`."
    assert verdict.next == "By hand: See `systemctl cat forgejo-runner-3.service`."
    again = why(Recorded(Recording.load(asker.record.dump())))
    assert again == verdict


def test_a_bundle_that_says_nothing_of_it_keeps_the_word() -> None:
    assert why(Recorded(Recording())).findings[0].cause.text.fix == f"{TEXT.fix} {MEANT}"
    assert why(Nobody(Unknown(Reason.NO_HOST, "none"))).questions == ()


def test_the_unit_of_a_shell_is_not_the_runners() -> None:
    machine = Machine("-bash\0", "0::/system.slice/ssh.service\n")
    verdict = why(live(machine, One(Subject(SHELL, 7))))
    assert verdict.findings[0].cause.text.fix == f"{TEXT.fix} {MEANT}"
    assert machine.asked == ["/proc/7/cmdline"]


@pytest.mark.parametrize(
    ("subject", "reason"), [(Subject("host"), Reason.NO_SUBJECT), (Subject("gone", 8), Reason.NOT_FOUND)]
)
def test_without_a_process_it_is_unknown(subject: Subject, reason: Reason) -> None:
    unit = PROBE.read(PROBE.ask(Machine(), subject, {}))["unit"]
    assert isinstance(unit, Unknown)
    assert unit.reason is reason


def test_a_shared_daemon_is_in_the_unit_of_whoever_started_it() -> None:
    unit = PROBE.read(PROBE.ask(Machine("/usr/bin/sccache\0"), Subject("sccache", 7), {}))["unit"]
    assert unit == Unknown(Reason.NOT_APPLICABLE, "sccache is no runner daemon")


def test_the_question_is_of_the_runner() -> None:
    assert Ask("runner-unit", Of.ATTEMPT_RUNNER) == ASK
