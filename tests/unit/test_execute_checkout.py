"""The checkout of the workflow's own repository: a real clone, and what is refused."""

import os
import subprocess
from pathlib import Path

import pytest
from execute_job import Ran, run_job

from whyred.experiments.checkout import RepositoryError, find_repository, is_checkout, read_repository
from whyred.model.run import Conclusion
from whyred.workflows.nouns import StepSpec

ENV = {
    "PATH": os.environ["PATH"],
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    **{f"GIT_{who}_{what}": "t@example.org" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")},
}


def git(folder: Path, *arguments: str) -> str:
    argv = ["git", "-C", str(folder), *arguments]
    return subprocess.run(argv, env=ENV, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Two commits and a tag on `main`, in a folder whose name needs care."""
    path = tmp_path / "my 100% repo"
    path.mkdir()
    git(path, "init", "--quiet", "--initial-branch=main")
    for number in (1, 2):
        (path / "file").write_text(f"{number}\n")
        git(path, "add", "file")
        git(path, "commit", "--quiet", "-m", f"commit {number}")
        git(path, "tag", f"v{number}")
    git(path, "remote", "add", "origin", "git@forge.example:alice/demo.git")
    return path


def check_out(
    tmp_path: Path, repository: Path | None, with_: str = "{}", script: str = "git log --oneline | wc -l"
) -> Ran:
    workflow = f"""
        jobs:
          test:
            steps:
              - {{name: get, uses: actions/checkout@v4, with: {with_}}}
              - {{name: look, run: '{script}'}}
    """
    return run_job(tmp_path, workflow, environ=ENV, repository=repository)


def test_it_clones_head_as_shallow_as_the_action(tmp_path: Path, repository: Path) -> None:
    script = (
        "cat file; git log --oneline | wc -l; git tag | wc -l; git rev-parse HEAD;"
        "echo $GITHUB_SHA $GITHUB_REF_NAME $FORGEJO_REPOSITORY"
    )
    ran = check_out(tmp_path, repository, script=script)
    commit = git(repository, "rev-parse", "HEAD")
    assert ran.step("get") == [f"Checking out alice/demo at {commit} (refs/heads/main)"]
    assert ran.step("look") == ["2", "1", "0", commit, f"{commit} main alice/demo"]
    assert ran.attempt.conclusion is Conclusion.SUCCESS
    assert ran.attempt.run.commit == commit


def test_depth_and_path_are_the_steps(tmp_path: Path, repository: Path) -> None:
    with_ = "{fetch-depth: 0, path: sub/x, token: '${{ secrets.T }}', persist-credentials: false}"
    ran = check_out(tmp_path, repository, with_, "cd sub/x; git log --oneline | wc -l; git tag | wc -l")
    assert ran.step("look") == ["2", "2"]


def test_uncommitted_changes_are_told_and_left_out(tmp_path: Path, repository: Path) -> None:
    (repository / "file").write_text("changed\n")
    (repository / "new").write_text("")
    ran = check_out(tmp_path, repository, script="cat file; ls")
    assert "2 uncommitted change(s)" in ran.step("get")[1]
    assert ran.step("look") == ["2", "file"]


def test_a_detached_head_is_cloned_as_it_is(tmp_path: Path, repository: Path) -> None:
    git(repository, "checkout", "--quiet", "v1")
    ran = check_out(tmp_path, repository, script="cat file")
    assert "detached HEAD" in ran.step("get")[0]
    assert ran.step("look") == ["1"]


def test_the_workspace_is_emptied_first_and_nothing_outside(tmp_path: Path, repository: Path) -> None:
    keep = tmp_path / "keep"
    keep.mkdir()
    (keep / "me").touch()
    workflow = f"""
        jobs:
          test:
            steps:
              - run: mkdir d; touch f d/g; ln -s '{keep}' link
              - {{name: get, uses: 'https://code.forgejo.org/actions/checkout@v4'}}
              - {{name: look, run: ls}}
    """
    ran = run_job(tmp_path, workflow, environ=ENV, repository=repository)
    assert ran.step("look") == ["file"]
    assert (keep / "me").exists()


@pytest.mark.parametrize(
    ("with_", "why"),
    [
        ("{repository: bob/other}", "it checks out bob/other"),
        ("{ref: v1}", "only clones HEAD"),
        ("{submodules: true, lfs: true}", "without `lfs`, `submodules`"),
        ("{ref: '${{ github.head_ref }}'}", "with.ref cannot be worked out"),
        ("{fetch-depth: all}", "is no number"),
    ],
)
def test_what_is_not_played_is_not_run(tmp_path: Path, repository: Path, with_: str, why: str) -> None:
    ran = check_out(tmp_path, repository, with_, "true")
    assert ran.attempt.steps[0].conclusion is Conclusion.NOT_RUN
    assert why in (ran.attempt.steps[0].reason or "")
    assert ran.attempt.conclusion is Conclusion.UNKNOWN


@pytest.mark.parametrize("with_", ["{ref: main, repository: alice/demo}", "{submodules: false, lfs: ''}"])
def test_inputs_that_say_the_same_are_fine(tmp_path: Path, repository: Path, with_: str) -> None:
    assert check_out(tmp_path, repository, with_).attempt.conclusion is Conclusion.SUCCESS


def test_a_path_out_of_the_workspace_fails(tmp_path: Path, repository: Path) -> None:
    ran = check_out(tmp_path, repository, "{path: ../../x}")
    assert ran.attempt.conclusion is Conclusion.FAILURE
    assert "leads out of the workspace" in (ran.attempt.steps[0].reason or "")


def test_without_a_repository_the_checkout_is_not_run(tmp_path: Path) -> None:
    assert find_repository(tmp_path, ENV) is None
    ran = check_out(tmp_path, None, script="true")
    assert "does not lie in a git repository" in (ran.attempt.steps[0].reason or "")
    (tmp_path / "empty").mkdir()
    git(tmp_path / "empty", "init", "--quiet")
    with pytest.raises(RepositoryError):
        read_repository(tmp_path / "empty", ENV)
    assert check_out(tmp_path, tmp_path / "empty", script="true").attempt.steps[0].conclusion is Conclusion.NOT_RUN


def test_no_git_at_all(tmp_path: Path, repository: Path) -> None:
    assert find_repository(repository, {"PATH": str(tmp_path)}) is None


def test_git_is_not_led_astray_by_a_hook(tmp_path: Path, repository: Path) -> None:
    (repository / "sub").mkdir()
    assert find_repository(repository / "sub", ENV | {"GIT_DIR": "/nowhere"}) == repository


@pytest.mark.parametrize(
    ("remote", "name"),
    [
        ("https://forge.example/bob/tool.git", "bob/tool"),
        ("https://forge.example:3000/bob/tool/", "bob/tool"),
        ("ssh://git@forge.example:22/bob/tool", "bob/tool"),
        ("/srv/git/tool.git", "git/tool"),
        (None, "local/my 100% repo"),
    ],
)
def test_the_name_of_a_repository(repository: Path, remote: str | None, name: str) -> None:
    git(repository, "remote", "remove", "origin")
    if remote is not None:
        git(repository, "remote", "add", "origin", remote)
    assert read_repository(repository, ENV).name == name


@pytest.mark.parametrize(
    ("uses", "is_one"),
    [
        ("actions/checkout@v4", True),
        ("https://code.forgejo.org/actions/checkout@main", True),
        ("https://host/mirror/actions/checkout@v4", True),
        ("actions/checkout", False),
        ("actions/checkout-more@v1", False),
        ("evil/actions/checkout@v1", False),
        ("./actions/checkout@v1", False),
    ],
)
def test_which_actions_are_a_checkout(uses: str, is_one: bool) -> None:
    assert is_checkout(StepSpec("s", 1, uses=uses)) is is_one
