"""Who wins on the way from the runner to the compiler."""

import pytest

from whyred.model.variable import Effect, Outcome, Setting
from whyred.workflows.precedence import ORDERS, WEAKEST_FIRST, outcomes
from whyred.workflows.tell_variable import TITLES, sentence


def said(layer: str, value: str | None, effect: Effect = Effect.SETS, only: str = "") -> Setting:
    return Setting(layer, f"{layer}:1", effect, value, only)


DAEMON = said("runner-process", "/of/daemon")


def of(*settings: Setting, kind: str = "gitea-runner", tools: str = "", daemon: Setting | None = None) -> list[Outcome]:
    return outcomes(settings, kind, tools.split(), daemon, live=daemon is not None)


def winners(found: list[Outcome]) -> dict[str, str]:
    return {o.name: o.winner.layer if o.winner and o.has else "none" for o in found}


@pytest.mark.parametrize(
    ("weak", "strong"),
    [
        ("manager", "unit"),
        ("unit", "drop-in"),
        ("drop-in", "environment-file"),
        ("workflow", "job"),
        ("job", "runner-config"),
        ("runner-config", "runner-env-file"),
        ("runner-env-file", "github-env"),
        ("github-env", "step"),
        ("step", "bash-env"),
        ("bash-env", "script"),
    ],
)
def test_the_stronger_layer_wins_whatever_is_read_first(weak: str, strong: str) -> None:
    for settings in ((said(weak, "/a"), said(strong, "/b")), (said(strong, "/b"), said(weak, "/a"))):
        step = of(*settings)[1]
        assert step.winner is not None
        assert (step.winner.layer, step.value, [s.layer for s in step.lost]) == (strong, "/b", [weak])


def test_the_daemons_environment_only_fills_what_is_unset() -> None:
    assert winners(of(daemon=DAEMON))["the step's shell"] == "runner-process"
    found = of(said("workflow", "/w"), daemon=DAEMON)
    assert winners(found)["the step's shell"] == "workflow"
    assert [s.layer for s in found[1].lost] == ["runner-process"]


def test_what_the_process_has_counts_more_than_its_files_now() -> None:
    found = outcomes([said("unit", "/new")], "gitea-runner", (), said("runner-process", "/old"), live=True)
    assert (found[0].value, winners(found)["the runner"]) == ("/old", "runner-process")
    found = outcomes([said("unit", "/new")], "gitea-runner", (), None, live=True)
    assert not found[0].has
    found = outcomes([said("unit", "/same")], "gitea-runner", (), said("runner-process", "/same"), live=True)
    assert winners(found)["the runner"] == "unit"


def test_where_versions_differ_nothing_is_claimed() -> None:
    both = (said("workflow", "/w"), said("runner-config", "/c"))
    found = of(*both, kind="forgejo-runner")
    assert not found[1].sure
    assert "/c" in found[1].why
    assert "/w" in found[1].why
    assert "cannot be told" in sentence("TMPDIR", found)
    assert of(*both)[1].sure
    assert of(*both, said("step", "/s"), kind="forgejo-runner")[1].sure
    assert of(said("workflow", "/w"), said("runner-config", "/w"), kind="forgejo-runner")[1].sure


def test_an_empty_environment_line_forgets_the_unit_but_not_the_manager() -> None:
    reset = Setting("drop-in", "d:1", Effect.RESETS)
    found = of(said("manager", "/m"), said("unit", "/u"), reset)
    assert winners(found)["the runner"] == "manager"
    assert winners(of(said("unit", "/u"), reset, said("drop-in", "/d")))["the runner"] == "drop-in"


def test_unset_environment_is_last() -> None:
    found = of(said("environment-file", "/e"), Setting("unset", "u:1", Effect.DROPS))
    assert not found[0].has
    assert "UnsetEnvironment= of the runner's unit takes TMPDIR away" in sentence("TMPDIR", found)


def test_make_hands_on_what_the_environment_had_before() -> None:
    line = said("makefile", "/m", Effect.ASSIGNS)
    assert winners(of(line, tools="make"))["what make starts"] == "none"
    found = of(said("step", "/s"), line, tools="make")
    assert winners(found)["what make starts"] == winners(found)["rustc"] == "makefile"


def test_cargo_without_force_only_fills() -> None:
    line = said("cargo-config", "/c", Effect.FILLS)
    assert winners(of(line))["rustc"] == "cargo-config"
    assert winners(of(said("step", "/s"), line))["rustc"] == "step"


def test_a_command_line_holds_for_its_own_program() -> None:
    line = said("command", "/c", only="just")
    assert winners(of(line, tools="just")) == {
        "the runner": "none",
        "the step's shell": "none",
        "what just starts": "command",
        "rustc": "command",
    }
    assert winners(of(line, tools="make"))["what make starts"] == "none"


@pytest.mark.parametrize(
    ("settings", "tools", "text"),
    [
        (
            [said("workflow", "/var/tmp"), said("cargo-config", "/tmp", only="for rustc and build scripts only")],
            "",
            "cargo forces TMPDIR=/tmp for rustc only (cargo-config:1), over /var/tmp of the workflow.",
        ),
        (
            [said("justfile", "/var/tmp", Effect.KEEPS)],
            "just",
            "The justfile assigns TMPDIR=/var/tmp without exporting it (justfile:1): what just starts has none.",
        ),
        (
            [said("workflow", "/w"), said("runner-config", "/c")],
            "",
            "The runner's configuration sets TMPDIR=/c for the step's shell and all below it (runner-config:1)",
        ),
        (
            [said("job", "/j"), said("bash-env", "/b", only="in bash only")],
            "",
            "The file of BASH_ENV sets TMPDIR=/b in bash, not in sh, for the step's shell and all below it ",
        ),
        ([said("workflow", "/w")], "", "The workflow sets TMPDIR=/w everywhere (workflow:1)."),
        ([], "", "Nothing that whyred can read sets TMPDIR: every program takes its own default."),
        (
            [said("dotenv", "/d", Effect.KEEPS, "nothing that whyred knows of loads this file")],
            "just",
            ".env sets TMPDIR=/d, but nothing that whyred knows of loads this file (dotenv:1): what just starts",
        ),
        (
            [said("step", "/s"), said("script", None, Effect.DROPS)],
            "",
            "The step's script takes TMPDIR away from the step's shell (script:1), over /s of the step (step:1).",
        ),
    ],
)
def test_the_sentence_that_matters(settings: list[Setting], tools: str, text: str) -> None:
    assert sentence("TMPDIR", of(*settings, tools=tools)).startswith(text)


def test_every_layer_has_a_title_and_a_place_in_the_order() -> None:
    assert set(TITLES) == set(WEAKEST_FIRST)
    assert {layer for orders in ORDERS.values() for order in orders for layer in order} <= set(TITLES)
