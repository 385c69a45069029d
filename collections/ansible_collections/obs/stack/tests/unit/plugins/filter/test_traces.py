# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The filters of tempo and otelcol as Ansible calls them. What they do is tested by module."""

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError

from ansible_collections.obs.stack.plugins.filter import traces

FILTERS = traces.FilterModule().filters()
NO_CREDENTIALS = {"name": "gw", "tls": {}, "tokens": [], "users": {}}


@pytest.mark.parametrize(
    ("name", "arguments", "options", "error"),
    [
        ("otelcol_receivers", ({"otlp_http_listen_address": ":4318"},), NO_CREDENTIALS, "anyone"),
        ("otelcol_exporters", ({"logs": {}},), {"name": "gw"}, "endpoint 'logs'"),
        ("otelcol_insert", ({"key": "a b", "value": 1},), {}, "'a b'"),
        ("otelcol_kept_trace", (200,), {}, "percentage"),
        ("otelcol_log_sampling", ({"shop": -1},), {}, "shop"),
        ("otelcol_log_sources", ([{}],), {"journal": None}, "otelcol_log_files"),
        ("tempo_config", ({"ingester": {}},), {"version": "3.0.3"}, "live_store"),
        ("tempo_storage", ({"bucket": "b"}, "/d"), {}, "endpoint"),
        (
            "tempo_access",
            (":3200",),
            {"grpc": ":9097", "otlp_grpc": ":4327", "otlp_http": "", "tls": {}, "server_name": ""},
            "anyone",
        ),
    ],
)
def test_refusals_are_ansibles_own_errors(name, arguments, options, error):
    with pytest.raises(AnsibleFilterError, match=error):
        FILTERS[name](*arguments, **options)


def test_what_agents_hand_over_is_made_of_their_configuration():
    config = {"receivers": {"file_log/a": {"include": ["/a"]}}}
    assert list(FILTERS["otelcol_handover"](config)["begin"]["receivers"]) == ["file_log/a"]
    assert FILTERS["otelcol_log_paths"](config) == {"files": [{"path": "/a", "exclude": []}]}


def test_go_duration_is_among_them():
    assert FILTERS["go_duration"]("1d") == "24h"
