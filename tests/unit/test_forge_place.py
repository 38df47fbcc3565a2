"""Where a forge is on its machine, and what is taken from its app.ini."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from forge_route import reach, refusal

from whyred.hosts.local import LocalHost
from whyred.model.evidence import Reason
from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.host import HostRefusedError, Process
from whyred.model.source import Missing
from whyred.model.trouble import UserError
from whyred.sources import _forge_file, forge_database
from whyred.sources._app_ini import read_settings, taken
from whyred.sources._forge_place import Place, place, serving
from whyred.sources._sql_servers import from_url, from_written, open_server
from whyred.sources.http import Http
from whyred.sources.reach import Reach

CANARY = "canary-77aa-secret"
INI = f"""
; comment
WORK_PATH = /srv/forge

[server]
APP_DATA_PATH = /srv/forge/data
LFS_JWT_SECRET = {CANARY}
ROOT_URL = https://x.example/

[database]
DB_TYPE = postgres
HOST = 127.0.0.1:5433
NAME = forgejo
USER = forgejo
PASSWD = `{CANARY}#;x`
SSL_MODE = disable

[security]
SECRET_KEY = {CANARY}
INTERNAL_TOKEN = {CANARY}

[storage]
STORAGE_TYPE = minio
MINIO_SECRET_ACCESS_KEY = {CANARY}

[storage.actions_log]
STORAGE_TYPE = local
PATH = logs
"""


def test_what_is_taken_and_nothing_else() -> None:
    settings = read_settings(INI, "/other")
    assert settings.data == "/srv/forge/data"
    assert settings.logs.kind == "local"
    assert settings.logs.path == "/srv/forge/data/logs"
    database = settings.database
    assert (database.kind, database.host, database.name, database.user) == (
        "postgres",
        "127.0.0.1:5433",
        "forgejo",
        "forgejo",
    )
    assert database.password == f"{CANARY}#;x"
    assert CANARY not in repr(settings)
    assert CANARY not in repr(taken(INI))
    keys = {key for section in taken(INI).values() for key in section}
    assert keys == {
        "WORK_PATH", "APP_DATA_PATH", "DB_TYPE", "HOST", "NAME", "USER", "PASSWD", "SSL_MODE", "STORAGE_TYPE", "PATH",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("PASSWD = plain", "plain"),
        ("PASSWD=a b ; note", "a b"),
        ("PASSWD = a#b", "a"),
        ("PASSWD = `a#b`", "a#b"),
        ('PASSWD = "a;b"', "a;b"),
        ('PASSWD = """a"b"""', 'a"b'),
        ("PASSWD = a=b", "a=b"),
        ("`PASSWD` = x", "x"),
        ("passwd = x", "x"),
        ("PASSWD =", ""),
    ],
)
def test_values_as_the_forge_reads_them(line: str, value: str) -> None:
    assert read_settings(f"[database]\n{line}\n", "/w").database.password == value


@pytest.mark.parametrize(
    ("text", "kind", "path"),
    [
        ("", "local", "/w/data/actions_log"),
        ("[server]\nAPP_DATA_PATH = d", "local", "/w/d/actions_log"),
        ("[storage]\nPATH = /big", "local", "/big/actions_log"),
        ("[storage.actions_log]\nPATH = /big/logs", "local", "/big/logs"),
        ("[storage]\nSTORAGE_TYPE = minio", "minio", "/w/data/actions_log"),
        ("[storage.actions_log]\nSTORAGE_TYPE = store\n[storage.store]\nSTORAGE_TYPE = minio", "minio", None),
        ("[storage.actions_log]\nSTORAGE_TYPE = big\n[storage.big]\nSTORAGE_TYPE = local\nPATH = /b", "local", None),
        ("[storage.actions_log]\nSTORAGE_TYPE = azureblob", "azureblob", None),
    ],
)
def test_where_logs_are_kept(text: str, kind: str, path: str | None) -> None:
    logs = read_settings(text, "/w").logs
    assert logs.kind == kind
    assert path in (None, logs.path)
    if "big" in text and path is None:
        assert logs.path == "/b/actions_log"


def test_addresses_in_app_ini() -> None:
    def address(text: str, root: str = "") -> str:
        return str(from_written(read_settings(f"[database]\n{text}", "/w").database, root))

    assert address("DB_TYPE=postgres\nHOST=db:1\nNAME=n\nUSER=u") == "postgresql://u@db:1/n"
    assert address("DB_TYPE=postgres\nHOST=db\nNAME=n\nUSER=u") == "postgresql://u@db:5432/n"
    assert address("DB_TYPE=postgres\nNAME=n\nUSER=u") == "postgresql://u@127.0.0.1:5432/n"
    assert address("DB_TYPE=mysql\nHOST=db\nNAME=n\nUSER=u") == "mysql://u@db:3306/n"
    socket = "DB_TYPE=mysql\nHOST=/run/mysqld/mysqld.sock\nNAME=n\nUSER=u"
    assert address(socket, "/proc/7/root") == "mysql://u@/proc/7/root/run/mysqld/mysqld.sock/n"
    error = refusal(lambda: address("DB_TYPE=mssql\nHOST=db\nNAME=n\nUSER=u"))
    assert error.reason is Missing.ROUTE_NOT_ON_THIS_VERSION


def test_addresses_by_url() -> None:
    found = from_url("postgresql://me@db.example/forge?sslmode=verify-full")
    assert (found.kind, found.host, found.port, found.name, found.tls) == (
        "postgres",
        "db.example",
        5432,
        "forge",
        "verify-full",
    )
    assert from_url("mysql://me@x:3307/f").port == 3307
    assert from_url("mysql://me@localhost/f?socket=/run/s").socket == "/run/s"


@pytest.mark.parametrize(
    "url",
    [f"postgresql://me:{CANARY}@db/f", "postgresql://db/f", "http://me@db/f", "mysql://me@db", "mysql://m@d:x/f",
     "postgresql://me@db/f?sslmode=maybe", "postgresql://me@db/f?passfile=/x", "nonsense", "postgresql://me@[db/f"],
)  # fmt: skip
def test_addresses_that_are_refused(url: str) -> None:
    with pytest.raises(UserError) as caught:
        from_url(url)
    assert CANARY not in str(caught.value)
    assert caught.value.how


class Machine(LocalHost):
    """A machine that has these files below `folder`, and these processes, and nothing else."""

    def __init__(self, folder: Path, files: Mapping[str, str], processes: Sequence[Process] = ()) -> None:
        super().__init__()
        self._folder, self._processes = folder, processes
        self.environs: dict[int, dict[str, str]] = {}
        self.reads: list[str] = []
        self.closed: str | None = None
        for name, content in files.items():
            file = folder / name.lstrip("/")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)

    def processes(self) -> list[Process]:
        return list(self._processes)

    def environ(self, pid: int, keys: Sequence[str]) -> dict[str, str]:
        if pid not in self.environs:
            raise HostRefusedError(Reason.NO_PERMISSION, f"/proc/{pid}/environ: Permission denied")
        return {k: v for k, v in self.environs[pid].items() if k in keys}

    def stat(self, path: str, *, follow: bool = True):  # type: ignore[no-untyped-def]
        if self.closed and path.startswith(self.closed):
            raise HostRefusedError(Reason.NO_PERMISSION, f"{path}: Permission denied")
        return super().stat(f"{self._folder}{path}", follow=follow)

    def names(self, path: str) -> list[str]:
        return super().names(f"{self._folder}{path}")

    def read(self, path: str, limit: int = 1 << 20) -> bytes:
        self.reads.append(path)
        return super().read(f"{self._folder}{path}", limit)


def at(host: Machine, folder: str | None = None, *, ask: bool = True) -> Place:
    asked: list[str] = []

    def may_read(path: str) -> bool:
        asked.append(path)
        return ask

    there = Reach(Server("http://x", Kind.GITEA), Http("http://x"), host, folder, may_read=may_read)
    found = place(there)
    assert place(there) is found
    assert len(asked) <= 1
    assert asked == ([found.ini] if found.ini else [])
    return found


def process(*argv: str, mounts: int | None = 1, pid: int = 50) -> Process:
    return Process(pid, 1, 100, argv[0].rpartition("/")[2], argv, 990, mounts)


def test_the_usual_places(tmp_path: Path) -> None:
    host = Machine(tmp_path, {"/var/lib/forgejo/data/forgejo.db": "", "/etc/forgejo/app.ini": ""})
    found = at(host)
    assert (found.seen, found.ini) == ("/var/lib/forgejo/data", "/etc/forgejo/app.ini")
    assert found.databases == ("/var/lib/forgejo/data/gitea.db", "/var/lib/forgejo/data/forgejo.db")
    assert found.logs.path == "/var/lib/forgejo/data/actions_log"
    assert host.reads == ["/etc/forgejo/app.ini"]


def test_app_ini_is_read_only_with_consent(tmp_path: Path) -> None:
    host = Machine(tmp_path, {"/var/lib/gitea/data/actions_log/x": "", "/etc/gitea/app.ini": INI})
    found = at(host, ask=False)
    assert found.settings is None
    assert host.reads == []
    there = Reach(Server("http://x", Kind.GITEA), Http("http://x"), host)
    error = refusal(lambda: list(forge_database.runs(there, "a/b", RunQuery())))
    assert error.reason is Missing.NO_PERMISSION
    assert "/etc/gitea/app.ini" in error.help
    assert "--database" in error.help


def test_a_running_forge_says_where_it_is(tmp_path: Path) -> None:
    files = {"/opt/f/data/gitea.db": "", "/opt/conf/app.ini": "", "/var/lib/gitea/data/gitea.db": ""}
    for argv in (
        ("/usr/bin/forgejo", "web", "--config", "/opt/conf/app.ini", "--work-path", "/opt/f"),
        ("/usr/bin/gitea-1.23", "--config=/opt/conf/app.ini", "-w", "/opt/f", "web"),
        ("gitea", "-c", "/opt/conf/app.ini", "--work-path=/opt/f"),
    ):
        found = at(Machine(tmp_path, files, [process(*argv, mounts=None)]))
        assert (found.seen, found.ini) == ("/opt/f/data", "/opt/conf/app.ini")


def test_a_running_forge_whose_variables_say_it(tmp_path: Path) -> None:
    host = Machine(tmp_path, {"/opt/f/data/gitea.db": "", "/opt/f/custom/conf/app.ini": ""}, [process("gitea", "web")])
    host.environs[50] = {"GITEA_WORK_DIR": "/opt/f", "GITEA__database__PASSWD": CANARY}
    host.identity = replace(host.identity, mounts=1)
    found = at(host)
    assert (found.seen, found.ini) == ("/opt/f/data", "/opt/f/custom/conf/app.ini")


def test_a_forge_in_a_container(tmp_path: Path) -> None:
    """Its own paths are below /proc/PID/root, also those that its app.ini names."""
    files = {
        "/proc/50/root/data/gitea/gitea.db": "",
        "/proc/50/root/data/gitea/actions_log/x": "",
        "/proc/50/root/data/gitea/conf/app.ini": "[server]\nAPP_DATA_PATH = /data/gitea\n"
        "[database]\nPATH = /data/gitea/gitea.db\n[storage.actions_log]\nPATH = /logs",
    }
    host = Machine(tmp_path, files, [process("/usr/local/bin/gitea", "web", mounts=99)])
    host.identity = replace(host.identity, mounts=1)
    found = at(host)
    assert found.seen == "/proc/50/root/data/gitea"
    assert found.ini == "/proc/50/root/data/gitea/conf/app.ini"
    assert found.databases == ("/proc/50/root/data/gitea/gitea.db",)
    assert found.path(found.logs.path) == "/proc/50/root/logs"


def test_a_container_s_volume_from_outside(tmp_path: Path) -> None:
    files = {
        "/srv/vol/gitea/gitea.db": "",
        "/srv/vol/gitea/conf/app.ini": "[server]\nAPP_DATA_PATH = /data/gitea\n[database]\nPATH = /data/gitea/gitea.db",
    }
    found = at(Machine(tmp_path, files), "/srv/vol")
    assert found.databases == ("/srv/vol/gitea/gitea.db",)
    assert found.path(found.logs.path) == "/srv/vol/gitea/actions_log"


def test_other_processes_are_no_forge(tmp_path: Path) -> None:
    others = [
        process("forgejo-runner", "daemon"),
        process("/usr/bin/gitea", "serv", "key-1"),
        process("/usr/bin/gitea", "hook", "--config", "/x/app.ini", "pre-receive"),
        process("gitea", "dump"),
        Process(9, 2, 1, "kworker", (), 0),
    ]
    host = Machine(tmp_path, {"/var/lib/gitea/data/gitea.db": ""}, others)
    assert at(host).seen == "/var/lib/gitea/data"


def test_two_forges_must_be_told_apart(tmp_path: Path) -> None:
    two = [process("gitea", "web", "-w", f"/opt/{n}", mounts=None, pid=50 + n) for n in (1, 2)]
    error = refusal(lambda: at(Machine(tmp_path, {}, two)))
    assert error.reason is Missing.NOT_FOUND
    assert "/opt/1/data, /opt/2/data" in error.help


def test_what_people_name(tmp_path: Path) -> None:
    files = {
        "/f/data/actions_log/x": "",
        "/f/custom/conf/app.ini": "",
        "/etc/gitea/app.ini": "[server]\nAPP_DATA_PATH=/no",
    }
    for named in ("/f", "/f/data", "/f/data/", "/f/custom/conf/app.ini", "/f/custom/conf"):
        found = at(Machine(tmp_path, files), named)
        assert (found.seen, found.ini) == ("/f/data", "/f/custom/conf/app.ini"), named


def test_where_nothing_is(tmp_path: Path) -> None:
    host = Machine(tmp_path, {"/empty/x": ""})
    assert refusal(lambda: at(host)).reason is Missing.NOT_FOUND
    assert refusal(lambda: at(host, "/empty")).reason is Missing.NOT_FOUND
    assert refusal(lambda: at(host, "/none")).reason is Missing.NOT_FOUND


def test_a_closed_folder_is_named(tmp_path: Path) -> None:
    host = Machine(tmp_path, {"/etc/gitea/app.ini": ""})
    host.closed = "/var/lib/gitea"
    found = at(host, ask=False)
    assert found.seen == "/var/lib/gitea"
    there = Reach(Server("http://x", Kind.GITEA), Http("http://x"), host)
    error = refusal(lambda: list(forge_database.runs(there, "a/b", RunQuery())))
    assert error.reason is Missing.NO_PERMISSION


def test_logs_in_an_object_store_are_refused_by_name(tmp_path: Path) -> None:
    ini = "[storage.actions_log]\nSTORAGE_TYPE = minio"
    host = Machine(tmp_path, {"/var/lib/gitea/data/gitea.db": "", "/etc/gitea/app.ini": ini})
    there = Reach(Server("http://x", Kind.GITEA), Http("http://x"), host, may_read=lambda _: True)
    error = refusal(lambda: _forge_file.folder_of_logs(there))
    assert error.reason is Missing.ROUTE_NOT_ON_THIS_VERSION
    assert "minio" in error.help


def test_a_log_folder_that_app_ini_may_have_moved(tmp_path: Path) -> None:
    host = Machine(tmp_path, {"/var/lib/gitea/data/gitea.db": "", "/etc/gitea/app.ini": ""})
    there = Reach(Server("http://x", Kind.GITEA), Http("http://x"), host)
    error = refusal(lambda: _forge_file.folder_of_logs(there))
    assert error.reason is Missing.NOT_FOUND
    assert "/etc/gitea/app.ini" in error.help


def test_a_database_behind_another_machine_s_loopback(tmp_path: Path) -> None:
    host = Machine(tmp_path, {"/var/lib/gitea/data/actions_log/x": "", "/etc/gitea/app.ini": INI})
    host.identity = replace(host.identity, boot="another")
    there = Reach(Server("http://x", Kind.GITEA), Http("http://x"), host, may_read=lambda _: True)
    error = refusal(lambda: list(forge_database.runs(there, "a/b", RunQuery())))
    assert error.reason is Missing.UNREACHABLE
    assert "ssh -N -L 15000:127.0.0.1:5433" in error.help
    assert CANARY not in str(error)


def test_a_database_that_does_not_answer() -> None:
    there = Reach(Server("http://x", Kind.GITEA), Http("http://x"), database="postgresql://me@127.0.0.1:1/f")
    error = refusal(lambda: list(forge_database.runs(there, "a/b", RunQuery())))
    assert error.reason is Missing.UNREACHABLE
    there = replace(there, database="mysql://me@127.0.0.1:1/f")
    assert refusal(lambda: list(forge_database.runs(there, "a/b", RunQuery()))).reason is Missing.UNREACHABLE


def test_sqlite_by_its_address(tmp_path: Path) -> None:
    there = replace(reach(None), database=f"sqlite://{tmp_path}/none.db")
    assert refusal(lambda: list(forge_database.runs(there, "a/b", RunQuery()))).reason is Missing.NOT_FOUND
    assert refusal(lambda: list(forge_database.runs(replace(there, host=None), "a/b", RunQuery()))).reason is (
        Missing.UNREACHABLE
    )


@pytest.mark.parametrize(("url", "module"), [("postgresql://a@b/c", "psycopg"), ("mysql://a@b/c", "pymysql")])
def test_a_client_that_is_not_installed(monkeypatch: pytest.MonkeyPatch, url: str, module: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    error = refusal(lambda: open_server(from_url(url)))
    assert error.reason is Missing.UNREACHABLE
    assert "pip install 'whyred[" in error.help


def test_a_forge_that_tells_nothing_does_not_hide_another(tmp_path: Path) -> None:
    """A third forge of the machine, or one that ended while the processes were counted."""
    silent, telling = process("gitea", "web", pid=49, mounts=None), process("forgejo", "-w", "/opt/f", mounts=None)
    host = Machine(tmp_path, {"/opt/f/data/gitea.db": ""}, [silent, telling])
    found = at(host)
    assert found.seen == "/opt/f/data"
    assert [p.pid for p in serving(host, found)] == [50]
