"""The catalogue of components as typed rows. Pure, but for reading two YAML files."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from scripts.lab import paths


@dataclass(frozen=True)
class Build:
    """How a release is made from Go modules. versions: release -> module version, the substitute first.

    collector: repository (core, contrib) -> kind -> components, where the module is the collector's builder.
    """

    module: str
    versions: dict[str, str]
    commands: dict[str, str]
    replace: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    collector: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    variable: str = ""

    def digest(self, version: str) -> str:
        """Short digest of everything that shapes the binaries of a release: another digest means build anew."""
        recipe = [self.module, self.versions[version], self.commands, self.replace, self.tags, "packing 1"]
        recipe += [part for part in (self.collector, self.variable) if part]
        return hashlib.sha256(json.dumps(recipe, sort_keys=True).encode()).hexdigest()[:12]


def _digest(kind: str, *sources: Path) -> str:
    """Short digest of files and folders."""
    found = hashlib.sha256(kind.encode())
    for source in sources:
        files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
        for path in files:
            if "__pycache__" not in path.parts:
                found.update(path.relative_to(source.parent).as_posix().encode() + path.read_bytes())
    return found.hexdigest()[:12]


@dataclass(frozen=True)
class StandIn:
    """What is packed where a component can be had nowhere: member of the archive -> source below molecule's standins.

    A folder with __main__.py is a Python program, packed into one file; another folder is a Go program, built; a file
    is packed as it is. @version@ and @arch@ are filled in, but for Go.
    """

    members: dict[str, str]

    def digest(self) -> str:
        """Short digest of the sources: another one means pack anew."""
        sources = sorted(self.members.items())
        return _digest(f"stand-in 1 {sources}", *(paths.STAND_INS / name for _member, name in sources))


@dataclass(frozen=True)
class Package:
    """A package of Debian and what is taken out of it: member of our archive -> path in the package."""

    name: str
    suite: str
    version: str
    members: dict[str, str]

    def digest(self) -> str:
        """Short digest of the recipe: another one means pack anew."""
        return hashlib.sha256(f"debian 1 {self}".encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Component:
    """One row of catalog.yml. wanted: the role's default version; in_local: `make up` runs it."""

    name: str
    wanted: str
    url: str
    checksums: str
    top: str
    arches: tuple[str, ...]
    also: tuple[str, ...] = ()
    build: Build | None = None
    stand_in: StandIn | None = None
    wheelhouse: str = ""
    debian: Package | None = None
    in_local: bool = True

    @property
    def substitute(self) -> str:
        """The version that stands for a default that can be had nowhere; '' where there is none."""
        if self.build:
            return next(iter(self.build.versions))
        return self.debian.version if self.debian else ""

    def wheelhouse_digest(self) -> str:
        """Short digest of the project that a wheelhouse is packed from."""
        return _digest("wheelhouse 1", paths.PROJECTS[self.wheelhouse])

    def archive_url(self, version: str, arch: str) -> str:
        """Upstream's URL of one archive."""
        return self.url.format(version=version, arch=arch)

    def checksums_url(self, version: str) -> str:
        """Upstream's URL of the release's checksum file."""
        folder = self.archive_url(version, self.arches[0]).rsplit("/", 1)[0]
        return f"{folder}/{self.checksums.format(version=version)}"

    def top_folder(self, version: str, arch: str) -> str:
        """Name of the folder inside the archive; '' for a flat one."""
        return self.top.format(version=version, arch=arch)


@dataclass(frozen=True)
class Catalogue:
    """All rows."""

    components: dict[str, Component]
    broken: list[dict[str, str]] = field(default_factory=list)


def mirror_path(url: str) -> Path:
    """Place of a URL in a mirror: <host>/<path>."""
    return Path(url.split("://", 1)[1])


def role_default(role: str) -> str | None:
    """The version a role ships, read from its defaults; None while there is no such role."""
    defaults = paths.COLLECTION / "roles" / role / "defaults" / "main.yml"
    if not defaults.exists():
        return None
    return (yaml.safe_load(defaults.read_text()) or {}).get(f"{role}_version")


def load(path: Path = paths.CATALOG) -> Catalogue:
    """Read catalog.yml. A missing key is a KeyError naming it: the file is ours."""
    data = yaml.safe_load(path.read_text())
    rows = {name: _component(name, row) for name, row in data["components"].items()}
    return Catalogue(rows, data.get("broken", []))


def _component(name: str, row: dict[str, Any]) -> Component:
    recipe = row.get("build")
    build = None
    if recipe:
        build = Build(
            recipe["module"],
            recipe["versions"],
            recipe["commands"],
            tuple(recipe.get("replace", ())),
            tuple(recipe.get("tags", ())),
            recipe.get("collector", {}),
            recipe.get("variable", ""),
        )
    substitute = next(iter(build.versions)) if build else ""
    return Component(
        name,
        role_default(row["role"]) or substitute or row["version"],
        row["url"],
        row["checksums"],
        row["top"],
        tuple(row["arches"]),
        tuple(row.get("also", ())),
        build,
        StandIn(row["stand_in"]) if "stand_in" in row else None,
        row.get("wheelhouse", ""),
        Package(**row["debian"]) if "debian" in row else None,
        row.get("in_local", True),
    )
