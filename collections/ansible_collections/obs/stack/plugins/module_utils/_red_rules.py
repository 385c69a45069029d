# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Recording rules on requests: rate, share of errors and 99th percentile of each job over 5 minutes. Pure."""

from __future__ import annotations

import re
import typing as t
from collections.abc import Mapping, Sequence

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import COMPONENTS
from ansible_collections.obs.stack.plugins.module_utils._names import did_you_mean

WINDOW = "5m"
RATE = "job:requests:rate5m"
ERRORS = "job:request_errors:ratio_rate5m"
P99 = "job:request_duration_seconds:p99_rate5m"
# The stack's own services have alerts of their own, and other times in which they answer; the demo is an application.
STACK = "|".join(sorted(component.name for component in COMPONENTS if component.name != "demo"))
_STATUS = ['status=~"5.."', 'code=~"5.."', 'status_code=~"5.."']
_SPAN_ERROR = 'status_code="STATUS_CODE_ERROR"'
_SERVED = 'span_kind="SPAN_KIND_SERVER"'

# What applications usually count. Each is recorded under its name, as the label source.
KNOWN: dict[str, dict[str, t.Any]] = {
    "http": {
        "requests": "http_requests_total",
        "errors": _STATUS,
        "duration": "http_request_duration_seconds",
    },
    "app": {
        "requests": "app_requests_total",
        "errors": _STATUS,
        "duration": "app_request_duration_seconds",
    },
    # The collector's span_metrics.
    "spans": {
        "requests": "traces_span_metrics_calls_total",
        "errors": [_SPAN_ERROR],
        "duration": "traces_span_metrics_duration_milliseconds",
        "unit": "ms",
        "selector": _SERVED,
        "job": "service_name",
    },
    # Tempo's metrics generator.
    "tempo": {
        "requests": "traces_spanmetrics_calls_total",
        "errors": [_SPAN_ERROR],
        "duration": "traces_spanmetrics_latency",
        "selector": _SERVED,
        "job": "service",
    },
}
KEYS = ("name", "requests", "errors", "duration", "unit", "selector", "job")
_NAME = re.compile(r"[a-z][a-z0-9_]*")
_METRIC = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_MATCHER = r'[a-zA-Z_][a-zA-Z0-9_]*\s*(=|!=|=~|!~)\s*"(?:[^"\\]|\\.)*"'
_MATCHERS = re.compile(r"{0}(\s*,\s*{0})*".format(_MATCHER))


class Source(t.NamedTuple):
    """Requests as one kind of application counts them. ``duration`` is a histogram's name, "" where there is none."""

    name: str
    requests: str
    errors: Sequence[str]
    duration: str = ""
    unit: str = "s"
    selector: str = ""
    job: str = "job"


def red_rules(metrics: Sequence[t.Any]) -> dict[str, t.Any]:
    """A file of recording rules.

    A job without errors has the ratio 0, one without requests none at all, and no ratio is above 1.

    Args:
        metrics: names of ``KNOWN``, or dictionaries of ``KEYS``.

    Raises:
        StackError: something of it is not known, or cannot be part of an expression.
    """
    sources = [_source(item, number) for number, item in enumerate(metrics, 1)]
    names = [source.name for source in sources]
    for name in names:
        if names.count(name) > 1:
            raise _refuse(f"'{name}'", "it is there twice", "Give each a name of its own.")
    return {"groups": [{"name": f"red-{source.name}", "rules": _rules(source)} for source in sources]}


def _rules(source: Source) -> list[dict[str, t.Any]]:
    labels = {"source": source.name}
    total = _by_job(source, source.requests)
    errors = _by_job(source, source.requests, source.errors)
    rules = [
        {"record": RATE, "expr": total, "labels": labels},
        {
            "record": ERRORS,
            "expr": f"clamp_max(({errors} or 0 * {total}) / ({total} > 0), 1)",
            "labels": labels,
        },
    ]
    if source.duration:
        buckets = _by_job(source, f"{source.duration}_bucket", extra=", le")
        scale = " / 1000" if source.unit == "ms" else ""
        # NaN, of no requests, is not at or above 0.
        quantile = f"(histogram_quantile(0.99, {buckets}){scale}) >= 0"
        rules.append({"record": P99, "expr": quantile, "labels": labels})
    return rules


def _by_job(source: Source, metric: str, matchers: Sequence[str] = ("",), extra: str = "") -> str:
    """Rates summed by site and job; what several matchers find counts once."""
    ours = f'{source.job}!~"{STACK}"'
    rates = [
        "rate({}{{{}}}[{}])".format(metric, ", ".join(filter(None, (ours, source.selector, one))), WINDOW)
        for one in matchers
    ]
    summed = "sum by (site, {}{}) ({})".format(source.job, extra, " or ".join(rates))
    if source.job == "job":
        return summed
    renamed = f'label_replace({summed}, "job", "$1", "{source.job}", "(.+)")'
    return f"sum by (site, job{extra}) ({renamed})"


def _source(item: t.Any, number: int) -> Source:
    if isinstance(item, str):
        if item not in KNOWN:
            raise _refuse(
                f"'{item}'", "it is not known" + did_you_mean(item, KNOWN), "Known are: {}.".format(", ".join(KNOWN))
            )
        return Source(item, **KNOWN[item])
    if not isinstance(item, Mapping):
        raise _refuse(f"item {number}", "it is neither a name nor a dictionary", "Write {name, requests, errors}.")
    where = "'{}'".format(item.get("name") or f"item {number}")
    for key in item:
        if key not in KEYS:
            raise _refuse(
                where, f"'{key}' is not known" + did_you_mean(key, KEYS), "It takes {}.".format(", ".join(KEYS))
            )
    given = {key: value for key, value in item.items() if value not in (None, "")}
    errors = given.get("errors")
    source = Source(
        name=str(given.get("name") or ""),
        requests=str(given.get("requests") or ""),
        errors=[errors] if isinstance(errors, str) else list(errors or []),
        duration=str(given.get("duration") or ""),
        unit=str(given.get("unit") or "s"),
        selector=str(given.get("selector") or ""),
        job=str(given.get("job") or "job"),
    )
    why = _wrong(source)
    if why:
        raise _refuse(where, why, "Correct obs_red_metrics.")
    return source


def _wrong(source: Source) -> str:
    if not _NAME.fullmatch(source.name):
        return f"its name {source.name!r} is not of small letters, digits and _"
    for metric in filter(None, (source.requests or "-", source.duration)):
        if not _METRIC.fullmatch(metric):
            return "it has no requests" if metric == "-" else f"{metric!r} is no metric's name"
    if not source.errors:
        return 'it has no errors, matchers such as status=~"5.."'
    for matcher in filter(None, (*source.errors, source.selector)):
        if not _MATCHERS.fullmatch(matcher):
            return f'{matcher!r} is no matcher such as status=~"5.."'
    if source.unit not in ("s", "ms"):
        return f"its unit {source.unit!r} is neither s nor ms"
    return "" if _LABEL.fullmatch(source.job) else f"{source.job!r} is no label"


def _refuse(what: str, why: str, hint: str) -> StackError:
    return StackError(f"Could not use {what} of the metrics of requests", why=why, hint=hint, step="input", doc="input")
