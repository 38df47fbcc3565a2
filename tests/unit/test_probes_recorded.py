"""Every recorded answer under tests/probes/<probe>/ gives the facts beside it; no bytes make `read` raise."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from whyred.model.evidence import Reason, Unknown
from whyred.model.probe import Facts
from whyred.probes.find import all_probes, probe

FOLDER = Path(__file__).parent.parent / "probes"
RECORDED = sorted(p for p in FOLDER.glob("*/*.json") if not p.name.endswith(".facts.json"))
PROBES = sorted(all_probes().values(), key=lambda p: p.name)


def shown(facts: Facts) -> Mapping[str, Any]:
    return {k: {"unknown": v.reason.value} if isinstance(v, Unknown) else v for k, v in facts.items()}


def label(file: Path) -> str:
    return f"{file.parent.name}/{file.stem}"


@pytest.mark.parametrize("file", RECORDED, ids=label)
def test_recorded_answer_gives_its_facts(file: Path) -> None:
    facts = probe(file.parent.name).read(file.read_bytes())
    assert shown(facts) == json.loads(file.with_suffix(".facts.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", [p.name for p in PROBES])
def test_every_probe_has_recorded_answers(name: str) -> None:
    assert len([f for f in RECORDED if f.parent.name == name]) >= 2


@pytest.mark.parametrize("file", RECORDED, ids=label)
def test_every_field_is_answered_and_no_other(file: Path) -> None:
    unit = probe(file.parent.name)
    assert set(unit.read(file.read_bytes())) == set(unit.fields)


@pytest.mark.parametrize("file", RECORDED, ids=label)
def test_a_cut_answer_is_unreadable(file: Path) -> None:
    data = file.read_bytes().rstrip()
    for end in range(len(data)):
        facts = probe(file.parent.name).read(data[:end])
        assert all(isinstance(v, Unknown) and v.reason is Reason.UNREADABLE for v in facts.values())


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.binary(max_size=400))
def test_read_never_raises_on_arbitrary_bytes(data: bytes) -> None:
    for unit in PROBES:
        assert set(unit.read(data)) == set(unit.fields)


KEYS = sorted({k for f in RECORDED for k in json.loads(f.read_bytes())})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.just("0 0 0 / / ro - a b rw\n"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from([*KEYS, "unknown"]), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(parts=st.dictionaries(st.sampled_from(KEYS), JSON, max_size=8))
def test_read_never_raises_on_parts_of_another_form(parts: dict[str, Any]) -> None:
    for unit in PROBES:
        assert set(unit.read(json.dumps(parts).encode())) == set(unit.fields)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_read_never_raises_when_one_part_is_replaced(data: st.DataObject) -> None:
    file = data.draw(st.sampled_from(RECORDED))
    parts = json.loads(file.read_bytes())
    parts[data.draw(st.sampled_from(sorted(parts)))] = data.draw(JSON)
    unit = probe(file.parent.name)
    assert set(unit.read(json.dumps(parts).encode())) == set(unit.fields)
