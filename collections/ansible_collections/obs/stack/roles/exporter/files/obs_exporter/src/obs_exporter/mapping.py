# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents to samples: JMESPath, as the configuration has it. Pure, and never raises for what a document holds."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError
from prometheus_client.core import Exemplar, Metric
from prometheus_client.samples import Exemplar as ExemplarOf

from obs_exporter.config.metrics import Mapped
from obs_exporter.samples import DROP_VALUE, Builder

# OpenMetrics: names and values of an exemplar's labels, together.
LONGEST_EXEMPLAR = 128

__all__ = ["Exemplar", "exemplar_of", "label_text", "map_document", "number"]


@functools.lru_cache(maxsize=4096)
def _compiled(expression: str) -> Any:
    return jmespath.compile(expression)


def search(expression: str, document: Any) -> Any:
    """What an expression finds; None also where its functions do not take what they find."""
    try:
        return _compiled(expression).search(document)
    except (JMESPathError, ArithmeticError, TypeError, ValueError, RecursionError, LookupError, AttributeError):
        return None


def number(value: Any, values: Mapping[str, float] | None = None) -> float | None:
    """A number of what is one: numbers, truth values, texts by `values` or as written. None otherwise."""
    if values and isinstance(value, (str, bool, int)):
        found = values.get(label_text(value))
        if found is not None:
            return found
    if isinstance(value, (bool, int, float, str)) or hasattr(value, "__float__"):
        if isinstance(value, str) and (len(value) > 64 or "_" in value):
            return None
        try:
            return float(value)
        except (ValueError, TypeError, OverflowError):
            return None
    return None


def label_text(value: Any) -> str:
    """A label's value as text; nothing is the empty text, which is as if the label were not there."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and math.isfinite(value) and value == int(value) and abs(value) < 2**53:
        return str(int(value))
    try:
        text = str(value)
    except ValueError:  # an integer of more digits than Python writes
        return "?"
    return text.encode("utf-8", "replace").decode("utf-8")


def exemplar_of(trace_id: Any, value: float) -> ExemplarOf | None:
    """An exemplar, where there is a trace id that may stand in one."""
    text = label_text(trace_id)
    if not text or len(text) + len("trace_id") > LONGEST_EXEMPLAR or text in ("-", "0" * 32):
        return None
    return ExemplarOf({"trace_id": text}, value)


def map_document(metrics: Sequence[Mapped], document: Any, builder: Builder) -> None:
    """Add to the builder what the metrics find in a document."""
    for metric in metrics:
        _map(metric, document, builder)


def map_rows(metrics: Sequence[Mapped], rows: Sequence[Mapping[str, Any]], builder: Builder) -> None:
    """Add what the metrics find in each row of a table."""
    for metric in metrics:
        family = builder.family(metric.family, metric.type, metric.help)
        for row in rows:
            _item(metric, family, row, builder)


def _map(metric: Mapped, document: Any, builder: Builder) -> None:
    family = builder.family(metric.family, metric.type, metric.help)
    if metric.each is None:
        _item(metric, family, document, builder)
        return
    found = search(metric.each, document)
    if isinstance(found, dict):
        found = [{"key": key, "value": value} for key, value in found.items()]
    if not isinstance(found, list):
        builder.dropped[DROP_VALUE] += 1
        return
    for item in found:
        _item(metric, family, item, builder)


def _item(metric: Mapped, family: Metric | None, item: Any, builder: Builder) -> None:
    labels = {name: label_text(search(expression, item)) for name, expression in metric.labels.items()}
    if metric.type == "info":
        builder.add(family, labels, 1.0)
        return
    found = search(metric.value or "", item)
    if metric.type == "histogram":
        _histogram(metric, family, labels, found, item, builder)
        return
    value = number(found, metric.values)
    if value is None or (metric.type == "counter" and (math.isnan(value) or value < 0)):
        builder.dropped[DROP_VALUE] += 1
        return
    value *= metric.scale
    exemplar = None
    if metric.exemplar is not None:
        example = number(search(metric.exemplar.value, item)) if metric.exemplar.value else 1.0
        exemplar = exemplar_of(search(metric.exemplar.trace_id, item), 1.0 if example is None else example)
    builder.add(family, labels, value, exemplar)


def _histogram(
    metric: Mapped, family: Metric | None, labels: dict[str, str], found: Any, item: Any, builder: Builder
) -> None:
    """Of {upper bound: cumulative count}; the infinite bound must be there, as it is the count."""
    buckets: list[tuple[float, float]] = []
    for key, count in found.items() if isinstance(found, dict) else ():
        bound, value = number(key), number(count)
        if bound is not None and value is not None and not math.isnan(bound):
            buckets.append((bound * metric.scale, value))
    buckets.sort()
    counts = [count for _bound, count in buckets]
    whole = buckets and buckets[-1][0] == math.inf and len({bound for bound, _count in buckets}) == len(buckets)
    if not whole or len(buckets) > 200 or not all(low <= high for low, high in zip([0.0, *counts], counts)):
        builder.dropped[DROP_VALUE] += 1
        return
    total = number(search(metric.sum, item)) if metric.sum else None
    builder.add_histogram(family, labels, buckets, total * metric.scale if total is not None else None)
