# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""Documents of SLOs: Sloth's prometheus/v1 as it is, and with keys of our own. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from ._slo_catalogs import Catalog, catalog_of
from ._slo_durations import DAY, HOUR, text_of
from ._slo_indicators import read_indicator
from ._slo_model import BURN, OWN, RATIO, SLOTH, UNKNOWN, WEIGHTED, Alert, Indicator, Settings, Slo
from ._slo_openslo import is_openslo, read_openslo
from ._slo_read import Node, check_label, refuse
from ._slo_settings import read_settings
from ._slo_windows import is_windows, read_tiers, read_windows

NAME = re.compile(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?")
_COUNTS = "Give events with rate() or increase(), or leave min_bad_events."


@dataclass(frozen=True)
class Given:
    """What a task says for all of its documents.

    Attributes:
        period: seconds, for SLOs that have none.
        labels, info_labels: added to those of every document.
        settings: by their names in ``Settings``; a document's and an SLO's own win.
        scrape_interval: seconds; scaled windows are at least four of them.
    """

    period: int = 30 * DAY
    labels: Mapping[str, str] = field(default_factory=dict)
    info_labels: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    scrape_interval: int = 15


@dataclass(frozen=True)
class Context:
    """A document's own, on top of what the task says."""

    spec: str
    where: str
    service: str
    labels: Mapping[str, str]
    info_labels: Mapping[str, str]
    period: int
    settings: Mapping[str, Any]
    catalogs: Mapping[int, Catalog]
    scrape_interval: int


def read_documents(documents: Iterable[tuple[str, Any]], given: Given) -> list[Slo]:
    """All SLOs of some documents, by service and name.

    Args:
        documents: where each comes from, and what it says. Catalogs of windows among them hold for all.
        given: for all.

    Raises:
        StackError: a document cannot be used, or two SLOs have one id.
    """
    documents = [(where, document) for where, document in documents if document is not None]
    catalogs: dict[int, Catalog] = {}
    for where, document in documents:
        if is_windows(document):
            one = read_windows(document, where)
            if one.period in catalogs:
                raise refuse(where, f"{catalogs[one.period].origin} has windows for the same period")
            catalogs[one.period] = one
    found: dict[str, Slo] = {}
    for where, document in documents:
        if is_windows(document):
            continue
        for slo in _slos_of(document, where, given, catalogs):
            if slo.id in found:
                raise refuse(slo.where, f"its id {slo.id} is that of {found[slo.id].where} as well", _TWICE)
            found[slo.id] = slo
    return sorted(found.values(), key=lambda slo: (slo.service, slo.name))


_TWICE = "The id is <service>-<name>, and rules of one id would be mixed. Rename one of them."


def _slos_of(document: Any, where: str, given: Given, catalogs: Mapping[int, Catalog]) -> Iterator[Slo]:
    if is_openslo(document):
        for spec, service, node, labels, info in read_openslo(document, where):
            context = Context(
                spec=spec,
                where=where,
                service=_name(service, where),
                labels={**given.labels, **labels},
                info_labels={**given.info_labels, **info},
                period=given.period,
                settings=given.settings,
                catalogs=catalogs,
                scrape_interval=given.scrape_interval,
            )
            yield _slo(node, context)
        return
    top = Node(document, where)
    if "apiVersion" in top or "kind" in top:
        kind = "{} {}".format(top.raw("apiVersion") or "", top.raw("kind") or "").strip()
        raise refuse(where, f"it is {kind}", "Known are prometheus/v1, obs.stack/v1, OpenSLO's SLO and AlertWindows.")
    version = top.text("version", OWN)
    if version not in (SLOTH, OWN):
        raise refuse(where, f"its version is {version}", f"Known are {SLOTH} and {OWN}.")
    _no_plugins(top, "slo_plugins")
    context = Context(
        spec=version,
        where=where,
        service=_name(top.text("service"), where),
        labels={**given.labels, **top.labels("labels")},
        info_labels={**given.info_labels, **top.labels("info_labels")},
        period=top.duration("period", given.period),
        settings={**given.settings, **read_settings(top)},
        catalogs=catalogs,
        scrape_interval=given.scrape_interval,
    )
    slos = [_slo(node, context) for node in top.items("slos")]
    top.finish()
    yield from slos


def _slo(node: Node, context: Context) -> Slo:
    name = _name(node.text("name"), node.where)
    node.where = f"SLO {context.service}/{name} of {context.where}"
    _no_plugins(node, "plugins")
    objective = node.number("objective")
    if not 0 < objective <= 100:
        raise refuse(node.at("objective"), f"{float(objective):g} is not a percentage above 0 and up to 100")
    indicator = read_indicator(node.node("sli"))
    settings = _settings(node, context, indicator)
    period = node.duration("period", context.period)
    if period <= HOUR:
        raise refuse(node.where, f"its period is {text_of(period)}", "It is above one hour, mostly 28d or 30d.")
    alerting = node.node("alerting")
    slo = Slo(
        id=f"{context.service}-{name}",
        service=context.service,
        name=name,
        objective=objective,
        period=period,
        indicator=indicator,
        catalog=_catalog(node, period, context),
        settings=settings,
        spec=context.spec,
        where=node.where,
        description=node.text("description", ""),
        labels={**context.labels, **node.labels("labels")},
        info_labels={**context.info_labels, **node.labels("info_labels")},
        alert_name=alerting.text("name", BURN) or BURN,
        alert_labels=alerting.labels("labels"),
        alert_annotations=alerting.labels("annotations", reserved=False),
        page=_alert(alerting.node("page_alert")),
        ticket=_alert(alerting.node("ticket_alert")),
    )
    alerting.finish()
    node.finish()
    if indicator.unit == UNKNOWN and any(tier.min_bad_events for tier in slo.catalog.tiers):
        raise refuse(node.at("windows"), "min_bad_events needs an indicator that counts events", _COUNTS)
    both = sorted(set(slo.labels) & set(slo.info_labels))
    if both:
        raise refuse(node.where, "{} is among both labels and info_labels".format(", ".join(both)))
    return slo


def _alert(node: Node) -> Alert:
    found = Alert(not node.flag("disable"), node.labels("labels"), node.labels("annotations", reserved=False))
    node.finish()
    return found


def _catalog(node: Node, period: int, context: Context) -> Catalog:
    base: Catalog | None = None
    try:
        base = catalog_of(period, dict(context.catalogs), context.scrape_interval)
    except ValueError as error:
        if "windows" not in node:
            raise refuse(node.where, str(error)) from None
    if base is not None and "windows" not in node:
        node.raw("windows")
        return base
    inner = node.node("windows")
    tiers = read_tiers(inner, period, base)
    inner.finish()
    return Catalog(period, tiers, inner.where)


def _settings(node: Node, context: Context, indicator: Indicator) -> Settings:
    own = {**context.settings, **read_settings(node)}
    # What changes the meaning of a file of Sloth's is asked for; indicators of ours have it from the start.
    ours = context.spec != SLOTH or indicator.kind in ("latency", "availability")
    base = Settings(error_budget=WEIGHTED, min_history=None) if ours else Settings()
    if indicator.kind == "raw":
        base = replace(base, error_budget=RATIO)
        if own.get("error_budget") == WEIGHTED and "error_budget" not in context.settings:
            raise refuse(node.where, "a raw indicator has no events to weigh with", "Give events, or leave it.")
        own.pop("error_budget", None)
    found = base.with_(own)
    if found.min_bad_events and indicator.unit == UNKNOWN:
        raise refuse(
            node.where,
            "min_bad_events needs an indicator that counts events"
            + ("" if indicator.kind == "raw" else ", and its queries have neither only rate() nor only increase()"),
            _COUNTS,
        )
    return found


def _no_plugins(node: Node, key: str) -> None:
    if node.raw(key):
        raise refuse(node.at(key), "plugins are Go programs for Sloth", "Settings of ours do their work.")


def _name(text: str, where: str) -> str:
    if not NAME.fullmatch(text):
        raise refuse(where, f"{text!r} cannot be a name", "Letters, digits, '-', '_' and '.', no sign at either end.")
    return text


def labels_of(labels: Mapping[str, Any], where: str) -> dict[str, str]:
    """Labels that a task gives.

    Raises:
        StackError: one of them is reserved.
    """
    for name in labels:
        check_label(str(name), where)
    return {str(name): str(value) for name, value in labels.items()}


def objective_text(objective: Fraction) -> str:
    """An objective as people write it."""
    return repr(float(objective))[:-2] if float(objective).is_integer() else repr(float(objective))
