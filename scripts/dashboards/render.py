"""From a dashboard's description to the JSON that Grafana reads."""

from __future__ import annotations

from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from scripts.dashboards.links import as_value_link
from scripts.dashboards.look import Board

TAG = "obs-stack"
DEPLOY_TAG = "deploy"
MARKERS = dashboard.DataSourceRef(type_val="grafana", uid="-- Grafana --")
# What the SDK writes although it says nothing.
SAYS_NOTHING = {
    "transparent": False,
    "repeatDirection": "h",
    "skipUrlSync": False,
    "auto": False,
    "auto_count": 30,
    "auto_min": "10s",
}


def deploys() -> builders.AnnotationQuery:
    """Markers that deployments leave in Grafana (module grafana_annotation)."""
    return (
        builders.AnnotationQuery()
        .name("Deploys")
        .datasource(MARKERS)
        .enable(True)
        .icon_color("blue")
        .target(builders.AnnotationTarget().limit(100).match_any(True).tags([DEPLOY_TAG]).type("tags"))
    )


def render(board: Board) -> dict[str, Any]:
    """The dashboard as Grafana reads it: no id and no version, so that nothing of a server is in it."""
    builder = (
        builders.Dashboard(board.title)
        .uid(board.uid)
        .description(board.question)
        .tags([TAG])
        .timezone("browser")
        .tooltip(dashboard.DashboardCursorSync.CROSSHAIR)
        .time(board.time_from, "now")
        .refresh(board.refresh)
        .annotation(deploys())
        .link(
            builders.DashboardLink("Dashboards of the stack")
            .type(dashboard.DashboardLinkType.DASHBOARDS)
            .tags([TAG])
            .as_dropdown(True)
            .include_vars(True)
            .keep_time(True)
        )
    )
    for variable in board.variables:
        builder = builder.with_variable(variable)
    for row in board.rows:
        head = builders.Row(row.title).collapsed(row.folded)
        if row.folded:
            for panel in row.panels:
                head = head.with_panel(panel)
        builder = builder.with_row(head)
        for panel in () if row.folded else row.panels:
            builder = builder.with_panel(panel)
    document = _plain(builder.build())
    number = 0
    for panel in document["panels"]:
        for one in (panel, *panel.get("panels", ())):
            number += 1
            one["id"] = number
            defaults = one.get("fieldConfig", {}).get("defaults", {})
            if "links" in defaults:
                defaults["links"] = [as_value_link(item) for item in defaults["links"]]
    return {key: item for key, item in document.items() if key not in ("id", "version")}


def _plain(item: Any) -> Any:
    """Built-in types only; what is not said is left out, but for the lowest step of thresholds, whose value is null."""
    if hasattr(item, "to_json"):
        return _plain(item.to_json())
    if isinstance(item, dict):
        kept = {key: part for key, part in item.items() if SAYS_NOTHING.get(key, ...) != part}
        return {
            key: _plain(part) for key, part in kept.items() if part is not None or (key == "value" and "color" in item)
        }
    if isinstance(item, (list, tuple)):
        return [_plain(part) for part in item]
    return item
