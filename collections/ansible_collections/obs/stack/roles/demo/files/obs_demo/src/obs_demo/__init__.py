"""A small web application with metrics, logs and traces that name each other, and faults on command."""

from __future__ import annotations

__version__ = "1.0.0"
