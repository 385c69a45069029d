# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The guide's examples do what the guide says, run as they are written."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from obs_exporter.config import parse
from prometheus_client import REGISTRY

GUIDE = Path(__file__).resolve().parents[5] / "docs" / "exporter.md"
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
RUNS = [(text, BLOCKS[place + 1]) for place, (kind, text) in enumerate(BLOCKS) if kind == "sh"]
PYTHON = [text for kind, text in BLOCKS if kind == "python"]


def kind_of(text: str) -> str:
    return re.findall(r"kind: (\w+)", text)[0]


@pytest.mark.parametrize(("text", "told"), RUNS, ids=[kind_of(text) for text, _told in RUNS])
def test_an_example_prints_what_it_says(text: str, told: tuple[str, str], tmp_path: Path) -> None:
    program = tmp_path / "bin" / "obs-exporter"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m obs_exporter.main "$@"\n')
    program.chmod(0o755)
    folder = tmp_path / "here"
    folder.mkdir()
    environment = {
        **os.environ,
        "PATH": f"{program.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(Path(__file__).resolve().parents[1] / "src"),
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert told[0] == "text" and done.stdout == told[1]


def configurations() -> list[str]:
    """The exporter.yml of every YAML example: it stands there as it is, or as an inventory has it."""
    found = []
    for kind, text in BLOCKS:
        document = yaml.safe_load(text) if kind == "yaml" else {}
        modules = document.get("modules") or document.get("exporter_modules")
        if modules:
            found.append(yaml.safe_dump({"modules": modules}))
        else:
            assert kind != "yaml" or "obs_scrape" in document, text
    return found


def test_every_kind_has_an_example() -> None:
    assert len(configurations()) >= 2 and all(parse(text).modules for text in configurations())
    examples = " ".join([*configurations(), *(text for text, _told in RUNS)])
    assert set(re.findall(r"kind: (\w+)", examples)) == {
        "log",
        "http_json",
        "sql",
        "command",
        "python",
        "systemd_units",
    }


def test_the_log_format_told_is_the_one_that_ships() -> None:
    shipped = Path(__file__).resolve().parents[2] / "nginx" / "obs_json.conf"
    (told,) = [text for kind, text in BLOCKS if kind == "nginx"]
    assert told == "".join(line for line in shipped.read_text().splitlines(True) if not line.startswith("#"))


def test_the_payment_processor_counts_what_happens() -> None:
    for text in PYTHON:
        compile(text, "guide", "exec")
    names: dict[str, Any] = {}
    exec(next(text for text in PYTHON if "payments_total" in text), names)

    def broken(amount: int) -> bool:
        raise OSError("no line")

    assert names["pay"](lambda amount: True, 1) and not names["pay"](lambda amount: False, 1)
    with pytest.raises(OSError, match="no line"):
        names["pay"](broken, 1)
    for result in ("accepted", "declined", "error"):
        assert REGISTRY.get_sample_value("payments_total", {"result": result}) == 1
    assert REGISTRY.get_sample_value("payment_duration_seconds_count") == 3


def test_a_batch_job_leaves_its_file(tmp_path: Path) -> None:
    names: dict[str, Any] = {}
    exec(next(text for text in PYTHON if "nightly" in text), names)
    names["done"](str(tmp_path / "nightly.prom"))
    assert "nightly_last_success_timestamp_seconds 1." in (tmp_path / "nightly.prom").read_text()
