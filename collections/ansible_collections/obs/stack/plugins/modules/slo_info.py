#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left of error budgets."""

from __future__ import annotations

DOCUMENTATION = r"""
module: slo_info
short_description: Tell what is left of error budgets
version_added: 0.1.0
description:
  - Asks Prometheus or Thanos query what the rules of service level objectives recorded, those of M(obs.stack.slo_rules)
    or of Sloth, and tells for each what was attained, what is left of its budget, and when that runs out.
  - Over the period of each SLO, or over a calendar month. The playbook C(obs.stack.slo_report) lays it out for a whole
    estate, as a table, JSON or Markdown.
extends_documentation_fragment: [obs.stack.attributes]
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
    details: Nothing is changed.
  idempotent:
    support: full
options:
  month:
    description:
      - A calendar month in UTC, such as V(2026-10), the current one as far as it has come. Otherwise the period of each
        SLO.
      - It has the whole of its budget to spend, whatever happened before. It needs samples of the whole month.
    type: str
    default: ""
  site:
    description: Site of the host. Series with the label C(site) of another are left out.
    type: str
    default: ""
  service:
    description: >-
      The service to ask, V(prometheus) or V(thanos-query), one of M(obs.stack.release_service): its address and login
      are known.
    type: str
    default: prometheus
  root:
    description: Where M(obs.stack.release_service) has its services.
    type: path
    default: /opt/obs
  prometheus_url:
    description: Address to ask instead, as the host reaches it, with its prefix.
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
author: [obs.stack contributors (@obs-stack)]
seealso:
  - module: obs.stack.slo_rules
"""

EXAMPLES = r"""
- name: What is left of all budgets
  obs.stack.slo_info:
  register: result

- name: How October was, of a Prometheus that is not of this collection
  obs.stack.slo_info:
    month: 2026-10
    prometheus_url: http://127.0.0.1:9090
"""

RETURN = r"""
service:
  description: The service that was asked.
  type: str
  returned: success
slos:
  description: One entry for each SLO, by service and name.
  type: list
  elements: dict
  returned: success
  contains:
    site:
      description: Its site.
      type: str
    service:
      description: Its service.
      type: str
    slo:
      description: Its name.
      type: str
    objective:
      description: In percent.
      type: float
    period:
      description: In words, V(30 d) or V(2026-10).
      type: str
    period_days:
      description: Its length.
      type: float
    attained:
      description: In percent; none without data.
      type: float
    budget_left:
      description: Share of the budget, 1 at best, below 0 when overdrawn; none without data.
      type: float
    burn_rate:
      description: Of the last hour, in budgets per period; none without data, and of a month that is over.
      type: float
    exhausted_in:
      description: Seconds until nothing is left at that rate; none when it does not run out, or has.
      type: float
    state:
      description: V(ok), V(burning) when it is faster than the budget allows, V(SPENT), or V(no data).
      type: str
  sample:
    - site: berlin
      service: shop
      slo: availability
      objective: 99.9
      period: 30 d
      period_days: 30
      attained: 99.975
      budget_left: 0.75
      burn_rate: 2.0
      exhausted_in: 972000
      state: burning
"""

import time
import urllib.parse
from dataclasses import asdict

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._errors import StackError
from ansible_collections.obs.stack.plugins.module_utils._rule_server import Server, answer, server_of
from ansible_collections.obs.stack.plugins.module_utils._slo_report import Row, month_of, queries, rows


def found(server: Server, site: str, month: str) -> list[Row]:
    """Ask and reckon.

    Raises:
        StackError: there is nobody to ask, no such month, or no answer.
    """
    now = time.time()
    of = month_of(month, now) if month else None
    at = of.until if of else now
    answers = {}
    for name, query in queries(of).items():
        asked = urllib.parse.urlencode({"query": query, "time": f"{at:.3f}"})
        answers[name] = answer(server, f"/api/v1/query?{asked}")["result"]
    return rows(answers, site=site, month=of)


def main() -> None:
    """Ask, tell."""
    module = AnsibleModule(
        argument_spec={
            "month": {"type": "str", "default": ""},
            "site": {"type": "str", "default": ""},
            "service": {"type": "str", "default": "prometheus"},
            "root": {"type": "path", "default": "/opt/obs"},
            "prometheus_url": {"type": "str", "default": ""},
            "url_username": {"type": "str", "default": ""},
            "url_password": {"type": "str", "default": "", "no_log": True},
            "ca_path": {"type": "path", "default": ""},
            "validate_certs": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    options = module.params
    try:
        server = server_of({**options, "reload": "none"})
        if server.endpoint is None:
            raise StackError(
                "Could not ask about error budgets",
                why="{0} is no service of release_service on this host".format(options["service"]),
                hint="Give prometheus_url, or run site.yml first.",
                doc="slo-report",
            )
        slos = [asdict(row) for row in found(server, options["site"], options["month"])]
    except StackError as error:
        module.fail_json(msg=str(error), step=error.step)
    module.exit_json(changed=False, service=options["service"], slos=slos)


if __name__ == "__main__":
    main()
