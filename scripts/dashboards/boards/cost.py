"""Cost and cardinality."""

from __future__ import annotations

from scripts.dashboards import ask, look

R = "$__rate_interval"
S = 'site=~"$site"'
MONTH = 30 * 86400
# Constants that the role fills from grafana_prices; it leaves out a panel that names one without a price.
SERIES, SAMPLES, LOGS, TRACES, BUCKET = PRICES = (
    "$price_thousand_series",
    "$price_billion_samples",
    "$price_log_gigabyte",
    "$price_trace_gigabyte",
    "$price_bucket_gigabyte",
)
BLOCKS = f'sum(thanos_objstore_bucket_operation_transferred_bytes_sum{{operation="upload", {S}}})'


BOARD = look.Board(
    uid="obs-cost",
    folder="Platform",
    title="Cost and cardinality",
    question="Who makes how many series, samples, log bytes and spans, how fast do the buckets grow, and what does it cost?",
    variables=[
        ask.metrics_source(),
        ask.logs_source(),
        ask.site(),
        ask.choice("job", "Job", f"label_values(up{{{S}}}, job)"),
        *(ask.constant(name.lstrip("$"), "0") for name in PRICES),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat(
                    "Series",
                    "In the memory of all Prometheus.",
                    ask.value(f"sum(prometheus_tsdb_head_series{{{S}}})"),
                    width=4,
                ),
                look.stat(
                    "Samples",
                    "Stored each second.",
                    ask.value(f"sum(rate(prometheus_tsdb_head_samples_appended_total{{{S}}}[{R}]))"),
                    unit="cps",
                    width=4,
                ),
                look.stat(
                    "Logs a day",
                    "Bytes taken in, at the pace of the last hour.",
                    ask.value(f"sum(rate(loki_distributor_bytes_received_total{{{S}}}[1h])) * 86400"),
                    unit="decbytes",
                    width=4,
                ),
                look.stat(
                    "Spans a day",
                    "At the pace of the last hour.",
                    ask.value(f"sum(rate(tempo_distributor_spans_received_total{{{S}}}[1h])) * 86400"),
                    width=4,
                ),
                look.stat(
                    "Metrics kept on hosts",
                    "The oldest sample on a Prometheus' own disk.",
                    ask.value(f"time() - min(prometheus_tsdb_lowest_timestamp_seconds{{{S}}} > 0)"),
                    unit="s",
                    width=4,
                ),
                look.stat(
                    "Metrics' limit of age",
                    "Retention that Prometheus was given; 0 is none.",
                    ask.value(f"max(prometheus_tsdb_retention_limit_seconds{{{S}}})"),
                    unit="s",
                    width=4,
                ),
            ],
        ),
        look.Row(
            "In money",
            [
                look.stat(
                    "Series a month",
                    "Active series at the price of a thousand for a month.",
                    ask.value(f"sum(prometheus_tsdb_head_series{{{S}}}) / 1000 * {SERIES}"),
                    unit="none",
                ),
                look.stat(
                    "Samples a month",
                    "Samples at the price of a thousand million.",
                    ask.value(
                        f"sum(rate(prometheus_tsdb_head_samples_appended_total{{{S}}}[1h])) * {MONTH} / 1e9 * {SAMPLES}"
                    ),
                    unit="none",
                ),
                look.stat(
                    "Logs a month",
                    "Bytes taken in at the price of a gigabyte.",
                    ask.value(f"sum(rate(loki_distributor_bytes_received_total{{{S}}}[1h])) * {MONTH} / 1e9 * {LOGS}"),
                    unit="none",
                ),
                look.stat(
                    "Traces a month",
                    "Bytes taken in at the price of a gigabyte.",
                    ask.value(
                        f"sum(rate(tempo_distributor_bytes_received_total{{{S}}}[1h])) * {MONTH} / 1e9 * {TRACES}"
                    ),
                    unit="none",
                ),
                look.stat(
                    "Growth of buckets a month",
                    "What a month's blocks of metrics cost for each further month that they are kept.",
                    ask.value(
                        f'sum(rate(thanos_objstore_bucket_operation_transferred_bytes_sum{{operation="upload", {S}}}[1d]))'
                        f" * {MONTH} / 1e9 * {BUCKET}"
                    ),
                    unit="none",
                ),
                look.table(
                    "Series by job, a month",
                    "What each job's series cost.",
                    {
                        "Cost": ask.prom(
                            f'sum by (job) (scrape_samples_post_metric_relabeling{{job=~"$job", {S}}}) / 1000 * {SERIES}',
                            instant=True,
                        )
                    },
                    by={"job": "Job"},
                    units={"Cost": "none"},
                    width=12,
                    sort="Cost",
                ),
                look.table(
                    "Logs by service, a month",
                    "What each service's lines cost, at the pace of the time range.",
                    {
                        "Cost": ask.loki(
                            f'sum by (service_name) (bytes_rate({{service_name=~".+"}} | site=~"$site" [$__range])) * {MONTH}'
                            f" / 1e9 * {LOGS}",
                            instant=True,
                        )
                    },
                    by={"service_name": "Service"},
                    units={"Cost": "none"},
                    width=12,
                    sort="Cost",
                ),
            ],
        ),
        look.Row(
            "Metrics",
            [
                look.table(
                    "Series by job",
                    "Series that a scrape of each job brings, what it brings in a second, and how many are new.",
                    {
                        "Series": ask.prom(
                            f'sum by (job) (scrape_samples_post_metric_relabeling{{job=~"$job", {S}}})', instant=True
                        ),
                        "Samples/s": ask.prom(
                            f'sum by (job) (sum_over_time(scrape_samples_post_metric_relabeling{{job=~"$job", {S}}}[5m])) / 300',
                            instant=True,
                        ),
                        "New an hour": ask.prom(
                            f'sum by (job) (sum_over_time(scrape_series_added{{job=~"$job", {S}}}[1h]))', instant=True
                        ),
                        "Targets": ask.prom(f'count by (job) (up{{job=~"$job", {S}}})', instant=True),
                    },
                    by={"job": "Job"},
                    units={"Samples/s": "cps"},
                    width=12,
                    height=10,
                    sort="Series",
                ),
                look.lines(
                    "Series by job",
                    "Over time.",
                    ask.prom(f'sum by (job) (scrape_samples_post_metric_relabeling{{job=~"$job", {S}}})', "{{job}}"),
                    stacked=True,
                    width=12,
                    height=10,
                ),
            ],
        ),
        look.Row(
            "Metrics by name (reads every series of the jobs that are chosen)",
            [
                look.table(
                    "Series by name",
                    "The twenty names with most series. On a large Prometheus choose a job first.",
                    {
                        "Series": ask.prom(
                            f'topk(20, count by (__name__, job) ({{__name__=~".+", job=~"$job", {S}}}))', instant=True
                        )
                    },
                    by={"__name__": "Metric", "job": "Job"},
                    height=12,
                    sort="Series",
                ),
            ],
            folded=True,
        ),
        look.Row(
            "Logs",
            [
                look.table(
                    "Bytes by stream",
                    "The twenty streams with most bytes within the time range.",
                    {
                        "Bytes": ask.loki(
                            'topk(20, sum by (service_name, host, detected_level) (bytes_over_time({service_name=~".+"} | site=~"$site" [$__range])))',
                            instant=True,
                        )
                    },
                    by={"service_name": "Service", "host": "Host", "detected_level": "Level"},
                    units={"Bytes": "decbytes"},
                    width=12,
                    height=10,
                    sort="Bytes",
                ),
                look.lines(
                    "Bytes by service",
                    "As Loki's ruler has recorded them; it outlives the lines.",
                    ask.prom(f"sum by (service) (service_level:log_bytes:rate1m{{{S}}})", "{{service}}"),
                    unit="Bps",
                    stacked=True,
                    width=12,
                    height=10,
                ),
                look.table(
                    "Retention of logs",
                    "Bytes a day by the time for which they are kept, and streams in memory.",
                    {
                        "Bytes a day": ask.prom(
                            f"sum by (tenant, retention_hours) (rate(loki_distributor_bytes_received_total{{{S}}}[1h])) * 86400",
                            instant=True,
                        )
                    },
                    by={"tenant": "Tenant", "retention_hours": "Hours kept"},
                    units={"Bytes a day": "decbytes"},
                    width=12,
                    height=6,
                ),
                look.lines(
                    "Streams",
                    "In memory, and new ones. A label with many values makes many.",
                    ask.prom(f"sum(loki_ingester_memory_streams{{{S}}})", "in memory"),
                    ask.prom(f"sum(rate(loki_ingester_streams_created_total{{{S}}}[{R}])) * 3600", "new an hour"),
                    width=12,
                    height=6,
                ),
            ],
        ),
        look.Row(
            "Traces and buckets",
            [
                look.lines(
                    "Spans by service",
                    "Of all that were sent, before sampling.",
                    ask.prom(
                        f"sum by (service_name) (rate(traces_span_metrics_calls_total{{{S}}}[{R}]))", "{{service_name}}"
                    ),
                    unit="cps",
                    stacked=True,
                ),
                look.lines(
                    "Put into the bucket of metrics",
                    "Bytes of blocks since the start of each component; the slope is the growth.",
                    ask.prom(BLOCKS, "uploaded"),
                    unit="decbytes",
                ),
                look.lines(
                    "Put into the bucket of logs",
                    "Bytes of chunks, compressed, each second.",
                    ask.prom(f"sum(rate(loki_ingester_chunk_stored_bytes_total{{{S}}}[{R}]))", "chunks"),
                    unit="Bps",
                ),
                look.lines(
                    "Put into the bucket of traces",
                    "Blocks there are.",
                    ask.prom(f"sum by (tenant) (tempodb_blocklist_length{{{S}}})", "{{tenant}}"),
                ),
                look.lines(
                    "On the hosts' disks",
                    "Blocks and logs of Prometheus, and of Loki's write-ahead log.",
                    ask.prom(f"sum(prometheus_tsdb_storage_blocks_bytes{{{S}}})", "Prometheus, blocks"),
                    ask.prom(f"sum(prometheus_tsdb_wal_storage_size_bytes{{{S}}})", "Prometheus, log"),
                    unit="bytes",
                    stacked=True,
                ),
                look.lines(
                    "Requests to buckets",
                    "By kind, which is what an object store charges for.",
                    ask.prom(
                        f"sum by (operation) (rate(thanos_objstore_bucket_operations_total{{{S}}}[{R}]))",
                        "{{operation}}",
                    ),
                    unit="reqps",
                ),
            ],
        ),
    ],
    time_from="now-6h",
    refresh="5m",
)
