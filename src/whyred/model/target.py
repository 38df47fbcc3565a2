"""Reads what a person writes or copies from a browser as the address of a run on a forge."""

import re
from urllib.parse import SplitResult, unquote, urlsplit

from whyred.model.forge import Address

_SEGMENT = r"[A-Za-z0-9_.-]+"
_REPO = rf"{_SEGMENT}(?:/{_SEGMENT})+"
_SHORT = re.compile(
    rf"(?P<repo>{_REPO})(?:#(?P<run>[1-9][0-9]{{0,17}})|@(?P<commit>[^:@\s]{{1,200}}))?(?::(?P<job>[^\x00-\x1f]{{1,300}}))?"
)
_SHA = re.compile(r"[0-9a-f]{4,64}")
_RUN = re.compile(
    rf"^(?P<root>.*?)/(?P<repo>{_SEGMENT}/{_SEGMENT})/actions/(?:runs|tasks)/(?P<run>[0-9]{{1,18}}|latest)"
    rf"(?:/attempts?/(?P<before>[0-9]{{1,9}}))?(?:/jobs?/(?P<job>[0-9]{{1,18}}))?"
    rf"(?:/attempts?/(?P<attempt>[0-9]{{1,9}}))?(?:/(?:logs|artifacts|rerun|workflow|usage)(?:/.*)?)?$"
)
_API = re.compile(
    rf"^(?P<root>.*?)/api/v[13]/repos/(?P<repo>{_SEGMENT}/{_SEGMENT})/actions/(?:"
    rf"runs/(?P<run>[0-9]{{1,18}})|jobs/(?P<job>[0-9]{{1,18}}))(?:/.*)?$"
)
_PULL = re.compile(rf"^(?P<root>.*?)/(?P<repo>{_SEGMENT}/{_SEGMENT})/pulls?/(?P<pull>[0-9]{{1,18}})(?:/.*)?$")
_COMMIT = re.compile(rf"^(?P<root>.*?)/(?P<repo>{_SEGMENT}/{_SEGMENT})/commit/(?P<commit>[0-9a-f]{{7,64}})(?:/.*)?$")
_BRANCH = re.compile(rf"^(?P<root>.*?)/(?P<repo>{_SEGMENT}/{_SEGMENT})/src/branch/(?P<branch>.+)$")
_LAB = re.compile(
    rf"^(?P<repo>/{_REPO})/-/(?:pipelines/(?P<run>[0-9]{{1,18}})|jobs/(?P<job>[0-9]{{1,18}})"
    rf"|merge_requests/(?P<pull>[0-9]{{1,18}})|commit/(?P<commit>[0-9a-f]{{7,64}}))(?:/.*)?$"
)
_PLAIN = re.compile(rf"^(?P<root>.*?)/(?P<repo>{_SEGMENT}/{_SEGMENT}?)(?:\.git)?(?:/actions(?:/.*)?)?/?$")


def read_address(target: str) -> Address | None:
    """The address in a target, or None where it has none of the forms.

    Forms: `.` and `.:JOB` (repo empty: the checkout tells), `owner/repo`, `owner/repo#RUN`, `owner/repo@SHA` (or a
    branch), each with `:JOB`; URLs of a run, job, attempt, pull request, commit or repository, with `:JOB` as well.
    """
    if target == "." or target.startswith(".:"):
        return Address("", job_name=target[2:] or None)
    if re.match(r"https?://", target, re.I):
        return _from_url(target)
    match = _SHORT.fullmatch(target)
    if match is None or any(part in (".", "..") for part in match["repo"].split("/")):
        return None
    commit = match["commit"]
    is_sha = commit is not None and _SHA.fullmatch(commit) is not None
    return Address(
        match["repo"],
        run=_whole(match["run"]),
        job_name=match["job"],
        commit=commit if is_sha else None,
        branch=None if is_sha else commit,
    )


def _from_url(target: str) -> Address | None:
    split = _split(target)
    if split is None:
        return None
    parts, job_name = split
    origin = f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2].lower()}"
    path = unquote(parts.path).rstrip("/")
    for form in (_LAB, _API, _RUN, _PULL, _COMMIT, _BRANCH, _PLAIN):
        match = form.match(path)
        if match is not None:
            return _address(match.groupdict(), origin, job_name, api=form is _API)
    return None


def _split(target: str) -> tuple[SplitResult, str | None] | None:
    """The parts of a URL and the job name that may stand after its path."""
    try:
        parts = urlsplit(target)
        _ = parts.port
    except ValueError:
        return None
    if not parts.hostname:
        return None
    path, colon, job = parts.path.partition(":")
    return parts._replace(path=path), unquote(job) if colon and job else None


def _address(found: dict[str, str | None], origin: str, job_name: str | None, *, api: bool) -> Address:
    run = found.get("run")
    return Address(
        (found["repo"] or "").strip("/").removesuffix(".git"),
        root=_root(origin, found.get("root") or ""),
        run=None if run in (None, "latest") else int(run or 0),
        job=_whole(found.get("job")),
        attempt=_whole(found.get("attempt") or found.get("before")),
        from_url=True,
        ids=api,
        job_name=job_name,
        commit=found.get("commit"),
        branch=found.get("branch"),
        pull=_whole(found.get("pull")),
    )


def _root(origin: str, front: str) -> str:
    """The server's root: what stands before the repository; GitHub's API is another host than its pages."""
    scheme, _, host = origin.partition("://")
    default = {"https": ":443", "http": ":80"}.get(scheme, "")
    origin = f"{scheme}://{host.removesuffix(default) if default else host}"
    return "https://github.com" if origin == "https://api.github.com" else origin + front.rstrip("/")


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None else None
