"""The version this copy was packed as."""

from __future__ import annotations

PACKED = "@version@"
