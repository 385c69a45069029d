# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: may change in any release.

"""The health of what stores, carries and shows signals: a row for each service. Pure.

A row names the page that says whether the service is ready, further pages, and judges. Most judges are one number of
``/metrics`` and what it has to be.
"""

from __future__ import annotations

import operator
import typing as t

from ansible_collections.obs.stack.plugins.module_utils._health_judges import (
    GRAFANA,
    LOGQL,
    METRICS,
    QUERY,
    RULES,
    STORES,
    Asked,
    Expected,
    Judge,
    backends,
    grafana,
    modules,
    none_since_start,
    number,
    queried,
    queues,
    stores,
    thanos_rules,
    uploads,
)
from ansible_collections.obs.stack.plugins.module_utils._health_page import Finding, Page, answering

READY = "/-/ready"
DSKIT_READY = "/ready"
# Not a path of the service's port: the page on expected.health_port.
HEALTH_PORT = "health port"


class Row(t.NamedTuple):
    """A service: the page that says it is ready, others, and what is judged. Every service has ``/metrics``."""

    ready: str
    judges: tuple[Judge, ...] = ()
    pages: tuple[str, ...] = ()


_UNREAD = number(
    "blocks",
    'thanos_blocks_meta_synced{state="failed"}',
    operator.eq,
    0,
    well="every block of the bucket can be read",
    wrong="{value:g} blocks of the bucket cannot be read; the journal names them",
    absent=0,
)
_SYNCS = none_since_start(
    "bucket",
    ("thanos_blocks_meta_sync_failures",),
    well="read without failure",
    told="{value:g} reads of the bucket failed since the start; the journal says why",
)
_RELOADED_RULE = number(
    "configuration",
    "thanos_rule_config_last_reload_successful",
    operator.eq,
    1,
    well="the last reload succeeded",
    wrong="the last reload failed; journalctl -u thanos-rule says why",
)
_COLLECTOR: tuple[Judge, ...] = (
    queues,
    none_since_start(
        "exports",
        tuple("otelcol_exporter_send_failed_" + what for what in ("spans", "log_records", "metric_points")),
        well="none given up",
        told="{value:g} items were given up since the start; the journal says where they should have gone",
    ),
    none_since_start(
        "intake",
        tuple("otelcol_receiver_refused_" + what for what in ("spans", "log_records", "metric_points")),
        well="none refused",
        told="{value:g} items were refused since the start: is memory or a queue full?",
    ),
)

ROWS: dict[str, Row] = {
    "thanos-sidecar": Row(
        READY,
        (
            number(
                "prometheus",
                "thanos_sidecar_prometheus_up",
                operator.eq,
                1,
                well="answers",
                wrong="its Prometheus does not answer; systemctl status prometheus",
                pending=True,
            ),
            uploads,
        ),
    ),
    "thanos-query": Row(READY, (stores, queried(QUERY)), (STORES, QUERY)),
    "thanos-query-frontend": Row(READY, (queried(QUERY),), (QUERY,)),
    "thanos-store": Row(
        READY,
        (
            number(
                "loaded",
                "thanos_bucket_store_blocks_loaded",
                operator.ge,
                0,
                well="{value:g} blocks",
                wrong="{value:g} blocks",
            ),
            _UNREAD,
            _SYNCS,
        ),
    ),
    "thanos-compact": Row(
        READY,
        (
            number(
                "compaction",
                "thanos_compact_halted",
                operator.eq,
                0,
                well="not halted",
                wrong="halted, the bucket only grows; journalctl -u thanos-compact names the block",
            ),
            _UNREAD,
            _SYNCS,
        ),
    ),
    "thanos-rule": Row(READY, (_RELOADED_RULE, thanos_rules, uploads), (RULES,)),
    "thanos-receive": Row(READY, (uploads,)),
    "loki": Row(
        DSKIT_READY,
        (
            number(
                "ring",
                'loki_ring_members{name="ingester",state="ACTIVE"}',
                operator.eq,
                "members",
                well="{value:g} of {wanted:g} active",
                wrong="{value:g} of {wanted:g} active; /ring on its port names them",
                pending=True,
            ),
            queried(LOGQL),
            number(
                "lines",
                "loki_distributor_lines_received_total",
                operator.gt,
                0,
                well="they arrive",
                wrong="none has arrived since the start; do the log agents reach it?",
                absent=0,
                when="lines",
                pending=True,
            ),
            none_since_start(
                "storage",
                ("loki_ingester_chunks_flush_failures_total", "loki_ingester_wal_disk_full_failures_total"),
                well="takes what is written",
                told="{value:g} writes failed since the start: is the disk full, the bucket out of reach?",
            ),
            none_since_start(
                "limits",
                ("loki_discarded_samples_total",),
                well="none refused",
                told="{value:g} lines were refused since the start; loki_discarded_samples_total says for which limit",
            ),
        ),
        (LOGQL,),
    ),
    "tempo": Row(
        DSKIT_READY,
        (
            number(
                "spans",
                "tempo_distributor_spans_received_total",
                operator.gt,
                0,
                well="they arrive",
                wrong="none has arrived since the start; does otelcol reach it?",
                absent=0,
                when="spans",
                pending=True,
            ),
            none_since_start(
                "limits",
                ("tempo_discarded_spans_total",),
                well="none refused",
                told="{value:g} spans were refused since the start; tempo_discarded_spans_total says why",
            ),
            none_since_start(
                "storage",
                (
                    "tempodb_retention_errors_total",
                    "tempodb_compaction_errors_total",
                    "tempo_live_store_failed_completions_total",
                ),
                well="written, compacted and deleted without failure",
                told="{value:g} times blocks could not be written, compacted or deleted; the journal says why",
            ),
        ),
    ),
    "otelcol": Row(HEALTH_PORT, _COLLECTOR),
    "otelcol-agent": Row(HEALTH_PORT, _COLLECTOR),
    "promtail": Row(
        DSKIT_READY,
        (
            number(
                "files",
                "promtail_targets_active_total",
                operator.gt,
                0,
                well="{value:g} read",
                wrong="nothing is read; promtail_logs and promtail_journal say what should be",
                pending=True,
            ),
            none_since_start(
                "entries",
                ("promtail_dropped_entries_total",),
                well="none given up",
                told="{value:g} lines were given up since the start; promtail_dropped_entries_total says why",
            ),
        ),
    ),
    "exporter": Row(
        READY,
        (
            number(
                "configuration",
                "obs_exporter_config_last_reload_successful",
                operator.eq,
                1,
                well="the last reload succeeded",
                wrong="the last reload failed; journalctl -u exporter says why",
            ),
            modules,
            none_since_start(
                "series",
                ("obs_exporter_series_dropped",),
                well="none left out",
                told="{value:g} series were left out since the start; obs_exporter_series_dropped_total says why",
            ),
        ),
    ),
    "grafana": Row(GRAFANA, (grafana,)),
    "gateway": Row(METRICS, (backends,)),
    "demo": Row(METRICS),
}
# Its metrics ask for a login of their own, which is not needed to know that it is well.
WITHOUT_METRICS = ("grafana",)


def pages_of(component: str, expected: Expected) -> tuple[str, ...]:
    """The pages of a service, first the one that says whether it is ready."""
    row = ROWS[component]
    ready = METRICS if row.ready == HEALTH_PORT and not expected.get("health_port") else row.ready
    metrics = () if component in WITHOUT_METRICS else (METRICS,)
    return tuple(dict.fromkeys((ready, *metrics, *row.pages)))


def judged(component: str, asked: Asked) -> list[Finding]:
    """What the judges of a service find, once it is ready."""
    page = asked.pages.get(METRICS, Page(200, ""))
    if page.status != 200:
        return [answering(page)._replace(check="metrics")]
    found = [judge(asked) for judge in ROWS[component].judges]
    return [finding for finding in found if finding is not None]
