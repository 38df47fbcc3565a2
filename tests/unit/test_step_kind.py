"""The kind of a step by its name: what it is about stands before what it does it with."""

import pytest

from whyred.diagnosis.step_kind import class_of_step
from whyred.library import read


@pytest.mark.parametrize(
    ("name", "class_"),
    [
        ("Run actions/checkout@v4", "infra/git-ref"),
        ("Run actions/upload-artifact@v4", "infra/artifact"),
        ("Run actions/setup-node@v4", "infra/missing-tool"),
        ("Run npm ci", "code/deps"),
        ("Run npm run lint:docs", "code/lint"),
        ("Run cargo fmt --all -- --check", "code/format"),
        ("Run cargo clippy", "code/lint"),
        ("Run cargo build --release", "code/compile"),
        ("Run cargo test --workspace", "code/test"),
        ("Unit tests", "code/test"),
        ("Run mvn -B verify", "code/test"),
        ("make -j4", "code/compile"),
        ("Run tsc --noEmit", "code/typecheck"),
        ("Deploy to staging", "code/packaging"),
        ("./run.sh", None),
        ("", None),
        (None, None),
    ],
)
def test_a_name_tells_the_kind(name: str | None, class_: str | None) -> None:
    assert class_of_step(name) == class_


def test_every_class_is_one_of_the_librarys() -> None:
    from whyred.diagnosis.step_kind import _KINDS

    assert {class_ for _, class_ in _KINDS} <= set(read.classes())
