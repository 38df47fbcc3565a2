"""What was kept where the runner is: by a tap, in the runner's own journal, and in its own files."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from standin import standin

from refusals.cell import Cell, Make, Place
from refusals.network import dead_port
from refusals.ways import everyday
from whyred.model.source import Missing
from whyred.sources._runner_calls import StepTold, TaskTold
from whyred.sources._tap_files import What, folder_of
from whyred.sources._tap_keep import TaskFiles

M = Missing
TAP, JOURNAL = "tap", "runner-journal"
_FAILURE = 2
_ROW = b"2026-01-02T03:04:05.0000000Z a line of the job\n"


def _asking(route: str, *options: str, web: bool = False, handed: bool = False) -> Make:
    """A forge that runs and tells what ran, to a web login or to a token (`handed`: one in the environment, for users
    who can keep none). `{...}` in options are places.
    """

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        world = everyday()
        with standin("forgejo-11", world) as forge:
            if web:
                place.web(forge.url, "alice", world.users["alice"].password)
            elif handed:
                token = place.secret(world.users["alice"].token("read:repository"))
                place.env |= {"WHYRED_SERVER": forge.url, "WHYRED_TOKEN": token}
            else:
                place.token(forge.url, world.users["alice"].token("read:repository"))
            named = [o.format(folder=place.folder, dead=dead_port()) for o in options]
            yield ["logs", "alice/priv#2", "--server", forge.url, "--route", route, *named]

    return make


def _tapped(*rows: bytes, over: bool = True, run: int = 2, options: Sequence[str] = (), close: bool = False) -> Make:
    """What a tap kept of one task, the failing job of run 2; the forge is down. `over`: the runner told its end."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        url = f"http://127.0.0.1:{dead_port()}"
        folder = folder_of(place.home / "data/whyred/tap", url)
        folder.mkdir(parents=True)
        kept = TaskFiles(folder, 7)
        kept.what(What(7, "alice/priv", 11, 2, 1, "test", ("Build",), url, "runner-1"))
        if rows:
            kept.rows(0, list(rows))
        if over:
            steps = (StepTold(0, _FAILURE, 10.0, 11.0, 0, len(rows)),)
            kept.state(TaskTold(7, _FAILURE, 10.0, 12.0, steps))
            kept.end()
        if close:
            (folder / "7.jsonl").chmod(0)
        yield ["logs", f"alice/priv#{run}", "--server", url, "--route", TAP, *options]

    return make


def _damaged(place: Place) -> Path:
    """A folder in the place of the file."""
    (record,) = (place.home / "data/whyred/tap").rglob("7.jsonl")
    record.unlink()
    record.mkdir()
    return record


@contextmanager
def _tap_damaged(place: Place) -> Iterator[Sequence[str]]:
    with _tapped(_ROW)(place) as argv:
        _damaged(place)
        yield argv


def _taps() -> Iterator[Cell]:
    def cell(reason: Missing, case: str, make: Make, asked: str, help_: str, **how: bool) -> Cell:
        return Cell(reason, TAP, case, make, asked, help_, **how)

    yield cell(M.NOT_FOUND, "no tap ran on this machine", _asking(TAP), "^look for what a tap kept of http",
               "whyred tap --upstream URL")  # fmt: skip
    yield cell(M.NOT_FOUND, "a job that no tap saw", _tapped(_ROW, run=9),
               "^look for (jobs|runs) of alice/priv(#9)? that a tap saw$", "from when it was started")  # fmt: skip
    yield cell(M.NOT_STARTED, "the runner never sent a line", _tapped(), "^read what a tap kept of alice/priv#2$",
               "look into the runner's own log")  # fmt: skip
    yield cell(M.STILL_RUNNING, "the job runs and has no line", _tapped(over=False),
               "^read what a tap kept of alice/priv#2$", "sent no line yet")  # fmt: skip
    yield cell(M.CORRUPT, "what it kept is damaged", _tap_damaged, "that a tap saw$", "Is a directory")
    yield cell(M.NO_PERMISSION, "the tap ran as another user", _tapped(_ROW, close=True), "that a tap saw$",
               "only the user whom the tap ran as", other=True)  # fmt: skip
    yield cell(M.TOO_LARGE, "a log beyond --max-bytes", _tapped(_ROW, options=("--max-bytes", "10")),
               "^read /.*/7.log$", r"has \d+ bytes, and --max-bytes allows 10")  # fmt: skip


def _journal(script: str | None) -> Make:
    """A machine whose `journalctl` says this (a piece of shell); None: it has none."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        bin_ = place.folder / "bin"
        bin_.mkdir()
        if script is not None:
            (bin_ / "journalctl").write_text(f"#!/bin/sh\n{script}\n")
            (bin_ / "journalctl").chmod(0o755)
        place.env = {"PATH": str(bin_) if script is None else f"{bin_}:/usr/bin:/bin"}
        with _asking(JOURNAL, "--runner-host", "local")(place) as argv:
            yield argv

    return make


def _own_file(spoil: Callable[[Path], object], *options: str) -> Make:
    """The file in which a runner kept the log of the job, spoilt."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        logs = place.folder / "logs"
        logs.mkdir()
        for task in range(1, 30):  # whichever number the job's task has
            (logs / f"20260102-030405-task-{task}.log").write_bytes(_ROW)
        spoil(logs)
        named = ("--runner-host", "local", "--runner-logs", "{folder}/logs", *options)
        with _asking(JOURNAL, *named, handed=True)(place) as argv:
            yield argv

    return make


def _emptied(logs: Path) -> None:
    for file in logs.iterdir():
        file.write_bytes(b"")


def _journals() -> Iterator[Cell]:
    def cell(reason: Missing, case: str, make: Make, asked: str, help_: str, **how: bool) -> Cell:
        return Cell(reason, JOURNAL, case, make, asked, help_, **how)

    of_a_unit = r"^read the journal of [a-z-]+\.service$"
    yield cell(M.UNREACHABLE, "nobody named the runner's machine", _asking(JOURNAL),
               "^look on the machine of the runner$",
               "add --runner-host local, from elsewhere --runner-host ssh://")  # fmt: skip
    yield cell(M.UNREACHABLE, "the machine does not answer over ssh",
               _asking(JOURNAL, "--runner-host", "ssh://git@127.0.0.1:{dead}"), "^look on the machine ssh://",
               "is the ssh server running")  # fmt: skip
    yield cell(M.WRONG_ID_KIND, "the number of the attempt is not known",
               _asking(JOURNAL, "--runner-host", "local", web=True),
               "^look for alice/priv#2 in what its runner printed$",
               "only an API, a database or a tap tells")  # fmt: skip
    yield cell(M.NOT_FOUND, "no runner there took the job", _journal("exit 0"), "in what its runner printed$",
               "is this the machine of the runner that ran it")  # fmt: skip
    yield cell(M.NOT_FOUND, "the machine keeps no journal", _journal(None), of_a_unit, "keeps no systemd journal: name")
    yield cell(M.NO_PERMISSION, "the journal is closed to this user",
               _journal("echo 'No journal files were opened due to insufficient permissions.' >&2; exit 1"), of_a_unit,
               "systemd-journal, or ask as root")  # fmt: skip
    yield cell(M.SERVER_ERROR, "the journal cannot be read", _journal("echo 'Bad message' >&2; exit 1"), of_a_unit,
               "journalctl failed there: Bad message")  # fmt: skip
    yield cell(M.NOT_FOUND, "a wrong --runner-logs",
               _asking(JOURNAL, "--runner-host", "local", "--runner-logs", "{folder}/none"), "^look into /",
               "is this the right machine and folder")  # fmt: skip
    yield cell(M.DELETED, "the runner's own file is empty", _own_file(_emptied),
               "^read the log of alice/priv#2 .runner-journal.$", "run the job again")  # fmt: skip
    yield cell(M.NO_PERMISSION, "the runner's own files are another user's", _own_file(lambda logs: logs.chmod(0)),
               "^look into /", "Permission denied", other=True)  # fmt: skip
    yield cell(M.TOO_LARGE, "a log beyond --max-bytes", _own_file(lambda _: None, "--max-bytes", "10"),
               "^read the log of alice/priv#2 .runner-journal.$", "more than the 10 of --max-bytes")  # fmt: skip


CELLS = (*_taps(), *_journals())
