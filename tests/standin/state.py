"""The web's state-and-logs JSON: steps cut from the log by row numbers, exactly as the servers compute them.

What looks odd is theirs (modules/actions/task_state.go, reference 2.2 and 10): a first step that neither succeeded nor
failed leaves every row in "Set up job", so rows of a cancelled attempt come twice; where an earlier step had succeeded,
the rows after the cancel are in no step at all.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from standin.api_actions import unreadable
from standin.forge import Forge, RefusedError
from standin.rows import TICKS, Row, stamp
from standin.wire import MANY, Reply, as_html, as_text
from standin.world import Attempt, Job, Run, Status, Step, User

PURGED = "Logs have been purged because they were too old."
Shape = dict[str, Any]
_CALLED = {Status.CANCELLED: "Canceled"}


@dataclass(frozen=True, slots=True)
class Asked:
    """What a POST asks for."""

    step: int
    cursor: int
    expanded: bool


def read_cursors(body: bytes) -> list[Asked]:
    """The cursors of a body; whatever is no JSON counts as none (reference 10: a bug in the body is silent)."""
    try:
        found = json.loads(body).get("logCursors") or []
        return [Asked(c.get("step", 0), c.get("cursor") or 0, bool(c.get("expanded"))) for c in found]
    except (ValueError, AttributeError, TypeError):
        return []


def full_steps(attempt: Attempt, generation: int) -> list[Step]:
    """The steps with the two that the server invents at the ends."""
    looked = attempt.steps if generation >= 11 else attempt.steps[:1]  # 7 looks at the first step alone
    begun = [step for step in looked if step.status.has_run or step.status is Status.RUNNING]
    over = attempt.status.done
    begin = Step("Set up job", Status.RUNNING, 0, len(attempt.log), attempt.started)
    if begun:
        first = begun[0]
        begin.length, begin.stopped, begin.status = first.first, first.started, Status.SUCCESS
    elif over:
        begin.stopped = attempt.stopped
        kept = generation >= 11 or attempt.status is Status.SKIPPED
        begin.status = attempt.status if kept else Status.FAILURE
    end, last = Step("Complete job"), next((s for s in reversed(attempt.steps) if s.status.has_run), begin)
    if last.status is Status.FAILURE or last is attempt.steps[-1]:
        end.first = begin.length + sum(step.length for step in attempt.steps)
        end.length, end.started, end.status = len(attempt.log) - end.first, last.stopped, Status.RUNNING
    if over:
        end.status, end.stopped = attempt.status, attempt.stopped
    return [begin, *attempt.steps, end]


def seconds(begin: int, end: int, now: int) -> str:
    """A duration as the web writes it."""
    took = max(0, (end or now) // TICKS - begin // TICKS) if begin else 0
    return f"{took // 60}m{took % 60}s" if took >= 60 else f"{took}s"


def diagnosis(job: Job, status: Status) -> str:
    """The sentence under a job's title; Forgejo 14 and 16 name the label it waits for."""
    if status is Status.WAITING:
        one = "label" if len(job.labels) == 1 else "labels"
        return f"Waiting for a runner with the following {one}: {', '.join(job.labels)}"
    return _CALLED.get(status, status.value.capitalize())


def relative_time(ticks: int) -> str:
    """How pages write a time."""
    if not ticks:
        return "not started"
    iso = stamp(ticks)
    return (
        f'<relative-time prefix="" tense="past" datetime="{iso[:19]}Z" data-tooltip-content '
        f'data-tooltip-interactive="true">{iso[:10]} {iso[11:19]} +00:00</relative-time>'
    )


def _attempts(job: Job) -> list[Shape]:
    return [
        {
            "number": attempt.number,
            "time_since_started_html": relative_time(attempt.started),
            "status": attempt.status.value,
            "status_diagnostics": [diagnosis(job, attempt.status)],
        }
        for attempt in reversed(job.attempts)
    ]


def _all_attempts(job: Job, generation: int) -> list[Shape] | None:
    shown = _attempts(job)
    if job.task is None and generation >= 16:
        waits = [diagnosis(job, job.status)]
        number = {"number": job.attempt, "time_since_started_html": relative_time(0), "status": job.status.value}
        return [{**number, "status_diagnostics": waits}, *shown]
    return shown if job.task is not None else None


def _commit(forge: Forge, run: Run) -> Shape:
    link = f"{forge.prefix}/{run.repo.full_name}"
    names = {"localeCommit": "Commit", "localePushedBy": "pushed by", "localeWorkflow": "Workflow"}
    branch: Shape = {"name": run.branch, "link": f"{link}/src/branch/{run.branch}"}
    if forge.profile.generation >= 11:
        branch["isDeleted"] = False
    if forge.profile.generation >= 16:
        names = {"localeWorkflow": "Workflow", "localeAllRuns": "all runs"}
    if not forge.profile.forgejo:
        names = {}
    who = run.repo.owner.name
    return {
        **names,
        "shortSHA": run.sha[:10],
        "link": f"{link}/commit/{run.sha}",
        "pusher": {"displayName": who, "link": f"{forge.prefix}/{who}"},
        "branch": branch,
    }


def _run(forge: Forge, run: Run, viewer: User | None) -> Shape:
    generation, may = forge.profile.generation, run.repo.may_write(viewer)
    status, over = run.told(fails_early=forge.profile.fails_early), run.status.done
    if 11 <= generation < 13:
        over = status.done  # also while other jobs run (reference 2.2)
    if generation < 11 and status is Status.CANCELLED:
        status = Status.FAILURE
    again, by_id = may and over, forge.profile.web_ids == "database"
    jobs = [
        {
            "id": job.id,
            **({"jobId": job.name} if by_id else {}),
            "name": job.name,
            "status": job.status.value,
            "canRerun": again,
            "duration": seconds(*(_span(job)), forge.world.now),
        }
        for job in run.jobs
    ]
    link = f"{forge.prefix}/{run.repo.full_name}"
    who = run.repo.owner.name
    told = (
        f'Commit <a href="{link}/commit/{run.sha}">{run.sha[:10]}</a> pushed by '
        f'<a href="{forge.prefix}/{who}">{who}</a>'
    )
    shape: Shape = {
        "link": f"{link}/actions/runs/{run.id if by_id else run.index}",
        "title": run.title,
        **({"titleHTML": run.title} if generation >= 11 else {}),
        "status": status.value,
        **({"description": told} if generation >= 15 else {}),
        "canCancel": may and not over,
        "canApprove": False,
        "canRerun": again,
        "canDeleteArtifact": again,
        **({"canDelete": again} if generation >= 16 else {}),
        "done": over,
        "jobs": jobs,
        "commit": _commit(forge, run),
        **({"preExecutionError": run.error} if generation >= 13 else {}),
        **({"preExecutionWarnings": None} if generation >= 16 else {}),
    }
    return shape if forge.profile.forgejo else shape | _gitea_run(forge, run, again)


def _gitea_run(forge: Forge, run: Run, again: bool) -> Shape:
    where = f"{forge.prefix}/{run.repo.full_name}/actions/?workflow={run.workflow}"
    more: Shape = {"workflowID": run.workflow, "workflowLink": where, "isSchedule": False}
    if forge.profile.release >= (1, 26):
        more |= {"repoId": run.repo.id, "canRerunFailed": again and run.status is not Status.SUCCESS}
        more |= {"duration": seconds(run.started, run.stopped, forge.world.now), "triggerEvent": run.event}
        more |= {"triggeredAt": run.created // TICKS}
    return more


def _span(job: Job) -> tuple[int, int]:
    task = job.task
    return (task.started, task.stopped) if task else (0, 0)


def envelope(forge: Forge, job: Job, attempt: Attempt | None, viewer: User | None) -> Shape:
    """Everything but the rows."""
    generation, now = forge.profile.generation, forge.world.now
    status = attempt.status if attempt else job.status
    word = diagnosis(job, status)
    old = _CALLED.get(status, status.value.capitalize())
    steps = [
        {"summary": s.name, "duration": seconds(s.started, s.stopped, now), "status": s.status.value}
        for s in (full_steps(attempt, generation) if attempt else [])
    ]
    current: Shape = {"title": job.name, **({"details": [word]} if generation >= 14 else {"detail": old})}
    current["steps"] = steps
    if generation >= 13:
        current["allAttempts"] = _all_attempts(job, generation)
    more: Shape = {} if forge.profile.forgejo else {"artifacts": None}
    return more | {"state": {"run": _run(forge, job.run, viewer), "currentJob": current}, "logs": {"stepsLog": []}}


def answer_state(forge: Forge, job: Job, attempt: Attempt | None, asked: list[Asked], viewer: User | None) -> Reply:
    """The reply to the web's POST. Raises the 500s of a wrong step and of rows that cannot be read."""
    shape = envelope(forge, job, attempt, viewer)
    kind = (("Content-Type", "application/json;charset=utf-8"),)
    if attempt is None:
        asked = []
    wanted = [a for a in asked if a.expanded]
    gone = attempt is not None and attempt.missing == "expired" and forge.profile.retention
    parts = [_step_log(forge, attempt, a) for a in wanted if not (gone and a.cursor)] if attempt else []
    head, _, tail = json.dumps(shape, ensure_ascii=False, separators=(",", ":")).partition('"stepsLog":[]')
    small = sum(count for _, count in parts) < 5000
    body = _spell(head, [pieces for pieces, _ in parts], tail)
    if not small:
        return Reply(200, body, kind, chunked=True)
    whole = b"".join(body)
    return Reply(200, whole, kind, chunked=len(whole) > MANY)


def _spell(head: str, logs: list[Iterator[str]], tail: str) -> Iterator[bytes]:
    yield (head + '"stepsLog":[').encode("utf-8", "surrogatepass")
    for number, pieces in enumerate(logs):
        yield b"," if number else b""
        gathered: list[str] = []
        for piece in pieces:
            gathered.append(piece)
            if len(gathered) > 500:
                yield "".join(gathered).encode()
                gathered.clear()
        yield "".join(gathered).encode()
    yield ("]" + tail + "\n").encode()


def _step_log(forge: Forge, attempt: Attempt, asked: Asked) -> tuple[Iterator[str], int]:
    steps = full_steps(attempt, forge.profile.generation)
    if not 0 <= asked.step < len(steps):
        raise RefusedError(past_the_end(forge))
    step = steps[asked.step]
    started = step.started // TICKS
    if attempt.missing == "expired" and forge.profile.retention:
        return _spell_log(asked, iter([Row(started * TICKS, PURGED.encode())]), 1, started), 1
    valid = 0 <= asked.cursor < step.length and step.first < len(attempt.log)
    count = step.length - asked.cursor if valid else 0
    if valid and (why := unreadable(forge.profile, attempt)):
        raise RefusedError(broken(forge, why))
    rows = attempt.log.rows(step.first + asked.cursor, count)
    return _spell_log(asked, rows, count, started), count


def past_the_end(forge: Forge) -> Reply:
    """A panic in the server: its page, in Gitea 1.26 two words."""
    if not forge.profile.forgejo and forge.profile.release >= (1, 26):
        return as_text("Internal Server Error", 500)
    return _page_500(forge)


def broken(forge: Forge, why: str) -> Reply:
    """Rows that cannot be read: Forgejo tells why, Gitea shows its page."""
    return as_text(why + "\n", 500) if forge.profile.forgejo else _page_500(forge)


def _page_500(forge: Forge) -> Reply:
    title = "Internal server error" if forge.profile.forgejo else "Internal Server Error"
    return as_html(f"{title} - {forge.profile.name}", "500", 500)


def _spell_log(asked: Asked, rows: Iterator[Row], count: int, started: int) -> Iterator[str]:
    yield f'{{"step":{asked.step},"cursor":{asked.cursor + count},"lines":['
    for number, row in enumerate(rows, 1):
        comma = "," if number > 1 else ""
        text = json.dumps(row.text.decode("utf-8", "replace"), ensure_ascii=False)
        yield f'{comma}{{"index":{asked.cursor + number},"message":{text},"timestamp":{row.time / TICKS}}}'
    yield f'],"started":{started}}}'
