# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The configurations by which an agent begins in place of another one, and ends."""

from __future__ import annotations

from ansible_collections.obs.stack.plugins.module_utils._otelcol_handover import otelcol_handover, otelcol_log_paths

CONFIG = {
    "extensions": {"health_check": {"endpoint": "x"}, "file_storage": {"directory": "/d"}, "basicauth/logs": {}},
    "receivers": {
        "file_log/shop": {"include": ["/a", "/b"], "exclude": ["/a1"], "start_at": "beginning", "operators": [{}]},
        "journald": {"start_at": "beginning", "storage": "file_storage"},
        "otlp": {"protocols": {}},
    },
    "exporters": {
        "otlp_http/logs": {"endpoint": "e", "sending_queue": {"storage": "file_storage"}},
        "otlp_http/other": {"endpoint": "o"},
        "otlp_http/traces": {"endpoint": "t", "sending_queue": {"storage": "file_storage"}},
    },
    "service": {
        "telemetry": {"metrics": {"readers": [1]}},
        "extensions": ["health_check", "file_storage", "basicauth/logs"],
        "pipelines": {
            "logs/collected": {"receivers": ["file_log/shop"], "exporters": ["otlp_http/logs", "otlp_http/other"]},
            "traces": {"receivers": ["otlp"], "exporters": ["otlp_http/traces"]},
        },
    },
}


def test_begin_reads_from_the_end_into_nothing() -> None:
    begin = otelcol_handover(CONFIG)["begin"]
    assert begin["receivers"] == {
        "file_log/shop": {"include": ["/a", "/b"], "exclude": ["/a1"], "start_at": "end"},
        "journald": {"start_at": "end", "storage": "file_storage"},
    }
    assert begin["extensions"] == {"file_storage": {"directory": "/d"}}
    assert begin["service"]["pipelines"] == {
        "logs/begin": {"receivers": ["file_log/shop", "journald"], "exporters": ["debug"]}
    }


def test_finish_reads_nothing_and_sends_what_waits() -> None:
    finish = otelcol_handover(CONFIG)["finish"]
    assert finish["service"]["pipelines"] == {
        "logs/finish": {"receivers": ["file_log/nothing"], "exporters": ["otlp_http/logs"]}
    }
    assert finish["exporters"] == {"otlp_http/logs": CONFIG["exporters"]["otlp_http/logs"]}
    assert finish["service"]["extensions"] == ["file_storage", "basicauth/logs"]
    assert "health_check" not in finish["extensions"]
    assert finish["service"]["telemetry"] == {"metrics": {"readers": [1]}}


def test_paths_of_files() -> None:
    assert otelcol_log_paths(CONFIG) == {
        "files": [{"path": "/a", "exclude": ["/a1"]}, {"path": "/b", "exclude": ["/a1"]}]
    }
