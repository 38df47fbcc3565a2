"""What the tests of refusals share."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from refusals.cell import Place


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled patterns, once for all."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def place() -> Iterator[Place]:
    """A folder that other users may enter, too: pytest's own are closed to them."""
    folder = Path(tempfile.mkdtemp(prefix="whyred-cell-", dir="/var/tmp"))
    folder.chmod(0o755)
    yield Place(folder)
    shutil.rmtree(folder)
