# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of the logs as Ansible calls them: their names, and errors without a traceback."""

from __future__ import annotations

import typing as t

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter import logs

FILTERS: dict[str, t.Callable[..., t.Any]] = logs.FilterModule().filters()
ACCESS = {"name": "loki", "tls": {}, "server_name": ""}
RING = {"member": "a", "address": "", "listen": "0.0.0.0:7946", "factor": 0, "object_store": "s3"}


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("go_memory_limit", ("2G",), {}),
        ("loki_internal_tls", ({"tls_enabled": True}, "x", True), {}),
        ("loki_retention", ("744h", []), {}),
        ("loki_ring", ([],), RING),
        ("loki_rule_files", ([{"src": "x"}],), {}),
        ("loki_storage", ({}, "/data"), {}),
        ("outgoing", ([{"name": "a", "url": "http://x"}],), {"name": "a", "variable": "v"}),
        ("promtail_jobs", ([], {}), {}),
        ("promtail_scrape_configs", ([{"job_name": "a"}],), {}),
        ("promtail_sources", ({"positions": {"filename": "/p"}},), {}),
        ("server_access", ("127.0.0.1:1",), ACCESS),
    ],
)
def test_filter_answers(name: str, arguments: tuple[t.Any, ...], options: dict[str, t.Any]) -> None:
    assert FILTERS[name](*arguments, **options)


@pytest.mark.parametrize(
    ("name", "arguments", "options"),
    [
        ("loki_periods", ({},), {}),
        ("loki_retention", ("1h", []), {}),
        ("loki_ruler", ({"username": "u"}, [], {}), {}),
        ("loki_ring", (["a:1"],), RING),
        ("loki_storage", ({"region": "x"}, "/data"), {}),
        ("outgoing", (["x"],), {"name": "a", "variable": "v"}),
        ("promtail_jobs", (["x"], {}), {}),
        ("server_access", ("0.0.0.0:1",), dict(ACCESS, writes=True)),
    ],
)
def test_filter_refuses_without_a_traceback(name: str, arguments: tuple[t.Any, ...], options: dict[str, t.Any]) -> None:
    with pytest.raises(AnsibleFilterError, match="Could not"):
        FILTERS[name](*arguments, **options)
