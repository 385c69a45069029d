# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every port a role listens on is told in its meta/ports.yml, as its variables have it, and the pages say the same."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from scripts import ports_docs
from tests.tree import ROOT, load_yaml, roles

KEYS = {"port", "protocol", "variable", "tls", "from", "purpose"}
PROTOCOLS = {"tcp", "udp"}
ROLES = [pytest.param(role, id=role.name) for role in roles()]


def breaches(rows: list[dict[str, Any]], defaults: dict[str, Any], known: set[str]) -> list[str]:
    """Where told ports and the defaults of a role differ; known: who may connect."""
    listening = {name for name in defaults if name.endswith("listen_address")}
    found = [f"{name}: no port is told" for name in sorted(listening - {row.get("variable") for row in rows})]
    for row in rows:
        if set(row) - {"service"} != KEYS:
            found.append(f"{row.get('variable')}: has {sorted(row)}, wanted {sorted(KEYS)}")
            continue
        where = f"{row['variable']} {row['port']}"
        default = re.search(r":(\d+)$", str(defaults.get(row["variable"], "")))
        if not default or int(default.group(1)) != row["port"]:
            found.append(f"{where}: the default is {defaults.get(row['variable'])!r}")
        local = str(defaults.get(row["variable"], "")).startswith("127.0.0.1:")
        if row["tls"] not in defaults and not (local and not row["tls"]):
            found.append(f"{where}: no variable {row['tls']}")
        if not row["protocol"] or not set(row["protocol"]) <= PROTOCOLS:
            found.append(f"{where}: protocol {row['protocol']}")
        if not row["from"] or not set(row["from"]) <= known:
            found.append(f"{where}: from {row['from']}")
        if "|" in row["purpose"] or not row["purpose"][:1].isupper():
            found.append(f"{where}: purpose")
    return found


def who() -> set[str]:
    """Who may connect: hosts of a group of the estate, or people."""
    return set(ports_docs.groups().values()) | {"people"}


@pytest.mark.parametrize("role", ROLES)
def test_told_ports_are_those_of_the_defaults(role: Path) -> None:
    told = role / "meta" / "ports.yml"
    rows = load_yaml(told.read_text())["ports"] if told.exists() else []
    assert not breaches(rows, load_yaml((role / "defaults" / "main.yml").read_text()), who())


def test_the_estate_expects_the_same_ports() -> None:
    ports_docs.groups()  # lays the path
    from ansible_collections.obs.stack.plugins.module_utils._estate import GOSSIP_PORT
    from ansible_collections.obs.stack.plugins.module_utils._estate_endpoints import COMPONENTS

    told = {(row.get("service", row["role"]), row["port"]) for row in ports_docs.ports()}
    assert told >= {(component.name, component.port) for component in COMPONENTS} | {("alertmanager", GOSSIP_PORT)}


def test_no_two_services_share_a_port() -> None:
    ports = [(row["port"], protocol) for row in ports_docs.ports() for protocol in row["protocol"]]
    assert len(ports) == len(set(ports)), "one host may run all of them"


def test_pages_are_generated_and_current() -> None:
    done = subprocess.run([sys.executable, "-m", "scripts.ports_docs", "--check"], cwd=ROOT, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_security_groups_let_in_by_group() -> None:
    row = {"port": 1, "protocol": ["tcp", "udp"], "from": ["prometheus", "people"], "purpose": "X"}
    table = ports_docs.security_groups([{**row, "group": "monitored"}])
    for protocol in ("tcp", "udp"):
        assert f"| `obs-monitored` | {protocol} 1 | `obs-prometheus`, your network | X |" in table
    with pytest.raises(ValueError, match="generated"):
        ports_docs.between_markers("no markers", table)


@pytest.mark.parametrize("change", [
    {"port": 2}, {"variable": "x_other"}, {"tls": "x_nothing"}, {"protocol": ["http"]}, {"from": ["nobody"]},
    {"from": []}, {"purpose": "lower"}, {"stray": 1},
])
def test_rule_finds_a_port_that_is_told_wrongly(change: dict[str, Any]) -> None:
    row = {"port": 1, "protocol": ["tcp"], "variable": "x_listen_address", "tls": "x_tls", "from": ["people"],
           "purpose": "X"}
    defaults = {"x_listen_address": "0.0.0.0:1", "x_tls": {}}
    assert not breaches([row], defaults, {"people"})
    assert breaches([{**row, **change}], defaults, {"people"})


def test_rule_finds_a_port_that_is_not_told() -> None:
    assert breaches([], {"x_listen_address": "0.0.0.0:1"}, set())
    assert not breaches([], {"x_data_dir": "/var/lib/x"}, set())
