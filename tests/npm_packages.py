"""What tests need of npm: without it they are skipped, in CI they fail."""

import os
from pathlib import Path

import pytest
from scripts.npm import NoNpmError, installed


def need_npm(name: str, *packages: str) -> Path:
    """A folder whose `node_modules` holds these packages."""
    try:
        return installed(name, *packages)
    except NoNpmError as e:
        missing = str(e)
    if os.environ.get("CI") == "true":
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)
