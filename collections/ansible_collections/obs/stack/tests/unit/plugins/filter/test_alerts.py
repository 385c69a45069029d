# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pathlib

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter.alerts import FilterModule
from ansible_collections.obs.stack.plugins.plugin_utils import _alert_sources

alert_rules = FilterModule().filters()["alert_rules"]
red_rules = FilterModule().filters()["red_rules"]
FOLDER = str(_alert_sources.ROLES / "node_exporter" / "files" / "rules")


def test_without_overrides_a_folder_crosses_as_it_is() -> None:
    assert alert_rules([{"src": FOLDER}]) == [{"path": "rules", "src": FOLDER, "variable": "prometheus_rules"}]


def test_only_the_file_of_the_alert_is_written_out() -> None:
    items = alert_rules([{"src": FOLDER}], {"NodeMemoryHighUtilization": {"threshold": 0.5, "severity": "page"}})
    placed = {item["path"]: item for item in items}
    assert set(placed) == {"rules/alerts/node_exporter.yml", "rules/recording/node_exporter.yml"}
    assert placed["rules/recording/node_exporter.yml"]["src"] == FOLDER + "/recording/node_exporter.yml"
    written = placed["rules/alerts/node_exporter.yml"]
    assert "src" not in written and written["variable"] == "prometheus_alert_overrides"
    before = yaml.safe_load(pathlib.Path(FOLDER, "alerts", "node_exporter.yml").read_text())
    now = yaml.safe_load(written["content"])
    old = {rule["alert"]: rule for group in before["groups"] for rule in group["rules"]}
    new = {rule["alert"]: rule for group in now["groups"] for rule in group["rules"]}
    changed = new.pop("NodeMemoryHighUtilization")
    assert new == {name: rule for name, rule in old.items() if name != "NodeMemoryHighUtilization"}
    assert changed["expr"].endswith("> 0.5") and changed["labels"]["severity"] == "page"


def test_a_file_without_a_rule_is_not_there(tmp_path: pathlib.Path) -> None:
    folder = _alert_sources.ROLES / "grafana" / "files" / "rules"
    assert alert_rules([{"src": str(folder)}], {"GrafanaRequestErrors": {"enabled": False}}) == []


def test_an_alert_of_a_component_that_the_site_does_not_run_may_be_named() -> None:
    items = alert_rules([{"src": FOLDER}], {"LokiPanics": {"enabled": False}})
    assert all("src" in item for item in items)


def test_one_that_does_not_ship_is_refused() -> None:
    with pytest.raises(AnsibleFilterError, match="did you mean LokiPanics"):
        alert_rules([{"src": FOLDER}], {"LokiPanic": {"enabled": False}})


def test_requests_are_recorded() -> None:
    assert [group["name"] for group in red_rules(["http", "app"])["groups"]] == ["red-http", "red-app"]
    with pytest.raises(AnsibleFilterError, match="did you mean http"):
        red_rules(["https"])


def test_an_inventory_is_told_before_anything_changes() -> None:
    wrong = {"obs_alert_overrides": {"TargetDwn": {}}}
    (found,) = _alert_sources.problems(["a", "b"], {"a": wrong, "b": wrong})
    assert "did you mean TargetDown?" in found
    (found,) = _alert_sources.problems(["a"], {"a": {"obs_red_metrics": ["htp"]}})
    assert "did you mean http?" in found
    assert not _alert_sources.problems(["a"], {"a": {}})
