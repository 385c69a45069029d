# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a generation is made of, and what its keys cover."""

from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from ansible_collections.obs.stack.plugins.module_utils._generation import Draft, changed_files, compose
from ansible_collections.obs.stack.plugins.module_utils._wish import FileWish, ReleaseWish, Wish

KEY = b"k" * 32
WISH = Wish(
    name="x",
    root="/opt/obs",
    release=ReleaseWish(
        version="1.2.3",
        url="https://h/x-{version}.linux-{arch}.tar.gz",
        checksums_url="https://h/{arch}.sha256",
        sha256={"amd64": "a" * 64, "arm64": "b" * 64},
        arch_names={"x86_64": "amd64", "aarch64": "arm64"},
        binaries={"xd": "x-{arch}"},
        version_argv=("--version",),
    ),
    account={"user": "u", "group": "g", "groups": []},
    command=("xd", "--a=1"),
    environment={"E": "1"},
    files=(
        FileWish("a.yml", b"a", 0o640, "reload", False),
        FileWish("r.yml", b"r", 0o640, "restart", False),
        FileWish("s", b"secret", 0o640, "none", True),
    ),
    data={"path": "/var/lib/x"},
    probe={"port": 1, "scheme": "http"},
)


def make(**changes: object) -> Draft:
    return compose(replace(WISH, **changes), release_id="1.2.3-aaaaaaaa", release_sha256="a" * 64, home="/o/x", key=KEY)


def test_each_architecture_has_its_own_archive() -> None:
    amd, arm = WISH.release.for_machine("x86_64"), WISH.release.for_machine("aarch64")
    assert (amd.url, amd.sha256, amd.id) == ("https://h/x-1.2.3.linux-amd64.tar.gz", "a" * 64, "1.2.3-aaaaaaaa")
    assert (arm.url, arm.sha256, arm.id) == ("https://h/x-1.2.3.linux-arm64.tar.gz", "b" * 64, "1.2.3-bbbbbbbb")
    assert arm.binaries == {"xd": "x-arm64"} and arm.checksums_url == "https://h/arm64.sha256"
    other = WISH.release.for_machine("riscv64")
    assert (other.arch, other.sha256, other.id) == ("riscv64", "", "")


def test_the_same_wish_is_the_same_generation() -> None:
    assert make().generation == make().generation


@pytest.mark.parametrize(
    "changes",
    [
        {"command": ("xd", "--a=2")},
        {"environment": {"E": "2"}},
        {"unit": {"limits": {"MemoryMax": "1G"}}},
        {"probe": {"port": 1, "scheme": "https"}},
        {"files": (*WISH.files[:1], FileWish("r.yml", b"R", 0o640, "restart", False), WISH.files[2])},
        {"account": {"user": "u2", "group": "g", "groups": []}},
    ],
)
def test_what_needs_a_restart_is_in_the_restart_key(changes: dict) -> None:
    assert make(**changes).generation.restart_key != make().generation.restart_key
    assert make(**changes).generation.digest != make().generation.digest


@pytest.mark.parametrize(
    "changes",
    [
        {"files": (FileWish("a.yml", b"A", 0o640, "reload", False), *WISH.files[1:])},
        {"files": (*WISH.files[:2], FileWish("s", b"rotated", 0o640, "none", True))},
        {"probe": {"port": 2, "scheme": "http"}},
    ],
)
def test_what_needs_none_is_only_in_the_digest(changes: dict) -> None:
    assert make(**changes).generation.restart_key == make().generation.restart_key
    assert make(**changes).generation.digest != make().generation.digest


def test_no_secret_and_no_environment_value_is_in_the_manifest() -> None:
    draft = make(environment={"E": "environment-canary"})
    text = str(draft.generation.manifest)
    assert "secret'" not in text.replace("'secret':", "")
    assert "environment-canary" not in text
    assert base64.b64encode(b"secret").decode() not in text
    other = compose(WISH, release_id="1.2.3-aaaaaaaa", release_sha256="a" * 64, home="/o/x", key=b"q" * 32)
    assert other.generation.files["s"]["digest"] != make().generation.files["s"]["digest"], "not keyed by the host"


def test_sizes_follow_the_data_file_system() -> None:
    wish = replace(
        WISH,
        command=("xd", "--size=@data_filesystem_80_percent@"),
        files=(FileWish("a.yml", b"size: @data_filesystem_50_percent@\n", 0o640, "reload", False),),
    )
    sized = wish.sized(10 * (1 << 30))
    assert sized.command == ("xd", "--size=8GB")
    assert sized.files[0].content == b"size: 5GB\n"
    assert wish.sized(100 << 20).command == ("xd", "--size=80MB")


def test_changed_files() -> None:
    before = {
        "a": {"digest": "1", "mode": "0640"},
        "b": {"digest": "1", "mode": "0640"},
        "c": {"digest": "1", "mode": "0640"},
    }
    after = {
        "a": {"digest": "1", "mode": "0640"},
        "b": {"digest": "2", "mode": "0640"},
        "d": {"digest": "1", "mode": "0640"},
    }
    assert changed_files(before, after) == ["b", "c", "d"]
