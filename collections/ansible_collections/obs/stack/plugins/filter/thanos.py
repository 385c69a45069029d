# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for the thanos role. The work is in module_utils/_thanos*.py, the documentation in <filter>.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils import _thanos, _thanos_access, _thanos_services
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained


class FilterModule:
    """What the components of Thanos follow from."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "thanos_clients": explained(_thanos_access.clients),
            "thanos_deletion": explained(_thanos.deletion),
            "thanos_endpoints": explained(_thanos_access.endpoints),
            "thanos_grpc": explained(_thanos_access.grpc),
            "thanos_receive_write": explained(_thanos_access.receive_write),
            "thanos_retention": explained(_thanos.retention),
            "thanos_services": explained(_thanos_services.services),
            "thanos_web": explained(_thanos_access.web),
        }
