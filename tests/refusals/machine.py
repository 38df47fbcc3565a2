"""The forge's own machine: its database and its log files, damaged, closed, gone, or looked for in the wrong place.

The forge itself is down in all of them.
"""

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import forge_data as fd
from standin import standin

from refusals.cell import Cell, Make, Place
from refusals.network import dead_port
from refusals.ways import everyday
from whyred.model.source import Missing

M = Missing
BASE, DISK = "forge-database", "forge-disk"


def _argv(place: Place, route: str, run: int, *more: str) -> list[str]:
    return [
        "logs", f"alice/priv#{run}", "--server", f"http://127.0.0.1:{dead_port()}", "--route", route,
        *(more or ("--forge-host", "local", "--forge-folder", str(place.folder / "data"))),
    ]  # fmt: skip


def _data(
    route: str,
    run: int,
    spoil: Callable[[Path, fd.Data], object] = lambda _folder, _data: None,
    *more: str,
    change: Callable[[fd.Data], object] = lambda _: None,
    options: tuple[str, ...] = (),
    version: str = "16",
) -> Make:
    """A data folder as recorded, spoilt. `change` is made to its rows, `spoil` to its files."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        data, folder = fd.recorded(version), place.folder / "data"
        place.secret(fd.CANARY)
        change(data)
        folder.mkdir()
        fd.write_files(data, folder)
        fd.write_sqlite(data, folder / "gitea.db")
        spoil(folder, data)
        told = [m.format(folder=place.folder) for m in more]
        yield [*_argv(place, route, run, *told), *options]

    return make


def _log(folder: Path, data: fd.Data, scenario: str = "green") -> Path:
    return folder / "actions_log" / str(data.task(scenario)["log_filename"])


def _cut(folder: Path, data: fd.Data) -> None:
    file = _log(folder, data)
    file.write_bytes(file.read_bytes()[:-60])


def _row(scenario: str, **changes: object) -> Callable[[fd.Data], None]:
    return lambda data: data.task(scenario).update(changes)


def _without_rows(data: fd.Data) -> None:
    for table in ("dbfs_meta", "dbfs_data"):
        data.rows[table] = []
    data.task("running").update(log_length=0, log_size=0, log_indexes=b"")


def _no_database(folder: Path, _: fd.Data) -> None:
    (folder / "gitea.db").write_text("no database\n" * 500)


def _damaged(folder: Path, _: fd.Data) -> None:
    file = folder / "gitea.db"
    whole = bytearray(file.read_bytes())
    whole[4096:] = bytes(len(whole) - 4096)
    file.write_bytes(whole)


def _closed(*names: str) -> Callable[[Path, fd.Data], None]:
    def spoil(folder: Path, data: fd.Data) -> None:
        for name in names:
            (_log(folder, data) if name == "log" else folder / name).chmod(0)

    return spoil


_GREEN, _FAILED, _RUNNING, _WAITING = 1, 2, 9, 40
_TASK = r"^read (the log of task \d+|[^ ]*\.log\.zst)$"


def _base() -> Iterator[Cell]:
    """The database."""

    def cell(reason: Missing, case: str, make: Make, asked: str, help_: str, **how: bool) -> Cell:
        return Cell(reason, BASE, case, make, asked, help_, **how)

    yield cell(M.UNREACHABLE, "nobody named the forge's machine", _unnamed(BASE), "^look on the machine of http",
               "add --forge-host local, from elsewhere --forge-host ssh://")  # fmt: skip
    yield cell(M.UNREACHABLE, "the machine does not answer over ssh", _far(BASE), "^look on the machine ssh://",
               "is the ssh server running|takes none of your keys|install OpenSSH")  # fmt: skip
    yield cell(M.NOT_FOUND, "a wrong --forge-folder", _data(BASE, 1, _nothing, "--forge-host", "local",
               "--forge-folder", "{folder}/other"), "^look into /", "is this the right machine and folder")  # fmt: skip
    yield cell(M.NOT_FOUND, "a --forge-folder that is none", _data(BASE, 1, _empty, "--forge-host", "local",
               "--forge-folder", "{folder}/other"), "^look into /", "neither actions_log nor gitea.db")  # fmt: skip
    yield cell(M.NOT_FOUND, "no such run", _data(BASE, 77), "^look for alice/priv#77 on ", "no run of this number")
    yield cell(M.NOT_FOUND, "no such repository", _repo("alice/none#1"), "^look for alice/none$", "no such repository")
    yield cell(M.NOT_FOUND, "no database there", _data(BASE, 1, _gone), "^look for the forge's database in /",
               "--database .sqlite:///PATH")  # fmt: skip
    yield cell(M.CORRUPT, "its file is no database", _data(BASE, 1, _no_database), "^read .*gitea.db", "no SQLite")
    yield cell(M.CORRUPT, "its file is damaged", _data(BASE, 1, _damaged), "^read .*gitea.db", "is damaged")
    yield cell(M.NO_PERMISSION, "its file is another user's", _data(BASE, 1, _closed("gitea.db")),
               "^read .*gitea.db", "as the forge's user", other=True)  # fmt: skip
    yield cell(M.NO_PERMISSION, "its address stands in app.ini, which may not be read", _data(BASE, 1, _ini),
               "^look for the forge's database in /", "only when you say so: let whyred read it")  # fmt: skip
    yield cell(M.NO_PERMISSION, "it was left behind by a move to another database", _data(BASE, 1, _later),
               "^read .*gitea.db", "the log of a job that it does not know of.*--database")  # fmt: skip
    yield cell(M.UNREACHABLE, "a database server that does not run", _sql("postgresql://forge@127.0.0.1:{port}/forge"),
               "^read the database postgresql://", "does it run.*tunnel")  # fmt: skip
    yield cell(M.UNREACHABLE, "a MySQL server that does not run", _sql("mysql://forge@127.0.0.1:{port}/forge"),
               "^read the database mysql://", "does it run.*tunnel")  # fmt: skip
    yield cell(M.NO_PERMISSION, "a database server that refuses the password", _postgres("28P01"),
               "^read the database postgresql://", "check user and password")  # fmt: skip
    yield cell(M.TLS_FAILED, "a database server without TLS, where it is wanted", _postgres("", "?sslmode=require"),
               "^read the database postgresql://", "check .sslmode")  # fmt: skip
    yield cell(M.NOT_FOUND, "a server without this database", _postgres("3D000"),
               "^read the database postgresql://", "no such database")  # fmt: skip
    yield cell(M.ROUTE_NOT_ON_THIS_VERSION, "a database without Actions", _data(BASE, 1, _no_tables),
               "^read .*gitea.db", "Forgejo 7.* or Gitea 1.21")  # fmt: skip
    yield cell(M.NOT_STARTED, "the job waits for a runner", _data(BASE, _WAITING), "^read the log of alice/[Pp]riv#40$",
               "waits for a runner with the label gpu, big, so there is no log: whyred status")  # fmt: skip
    yield cell(M.STILL_RUNNING, "the job runs and has no line", _data(BASE, _RUNNING, change=_without_rows), _TASK,
               "sent no line yet")  # fmt: skip
    yield cell(M.EXPIRED, "the log's time is over", _data(BASE, _GREEN, change=_row("green", log_expired=1)), _TASK,
               "retention time .*LOG_RETENTION_DAYS.*run the job again")  # fmt: skip
    yield cell(M.DELETED, "the log's file is gone", _data(BASE, _GREEN, _unlink), _TASK, "gone.*restore|run the job")
    yield cell(M.CORRUPT, "the log's file is cut off", _data(BASE, _GREEN, _cut), _TASK, "cut off|ends early")
    yield cell(M.CORRUPT, "the log's file is damaged", _data(BASE, _GREEN, _scramble), _TASK, "damaged")
    yield cell(M.NO_PERMISSION, "the log's file is another user's", _data(BASE, _GREEN, _closed("log")), _TASK,
               "as the forge's user", other=True)  # fmt: skip
    yield cell(M.TOO_LARGE, "a log beyond --max-bytes", _data(BASE, _GREEN, options=("--max-bytes", "100")),
               "^read the log of alice/[Pp]riv#1 .forge-database.$", "more than the 100 of --max-bytes")  # fmt: skip
    yield cell(M.NOT_FOUND, "an attempt that there never was", _data(BASE, _GREEN, options=("--attempt", "9")),
               "^look for attempt 9 of alice/[Pp]riv#1$", "1 so far")  # fmt: skip


def _disk() -> Iterator[Cell]:
    """The log files alone; what ran is told by the API of a forge that runs, or by the database."""

    def cell(reason: Missing, case: str, make: Make, asked: str, help_: str, **how: bool) -> Cell:
        return Cell(reason, DISK, case, make, asked, help_, **how)

    yield cell(M.UNREACHABLE, "nobody named the forge's machine", _unnamed(DISK), "^look on the machine of http",
               "add --forge-host local, from elsewhere --forge-host ssh://")  # fmt: skip
    yield cell(M.UNREACHABLE, "the machine does not answer over ssh", _far(DISK), "^look on the machine ssh://",
               "is the ssh server running|takes none of your keys|install OpenSSH")  # fmt: skip
    yield cell(M.NOT_FOUND, "a wrong --forge-folder", _api(_nothing, "{folder}/other"), "^look into /",
               "is this the right machine and folder")  # fmt: skip
    yield cell(M.NOT_STARTED, "the job waits for a runner", _data(DISK, _WAITING),
               "^look for the log file of alice/[Pp]riv#40$", "so there is no log")  # fmt: skip
    yield cell(M.STILL_RUNNING, "the job runs, and its rows are in no file", _data(DISK, _RUNNING),
               "^look for the log file of alice/[Pp]riv#9$", "name forge-database")  # fmt: skip
    yield cell(M.WRONG_ID_KIND, "the number of the attempt is not known", _api(_nothing, "{folder}/data", web=True),
               "^look for the log file of alice/priv#2$", "which no API told, .* database cannot")  # fmt: skip
    yield cell(M.EXPIRED, "the log's time is over", _data(DISK, _GREEN, _unlink, change=_row("green", log_expired=1)),
               r"^look for the log of task \d+ ", "retention time .*LOG_RETENTION_DAYS.*run the job again")  # fmt: skip
    yield cell(M.DELETED, "the log's file is gone", _data(DISK, _GREEN, _unlink), r"^look for the log of task \d+ ",
               "did not delete it.*from a backup.*--runner-host")  # fmt: skip
    yield cell(M.CORRUPT, "the log's file is cut off", _data(DISK, _GREEN, _cut_short), r"^read /.*\.log\.zst$",
               "ends early")  # fmt: skip
    yield cell(M.CORRUPT, "the log's file is damaged", _data(DISK, _GREEN, _scramble), r"^read /.*\.log\.zst$",
               "damaged")  # fmt: skip
    yield cell(M.CORRUPT, "the log's file is empty", _data(DISK, _GREEN, _emptied), r"^read /.*\.log\.zst$",
               "is empty: restore it")  # fmt: skip
    yield cell(M.DELETED, "the log's plain file is empty", _data(DISK, _GREEN, _emptied, version="7"),
               "^read the log of alice/[Pp]riv#1 .forge-disk.$", "not one line of it is there")  # fmt: skip
    yield cell(M.NO_PERMISSION, "the log's file is another user's", _data(DISK, _GREEN, _closed("log")),
               r"^read /.*\.log\.zst$", "as the forge's user", other=True)  # fmt: skip
    yield cell(M.TOO_LARGE, "a log beyond --max-bytes", _data(DISK, _GREEN, options=("--max-bytes", "100")),
               "^read the log of alice/[Pp]riv#1 .forge-disk.$", "more than the 100 of --max-bytes")  # fmt: skip


def _nothing(_folder: Path, _data: fd.Data) -> None:
    return


def _empty(folder: Path, _: fd.Data) -> None:
    (folder.parent / "other").mkdir()


def _gone(folder: Path, _: fd.Data) -> None:
    for file in folder.glob("gitea.db*"):
        file.unlink()


def _ini(folder: Path, data: fd.Data) -> None:
    _gone(folder, data)
    (folder / "app.ini").write_text("[database]\nDB_TYPE = postgres\nPASSWD = canary-of-app-ini\n")


def _later(folder: Path, data: fd.Data) -> None:
    """The log of a job that another database knows."""
    task = max(row["id"] for row in data.rows["action_task"]) + 1
    file = folder / f"actions_log/alice/priv/{task % 256:02x}/{task}.log.zst"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(_log(folder, data).read_bytes())


def _unlink(folder: Path, data: fd.Data) -> None:
    _log(folder, data).unlink()


def _emptied(folder: Path, data: fd.Data) -> None:
    _log(folder, data).write_bytes(b"")


def _cut_short(folder: Path, data: fd.Data) -> None:
    """Without its table, and without the end of its only frame."""
    file = _log(folder, data)
    file.write_bytes(file.read_bytes()[:200])


def _scramble(folder: Path, data: fd.Data) -> None:
    file = _log(folder, data)
    whole = bytearray(file.read_bytes())
    whole[10:60] = bytes(50)
    file.write_bytes(whole)


def _no_tables(folder: Path, _: fd.Data) -> None:
    import sqlite3

    with closing(sqlite3.connect(folder / "gitea.db")) as connection:
        connection.execute("DROP TABLE action_run")
        connection.commit()


def _repo(target: str) -> Make:
    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        with _data(BASE, 1)(place) as argv:
            yield ["logs", target, *argv[2:]]

    return make


def _unnamed(route: str) -> Make:
    """A forge that runs, without a log API, and a user with a token alone."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        world = everyday()
        with standin("forgejo-11", world) as forge:
            place.token(forge.url, world.users["alice"].token("read:repository"))
            yield ["logs", "alice/priv#2", "--server", forge.url, "--route", route]

    return make


def _far(route: str) -> Make:
    """The same; its machine is named, and no ssh server runs there."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        with _unnamed(route)(place) as argv:
            yield [*argv, "--forge-host", f"ssh://git@127.0.0.1:{dead_port()}"]

    return make


def _api(spoil: Callable[[Path, fd.Data], object], named: str, *, web: bool = False) -> Make:
    """A forge that runs and tells what ran; its files are those of another one. `web`: its pages alone tell."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        world = everyday()
        with _data(DISK, 1, spoil)(place), standin("forgejo-11", world) as forge:
            alice = world.users["alice"]
            if web:
                place.web(forge.url, "alice", alice.password)
                (place.folder / "data/gitea.db").unlink()
            else:
                place.token(forge.url, alice.token("read:repository"))
            where = named.format(folder=place.folder)
            yield ["logs", "alice/priv#2", "--server", forge.url, "--route", DISK, "--forge-host", "local",
                   "--forge-folder", where]  # fmt: skip

    return make


def _sql(url: str) -> Make:
    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        yield _argv(place, BASE, 1, "--database", url.format(port=dead_port()))

    return make


def _postgres(code: str, more: str = "") -> Make:
    """A server that speaks enough of PostgreSQL's protocol to refuse: by this code, or TLS."""

    @contextmanager
    def make(place: Place) -> Iterator[Sequence[str]]:
        place.env = {"PGPASSWORD": place.secret("canary-of-the-database")}
        listening = socket.create_server(("127.0.0.1", 0))
        thread = threading.Thread(target=_refuse, args=(listening, code), daemon=True)
        thread.start()
        try:
            port = listening.getsockname()[1]
            yield _argv(place, BASE, 1, "--database", f"postgresql://forge@127.0.0.1:{port}/forge{more}")
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            listening.close()
            thread.join()

    return make


_TEXTS = {
    "28P01": 'password authentication failed for user "forge"',
    "3D000": 'database "forge" does not exist',
}
_WANTS_TLS = (80877103).to_bytes(4, "big")


def _refuse(listening: socket.socket, code: str) -> None:
    """PostgreSQL's protocol, chapter 55.7: a request for TLS is answered `N`, the start by an error."""
    with suppress(OSError):
        while True:
            connection, _ = listening.accept()
            with connection:
                while message := connection.recv(4096):
                    if message[4:8] == _WANTS_TLS:
                        connection.sendall(b"N")
                        continue
                    fields = {"S": "FATAL", "V": "FATAL", "C": code, "M": _TEXTS.get(code, "no")}
                    body = b"".join(f"{k}{v}".encode() + b"\0" for k, v in fields.items()) + b"\0"
                    connection.sendall(b"E" + (len(body) + 4).to_bytes(4, "big") + body)
                    break


CELLS = (*_base(), *_disk())
