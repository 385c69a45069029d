#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of service level objectives. What it takes; the action plugin of the same name and its host half do it."""

from __future__ import annotations

DOCUMENTATION = r"""
module: slo_rules
short_description: Recording and burn-rate alerting rules for Prometheus from service level objectives
version_added: 0.1.0
description:
  - Makes rules of SLOs, one file for each service, and has Prometheus or Thanos rule load them.
  - Reads files of Sloth (C(prometheus/v1)) as they are, the same with keys of our own (C(obs.stack/v1)), ratio metrics
    of OpenSLO (C(openslo/v1)), and alert windows in Sloth's schema. The recorded metrics and labels are Sloth's, so
    that dashboards made for it work.
  - The sources are read on the controller and never templated. What is wrong with them is told before a host is asked.
  - On the host all files are checked together by C(promtool), then replaced, then loaded by one reload with proof, then
    seen healthy. When anything of that fails, the rules that were there are put back and loaded.
  - A second run with the same SLOs changes nothing and reloads nothing.
  - The page C(docs/slo.md) of this collection has every key, the arithmetic, and what the lint says.
extends_documentation_fragment: [obs.stack.attributes, obs.stack.links]
attributes:
  check_mode:
    support: full
    details: The rules are checked by promtool where it is there already.
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  src:
    description:
      - Files or folders with SLOs and alert windows, on the controller. Of a folder, each C(.yml) and C(.yaml) in it
        and below it.
      - Without any SLO in them it is an error.
    type: list
    elements: path
  slos:
    description:
      - SLOs themselves, each as a file would say it.
      - Ansible templates C({{ }}) here. Mark such queries and annotations C(!unsafe), write C($window) for
        C({{.window}}), or use O(src).
    type: list
    elements: dict
  service_windows:
    description: >-
      Alert windows in Sloth's schema AlertWindows, or files with them. They replace the built-in ones of their period.
    type: list
    elements: raw
  period:
    description: Period of SLOs that have none of their own, such as V(28d).
    type: str
    default: 30d
  labels:
    description: Labels for every rule, on top of those of the sources.
    type: dict
    default: {}
  info_labels:
    description:
      - Labels for the metric C(sloth_slo_info) only. They may change at any time; a changed label of the other rules
        makes new series.
    type: dict
    default: {}
  error_budget:
    description:
      - V(ratio) takes the mean of the error ratio over the period, as Sloth does. V(weighted) counts events, so that a
        quiet night weighs as little as it should.
      - For all SLOs that do not say it themselves, and so the following ones. Left out, V(weighted), and V(ratio) for
        files of Sloth and for raw indicators.
    type: str
    choices: [ratio, weighted]
  alerts:
    description: >-
      V(combined) makes one page and one ticket. V(per_window) makes one alert for each pair of windows, with the label
      C(slo_burn_tier). Left out, V(combined).
    type: str
    choices: [combined, per_window]
  long_windows:
    description: >-
      V(direct) asks the indicator over each window. V(recorded) adds recorded 5-minute rates up for windows of two
      hours and more, which is cheap and up to 5 minutes late. Left out, V(direct).
    type: str
    choices: [direct, recorded]
  guards:
    description: >-
      Whether absent errors count as none, and no traffic, NaN and ratios above 1 are kept out of the budget. Left out,
      they are.
    type: bool
  min_bad_events:
    description: Fewest bad events in the long window of an alert. Left out, any.
    type: int
  min_history:
    description: >-
      How long an indicator must have existed before it raises an alert, such as V(10m), or V(false). Left out, twice
      the short window, and V(false) for files of Sloth.
    type: raw
  no_data:
    description: >-
      A ticket when an indicator is gone that was there within a day, V(false) or a mapping of C(for) and C(severity).
      Left out, after V(1h).
    type: raw
  budget_exhausted:
    description: Whether a ticket is made when nothing of the budget is left. Left out, none.
    type: bool
  exclude:
    description: PromQL; while it returns anything, nothing counts. For planned maintenance.
    type: str
  retention:
    description: How long samples are kept, such as V(15d), for the lint.
    type: str
  scrape_interval:
    description: How often the indicators are scraped. No scaled window is shorter than four of these.
    type: str
    default: 15s
  strict:
    description: Whether what the lint finds is an error. Otherwise it is a warning.
    type: bool
    default: false
  render_only:
    description: >-
      Only read the SLOs, lint them and make the rules, on the controller, which checks them where it has a promtool. No
      host is asked, nothing changes. For tests of a repository with SLOs.
    type: bool
    default: false
  dest:
    description: Folder of the rules on the host, made if it is missing.
    type: path
    default: /etc/obs/prometheus/rules.d
  ruleset:
    description:
      - Name of the set of files that this task owns. Tasks that write to one folder take one each.
      - It is part of the files' names and of their first line.
    type: str
    default: ""
  purge:
    description: Whether files of this set go whose service is gone. Others are never touched.
    type: bool
    default: false
  owner:
    description: Owner of the files; whoever runs the task when it is empty.
    type: str
    default: ""
  group:
    description: Group of the files.
    type: str
    default: ""
  mode:
    description: Permissions of the files.
    type: raw
    default: "0644"
  promtool:
    description: >-
      Path of promtool on the host. Otherwise that of the service, of a Prometheus beside it, or of the search path; for
      Thanos rule, where there is none of these, its own checker.
    type: path
    default: ""
  validate:
    description: Whether promtool checks the rules before anything changes.
    type: bool
    default: true
  reload:
    description: >-
      V(signal) reloads the systemd unit of O(service), V(http) posts to C(/-/reload) of O(prometheus_url), V(none)
      leaves it to others. A unit that does not run is not reloaded.
    type: str
    choices: [signal, http, none]
    default: signal
  service:
    description: >-
      The service that evaluates the rules, one of M(obs.stack.release_service) or any systemd unit. Of the former, the
      lock is shared, and its address and login are known.
    type: str
    default: prometheus
  root:
    description: Where M(obs.stack.release_service) has its services.
    type: path
    default: /opt/obs
  prometheus_url:
    description: Address of Prometheus as the host reaches it, with its prefix. Known for services of the stack.
    type: str
    default: ""
  url_username:
    description: User of basic authentication at O(prometheus_url).
    type: str
    default: ""
  url_password:
    description: Password of O(url_username).
    type: str
    default: ""
  ca_path:
    description: Authority that signed its certificate, a file on the host.
    type: path
    default: ""
  validate_certs:
    description: Whether its certificate must be trusted.
    type: bool
    default: true
  healthy_timeout:
    description: >-
      Seconds to wait for changed rules to be evaluated. A rule in error fails the task at once; one that has not been
      evaluated by then is a warning.
    type: int
    default: 60
  lock_timeout:
    description: Seconds to wait for another run on the same service.
    type: int
    default: 600
notes:
  - Thanos rule is O(service=thanos-rule) with O(dest=/etc/obs/thanos-rule/rules.d).
author: [obs.stack contributors (@obs-stack)]
seealso:
  - module: obs.stack.release_service
"""

EXAMPLES = r"""
- name: Rules of all SLOs in a folder
  obs.stack.slo_rules:
    src: [slos]
    purge: true

- name: The same for a Prometheus that is not of this collection
  obs.stack.slo_rules:
    src: [slos]
    dest: /etc/prometheus/slo
    reload: http
    prometheus_url: http://127.0.0.1:9090

- name: Rules on this machine, to look at
  obs.stack.slo_rules:
    slos:
      - service: shop
        slos:
          - name: latency
            objective: 99
            period: 7d
            sli:
              latency:
                metric: http_request_duration_seconds
                selector: job="shop"
                threshold: 0.3
    dest: /tmp/slo
    reload: none
  delegate_to: localhost

- name: A file of Sloth, weighed by requests, with an alert for each pair of windows
  obs.stack.slo_rules:
    src: [getting-started.yml]
    error_budget: weighted
    alerts: per_window
"""

RETURN = r"""
files:
  description: Names of all rules files of the SLOs.
  type: list
  elements: str
  returned: success
  sample: [slo-shop.yml]
written:
  description: Those that were written, or would be.
  type: list
  elements: str
  returned: success
removed:
  description: Those that were removed, or would be.
  type: list
  elements: str
  returned: success
reloaded:
  description: Whether the rules were loaded by this run, or would be.
  type: bool
  returned: success
not_reloaded_because:
  description: Why changed rules were not loaded.
  type: str
  returned: when they changed and were not loaded
validated:
  description: Whether the rules have been checked.
  type: bool
  returned: when rules are written, and with O(render_only)
checked:
  description: Whether promtool has parsed their queries.
  type: bool
  returned: with O(render_only)
not_validated_because:
  description: Why it has not.
  type: str
  returned: when it has not
slos:
  description: Each SLO, with what its alerts wait for.
  type: list
  elements: dict
  returned: success
  contains:
    id:
      description: Its C(sloth_id).
      type: str
    service:
      description: Its service.
      type: str
    name:
      description: Its name.
      type: str
    objective:
      description: In percent.
      type: float
    period:
      description: As Prometheus writes it.
      type: str
    error_budget:
      description: V(ratio) or V(weighted).
      type: str
    tiers:
      description: >-
        The pairs of windows of its alerts, each with C(tier), C(long), C(short), C(factor), C(budget_percent), which is
        spent when it fires, and C(threshold), the error ratio it fires above.
      type: list
      elements: dict
  sample:
    - id: shop-latency
      service: shop
      name: latency
      objective: 99.0
      period: 30d
      error_budget: weighted
      tiers:
        - {tier: page-quick, long: 1h, short: 5m, factor: 14.4, budget_percent: 2.0, threshold: 0.144}
"""
