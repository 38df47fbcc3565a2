"""Every source: what it serves, a place of its own in the order, targets that it takes, refuses, fetches, misses."""

import ast
import importlib
import inspect
import io
import pkgutil
import tomllib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import whyred.sources
from whyred.app.targets import sources
from whyred.model.source import Fetched, Given, Missing, MissingLogError, Source
from whyred.model.trouble import UserError

FOLDER = Path(whyred.sources.__path__[0])
FIXTURES = Path(__file__).parent.parent / "sources"


def _modules() -> Iterator[tuple[str, ModuleType]]:
    for name in sorted(m.name for m in pkgutil.iter_modules(whyred.sources.__path__) if not m.name.startswith("_")):
        yield name.replace("_", "-"), importlib.import_module(f"whyred.sources.{name}")


SOURCES: dict[str, Any] = dict(_modules())
EACH = pytest.mark.parametrize("name", SOURCES)


def targets(name: str) -> dict[str, Any]:
    file = FIXTURES / name / "targets.toml"
    assert file.is_file(), f"tests/sources/{name}/targets.toml is missing: it says what the source takes and refuses"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def fetch(name: str, target: str) -> Fetched:
    fixtures = FIXTURES / name
    runs = fixtures / "runs" if (fixtures / "runs").is_dir() else None
    fetched: Fetched = SOURCES[name].fetch(target, Given(runs, io.BytesIO(b"from standard input\n")))
    return fetched


@EACH
def test_says_what_it_is(name: str) -> None:
    unit, tree = SOURCES[name], ast.parse((FOLDER / f"{name.replace('-', '_')}.py").read_text(encoding="utf-8"))
    missing = [n for n in ("NAME", "SERVES", "ORDER", "accepts", "fetch") if not hasattr(unit, n)]
    assert not missing, f"{name}: {missing} is missing: see the Source protocol in model/source.py"
    assert name == unit.NAME, f"{name}: NAME must be the name of its file"
    assert "FILL IN" not in ast.unparse(tree), f"{name}: `FILL IN` says what is not written yet"
    assert ast.get_docstring(tree), f"{name}: its file must begin with a docstring"
    assert unit.SERVES, f"{name}: SERVES is empty: say which targets, as people write them"


@EACH
def test_fulfils_the_protocol(name: str) -> None:
    for method in ("accepts", "fetch"):
        wanted = [p for p in inspect.signature(getattr(Source, method)).parameters if p != "self"]
        assert list(inspect.signature(getattr(SOURCES[name], method)).parameters) == wanted


@EACH
def test_has_a_place_of_its_own(name: str) -> None:
    order = SOURCES[name].ORDER
    assert 1 <= order <= 99, f"{name}: ORDER must be 1 to 99: its place among the sources that are asked"
    same = [other for other, unit in SOURCES.items() if order == unit.ORDER]
    assert same == [name], f"ORDER {order} is taken twice: {same}"


def test_every_source_is_asked() -> None:
    assert {s.NAME for s in sources()} == set(SOURCES)


@EACH
def test_takes_its_targets_and_no_others(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    given = targets(name)
    assert given["accepts"], f"tests/sources/{name}/targets.toml: accepts is empty: name targets of this form"
    assert given["refuses"], f"tests/sources/{name}/targets.toml: refuses is empty: name targets that look alike"
    monkeypatch.chdir(FIXTURES / name)
    for target in given["accepts"]:
        first = next(s.NAME for s in sources() if s.accepts(target))
        assert first == name, f"{target!r} goes to {first}, not to {name}"
    for target in given["refuses"]:
        assert not SOURCES[name].accepts(target), f"{name} takes {target!r}, which it should refuse"


@EACH
def test_no_target_makes_it_fall_over(name: str) -> None:
    for target in ("", "\0", "a\nb", "x" * 5000, "..", "/", "\udce4", "local:0", "https://["):
        assert SOURCES[name].accepts(target) in (True, False)


@EACH
def test_fetches_the_very_bytes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = targets(name).get("fetch", [])
    assert rows, f"tests/sources/{name}/targets.toml: no [[fetch]]: name a target and the file of its log"
    monkeypatch.chdir(FIXTURES / name)
    for row in rows:
        fetched = fetch(name, row["target"])
        assert b"".join(fetched.chunks) == Path(row["log"]).read_bytes(), (
            f"{row['target']}: not the bytes of {row['log']}"
        )
        assert name in fetched.route, f"{row['target']}: the route does not name the source that served it"
        assert fetched.attempt.run.label, f"{row['target']}: the attempt has no label"


@EACH
def test_says_why_a_log_is_missing(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = targets(name).get("missing", [])
    assert rows, f"tests/sources/{name}/targets.toml: no [[missing]]: name a target that cannot be had and the reason"
    monkeypatch.chdir(FIXTURES / name)
    for row in rows:
        with pytest.raises((MissingLogError, UserError)) as caught:
            b"".join(fetch(name, row["target"]).chunks)
        error = caught.value
        if row["reason"] == "user-error":
            assert isinstance(error, UserError)
            assert error.how, f"{row['target']}: the message does not say what to do"
        else:
            assert isinstance(error, MissingLogError), f"{row['target']}: {error}"
            assert error.reason is Missing(row["reason"])
            assert error.help, f"{row['target']}: the message does not say what would help"


def test_every_fixture_folder_has_a_source() -> None:
    assert {f.name for f in FIXTURES.iterdir()} == set(SOURCES)
