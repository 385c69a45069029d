# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the tempo role. The work is in module_utils/_tempo.py, the documentation in <filter>.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils import _tempo
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained


class FilterModule:
    """What follows from the role's variables."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "go_duration": explained(_tempo.go_duration),
            "tempo_access": explained(_tempo.tempo_access),
            "tempo_config": explained(_tempo.tempo_config),
            "tempo_storage": explained(_tempo.tempo_storage),
        }
