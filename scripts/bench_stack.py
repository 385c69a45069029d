# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's whole stack: everything of inventories/local on one host, and what its runs are held against."""

from __future__ import annotations

import secrets
import statistics
from typing import TYPE_CHECKING, Any

import yaml

from scripts.lab import paths

if TYPE_CHECKING:
    from scripts.bench import Sample

INVENTORY = paths.ROOT / "inventories" / "local"
TARGET = 12.0
"""Seconds that a run with nothing to change may take on a machine with two cores and no other work."""


def estate(lab: dict[str, Any]) -> tuple[tuple[str, ...], dict[str, Any]]:
    """Groups of the one host, and its variables: the inventory's, the laboratory's versions, secrets of this run."""
    hosts = yaml.safe_load((INVENTORY / "hosts.yml").read_text())["all"]
    variables: dict[str, Any] = {key: value for key, value in lab.items() if key != "obs_lab_components"}
    for path in ("all/obs.yml", "grafana/grafana.yml"):
        variables |= yaml.safe_load((INVENTORY / "group_vars" / path).read_text())
    variables |= {f"vault_grafana_{name}": secrets.token_urlsafe(24) for name in ("admin_password", "secret_key")}
    (own,) = hosts["hosts"].values()
    variables |= {key: value for key, value in own.items() if not key.startswith("ansible_")}
    return tuple(hosts["children"]), variables


def report(install: Sample, nothing: list[Sample], services: int, beside: dict[str, float]) -> tuple[str, bool]:
    """What the whole stack took, and whether the target was reached.

    Args:
        install: the first run.
        nothing: runs with nothing to change.
        services: how many the host runs.
        beside: name of another measurement with nothing to change -> its seconds, from the same run of the benchmark.
    """
    seconds = [sample.seconds for sample in nothing]
    median, cpu = statistics.median(seconds), statistics.median(sample.cpu for sample in nothing)
    changed = max(sample.changed for sample in nothing)
    good = median <= TARGET and not changed
    ratios = "".join(f"; {median / other:.2f} of {name}" for name, other in beside.items())
    return "\n".join([
        f"whole stack, {services} services on one host",
        f"  first install         {install.seconds:6.1f} s {install.cpu:6.1f} s CPU",
        f"  no change             {median:6.1f} s {cpu:6.1f} s CPU, fastest {min(seconds):.1f} s, {changed} changed"
        + ratios,
        f"  target: at most {TARGET:.0f} s, and nothing changed: {'reached' if good else 'MISSED'}",
    ]), good
