# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""What a run has deployed so far, noted on the controller until the run ends.

Each task runs in a process of its own, a role's registered result is replaced by that of the role's next play, and
facts may be kept beyond the run. A file in the folder that Ansible makes for a run, and removes after it, is none of
these.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping
from typing import Any

from ansible import constants as C

FOLDER = "obs-deploys"
KEYS = ("service", "host", "version", "was", "generation", "commit", "time")


def note(host: str, service: str, result: Mapping[str, Any], commit: str) -> None:
    """Note a deploy, if it was one. A deploy does not fail for want of its note.

    Args:
        host: where, by inventory name.
        service: what.
        result: as release_service returns it.
        commit: what it was made of, "" for nothing known.
    """
    new, old = result.get("to") or {}, result.get("from") or {}
    if result.get("failed") or not result.get("changed") or not new or new == old:
        return
    deploy = {
        "service": service,
        "host": host,
        "version": str(new.get("version") or ""),
        "was": str(old.get("version") or ""),
        "generation": int(new.get("generation") or 0),
        "commit": commit,
        "time": int(time.time()),
    }
    with contextlib.suppress(OSError):
        folder = os.path.join(C.DEFAULT_LOCAL_TMP, FOLDER)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        with open(os.path.join(folder, f"{os.getpid()}-{time.monotonic_ns()}.json"), "w", encoding="utf-8") as handle:
            json.dump(deploy, handle)


def noted() -> list[dict[str, Any]]:
    """The deploys of this run, in order."""
    found = []
    with contextlib.suppress(OSError):
        folder = os.path.join(C.DEFAULT_LOCAL_TMP, FOLDER)
        for name in os.listdir(folder):
            with open(os.path.join(folder, name), encoding="utf-8") as handle:
                found.append(json.load(handle))
    return sorted(found, key=lambda one: (one["time"], one["host"], one["service"]))
