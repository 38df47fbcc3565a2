"""SQLite is read without a byte written beside it: while a server runs, after it was killed, and after it stopped."""

import hashlib
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.hosts.local import LocalHost
from whyred.model.source import Missing, MissingLogError
from whyred.sources import _sqlite
from whyred.sources._database import Database
from whyred.sources._sqlite_copy import apply_wal, legacy

SUM = 'SELECT total("value") AS c0, count("id") AS c1 FROM "account"'
SERVER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute(f"PRAGMA journal_mode={sys.argv[2]}")
connection.execute("CREATE TABLE IF NOT EXISTS account (id INTEGER PRIMARY KEY, value INTEGER, more TEXT)")
print("ready", flush=True)
for line in sys.stdin:
    if line == "more\\n":
        connection.execute("BEGIN")
        for _ in range(50):
            connection.execute("INSERT INTO account (value, more) VALUES (1, ?)", ("x" * 300,))
        connection.execute("COMMIT")
    else:
        a, b = 1 + int(line) % 50, 1 + int(line) % 49
        connection.execute("BEGIN")
        connection.execute("UPDATE account SET value = value + 7, more = ? WHERE id = ?", (line * 9, a))
        connection.execute("UPDATE account SET value = value - 7 WHERE id = ?", (b,))
        connection.execute("COMMIT")
    print("done", flush=True)
connection.close()
"""


class Server:
    """A process that has the database open, as a forge does."""

    def __init__(self, file: Path, journal: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(file), journal], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._answer()

    def say(self, word: str) -> None:
        self.begin(word)
        self._answer()

    def begin(self, *words: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("".join(f"{word}\n" for word in words))
        self._process.stdin.flush()

    def _answer(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stdout.readline()

    def end(self, *, kill: bool) -> None:
        if kill:
            self._process.kill()
        self._process.communicate()


@contextmanager
def server(file: Path, journal: str = "wal") -> Iterator[Server]:
    started = Server(file, journal)
    try:
        started.say("more")
        yield started
    finally:
        started.end(kill=True)


def state(folder: Path) -> dict[str, tuple[str, int, int]]:
    """The bytes and times of all files. Opened in another process: closing a file here would drop SQLite's locks."""
    script = "import hashlib,sys;print(*[hashlib.sha256(open(f,'rb').read()).hexdigest() for f in sys.argv[1:]])"
    files = sorted(folder.iterdir())
    sums = subprocess.run([sys.executable, "-c", script, *map(str, files)], capture_output=True, text=True, check=True)
    stats = [f.stat() for f in files]
    told = zip(files, sums.stdout.split(), stats, strict=True)
    return {f.name: (digest, s.st_mtime_ns, s.st_size) for f, digest, s in told}


def opened(file: Path) -> Database:
    return _sqlite.open_sqlite(LocalHost(), str(file), {})


def total(file: Path) -> tuple[object, ...]:
    with closing(opened(file)) as database:
        return database.select(SUM, ())[0]


def test_while_a_server_runs(tmp_path: Path) -> None:
    file = tmp_path / "gitea.db"
    with server(file) as running, closing(opened(file)) as database:
        assert isinstance(database, _sqlite.File)
        assert not database.moment
        for rows in (50, 100, 150):
            before = state(tmp_path)
            assert database.select(SUM, ()) == [(float(rows), rows)]
            assert total(file) == (float(rows), rows)
            assert state(tmp_path) == before
            running.say("more")


def test_after_the_server_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "gitea.db"
    with server(file):
        pass
    before = state(tmp_path)
    assert set(before) == {"gitea.db", "gitea.db-shm", "gitea.db-wal"}
    assert total(file) == (50.0, 50)
    assert state(tmp_path) == before


def test_a_write_ahead_log_without_its_index_is_copied(tmp_path: Path) -> None:
    file = tmp_path / "gitea.db"
    with server(file):
        pass
    (tmp_path / "gitea.db-shm").unlink()
    before = state(tmp_path)
    with closing(opened(file)) as database:
        assert isinstance(database, _sqlite.Copy)
        assert database.select(SUM, ()) == [(50.0, 50)]
    assert state(tmp_path) == before


def test_after_the_server_stopped(tmp_path: Path) -> None:
    file = tmp_path / "gitea.db"
    with server(file) as stopping:
        stopping.end(kill=False)
    before = state(tmp_path)
    assert set(before) == {"gitea.db"}
    with closing(opened(file)) as database:
        assert database.moment
        assert database.select(SUM, ()) == [(50.0, 50)]
    assert state(tmp_path) == before


@pytest.mark.parametrize("journal", ["delete", "truncate", "persist"])
def test_a_rollback_journal(tmp_path: Path, journal: str) -> None:
    file = tmp_path / "gitea.db"
    with server(file, journal) as running:
        before = state(tmp_path)
        assert total(file) == (50.0, 50)
        assert state(tmp_path) == before
        running.say("more")
        assert total(file) == (100.0, 100)


def test_a_server_that_writes_meanwhile_shows_whole_transactions(tmp_path: Path) -> None:
    """Through the file, and through a copy of file and write-ahead log made while both change."""
    file = tmp_path / "gitea.db"
    with server(file) as running:
        kept, made = dict[str, object](), 0
        with closing(opened(file)) as database:
            for i in range(40):
                running.begin(*(str(i * 5 + k) for k in range(5)))
                assert database.select(SUM, ()) == [(50.0, 50)]
                copy = copied(file, kept)
                made += copy is not None
                if copy is None:
                    continue
                assert copy.select(SUM, ()) == [(50.0, 50)]
                assert copy.select("SELECT integrity_check AS c0 FROM pragma_integrity_check", ()) == [("ok",)]
        assert made > 0


def copied(file: Path, kept: dict[str, object]) -> Database | None:
    """A copy; None where the database changed too fast."""
    try:
        return _sqlite._copied(LocalHost(), str(file), kept)
    except MissingLogError as e:
        if e.reason is not Missing.UNREACHABLE:
            raise
        return None


def test_a_copy_is_made_again_when_the_database_grew(tmp_path: Path) -> None:
    file, kept = tmp_path / "gitea.db", dict[str, object]()
    with server(file) as running:
        first = _sqlite._copied(LocalHost(), str(file), kept)
        assert _sqlite._copied(LocalHost(), str(file), kept) is first
        running.say("more")
        second = _sqlite._copied(LocalHost(), str(file), kept)
        assert second.select(SUM, ()) == [(100.0, 100)]


def test_a_transaction_that_was_cut_off_is_not_copied(tmp_path: Path) -> None:
    """A journal that is left behind must be rolled back first, which only who may write can do."""
    file = tmp_path / "gitea.db"
    with server(file, "delete"):
        pass
    (tmp_path / "gitea.db-journal").write_bytes(b"\xd9\xd5\x05\xf9\x20\xa1\x63\xd7" + bytes(504))
    with pytest.raises(MissingLogError) as caught:
        _sqlite._copied(LocalHost(), str(file), {})
    assert caught.value.reason is Missing.UNREACHABLE


def test_nothing_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / "gitea.db"
    with server(file), closing(opened(file)) as database, pytest.raises(MissingLogError):
        database.select("DELETE FROM account", ())


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that everybody may enter and only its owner may change."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run something as another user")
def test_as_a_user_who_may_only_read(public: Path) -> None:
    """Neither the folder nor -shm can be written, and the server runs."""
    file = public / "gitea.db"
    script = (
        "import os, sys\nfrom whyred.hosts.local import LocalHost\nfrom whyred.sources._sqlite import open_sqlite\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "database = open_sqlite(LocalHost(), sys.argv[1], {})\n"
        f"print(type(database).__name__, database.select({SUM!r}, ()))"
    )
    with server(file):
        before = state(public)
        argv = [sys.executable, "-c", script, str(file)]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        assert done.stdout == "File [(50.0, 50)]\n", done.stderr
        assert state(public) == before


@given(
    transactions=st.lists(st.lists(st.integers(0, 3000), max_size=4), min_size=1, max_size=6), cut=st.integers(0, 9000)
)
def test_the_write_ahead_log_is_applied_as_sqlite_does(
    transactions: list[list[int]], cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also one that ends in the middle of a frame: what is not committed in full counts as not written."""
    folder = tmp_path_factory.mktemp("wal")
    file = folder / "a.db"
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("PRAGMA page_size=1024")
    writer.execute("PRAGMA journal_mode=wal")
    writer.execute("PRAGMA wal_autocheckpoint=0")
    writer.execute("CREATE TABLE t (v TEXT)")
    for sizes in transactions:
        writer.execute("BEGIN")
        for size in sizes:
            writer.execute("INSERT INTO t VALUES (?)", ("y" * size,))
        if sizes and sizes[0] % 5 == 0:
            writer.execute("DELETE FROM t WHERE length(v) > 1000")
        writer.execute("COMMIT")
    wal = (folder / "a.db-wal").read_bytes()
    wal = wal[: len(wal) - cut] if cut < len(wal) else wal
    data = bytearray(file.read_bytes())
    writer.close()
    (folder / "b.db").write_bytes(data)
    (folder / "b.db-wal").write_bytes(wal)
    apply_wal(data, wal)
    legacy(data)
    question = "SELECT v FROM t"
    with closing(sqlite3.connect(folder / "b.db")) as theirs, closing(sqlite3.connect(":memory:")) as ours:
        expected = rows(theirs, question)
        if data:
            ours.deserialize(bytes(data))
        assert rows(ours, question) == expected


def rows(connection: sqlite3.Connection, question: str) -> object:
    try:
        return connection.execute(question).fetchall()
    except sqlite3.OperationalError as e:
        return str(e)


@given(st.binary(max_size=3000))
def test_a_damaged_write_ahead_log_changes_nothing(wal: bytes) -> None:
    data = bytearray(b"SQLite format 3\0" + bytes(4080))
    apply_wal(data, b"\x37\x7f\x06\x82" + wal)
    assert hashlib.sha256(data).digest() == hashlib.sha256(b"SQLite format 3\0" + bytes(4080)).digest()
