# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The FastAPI example of docs/exporter.md counts what it says. Here, because this project has FastAPI."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import prometheus_client
import pytest
from fastapi.testclient import TestClient

GUIDE = Path(__file__).resolve().parents[5] / "docs" / "exporter.md"


def test_the_fastapi_example_counts_by_route(monkeypatch: pytest.MonkeyPatch) -> None:
    (text,) = [
        text for text in re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text(), re.M | re.S) if "FastAPI(" in text
    ]
    registry = prometheus_client.CollectorRegistry()
    for name in ("Counter", "Histogram"):
        kind = getattr(prometheus_client, name)
        monkeypatch.setattr(
            prometheus_client, name, lambda *given, kind=kind, **more: kind(*given, registry=registry, **more)
        )
    names: dict[str, Any] = {}
    exec(compile(text, "guide", "exec"), names)
    app = names["app"]

    @app.get("/users/{user}")
    def user(user: int) -> dict[str, int]:
        return {"user": user}

    with TestClient(app) as client:
        assert [client.get(path).status_code for path in ("/users/1", "/users/2", "/users/x", "/nowhere")] == [
            200,
            200,
            422,
            404,
        ]
        assert client.get("/metrics/").status_code == 200

    def counted(endpoint: str, status: str) -> float | None:
        labels = {"method": "GET", "endpoint": endpoint, "status": status}
        return registry.get_sample_value("app_requests_total", labels)

    assert counted("/users/{user}", "200") == 2 and counted("/users/{user}", "422") == 1
    assert counted("other", "404") == 1
    durations = {"method": "GET", "endpoint": "/users/{user}"}
    assert registry.get_sample_value("app_request_duration_seconds_count", durations) == 3
