# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Grafana's filters as the role calls them."""

from __future__ import annotations

import pathlib
import typing as t

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter import grafana

FILTERS: dict[str, t.Callable[..., t.Any]] = grafana.FilterModule().filters()
ROLE = pathlib.Path(__file__).resolve().parents[4] / "roles" / "grafana"
BASE = yaml.safe_load((ROLE / "vars" / "main" / "config.yml").read_text())["__grafana_config_base"]


def test_the_base_asks_nothing_of_the_internet_and_lets_nobody_in() -> None:
    text = FILTERS["grafana_ini"](BASE)
    for line in ("reporting_enabled = false", "check_for_updates = false", "preinstall_disabled = true"):
        assert line in text
    assert "[auth.anonymous]\nenabled = false" in text and "allow_sign_up = false" in text


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("grafana_admin", ({}, "admin", "", "")),
        ("grafana_config", ({"server": {"http_port": 1}},)),
        ("grafana_dashboards", ([{}],)),
        ("grafana_datasources", ([{}],)),
        ("grafana_ini", ({"a b": {}},)),
        ("grafana_plugins", ([{"id": "clock"}],)),
        ("grafana_priced_dashboard", ('{"templating": {"list": []}, "panels": []}', {"gold": 1})),
        ("grafana_shipped_dashboards", ([],)),
    ],
)
def test_refusals_are_ansible_s_own(name: str, arguments: tuple[t.Any, ...]) -> None:
    names = {"grafana_priced_dashboard": ("prices",)}.get(name, ("user", "password", "secret_key"))
    named = dict(zip(names, arguments[1:]))
    if name == "grafana_shipped_dashboards":
        named["without"] = ["obs-none"]
    with pytest.raises(AnsibleFilterError, match="Could not"):
        FILTERS[name](arguments[0], **named, **({"backup": True} if name == "grafana_config" else {}))


def test_plugins_are_part_of_the_release() -> None:
    plugin = {"id": "grafana-clock-panel", "version": "2.1.8", "sha256": {"any": "ab" * 32}}
    assert FILTERS["grafana_plugins"]([plugin]) == [
        {
            "path": "plugins/grafana-clock-panel",
            "url": "https://grafana.com/api/plugins/grafana-clock-panel/versions/2.1.8/download",
            "sha256": {"any": "ab" * 32},
            "members": ["plugin.json", "MANIFEST.txt"],
        }
    ]
    own = {**plugin, "url": "https://x.example/{id}-{version}-{arch}.zip"}
    assert FILTERS["grafana_plugins"]([own])[0]["url"] == "https://x.example/grafana-clock-panel-2.1.8-{arch}.zip"
    with pytest.raises(AnsibleFilterError, match="twice"):
        FILTERS["grafana_plugins"]([plugin, plugin])
