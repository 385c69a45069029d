"""One look for all dashboards: panels, colours, and the shape of a dashboard.

Every panel is a builder of grafana-foundation-sdk. Widths and heights are in the cells of Grafana's grid, which is 24
wide. Units are Grafana's ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Optional

from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import logs as logs_builders
from grafana_foundation_sdk.builders import stat as stat_builders
from grafana_foundation_sdk.builders import table as table_builders
from grafana_foundation_sdk.builders import timeseries as timeseries_builders
from grafana_foundation_sdk.models import common, dashboard

from scripts.dashboards.ask import LOGS, METRICS, TRACES, Query, log_query, traceql
from scripts.dashboards.links import as_value_link

GREEN, YELLOW, RED, TEXT = "green", "yellow", "red", "text"
Steps = Sequence[tuple[Optional[float], str]]
# Anything above nothing is bad; anything but everything is bad; a share that comes near to full.
NONE_IS_GOOD: Steps = ((None, GREEN), (1, RED))
ALL_IS_GOOD: Steps = ((None, RED), (1, GREEN))
NEARLY_FULL: Steps = ((None, GREEN), (0.8, YELLOW), (0.9, RED))
PLAIN: Steps = ((None, TEXT),)

Panel = Any


@dataclass(frozen=True)
class Row:
    """Panels under a title. folded: not asked for until somebody opens it."""

    title: str
    panels: Sequence[Panel]
    folded: bool = False


@dataclass(frozen=True)
class Board:
    """A dashboard. uid: at most 40 characters, kept for ever; question: what it answers, one line."""

    uid: str
    folder: str
    title: str
    question: str
    variables: Sequence[Any]
    rows: Sequence[Row]
    time_from: str = "now-1h"
    refresh: str = "30s"


def thresholds(steps: Steps) -> builders.ThresholdsConfig:
    """Colours by value."""
    found = [dashboard.Threshold(value=limit, color=color) for limit, color in steps]
    return builders.ThresholdsConfig().mode(dashboard.ThresholdsMode.ABSOLUTE).steps(found)


def lines(
    title: str,
    description: str,
    *queries: Query,
    unit: str = "short",
    width: int = 8,
    height: int = 8,
    stacked: bool = False,
    steps: Steps = (),
    maximum: float | None = None,
    minimum: float | None = 0,
    links: Sequence[Any] = (),
) -> Panel:
    """Values over time."""
    panel = (
        timeseries_builders.Panel()
        .title(title)
        .description(description)
        .datasource(LOGS if _is(queries[0], "loki") else METRICS)
        .unit(unit)
        .span(width)
        .height(height)
        .line_width(1)
        .fill_opacity(25 if stacked else 8)
        .show_points(common.VisibilityMode.NEVER)
        .tooltip(
            common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING)
        )
        .legend(
            common_builders.VizLegendOptions()
            .display_mode(common.LegendDisplayMode.LIST)
            .placement(common.LegendPlacement.BOTTOM)
            .show_legend(True)
            .calcs([])
        )
    )
    if minimum is not None:
        panel = panel.min(minimum)
    if maximum is not None:
        panel = panel.max(maximum)
    if stacked:
        panel = panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))
    if steps:
        panel = panel.thresholds(thresholds(steps)).thresholds_style(
            common_builders.GraphThresholdsStyleConfig().mode(common.GraphThresholdsStyleMode.DASHED)
        )
    if links:
        panel = panel.data_links(list(links))
    return _with(panel, queries)


def stat(
    title: str,
    description: str,
    query: Query,
    *,
    unit: str = "short",
    width: int = 4,
    height: int = 4,
    steps: Steps = PLAIN,
    decimals: int | None = None,
    no_value: str = "–",
    links: Sequence[Any] = (),
) -> Panel:
    """One number, coloured where a value means something."""
    panel = (
        stat_builders.Panel()
        .title(title)
        .description(description)
        .datasource(LOGS if _is(query, "loki") else METRICS)
        .unit(unit)
        .span(width)
        .height(height)
        .thresholds(thresholds(steps))
        .color_mode(common.BigValueColorMode.VALUE)
        .graph_mode(common.BigValueGraphMode.AREA)
        .reduce_options(common_builders.ReduceDataOptions().calcs(["lastNotNull"]))
        .no_value(no_value)
    )
    if decimals is not None:
        panel = panel.decimals(decimals)
    if links:
        panel = panel.data_links(list(links))
    return _with(panel, [query])


def table(
    title: str,
    description: str,
    columns: Mapping[str, Query],
    *,
    by: Mapping[str, str],
    units: Mapping[str, str] | None = None,
    steps: Mapping[str, Steps] | None = None,
    links: Mapping[str, Sequence[Any]] | None = None,
    width: int = 24,
    height: int = 8,
    sort: str = "",
) -> Panel:
    """Instant queries side by side, a row for each set of labels.

    Args:
        columns: title of a column to its query.
        by: label to the title of its column; other labels are left out.
        units: title of a column to its unit.
        steps: title of a column to the colours of its cells.
        links: title of a column to the links of its cells.
        sort: column with the largest first.
    """
    queries = list(columns.values())
    names = [f"Value #{ref}" for ref in _refs(len(queries))] if len(queries) > 1 else ["Value"]
    if _is(queries[0], "loki"):
        names = [f"Value #{ref}" for ref in _refs(len(queries))]
    titles = {**by, **dict(zip(names, columns))}
    panel = (
        table_builders.Panel()
        .title(title)
        .description(description)
        .datasource(LOGS if _is(queries[0], "loki") else METRICS)
        .span(width)
        .height(height)
        .filterable(True)
        .transformations(
            [
                dashboard.DataTransformerConfig(id_val="merge", options={}),
                dashboard.DataTransformerConfig(
                    id_val="filterFieldsByName", options={"include": {"names": list(titles)}}
                ),
                dashboard.DataTransformerConfig(
                    id_val="organize",
                    options={"indexByName": {name: at for at, name in enumerate(titles)}, "renameByName": titles},
                ),
            ]
        )
    )
    for column in dict.fromkeys([*(units or {}), *(steps or {}), *(links or {})]):
        panel = panel.override_by_name(
            column, _cell((units or {}).get(column), (steps or {}).get(column), (links or {}).get(column))
        )
    if sort:
        panel = panel.sort_by([common_builders.TableSortByFieldState().display_name(sort).desc(True)])
    return _with(panel, queries)


def _cell(unit: str | None, steps: Steps | None, links: Sequence[Any] | None) -> list[dashboard.DynamicConfigValue]:
    found = []
    if unit:
        found.append(dashboard.DynamicConfigValue(id_val="unit", value=unit))
    if steps:
        found.append(dashboard.DynamicConfigValue(id_val="thresholds", value=thresholds(steps).build()))
        found.append(dashboard.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}))
    if links:
        found.append(
            dashboard.DynamicConfigValue(
                id_val="links", value=[as_value_link(link.build().to_json()) for link in links]
            )
        )
    return found


def log_lines(title: str, description: str, expr: str, *, width: int = 24, height: int = 9) -> Panel:
    """Lines of logs. A line with a trace id has a link to its trace, by the data source's derived field."""
    panel = (
        logs_builders.Panel()
        .title(title)
        .description(description)
        .datasource(LOGS)
        .span(width)
        .height(height)
        .show_time(True)
        .wrap_log_message(True)
        .enable_log_details(True)
        .sort_order(common.LogsSortOrder.DESCENDING)
        .dedup_strategy(common.LogsDedupStrategy.NONE)
    )
    return _with(panel, [log_query(expr)])


def trace_list(title: str, description: str, query: str, *, width: int = 24, height: int = 9) -> Panel:
    """Traces, each of which opens by a click."""
    panel = table_builders.Panel().title(title).description(description).datasource(TRACES).span(width).height(height)
    return _with(panel, [traceql(query)])


def _is(query: Query, kind: str) -> bool:
    return query.build().datasource.type_val == kind


def _refs(count: int) -> list[str]:
    return [chr(ord("A") + number) for number in range(count)]


def _with(panel: Panel, queries: Sequence[Query]) -> Panel:
    for ref, query in zip(_refs(len(queries)), queries):
        panel = panel.with_target(query.ref_id(ref))
    return panel
