"""Logs of a site: written and asked through the gateway while any one of three is away, or all are changed in turn."""

from __future__ import annotations

import json
import secrets
import shlex

import pytest
from guarded import LOGIN, LOKI, at, lines, push
from lab import converge, get, wait_for

testinfra_hosts = ["ha-gw"]

NODES = ("ha-1", "ha-2", "ha-3")
TAGS = ("--tags", "loki")
WRITER = "/run/lab-writer"
# Pushes numbered lines until it is told to stop; writes how many, and each that was not taken.
PROGRAM = """
import base64, json, os, ssl, sys, time, urllib.request
service, folder = sys.argv[1:]
trust = ssl.create_default_context(cafile="/etc/gateway/tls/ca.pem")
login = "Basic " + base64.b64encode(b"estate:canary-of-the-gateway").decode()
number, refused = 0, []
while os.path.exists(folder + ".on"):
    value = [str(time.time_ns()), "line %06d" % number]
    body = json.dumps({"streams": [{"stream": {"service_name": service}, "values": [value]}]}).encode()
    headers = {"Authorization": login, "Content-Type": "application/json"}
    request = urllib.request.Request("https://ha-gw:3100/loki/api/v1/push", body, headers)
    try:
        urllib.request.urlopen(request, timeout=60, context=trust).close()
    except OSError as error:
        refused.append("%d: %s" % (number, error))
    number += 1
    time.sleep(0.1)
with open(folder + ".out", "w") as out:
    json.dump({"lines": number, "refused": refused}, out)
"""


@pytest.fixture
def undone():
    """Brings the ring back to the scenario's own wish."""
    yield
    run = converge(arguments=TAGS)
    assert run.code == 0, run.errors or run.output


def numbered(count: int) -> list[str]:
    """Lines by number."""
    return [f"line {number:06}" for number in range(count)]


def ready(host) -> bool:
    """Whether the gateway has all three again."""
    page = get(host, "http://127.0.0.1:8405/metrics").body
    return all(f'haproxy_server_status{{proxy="loki",server="{name}",state="UP"}} 1' in page for name in NODES)


@pytest.mark.parametrize("stopped", NODES)
def test_any_two_of_three_take_lines_and_answer(host, stopped):
    service = f"lab-{secrets.token_hex(4)}"
    assert push(host, service, numbered(1)) == 204
    at(stopped).check_output("systemctl stop loki")
    try:
        for number in range(1, 21):
            assert push(host, service, [f"line {number:06}"]) == 204
        wait_for("all lines", lambda: sorted(lines(host, service)) == numbered(21), 30)
    finally:
        at(stopped).check_output("systemctl start loki")
        wait_for("the whole ring", lambda: ready(host), 90)
    assert sorted(lines(host, service)) == numbered(21)


def test_a_change_of_the_ring_loses_no_line(host, undone):
    service = f"lab-{secrets.token_hex(4)}"
    command = shlex.join(["python3", "-c", PROGRAM, service, WRITER])
    host.check_output(
        f"rm -f {WRITER}.*; touch {WRITER}.on; ({command} >{WRITER}.log 2>&1 &) </dev/null >/dev/null 2>&1"
    )
    try:
        run = converge({"loki_config": {"limits_config": {"max_query_series": 501}}}, arguments=TAGS)
    finally:
        host.check_output(f"rm -f {WRITER}.on")
    assert run.code == 0, run.errors
    order = [name for _task, name, result in run.tasks if result.get("restarted")]
    assert order == list(NODES), "one after the other"
    told = wait_for("the writer's account", lambda: host.run(f"cat {WRITER}.out").stdout, 70)
    account = json.loads(told)
    assert account["refused"] == [] and account["lines"] > 200
    wait_for("every line", lambda: sorted(lines(host, service)) == numbered(account["lines"]), 30)


def test_who_has_no_certificate_is_refused_by_loki_itself(host):
    trust = ("--cacert", "/etc/gateway/tls/ca.pem")
    shown = ("--cert", "/etc/gateway/tls/server.crt", "--key", "/etc/gateway/tls/server.crt.key")
    for name in NODES:
        bare = host.run("curl -sS --max-time 10 " + shlex.join([*trust, f"https://{name}:3100/ready"]))
        assert bare.rc != 0 and "certificate required" in bare.stderr, bare.stderr
        assert get(host, f"https://{name}:3100/ready", *trust, *shown).status == 200


def test_who_has_no_password_cannot_write(host):
    trust = ("--cacert", "/etc/gateway/tls/ca.pem")
    assert push(host, "lab-nobody", ["x"], *trust) == 401
    assert push(host, "lab-nobody", ["x"], *trust, "--user", "estate:wrong") == 401
    assert get(host, f"{LOKI}/flush", *LOGIN, "-X", "POST").status == 403


def test_the_agents_lines_come_through_the_gateway(host):
    word = f"lab {secrets.token_hex(8)}"
    at("ha-b").check_output(f"logger -t lab {shlex.quote(word)}")
    question = ("-G", "--data-urlencode", f'query={{host="ha-b"}} |= "{word}"')

    def found():
        answer = get(host, f"{LOKI}/loki/api/v1/query_range", *LOGIN, *question)
        return answer.status == 200 and answer.json["data"]["result"]

    streams = wait_for("the line", found, 60)
    assert streams[0]["stream"]["site"] == "main"
