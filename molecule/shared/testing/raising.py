"""Raises alerts of the scenario `alerting` by metrics (rules/lab.yml), and follows them through its pair."""

from __future__ import annotations

import base64
import secrets
import shlex
import time
from typing import Any

from channels import at
from lab import get, wait_for

PAIR = ("alerting-a", "alerting-b")
SOURCE = "alerting-a"
PROMETHEUS = "http://127.0.0.1:9090"
TEXTFILE = "/var/lib/node_exporter/lab.prom"
# Seconds within which both replicas read what is written: two scrapes.
NOTICE = 4
# Seconds: cluster.peer-timeout of the scenario, and the sending.
TURN = 3 + 2
# Seconds: group_interval of the scenario.
INTERVAL = 8
_raised: dict[str, list[str]] = {}
_until: dict[str, float] = {}


def new_case(name: str) -> str:
    """A name that no run before had: what channels were told stays, and so does what Alertmanager remembers."""
    return f"{name}-{secrets.token_hex(3)}"


def raise_alerts(case: str, lab: str, parts: int = 1, severity: str = "page") -> None:
    """Raise LabAlert once for each part; the route is that of label ``lab``, the group that of ``case``."""
    row = 'lab_alert_until{{lab="{}",case="{}",part="{}",severity="{}"}} '
    _raised[case] = [row.format(lab, case, part, severity) for part in range(parts)]
    _until[case] = now() + 3600
    _write()


def end(case: str, receiver_key: str) -> None:
    """Let a case be over while no member is at it: the second one has just waited for word of the first.

    It tells what it saw before it waited, so what ends meanwhile may be told once more (docs/alerting.md).
    """
    wait_flushed(case, receiver_key, hosts=PAIR[1:], more=1)
    clear(case)


def clear(*cases: str) -> None:
    """Let them be over in a moment, which both replicas have read of by then."""
    for case in cases:
        # What is over already must not begin anew.
        _until[case] = min(_until[case], now() + NOTICE)
    _write()


def _write() -> None:
    """The whole file at once, by a rename."""
    rows = [f"{row}{_until[case]:.3f}\n" for case in _raised for row in _raised[case]]
    encoded = base64.b64encode("".join(rows).encode()).decode()
    script = f"echo {encoded} | base64 -d > {TEXTFILE}.new && chmod 644 {TEXTFILE}.new && mv {TEXTFILE}.new {TEXTFILE}"
    at(SOURCE).check_output(f"sh -c {shlex.quote(script)}")


def alerts(host: str, matcher: str) -> list[dict[str, Any]]:
    """Alerts that an Alertmanager has and that have not ended, such as those of ``site="far"``."""
    answer = get(at(host), "http://127.0.0.1:9093/api/v2/alerts", "-G", "--data-urlencode", f"filter={matcher}")
    assert answer.status == 200, answer.body
    return answer.json


def of_case(host: str, case: str) -> list[dict[str, Any]]:
    """Those of a case."""
    return alerts(host, f'case="{case}"')


def flushes(host: str, case: str, receiver_key: str, state: str = "active") -> int:
    """How often an Alertmanager has begun to tell a group in a state (active, resolved). It logs that at level debug.

    receiver_key: what the group's route and key say besides the case, such as ``lab="channels"``.
    """
    lines = at(host).check_output("journalctl -u alertmanager -o cat --no-pager").replace('\\"', '"').splitlines()
    wanted = ("msg=flushing", f'case="{case}"', receiver_key, f"[{state}]")
    return sum(all(word in line for word in wanted) for line in lines)


def wait_flushed(case: str, receiver_key: str, *, hosts: tuple[str, ...] = PAIR, more: int = 2, seconds: float = 60):
    """Wait until each member has begun to tell a group that many times again: the time before is then at its end.

    A member begins anew when it has told, or has learned that another one did. So nobody is about to send any more.
    """
    before = {host: flushes(host, case, receiver_key) for host in hosts}
    for host in hosts:
        wait_for(
            f"{more} flushes of {case} at {host}",
            lambda host=host: flushes(host, case, receiver_key) >= before[host] + more,
            seconds,
        )


def wait_over(*cases: str, hosts: tuple[str, ...] = PAIR, seconds: float = 60) -> None:
    """Wait until these cases are over for each member. It may still have to tell that."""
    for host in hosts:
        for case in cases:
            wait_for(f"the end of {case} at {host}", lambda host=host, case=case: not of_case(host, case), seconds)


def wait_end_told(*cases: str, receiver_key: str, hosts: tuple[str, ...] = PAIR, seconds: float = 60) -> None:
    """Wait until each member has told that these cases are over, or learned that the other one did."""
    for host in hosts:
        for case in cases:
            wait_for(
                f"{host} to tell that {case} is over",
                lambda host=host, case=case: flushes(host, case, receiver_key, "resolved"),
                seconds,
            )
    # A member that has begun sends within its turn, or not at all; no page of Alertmanager tells that it is past.
    wait_past("the second one's turn", now() + TURN)


def wait_peace() -> None:
    """Wait until no alert about the other site fires, and people have been told so."""
    wait_for("peace", lambda: not any(alerts(host, 'site="far"') for host in PAIR), 120)
    # Which members tell of an end is not known before; each does within this time, or not at all.
    wait_past("the time in which the end is told", now() + INTERVAL + TURN)


def members(host: str) -> int:
    """How many members an Alertmanager sees; 0 while its gossip has not settled."""
    answer = get(at(host), "http://127.0.0.1:9093/api/v2/status")
    cluster = answer.json["cluster"] if answer.status == 200 else {"status": "silent"}
    return len(cluster["peers"]) if cluster["status"] == "ready" else 0


def wait_whole() -> None:
    """Wait until the pair is one again."""
    wait_for("whole pair", lambda: all(members(host) == len(PAIR) for host in PAIR), 60)


def kill(host: str, unit: str) -> None:
    """Kill a service as a crash does, and keep systemd from bringing it back."""
    at(host).check_output(f"systemctl kill --signal=KILL {unit} && systemctl stop {unit}")


def start() -> None:
    """Bring back what was killed, and wait until the pair is whole."""
    for host in PAIR:
        at(host).check_output("systemctl start alertmanager prometheus")
    for host in PAIR:
        wait_for(f"Prometheus of {host}", lambda host=host: get(at(host), f"{PROMETHEUS}/-/ready").status == 200)
    wait_whole()


def wait_past(what: str, moment: float) -> None:
    """Wait until a moment is past, in seconds since 1970: for what must not come, and has nothing to ask."""
    wait_for(f"{what} to be past", lambda: now() > moment)


def now() -> float:
    """Seconds since 1970, by the clock that containers share with this machine."""
    return time.time()
