# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Programs of the components that tests ask: promtool, amtool and the like."""

from __future__ import annotations

import os
import pathlib
import platform
import shutil

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


def program(component: str, *names: str) -> str | None:
    """Path of a program on the PATH, or of the one that the repository's artifact store was filled from.

    Args:
        component: whose it is, as the store names it.
        names: what it may be called; the component's name unless given.
    """
    names = names or (component,)
    base = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    cache = pathlib.Path(os.environ.get("OBS_CACHE") or base / "obs-stack")
    architecture = ARCHITECTURES.get(platform.machine(), platform.machine())
    built = sorted((cache / "build" / component).glob(f"*/{architecture}/**/*"))
    there = [str(path) for path in built if path.name in names and path.is_file() and os.access(path, os.X_OK)]
    on_path = [found for found in map(shutil.which, names) if found]
    return next(iter([*on_path, *there[::-1]]), None)
