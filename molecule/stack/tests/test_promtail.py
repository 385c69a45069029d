"""Promtail ships the journal and files: every line once, its trace id with it, whatever restarts."""

from __future__ import annotations

import json
import time
import uuid

import pytest
from lab import converge, exposure, get, process, wait_for

LOKI = "http://127.0.0.1:3100"
PROMTAIL = "http://127.0.0.1:9080"
ONLY = ("--tags", "promtail")
# The log agent of the host while these tests run.
CHOSEN = {"obs_log_agent": "promtail"}
# New for every run: positions of files that are gone stay for some seconds.
FOLDER = f"/var/log/obs-test-{uuid.uuid4().hex[:8]}"
LOGS = [{"name": "obs-test", "paths": [f"{FOLDER}/*.log"], "format": "json", "labels": {"service": "obs-test"}}]


def lines(host, logql: str) -> list[tuple[dict, str]]:
    """(labels with structured metadata, line) of what LogQL finds."""
    options = ("-G", "--data-urlencode", f"query={logql}", "-d", "limit=5000", "-d", "since=2h")
    answer = get(host, f"{LOKI}/loki/api/v1/query_range", *options)
    assert answer.status == 200, f"{logql}: HTTP {answer.status} {answer.body}"
    return [(stream["stream"], line) for stream in answer.json["data"]["result"] for _time, line in stream["values"]]


def count(host, logql: str) -> int:
    """How many lines LogQL finds now, those repeated counted again."""
    options = ("-G", "--data-urlencode", f"query=sum(count_over_time({logql}[2h]))")
    result = get(host, f"{LOKI}/loki/api/v1/query", *options).json["data"]["result"]
    return int(result[0]["value"][1]) if result else 0


def write(host, name: str, numbers: range, run: str) -> None:
    """Numbered lines of JSON, appended to a file of the log."""
    host.check_output(
        f"seq {numbers.start} {numbers.stop - 1} | "
        f'sed \'s/.*/{{"level":"info","event":"{run}","number":&}}/\' >> {FOLDER}/{name}.log'
    )


@pytest.fixture(scope="module", autouse=True)
def shipped(host):
    """Promtail is the host's agent and reads a log of JSON lines; the collector takes its place again in the end."""
    host.check_output(f"install -d -m 0755 {FOLDER}")
    run = converge({**CHOSEN, "promtail_logs": LOGS}, arguments=ONLY)
    assert run.code == 0, run.errors or run.output
    yield
    assert converge(arguments=("--tags", "otelcol-agent")).code == 0
    assert host.run("test -d /opt/obs/promtail").rc == 1, "the collector took its place"
    host.check_output(f"rm -rf {FOLDER}")


def test_ready_and_sealed(host):
    assert get(host, f"{PROMTAIL}/ready").status == 200
    assert exposure(host, "promtail") <= 3.0
    assert "promtail_sent_entries_total" in get(host, f"{PROMTAIL}/metrics").body


def test_journal_arrives_with_its_service(host):
    word = uuid.uuid4().hex
    host.check_output(f"logger -t obs-journal -p user.warning {word}")
    ((labels, line),) = wait_for(
        "the line", lambda: lines(host, f'{{service="obs-journal", host!=""}} |= "{word}"'), 30
    )
    assert line == word
    assert labels["service"] == "obs-journal" and labels["level"] == "warning" and labels["host"]


def test_line_of_a_file_is_found_by_its_trace_id(host, shipped):
    trace_id = uuid.uuid4().hex
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.123456Z", time.gmtime(time.time() - 60))
    line = {"timestamp": moment, "level": "error", "event": "request_failed", "trace_id": trace_id}
    host.check_output(f"echo '{json.dumps(line)}' >> {FOLDER}/app.log")
    logql = f'{{service="obs-test", level="error"}} | trace_id="{trace_id}"'
    ((labels, found),) = wait_for("the line", lambda: lines(host, logql), 30)
    assert json.loads(found) == line
    assert labels["filename"] == f"{FOLDER}/app.log"
    answer = get(host, f"{LOKI}/loki/api/v1/series", "-G", "--data-urlencode", 'match[]={service="obs-test"}')
    assert not [stream for stream in answer.json["data"] if "trace_id" in stream], "an id of each trace is no label"


def test_restart_repeats_and_loses_nothing(host, shipped):
    run = uuid.uuid4().hex
    logql = f'{{service="obs-test"}} |= "{run}"'
    write(host, "numbered", range(1, 1001), run)
    wait_for("the first lines", lambda: count(host, logql), 30)
    host.check_output("systemctl restart promtail")
    write(host, "numbered", range(1001, 3001), run)
    wait_for("3000 lines", lambda: count(host, logql) >= 3000, 60)
    assert count(host, logql) == 3000


def test_lines_wait_for_loki(host, shipped):
    run = uuid.uuid4().hex
    logql = f'{{service="obs-test"}} |= "{run}"'
    host.check_output("systemctl stop loki")
    try:
        write(host, "outage", range(1, 1001), run)
        wait_for(
            "a try to send",
            lambda: "error sending batch" in host.check_output("journalctl -u promtail --since=-1min --no-pager"),
            30,
        )
    finally:
        host.check_output("systemctl start loki")
    wait_for("Loki", lambda: get(host, f"{LOKI}/ready").status == 200, 60)
    wait_for("1000 lines", lambda: count(host, logql) >= 1000, 60)
    assert count(host, logql) == 1000


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"promtail_config": {"position": {}}}, "position not found"),
        ({"promtail_logs": [{"name": "a", "paths": ["a.log"]}]}, "no list of absolute paths"),
        (
            {"promtail_scrape_configs": [{"job_name": "a", "pipeline_stages": [{"jsn": {}}]}]},
            "not one stage that Promtail knows",
        ),
        ({"promtail_clients": [{"name": "a", "url": "http://u:{}@a/".format("x")}]}, "its url holds credentials"),
    ],
    ids=["unknown-key", "path", "stage", "credentials"],
)
def test_refused_before_anything_changes(host, variables, words):
    before = process(host, "promtail")
    run = converge({**CHOSEN, **variables}, arguments=ONLY)
    assert run.code != 0
    assert words in run.errors, run.errors
    assert process(host, "promtail") == before


def test_password_is_in_its_file_only(host):
    canary = f"canary-{uuid.uuid4().hex}"
    clients = [{"name": "far", "url": "http://127.0.0.1:3100/loki/api/v1/push", "username": "u", "password": canary}]
    given = {**CHOSEN, "promtail_clients": clients}
    run = converge(given, arguments=(*ONLY, "--diff", "-vvv"))
    try:
        assert run.code == 0, run.errors
        shown = run.output.replace(json.dumps(given), "")
        assert canary not in json.dumps([result for _task, _host, result in run.tasks])
        assert f"+{canary}" not in shown
        assert canary not in host.check_output("cat /etc/promtail/promtail.yml /opt/obs/promtail/current/run.env")
        assert host.file("/etc/promtail/secrets/far_password").content_string == canary
        assert host.file("/etc/promtail/secrets/far_password").mode == 0o640
        assert canary not in host.check_output("journalctl --no-pager --since=-5min")
    finally:
        assert converge({**CHOSEN, "promtail_logs": LOGS}, arguments=ONLY).code == 0
