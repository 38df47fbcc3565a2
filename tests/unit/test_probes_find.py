"""Probes are found by their folder, each under its own name, and one can be imported without the others."""

import subprocess
import sys

import pytest

from whyred.probes.find import all_probes, probe


def test_every_probe_is_found_under_the_name_of_its_file() -> None:
    found = all_probes()
    assert "mount-state" in found
    for name, unit in found.items():
        assert unit.name == name
        assert unit.ask.__module__ == f"whyred.probes.{name.replace('-', '_')}"
        assert unit.title
        assert unit.privilege
        assert all(unit.fields.values())


def test_one_probe_does_not_import_the_others() -> None:
    code = (
        "import sys; from whyred.probes.find import probe; probe('process-env'); "
        "print('whyred.probes.mount_state' in sys.modules, 'whyred.probes.process_env' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]


@pytest.mark.parametrize("name", ["no-such", "answer", "find", "mount_state", "../x", ""])
def test_an_unknown_name_lists_the_known_ones(name: str) -> None:
    with pytest.raises(LookupError, match="mount-state"):
        probe(name)
