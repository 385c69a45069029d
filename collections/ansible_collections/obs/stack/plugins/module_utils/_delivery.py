# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""How the archive of a release gets to the host: handed over by the controller, or fetched by the host itself."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ._errors import StackError
from ._files import remove_file
from ._layout import Layout
from ._releases import stage_release
from ._wish import ReleaseForHost, Wish


def verifiable_release(wish: Wish, machine: str) -> ReleaseForHost:
    """The release for a machine (``uname -m``); of a package, what is installed of it here.

    Raises:
        StackError: nothing would tell whether its archive is the right one.
    """
    interpreter = ""
    # Imported when needed, as in _transaction.
    if wish.release.kind == "distribution":
        from ._distribution import installed_release

        return installed_release(wish.release.for_machine(machine), wish.release)
    if wish.release.kind == "wheelhouse":
        from ._wheelhouse import interpreter_tag

        interpreter = interpreter_tag(wish.release.python)
    release = wish.release.for_machine(machine, interpreter)
    if not release.sha256 and not release.checksums_url:
        raise StackError(
            f"Could not verify {wish.name} {release.version} for {release.arch}",
            why="no sha256 is known for this version and architecture, and no checksum file is named",
            hint=f"Set {wish.name}_release_sha256: {{{release.arch}: <sha256 of {os.path.basename(release.url)}>}}.",
            step="plan",
            doc="checksum",
        )
    return release


def needed_from_controller(wish: Wish, layout: Layout, release: ReleaseForHost) -> dict[str, Any] | None:
    """What the controller is to see to before a release can be staged; None when all that it takes is here.

    Raises:
        StackError: a package was installed and has not the programs, or its units cannot be kept from starting.
    """
    if release.kind == "distribution":
        from ._distribution import mask_units, missing_after_install

        if not release.lacks_package:
            return None
        if wish.packaged:
            raise missing_after_install(wish.name, wish.release)
        mask_units(layout, wish.release.masked_units)
        return {"package": wish.release.package}
    if wish.archive or wish.fetch.get("from") == "host":
        return None
    return {
        "arch": release.arch,
        "url": release.url,
        "sha256": release.sha256,
        "checksums_url": release.checksums_url,
        "additions": [{"url": one.url, "sha256": one.sha256} for one in release.additions],
    }


def bring_release(wish: Wish, layout: Layout, release: ReleaseForHost) -> tuple[ReleaseForHost, list[str]]:
    """Unpack the release from the archive handed over, or fetch it here (``fetch.from: host``).

    Returns:
        The release with its sha256, and warnings.

    Raises:
        StackError: it cannot be fetched, is not what its checksum says, or cannot be unpacked.
    """
    # Imported when needed, as in _transaction.
    from ._checksums import find as find_checksum
    from ._fetch import fetch, fetch_text

    how, archive, warnings = wish.fetch, wish.archive, []
    if release.kind == "distribution":
        stage_release(layout, release, "")
        return release, []
    wanted = release.additions
    if not release.sha256:
        text = fetch_text(release.checksums_url, **fetch_options(how))
        release = replace(release, sha256=find_checksum(text, os.path.basename(release.url)))
        warnings.append(same_origin_warning(wish.name, release.version))
    if archive:
        _verify(archive, release.url, release.sha256)
        for addition in wanted:
            _verify(wish.additions[addition.sha256], addition.url, addition.sha256)
        stage_release(layout, release, archive, wish.additions)
        return release, warnings
    cache = str(how.get("cache_dir") or os.path.join(layout.root, ".cache"))
    archive = fetch(release.url, cache, sha256=release.sha256, **fetch_options(how)).path
    more = {one.sha256: fetch(one.url, cache, sha256=one.sha256, **fetch_options(how)).path for one in wanted}
    stage_release(layout, release, archive, more)
    for path in (archive, *more.values()):
        remove_file(path)  # A host keeps what it unpacked, not the archive as well.
    return release, warnings


def fetch_options(how: Mapping[str, Any]) -> dict[str, Any]:
    """Options of the download, as both halves pass them on."""
    return {
        "mirror": str(how.get("mirror") or ""),
        "proxy": str(how.get("proxy") or ""),
        "ca_path": str(how.get("ca_path") or ""),
        "headers": dict(how.get("headers") or {}),
        "timeout": float(how.get("timeout") or 60),
    }


def same_origin_warning(name: str, version: str) -> str:
    """The warning that goes with a checksum from the release itself."""
    return (
        f"The sha256 of {name} {version} came from the release's own checksum file: "
        f"it proves the transfer, not the origin. Pin it with {name}_release_sha256."
    )


def _verify(archive: str, url: str, sha256: str) -> None:
    """Hash what was handed over once more, on the host that unpacks it."""
    digest = hashlib.sha256()
    with open(archive, "rb") as handle:
        for chunk in iter(lambda: handle.read(1 << 20), b""):
            digest.update(chunk)
    if digest.hexdigest() != sha256:
        raise StackError(
            f"Could not use the archive of {os.path.basename(url)}",
            why=f"its sha256 is {digest.hexdigest()}, wanted {sha256}",
            hint="Nothing was changed. Fetch it again; if it stays so, the archive is not the one that was released.",
            step="stage",
            doc="checksum",
        )
