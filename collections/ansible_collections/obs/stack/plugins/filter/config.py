# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for configurations and flags. The work is in module_utils/_merge.py, the documentation in <filter>.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils import _merge
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained


class FilterModule:
    """Configurations in upstream's own vocabulary."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "cli_flags": explained(_merge.cli_flags),
            "collector_flags": explained(_merge.collector_flags),
            "config_merge": explained(_merge.config_merge),
            "layers_for": explained(_merge.layers_for),
        }
