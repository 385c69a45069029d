# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The audit trail, read from a service's folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.obs.stack.plugins.module_utils import _inspect
from ansible_collections.obs.stack.plugins.module_utils._files import point_symlink, write_json
from ansible_collections.obs.stack.plugins.module_utils._layout import Layout
from ansible_collections.obs.stack.plugins.module_utils._systemd import UnitState
from ansible_collections.obs.stack.plugins.modules import release_service_info as module

RUNNING = UnitState("loaded", "active", "running", 42, "i", 0, "enabled", "/x", (), False, "", "", "today")


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    layout = Layout(str(tmp_path), "toy")
    for number, state in ((1, "committed"), (2, "failed"), (3, "committed")):
        folder = Path(layout.generation(number))
        (folder / "etc").mkdir(parents=True)
        (folder / "unit").write_text("")
        write_json(
            str(folder / "manifest.json"),
            {
                "number": number,
                "state": state,
                "failure": "it died" if state == "failed" else "",
                "created": f"t{number}",
                "committed": "",
                "digest": f"d{number}",
                "restart_key": f"k{number}",
                "release": {"id": f"1.{number}-a", "version": f"1.{number}"},
                "files": {},
            },
        )
    (Path(layout.generations) / "4").mkdir()
    point_symlink(layout.current, "generations/3")
    monkeypatch.setattr(_inspect, "state_of", lambda unit: RUNNING)
    monkeypatch.setattr(_inspect, "restart_key_of", lambda pid: "k3")
    monkeypatch.setattr(module, "executable_of", lambda pid: layout.release("1.3-a") + "/bin/toyd")
    return layout


def test_every_generation_and_what_runs(run_module: Any, service: Layout) -> None:
    (found,) = run_module(module, root=service.root)["services"]
    assert (found["name"], found["version"], found["generation"]) == ("toy", "1.3", 3)
    assert found["running_is_current"] and found["running_release"] == "1.3-a" and found["owed"] == ""
    rows = [(row["number"], row["state"], row["failure"], row["current"]) for row in found["generations"]]
    assert rows[1:] == [(3, "committed", "", True), (2, "failed", "it died", False), (1, "committed", "", False)]
    assert rows[0][:2] == (4, "damaged")


def test_what_is_owed_and_what_runs_instead(run_module: Any, service: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_inspect, "restart_key_of", lambda pid: "k1")
    write_json(service.pending, {"from": 1, "to": 3, "effect": "restart"})
    (found,) = run_module(module, root=service.root)["services"]
    assert not found["running_is_current"] and found["owed"] == "prove generation 3"


def test_only_what_was_asked_for(run_module: Any, service: Layout) -> None:
    assert run_module(module, root=service.root, name=["other"])["services"] == []
    assert run_module(module, root=service.root + "/nowhere")["services"] == []
