# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Samples of a collection, counted while they are made: series beyond the limit are dropped, never kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from prometheus_client.core import Exemplar, Metric, Sample
from prometheus_client.utils import floatToGoString

LONGEST_VALUE = 1024
MOST_LABELS = 40

DROP_LIMIT = "limit"  # more series than max_series
DROP_DUPLICATE = "duplicate"  # the same labels twice in one collection
DROP_LABEL = "label"  # a label's value longer than 1024 characters, or more than 40 labels
DROP_CONFLICT = "conflict"  # a name that another module has with another type
DROP_VALUE = "value"  # no number where one was wanted


@dataclass
class Result:
    """What one collection brought. dropped: reason -> series or values left out."""

    families: list[Metric]
    series: int = 0
    dropped: Counter[str] = field(default_factory=Counter)


class Builder:
    """Makes the families of one collection."""

    def __init__(self, labels: Mapping[str, str], most_series: int) -> None:
        self._labels = dict(labels)
        self._left = most_series
        self._most = most_series
        self._families: dict[str, Metric] = {}
        self._seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
        self.dropped: Counter[str] = Counter()

    def result(self) -> Result:
        """What was added so far."""
        families = [family for family in self._families.values() if family.samples]
        return Result(families, self._most - self._left, self.dropped)

    def family(self, name: str, kind: str, text: str) -> Metric | None:
        """The family of that name; None when it is there with another type."""
        found = self._families.get(name)
        if found is None:
            found = self._families[name] = Metric(name, text, kind)
        return found if found.type == kind else None

    def add(
        self, family: Metric | None, labels: Mapping[str, str], value: float, exemplar: Exemplar | None = None
    ) -> bool:
        """One sample of a counter, a gauge or an info. False when it was dropped."""
        suffix = {"counter": "_total", "info": "_info"}.get(family.type, "") if family else ""
        own = self._admit(family, labels, 1)
        if own is None or family is None:
            return False
        family.add_sample(family.name + suffix, own, value, None, exemplar)
        return True

    def add_histogram(
        self,
        family: Metric | None,
        labels: Mapping[str, str],
        buckets: Sequence[tuple[float, float]],
        total: float | None,
        exemplars: Mapping[float, Exemplar] | None = None,
    ) -> bool:
        """One histogram. buckets: (upper bound, cumulative count) in rising order, the last one's bound is infinite."""
        own = self._admit(family, labels, len(buckets) + (2 if total is not None else 0))
        if own is None or family is None:
            return False
        for bound, count in buckets:
            exemplar = exemplars.get(bound) if exemplars else None
            family.add_sample(f"{family.name}_bucket", {**own, "le": bound_text(bound)}, count, None, exemplar)
        if total is not None:
            family.add_sample(f"{family.name}_count", own, buckets[-1][1])
            family.add_sample(f"{family.name}_sum", own, total)
        return True

    def take(self, metrics: Iterable[Metric]) -> None:
        """Families that are made already, of a program or of a Python collector."""
        for metric in metrics:
            kept = self.family(metric.name, metric.type, metric.documentation)
            # Names that start so are the exporter's own.
            if kept is None or metric.name.startswith("obs_exporter_"):
                self.dropped[DROP_CONFLICT] += len(metric.samples)
                continue
            for samples in _together(metric):
                # No timestamps: what is served is what was found now, and the age metric says how old it is.
                if self._admit(kept, samples[0].labels, len(samples), samples[0].name) is not None:
                    kept.samples += [
                        sample._replace(labels={**sample.labels, **self._labels}, timestamp=None) for sample in samples
                    ]

    def _admit(
        self, family: Metric | None, labels: Mapping[str, str], series: int, name: str = ""
    ) -> dict[str, str] | None:
        if family is None:
            self.dropped[DROP_CONFLICT] += series
            return None
        own = {**labels, **self._labels}
        if len(own) > MOST_LABELS or any(len(value) > LONGEST_VALUE for value in own.values()):
            self.dropped[DROP_LABEL] += series
            return None
        if series > self._left:
            self.dropped[DROP_LIMIT] += series
            return None
        key = (name or family.name, frozenset(own.items()))
        if key in self._seen:
            self.dropped[DROP_DUPLICATE] += series
            return None
        self._seen.add(key)
        self._left -= series
        return own


def bound_text(bound: float) -> str:
    """A bucket's bound as Prometheus writes it."""
    return str(floatToGoString(bound))  # type: ignore[no-untyped-call]  # prometheus_client has no types


def _together(metric: Metric) -> Iterable[list[Sample]]:
    """Samples that stay or go together: those of one histogram or summary."""
    if metric.type not in ("histogram", "gaugehistogram", "summary"):
        return [[sample] for sample in metric.samples]
    groups: dict[frozenset[tuple[str, str]], list[Sample]] = {}
    for sample in metric.samples:
        own = frozenset(item for item in sample.labels.items() if item[0] not in ("le", "quantile"))
        groups.setdefault(own, []).append(sample)
    return groups.values()
