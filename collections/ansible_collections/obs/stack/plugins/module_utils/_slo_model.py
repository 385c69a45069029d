# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""A service level objective as rules are made from it. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from ._slo_catalogs import Catalog
from ._slo_durations import text_of

WINDOW = "{{.window}}"
"""Where a query has its window, as Sloth writes it."""

# The alert of a burning budget, where nothing else is said, and its page in docs/runbooks.
BURN = "SLOErrorBudgetBurn"
SLOTH, OPENSLO, OWN = "prometheus/v1", "openslo/v1", "obs.stack/v1"

ID_LABELS = ("sloth_id", "sloth_service", "sloth_slo")
# What rules, dashboards and inhibition find each other by.
RESERVED_LABELS = frozenset(
    ID_LABELS
    + ("sloth_window", "sloth_severity", "slo_burn_tier", "sloth_version", "sloth_mode", "sloth_spec")
    + ("sloth_objective", "__name__", "alertname")
)

RATE, INCREASE, UNKNOWN = "rate", "increase", ""
"""What the queries of an indicator return: events per second, events in the window, or nobody can tell."""

RATIO, WEIGHTED = "ratio", "weighted"
COMBINED, PER_WINDOW = "combined", "per_window"
DIRECT, RECORDED = "direct", "recorded"

_PLAIN_LABEL = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True)
class Indicator:
    """Bad events and all events, or their ratio, as PromQL with WINDOW in it.

    Attributes:
        kind: events, latency, availability or raw.
        errors, total: queries, "" for raw.
        ratio: query, "" for all others.
        unit: RATE, INCREASE or UNKNOWN.
        metric, selector, threshold: of a latency, for looking its bucket up.
    """

    kind: str
    errors: str = ""
    total: str = ""
    ratio: str = ""
    unit: str = UNKNOWN
    metric: str = ""
    selector: str = ""
    threshold: float | None = None


@dataclass(frozen=True)
class Alert:
    """What a page or a ticket looks like."""

    enabled: bool = True
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    """How rules are made; each may be set for all, for a file, and for one SLO.

    Attributes:
        error_budget: RATIO takes the mean of the error ratio over the period, WEIGHTED counts events.
        alerts: COMBINED makes one page and one ticket, PER_WINDOW one alert for each tier.
        long_windows: DIRECT asks the indicator, RECORDED adds recorded 5-minute rates up.
        guards: keep absent errors, no traffic, NaN and ratios above 1 out of the budget.
        min_bad_events: fewest bad events in a tier's long window; 0: any.
        min_history: seconds the indicator must have existed; None: twice the tier's short window; 0: none.
        no_data_for: seconds without the indicator until a ticket is made; 0: none is.
        no_data_severity: its severity.
        budget_exhausted: make a ticket when nothing of the budget is left.
        exclude: PromQL; while it returns anything, nothing counts.
    """

    error_budget: str = RATIO
    alerts: str = COMBINED
    long_windows: str = DIRECT
    guards: bool = True
    min_bad_events: int = 0
    min_history: int | None = 0
    no_data_for: int = 3600
    no_data_severity: str = "ticket"
    budget_exhausted: bool = False
    exclude: str = ""

    def with_(self, changes: Mapping[str, Any]) -> Settings:
        """The same with some of them changed."""
        return replace(self, **changes)


@dataclass(frozen=True)
class Slo:
    """One objective of one service.

    Attributes:
        id: ``<service>-<name>``, unique.
        objective: percent.
        period: seconds.
        labels: on every rule; ``info_labels`` only on sloth_slo_info.
        spec: the schema it was written in.
        where: its source, for messages.
    """

    id: str
    service: str
    name: str
    objective: Fraction
    period: int
    indicator: Indicator
    catalog: Catalog
    settings: Settings
    spec: str
    where: str
    description: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    info_labels: Mapping[str, str] = field(default_factory=dict)
    alert_name: str = BURN
    alert_labels: Mapping[str, str] = field(default_factory=dict)
    alert_annotations: Mapping[str, str] = field(default_factory=dict)
    page: Alert = field(default_factory=Alert)
    ticket: Alert = field(default_factory=Alert)

    @property
    def id_labels(self) -> dict[str, str]:
        return {"sloth_id": self.id, "sloth_service": self.service, "sloth_slo": self.name}

    @property
    def period_text(self) -> str:
        return text_of(self.period)

    def alert_of(self, severity: str) -> Alert:
        """The alert of a severity, page or ticket."""
        return self.page if severity == "page" else self.ticket


def label_in_promql(name: str) -> str:
    """A label's name as PromQL takes it: quoted where it is not of the classic form."""
    return name if _PLAIN_LABEL.fullmatch(name) else '"{}"'.format(name.replace("\\", "\\\\").replace('"', '\\"'))
