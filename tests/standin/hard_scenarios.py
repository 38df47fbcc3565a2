"""Runs that are hard to read: huge, hostile, with names that cannot be file names."""

from standin.scenarios import EXIT_101, FAILED, FAILING_PARTS, FOUNDING, OK, SKIPPED, Part, close, opening, play
from standin.world import Repo, Run


def huge(repo: Repo, size: int = 200_000_000) -> Run:
    """About `size` bytes of rows in the first step, then the failing step; the rows are made when they are read."""
    run = repo.push("scenario huge", "huge.yml", "s-huge")
    attempt = run.job("test", "Noise", "Cargo build", "Never runs").pick()
    for text in opening(attempt):
        attempt.row(text)
    attempt.row("the noise begins", 0)
    attempt.steps[0].length += attempt.log.noise(repo.world.tick(), size)
    repo.world.wait(size / 500_000)
    attempt.end_step(0)
    for row in FAILING_PARTS[1].rows:
        attempt.row(row, 1)
    attempt.end_step(1, FAILED)
    attempt.end_step(2, SKIPPED)
    close(attempt, FAILED)
    return run


HOSTILE_NAMES = ("\x1b]0;owned\x07\x1b[2Jclear", "two\nlines\r", "../../etc/passwd", "<script>alert(1)</script>\u202e")


def hostile(repo: Repo) -> Run:
    """Control sequences, newlines, paths and markup in job and step names."""
    run = repo.push("scenario \x1b[31mhostile\x1b[0m", "hostile.yml", "s-hostile")
    parts = [Part(OK, ["\x1b]52;c;b3duZWQ=\x07clipboard"]), Part(OK), Part(OK), Part(FAILED, [FOUNDING, EXIT_101])]
    play(run.job("../\x1b[5mjob\x07", *HOSTILE_NAMES), parts)
    return run


ODD_JOBS = ("build / linux: x64 <debug>", "test (3.11, " + "very long option name, " * 6 + "end)", "ünï ✅")


def odd_names(repo: Repo) -> Run:
    """Jobs whose names cannot be file names: slashes, colons, too long, beyond ASCII; each with one such step."""
    run = repo.push("scenario odd", "odd.yml", "s-odd")
    for number, name in enumerate(ODD_JOBS):
        play(
            run.job(name, f"step: a/b {number} " + "x" * 100),
            [Part(FAILED if number == 1 else OK, [f"output {number}"])],
        )
    return run
