# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for the roles of the logs. The work is in module_utils, the documentation in <filter>.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils import _dskit, _loki, _loki_ruler, _outgoing, _promtail
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained


class FilterModule:
    """Shapes that release_service takes, for Loki and Promtail."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "go_memory_limit": explained(_loki.go_memory_limit),
            "loki_internal_tls": explained(_loki.loki_internal_tls),
            "loki_periods": explained(_loki.loki_periods),
            "loki_retention": explained(_loki.loki_retention),
            "loki_ring": explained(_loki.loki_ring),
            "loki_rule_files": explained(_loki_ruler.loki_rule_files),
            "loki_ruler": explained(_loki_ruler.loki_ruler),
            "loki_storage": explained(_loki.loki_storage),
            "outgoing": explained(_outgoing.outgoing),
            "promtail_jobs": explained(_promtail.promtail_jobs),
            "promtail_scrape_configs": explained(_promtail.promtail_scrape_configs),
            "promtail_sources": explained(_promtail.promtail_sources),
            "server_access": explained(_dskit.server_access),
        }
