# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Read the filters once for a run instead of once for each of its tasks.

Ansible forks a worker for each task and host. The first filter of a collection that a template uses makes Ansible read
all of them, from source: its importer keeps no bytecode. Whatever the parent process has read, its workers have. The
parent reads the class of an action plugin before it forks, so that is where this is called from.
"""

from __future__ import annotations

import contextlib

from ansible.plugins.loader import filter_loader

A_FILTER = "obs.stack.cli_flags"
"""Any of ours: they are read together."""


def preload_filters() -> None:
    """Read this collection's filters. What cannot be read is told where it is used."""
    with contextlib.suppress(Exception):
        filter_loader.get(A_FILTER)
