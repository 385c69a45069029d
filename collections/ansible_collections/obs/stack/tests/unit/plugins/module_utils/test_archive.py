# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import io
import os
import stat
import struct
import tarfile
import typing as t
import zipfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.obs.stack.plugins.module_utils import _archive
from ansible_collections.obs.stack.plugins.module_utils._archive import (
    ArchiveError,
    safe_name,
    sync_tree,
    unpack,
)
from ansible_collections.obs.stack.plugins.module_utils._elf import go_name, host_machine, machine_of
from ansible_collections.obs.stack.plugins.module_utils._members import members

SCRIPT = b"#!/bin/sh\nexit 0\n"
URL_NAME = "thing-1.0.linux-amd64.tar.gz"


def elf(machine: int = 0x3E, *, bits: int = 64, little: bool = True) -> bytes:
    """The first bytes of an ELF program."""
    ident = b"\x7fELF" + bytes([2 if bits == 64 else 1, 1 if little else 2]) + bytes(10)
    return ident + struct.pack("<HH" if little else ">HH", 2, machine) + bytes(44)


def entry(name: str, content: bytes = b"", kind: bytes = tarfile.REGTYPE, mode: int = 0o644, link: str = "") -> t.Any:
    info = tarfile.TarInfo(name)
    info.type, info.mode, info.linkname, info.size = kind, mode, link, len(content)
    info.uid = info.gid = 4711
    return info, content


def tar(path: Path, *entries: t.Any) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for info, content in entries:
            archive.addfile(info, io.BytesIO(content))
    return path


def zipped(path: Path, files: dict[str, bytes], mode: int = 0) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def run(archive: Path, dest: Path, binaries: dict[str, str] | None = None, **options: t.Any) -> None:
    unpack(str(archive), str(dest), url_name=URL_NAME, binaries=binaries or {"a": "a"}, **options)


def refusal(archive: Path, dest: Path, binaries: dict[str, str] | None = None, **options: t.Any) -> str:
    with pytest.raises(ArchiveError) as caught:
        run(archive, dest, binaries, **options)
    assert not dest.exists(), "something was left behind"
    text = str(caught.value)
    assert URL_NAME in text
    assert len(text.splitlines()) <= 2
    return text


def tree(path: Path) -> list[str]:
    return sorted(str(found.relative_to(path)) for found in path.rglob("*") if not found.is_dir())


@pytest.fixture(name="dest")
def _dest(tmp_path: Path) -> Path:
    return tmp_path / "dest"


class TestLayouts:
    def test_top_folder_is_left_out(self, tmp_path: Path, dest: Path) -> None:
        archive = tar(
            tmp_path / "x", entry("t-1/", b"", tarfile.DIRTYPE), entry("t-1/a", SCRIPT), entry("t-1/LICENSE", b"l")
        )
        run(archive, dest)
        assert tree(dest) == ["LICENSE", "bin/a"]

    def test_flat(self, tmp_path: Path, dest: Path) -> None:
        run(tar(tmp_path / "x", entry("./a", SCRIPT), entry("./b", SCRIPT)), dest, {"a": "a", "bee": "b"})
        assert tree(dest) == ["bin/a", "bin/bee"]

    def test_zip_of_one_file(self, tmp_path: Path, dest: Path) -> None:
        run(zipped(tmp_path / "x", {"loki-linux-amd64": elf()}), dest, {"loki": "loki-linux-amd64"}, machine="amd64")
        assert tree(dest) == ["bin/loki"]
        assert stat.S_IMODE((dest / "bin/loki").stat().st_mode) == 0o755

    def test_binaries_that_are_in_bin_already(self, tmp_path: Path, dest: Path) -> None:
        run(tar(tmp_path / "x", entry("g-12/bin/a", SCRIPT), entry("g-12/conf/d.ini", b"")), dest, {"a": "bin/a"})
        assert tree(dest) == ["bin/a", "conf/d.ini"]

    def test_a_lone_bin_folder_is_no_top_folder_when_the_binaries_say_so(self, tmp_path: Path, dest: Path) -> None:
        run(tar(tmp_path / "x", entry("bin/a", SCRIPT)), dest, {"a": "bin/a"})
        assert tree(dest) == ["bin/a"]

    def test_modes_and_owner_are_ours(self, tmp_path: Path, dest: Path) -> None:
        mask = os.umask(0o077)
        try:
            archive = tar(
                tmp_path / "x",
                entry("t/", b"", tarfile.DIRTYPE, 0o777),
                entry("t/a", SCRIPT, mode=0o6777),
                entry("t/tool", SCRIPT, mode=0o700),
                entry("t/sub/conf", b"", mode=0o666),
            )
            run(archive, dest)
        finally:
            os.umask(mask)
        modes = {
            name: stat.S_IMODE((dest / name).stat().st_mode)
            for name in (".", "bin", "bin/a", "tool", "sub", "sub/conf")
        }
        assert modes == {".": 0o755, "bin": 0o755, "bin/a": 0o755, "tool": 0o755, "sub": 0o755, "sub/conf": 0o644}
        assert {found.stat().st_uid for found in dest.rglob("*")} == {os.geteuid()}

    def test_links_inside_are_kept(self, tmp_path: Path, dest: Path) -> None:
        archive = tar(
            tmp_path / "x",
            entry("t/a", SCRIPT),
            entry("t/docs/tool", b"", tarfile.SYMTYPE, link="../lib/real"),
            entry("t/lib/real", b"r"),
            entry("t/hard", b"", tarfile.LNKTYPE, link="t/lib/real"),
        )
        run(archive, dest)
        assert os.readlink(dest / "docs/tool") == "../lib/real"
        assert (dest / "docs/tool").read_bytes() == b"r"
        assert (dest / "hard").stat().st_ino == (dest / "lib/real").stat().st_ino

    def test_a_binary_may_be_a_link(self, tmp_path: Path, dest: Path) -> None:
        archive = tar(tmp_path / "x", entry("t/a-1.0", SCRIPT), entry("t/a", b"", tarfile.SYMTYPE, link="a-1.0"))
        run(archive, dest)
        assert (dest / "bin/a").read_bytes() == SCRIPT


ESCAPES: dict[str, list[t.Any]] = {
    "absolute": [entry("/etc/x", b"")],
    "dots": [entry("t/../../x", b"")],
    "symlink out": [entry("t/l", b"", tarfile.SYMTYPE, link="../../x")],
    "symlink beside the top folder": [entry("t/l", b"", tarfile.SYMTYPE, link="../x")],
    "absolute symlink": [entry("t/l", b"", tarfile.SYMTYPE, link="/etc")],
    "file through a symlink": [entry("t/l", b"", tarfile.SYMTYPE, link="@outside@"), entry("t/l/x", b"")],
    "symlink through a symlink": [
        entry("t/l", b"", tarfile.SYMTYPE, link="@outside@"),
        entry("t/l/escaped", b"", tarfile.SYMTYPE, link="x"),
    ],
    "symlinks that add up": [
        entry("t/d/e/f", b""),
        entry("t/d/e/l", b"", tarfile.SYMTYPE, link="."),
        entry("t/m", b"", tarfile.SYMTYPE, link="d/e/l/../../../.."),
    ],
    "hard link out": [entry("t/l", b"", tarfile.LNKTYPE, link="../../etc/hostname")],
    "absolute hard link": [entry("t/l", b"", tarfile.LNKTYPE, link="/etc/hostname")],
    "device": [entry("t/l", b"", tarfile.CHRTYPE)],
    "fifo": [entry("t/l", b"", tarfile.FIFOTYPE)],
    "twice": [entry("t/b", b"1"), entry("t/b", b"2")],
    "file as folder": [entry("t/b", b"1"), entry("t/b/c", b"2")],
}


class TestRefused:
    @pytest.mark.parametrize("entries", ESCAPES.values(), ids=ESCAPES.keys())
    def test_unsafe_entries(self, tmp_path: Path, dest: Path, entries: list[t.Any]) -> None:
        for info, _content in entries:
            info.linkname = info.linkname.replace("@outside@", str(tmp_path))
        refusal(tar(tmp_path / "x", entry("t/a", SCRIPT), *entries), dest)
        assert [found.name for found in tmp_path.iterdir()] == ["x"]

    def test_zip_symlink_out(self, tmp_path: Path, dest: Path) -> None:
        assert "leads out" in refusal(zipped(tmp_path / "x", {"l": b"../../x"}, stat.S_IFLNK | 0o777), dest, {"a": "l"})

    def test_zip_dots(self, tmp_path: Path, dest: Path) -> None:
        assert "'../x' would leave" in refusal(zipped(tmp_path / "x", {"../x": b""}), dest)

    def test_too_much(self, tmp_path: Path, dest: Path) -> None:
        for archive in (tar(tmp_path / "x", entry("a", bytes(5000))), zipped(tmp_path / "y", {"a": bytes(5000)})):
            assert "more than 4000 bytes" in refusal(archive, dest, max_total=4000)

    def test_too_many(self, tmp_path: Path, dest: Path) -> None:
        archive = tar(tmp_path / "x", *[entry("f{0}".format(number)) for number in range(9)])
        assert "more than 8 entries" in refusal(archive, dest, max_members=8)

    def test_missing_binary_is_named_with_what_is_there(self, tmp_path: Path, dest: Path) -> None:
        text = refusal(tar(tmp_path / "x", entry("t/b", SCRIPT), entry("t/c", b"")), dest, {"promtool": "promtool"})
        assert "no 'promtool', only b, c" in text

    def test_truncated_at_any_place(self, tmp_path: Path, dest: Path) -> None:
        whole = tar(tmp_path / "x", entry("t/a", SCRIPT), entry("t/b", os.urandom(3000))).read_bytes()
        for size in (15, len(whole) // 3, len(whole) - 9, len(whole) - 1):
            (tmp_path / "cut").write_bytes(whole[:size])
            assert "truncated or damaged" in refusal(tmp_path / "cut", dest)

    def test_damage_after_the_last_entry_is_noticed(self, tmp_path: Path, dest: Path) -> None:
        whole = bytearray(tar(tmp_path / "x", entry("t/a", SCRIPT)).read_bytes())
        whole[-6] ^= 0xFF  # the checksum of gzip
        (tmp_path / "x").write_bytes(whole)
        assert "truncated or damaged" in refusal(tmp_path / "x", dest)

    def test_truncated_and_damaged_zip(self, tmp_path: Path, dest: Path) -> None:
        whole = bytearray(zipped(tmp_path / "x", {"a": SCRIPT + os.urandom(3000)}).read_bytes())
        (tmp_path / "x").write_bytes(whole[:2000])
        assert "truncated or damaged" in refusal(tmp_path / "x", dest)
        whole[1000] ^= 0xFF
        (tmp_path / "x").write_bytes(whole)
        assert "truncated or damaged" in refusal(tmp_path / "x", dest)

    @pytest.mark.parametrize(
        ("content", "found"),
        [
            (b"<!DOCTYPE html><html>", "an HTML page"),
            (b"", "it is empty"),
            (b"BZh91AY", "neither tar.gz nor zip"),
            (gzip.compress(b""), "truncated or damaged (empty file)"),
            (gzip.compress(b"hello" * 200), "truncated or damaged"),
        ],
    )
    def test_no_archive(self, tmp_path: Path, dest: Path, content: bytes, found: str) -> None:
        (tmp_path / "x").write_bytes(content)
        assert found in refusal(tmp_path / "x", dest)

    def test_another_machine(self, tmp_path: Path, dest: Path) -> None:
        archive = tar(tmp_path / "x", entry("a", elf(0xB7)))
        for machine in ("amd64", "x86_64"):
            assert "a is built for arm64, the host is amd64" in refusal(archive, dest, machine=machine)

    def test_this_hosts_machine_is_the_default(self, tmp_path: Path, dest: Path, monkeypatch: t.Any) -> None:
        uname = os.uname_result(("Linux", "h", "6", "1", "aarch64"))
        monkeypatch.setattr(os, "uname", lambda: uname)
        run(tar(tmp_path / "x", entry("a", elf(0xB7))), dest)
        assert "the host is arm64" in refusal(tar(tmp_path / "y", entry("a", elf(0x3E))), tmp_path / "dest2")

    def test_no_program(self, tmp_path: Path, dest: Path) -> None:
        assert "neither a program" in refusal(tar(tmp_path / "x", entry("a", b"\xcf\xfa\xed\xfe")), dest)

    def test_dest_that_exists_is_left_alone(self, tmp_path: Path, dest: Path) -> None:
        dest.mkdir()
        (dest / "keep").touch()
        with pytest.raises(ArchiveError, match="exists"):
            run(tar(tmp_path / "x", entry("a", SCRIPT)), dest)
        assert tree(dest) == ["keep"]

    def test_full_disk(self, tmp_path: Path, dest: Path, monkeypatch: t.Any) -> None:
        def full(_path: str) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(_archive, "sync_path", full)
        text = refusal(tar(tmp_path / "x", entry("a", SCRIPT)), dest)
        assert "No space left on device" in text
        assert "Free space" in text
        assert "#disk-full" in text


MACHINES = [
    (elf(0x3E), "amd64"), (elf(0xB7), "arm64"), (elf(0x28, bits=32), "arm"), (elf(0x03, bits=32), "386"),
    (elf(0xF3), "riscv64"), (elf(0x15), "ppc64le"), (elf(0x16, little=False), "s390x"),
    (elf(0x15, little=False), "unknown"), (SCRIPT, ""), (b"", "unknown"),
    (b"\x7fELF", "unknown"), (b"MZ" + bytes(60), "unknown"),
]  # fmt: skip


@pytest.mark.parametrize(("content", "machine"), MACHINES)
def test_machine_of(tmp_path: Path, content: bytes, machine: str) -> None:
    (tmp_path / "x").write_bytes(content)
    assert machine_of(str(tmp_path / "x")) == machine


def test_machine_of_the_running_interpreter() -> None:
    assert machine_of(os.path.realpath("/proc/self/exe")) == host_machine()


def test_unknown_machines_keep_their_name() -> None:
    assert [go_name(name) for name in ("aarch64", "arm64", "i686", "loongarch64", "")] == [
        "arm64",
        "arm64",
        "386",
        "loongarch64",
        "",
    ]


def test_members_are_told_alike_for_both_formats(tmp_path: Path) -> None:
    packed = tar(tmp_path / "t", entry("d/", b"", tarfile.DIRTYPE), entry("d/run", SCRIPT, mode=0o755))
    with zipfile.ZipFile(tmp_path / "z", "w") as archive:
        archive.writestr("d/", b"")
        info = zipfile.ZipInfo("d/run")
        info.external_attr = 0o755 << 16
        archive.writestr(info, SCRIPT)
    told = [
        [
            (member.name.rstrip("/"), member.kind, member.executable, member.stream and member.stream.read())
            for member in found
        ]
        for found in (members(str(packed)), members(str(tmp_path / "z")))
    ]
    assert told[0] == told[1] == [("d", "dir", False, None), ("d/run", "file", True, SCRIPT)]


def test_sync_tree_syncs_files_before_their_folder(tmp_path: Path, monkeypatch: t.Any) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/f").touch()
    (tmp_path / "d/l").symlink_to("/nowhere")
    synced: list[str] = []
    monkeypatch.setattr(_archive, "sync_path", synced.append)
    sync_tree(str(tmp_path))
    assert synced == [str(tmp_path / "d/f"), str(tmp_path / "d"), str(tmp_path)]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["..", ".", "", "a", "b..", "...", "/", "\0"]), max_size=6).map("/".join))
def test_a_name_that_is_let_through_stays_inside(name: str) -> None:
    try:
        plain = safe_name(name)
    except ValueError:
        return
    assert plain.split("/")[0] != ".."
    assert not plain.startswith("/")
    assert os.path.normpath(os.path.join("/root", name)) == os.path.normpath(os.path.join("/root", plain))
    assert (os.path.normpath(os.path.join("/root", name)) + "/").startswith("/root/")
