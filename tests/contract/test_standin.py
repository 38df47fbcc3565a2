"""The stand-in answers as the recorded servers did: each recorded request is sent to it again and the replies compared.

Compared are status, the headers that a client reads, and the body: JSON by keys, types and telling values, text where
it is fixed, logs row by row, pages by title and `data-*` attributes, archives by the names in them.
"""

import json
import re
from collections.abc import Iterable

import pytest
from standin import PROFILES, recorded
from standin.api import ROUTES
from standin.recorded import Recording
from standin.replay import Replay

VERSIONS = ("forgejo-7", "forgejo-11", "forgejo-14", "forgejo-16", "gitea-1.23", "gitea-1.25", "gitea-1.26.0")

_ORDER = "there a job of run 5 was picked up after run 8 was over"
_BUILT = "built from its Go module it calls itself `development`; a release says its version"
_COLOUR = "the colour comes from another branch's run; no client reads it"
UNLIKE = {
    "forgejo-7/web-badge": _COLOUR,
    "forgejo-11/web-badge": _COLOUR,
    "forgejo-11/tasks-limit-without-page": _ORDER,
    "forgejo-11/tasks-pat": _ORDER,
    "forgejo-11/tasks-status-failure": _ORDER,
    "gitea-1.23/api-version": _BUILT,
    "gitea-1.25/api-version": _BUILT,
    "gitea-1.26.0/api-version": _BUILT,
}
"""What cannot be met, and why."""


def group(recording: Recording) -> str:
    """The part of its name before the first dash."""
    return recording.name.partition("-")[0]


PAIRS = sorted({(version, group(recording)) for version in VERSIONS for recording in recorded.recordings(version)})


def differences(version: str, recordings: Iterable[Recording]) -> dict[str, list[str]]:
    """Recording -> what the stand-in does otherwise, those that agree left out."""
    with Replay(version) as replay:
        found = {f"{version}/{recording.name}": list(replay.compare(recording)) for recording in recordings}
    return {name: told for name, told in found.items() if told}


@pytest.mark.parametrize(("version", "of"), PAIRS)
def test_answers_like_the_recorded_server(version: str, of: str) -> None:
    wanted = [r for r in recorded.recordings(version) if group(r) == of and f"{version}/{r.name}" not in UNLIKE]
    assert differences(version, wanted) == {}


def test_every_recorded_server_has_its_recordings() -> None:
    assert [version for version in VERSIONS if len(recorded.recordings(version)) < 140] == []


def test_what_is_listed_as_unlike_is_there_and_still_is() -> None:
    found: dict[str, list[str]] = {}
    for version in VERSIONS:
        listed = [r for r in recorded.recordings(version) if f"{version}/{r.name}" in UNLIKE]
        found |= differences(version, listed)
    assert sorted(found) == sorted(UNLIKE)


@pytest.mark.parametrize("version", VERSIONS)
def test_offers_the_actions_routes_that_the_recorded_swagger_lists(version: str) -> None:
    """Of all routes any version of the stand-in answers, each profile lists exactly those its server listed."""
    told = json.loads((recorded.FOLDER / version / "swagger-actions-paths.json").read_text())
    listed = {f"{method.upper()} {path}" for path, methods in told.items() for method in methods}
    kinds = {"", version.partition("-")[0]}
    known = {r.operation for r in ROUTES if r.on in kinds and re.search("/actions/|/runners/", r.operation)}
    assert {operation for operation in PROFILES[version].api if operation in known} == listed & known
