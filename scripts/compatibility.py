#!/usr/bin/env python3
# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what the last test run really ran into docs/compatibility.md and README.md, between their markers.

    python -m scripts.compatibility          write both
    python -m scripts.compatibility --print  only show the tables

Everything is read from where it happened: versions and origins from the artifact store, results from the junit files of
`make test` in .build/test, the hosts' systemd and Python from their images.
"""

from __future__ import annotations

import argparse
import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from scripts.lab import paths, results, stages

CONTAINER = paths.ROOT / "molecule" / "shared" / "hosts" / "container.yml"
BEGIN, END = "<!-- generated: tested -->", "<!-- end: tested -->"
PACKAGED = "the distribution's"
ORIGINS = {
    "real-built": "real, built from upstream's Go module",
    "real-upstream": "real, upstream's release archive",
    "debian": "real, the program of Debian's package",
    "stand-in": "stand-in of the tests, not the real program",
    "ours": "ours, packed from its sources",
}
IMAGE_FACTS = (
    '. /etc/os-release; printf "%s|%s|%s" "$PRETTY_NAME" "$(systemctl --version | sed -n 1p)" "$(python3 --version)"'
)


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def components(lab: dict[str, Any], defaults: dict[str, str]) -> str:
    """Which version of each role's component ran, where it came from, and whether it is the role's default."""
    rows = []
    for role, default in sorted(defaults.items()):
        row = lab["obs_lab_components"].get(role)
        if default == PACKAGED:
            rows.append([role, default, "of the hosts below", "real, the distribution's package"])
        elif row is None:
            rows.append([role, default, "none", "not tested"])
        else:
            rows.append([role, default, str(row["version"]), ORIGINS.get(row["origin"], row["origin"])])
    return table(["role", "default version", "version tested", "what ran"], rows)


def scenarios(found: list[tuple[str, dict[str, Any], str, results.Counts | None]], image: str) -> str:
    """Each scenario: what it is (the comment of its molecule.yml), its hosts, and how its last run ended."""
    rows = []
    for name, config, told, counts in found:
        hosts = config.get("platforms", [])
        images = sorted({host.get("image", image).partition(":")[2] for host in hosts})
        ended = "not run" if counts is None else f"{counts.passed} tests passed"
        if counts is not None and counts.failed:
            ended = f"{counts.failed} tests FAILED"
        rows.append([name, told, f"{len(hosts)} × {', '.join(images)}", ended])
    return table(["scenario", "what it is", "hosts", "last run"], rows)


def told_by(text: str) -> str:
    """The first sentence of the comment under a scenario's budget."""
    lines = re.findall(r"^# (?!budget:)(.*)$", text, re.MULTILINE)
    return re.split(r"(?<=[.])\s", " ".join(lines) + " ")[0].strip().rstrip(".") if lines else ""


def hosts(facts: dict[str, tuple[str, str, str]]) -> str:
    """What is in the hosts' images."""
    return table(["hosts", "system", "systemd", "Python"],
                 ([name, system, systemd, python] for name, (system, systemd, python) in sorted(facts.items())))


def replace(text: str, generated: str) -> str:
    """Put the generated part between the markers of a page. Raises ValueError without markers."""
    before, begin, rest = text.partition(BEGIN)
    _old, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"no {BEGIN} … {END}")
    return f"{before}{begin}\n{generated}\n{end}{after}"


def read_defaults() -> dict[str, str]:
    """role -> <role>_version of its defaults, PACKAGED where it runs a package of the distribution instead."""
    found = {}
    for path in sorted((paths.COLLECTION / "roles").glob("*/defaults/main.yml")):
        role = path.parent.parent.name
        values = yaml.safe_load(path.read_text()) or {}
        if f"{role}_version" in values:
            found[role] = str(values[f"{role}_version"])
        elif f"{role}_package" in values:
            found[role] = PACKAGED
    return found


def read_scenarios() -> list[tuple[str, dict[str, Any], str, results.Counts | None]]:
    """Every scenario with its configuration, its comment and the counts of its last run."""
    found = []
    for name in stages.scenarios():
        text = (paths.ROOT / "molecule" / name / "molecule.yml").read_text()
        junit = stages.LOGS / f"molecule-{name}.xml"
        counts = results.read_junit(junit) if junit.exists() else None
        found.append((name, yaml.safe_load(text), told_by(text), counts))
    return found


def read_images(names: Iterable[str]) -> dict[str, tuple[str, str, str]]:
    """image tag -> system, systemd and Python version, asked from a container of each image."""
    facts = {}
    for name in names:
        command = ["docker", "run", "--rm", "--pull", "never", "--entrypoint", "sh", name, "-c", IMAGE_FACTS]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        system, systemd, python = done.stdout.strip().split("|")
        facts[name.partition(":")[2]] = (system, systemd.split()[1], python.split()[1])
    return facts


def main(arguments: list[str]) -> int:
    """Entry point: 0 written, 1 something needed is not there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--print", action="store_true", help="show the tables and write nothing")
    options = parser.parse_args(arguments)
    image = yaml.safe_load(CONTAINER.read_text())["obs_container_image"]
    try:
        lab = yaml.safe_load((paths.store() / "obs_lab.yml").read_text())
        found = read_scenarios()
        used = {host.get("image", image) for scenario in found for host in scenario[1].get("platforms", [])}
        facts = read_images(sorted(used))
    except (OSError, subprocess.CalledProcessError, json.JSONDecodeError) as error:
        print(f"compatibility: {error}. Run `make lab` first", file=sys.stderr)
        return 1
    first = components(lab, read_defaults())
    core, python = version("ansible-core"), platform.python_version()
    tools = f"Controller: ansible-core {core} on Python {python}, {platform.machine()}."
    whole = "\n\n".join([first, tools, hosts(facts), scenarios(found, image)])
    if options.print:
        print(whole)
        return 0
    for path, generated in ((paths.COLLECTION / "docs" / "compatibility.md", whole), (paths.ROOT / "README.md", first)):
        path.write_text(replace(path.read_text(), generated))
        print(f"{Path(path).relative_to(paths.ROOT)} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
