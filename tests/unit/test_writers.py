"""Who made a temporary name, and what that proves of TMPDIR."""

import pytest

from whyred.diagnosis.writers import sentence, writer


@pytest.mark.parametrize(
    ("base", "program"),
    [
        ("rustcVAIpSt", "rustc"),
        ("sccacheAbC123", "sccache"),
        ("rustdoctestAbC123", "rustdoc"),
        ("just-AbC123", "just"),
        ("tmp.AbCdEf1234", "mktemp"),
        ("tmp.XXXXXXXXXX", "mktemp"),
        ("ccAbC123.s", "gcc"),
        ("tmpab_cd12x", "Python"),
        (".tmpAbC123", "tempfile crate"),
        ("sortAbC123", "sort"),
    ],
)
def test_names_and_their_programs(base: str, program: str) -> None:
    found = writer({"base": base})
    assert found is not None
    assert program in found.program


@pytest.mark.parametrize("base", ["", "rustc", "rustcVAIpStX", "tmp", "ccAbC123.x", "xrustcVAIpSt", "sorted", "a\nb"])
def test_other_names(base: str) -> None:
    assert writer({"base": base}) is None
    assert writer({}) is None


def test_tmp_and_a_program_that_knows_tmpdir_alone_prove_something() -> None:
    proof = sentence({"base": "rustcVAIpSt", "dir": "/tmp"}, "rustc")
    assert proof is not None
    assert "TMPDIR did not reach that process" in proof


@pytest.mark.parametrize(
    "captures",
    [{"base": "rustcVAIpSt", "dir": "/var/x"}, {"base": "just-AbC123", "dir": "/tmp"}, {"base": "rustcVAIpSt"}],
)
def test_another_place_or_a_program_that_looks_elsewhere_proves_no_more_than_the_name(captures: dict[str, str]) -> None:
    proof = sentence(captures, "tool")
    assert proof is not None
    assert proof.startswith(f"the name {captures['base']} was made by ")
    assert "TMPDIR" not in proof


def test_a_tool_that_names_no_random_name_tells_how_it_chooses() -> None:
    assert "skips an unusable one" in (sentence({"dir": "/tmp", "base": "x"}, "gcc") or "")
    assert sentence({"base": "x"}, "gcc") is None
    assert sentence({"dir": "/tmp", "base": "x"}, "cobol") is None
