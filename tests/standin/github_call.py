"""One call of GitHub's REST API after its checks: who asks, what the path means, pages of lists, refusals."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from standin import github_shapes as shapes
from standin.server import Fault
from standin.wire import Reply, Request, as_json
from standin.world import Attempt, Job, Repo, Run, User

if TYPE_CHECKING:
    from standin.github import GitHub

DOCS = "https://docs.github.com/rest"
JSON = "application/json; charset=utf-8"
REPO_SCOPES = {"all", "repo", "read:repository", "metadata"}
"""Scopes that open private repositories; `metadata` is a fine-grained token without `actions:read`."""
Answer = Callable[["Call"], Reply]
ROUTES: list[tuple[str, re.Pattern[str], str, Answer]] = []


class RefusedError(Exception):
    """Ends an answer early."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(status)
        self.reply = refusal(status, message)


def refusal(status: int, message: str, *headers: tuple[str, str]) -> Reply:
    """An error as GitHub writes it."""
    body = {"message": message, "documentation_url": DOCS, "status": str(status)}
    return as_json(body, status, kind=JSON).plus(*headers)


def primary_limit(reset: int, *, status: int = 403) -> Fault:
    """The hourly limit is used up until `reset` (Unix seconds)."""
    message = "API rate limit exceeded for user ID 1. If you reach out to GitHub Support for help, please include ..."
    headers = (("X-RateLimit-Limit", "5000"), ("X-RateLimit-Remaining", "0"), ("X-RateLimit-Used", "5000"))
    more = (("X-RateLimit-Reset", str(reset)), ("X-RateLimit-Resource", "core"))
    return lambda _request, _answer: refusal(status, message, *headers, *more)


def secondary_limit(retry_after: int = 60, *, status: int = 403) -> Fault:
    """Too many requests at once; the hourly count is not used up. With 0 there is no Retry-After: wait a minute."""
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    after = (("Retry-After", str(retry_after)),) if retry_after else ()
    left = (("X-RateLimit-Remaining", "4000"), ("X-RateLimit-Resource", "core"))
    return lambda _request, _answer: refusal(status, message, *after, *left)


class Call:
    """One REST call after its checks."""

    def __init__(
        self, github: "GitHub", request: Request, user: User | None, scopes: tuple[str, ...], params: dict[str, str]
    ) -> None:
        self.github, self.request, self.user, self.params = github, request, user, params
        self._repo = github.world.find_repo(params.get("owner", ""), params.get("repo", ""))
        if "repo" not in params:
            return
        seen = user if REPO_SCOPES & set(scopes) else None
        if self._repo is None or not self._repo.may_read(seen):
            raise RefusedError(404, "Not Found")
        if "metadata" in scopes and "/actions/" in request.path:
            raise RefusedError(403, "Resource not accessible by personal access token")

    @property
    def repo(self) -> Repo:
        """The repository in the path."""
        if self._repo is None:
            raise RefusedError(404, "Not Found")
        return self._repo

    @property
    def at(self) -> tuple[str, str]:
        """The roots of the API and of the pages."""
        return self.github.root(self.request), self.github.url

    def run(self) -> Run:
        """The run in the path."""
        found = next((r for r in self.repo.runs if str(shapes.run_id(r)) == self.params["run"]), None)
        if found is None:
            raise RefusedError(404, "Not Found")
        return found

    def attempt_number(self) -> int:
        """The run's attempt in the path, the newest without one."""
        number = int(self.params.get("attempt") or shapes.attempts(self.run()))
        if not 1 <= number <= shapes.attempts(self.run()):
            raise RefusedError(404, "Not Found")
        return number

    def job(self) -> tuple[Job, Attempt | None]:
        """The job in the path, with the attempt that its id means."""
        for run in self.repo.runs:
            for job in run.jobs:
                for attempt in job.attempts:
                    if str(shapes.job_id(job, attempt.number)) == self.params["job"]:
                        return job, attempt
                if job.task is None and str(shapes.job_id(job, job.attempt)) == self.params["job"]:
                    return job, None
        raise RefusedError(404, "Not Found")

    def writes(self) -> None:
        """Raises for those who may only read."""
        if not self.repo.may_write(self.user):
            raise RefusedError(403, "Must have admin rights to Repository.")

    def listed(self, key: str, items: list[Any]) -> Reply:
        """A page of a list; `Link` leads on. Without a key it is a bare array."""
        size = min(max(1, self.request.number("per_page", 30)), 100)
        page, last = max(1, self.request.number("page", 1)), max(1, -(-len(items) // size))
        shown = items[(page - 1) * size : page * size]
        reply = as_json({"total_count": len(items), key: shown} if key else shown, kind=JSON)
        path, _, query = self.request.raw.partition("?")
        rest = "".join(f"&{part}" for part in query.split("&") if part and not part.startswith("page="))
        where = f"{self.github.url}{path}?page="
        steps = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
        wanted = [
            rel for rel in steps if (rel in {"prev", "first"} and page > 1) or (rel in {"next", "last"} and page < last)
        ]
        links = ", ".join(f'<{where}{steps[rel]}{rest}>; rel="{rel}"' for rel in wanted)
        return reply.plus(("Link", links)) if links else reply


def route(operation: str) -> Callable[[Answer], Answer]:
    """Registers who answers an operation; `R` stands for a repository."""
    method, path = operation.replace("R/", "/repos/{owner}/{repo}/").replace("R$", "/repos/{owner}/{repo}").split(" ")
    pattern = re.compile(re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path))

    def register(answer: Answer) -> Answer:
        ROUTES.append((method, pattern, path, answer))
        return answer

    return register
