"""Options and fixtures that every test may use."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from whyred.app.library import compile_beside
from whyred.settings import known_secrets

sys.path.insert(0, str(Path(__file__).parents[1]))  # so that tests can import `scripts` and `bench`

# The same examples every time and no clock: a red test is red again, also on a slow machine.
settings.register_profile(
    "repeatable",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.register_profile(
    "fuzz", settings.get_profile("repeatable"), derandomize=False, max_examples=20_000, print_blob=True
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

FOLDER = Path(__file__).parent / "golden"

Golden = Callable[[str, str], None]


def pytest_configure(config: pytest.Config) -> None:
    """Many tests run the program with a home of their own: the library is compiled once for all of them."""
    if not hasattr(config, "workerinput"):
        compile_beside()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write the golden files anew; then read the diff")


@pytest.fixture(autouse=True)
def own_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """What one test took for a secret is no secret in the next."""
    monkeypatch.setattr(known_secrets, "_KNOWN", set(known_secrets._KNOWN))


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Golden:
    """Compares a text with `tests/golden/<name>`; with --update-golden it writes that file instead."""

    def compare(name: str, text: str) -> None:
        file = FOLDER / name
        if request.config.getoption("update_golden"):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(text.encode())
        assert file.is_file(), f"{file} is missing: run pytest --update-golden, then read what it wrote"
        kept = file.read_bytes().decode()
        assert text == kept, "the output changed: where that is meant, run pytest --update-golden and read the diff"

    return compare
