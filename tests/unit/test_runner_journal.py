"""What a runner printed of a job: found in its journal, told apart from other jobs, or refused with what would help."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.model.evidence import Reason
from whyred.model.forge import Kind, Server
from whyred.model.host import HostRefusedError, Identity, Output, Process
from whyred.model.run import Attempt, Conclusion, Job, Run, Status, Step
from whyred.model.source import Boundaries, Fetched, Missing, MissingLogError
from whyred.sources import runner_journal
from whyred.sources._journal import entries
from whyred.sources._runner_text import Found, Survey, Told, read_line
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want

FOLDER = Path(__file__).parent.parent / "sources" / "runner-journal"
UNIT = "forgejo-runner.service"
DROPPED = "a596d6fe7bfa4994828e72309e95d61e"
Printed = list[tuple[int, bytes]]
"""Times in microseconds, and lines."""


def recorded(name: str) -> Printed:
    """A recorded output; lines of jobs have the time of the line before them, and a microsecond each."""
    at, found = 0, []
    for line in (FOLDER / f"{name}.txt").read_bytes().splitlines():
        if told := re.match(rb'time="([^"]+)"', line):
            at = int(datetime.fromisoformat(told[1].decode()).timestamp() * 1e6)
        at += 1
        found.append((at, line))
    return found


class Journal:
    """A host with a journal, which answers as journalctl(1) does and keeps as little of it as hosts do."""

    identity = Identity("machine", "boot", "host")

    def __init__(
        self, printed: Printed, *, unit: str = UNIT, limit: int = 1 << 20, said: bytes = b"", code: int = 0
    ) -> None:
        self.printed, self.unit, self.limit, self.said, self.code = printed, unit, limit, said, code
        self.asked: list[Sequence[str]] = []
        self.files: dict[str, bytes] = {}
        self.daemon: Process | None = Process(
            7, 1, 1, "forgejo-runner", ("/usr/bin/forgejo-runner", "daemon"), 0, unit=unit
        )

    def run(self, argv: Sequence[str], seconds: float = 2.0) -> Output:
        self.asked.append(argv)
        options = dict(a.partition("=")[::2] for a in argv if a.startswith("--"))
        assert argv[0] == "journalctl"
        assert "--all" in options, "without it long messages are null"
        assert ("--since" in options) != ("--after-cursor" in options), "journalctl takes one of them"
        since, until = float(options.get("--since", "@0")[1:]) * 1e6, float(options["--until"][1:]) * 1e6
        after = int(options.get("--after-cursor", "c-1")[1:])
        units = [a.partition("=")[2] for a in argv if a.startswith("_SYSTEMD_UNIT=")]
        rows = [(n, at, text) for n, (at, text) in enumerate(self.printed) if n > after and since <= at <= until]
        lines = [self._row(n, at, text) for n, at, text in rows if self.unit in units or b"Suppressed" in text]
        return Output(self.code, b"".join(lines)[: self.limit], self.said)

    @staticmethod
    def _row(n: int, at: int, text: bytes) -> bytes:
        try:
            message: object = text.decode()
            plain = "\x1b" not in str(message)
        except UnicodeDecodeError:
            plain = False
        row = {"MESSAGE": message if plain else list(text), "__CURSOR": f"c{n}", "__REALTIME_TIMESTAMP": str(at)}
        return json.dumps(row, ensure_ascii=False).encode() + b"\n"

    def processes(self) -> list[Process]:
        return [self.daemon] if self.daemon else []

    def names(self, path: str) -> list[str]:
        found = sorted(p.rpartition("/")[2] for p in self.files if p.rpartition("/")[0] == path)
        if not found:
            raise HostRefusedError(Reason.NOT_FOUND, f"{path}: No such file or directory")
        return found

    def stream(self, path: str, start: int = 0) -> Iterator[bytes]:
        if path not in self.files:
            raise HostRefusedError(Reason.NOT_FOUND, f"{path}: No such file or directory")
        return iter([self.files[path][start:]])

    def link(self, path: str) -> str:
        assert path == "/proc/7/cwd"
        return "/var/lib/runner"


def reach(host: Journal | None, logs: str | None = None) -> Reach:
    root = "http://forge.example"
    return Reach(Server(root, Kind.FORGEJO), Http(root), runner_host=host, runner_logs=logs)  # type: ignore[arg-type]


def attempt(task: int | None, printed: Printed, job: str = "test", repo: str = "alice/pub") -> Attempt:
    start, end = printed[0][0] / 1e6, printed[-1][0] / 1e6
    run = Run(f"{repo}#1", repo=repo, number=1)
    return Attempt(run, Job(None, job), status=Status.DONE, started=start, ended=end, id=task)


def split(fetched: Fetched) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for chunk in fetched.chunks:
        if isinstance(chunk, Step):
            found.append((chunk.name, []))
        else:
            assert re.match(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z ", chunk)
            found[-1][1].append(chunk[29:].decode().rstrip("\n"))
    return found


def refusal(call: Callable[[], object]) -> MissingLogError:
    with pytest.raises(MissingLogError) as caught:
        call()
    assert caught.value.help
    return caught.value


@pytest.mark.parametrize(("name", "task"), [("forgejo-7-debug", 8), ("forgejo-16-debug", 9)])
def test_the_recorded_job_with_its_steps(name: str, task: int) -> None:
    printed = recorded(name)
    there = Journal(printed)
    fetched = runner_journal.log(reach(there), attempt(task, printed), Want())
    assert (fetched.route, fetched.boundaries) == (f"runner-journal: {UNIT}", Boundaries.TOLD)
    assert split(fetched) == [
        ("Prepare", ["⭐ Run Main Prepare", "preparing", "done preparing", "  ✅  Success - Main Prepare"]),
        (
            "Cargo build",
            [
                "⭐ Run Main Cargo build",
                "   Compiling demo v0.1.0 (/work/demo)",
                'error: couldn\'t create a temp dir: No such file or directory (os error 2) at path "/tmp/rustcVAIpSt"',
                "",
                'error: could not compile `demo` (bin "demo") due to 1 previous error',
                "  ❌  Failure - Main Cargo build",
                "⚙️ [runner]: RUN exit status 101",
            ],
        ),
        ("Never runs", ["Skipping step 'Never runs' due to ''"]),
        ("Always runs", ["⭐ Run Main Always runs", "cleanup", "  ✅  Success - Main Always runs"]),
        ("Complete job", ["🏁  Job failed"]),
    ]
    steps = [(s.name, s.conclusion, s.aside) for s in fetched.attempt.steps]
    assert steps[0][0] == "Set up job"
    assert steps[1:5] == [
        ("Prepare", Conclusion.SUCCESS, False),
        ("Cargo build", Conclusion.FAILURE, False),
        ("Never runs", Conclusion.SKIPPED, False),
        ("Always runs", Conclusion.SUCCESS, False),
    ]
    assert all(argv[:4] == ["journalctl", "--no-pager", "--all", "--output=json"] for argv in there.asked)


def test_only_the_wanted_steps() -> None:
    printed = recorded("forgejo-16-debug")
    fetched = runner_journal.log(reach(Journal(printed)), attempt(9, printed), Want(frozenset({2})))
    assert [name for name, _ in split(fetched)] == ["Cargo build"]


def test_at_the_level_info_it_says_which_setting_to_change() -> None:
    printed = recorded("forgejo-16-info")
    error = refusal(
        lambda: runner_journal.log(reach(Journal(printed)), attempt(20, printed, repo="alice/priv"), Want())
    )
    assert error.reason is Missing.NOT_FOUND
    assert "`log.level: debug`" in error.help
    assert UNIT in error.asked


def test_a_task_that_the_runner_did_not_take() -> None:
    printed = recorded("forgejo-16-debug")
    for other in (attempt(10, printed), attempt(9, printed, repo="alice/priv")):
        error = refusal(lambda other=other: runner_journal.log(reach(Journal(printed)), other, Want()))  # type: ignore[misc]
        assert error.reason is Missing.NOT_FOUND
        assert "machine of the runner that ran it" in error.help


# --- several jobs at a time -------------------------------------------------------------------------------------------

Say = tuple[str, str]
"""A task's start (`task`, number), or a line of a job (its name, the line)."""


def printed_by(says: Iterable[Say]) -> Printed:
    rows = []
    for n, (name, text) in enumerate(says):
        if name == "task":
            line = f'time="2026-01-02T03:04:05Z" level=info msg="task {text} repo is alice/pub http://x http://x"'
        elif name == "daemon":
            line = f'time="2026-01-02T03:04:05Z" level=info msg="{text}"'
        else:
            line = f"[{name}] {text}"
        rows.append((1_767_323_045_000_000 + n * 1000, line.encode()))
    return rows


def told(says: Sequence[Say], task: int = 1, job: str = "test") -> list[str] | Told:
    survey = Survey()
    for at, text in printed_by(says):
        survey.add(text, at / 1e6)
    found = survey.find(task, "alice/pub", job)
    if isinstance(found, Told):
        return found
    printed = printed_by(says)
    return [text for _, texts in split_all(printed, task, job) for text in texts]


def split_all(printed: Printed, task: int, job: str) -> list[tuple[str, list[str]]]:
    fetched = runner_journal.log(reach(Journal(printed)), attempt(task, printed, job), Want())
    chunks: list[bytes | Step] = [Step("all"), *[c for c in fetched.chunks if isinstance(c, bytes)]]
    return split(replace(fetched, chunks=iter(chunks)))


def lines(name: str, *texts: str) -> list[Say]:
    return [(name, f"  | {text}") for text in texts] + [(name, "🏁  Job succeeded")]


ONE, TWO = lines("ci/test", "a", "b"), lines("ci/lint", "c", "d")
BOTH = [line for pair in zip(ONE, TWO, strict=True) for line in pair]
CUT: list[Say] = [("task", "1"), ("ci/test", "  | cut"), ("daemon", "Starting runner daemon"), ("task", "2"), *ONE]
OVER = "🏁  Job succeeded"


@pytest.mark.parametrize(
    ("says", "task", "job", "expected"),
    [
        ([("task", "1"), *ONE], 1, "test", ["a", "b", OVER]),
        ([("task", "1"), *ONE, ("task", "2"), *lines("ci/test", "x")], 1, "test", ["a", "b", OVER]),
        ([("task", "1"), *ONE, ("task", "2"), *lines("ci/test", "x")], 2, "test", ["x", OVER]),
        ([("task", "1"), ("task", "2"), *BOTH], 1, "test", ["a", "b", OVER]),
        ([("task", "1"), ("task", "2"), *BOTH], 2, "lint", ["c", "d", OVER]),
        ([("task", "1"), *ONE[:1], ("task", "2"), *TWO, *ONE[1:]], 1, "test", ["a", "b", OVER]),
        ([("task", "1"), *lines("ci/build (plain)", "p")], 1, "build (plain)", ["p", OVER]),
        (CUT, 1, "test", ["cut"]),
        (CUT, 2, "test", ["a", "b", OVER]),
        ([("task", "1"), ("ci/test", "Job succeeded"), ("task", "2"), *ONE], 2, "test", ["a", "b", OVER]),
        # What is not certain is not given.
        ([("task", "1"), ("task", "2"), *ONE, *ONE], 1, "test", Told.MIXED),
        ([("task", "1"), *ONE[:1], ("task", "2"), *ONE, *ONE], 1, "test", Told.MIXED),
        ([("task", "1"), *ONE[:1], ("task", "2"), *ONE, *ONE], 2, "test", Told.MIXED),
        ([*ONE[:1], ("task", "1"), *ONE], 1, "test", Told.MIXED),
        ([("task", "1"), ("task", "2"), *ONE], 1, "test", Told.MIXED),
        ([("task", "1"), ("task", "2"), *ONE], 2, "test", Told.MIXED),
        ([("task", "1"), ("task", "2"), *ONE, *lines("x/test", "y")], 2, "test", Told.MIXED),
        ([("task", "1"), ("ci/test", "  | cut"), ("task", "2"), *ONE], 1, "test", Told.MIXED),
        ([("task", "1"), *TWO], 1, "test", Told.NO_LINE),
        ([*TWO, ("task", "1")], 1, "test", Told.NO_LINE),
        ([("task", "1")], 1, "test", Told.NO_JOBS),
        ([("task", "3"), *ONE], 1, "test", Told.NO_TASK),
    ],
)  # fmt: skip
def test_whose_lines_they_are(says: list[Say], task: int, job: str, expected: list[str] | Told) -> None:
    assert told(says, task, job) == expected
    if isinstance(expected, Told) and expected is not Told.NO_TASK:
        printed = printed_by(says)
        error = refusal(lambda: runner_journal.log(reach(Journal(printed)), attempt(task, printed, job), Want()))
        assert error.reason in (Missing.NOT_FOUND, Missing.CORRUPT)


@given(st.data())
def test_no_line_of_another_job_is_ever_given(data: st.DataObject) -> None:
    """Jobs of any names, interleaved in any way: either all lines of the job and no others come, or none."""
    names = data.draw(st.lists(st.sampled_from(["ci/test", "ci/lint", "x/test"]), min_size=1, max_size=4))
    queues = [
        [("task", str(n)), *[(name, f"  | {n}-{k}") for k in range(data.draw(st.integers(0, 3)))], (name, OVER)]
        for n, name in enumerate(names, 1)
    ]
    says: list[Say] = []
    while any(queues):
        queue = data.draw(st.sampled_from([q for q in queues if q]))
        says.append(queue.pop(0))
    for n, name in enumerate(names, 1):
        found = told(says, n, name.partition("/")[2])
        if isinstance(found, list):
            mine = [text.removeprefix("  | ") for who, text in says if who == name and (f"{n}-" in text)]
            assert [text for text in found if text != OVER] == mine


def test_steps_inside_an_action_are_no_steps_of_the_job() -> None:
    inner = [("ci/test", t) for t in ("⭐ Run Main ./act", "⭐ Run Main inner", "  | in", "  ✅  Success - Main inner")]
    outer = [("ci/test", t) for t in ("  ✅  Success - Main ./act", "⭐ Run Post ./act", "  ✅  Success - Post ./act")]
    printed = printed_by([("task", "1"), ("ci/test", "🚀  Start image=x"), *inner, *outer, ("ci/test", OVER)])
    fetched = runner_journal.log(reach(Journal(printed)), attempt(1, printed), Want())
    assert [(name, len(texts)) for name, texts in split(fetched)] == [
        ("Set up job", 1),
        ("./act", 5),
        ("Post ./act", 2),
        ("Complete job", 1),
    ]
    assert [s.aside for s in fetched.attempt.steps] == [True, False, True, True]


def test_a_job_without_marks_has_no_steps_made_up() -> None:
    printed = printed_by([("task", "1"), *ONE])
    fetched = runner_journal.log(reach(Journal(printed)), attempt(1, printed), Want())
    assert (fetched.boundaries, fetched.attempt.steps) == (Boundaries.GUESSED, ())


def test_a_job_cannot_forge_marks_or_other_jobs() -> None:
    raw = [
        "⭐ Run Main fake",
        "🏁  Job succeeded",
        "[ci/lint] 🏁  Job failed",
        'time="x" level=info msg="task 5 repo is a/b c"',
    ]
    printed = printed_by([("task", "1"), ("ci/test", "⭐ Run Main real"), *lines("ci/test", *raw)])
    fetched = runner_journal.log(reach(Journal(printed)), attempt(1, printed), Want())
    assert split(fetched) == [("real", ["⭐ Run Main real", *raw]), ("Complete job", [OVER])]


def test_a_message_of_several_lines_stays_whole() -> None:
    printed = printed_by([("task", "1"), ("ci/test", "the workflow file is not usable:"), *ONE])
    printed.insert(2, (printed[1][0] + 1, b"line 3: no such key\nline 4: neither"))
    fetched = runner_journal.log(reach(Journal(printed)), attempt(1, printed), Want())
    assert b"".join(c for c in fetched.chunks if isinstance(c, bytes)).count(b"\n") == 5


@pytest.mark.parametrize(
    "text", [b"", b"[", b"[]", b"[a]", b"[a]b", b"no", b"\xff\xfe", b"[\x00] a", b"[" + b"a" * 500 + b"] b"]
)
def test_what_is_no_line_of_a_job(text: bytes) -> None:
    assert read_line(text) is None


@given(st.lists(st.binary(max_size=60), max_size=20))
def test_no_output_is_more_than_refused(texts: list[bytes]) -> None:
    survey = Survey()
    for text in texts:
        survey.add(text, 1.0)
    assert isinstance(survey.find(1, None, None), Found | Told)


# --- the journal ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("limit", [1 << 20, 3000, 700])
def test_a_long_journal_is_read_in_parts_and_nothing_twice(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whyred.sources._journal._LIMIT", limit)
    printed = [(1_767_323_045_000_000 + n * 700_000, f"line {n}".encode()) for n in range(300)]
    there = Journal(printed, limit=limit)
    first, last = printed[0][0] / 1e6, printed[-1][0] / 1e6
    found = list(entries(there, UNIT, first - 300, last + 300))  # type: ignore[arg-type]
    assert [(e.time, e.text) for e in found] == printed


def test_a_burst_within_a_second_is_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whyred.sources._journal._LIMIT", 500)
    printed = [(1_767_323_045_000_000 + n, f"\x1b[31mline {n}".encode()) for n in range(100)]
    found = list(entries(Journal(printed, limit=500), UNIT, 1_767_323_000, 1_767_323_100))  # type: ignore[arg-type]
    assert [e.text for e in found] == [text for _, text in printed]


def test_a_line_that_no_host_keeps_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("whyred.sources._journal._LIMIT", 500)
    printed = [(1_767_323_045_000_000, b"x" * 1000)]
    there = Journal(printed, limit=500)
    assert refusal(lambda: list(entries(there, UNIT, 1_767_323_000, 1_767_323_100))).reason is Missing.TOO_LARGE  # type: ignore[arg-type]


def test_lines_that_journald_dropped_are_told_where_they_are_missing() -> None:
    printed = recorded("forgejo-16-debug")
    place = next(n for n, (_, text) in enumerate(printed) if text.endswith(b"done preparing"))
    for unit in ("other.service", UNIT):
        printed.insert(place, (printed[place][0], f"Suppressed 17 messages from {unit}".encode()))
    fetched = runner_journal.log(reach(Journal(printed)), attempt(9, printed), Want())
    assert dict(split(fetched))["Prepare"] == [
        "⭐ Run Main Prepare",
        "preparing",
        "whyred: journald dropped 17 lines of the runner before this one (RateLimitBurst)",
        "done preparing",
        "  ✅  Success - Main Prepare",
    ]


HIDDEN = b"Hint: You are currently not seeing messages from other users and the system.\n"


@pytest.mark.parametrize(
    ("said", "code", "reason", "words"),
    [
        (HIDDEN, 0, Missing.NO_PERMISSION, "systemd-journal"),
        (
            b"No journal files were opened due to insufficient permissions.\n",
            1,
            Missing.NO_PERMISSION,
            "systemd-journal",
        ),
        (b"Failed to parse timestamp: x\n", 1, Missing.SERVER_ERROR, "Failed to parse timestamp"),
        (b"No journal files were found.\n", 1, Missing.NOT_FOUND, "machine of the runner"),
        (b"", 0, Missing.NOT_FOUND, "machine of the runner"),
    ],
)
def test_why_nothing_comes(said: bytes, code: int, reason: Missing, words: str) -> None:
    there = Journal([], said=said, code=code)
    error = refusal(lambda: runner_journal.log(reach(there), attempt(9, recorded("forgejo-16-debug")), Want()))
    assert error.reason is reason
    assert words in error.help


def test_a_host_without_a_journal() -> None:
    there = Journal([])

    def run(*_: object) -> Output:
        raise HostRefusedError(Reason.TOOL_MISSING, "journalctl: this program is not on the host")

    there.run = run  # type: ignore[assignment]
    error = refusal(lambda: runner_journal.log(reach(there), attempt(9, recorded("forgejo-16-debug")), Want()))
    assert "whyred tap" in error.help


def test_a_runner_that_is_no_service_has_no_journal() -> None:
    there = Journal([])
    assert there.daemon is not None
    there.daemon = replace(there.daemon, unit=None)
    error = refusal(lambda: runner_journal.log(reach(there), attempt(9, recorded("forgejo-16-debug")), Want()))
    assert "no service of systemd" in error.help
    assert there.asked == []


def test_a_runner_that_does_not_run_now_is_looked_for_under_its_usual_names() -> None:
    printed = recorded("forgejo-16-debug")
    there = Journal(printed, unit="act_runner.service")
    there.daemon = None
    assert runner_journal.log(reach(there), attempt(9, printed), Want()).route == "runner-journal: act_runner.service"


# --- the files of Gitea's runner --------------------------------------------------------------------------------------

FILE = b"2026-01-02T03:04:05.123Z runner-1 received task\n2026-01-02T03:04:06.000Z [runner] job succeeded\n"


def test_a_file_of_a_named_folder() -> None:
    there = Journal([])
    there.files = {f"/logs/2026010{n}-030405-task-{task}.log": FILE for n, task in ((1, 9), (2, 9), (3, 99), (4, 19))}
    fetched = runner_journal.log(reach(there, "/logs"), attempt(9, recorded("forgejo-16-debug")), Want())
    assert (fetched.route, b"".join(c for c in fetched.chunks if isinstance(c, bytes))) == (
        "runner-journal: /logs/20260102-030405-task-9.log",
        FILE,
    )
    assert there.asked == []


@pytest.mark.parametrize(
    ("told_", "path"),
    [("/srv/logs/a-task-9.log", "/srv/logs/a-task-9.log"), ("logs/x.log", "/var/lib/runner/logs/x.log")],
)
def test_a_file_that_the_journal_names(told_: str, path: str) -> None:
    printed = printed_by([("daemon", f"writing the log of task 9 to {told_}"), ("task", "9")])
    there = Journal(printed)
    there.files = {path: FILE}
    fetched = runner_journal.log(reach(there), attempt(9, printed), Want())
    assert fetched.route == f"runner-journal: {path}"
    there.files = {}
    assert refusal(lambda: runner_journal.log(reach(there), attempt(9, printed), Want())).reason is Missing.DELETED


def test_a_folder_that_is_not_there_is_a_reason() -> None:
    error = refusal(
        lambda: runner_journal.log(reach(Journal([]), "/none"), attempt(9, recorded("forgejo-16-debug")), Want())
    )
    assert "/none" in error.help


# --- what is refused before anything is asked -------------------------------------------------------------------------


def test_what_must_be_known() -> None:
    printed = recorded("forgejo-16-debug")
    there = Journal(printed)
    whole = attempt(9, printed)
    for other, want, reason in (
        (replace(whole, id=None), Want(), Missing.WRONG_ID_KIND),
        (replace(whole, started=None), Want(), Missing.WRONG_ID_KIND),
        (replace(whole, status=Status.RUNNING), Want(follow=True), Missing.STILL_RUNNING),
    ):
        error = refusal(lambda other=other, want=want: runner_journal.log(reach(there), other, want))  # type: ignore[misc]
        assert error.reason is reason
    assert there.asked == []
    assert runner_journal.refuses(reach(there)) is None
    error = refusal(lambda: runner_journal.log(reach(None), whole, Want()))
    assert "--runner-host" in error.help
