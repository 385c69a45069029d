# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A mirror of releases: what comes, what is already there, what upstream does not have, what cannot be had."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils._fetch import fetch
from ansible_collections.obs.stack.plugins.plugin_utils._mirroring import SUMS, Mirror, machine_of, release_wish

UPSTREAM = "https://example.com/x/v{version}/x-{version}.linux-{arch}.tar.gz"
CHECKSUMS = "https://example.com/x/v{version}/sums.txt"
PLACE = "example.com/x/v1.0.0"
BOTH = ("amd64", "arm64")


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture
def upstream(tmp_path: Path) -> Path:
    """A mirror to collect from, as upstream is laid out."""
    place = tmp_path / "upstream" / PLACE
    place.mkdir(parents=True)
    sums = ""
    for arch in BOTH:
        (place / f"x-1.0.0.linux-{arch}.tar.gz").write_text(f"for {arch}")
        sums += "{}  x-1.0.0.linux-{}.tar.gz\n".format(digest(f"for {arch}"), arch)
    (place / "sums.txt").write_text(sums)
    return place


def release(**changes: Any) -> dict[str, Any]:
    names = {"x86_64": "amd64", "aarch64": "arm64"}
    wanted = {"service": "x", "version": "1.0.0", "url": UPSTREAM, "checksums_url": CHECKSUMS, "arch_names": names}
    return {**wanted, **changes}


def collect(folder: Path, *releases: dict[str, Any], check_mode: bool = False, architectures: Any = BOTH) -> Mirror:
    how = {"mirror": f"file://{folder}/upstream", "cache_dir": str(folder / "cache")}
    mirror = Mirror(str(folder / "mirror"), how, check_mode=check_mode)
    mirror.collect(releases or [release()], architectures)
    if not check_mode:
        mirror.write_sums()
    return mirror


def states(mirror: Mirror) -> dict[str, str]:
    return {entry.path.rpartition("/")[2]: entry.state for entry in mirror.entries}


ALL = ("sums.txt", "x-1.0.0.linux-amd64.tar.gz", "x-1.0.0.linux-arm64.tar.gz")


def test_everything_comes_once_and_a_host_finds_it_there(tmp_path: Path, upstream: Path) -> None:
    mirror = collect(tmp_path)
    assert states(mirror) == dict.fromkeys(ALL, "added") and not mirror.failures
    assert len(mirror.warnings) == 1 and "x_release_sha256" in mirror.warnings[0]
    shutil.rmtree(upstream)
    url = UPSTREAM.format(version="1.0.0", arch="arm64")
    found = fetch(url, str(tmp_path / "host"), sha256=digest("for arm64"), mirror=f"file://{tmp_path}/mirror")
    assert Path(found.path).read_text() == "for arm64"
    done = subprocess.run(
        ["sha256sum", "-c", SUMS], cwd=tmp_path / "mirror", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.count(": OK") == 3
    files = [path for path in (tmp_path / "mirror").rglob("*") if path.is_file()]
    assert len(files) == 4 and all(path.stat().st_mode & 0o777 == 0o644 for path in files), "a web server reads them"


def test_a_second_run_finds_all_and_brings_only_what_is_damaged(tmp_path: Path, upstream: Path) -> None:
    sums = collect(tmp_path).sums()
    again = collect(tmp_path)
    assert states(again) == dict.fromkeys(ALL, "present")
    assert again.sums() == sums == (tmp_path / "mirror" / SUMS).read_text()
    (tmp_path / "mirror" / PLACE / "x-1.0.0.linux-arm64.tar.gz").write_text("damaged")
    assert states(collect(tmp_path)) == {**dict.fromkeys(ALL, "present"), "x-1.0.0.linux-arm64.tar.gz": "added"}
    assert (tmp_path / "mirror" / PLACE / "x-1.0.0.linux-arm64.tar.gz").read_text() == "for arm64"


def test_check_mode_foretells_and_writes_nothing(tmp_path: Path, upstream: Path) -> None:
    foretold = collect(tmp_path, check_mode=True)
    assert states(foretold) == dict.fromkeys(ALL, "added")
    assert not (tmp_path / "mirror").exists() and not (tmp_path / "cache").exists()
    assert foretold.sums() == collect(tmp_path).sums()


def test_files_of_an_earlier_run_stay_in_the_list(tmp_path: Path, upstream: Path) -> None:
    collect(tmp_path)
    mirror = collect(tmp_path, architectures=["amd64"])
    assert states(mirror)["x-1.0.0.linux-arm64.tar.gz"] == "kept"
    assert mirror.sums().count("\n") == 3
    (tmp_path / "mirror" / PLACE / "x-1.0.0.linux-arm64.tar.gz").unlink()
    assert collect(tmp_path, architectures=["amd64"]).sums().count("\n") == 2


@pytest.mark.parametrize("lines", [1, 2])
def test_an_architecture_the_release_does_not_have_is_told(tmp_path: Path, upstream: Path, lines: int) -> None:
    text = "{}  x-1.0.0.linux-amd64.tar.gz\n".format(digest("for amd64"))
    text += "{}  x-1.0.0.darwin-amd64.tar.gz\n".format(digest("other")) * (lines - 1)
    (upstream / "sums.txt").write_text(text)
    collect(tmp_path, architectures=["amd64"])  # the cache has a file with that digest
    mirror = collect(tmp_path)
    assert states(mirror)["x-1.0.0.linux-arm64.tar.gz"] == "not released" and not mirror.failures
    assert not (tmp_path / "mirror" / PLACE / "x-1.0.0.linux-arm64.tar.gz").exists()


def test_a_checksum_file_of_one_archive_may_be_a_digest_alone(tmp_path: Path, upstream: Path) -> None:
    for arch in BOTH:
        (upstream / f"x-1.0.0.linux-{arch}.tar.gz.sha256").write_text(digest(f"for {arch}") + "\n")
    mirror = collect(tmp_path, release(checksums_url=UPSTREAM + ".sha256"))
    assert set(states(mirror).values()) == {"added"} and len(mirror.entries) == 4


def test_pinned_digests_need_no_checksum_file(tmp_path: Path, upstream: Path) -> None:
    (upstream / "sums.txt").unlink()
    sha256 = {arch: digest(f"for {arch}").upper() for arch in BOTH}
    mirror = collect(tmp_path, release(sha256=sha256))
    assert set(states(mirror).values()) == {"added"} and len(mirror.entries) == 2 and not mirror.warnings


def test_what_cannot_be_had_fails_and_the_rest_comes(tmp_path: Path, upstream: Path) -> None:
    (upstream / "x-1.0.0.linux-arm64.tar.gz").write_text("another")
    gone = release(service="y", version="2.0.0")
    untold = release(service="z", checksums_url="", url=UPSTREAM.replace("/x/", "/z/"))
    ours = release(service="f", url="file:///srv/x-{arch}.tar.gz")
    mirror = collect(tmp_path, gone, untold, ours, release())
    assert states(mirror)["x-1.0.0.linux-amd64.tar.gz"] == "added"
    text = "\n".join(mirror.failures)
    assert "/v2.0.0/sums.txt" in text, "no checksum file"
    assert "Could not verify z" in text, "no digest"
    assert "it is a file already" in text, "not upstream's"
    assert digest("another") in text, "another digest"
    assert "arm64" not in (tmp_path / "mirror" / SUMS).read_text()


def test_two_services_of_one_release_share_its_archive(tmp_path: Path, upstream: Path) -> None:
    mirror = collect(tmp_path, release(), release(service="y"))
    assert len(mirror.entries) == 3


def test_architectures_by_either_name() -> None:
    wish = release_wish(release(arch_names={"x86_64": "64bit", "aarch64": "arm64"}))
    assert [wish.for_machine(machine_of(wish, arch)).arch for arch in ("amd64", "x86_64", "arm64", "s390x")] == [
        "64bit",
        "64bit",
        "arm64",
        "s390x",
    ]
