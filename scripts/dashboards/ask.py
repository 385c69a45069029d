"""What dashboards ask: data sources, queries, and the variables that people choose from."""

from __future__ import annotations

import re
from typing import Any

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.builders import loki as loki_builders
from grafana_foundation_sdk.builders import prometheus as prometheus_builders
from grafana_foundation_sdk.builders import tempo as tempo_builders
from grafana_foundation_sdk.models import dashboard, prometheus

# What "All" stands for. A selector of logs wants at least one matcher that an empty value does not pass.
ANY, NOT_EMPTY = ".*", ".+"

# Variables and not uids: a Grafana of several sites has more than one of a kind. Their first value is what the estate
# calls its own (module_utils/_grafana_sources.py makes the uid of the name).
METRICS = dashboard.DataSourceRef(type_val="prometheus", uid="${prometheus}")
LOGS = dashboard.DataSourceRef(type_val="loki", uid="${loki}")
TRACES = dashboard.DataSourceRef(type_val="tempo", uid="${tempo}")

Query = Any  # a builder of a query; the SDK's types of them have nothing in common but Any


def prom(expr: str, legend: str = "", *, instant: bool = False, exemplars: bool = False) -> Query:
    """A PromQL query: over time, or (instant) its value at the end of the range, as a table."""
    query = prometheus_builders.Dataquery().expr(_one_line(expr)).datasource(METRICS)
    if instant:
        return query.instant().format(prometheus.PromQueryFormat.TABLE)
    query = query.range().legend_format(legend or "__auto")
    return query.exemplar(True) if exemplars else query


def value(expr: str) -> Query:
    """A PromQL query of one number over time, for stat panels with a line behind it."""
    return prometheus_builders.Dataquery().expr(_one_line(expr)).datasource(METRICS).range()


def loki(expr: str, legend: str = "", *, instant: bool = False) -> Query:
    """A LogQL query."""
    kind = "instant" if instant else "range"
    query = loki_builders.Dataquery().expr(_one_line(expr)).datasource(LOGS).query_type(kind)
    return query.legend_format(legend) if legend else query


def traceql(query: str, limit: int = 20) -> Query:
    """A TraceQL search."""
    return tempo_builders.TempoQuery().query(query).query_type("traceql").limit(limit).datasource(TRACES)


def _one_line(expr: str) -> str:
    return re.sub(r"\s*\n\s*", " ", expr.strip())


def log_query(expr: str) -> Query:
    """A LogQL query for lines."""
    query = loki_builders.Dataquery().expr(_one_line(expr)).datasource(LOGS)
    return query.query_type("range").max_lines(200)


def _source(name: str, kind: str, label: str, first: str) -> builders.DatasourceVariable:
    current = dashboard.VariableOption(text=first, value=first.lower(), selected=True)
    return builders.DatasourceVariable(name).label(label).type(kind).current(current)


def metrics_source() -> builders.DatasourceVariable:
    """Which Prometheus or Thanos is asked."""
    return _source("prometheus", "prometheus", "Metrics", "Prometheus")


def logs_source() -> builders.DatasourceVariable:
    """Which Loki is asked."""
    return _source("loki", "loki", "Logs", "Loki")


def traces_source() -> builders.DatasourceVariable:
    """Which Tempo is asked."""
    return _source("tempo", "tempo", "Traces", "Tempo")


def choice(name: str, label: str, query: str, *, several: bool = True, everything: str = ANY) -> builders.QueryVariable:
    """Values of a label to choose from, as they are in Prometheus within the time range."""
    variable = (
        builders.QueryVariable(name)
        .label(label)
        .datasource(METRICS)
        .query({"query": query, "refId": f"variable-{name}"})
        .refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(dashboard.VariableSort.ALPHABETICAL_ASC)
    )
    if several:
        whole = dashboard.VariableOption(text="All", value="$__all", selected=True)
        variable = variable.multi(True).include_all(True).all_value(everything).current(whole)
    return variable


def site(metric: str = "up") -> builders.QueryVariable:
    """Sites."""
    return choice("site", "Site", f"label_values({metric}, site)")


def instance(metric: str) -> builders.QueryVariable:
    """Instances of whatever has a metric."""
    return choice("instance", "Instance", f"label_values({metric}, instance)")


def constant(name: str, text: str) -> builders.ConstantVariable:
    """A number that queries use and people do not see."""
    return builders.ConstantVariable(name).value(text)
