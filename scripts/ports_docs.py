#!/usr/bin/env python3
"""Writes docs/ports.md, and the security groups in docs/aws.md, from each role's meta/ports.yml.

python -m scripts.ports_docs            write them
python -m scripts.ports_docs --check    say which are not current, and fail
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
COLLECTION = ROOT / "collections" / "ansible_collections" / "obs" / "stack"
PORTS_PAGE = COLLECTION / "docs" / "ports.md"
AWS_PAGE = COLLECTION / "docs" / "aws.md"
BEGIN, END = "<!-- generated: security groups -->", "<!-- end: security groups -->"
HEAD = """\
# Ports

<!-- Written by scripts/ports_docs.py from each role's meta/ports.yml: change those files. -->

What listens on a host, who connects to it, and what for. A name in the column "from" is a group of the inventory: the
hosts of that group and site connect. "people" are browsers and command lines, best let in through a proxy or a VPN
only. The variable changes address and port; it is read by whoever connects too, so nothing else has to change with it.

"""
TAIL = """
Until the variable in the last column is set, a port speaks plain text; without `<role>_basic_auth_username` or users in
`<role>_web_config` it asks nobody who they are. So let in who needs it and nobody else. `obs_listen_address` binds all
of them to one address.

## Connections out

| from | to | what for |
|---|---|---|
| controller | every host, the port of SSH | all that Ansible does; the services' own ports need not be open to it |
| controller, or hosts with `obs_fetch: host` | release pages or `obs_mirror`, 443 | archives and their checksums |
| hosts in `prometheus` | your applications, the ports you name | scrapes |
| hosts in `prometheus` | the EC2 API, 443 | discovery, where it is on |
| hosts in `alertmanager` | receivers: webhooks, mail | notifications |
"""


# Services that a playbook of one's own runs: the group that a list of hosts for them is best called.
ON_THEIR_OWN = {
    "demo": "demo",
    "grafana": "grafana",
    "loki": "loki",
    "otelcol": "otelcol",
    "otelcol-agent": "monitored",
    "promtail": "monitored",
    "tempo": "tempo",
    "thanos-sidecar": "prometheus",
    "thanos-query": "thanos_query",
    "thanos-query-frontend": "thanos_query_frontend",
    "thanos-store": "thanos_store",
    "thanos-compact": "thanos_compact",
    "thanos-rule": "thanos_rule",
    "thanos-receive": "thanos_receive",
}


def groups() -> dict[str, str]:
    """Service -> the group of the inventory whose hosts run it, as the estate knows them."""
    sys.path.insert(0, str(ROOT / "collections"))
    from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import COMPONENTS

    return {**ON_THEIR_OWN, **{component.name: component.group for component in COMPONENTS}}


def ports() -> list[dict[str, Any]]:
    """Every port of every role, with `role` and `group` (of the hosts that listen), in the order of port numbers."""
    group_of = groups()
    found = []
    for path in COLLECTION.glob("roles/*/meta/ports.yml"):
        role = path.parent.parent.name
        for row in yaml.safe_load(path.read_text())["ports"]:
            found.append({**row, "role": role, "group": group_of[row.get("service", role)]})
    return sorted(found, key=lambda row: (row["port"], row["role"]))


def ports_page(rows: list[dict[str, Any]]) -> str:
    """The whole of docs/ports.md."""
    lines = ["| port | protocol | role | from | what for | variable | TLS |", "|---|---|---|---|---|---|---|"]
    for row in rows:
        lines.append(
            "| {port} | {protocols} | {role} | {origins} | {purpose} | `{variable}` | {guard} |".format(
                **row,
                guard=f"`{row['tls']}`" if row["tls"] else "loopback only",
                protocols=", ".join(row["protocol"]),
                origins=", ".join(row["from"]),
            )
        )
    return HEAD + "\n".join(lines) + "\n" + TAIL


def security_groups(rows: list[dict[str, Any]]) -> str:
    """The table of docs/aws.md: one security group per group of the inventory, and what each lets in."""
    lines = ["| `obs-monitored` | tcp 22 | the controller | Ansible |"]
    for row in rows:
        origins = ", ".join("your network" if name == "people" else f"`obs-{name}`" for name in row["from"])
        for protocol in row["protocol"]:
            lines.append(f"| `obs-{row['group']}` | {protocol} {row['port']} | {origins} | {row['purpose']} |")
    return "\n".join(["| security group | lets in | from | what for |", "|---|---|---|---|", *sorted(lines)])


def between_markers(page: str, table: str) -> str:
    """The page with the table between the markers.

    Raises:
        ValueError: it has no markers.
    """
    before, begin, rest = page.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} and {END} in the page")
    return f"{before}{begin}\n{table}\n{end}{after}"


def main() -> int:
    """Write or compare; returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, fail when a page is not current")
    check = parser.parse_args().check
    rows = ports()
    wanted = {
        PORTS_PAGE: ports_page(rows),
        AWS_PAGE: between_markers(AWS_PAGE.read_text(), security_groups(rows)),
    }
    stale = [page for page, text in wanted.items() if not page.exists() or page.read_text() != text]
    for page in stale:
        print(f"{page.relative_to(ROOT)}: {'not current, run python -m scripts.ports_docs' if check else 'written'}")
        if not check:
            page.write_text(wanted[page])
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
