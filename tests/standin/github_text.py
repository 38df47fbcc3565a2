"""GitHub's text of an attempt, made from the same rows as the forges': whole, per step, and as the archive of a run.

Forms (reference 6.3, actions/runner): a byte order mark at the start of each file, `##[group]Run` before each step,
`##[error]Process completed with exit code N.` after a failing one, continuation lines without a time.
"""

import io
import re
import zipfile
from dataclasses import dataclass, field

from standin.rows import stamp
from standin.world import Attempt, Run, Status, Step

BOM = "\ufeff"
LONGEST_NAME = 90
"""UTF-16 units of a job's name in the archive (cli/cli pkg/cmd/run/view)."""
_EXIT = re.compile(r"⚙️ \[runner\]: RUN exit status (\d+)")
_COMMAND = re.compile(r"::(error|warning|notice)(?: ([^:]*))?::(.*)", re.DOTALL)


@dataclass(slots=True)
class ZipForm:
    """What a run's archive holds: real ones lack the top-level file or the folder of some jobs (cli/cli #10853)."""

    top: bool = True
    folders: bool = True
    system: bool = True
    without_top: set[str] = field(default_factory=set)
    without_folder: set[str] = field(default_factory=set)


def numbered(attempt: Attempt) -> list[tuple[int, Step]]:
    """The steps with GitHub's numbers: 1 is "Set up job", the last one "Complete job" comes after a gap."""
    over, last = attempt.status.done, len(attempt.steps)
    begin = Step("Set up job", Status.SUCCESS if attempt.log.size else Status.RUNNING, 0, 0, attempt.started)
    begin.stopped = attempt.steps[0].started if attempt.steps else attempt.stopped
    end = Step("Complete job", Status.SUCCESS if over else Status.WAITING, 0, 0, attempt.stopped, attempt.stopped)
    return [(1, begin), *enumerate(attempt.steps, 2), (last + 2 + last, end)]


def step_text(attempt: Attempt, number: int) -> str:
    """One step's part, as its file in the archive has it."""
    found = dict(numbered(attempt))[number]
    if found.name == "Set up job" and number == 1:
        return BOM + _lines(attempt.started, _setup(attempt))
    if found.name == "Complete job" and number > len(attempt.steps) + 1:
        return BOM + _lines(attempt.stopped or attempt.updated, ["Cleaning up orphan processes"])
    if found.status in {Status.SKIPPED, Status.WAITING}:
        return ""
    head = [f"##[group]Run {found.name}", found.name, "shell: /usr/bin/bash -e {0}", "##[endgroup]"]
    rows = "".join(
        f"{stamp(row.time)} {github_line(row.text.decode('utf-8', 'replace'))}\n"
        for row in attempt.log.rows(found.first, found.length)
    )
    return BOM + _lines(found.started, head) + rows


def _setup(attempt: Attempt) -> list[str]:
    return [
        "Current runner version: '2.328.0'",
        "##[group]Runner Image",
        "Image: ubuntu-24.04",
        "##[endgroup]",
        f"Runner name: '{attempt.runner}'",
        "Prepare workflow directory",
        f"Complete job name: {attempt.job.name}",
    ]


def _lines(time: int, texts: list[str]) -> str:
    return "".join(f"{stamp(time)} {text}\n" for text in texts)


def github_line(text: str) -> str:
    """A row as GitHub stores it: commands become marks, the runner's words its own."""
    if match := _EXIT.fullmatch(text):
        return f"##[error]Process completed with exit code {match[1]}."
    if match := _COMMAND.fullmatch(text):
        return f"##[{match[1]}]{match[3]}"
    return text


def whole_text(attempt: Attempt) -> str:
    """The job's text: the parts one after the other, each with its byte order mark as they come out of the joins."""
    return "".join(step_text(attempt, number) for number, _ in numbered(attempt))


def annotations(attempt: Attempt) -> list[dict[str, object]]:
    """What the check run of a job tells: one for each command, one for the failure."""
    found: list[dict[str, object]] = []
    for row in attempt.log.rows(0, len(attempt.log) if len(attempt.log) < 100_000 else 0):
        text = row.text.decode("utf-8", "replace")
        if match := _COMMAND.fullmatch(text):
            given = dict(pair.split("=", 1) for pair in (match[2] or "").split(",") if "=" in pair)
            level = {"error": "failure", "warning": "warning", "notice": "notice"}[match[1]]
            found.append(_annotation(given.get("file", ".github"), int(given.get("line", "1")), level, match[3]))
        elif match := _EXIT.fullmatch(text):
            message = f"Process completed with exit code {match[1]}."
            found.append(_annotation(".github", len(attempt.steps) * 10, "failure", message))
    return found


def _annotation(path: str, line: int, level: str, message: str) -> dict[str, object]:
    return {
        "path": path,
        "blob_href": "",
        "start_line": line,
        "start_column": None,
        "end_line": line,
        "end_column": None,
        "annotation_level": level,
        "title": "",
        "message": message,
        "raw_details": "",
    }


def file_name(name: str) -> str:
    """A job's or step's name in the archive: some characters gone, cut at 90 UTF-16 units."""
    kept = re.sub(r'[/:<>|*?"\\\x00-\x1f]', "", name)
    return kept.encode("utf-16-le")[: 2 * LONGEST_NAME].decode("utf-16-le", "ignore").strip()


def run_zip(run: Run, number: int, form: ZipForm) -> bytes:
    """The archive of a run's attempt."""
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        for index, job in enumerate(run.jobs):
            attempt = next((a for a in reversed(job.attempts) if a.number <= number), None)
            if attempt is None:
                continue
            name = file_name(job.name)
            if form.top and job.name not in form.without_top:
                archive.writestr(f"{index}_{name}.txt", whole_text(attempt))
            if form.system:
                archive.writestr(f"{name}/system.txt", _system(attempt))
            if form.folders and job.name not in form.without_folder:
                for place, step in numbered(attempt):
                    if text := step_text(attempt, place):
                        archive.writestr(f"{name}/{place}_{file_name(step.name)}.txt", text)
    return kept.getvalue()


def _system(attempt: Attempt) -> str:
    asked = f"Requested labels: {', '.join(attempt.job.labels)}"
    told = [asked, "Waiting for a runner to pick up this job...", f"Job is about to start running on {attempt.runner}"]
    return BOM + _lines(attempt.started, told)
