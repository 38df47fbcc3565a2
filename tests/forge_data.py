"""A forge's data folder as recorded from Forgejo 7, 11, 14 and 16: database rows and log files, for SQLite and others.

The rows of the failed, cancelled and running runs and the stored files are recordings. The rows of the green and the
ugly run, and the texts of the cancelled and the running job, are worked out from recorded answers of the web pages.
Secret columns hold a canary.
"""

import json
import re
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import zstandard

FIXTURES = Path(__file__).parent / "sources" / "forge-database"
VERSIONS = ("7", "11", "14", "16")
CANARY = "canary-4f1d-never-read"
SECRET = frozenset(
    {
        "token_hash", "token_salt", "token_last_eight", "runner_request_key", "event_payload", "workflow_payload",
        "output_value", "uuid",
    }
)  # fmt: skip
BLOBS = frozenset({"log_indexes", "blob_data"})
FLAGS = frozenset({"log_in_storage", "log_expired", "is_fork_pull_request", "need_approval"})
BLOCK = 32768
_NUMBERS = {"success": 1, "failure": 2, "cancelled": 3, "skipped": 4, "waiting": 5, "running": 6}
_TEXTS = frozenset(
    {
        "title", "workflow_id", "ref", "commit_sha", "event", "trigger_event", "name", "needs", "runs_on", "output_key",
        "log_filename", "full_path", "owner_name", "lower_name", "handle", "workflow_directory", "description",
    }
)  # fmt: skip

Row = dict[str, Any]


def is_text(table: str, column: str) -> bool:
    """Whether a column holds text (most others are numbers)."""
    if (table, column) in (("action_run_job", "job_id"), ("action_runner", "version")):
        return True
    return column in _TEXTS or column in SECRET or column.startswith(("pre_execution", "concurrency_group", "agent_"))


@dataclass
class Data:
    """The tables of one forge and the files beside it: name below `actions_log` -> bytes."""

    version: str
    columns: dict[str, list[str]]
    rows: dict[str, list[Row]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    texts: dict[str, bytes] = field(default_factory=dict)
    """Name of a scenario -> its log."""

    def add(self, table: str, **values: Any) -> None:
        """One more row."""
        self.rows.setdefault(table, []).append(values)

    def row(self, table: str, id_: int) -> Row:
        """The row with this id."""
        return next(row for row in self.rows[table] if row["id"] == id_)

    def task(self, scenario: str) -> Row:
        """The task of a scenario."""
        name = next(n for n in self.texts if n == scenario)
        return self.row("action_task", TASKS[self.version][name])

    @property
    def suffix(self) -> str:
        """How its log files end."""
        return ".log" if self.version == "7" else ".log.zst"


TASKS = {
    "7": {"green": 12, "failed": 13, "ugly": 14, "running": 22, "cancelled": 23, "waiting": 0},
    "11": {"green": 12, "failed": 13, "running": 24, "cancelled": 25, "lingering": 9, "waiting": 0},
    "14": {"green": 12, "failed": 13, "running": 24, "cancelled": 25, "waiting": 0},
    "16": {"green": 11, "failed": 12, "ugly": 13, "running": 22, "cancelled": 23, "waiting": 0},
}
"""Version -> scenario -> number of its task."""
RUN_NUMBERS = {"green": 1, "failed": 2, "ugly": 3, "running": 9, "cancelled": 10, "lingering": 30, "waiting": 40}


def state(version: str, scenario: str) -> dict[str, Any]:
    """A recorded answer of the web page."""
    data: dict[str, Any] = json.loads((FIXTURES / version / f"{scenario}-state.json").read_text(encoding="utf-8"))
    return data


def recorded(version: str) -> Data:
    """The forge of this version."""
    folder = FIXTURES / version
    data = Data(version, json.loads((folder / "columns.json").read_text(encoding="utf-8")))
    data.columns["repository"] = ["id", "owner_id", "owner_name", "lower_name", "name", "is_private"]
    data.add("repository", id=1, owner_id=1, owner_name="alice", lower_name="pub", name="pub", is_private=0)
    data.add("repository", id=2, owner_id=1, owner_name="alice", lower_name="priv", name="Priv", is_private=1)
    data.add("action_runner", id=1, uuid=CANARY, name="runner-1", token_hash=CANARY, token_salt=CANARY)
    _recorded_rows(data, folder)
    for scenario in ("green", "ugly"):
        if scenario in TASKS[version]:
            _from_state(data, scenario)
    _from_file(data, folder, "failed")
    _cancelled(data)
    _running(data, folder)
    if version == "11":
        _lingering(data, folder)
    _waiting(data)
    data.add("action_task_output", id=1, task_id=TASKS[version]["green"], output_key="x", output_value=CANARY)
    return data


def _recorded_rows(data: Data, folder: Path) -> None:
    for name in ("failed", "cancelled"):
        tables = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
        for table, found in tables.items():
            for row in found:
                data.add(table, **{k: _value(k, v) for k, v in row.items()})


def _value(column: str, value: Any) -> Any:
    if column in SECRET:
        return CANARY
    return bytes.fromhex(value["hex"]) if isinstance(value, dict) else value


def _from_file(data: Data, folder: Path, scenario: str) -> None:
    file = next(f for f in folder.iterdir() if f.name.startswith(f"{scenario}-") and ".log" in f.name)
    task = TASKS[data.version][scenario]
    data.files[f"alice/priv/{task % 256:02x}/{task}{data.suffix}"] = file.read_bytes()
    data.texts[scenario] = unpacked(file.read_bytes())


def unpacked(packed: bytes) -> bytes:
    """The text of a stored file."""
    if not packed.startswith(b"\x28\xb5\x2f\xfd"):
        return packed
    with zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True) as reader:
        return reader.read()


def _from_state(data: Data, scenario: str) -> None:
    """A run that succeeded, whose rows follow from the web page's answer."""
    _from_file(data, FIXTURES / data.version, scenario)
    told, task, number = state(data.version, scenario), TASKS[data.version][scenario], RUN_NUMBERS[scenario]
    job = told["state"]["run"]["jobs"][0]["id"]
    add_run(data, 100 + number, number, job, task, scenario, status=1)
    add_task(data, task, job, data.texts[scenario], status=1)
    at = told["logs"]["stepsLog"][0]["cursor"]
    for index, step in enumerate(told["state"]["currentJob"]["steps"][1:-1]):
        count = told["logs"]["stepsLog"][index + 1]["cursor"]
        add_step(data, task, index, step["summary"], _NUMBERS[step["status"]], at, count)
        at += count


def add_run(
    data: Data, id_: int, number: int, job: int, task: int, name: str, status: int, attempt: int = 1, repo: int = 2
) -> None:
    """A run with one job."""
    data.add(
        "action_run", id=id_, title=f"scenario {name}", repo_id=repo, workflow_id=f"{name}.yml", index=number,
        ref=f"refs/heads/s-{name}", commit_sha=f"{id_:040x}", event="push", event_payload=CANARY, trigger_event="push",
        status=status, started=1795462000 + id_, stopped=1795462010 + id_ if status < 5 else 0, created=1795462000,
    )  # fmt: skip
    data.add(
        "action_run_job", id=job, run_id=id_, repo_id=repo, name=name, attempt=attempt, workflow_payload=CANARY,
        job_id=name, needs="null", runs_on='["native"]', task_id=task, status=status, started=1795462000 + id_,
        stopped=1795462010 + id_ if status < 5 else 0,
    )  # fmt: skip


def add_task(data: Data, task: int, job: int, log: bytes, status: int, **more: Any) -> None:
    """A task with a log of this text."""
    data.add(
        "action_task",
        **{
            "id": task, "job_id": job, "attempt": 1, "runner_id": 1, "status": status, "started": 1795462001,
            "stopped": 1795462009 if status < 5 else 0, "repo_id": 2, "token_hash": CANARY, "token_salt": CANARY,
            "token_last_eight": CANARY, "log_filename": f"alice/priv/{task % 256:02x}/{task}{data.suffix}",
            "log_in_storage": 1, "log_length": log.count(b"\n"), "log_size": len(log), "log_indexes": indexes(log),
            "log_expired": 0, **more,
        },
    )  # fmt: skip


def add_step(data: Data, task: int, index: int, name: str, status: int, first: int, count: int) -> None:
    """A step of a task."""
    data.add(
        "action_task_step", id=task * 1000 + index, name=name, task_id=task, index=index, status=status,
        log_index=first, log_length=count, started=1795462002 if status != 5 else 0,
        stopped=1795462003 if status < 5 else 0,
    )  # fmt: skip


def indexes(log: bytes) -> bytes:
    """Where each line begins, as the forges keep it: Go's signed varints."""
    out, at = bytearray(), 0
    for line in log.splitlines(keepends=True) if b"\r" not in log else re.findall(rb"[^\n]*\n", log):
        value = at << 1
        while value >= 0x80:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)
        at += len(line)
    return bytes(out)


def web_lines(version: str, scenario: str) -> list[list[bytes]]:
    """The lines of every step as the web page shows them, written as they are stored."""
    return [[stored(line) for line in step["lines"]] for step in state(version, scenario)["logs"]["stepsLog"]]


def stored(line: Mapping[str, Any]) -> bytes:
    """A line of the web page as it is on disk; the page rounds the last digit of the time."""
    whole, _, rest = str(Decimal(repr(line["timestamp"]))).partition(".")
    stamp = f"{datetime.fromtimestamp(int(whole), UTC):%Y-%m-%dT%H:%M:%S}.{rest.ljust(7, '0')[:7]}Z"
    return f"{stamp} {line['message']}\n".encode()


def _cancelled(data: Data) -> None:
    task = TASKS[data.version]["cancelled"]
    text = b"".join(web_lines(data.version, "cancelled")[0])
    data.texts["cancelled"] = text
    name = data.row("action_task", task)["log_filename"]
    data.files[name] = text if data.version == "7" else packed(text)


def packed(text: bytes, frame: int = 131072) -> bytes:
    """A text as the forges store it from Forgejo 9 on: frames of 128 KiB of text and a seek table."""
    frames = [text[at : at + frame] for at in range(0, len(text), frame)]
    compressed = [zstandard.ZstdCompressor(level=3).compress(f) for f in frames]
    table = b"".join(
        len(c).to_bytes(4, "little") + len(f).to_bytes(4, "little") + b"\1\2\3\4"
        for c, f in zip(compressed, frames, strict=True)
    )
    footer = len(frames).to_bytes(4, "little") + b"\x80" + (0x8F92EAB1).to_bytes(4, "little")
    head = (0x184D2A5E).to_bytes(4, "little") + (len(table) + len(footer)).to_bytes(4, "little")
    return b"".join(compressed) + head + table + footer


def _running(data: Data, folder: Path) -> None:
    found = json.loads((folder / "running.json").read_text(encoding="utf-8"))
    task = found["action_task"][0]
    lines = [line for step in web_lines(data.version, "running") for line in step][: task["log_length"]]
    data.texts["running"] = b"".join(lines)
    assert len(data.texts["running"]) == task["log_size"]
    log = {k.removesuffix("_hex"): bytes.fromhex(v) if k.endswith("_hex") else v for k, v in task.items()}
    data.add("action_task", **log, token_hash=CANARY, token_salt=CANARY, token_last_eight=CANARY)
    add_run(data, 109, RUN_NUMBERS["running"], task["job_id"], task["id"], "running", status=6)
    for row in found["action_task_step"]:
        data.add("action_task_step", **row)
    add_rows(data, found["dbfs_meta"], task["log_filename"], data.texts["running"])


def add_rows(data: Data, metas: Sequence[Row], name: str, text: bytes) -> None:
    """The log of a running job in the database."""
    meta = next(m for m in metas if m["full_path"].endswith(name))
    assert meta["full_path"] == f"4:actions_log/{name}"
    data.add("dbfs_meta", **{**meta, "file_size": len(text)})
    for at in range(0, len(text), BLOCK):
        data.add(
            "dbfs_data", id=meta["id"] * 1000 + at // BLOCK, revision=3, meta_id=meta["id"], blob_offset=at,
            blob_size=0, blob_data=text[at : at + BLOCK],
        )  # fmt: skip


def _lingering(data: Data, folder: Path) -> None:
    """A job that has ended whose log never left the database."""
    found = json.loads((folder / "lingering.json").read_text(encoding="utf-8"))
    task = found["action_task"][0]
    text = found["dbfs_data"][0]["blob_data"].encode()
    data.texts["lingering"] = text
    # The recording leaves some bytes of the text out, so its size is that of the recorded text.
    log = {**task, "log_size": len(text), "log_indexes": indexes(text)}
    data.add("action_task", **log, attempt=1, runner_id=1)
    add_run(data, 130, RUN_NUMBERS["lingering"], task["job_id"], task["id"], "lingering", status=1)
    for row in found["action_task_step"]:
        data.add("action_task_step", **row)
    add_rows(data, found["dbfs_meta"], task["log_filename"], text)


def _waiting(data: Data) -> None:
    """A job with a label that no runner has."""
    data.texts["waiting"] = b""
    add_run(data, 140, RUN_NUMBERS["waiting"], 900, 0, "waiting", status=5)
    data.rows["action_run_job"][-1]["runs_on"] = '["gpu", "big"]'


def write_files(data: Data, folder: Path) -> None:
    """The log files below a data folder."""
    for name, content in data.files.items():
        file = folder / "actions_log" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def write_sqlite(data: Data, file: Path, journal: str = "wal") -> None:
    """The tables as an SQLite database that no server has open."""
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA journal_mode={journal}")
        for table, columns in data.columns.items():
            connection.execute(f"CREATE TABLE `{table}` ({', '.join(f'`{c}`' for c in columns)})")
        for statement, values in inserts(data):
            connection.execute(statement, values)


def inserts(data: Data, quote: str = "`", place: str = "?") -> Iterator[tuple[str, list[Any]]]:
    """One statement a row."""
    for table, found in data.rows.items():
        for row in found:
            names = [n for n in row if n in data.columns[table]]
            told = ", ".join(f"{quote}{n}{quote}" for n in names)
            places = ", ".join([place] * len(names))
            yield f"INSERT INTO {quote}{table}{quote} ({told}) VALUES ({places})", [row[n] for n in names]


def make(version: str, folder: Path, journal: str = "wal") -> Data:
    """A data folder with database and files."""
    data = recorded(version)
    folder.mkdir(parents=True, exist_ok=True)
    write_files(data, folder)
    write_sqlite(data, folder / "gitea.db", journal)
    return data


def copy(folder: Path, to: Path) -> Path:
    """A data folder once more, to spoil it."""
    shutil.copytree(folder, to)
    return to
