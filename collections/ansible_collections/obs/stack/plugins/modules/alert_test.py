#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One step of raising test alerts and seeing whether the channels of Alertmanager take them."""

from __future__ import annotations

DOCUMENTATION = r"""
module: alert_test
short_description: Raise test alerts and see whether the channels of Alertmanager take them
version_added: 0.1.0
description:
  - Does one step of a test of who is told of alerts, on the host it runs on. The playbook C(obs.stack.test_alerts) puts
    the steps together, over all members of a cluster.
  - B(ask) returns the configuration that Alertmanager runs with. B(raise) sends it alerts, B(watch) waits until its
    channels have taken them, B(end) ends them. B(way) asks Prometheus whether what it raises gets to Alertmanager.
  - B(People are told) of these alerts. The text says that they are a test.
  - Which channel took what is counted by Alertmanager itself, and told by receiver where it runs with the feature
    C(receiver-name-in-metrics), as the role has it.
extends_documentation_fragment: [obs.stack.attributes]
attributes:
  check_mode:
    support: full
    details: Nothing is raised.
  diff_mode:
    support: none
    details: What is raised ends again.
  idempotent:
    support: none
    details: Each run raises something new.
options:
  step:
    description: What to do.
    type: str
    required: true
    choices: [ask, raise, watch, end, way]
  alerts:
    description: The alerts, each with its C(labels).
    type: list
    elements: dict
    default: []
  old:
    description: >-
      Milliseconds for which the alerts are said to have fired already. As long as the routes wait, so that none does.
    type: int
    default: 0
  lives:
    description: Seconds after which the alerts end by themselves.
    type: int
    default: 300
  asked_by:
    description: Who raises them, for those who are told.
    type: str
    default: ""
  expected:
    description: >-
      Requests that must be taken, by C(receiver/integration), for B(raise) and B(watch) to stop before O(wait) is over.
    type: dict
    default: {}
  before:
    description: The counts that B(raise) or B(end) returned.
    type: dict
    default: {}
  seconds:
    description: The seconds that an earlier B(watch) returned.
    type: dict
    default: {}
  started:
    description: When that was, seconds of the epoch on the host.
    type: float
    default: 0
  wait:
    description: Seconds to wait.
    type: int
    default: 10
  host:
    description: Inventory name of the host, for B(way).
    type: str
    default: ""
  root:
    description: Where M(obs.stack.release_service) has its services.
    type: path
    default: /opt/obs
author: [obs.stack contributors (@obs-stack)]
seealso:
  - module: obs.stack.smoke_test
"""

EXAMPLES = r"""
- name: Ask Alertmanager for what it runs with
  obs.stack.alert_test:
    step: ask
  register: asked

- name: Raise a test alert
  obs.stack.alert_test:
    step: raise
    alerts:
      - labels: {alertname: ObsTest, obs_test: "1", severity: ticket}
  register: raised

- name: Wait until it is told
  obs.stack.alert_test:
    step: watch
    alerts:
      - labels: {alertname: ObsTest, obs_test: "1", severity: ticket}
    before: "{{ raised.counts }}"
    started: "{{ raised.at }}"
    expected: {"oncall/slack": 1}
"""

RETURN = r"""
config:
  description: The configuration, without its secrets, for B(ask).
  type: str
  returned: with step ask
watchdog_age:
  description: Seconds since an alert C(Watchdog) came last, below 0 for never, for B(ask).
  type: float
  returned: with step ask
counts:
  description: >-
    By C(receiver/integration), requests that the channel took, those it did not, seconds of all of them, and
    notifications given up. As they stood before for B(raise) and B(end), what came to O(before) for B(watch).
  type: dict
  returned: with steps raise, end and watch
at:
  description: The time of the host, seconds of the epoch.
  type: float
  returned: with steps raise and end
totals:
  description: The counts since Alertmanager started.
  type: dict
  returned: with step watch
seconds:
  description: By C(receiver/integration), seconds until it was seen that the channel took something.
  type: dict
  returned: with steps raise and watch
held:
  description: By receiver, why its alerts are held back.
  type: dict
  returned: with step watch
answers:
  description: By C(receiver/integration), what a channel said that did not take it, without secrets.
  type: dict
  returned: with step watch
way:
  description: C(alertmanagers) that Prometheus tells, alerts it C(dropped) and C(errors) of the last 5 minutes.
  type: dict
  returned: with step way
"""

import json
import time
import typing as t
import urllib.parse

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils import _alert_test
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._masking import Masker
from ansible_collections.obs.stack.plugins.module_utils._moments import seconds_at
from ansible_collections.obs.stack.plugins.module_utils._rule_server import Server, answer, server_of
from ansible_collections.obs.stack.plugins.module_utils._stage import load_generation, secrets_on_disk
from ansible_collections.obs.stack.plugins.module_utils._systemd import run

PAUSE = 0.2
DOC = "test-alerts"


def page(server: Server, method: str, path: str, body: t.Any = None) -> str:
    """The text of an answer.

    Raises:
        StackError: none, or not a good one.
    """
    if server.endpoint is None:
        raise StackError(
            "Could not test alerts",
            why="no service {0} of release_service on this host".format(server.unit),
            hint="Run site.yml first.",
            doc=DOC,
        )
    what = "Could not {0} {1}".format(method, server.endpoint.url(server.prefix + path.partition("?")[0]))
    try:
        sent = None if body is None else json.dumps(body).encode()
        status, found = server.endpoint.request(method, server.prefix + path, json=sent, timeout=10)
    except OSError as error:
        raise StackError(what, why=str(error), doc=DOC) from error
    text = found.decode("utf-8", "replace")
    if status != 200:
        raise StackError(what, why="HTTP {0} {1}".format(status, text.strip()[:300]).strip(), doc=DOC)
    return text


def counts(server: Server) -> dict[str, list[float]]:
    """What its channels have taken so far."""
    return _alert_test.counted(page(server, "GET", "/metrics"))


def ask(server: Server, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The configuration, and whether alerts of Prometheus come."""
    config = json.loads(page(server, "GET", "/api/v2/status"))["config"]["original"]
    found = json.loads(page(server, "GET", _alerts_path("", "alertname", "Watchdog")))
    came = [seconds_at(one["updatedAt"]) for one in found]
    return {"config": config, "watchdog_age": round(time.time() - max(came), 1) if came else -1.0}


def _alerts_path(more: str, label: str, value: str) -> str:
    return "/api/v2/alerts" + more + "?" + urllib.parse.urlencode({"filter": '{0}="{1}"'.format(label, value)})


def raise_them(server: Server, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Send the alerts, as having fired for a while, and look for a moment."""
    before, now = counts(server), time.time()
    alerts = _alert_test.posted(
        params["alerts"],
        starts=now - params["old"] / 1000 - 1,
        ends=now + params["lives"],
        asked_by=params["asked_by"],
    )
    page(server, "POST", "/api/v2/alerts", alerts)
    seconds: dict[str, float] = {}
    look(server, {**params, "before": before, "started": now}, seconds)
    return {"counts": before, "at": now, "seconds": seconds, "changed": True}


def end(server: Server, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Say that the alerts are over."""
    before, now = counts(server), time.time()
    page(server, "POST", "/api/v2/alerts", _alert_test.posted(params["alerts"], starts=now - 60, ends=now))
    return {"counts": before, "at": now, "changed": True}


def watch(server: Server, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Wait until this member has sent all that is expected, or the time is over: then another one may have."""
    seconds: dict[str, float] = dict(params["seconds"])
    totals = look(server, params, seconds)
    return {
        "counts": _alert_test.since(params["before"], totals),
        "totals": totals,
        "seconds": seconds,
        "held": held(server, params["alerts"]),
        "answers": answers(server, params["started"]),
    }


def look(server: Server, params: t.Mapping[str, t.Any], seconds: dict[str, float]) -> dict[str, list[float]]:
    """Look until all is decided or the time is over; notes when what was seen first; the counts as they are then."""
    deadline = time.monotonic() + params["wait"]
    while True:
        totals = counts(server)
        came = _alert_test.since(params["before"], totals)
        for key in params["expected"]:
            if key not in seconds and _alert_test.count_of(came, key)[0] > 0:
                seconds[key] = round(time.time() - params["started"], 1)
        if not _alert_test.undecided(params["expected"], [came]) or time.monotonic() >= deadline:
            return totals
        time.sleep(PAUSE)


def held(server: Server, alerts: t.Sequence[t.Mapping[str, t.Any]]) -> dict[str, list[str]]:
    """Why alerts of this run are held back."""
    marks = {str(one["labels"].get(_alert_test.MARK, "")) for one in alerts} - {""}
    groups = [
        group
        for mark in sorted(marks)
        for group in json.loads(page(server, "GET", _alerts_path("/groups", _alert_test.MARK, mark)))
    ]
    return _alert_test.held(groups)


def answers(server: Server, started: float) -> dict[str, str]:
    """What channels said that did not take it, from the journal."""
    argv = ["journalctl", "--unit=" + server.unit, "--no-pager", "--quiet", "--output=cat"]
    code, out, _err = run([*argv, "--since=@{0:.0f}".format(started - 1)], timeout=30)
    if code != 0 or server.layout is None:
        return {}
    generation = load_generation(server.layout, server.layout.current_number() or 0)
    masker = Masker(_alert_test.parts_of_secrets(secrets_on_disk(server.layout, generation)))
    return _alert_test.refusals(out.splitlines(), masker.mask)


def way(server: Server, params: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Whether what Prometheus raises gets to Alertmanager."""
    active = answer(server, "/api/v1/alertmanagers").get("activeAlertmanagers") or []
    found: dict[str, t.Any] = {"alertmanagers": len(active)}
    for what in ("dropped", "errors"):
        metric = "prometheus_notifications_{0}_total".format(what)
        query = 'sum(increase({0}{{job="prometheus", host="{1}"}}[5m]))'.format(metric, params["host"])
        result = answer(server, "/api/v1/query?" + urllib.parse.urlencode({"query": query}))["result"]
        found[what] = float(result[0]["value"][1]) if result else 0.0
    return {"way": found}


STEPS: dict[str, t.Callable[[Server, t.Mapping[str, t.Any]], dict[str, t.Any]]] = {
    "ask": ask,
    "raise": raise_them,
    "watch": watch,
    "end": end,
    "way": way,
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "step": {"type": "str", "required": True, "choices": ["ask", "raise", "watch", "end", "way"]},
            "alerts": {"type": "list", "elements": "dict", "default": []},
            "old": {"type": "int", "default": 0},
            "lives": {"type": "int", "default": 300},
            "asked_by": {"type": "str", "default": ""},
            "expected": {"type": "dict", "default": {}},
            "before": {"type": "dict", "default": {}},
            "seconds": {"type": "dict", "default": {}},
            "started": {"type": "float", "default": 0},
            "wait": {"type": "int", "default": 10},
            "host": {"type": "str", "default": ""},
            "root": {"type": "path", "default": "/opt/obs"},
        },
        supports_check_mode=True,
    )
    params: dict[str, t.Any] = module.params
    step = params["step"]
    if module.check_mode and step in ("raise", "end", "watch"):
        module.exit_json(changed=False, counts={}, at=0.0, totals={}, seconds={}, held={}, answers={})
    service = "prometheus" if step == "way" else "alertmanager"
    try:
        server = server_of({"service": service, "root": params["root"], "prometheus_url": "", "reload": "none"})
        result = STEPS[step](server, params)
    except StackError as error:
        module.fail_json(msg=str(error), step=error.step)
    module.exit_json(**{"changed": False, **result})


if __name__ == "__main__":
    main()
