"""A user's own application on a watched host is found by its host variable, followed when it moves, and let go."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml
from lab import INVENTORY, PROJECT, Run, converge, get, process, query, wait_for

testinfra_hosts = ["verbs-a"]

PROMETHEUS = ("--tags", "prometheus")
VERIFY = PROJECT / "playbooks/verify.yml"
CANARY = "canary-of-the-shop"
LIVE = "/etc/obs/prometheus/live/file_sd/lab_shop.yml"
SECRET = "/etc/prometheus/secrets/scrape_lab_shop_password"

# Lets nobody in without the password, and tells its numbers on a path of its own.
APPLICATION = f"""
import base64, http.server, sys
WANTED = "Basic " + base64.b64encode(b"metrics:{CANARY}").decode()
class Shop(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        known = self.headers.get("Authorization") == WANTED
        self.send_response(404 if self.path != "/internal/metrics" else 200 if known else 401)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(b"lab_shop_orders_total 7\\n" if known else b"")
http.server.HTTPServer(("0.0.0.0", int(sys.argv[1])), Shop).serve_forever()
"""


def at(name: str) -> Any:
    """A host of the scenario by its name."""
    return testinfra.get_host(f"ansible://{name}", ansible_inventory=str(INVENTORY))


def start(port: int) -> None:
    """Run the application on its host at a port, and nowhere else."""
    stop()
    at("verbs-b").check_output(f"systemd-run --unit lab-shop --collect python3 /opt/lab_shop.py {port}")


def stop() -> None:
    """End the application."""
    at("verbs-b").run("systemctl stop lab-shop")


def scrape(port: int, **changes: Any) -> dict[str, Any]:
    """What the host's owner writes."""
    item = {"job": "lab_shop", "port": port, "path": "/internal/metrics", "interval": "1s", "labels": {"team": "sales"}}
    return {**item, "username": "metrics", "password": CANARY, **changes}


@pytest.fixture(scope="module", autouse=True)
def application():
    """The application at port 8081; afterwards the estate is the scenario's own again."""
    encoded = base64.b64encode(APPLICATION.encode()).decode()
    at("verbs-b").check_output(f"echo {encoded} | base64 -d > /opt/lab_shop.py")
    start(8081)
    yield
    stop()
    at("verbs-b").check_output("rm -f /opt/lab_shop.py")
    if at("verbs-a").file(LIVE).exists:  # a test has failed in between
        assert converge(arguments=PROMETHEUS).code == 0


@pytest.fixture
def wish(tmp_path: Path):
    """Converges with variables of verbs-b, as its owner's inventory would have them."""

    def run(variables: dict[str, Any], *, playbook: str | Path = "converge.yml", **extra: Any) -> Run:
        more = tmp_path / "shop.yml"
        more.write_text(yaml.safe_dump({"all": {"hosts": {"verbs-b": variables}}}))
        arguments = PROMETHEUS if playbook == "converge.yml" else ()
        return converge(extra or None, playbook=playbook, arguments=("--inventory", str(more), *arguments))

    return run


def targets(host: Any) -> dict[str, dict[str, Any]]:
    """Targets of the application's job by the address that is asked."""
    found = get(host, "http://127.0.0.1:9090/api/v1/targets?state=active&scrapePool=lab_shop").json
    return {target["scrapeUrl"].split("//")[1]: target for target in found["data"]["activeTargets"]}


def test_application_is_found_with_its_labels_and_password(host, wish):
    run = wish({"obs_scrape_lab": [scrape(8081)]})
    assert run.code == 0, run.errors or run.output
    (result,) = run.results("prometheus")
    assert (result["reloaded"], result["restarted"]) == (True, False)
    up = wait_for("application that is up", lambda: query(host, 'up{job="lab_shop"} == 1'), seconds=30)
    labels = up[0]["metric"]
    del labels["__name__"]
    assert labels == {
        "job": "lab_shop",
        "instance": "verbs-b:8081",
        "host": "verbs-b",
        "site": "verbs",
        "team": "sales",
    }
    assert query(host, "lab_shop_orders_total")[0]["value"][1] == "7"


def test_password_stands_in_its_file_only(host, wish):
    assert CANARY not in host.check_output("cat /etc/prometheus/prometheus.yml " + LIVE)
    assert host.check_output(f"cat {SECRET}") == CANARY
    assert host.check_output(f"stat -L -c '%a %U' {SECRET}") == "640 root"
    run = wish({"obs_scrape_lab": [scrape(8081)]})
    assert run.changed == 0, "a second run must change nothing"
    assert CANARY not in run.output


def test_verify_wants_it_among_the_targets(host, wish):
    run = wish({"obs_scrape_lab": [scrape(8081), scrape(8099)]}, playbook=VERIFY, wait=0)
    assert run.code != 0
    assert "lab_shop verbs-b:8099 is no target" in run.errors


def test_move_to_another_port_is_followed_without_a_reload(host, wish):
    loaded = "prometheus_config_last_reload_success_timestamp_seconds"

    def reloads() -> str:
        lines = get(host, "http://127.0.0.1:9090/metrics").body.splitlines()
        return next(line for line in lines if line.startswith(loaded))

    def state() -> tuple[Any, ...]:
        return process(host, "prometheus"), reloads(), host.check_output("readlink /opt/obs/prometheus/current")

    before = state()
    start(8082)
    run = wish({"obs_scrape_lab": [scrape(8082)]})
    assert run.code == 0, run.errors or run.output
    (result,) = run.results("prometheus")
    assert (result["changed"], result["reloaded"], result["restarted"]) == (True, False, False)

    def moved() -> bool:
        found = targets(host)
        return len(found) == 1 and all(":8082/" in url and one["health"] == "up" for url, one in found.items())

    wait_for("target at the new port alone", moved, seconds=30)
    assert state() == before


def test_application_that_is_down_is_a_warning_and_fails_a_strict_verify(host, wish):
    stop()
    wait_for("application that is down", lambda: query(host, 'up{job="lab_shop"} == 0'), seconds=30)
    wanted = {"obs_scrape_lab": [scrape(8082)]}
    run = wish(wanted, playbook=VERIFY, wait=0)
    assert run.code == 0, run.errors or run.output
    (table,) = [result["msg"] for task, _host, result in run.tasks if task == "Show the table"]
    (line,) = [line for line in table if "applications" in line]
    assert " warning " in line and "lab_shop verbs-b:8082 is down" in line
    run = wish(wanted, playbook=VERIFY, wait=0, strict=True)
    assert run.code != 0
    assert "verbs-a prometheus applications: lab_shop verbs-b:8082 is down" in run.errors


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"obs_scrape": [scrape(0)]}, "obs_scrape[1] of verbs-b: the port '0' is not 1 to 65535"),
        ({"obs_scarpe": [scrape(8081)]}, "obs_scarpe of verbs-b is not known. Did you mean obs_scrape?"),
    ],
)
def test_what_cannot_be_watched_is_refused_before_anything_changes(wish, variables, words):
    run = wish(variables)
    assert run.code != 0
    assert words in run.errors, run.errors
    assert CANARY not in run.output
    assert not run.results("prometheus"), "no host must be touched"


def test_job_that_nobody_names_goes_with_its_files(host):
    run = converge(arguments=PROMETHEUS)
    assert run.code == 0, run.errors or run.output
    wait_for("configuration without the job", lambda: not targets(host), seconds=30)
    assert "lab_shop" not in host.check_output("cat /etc/prometheus/prometheus.yml")
    for path in (LIVE, SECRET):
        assert not host.file(path).exists, path
