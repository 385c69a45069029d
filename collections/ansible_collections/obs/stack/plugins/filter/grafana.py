# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for Grafana's settings and provisioning. The work is in module_utils/_grafana_*.py, the documentation in
<filter>.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils import (
    _grafana_settings,
    _grafana_shipped,
    _grafana_sources,
)
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained


class FilterModule:
    """Shapes that Grafana reads."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "grafana_admin": explained(_grafana_settings.admin_access),
            "grafana_config": explained(_grafana_settings.check_config),
            "grafana_dashboards": explained(_grafana_sources.dashboard_files),
            "grafana_datasources": explained(_grafana_sources.datasources),
            "grafana_ini": explained(_grafana_settings.ini_text),
            "grafana_plugins": explained(_grafana_settings.plugin_archives),
            "grafana_priced_dashboard": explained(_grafana_shipped.priced_dashboard),
            "grafana_shipped_dashboards": explained(_grafana_shipped.shipped_dashboards),
        }
