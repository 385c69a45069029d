# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module grafana_annotation_info."""

from __future__ import annotations

import typing as t

from ansible_collections.obs.stack.plugins.modules import grafana_annotation_info


def test_what_is_asked_for(ask: t.Any, grafana: t.Any) -> None:
    found = [{"id": 1, "time": 1000, "tags": ["key:a", "x"], "text": "t"}, {"id": 2, "time": 2000}]
    grafana.on("GET /api/annotations", found)
    told = ask(
        grafana_annotation_info, key="a", tags=["x"], dashboard_uid="d", time_from="1970-01-01T00:00:01Z", limit=5
    )["annotations"]
    assert [(one["id"], one["key"]) for one in told] == [(2, ""), (1, "a")]
    ((request, _body),) = grafana.asked
    wanted = "tags=x&tags=key%3Aa&type=annotation&limit=5&dashboardUID=d&from=1000"
    assert request == "GET /api/annotations?" + wanted
