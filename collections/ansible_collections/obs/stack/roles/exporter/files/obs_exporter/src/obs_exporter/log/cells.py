# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where the numbers of a log are kept, and what a raw field becomes as a label."""

from __future__ import annotations

import re
from collections import OrderedDict
from typing import Any

from prometheus_client.samples import Exemplar

from obs_exporter.config.logs import METHODS, Log
from obs_exporter.config.metrics import LineMetric
from obs_exporter.mapping import label_text
from obs_exporter.samples import LONGEST_VALUE, Builder

OTHER = "other"
_STATUS = re.compile(r"[1-5][0-9][0-9]")


class CountCell:
    """One series of a counter."""

    __slots__ = ("exemplars", "value")

    def __init__(self) -> None:
        self.value: float = 0
        self.exemplars: dict[int, Exemplar] = {}


class GaugeCell(CountCell):
    """One series of a gauge; the last value."""

    __slots__ = ()


class HistogramCell:
    """One histogram. counts: observations per bucket, not cumulative; the last is beyond all bounds."""

    __slots__ = ("counts", "exemplars", "total")

    def __init__(self, buckets: int) -> None:
        self.counts = [0] * (buckets + 1)
        self.total = 0.0
        self.exemplars: dict[int, Exemplar] = {}


class MetricCells:
    """The cells of one metric by the values of its labels. spare: takes what is beyond the limit, never shown."""

    def __init__(self, metric: LineMetric, constant: dict[str, str]) -> None:
        self.metric = metric
        self.bounds = list(metric.buckets)
        self.cells: dict[tuple[str, ...], Any] = {}
        self.series = len(self.bounds) + 3 if metric.type == "histogram" else 1
        self.spare = self.new()
        # Numbers of a metric that meant something else are not gone on with.
        self.signature = metric.model_dump(mode="json", exclude={"help", "name", "exemplar"})

    def new(self) -> Any:
        """An empty cell."""
        if self.metric.type == "histogram":
            return HistogramCell(len(self.bounds))
        return CountCell() if self.metric.type == "counter" else GaugeCell()

    def take_spared(self) -> int:
        """Observations dropped since the last call."""
        spare, self.spare.exemplars = self.spare, {}
        if isinstance(spare, HistogramCell):
            count = sum(spare.counts)
            spare.counts = [0] * len(spare.counts)
            return count
        count, spare.value = int(spare.value), 0
        return count

    def collect(self, builder: Builder) -> None:
        """Add the family to a builder."""
        family = builder.family(self.metric.family, self.metric.type, self.metric.help)
        for values, cell in self.cells.items():
            labels = dict(zip(self.metric.labels, values))
            if isinstance(cell, HistogramCell):
                whole, buckets, examples = 0, [], {}
                for bound, count in zip([*self.bounds, float("inf")], cell.counts):
                    whole += count
                    buckets.append((bound, float(whole)))
                for bucket, exemplar in cell.exemplars.items():
                    examples[buckets[bucket][0]] = exemplar
                builder.add_histogram(family, labels, buckets, cell.total, examples)
            else:
                exemplar = cell.exemplars.get(0)
                builder.add(family, labels, float(cell.value), exemplar)

    def state(self) -> dict[str, Any]:
        """All cells, as JSON takes them."""
        cells = [
            [list(values), cell.counts, cell.total] if isinstance(cell, HistogramCell) else [list(values), cell.value]
            for values, cell in self.cells.items()
        ]
        return {"signature": self.signature, "cells": cells}

    def restore(self, state: dict[str, Any], left: int) -> int:
        """Take the cells of a state, as many as may be; returns the number of series taken."""
        taken = 0
        for values, *numbers in state["cells"]:
            if taken + self.series > left or len(values) != len(self.metric.labels):
                continue
            cell = self.new()
            if isinstance(cell, HistogramCell):
                counts = [int(count) for count in numbers[0]]
                if len(counts) != len(cell.counts):
                    continue
                cell.counts, cell.total = counts, float(numbers[1])
            else:
                cell.value = numbers[0] if isinstance(numbers[0], int) else float(numbers[0])
            self.cells[tuple(str(value) for value in values)] = cell
            taken += self.series
        return taken


class Fields:
    """From raw fields to the values of labels: endpoint by rules, methods and statuses as they are known."""

    def __init__(self, config: Log) -> None:
        self._derives = config.format in ("nginx_json", "combined")
        self._endpoint = bool(config.path_rules) or self._derives
        self._rules = [(re.compile(rule.match), rule.endpoint) for rule in config.path_rules]
        self._known: OrderedDict[str, str] = OrderedDict()

    def raw(self, name: str) -> str:
        """Name of the field that a field comes from."""
        return "path" if name == "endpoint" and self._endpoint else name

    def labels(self, metric: LineMetric, raw: dict[str, Any]) -> tuple[str, ...] | None:
        """Values of the metric's labels; None where it does not want such a line."""
        for field, pattern in metric.match.items():
            if not re.match(pattern, self._text(field, raw)):
                return None
        return tuple(self._text(field, raw)[:LONGEST_VALUE] for field in metric.labels.values())

    def _text(self, field: str, raw: dict[str, Any]) -> str:
        text = label_text(raw.get(self.raw(field)))
        if field == "endpoint" and self._endpoint:
            return self._endpoint_of(text.split("?", 1)[0])
        if self._derives and field == "method":
            return text if text in METHODS else OTHER
        if self._derives and field == "status":
            return text if _STATUS.fullmatch(text) else OTHER
        return text

    def _endpoint_of(self, path: str) -> str:
        for pattern, endpoint in self._rules:
            if pattern.fullmatch(path):
                return endpoint
        return OTHER
