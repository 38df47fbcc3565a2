"""The runs that tests ask for, made in a repository of a `World`; `everyday` is a world with all the common ones.

Texts are those of the recorded scenarios (a forgejo-runner 12 in host mode).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from standin.world import Attempt, Job, Repo, Run, Status, World

FOUNDING = 'error: couldn\'t create a temp dir: No such file or directory (os error 2) at path "/tmp/rustcVAIpSt"'
EXIT_101 = "⚙️ [runner]: RUN exit status 101"
SECRET = "Xk7-planted-secret-9q"
"""Never in any row: a runner masks it. Tests may look for it."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one step did: its conclusion and its rows."""

    status: Status
    rows: Sequence[str | bytes] = ()


OK, FAILED, SKIPPED = Status.SUCCESS, Status.FAILURE, Status.SKIPPED


def play(job: Job, parts: Sequence[Part], matrix: str = "") -> Attempt:
    """A runner picks the job up, does the parts and reports the end."""
    attempt = job.pick()
    for text in opening(attempt, matrix):
        attempt.row(text)
    for index, part in enumerate(parts):
        for row in part.rows:
            attempt.row(row, index)
        attempt.end_step(index, part.status)
    return close(attempt, FAILED if any(p.status is FAILED for p in parts) else OK)


def opening(attempt: Attempt, matrix: str = "") -> list[str]:
    """The rows of "Set up job"."""
    job = attempt.job
    first = job.steps[0].split("\n")[0].replace("${{ matrix.n }}", matrix.removeprefix("n:"))
    received = f"received task {attempt.id} of job {job.name.split(' (')[0]}, be triggered by event: {job.run.event}"
    lines = [f"{attempt.runner}(version:{job.run.repo.world.runner_version}) {received}", "workflow prepared"]
    return [*lines, *([f"🧪  Matrix: map[{matrix}]"] if matrix else []), f"⭐ Run Main {first}"]


def close(attempt: Attempt, status: Status) -> Attempt:
    """The rows of "Complete job", then the end."""
    attempt.row("🏁  Job failed" if status is FAILED else "🏁  Job succeeded")
    if status is FAILED:
        attempt.row(f"Job '{attempt.job.name}' failed")
    attempt.end(status)
    attempt.job.run.record(attempt.job, status.value, "Failing after 0s" if status is FAILED else "Successful in 0s")
    return attempt


GREEN_STEPS = (
    "Say hello",
    "Show secret and env",
    "echo unnamed step line 1\necho unnamed step line 2 to stderr >&2\n",  # a step without a name has its script as one
    "Silent",
)


def green(repo: Repo, sha: str = "") -> Run:
    """One job, four steps, success: one step without a name, one without output."""
    run = repo.push("scenario green", "green.yml", "s-green", sha)
    told = f"run={run.id} number={run.index} attempt=1 job=build tmp= rt=/srv/forgejo/runner-info/work/0/tmp"
    parts = [
        Part(OK, ["hello from step one"]),
        Part(OK, ["secret is [***]", told]),
        Part(OK, ["unnamed step line 1", "unnamed step line 2 to stderr"]),
        Part(OK),
    ]
    play(run.job("build", *GREEN_STEPS), parts)
    return run


FAILING_STEPS = ("Prepare", "Cargo build", "Never runs", "Always runs")
FAILING_PARTS = (
    Part(OK, ["preparing", "done preparing"]),
    Part(
        FAILED,
        [
            "   Compiling demo v0.1.0 (/data/demo)",
            FOUNDING,
            "",
            'error: could not compile `demo` (bin "demo") due to 1 previous error',
            EXIT_101,
        ],
    ),
    Part(SKIPPED),
    Part(OK, ["cleanup"]),
)


FAILING_FILE = """\
name: fail
on: push
jobs:
  test:
    runs-on: host
    steps:
      - name: Prepare
        run: |
          echo preparing
          echo done preparing
      - name: Cargo build
        run: cargo build --locked
      - name: Never runs
        run: echo never
      - name: Always runs
        if: always()
        run: echo cleanup
"""


def failing(repo: Repo, sha: str = "") -> Run:
    """One job whose second step ends with the founding message and exit status 101."""
    repo.files[".forgejo/workflows/fail.yml"] = repo.files[".gitea/workflows/fail.yml"] = FAILING_FILE
    run = repo.push("scenario fail", "fail.yml", "s-fail", sha)
    play(run.job("test", *FAILING_STEPS), FAILING_PARTS)
    return run


UGLY_PARTS = (
    Part(
        OK,
        [
            "\x1b[31mred\x1b[0m \x1b[1;32mbold green\x1b[0m",
            "progress 10%\rprogress 50%\rprogress 100%",
            "spinner\r\x1b[K1\r\x1b[K2\r\x1b[K3",
        ],
    ),
    Part(
        OK,
        [
            "##[group]My group",
            "inside group",
            "##[endgroup]",
            "now *** should be stars",
            "::error file=src/a.rs,line=3,col=5::an error command",
            "::warning::a warning command",
            "::notice::a notice command",
            "##[error]literal github style",
        ],
    ),
    Part(
        OK,
        [
            "latin1 ? and broken ? and nul \0 end",
            "utf8 é ✅",
            "tab\there",
            "",
            "   leading spaces and trailing   ",
        ],
    ),
    Part(OK, ["A" * 300_000, "é" * 40_000]),
    Part(OK, []),
)


def ugly(repo: Repo, sha: str = "") -> Run:
    """Colours, carriage returns, groups, masks, NUL, what a runner makes of broken UTF-8, a line of 300 KB.

    The forge cuts the long line at 65,536 bytes; a last line without newline is dropped by the runner.
    """
    run = repo.push("scenario ugly", "ugly.yml", "s-ugly", sha)
    steps = ("ANSI and CR", "Commands", "Bytes", "Long line", "No newline at the end")
    play(run.job("ugly", *steps), UGLY_PARTS)
    return run


def waiting(repo: Repo, sha: str = "") -> Run:
    """A job for a label that nobody offers."""
    run = repo.push("scenario nolabel", "nolabel.yml", "s-nolabel", sha)
    run.job("lonely", "Never", labels=("nobody-offers-this",))
    return run


def matrix(repo: Repo, sha: str = "") -> Run:
    """Two jobs of a matrix, the second fails; one that needs them is skipped, one runs always."""
    run = repo.push("scenario matrix", "matrix.yml", "s-matrix", sha)
    first, second = (run.job(f"unit ({n})", "Case ${{ matrix.n }}") for n in (1, 2))
    after = run.job("after", "echo unreachable", needs=("unit",))
    always = run.job("always", "echo always after", needs=("unit",))
    play(first, [Part(OK, ["case 1"])], "n:1")
    play(second, [Part(FAILED, ["case 2", "⚙️ [runner]: RUN exit status 1"])], "n:2")
    after.status = SKIPPED
    run.record(after, "skipped", "Has been skipped")
    run.record(always, "pending", "Waiting to run")
    attempt = always.pick()
    for text in (*opening(attempt)[:2], "'runs-on' key not defined in matrix/unit", opening(attempt)[2]):
        attempt.row(text)
    attempt.row("always after", 0)
    attempt.end_step(0)
    attempt.row("🏁  Job succeeded")
    attempt.row("Job 'unit' failed")
    attempt.end(OK)
    run.record(always, "success", "Successful in 0s")
    return run


def skipped(repo: Repo, sha: str = "", *, by_runner: bool = False) -> Run:
    """A job with `if: false` and one that runs. Before Forgejo 16 a runner picked the first one up and skipped it."""
    run = repo.push("scenario skip", "skip.yml", "s-skip", sha)
    never = run.job("never", "echo x")
    if not by_runner:
        run.statuses.clear()
    if by_runner:
        attempt = never.pick()
        for text in (*opening(attempt)[:2], "Skipping job 'never' due to 'false'"):
            attempt.row(text)
        attempt.end(SKIPPED)
    never.status = SKIPPED
    run.record(never, "skipped", "Has been skipped")
    play(run.job("yes", "echo yes"), [Part(OK, ["yes"])])
    return run


def running(repo: Repo, sha: str = "") -> Run:
    """Picked up a moment ago, no row yet: the test sends rows with `run.jobs[0].attempts[0].row(...)`."""
    run = repo.push("scenario long", "long.yml", "s-long", sha)
    run.job("slow", "Quick", "Ticking", "After").pick()
    return run


def cancelled(repo: Repo, sha: str = "") -> Run:
    """Cancelled by a person in its first step: "Set up job" carries the whole log, the last rows came after the end."""
    run = repo.push("scenario cancel", "cancel.yml", "s-cancel", sha)
    attempt = run.job("victim", "Sleep long", "Later").pick()
    for text in opening(attempt):
        attempt.row(text)
    attempt.row("about to sleep", 0)
    repo.world.wait(9)
    attempt.end(Status.CANCELLED)
    run.record(attempt.job, "failure", "Has been cancelled")
    repo.world.wait(1)
    late_rows(attempt)
    return run


LATE_ROWS = (
    "⚙️ [runner]: this step has been cancelled: ctx: context canceled, exec: RUN signal: killed",
    "🏁  Job failed",
    "context canceled",
)


def late_rows(attempt: Attempt) -> None:
    """What the runner of a cancelled attempt still sends, up to a second after the forge called it done."""
    for text in LATE_ROWS:
        attempt.row(text)


def rerun(repo: Repo, sha: str = "") -> Run:
    """A failing run, run again: attempt 2 fails in the same way."""
    run = failing(repo, sha)
    repo.world.wait(60)
    run.jobs[0].again()
    play(run.jobs[0], FAILING_PARTS)
    return run


def lost(repo: Repo) -> Run:
    """A green run whose log file is gone from the server's disk."""
    run = green(repo)
    run.jobs[0].attempts[-1].missing = "lost"
    return run


def expired(repo: Repo) -> Run:
    """A green run whose log was removed because it was too old."""
    run = green(repo)
    run.jobs[0].attempts[-1].missing = "expired"
    return run


def invalid(repo: Repo, sha: str = "") -> Run:
    """A workflow that cannot be run: the job fails before any step."""
    run = repo.push("scenario invalid", "invalid.yml", "s-invalid", sha)
    attempt = run.job("broken", "").pick()
    for text in (*opening(attempt)[:2], "Invalid run/uses syntax for job:broken step:0"):
        attempt.row(text)
    attempt.end(FAILED)
    run.record(attempt.job, "failure", "Failing after 0s")
    return run


def artifact(repo: Repo, sha: str = "") -> Run:
    """A run with one artifact."""
    run = repo.push("scenario arti", "arti.yml", "s-arti", sha)
    play(run.job("art", "Upload"), [Part(OK, ["uploaded"])])
    run.artifacts["mylogs"] = b"some artifact text\n"
    return run


def everyday(
    *,
    owner_password: str = "alice-password-1",
    skipped_by_runner: bool = False,
    commits: Mapping[str, str] | None = None,
) -> World:
    """`alice/priv` and `alice/pub` with the runs of the recordings, in their order, and five people.

    Runs of each: 1 green, 2 failing, 3 ugly, 4 waiting, 5 matrix, 6 skipped, 7 invalid, the last one with an artifact.
    `pub` has nine, so run ids of `priv` start at 10: an id is never a number here. The scenarios above add more.
    `alice` owns both and is admin, `rita` may read `priv`, `nora` may not, `otto` has one-time codes and may read,
    `wanda` has a security key. `commits` maps a scenario's word (`fail`, `matrix`...) to the commit of `priv`'s run.
    """
    world = World()
    alice = world.user("alice", owner_password, admin=True)
    for name in ("rita", "nora", "otto", "wanda"):
        world.user(name, f"{name}-password-1")
    world.users["otto"].login = "totp"
    world.users["wanda"].login = "webauthn"
    for name in ("pub", "priv"):
        repo = world.repo(alice, name, private=name == "priv", readers=("rita", "otto", "wanda"))
        known = dict(commits or {}) if name == "priv" else {}
        green(repo, known.get("green", ""))
        failing(repo, known.get("fail", ""))
        ugly(repo, known.get("ugly", ""))
        waiting(repo, known.get("nolabel", ""))
        matrix(repo, known.get("matrix", ""))
        skipped(repo, known.get("skip", ""), by_runner=skipped_by_runner)
        invalid(repo)
        if name == "pub":
            green(repo)
        artifact(repo)
    return world
