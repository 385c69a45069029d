# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kind systemd_units: what units use, from systemd and from the cgroups of version 1 or 2."""

from __future__ import annotations

from pathlib import Path

from obs_exporter.config.kinds import SystemdUnits
from obs_exporter.kinds.base import Plain
from obs_exporter.kinds.command import output_of
from obs_exporter.samples import Builder, Result
from obs_exporter.threads import Threads

PROPERTIES = ("Id", "ActiveState", "NRestarts", "ControlGroup")
# The kernel writes "no limit" in version 1 as the greatest number of whole pages.
NO_LIMIT = 2**60

_FAMILIES = {
    "active": ("systemd_unit_active", "gauge", "Whether the unit is active."),
    "restarts": ("systemd_unit_restarts", "counter", "Restarts by systemd since the unit was loaded."),
    "memory": ("systemd_unit_memory_bytes", "gauge", "Memory that the unit's cgroup uses."),
    "limit": ("systemd_unit_memory_limit_bytes", "gauge", "Memory that it may use; no series without a limit."),
    "cpu": ("systemd_unit_cpu_seconds", "counter", "CPU time that the unit's processes have used."),
    "tasks": ("systemd_unit_tasks", "gauge", "Processes and threads of the unit."),
    "ooms": ("systemd_unit_oom_kills", "counter", "Processes that were killed for want of memory."),
}


class SystemdUnitsSource(Plain):
    """Asks systemctl for the units and reads their cgroups."""

    def __init__(self, name: str, config: SystemdUnits) -> None:
        self._config = config
        self._threads = Threads(f"{name}-cgroup", config.concurrency)

    async def collect(self, target: str | None, timeout: float) -> Result:
        """Ask and read. See Source."""
        command = [
            self._config.systemctl,
            "show",
            "--no-pager",
            f"--property={','.join(PROPERTIES)}",
            "--",
            *self._config.units,
        ]
        content = await output_of(command, environment={}, most=10_000_000, exit_codes=[0])
        return await self._threads.run(lambda: read_units(self._config, content.decode("utf-8", "replace")))


def parse_show(text: str) -> list[dict[str, str]]:
    """Blocks of NAME=value, an empty line between: one unit each, each unit once."""
    found: dict[str, dict[str, str]] = {}
    for block in text.split("\n\n"):
        unit = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if unit.get("Id"):
            found[unit["Id"]] = unit
    return list(found.values())


def read_units(config: SystemdUnits, text: str) -> Result:
    """Samples of the units that `systemctl show` told."""
    builder = Builder(config.labels, config.max_series)
    root = Path(config.cgroup_root)
    for unit in parse_show(text):
        values: dict[str, float] = {"active": 1.0 if unit.get("ActiveState") == "active" else 0.0}
        if unit.get("NRestarts", "").isdigit():
            values["restarts"] = float(unit["NRestarts"])
        group = unit.get("ControlGroup", "")
        if group.startswith("/") and group != "/" and ".." not in group.split("/"):
            values.update(usage(root, group.lstrip("/")))
        for key, value in values.items():
            builder.add(builder.family(*_FAMILIES[key]), {"unit": unit["Id"]}, value)
    return builder.result()


def usage(root: Path, group: str) -> dict[str, float]:
    """What the cgroup says; keys of _FAMILIES. What is not there is left out."""
    if (root / "cgroup.controllers").exists():
        return _version_2(root / group)
    return _version_1(root, group)


def _version_2(folder: Path) -> dict[str, float]:
    stat, events = _table(folder / "cpu.stat"), _table(folder / "memory.events")
    micros = stat.get("usage_usec")
    return _known(
        memory=_number(folder / "memory.current"),
        limit=_number(folder / "memory.max"),
        cpu=micros / 1e6 if micros is not None else None,
        tasks=_number(folder / "pids.current"),
        ooms=events.get("oom_kill"),
    )


def _version_1(root: Path, group: str) -> dict[str, float]:
    memory, cpu = root / "memory" / group, root / "cpuacct" / group
    if not cpu.exists():
        cpu = root / "cpu,cpuacct" / group
    limit, nanos = _number(memory / "memory.limit_in_bytes"), _number(cpu / "cpuacct.usage")
    return _known(
        memory=_number(memory / "memory.usage_in_bytes"),
        limit=limit if limit is not None and limit < NO_LIMIT else None,
        cpu=nanos / 1e9 if nanos is not None else None,
        tasks=_number(root / "pids" / group / "pids.current"),
        ooms=_table(memory / "memory.oom_control").get("oom_kill"),
    )


def _known(**values: float | None) -> dict[str, float]:
    return {key: value for key, value in values.items() if value is not None}


def _read(path: Path) -> str:
    try:
        with path.open() as file:
            return file.read(65536)
    except (OSError, UnicodeDecodeError):
        return ""


def _number(path: Path) -> float | None:
    text = _read(path).strip()
    return float(text) if text.isdigit() else None


def _table(path: Path) -> dict[str, float]:
    rows = [line.split() for line in _read(path).splitlines()]
    return {row[0]: float(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
