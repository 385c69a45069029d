# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines to numbers. Whole batches at a time, so that most of the work is done below Python."""

from __future__ import annotations

import json
import math
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Any

import msgspec
from prometheus_client.samples import Exemplar

from obs_exporter.config.logs import Log
from obs_exporter.log.cells import Fields, MetricCells
from obs_exporter.mapping import exemplar_of, label_text
from obs_exporter.samples import DROP_VALUE, Builder

# Raw values of fields -> cells. Paths of an attack are endless, memory is not.
MOST_CACHED = 20_000
# Exemplars are looked for in the last lines of a batch only.
EXEMPLAR_LINES = 50
NO_TRACE = (None, "", "-")

Key = tuple[Any, ...]
Columns = list[Sequence[Any]]
# Complete lines with their ends -> how many lines, how many of them were understood, and their fields.
Taker = Callable[[bytes], tuple[int, int, Columns]]
_AS_THEY_ARE = frozenset([str, type(None)])


class _Group:
    """Metrics that have their labels from the same fields: their cells are found by one look."""

    def __init__(self, fields: tuple[str, ...], places: tuple[int, ...]) -> None:
        self.fields = fields
        self.places = places
        self.members: list[tuple[MetricCells, int | None, int | None]] = []  # cells, place of value, of the trace id
        self.caches: list[dict[Key, Any]] = []


class Counting:
    """All that one module counts."""

    def __init__(self, config: Log) -> None:
        self.lines: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self._fields = Fields(config)
        self._left = config.max_series
        self.metrics = [MetricCells(metric, config.labels) for metric in config.effective_metrics()]
        wanted: list[str] = []
        groups: dict[tuple[str, ...], _Group] = {}
        for cells in self.metrics:
            metric = cells.metric
            names = tuple(self._fields.raw(name) for name in [*metric.labels.values(), *metric.match])
            extra = [name for name in (metric.value, metric.exemplar) if name is not None]
            for name in [*names, *extra]:
                if name not in wanted:
                    wanted.append(name)
            group = groups.setdefault(names, _Group(names, tuple(wanted.index(name) for name in names)))
            group.members.append(
                (
                    cells,
                    wanted.index(metric.value) if metric.value is not None else None,
                    wanted.index(metric.exemplar) if metric.exemplar is not None else None,
                )
            )
            group.caches.append({})
        self._groups = list(groups.values())
        self._keys = {place for group in self._groups for place in group.places}
        pattern = config.pattern()
        if pattern is not None:
            # A trace id may be named that the pattern has not: the default metrics do so.
            self._take = _regex_taker(pattern.match, [pattern.groupindex.get(name, 0) for name in wanted])
        else:
            self._take = _json_taker(wanted)

    def feed(self, chunk: bytes) -> None:
        """Count complete lines; the chunk ends with a line's end."""
        lines, understood, columns = self._take(chunk)
        self.lines["matched"] += understood
        self.lines["unmatched"] += lines - understood
        if not understood:
            return
        for place in self._keys:
            # 1, 1.0 and true are one key to Python and three texts; lists are no key at all.
            if not set(map(type, columns[place])) <= _AS_THEY_ARE:
                columns[place] = [_plain(value) for value in columns[place]]
        for group in self._groups:
            places = [columns[place] for place in group.places]
            keys: list[Key] = list(zip(*places)) if places else [()] * understood
            self._count(group, keys, columns)

    def _count(self, group: _Group, keys: list[Key], columns: Columns) -> None:
        hits = Counter(keys)
        for (cells, value, trace), cache in zip(group.members, group.caches):
            if len(cache) > MOST_CACHED:
                cache.clear()
            for key in hits:
                if key not in cache:
                    cache[key] = self._resolve(group, cells, key)
            if value is None:
                self._add_hits(hits, cache)
            elif cells.metric.type == "histogram":
                self._observe(cells, keys, columns[value], cache)
            else:
                self._values(cells, keys, columns[value], cache)
            if trace is not None:
                _exemplars(cells, keys, columns, value, trace, cache)

    def _resolve(self, group: _Group, cells: MetricCells, key: Key) -> Any:
        """The cell for raw values; None where the metric does not want the line; beyond the limit the spare one."""
        texts = dict(zip(group.fields, key))
        labels = self._fields.labels(cells.metric, texts)
        if labels is None:
            return None
        cell = cells.cells.get(labels)
        if cell is None:
            if cells.series > self._left:
                return cells.spare
            self._left -= cells.series
            cell = cells.cells[labels] = cells.new()
        return cell

    def _add_hits(self, hits: Counter[Key], cache: dict[Key, Any]) -> None:
        for key, count in hits.items():
            cell = cache[key]
            if cell is not None:
                cell.value += count

    def _observe(self, cells: MetricCells, keys: Iterable[Key], raw: Sequence[Any], cache: dict[Key, Any]) -> None:
        bounds, numbers = cells.bounds, self._numbers(raw, cells.metric.scale)
        for key, number in zip(keys, numbers):
            cell = cache[key]
            if cell is not None and number is not None:
                cell.counts[bisect_left(bounds, number)] += 1
                cell.total += number

    def _values(self, cells: MetricCells, keys: Iterable[Key], raw: Sequence[Any], cache: dict[Key, Any]) -> None:
        adding = cells.metric.type == "counter"
        for key, number in zip(keys, self._numbers(raw, cells.metric.scale)):
            cell = cache[key]
            if cell is None or number is None:
                continue
            if not adding:
                cell.value = number
            elif number >= 0:
                cell.value += number
            else:
                self.dropped[DROP_VALUE] += 1

    def _numbers(self, raw: Sequence[Any], scale: float) -> Sequence[float | None]:
        try:
            found = list(map(float, raw))
            if math.isfinite(sum(found)):
                return found if scale == 1.0 else [number * scale for number in found]
        except (TypeError, ValueError, OverflowError):
            pass
        single: list[float | None] = []
        for value in raw:
            try:
                number = float(value) * scale
            except (TypeError, ValueError, OverflowError):
                number = math.nan
            single.append(number if math.isfinite(number) else None)
        self.dropped[DROP_VALUE] += single.count(None)
        return single

    def collect(self, builder: Builder) -> None:
        """Add the families to a builder; what was refused is in `dropped`."""
        for cells in self.metrics:
            cells.collect(builder)

    def take_dropped(self) -> Counter[str]:
        """What was dropped since the last call: reason -> observations."""
        found = self.dropped
        self.dropped = Counter()
        for cells in self.metrics:
            found["limit"] += cells.take_spared()
        return +found

    def state(self) -> dict[str, Any]:
        """All numbers, as JSON takes them."""
        return {"lines": dict(self.lines), "metrics": {c.metric.name: c.state() for c in self.metrics}}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state; metrics that were changed since begin anew.

        Raises:
            ValueError, TypeError, KeyError, AttributeError: it is none.
        """
        self.lines = Counter({str(name): int(count) for name, count in state["lines"].items()})
        for cells in self.metrics:
            saved = state["metrics"].get(cells.metric.name)
            if saved is not None and saved["signature"] == cells.signature:
                self._left -= cells.restore(saved, self._left)


def _regex_taker(match: Callable[[str], Any], places: list[int]) -> Taker:
    def take(chunk: bytes) -> tuple[int, int, Columns]:
        lines = chunk[:-1].decode("utf-8", "replace").split("\n")
        if len(places) > 1:
            rows = [found.group(*places) for found in map(match, lines) if found]
        else:
            rows = [(found.group(*places),) for found in map(match, lines) if found]
        return len(lines), len(rows), list(zip(*rows))

    return take


def _json_taker(wanted: list[str]) -> Taker:
    names = [f"field{place}" for place in range(len(wanted))]
    line = msgspec.defstruct("Line", [(name, Any, None) for name in names], rename=dict(zip(names, wanted)))
    decode = msgspec.json.Decoder(line).decode
    getters = [attrgetter(name) for name in names]

    def take(chunk: bytes) -> tuple[int, int, Columns]:
        lines = chunk[:-1].split(b"\n")
        try:
            found = [decode(line) for line in lines]
        except (msgspec.MsgspecError, ValueError, RecursionError):
            found = [document for document in map(single, lines) if document is not None]
        return len(lines), len(found), [list(map(getter, found)) for getter in getters]

    def single(text: bytes) -> Any:
        try:
            return decode(text)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            pass
        try:  # One that is not UTF-8 is read all the same.
            return decode(text.decode("utf-8", "replace"))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None

    return take


def _plain(value: Any) -> str | None:
    if isinstance(value, (dict, list)):
        return json.dumps(value, sort_keys=True)
    return None if value is None else label_text(value)


def _exemplars(
    cells: MetricCells, keys: Sequence[Key], columns: Columns, value: int | None, trace: int, cache: dict[Key, Any]
) -> None:
    now = time.time()
    first = max(0, len(keys) - EXEMPLAR_LINES)
    last: dict[tuple[int, int], tuple[Any, float, Any]] = {}
    for place in range(first, len(keys)):
        cell = cache[keys[place]]
        if cell is None or cell is cells.spare or columns[trace][place] in NO_TRACE:
            continue
        try:
            number = 1.0 if value is None else float(columns[value][place]) * cells.metric.scale
        except (TypeError, ValueError, OverflowError):
            continue
        if math.isfinite(number):
            bucket = bisect_left(cells.bounds, number) if cells.metric.type == "histogram" else 0
            last[id(cell), bucket] = (cell, number, columns[trace][place])
    for (_cell, bucket), (cell, number, trace_id) in last.items():
        found = exemplar_of(trace_id, number)
        if found is not None:
            cell.exemplars[bucket] = Exemplar(found.labels, found.value, now)
