"""Exchanges recorded from running Forgejo servers, and how far an answer of the stand-in is like one.

`recordings/forgejo-N/NAME.http` is a request and the reply's head, `NAME.body.*` the reply's body (HTML: its title and
`data-*` attributes). Credentials are `<...>`; `event_payload` is cut short.
"""

import io
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "recordings"
STAMP = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{7}Z ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Recording:
    """One exchange."""

    version: str
    name: str
    method: str
    path: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    status: int
    reply_headers: tuple[tuple[str, str], ...]
    reply: bytes
    kind: str
    """How the body is kept: `json`, `txt`, `html.txt`, `zip`, `bin`; empty when there was none."""

    def header(self, name: str) -> str:
        """A header of the request."""
        return next((value for key, value in self.headers if key == name), "")

    def replied(self, name: str) -> list[str]:
        """A header of the reply."""
        return [value for key, value in self.reply_headers if key == name]


def read(file: Path) -> Recording:
    """A recording from its `.http` file and the body beside it."""
    asked, _, replied = file.read_text("utf-8", "replace").partition("=== reply\n")
    head, _, body = asked.partition("\n\n")
    lines = head.splitlines()
    method, path, _ = lines[0].split(" ")
    answer = replied.strip().split("\n(body")[0].splitlines()
    kept = sorted(file.parent.glob(f"{file.stem}.body.*"))
    return Recording(
        file.parent.name,
        file.stem,
        method,
        path,
        tuple(_pairs(lines[1:])),
        body.strip("\n").encode(),
        int(answer[0].split(" ")[1]),
        tuple(_pairs(answer[1:])),
        kept[0].read_bytes() if kept else b"",
        kept[0].name.partition(".body.")[2] if kept else "",
    )


def _pairs(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        name, colon, value = line.partition(": ")
        if colon and not line.startswith("#"):
            yield name, value


@cache
def recordings(version: str) -> tuple[Recording, ...]:
    """All of a version, by name."""
    return tuple(read(file) for file in sorted((FOLDER / version).glob("*.http")))


def address(version: str) -> str:
    """Where the recorded server was."""
    kind, _, number = version.partition("-")
    return f"http://127.0.0.1:41{int(number):02d}" if kind == "forgejo" else "http://127.0.0.1:4126"


# --- likeness --------------------------------------------------------------------------------------------------------

Shape = Any


def shape(value: Any) -> Shape:
    """Keys and types of a JSON value; a list's items are laid over each other."""
    if isinstance(value, dict):
        return {key: shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_merged([shape(item) for item in value])]
    if isinstance(value, bool) or value is None:
        return {type(value).__name__}
    return {"number"} if isinstance(value, int | float) else {type(value).__name__}


def _merged(shapes: list[Shape]) -> Shape:
    if not shapes:
        return None
    if all(isinstance(item, dict) for item in shapes):
        keys = sorted({key for item in shapes for key in item})
        return {key: _merged([item[key] for item in shapes if key in item]) for key in keys}
    if all(isinstance(item, list) for item in shapes):
        return [_merged([inner for item in shapes for inner in item if inner is not None])]
    flat = [item if isinstance(item, set) else {type(item).__name__} for item in shapes]
    return set().union(*flat)


def differences(ours: Shape, theirs: Shape, at: str = "") -> Iterator[str]:
    """Where two shapes differ; `duration` may be absent: it is when it is 0."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            if key in ours and key in theirs:
                yield from differences(ours[key], theirs[key], f"{at}.{key}")
            elif key != "duration":
                yield f"{at}.{key} is {'missing' if key in theirs else 'too much'}"
    elif isinstance(ours, list) and isinstance(theirs, list):
        if (ours[0] is None) != (theirs[0] is None):
            yield f"{at}[] is {'empty' if ours[0] is None else 'not empty'}"
        elif ours[0] is not None:
            yield from differences(ours[0], theirs[0], f"{at}[]")
    elif ours != theirs:
        yield f"{at} is {ours}, recorded {theirs}"


_WORDS = (
    "attempt canCancel canRerun code context cursor data detail details done errorMessage event id "
    "index index_in_repo link login message name needs number prettyref private run_id run_number "
    "runs_on state status step summary target_url task_id title version workflow_id "
)
TELLING = frozenset(_WORDS.split())
"""Keys whose values must be equal too, not only their types."""


def telling(value: Any, at: str = "") -> Iterator[tuple[str, str]]:
    """The values under such keys, in order, without what differs from day to day.

    Commit statuses of one second come in any order: they are taken by context, without their ids.
    """
    items: Iterator[tuple[object, Any]] = iter(())
    if isinstance(value, dict):
        items = iter(value.items())
    elif isinstance(value, list):
        statuses = bool(value) and isinstance(value[0], dict) and "context" in value[0]
        ordered = sorted(value, key=lambda row: (row["context"], row["id"])) if statuses else value
        items = iter(enumerate(ordered))
    for key, item in items:
        racing = key == "id" and "context" in value
        if key in TELLING and not isinstance(item, dict) and not racing:
            yield f"{at}.{key}", log_text(str(item).encode()).replace("\\n", "\n")
        yield from telling(item, f"{at}.{key}")


def log_text(data: bytes) -> str:
    """The text of a log without what differs from day to day: times, ids, folders."""
    text = re.sub(r"\b[0-9a-f]{40}\b", "SHA", STAMP.sub("", data.decode("utf-8", "replace")))
    text = re.sub(r"(tick \d+\n)+", "ticks\n", text)
    text = re.sub(r"received task \d+ of job [^,]+,", "received task N of job J,", text)
    return re.sub(r"rt=\S+", "rt=FOLDER", re.sub(r"run=\d+ number=\d+ attempt=\d", "run=R", text))


def plain_text(data: bytes, host: str) -> str:
    """A text without the server's address and ids of tasks."""
    text = data.decode("utf-8", "replace").replace(host, "HOST")
    return re.sub(r"[0-9a-f]{2}/\d+\.log", "hh/N.log", re.sub(r"task \d+", "task N", text))


def page(data: bytes) -> dict[str, str]:
    """Title and `data-*` attributes: of a real page and of a recorded one."""
    text = data.decode("utf-8", "replace")
    if match := re.search(r"<title>(.*?)</title>", text):
        found = {"title": match[1]} | dict(re.findall(r'(data-[\w-]+)="([^"]*)"', text))
        return {key: value for key, value in found.items() if key in {"title", *_KEPT}}
    lines = [line.partition(" = ") for line in text.splitlines()]
    title = next((line.partition("title: ")[2] for line in text.splitlines() if line.startswith("title: ")), "")
    return {"title": title} | {name: value for name, _, value in lines if name in _KEPT}


_KEPT = {
    "data-run-index",
    "data-run-id",
    "data-job-index",
    "data-attempt-number",
    "data-actions-url",
    "data-workflow-name",
    "data-workflow-url",
    "data-workflow-source-url",
    "data-initial-post-response",
}


def members(data: bytes) -> list[str]:
    """The names in an archive."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return sorted(re.sub(r"\d+", "N", name) for name in archive.namelist())


SCENARIO_OF = {
    "statuses-failed": "fail",
    "statuses-matrix": "matrix",
    "statuses-skip": "skip",
    "statuses-waiting": "nolabel",
    "cancel-statuses": "cancel",
    "running-statuses": "long",
    "status-combined": "main",
}
"""The recordings whose requests tell the commits."""


def commits(version: str) -> dict[str, str]:
    """Scenario -> commit id, as this server's recordings have them."""
    found = {r.name: r.path.split("/commits/")[1].split("/")[0] for r in recordings(version) if r.name in SCENARIO_OF}
    return {SCENARIO_OF[name]: sha for name, sha in found.items()}
