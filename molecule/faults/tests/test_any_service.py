"""What holds for any service: kinds of archives, arguments byte for byte, hooks around its data, its own cluster."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import lab
import pytest

TOYD = (Path(__file__).parent / "toyd.py").read_text()


def program(version: str, fault: str = "") -> bytes:
    return TOYD.replace("@version@", version).replace("@fault@", fault).encode()


def tar(path: Path, members: dict[str, bytes]) -> None:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755
            archive.addfile(member, io.BytesIO(content))


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Upstream:
    """A folder that a file:// URL publishes releases from."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def release(self, version: str, *, fault: str = "", says: str = "") -> dict[str, Any]:
        """A release as most publish it: a top folder, sha256sums.txt beside it."""
        path = self.folder / f"toy-{version}.linux-amd64.tar.gz"
        tar(path, {f"toy-{version}.linux-amd64/toyd": program(says or version, fault)})
        return {
            "version": version,
            "url": f"file://{self.folder}/toy-{{version}}.linux-{{arch}}.tar.gz",
            "sha256": {"amd64": digest(path)},
            "binaries": {"toyd": "toyd"},
        }


@pytest.fixture
def upstream(tmp_path: Path) -> Upstream:
    return Upstream(tmp_path)


@pytest.fixture(autouse=True)
def bare(host: Any) -> None:
    """No toy before a test, its data gone as well."""
    removed = converge(state="absent", purge_data=True)
    assert removed.code == 0, removed.output
    assert not host.file("/var/lib/toy").exists and not host.file("/opt/obs/toy").exists


def converge(**toy: Any) -> lab.Run:
    return lab.converge({"toy": toy}, playbook="toy.yml")


def ask(host: Any, path: str) -> Any:
    answer = lab.get(host, f"http://127.0.0.1:9777{path}")
    assert answer.status == 200
    return answer.json


def checksum_layouts(folder: Path) -> dict[str, dict[str, Any]]:
    """Every layout of archive and checksum file that upstreams use (reference: their release pages)."""
    flat, zipped = folder / "toy_1.0.0_linux_amd64.tar.gz", folder / "toyd-linux-amd64.zip"
    top, dist = folder / "toy-1.0.0.linux-amd64.tar.gz", folder / "toy-1.0.0.dist-amd64.tar.gz"
    tar(flat, {"toyd": program("1.0.0"), "LICENSE": b"x"})
    tar(top, {"toy-1.0.0.linux-amd64/toyd": program("1.0.0"), "toy-1.0.0.linux-amd64/NOTICE": b"x"})
    tar(dist, {"toy-v1.0.0/bin/toyd": program("1.0.0")})
    with zipfile.ZipFile(zipped, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("toyd-linux-amd64", program("1.0.0"))
    (folder / "sha256sums.txt").write_text(f"{digest(top)}  {top.name}\n{'0' * 64}  other.tar.gz\n")
    (folder / "SHA256SUMS").write_text(f"{'0' * 64} *other\n{digest(zipped)} *{zipped.name}\n")
    (folder / f"{flat.name}.sha256").write_text(digest(flat) + "\n")
    (folder / f"{dist.name}.sha256").write_text(f"{digest(dist)}  dist/toy_1.0.0_build_amd64.tar.gz\n")

    def release(url: str, checksums: str, binary: str) -> dict[str, Any]:
        base = f"file://{folder}/"
        return {
            "version": "1.0.0",
            "url": base + url,
            "checksums_url": base + checksums,
            "binaries": {"toyd": binary},
        }

    return {
        "top folder, sha256sums.txt": release("toy-{version}.linux-{arch}.tar.gz", "sha256sums.txt", "toyd"),
        "flat, bare .sha256": release("toy_{version}_linux_{arch}.tar.gz", flat.name + ".sha256", "toyd"),
        "zip of one file, SHA256SUMS": release("toyd-linux-{arch}.zip", "SHA256SUMS", "toyd-linux-{arch}"),
        "other top folder, .sha256 with another name": release(
            "toy-{version}.dist-{arch}.tar.gz", dist.name + ".sha256", "bin/toyd"
        ),
    }


def test_every_layout_of_archive_and_checksum(host: Any, tmp_path: Path) -> None:
    for name, release in checksum_layouts(tmp_path).items():
        run = converge(release=release)
        assert run.code == 0, (name, run.errors)
        assert "same" in str(run.results("toy")[0]["warnings"]) or "own checksum file" in str(run.results("toy")[0]), (
            name
        )
        binary = host.file("/opt/obs/toy/current/release/bin/toyd")
        assert binary.mode == 0o755 and binary.user == "root", name
        assert ask(host, "/argv") == ["--port", "9777"], name
        again = converge(release=release)
        assert (again.code, again.changed) == (0, 0), name
        converge(state="absent", purge_data=True)


def test_arguments_and_environment_arrive_byte_for_byte(host: Any, upstream: Upstream) -> None:
    nasty = [
        "two words",
        'a"quote',
        "it's",
        "back\\slash",
        "$HOME",
        "${X}",
        "%n %%",
        "`id`",
        "",
        "ümlaut",
        "#x",
        "a=b;c",
    ]
    run = converge(release=upstream.release("1.0.0"), arguments=nasty, environment={"TOY": 'a "b" $c \\d `e` %f'})
    assert run.code == 0, run.errors
    assert ask(host, "/argv")[2:] == nasty
    assert ask(host, "/environment")["TOY"] == 'a "b" $c \\d `e` %f'


def test_a_binary_of_another_version_is_refused(host: Any, upstream: Upstream) -> None:
    run = converge(release=upstream.release("1.0.0", says="0.9.9"))
    assert run.code != 0 and "0.9.9" in run.errors and "1.0.0" in run.errors, run.errors
    assert not host.file("/etc/systemd/system/toy.service").exists and not host.file("/etc/toy").exists


def test_a_failed_first_install_leaves_nothing_running(host: Any, upstream: Upstream) -> None:
    run = converge(release=upstream.release("1.0.0", fault="broken"))
    assert run.code != 0 and "Nothing was installed before" in run.errors, run.errors
    assert not host.file("/etc/systemd/system/toy.service").exists and not host.file("/etc/toy").exists
    assert not host.service("toy").is_running
    assert converge(release=upstream.release("1.0.1")).code == 0


def test_hooks_save_the_data_and_bring_it_back(host: Any, upstream: Upstream) -> None:
    hooks = {
        "before": ["/bin/cp", "/var/lib/toy/data", "/var/lib/toy/saved"],
        "restore": ["/bin/cp", "/var/lib/toy/saved", "/var/lib/toy/data"],
    }
    assert converge(release=upstream.release("1.0.0"), data=hooks).code == 0
    failed = converge(release=upstream.release("2.0.0", fault="broken"), data=hooks)
    assert failed.code != 0 and "1.0.0" in failed.errors and "was put back" in failed.errors, failed.errors
    # The saved data has one start of 1.0.0; going back added a second. What 2.0.0 wrote is gone.
    assert ask(host, "/data").split() == ["1.0.0", "1.0.0"]
    good = converge(release=upstream.release("2.1.0"), data=hooks)
    assert good.code == 0 and ask(host, "/data").split()[-1] == "2.1.0"


def test_a_failing_hook_stops_before_the_data_is_touched(host: Any, upstream: Upstream) -> None:
    hooks = {"before": ["/bin/sh", "-c", "echo no room for a copy; exit 3"]}
    assert converge(release=upstream.release("1.0.0"), data=hooks).code == 0
    failed = converge(release=upstream.release("2.0.0"), data=hooks)
    assert failed.code != 0 and "no room for a copy" in failed.errors, failed.errors
    assert set(ask(host, "/data").split()) == {"1.0.0"}


def test_no_way_back_is_said_and_kept(host: Any, upstream: Upstream) -> None:
    data = {"no_return": [{"at_least": "2.0.0", "below": "2.0.0", "reason": "2.x rewrites its files"}]}
    assert converge(release=upstream.release("1.0.0"), data=data).code == 0
    failed = converge(release=upstream.release("2.0.0", fault="broken"), data=data)
    assert failed.code != 0 and "2.x rewrites its files" in failed.errors and "stays" in failed.errors, failed.errors
    assert "2.0.0" in host.check_output("/opt/obs/toy/current/release/bin/toyd --version")
    release = upstream.release("2.0.1")
    mended = converge(release=release, data=data)
    assert mended.code == 0, mended.errors
    assert converge(release=release, data=data).changed == 0


def test_what_does_not_settle_stops_the_rollout_and_stays(host: Any, upstream: Upstream) -> None:
    settle = [{"path": "/cluster", "json": "members", "count": True, "at_least": "2"}]
    failed = converge(release=upstream.release("1.0.0"), settle=settle)
    assert failed.code != 0 and "has not settled" in failed.errors and "is 1, wanted 2" in failed.errors, failed.errors
    assert ask(host, "/argv")
    before = [{"path": "/cluster", "json": "members", "count": True, "at_least": "before"}]
    assert converge(release=upstream.release("1.0.1"), settle=before).code == 0


def test_a_host_of_another_architecture_gets_its_own_archive(host: Any, tmp_path: Path) -> None:
    """The host says aarch64: the arm64 archive is fetched, verified and handed over; this machine cannot run it."""
    patch = "/etc/python3.11/sitecustomize.py"
    host.check_output(f"cp -a {patch} /root/sitecustomize.py 2>/dev/null; true")
    host.check_output(f"printf 'import platform\\nplatform.machine = lambda: \"aarch64\"\\n' > {patch}")
    for name, machine in (("amd64", b"\x3e\x00"), ("arm64", b"\xb7\x00")):
        elf = b"\x7fELF\x02\x01\x01" + b"\0" * 9 + b"\x02\x00" + machine + b"\0" * 44
        tar(tmp_path / f"toy-1.0.0.linux-{name}.tar.gz", {"toyd": elf})
    sums = {name: digest(tmp_path / f"toy-1.0.0.linux-{name}.tar.gz") for name in ("amd64", "arm64")}
    release = {
        "version": "1.0.0",
        "url": f"file://{tmp_path}/toy-{{version}}.linux-{{arch}}.tar.gz",
        "sha256": sums,
        "binaries": {"toyd": "toyd"},
    }
    try:
        run = converge(release=release)
        assert run.code != 0 and "toyd --version refuses" in run.errors, run.errors
        swapped = converge(release={**release, "sha256": {**sums, "arm64": sums["amd64"]}})
        assert swapped.code != 0 and sums["arm64"] in swapped.errors, "the arm64 archive was not what was verified"
    finally:
        host.check_output(f"rm {patch}; test ! -e /root/sitecustomize.py || mv /root/sitecustomize.py {patch}")
