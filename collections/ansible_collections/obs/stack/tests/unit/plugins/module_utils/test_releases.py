# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services of one host that run the same release have its files once, and none depends on another for them."""

from __future__ import annotations

import io
import os
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._files import remove_tree
from ansible_collections.obs.stack.plugins.module_utils._layout import Layout
from ansible_collections.obs.stack.plugins.module_utils._releases import (
    find_release,
    release_is_whole,
    share_release,
    stage_release,
)
from ansible_collections.obs.stack.plugins.module_utils._wish import ReleaseForHost

RELEASE = ReleaseForHost(
    kind="archive",
    version="1.2.3",
    arch="amd64",
    url="https://example.com/x-1.2.3.tar.gz",
    checksums_url="",
    sha256="a" * 64,
    binaries={"x": "x"},
)


@pytest.fixture
def layouts(tmp_path: Path) -> dict:
    """A service a with the release, and a service b without it."""
    content = {"x": b"#!/bin/sh\n", "web/index.html": b"page"}
    with tarfile.open(str(tmp_path / "x.tar.gz"), "w:gz") as archive:
        for name, data in content.items():
            member = tarfile.TarInfo("x-1.2.3/" + name)
            member.size, member.mode = len(data), 0o755 if name == "x" else 0o644
            archive.addfile(member, io.BytesIO(data))
        link = tarfile.TarInfo("x-1.2.3/latest")
        link.type, link.linkname = tarfile.SYMTYPE, "web/index.html"
        archive.addfile(link)
    (tmp_path / "opt").mkdir()
    found = {name: Layout(root=str(tmp_path / "opt"), name=name) for name in "ab"}
    for layout in found.values():
        for folder in (layout.releases, layout.generations):
            os.makedirs(folder)
    (tmp_path / "opt" / "file").write_text("")
    stage_release(found["a"], RELEASE, str(tmp_path / "x.tar.gz"))
    return found


def inodes(layout: Layout) -> dict:
    root = Path(layout.release(RELEASE.id))
    return {
        str(path.relative_to(root)): path.lstat().st_ino
        for path in root.rglob("*")
        if path.is_file() and not path.is_symlink()
    }


@pytest.mark.parametrize("digest", [RELEASE.sha256, ""], ids=["pinned", "from-its-checksum-file"])
def test_the_same_release_is_there_once(digest: str, layouts: dict) -> None:
    assert share_release(layouts["b"], replace(RELEASE, sha256=digest)) == RELEASE
    assert inodes(layouts["b"]) == inodes(layouts["a"]) and len(inodes(layouts["a"])) == 3
    assert find_release(layouts["b"], RELEASE) == (RELEASE.id, RELEASE.sha256)
    assert os.readlink(os.path.join(layouts["b"].release(RELEASE.id), "latest")) == "web/index.html"
    assert os.stat(layouts["b"].release(RELEASE.id)).st_mode == os.stat(layouts["a"].release(RELEASE.id)).st_mode
    assert os.listdir(layouts["b"].releases) == [RELEASE.id]


def test_who_removes_it_leaves_the_other_whole(layouts: dict) -> None:
    share_release(layouts["b"], RELEASE)
    remove_tree(layouts["a"].release(RELEASE.id))
    assert release_is_whole(layouts["b"], RELEASE.id)
    assert Path(layouts["b"].release(RELEASE.id), "web", "index.html").read_bytes() == b"page"


@pytest.mark.parametrize(
    "changes",
    [{"sha256": "b" * 64}, {"binaries": {"x": "y"}}, {"kind": "wheelhouse"}, {"sha256": "", "url": "https://other/x"}],
    ids=["digest", "programs", "kind", "address"],
)
def test_another_release_is_not_taken_for_it(changes: dict, layouts: dict) -> None:
    assert share_release(layouts["b"], replace(RELEASE, **changes)) is None
    assert not os.listdir(layouts["b"].releases)


def damage(program: Path) -> None:
    program.write_text("#!/bin/sh\nexit 1\n")


def open_to_others(program: Path) -> None:
    program.chmod(0o777)


@pytest.mark.parametrize("spoil", [damage, open_to_others])
def test_a_release_that_may_have_been_changed_is_not_shared(spoil: Any, layouts: dict) -> None:
    spoil(Path(layouts["a"].release(RELEASE.id), "bin", "x"))
    assert share_release(layouts["b"], RELEASE) is None
    assert not os.listdir(layouts["b"].releases)


def test_across_file_systems_it_is_not_shared(layouts: dict, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_paths: Any) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    assert share_release(layouts["b"], RELEASE) is None
    assert not os.listdir(layouts["b"].releases)
