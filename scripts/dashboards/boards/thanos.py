"""Thanos."""

from __future__ import annotations

from scripts.dashboards import ask, look

M = 'job=~"thanos-.+", site=~"$site", instance=~"$instance"'
R = "$__rate_interval"

BOARD = look.Board(
    uid="obs-thanos",
    folder="Platform",
    title="Thanos",
    question="Do blocks reach the bucket, are they looked after there, and are queries answered whole?",
    variables=[
        ask.metrics_source(),
        ask.site("thanos_build_info"),
        ask.instance('thanos_build_info{site=~"$site"}'),
    ],
    rows=[
        look.Row(
            "Now",
            [
                look.stat(
                    "Down",
                    "Components that do not answer.",
                    ask.value(f"count(up{{{M}}} == 0) or vector(0)"),
                    steps=look.NONE_IS_GOOD,
                ),
                look.stat(
                    "Asked by a query",
                    "Sidecars, stores and rulers that a querier reaches.",
                    ask.value(f"sum(thanos_store_nodes_grpc_connections{{{M}}})"),
                    steps=look.ALL_IS_GOOD,
                ),
                look.stat(
                    "Last upload",
                    "Time since a sidecar has put a block into the bucket; every two hours in the field.",
                    ask.value(
                        f'time() - max(thanos_objstore_bucket_last_successful_upload_time{{{M}, job="thanos-sidecar"}} > 0)'
                    ),
                    unit="s",
                    steps=((None, look.GREEN), (3 * 3600, look.YELLOW), (6 * 3600, look.RED)),
                ),
                look.stat(
                    "Uploads that failed",
                    "In the last day. What is not uploaded is lost with its host.",
                    ask.value(f"sum(increase(thanos_shipper_upload_failures_total{{{M}}}[1d]))"),
                    steps=look.NONE_IS_GOOD,
                    decimals=0,
                ),
                look.stat(
                    "Blocks served",
                    "Blocks of the bucket that a store has loaded.",
                    ask.value(f"max(thanos_bucket_store_blocks_loaded{{{M}}})"),
                ),
                look.stat(
                    "Compactor halted",
                    "Halted, it compacts, downsamples and deletes nothing.",
                    ask.value(f"max(thanos_compact_halted{{{M}}})"),
                    steps=look.NONE_IS_GOOD,
                ),
            ],
        ),
        look.Row(
            "Queries",
            [
                look.lines(
                    "Queries",
                    "Answered by queriers and frontends, by status.",
                    ask.prom(
                        f'sum by (job, code) (rate(http_requests_total{{{M}, job=~"thanos-query.*", handler=~"query.*"}}[{R}]))',
                        "{{job}} {{code}}",
                    ),
                    unit="reqps",
                ),
                look.lines(
                    "Time of queries",
                    "99th percentile.",
                    ask.prom(
                        "histogram_quantile(0.99, sum by (job, handler, le)"
                        f' (rate(http_request_duration_seconds_bucket{{{M}, job=~"thanos-query.*", handler=~"query.*"}}[{R}])))',
                        "{{job}} {{handler}}",
                    ),
                    unit="s",
                ),
                look.lines(
                    "Whom queriers reach",
                    "Connections by kind. One that is missing makes answers partial.",
                    ask.prom(
                        f"sum by (instance, store_type) (thanos_store_nodes_grpc_connections{{{M}}})",
                        "{{instance}} {{store_type}}",
                    ),
                ),
                look.lines(
                    "Calls between components",
                    "gRPC calls by what came of them.",
                    ask.prom(
                        f"sum by (job, grpc_code) (rate(grpc_server_handled_total{{{M}}}[{R}])) > 0",
                        "{{job}} {{grpc_code}}",
                    ),
                    unit="reqps",
                ),
                look.lines(
                    "Queries at work",
                    "At a time, and how many may be.",
                    ask.prom(
                        f"sum by (instance) (thanos_query_concurrent_gate_queries_in_flight{{{M}}})", "{{instance}}"
                    ),
                    ask.prom(
                        f"max by (instance) (thanos_query_concurrent_gate_queries_max{{{M}}})", "most {{instance}}"
                    ),
                ),
                look.lines(
                    "Partial answers of rules",
                    "Evaluations of the ruler that missed an endpoint.",
                    ask.prom(
                        f"sum by (instance) (rate(thanos_rule_evaluation_with_warnings_total{{{M}}}[{R}]))",
                        "{{instance}}",
                    ),
                    unit="cps",
                ),
            ],
        ),
        look.Row(
            "Bucket",
            [
                look.lines(
                    "Requests to the bucket",
                    "By kind, which is what an object store charges for.",
                    ask.prom(
                        f"sum by (operation) (rate(thanos_objstore_bucket_operations_total{{{M}}}[{R}]))",
                        "{{operation}}",
                    ),
                    unit="reqps",
                ),
                look.lines(
                    "Requests that failed",
                    "By component and kind.",
                    ask.prom(
                        f"sum by (job, operation) (rate(thanos_objstore_bucket_operation_failures_total{{{M}}}[{R}]))",
                        "{{job}} {{operation}}",
                    ),
                    unit="reqps",
                    steps=look.NONE_IS_GOOD,
                ),
                look.lines(
                    "Time of a request",
                    "99th percentile by kind.",
                    ask.prom(
                        "histogram_quantile(0.99, sum by (operation, le)"
                        f" (rate(thanos_objstore_bucket_operation_duration_seconds_bucket{{{M}}}[{R}])))",
                        "{{operation}}",
                    ),
                    unit="s",
                ),
                look.lines(
                    "Blocks uploaded",
                    "By sidecar, in an hour.",
                    ask.prom(f"sum by (instance) (increase(thanos_shipper_uploads_total{{{M}}}[1h]))", "{{instance}}"),
                ),
                look.lines(
                    "Blocks in the bucket",
                    "As stores and the compactor see them.",
                    ask.prom(
                        f'thanos_blocks_meta_synced{{{M}, state=~"loaded|marked-for-deletion|too-fresh"}}',
                        "{{job}} {{state}}",
                    ),
                ),
                look.lines(
                    "Index cache",
                    "Share of lookups that the store's cache answers.",
                    ask.prom(
                        f"sum by (instance) (rate(thanos_store_index_cache_hits_total{{{M}}}[{R}]))"
                        f" / (sum by (instance) (rate(thanos_store_index_cache_requests_total{{{M}}}[{R}])) > 0)",
                        "{{instance}}",
                    ),
                    unit="percentunit",
                    maximum=1,
                ),
            ],
        ),
        look.Row(
            "Compactor",
            [
                look.lines(
                    "Still to do",
                    "Work that waits. It should come back to nothing.",
                    ask.prom(f"sum(thanos_compact_todo_compactions{{{M}}})", "compactions"),
                    ask.prom(f"sum(thanos_compact_todo_downsample_blocks{{{M}}})", "blocks to downsample"),
                    ask.prom(f"sum(thanos_compact_todo_deletion_blocks{{{M}}})", "blocks to delete"),
                ),
                look.lines(
                    "Rounds",
                    "Iterations in an hour; none means that it hangs.",
                    ask.prom(
                        f"sum by (instance) (increase(thanos_compact_iterations_total{{{M}}}[1h]))", "{{instance}}"
                    ),
                ),
                look.lines(
                    "Compactions that failed",
                    "In an hour.",
                    ask.prom(
                        f"sum by (instance) (increase(thanos_compact_group_compactions_failures_total{{{M}}}[1h]))",
                        "{{instance}}",
                    ),
                    steps=look.NONE_IS_GOOD,
                ),
            ],
        ),
    ],
)
