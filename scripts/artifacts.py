#!/usr/bin/env python3
"""Fills the artifact store that the tests and `make up` install from.

An archive comes, in this order, from: the store itself, upstream's release, a build from Go modules at the pinned
version, a package of Debian, a stand-in of ours. Where a role's default version can be had nowhere, the newest version
that can be built, or that Debian has, takes its place, and obs_lab.yml in the store says so. An archive laid into the
store by hand counts as upstream's.
Two components are brought at once: one links or downloads with one core while the other compiles.
Safe to run any number of times and side by side; with a full store it takes a second.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import json
import platform
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from scripts import wheelhouse
from scripts.lab import catalog, debian, golang, packing, paths
from scripts.lab.catalog import Catalogue, Component
from scripts.lab.upstream import Unobtainable, Upstream

BUILT, UPSTREAM, DEBIAN, STAND_IN, OURS = "real-built", "real-upstream", "debian", "stand-in", "ours"
AT_ONCE = 2  # components
MACHINES = {"x86_64": "amd64", "aarch64": "arm64"}
NOWHERE = "not in the store, not to be had upstream, and no way to build it"


class Store:
    """The archives on disk, and where each came from (origins.json)."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.mirror = root / "mirror"
        self._record = root / "origins.json"
        self._noting = threading.Lock()
        self._origins: dict[str, dict[str, str]] = json.loads(self._record.read_text()) if self._record.exists() else {}

    def place(self, url: str) -> Path:
        """Where a mirror has the file of that URL."""
        return self.mirror / catalog.mirror_path(url)

    def origin(self, url: str) -> str:
        """How the archive got here; one put here by hand counts as upstream's."""
        return self._noted(url).get("origin", UPSTREAM)

    def recipe(self, url: str) -> str:
        """Digest of the recipe that made the archive, '' for a downloaded one."""
        return self._noted(url).get("recipe", "")

    def by_hand(self, url: str) -> bool:
        """There is an archive, and it is none that this script brought."""
        return self.place(url).exists() and not self._noted(url)

    def note(self, url: str, origin: str, recipe: str = "") -> None:
        """Remember where an archive came from, and which file it is that came."""
        row = {"origin": origin, "recipe": recipe, "file": _identity(self.place(url))}
        with self._noting:
            self._origins[str(catalog.mirror_path(url))] = row
            self._record.write_text(json.dumps(self._origins, indent=2, sort_keys=True) + "\n")

    def _noted(self, url: str) -> dict[str, str]:
        """What was noted of the file that is there now: a note of a file that was replaced since is void."""
        row = self._origins.get(str(catalog.mirror_path(url)), {})
        return row if row.get("file", "") in ("", _identity(self.place(url))) else {}


def _identity(path: Path) -> str:
    """Size and time of a file: enough to see that another one was laid in its place."""
    if not path.exists():
        return ""
    status = path.stat()
    return f"{status.st_size}-{status.st_mtime_ns}"


class Filler:
    """Brings releases into a store; arch: for this architecture only, where a release has it."""

    def __init__(self, store: Store, offline: bool, arch: str | None = None) -> None:
        self.store = store
        self._arch = arch
        self._upstream = Upstream(store.root / "unreachable.json")
        self._offline = offline

    def ensure(self, component: Component, version: str) -> str | None:
        """Have all archives of a release and their checksum file. Returns the origin, or None when it cannot be had."""
        arches = [self._arch] if self._arch in component.arches else component.arches
        urls = {arch: component.archive_url(version, arch) for arch in arches}
        self._list_what_lies_there(component, version, urls)
        if all(self._present(component, version, url) for url in urls.values()):
            return self.store.origin(urls[arches[0]])
        if component.wheelhouse:
            self._pack_wheelhouse(component, version, urls)
            return OURS
        if not self._offline and self._download(component, version, urls):
            return UPSTREAM
        if component.build and version in component.build.versions:
            self._build(component, version, urls)
            return BUILT
        if component.debian and version == component.debian.version:
            self._pack_package(component, version, urls)
            return DEBIAN
        if component.stand_in and version in (component.wanted, *component.also):
            self._pack_stand_in(component, version, urls)
            return STAND_IN
        return None

    def _list_what_lies_there(self, component: Component, version: str, urls: dict[str, str]) -> None:
        """Write the checksums of archives laid there by hand into the release's checksum file."""
        ours = [self.store.place(url) for url in urls.values() if self.store.by_hand(url)]
        if ours:
            sums = self.store.place(component.checksums_url(version))
            listed = packing.read_sums(sums.read_text()) if sums.exists() else {}
            packing.write_sums(sums, {**listed, **{path.name: packing.sha256(path) for path in ours}})

    def _present(self, component: Component, version: str, url: str) -> bool:
        """The archive is there, listed in the checksum file, and of today's recipe if it was built."""
        sums, archive = self.store.place(component.checksums_url(version)), self.store.place(url)
        if not archive.exists() or not sums.exists() or archive.name not in packing.read_sums(sums.read_text()):
            return False
        recipe = self.store.recipe(url)
        if component.wheelhouse:
            return recipe == component.wheelhouse_digest()
        if self.store.origin(url) == DEBIAN:
            return component.debian is not None and recipe == component.debian.digest()
        if self.store.origin(url) == STAND_IN:
            return component.stand_in is not None and recipe == component.stand_in.digest()
        return not recipe or (component.build is not None and recipe == component.build.digest(version))

    def _download(self, component: Component, version: str, urls: dict[str, str]) -> bool:
        sums = self.store.place(component.checksums_url(version))
        try:
            self._upstream.fetch(component.checksums_url(version), sums)
            for url in urls.values():
                print(f"artifacts: downloading {url}", flush=True)
                self._upstream.fetch_archive(url, sums, self.store.place(url))
                self.store.note(url, UPSTREAM)
        except Unobtainable as reason:
            print(f"artifacts: {component.name} {version} is not to be had upstream: {reason}", flush=True)
            return False
        return True

    def _build(self, component: Component, version: str, urls: dict[str, str]) -> None:
        assert component.build is not None
        digests = {}
        for arch, url in urls.items():
            folder = paths.cache() / "build" / component.name / version
            members = golang.compile_release(component, version, arch, folder)
            archive = self.store.place(url)
            packing.pack(archive, component.top_folder(version, arch), members)
            self.store.note(url, BUILT, component.build.digest(version))
            digests[archive.name] = packing.sha256(archive)
        packing.write_sums(self.store.place(component.checksums_url(version)), digests)

    def _pack_package(self, component: Component, version: str, urls: dict[str, str]) -> None:
        assert component.debian is not None
        digests = {}
        for arch, url in urls.items():
            folder = paths.cache() / "build" / component.name / version / arch
            members = debian.unpack(component.debian, arch, folder)
            archive = self.store.place(url)
            packing.pack(archive, component.top_folder(version, arch), members)
            self.store.note(url, DEBIAN, component.debian.digest())
            digests[archive.name] = packing.sha256(archive)
        packing.write_sums(self.store.place(component.checksums_url(version)), digests)
        print(f"artifacts: {component.name} {version}: packed from Debian's {component.debian.name}", flush=True)

    def _pack_wheelhouse(self, component: Component, version: str, urls: dict[str, str]) -> None:
        digests = {}
        for arch, url in urls.items():
            archive = self.store.place(url)
            wheelhouse.pack(paths.PROJECTS[component.wheelhouse], wheelhouse.PYTHONS, arch, archive, version)
            self.store.note(url, OURS, component.wheelhouse_digest())
            digests[archive.name] = packing.sha256(archive)
        packing.write_sums(self.store.place(component.checksums_url(version)), digests)
        print(f"artifacts: {component.name} {version}: packed its wheels", flush=True)

    def _pack_stand_in(self, component: Component, version: str, urls: dict[str, str]) -> None:
        assert component.stand_in is not None
        digests = {}
        for arch, url in urls.items():
            members: dict[str, Path | bytes] = {}
            for place, name in component.stand_in.members.items():
                source, member = paths.STAND_INS / name, place.format(arch=arch)
                words = {"@version@": version, "@arch@": arch}
                if (source / "__main__.py").exists():
                    members[member] = packing.python_program(source, words)
                elif source.is_dir():
                    program = paths.cache() / "build" / component.name / version / arch / Path(member).name
                    golang.compile_stand_in(source, version, arch, program)
                    members[member] = program
                else:
                    members[member] = packing.filled(source, words)
            archive = self.store.place(url)
            packing.pack(archive, component.top_folder(version, arch), members)
            self.store.note(url, STAND_IN, component.stand_in.digest())
            digests[archive.name] = packing.sha256(archive)
        packing.write_sums(self.store.place(component.checksums_url(version)), digests)
        print(f"artifacts: {component.name} {version}: packed our stand-in", flush=True)


def pack_broken(store: Store, component: Component, row: dict[str, str], like: str) -> None:
    """Pack one release that is broken on purpose; like: the version whose other binaries it gets."""
    version, fault, arch = row["version"], row["fault"], component.arches[0]
    template = (paths.BROKEN / f"{component.name}.py").read_text()
    program = template.replace("@version@", version).replace("@fault@", fault).encode()
    archive = store.place(component.archive_url(version, arch))
    sums = store.place(component.checksums_url(version))
    made_of = f"{fault} {packing.sha256(store.place(component.archive_url(like, arch)))} {hash_of(program)}"
    if archive.exists() and sums.exists() and store.recipe(component.archive_url(version, arch)) == made_of:
        return
    helper = packing.member(store.place(component.archive_url(like, arch)), "promtool")
    if fault == "other_machine":
        program = helper = packing.foreign_elf()
    packing.pack(archive, component.top_folder(version, arch), {component.name: program, "promtool": helper}, level=1)
    if fault == "truncated":
        whole = archive.read_bytes()
        archive.write_bytes(whole[: len(whole) // 2])
    digest = "0" * 64 if fault == "wrong_checksum" else packing.sha256(archive)
    packing.write_sums(sums, {archive.name: digest})
    store.note(component.archive_url(version, arch), "broken", made_of)
    print(f"artifacts: {component.name} {version} packed ({fault})", flush=True)


def hash_of(content: bytes) -> str:
    """Short digest of a program text."""
    return hashlib.sha256(content).hexdigest()[:12]


def fill(store: Store, catalogue: Catalogue, offline: bool, only_defaults: bool) -> dict[str, object]:
    """Bring the catalogue, or only what this machine runs by default, into the store. Returns what obs_lab.yml says."""
    filler = Filler(store, offline, MACHINES.get(platform.machine()) if only_defaults else None)
    wanted = {name: row for name, row in catalogue.components.items() if row.in_local or not only_defaults}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        brought = pool.map(lambda component: bring(filler, component, only_defaults), wanted.values())
        components = dict(zip(wanted, brought, strict=True))
    versions = {f"{name}_version": row["version"] for name, row in components.items() if "default" in row}
    for row in [] if only_defaults else catalogue.broken:
        pack_broken(store, catalogue.components[row["component"]], row, components[row["component"]]["version"])
    return {"obs_mirror": f"file://{store.mirror}", **versions, "obs_lab_components": components}


def bring(filler: Filler, component: Component, only_default: bool) -> dict[str, str]:
    """Have a component's default version, or the newest one that can be had here, and the others that tests ask for.

    Returns its version, origin and, where another version stands for it, the default. Raises Unobtainable.
    """
    version, origin = component.wanted, filler.ensure(component, component.wanted)
    if origin is None and component.substitute:
        version = component.substitute
        origin = filler.ensure(component, version)
    if origin is None:
        raise Unobtainable(f"{component.name} {component.wanted}: {NOWHERE}")
    for other in () if only_default else component.also:
        if filler.ensure(component, other) is None:
            raise Unobtainable(f"{component.name} {other}: {NOWHERE}")
    row = {"version": version, "origin": origin}
    return row if version == component.wanted else {**row, "default": component.wanted}


def narrowed(catalogue: Catalogue, only: list[str] | None) -> Catalogue:
    """The catalogue of some components; of all without a choice. Raises Unobtainable: a name that is none."""
    unknown = sorted(set(only or ()) - set(catalogue.components))
    if unknown:
        raise Unobtainable(f"no component {', '.join(unknown)}; there are: {', '.join(catalogue.components)}")
    if not only:
        return catalogue
    return Catalogue({name: row for name, row in catalogue.components.items() if name in only})


def joined(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """What obs_lab.yml says after a run for some components: the others stay as they were."""
    gone = {f"{name}_version" for name in now["obs_lab_components"]}
    kept = {key: value for key, value in before.items() if key not in gone}
    return {**kept, **now, "obs_lab_components": {**before["obs_lab_components"], **now["obs_lab_components"]}}


def main() -> int:
    """Fill the store and write obs_lab.yml; returns the exit code."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--offline", action="store_true", help="do not ask upstream")
    options.add_argument("--defaults", action="store_true", help="only what inventories/local runs")
    options.add_argument("--only", action="append", metavar="COMPONENT", help="these components, not all of them")
    options.add_argument("--list", action="store_true", help="print what the store holds, one line per component")
    arguments = options.parse_args()
    root = paths.store()
    root.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    with (root / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            wanted = narrowed(catalog.load(), arguments.only)
            lab = fill(Store(root), wanted, arguments.offline, arguments.defaults)
        except (Unobtainable, golang.BuildFailed, wheelhouse.Unpackable) as error:
            print(f"artifacts: {error}", file=sys.stderr)
            return 1
        target = root / "obs_lab.yml"
        if (arguments.only or arguments.defaults) and target.exists():
            lab = joined(yaml.safe_load(target.read_text()), lab)
        text = "# Written by scripts/artifacts.py: what tests and `make up` run instead of the roles' defaults.\n"
        unfinished = target.with_name(".obs_lab.yml.new")
        unfinished.write_text(text + yaml.safe_dump(lab, sort_keys=False))
        unfinished.rename(target)
    if time.monotonic() - started > 5:
        print(f"artifacts: store {root} filled in {time.monotonic() - started:.0f} s", flush=True)
    if arguments.list:
        print("\n".join(describe(lab)))
    return 0


def describe(lab: dict[str, object]) -> list[str]:
    """One line per component: version, origin, and the default it stands in for."""
    rows = lab["obs_lab_components"]
    assert isinstance(rows, dict)
    return [
        f"{name} {row['version']} {row['origin']}"
        + (f" (overrides the default {row['default']})" if "default" in row else "")
        for name, row in rows.items()
    ]


if __name__ == "__main__":
    sys.exit(main())
