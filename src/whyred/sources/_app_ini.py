"""What whyred takes from a forge's app.ini: where its data folder, its database and its logs are, and nothing else.

Source: custom/conf/app.example.ini and modules/setting/{path,server,database,storage}.go of Forgejo 7 to 16 and Gitea
1.21 to 1.26; the form of the file is that of gopkg.in/ini.v1, which both read it with.
"""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from whyred.model.credential import Hidden

_SECTION = re.compile(r"\[([^\]]*)\]")
_TAKEN = {
    "": {"WORK_PATH"},
    "server": {"APP_DATA_PATH"},
    "database": {"DB_TYPE", "HOST", "NAME", "USER", "PASSWD", "SCHEMA", "SSL_MODE", "PATH"},
}
_STORAGE = {"STORAGE_TYPE", "PATH"}
_ACTIONS_LOG = "actions_log"

Sections = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Written:
    """The database as app.ini writes it. `kind`: sqlite3, postgres, mysql, mssql; `host` may be a socket or its folder;
    `path` is SQLite's file, empty for the usual one in the data folder.
    """

    kind: str
    host: str = ""
    name: str = ""
    user: str = ""
    password: Hidden = field(default=Hidden(""))
    schema: str = ""
    tls: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Storage:
    """Where logs are kept: `kind` is `local` or the name of an object store (minio, azureblob); `path` for local."""

    kind: str
    path: str


@dataclass(frozen=True, slots=True)
class Settings:
    """All that is taken from app.ini."""

    data: str
    database: Written
    logs: Storage


def read_settings(text: str, work: str) -> Settings:
    """The settings of an app.ini. `work`: the forge's work folder, where the file does not say it (WORK_PATH)."""
    sections = taken(text)
    work = sections.get("", {}).get("WORK_PATH") or work
    data = posixpath.join(work, sections.get("server", {}).get("APP_DATA_PATH") or "data")
    return Settings(data, _database(sections.get("database", {}), work), _logs(sections, data))


def taken(text: str) -> dict[str, dict[str, str]]:
    """The keys whyred takes, by section; what else the file holds, secrets above all, is dropped line by line."""
    sections: dict[str, dict[str, str]] = {}
    section = ""
    for line in text.removeprefix("\ufeff").splitlines():
        line = line.strip()
        if not line or line[0] in "#;":
            continue
        if begun := _SECTION.match(line):
            section = begun[1].strip().lower()
            continue
        key, told, value = line.partition("=")
        name = key.strip().strip("`\"'").upper()
        if told and name in _wanted(section):
            # Of a key that stands there twice the last one counts.
            sections.setdefault(section, {})[name] = Hidden(_value(value)) if name == "PASSWD" else _value(value)
    return sections


def _wanted(section: str) -> set[str]:
    if section == "storage" or section.startswith("storage."):
        return _STORAGE
    return _TAKEN.get(section, set())


def _value(text: str) -> str:
    """A value without its quotes; one without quotes ends at the first `#` or `;`, as ini.v1 has it."""
    text = text.strip()
    for quote in ('"""', "`", '"', "'"):
        if text.startswith(quote) and (end := text.find(quote, len(quote))) >= 0:
            return text[len(quote) : end]
    return re.split(r"[#;]", text, maxsplit=1)[0].strip()


def _database(keys: Mapping[str, str], work: str) -> Written:
    kind = (keys.get("DB_TYPE") or "sqlite3").lower()
    return Written(
        kind={"sqlite": "sqlite3", "postgresql": "postgres", "mariadb": "mysql"}.get(kind, kind),
        host=keys.get("HOST", ""),
        name=keys.get("NAME", ""),
        user=keys.get("USER", ""),
        password=Hidden(keys.get("PASSWD", "")),
        schema=keys.get("SCHEMA", ""),
        tls=keys.get("SSL_MODE", ""),
        path=posixpath.join(work, keys["PATH"]) if keys.get("PATH") else "",
    )


def _logs(sections: Sections, data: str) -> Storage:
    """`[storage.actions_log]` decides, else `[storage]`; a STORAGE_TYPE may be the name of a further section."""
    own, all_ = sections.get(f"storage.{_ACTIONS_LOG}", {}), sections.get("storage", {})
    path = own.get("PATH", "")
    kind = own.get("STORAGE_TYPE", "")
    if not kind:
        kind = all_.get("STORAGE_TYPE", "")
        if not path and all_.get("PATH"):
            path = posixpath.join(all_["PATH"], _ACTIONS_LOG)
    if kind and kind != "local" and f"storage.{kind}" in sections:
        named = sections[f"storage.{kind}"]
        if not path and named.get("PATH"):
            path = posixpath.join(named["PATH"], _ACTIONS_LOG)
        kind = named.get("STORAGE_TYPE") or kind
    return Storage(kind or "local", posixpath.join(data, path or _ACTIONS_LOG))
