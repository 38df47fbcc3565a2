"""A log that is asked for with a token that the server refuses: one answer after the other, never two at once."""

import threading
from collections.abc import Mapping
from typing import Any

import pytest
from standin import scenarios, standin

from whyred.model.run import Attempt, Job, Run, Status
from whyred.model.source import Missing, MissingLogError
from whyred.sources._forge_api import open_log, repo_path
from whyred.sources.http import By, Http, Stream
from whyred.sources.reach import Reach
from whyred.sources.servers import identify


class OneAtATime(Http):
    """A client that may ask for one thing at a time, and does not wait for its own last answer for ever."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self._slots = threading.BoundedSemaphore(1)

    def open(
        self, method: str, path: str, by: By = By.TOKEN, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> Stream:
        assert self._slots.acquire(blocking=False), "a second request while an answer is open"
        self._slots.release()
        return super().open(method, path, by, headers=headers, **more)


@pytest.mark.parametrize("name", ["forgejo-16", "gitea-1.26.4"])
@pytest.mark.parametrize("repo", ["alice/pub", "alice/priv"])
def test_a_refused_answer_is_closed_before_nobody_asks(name: str, repo: str) -> None:
    world = scenarios.everyday()
    job = world.named(repo).runs[0].jobs[0]
    with standin(name, world) as forge:
        http = OneAtATime(forge.url, token="refused", sleep=lambda _: None)
        reach = Reach(identify(http), http)
        run = Run(f"{repo}#1", repo=repo, id=world.named(repo).runs[0].id, number=1)
        attempt = Attempt(run, Job(None, job.name, job.id, 0), status=Status.DONE)
        url = f"{repo_path(repo)}/actions/jobs/{job.id}/logs"
        if (name, repo) == ("forgejo-16", "alice/pub"):
            assert b"hello" in b"".join(open_log(reach, attempt, url).chunks())
        else:
            with pytest.raises(MissingLogError) as refused:
                open_log(reach, attempt, url)
            assert refused.value.reason is Missing.NEEDS_TOKEN
        assert len([seen for seen in forge.requests if seen.path.endswith("/logs")]) == 2
