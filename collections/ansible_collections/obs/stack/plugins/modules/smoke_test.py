#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One step of sending something through the stack and finding it at the other end."""

from __future__ import annotations

DOCUMENTATION = r"""
module: smoke_test
short_description: Send a sample, a log line, a trace or an alert through the stack and find it at the other end
version_added: 0.2.0
description:
  - Does one step of a smoke test on the host it runs on. The playbook C(obs.stack.smoke_test) puts the steps together.
  - B(sample_write) puts a number into the folder of node_exporter's text files and waits until node_exporter shows
    it, B(sample_read) waits until Prometheus returns that number, B(sample_remove) removes the file.
  - B(log_write) writes a line to the host's journal, B(log_read) waits until Loki finds it. Log agents send it.
  - B(trace_write) sends one span to an OpenTelemetry Collector by OTLP over HTTP, B(trace_read) waits until Tempo has
    it. It ends in an error, since that is what sampling keeps.
  - B(alert) makes a silence on Alertmanager, sends an alert that only this silence matches, waits until the alert is
    seen and held back, ends the alert, waits until it is gone, and expires the silence. Nobody is notified. Should
    the run be cut off, the alert ends by itself, and before the silence does.
  - What stays is one sample in Prometheus, one line in the journal and in Loki, one trace in Tempo, and on Alertmanager
    an expired silence, each for as long as it keeps those.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.endpoint]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: What is written is removed again.
  idempotent:
    support: none
    details: Each run sends something new.
options:
  step:
    description: What to do.
    type: str
    required: true
    choices: [sample_write, log_write, trace_write, sample_read, log_read, trace_read, alert, sample_remove]
  component:
    description: The service it goes through, where it could be several; the table tells it.
    type: str
    default: ""
  id:
    description: >-
      A number that no other run uses, up to 2^53; the value of the sample, a label of the alert, and part of the
      line; the id of the trace is made of it and of O(source).
    type: int
    required: true
  textfile_dir:
    description: Folder of node_exporter's text files, for B(sample_write) and B(sample_remove).
    type: path
    default: /var/lib/node_exporter
  source:
    description: Inventory name of the host that wrote it, for the explanation when it does not come.
    type: str
    default: ""
  elapsed:
    description: Seconds that have passed since it was written; they count as part of its way.
    type: float
    default: 0
  wait:
    description: Seconds to go on looking.
    type: int
    default: 90
  fail:
    description: Fail when it is not found; otherwise only return that.
    type: bool
    default: true
seealso:
  - module: obs.stack.health_check
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: Send an alert through Alertmanager, to nobody
  obs.stack.smoke_test:
    step: alert
    id: "{{ 999999999999 | random }}"
    port: 9093

- name: Write a sample through node_exporter
  obs.stack.smoke_test:
    step: sample_write
    id: 431882190
    port: 9100

- name: Send a trace through the OpenTelemetry Collector
  obs.stack.smoke_test:
    step: trace_write
    id: 431882190
    source: app-1
    port: 4318
    bearer_token: "{{ otelcol_tokens | first }}"

- name: Find it in Tempo
  obs.stack.smoke_test:
    step: trace_read
    id: 431882190
    source: app-1
    port: 3200

- name: Find the sample in Prometheus
  obs.stack.smoke_test:
    step: sample_read
    id: 431882190
    port: 9090
    wait: 60
"""

RETURN = r"""
findings:
  description: What was found, one entry.
  type: list
  elements: dict
  returned: always
  contains:
    check:
      description: What was sent, V(sample), V(log), V(trace) or V(alert).
      type: str
    target:
      description: The component it went through.
      type: str
    state:
      description: V(ok), V(WRONG), or V(skipped) in check mode.
      type: str
    detail:
      description: What happened.
      type: str
    seconds:
      description: How long it took.
      type: float
wrote:
  description: What was written, and what became of it.
  type: list
  elements: str
  returned: always
  sample: [silence 5f4d expired, alert ObsSmokeTest ended]
"""

import json
import os
import syslog
import time
import typing as t

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils import _findings, _smoke, _smoke_signals
from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._files import place_file
from ansible_collections.obs.stack.plugins.module_utils._findings import Finding
from ansible_collections.obs.stack.plugins.module_utils._http import ENDPOINT_OPTIONS, Endpoint, endpoint_fields
from ansible_collections.obs.stack.plugins.module_utils._metrics import gauge
from ansible_collections.obs.stack.plugins.module_utils._moments import stamp

PAUSE = 0.5


class Asked:
    """The component of this step: its pages as JSON, its refusals as errors."""

    def __init__(self, params: dict[str, t.Any]) -> None:
        self._endpoint = Endpoint(**endpoint_fields(params))
        self._prefix = params["prefix"]

    def text(self, method: str, path: str, body: t.Any = None) -> str:
        """The answer's text.

        Raises:
            StackError: no answer, or one that is not 200.
        """
        return self._answer(method, path, body, (200,))[1]

    def there(self, path: str) -> bool:
        """Whether there is such a thing: HTTP 404 says that it is not, or not yet. Errors as of :meth:`text`."""
        return self._answer("GET", path, None, (200, 404))[0] == 200

    def _answer(self, method: str, path: str, body: t.Any, good: tuple[int, ...]) -> tuple[int, str]:
        what = "Could not {0} {1}".format(method, self._endpoint.url(self._prefix + path.partition("?")[0]))
        try:
            status, answer = self._endpoint.request(
                method, self._prefix + path, json=None if body is None else json.dumps(body).encode()
            )
        except OSError as error:
            raise StackError(what, why=str(error), doc="smoke-test") from error
        text = answer.decode("utf-8", "replace")
        if status == 401:
            raise StackError(what, why="HTTP 401: the user name or password is refused", doc="smoke-test")
        if status not in good:
            raise StackError(what, why="HTTP {0} {1}".format(status, text.strip()[:200]).strip(), doc="smoke-test")
        return status, text

    def json(self, method: str, path: str, body: t.Any = None) -> t.Any:
        """The answer, parsed; errors as of :meth:`text`, also for what is no JSON."""
        text = self.text(method, path, body)
        try:
            return json.loads(text)
        except ValueError as error:
            where = self._endpoint.url(self._prefix + path.partition("?")[0])
            raise StackError("Could not read " + where, why="not a JSON answer", doc="smoke-test") from error


def wait_for(question: t.Callable[[], t.Any], seconds: float) -> t.Any:
    """Ask until the answer is truthy or the time is over; gives the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = question()
        if answer or time.monotonic() >= deadline:
            return answer
        time.sleep(PAUSE)


def sample_write(asked: Asked, params: dict[str, t.Any], wrote: list[str]) -> str:
    """Write the text file and see it in node_exporter's own answer."""
    path = os.path.join(params["textfile_dir"], _smoke.TEXTFILE)
    try:
        place_file(path, _smoke.textfile(params["id"]).encode("ascii"), mode=0o644)
    except OSError as error:
        raise StackError(
            "Could not write {0}".format(path),
            why=error.strerror or str(error),
            hint="node_exporter reads *.prom from node_exporter_textfile_dir; run obs.stack.site first.",
            doc="smoke-test",
        ) from error
    wrote.append("{0} written".format(path))
    if not wait_for(
        lambda: gauge(asked.text("GET", "/metrics"), _smoke.METRIC) == params["id"], min(params["wait"], 10)
    ):
        raise StackError(
            "Could not find the sample in node_exporter's own answer",
            why="it does not show {0}".format(path),
            hint="Is its textfile collector off (node_exporter_collectors), or does it read another folder?",
            doc="smoke-test",
        )
    return "written, shown by node_exporter"


def sample_read(asked: Asked, params: dict[str, t.Any], wrote: list[str]) -> str:
    """Wait until Prometheus, or what asks it, returns the number."""
    found = wait_for(lambda: _smoke.instances(asked.json("GET", _smoke.sample_path(params["id"]))), params["wait"])
    if not found:
        component = params["component"] or "prometheus"
        why = "obs.stack.verify tells whether all its endpoints are connected"
        if component == "prometheus":
            why = _smoke.why_unseen(asked.json("GET", "/api/v1/targets?state=active"), params["source"])
        raise StackError(
            "Could not find the sample of {0} in {1}".format(params["source"] or "this run", component),
            why="not there after {0} s; {1}".format(params["wait"], why),
            doc="smoke-test",
        )
    return "queried, from {0}".format(", ".join(found))


def sample_remove(asked: Asked, params: dict[str, t.Any], wrote: list[str]) -> str:
    """Remove the text file; none is as good."""
    path = os.path.join(params["textfile_dir"], _smoke.TEXTFILE)
    try:
        os.unlink(path)
    except FileNotFoundError:
        return "nothing was left"
    except OSError as error:
        raise StackError(
            "Could not remove {0}".format(path), why=error.strerror or str(error), doc="smoke-test"
        ) from error
    wrote.append("{0} removed".format(path))
    return "removed"


def journal(line: str) -> None:
    """One line of the host's journal, under a name of its own."""
    syslog.openlog(_smoke_signals.NAME)
    syslog.syslog(syslog.LOG_INFO, line)
    syslog.closelog()


def log_write(asked: Asked, params: dict[str, t.Any], wrote: list[str]) -> str:
    """Write a line to the host's journal, as any program does."""
    journal(_smoke_signals.log_line(params["id"]))
    wrote.append("a line in the journal")
    return "written to the journal"


def log_read(asked: Asked, params: dict[str, t.Any], wrote: list[str]) -> str:
    """Wait until Loki finds the line."""
    found = wait_for(
        lambda: _smoke_signals.lines(asked.json("GET", _smoke_signals.log_path(params["id"]))), params["wait"]
    )
    if not found:
        raise StackError(
            "Could not find the line of {0} in Loki".format(params["source"] or "this run"),
            why="not there after {0} s".format(params["wait"]),
            hint="Does its log agent read the journal, and is it let in? Its own journal says so.",
            doc="smoke-test",
        )
    more = ", {0} times: more than one agent reads the journal".format(found) if found > 1 else ""
    return "found, from {0}{1}".format(params["source"] or "this run", more)


def trace_write(asked: Asked, params: dict[str, t.Any], wrote: list[str]) -> str:
    """Send one span."""
    asked.text("POST", "/v1/traces", _smoke_signals.trace(params["id"], params["source"], time.time()))
    identity = _smoke_signals.trace_id(params["id"], params["source"])
    wrote.append("trace {0}".format(identity))
    return "sent by OTLP, trace {0}".format(identity)


def trace_read(asked: Asked, params: dict[str, t.Any], wrote: list[str]) -> str:
    """Wait until Tempo has the trace."""
    path = _smoke_signals.trace_path(params["id"], params["source"])
    if not wait_for(lambda: asked.there(path), params["wait"]):
        raise StackError(
            "Could not find the trace of {0} in Tempo".format(params["source"] or "this run"),
            why="not there after {0} s".format(params["wait"]),
            hint="Does otelcol reach Tempo? Its queue and its journal say so; otelcol_trace_policies may drop it.",
            doc="smoke-test",
        )
    return "found, from {0}".format(params["source"] or "this run")


def alert(asked: Asked, params: dict[str, t.Any], wrote: list[str]) -> str:
    """Silence first, then the alert; seen held back; the alert ended, then the silence."""
    value, now = params["id"], time.time()
    lives = max(_smoke.ALERT_SECONDS, float(params["wait"]))
    silence = _smoke.silence(value, now, lives)
    identity = asked.json("POST", "/api/v2/silences", silence)["silenceID"]
    wrote.append("silence {0} until {1}".format(identity, silence["endsAt"]))
    try:
        if asked.json("GET", "/api/v2/silence/" + identity)["status"]["state"] != "active":
            raise StackError("Could not send the alert", why="its silence is not active", doc="smoke-test")
        asked.text("POST", "/api/v2/alerts", _smoke.alert(value, now, now + lives))
        wrote.append("alert {0} until {1}".format(_smoke.ALERT, stamp(now + lives)))
        seen = wait_for(
            lambda: _smoke.suppressed(asked.json("GET", _smoke.alert_path(value)), identity), params["wait"]
        )
        # Ended before its silence is: an alert without one would be told to somebody.
        asked.text("POST", "/api/v2/alerts", _smoke.alert(value, now, time.time()))
        gone = wait_for(lambda: not asked.json("GET", _smoke.alert_path(value)), params["wait"])
        if not gone:
            raise StackError(
                "Could not end the alert",
                why="Alertmanager still has it",
                hint="It ends by itself at {0}.".format(stamp(now + lives)),
                doc="smoke-test",
            )
        wrote[-1] = "alert {0} ended".format(_smoke.ALERT)
    except StackError as error:
        error.hint = "{0} Its silence {1} ends at {2}.".format(error.hint, identity, silence["endsAt"]).strip()
        raise
    asked.text("DELETE", "/api/v2/silence/" + identity)
    wrote[0] = "silence {0} expired".format(identity)
    if not seen:
        raise StackError(
            "Could not see the alert held back by its silence",
            why="not there after {0} s".format(params["wait"]),
            doc="smoke-test",
        )
    return "silenced, sent, seen held back, ended; silence expired"


STEPS: dict[str, t.Callable[[Asked, dict[str, t.Any], list[str]], str]] = {
    "sample_write": sample_write,
    "log_write": log_write,
    "trace_write": trace_write,
    "sample_read": sample_read,
    "log_read": log_read,
    "trace_read": trace_read,
    "alert": alert,
    "sample_remove": sample_remove,
}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "step": {
                "type": "str",
                "required": True,
                "choices": [
                    "sample_write",
                    "log_write",
                    "trace_write",
                    "sample_read",
                    "log_read",
                    "trace_read",
                    "alert",
                    "sample_remove",
                ],
            },
            "component": {"type": "str", "default": ""},
            "id": {"type": "int", "required": True},
            **ENDPOINT_OPTIONS,
            "textfile_dir": {"type": "path", "default": "/var/lib/node_exporter"},
            "source": {"type": "str", "default": ""},
            "elapsed": {"type": "float", "default": 0},
            "wait": {"type": "int", "default": 90},
            "fail": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    params: dict[str, t.Any] = module.params
    step = _smoke.BY_NAME[params["step"]]
    started = time.monotonic()
    wrote: list[str] = []
    state = _findings.OK
    message = ""
    if module.check_mode:
        detail, state = "nothing is sent in check mode", _findings.SKIPPED
    else:
        try:
            detail = STEPS[step.name](Asked(params), params, wrote)
        except StackError as error:
            message, state = str(error), _findings.WRONG
            detail = message.splitlines()[0]
    seconds = (
        time.monotonic()
        - started
        + (params["elapsed"] if step.signal in _smoke.SIGNALS and step.phase == "read" else 0.0)
    )
    if state == _findings.SKIPPED:
        seconds = -1.0
    result = {
        # An expired silence and a sample stay; a step that only looks leaves nothing.
        "changed": bool(wrote) or (module.check_mode and (step.phase != "read" or step.signal == "alert")),
        "findings": [
            Finding(step.signal, params["component"] or step.components[0], state, detail, seconds).as_result()
        ],
        "wrote": wrote,
    }
    if params["fail"] and state == _findings.WRONG:
        module.fail_json(msg=message, **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
