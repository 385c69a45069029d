# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib
import shutil
import subprocess

import pytest

from ansible_collections.obs.stack.plugins.plugin_utils._commit import commit_of

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="no git to make repositories with")


def git(folder: pathlib.Path, *arguments: str) -> str:
    """What git says in a folder."""
    who = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    answer = subprocess.run(["git", *who, *arguments], cwd=str(folder), check=True, capture_output=True, text=True)
    return answer.stdout.strip()


@pytest.fixture
def repository(tmp_path: pathlib.Path) -> pathlib.Path:
    """One with a commit, and a folder within."""
    (tmp_path / "repository" / "inventories" / "lab").mkdir(parents=True)
    git(tmp_path / "repository", "init", "--quiet")
    git(tmp_path / "repository", "commit", "--quiet", "--allow-empty", "--message", "one")
    return tmp_path / "repository"


def test_it_is_what_git_says_of_each_kind_of_checkout(repository: pathlib.Path, tmp_path: pathlib.Path) -> None:
    inventory = str(repository / "inventories" / "lab")
    said = git(repository, "rev-parse", "HEAD")[:12]
    assert commit_of([inventory]) == said
    git(repository, "pack-refs", "--all")
    assert not (repository / ".git" / "refs" / "heads" / "main").exists()
    assert commit_of([inventory]) == said
    git(repository, "worktree", "add", "--quiet", str(tmp_path / "tree"))
    git(repository, "commit", "--quiet", "--allow-empty", "--message", "two")
    assert commit_of([inventory]) == git(repository, "rev-parse", "HEAD")[:12] != said
    assert commit_of([str(tmp_path / "tree")]) == said
    git(repository, "checkout", "--quiet", "--detach", said)
    assert commit_of([inventory]) == said


def test_the_inventory_comes_before_the_playbook(repository: pathlib.Path, tmp_path: pathlib.Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    said = git(repository, "rev-parse", "HEAD")[:12]
    assert commit_of(["", str(elsewhere), str(repository)]) == said
    assert commit_of(["", str(elsewhere)]) == commit_of([str(tmp_path / "gone")]) == commit_of([]) == ""


def test_what_cannot_be_read_is_no_commit(repository: pathlib.Path) -> None:
    (repository / ".git" / "refs" / "heads" / "main").write_text("x\n")
    assert commit_of([str(repository)]) == ""
    (repository / ".git" / "HEAD").write_bytes(b"\xff")
    assert commit_of([str(repository)]) == ""
