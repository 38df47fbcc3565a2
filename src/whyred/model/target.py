"""Reads what a person writes or copies from a browser as the address of a run on a forge."""

import re
from dataclasses import replace
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from whyred.model.forge import Address

_SEGMENT = r"[A-Za-z0-9_.-]+"
_REPO = rf"{_SEGMENT}(?:/{_SEGMENT})+"
_SHORT = re.compile(
    rf"(?P<repo>{_REPO})(?:#(?P<run>[1-9][0-9]{{0,17}})|@(?P<commit>[^:@\s]{{1,200}}))?(?::(?P<job>[^\x00-\x1f]{{1,300}}))?"
)
_SHA = re.compile(r"(?=[a-f]*[0-9])[0-9a-f]{4,64}")
"""What is taken for a commit: of words such as `cafe` and `facade` a branch is made far more often."""
_BASE = rf"^(?P<root>.*?)/(?P<repo>{_SEGMENT}/{_SEGMENT})"
"""The server's folder, for it may be below another page, and the repository."""
_RUN = re.compile(
    rf"{_BASE}/actions/(?:runs|tasks)/(?P<run>[0-9]{{1,18}}|latest)"
    r"(?:/attempts?/(?P<before>[0-9]{1,9}))?(?:/jobs?/(?P<job>[0-9]{1,18}))?"
    r"(?:/attempts?/(?P<attempt>[0-9]{1,9}))?(?:/(?!jobs?(?:/|$)|attempts?(?:/|$))[a-z][a-z_-]*(?:/.*)?)?$"
)
_WORKFLOW = re.compile(rf"{_BASE}/actions/workflows/(?P<workflow>[^/]+)(?P<latest>/runs/latest)?(?:/.*)?$")
_API = re.compile(
    rf"^(?P<root>.*?)/api/v[13]/repos/(?P<repo>{_SEGMENT}/{_SEGMENT})/actions/(?:"
    r"runs/(?P<run>[0-9]{1,18})(?:/attempts/(?P<attempt>[0-9]{1,9}))?|jobs/(?P<job>[0-9]{1,18})"
    r"|workflows/(?P<workflow>[^/]+)/(?:runs|dispatches))(?:/.*)?$"
)
_CHECK = re.compile(rf"{_BASE}/runs/(?P<job>[0-9]{{1,18}})$")
"""GitHub's page of a check, whose id is that of the job."""
_PULL = re.compile(rf"{_BASE}/(?:pulls?|issues)/(?P<pull>[0-9]{{1,18}})(?:\.diff|\.patch|/.*)?$")
"""A pull request is an issue too, and forges show it at both addresses."""
_COMMIT = re.compile(
    rf"{_BASE}/(?:commits?|(?:src|commits|raw|media)/commit)/"
    r"(?P<commit>[0-9a-f]{7,64})(?:\.diff|\.patch|/.*)?$"
)
_BRANCH = re.compile(
    rf"{_BASE}/(?:(?:src|commits|raw|media)/branch|tree|blob|commits(?!/(?:tag|commit)/))/(?P<branch>.+)$"
)
_LAB = re.compile(
    rf"^(?P<repo>/{_REPO})/-/(?:pipelines/(?:(?P<run>[0-9]{{1,18}})|(?P<latest>latest))"
    r"|jobs/(?P<job>[0-9]{1,18})|merge_requests/(?P<pull>[0-9]{1,18})|commit/(?P<commit>[0-9a-f]{7,64})"
    r"|(?:pipelines|jobs|merge_requests|commits?|issues|settings|packages|releases|tags|branches)"
    r"|(?:tree|blob|commits)/(?P<branch>.+))(?:/.*)?$"
)
_PAGES = "actions|issues|pulls?|src|commits?|branches|tags|releases|wiki|settings|projects|packages|activity|tree|blob"
_PAGE = re.compile(rf"{_BASE}/(?!actions/(?:runs|tasks)/)(?:{_PAGES})(?:/.*)?$")
"""Any other page of a repository: it stands for the repository. One of a run that is not understood does not."""
_PLAIN = re.compile(rf"^(?!.*/actions/)(?P<root>.*?)/(?P<repo>{_SEGMENT}/{_SEGMENT}?)(?:\.git)?/?$")
_NUMBERED = ("success", "failure", "cancelled", "skipped", "waiting", "running", "blocked")
"""What the number in `?status=` stands for, from 1 on (models/actions/status.go of Forgejo 7 to 16)."""
_STATUSES = {str(number): word for number, word in enumerate(_NUMBERED, 1)} | {word: word for word in _NUMBERED}
_STATUSES |= {"failed": "failure", "canceled": "cancelled", "queued": "waiting", "pending": "waiting"}
_STATUSES |= {"in_progress": "running", "completed": "done", "timed_out": "timed out"}
"""The words of GitHub and GitLab. One that is none of these does not count."""
STATUSES = (*_NUMBERED, "timed out", "done", "unknown")
"""What whyred calls them."""
_OF_GITHUB = ("action_required", "neutral", "requested", "stale", "startup_failure")
"""What GitHub alone sifts by, and nobody else has a word for."""
_WORKFLOWS = re.compile(r"(?:\./)?\.(?:forgejo|gitea|github)/workflows/([^/]+)")
_SIFTED = re.compile(r'(workflow|branch|event|is|status|actor):(?:"([^"]*)"|(\S+))')
"""What stands in `?query=` on GitHub."""


def read_address(target: str) -> Address | None:
    """The address in a target, or None where it has none of the forms.

    Forms: `.` and `.:JOB` (repo empty: the checkout tells), `owner/repo`, `owner/repo#RUN`, `owner/repo@SHA` (or a
    branch), each with `:JOB`; URLs of a run, job, attempt, pull request, commit, branch, list of runs (with what it was
    sifted by) or repository, with `:JOB` as well.
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


def status_word(text: str) -> str | None:
    """The status or conclusion that a person or a forge calls so; None for a word that stands for none."""
    word = re.sub(r"[\s_-]+", "_", text.strip().lower())
    told = word if word in _OF_GITHUB else _STATUSES.get(word, word.replace("_", " "))
    return told if told in (*STATUSES, *_OF_GITHUB) and not word.isdecimal() else None


def workflow_name(text: str) -> str:
    """What a run calls its workflow: the file's name, also where its path in the repository is given."""
    match = _WORKFLOWS.fullmatch(text)
    return match[1] if match else text


def _from_url(target: str) -> Address | None:
    split = _split(target)
    if split is None:
        return None
    parts, job_name = split
    origin = f"{parts.scheme.lower()}://{parts.netloc.rpartition('@')[2].lower()}"
    path = unquote(parts.path).rstrip("/")
    if parts.hostname == "api.github.com":  # the same paths as those of an Enterprise Server, but for their beginning
        path = f"/api/v3{path}"
    for form in (_LAB, _API, _RUN, _WORKFLOW, _CHECK, _PULL, _COMMIT, _BRANCH, _PAGE, _PLAIN):
        match = form.match(path)
        if match is not None:
            address = _address(match.groupdict(), origin, job_name, api=form is _API)
            return _sifted(address, parts.query) if address.run is None and address.job is None else address
    return None


def _sifted(address: Address, query: str) -> Address:
    """The address with what a list of runs was sifted by: on GitHub in one text, on GitLab in words of its own."""
    told = {key: value for key, value in parse_qsl(query[:4096]) if value and value != "0"}
    told |= {key: quoted or bare for key, quoted, bare in _SIFTED.findall(told.get("query", ""))}
    check = told.get("check_run_id", "")
    return replace(
        address,
        job=int(check) if check.isdecimal() and len(check) < 19 else None,
        workflow=address.workflow or told.get("workflow"),
        branch=address.branch or (told.get("branch") or told.get("ref") or "").removeprefix("refs/heads/") or None,
        event=told.get("event") or told.get("source"),
        status=_STATUSES.get(told.get("status") or told.get("is") or ""),
        actor=told.get("actor") or told.get("username"),
    )


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
        newest=run == "latest" or found.get("latest") is not None,
        workflow=found.get("workflow"),
    )


def _root(origin: str, front: str) -> str:
    """The server's root: what stands before the repository; GitHub's API is another host than its pages."""
    scheme, _, host = origin.partition("://")
    default = {"https": ":443", "http": ":80"}.get(scheme, "")
    origin = f"{scheme}://{host.removesuffix(default) if default else host}"
    return "https://github.com" if origin == "https://api.github.com" else origin + front.rstrip("/")


def _whole(text: str | None) -> int | None:
    return int(text) if text is not None else None
