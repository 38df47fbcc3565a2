"""Real servers for the tests of this folder: one per version and test session, started by the first test that asks.

`WHYRED_LIVE` names the versions that `server` goes through; `make live` names all three.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from live.build import NoGoError, binary
from live.gitea import Gitea, gitea

VERSIONS = tuple(os.environ.get("WHYRED_LIVE", "1.23.8 1.26.0").split())

Servers = Callable[[str], Gitea]


def need_binary(version: str, config: pytest.Config) -> Path:
    """Builds where nothing is built yet, for all to see; without Go the test is skipped, in CI it fails."""
    capture = config.pluginmanager.getplugin("capturemanager")
    try:
        with capture.global_and_fixture_disabled():
            return binary(version)
    except NoGoError as e:
        missing = str(e)
    if os.environ.get("CI") == "true":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


@pytest.fixture(scope="session")
def servers(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """A server by its version; the same one for the whole session. A test that stops it starts it again."""
    running: dict[str, Gitea] = {}
    with ExitStack() as stack:

        def server(version: str) -> Gitea:
            need_binary(version, request.config)
            if version not in running:
                folder = tmp_path_factory.mktemp(f"gitea-{version}")
                running[version] = stack.enter_context(gitea(version, folder))
            return running[version]

        yield server


@pytest.fixture(scope="session")
def gitea_1_23(servers: Servers) -> Gitea:
    """No job-log API, CSRF, runs and jobs by their places: the generation of Forgejo 7."""
    return servers("1.23.8")


@pytest.fixture(scope="session")
def gitea_1_26(servers: Servers) -> Gitea:
    """Job-log API, web pages by ids."""
    return servers("1.26.0")


@pytest.fixture(scope="session", params=VERSIONS)
def server(request: pytest.FixtureRequest, servers: Servers) -> Gitea:
    """Each version in turn."""
    return servers(request.param)
