"""One address for the clients of the site: members are checked, callers are asked, changes lose no connection."""

from __future__ import annotations

import re
import shlex
from typing import Any, NamedTuple

import pytest
import testinfra
from lab import INVENTORY, converge, exposure, get, process, wait_for

testinfra_hosts = ["ha-gw"]

UNIT = "gateway.service"
OWN = "http://127.0.0.1:8405"
GATEWAY = ("--tags", "gateway")
EXPECTED = {"loki", "thanos-query", "alertmanager"}  # besides those that the scenario adds
LOOP = "/run/gateway-loop"


class Front(NamedTuple):
    """A service as the gateway offers it."""

    name: str
    port: int
    tls: bool
    asks: bool

    def url(self, path: str) -> str:
        """One of its pages, by the name of the gateway's host."""
        return "{}://ha-gw:{}{}".format("https" if self.tls else "http", self.port, path)

    def options(self, login: str = "") -> list[str]:
        """curl's options for it."""
        trust = ["--cacert", "/etc/gateway/tls/ca.pem"] if self.tls else []
        return trust + (["--user", login] if login else [])


def at(name: str) -> Any:
    """A host of the scenario by its name."""
    return testinfra.get_host(f"ansible://{name}", ansible_inventory=str(INVENTORY))


def fronts(host: Any) -> dict[str, Front]:
    """What is offered, from the configuration that HAProxy has."""
    text = host.file("/etc/gateway/haproxy.cfg").content_string
    found = {}
    for name, body in re.findall(r"^frontend (\S+)\n((?:    .*\n)+)", text, re.MULTILINE):
        port = re.search(r"bind \S+:(\d+)", body)
        if name != "metrics" and port:
            found[name] = Front(name, int(port.group(1)), " ssl " in body, "http_auth" in body)
    return found


def login(host: Any) -> str:
    """user:password of the stack itself."""
    client = host.ansible.get_variables()["obs_gateway_client"]
    return "{}:{}".format(client["username"], client["password"])


def members(host: Any) -> dict[str, set[str]]:
    """Service -> members that the gateway finds ready."""
    found: dict[str, set[str]] = {}
    for line in get(host, f"{OWN}/metrics").body.splitlines():
        row = re.match(r'haproxy_server_status\{proxy="([^"]+)",server="([^"]+)",state="UP"\} 1$', line)
        if row:
            found.setdefault(row.group(1), set()).add(row.group(2))
    return found


@pytest.fixture
def undone():
    """Brings the gateway back to the scenario's own wish."""
    yield
    assert converge(arguments=GATEWAY).code == 0


def test_it_runs_and_the_package_s_own_service_does_not(host):
    assert host.service(UNIT).is_running and host.service(UNIT).is_enabled
    assert host.check_output("systemctl is-enabled haproxy.service || true") in ("masked", "disabled")
    assert not host.service("haproxy.service").is_running
    assert exposure(host, UNIT) <= 3.0
    assert get(host, f"{OWN}/ready").status == 200


def test_every_member_is_found_ready(host):
    assert set(fronts(host)) >= EXPECTED
    declared = {
        name: set(re.findall(r"^    server (\S+) ", body, re.MULTILINE))
        for name, body in re.findall(
            r"^backend (\S+)\n((?:    .*\n)+)", host.file("/etc/gateway/haproxy.cfg").content_string, re.MULTILINE
        )
    }
    wait_for("members of all services", lambda: members(host) == declared, 90)


def test_callers_are_asked(host):
    asking = [front for front in fronts(host).values() if front.asks]
    assert {front.name for front in asking} >= {"loki", "thanos-query"}
    for front in asking:
        for wrong in ("", login(host).partition(":")[0] + ":wrong-password"):
            assert get(host, front.url("/"), *front.options(wrong)).status == 401, front.name
        assert get(host, front.url("/"), *front.options(login(host))).status not in (0, 401, 502, 503), front.name


def test_secrets_are_the_group_s_and_nowhere_else(host):
    word = login(host).partition(":")[2]
    for path in ("secrets/users.cfg", "tls/server.crt.key"):
        file = host.file(f"/etc/gateway/{path}")
        if file.exists:
            assert (file.mode, file.user, file.group) == (0o640, "root", "gateway")
    main = process(host, UNIT).pid
    for place in (
        f"/proc/{main}/cmdline",
        f"/proc/{main}/environ",
        "/etc/gateway/haproxy.cfg",
        "/etc/gateway/secrets/users.cfg",
    ):
        assert word not in host.file(place).content_string, place
    assert word not in host.check_output(f"journalctl --no-pager -u {UNIT}")


def test_a_change_is_a_reload_that_loses_no_request(host, undone):
    front = fronts(host)["thanos-query"]
    curl = ["curl", "-s", "-o", "/dev/null", "--max-time", "20", "-w", "%{http_code}\\n", *front.options(login(host))]
    once = shlex.join([*curl, front.url("/-/ready")])
    host.check_output(
        f"rm -f {LOOP}.*; touch {LOOP}.on; "
        f"(while test -e {LOOP}.on; do {once}; done >{LOOP}.out 2>&1 &) </dev/null >/dev/null 2>&1"
    )
    try:
        before = process(host, UNIT)
        run = converge({"gateway_stop_after": "4m"}, arguments=GATEWAY)
    finally:
        host.check_output(f"rm -f {LOOP}.on")
    assert run.code == 0, run.errors
    assert [result["reloaded"] for result in run.results("gateway")] == [True]
    assert process(host, UNIT) == before, "the master stays"
    answers = host.check_output(f"cat {LOOP}.out").split()
    assert len(answers) > 20 and set(answers) == {"200"}


def test_a_broken_configuration_is_refused_and_the_old_one_works_on(host):
    before = host.check_output("readlink /opt/obs/gateway/current")
    run = converge({"gateway_config": {"defaults": ["no-such-word"]}}, arguments=GATEWAY)
    assert run.failed == 1 and "haproxy -c refuses" in run.errors and "no-such-word" in run.errors
    assert host.check_output("readlink /opt/obs/gateway/current") == before
    assert get(host, f"{OWN}/ready").status == 200


def test_the_others_answer_while_a_member_is_stopped(host):
    front = fronts(host)["loki"]
    ready = members(host)["loki"]
    assert len(ready) == 3
    name = sorted(ready)[0]
    question = front.url("/loki/api/v1/labels")
    at(name).check_output("systemctl stop loki")
    try:
        for _number in range(6):
            assert get(host, question, *front.options(login(host))).status == 200
        wait_for("the gateway to leave it out", lambda: members(host)["loki"] == ready - {name}, 30)
    finally:
        at(name).check_output("systemctl start loki")
    wait_for("the member to be back", lambda: members(host)["loki"] == ready, 90)
