# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What a task asks for, as it crosses from the controller to the host. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ._additions import Addition, additions_for, key_of

# "@data_filesystem_80_percent@" stands for that share of the data file system in Prometheus' notation (201GB).
SIZE_TOKEN = re.compile(r"@data_filesystem_([1-9][0-9]?)_percent@")

# Prometheus' data sizes are powers of 1024 (prometheus/common and alecthomas/units, Base2Bytes).
GIBIBYTE = 1 << 30
MEBIBYTE = 1 << 20


UNKNOWN = "distribution"
"""The version of a package of the distribution that is not there yet: only the package manager knows it."""


@dataclass(frozen=True)
class FileWish:
    """One file of a service.

    Attributes:
        path: relative to the service's etc (or live) folder.
        content: the bytes.
        mode: permission bits.
        on_change: "reload", "restart" or "none".
        secret: whether its content may never be shown.
    """

    path: str
    content: bytes
    mode: int
    on_change: str
    secret: bool

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> FileWish:
        return cls(
            path=plain["path"],
            content=base64.b64decode(plain["content"]),
            mode=int(plain["mode"], 8),
            on_change=plain["on_change"],
            secret=bool(plain["secret"]),
        )


@dataclass(frozen=True)
class ReleaseWish:
    """The release of a service; ``{arch}`` in url, checksums_url and binaries is the host's, ``{python}`` its 3.11.

    python: path of the interpreter of a release that is a wheelhouse.
    package, masked_units: of one that is a package of the distribution, and the units of it that are never to start.
    """

    version: str
    url: str
    checksums_url: str
    sha256: Mapping[str, str]
    arch_names: Mapping[str, str]
    binaries: Mapping[str, str]
    version_argv: tuple[str, ...]
    kind: str = "archive"
    python: str = ""
    additions: tuple[Mapping[str, Any], ...] = ()
    package: str = ""
    masked_units: tuple[str, ...] = ()

    def for_machine(self, machine: str, interpreter: str = "") -> ReleaseForHost:
        """The release as one machine (``uname -m``) and, for a wheelhouse, its interpreter (``python3.11``) need it."""
        arch = self.arch_names.get(machine, machine)
        number = interpreter.replace("python", "", 1)

        def fill(text: str) -> str:
            return text.replace("{arch}", arch).replace("{version}", self.version).replace("{python}", number)

        return ReleaseForHost(
            kind=self.kind,
            version=self.version,
            arch=arch,
            url=fill(self.url),
            checksums_url=fill(self.checksums_url),
            sha256=self.sha256.get(f"{arch}-{interpreter}") or self.sha256.get(arch, ""),
            interpreter=interpreter,
            python=self.python,
            binaries={name: fill(path) for name, path in self.binaries.items()},
            additions=additions_for(self.additions, arch),
        )


@dataclass(frozen=True)
class ReleaseForHost:
    """A release for one architecture. ``sha256`` is "" while only the release's own checksum file knows it.

    interpreter: ``python3.11`` of a wheelhouse, "" otherwise.
    """

    kind: str
    version: str
    arch: str
    url: str
    checksums_url: str
    sha256: str
    binaries: Mapping[str, str]
    interpreter: str = ""
    python: str = ""
    additions: tuple[Addition, ...] = ()

    @property
    def lacks_package(self) -> bool:
        """Whether it is a package of the distribution that is not on this host."""
        return self.kind == "distribution" and not self.sha256

    @property
    def additions_key(self) -> str:
        """Stands for the additions, "" without any."""
        return key_of(self.additions)

    @property
    def id(self) -> str:
        """Name of its folder: version, the first eight digits of the archive's sha256, what stands for additions, and
        the interpreter if any.

        A host whose interpreter was upgraded so needs another release, and the service a restart.
        """
        end = "".join(f"-{part}" for part in (self.additions_key, self.interpreter) if part)
        return f"{self.version}-{self.sha256[:8]}{end}" if self.sha256 else ""


NO_RELEASE = ReleaseWish(version="", url="", checksums_url="", sha256={}, arch_names={}, binaries={}, version_argv=())
"""What ``state: absent`` needs."""


@dataclass(frozen=True)
class Wish:
    """Everything one task declares about one service.

    archive: path of the release handed over; ``packaged``: the controller has had its package installed meanwhile.
    """

    name: str
    root: str
    state: str = "started"
    enabled: bool = True
    purge_data: bool = False
    release: ReleaseWish = NO_RELEASE
    fetch: Mapping[str, Any] = field(default_factory=dict)
    archive: str = ""
    packaged: bool = False
    additions: Mapping[str, str] = field(default_factory=dict)
    account: Mapping[str, Any] = field(default_factory=dict)
    command: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    files: tuple[FileWish, ...] = ()
    live: tuple[FileWish, ...] = ()
    data: Mapping[str, Any] = field(default_factory=dict)
    unit: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[Mapping[str, Any], ...] = ()
    questions: tuple[Mapping[str, Any], ...] = ()
    reload: Mapping[str, Any] = field(default_factory=dict)
    probe: Mapping[str, Any] = field(default_factory=dict)
    ready_timeout: int = 300
    settle: tuple[Mapping[str, Any], ...] = ()
    settle_timeout: int = 120
    settle_seconds: int = 0
    keep_generations: int = 5
    adopt: bool = False
    former_units: tuple[str, ...] = ()
    former_paths: tuple[str, ...] = ()
    replaces: tuple[str, ...] = ()
    lock_timeout: int = 60
    deploy: Mapping[str, Any] = field(default_factory=dict)
    masks: tuple[str, ...] = ()

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> Wish:
        """Build from the controller's payload (plain JSON)."""
        values: dict[str, Any] = dict(plain)
        release = values.pop("release", None)
        if release:
            values["release"] = ReleaseWish(
                version=release["version"],
                url=release["url"],
                checksums_url=release["checksums_url"],
                sha256=release["sha256"],
                arch_names=release["arch_names"],
                binaries=release["binaries"],
                version_argv=tuple(release["version_argv"]),
                kind=release["kind"],
                python=release.get("python", ""),
                additions=tuple(release.get("additions") or ()),
                package=release.get("package", ""),
                masked_units=tuple(release.get("masked_units") or ()),
            )
        for key in ("files", "live"):
            values[key] = tuple(FileWish.from_plain(item) for item in values.get(key, ()))
        for key in ("command", "checks", "questions", "settle", "former_units", "former_paths", "replaces", "masks"):
            values[key] = tuple(values.get(key, ()))
        return cls(**values)

    @property
    def data_path(self) -> str:
        return str(self.data.get("path") or "")

    @property
    def executable(self) -> str:
        """Name of the service's own binary under bin/."""
        return self.command[0]

    @property
    def secrets(self) -> list[str]:
        """All that may never be shown."""
        known = [item.content.decode("utf-8", "replace") for item in self.files + self.live if item.secret]
        return known + list(self.masks)

    def sized(self, filesystem_bytes: int) -> Wish:
        """The wish with every size token replaced by that share of the data file system."""

        def size(match: re.Match[str]) -> str:
            share = filesystem_bytes * int(match.group(1)) // 100
            if share >= GIBIBYTE:
                return f"{share // GIBIBYTE}GB"
            return f"{max(share // MEBIBYTE, 1)}MB"

        def sized_file(item: FileWish) -> FileWish:
            if b"@data_filesystem_" not in item.content:
                return item
            return replace(item, content=SIZE_TOKEN.sub(size, item.content.decode()).encode())

        return replace(
            self,
            command=tuple(SIZE_TOKEN.sub(size, word) for word in self.command),
            files=tuple(sized_file(item) for item in self.files),
        )
