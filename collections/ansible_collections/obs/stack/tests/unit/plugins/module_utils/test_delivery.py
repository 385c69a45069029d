# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an archive gets to the host, and that it is hashed where it is unpacked."""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._delivery import bring_release, verifiable_release
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._layout import Layout
from ansible_collections.obs.stack.plugins.module_utils._releases import find_release
from ansible_collections.obs.stack.plugins.module_utils._stage import ensure_home
from ansible_collections.obs.stack.plugins.module_utils._wish import ReleaseWish, Wish

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="files of a release are root's")


@pytest.fixture
def wish(tmp_path: Path) -> Wish:
    archive = tmp_path / "x-1.0.0.tar.gz"
    with tarfile.open(archive, "w:gz") as bundle:
        member = tarfile.TarInfo("x/xd")
        member.size, member.mode = 10, 0o755
        bundle.addfile(member, io.BytesIO(b"#!/bin/sh\n"))
    digest = hashlib.sha256(archive.read_bytes()).hexdigest()
    (tmp_path / "sums").write_text(f"{digest}  x-1.0.0.tar.gz\n")
    release = ReleaseWish(
        version="1.0.0",
        url=f"file://{tmp_path}/x-{{version}}.tar.gz",
        checksums_url=f"file://{tmp_path}/sums",
        sha256={"amd64": digest},
        arch_names={"x86_64": "amd64"},
        binaries={"xd": "xd"},
        version_argv=(),
    )
    os.mkdir(tmp_path / "opt")
    found = Wish(name="x", root=str(tmp_path / "opt"), release=release, fetch={"cache_dir": str(tmp_path / "cache")})
    ensure_home(Layout(found.root, "x"))
    return found


def test_handed_over(wish: Wish, tmp_path: Path) -> None:
    layout = Layout(wish.root, "x")
    handed = replace(wish, archive=str(tmp_path / "x-1.0.0.tar.gz"))
    release, warnings = bring_release(handed, layout, verifiable_release(handed, "x86_64"))
    assert find_release(layout, release) == (release.id, release.sha256) and not warnings
    assert os.path.exists(handed.archive)
    binary = Path(layout.release(release.id), "bin", "xd")
    binary.write_bytes(b"changed by hand")
    assert find_release(layout, release) == ("", ""), "a damaged release is brought anew"


def test_an_archive_that_is_another_is_refused(wish: Wish, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"other")
    with pytest.raises(StackError, match="wanted") as caught:
        bring_release(replace(wish, archive=str(other)), Layout(wish.root, "x"), verifiable_release(wish, "x86_64"))
    assert caught.value.doc == "checksum"
    assert not os.listdir(Layout(wish.root, "x").releases)


def test_fetched_by_the_host_with_the_release_s_own_checksum(wish: Wish, tmp_path: Path) -> None:
    layout = Layout(wish.root, "x")
    release, warnings = bring_release(wish, layout, verifiable_release(wish, "aarch64"))
    assert "x_release_sha256" in warnings[0]
    assert find_release(layout, release)[0] == release.id
    assert not [name for name in os.listdir(tmp_path / "cache") if name == release.sha256], "the archive is not kept"
    unknown = replace(wish, release=replace(wish.release, sha256={}))
    assert find_release(layout, unknown.release.for_machine("x86_64")) == (release.id, release.sha256)


def test_nothing_to_verify_with_is_refused(wish: Wish) -> None:
    bare = replace(wish, release=replace(wish.release, checksums_url=""))
    with pytest.raises(StackError, match="x_release_sha256"):
        verifiable_release(bare, "aarch64")


def zipped(path: Path, *members: str) -> str:
    """A zip with a single top folder; its sha256."""
    with zipfile.ZipFile(path, "w") as archive:
        for member in members:
            archive.writestr(f"top/{member}", "x")
    return hashlib.sha256(path.read_bytes()).hexdigest()


def with_additions(wish: Wish, *items: dict[str, Any]) -> Wish:
    """The wish with further archives in its release."""
    return replace(wish, release=replace(wish.release, additions=items))


@pytest.mark.parametrize("handed", [False, True])
def test_additions_become_part_of_the_release(wish: Wish, tmp_path: Path, handed: bool) -> None:
    layout, zip_file = Layout(wish.root, "x"), tmp_path / "one.zip"
    digest = zipped(zip_file, "plugin.json", "MANIFEST.txt")
    item = {"path": "plugins/one", "url": f"file://{zip_file}", "sha256": {"any": digest}, "members": ["MANIFEST.txt"]}
    wished = with_additions(wish, item)
    if handed:
        wished = replace(wished, archive=str(tmp_path / "x-1.0.0.tar.gz"), additions={digest: str(zip_file)})
    plain = verifiable_release(wish, "x86_64")
    release, _warnings = bring_release(wished, layout, verifiable_release(wished, "x86_64"))
    assert release.id != plain.id and release.id.startswith(plain.id)
    assert Path(layout.release(release.id), "plugins", "one", "plugin.json").is_file()
    assert find_release(layout, release)[0] == release.id and find_release(layout, plain) == ("", "")
    unknown = replace(wished, release=replace(wished.release, sha256={})).release.for_machine("x86_64")
    assert find_release(layout, unknown)[0] == release.id
    assert find_release(layout, replace(unknown, additions=())) == ("", ""), "without its plugins it is another"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sha256": {"any": "0" * 64}}, "wanted"),
        ({"members": ["plugin.json", "SIGNATURE"]}, "its archive has no SIGNATURE"),
        ({"sha256": {"arm64": "0" * 64}}, "no sha256 for amd64"),
    ],
)
def test_an_addition_that_is_not_right_leaves_nothing(
    wish: Wish, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    layout, zip_file = Layout(wish.root, "x"), tmp_path / "one.zip"
    digest = zipped(zip_file, "plugin.json")
    item = {"path": "plugins/one", "url": f"file://{zip_file}", "sha256": {"any": digest}, **change}
    handed = replace(with_additions(wish, item), archive=str(tmp_path / "x-1.0.0.tar.gz"))
    archives = {one: str(zip_file) for one in (digest, "0" * 64)}
    with pytest.raises(StackError, match=words):
        bring_release(replace(handed, additions=archives), layout, verifiable_release(handed, "x86_64"))
    assert not os.listdir(layout.releases)
