"""Whether a manifest of the project names a program as its own."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.hosts.local import LocalHost
from whyred.model.host import Subject
from whyred.probes.project_makes import definition
from whyred.probes.project_tool import MANIFESTS, PROBE, calls_it, how_named


@pytest.mark.parametrize(
    ("manifest", "text", "tool", "how"),
    [
        ("package.json", '{"devDependencies": {"typescript": "5"}}', "tsc", "declared"),
        ("package.json", '{"scripts": {"test": "NODE_ENV=test mocha -r x"}}', "mocha", "called"),
        ("package.json", '{"scripts": {"test": "echo mocha"}}', "mocha", ""),
        ("package.json", '["scripts"]', "mocha", ""),
        ("package.json", "{", "mocha", ""),
        ("pyproject.toml", '[tool.poetry.scripts]\nserve = "app:main"\n', "serve", "declared"),
        ("pyproject.toml", '[dependency-groups]\ndev = ["pytest>=8", "pytest-cov"]\n', "pytest", "listed"),
        ("pyproject.toml", '[dependency-groups]\ndev = ["pytest-cov"]\n', "pytest", ""),
        ("requirements.txt", "black==24.1\n", "black", "listed"),
        ("requirements.txt", "# no black here\n", "black", ""),
        ("Gemfile", "  gem 'rspec', '~> 3'\n", "rspec", "listed"),
        ("composer.json", '{"require-dev": {"phpunit/phpunit": "11"}}', "phpunit", "listed"),
    ],
)
def test_how_a_manifest_names_a_program(manifest: str, text: str, tool: str, how: str) -> None:
    assert how_named(manifest, text, tool) == how


@pytest.mark.parametrize("script", ["eslint", "tsc && eslint .", "npx eslint .", "A=1 B=2 eslint", "(eslint)"])
def test_a_script_calls_a_program(script: str) -> None:
    assert calls_it(script, "eslint")


@pytest.mark.parametrize("script", ["echo eslint", "eslint-all", "./eslint", "lint eslint"])
def test_a_script_that_only_mentions_it_does_not_call_it(script: str) -> None:
    assert not calls_it(script, "eslint")


@given(st.sampled_from(MANIFESTS), st.one_of(st.text(), st.recursive(st.text(), st.lists).map(json.dumps)))
def test_no_manifest_breaks_it(manifest: str, text: str) -> None:
    assert how_named(manifest, text, "eslint") in ("", "listed", "declared", "called")


@pytest.mark.parametrize(
    "text",
    [
        "queuectl() {\n  echo\n}",
        "  function queuectl {",
        "alias queuectl=./bin/q",
        "add_executable(queuectl main.c)",
        'name = "queuectl"',
        "all: x\n\ngcc -o build/queuectl main.c\n",
        "curl -fsSL --output /tmp/bin/queuectl https://ci.example.org/q",
    ],
)
def test_a_line_defines_a_program(text: str) -> None:
    assert definition("queuectl").search(text)


@pytest.mark.parametrize(
    "text", ["queuectl check", "  - run: queuectl", "my-queuectl() {", "queuectl:", "echo -o queuectls", "X=queuectl"]
)
def test_a_line_that_calls_it_does_not(text: str) -> None:
    assert not definition("queuectl").search(text)


@pytest.mark.parametrize(
    ("path", "text", "made"),
    [
        ("lib/deploy.sh", "set -e\nqueuectl() {\n", "lib/deploy.sh:2"),
        ("build/bin/queuectl", "", "build/bin/queuectl"),
        ("target/release/queuectl", "", "target/release/queuectl"),
        ("cmd/queuectl/main.go", "", "cmd/queuectl"),
        ("src/queuectl.rs", "", "src/queuectl.rs"),
        (".forgejo/workflows/ci.yml", "a:\n  - run: |\n      queuectl() { true; }\n", ".forgejo/workflows/ci.yml:3"),
        ("queuectl.yaml", "a: b", None),
        (".gitlab-ci.yml", "queuectl:\n  script: queuectl x\n", None),
        ("src/queue_ctl.py", "", None),
        ("src/queue.rs", "fn queuectl() {}", None),
        ("run.sh", "queuectl check\n", None),
    ],
)
def test_what_the_checkout_makes_is_seen(tmp_path: Path, path: str, text: str, made: str | None) -> None:
    (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / path).write_text(text)
    arguments = {"tool": "queuectl", "folder": str(tmp_path)}
    assert PROBE.read(PROBE.ask(LocalHost(), Subject("workflow"), arguments))["made"] == made
