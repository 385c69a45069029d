"""Prometheus."""

from __future__ import annotations

from scripts.dashboards import ask, look

M = 'job="prometheus", site=~"$site", instance=~"$instance"'
R = "$__rate_interval"

BOARD = look.Board(
    uid="obs-prometheus",
    folder="Platform",
    title="Prometheus",
    question="Does Prometheus take in, keep, evaluate and answer what it should?",
    variables=[
        ask.metrics_source(),
        ask.site("prometheus_build_info"),
        ask.instance('prometheus_build_info{site=~"$site"}'),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat("Up", "Instances that answer.", ask.value(f"sum(up{{{M}}})"), steps=look.ALL_IS_GOOD),
                look.stat(
                    "Targets down",
                    "Targets that could not be scraped, of all jobs.",
                    ask.value('count(up{site=~"$site"} == 0) or vector(0)'),
                    steps=look.NONE_IS_GOOD,
                ),
                look.stat("Series", "Series in memory.", ask.value(f"sum(prometheus_tsdb_head_series{{{M}}})")),
                look.stat(
                    "Samples",
                    "Samples taken in each second.",
                    ask.value(f"sum(rate(prometheus_tsdb_head_samples_appended_total{{{M}}}[{R}]))"),
                    unit="cps",
                ),
                look.stat(
                    "On disk",
                    "Blocks on the hosts' own disks.",
                    ask.value(f"sum(prometheus_tsdb_storage_blocks_bytes{{{M}}})"),
                    unit="bytes",
                ),
                look.stat(
                    "Last reload",
                    "1 when the configuration that is there is the one that runs.",
                    ask.value(f"min(prometheus_config_last_reload_successful{{{M}}})"),
                    steps=look.ALL_IS_GOOD,
                ),
            ],
        ),
        look.Row(
            "Scrapes",
            [
                look.table(
                    "Jobs",
                    "Targets of each job, how many are up, how long a scrape takes, what it brings.",
                    {
                        "Targets": ask.prom('count by (job) (up{site=~"$site"})', instant=True),
                        "Up": ask.prom('sum by (job) (up{site=~"$site"})', instant=True),
                        "Slowest scrape": ask.prom(
                            'max by (job) (scrape_duration_seconds{site=~"$site"})', instant=True
                        ),
                        "Series": ask.prom(
                            'sum by (job) (scrape_samples_post_metric_relabeling{site=~"$site"})', instant=True
                        ),
                    },
                    by={"job": "Job"},
                    units={"Slowest scrape": "s"},
                    width=12,
                    sort="Series",
                ),
                look.lines(
                    "Scrapes that bring too much or wrong things",
                    "Beyond a limit, out of order, or twice at the same time.",
                    ask.prom(
                        f"sum(rate(prometheus_target_scrapes_exceeded_sample_limit_total{{{M}}}[{R}]))",
                        "over sample_limit",
                    ),
                    ask.prom(
                        f"sum(rate(prometheus_target_scrapes_sample_out_of_order_total{{{M}}}[{R}]))", "out of order"
                    ),
                    ask.prom(
                        f"sum(rate(prometheus_target_scrapes_sample_duplicate_timestamp_total{{{M}}}[{R}]))",
                        "duplicate",
                    ),
                    unit="cps",
                    width=12,
                ),
            ],
        ),
        look.Row(
            "Storage",
            [
                look.lines(
                    "Series in memory",
                    "Those of the head block; memory grows with them.",
                    ask.prom(f"prometheus_tsdb_head_series{{{M}}}", "{{instance}}"),
                ),
                look.lines(
                    "Series that come and go",
                    "Churn: new ones and those removed. Labels that never stay the same make much of it.",
                    ask.prom(f"sum(rate(prometheus_tsdb_head_series_created_total{{{M}}}[{R}]))", "created"),
                    ask.prom(f"sum(rate(prometheus_tsdb_head_series_removed_total{{{M}}}[{R}]))", "removed"),
                    unit="cps",
                ),
                look.lines(
                    "Disk",
                    "Blocks, the head's chunks, and the write-ahead log.",
                    ask.prom(f"prometheus_tsdb_storage_blocks_bytes{{{M}}}", "blocks {{instance}}"),
                    ask.prom(f"prometheus_tsdb_head_chunks_storage_size_bytes{{{M}}}", "head {{instance}}"),
                    ask.prom(f"prometheus_tsdb_wal_storage_size_bytes{{{M}}}", "log {{instance}}"),
                    unit="bytes",
                    stacked=True,
                ),
                look.lines(
                    "Memory",
                    "Resident, and what Go has in use.",
                    ask.prom(f"process_resident_memory_bytes{{{M}}}", "resident {{instance}}"),
                    ask.prom(f"go_memstats_heap_inuse_bytes{{{M}}}", "heap {{instance}}"),
                    unit="bytes",
                ),
                look.lines(
                    "Storage that failed",
                    "Compactions, reloads of blocks and damaged logs in the last hour.",
                    ask.prom(f"sum(increase(prometheus_tsdb_compactions_failed_total{{{M}}}[1h]))", "compactions"),
                    ask.prom(f"sum(increase(prometheus_tsdb_reloads_failures_total{{{M}}}[1h]))", "reloads of blocks"),
                    ask.prom(f"sum(increase(prometheus_tsdb_wal_corruptions_total{{{M}}}[1h]))", "damaged logs"),
                    steps=look.NONE_IS_GOOD,
                ),
                look.lines(
                    "Exemplars",
                    "Exemplars in storage, of how many there is room for.",
                    ask.prom(f"sum(prometheus_tsdb_exemplar_exemplars_in_storage{{{M}}})", "stored"),
                    ask.prom(f"sum(prometheus_tsdb_exemplar_max_exemplars{{{M}}})", "room"),
                ),
            ],
        ),
        look.Row(
            "Rules, queries, alerts",
            [
                look.lines(
                    "Time of rule groups",
                    "Last evaluation of each group against its interval; above 1 evaluations are left out.",
                    ask.prom(
                        f"topk(10, prometheus_rule_group_last_duration_seconds{{{M}}} / prometheus_rule_group_interval_seconds{{{M}}})",
                        "{{rule_group}}",
                    ),
                    unit="percentunit",
                ),
                look.lines(
                    "Rules that failed or were left out",
                    "In the last five minutes.",
                    ask.prom(f"sum(increase(prometheus_rule_evaluation_failures_total{{{M}}}[5m]))", "failed"),
                    ask.prom(f"sum(increase(prometheus_rule_group_iterations_missed_total{{{M}}}[5m]))", "left out"),
                    steps=look.NONE_IS_GOOD,
                ),
                look.lines(
                    "Time of queries",
                    "99th percentile by part of the work.",
                    ask.prom(
                        f'max by (slice) (prometheus_engine_query_duration_seconds{{{M}, quantile="0.99"}})',
                        "{{slice}}",
                    ),
                    unit="s",
                ),
                look.lines(
                    "Answers by status",
                    "HTTP answers each second.",
                    ask.prom(f"sum by (code) (rate(prometheus_http_requests_total{{{M}}}[{R}]))", "{{code}}"),
                    unit="reqps",
                ),
                look.lines(
                    "Alerts sent",
                    "To each Alertmanager, and those it did not take.",
                    ask.prom(
                        f"sum by (alertmanager) (rate(prometheus_notifications_sent_total{{{M}}}[{R}]))",
                        "sent {{alertmanager}}",
                    ),
                    ask.prom(
                        f"sum by (alertmanager) (rate(prometheus_notifications_errors_total{{{M}}}[{R}]))",
                        "failed {{alertmanager}}",
                    ),
                    unit="cps",
                ),
                look.lines(
                    "Remote write",
                    "Seconds that each destination is behind.",
                    ask.prom(
                        f"prometheus_remote_storage_highest_timestamp_in_seconds{{{M}}} - ignoring (remote_name, url) group_right ()"
                        f" prometheus_remote_storage_queue_highest_sent_timestamp_seconds{{{M}}}",
                        "{{instance}} {{remote_name}}",
                    ),
                    unit="s",
                ),
            ],
        ),
    ],
)
