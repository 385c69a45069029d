#!/usr/bin/python
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ask for what a host depends on, from that host. An action plugin of the same name adds the controller's clock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: dependency_check
short_description: Ask for what a host depends on, from that host
version_added: 0.2.0
description:
  - Asks for names, addresses, URLs, releases, certificates, disk space and the clock from the host it runs on, many at
    a time, and judges the answers. The playbook C(obs.stack.check_dependencies) derives what to ask for from the
    inventory.
  - Sends nothing to what it asks beyond what it needs to see whether it answers; no receiver gets a message.
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
  checks:
    description: What to ask for.
    type: list
    elements: dict
    required: true
    suboptions:
      check:
        description: What it is about, such as V(dns); a column of the table.
        type: str
        required: true
      target:
        description: Which one, for people to read.
        type: str
        required: true
      kind:
        description:
          - How it is asked.
          - V(dns) resolves O(checks[].address), V(tcp) connects to it, V(tls) looks at its certificate, V(http) asks
            for a page, V(fetch) begins to fetch a file as releases are fetched.
          - V(certificate) reads certificates of O(checks[].file), V(disk) looks at its file system, V(clock) compares
            the host's clock with the controller's.
          - V(s3) lists one entry of O(checks[].bucket), with O(checks[].username) as the access key and
            O(checks[].password) as its secret; without them it only sees whether S3 answers.
          - V(none) asks nothing and says O(checks[].reason).
        type: str
        required: true
        choices: [certificate, clock, disk, dns, fetch, http, none, s3, tcp, tls]
      address:
        description: A name or an IP address.
        type: str
      port:
        description: TCP port.
        type: int
      url_file:
        description: A file on the host with the URL whose server V(tcp) connects to, instead of O(checks[].address).
        type: path
      scheme:
        description: How V(http) and V(s3) ask.
        type: str
        choices: [http, https]
      path:
        description: Path V(http) asks for.
        type: str
      query:
        description: Query of the URL, without the question mark.
        type: str
      status:
        description: What V(http) may answer; anything below 400 when left out.
        type: list
        elements: int
      server_name:
        description: Name in the certificate; O(checks[].address) when left out.
        type: str
      ca_path:
        description: CA that signed the certificate, on the host; the host's own trust when left out.
        type: path
      ca:
        description: The same as PEM text, for V(tls).
        type: str
      bucket:
        description: Bucket for V(s3).
        type: str
      region:
        description: Region to sign for.
        type: str
        default: us-east-1
      path_style:
        description: Whether the bucket stands in the path, not in the name of the host.
        type: bool
        default: true
      username:
        description: User of basic authentication.
        type: str
      password:
        description: Password of O(checks[].username).
        type: str
      url:
        description: URL of the file V(fetch) begins to fetch, without user and query.
        type: str
      mirror:
        description: Mirror of upstream's hosts, without user and query.
        type: str
      userinfo:
        description: C(user:password) for O(checks[].mirror), or for O(checks[].url) where there is no mirror.
        type: str
      proxy:
        description: Proxy for V(fetch).
        type: str
      headers:
        description: Headers for V(fetch).
        type: dict
      file:
        description: Path on the host, for V(certificate) and V(disk).
        type: path
      warn:
        description: Days, seconds or percent, below which (a clock, above which) a warning is told.
        type: float
      fail:
        description: The same, for what is wrong.
        type: float
      reason:
        description: Why V(none) asks nothing.
        type: str
  timeout:
    description: Seconds to wait for each answer.
    type: float
    default: 5
  fail:
    description: Fail when something is wrong; otherwise only return it.
    type: bool
    default: true
seealso:
  - module: obs.stack.health_check
author: [obs.stack contributors (@obs-stack)]
"""

EXAMPLES = r"""
- name: See whether the database and the paging service are within reach
  obs.stack.dependency_check:
    checks:
      - check: database
        target: grafana
        kind: tcp
        address: db.example.com
        port: 5432
      - check: receiver
        target: paging
        kind: tls
        address: hooks.example.com
        port: 443
        warn: 30
        fail: 7
      - check: clock
        target: system clock
        kind: clock
        warn: 1
        fail: 10
"""

RETURN = r"""
findings:
  description: What was found, in the order of O(checks).
  type: list
  elements: dict
  returned: always
  contains:
    check:
      description: What it is about.
      type: str
    target:
      description: Which one.
      type: str
    state:
      description: V(ok), V(warning), V(WRONG) or V(skipped).
      type: str
    detail:
      description: How it is, or what is wrong.
      type: str
    seconds:
      description: How long the answer took.
      type: float
clock:
  description: The host's time (seconds since the epoch) at the beginning and at the end, and whether it is kept right.
  type: dict
  returned: always
  sample: {began: 1767225600.0, ended: 1767225600.2, synchronised: true}
"""

import time
import typing as t
from concurrent.futures import ThreadPoolExecutor

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.obs.stack.plugins.module_utils._asking import ask
from ansible_collections.obs.stack.plugins.module_utils._findings import SKIPPED, WRONG, Finding

AT_ONCE = 16
CHECK = {
    "check": {"type": "str", "required": True},
    "target": {"type": "str", "required": True},
    "kind": {
        "type": "str",
        "required": True,
        "choices": ["certificate", "clock", "disk", "dns", "fetch", "http", "none", "s3", "tcp", "tls"],
    },
    "address": {"type": "str"},
    "port": {"type": "int"},
    "url_file": {"type": "path"},
    "scheme": {"type": "str", "choices": ["http", "https"]},
    "path": {"type": "str"},
    "query": {"type": "str", "no_log": True},
    "status": {"type": "list", "elements": "int"},
    "server_name": {"type": "str"},
    "ca_path": {"type": "path"},
    "ca": {"type": "str"},
    "bucket": {"type": "str"},
    "region": {"type": "str", "default": "us-east-1"},
    "path_style": {"type": "bool", "default": True},
    "username": {"type": "str"},
    "password": {"type": "str", "no_log": True},
    "url": {"type": "str"},
    "mirror": {"type": "str"},
    "userinfo": {"type": "str", "no_log": True},
    "proxy": {"type": "str", "no_log": True},
    "headers": {"type": "dict", "no_log": True},
    "file": {"type": "path"},
    "warn": {"type": "float"},
    "fail": {"type": "float"},
    "reason": {"type": "str"},
}
REQUIRED = [
    ("kind", "certificate", ["file", "warn", "fail"]),
    ("kind", "disk", ["file", "warn", "fail"]),
    ("kind", "clock", ["warn", "fail"]),
    ("kind", "dns", ["address"]),
    ("kind", "tcp", ["address", "url_file"], True),
    ("kind", "tls", ["address", "port", "warn", "fail"]),
    ("kind", "http", ["address", "port"]),
    ("kind", "s3", ["address", "port", "bucket"]),
    ("kind", "fetch", ["url"]),
]


def synchronised(module: AnsibleModule) -> bool | None:
    """Whether something keeps the clock right, as systemd knows from the kernel; None when it does not tell."""
    tool = module.get_bin_path("timedatectl")
    if not tool:
        return None
    _code, out, _err = module.run_command([tool, "show", "--property=NTPSynchronized"])
    return {"NTPSynchronized=yes": True, "NTPSynchronized=no": False}.get(out.strip())


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "checks": {"type": "list", "elements": "dict", "required": True, "options": CHECK, "required_if": REQUIRED},
            "timeout": {"type": "float", "default": 5},
            "fail": {"type": "bool", "default": True},
        },
        supports_check_mode=True,
    )
    began = time.time()
    params: dict[str, t.Any] = module.params
    checks = params["checks"]
    for check in checks:
        if check["kind"] == "tcp" and check["address"] and not check["port"]:
            module.fail_json(msg="{0} {1}: kind is tcp but no port is given".format(check["check"], check["target"]))

    def finding(check: dict[str, t.Any]) -> Finding:
        if check["kind"] == "clock":
            # The action plugin fills it in: only the controller knows its own time before and after.
            return Finding(check["check"], check["target"], SKIPPED, "compared by the controller only")
        return ask(check, params["timeout"])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        findings = list(pool.map(finding, checks))
    kept = synchronised(module) if any(check["kind"] == "clock" for check in checks) else None
    result = {
        "changed": False,
        "findings": [found.as_result() for found in findings],
        "clock": {"began": began, "ended": time.time(), "synchronised": kept},
    }
    wrong = [
        "{0} {1}: {2}".format(found.check, found.target, found.detail) for found in findings if found.state == WRONG
    ]
    if params["fail"] and wrong:
        module.fail_json(msg="Could not find all it depends on: {0}.".format("; ".join(wrong)), **result)
    module.exit_json(**result)


if __name__ == "__main__":
    main()
