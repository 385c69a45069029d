# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Release archives on the controller: the cache, the sha256 they must have, their programs unpacked."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ansible_collections.obs.stack.plugins.module_utils._archive import unpack
from ansible_collections.obs.stack.plugins.module_utils._checksums import find as find_checksum
from ansible_collections.obs.stack.plugins.module_utils._delivery import fetch_options
from ansible_collections.obs.stack.plugins.module_utils._distribution import link_programs
from ansible_collections.obs.stack.plugins.module_utils._fetch import FetchedFile, fetch, fetch_text, private_dir
from ansible_collections.obs.stack.plugins.module_utils._lock import locked
from ansible_collections.obs.stack.plugins.module_utils._wheelhouse import install_wheelhouse
from ansible_collections.obs.stack.plugins.module_utils._wish import ReleaseForHost

CACHE = "~/.cache/obs-stack/artifacts"
UNPACKED = "unpacked"
UNUSED_SECONDS = 30 * 24 * 3600  # unpacked programs that nobody asked for that long are removed
PATIENCE = 600  # seconds to wait while another process unpacks the same release


def cache_folder(how: Mapping[str, Any]) -> str:
    """The controller's cache of archives, by the options of a download."""
    return os.path.expanduser(how.get("cache_dir") or os.environ.get("OBS_ARTIFACT_CACHE") or CACHE)


def with_sha256(release: ReleaseForHost, how: Mapping[str, Any]) -> tuple[ReleaseForHost, bool]:
    """The release with its sha256, and whether that had to come from the release's own checksum file.

    Raises:
        StackError: the checksum file cannot be had, or does not name the archive.
    """
    if release.sha256:
        return release, False
    text = fetch_text(release.checksums_url, **fetch_options(how))
    return replace(release, sha256=find_checksum(text, os.path.basename(release.url))), True


def archive_of(release: ReleaseForHost, how: Mapping[str, Any]) -> FetchedFile:
    """The verified archive of a release whose sha256 is known, in the controller's cache.

    Raises:
        StackError: it cannot be fetched, or is not what its sha256 says.
    """
    return archive_at(release.url, release.sha256, how)


def archive_at(url: str, sha256: str, how: Mapping[str, Any]) -> FetchedFile:
    """The verified archive of a URL, in the controller's cache.

    Raises:
        StackError: it cannot be fetched, or is not what its sha256 says.
    """
    return fetch(url, cache_folder(how), sha256=sha256, **fetch_options(how))


def programs_of(name: str, release: ReleaseForHost, how: Mapping[str, Any]) -> str:
    """Folder with bin/ of a release, unpacked once into the controller's cache and shared by all hosts of a run.

    Raises:
        StackError: the archive cannot be had or unpacked.
    """
    folder = private_dir(os.path.join(private_dir(cache_folder(how)), UNPACKED))
    # A wheelhouse is made anew for each interpreter.
    interpreter = release.interpreter.replace("python", "-")
    place = os.path.join(folder, f"{name}-{release.version}-{release.sha256}{interpreter}")
    with locked(place + ".lock", name=f"{name} {release.version}", patience=PATIENCE):
        if not os.path.isdir(place):
            _remove_unused(folder)
            beside = place + ".part"
            shutil.rmtree(beside, ignore_errors=True)
            if release.kind == "distribution":
                link_programs(beside, release.binaries)
            elif release.kind == "wheelhouse":
                install_wheelhouse(
                    archive_of(release, how).path,
                    beside,
                    place,
                    url_name=os.path.basename(release.url),
                    binaries=release.binaries,
                    python=release.python,
                )
            else:
                unpack(
                    archive_of(release, how).path,
                    beside,
                    url_name=os.path.basename(release.url),
                    binaries=dict(release.binaries),
                )
            os.rename(beside, place)
        os.utime(place)
    return place


def _remove_unused(folder: str) -> None:
    """Make room: programs of releases that nobody has judged with for a month. Locks are small and stay."""
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False) and time.time() - entry.stat().st_mtime > UNUSED_SECONDS:
            shutil.rmtree(entry.path, ignore_errors=True)
