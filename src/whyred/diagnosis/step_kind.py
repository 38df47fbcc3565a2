"""What kind of work a step does, by what it is called: of a failure that no pattern knows it is all there is to go by.

It is a guess, and is told as one. A step is called by the command that it runs, or by what its author named it.
"""

import re

_KINDS: tuple[tuple[str, str], ...] = (
    (r"(?:upload|download)[-_ ]?artifacts?|publish test results|archive artifacts", "infra/artifact"),
    (r"\b(?:actions/checkout|git (?:clone|fetch|checkout|submodule)|check ?out|get_sources)\b", "infra/git-ref"),
    (r"getting source from git", "infra/git-ref"),
    (r"\b(?:login|log in|docker/login-action)\b", "infra/git-auth"),
    (r"\b(?:docker|podman|buildah)\b.{0,40}\bpull\b|initialize containers|pulling image", "infra/image-pull"),
    (
        r"\bsetup[-_ ](?!py\b)\w|\bset up (?!job)\w|rustup|install (?:rust|node|go|python|java|ruby)\b",
        "infra/missing-tool",
    ),
    (r"codecov|coverage|size.?limit|bundle.?size|audit|changelog|danger|licen[sc]e|reuse lint|sonar", "code/check"),
    (r"\b(?:rustfmt|black|prettier|gofmt|clang-format|isort|fmt|format(?:ting)?)\b", "code/format"),
    (r"\b(?:mypy|pyright|tsc|type-?check\w*|typing)\b", "code/typecheck"),
    (r"clippy|\b(?:\w*lint\w*|flake8|ruff|rubocop|shellcheck|checkstyle|spotbugs|detekt|phpcs|phpstan)\b", "code/lint"),
    (r"\b(?:docs?|sphinx|mkdocs|doxygen|javadoc|rustdoc|link-?check\w*|lychee)\b", "code/docs"),
    (r"\b(?:pytest|tox|nosetests|jest|vitest|mocha|karma|cypress|rspec|phpunit|ctest|behat|junit)\b", "code/test"),
    (r"(?:\b|_)(?:unit|integration|e2e)?[-_ ]?tests?(?:\b|_)|\bverify\b|make check\b|\bspecs?\b", "code/test"),
    (r"\b(?:deploy|publish|(?<!-)release|twine|semantic-release|push|package|rpmbuild|sign)\b", "code/packaging"),
    (
        r"\b(?:npm (?:ci|i|install)|yarn(?: install)?$|(?:pnpm|bun) (?:i|install)|pip3? install|poetry install)\b",
        "code/deps",
    ),
    (
        r"\b(?:bundle|composer|uv|cargo fetch|go mod)\b.{0,20}\b(?:install|sync|update|download)\b|dependenc",
        "code/deps",
    ),
    (r"\b(?:apt(?:-get)?|dnf|yum|apk|brew|choco|pacman)\b.{0,60}\b(?:install|update|add)\b", "infra/network"),
    (r"\b(?:cmake|configure|meson|autogen|autoreconf|bootstrap)\b", "code/build-config"),
    (r"\b(?:build|compile|make|assemble|cargo|gradlew?|mvnw?|ninja|msbuild|webpack|vite|xcodebuild)\b", "code/compile"),
)
"""Expressions, the first that fits decides: what a step is about stands before what it does it with."""
_SEEN = 300
"""Characters of a name that are looked at: some are whole scripts."""


def class_of_step(name: str | None) -> str | None:
    """The class that most failures of such a step have; None where its name says nothing."""
    seen = (name or "")[:_SEEN]
    return next((class_ for regex, class_ in _KINDS if re.search(regex, seen, re.I)), None)
