# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A release that is a package of the distribution: its programs stay where the package has them.

A release folder then holds links, and its name stands for what the links lead to. An upgrade of the package so is
another release: the next run takes it up and restarts the service. What is rolled back is the configuration.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ._digest import sha256_of_files
from ._errors import StackError
from ._files import make_directory, read_json, remove_file, write_json
from ._layout import Layout
from ._systemd import daemon_reload, run, state_of, systemctl
from ._wish import ReleaseForHost, ReleaseWish

VERSION_SECONDS = 30
_VERSION = re.compile(r"\d+(?:\.\d+){1,3}")


def version_within(said: str) -> str:
    """The first version number in what a program says of itself, "" without one.

    A distribution's own revision (``2.6.12-1+deb12u3``) is left out: digests tell builds apart.
    """
    found = _VERSION.search(said)
    return found.group(0) if found else ""


def installed_release(release: ReleaseForHost, wish: ReleaseWish) -> ReleaseForHost:
    """The release as the package's programs on this host tell it; without them its version and sha256 are "".

    Raises:
        StackError: a program is there and does not tell its version.
    """
    paths = sorted(release.binaries.values())
    if not all(os.access(path, os.X_OK) for path in paths):
        return replace(release, version="", sha256="")
    argv = [next(iter(release.binaries.values())), *wish.version_argv]
    code, out, err = run(argv, timeout=VERSION_SECONDS)
    version = version_within(out or err)
    if code != 0 or not version:
        raise StackError(
            "Could not use the program {} of package {}".format(argv[0], wish.package),
            why=(err or out).strip().splitlines()[0] if (err or out).strip() else f"status {code}",
            hint="'{}' has to tell its version. Mend the package on the host.".format(" ".join(argv)),
            step="plan",
            doc="distribution",
        )
    return replace(release, version=version, sha256=sha256_of_files(paths))


def link_programs(dest: str, binaries: Mapping[str, str]) -> None:
    """Make dest/bin with a link to each program.

    Raises:
        OSError: it cannot be written.
    """
    make_directory(dest, mode=0o755)
    make_directory(os.path.join(dest, "bin"), mode=0o755)
    for name, path in binaries.items():
        os.symlink(path, os.path.join(dest, "bin", name))


def mask_units(layout: Layout, units: tuple[str, ...]) -> None:
    """Keep the package's own units from starting when it is installed. Noted, so that removal takes it back.

    Raises:
        StackError: systemd refuses.
    """
    record: dict[str, Any] = read_json(layout.masked) or {}
    masked = list(record.get("units") or [])
    for unit in units:
        name = unit if "." in unit else unit + ".service"
        if state_of(name).is_masked:
            continue
        # Noted first: what is masked and not noted would stay so for ever.
        masked = sorted({*masked, name})
        write_json(layout.masked, {"units": masked}, mode=0o644)
        complaint = systemctl("mask", name)
        if not state_of(name).is_masked:
            raise StackError(
                f"Could not keep {name} of the distribution from starting",
                why=complaint or "it is still not masked",
                hint="Mend what 'systemctl mask' says on the host, then run again. Nothing was installed.",
                step="stage",
                doc="systemd",
            )


def unmask_units(layout: Layout) -> None:
    """Take back what ``mask_units`` did; the package and its units stay, disabled."""
    record: dict[str, Any] = read_json(layout.masked) or {}
    for name in record.get("units") or []:
        systemctl("unmask", name)
        systemctl("disable", name)
    if record:
        remove_file(layout.masked)
        daemon_reload()


def missing_after_install(name: str, release: ReleaseWish) -> StackError:
    """The error for a package that is installed and has not what was wanted of it."""
    return StackError(
        f"Could not find the programs of {name} after the installation of package {release.package}",
        why="{} is not there".format(", ".join(sorted(release.binaries.values()))),
        hint=f"Name another package ({name}_package) or the right path.",
        step="stage",
        doc="distribution",
    )
