# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Findings of many hosts become one table, and a line for each thing that is wrong."""

from __future__ import annotations

from ansible_collections.obs.stack.plugins.plugin_utils import _health_report


def test_report_is_a_table_and_names_what_is_wrong() -> None:
    report = _health_report.report(
        {
            "b": [],
            "a": [
                {"component": "prometheus", "check": "targets", "healthy": True, "detail": "3 up"},
                {
                    "component": "prometheus",
                    "check": "applications",
                    "healthy": True,
                    "warning": True,
                    "detail": "shop x:8080 is down ()",
                },
                {"component": "prometheus", "check": "rules", "healthy": False, "detail": "Bad in g: boom"},
            ],
        }
    )
    assert report["table"] == [
        "HOST  SERVICE     CHECK         STATE",
        "a     prometheus  targets       ok       3 up",
        "a     prometheus  applications  warning  shop x:8080 is down ()",
        "a     prometheus  rules         WRONG    Bad in g: boom",
        "b     -           -             WRONG    could not be asked",
    ]
    assert report["warnings"] == ["a prometheus applications: shop x:8080 is down ()"]
    assert report["unhealthy"] == ["a prometheus rules: Bad in g: boom", "b - -: could not be asked"]
