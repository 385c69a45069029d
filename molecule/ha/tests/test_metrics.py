"""Metrics of a site: one series of two replicas, blocks in the bucket, and history that no Prometheus has any more."""

from __future__ import annotations

import json
import re
import secrets
import time
from pathlib import Path

import pytest
from guarded import LOGIN, THANOS, at, bucket
from lab import converge, get, query, wait_for

testinfra_hosts = ["ha-gw"]

REPLICAS = ("ha-a", "ha-b")
SCRAPED = 'up{job="node_exporter", host="ha-1"}'
OLDEST = 40  # seconds a sample may be old: two scrapes, and one for their way
OLD = "/tmp/lab-history"


@pytest.fixture
def old_block():
    """A block of samples from three days ago in the bucket, which no Prometheus has."""
    host = at("ha-a")
    start = (int(time.time()) - 3 * 86400) // 7200 * 7200
    # Two blocks of equal labels at one time would halt the compactor, should this run twice on a bucket.
    name = f"history-{secrets.token_hex(4)}"
    samples = "".join(f"lab_history {number} {start + 60 * number}\n" for number in range(60))
    host.check_output(f"mkdir -p {OLD}")
    host.run(f"cat > {OLD}/samples <<'END'\n# TYPE lab_history gauge\n{samples}# EOF\nEND")
    host.check_output(
        f"/opt/obs/prometheus/current/release/bin/promtool tsdb create-blocks-from openmetrics {OLD}/samples "
        f"{OLD}/blocks"
    )
    host.check_output(
        "AWS_SHARED_CREDENTIALS_FILE=/etc/thanos-sidecar/secrets/aws_credentials "
        "/opt/obs/thanos-sidecar/current/release/bin/thanos tools bucket upload-blocks "
        f"--objstore.config-file=/etc/thanos-sidecar/objstore.yml --path={OLD}/blocks "
        f"--label='lab=\"{name}\"' --label='replica=\"x\"'"
    )
    yield start, name
    host.check_output(f"rm -rf {OLD}")


def test_two_replicas_are_one_series(host):
    rows = wait_for("the target", lambda: query(host, SCRAPED, THANOS, *LOGIN), 60)
    assert len(rows) == 1 and rows[0]["value"][1] == "1"
    assert not {"replica", "zone"} & set(rows[0]["metric"])


AGE = f"time() - timestamp({SCRAPED})"


def fresh(host, *options: str) -> list[dict]:
    """Series of a target by Thanos query, all with a sample that is not old; none otherwise."""
    rows = query(host, AGE, THANOS, *LOGIN, *options)
    return rows if all(float(row["value"][1]) < OLDEST for row in rows) else []


def both(host) -> bool:
    """Whether both replicas have fresh samples, each by its sidecar, which follows its Prometheus by up to 30 s."""
    return len(fresh(host, "--data-urlencode", "dedup=false")) == len(REPLICAS)


@pytest.mark.parametrize("stopped", REPLICAS)
def test_no_gap_while_a_replica_is_stopped(host, stopped):
    wait_for("samples of both", lambda: both(host), 120)
    at(stopped).check_output("systemctl stop prometheus")
    try:
        # Longer than a sample may be old: those from before the stop are no answer at the end of it.
        end = time.monotonic() + OLDEST + 20
        while time.monotonic() < end:
            rows = query(host, AGE, THANOS, *LOGIN)
            assert len(rows) == 1, rows
            assert float(rows[0]["value"][1]) < OLDEST, f"no new sample for {rows[0]['value'][1]} s"
            time.sleep(1)
        assert query(host, "vector(1)", "https://ha-gw:9090", *LOGIN), "Prometheus' own address has the other one"
    finally:
        at(stopped).check_output("systemctl start prometheus")
    wait_for("samples of both", lambda: both(host), 120)


def test_blocks_of_both_replicas_are_in_the_bucket():
    def replicas():
        blocks = re.findall(r"<Key>([0-9A-Z]{26})/meta\.json</Key>", bucket("blocks").body)
        told = [json.loads(bucket("blocks", f"{block}/meta.json").body) for block in blocks]
        found = {one["thanos"]["labels"].get("replica") for one in told if one["thanos"]["source"] == "sidecar"}
        return set(REPLICAS) <= found and found

    # A block of two minutes is cut a minute after its end.
    wait_for("a block of each replica", replicas, 300)


def test_the_store_answers_for_what_no_prometheus_has(host, old_block):
    start, name = old_block
    asked = f'lab_history{{lab="{name}"}} @ {start + 600}'
    for name in REPLICAS:
        straight = ("--cacert", "/etc/prometheus/tls/ca.pem", "--user", "metrics:canary-4711")
        assert query(at(name), asked, f"https://{name}:9090", *straight) == []
    rows = wait_for("the history", lambda: query(host, asked, THANOS, *LOGIN), 90)
    assert [row["value"][1] for row in rows] == ["10"]
    assert "replica" not in rows[0]["metric"]


def test_samples_are_not_written_by_turns(host):
    answer = get(host, "https://ha-gw:9090/api/v1/write", *LOGIN, "-X", "POST", "-d", "x")
    assert answer.status == 403


def test_a_second_compactor_is_refused_before_anything_changes(tmp_path: Path):
    (tmp_path / "more.yml").write_text("thanos_compact: {hosts: {ha-1: }}\n")
    run = converge(arguments=("--inventory", str(tmp_path / "more.yml")))
    assert run.code != 0 and run.changed == 0
    assert "ha-1 and ha-2 would compact the same bucket ha-s3:8333/blocks" in run.errors, run.errors


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"endpoint": "ha-s3:8399"}, ("ha-s3:8399", "refused")),
        ({"secret_key": "canary-of-nobody"}, ("ha-s3:8333", "SignatureDoesNotMatch")),
        (
            {"buckets": {"thanos": "blocks", "loki": "nowhere", "tempo": "traces"}},
            ("ha-s3:8333", "there is no bucket nowhere"),
        ),
    ],
    ids=["endpoint", "key", "bucket"],
)
def test_a_bucket_that_does_not_answer_is_told_before_anything_changes(host, wrong, told):
    storage = at("ha-1").ansible.get_variables()["obs_object_storage"]
    run = converge({"obs_object_storage": {**storage, **wrong}})
    assert run.code != 0 and run.changed == 0
    for word in told:
        assert word in run.errors, run.errors
    assert "canary" not in run.errors
