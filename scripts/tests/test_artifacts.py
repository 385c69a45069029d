"""The artifact store: what is downloaded, built or packed, and what obs_lab.yml says of it."""

from __future__ import annotations

import hashlib
import http.server
import subprocess
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from scripts import artifacts
from scripts.artifacts import Filler, Store
from scripts.lab import catalog, debian, golang, packing, paths
from scripts.lab.catalog import Build, Catalogue, Component, Package, StandIn
from scripts.lab.upstream import Unobtainable, Upstream

HOST = "releases.example.com"
PROBE = Component(
    name="probe",
    wanted="2.0.0",
    url=f"https://{HOST}/probe/v{{version}}/probe-{{version}}.linux-{{arch}}.tar.gz",
    checksums="sha256sums.txt",
    top="probe-{version}.linux-{arch}",
    arches=("amd64", "arm64"),
    build=Build("example.com/probe", {"1.9.0": "v1.9.0"}, {"probe": "example.com/probe"}),
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


@pytest.fixture
def builds(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[tuple[str, str]]:
    """Replaces the Go compiler; returns the list of (version, architecture) it was asked for."""
    asked: list[tuple[str, str]] = []

    def compile_release(component: Component, version: str, arch: str, _folder: Path) -> dict[str, Path]:
        asked.append((version, arch))
        binary = tmp_path / f"{version}-{arch}"
        binary.write_text(f"{component.name} {version} {arch}")
        return {component.name: binary}

    monkeypatch.setattr(golang, "compile_release", compile_release)
    return asked


def fill(store: Store, component: Component, broken: list[dict[str, str]] | None = None) -> dict[str, object]:
    store.root.mkdir(parents=True, exist_ok=True)
    return artifacts.fill(
        store, Catalogue({component.name: component}, broken or []), offline=True, only_defaults=False
    )


def test_default_that_cannot_be_had_is_replaced_and_named(store: Store, builds: list[tuple[str, str]]) -> None:
    lab = fill(store, PROBE)
    assert lab["probe_version"] == "1.9.0"
    assert lab["obs_lab_components"] == {"probe": {"version": "1.9.0", "origin": "real-built", "default": "2.0.0"}}
    assert lab["obs_mirror"] == f"file://{store.mirror}"


def test_default_that_can_be_built_is_no_override(store: Store, builds: list[tuple[str, str]]) -> None:
    lab = fill(store, replace(PROBE, wanted="1.9.0"))
    assert "probe_version" not in lab


def test_archives_of_all_architectures_lie_as_upstream_has_them(store: Store, builds: list[tuple[str, str]]) -> None:
    fill(store, PROBE)
    folder = store.mirror / HOST / "probe" / "v1.9.0"
    sums = packing.read_sums((folder / "sha256sums.txt").read_text())
    assert set(sums) == {"probe-1.9.0.linux-amd64.tar.gz", "probe-1.9.0.linux-arm64.tar.gz"}
    for name, digest in sums.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        with tarfile.open(folder / name) as tar:
            assert tar.getnames() == [f"{name.removesuffix('.tar.gz')}/probe"]


def test_defaults_are_brought_for_this_machine_alone_and_the_rest_later(
    store: Store, builds: list[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(artifacts.platform, "machine", lambda: "aarch64")
    store.root.mkdir(parents=True)
    only_probe = Catalogue({"probe": PROBE})
    other = replace(PROBE, name="other", in_local=False, url=PROBE.url.replace("probe", "other"))
    both = Catalogue({"probe": PROBE, "other": other})
    lab = artifacts.fill(store, both, offline=True, only_defaults=True)
    brought = lab["obs_lab_components"]
    assert builds == [("1.9.0", "arm64")] and isinstance(brought, dict) and set(brought) == {"probe"}
    artifacts.fill(store, only_probe, offline=True, only_defaults=False)
    sums = store.mirror / HOST / "probe" / "v1.9.0" / "sha256sums.txt"
    assert set(packing.read_sums(sums.read_text())) == {f"probe-1.9.0.linux-{arch}.tar.gz" for arch in PROBE.arches}


def test_second_run_builds_nothing_and_a_changed_recipe_builds_anew(
    store: Store, builds: list[tuple[str, str]]
) -> None:
    fill(store, PROBE)
    del builds[:]
    fill(Store(store.root), PROBE)
    assert builds == []
    assert PROBE.build
    fill(Store(store.root), replace(PROBE, build=replace(PROBE.build, tags=("other",))))
    assert builds == [("1.9.0", "amd64"), ("1.9.0", "arm64")]


def test_archive_laid_there_by_hand_goes_before_everything(store: Store, builds: list[tuple[str, str]]) -> None:
    digests = {}
    for arch in PROBE.arches:
        archive = store.place(PROBE.archive_url("2.0.0", arch))
        packing.pack(archive, PROBE.top_folder("2.0.0", arch), {"probe": b"by hand"})
        digests[archive.name] = packing.sha256(archive)
    packing.write_sums(store.place(PROBE.checksums_url("2.0.0")), digests)
    lab = fill(store, PROBE)
    assert builds == []
    assert lab["obs_lab_components"] == {"probe": {"version": "2.0.0", "origin": "real-upstream"}}


STAND_IN = replace(PROBE, build=None, arches=("amd64",), stand_in=StandIn({"probe-{arch}": "probe.py"}))


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    folder = tmp_path / "standins"
    folder.mkdir()
    (folder / "probe.py").write_text("#!/usr/bin/python3\nprint('@version@ @arch@')\n")
    monkeypatch.setattr(paths, "STAND_INS", folder)
    return folder


def test_stand_in_is_packed_where_nothing_else_can_be_had_and_is_named(store: Store, stand_ins: Path) -> None:
    lab = fill(store, STAND_IN)
    assert lab["obs_lab_components"] == {"probe": {"version": "2.0.0", "origin": "stand-in"}}
    assert packing.member(store.place(STAND_IN.archive_url("2.0.0", "amd64")), "probe-amd64").endswith(
        b"print('2.0.0 amd64')\n"
    )


def test_changed_stand_in_is_packed_anew(store: Store, stand_ins: Path) -> None:
    fill(store, STAND_IN)
    (stand_ins / "probe.py").write_text("other")
    fill(Store(store.root), STAND_IN)
    assert packing.member(store.place(STAND_IN.archive_url("2.0.0", "amd64")), "probe-amd64") == b"other"


def test_a_stand_in_of_several_python_files_is_packed_as_one_that_runs(store: Store, stand_ins: Path) -> None:
    (stand_ins / "many" / "inner").mkdir(parents=True)
    (stand_ins / "many" / "__main__.py").write_text("from inner import told\nprint(told.TEXT)")
    (stand_ins / "many" / "inner" / "__init__.py").touch()
    (stand_ins / "many" / "inner" / "told.py").write_text("TEXT = 'version @version@'")
    component = replace(STAND_IN, stand_in=StandIn({"probe": "many"}))
    fill(store, component)
    program = store.root / "probe"
    program.write_bytes(packing.member(store.place(component.archive_url("2.0.0", "amd64")), "probe"))
    program.chmod(0o755)
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "version 2.0.0\n"


PACKAGE = Package("prometheus-probe", "bookworm", "1.5.1", {"probe": "usr/bin/prometheus-probe"})
PACKAGED = replace(PROBE, build=None, arches=("amd64",), debian=PACKAGE)


@pytest.fixture
def packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Replaces apt; returns the list of packages it was asked for."""
    asked: list[str] = []

    def unpack(package: Package, arch: str, _folder: Path) -> dict[str, Path]:
        asked.append(package.name)
        program = tmp_path / "program"
        program.write_text(f"{package.version} {arch}")
        return dict.fromkeys(package.members, program)

    monkeypatch.setattr(debian, "unpack", unpack)
    return asked


def test_a_program_of_debian_stands_in_as_its_version_and_is_named(store: Store, packages: list[str]) -> None:
    lab = fill(store, PACKAGED)
    assert lab["probe_version"] == "1.5.1"
    assert lab["obs_lab_components"] == {"probe": {"version": "1.5.1", "origin": "debian", "default": "2.0.0"}}
    archive = store.place(PACKAGED.archive_url("1.5.1", "amd64"))
    assert packing.member(archive, "probe") == b"1.5.1 amd64"
    listed = packing.read_sums(store.place(PACKAGED.checksums_url("1.5.1")).read_text())
    assert listed == {archive.name: packing.sha256(archive)}


def test_a_program_of_debian_is_packed_once_and_anew_when_another_is_wanted(store: Store, packages: list[str]) -> None:
    fill(store, PACKAGED)
    fill(Store(store.root), PACKAGED)
    assert packages == ["prometheus-probe"]
    fill(Store(store.root), replace(PACKAGED, debian=replace(PACKAGE, name="probe")))
    assert packages == ["prometheus-probe", "probe"]


def test_a_release_of_upstream_goes_before_debian(store: Store, packages: list[str]) -> None:
    packing.pack(store.place(PACKAGED.archive_url("2.0.0", "amd64")), "probe", {"probe": b"upstream's"})
    lab = fill(store, PACKAGED)
    assert lab["obs_lab_components"] == {"probe": {"version": "2.0.0", "origin": "real-upstream"}}
    assert packages == []


@pytest.mark.parametrize(
    ("version", "upstream"),
    [("0.23.0-4+b4", "0.23.0"), ("1:1.5.1-2", "1.5.1"), ("2.0", "2.0"), ("1.0-rc.1-3", "1.0-rc.1")],
)
def test_upstreams_part_of_a_version_of_debian(version: str, upstream: str) -> None:
    assert debian.upstream_version(version) == upstream


@pytest.fixture
def apt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Programs in the places of apt-get and dpkg-deb, and a mirror to ask; returns what they were told."""
    told = tmp_path / "told"
    extract = 'mkdir -p "$3/usr/bin"; echo x >"$3/usr/bin/prometheus-probe"'
    scripts = {
        "apt-get": f'echo "$@" >>{told}; case "$*" in *download*) touch probe.deb;; esac',
        "dpkg-deb": f'case "$1" in --field) echo 1.5.1-2+b5;; *) {extract};; esac',
    }
    for name, text in scripts.items():
        program = tmp_path / "bin" / name
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\n{text}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=":")
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "bin" / "apt-get")
    monkeypatch.setattr(debian, "mirror", lambda _folder: "https://debian.example.com/debian")
    return told


def test_apt_works_in_folders_of_its_own_on_a_signed_source(apt: Path, tmp_path: Path) -> None:
    found = debian.unpack(PACKAGE, "arm64", tmp_path / "work")
    assert found["probe"].read_text() == "x\n"
    source = (tmp_path / "work" / "sources.list").read_text()
    assert source == f"deb [signed-by={debian.KEYRING}] https://debian.example.com/debian bookworm main\n"
    told = apt.read_text().splitlines()
    assert [line.split()[-1] for line in told] == ["update", "prometheus-probe"]
    for line in told:
        assert f"Dir::State={tmp_path}/work " in line and "Dir::Etc::sourceparts=/dev/null" in line
        assert "APT::Architecture=arm64" in line


def test_another_version_in_debian_than_the_catalogues_is_refused(apt: Path, tmp_path: Path) -> None:
    with pytest.raises(Unobtainable, match=r"is 1\.5\.1-2\+b5, the catalogue wants 1\.5\.0"):
        debian.unpack(replace(PACKAGE, version="1.5.0"), "amd64", tmp_path / "work")


def test_what_is_missing_for_a_package_is_named(apt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian, "mirror", lambda _folder: "")
    with pytest.raises(Unobtainable, match="no mirror of Debian among apt's sources"):
        debian.unpack(PACKAGE, "amd64", tmp_path / "work")
    monkeypatch.setattr(debian, "KEYRING", tmp_path / "nothing")
    with pytest.raises(Unobtainable, match=r"prometheus-probe of Debian bookworm: no .*nothing on this machine"):
        debian.unpack(PACKAGE, "amd64", tmp_path / "work")


def test_real_archive_laid_over_a_stand_in_is_taken_and_listed(store: Store, stand_ins: Path) -> None:
    fill(store, STAND_IN)
    archive = store.place(STAND_IN.archive_url("2.0.0", "amd64"))
    packing.pack(archive, "probe", {"probe-amd64": b"the real one"})
    lab = fill(Store(store.root), STAND_IN)
    assert lab["obs_lab_components"] == {"probe": {"version": "2.0.0", "origin": "real-upstream"}}
    listed = packing.read_sums(store.place(STAND_IN.checksums_url("2.0.0")).read_text())
    assert listed[archive.name] == packing.sha256(archive)


def test_release_that_can_be_had_nowhere_is_an_error_that_names_it(store: Store) -> None:
    with pytest.raises(Unobtainable, match=r"probe 2\.0\.0: not in the store"):
        fill(store, replace(PROBE, build=None))


def test_some_components_leave_the_others_as_they_were(store: Store, builds: list[tuple[str, str]]) -> None:
    other = replace(PROBE, name="other", wanted="1.9.0", url=PROBE.url.replace("probe", "other"))
    both = Catalogue({"probe": PROBE, "other": other})
    store.root.mkdir(parents=True)
    before = artifacts.fill(store, both, offline=True, only_defaults=True)
    only = artifacts.narrowed(Catalogue({"probe": replace(PROBE, wanted="1.9.0"), "other": other}), ["probe"])
    assert list(only.components) == ["probe"]
    after = artifacts.joined(before, artifacts.fill(store, only, offline=True, only_defaults=True))
    assert after["obs_lab_components"] == {
        "probe": {"version": "1.9.0", "origin": "real-built"},
        "other": {"version": "1.9.0", "origin": "real-built"},
    }
    assert "probe_version" in before and "probe_version" not in after


def test_component_that_is_none_is_named_with_those_there_are() -> None:
    with pytest.raises(Unobtainable, match="no component prob; there are: probe"):
        artifacts.narrowed(Catalogue({"probe": PROBE}), ["prob"])


def test_packing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        packing.pack(tmp_path / name, "top", {"b": b"2", "a": b"1"})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_zip_is_flat_and_keeps_the_executable_bit(
    tmp_path: Path,
) -> None:
    packing.pack(tmp_path / "loki-linux-amd64.zip", "", {"loki-linux-amd64": b"program"})
    with zipfile.ZipFile(tmp_path / "loki-linux-amd64.zip") as archive:
        assert archive.namelist() == ["loki-linux-amd64"]
        assert archive.getinfo("loki-linux-amd64").external_attr >> 16 == 0o755
        assert archive.read("loki-linux-amd64") == b"program"


FAULTS = ["exits", "hangs", "never_ready", "other_machine", "wrong_checksum", "truncated"]


@pytest.mark.parametrize("fault", FAULTS)
def test_broken_release_is_broken_in_one_way_only(store: Store, builds: list[tuple[str, str]], fault: str) -> None:
    component = replace(catalog.load().components["prometheus"], wanted="3.13.5", also=())
    folder = store.place(component.archive_url("3.13.5", "amd64"))
    packing.pack(folder, component.top_folder("3.13.5", "amd64"), {"prometheus": b"real", "promtool": b"real promtool"})
    packing.write_sums(store.place(component.checksums_url("3.13.5")), {folder.name: packing.sha256(folder)})
    fill(store, component, [{"component": "prometheus", "version": "3.13.99", "fault": fault}])
    archive = store.place(component.archive_url("3.13.99", "amd64"))
    listed = packing.read_sums(store.place(component.checksums_url("3.13.99")).read_text())[archive.name]
    assert (listed == packing.sha256(archive)) is (fault != "wrong_checksum")
    if fault == "truncated":
        with pytest.raises(EOFError):
            packing.member(archive, "promtool")
        return
    program = packing.member(archive, "prometheus")
    if fault == "other_machine":
        assert program[:4] == b"\x7fELF" and int.from_bytes(program[18:20], "little") == 183
        return
    assert packing.member(archive, "promtool") == b"real promtool"
    (store.root / "prometheus").write_bytes(program)
    said = subprocess.run(
        [sys.executable, store.root / "prometheus", "--version"], capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("prometheus, version 3.13.99 ")


def test_every_role_in_the_catalogue_has_a_default_version() -> None:
    for name in catalog.load().components:
        assert (paths.COLLECTION / "roles" / name).is_dir()
        assert catalog.role_default(name)


def test_build_module_repeats_replaces_and_pins_the_version() -> None:
    text = golang.go_mod(catalog.load().components["prometheus"], "3.13.5", "1.26.0")
    assert "require github.com/prometheus/prometheus v0.313.5\n" in text
    assert "replace cloud.google.com/go => cloud.google.com/go v0.123.0\n" in text
    assert "\tgithub.com/prometheus/prometheus/cmd/promtool\n" in text


class Counting(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and notes what was asked."""

    asked: list[str] = []  # noqa: RUF012 - shared on purpose, emptied by the fixture

    def log_message(self, *_arguments: object) -> None:
        self.asked.append(f"{self.command} {self.path}")


@pytest.fixture
def release_server(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    folder = tmp_path / "www"
    folder.mkdir()
    Counting.asked.clear()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Counting, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()


def serve(base: str, folder: Path, sums: dict[str, str] | None = None) -> Component:
    """A component whose release 2.0.0 lies on the server."""
    component = replace(PROBE, url=f"{base}/probe-{{version}}.linux-{{arch}}.tar.gz", build=None, arches=("amd64",))
    archive = folder / "probe-2.0.0.linux-amd64.tar.gz"
    packing.pack(archive, "probe-2.0.0.linux-amd64", {"probe": b"upstream"})
    packing.write_sums(folder / "sha256sums.txt", sums or {archive.name: packing.sha256(archive)})
    return component


def test_upstream_release_is_downloaded_and_held_against_its_checksum(
    store: Store, release_server: tuple[str, Path]
) -> None:
    component = serve(*release_server)
    store.root.mkdir(parents=True)
    assert Filler(store, offline=False).ensure(component, "2.0.0") == "real-upstream"
    assert packing.member(store.place(component.archive_url("2.0.0", "amd64")), "probe") == b"upstream"


def test_download_with_another_checksum_is_not_kept(store: Store, release_server: tuple[str, Path]) -> None:
    component = serve(*release_server, sums={"probe-2.0.0.linux-amd64.tar.gz": "a" * 64})
    store.root.mkdir(parents=True)
    assert Filler(store, offline=False).ensure(component, "2.0.0") is None
    assert not store.place(component.archive_url("2.0.0", "amd64")).exists()


def test_missing_release_is_asked_for_but_a_dead_host_only_once(
    tmp_path: Path, release_server: tuple[str, Path]
) -> None:
    base, _folder = release_server
    upstream = Upstream(tmp_path / "memory.json")
    for _time in range(2):
        with pytest.raises(Unobtainable, match="HTTP 404"):
            upstream.fetch(f"{base}/nothing", tmp_path / "nothing")
    assert len(Counting.asked) >= 2
    dead = Upstream(tmp_path / "memory.json")
    with pytest.raises(Unobtainable):
        dead.fetch("http://127.0.0.1:1/x", tmp_path / "x")
    with pytest.raises(Unobtainable, match="did not answer within the last hour"):
        Upstream(tmp_path / "memory.json").fetch("http://127.0.0.1:1/x", tmp_path / "x")
