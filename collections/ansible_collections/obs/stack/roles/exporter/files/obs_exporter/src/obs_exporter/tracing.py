# Copyright: obs.stack contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Spans, where the OpenTelemetry packages are there and the usual OTEL_* variables name an endpoint."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from typing import Any

from obs_exporter import __version__

END_SECONDS = 3.0
_tracer: Any = None
_provider: Any = None


def set_up() -> bool:
    """Send spans by OTLP over HTTP from now on. False where no endpoint is told, or the packages are not there."""
    global _tracer, _provider
    told = os.environ.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    off = os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true"
    if not told or off or os.environ.get("OTEL_TRACES_EXPORTER", "otlp") == "none":
        return False
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError:
        return False
    name = os.environ.get("OTEL_SERVICE_NAME", "obs-exporter")
    _provider = TracerProvider(resource=Resource.create({"service.name": name, "service.version": __version__}))
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    _tracer = _provider.get_tracer("obs_exporter", __version__)
    return True


def shut_down() -> None:
    """Send what is left, within a few seconds: a receiver that hangs must not hold up a restart."""
    if _provider is not None:
        sending = threading.Thread(target=_provider.shutdown, name="spans-end", daemon=True)
        sending.start()
        sending.join(END_SECONDS)


@contextlib.contextmanager
def span(name: str, **attributes: str) -> Iterator[Any]:
    """A span around a block; nothing where spans are off. The block may call set_attribute on it."""
    if _tracer is None:
        yield None
        return
    with _tracer.start_as_current_span(name, attributes=attributes, record_exception=False) as current:
        yield current


def failed(current: Any, reason: str) -> None:
    """Mark a span as failed; the reason is a short word."""
    if current is not None:
        from opentelemetry.trace import Status, StatusCode

        current.set_status(Status(StatusCode.ERROR, reason))


def current_ids() -> dict[str, str]:
    """trace_id and span_id of the current span, for log lines."""
    if _tracer is None:
        return {}
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    if not context.is_valid:
        return {}
    return {"trace_id": f"{context.trace_id:032x}", "span_id": f"{context.span_id:016x}"}
