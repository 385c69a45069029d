# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter.routing import FilterModule

alertmanager_routing = FilterModule().filters()["alertmanager_routing"]
BASE = {"route": {"receiver": "none"}, "receivers": [{"name": "none"}]}
TEAM = {"name": "team", "slack_configs": [{"api_url": "https://hooks.example.com/x"}]}


def test_whole_configuration_with_what_it_needs() -> None:
    found = alertmanager_routing(BASE, receivers=[TEAM], routes=[{"receiver": "team"}])
    assert sorted(found) == ["checks", "config", "files", "secrets"]
    assert found["config"]["route"]["routes"][-1] == {"receiver": "team"}


def test_what_cannot_be_is_ansibles_error() -> None:
    with pytest.raises(AnsibleFilterError, match="no receiver of that name"):
        alertmanager_routing(BASE, routes=[{"receiver": "team"}])
