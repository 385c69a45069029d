# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters of the roles tempo and otelcol. The work is in module_utils, the documentation in <filter>.yml."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.module_utils import _otelcol, _otelcol_handover, _otelcol_logs, _tempo
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained


class FilterModule:
    """What follows from the roles' variables."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "go_duration": explained(_tempo.go_duration),
            "otelcol_exporters": explained(_otelcol.otelcol_exporters),
            "otelcol_handover": explained(_otelcol_handover.otelcol_handover),
            "otelcol_insert": explained(_otelcol.otelcol_insert),
            "otelcol_kept_trace": explained(_otelcol_logs.kept_trace),
            "otelcol_log_paths": explained(_otelcol_handover.otelcol_log_paths),
            "otelcol_log_sampling": explained(_otelcol_logs.otelcol_log_sampling),
            "otelcol_log_sources": explained(_otelcol_logs.otelcol_log_sources),
            "otelcol_receivers": explained(_otelcol.otelcol_receivers),
            "tempo_access": explained(_tempo.tempo_access),
            "tempo_config": explained(_tempo.tempo_config),
            "tempo_storage": explained(_tempo.tempo_storage),
        }
