# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A generation: binary, configuration, argv and environment as one immutable whole. Pure.

Composing one only computes what would stand on disk; `_stage` writes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ._digest import digest_of, keyed, sha256
from ._render import run_env, unit
from ._wish import FileWish, Wish

SCHEMA = 1


@dataclass(frozen=True)
class Generation:
    """A generation as its manifest tells it.

    Attributes:
        number: 0 while it is only composed.
        manifest: what manifest.json (0600) holds; see ``compose``.
        unit_text: text of the unit that belongs to it.
    """

    number: int
    manifest: Mapping[str, Any]
    unit_text: str

    @property
    def digest(self) -> str:
        return str(self.manifest["digest"])

    @property
    def restart_key(self) -> str:
        return str(self.manifest["restart_key"])

    @property
    def version(self) -> str:
        return str(self.manifest["release"]["version"])

    @property
    def release_id(self) -> str:
        return str(self.manifest["release"]["id"])

    @property
    def files(self) -> dict[str, dict[str, Any]]:
        return dict(self.manifest["files"])

    @property
    def probe(self) -> Mapping[str, Any]:
        return dict(self.manifest["probe"])

    @property
    def reload(self) -> Mapping[str, Any]:
        return dict(self.manifest["reload"])

    @property
    def data_path(self) -> str:
        return str(self.manifest["data"].get("path") or "")

    @property
    def label(self) -> str:
        """How messages name it: "3.13.5 (generation 4)"."""
        return f"{self.version} (generation {self.number})" if self.number else self.version


@dataclass(frozen=True)
class Draft:
    """A composed generation together with the contents that go to disk."""

    generation: Generation
    contents: Mapping[str, FileWish]
    run_env: str


def file_digest(item: FileWish, key: bytes) -> str:
    """What a manifest says of a file: sha256, or an HMAC where the content is secret."""
    return keyed(key, item.content) if item.secret else sha256(item.content)


def compose(wish: Wish, *, release_id: str, release_sha256: str, home: str, key: bytes) -> Draft:
    """Compose the generation a wish asks for.

    The restart key covers all that needs a restart: release, argv, environment, unit, files marked so, and the
    scheme of the probe (a listener learns of TLS only at start). The digest covers the rest as well.
    """
    files: dict[str, dict[str, Any]] = {
        item.path: {
            "digest": file_digest(item, key),
            "mode": f"{item.mode:04o}",
            "on_change": item.on_change,
            "secret": item.secret,
        }
        for item in wish.files
    }
    environment = {name: keyed(key, str(value).encode()) for name, value in wish.environment.items()}
    unit_text = unit(
        name=wish.name,
        home=home,
        executable=wish.executable,
        account=wish.account,
        data_path=wish.data_path,
        spec=wish.unit,
        reload_signal=str(wish.reload.get("signal") or ""),
    )
    restart_key = digest_of(
        {
            "release": release_id,
            "argv": list(wish.command),
            "environment": environment,
            "unit": sha256(unit_text.encode()),
            "files": {path: entry["digest"] for path, entry in files.items() if entry["on_change"] == "restart"},
            "scheme": wish.probe.get("scheme"),
        }
    )[:32]
    release = wish.release
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "name": wish.name,
        "release": {
            "id": release_id,
            "version": release.version,
            "sha256": release_sha256,
            "kind": release.kind,
            "version_argv": list(release.version_argv),
        },
        "files": files,
        "argv": list(wish.command),
        "environment": environment,
        "unit": sha256(unit_text.encode()),
        "account": dict(wish.account),
        "data": dict(wish.data),
        "probe": dict(wish.probe),
        "ready_timeout": wish.ready_timeout,
        "reload": dict(wish.reload),
        "checks": [dict(check) for check in wish.checks],
        "restart_key": restart_key,
    }
    manifest["digest"] = digest_of(
        {key_: manifest[key_] for key_ in ("release", "files", "argv", "environment", "unit", "probe", "reload")}
    )
    return Draft(
        generation=Generation(number=0, manifest=manifest, unit_text=unit_text),
        contents={item.path: item for item in wish.files},
        run_env=run_env(restart_key, wish.command[1:], wish.environment),
    )


def changed_files(before: Mapping[str, Mapping[str, Any]], after: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Paths that differ between two ``files`` tables in content or mode, come or go."""

    def essence(entry: Any) -> Any:
        return entry and (entry["digest"], entry["mode"])

    return sorted(path for path in set(before) | set(after) if essence(before.get(path)) != essence(after.get(path)))


def effect_of_files(
    changed: Iterable[str],
    before: Mapping[str, Mapping[str, Any]],
    after: Mapping[str, Mapping[str, Any]],
    *,
    reloads: bool,
) -> str:
    """What changed files ask of a running process: "reload" ("restart" where it cannot), or "none".

    Files whose change needs a restart are in the restart key, and are none of this function's business.
    """
    every = {**before, **after}
    if any(every[path]["on_change"] == "reload" for path in changed):
        return "reload" if reloads else "restart"
    return "none"
