# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters for alert rules. The work is in module_utils/_alert_overrides.py and _red_rules.py."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils import _red_rules, _wiring
from ansible_collections.obs.stack.plugins.plugin_utils import _alert_sources
from ansible_collections.obs.stack.plugins.plugin_utils._filters import explained
from ansible_collections.obs.stack.plugins.plugin_utils._payload import plain


def alert_rules(sources: Sequence[t.Any], overrides: Mapping[str, t.Any] | None = None) -> list[dict[str, str]]:
    """Place rule folders of roles, with what an inventory changes in their alerts."""
    return _alert_sources.adjusted(_wiring.rule_files(sources), overrides or {})


def red_rules(metrics: Sequence[t.Any]) -> dict[str, t.Any]:
    """Recording rules on requests."""
    return _red_rules.red_rules(plain(metrics))


class FilterModule:
    """Alert rules."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names of this file's filters."""
        return {
            "alert_rules": explained(alert_rules),
            "red_rules": explained(red_rules),
        }
