# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""How single things of a service are judged: a number of ``/metrics``, a queue, a list of endpoints. Pure."""

from __future__ import annotations

import typing as t
from collections.abc import Mapping

from ansible_collections.obs.stack.plugins.module_utils import _health_page
from ansible_collections.obs.stack.plugins.module_utils._health_page import Finding, Pages, document, some
from ansible_collections.obs.stack.plugins.module_utils._metrics import gauge, labelled, samples, total

METRICS = "/metrics"
RULES = "/api/v1/rules"
STORES = "/api/v1/stores"
QUERY = "/api/v1/query?query=vector(1)"
LOGQL = "/loki/api/v1/query?query=vector(1)"
GRAFANA = "/api/health"
# Share of a queue from which on it counts as stuck: what comes next is refused.
FULL = 0.8

Expected = t.Mapping[str, t.Any]


class Asked(t.NamedTuple):
    """What a judge looks at: the pages, what the inventory wants, now (seconds), whether warnings count as wrong."""

    pages: Pages
    expected: Expected
    now: float
    strict: bool

    @property
    def metrics(self) -> str:
        """The text of ``/metrics``."""
        return self.pages[METRICS].body

    def told(self, check: str, detail: str) -> Finding:
        """A warning."""
        return Finding(check, not self.strict, detail, warning=True)


Judge = t.Callable[[Asked], t.Optional[Finding]]


def number(
    check: str,
    series: str,
    good: t.Callable[[float, float], bool],
    wanted: float | str,
    *,
    well: str,
    wrong: str,
    absent: float | None = None,
    when: str = "",
    pending: bool = False,
) -> Judge:
    """Judge the sum of a metric's series.

    Args:
        check: name of the finding.
        series: ``name`` or ``name{label="value"}``.
        good: compares the value with what is wanted.
        wanted: a number, or the key of what is expected; then it is judged only where that is there.
        well, wrong: texts with ``{value:g}`` and ``{wanted:g}``.
        absent: what counts where there is no such series; without it, none is wrong.
        when: key of what is expected; judged only where that is true.
        pending: whether it may become good by itself.
    """

    def judge(asked: Asked) -> Finding | None:
        key = wanted if isinstance(wanted, str) else when
        if key and not asked.expected.get(key):
            return None
        value = labelled(asked.metrics, series)
        value = absent if value is None else value
        if value is None:
            return Finding(check, False, "/metrics does not tell {0}".format(series.partition("{")[0]))
        target = float(asked.expected[wanted]) if isinstance(wanted, str) else wanted
        healthy = good(value, target)
        text = (well if healthy else wrong).format(value=value, wanted=target)
        return Finding(check, healthy, text, pending=pending and not healthy)

    return judge


def none_since_start(check: str, names: tuple[str, ...], *, well: str, told: str) -> Judge:
    """Tell about counters that should stay at zero: what they count is over, so it is a warning.

    Args:
        check: name of the finding.
        names: metrics, whose series are added up; absent ones count as none.
        well, told: texts; ``told`` with ``{value:g}``.
    """

    def judge(asked: Asked) -> Finding:
        # The collector's counters end in _total or not, as its telemetry is set.
        value = sum(total(asked.metrics, name + end) or 0.0 for name in names for end in ("", "_total"))
        return asked.told(check, told.format(value=value)) if value else Finding(check, True, well)

    return judge


def uploads(asked: Asked) -> Finding:
    """Whether the bucket takes blocks: a failure is a warning once one has come through, since they are sent again."""
    failed = total(asked.metrics, "thanos_shipper_upload_failures_total") or 0.0
    done = total(asked.metrics, "thanos_shipper_uploads_total") or 0.0
    if not failed:
        return Finding("uploads", True, "blocks sent: {0:g}, none refused".format(done))
    detail = "uploads failed since the start: {0:g}, came through: {1:g}; the journal says why".format(failed, done)
    return asked.told("uploads", detail) if done else Finding("uploads", False, detail)


def stores(asked: Asked) -> Finding:
    """Whether a query reaches every endpoint, and as many of each kind as the inventory has."""
    answer = document(asked.pages[STORES], "endpoints")
    if isinstance(answer, Finding):
        return answer
    known = {str(kind): ends or [] for kind, ends in (answer.get("data") or {}).items()}
    wrong = [
        "{0} {1}: {2}".format(kind, end.get("name"), end["lastError"])
        for kind, ends in known.items()
        for end in ends
        if end.get("lastError")
    ]
    wanted = asked.expected.get("stores") or {}
    connected: dict[str, int] = {}
    for labels, value in samples(asked.metrics, "thanos_store_nodes_grpc_connections"):
        kind = labels.get("store_type", "")
        connected[kind] = connected.get(kind, 0) + int(value)
    if not isinstance(wanted, Mapping):
        count = sum(connected.values())
        if count < int(wanted):
            wrong.append("{0} of {1} connected".format(count, wanted))
    else:
        for kind, number_wanted in sorted(wanted.items()):
            if connected.get(kind, 0) < int(number_wanted):
                wrong.append("{0} of {1} {2} connected".format(connected.get(kind, 0), number_wanted, kind))
    if wrong:
        return Finding("endpoints", False, some(wrong))
    names = ", ".join("{0} {1}".format(count, kind) for kind, count in sorted(connected.items()) if count)
    return Finding("endpoints", True, "connected: {0}".format(names or "none"))


def queried(page: str) -> Judge:
    """Judge whether a query is answered, by whatever is behind.

    Loki may be ready while its own parts do not reach each other, and every query hangs.
    """

    def judge(asked: Asked) -> Finding:
        answer = document(asked.pages[page], "queries")
        if isinstance(answer, Finding):
            return answer
        good = answer.get("status") == "success"
        return Finding("queries", good, "answered" if good else str(answer.get("error") or "no success"))

    return judge


def thanos_rules(asked: Asked) -> Finding:
    """As of Prometheus; but a ruler without rules of its own is no fault."""
    born = gauge(asked.metrics, "process_start_time_seconds") or 0.0
    found = _health_page.rules(asked.pages[RULES], asked.now - born)
    return found._replace(healthy=True) if found.detail == _health_page.NO_RULES else found


def queues(asked: Asked) -> Finding:
    """Whether what waits in the collector fits its queues."""
    room = {
        (labels.get("exporter"), labels.get("data_type")): value
        for labels, value in samples(asked.metrics, "otelcol_exporter_queue_capacity")
    }
    wrong = []
    waiting = 0.0
    for labels, size in samples(asked.metrics, "otelcol_exporter_queue_size"):
        waiting += size
        capacity = room.get((labels.get("exporter"), labels.get("data_type")), 0.0)
        if capacity and size >= FULL * capacity:
            wrong.append("{0} {1:g} of {2:g}".format(labels.get("exporter"), size, capacity))
    if wrong:
        detail = "nearly full: {0}; is what they send to up?".format(some(wrong))
        return Finding("queues", False, detail, pending=True)
    return Finding("queues", True, "batches waiting: {0:g}".format(waiting))


def grafana(asked: Asked) -> Finding:
    """Whether Grafana has its database, and which version it is."""
    answer = document(asked.pages[GRAFANA], "database")
    if isinstance(answer, Finding):
        return answer
    if answer.get("database") != "ok":
        return Finding("database", False, "{0}; journalctl -u grafana says why".format(answer.get("database") or "?"))
    return Finding("database", True, "ok, Grafana {0}".format(answer.get("version") or "of unknown version"))


def modules(asked: Asked) -> Finding:
    """Whether every module of the exporter collects. One that does not is a warning: what it asks is the user's own."""
    found = {
        labels.get("module", ""): value for labels, value in samples(asked.metrics, "obs_exporter_collection_success")
    }
    failing = sorted(name for name, value in found.items() if not value)
    if failing:
        return asked.told("modules", "cannot collect: {0}; journalctl -u exporter says why".format(some(failing)))
    return Finding("modules", True, "{0} collect".format(len(found)))


def backends(asked: Asked) -> Finding:
    """Whether every backend of the balancer has a server that is up. One that is down beside another is a warning."""
    servers: dict[str, dict[str, bool]] = {}
    for labels, value in samples(asked.metrics, "haproxy_server_status"):
        known = servers.setdefault(labels.get("proxy", ""), {})
        name = labels.get("server", "")
        # One series for each state, 1 for the present one; "no check" is not known to be down.
        known[name] = known.get(name, False) or bool(value and labels.get("state") in ("UP", "no check"))
    dead = sorted(proxy for proxy, known in servers.items() if not any(known.values()))
    down = sorted("{0}/{1}".format(p, name) for p, known in servers.items() for name, up in known.items() if not up)
    if not servers:
        return Finding("backends", False, "/metrics does not tell haproxy_server_status")
    if dead:
        return Finding("backends", False, "no server is up: {0}".format(some(dead)), pending=True)
    if down:
        return asked.told("backends", "down: {0}".format(some(down)))
    return Finding("backends", True, "{0} up".format(sum(len(known) for known in servers.values())))
