"""Whether a manifest of the project names a program as its own."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whyred.probes.project_tool import MANIFESTS, calls_it, how_named


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
