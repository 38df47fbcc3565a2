"""PostgreSQL and MySQL (MariaDB) as a forge's database: connections that can only read."""

import os
import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from whyred.model.credential import Hidden
from whyred.model.source import Missing, MissingLogError
from whyred.model.trouble import UserError
from whyred.sources._app_ini import Written
from whyred.sources._database import Database, Value

if TYPE_CHECKING:
    import psycopg
    import pymysql

_CONNECT, _READ = 5, 60
"""Seconds to connect, and for one answer."""
_PORTS = {"postgres": 5432, "mysql": 3306}
_KINDS = {"postgresql": "postgres", "postgres": "postgres", "mysql": "mysql", "mariadb": "mysql"}
_EXTRAS = {"postgres": "postgres", "mysql": "mysql"}
_LOOPBACK = ("localhost", "127.", "[::1]", "::1")
_TLS = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True, slots=True)
class Address:
    """A database server. `socket`: a Unix socket's path (PostgreSQL: its folder). `tls` as PostgreSQL names it."""

    kind: str
    name: str
    user: str
    host: str = ""
    port: int = 0
    socket: str = ""
    schema: str = ""
    tls: str = ""
    password: Hidden | None = field(default=None)

    @property
    def local(self) -> bool:
        """Whether only its own machine can reach it."""
        return bool(self.socket) or self.host.startswith(_LOOPBACK)

    def __str__(self) -> str:
        """For people: without the password."""
        scheme = "postgresql" if self.kind == "postgres" else "mysql"
        where = self.socket or f"{self.host}:{self.port}"
        return f"{scheme}://{self.user}@{where}/{self.name}"


def from_url(url: str) -> Address:
    """The address in a URL of the user. Raises UserError, which repeats no password."""
    how = "Write it as postgresql://USER@HOST/NAME, mysql://USER@HOST/NAME or sqlite:///PATH"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as e:
        raise UserError("this is no address of a database", "its host or port cannot be read", how) from e
    if parts.password is not None:
        why = "it holds a password, which everybody sees in the list of processes"
        raise UserError("the address of the database is refused", why, "Leave it out: whyred asks for it")
    kind, options = _KINDS.get(parts.scheme), dict(parse_qsl(parts.query))
    if kind is None or not parts.username or len(parts.path) < 2 or set(options) - {"sslmode", "socket", "schema"}:
        raise UserError("this is no address of a database", "it has not the form that is known", how)
    socket = options.get("socket", "")
    if options.get("sslmode", "prefer") not in _TLS:
        raise UserError("this is no address of a database", f"sslmode is one of {', '.join(_TLS)}", how)
    return Address(
        kind,
        unquote(parts.path[1:]),
        unquote(parts.username),
        "" if socket else parts.hostname or "localhost",
        port or _PORTS[kind],
        socket,
        options.get("schema", ""),
        options.get("sslmode", ""),
    )


def from_written(written: Written, root: str) -> Address:
    """The address in app.ini. `root`: where the host has the forge's root folder. Raises MissingLogError.

    Source: models/db/engine.go, modules/setting/database.go (DBConnStr) of Forgejo 16 and Gitea 1.26.
    """
    if written.kind not in _PORTS:
        help_ = (
            f"whyred reads SQLite, PostgreSQL and MySQL, and this forge keeps its data in {written.kind}: use its API"
        )
        raise MissingLogError(Missing.ROUTE_NOT_ON_THIS_VERSION, "read the forge's database", help_)
    host, socket, port = written.host, "", _PORTS[written.kind]
    if not host.startswith("["):
        name, colon, number = host.rpartition(":")
        if colon and number.isdecimal() and ":" not in name:
            host, port = name, int(number)
    if host.startswith("/"):
        host, socket = "", root + host.rstrip("/")
    return Address(
        written.kind,
        written.name,
        written.user,
        host or ("" if socket else "127.0.0.1"),
        port,
        socket,
        written.schema,
        written.tls.lower(),
        written.password or None,
    )


def open_server(address: Address) -> Database:
    """A connection that can only read. Raises MissingLogError."""
    asked = f"read the database {address}"
    try:
        return Postgres(address) if address.kind == "postgres" else MySql(address)
    except ImportError as e:
        help_ = f"whyred was installed without a client for it: pip install 'whyred[{_EXTRAS[address.kind]}]'"
        raise MissingLogError(Missing.UNREACHABLE, asked, help_) from e


class Postgres:
    """PostgreSQL: every transaction is read-only by default, and every statement is one of its own."""

    moment = False

    def __init__(self, address: Address) -> None:
        import psycopg

        self.name, self._asked = str(address), f"read the database {address}"
        options = f"-c default_transaction_read_only=on -c statement_timeout={_READ * 1000}"
        try:
            self._connection: psycopg.Connection[tuple[Any, ...]] = psycopg.connect(
                host=address.socket or address.host,
                port=address.port,
                user=address.user,
                dbname=address.name,
                password=None if address.password is None else str(address.password),
                sslmode=address.tls if address.tls in _TLS else None,
                connect_timeout=_CONNECT,
                application_name="whyred",
                options=options,
                autocommit=True,
            )
        except psycopg.Error as e:
            # `from None`: the client's own text may name more than it should.
            raise _postgres(e, self._asked) from None
        if address.schema:
            self.select("SELECT set_config('search_path', ?, false) AS c0", (address.schema,))

    def columns(self, table: str) -> frozenset[str]:
        """The columns of a table."""
        sql = (
            "SELECT column_name AS c0 FROM information_schema.columns"
            " WHERE table_schema = current_schema() AND table_name = ?"
        )
        return frozenset(str(row[0]) for row in self.select(sql, (table,)))

    def select(self, sql: str, values: Sequence[int | str]) -> list[tuple[Value, ...]]:
        """The rows."""
        import psycopg

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql.replace("?", "%s").encode(), list(values))
                return cursor.fetchall()
        except psycopg.Error as e:
            raise _postgres(e, self._asked) from None

    def close(self) -> None:
        """Gives the connection up."""
        self._connection.close()


def _postgres(error: "psycopg.Error", asked: str) -> MissingLogError:
    """By the code of the server, or, while connecting, by what libpq says (English, or unknown)."""
    said = str(error)
    if error.sqlstate == "42501":
        return _closed(asked, "this user may not read the table: use the forge's own database user")
    if error.sqlstate is None and ("authentication failed" in said or "no password" in said or "pg_hba.conf" in said):
        return _closed(asked, "the database does not let this user in: check user and password")
    if error.sqlstate is None and "does not exist" in said:
        return MissingLogError(Missing.NOT_FOUND, asked, "there is no such database or user: check the address")
    if error.sqlstate is None and "Permission denied" in said:
        return _closed(asked, "its socket is closed to this user: run whyred as the forge's user or as root")
    if error.sqlstate is None and ("SSL" in said or "certificate" in said):
        return MissingLogError(Missing.TLS_FAILED, asked, "TLS failed: check ?sslmode= and its certificate")
    if error.sqlstate is not None and not error.sqlstate.startswith(("08", "57")):
        return MissingLogError(Missing.SERVER_ERROR, asked, f"PostgreSQL answers with the error {error.sqlstate}")
    return _away(asked)


def _closed(asked: str, help_: str) -> MissingLogError:
    return MissingLogError(Missing.NO_PERMISSION, asked, help_)


def _away(asked: str) -> MissingLogError:
    help_ = (
        "the database does not answer: does it run, and can it be reached from here? One that listens on the forge's"
        " machine only is reached by a tunnel: ssh -L PORT:127.0.0.1:PORT USER@HOST, then --database with that port"
    )
    return MissingLogError(Missing.UNREACHABLE, asked, help_)


class MySql:
    """MySQL and MariaDB: the connection's transactions are read-only, and every statement is one of its own."""

    moment = False

    def __init__(self, address: Address) -> None:
        import pymysql

        self.name, self._asked = str(address), f"read the database {address}"
        password = address.password if address.password is not None else os.environ.get("MYSQL_PWD", "")
        try:
            self._connection: pymysql.Connection[Any] = pymysql.connect(
                host=address.host or None,
                port=address.port,
                unix_socket=address.socket or None,
                user=address.user,
                password=str(password),
                database=address.name,
                charset="utf8mb4",
                connect_timeout=_CONNECT,
                read_timeout=_READ,
                write_timeout=_READ,
                autocommit=True,
                ssl=_tls(address.tls),
                init_command="SET SESSION TRANSACTION READ ONLY",
                sql_mode="ANSI_QUOTES",  # "name" is a column, as everywhere else
            )
        except (pymysql.Error, OSError) as e:
            raise _mysql(e, self._asked) from None

    def columns(self, table: str) -> frozenset[str]:
        """The columns of a table."""
        told = "SELECT column_name AS c0 FROM information_schema.columns WHERE table_schema = DATABASE()"
        return frozenset(str(row[0]) for row in self.select(f"{told} AND table_name = ?", (table,)))

    def select(self, sql: str, values: Sequence[int | str]) -> list[tuple[Value, ...]]:
        """The rows."""
        import pymysql

        try:
            with self._connection.cursor() as cursor:
                cursor.execute(sql.replace("?", "%s"), list(values))
                return list(cursor.fetchall())
        except (pymysql.Error, OSError) as e:
            raise _mysql(e, self._asked) from None

    def close(self) -> None:
        """Gives the connection up."""
        self._connection.close()


def _tls(mode: str) -> ssl.SSLContext | None:
    """As app.ini's SSL_MODE has it: `skip-verify` is the forge's own choice for its own database."""
    if mode in ("true", "require", "verify-ca", "verify-full"):
        return ssl.create_default_context()
    if mode == "skip-verify":
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    return None


def _mysql(error: "pymysql.Error | OSError", asked: str) -> MissingLogError:
    """By the server's number (MySQL error message reference) or the client's."""
    number = error.args[0] if error.args and isinstance(error.args[0], int) else 0
    if number in (1044, 1045, 1698):
        return _closed(asked, "the database does not let this user in: check user and password")
    if number in (1142, 1143):
        return _closed(asked, "this user may not read the table: use the forge's own database user")
    if number == 1049:
        return MissingLogError(Missing.NOT_FOUND, asked, "there is no such database: check the address")
    if number == 2003 and "Permission denied" in str(error):
        return _closed(asked, "its socket is closed to this user: run whyred as the forge's user or as root")
    if number == 2026 or isinstance(error, ssl.SSLError):
        return MissingLogError(Missing.TLS_FAILED, asked, "TLS failed: check ?sslmode= and its certificate")
    if 1000 <= number < 2000:
        return MissingLogError(Missing.SERVER_ERROR, asked, f"MySQL answers with the error {number}")
    return _away(asked)
