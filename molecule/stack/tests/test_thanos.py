"""Thanos on one host: samples through query, blocks in the folder and back from the store, and what is refused."""

from __future__ import annotations

import json

import pytest
from lab import converge, exposure, get, process, query, wait_for

PORTS = {"compact": 10910, "query": 10904, "sidecar": 10902, "store": 10906}
COMPONENTS = sorted(PORTS)
QUERY = "http://127.0.0.1:10904"
BUCKET = "/var/lib/thanos/bucket"
ENDPOINTS = "/etc/obs/thanos-query/live/endpoints.yml"
MOST_EXPOSED = 3.0
ONLY_THANOS = ("--tags", "thanos")


def run(variables=None, *arguments: str):
    """Converge Thanos alone."""
    return converge(variables, arguments=(*ONLY_THANOS, *arguments))


def units(host) -> dict[str, object]:
    """Every component's process now."""
    return {name: process(host, f"thanos-{name}") for name in COMPONENTS}


@pytest.fixture
def undone():
    """Brings the host back to the scenario's own wish, whatever the test did."""
    yield
    assert run().code == 0


@pytest.fixture
def old_block(host):
    """A block of samples from three days ago in the bucket, which no Prometheus has; taken away again."""
    now = int(host.check_output("date +%s"))
    start = (now - 3 * 86400) // 7200 * 7200
    lines = "".join(f"lab_history {number} {start + 60 * number}\n" for number in range(60))
    prom = "/opt/obs/prometheus/current/release/bin/promtool"
    thanos = "/opt/obs/thanos-store/current/release/bin/thanos"
    host.check_output("mkdir -p /tmp/lab-history")
    host.run(f"cat > /tmp/lab-history/samples <<'END'\n# TYPE lab_history gauge\n{lines}# EOF\nEND")
    host.check_output(f"{prom} tsdb create-blocks-from openmetrics /tmp/lab-history/samples /tmp/lab-history/blocks")
    host.check_output(
        f"umask 007; {thanos} tools bucket upload-blocks --objstore.config-file=/etc/thanos-store/objstore.yml "
        "--path=/tmp/lab-history/blocks --label='lab=\"history\"' --label='replica=\"x\"'"
    )
    host.check_output(f"chgrp -R thanos {BUCKET}")
    block = host.check_output("ls -d /tmp/lab-history/blocks/0*").split("/")[-1].strip()
    yield start
    host.check_output(f"rm -rf /tmp/lab-history {BUCKET}/{block}")


@pytest.mark.parametrize("name", COMPONENTS)
def test_component_runs_is_ready_and_sealed(host, name):
    service = host.service(f"thanos-{name}")
    assert service.is_running and service.is_enabled
    assert get(host, f"http://127.0.0.1:{PORTS[name]}/-/ready").status == 200
    assert exposure(host, f"thanos-{name}") <= MOST_EXPOSED


def test_only_the_sidecar_is_prometheus(host):
    owners = {name: host.check_output(f"stat -c %U /proc/{unit.pid}") for name, unit in units(host).items()}
    assert owners == {"compact": "thanos", "query": "thanos", "sidecar": "prometheus", "store": "thanos"}
    assert host.file(BUCKET).mode == 0o770 and host.file(BUCKET).group == "thanos"


def test_query_answers_for_prometheus_without_the_replica(host):
    rows = wait_for("up of Prometheus through query", lambda: query(host, 'up{job="prometheus"}', QUERY), 45)
    assert len(rows) == 1 and rows[0]["value"][1] == "1"
    assert "replica" not in rows[0]["metric"]


def test_query_knows_the_components_of_the_host(host):
    def connected():
        stores = get(host, f"{QUERY}/api/v1/stores").json["data"]
        return {kind for kind, items in stores.items() if all(item["lastError"] is None for item in items)}

    assert wait_for("sidecar and store", lambda: connected() >= {"sidecar", "store"}, 45)


def test_what_only_the_bucket_has_is_answered(host, old_block, undone):
    assert run({"thanos_store_flags": {"sync-block-duration": "5s"}}).code == 0
    answer = wait_for(
        "history from the store",
        lambda: get(host, f"{QUERY}/api/v1/query?query=lab_history&time={old_block + 3540}").json["data"]["result"],
        60,
    )
    assert answer[0]["value"][1] == "59"
    assert answer[0]["metric"] == {"__name__": "lab_history", "lab": "history"}


def test_second_run_changes_nothing(host):
    before = units(host)
    again = run()
    assert again.code == 0, again.errors or again.output
    assert again.changed == 0
    assert units(host) == before


def test_new_endpoint_needs_no_restart(host, undone):
    before = units(host)
    wished = ["127.0.0.1:10901", "127.0.0.1:10905", "127.0.0.1:10999"]
    foretold = run({"thanos_query_endpoints": wished}, "--check", "--diff")
    assert foretold.changed == 1 and "10999" in foretold.output
    assert "10999" not in host.file(ENDPOINTS).content_string
    done = run({"thanos_query_endpoints": wished})
    assert done.code == 0 and done.changed == 1, done.errors or done.output
    assert "10999" in host.file(ENDPOINTS).content_string
    assert units(host) == before


def test_changed_flag_restarts_that_component_alone(host, undone):
    before = units(host)
    done = run({"thanos_store_flags": {"store.grpc.series-max-concurrency": 10}})
    assert done.code == 0, done.errors or done.output
    now = units(host)
    assert {name for name in COMPONENTS if now[name] != before[name]} == {"store"}


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"thanos_compact_retention_raw": "5d"}, "Could not keep raw blocks for 5d"),
        ({"thanos_compact_hosts": ["a", "b"]}, "Could not run the compactor on a and b"),
        ({"thanos_objstore": {}}, "without object storage"),
        ({"thanos_query_flags": {"query.no-such-flag": 1}}, "unknown long flag '--query.no-such-flag'"),
        (
            {
                "thanos_objstore": {
                    "type": "S3",
                    "config": {
                        "bucket": "metrics",
                        "endpoint": "127.0.0.1:9",
                        "insecure": True,
                        "access_key": "AKIALAB",
                        "secret_key": "canary-bucket-4711",
                    },
                }
            },
            "Could not reach bucket metrics at 127.0.0.1:9",
        ),
    ],
    ids=["retention", "compactors", "no bucket", "flag", "unreachable bucket"],
)
def test_what_cannot_work_is_refused_and_nothing_is_touched(host, variables, words):
    before = units(host)
    # The site would ask the buckets before any role; here the role itself is to refuse.
    refused = run(variables, "--diff", "--skip-tags", "buckets")
    assert refused.code != 0
    assert words in refused.errors + refused.output
    assert "canary-bucket" not in json.dumps(refused.tasks) + refused.errors
    assert units(host) == before
    assert get(host, f"{QUERY}/-/ready").status == 200
