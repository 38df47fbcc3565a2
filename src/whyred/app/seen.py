"""What was seen on forges lately: repositories, runs and jobs, remembered so that the tab key can complete them."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from whyred.logs.text import INVISIBLE, visible
from whyred.model.run import Attempt, Run
from whyred.settings import folders

_MOST = 400
"""Runs that are remembered."""


def remember(runs: Iterable[Run], attempts: Iterable[Attempt] = ()) -> None:
    """Keeps what was seen, newest first; what cannot be written is not remembered."""
    cache = folders.cache()
    if cache is None:
        return
    file, part = cache / "seen.json", cache / f"seen.json.{os.getpid()}"
    known = _load(file)
    jobs: dict[str, list[str]] = {}
    for attempt in attempts:
        if attempt.job is not None:
            jobs.setdefault(attempt.run.label, []).append(attempt.job.name)
    fresh: dict[str, dict[str, object]] = {
        r.label: {"title": r.title or "", "jobs": jobs.get(r.label, [])} for r in runs if "#" in r.label
    }
    for label, entry in fresh.items():
        if not entry["jobs"] and label in known:
            entry["jobs"] = known[label].get("jobs", [])
    merged = dict(list({**fresh, **{k: v for k, v in known.items() if k not in fresh}}.items())[:_MOST])
    try:
        cache.mkdir(parents=True, exist_ok=True)
        part.write_text(json.dumps(merged), encoding="utf-8")
        part.replace(file)
    except OSError:
        with suppress(OSError):  # a full disk, or no folder at all: then the tab key knows less
            part.unlink()


def _load(file: Path) -> dict[str, dict[str, object]]:
    try:
        data = json.loads(file.read_bytes())
    except (OSError, ValueError):
        return {}
    return {k: v for k, v in data.items() if isinstance(v, dict)} if isinstance(data, dict) else {}


def complete(begun: str) -> list[tuple[str, str]]:
    """(target, what it is) for what was begun: repositories first, then their runs after `#`, then jobs after `:`."""
    cache = folders.cache()
    known = _load(cache / "seen.json") if cache else {}
    label, colon, job = begun.partition(":")
    if colon and label in known:
        names = known[label].get("jobs")
        listed = [name for name in names if isinstance(name, str)] if isinstance(names, list) else []
        # What cannot be seen cannot be typed either, and must not reach the terminal by the tab key.
        return [(f"{label}:{name}", "job") for name in listed if name.startswith(job) and not INVISIBLE.search(name)]
    if "#" in begun:
        return [(k, _plain(v.get("title"))) for k, v in known.items() if k.startswith(begun)]
    repos = dict.fromkeys(k.partition("#")[0] for k in known)
    return [(repo, "repository") for repo in repos if repo.startswith(begun)]


def _plain(title: object) -> str:
    return visible(str(title or "").replace("\n", " ").replace("\t", " "))[:80]
