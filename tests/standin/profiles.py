"""What each version does differently. Forgejo 7, 11, 14, 16: seen on running servers (reference 10, the recordings);
Gitea: from the reference, which was run against 1.23.8, 1.25.4 and 1.26.0.
"""

from dataclasses import dataclass
from typing import Literal

R = "/repos/{owner}/{repo}"

_ALWAYS = (
    "GET /version",
    "GET /user",
    "GET /repos/search",
    f"GET {R}",
    f"GET {R}/branches",
    f"GET {R}/branches/{{branch}}",
    f"GET {R}/pulls",
    f"GET {R}/pulls/{{index}}",
    f"GET {R}/commits",
    f"GET {R}/contents/{{filepath}}",
    f"GET {R}/commits/{{ref}}/status",
    f"GET {R}/commits/{{ref}}/statuses",
)
_COMPARE = f"GET {R}/compare/{{basehead}}"
_TASKS = (f"GET {R}/actions/tasks", f"POST {R}/actions/workflows/{{workflowfilename}}/dispatches", _COMPARE)
_GITEA_TASKS = (f"GET {R}/actions/tasks", f"POST {R}/actions/workflows/{{workflow_id}}/dispatches", _COMPARE)
_TASKS_11 = (f"GET {R}/actions/tasks", f"POST {R}/actions/workflows/{{workflowname}}/dispatches", _COMPARE)
_RUNNER_JOBS = (f"GET {R}/actions/runners/jobs", "GET /admin/runners/jobs")
_RUNS = (f"GET {R}/actions/runs", f"GET {R}/actions/runs/{{run_id}}")
_LOGS = (
    f"GET {R}/actions/artifacts",
    f"GET {R}/actions/artifacts/{{artifact_id}}",
    f"GET {R}/actions/artifacts/{{artifact_id}}/zip",
    f"GET {R}/actions/jobs/{{job_id}}/logs",
    f"GET {R}/actions/runners",
    "GET /admin/actions/runners",
    f"GET {R}/actions/runs/{{run_id}}/artifacts",
    f"GET {R}/actions/runs/{{run_id}}/jobs",
    f"GET {R}/actions/runs/{{run_id}}/logs",
    f"POST {R}/actions/runs/{{run_id}}/cancel",
)
_GITEA_LOG = (
    f"GET {R}/actions/jobs/{{job_id}}/logs",
    f"GET {R}/actions/runners",
    f"GET {R}/actions/runners/{{runner_id}}",
)
_GITEA_RUNS = (
    f"GET {R}/actions/runs",
    f"GET {R}/actions/runs/{{run}}",
    f"GET {R}/actions/runs/{{run}}/jobs",
    f"GET {R}/actions/jobs",
    f"GET {R}/actions/jobs/{{job_id}}",
)
_GITEA_RERUN = (
    f"POST {R}/actions/runs/{{run}}/rerun",
    f"POST {R}/actions/runs/{{run}}/rerun-failed-jobs",
    f"POST {R}/actions/runs/{{run}}/jobs/{{job_id}}/rerun",
)


@dataclass(frozen=True, slots=True)
class Profile:
    """One version.

    `api`: operations the server has, as its swagger names them. `generation`: whose web state JSON it speaks, by
    Forgejo's numbers. `csrf`: how a POST without the token fails: `redirect` to `/`, `refuse` with 400, or no token at
    all but a check of Origin (`origin`). `web_ids`: what stands in web addresses, the number in the repository with the
    job's position, or the database's ids. `steps`: how far the jobs API may be believed about steps.
    """

    name: str
    version: str
    api: frozenset[str]
    generation: int
    csrf: Literal["redirect", "refuse", "origin"]
    cookie: str = "i_like_gitea"
    remember: str = "gitea_incredible"
    attempts: bool = False
    web_ids: Literal["index", "database"] = "index"
    steps: Literal["none", "null", "job-conclusion", "true"] = "none"
    owner_only_lists: bool = False
    retention: bool = True
    wrong_method: Literal[404, 405] = 404
    runs_oldest_first: bool = False

    @property
    def release(self) -> tuple[int, int]:
        """The first two parts of its version."""
        first, second, *_ = self.version.split(".")
        return int(first), int(second)

    @property
    def forgejo(self) -> bool:
        """Whether it is a Forgejo."""
        return self.name.startswith("forgejo")

    @property
    def fails_early(self) -> bool:
        """Whether a run counts as failed while other jobs of it run (AggregateJobStatus of Forgejo 11 to 16)."""
        return self.forgejo and self.generation >= 11

    def has(self, operation: str) -> bool:
        """Whether the server answers an operation."""
        return operation in self.api


def _api(*groups: tuple[str, ...]) -> frozenset[str]:
    return frozenset(operation for group in (_ALWAYS, *groups) for operation in group)


FORGEJO_7 = Profile("forgejo-7", "7.0.16+gitea-1.21.11", _api(), 7, "redirect", retention=False)
FORGEJO_11 = Profile("forgejo-11", "11.0.14+gitea-1.22.0", _api(_TASKS_11, _RUNNER_JOBS), 11, "refuse")
FORGEJO_14 = Profile(
    "forgejo-14",
    "14.0.4+gitea-1.22.0",
    _api(_TASKS, _RUNNER_JOBS, _RUNS),
    14,
    "origin",
    attempts=True,
    wrong_method=405,
    runs_oldest_first=True,
)
FORGEJO_16 = Profile(
    "forgejo-16",
    "16.0.0+gitea-1.22.0",
    _api(_TASKS, _RUNNER_JOBS, _RUNS, _LOGS),
    16,
    "origin",
    cookie="session",
    remember="persistent",
    attempts=True,
    wrong_method=405,
)
GITEA_1_23 = Profile("gitea-1.23", "1.23.8", _api(_GITEA_TASKS[:1]), 11, "refuse")
GITEA_1_25 = Profile(
    "gitea-1.25",
    "1.25.4",
    _api(_GITEA_TASKS, _GITEA_LOG, _GITEA_RUNS),
    11,
    "refuse",
    steps="null",
    wrong_method=405,
    owner_only_lists=True,
)
GITEA_1_26_0 = Profile(
    "gitea-1.26.0",
    "1.26.0",
    _api(_GITEA_TASKS, _GITEA_LOG, _GITEA_RUNS, _GITEA_RERUN),
    12,
    "origin",
    web_ids="database",
    steps="job-conclusion",
    wrong_method=405,
)
GITEA_1_26_4 = Profile(
    "gitea-1.26.4",
    "1.26.4",
    _api(_GITEA_TASKS, _GITEA_LOG, _GITEA_RUNS, _GITEA_RERUN),
    12,
    "origin",
    web_ids="database",
    steps="true",
    wrong_method=405,
)
PROFILES = {
    profile.name: profile
    for profile in (
        FORGEJO_7,
        FORGEJO_11,
        FORGEJO_14,
        FORGEJO_16,
        GITEA_1_23,
        GITEA_1_25,
        GITEA_1_26_0,
        GITEA_1_26_4,
    )
}
