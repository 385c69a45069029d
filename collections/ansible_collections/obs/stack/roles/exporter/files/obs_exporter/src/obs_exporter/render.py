# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Families to text, in the format that the asking side understands."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import exposition
from prometheus_client.core import Metric
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from obs_exporter.samples import DROP_CONFLICT, DROP_DUPLICATE, Result

OPENMETRICS = "application/openmetrics-text"
SMALLEST_PACKED = 1024
_END = b"# EOF\n"


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        yield from self._families


def wants_openmetrics(accept: str) -> bool:
    """Whether an Accept header asks for OpenMetrics, as Prometheus does."""
    return any(part.split(";")[0].strip().lower() == OPENMETRICS and not _refused(part) for part in accept.split(","))


def _refused(part: str) -> bool:
    return any(word.strip().replace(" ", "") in ("q=0", "q=0.0") for word in part.split(";")[1:])


def wants_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header takes gzip."""
    return any(
        part.split(";")[0].strip().lower() in ("gzip", "*") and not _refused(part)
        for part in accept_encoding.split(",")
    )


def content_type(as_openmetrics: bool) -> str:
    """Of what text() makes."""
    if as_openmetrics:
        return f"{OPENMETRICS}; version=1.0.0; charset=utf-8"
    return "text/plain; version=0.0.4; charset=utf-8"


def text(families: Iterable[Metric], as_openmetrics: bool) -> bytes:
    """The page. Names stay in the old alphabet: what is not in it is replaced by _."""
    registry = _Families(families)
    if as_openmetrics:
        return bytes(openmetrics.generate_latest(registry))  # type: ignore[no-untyped-call]  # prometheus_client has no types
    return bytes(exposition.generate_latest(registry))


def pack(page: bytes) -> bytes:
    """Gzipped, quickly rather than smallest."""
    return gzip.compress(page, compresslevel=1, mtime=0)


class Cached(Result):
    """A result whose text is made once per format, however often it is served."""

    def __init__(self, result: Result) -> None:
        super().__init__(result.families, result.series, result.dropped)
        self._texts: dict[tuple[int, bool], tuple[Metric, bytes]] = {}

    def share(self, other: Cached) -> None:
        """Take over the texts of another result, some of whose families this one has."""
        self._texts = other._texts

    def text_of(self, family: Metric, as_openmetrics: bool) -> bytes:
        """The lines of one of its families."""
        key = (id(family), as_openmetrics)
        found = self._texts.get(key)
        if found is None or found[0] is not family:
            found = self._texts[key] = (family, text([family], as_openmetrics).removesuffix(_END))
        return found[1]


def join(results: Sequence[Cached], as_openmetrics: bool) -> tuple[bytes, dict[int, dict[str, int]]]:
    """One page of several results, each name once.

    Returns:
        the page, and for the index of a result what had to be left out of it: reason -> series.
    """
    owners: dict[str, list[tuple[int, Metric]]] = {}
    for index, result in enumerate(results):
        for family in result.families:
            owners.setdefault(family.name, []).append((index, family))
    dropped: dict[int, dict[str, int]] = {}
    parts = []
    for name in sorted(owners):
        having = owners[name]
        if len(having) == 1:
            index, family = having[0]
            parts.append(results[index].text_of(family, as_openmetrics))
        else:
            merged = _merged(having, dropped)
            parts.append(text([merged], as_openmetrics).removesuffix(_END))
    if as_openmetrics:
        parts.append(_END)
    return b"".join(parts), dropped


def _merged(having: list[tuple[int, Metric]], dropped: dict[int, dict[str, int]]) -> Metric:
    """One family of several modules; the first one's type and text, and the first one's series, hold."""
    first = having[0][1]
    merged = Metric(first.name, first.documentation, first.type)
    seen: set[tuple[str, frozenset[tuple[str, str]]]] = set()
    for index, family in having:
        reasons = dropped.setdefault(index, {})
        if family.type != first.type:
            reasons[DROP_CONFLICT] = reasons.get(DROP_CONFLICT, 0) + len(family.samples)
            continue
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            if key in seen:
                reasons[DROP_DUPLICATE] = reasons.get(DROP_DUPLICATE, 0) + 1
                continue
            seen.add(key)
            merged.samples.append(sample)
    return merged
