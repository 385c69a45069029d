# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the thanos role as Ansible calls them. What they do is tested by module."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter import thanos

FILTERS: dict[str, t.Callable[..., t.Any]] = thanos.FilterModule().filters()
WEB = {"tls": {}, "web_config": {}, "username": "", "password": "", "server_name": ""}
CASES: dict[str, tuple[tuple[t.Any, ...], dict[str, t.Any]]] = {
    "thanos_clients": (([{"url": "nothing"}],), {"service": "s", "label": "l", "variable": "thanos_x"}),
    "thanos_deletion": (("24h", "48h"), {}),
    "thanos_endpoints": ((["nothing"],), {"local": {}, "components": [], "client": {}}),
    "thanos_grpc": (("nothing",), {"service": "thanos-store", "component": "store", "tls": {}}),
    "thanos_receive_write": (("0.0.0.0:1",), {"tls": {}, "grpc_listen": "127.0.0.1:2", "grpc_ca": ""}),
    "thanos_retention": (("1d", "1d", "1d"), {}),
    "thanos_services": (
        (["store"],),
        {
            "leaving": [],
            "wirings": {"store": {"listen_address": "nothing"}},
            "common": {
                "lifecycle": {"state": "started"},
                "account": {"user": "u"},
                "open_components": [],
                "protection": WEB,
            },
        },
    ),
    "thanos_web": (("nothing",), {"service": "thanos-store", "component": "store", **WEB}),
}


@pytest.mark.parametrize("name", sorted(CASES))
def test_expected_failures_are_ansibles_own_and_name_a_variable(name: str) -> None:
    arguments, options = CASES[name]
    with pytest.raises(AnsibleFilterError, match="thanos_"):
        FILTERS[name](*arguments, **options)


def test_every_filter_has_a_case() -> None:
    assert set(FILTERS) == set(CASES)
