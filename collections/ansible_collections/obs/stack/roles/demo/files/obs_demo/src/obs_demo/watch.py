# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Count, time, log and mark every request."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

import structlog
from fastapi import Request, Response
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from obs_demo.metrics import Metrics

# What operators ask is neither counted nor traced: it would drown what users ask.
UNWATCHED = ("/metrics", "/healthz", "/faults")


class Watch:
    """HTTP middleware; it runs inside the request's span, so that exemplars and log events carry the trace's id."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._log = structlog.get_logger()

    async def __call__(self, request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
        """Pass a request on, and tell what became of it."""
        if request.url.path in UNWATCHED:
            return await answer(request)
        started = time.perf_counter()
        status, error = 500, ""
        try:
            response = await answer(request)
            status = response.status_code
            return response
        except Exception as problem:
            error = repr(problem)
            raise
        finally:
            self._tell(request, status, time.perf_counter() - started, error)

    def _tell(self, request: Request, status: int, seconds: float, error: str) -> None:
        # The template of the route and not the path: one series, not one per user.
        endpoint = getattr(request.scope.get("route"), "path", "unmatched")
        self._metrics.answered(request.method, endpoint, status, seconds)
        event = {
            "method": request.method,
            "path": request.url.path,
            "endpoint": endpoint,
            "status": status,
            "duration_seconds": round(seconds, 6),
        }
        if status < 500:
            self._log.info("request_completed", **event)
            return
        trace.get_current_span().set_status(Status(StatusCode.ERROR))
        self._log.error("request_failed", **event, **({"exception": error} if error else {}))
