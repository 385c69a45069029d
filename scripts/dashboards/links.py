"""Links of values: to other dashboards, and to logs and traces in Explore."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard


def link(title: str, url: str, *, new_tab: bool = False) -> builders.DashboardLink:
    """A link of a value."""
    return builders.DashboardLink(title).url(url).type(dashboard.DashboardLinkType.LINK).target_blank(new_tab)


def as_value_link(item: dict[str, Any]) -> dict[str, Any]:
    """The SDK has one shape for all links; those of values have three keys of it."""
    return {key: item[key] for key in ("title", "url", "targetBlank")}


def to_board(title: str, uid: str, **variables: str) -> builders.DashboardLink:
    """A link to another dashboard, at the same time range and data sources."""
    words = [
        "${__url_time_range}",
        "${prometheus:queryparam}",
        *(f"var-{name}={text}" for name, text in variables.items()),
    ]
    return link(title, f"/d/{uid}?{'&'.join(words)}")


def explore(title: str, source: dashboard.DataSourceRef, **query: str) -> builders.DashboardLink:
    """A link to Explore with a query, at the same time range. Variables in the query stay for Grafana to fill in."""
    pane = {
        "datasource": source.uid,
        "queries": [{"refId": "A", "datasource": {"type": source.type_val, "uid": source.uid}, **query}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    parts = re.split(r"(\$\{[^}]+\})", json.dumps({"a": pane}, separators=(",", ":")))
    text = "".join(part if part.startswith("${") else quote(part, safe="") for part in parts)
    return link(title, f"/explore?schemaVersion=1&orgId=${{__org.id}}&panes={text}", new_tab=True)
