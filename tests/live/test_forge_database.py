"""The forge's database on real PostgreSQL and MariaDB servers, and on the data folders of real Gitea servers: the same
nouns as from SQLite, the same steps as the web pages show.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import forge_data as fd
import pytest
from forge_route import attempt_of, first_of, reach, refusal, split

from live.databases import Sql, mariadb, postgres
from whyred.model.credential import Hidden
from whyred.model.forge import Kind, RunQuery, Server
from whyred.model.source import Missing, MissingLogError
from whyred.sources import forge_database
from whyred.sources._sql_servers import from_url, open_server
from whyred.sources.http import Http
from whyred.sources.reach import Reach, Want

SERVERS = {"postgres": postgres, "mysql": mariadb}


@pytest.fixture(scope="module", params=sorted(SERVERS))
def sql(request: pytest.FixtureRequest) -> Iterator[Sql]:
    """Each kind of server in turn."""
    with SERVERS[request.param]() as server:
        yield server


@pytest.fixture(params=fd.VERSIONS)
def filled(sql: Sql, request: pytest.FixtureRequest, tmp_path: Path) -> fd.Data:
    """The recorded rows in the server, and the files and the same rows as SQLite in a folder."""
    data = fd.make(request.param, tmp_path / "data")
    fill(sql, data)
    return data


def fill(sql: Sql, data: fd.Data) -> None:
    """Makes the tables anew, with types as the forges give them."""
    with ExitStack() as stack:
        execute = connected(sql, stack)
        for table, columns in data.columns.items():
            quote = '"' if sql.kind == "postgres" else "`"
            told = ", ".join(f"{quote}{c}{quote} {kind_of(sql, table, c)}" for c in columns)
            execute(f"DROP TABLE IF EXISTS {quote}{table}{quote}", [])
            execute(f"CREATE TABLE {quote}{table}{quote} ({told})", [])
        for statement, values in fd.inserts(data, '"' if sql.kind == "postgres" else "`", "%s"):
            execute(statement, values)


def kind_of(sql: Sql, table: str, column: str) -> str:
    if column in fd.BLOBS:
        return "BYTEA" if sql.kind == "postgres" else "LONGBLOB"
    if column in fd.FLAGS:
        return "BOOLEAN" if sql.kind == "postgres" else "TINYINT(1)"
    if fd.is_text(table, column):
        return "TEXT" if sql.kind == "postgres" else "LONGTEXT"
    return "BIGINT"


def connected(sql: Sql, stack: ExitStack) -> Callable[[str, list[Any]], object]:
    """Who may write, as the forge does."""
    if sql.kind == "postgres":
        import psycopg

        told = f"host={sql.socket} port={sql.port} user=forge dbname=forge"
        there = stack.enter_context(psycopg.connect(told, password=sql.password))
        return lambda statement, values: there.execute(
            statement.encode(), [bool(v) if c in fd.FLAGS else v for c, v in named(statement, values)]
        )
    import pymysql

    here = stack.enter_context(
        pymysql.connect(unix_socket=sql.socket, user="forge", password=sql.password, database="forge", autocommit=True)
    )
    cursor = stack.enter_context(here.cursor())
    return lambda statement, values: cursor.execute(statement, values or None)


def named(statement: str, values: list[Any]) -> list[tuple[str, Any]]:
    """The values with their columns."""
    columns = statement.partition("(")[2].partition(")")[0].replace('"', "").split(", ")
    return list(zip(columns, values, strict=True)) if values else []


def by_address(sql: Sql, folder: Path, **more: Any) -> Reach:
    return replace(reach(folder), database=sql.url, password=lambda _: sql.password, **more)


def test_the_same_nouns_as_from_sqlite(sql: Sql, filled: fd.Data, tmp_path: Path) -> None:
    here, there = reach(tmp_path / "data"), by_address(sql, tmp_path / "data")
    query = RunQuery(limit=50)
    assert list(forge_database.runs(there, "alice/priv", query)) == list(forge_database.runs(here, "alice/priv", query))
    for scenario in filled.texts:
        assert attempt_of(there, scenario) == attempt_of(here, scenario)
        attempt = first_of(here, filled, scenario)
        if attempt.id:
            assert forge_database.steps(there, attempt) == forge_database.steps(here, attempt)
            ours = split(forge_database.log(there, attempt, Want()))
            assert ours == split(forge_database.log(here, attempt, Want()))
            assert b"".join(text for _, text in ours) == filled.texts[scenario]
    by_commit = RunQuery(commit=filled.rows["action_run"][0]["commit_sha"][:8])
    assert [r.number for r in forge_database.runs(there, "alice/priv", by_commit)] == [2]


def test_parts_of_a_big_log(sql: Sql, tmp_path: Path) -> None:
    """The index of lines and the rows of a running job, both larger than one answer."""
    data = fd.recorded("16")
    text = b"".join(b"2026-11-23T19:28:30.%07dZ line %d\n" % (i, i) for i in range(150_000))
    fd.add_run(data, 600, 60, 6000, 6001, "big", status=6)
    fd.add_task(data, 6001, 6000, text, status=6, log_in_storage=0)
    fd.add_step(data, 6001, 0, "a", 1, 10, 149_000)
    fd.add_step(data, 6001, 1, "b", 6, 149_010, 990)
    name = data.row("action_task", 6001)["log_filename"]
    meta = {"id": 6, "full_path": f"4:actions_log/{name}", "block_size": fd.BLOCK}
    fd.add_rows(data, [meta], name, text)
    fill(sql, data)
    there = by_address(sql, tmp_path)
    (run,) = forge_database.runs(there, "alice/priv", RunQuery(number=60))
    (attempt,) = forge_database.attempts(there, run)
    lines = text.splitlines(keepends=True)
    assert split(forge_database.log(there, attempt, Want(steps=frozenset({2})))) == [("b", b"".join(lines[149_010:]))]
    assert b"".join(t for _, t in split(forge_database.log(there, attempt, Want()))) == text


def test_nothing_can_be_written(sql: Sql, filled: fd.Data) -> None:
    database = open_server(replace(from_url(sql.url), password=Hidden(sql.password)))
    table = '"action_run"'
    for statement in (f"DELETE FROM {table} RETURNING id", f"INSERT INTO {table} (id) VALUES (1) RETURNING id"):
        with pytest.raises(MissingLogError) as caught:
            database.select(statement, ())
        assert caught.value.reason is Missing.SERVER_ERROR
    assert database.select(f'SELECT count("id") AS c0 FROM {table}', ()) == [(len(filled.rows["action_run"]),)]
    database.close()


def test_who_is_not_let_in(sql: Sql, filled: fd.Data, tmp_path: Path) -> None:
    def reason(there: Reach) -> Missing:
        error = refusal(lambda: list(forge_database.runs(there, "alice/priv", RunQuery())))
        assert sql.password not in str(error)
        assert "not-the-password" not in str(error)
        return error.reason

    there = by_address(sql, tmp_path / "data")
    assert reason(replace(there, password=lambda _: "not-the-password")) is Missing.NO_PERMISSION
    assert reason(replace(there, password=lambda _: None)) is Missing.NO_PERMISSION
    nobody = sql.url.replace("forge@", "nobody@")
    assert reason(replace(there, database=nobody)) is Missing.NO_PERMISSION
    other = sql.url.removesuffix("forge") + "other"
    assert reason(replace(there, database=other)) in (Missing.NOT_FOUND, Missing.NO_PERMISSION)
    assert reason(replace(there, database=sql.url.replace("127.0.0.1", "127.0.0.1") + "?sslmode=require")) is (
        Missing.TLS_FAILED
    )
    assert sql.password not in repr(there)


def test_a_forge_without_actions(sql: Sql, tmp_path: Path) -> None:
    data = fd.recorded("16")
    fill(sql, data)
    with ExitStack() as stack:
        connected(sql, stack)("DROP TABLE action_run", [])
    error = refusal(lambda: list(forge_database.runs(by_address(sql, tmp_path), "alice/priv", RunQuery())))
    assert error.reason is Missing.ROUTE_NOT_ON_THIS_VERSION


def test_a_server_that_was_stopped(tmp_path: Path) -> None:
    with postgres() as server:
        data = fd.make("16", tmp_path / "data")
        fill(server, data)
        there = by_address(server, tmp_path / "data")
        attempt = attempt_of(there, "running")
        waited: list[float] = []
        clock = iter(range(0, 10**9, 200))
        there = replace(there, http=Http("http://x", sleep=waited.append, clock=lambda: float(next(clock))))
        fetched = forge_database.log(there, attempt, Want(follow=True))
        stream = iter(fetched.chunks)
        next(stream)
    error = refusal(lambda: list(stream))
    assert error.reason is Missing.UNREACHABLE
    assert waited
    assert refusal(lambda: attempt_of(there, "green")).reason is Missing.UNREACHABLE


def test_the_address_comes_from_app_ini(sql: Sql, filled: fd.Data, tmp_path: Path) -> None:
    """By port and by socket, with the user's word; without it the file is not opened."""
    folder = tmp_path / "data"
    (folder / "gitea.db").unlink()
    for host in (f"127.0.0.1:{sql.port}", socket_of(sql)):
        keys = {**sql.ini, "HOST": host}
        text = f"[server]\nAPP_DATA_PATH = {folder}\n[database]\n" + "\n".join(f"{k} = {v}" for k, v in keys.items())
        (folder / "app.ini").write_text(text)
        there = Reach(Server("http://x", Kind.FORGEJO), Http("http://x"), reach(None).host, str(folder))
        assert refusal(partial(attempt_of, there, "green")).reason is Missing.NO_PERMISSION
        asked: list[str] = []
        may = replace(there, may_read=partial(agree, asked), kept={})
        ours = split(forge_database.log(may, first_of(may, filled, "failed"), Want()))
        assert b"".join(text for _, text in ours) == filled.texts["failed"]
        assert asked == [str(folder / "app.ini")]
        assert sql.password not in repr(may)
        assert sql.password not in repr(may.kept)


def agree(asked: list[str], path: str) -> bool:
    """Somebody who says yes."""
    asked.append(path)
    return True


def socket_of(sql: Sql) -> str:
    """As app.ini names a socket: MariaDB's file, PostgreSQL's folder with the port."""
    return sql.socket if sql.kind == "mysql" else f"{sql.socket}:{sql.port}"
