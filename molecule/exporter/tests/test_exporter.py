"""One story, told in order: Prometheus has what real servers say, through faults, an upgrade and its rollback."""

from __future__ import annotations

import base64
import re
from typing import Any

from lab import SCENARIO, Run, converge, exposure, get, process, query, wait_for

OLD, NEW = "1.0.0", "1.0.1"
HOME = "/opt/obs/exporter"
PAGE = "http://127.0.0.1:9920"
SHOP = "http://127.0.0.1:8080"
LOG = "/var/log/nginx/access.json"
CANARY = "canary-of-the-shop"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ECHO = {"kind": "command", "command": ["/bin/echo", "1"], "format": "number"}


def one(host: Any, promql: str) -> float | None:
    """The value of a query with one series; None without any."""
    found = query(host, promql)
    return float(found[0]["value"][1]) if found else None


def requested(host: Any) -> float:
    """Requests by the exporter's counters, as Prometheus has them."""
    return one(host, 'sum(app_requests_total{job="exporter"})') or 0.0


def ask(host: Any, first: int, last: int, path: str = "users") -> None:
    """Ask nginx for pages over one connection."""
    host.check_output(f"curl -sS -o /dev/null '{SHOP}/{path}/[{first}-{last}]'")


def written(host: Any) -> int:
    """Lines in the log and in what it was rotated to."""
    return int(host.check_output(f"cat {LOG}* | wc -l"))


def version(host: Any) -> str:
    """The version that runs, by its own word."""
    text = get(host, f"{PAGE}/metrics").body
    found = re.search(r'^obs_exporter_build_info\{version="([^"]+)"\} 1', text, re.MULTILINE)
    return found[1] if found else text


def result_of(run: Run) -> dict[str, Any]:
    """The one result of the service in a run."""
    (result,) = run.results("exporter")
    return result


def test_prometheus_scrapes_it_with_all_it_collects(host):
    wait_for("the scrape", lambda: one(host, 'up{job="exporter",instance="exporter-1:9920",site="shop"}') == 1)
    ask(host, 1, 20)
    ask(host, 1, 5, "orders")
    wait_for("requests", lambda: requested(host) == 25, 20)
    endpoint = 'app_requests_total{method="GET",endpoint="/users/{id}",status="200"}'
    assert one(host, endpoint) == 20
    assert one(host, 'app_requests_total{endpoint="other",status="503"}') == 5
    assert one(host, 'sum(app_request_duration_seconds_bucket{le="+Inf"})') == 25
    assert one(host, 'sum(app_request_duration_seconds_bucket{le="10.0"})') == 25
    assert one(host, 'app_info{version="1.4.2",environment="test"}') == 1
    assert (one(host, "app_active_connections") or 0) >= 1
    assert one(host, 'shop_orders{state="new"}') == 2 and one(host, 'shop_orders{state="paid"}') == 1
    assert one(host, 'shop_queue_waiting{queue="mail"}') == 3
    assert one(host, 'systemd_unit_active{unit="nginx.service"}') == 1
    assert (one(host, 'systemd_unit_memory_bytes{unit="prometheus.service"}') or 0) > 1e6
    wait_for("every module", lambda: one(host, "min(obs_exporter_collection_success)") == 1)
    rules = get(host, "http://127.0.0.1:9090/api/v1/rules?type=alert").json["data"]["groups"]
    assert "ExporterModuleFailing" in [rule["name"] for group in rules for rule in group["rules"]]


def test_the_page_is_clean(host):
    promtool = "/opt/obs/prometheus/current/release/bin/promtool"
    done = host.run(f"curl -sS {PAGE}/metrics | {promtool} check metrics")
    assert (done.rc, done.stdout, done.stderr) == (0, "", "")


def test_a_request_s_trace_is_its_exemplar(host):
    host.check_output(f"curl -sS -H 'traceparent: 00-{TRACE}-00f067aa0ba902b7-01' {SHOP}/users/7")
    times = host.check_output("date +'start=%s' -d '-5 minutes'; date +'end=%s' -d '+1 minute'").split()
    options = [part for item in (*times, "query=app_requests_total") for part in ("--data-urlencode", item)]

    def traces() -> list[str]:
        answer = get(host, "http://127.0.0.1:9090/api/v1/query_exemplars", "-G", *options)
        return [found["labels"]["trace_id"] for series in answer.json["data"] for found in series["exemplars"]]

    assert wait_for("the exemplar", traces, 20) == [TRACE]


def test_every_line_is_counted_once_over_rotation_restart_kill_and_truncation(host):
    host.check_output(f"systemd-run --quiet --unit=traffic curl -sS -o /dev/null '{SHOP}/users/[1-60000]'")
    before = process(host, "exporter")
    for number in (1, 2):
        host.check_output(f"mv {LOG} {LOG}.{number} && nginx -s reopen")
        host.check_output("systemctl restart exporter" if number == 1 else "systemctl kill -s KILL exporter")
        wait_for("the exporter", lambda: get(host, f"{PAGE}/-/ready").status == 200, 20)
    assert process(host, "exporter").pid != before.pid
    wait_for("the end of the traffic", lambda: host.run("systemctl is-active -q traffic").rc != 0, 60)
    # copytruncate while nobody writes: what comes between copy and cut is lost by its own nature.
    wait_for("what was written", lambda: requested(host) == written(host), 30)
    host.check_output(f"cp {LOG} {LOG}.3 && truncate -s 0 {LOG}")
    ask(host, 1, 500)
    host.check_output("systemctl restart exporter")
    ask(host, 1, 500)
    assert written(host) == 26 + 60000 + 1000
    wait_for("every line", lambda: requested(host) == written(host), 30)
    changes = 'sum(obs_exporter_log_file_changes_total{change="%s"})'
    assert one(host, changes % "lost") == 0 and (one(host, changes % "truncated") or 0) >= 1
    assert one(host, "sum(resets(app_requests_total[10m]))") == 0


def test_a_database_that_is_down_costs_its_own_series(host):
    host.check_output("systemctl stop postgresql@15-main")
    try:
        wait_for("its end", lambda: one(host, 'obs_exporter_collection_success{module="orders"}') == 0, 20)
        assert not query(host, "shop_orders") and query(host, "shop_queue_waiting")
        run = converge(playbook="verify.yml")
        assert run.code == 0 and "cannot collect: orders" in run.output, run.errors or run.output
        strict = converge({"strict": True, "wait": 0}, playbook="verify.yml")
        assert strict.code != 0 and "cannot collect: orders" in strict.errors
    finally:
        host.check_output("systemctl start postgresql@15-main")
    wait_for("it again", lambda: one(host, 'shop_orders{state="new"}') == 2, 20)


def test_a_wrong_configuration_changes_nothing(host):
    before, text = process(host, "exporter"), host.file("/etc/exporter/exporter.yml").content_string
    run = converge({"exporter_modules": {"a": {**ECHO, "comand": 1}}}, arguments=("--tags", "exporter"))
    assert run.code != 0 and "comand" in run.errors, run.errors or run.output
    assert process(host, "exporter") == before
    assert host.file("/etc/exporter/exporter.yml").content_string == text
    assert one(host, "obs_exporter_config_last_reload_successful") == 1


def test_a_reload_of_a_wrong_file_keeps_what_runs(host):
    before, good = process(host, "exporter"), "obs_exporter_config_last_reload_successful"
    path = host.check_output("readlink -f /etc/exporter/exporter.yml")
    text = host.file(path).content_string
    host.check_output(f"echo 'modules: {{a: {{kind: nonsense}}}}' > {path} && systemctl reload exporter")
    try:
        wait_for("the refusal", lambda: one(host, good) == 0, 20)
        assert one(host, 'shop_orders{state="new"}') == 2 and process(host, "exporter") == before
    finally:
        encoded = base64.b64encode(text.encode()).decode()
        host.check_output(f"echo {encoded} | base64 -d > {path} && systemctl reload exporter")
    wait_for("the reload", lambda: one(host, good) == 1, 20)


def test_a_changed_configuration_is_taken_by_a_reload(host):
    before, counted = process(host, "exporter"), requested(host)
    metrics = [{"name": "probe_value", "help": "One.", "value": "@"}]
    added = {"exporter_config": {"modules": {"probe": {**ECHO, "metrics": metrics}}}}
    run = converge(added, arguments=("--tags", "exporter"))
    assert run.code == 0 and run.changed == 1, run.errors or run.output
    assert result_of(run)["reloaded"] and not result_of(run)["restarted"]
    wait_for("the new module", lambda: one(host, "probe_value") == 1, 20)
    assert converge(arguments=("--tags", "exporter")).changed == 1
    assert process(host, "exporter") == before and requested(host) == counted


def test_upgrade_and_rollback_lose_no_count(host):
    counted = requested(host)
    assert counted and version(host) == OLD
    run = converge({"exporter_version": NEW}, arguments=("--tags", "exporter"))
    assert run.code == 0 and run.changed == 1, run.errors or run.output
    assert (result_of(run)["from"]["version"], result_of(run)["to"]["version"]) == (OLD, NEW)
    assert version(host) == NEW
    ask(host, 1, 100)
    wait_for("the count after the upgrade", lambda: requested(host) == counted + 100, 20)
    back = converge(playbook="rollback.yml")
    assert back.code == 0 and version(host) == OLD, back.errors or back.output
    ask(host, 1, 100)
    wait_for("the count after the rollback", lambda: requested(host) == counted + 200, 20)
    again = converge()
    assert again.code == 0 and again.changed == 0, again.errors or again.output


def test_it_is_confined_and_keeps_its_secret(host):
    assert exposure(host, "exporter") <= 3.0
    assert host.check_output(f"ps -o user= -p {process(host, 'exporter').pid}") == "exporter"
    for where in (
        "journalctl --no-pager",
        f"curl -sS {PAGE}/metrics",
        "cat /etc/exporter/exporter.yml",
        f"cat {HOME}/current/run.env",
    ):
        assert CANARY not in host.check_output(where), where
    assert host.file("/etc/exporter/secrets/shop").mode == 0o640
    assert host.file(f"{HOME}/current/release/packages").user == "root"
    assert (SCENARIO / "molecule.yml").read_text().count(CANARY) == 1
